"""Losses: values against NumPy, derivatives of first and second order, numerical stability, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests import oracle

Array = np.ndarray[Any, Any]

X, Y = oracle.normal(4, 5), oracle.normal(4, 5, seed=1)
P, Q = oracle.uniform(0.1, 0.9, 4, 5), oracle.uniform(0.1, 0.9, 4, 5, seed=1)
REDUCTIONS = {"none": lambda x: x, "mean": np.mean, "sum": np.sum}


def softplus(x: Array) -> Array:
    return np.logaddexp(0, x)


def log_softmax(x: Array, dim: int = 1) -> Array:
    return np.asarray(x - np.logaddexp.reduce(x, dim, keepdims=True))


def huber(d: Array, delta: float) -> Array:
    return np.where(np.abs(d) <= delta, d * d / 2, delta * (np.abs(d) - delta / 2))


LOSSES: dict[str, tuple[Callable[..., Any], Callable[[Array, Array], Array], Array, Array]] = {
    "mse": (F.mse_loss, lambda x, y: (x - y) ** 2, X, Y),
    "l1": (F.l1_loss, lambda x, y: np.abs(x - y), X, Y),
    "smooth l1": (F.smooth_l1_loss, lambda x, y: huber(x - y, 1.0), X, Y),
    "smooth l1 beta": (
        lambda x, y, **k: F.smooth_l1_loss(x, y, beta=0.5, **k), lambda x, y: huber(x - y, 0.5) / 0.5, X, Y,
    ),
    "huber": (F.huber_loss, lambda x, y: huber(x - y, 1.0), X, Y),
    "huber delta": (
        lambda x, y, **k: F.huber_loss(x, y, delta=0.4, **k), lambda x, y: huber(x - y, 0.4), X, Y,
    ),
    "bce": (F.binary_cross_entropy, lambda p, q: -q * np.log(p) - (1 - q) * np.log(1 - p), P, Q),
    "bce with logits": (
        F.binary_cross_entropy_with_logits, lambda x, q: q * softplus(-x) + (1 - q) * softplus(x), X, Q,
    ),
    "bce pos_weight": (
        lambda x, q, **k: F.binary_cross_entropy_with_logits(x, q, pos_weight=at.tensor(3.0).double(), **k),
        lambda x, q: 3 * q * softplus(-x) + (1 - q) * softplus(x), X, Q,
    ),
    "kl": (F.kl_div, lambda x, q: q * (np.log(q) - x), np.log(P), Q),
    "kl log_target": (
        lambda x, q, **k: F.kl_div(x, q, log_target=True, **k), lambda x, q: np.exp(q) * (q - x),
        np.log(P), np.log(Q),
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", LOSSES)
def test_values_and_derivatives(name: str, reduction: str) -> None:
    fn, expected, x, y = LOSSES[name]

    def loss(x: Any, y: Any) -> Any:
        return fn(x, y, reduction=reduction)

    for index in (..., np.s_[0], np.s_[0, 0], np.s_[:0], np.s_[::2, ::-2]):
        a, b = np.asarray(x[index]), np.asarray(y[index])
        if a.size or reduction != "mean":
            value = loss(at.tensor(a), at.tensor(b))
            np.testing.assert_allclose(
                value._array, REDUCTIONS[reduction](expected(a, b)), rtol=1e-12, atol=1e-15
            )
            oracle.check(loss, a, b)
    single = loss(at.tensor(x.astype(np.float32)), at.tensor(y.astype(np.float32)))
    assert single.dtype == at.float32
    np.testing.assert_allclose(single._array, REDUCTIONS[reduction](expected(x, y)), rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:reduction. 'mean' divides")
@pytest.mark.parametrize("name", LOSSES)
def test_mean_of_nothing_is_nan_and_reductions_are_checked(name: str) -> None:
    fn, _, x, y = LOSSES[name]
    empty = at.tensor(x[:0]), at.tensor(y[:0])
    assert math.isnan(fn(*empty, reduction="mean").item())
    assert fn(*empty, reduction="sum").item() == 0
    with pytest.raises(ValueError, match="average is not a valid value for reduction"):
        fn(at.tensor(x), at.tensor(y), reduction="average")


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_broadcasting_losses_warn(name: str) -> None:
    fn = getattr(F, name)
    with pytest.warns(UserWarning, match="target size .* is different to the input size"):
        value = fn(at.tensor(X), at.tensor(Y[:1]), reduction="none")
    np.testing.assert_allclose(
        value._array, fn(at.tensor(X), at.tensor(np.repeat(Y[:1], 4, 0)), reduction="none")._array
    )
    with (
        pytest.warns(UserWarning, match="Please ensure they have the same size"),
        pytest.raises(RuntimeError, match="must match the size of tensor b"),
    ):
        fn(at.tensor(X), at.tensor(Y[:2]))
    with pytest.raises((NotImplementedError, RuntimeError), match="float"):
        fn(at.arange(3), at.arange(3))
    with pytest.raises(TypeError, match="'target' must be a Tensor, not float"):
        fn(at.tensor(X), 0.5)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_weight_per_element(name: str) -> None:
    fn = getattr(F, name)
    losses = fn(at.tensor(X), at.tensor(Y), reduction="none")._array
    for reduction, expected in (
        ("none", losses * P),
        ("sum", (losses * P).sum()),
        ("mean", (losses * P).mean() if name == "huber_loss" else (losses * P).sum() / P.sum()),
    ):
        value = fn(at.tensor(X), at.tensor(Y), reduction=reduction, weight=at.tensor(P))
        np.testing.assert_allclose(value._array, expected)
    with pytest.raises(ValueError, match="same size"):
        fn(at.tensor(X), at.tensor(Y), weight=at.ones(5))


def test_parameters_of_smooth_losses() -> None:
    assert F.smooth_l1_loss(at.tensor([3.0]), at.zeros(1), beta=0.0).item() == 3
    with pytest.raises(RuntimeError, match="negative values for beta, got -1"):
        F.smooth_l1_loss(at.ones(1), at.ones(1), beta=-1.0)
    with pytest.raises(RuntimeError, match="non-positive values for delta, got 0"):
        F.huber_loss(at.ones(1), at.ones(1), delta=0.0)


def test_older_spelling_of_reductions() -> None:
    for options, reduction in (
        ({"size_average": False}, "sum"),
        ({"size_average": True}, "mean"),
        ({"reduce": False}, "none"),
        ({"reduce": True}, "mean"),
        ({"reduce": False, "size_average": False}, "none"),
    ):
        with pytest.warns(UserWarning, match=f"use reduction='{reduction}' instead"):
            assert at.equal(
                F.mse_loss(at.tensor(X), at.tensor(Y), **options),  # type: ignore[arg-type]
                F.mse_loss(at.tensor(X), at.tensor(Y), reduction=reduction),
            )
        with pytest.warns(UserWarning, match="deprecated"):
            assert nn.MSELoss(**options).reduction == reduction  # type: ignore[arg-type]


# --- probabilities ------------------------------------------------------------------------------------------


def test_binary_cross_entropy_at_the_edges() -> None:
    p = at.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, at.tensor([0.0, 1.0, 1.0, 0.0]), reduction="none")
    assert loss.tolist() == [0.0, 0.0, 100.0, 100.0]
    loss.sum().backward()
    assert p.grad is not None
    assert np.isfinite(p.grad._array).all()
    for bad in (-0.1, 1.1, math.nan):
        with pytest.raises(RuntimeError, match="all elements of input should be between 0 and 1"):
            F.binary_cross_entropy(at.tensor([0.5, bad]), at.tensor([0.5, 0.5]))
        with pytest.raises(RuntimeError, match="all elements of target should be between 0 and 1"):
            F.binary_cross_entropy(at.tensor([0.5, 0.5]), at.tensor([bad, 0.5]))


def test_binary_cross_entropy_needs_equal_shapes_and_dtypes() -> None:
    for fn in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        with pytest.raises(ValueError, match=r"autotape.Size\(\[1, 5\]\).*autotape.Size\(\[4, 5\]\)"):
            fn(at.tensor(P), at.tensor(Q[:1]))
    with pytest.raises(RuntimeError, match=r"dtype autotape.float32 of target but expected autotape.float64"):
        F.binary_cross_entropy(at.tensor(P), at.tensor(Q).float())


@pytest.mark.parametrize("fn", [F.binary_cross_entropy, F.binary_cross_entropy_with_logits])
@pytest.mark.parametrize("shape", [(4, 5), (5,), (4, 1), ()])
def test_binary_cross_entropy_with_weights(fn: Callable[..., Any], shape: tuple[int, ...]) -> None:
    weight = np.asarray(oracle.uniform(0.5, 2, *shape, seed=3))
    value = fn(at.tensor(P), at.tensor(Q), at.tensor(weight), reduction="none")
    np.testing.assert_allclose(value._array, weight * fn(at.tensor(P), at.tensor(Q), reduction="none")._array)
    oracle.check(lambda p, q: fn(p, q, at.tensor(weight)), P, Q)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_logits_of_any_size_are_finite_and_accurate(dtype: Any) -> None:
    x = np.array([-1e4, -50.0, -9.0, 0.0, 9.0, 50.0, 1e4], dtype)
    for target, expected in ((0.0, softplus(x.astype(float))), (1.0, softplus(-x.astype(float)))):
        t = at.tensor(x, requires_grad=True)
        loss = F.binary_cross_entropy_with_logits(t, at.full((7,), target, dtype=t.dtype), reduction="none")
        # Relative accuracy also where the loss is tiny: 1.2e-4 at 9, 2e-22 at 50 in float64 and float32.
        tiny = float(np.finfo(dtype).tiny)
        np.testing.assert_allclose(loss.detach()._array, expected, rtol=2 * np.finfo(dtype).eps, atol=tiny)
        loss.sum().backward()
        assert t.grad is not None
        assert np.isfinite(t.grad._array).all()


def test_kl_div() -> None:
    p, q = at.tensor(P), at.tensor(Q)
    losses = F.kl_div(p.log(), q, reduction="none")
    assert F.kl_div(p.log(), q, reduction="batchmean").item() == pytest.approx(losses.sum().item() / 4)
    assert F.kl_div(at.tensor(-0.5), at.tensor(0.5), reduction="batchmean").shape == ()
    zero = F.kl_div(p.log(), at.zeros(4, 5, dtype=at.float64), reduction="sum")
    assert zero.item() == 0
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        nn.KLDivLoss()(p.log(), q)
    with pytest.raises(RuntimeError, match=r"target is autotape.int64"):
        F.kl_div(p.log(), at.ones(4, 5).long(), reduction="sum")
    x = at.tensor(np.log(P), requires_grad=True)
    F.kl_div(x, at.zeros(4, 5, dtype=at.float64), reduction="sum").backward()
    assert x.grad is not None
    assert (x.grad._array == 0).all()


# --- class indices ------------------------------------------------------------------------------------------


def expected_nll(
    logs: Array, target: Array, weight: Array | None, ignore_index: int, reduction: str
) -> Array:
    """The negative log likelihood by a loop."""
    moved = np.moveaxis(logs, 0 if logs.ndim == 1 else 1, -1)
    weight = np.ones(moved.shape[-1]) if weight is None else weight
    losses, factors = np.zeros(target.shape), np.zeros(target.shape)
    for place in np.ndindex(target.shape):
        if target[place] != ignore_index:
            factors[place] = weight[target[place]]
            losses[place] = -factors[place] * moved[(*place, target[place])]
    if reduction == "mean":
        with np.errstate(all="ignore"):
            return np.asarray(losses.sum() / factors.sum())
    return REDUCTIONS[reduction](losses)


@st.composite
def classifications(draw: st.DrawFn) -> tuple[Array, Array, Array | None, int]:
    """Logits, targets (some ignored), weights and the ignored index."""
    classes = draw(st.integers(1, 4))
    lead = draw(st.sampled_from([(), (1,), (3,), (0,), (2, 3), (2, 2, 2), (2, 0)]))
    shape = (classes,) if not lead else (lead[0], classes, *lead[1:])
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    ignore_index = draw(st.sampled_from([-100, -1, 0]))
    target = rng.integers(0, classes, lead)
    target = np.where(rng.random(lead) < draw(st.sampled_from([0.0, 0.3, 1.0])), ignore_index, target)
    weight = rng.uniform(0.5, 2, classes) if draw(st.booleans()) else None
    return rng.standard_normal(shape), np.asarray(target, np.int64), weight, ignore_index


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["nll_loss", "cross_entropy"])
@given(case=classifications())
def test_losses_of_class_indices(name: str, reduction: str, case: Any) -> None:
    x, target, weight, ignore_index = case
    logs = log_softmax(x, 0 if x.ndim == 1 else 1) if name == "cross_entropy" else x
    expected = expected_nll(logs, target, weight, ignore_index, reduction)
    w = None if weight is None else at.tensor(weight)
    t = at.tensor(x, requires_grad=True)
    loss = getattr(F, name)(t, at.tensor(target), w, ignore_index=ignore_index, reduction=reduction)
    np.testing.assert_allclose(loss.detach()._array, expected, rtol=1e-12, atol=1e-14)
    assert loss.shape == (target.shape if reduction == "none" else ())
    loss.sum().backward()
    assert t.grad is not None
    ignored = np.expand_dims(target == ignore_index, 0 if x.ndim == 1 else 1)
    assert (np.where(ignored, t.grad._array, 0) == 0).all()
    assert np.isfinite(t.grad._array).all()


CASES: list[tuple[tuple[int, ...], Array, int]] = [
    ((4, 5), np.array([0, 4, 2, 2]), -100),
    ((4, 5), np.array([0, -100, 2, 2]), -100),
    ((4, 5), np.array([0, 4, 2, 2]), 2),
    ((5,), np.array(3), -100),
    ((2, 3, 2), np.array([[0, 1], [2, 2]]), 1),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("shape", "target", "ignore_index"), CASES)
@pytest.mark.parametrize(
    ("name", "smoothing"), [("nll_loss", 0.0), ("cross_entropy", 0.0), ("cross_entropy", 0.3)]
)
def test_derivatives_of_losses_of_class_indices(
    name: str,
    smoothing: float,
    shape: tuple[int, ...],
    target: Array,
    ignore_index: int,
    weighted: bool,
    reduction: str,
) -> None:
    classes = shape[0 if len(shape) == 1 else 1]
    weight = at.tensor(oracle.uniform(0.5, 2, classes)) if weighted else None
    options: dict[str, Any] = {"label_smoothing": smoothing} if smoothing else {}

    def loss(x: Any) -> Any:
        return getattr(F, name)(
            x, at.tensor(target), weight, ignore_index=ignore_index, reduction=reduction, **options
        )

    oracle.check(loss, oracle.normal(*shape))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(4, 5), (5,), (2, 3, 2), (0, 3)])
def test_cross_entropy_of_probabilities(
    shape: tuple[int, ...], smoothing: float, weighted: bool, reduction: str
) -> None:
    dim = 0 if len(shape) == 1 else 1
    classes = shape[dim]
    x, q = oracle.normal(*shape), oracle.uniform(0, 1, *shape)
    w = oracle.uniform(0.5, 2, classes) if weighted else np.ones(classes)
    along = w.reshape([classes if i == dim else 1 for i in range(len(shape))])
    losses = -(log_softmax(x, dim) * ((1 - smoothing) * q + smoothing / classes) * along).sum(dim)

    def loss(x: Any, q: Any) -> Any:
        weight = at.tensor(w) if weighted else None
        return F.cross_entropy(x, q, weight, reduction=reduction, label_smoothing=smoothing)

    value = loss(at.tensor(x), at.tensor(q))
    if x.size:
        np.testing.assert_allclose(value._array, REDUCTIONS[reduction](losses), rtol=1e-12)
        oracle.check(loss, x, q)
    else:
        assert math.isnan(value.item()) if reduction == "mean" else value.sum().item() == 0


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_indices_and_their_probabilities_agree(reduction: str) -> None:
    target = at.tensor([0, 4, 2, 2])
    hot = F.one_hot(target, 5).double()
    for smoothing in (0.0, 0.1, 1.0):
        a = F.cross_entropy(at.tensor(X), target, reduction=reduction, label_smoothing=smoothing)
        b = F.cross_entropy(at.tensor(X), hot, reduction=reduction, label_smoothing=smoothing)
        np.testing.assert_allclose(a._array, b._array, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_cross_entropy_does_not_overflow(dtype: Any) -> None:
    x = at.tensor(np.array([[1e4, 0.0, -1e4], [0.0, 1e4, -1e4]], dtype), requires_grad=True)
    for target in (at.tensor([0, 0]), at.tensor([[1, 0, 0], [1, 0, 0]], dtype=x.dtype)):
        loss = F.cross_entropy(x, target, reduction="none")
        assert loss.tolist() == [0.0, 1e4]
        x.grad = None
        loss.sum().backward()
        assert x.grad is not None
        np.testing.assert_array_equal(x.grad._array, [[0, 0, 0], [-1, 1, 0]])
    x.grad = None
    F.cross_entropy(x, at.tensor([0, 0])).backward()
    np.testing.assert_array_equal(x.grad._array, [[0, 0, 0], [-0.5, 0.5, 0]])


def test_an_ignored_impossible_class_contributes_nothing() -> None:
    x = at.tensor([[0.0, -math.inf], [1.0, 2.0]], requires_grad=True)
    loss = F.nll_loss(x, at.tensor([0, 1]), at.tensor([0.0, 1.0]))
    assert loss.item() == -2
    loss = F.nll_loss(x, at.tensor([1, 1]), ignore_index=1, reduction="sum")
    assert loss.item() == 0
    loss.backward()
    assert x.grad is not None
    assert (x.grad._array == 0).all()


def test_the_mean_of_no_targets_is_nan_with_gradient_zero() -> None:
    for options in ({}, {"label_smoothing": 0.2}, {"weight": at.ones(5, dtype=at.float64)}):
        x = at.tensor(X, requires_grad=True)
        loss = F.cross_entropy(x, at.tensor([-100] * 4), **options)  # type: ignore[arg-type]
        assert math.isnan(loss.item())
        loss.backward()
        assert x.grad is not None
        assert (x.grad._array == 0).all()


@pytest.mark.parametrize("fn", [F.nll_loss, F.cross_entropy])
def test_errors_of_class_indices(fn: Callable[..., Any]) -> None:
    x = at.tensor(X)
    ok = at.tensor([0, 1, 2, 3])
    for bad, wrong in ((5, 5), (-1, -1), (-(2**62), -(2**62))):
        with pytest.raises(IndexError, match=rf"Target {wrong} is out of bounds: it is not in \[0, 5\)"):
            fn(x, at.tensor([0, bad, 1, 2]))
        with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds"):
            fn(x, at.tensor([0, bad, 1, 2]), ignore_index=0)
    with pytest.raises(ValueError, match=r"batch_size \(4\) to match target batch_size \(3\)"):
        fn(x, ok[:3])
    with pytest.raises(RuntimeError, match=r"int64 or uint8, but got autotape.int32"):
        fn(x, ok.int())
    with pytest.raises(RuntimeError, match=r"int64 or uint8, but got autotape.float32"):
        fn(x, ok.float())
    with pytest.raises(RuntimeError, match="multi-target not supported"):
        fn(x, ok[:, None])
    with pytest.raises(RuntimeError, match=r"Expected target size \[2, 4\], got \[2, 3\]"):
        fn(at.ones(2, 3, 4), at.zeros(2, 3).long())
    with pytest.raises(
        RuntimeError, match=r"for all 5 classes or no classes but got weight tensor of shape: \[4\]"
    ):
        fn(x, ok, at.ones(4, dtype=at.float64))
    with pytest.raises(
        RuntimeError, match=r"weight of dtype autotape.float64, as of input, but found autotape.float32"
    ):
        fn(x, ok, at.ones(5))
    with pytest.raises(ValueError, match="1 or more dimensions"):
        fn(at.tensor(1.0), at.tensor(0))
    with pytest.raises(NotImplementedError, match=r"not implemented for input of autotape.int64"):
        fn(at.ones(4, 5).long(), ok)
    with pytest.raises(ValueError, match="not a valid value for reduction"):
        fn(x, ok, reduction="average")
    with pytest.raises(TypeError, match="'target' must be a Tensor, not list"):
        fn(x, [0, 1, 2, 3])


def test_errors_of_cross_entropy_alone() -> None:
    x = at.tensor(X)
    with pytest.raises(RuntimeError, match=r"label_smoothing must be between 0.0 and 1.0. Got: 1.1"):
        F.cross_entropy(x, at.tensor([0, 1, 2, 3]), label_smoothing=1.1)
    with pytest.raises(RuntimeError, match="ignore_index is not supported for floating point target"):
        F.cross_entropy(x, at.tensor(Q), ignore_index=1)
    with pytest.raises(
        RuntimeError, match="Expected floating point type for target with class probabilities"
    ):
        F.cross_entropy(x, at.ones(4, 5).long())


def test_targets_changed_after_the_loss_are_noticed_or_copied() -> None:
    x = at.tensor(X, requires_grad=True)
    target = at.tensor([0, 1, 2, 3])
    loss = F.cross_entropy(x, target)
    target.fill_(4)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


# --- modules ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "fn", "x", "y"),
    [
        (nn.MSELoss(reduction="sum"), lambda x, y: F.mse_loss(x, y, reduction="sum"), X, Y),
        (nn.L1Loss(), F.l1_loss, X, Y),
        (nn.SmoothL1Loss(beta=0.3), lambda x, y: F.smooth_l1_loss(x, y, beta=0.3), X, Y),
        (nn.HuberLoss("none", 0.3), lambda x, y: F.huber_loss(x, y, "none", 0.3), X, Y),
        (nn.BCELoss(reduction="none"), lambda x, y: F.binary_cross_entropy(x, y, reduction="none"), P, Q),
        (
            nn.KLDivLoss(reduction="sum", log_target=True),
            lambda x, y: F.kl_div(x, y, reduction="sum", log_target=True),
            X,
            Y,
        ),
    ],
)
def test_modules_call_their_function(module: nn.Module, fn: Callable[..., Any], x: Array, y: Array) -> None:
    assert at.equal(module(at.tensor(x), at.tensor(y)), fn(at.tensor(x), at.tensor(y)))


def test_weighted_modules_keep_their_weights_as_buffers() -> None:
    w = at.arange(1.0, 6.0, dtype=at.float64)
    x, t, q = at.tensor(X), at.tensor([0, 1, 2, -1]), at.tensor(Q)
    nll = nn.NLLLoss(w, ignore_index=-1, reduction="sum")
    assert at.equal(nll(x, t), F.nll_loss(x, t, w, ignore_index=-1, reduction="sum"))
    ce = nn.CrossEntropyLoss(w, ignore_index=-1, label_smoothing=0.1)
    assert at.equal(ce(x, t), F.cross_entropy(x, t, w, ignore_index=-1, label_smoothing=0.1))
    bce = nn.BCEWithLogitsLoss(w, pos_weight=w * 2)
    assert at.equal(bce(x, q), F.binary_cross_entropy_with_logits(x, q, w, pos_weight=w * 2))
    assert list(ce.state_dict()) == ["weight"]
    assert list(bce.state_dict()) == ["weight", "pos_weight"]
    assert list(ce.parameters()) == []
    assert ce.float().weight is not None
    assert ce.weight is not None
    assert ce.weight.dtype == at.float32
