"""Comparisons, tests and logic: not differentiable, so never recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import mismatch, tensor_input
from autotape.engine.operation import implements
from autotape.engine.out import takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._operands import operand, result_dtype

__all__ = [
    "allclose",
    "eq",
    "equal",
    "ge",
    "greater",
    "greater_equal",
    "gt",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "le",
    "less",
    "less_equal",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
    "not_equal",
]

methods = [name for name in __all__ if name != "isin"]
in_place = [name for name in methods if not name.startswith("is") and name not in ("allclose", "equal")]

Array = np.ndarray[Any, Any]

# --- comparisons --------------------------------------------------------------------------------------------


@binary(np.equal, None)
def eq(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether ``input == other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) == 2
    tensor([False,  True, False])
    """


@binary(np.not_equal, None)
def ne(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether ``input != other``, elementwise with broadcasting; True for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) != 2
    tensor([ True, False,  True])
    """


not_equal = ne


def equals(self: Tensor, other: Any) -> Tensor:
    """The operator ``==``: :func:`eq`; False for what is no tensor, array or number."""
    try:
        return eq(self, other)
    except TypeError:
        return NotImplemented  # type: ignore[no-any-return]


def differs(self: Tensor, other: Any) -> Tensor:
    """The operator ``!=``: :func:`ne`; True for what is no tensor, array or number."""
    try:
        return ne(self, other)
    except TypeError:
        return NotImplemented  # type: ignore[no-any-return]


def ordered(ufunc: np.ufunc) -> Callable[[Any, Any], Any]:
    """The ufunc for what has an order: NumPy would compare complex numbers by real parts first."""

    def compare(a: Any, b: Any) -> Any:
        for x in (a, b):
            if isinstance(x, complex) or (x.__class__ is np.ndarray and x.dtype.kind == "c"):
                raise NotImplementedError(
                    f"{ufunc.__name__} is not implemented for complex tensors, which have no order"
                )
        return ufunc(a, b)

    return compare


@implements(np.less)
@binary(ordered(np.less), None)
def lt(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether ``input < other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) < 2
    tensor([ True, False, False])
    """


less = lt


@implements(np.less_equal)
@binary(ordered(np.less_equal), None)
def le(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether ``input <= other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) <= 2
    tensor([ True,  True, False])
    """


less_equal = le


@implements(np.greater)
@binary(ordered(np.greater), None)
def gt(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether ``input > other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) > 2
    tensor([False, False,  True])
    """


greater = gt


@implements(np.greater_equal)
@binary(ordered(np.greater_equal), None)
def ge(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether ``input >= other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) >= 2
    tensor([False,  True,  True])
    """


greater_equal = ge


@unary(np.isnan, None, floating=False)
def isnan(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element is NaN.

    >>> import autotape as at
    >>> at.isnan(at.tensor([1.0, at.nan]))
    tensor([False,  True])
    """


@unary(np.isinf, None, floating=False)
def isinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element is infinite.

    >>> import autotape as at
    >>> at.isinf(at.tensor([1.0, -at.inf]))
    tensor([False,  True])
    """


@unary(np.isfinite, None, floating=False)
def isfinite(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element is neither infinite nor NaN.

    >>> import autotape as at
    >>> at.isfinite(at.tensor([1.0, at.inf, at.nan]))
    tensor([ True, False, False])
    """


def _infinite(ufunc: np.ufunc) -> Callable[[Array], Any]:
    """Whether an element is infinite and ``ufunc(x, 0)`` holds."""

    def test(x: Array) -> Any:
        if x.dtype.kind == "c":
            raise RuntimeError("isposinf and isneginf do not support complex inputs: they have no order")
        return np.isinf(x) & ufunc(x, 0)

    return test


@implements(np.isposinf)
@unary(_infinite(np.greater), None, floating=False)
def isposinf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element is positive infinity. Errors: RuntimeError for complex tensors.

    >>> import autotape as at
    >>> at.isposinf(at.tensor([1.0, at.inf, -at.inf]))
    tensor([False,  True, False])
    """


@implements(np.isneginf)
@unary(_infinite(np.less), None, floating=False)
def isneginf(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element is negative infinity. Errors: RuntimeError for complex tensors.

    >>> import autotape as at
    >>> at.isneginf(at.tensor([1.0, at.inf, -at.inf]))
    tensor([False, False,  True])
    """


@implements(np.isreal)
@unary(np.isreal, None, floating=False)
def isreal(input: Tensor) -> Tensor:
    """Whether each element is real: all of a real tensor's, those with imaginary part 0 of a complex one's.

    >>> import autotape as at
    >>> at.isreal(at.tensor([1 + 0j, 1j]))
    tensor([ True, False])
    """


