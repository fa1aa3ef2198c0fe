"""Bits and divisors of integers: not differentiable, so never recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operation import implements
from autotape.engine.tensor import Tensor

__all__ = [
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "gcd",
    "lcm",
]

methods = __all__
in_place = __all__

# --- bits ---------------------------------------------------------------------------------------------------


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
def bitwise_and(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The bitwise and of integers, the logical and of booleans: the operator ``&``.

    >>> import autotape as at
    >>> at.tensor([6, 5]) & 3
    tensor([2, 1])
    """


@implements(np.bitwise_or)
@binary(_bits(np.bitwise_or, "biu"), None)
def bitwise_or(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The bitwise or of integers, the logical or of booleans: the operator ``|``.

    >>> import autotape as at
    >>> at.tensor([6, 5]) | 3
    tensor([7, 7])
    """


@implements(np.bitwise_xor)
@binary(_bits(np.bitwise_xor, "biu"), None)
def bitwise_xor(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The bitwise exclusive or of integers, the logical one of booleans: the operator ``^``.

    >>> import autotape as at
    >>> at.tensor([6, 5]) ^ 3
    tensor([5, 6])
    """


@implements(np.invert)
@unary(_bits(np.invert, "biu"), None, floating=False)
def bitwise_not(input: Tensor, *, out: Tensor | None = None) -> Tensor:
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
def bitwise_left_shift(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Integers with their bits shifted left, ``input * 2**other``: the operator ``<<``.

    >>> import autotape as at
    >>> at.tensor([1, 3]) << 2
    tensor([ 4, 12])
    """


@implements(np.right_shift)
@binary(_bits(np.right_shift, "iu"), None)
def bitwise_right_shift(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Integers with their bits shifted right, ``floor(input / 2**other)``: the operator ``>>``.

    >>> import autotape as at
    >>> at.tensor([4, 13]) >> 2
    tensor([1, 3])
    """


# --- divisors -----------------------------------------------------------------------------------------------


@implements(np.gcd)
@binary(_bits(np.gcd, "iu"), None)
def gcd(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The greatest common divisor of integers, elementwise with broadcasting; ``gcd(0, 0)`` is 0.

    Errors: NotImplementedError for other dtypes.

    >>> import autotape as at
    >>> at.gcd(at.tensor([12, -8]), at.tensor([18, 6]))
    tensor([6, 2])
    """


@implements(np.lcm)
@binary(_bits(np.lcm, "iu"), None)
def lcm(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The least common multiple of integers, elementwise with broadcasting; 0 where one of them is 0.

    Errors: NotImplementedError for other dtypes.

    >>> import autotape as at
    >>> at.lcm(at.tensor([4, -8]), at.tensor([6, 3]))
    tensor([12, 24])
    """
