"""In-place twins of the elementwise operations, augmented operators, and what is in place only."""

import operator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from autotape import in_place
from autotape.ops import (
    activations,
    arithmetic,
    choices,
    comparison,
    complexes,
    exponentials,
    floats,
    integers,
    powers,
    rounding,
    signs,
    ternary,
    trigonometry,
)
from tests.elementwise_table import ALIASES
from tests.oracle import check, normal, uniform

FAMILIES = (
    activations, arithmetic, choices, comparison, complexes, exponentials, floats, integers, powers, rounding,
    signs, ternary, trigonometry,
)  # fmt: skip
TWINS = {
    name: getattr(family, name)
    for family in FAMILIES
    for name in family.in_place
    if name not in ALIASES  # the same functions
}
TWINS |= {"abs": at.abs, "float_power": at.float_power}  # written by hand
# arguments after the tensor; the rest take none
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    **dict.fromkeys(["add", "sub", "mul", "div", "pow", "atan2", "remainder", "floor_divide"], (0.72,)),
    **dict.fromkeys(
        ["true_divide", "fmod", "hypot", "copysign", "ldexp", "float_power", "nextafter"], (0.72,)
    ),
    **dict.fromkeys(["eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"], (0.4,)),
    "heaviside": (at.tensor(0.4).double(),),
    "clamp_min": (0.3,),
    "clamp_max": (0.3,),
    "lerp": (at.tensor([0.2, 0.9]).double(), 0.3),
    "addcmul": (at.tensor([0.2, 0.9]).double(), at.tensor(2.0)),
    "addcdiv": (at.tensor([0.2, 0.9]).double(), at.tensor(2.0)),
    "clamp": (0.3, 0.6),
}
BITWISE = integers.in_place
CONSTANT = {"logical_not", "eq", "ne", "lt", "le", "gt", "ge", "logical_and", "logical_or", "logical_xor"}
STEPS = {"sign", "sgn", "floor", "ceil", "round", "trunc", "heaviside", "acosh"}
SMOOTH = sorted(set(TWINS) - set(BITWISE) - CONSTANT - STEPS)
OPERATORS = {
    operator.iadd: operator.add, operator.isub: operator.sub, operator.imul: operator.mul,
    operator.itruediv: operator.truediv, operator.ifloordiv: operator.floordiv, operator.imod: operator.mod,
    operator.ipow: operator.pow,
}  # fmt: skip
BIT_OPERATORS = {
    operator.iand: operator.and_, operator.ior: operator.or_, operator.ixor: operator.xor,
    operator.ilshift: operator.lshift, operator.irshift: operator.rshift,
}  # fmt: skip


def leaf(data: Any) -> at.Tensor:
    return at.tensor(data, dtype=at.float64, requires_grad=True)


@pytest.mark.parametrize("name", TWINS)
def test_twin_writes_the_result_into_the_tensors_memory(name: str) -> None:
    integers = name in BITWISE
    data = np.array([[6, 5], [3, 9]]) if integers else np.array([[0.45, 0.2], [0.31, 0.7]])
    arguments = ARGUMENTS.get(name, () if name == "bitwise_not" else (2,) if integers else ())
    x = at.tensor(data)
    expected = TWINS[name](at.tensor(data), *arguments)
    memory, version, alias = x.numpy(), x._version, x.detach()
    assert getattr(x, name + "_")(*arguments) is x
    assert x.numpy() is memory
    assert x._version == version + 1
    np.testing.assert_array_equal(memory, expected.numpy())
    np.testing.assert_array_equal(alias.numpy(), memory)


@pytest.mark.parametrize("name", TWINS)
def test_twin_on_a_strided_view_changes_the_base_alone_where_it_looks(name: str) -> None:
    integers = name in BITWISE
    data = np.arange(1, 13).reshape(3, 4) if integers else uniform(0.1, 0.9, 3, 4)
    arguments = ARGUMENTS.get(name, () if name == "bitwise_not" else (2,) if integers else ())
    base = at.tensor(data)
    expected = data.copy()
    expected[::2, 1::2] = TWINS[name](at.tensor(data[::2, 1::2]), *arguments).numpy()
    getattr(base[::2, 1::2], name + "_")(*arguments)
    np.testing.assert_array_equal(base.numpy(), expected)


