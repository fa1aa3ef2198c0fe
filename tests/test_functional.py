"""autotape.nn.functional but for the losses: values, derivatives of first and second order, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests import oracle

Array = np.ndarray[Any, Any]


def sigmoid(x: Array) -> Array:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def normal_distribution(x: Array) -> Array:
    return np.asarray(np.vectorize(lambda v: 0.5 * math.erfc(-v / math.sqrt(2)), otypes=[float])(x))


# The function, what it computes in NumPy, and where its derivative jumps.
ACTIVATIONS: dict[str, tuple[Callable[..., Any], Callable[[Array], Array], tuple[float, ...]]] = {
    "relu": (F.relu, lambda x: np.maximum(x, 0), (0.0,)),
    "leaky_relu": (F.leaky_relu, lambda x: np.where(x > 0, x, 0.01 * x), (0.0,)),
    "leaky_relu steep": (lambda x: F.leaky_relu(x, 3.0), lambda x: np.where(x > 0, x, 3 * x), (0.0,)),
    "elu": (F.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), (0.0,)),
    "elu alpha": (
        lambda x: F.elu(x, 0.3), lambda x: np.where(x > 0, x, 0.3 * np.expm1(np.minimum(x, 0))), (0.0,),
    ),
    "gelu": (F.gelu, lambda x: x * normal_distribution(x), ()),
    "gelu tanh": (
        lambda x: F.gelu(x, approximate="tanh"),
        lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
        (),
    ),
    "silu": (F.silu, lambda x: x * sigmoid(x), ()),
    "softplus": (F.softplus, lambda x: np.logaddexp(0, x), (20.0,)),
    "softplus beta": (
        lambda x: F.softplus(x, 3, 2),
        lambda x: np.where(3 * x > 2, x, np.logaddexp(0, 3 * x) / 3),
        (2 / 3,),
    ),
    "logsigmoid": (F.logsigmoid, lambda x: -np.logaddexp(0, -x), ()),
    "elu negative alpha": (
        lambda x: F.elu(x, -0.3), lambda x: np.where(x > 0, x, -0.3 * np.expm1(np.minimum(x, 0))), (0.0,),
    ),
    "selu": (
        F.selu,
        lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0))),
        (0.0,),
    ),
    "celu": (
        lambda x: F.celu(x, 2.0), lambda x: np.where(x > 0, x, 2 * np.expm1(np.minimum(x, 0) / 2)), (0.0,),
    ),
    "leaky_relu flat": (lambda x: F.leaky_relu(x, 0.0), lambda x: np.maximum(x, 0), (0.0,)),
    "leaky_relu down": (lambda x: F.leaky_relu(x, -2.0), lambda x: np.where(x > 0, x, -2 * x), (0.0,)),
    "rrelu": (lambda x: F.rrelu(x, 0.1, 0.3), lambda x: np.where(x > 0, x, 0.2 * x), (0.0,)),
    "relu6": (F.relu6, lambda x: np.clip(x, 0, 6), (0.0, 6.0)),
    "hardtanh": (F.hardtanh, lambda x: np.clip(x, -1, 1), (-1.0, 1.0)),
    "hardtanh limits": (lambda x: F.hardtanh(x, 0.5, 2), lambda x: np.clip(x, 0.5, 2), (0.5, 2.0)),
    "hardsigmoid": (F.hardsigmoid, lambda x: np.clip(x + 3, 0, 6) / 6, (-3.0, 3.0)),
    "hardswish": (F.hardswish, lambda x: x * np.clip(x + 3, 0, 6) / 6, (-3.0, 3.0)),
    "hardshrink": (F.hardshrink, lambda x: np.where(np.abs(x) > 0.5, x, 0), (-0.5, 0.5)),
    "softshrink": (
        lambda x: F.softshrink(x, 0.3), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.3, 0), (-0.3, 0.3),
    ),
    "threshold": (lambda x: F.threshold(x, 0.2, -3.0), lambda x: np.where(x > 0.2, x, -3), (0.2,)),
    "mish": (F.mish, lambda x: x * np.tanh(np.logaddexp(0, x)), ()),
    "softsign": (F.softsign, lambda x: x / (1 + np.abs(x)), (0.0,)),
    "tanhshrink": (F.tanhshrink, lambda x: x - np.tanh(x), ()),
    "sigmoid": (F.sigmoid, sigmoid, ()),
    "tanh": (F.tanh, np.tanh, ()),
}  # fmt: skip

floats = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=st.floats(-30, 30, width=32))
)


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(x=floats)
def test_activations_of_any_shape(name: str, x: Array) -> None:
    fn, expected, _ = ACTIVATIONS[name]
    np.testing.assert_allclose(fn(at.tensor(x))._array, expected(x), rtol=1e-8, atol=1e-12)
    for dtype, rtol in ((np.float32, 1e-5), (np.float16, 2e-2)):
        y = fn(at.tensor(x.astype(dtype)))
        assert y._array.dtype == dtype
        assert y.shape == x.shape
        np.testing.assert_allclose(y._array, expected(x.astype(dtype).astype(float)), rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", [(), (0, 3), (7,), (3, 1, 4)])
def test_derivatives_of_activations(name: str, shape: tuple[int, ...]) -> None:
    fn, _, kinks = ACTIVATIONS[name]
    x = oracle.normal(*shape) * 2
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.01, kink + 0.5, x)
    oracle.check(fn, np.asarray(x))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_far_out_and_on_strange_memory(name: str) -> None:
    fn, expected, _ = ACTIVATIONS[name]
    far = np.array([-1e30, -1e4, -800.0, 800.0, 1e4, 1e30])
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(fn(at.tensor(far))._array, expected(far), rtol=1e-12)
    for single in (np.float32(-100), np.float32(100)):
        x = at.tensor(single, requires_grad=True)
        y = fn(x)
        y.backward()
        assert x.grad is not None
        assert np.isfinite([y.item(), x.grad.item()]).all()
    base = oracle.normal(6, 8)
    for x in (base[::2, ::-1], base.T, np.asfortranarray(base), np.broadcast_to(base[0], (6, 8))):
        np.testing.assert_allclose(fn(at.tensor(x))._array, expected(x), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        "leaky_relu", "elu", "selu", "celu", "rrelu", "hardsigmoid", "hardswish", "softshrink", "gelu",
        "mish", "softplus", "logsigmoid", "silu",
    ],
)  # fmt: skip
def test_activations_refuse_integers_by_name(name: str) -> None:
    with pytest.raises(
        NotImplementedError, match=r"not implemented for input of autotape.int64.*\.float\(\)"
    ):
        getattr(F, name)(at.arange(3))
    with pytest.raises(TypeError, match="must be a Tensor, not list"):
        getattr(F, name)([1.0])


@pytest.mark.parametrize(
    "fn",
    [
        lambda x: F.relu(x, inplace=True),
        lambda x: F.leaky_relu(x, 0.1, inplace=True),
        lambda x: F.elu(x, inplace=True),
        lambda x: F.silu(x, inplace=True),
        lambda x: nn.ReLU(inplace=True)(x),
        lambda x: F.dropout(x, 1.0, inplace=True),
    ],
)
def test_inplace_writes_the_input_and_is_recorded(fn: Callable[[at.Tensor], at.Tensor]) -> None:
    x = at.tensor([-1.0, 2.0], dtype=at.float64)
    assert fn(x) is x
    leaf = at.tensor([-1.0, 2.0], requires_grad=True)
    with pytest.raises(RuntimeError, match="leaf"):
        fn(leaf)
    assert leaf.tolist() == [-1.0, 2.0]
    view = (at.tensor([[-1.0, 2.0]], dtype=at.float64, requires_grad=True) * 1)[0]
    assert fn(view) is view
    oracle.check(lambda x: fn(x * 1), np.array([-1.3, 2.0]))


def test_inplace_change_of_a_needed_value_is_an_error() -> None:
    x = at.tensor([0.5], requires_grad=True)
    y = x.exp()
    F.silu(y, inplace=True)
    with pytest.raises(RuntimeError, match=r"exp.*needs.*silu_ overwrote"):
        y.backward()


@pytest.mark.parametrize(
    ("shape", "weight"),
    [((4, 3), 1), ((4, 3), 3), ((2, 3, 2, 2), 3), ((5,), 1), ((), 1), ((0, 3), 3), ((4, 3), 0)],
)
def test_prelu(shape: tuple[int, ...], weight: int) -> None:
    x = np.asarray(oracle.normal(*shape) + 0.5)
    w = oracle.normal(weight, seed=1) if weight else np.array(0.3)
    along = w.reshape([-1 if i == 1 else 1 for i in range(len(shape))]) if w.size > 1 else w.reshape(())
    y = F.prelu(at.tensor(x), at.tensor(w))
    np.testing.assert_allclose(y._array, np.where(x > 0, x, along * x))
    assert y.shape == shape
    oracle.check(F.prelu, x, w)


def test_prelu_errors_name_what_does_not_fit() -> None:
    with pytest.raises(RuntimeError, match="parameter numbers = 2 and channel size = 3"):
        F.prelu(at.ones(4, 3), at.ones(2))
    with pytest.raises(RuntimeError, match=r"are float32 and float64"):
        F.prelu(at.ones(4, 3), at.ones(1, dtype=at.float64))


@pytest.mark.parametrize(("fn", "reference"), [(F.softmax, np.exp), (F.log_softmax, lambda x: x)])
@pytest.mark.parametrize(
    ("shape", "dim"), [((3, 4), 0), ((3, 4), -1), ((2, 3, 4), 1), ((5,), 0), ((0, 3), 1), ((), 0)]
)
def test_softmax(fn: Any, reference: Any, shape: tuple[int, ...], dim: int) -> None:
    x = oracle.normal(*shape)
    shifted = x if x.ndim else x.reshape(1)
    logs = shifted - np.log(np.exp(shifted).sum(dim, keepdims=True))
    np.testing.assert_allclose(fn(at.tensor(x), dim)._array, reference(logs).reshape(shape), atol=1e-15)
    oracle.check(lambda t: fn(t, dim), x)


def test_softmax_options() -> None:
    with pytest.warns(UserWarning, match="Implicit dimension choice for softmax"):
        assert F.softmax(at.zeros(1, 2)).tolist() == [[0.5, 0.5]]
    with pytest.warns(UserWarning, match="Implicit dimension choice for log_softmax"):
        nn.LogSoftmax()(at.zeros(1, 2, 3))
    assert F.softmax(at.tensor([1, 1]), 0, dtype=at.float64).dtype == at.float64
    with pytest.raises(IndexError, match="dim"):
        F.softmax(at.zeros(2, 3), 2)


def test_glu() -> None:
    x = oracle.normal(4, 6)
    np.testing.assert_allclose(F.glu(at.tensor(x), 0)._array, x[:2] * sigmoid(x[2:]))
    for dim in (0, 1, -1):
        oracle.check(lambda t, dim=dim: F.glu(t, dim), x)
    with pytest.raises(RuntimeError, match="dimension 1 is size 3"):
        F.glu(at.ones(2, 3))


# --- affine and bilinear maps -------------------------------------------------------------------------------


@pytest.mark.parametrize("lead", [(), (1,), (5,), (2, 3), (0,), (2, 0, 3)])
@pytest.mark.parametrize(("inside", "outside"), [(4, 3), (1, 1), (0, 2), (3, 0)])
def test_linear(lead: tuple[int, ...], inside: int, outside: int) -> None:
    x, w, b = (
        oracle.normal(*lead, inside),
        oracle.normal(outside, inside, seed=1),
        oracle.normal(outside, seed=2),
    )
    np.testing.assert_allclose(F.linear(at.tensor(x), at.tensor(w), at.tensor(b))._array, x @ w.T + b)
    np.testing.assert_allclose(F.linear(at.tensor(x), at.tensor(w))._array, x @ w.T, atol=1e-300)
    oracle.check(F.linear, x, w, b)
    oracle.check(F.linear, x, w)


def test_linear_of_what_is_no_tensor() -> None:
    array: Any = np.ones((2, 3))
    assert F.linear(array, at.ones(1, 3, dtype=at.float64)).tolist() == [[3.0], [3.0]]
    for arguments in (([1.0], at.ones(2, 1)), (at.ones(1), 3), (at.ones(1), at.ones(2, 1), [1.0])):
        with pytest.raises(TypeError, match="must be a Tensor, not"):
            F.linear(*arguments)  # type: ignore[arg-type]


def test_linear_of_strided_memory() -> None:
    x, w, b = oracle.normal(6, 8)[::2, ::-2], oracle.normal(4, 3, seed=1).T, oracle.normal(6, seed=2)[::2]
    np.testing.assert_allclose(F.linear(at.tensor(x), at.tensor(w), at.tensor(b))._array, x @ w.T + b)


@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (0,)])
def test_bilinear(lead: tuple[int, ...]) -> None:
    a, b = oracle.normal(*lead, 3), oracle.normal(*lead, 2, seed=1)
    w, bias = oracle.normal(4, 3, 2, seed=2), oracle.normal(4, seed=3)
    expected = np.einsum("...i,kij,...j->...k", a, w, b)
    np.testing.assert_allclose(F.bilinear(*map(at.tensor, (a, b, w, bias)))._array, expected + bias)
    oracle.check(F.bilinear, a, b, w, bias)
    oracle.check(F.bilinear, a, b, w)


@pytest.mark.parametrize(
    ("shapes", "match"),
    [
        (((3, 4), (3, 2), (5, 4, 3)), "input2 size does not match weight size: got 2 but expected 3"),
        (((3, 4), (3, 2), (5, 3, 2)), "input1 size does not match weight size: got 4 but expected 3"),
        (((3, 4), (2, 2), (5, 4, 2)), r"batch dimensions do not match: got \[2\] but expected \[3\]"),
        (((3, 4), (2,), (5, 4, 2)), "input dimensions do not match"),
        (((), (), (5, 4, 2)), "input dimensions do not match"),
        (((3, 4), (3, 2), (5, 4)), "weight must have dimensions"),
        (
            ((3, 4), (3, 2), (5, 4, 2), (4,)),
            r"bias size does not match weight size: got \[4\] but expected 5",
        ),
    ],
)
def test_bilinear_errors(shapes: Any, match: str) -> None:
    with pytest.raises(RuntimeError, match=match):
        F.bilinear(*[at.ones(*shape) if shape else at.tensor(1.0) for shape in shapes])


# --- embedding, one_hot -------------------------------------------------------------------------------------

TABLE = oracle.normal(5, 3)
INDICES = [
    np.array([[0, 2, 2], [4, 4, 4]]),
    np.array(3),
    np.empty((0, 2), np.int64),
    np.array([1, 2], np.int32),
]


@pytest.mark.parametrize("index", INDICES)
def test_embedding(index: Array) -> None:
    y = F.embedding(at.tensor(index), at.tensor(TABLE))
    np.testing.assert_array_equal(y._array, TABLE[index])
    oracle.check(lambda w: F.embedding(at.tensor(index), w), TABLE)
    oracle.check(lambda w: F.embedding(at.tensor(index), w).exp(), TABLE)


def test_embedding_gradient_options() -> None:
    index = at.tensor([[0, 2, 2], [2, 4, 1]])
    for options, expected in (
        ({"padding_idx": 2}, [1.0, 1.0, 0.0, 0.0, 1.0]),
        ({"padding_idx": -1}, [1.0, 1.0, 3.0, 0.0, 0.0]),
        ({"scale_grad_by_freq": True}, [1.0, 1.0, 1.0, 0.0, 1.0]),
        ({"scale_grad_by_freq": True, "padding_idx": 2}, [1.0, 1.0, 0.0, 0.0, 1.0]),
        ({"sparse": True}, [1.0, 1.0, 3.0, 0.0, 1.0]),
    ):
        w = at.tensor(TABLE, requires_grad=True)
        F.embedding(index, w, **options).sum().backward()  # type: ignore[arg-type]
        assert w.grad is not None
        np.testing.assert_allclose(w.grad._array, np.repeat(np.array(expected)[:, None], 3, 1))


def test_embedding_gradient_is_differentiable_with_options() -> None:
    index = at.tensor([0, 2, 2])
    w = at.tensor(TABLE, requires_grad=True)
    y = (F.embedding(index, w, padding_idx=0, scale_grad_by_freq=True) ** 2).sum()
    (g,) = at.autograd.grad(y, w, create_graph=True)
    np.testing.assert_allclose(g._array, 2 * TABLE * [[0], [0], [1], [0], [0]])
    (h,) = at.autograd.grad((g * at.tensor(TABLE)).sum(), w)
    # Of the two occurrences of row 2: 0.5 * 2 * (0.5 * seed) each. The options scale whatever flows back.
    np.testing.assert_allclose(h._array, TABLE * [[0], [0], [1], [0], [0]])


def test_embedding_max_norm() -> None:
    w = at.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    y = F.embedding(at.tensor([0, 1, 0]), w, max_norm=1.0)
    np.testing.assert_allclose(y._array, [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rtol=1e-5)
    np.testing.assert_allclose(w._array[2], [6, 8])
    layer = nn.Embedding(3, 2, max_norm=0.5)
    layer(at.tensor([0, 1])).sum().backward()
    assert layer.weight.grad is not None
    assert (np.linalg.norm(layer.weight.detach()._array[:2], axis=1) <= 0.5 + 1e-6).all()


@pytest.mark.parametrize("bad", [[5], [-1], [0, 7, 1], [-(2**62)], [2**62]])
def test_embedding_index_out_of_range(bad: list[int]) -> None:
    with pytest.raises(IndexError, match=r"index out of range in embedding: -?\d+ is not in \[0, 5\)"):
        F.embedding(at.tensor(bad), at.tensor(TABLE))
    with pytest.raises(IndexError):
        F.embedding(at.tensor([0]), at.ones(0, 3))


def test_embedding_errors() -> None:
    with pytest.raises(RuntimeError, match=r"int64 or int32, but got autotape.float32"):
        F.embedding(at.tensor([1.0]), at.tensor(TABLE))
    with pytest.raises(RuntimeError, match="2-D, but got shape"):
        F.embedding(at.tensor([1]), at.ones(3))
    with pytest.raises(AssertionError, match="got 5 for 5 rows"):
        F.embedding(at.tensor([1]), at.tensor(TABLE), padding_idx=5)
    with pytest.raises(AssertionError, match="num_embeddings"):
        nn.Embedding(3, 4, padding_idx=-4)
    with pytest.raises(AssertionError, match="Shape of weight"):
        nn.Embedding(3, 4, _weight=at.ones(4, 4))


def test_embedding_module() -> None:
    layer = nn.Embedding(6, 4, padding_idx=-2)
    assert layer.padding_idx == 4
    assert layer.weight[4].tolist() == [0.0] * 4
    layer(at.tensor([4, 1])).sum().backward()
    assert layer.weight.grad is not None
    assert layer.weight.grad.sum(1).tolist() == [0.0, 4.0, 0.0, 0.0, 0.0, 0.0]
    table = at.tensor(TABLE)
    loaded = nn.Embedding.from_pretrained(table)
    assert not loaded.weight.requires_grad
    table.fill_(1)
    assert loaded(at.tensor(0)).tolist() == [1.0] * 3
    assert nn.Embedding.from_pretrained(table, freeze=False).weight.requires_grad


@given(
    hnp.arrays(
        np.int64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), elements=st.integers(0, 6)
    )
)
def test_one_hot(index: Array) -> None:
    hot = F.one_hot(at.tensor(index), 7)
    assert hot.dtype == at.int64
    np.testing.assert_array_equal(hot._array, np.eye(7, dtype=np.int64)[index])
    if index.size:
        assert F.one_hot(at.tensor(index)).shape[-1] == index.max() + 1


# --- dropout, normalize -------------------------------------------------------------------------------------


def test_dropout_drops_the_right_share_and_scales_the_rest() -> None:
    at.manual_seed(0)
    x = at.ones(300, 400, dtype=at.float64, requires_grad=True)
    y = F.dropout(x, 0.3)
    values = y.detach()._array
    assert set(np.unique(values)) == {0.0, 1 / 0.7}
    assert abs((values == 0).mean() - 0.3) < 0.005
    for axis in (0, 1):
        assert abs((values == 0).mean(axis) - 0.3).max() < 0.15
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad._array, values)


def test_dropout_follows_the_seed_and_the_mode() -> None:
    layer = nn.Dropout(0.5)
    x = at.ones(1000)
    at.manual_seed(3)
    a, b = layer(x), layer(x)
    at.manual_seed(3)
    assert at.equal(a, layer(x))
    assert not at.equal(a, b)
    assert layer.eval()(x) is x
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, training=False) is x
    assert F.dropout(x, 1.0).tolist() == [0.0] * 1000
    assert F.dropout(x.half(), 0.5).dtype == at.float16
    assert F.dropout(at.ones(0, 3), 0.5).shape == (0, 3)
    assert F.dropout(at.tensor(1.0), 0.5).shape == ()


def test_dropout_is_differentiable_to_any_order() -> None:
    def fn(x: at.Tensor) -> at.Tensor:
        at.manual_seed(5)
        return F.dropout(x**3, 0.4)

    oracle.check(fn, oracle.normal(4, 5))


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_dropout_refuses_other_probabilities(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        F.dropout(at.ones(2), p)
    with pytest.raises(ValueError, match="between 0 and 1"):
        nn.Dropout(p)


def test_dropout_of_integers() -> None:
    with pytest.raises(RuntimeError, match="floating"):
        F.dropout(at.arange(3))
    assert F.dropout(at.arange(3), training=False).tolist() == [0, 1, 2]


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, math.inf])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_normalize(p: float, dim: int) -> None:
    x = oracle.normal(3, 4, 2)
    expected = x / np.linalg.norm(x, p, axis=dim, keepdims=True) if p in (1, 2, math.inf) else None
    y = F.normalize(at.tensor(x), p, dim)
    if expected is not None:
        np.testing.assert_allclose(y._array, expected)
    oracle.check(lambda t: F.normalize(t, p, dim), x)
    assert F.normalize(at.zeros(2, 2)).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    out = at.empty(3, 4, 2, dtype=at.float64)
    assert F.normalize(at.tensor(x), p, dim, out=out) is out
    assert at.equal(out, y)


# --- modules that only pass on ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "fn"),
    [
        (nn.ReLU(), F.relu),
        (nn.LeakyReLU(0.2), lambda x: F.leaky_relu(x, 0.2)),
        (nn.ELU(0.5), lambda x: F.elu(x, 0.5)),
        (nn.GELU("tanh"), lambda x: F.gelu(x, approximate="tanh")),
        (nn.SiLU(), F.silu),
        (nn.Softplus(2, 3), lambda x: F.softplus(x, 2, 3)),
        (nn.Sigmoid(), F.sigmoid),
        (nn.LogSigmoid(), F.logsigmoid),
        (nn.Tanh(), F.tanh),
        (nn.GLU(0), lambda x: F.glu(x, 0)),
        (nn.Softmax(1), lambda x: F.softmax(x, 1)),
        (nn.LogSoftmax(0), lambda x: F.log_softmax(x, 0)),
        (nn.Identity(3, key=4), lambda x: x),
        (nn.Flatten(0), lambda x: x.reshape(-1)),
        (nn.Unflatten(1, (3, -1)), lambda x: x.reshape(4, 3, 2)),
    ],
)
def test_modules_call_their_function(module: nn.Module, fn: Callable[[at.Tensor], at.Tensor]) -> None:
    x = at.tensor(oracle.normal(4, 6))
    assert at.equal(module(x), fn(x))
    assert list(module.parameters()) == []


def test_modules_with_parameters_call_their_function() -> None:
    x, z = at.randn(4, 6), at.randn(4, 3)
    linear, bilinear, prelu = nn.Linear(6, 2), nn.Bilinear(6, 3, 2), nn.PReLU(6)
    assert at.equal(linear(x), F.linear(x, linear.weight, linear.bias))
    assert at.equal(bilinear(x, z), F.bilinear(x, z, bilinear.weight, bilinear.bias))
    assert at.equal(prelu(x), F.prelu(x, prelu.weight))
    assert nn.Linear(6, 2, bias=False).bias is None
    assert nn.Linear(6, 2, dtype=at.float64)(x.double()).dtype == at.float64
    with pytest.raises(RuntimeError, match=r"same dtype.*input of float64, weight of float32"):
        linear(x.double())
    prelu.weight.data.fill_(3)
    prelu.reset_parameters()
    assert prelu.weight.tolist() == [0.25] * 6
    with pytest.raises(ValueError, match="in1_features must be > 0"):
        nn.Bilinear(0, 1, 1)