@implements(np.isin)
@takes_out
def isin(
    elements: Any,
    test_elements: Any,
    *,
    assume_unique: bool = False,
    invert: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """Whether each element of ``elements`` is one of ``test_elements``; with ``invert``, whether it is none.

    One of the two may be a number. The result has the shape of ``elements``; NaN is never found.
    ``assume_unique`` promises that neither repeats an element, which can be faster.
    Errors: RuntimeError for boolean or complex tensors.

    >>> import autotape as at
    >>> at.isin(at.tensor([[1, 2], [3, 4]]), at.tensor([2, 3]))
    tensor([[False,  True],
            [ True, False]])
    """
    given = operand("isin", "elements", elements), operand("isin", "test_elements", test_elements)
    if not any(isinstance(value, Tensor) for value in given):
        raise TypeError("isin(): one of elements and test_elements must be a Tensor")
    dtype = result_dtype(*given)
    if dtype.kind in "bc":
        raise RuntimeError(f"unsupported input type encountered for isin(): {dtype.name}")
    a, b = [as_array(v._array if isinstance(v, Tensor) else v).astype(dtype) for v in given]
    found = np.isin(a, b, assume_unique=assume_unique, invert=invert)
    return Tensor._wrap(as_array(found))


def isclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> Tensor:
    """Whether ``|input - other| <= atol + rtol * |other|``, elementwise with broadcasting.

    Equal infinities are close; NaN is close to NaN only with ``equal_nan``.
    Errors: RuntimeError for different dtypes or a negative tolerance.

    >>> import autotape as at
    >>> at.isclose(at.tensor([1.0, 2.0]), at.tensor([1.000001, 2.1]))
    tensor([ True, False])
    """
    a = tensor_input(input, "input", "isclose")._array
    b = tensor_input(other, "other", "isclose")._array
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"isclose: input is {a.dtype.name} but other is {b.dtype.name}; convert one of them"
        )
    for name, value in (("rtol", rtol), ("atol", atol)):
        if not value >= 0:
            raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    try:
        return Tensor._wrap(as_array(quietly(_isclose, a, b, rtol, atol, equal_nan)))
    except ValueError as error:
        raise mismatch("isclose", a, b, error) from None


def _isclose(a: Array, b: Array, rtol: float, atol: float, equal_nan: bool) -> Any:
    close = a == b
    if equal_nan and a.dtype.kind in "fc":
        close = close | (np.isnan(a) & np.isnan(b))
    if a.dtype.kind in "biu":
        a, b = a.astype(np.float64), b.astype(np.float64)
    error = np.abs(a - b)
    return close | (np.isfinite(error) & (error <= atol + rtol * np.abs(b)))


def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close: :func:`isclose` everywhere, as a Python bool.

    >>> import autotape as at
    >>> at.allclose(at.tensor([1.0, 2.0]), at.tensor([1.000001, 2.0]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan)._array.all())


def equal(input: Tensor, other: Tensor) -> bool:
    """Whether two tensors have the same shape and elements, as a Python bool; NaN equals nothing.

    >>> import autotape as at
    >>> at.equal(at.tensor([1, 2]), at.tensor([1, 2])), at.equal(at.tensor([1, 2]), at.tensor([1]))
    (True, False)
    """
    a = tensor_input(input, "input", "equal")._array
    b = tensor_input(other, "other", "equal")._array
    return a.shape == b.shape and bool((a == b).all())


implements(np.isclose)(isclose)
implements(np.allclose)(allclose)
implements(np.array_equal)(equal)

# --- logic --------------------------------------------------------------------------------------------------


@binary(np.logical_and, None)
def logical_and(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether both elements are true (not zero), with broadcasting.

    >>> import autotape as at
    >>> at.logical_and(at.tensor([0.0, 1.0, 2.0]), at.tensor([True, True, False]))
    tensor([False,  True, False])
    """


@binary(np.logical_or, None)
def logical_or(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether one of the elements is true (not zero), with broadcasting.

    >>> import autotape as at
    >>> at.logical_or(at.tensor([0, 1]), at.tensor([False, False]))
    tensor([False,  True])
    """


@binary(np.logical_xor, None)
def logical_xor(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Whether exactly one of the elements is true (not zero), with broadcasting.

    >>> import autotape as at
    >>> at.logical_xor(at.tensor([0, 1]), at.tensor([True, True]))
    tensor([ True, False])
    """


@unary(np.logical_not, None, floating=False)
def logical_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Whether each element is zero (false).

    >>> import autotape as at
    >>> at.logical_not(at.tensor([0.0, 1.5]))
    tensor([ True, False])
    """