@pytest.mark.parametrize("name", SMOOTH)
def test_twin_has_the_derivatives_of_its_function(name: str) -> None:
    x, arguments = np.array([[0.45, 0.2], [0.331, 0.7]]), ARGUMENTS.get(name, ())
    check(lambda x: getattr(x.clone(), name + "_")(*arguments), x)

    def through_a_view(x: at.Tensor) -> at.Tensor:
        y = x * 1.0
        getattr(y[0], name + "_")(*arguments)
        return y * y

    check(through_a_view, x)


@pytest.mark.parametrize("augmented", OPERATORS)
@settings(max_examples=10)
@given(
    shape=hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3),
    seed=st.integers(0, 1000),
    kind=st.sampled_from(["tensor", "row", "number", "array", "itself"]),
)
def test_augmented_operators(augmented: Any, shape: tuple[int, ...], seed: int, kind: str) -> None:
    plain = OPERATORS[augmented]
    a, b = uniform(0.5, 1.4, *shape, seed=seed), uniform(1.6, 2.5, *shape, seed=seed + 1)
    x, y = leaf(a), leaf(b)
    row = leaf(1.7 + np.arange(shape[-1]) / 10 if shape else 1.7)
    other: Any = {"tensor": y, "row": row, "number": 1.75, "array": b, "itself": None}[kind]

    z = before = x * 1
    z = augmented(z, z if other is None else other)
    assert z is before
    w = x * 1
    expected = plain(w, w if other is None else other)
    np.testing.assert_array_equal(z.detach().numpy(), expected.detach().numpy())
    weights = at.tensor(normal(*shape, seed=seed))
    sources = [t for t in (x, y, row) if t is x or t is other]
    if augmented is operator.itruediv or (kind == "itself" and augmented is operator.ipow):
        return  # the old value or the result is needed and overwritten: compared in the next tests
    got = at.autograd.grad((z * weights).sum(), sources)
    for g, e in zip(got, at.autograd.grad((expected * weights).sum(), sources), strict=True):
        np.testing.assert_allclose(g.numpy(), e.numpy(), rtol=1e-12)


@pytest.mark.parametrize("augmented", OPERATORS)
def test_augmented_operators_have_the_derivatives_of_the_plain_ones(augmented: Any) -> None:
    check(lambda x, y: augmented(x * 1, y), uniform(0.5, 0.9, 2, 3), uniform(1.1, 1.4, 3))
    check(lambda x: augmented(x * 1, 0.23), uniform(0.5, 0.6, 2))


@pytest.mark.parametrize("augmented", BIT_OPERATORS)
def test_augmented_bitwise_operators(augmented: Any) -> None:
    x = before = at.tensor([6, 5, 3])
    expected = BIT_OPERATORS[augmented](x, at.tensor([1, 2, 1]))
    x = augmented(x, at.tensor([1, 2, 1]))
    assert x is before
    assert x.tolist() == expected.tolist()


def test_operand_that_overlaps_the_target() -> None:
    x = at.tensor([[1.0, 2.0], [3.0, 4.0]])
    x += x.T
    assert x.tolist() == [[2.0, 5.0], [5.0, 8.0]]
    y = at.arange(5.0)
    y[1:] += y[:-1]
    assert y.tolist() == [0.0, 1.0, 3.0, 5.0, 7.0]
    y[:-1].copy_(y[1:])
    assert y.tolist() == [1.0, 3.0, 5.0, 7.0, 7.0]
    y.mul_(y)
    assert y.tolist() == [1.0, 9.0, 25.0, 49.0, 49.0]


# --- zero_, fill_, copy_ ------------------------------------------------------------------------------------


def test_zero_and_fill() -> None:
    x = leaf([1.0, 2.0])
    y = x * 3
    assert y.zero_() is y
    assert y.tolist() == [0, 0]
    assert y.requires_grad
    assert at.autograd.grad(y.sum(), x)[0].tolist() == [0, 0]
    assert at.tensor([1, 2]).fill_(1.7).tolist() == [1, 1]
    assert at.zeros(2, 0).fill_(3).shape == (2, 0)
    assert at.tensor(1.0).fill_(at.tensor(4)).item() == 4
    check(lambda x, v: (x * 1).fill_(v) * x, normal(2, 3), normal())
    check(lambda x: (x * 1).fill_(2.5) * x, normal(2, 3))
    check(lambda x: (x * 1).zero_() + x * x, normal(2, 3))


