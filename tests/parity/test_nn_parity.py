"""Functions, losses and initialisation give what PyTorch gives: values, first and second derivatives."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 6))
Y = RNG.standard_normal((4, 6))
P = 1 / (1 + np.exp(-X))
Q = 1 / (1 + np.exp(-Y))
SPECIAL = np.array([0.0, -0.0, 1e-30, -1e-30, 1.0, -1.0, 19.5, 20.5, -40.0, 700.0, -700.0, 1e4, -1e4])
INFINITE = np.array([np.inf, -np.inf, np.nan])
CLASSES = np.array([0, 5, 2, 2])


# --- the same function of the same numbers ------------------------------------------------------------------


def tensors(m: Any, arrays: tuple[Any, ...]) -> list[Any]:
    made = []
    for a in arrays:
        if isinstance(a, np.ndarray):
            t = m.tensor(a.tolist(), dtype=getattr(m, a.dtype.name)).reshape(a.shape)
            made.append(t.requires_grad_() if a.dtype.kind == "f" else t)
        else:
            made.append(a)
    return made


def number(t: Any) -> Array:
    return np.asarray(t.detach().numpy(force=True))


def derivatives(m: Any, fn: Callable[..., Any], arrays: tuple[Any, ...], order: int) -> list[Array | None]:
    """The value, the gradient along a fixed seed, and the gradient of that along another."""
    inputs = tensors(m, arrays)
    leaves = [t for t in inputs if hasattr(t, "requires_grad") and t.requires_grad]
    y = fn(m, *inputs)
    found: list[Array | None] = [number(y)]
    if not y.requires_grad:
        return found
    seeds = itertools.count(1)

    def seed(shape: Any) -> Any:
        values = np.random.default_rng(next(seeds)).standard_normal(tuple(shape))
        return m.tensor(values.tolist(), dtype=getattr(m, found[0].dtype.name)).reshape(tuple(shape))

    grads = m.autograd.grad(y, leaves, seed(y.shape), create_graph=order > 1, allow_unused=True)
    found += [None if g is None else number(g) for g in grads]
    if order > 1:
        terms = [(g * seed(g.shape)).sum() for g in grads if g is not None and g.requires_grad]
        second = m.autograd.grad(terms, leaves, allow_unused=True) if terms else [None] * len(leaves)
        # What does not depend on an input gets None in one library and zeros in the other.
        found += [np.zeros(t.shape) if g is None else number(g) for g, t in zip(second, leaves, strict=True)]
    return found


def check_same(fn: Callable[..., Any], *arrays: Any, order: int = 2, rtol: float = 1e-12) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = derivatives(autotape, fn, arrays, order)
        theirs = derivatives(torch, fn, arrays, order)
    assert len(ours) == len(theirs)
    for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
        assert (a is None) == (b is None), f"item {i}: {a} and {b}"
        if a is not None and b is not None:
            assert a.dtype == b.dtype, f"item {i}"
            assert a.shape == b.shape, f"item {i}"
            scale = np.abs(b[np.isfinite(b)]).max(initial=0)
            np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * scale, err_msg=f"item {i}")


ELEMENTWISE: dict[str, Callable[[Any, Any], Any]] = {
    "relu": lambda m, x: m.nn.functional.relu(x),
    "leaky_relu": lambda m, x: m.nn.functional.leaky_relu(x),
    "leaky_relu slope 2": lambda m, x: m.nn.functional.leaky_relu(x, 2.0),
    "leaky_relu slope -1": lambda m, x: m.nn.functional.leaky_relu(x, negative_slope=-1.0),
    "elu": lambda m, x: m.nn.functional.elu(x),
    "elu alpha": lambda m, x: m.nn.functional.elu(x, alpha=0.3),
    "gelu": lambda m, x: m.nn.functional.gelu(x),
    "gelu tanh": lambda m, x: m.nn.functional.gelu(x, approximate="tanh"),
    "silu": lambda m, x: m.nn.functional.silu(x),
    "softplus": lambda m, x: m.nn.functional.softplus(x),
    "softplus beta": lambda m, x: m.nn.functional.softplus(x, beta=3, threshold=2),
    "logsigmoid": lambda m, x: m.nn.functional.logsigmoid(x),
    "sigmoid": lambda m, x: m.nn.functional.sigmoid(x),
    "tanh": lambda m, x: m.nn.functional.tanh(x),
    "relu inplace": lambda m, x: m.nn.functional.relu(x * 1, inplace=True),
    "leaky_relu inplace": lambda m, x: m.nn.functional.leaky_relu(x * 1, inplace=True),
    "elu inplace": lambda m, x: m.nn.functional.elu(x * 1, inplace=True),
    "silu inplace": lambda m, x: m.nn.functional.silu(x * 1, inplace=True),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_activations(name: str) -> None:
    fn = ELEMENTWISE[name]
    check_same(fn, X)
    check_same(fn, X.reshape(4, 2, 3)[:, ::-1])
    check_same(fn, SPECIAL, rtol=2e-12)
    check_same(fn, np.array(0.7))
    check_same(fn, np.empty((0, 3)))
    check_same(fn, X.astype(np.float32), order=1, rtol=3e-6)
    # Of NaN relu's gradient is 0 here, as if it were not positive.
    check_same(fn, INFINITE[:2] if name.startswith("relu") else INFINITE, order=1)


@pytest.mark.parametrize("weight", [np.array([0.25]), np.array(0.1), RNG.standard_normal(6)])
def test_prelu(weight: Array) -> None:
    def fn(m: Any, x: Any, w: Any) -> Any:
        return m.nn.functional.prelu(x, w)

    check_same(fn, X, weight)
    check_same(fn, RNG.standard_normal((2, 6, 3)), weight)
    check_same(fn, np.zeros((2, 6)), weight, order=1)
    if weight.size == 1:
        check_same(fn, np.array(-2.0), weight)
        check_same(fn, X[0], weight)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize("dim", [None, 0, 1, -1])
def test_softmax(name: str, dim: int | None) -> None:
    def fn(m: Any, x: Any) -> Any:
        return getattr(m.nn.functional, name)(x, dim)

    for x in (X, X[None], X * 1e3, np.empty((0, 3)), np.array([[0.0, -np.inf]])):
        check_same(fn, x, order=1 if np.isinf(x).any() else 2)
    if dim in (None, 0, -1):
        check_same(fn, X[0])
        check_same(fn, np.array(3.0))


@pytest.mark.parametrize("dim", [-1, 0, 1])
def test_glu(dim: int) -> None:
    check_same(lambda m, x: m.nn.functional.glu(x, dim), X)


LINEAR: list[tuple[Any, ...]] = [
    (X, RNG.standard_normal((3, 6)), RNG.standard_normal(3)),
    (X[0], RNG.standard_normal((3, 6)), RNG.standard_normal(3)),
    (X.reshape(2, 2, 6), RNG.standard_normal((3, 6)), RNG.standard_normal(3)),
    (np.empty((0, 6)), RNG.standard_normal((3, 6)), RNG.standard_normal(3)),
    (X, RNG.standard_normal((1, 6))),
    (np.empty((4, 0)), np.empty((3, 0)), RNG.standard_normal(3)),
]


@pytest.mark.parametrize("arrays", LINEAR)
def test_linear(arrays: tuple[Array, ...]) -> None:
    check_same(lambda m, *args: m.nn.functional.linear(*args), *arrays)


@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (0,)])
def test_bilinear(lead: tuple[int, ...]) -> None:
    a, b = RNG.standard_normal((*lead, 3)), RNG.standard_normal((*lead, 2))
    w, bias = RNG.standard_normal((4, 3, 2)), RNG.standard_normal(4)
    check_same(lambda m, *args: m.nn.functional.bilinear(*args), a, b, w, bias)
    check_same(lambda m, *args: m.nn.functional.bilinear(*args), a, b, w)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding_idx": 2},
        {"padding_idx": -1},
        {"scale_grad_by_freq": True},
        {"padding_idx": 0, "scale_grad_by_freq": True},
    ],
)
@pytest.mark.parametrize(
    "index",
    [np.array([[0, 2, 2], [4, 4, 4]]), np.array(3), np.empty((0, 2), np.int64), np.array([1, 2], np.int32)],
)
def test_embedding(options: dict[str, Any], index: Array) -> None:
    table = RNG.standard_normal((5, 3))
    # PyTorch's gradient for scale_grad_by_freq can't be differentiated again.
    order = 1 if "scale_grad_by_freq" in options else 2
    check_same(lambda m, i, w: m.nn.functional.embedding(i, w, **options), index, table, order=order)


@pytest.mark.parametrize("norm_type", [2.0, 1.0, math.inf])
def test_embedding_max_norm_changes_the_named_rows_in_place(norm_type: float) -> None:
    table = RNG.standard_normal((5, 3)) * 3
    left = []
    for m in (autotape, torch):
        weight, index = m.tensor(table.tolist(), dtype=m.float64), m.tensor([0, 2, 2, 3])
        y = m.nn.functional.embedding(index, weight, max_norm=1.5, norm_type=norm_type)
        left.append((number(y), number(weight)))
    for a, b in zip(*left, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_normalize(p: float, dim: int) -> None:
    order = 1 if p == math.inf else 2
    check_same(lambda m, x: m.nn.functional.normalize(x, p, dim), X, order=order, rtol=1e-11)


def test_one_hot() -> None:
    for index, count in ((CLASSES, -1), (CLASSES, 9), (np.array(2), -1), (np.empty((0, 2), np.int64), 3)):
        check_same(lambda m, i, count=count: m.nn.functional.one_hot(i, count), index)


# --- losses -------------------------------------------------------------------------------------------------

REDUCTIONS = ["mean", "sum", "none"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("mse_loss", {}),
        ("l1_loss", {}),
        ("smooth_l1_loss", {}),
        ("smooth_l1_loss", {"beta": 0.3}),
        ("smooth_l1_loss", {"beta": 0.0}),
        ("huber_loss", {}),
        ("huber_loss", {"delta": 0.3}),
    ],
)
def test_losses_of_differences(name: str, options: dict[str, Any], reduction: str) -> None:
    def fn(m: Any, x: Any, y: Any) -> Any:
        return getattr(m.nn.functional, name)(x, y, reduction=reduction, **options)

    for x, y in ((X, Y), (X, Y[:1]), (X[0, 0], Y[0, 0]), (np.empty((0, 3)), np.empty((0, 3))), (X, X)):
        check_same(fn, np.asarray(x), np.asarray(y))
    if name in ("mse_loss", "l1_loss"):  # of the others PyTorch has no gradient for a mixture of dtypes
        check_same(fn, X.astype(np.float32), Y, order=1, rtol=1e-6)
        check_same(fn, X, CLASSES[:, None] * np.ones((1, 6), np.int64))
    kinks = np.array([0.0, 1.0, -1.0, 0.3, -0.3, 2.0])
    check_same(fn, kinks, np.zeros(6), order=1)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "huber_loss"])
def test_losses_with_a_weight_per_element(name: str, reduction: str) -> None:
    def fn(m: Any, x: Any, y: Any, w: Any) -> Any:
        return getattr(m.nn.functional, name)(x, y, reduction=reduction, weight=w.detach())

    check_same(lambda m, x, y: fn(m, x, y, m.tensor(P.tolist(), dtype=m.float64)), X, Y)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, RNG.random((4, 6)), RNG.random(6)])
def test_binary_cross_entropy(reduction: str, weight: Array | None) -> None:
    def fn(m: Any, p: Any, q: Any) -> Any:
        w = None if weight is None else m.tensor(weight.tolist(), dtype=m.float64)
        return m.nn.functional.binary_cross_entropy(p, q, w, reduction=reduction)

    check_same(fn, P, Q, rtol=1e-10)
    # At 0 and 1 PyTorch's gradient with respect to the target is infinite, though its loss is cut off.
    sure = [round(q) for q in Q.ravel().tolist()]
    check_same(lambda m, p: fn(m, p, m.tensor(sure).reshape(4, 6).double()), np.round(P), order=1, rtol=1e-8)
    if weight is None:
        check_same(fn, np.empty(0), np.empty(0))


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weight", [None, RNG.random((4, 6)), RNG.random(6)])
@pytest.mark.parametrize("pos_weight", [None, RNG.random(6) * 3])
def test_binary_cross_entropy_with_logits(
    reduction: str, weight: Array | None, pos_weight: Array | None
) -> None:
    def fn(m: Any, x: Any, q: Any) -> Any:
        w, p = (None if a is None else m.tensor(a.tolist(), dtype=m.float64) for a in (weight, pos_weight))
        return m.nn.functional.binary_cross_entropy_with_logits(x, q, w, reduction=reduction, pos_weight=p)

    check_same(fn, X, Q)
    check_same(fn, X * 1e3, np.where(Q > 0.5, 1.0, 0.0), order=1)


@pytest.mark.parametrize("reduction", [*REDUCTIONS, "batchmean"])
@pytest.mark.parametrize("log_target", [False, True])
def test_kl_div(reduction: str, log_target: bool) -> None:
    def fn(m: Any, x: Any, q: Any) -> Any:
        return m.nn.functional.kl_div(x, q, reduction=reduction, log_target=log_target)

    check_same(fn, np.log(P), np.log(Q) if log_target else Q)
    check_same(fn, X[0], Q[0])
    check_same(fn, np.asarray(-0.5), np.asarray(0.5))
    if not log_target:
        zero = np.where(Q > 0.5, Q, 0.0)
        check_same(lambda m, x: fn(m, x, m.tensor(zero.tolist(), dtype=m.float64)), np.log(P))


TARGETS: list[tuple[tuple[int, ...], Array]] = [
    ((4, 6), CLASSES),
    ((4, 6), np.array([0, -100, 2, -100])),
    ((4, 6), np.array([-100, -100, -100, -100])),
    ((4, 6), CLASSES.astype(np.uint8)),
    ((6,), np.array(3)),
    ((6,), np.array(-100)),
    ((2, 6, 3), np.array([[0, 1, 2], [5, -100, 5]])),
    ((2, 6, 2, 2), np.array([[[0, 1], [2, 3]], [[4, 5], [0, 0]]])),
    ((0, 6), np.empty(0, np.int64)),
    ((2, 6, 0), np.empty((2, 0), np.int64)),
]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("shape", "target"), TARGETS)
@pytest.mark.parametrize(
    ("name", "smoothing"), [("nll_loss", 0), ("cross_entropy", 0), ("cross_entropy", 0.2)]
)
def test_losses_of_class_indices(
    name: str, smoothing: float, shape: tuple[int, ...], target: Array, weighted: bool, reduction: str
) -> None:
    weight = np.arange(1.0, 7.0) if weighted else None

    def fn(m: Any, x: Any, t: Any, ignore_index: int = -100) -> Any:
        options: dict[str, Any] = {"ignore_index": ignore_index, "reduction": reduction}
        if smoothing:
            options["label_smoothing"] = smoothing
        w = None if weight is None else m.tensor(weight.tolist(), dtype=m.float64)
        return getattr(m.nn.functional, name)(x, t, w, **options)

    x = RNG.standard_normal(shape)
    if smoothing and weighted and target.dtype == np.uint8:
        return  # PyTorch refuses this combination alone
    check_same(fn, x, target)
    if (target >= 0).all() and target.size:
        check_same(lambda m, x, t: fn(m, x, t, ignore_index=2), x, target)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("shape", [(4, 6), (6,), (2, 6, 3), (0, 6)])
def test_cross_entropy_with_probabilities(
    shape: tuple[int, ...], smoothing: float, weighted: bool, reduction: str
) -> None:
    def fn(m: Any, x: Any, q: Any) -> Any:
        w = m.arange(1.0, 7.0).to(m.float64) if weighted else None
        return m.nn.functional.cross_entropy(x, q, w, reduction=reduction, label_smoothing=smoothing)

    check_same(fn, RNG.standard_normal(shape), RNG.random(shape))
    if shape == (4, 6):
        check_same(fn, X * 1e3, Q)


def test_cross_entropy_of_impossible_classes() -> None:
    for x, t in (
        ([[0.0, -np.inf]], [0]),
        ([[0.0, -np.inf]], [1]),
        ([[1e4, 0.0]], [1]),
        ([[np.nan, 0.0]], [1]),
    ):
        check_same(lambda m, x, t: m.nn.functional.cross_entropy(x, t), np.array(x), np.array(t), order=1)


# --- initial values -----------------------------------------------------------------------------------------


def fresh_parameters(m: Any, seed: int) -> dict[str, Array]:
    m.manual_seed(seed)
    modules = {
        "Linear": m.nn.Linear(50, 400),
        "Bilinear": m.nn.Bilinear(10, 20, 100),
        "Embedding": m.nn.Embedding(100, 200),
        "PReLU": m.nn.PReLU(4),
    }
    return {
        f"{kind}.{name}": number(p).astype(np.float64)
        for kind, module in modules.items()
        for name, p in module.named_parameters()
    }


def check_same_distribution(a: Array, b: Array, name: str) -> None:
    """By the two-sample Kolmogorov-Smirnov statistic; 2.2 is passed by chance about once in 10,000."""
    a, b = np.sort(a.ravel()), np.sort(b.ravel())
    points = np.concatenate([a, b])
    gap = np.abs(
        np.searchsorted(a, points, side="right") / a.size - np.searchsorted(b, points, side="right") / b.size
    ).max()
    assert gap * math.sqrt(a.size * b.size / (a.size + b.size)) < 2.2, name


def test_modules_start_from_the_same_distributions() -> None:
    ours, theirs = fresh_parameters(autotape, 1), fresh_parameters(torch, 2)
    assert list(ours) == list(theirs)
    for name, a in ours.items():
        assert a.shape == theirs[name].shape
        check_same_distribution(a, theirs[name], name)


@pytest.mark.parametrize(
    "fill",
    [
        "uniform_(t, -2.0, 3.0)",
        "normal_(t, 1.0, 2.0)",
        "trunc_normal_(t)",
        "trunc_normal_(t, 1.0, 2.0, -1.0, 6.0)",
        "trunc_normal_(t, 0.0, 1.0, 1.5, 4.0)",
        "trunc_normal_(t, 0.0, 1.0, -0.01, 0.01)",
        "xavier_uniform_(t, gain=2.0)",
        "xavier_normal_(t)",
        "kaiming_uniform_(t, a=math.sqrt(5))",
        "kaiming_uniform_(t, mode='fan_out', nonlinearity='relu')",
        "kaiming_normal_(t, nonlinearity='tanh')",
        "orthogonal_(t, gain=3.0)",
    ],
)
def test_init_draws_from_the_same_distributions(fill: str) -> None:
    drawn = []
    for m, seed in ((autotape, 1), (torch, 2)):
        m.manual_seed(seed)
        drawn.append(number(eval(f"m.nn.init.{fill}", {"m": m, "t": m.empty(60, 20, 3, 3), "math": math})))
    check_same_distribution(*drawn, fill)
