"""Normalisation: values against NumPy, derivatives to the second order, running statistics, errors, "
"modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests import oracle

Array = np.ndarray[Any, Any]
normal = oracle.normal


def standard(x: Array, axes: tuple[int, ...], eps: float = 1e-5) -> Array:
    return np.asarray((x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + eps))


def channels(p: Array, x: Array) -> Array:
    return p.reshape(-1, *[1] * (x.ndim - 2))


def grouped(x: Array, w: Array, b: Array) -> Array:
    y = standard(x.reshape(len(x), 2, -1), (2,)).reshape(x.shape)
    return y * channels(w, x) + channels(b, x)


def neighbours(x: Array) -> Array:
    total = np.zeros_like(x)
    for c in range(x.shape[1]):
        total[:, c] = (x[:, max(c - 1, 0) : c + 2] ** 2).sum(1)
    return np.asarray(x / (2.0 + 0.5 / 3 * total) ** 0.75)


# The function of (input, weight, bias), the same in NumPy, and their shapes.
CASES: dict[str, tuple[Callable[..., Any], Callable[..., Array], tuple[tuple[int, ...], ...]]] = {
    "layer": (
        lambda x, w, b: F.layer_norm(x, (5,), w, b),
        lambda x, w, b: standard(x, (-1,)) * w + b,
        ((3, 2, 5), (5,), (5,)),
    ),
    "layer of two dimensions": (
        lambda x, w, b: F.layer_norm(x, [2, 5], w, b, 0.1),
        lambda x, w, b: standard(x, (-2, -1), 0.1) * w + b,
        ((3, 2, 5), (2, 5), (2, 5)),
    ),
    "layer without parameters": (lambda x: F.layer_norm(x, (5,)), lambda x: standard(x, (-1,)), ((4, 5),)),
    "layer without bias": (
        lambda x, w: F.layer_norm(x, (5,), w), lambda x, w: standard(x, (-1,)) * w, ((5,), (5,)),
    ),
    "layer of one": (lambda x, b: F.layer_norm(x, (1,), None, b), lambda x, b: 0 * x + b, ((3, 1), (1,))),
    "rms": (
        lambda x, w: F.rms_norm(x, (5,), w, 0.2),
        lambda x, w: x / np.sqrt((x * x).mean(-1, keepdims=True) + 0.2) * w,
        ((3, 2, 5), (5,)),
    ),
    "rms without weight": (
        lambda x: F.rms_norm(x, (2, 5)),
        lambda x: x / np.sqrt((x * x).mean((-2, -1), keepdims=True) + np.finfo(float).eps),
        ((3, 2, 5),),
    ),
    "batch of vectors": (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
        lambda x, w, b: standard(x, (0,)) * w + b,
        ((6, 3), (3,), (3,)),
    ),
    "batch of few pixels": (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
        lambda x, w, b: standard(x, (0, 2, 3)) * channels(w, x) + channels(b, x),
        ((4, 3, 2, 3), (3,), (3,)),
    ),
    "batch of many pixels": (
        lambda x, w: F.batch_norm(x, None, None, w, None, True, eps=0.3),
        lambda x, w: standard(x, (0, 2, 3), 0.3) * channels(w, x),
        ((2, 3, 5, 4), (3,)),
    ),
    "batch without parameters": (
        lambda x: F.batch_norm(x, None, None, training=True),
        lambda x: standard(x, (0, 2)),
        ((3, 2, 4),),
    ),
    "batch of one channel": (
        lambda x, w, b: F.batch_norm(x, None, None, w, b, True),
        lambda x, w, b: standard(x, (0, 2)) * w + b,
        ((3, 1, 4), (1,), (1,)),
    ),
    "batch in evaluation": (
        lambda x, w, b: F.batch_norm(x, at.full((3,), 0.5, dtype=at.float64), at.full((3,), 2.0,
            dtype=at.float64), w, b),
        lambda x, w, b: (x - 0.5) / np.sqrt(2 + 1e-5) * channels(w, x) + channels(b, x),
        ((2, 3, 4), (3,), (3,)),
    ),
    "instance": (
        lambda x, w, b: F.instance_norm(x, None, None, w, b),
        lambda x, w, b: standard(x, (2, 3)) * channels(w, x) + channels(b, x),
        ((2, 3, 5, 4), (3,), (3,)),
    ),
    "instance without parameters": (lambda x: F.instance_norm(x), lambda x: standard(x, (2,)), ((2, 3, 4),)),
    "group": (lambda x, w, b: F.group_norm(x, 2, w, b), grouped, ((2, 6, 5, 4), (6,), (6,))),
    "group of vectors": (lambda x, w, b: F.group_norm(x, 2, w, b), grouped, ((3, 6), (6,), (6,))),
    "group without parameters": (
        lambda x: F.group_norm(x, 1), lambda x: standard(x, (1, 2)), ((2, 3, 4),),
    ),
    "response": (lambda x: F.local_response_norm(x, 3, 0.5, 0.75, 2.0), neighbours, ((2, 5, 3),)),
    "unit vectors": (
        lambda x: F.normalize(x, 2.0, 1), lambda x: x / np.sqrt((x * x).sum(1, keepdims=True)), ((3, 4),),
    ),
}  # fmt: skip


def arrays_of(name: str) -> list[Array]:
    return [normal(*shape, seed=i + 1) for i, shape in enumerate(CASES[name][2])]


@pytest.mark.parametrize("name", CASES)
def test_values_and_derivatives(name: str) -> None:
    fn, expected, _ = CASES[name]
    arrays = arrays_of(name)
    np.testing.assert_allclose(
        fn(*map(at.from_numpy, arrays)).numpy(), expected(*arrays), rtol=1e-10, atol=1e-12
    )
    oracle.check(fn, *arrays)


@pytest.mark.parametrize("name", CASES)
def test_other_memory_orders_and_dtypes(name: str) -> None:
    fn, expected, _ = CASES[name]
    arrays = arrays_of(name)
    reversed_ = at.from_numpy(arrays[0].T.copy()).permute(*range(arrays[0].ndim)[::-1])
    flipped = at.from_numpy(np.flip(arrays[0]).copy().reshape(arrays[0].shape)[::-1][::-1])
    del flipped
    y = fn(reversed_, *map(at.from_numpy, arrays[1:]))
    np.testing.assert_allclose(y.numpy(), expected(*arrays), rtol=1e-10, atol=1e-12)
    if name != "batch in evaluation":
        single = fn(*[at.from_numpy(a).float() for a in arrays])
        assert single.dtype == at.float32
        np.testing.assert_allclose(single.numpy(), expected(*arrays), rtol=2e-4, atol=1e-5)
        half = fn(*[at.from_numpy(a).half() for a in arrays])
        assert half.dtype == at.float16
        np.testing.assert_allclose(half.numpy(), expected(*arrays), rtol=2e-2, atol=1e-2)


def test_an_offset_does_not_cost_digits() -> None:
    x = normal(64, 3, 4, 4) + 1e4
    for y in (
        F.batch_norm(at.tensor(x), None, None, training=True),
        F.batch_norm(at.tensor(x).float(), None, None, training=True),
    ):
        wanted = standard(y.double().numpy() * 0 + x, (0, 2, 3))
        np.testing.assert_allclose(y.numpy(), wanted, atol=1e-8 if y.dtype == at.float64 else 5e-3)


def test_gradients_of_some_inputs_only() -> None:
    x, w, b = (at.tensor(a) for a in arrays_of("group"))
    for leaves in ([w], [b], [x], [w, b]):
        for t in (x, w, b):
            t.requires_grad_(any(t is leaf for leaf in leaves))
        F.group_norm(x, 2, w, b).square().sum().backward()
        for t in (x, w, b):
            assert (t.grad is not None) == any(t is leaf for leaf in leaves)
            t.grad = None


@pytest.mark.parametrize(
    ("fn", "shape"),
    [
        (lambda x: F.layer_norm(x, (3,)), (0, 3)),
        (lambda x: F.layer_norm(x, (0,)), (3, 0)),
        (lambda x: F.rms_norm(x, (3,)), (0, 3)),
        (lambda x: F.batch_norm(x, None, None, training=True), (0, 3, 4)),
        (lambda x: F.batch_norm(x, None, None, training=True), (2, 3, 0)),
        (lambda x: F.batch_norm(x, None, None, training=True), (0,)),
        (lambda x: F.instance_norm(x), (0, 3, 4)),
        (lambda x: F.group_norm(x, 2), (0, 4, 3)),
        (lambda x: F.group_norm(x, 2), (2, 4, 0)),
        (lambda x: F.local_response_norm(x, 2), (0, 3, 4)),
    ],
)
def test_empty(fn: Callable[[Any], Any], shape: tuple[int, ...]) -> None:
    x = at.zeros(shape, requires_grad=True)
    y = fn(x)
    assert y.shape == shape
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == shape


def test_running_statistics() -> None:
    x = normal(4, 3, 5) * 2 + 1
    mean, var = at.zeros(3, dtype=at.float64), at.ones(3, dtype=at.float64)
    F.batch_norm(at.tensor(x), mean, var, training=True, momentum=0.25)
    np.testing.assert_allclose(mean.numpy(), 0.25 * x.mean((0, 2)))
    np.testing.assert_allclose(var.numpy(), 0.75 + 0.25 * x.var((0, 2), ddof=1))
    mean, var = at.zeros(3, dtype=at.float64), at.ones(3, dtype=at.float64)
    F.instance_norm(at.tensor(x), mean, var, momentum=0.25)
    np.testing.assert_allclose(mean.numpy(), 0.25 * x.mean(2).mean(0))
    np.testing.assert_allclose(var.numpy(), 0.75 + 0.25 * x.var(2, ddof=1).mean(0))


def test_running_statistics_are_not_part_of_the_graph() -> None:
    layer = nn.BatchNorm1d(2)
    x = at.randn(4, 2, requires_grad=True)
    layer(x).sum().backward()
    assert layer.running_mean is not None
    assert not layer.running_mean.requires_grad
    layer(x).sum().backward()


CHANGED = "modified by an inplace operation"


def test_an_input_changed_before_backward_is_an_error() -> None:
    x = at.randn(4, 3, requires_grad=True)
    h = x * 1
    y = F.layer_norm(h, (3,))
    h.zero_()
    with pytest.raises(RuntimeError, match=CHANGED):
        y.sum().backward()


x234 = at.zeros(2, 4, 3)
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: F.layer_norm(x234, (5,)), RuntimeError, r"normalized_shape=\[5\]"),
    (lambda: F.layer_norm(x234, ()), RuntimeError, "at least 1-dimensional"),
    (lambda: F.layer_norm(x234, 3), TypeError, "normalized_shape"),  # type: ignore[arg-type]
    (lambda: F.layer_norm(x234, (3,), at.ones(4)), RuntimeError, "weight"),
    (lambda: F.layer_norm(x234, (3,), None, at.ones(4)), RuntimeError, "bias"),
    (lambda: F.layer_norm(x234.double(), (3,), at.ones(3)), RuntimeError, "dtype"),
    (lambda: F.layer_norm(x234.long(), (3,)), NotImplementedError, "layer_norm"),
    (lambda: F.rms_norm(x234, (5,)), RuntimeError, "normalized_shape"),
    (lambda: F.rms_norm(x234.long(), (3,)), NotImplementedError, "rms_norm"),
    (lambda: F.group_norm(x234, 3), RuntimeError, "divisible"),
    (lambda: F.group_norm(x234, -1), RuntimeError, "greater than 0"),
    (lambda: F.group_norm(x234, 2, at.ones(3)), RuntimeError, "weight"),
    (lambda: F.group_norm(at.zeros(3), 1), RuntimeError, "2 dimensions"),
    (lambda: F.group_norm(at.zeros(1, 2), 2), ValueError, "more than 1 value"),
    (lambda: F.instance_norm(at.zeros(2, 3)), ValueError, "more than 1 spatial"),
    (lambda: F.instance_norm(x234, use_input_stats=False), RuntimeError, "running_mean"),
    (lambda: F.instance_norm(x234, at.zeros(3), at.ones(3)), RuntimeError, "4 elements not 3"),
    (lambda: F.instance_norm(x234, at.zeros(4), None), ValueError, "both be None"),
    (lambda: F.batch_norm(x234, None, None), RuntimeError, "running_mean must be defined"),
    (lambda: F.batch_norm(x234, at.zeros(4), None), RuntimeError, "running_var must be defined"),
    (lambda: F.batch_norm(x234, at.zeros(3), at.ones(3)), RuntimeError, "4 elements not 3"),
    (lambda: F.batch_norm(at.zeros(1, 3), None, None, training=True), ValueError, "more than 1 value"),
    (lambda: F.batch_norm(at.zeros(3), None, None, training=True), IndexError, "out of range"),
    (lambda: F.batch_norm(x234, None, None, at.ones(3), training=True), RuntimeError, "weight"),
    (lambda: F.batch_norm(x234, None, None, at.ones(4).double(), training=True), RuntimeError, "dtype"),
    (lambda: F.batch_norm(x234, None, None, training=True, eps=0), ValueError, "eps"),
    (lambda: F.batch_norm(x234.long(), None, None, training=True), NotImplementedError, "batch_norm"),
    (lambda: F.local_response_norm(at.zeros(3, 4), 2), ValueError, "3D"),
    (lambda: F.local_response_norm(x234, 0), RuntimeError, "greater than zero"),
    (lambda: nn.GroupNorm(3, 4), ValueError, "divisible"),
    (lambda: nn.BatchNorm1d(3)(at.zeros(2, 3, 4, 5)), ValueError, "2D or 3D input"),
    (lambda: nn.BatchNorm2d(3)(at.zeros(2, 3)), ValueError, "4D input"),
    (lambda: nn.BatchNorm3d(3)(at.zeros(2, 3)), ValueError, "5D input"),
    (lambda: nn.InstanceNorm2d(3)(at.zeros(2, 3)), ValueError, "3D or 4D input"),
    (lambda: nn.InstanceNorm1d(3, affine=True)(at.zeros(2, 4, 5)), ValueError, "num_features"),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case: int) -> None:
    call, error, match = ERRORS[case]
    with pytest.raises(error, match=match):
        call()


def test_batch_norm_momentum_none_averages_all_batches() -> None:
    layer = nn.BatchNorm1d(2, momentum=None)
    batches = [normal(5, 2, seed=s).astype(np.float32) for s in range(3)]
    for batch in batches:
        layer(at.tensor(batch))
    assert layer.num_batches_tracked is not None
    assert layer.num_batches_tracked.item() == 3
    assert layer.running_mean is not None
    np.testing.assert_allclose(
        layer.running_mean.numpy(), np.mean([b.mean(0) for b in batches], 0), atol=1e-6
    )


def test_evaluation_uses_running_statistics_and_leaves_them() -> None:
    layer = nn.BatchNorm2d(3).eval()
    x = at.randn(2, 3, 4, 4)
    np.testing.assert_allclose(layer(x).detach().numpy(), x.numpy() / np.sqrt(1 + 1e-5), rtol=1e-6)
    assert layer.num_batches_tracked is not None
    assert layer.num_batches_tracked.item() == 0
    without = nn.BatchNorm2d(3, track_running_stats=False).eval()
    np.testing.assert_allclose(without(x).detach().numpy(), standard(x.numpy(), (0, 2, 3)), atol=1e-5)


def test_a_state_of_before_the_number_of_batches_loads() -> None:
    layer = nn.BatchNorm1d(2)
    state = {k: v for k, v in layer.state_dict().items() if k != "num_batches_tracked"}
    assert str(layer.load_state_dict(dict(state))) == "<All keys matched successfully>"


def test_a_module_in_training_can_be_used_twice_in_one_graph() -> None:
    layer = nn.BatchNorm1d(2, affine=False).double()
    x = normal(4, 2)
    oracle.check(lambda t: layer(layer(t)) + layer(t), x)


@pytest.mark.parametrize("lazy", [nn.LazyBatchNorm1d, nn.LazyInstanceNorm1d])
def test_lazy_modules_become_ordinary(lazy: Any) -> None:
    layer = lazy()
    assert layer.has_uninitialized_params()
    layer(at.randn(2, 3, 4))
    assert type(layer) is lazy.cls_to_become
    assert layer.num_features == 3
    assert layer.weight.shape == (3,)
    assert layer.running_var.shape == (3,)
    loaded = lazy()
    loaded.load_state_dict(layer.state_dict())
    loaded(at.randn(2, 3, 4))
    assert loaded.num_features == 3


def test_unbatched_instances() -> None:
    x = normal(3, 4, 5)
    layer = nn.InstanceNorm2d(3).double()
    np.testing.assert_allclose(layer(at.tensor(x)).numpy(), standard(x, (1, 2)), rtol=1e-10)
    with pytest.warns(UserWarning, match="does not match num_features"):
        nn.InstanceNorm2d(7)(at.zeros(2, 3, 4, 4))


def test_kept_for_backward_are_input_and_statistics_only() -> None:
    x = at.randn(256, 512, requires_grad=True)
    w = at.ones(512, requires_grad=True)
    with at.Tape() as tape:
        y = F.layer_norm(x, (512,), w)
        kept = [a for e in tape for a in e.saved or () if isinstance(a, np.ndarray)]
    assert sorted(a.shape for a in kept) == [(256, 512), (512,)]
    del y