def test_copy() -> None:
    assert at.zeros(2, 2).copy_(at.tensor([1, 2])).tolist() == [[1, 2], [1, 2]]
    assert at.tensor([1, 2]).copy_(at.tensor([1.7, -2.7])).tolist() == [1, -2]
    assert at.zeros(2).copy_(at.tensor(3.0)).tolist() == [3, 3]
    assert not at.zeros(2, dtype=at.int64).copy_(leaf([1.0, 2.0])).requires_grad
    check(lambda x, y: (x * 1).copy_(y) * x, normal(2, 3), normal(3))
    check(lambda x, y: (x * 1)[0].copy_(y) * x[0], normal(2, 3), normal())
    x = leaf([1.0, 2.0])
    target = at.zeros(3, 2, dtype=at.float32)
    target.copy_(x)
    target.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == at.float64
    assert x.grad.tolist() == [3, 3]


def test_a_python_function_of_each_element() -> None:
    x = at.tensor([[1.0, -2.0], [3.0, 4.0]])
    memory = x.numpy()
    assert x.T.apply_(lambda v: v * 10).tolist() == [[10, 30], [-20, 40]]
    assert memory.tolist() == [[10, -20], [30, 40]]
    assert x.map_(at.tensor([1.0, 2.0]), lambda v, w: v + w) is x
    assert x.tolist() == [[11, -18], [31, 42]]
    assert at.tensor([3, -4]).apply_(lambda v: v + 1.7).tolist() == [4, -2]
    assert at.tensor([True, False]).apply_(lambda v: not v).tolist() == [False, True]
    assert at.zeros(0).apply_(lambda v: 1 / 0).tolist() == []
    assert at.tensor([1 + 1j]).apply_(lambda v: v * 1j).tolist() == [-1 + 1j]
    version = x._version
    with pytest.raises(ZeroDivisionError):
        x.apply_(lambda v: 1 / 0)
    assert (x._version, x.tolist()) == (version, [[11, -18], [31, 42]])


def test_in_place_functions_of_the_root() -> None:
    for name in in_place.__all__:
        assert getattr(at, name) is getattr(at.Tensor, name)
    x = at.tensor([-1.0, 4.0])
    assert at.relu_(x) is x
    assert at.sqrt_(x).tolist() == [0, 2]
    assert at.clamp_(x, max=1).tolist() == [0, 1]
    assert at.fill_(x, 3).tolist() == [3, 3]


def test_fill_makes_a_new_tensor() -> None:
    x, v = leaf([1.0, 2.0]), leaf(3.0)
    y = at.fill(x, v)
    assert (x.tolist(), y.tolist()) == ([1, 2], [3, 3])
    assert at.autograd.grad(y.sum(), v)[0].tolist() == 2
    assert at.autograd.grad(at.fill(x, 3.0).sum(), x)[0].tolist() == [0, 0]


# --- errors, and what they leave behind ---------------------------------------------------------------------


def test_wrong_arguments_of_apply_and_map() -> None:
    with pytest.raises(TypeError, match=r"callable.*int"):
        at.ones(2).apply_(3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"float32.*int64"):
        at.ones(2).map_(at.tensor([1, 2]), max)


