"""Comparisons, logic and bits: not differentiable, so never recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import mismatch, tensor_input
from autotape.engine.operation import implements
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isinf",
    "isnan",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
]

methods = __all__
_TESTS = ("allclose", "equal", "isclose", "isfinite", "isinf", "isnan")
in_place = [name for name in __all__ if name not in _TESTS]

Array = np.ndarray[Any, Any]

# --- comparisons --------------------------------------------------------------------------------------------


@binary(np.equal, None)
def eq(input: Tensor, other: Any) -> Tensor:
    """Whether ``input == other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) == 2
    tensor([False,  True, False])
    """


@binary(np.not_equal, None)
def ne(input: Tensor, other: Any) -> Tensor:
    """Whether ``input != other``, elementwise with broadcasting; True for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) != 2
    tensor([ True, False,  True])
    """


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
        for operand in (a, b):
            if isinstance(operand, complex) or (
                operand.__class__ is np.ndarray and operand.dtype.kind == "c"
            ):
                raise NotImplementedError(
                    f"{ufunc.__name__} is not implemented for complex tensors, which have no order"
                )
        return ufunc(a, b)

    return compare


@implements(np.less)
@binary(ordered(np.less), None)
def lt(input: Tensor, other: Any) -> Tensor:
    """Whether ``input < other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) < 2
    tensor([ True, False, False])
    """


@implements(np.less_equal)
@binary(ordered(np.less_equal), None)
def le(input: Tensor, other: Any) -> Tensor:
    """Whether ``input <= other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) <= 2
    tensor([ True,  True, False])
    """


@implements(np.greater)
@binary(ordered(np.greater), None)
def gt(input: Tensor, other: Any) -> Tensor:
    """Whether ``input > other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) > 2
    tensor([False, False,  True])
    """


@implements(np.greater_equal)
@binary(ordered(np.greater_equal), None)
def ge(input: Tensor, other: Any) -> Tensor:
    """Whether ``input >= other``, elementwise with broadcasting; False for NaN.

    >>> import autotape as at
    >>> at.tensor([1, 2, 3]) >= 2
    tensor([False,  True,  True])
    """


@unary(np.isnan, None, floating=False)
def isnan(input: Tensor) -> Tensor:
    """Whether each element is NaN.

    >>> import autotape as at
    >>> at.isnan(at.tensor([1.0, at.nan]))
    tensor([False,  True])
    """


@unary(np.isinf, None, floating=False)
def isinf(input: Tensor) -> Tensor:
    """Whether each element is infinite.

    >>> import autotape as at
    >>> at.isinf(at.tensor([1.0, -at.inf]))
    tensor([False,  True])
    """


@unary(np.isfinite, None, floating=False)
def isfinite(input: Tensor) -> Tensor:
    """Whether each element is neither infinite nor NaN.

    >>> import autotape as at
    >>> at.isfinite(at.tensor([1.0, at.inf, at.nan]))
    tensor([ True, False, False])
    """


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
        return Tensor._wrap(np.asarray(quietly(_isclose, a, b, rtol, atol, equal_nan)))
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

# --- logic and bits -----------------------------------------------------------------------------------------


@binary(np.logical_and, None)
def logical_and(input: Tensor, other: Any) -> Tensor:
    """Whether both elements are true (not zero), with broadcasting.

    >>> import autotape as at
    >>> at.logical_and(at.tensor([0.0, 1.0, 2.0]), at.tensor([True, True, False]))
    tensor([False,  True, False])
    """


@binary(np.logical_or, None)
def logical_or(input: Tensor, other: Any) -> Tensor:
    """Whether one of the elements is true (not zero), with broadcasting.

    >>> import autotape as at
    >>> at.logical_or(at.tensor([0, 1]), at.tensor([False, False]))
    tensor([False,  True])
    """


@binary(np.logical_xor, None)
def logical_xor(input: Tensor, other: Any) -> Tensor:
    """Whether exactly one of the elements is true (not zero), with broadcasting.

    >>> import autotape as at
    >>> at.logical_xor(at.tensor([0, 1]), at.tensor([True, True]))
    tensor([ True, False])
    """


@unary(np.logical_not, None, floating=False)
def logical_not(input: Tensor) -> Tensor:
    """Whether each element is zero (false).

    >>> import autotape as at
    >>> at.logical_not(at.tensor([0.0, 1.5]))
    tensor([ True, False])
    """


def _bits(ufunc: np.ufunc, kinds: str) -> Callable[..., Any]:
    """The ufunc for dtypes of these kinds only."""

    def compute(*operands: Any) -> Any:
        dtype = np.result_type(*operands)
        if dtype.kind not in kinds:
            raise NotImplementedError(f'"{ufunc.__name__}" not implemented for {dtype.name} tensors')
        return ufunc(*operands)

    return compute


@implements(np.bitwise_and)
@binary(_bits(np.bitwise_and, "biu"), None)
def bitwise_and(input: Tensor, other: Any) -> Tensor:
    """The bitwise and of integers, the logical and of booleans: the operator ``&``.

    >>> import autotape as at
    >>> at.tensor([6, 5]) & 3
    tensor([2, 1])
    """


@implements(np.bitwise_or)
@binary(_bits(np.bitwise_or, "biu"), None)
def bitwise_or(input: Tensor, other: Any) -> Tensor:
    """The bitwise or of integers, the logical or of booleans: the operator ``|``.

    >>> import autotape as at
    >>> at.tensor([6, 5]) | 3
    tensor([7, 7])
    """


@implements(np.bitwise_xor)
@binary(_bits(np.bitwise_xor, "biu"), None)
def bitwise_xor(input: Tensor, other: Any) -> Tensor:
    """The bitwise exclusive or of integers, the logical one of booleans: the operator ``^``.

    >>> import autotape as at
    >>> at.tensor([6, 5]) ^ 3
    tensor([5, 6])
    """


@implements(np.invert)
@unary(_bits(np.invert, "biu"), None, floating=False)
def bitwise_not(input: Tensor) -> Tensor:
    """The bitwise complement of integers, the logical not of booleans: the operator ``~``.

    >>> import autotape as at
    >>> ~at.tensor([0, 1]), ~at.tensor([True, False])
    (tensor([-1, -2]), tensor([False,  True]))
    """


def inverted(self: Tensor) -> Tensor:
    """The operator ``~``: :func:`bitwise_not`; TypeError for floating-point tensors."""
    if self._array.dtype.kind not in "biu":
        raise TypeError(f"~ is only implemented on integer and Boolean-type tensors, not {self.dtype}")
    return bitwise_not(self)


@implements(np.left_shift)
@binary(_bits(np.left_shift, "iu"), None)
def bitwise_left_shift(input: Tensor, other: Any) -> Tensor:
    """Integers with their bits shifted left, ``input * 2**other``: the operator ``<<``.

    >>> import autotape as at
    >>> at.tensor([1, 3]) << 2
    tensor([ 4, 12])
    """


@implements(np.right_shift)
@binary(_bits(np.right_shift, "iu"), None)
def bitwise_right_shift(input: Tensor, other: Any) -> Tensor:
    """Integers with their bits shifted right, ``floor(input / 2**other)``: the operator ``>>``.

    >>> import autotape as at
    >>> at.tensor([4, 13]) >> 2
    tensor([1, 3])
    """