@pytest.mark.parametrize("name", [*TWINS, "zero", "fill", "copy"])
def test_leaf_that_requires_grad_is_refused(name: str) -> None:
    if name in BITWISE:
        return
    x = leaf([0.5, 0.25])
    arguments = {"fill": (1.0,), "copy": (at.ones(2),)}.get(name, ARGUMENTS.get(name, ()))
    for target in (x, x[0:1], x.view(2, 1)):
        with pytest.raises(RuntimeError, match="leaf Variable that requires grad"):
            getattr(target, name + "_")(*arguments)
    assert x.tolist() == [0.5, 0.25]
    assert x._version == 0
    with at.no_grad():
        getattr(x, name + "_")(*arguments)
    assert x.is_leaf
    assert x.requires_grad
    assert x._version == 1


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: at.ones(2).mul_(at.ones(2, 2)), r"output with shape \[2\].*broadcast shape \[2, 2\]"),
        (lambda: at.ones(1).add_(at.ones(3)), "broadcast shape"),
        (lambda: at.ones(2).add_(at.ones(3)), "size of tensor a"),
        (lambda: at.tensor([1, 2]).mul_(1.5), "can't be cast"),
        (lambda: at.tensor([1, 2]).div_(2), "can't be cast"),
        (lambda: at.tensor([1, 2]).exp_(), "can't be cast"),
        (lambda: at.tensor([1, 2]).clamp_(0.5), "can't be cast"),
        (lambda: at.tensor([True]).add_(1), "can't be cast"),
        (lambda: at.ones(2).add_(1j), "can't be cast"),
        (lambda: at.ones(2).expand(3, 2).add_(1), "single memory location"),
        (lambda: at.ones(2).expand(3, 2).zero_(), "single memory location"),
        (lambda: at.from_numpy(np.broadcast_to(1.0, 2)).mul_(2), "read-only"),
        (lambda: at.tensor([1, 2]).copy_(at.ones(3)), "copy_.*size of tensor|size of tensor.*copy_"),
        (lambda: at.ones(2).copy_(at.ones(1, 2)), "copy_|shape"),
        (lambda: at.ones(2).fill_(at.ones(1)), "0-dimension"),
        (lambda: at.ones(2).fill_(1j), "complex"),
        (lambda: at.ones(2).copy_(at.tensor([1j, 2])), "complex"),
        (lambda: at.tensor([1]).pow_(-1), "negative integer powers"),
        (lambda: at.tensor([1.0]).bitwise_and_(1), "not implemented"),
        (lambda: at.tensor([1j]).abs_(), "complex"),
        (lambda: at.tensor([1.0]).float_power_(2), r"float64.*float32"),
        (lambda: at.tensor([1]).copysign_(2), "can't be cast"),
        (lambda: at.tensor([1.0]).hypot_(at.tensor([1j])), "not implemented"),
        (lambda: leaf([1.0]).apply_(abs), "requires grad"),
        (lambda: at.ones(2).map_(leaf([1.0, 2.0]).float(), max), "requires grad"),
        (lambda: at.ones(2).map_(at.ones(3), max), "size of tensor"),
        (lambda: at.ones(1).expand(2).apply_(abs), "single memory location"),
    ],
)
def test_errors(call: Any, text: str) -> None:
    with pytest.raises(RuntimeError, match=text):
        call()


def test_refused_write_changes_nothing() -> None:
    x = at.tensor([1, 2])
    for call in (lambda: x.mul_(1.5), lambda: x.add_(at.ones(3)), lambda: x.floor_divide_(0)):
        with pytest.raises(RuntimeError):
            call()
    assert x.tolist() == [1, 2]
    assert x._version == 0
    y = leaf([1.0, 2.0]) * 2
    with pytest.raises(RuntimeError):
        y += at.ones(3, 2)
    y.sum().backward()


def test_types_that_can_be_cast_are() -> None:
    half = at.ones(2, dtype=at.float16)
    half += at.ones(2, dtype=at.float64)
    assert half.dtype == at.float16
    assert half.tolist() == [2, 2]
    assert at.tensor([1.0, 2.0]).eq_(1).tolist() == [1, 0]
    assert at.tensor([1, 0]).logical_not_().tolist() == [0, 1]
    assert at.tensor([5], dtype=at.uint8).add_(at.tensor([300])).tolist() == [49]


def test_overwriting_what_backward_needs_is_an_error_that_names_both() -> None:
    x = leaf([0.5, 1.0])
    for function, change in (("exp", "add_"), ("sqrt", "mul_"), ("tanh", "neg_"), ("sigmoid", "zero_")):
        y = getattr(x, function)()
        arguments = () if change in ("neg_", "zero_") else (2.0,)
        getattr(y, change)(*arguments)
        with pytest.raises(RuntimeError, match=rf"modified by an inplace operation: {function}.*{change}"):
            y.sum().backward()
    a = x * 2
    b = a * a
    a += 1
    with pytest.raises(RuntimeError, match=r"mul.*add_"):
        b.sum().backward()


def test_overwriting_what_backward_does_not_need_is_fine() -> None:
    x = leaf([0.5, 1.0])
    y = (x * 2).sin_().mul_(3).add_(1).relu_()
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), 6 * np.cos([1.0, 2.0]))


def test_views_and_base_see_the_write_and_its_gradient() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    y = x * 1
    row, column = y[0], y[:, 1]
    row *= 10
    assert y.tolist() == [[10, 20], [3, 4]]
    assert column.tolist() == [20, 4]
    (g,) = at.autograd.grad(column.sum(), x, retain_graph=True)
    assert g.tolist() == [[0, 10], [0, 1]]
    y.zero_()
    assert row.tolist() == [0, 0]
    (g,) = at.autograd.grad((row + column).sum(), x)
    assert g.tolist() == [[0, 0], [0, 0]]
