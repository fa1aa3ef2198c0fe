"""The gamma function: its logarithm, the derivatives of that, the incomplete functions, Hurwitz' zeta."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import tensor_input, to_floating
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.special import _gamma, _incomplete_gamma
from autotape.special._series import both
from autotape.special.entropy import xlogy

__all__ = ["digamma", "igamma", "igammac", "lgamma", "mvlgamma", "polygamma"]

methods = ["digamma", "igamma", "igammac", "lgamma", "mvlgamma"]  # polygamma: its tensor is the second one
in_place = methods

# Computed in float64 and rounded. The bounds of the errors are asserted in tests/test_special.py: a few units
# in the last place, and where the argument's own rounding changes the result by more, that many times more.


def _polygamma(x: Any, n: int) -> Any:
    return apply(_POLYGAMMA, (x,), n) if isinstance(x, Tensor) else _gamma.polygamma(x, n)


_POLYGAMMA = Operation(
    "polygamma", _gamma.polygamma, lambda g, _y, x, n: g * _polygamma(x, n + 1), elementwise=True
)


@unary(_gamma.lgamma, lambda g, _y, x: g * _polygamma(x, 0))
def lgamma(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithm of the absolute value of the gamma function, elementwise: infinite at 0, -1, -2, ...

    Above 2.5 Stirling's formula with a fitted remainder, below by recurrence and reflection. Derivative:
    digamma(input).

    >>> import autotape as at
    >>> at.lgamma(at.tensor([0.5, 1.0, 11.0]))
    tensor([ 0.5724,  0.0000, 15.1044])
    """


@unary(_gamma.digamma, lambda g, _y, x: g * _polygamma(x, 1))
def digamma(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The logarithmic derivative of the gamma function, elementwise.

    -inf at 0 (inf at -0.0), NaN at -1, -2, ... Accurate also next to its positive root 1.4616...
    Derivative: polygamma(1, input).

    >>> import autotape as at
    >>> at.digamma(at.tensor([1.0, 0.5]))
    tensor([-0.5772, -1.9635])
    """


@takes_out
def polygamma(n: int, input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The ``n``-th derivative of :func:`digamma` (n = 0: itself), elementwise; ``input.polygamma(n)`` too.

    (-1)**(n + 1) * n! * zeta(n + 1, input), infinite at 0, -1, -2, ... Derivative: polygamma(n + 1, input).
    Errors: RuntimeError for a negative n, TypeError for one that is not an int.

    >>> import autotape as at
    >>> at.polygamma(1, at.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    if type(n) is not int:
        raise TypeError(f"polygamma(): argument 'n' must be an int, not {type(n).__name__}")
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, got n={n}")
    return apply(_POLYGAMMA, (_floating(input, "polygamma"),), n)  # type: ignore[no-any-return]


def polygamma_of(self: Tensor, n: int) -> Tensor:
    """See :func:`autotape.polygamma`."""
    return polygamma(n, self)


polygamma_of.__name__ = "polygamma"


def _floating(input: Any, function: str) -> Tensor:
    input = tensor_input(input, "input", function)
    if input._array.dtype.kind in "biu":
        return Tensor._wrap(to_floating(input._array))
    return input  # type: ignore[no-any-return]


@takes_out
def mvlgamma(input: Tensor, p: int, *, out: Tensor | None = None) -> Tensor:
    """The multivariate log-gamma function of dimension ``p``, elementwise, for input > (p - 1) / 2.

    ``p (p - 1) / 4 * log(pi)`` and the sum of lgamma(input - j / 2) over j from 0 to p - 1. Derivative: the
    sum of the digammas. Errors: RuntimeError for p < 1.

    >>> import autotape as at
    >>> at.mvlgamma(at.tensor([1.0, 2.5]), 2)
    tensor([1.1447, 0.8570])
    """
    if p < 1:
        raise RuntimeError(f"mvlgamma: p has to be greater than or equal to 1, got p={p}")
    input = _floating(input, "mvlgamma")
    halves = Tensor._wrap(np.arange(p, dtype=input._array.dtype) * input._array.dtype.type(0.5))
    return lgamma(input.unsqueeze(-1) - halves).sum(-1) + p * (p - 1) / 4 * math.log(math.pi)


# --- the incomplete gamma functions -------------------------------------------------------------------------


def _refused(name: str, argument: str) -> Any:
    """The rule of an argument by which PyTorch does not differentiate either."""

    def rule(_g: Any, *_unused: Any) -> NoReturn:
        raise NotImplementedError(
            f"the derivative for '{name}: {argument}' is not implemented; detach() that argument"
        )

    return rule


def _incomplete_rule(g: Any, _y: Any, a: Any, x: Any) -> Any:
    return g * np.exp(_xlogy(a - 1, x) - x - _lgamma(a))


@binary(_incomplete_gamma.lower, _refused("igamma", "input"), _incomplete_rule)
def igamma(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The regularized lower incomplete gamma function P(a, x) of a = ``input`` and x = ``other``.

    The integral of t**(a - 1) * exp(-t) from 0 to x, divided by gamma(a); elementwise with broadcasting, NaN
    for negative arguments. By series, continued fraction and Temme's uniform expansion. Derivative by x:
    x**(a - 1) * exp(-x) / gamma(a); by a: NotImplementedError when it is asked for.
    Errors: NotImplementedError for two integer tensors.

    >>> import autotape as at
    >>> at.igamma(at.tensor([4.0]), at.tensor([3.0, 4.0, 5.0]))
    tensor([0.3528, 0.5665, 0.7350])
    """


@binary(
    _incomplete_gamma.upper,
    _refused("igammac", "input"),
    lambda g, _y, a, x: -_incomplete_rule(g, None, a, x),
)
def igammac(input: Tensor, other: Any, *, out: Tensor | None = None) -> Tensor:
    """The regularized upper incomplete gamma function Q(a, x) = 1 - P(a, x), accurate where it is small.

    a = ``input``, x = ``other``; see :func:`igamma`, whose derivatives it has with the opposite sign.

    >>> import autotape as at
    >>> at.igammac(at.tensor([4.0]), at.tensor([3.0, 4.0, 5.0]))
    tensor([0.6472, 0.4335, 0.2650])
    """


@binary(
    _gamma.zeta,
    _refused("zeta", "input"),
    lambda g, _y, s, q: g * (-s * _zeta(s + 1, q)),
    floating=True,
)
def zeta(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """Hurwitz' zeta function of s = ``input`` and q = ``other``: the sum of (q + k)**-s over k = 0, 1, ...

    Elementwise with broadcasting; either may be a number. inf for s = 1 and for q = 0, -1, ...; NaN for s < 1
    and for negative q unless s is an integer. By the Euler-Maclaurin formula (DLMF 25.11.5). Derivative by q:
    -s * zeta(s + 1, q); by s: NotImplementedError when it is asked for.

    >>> import autotape as at
    >>> at.special.zeta(at.tensor([2.0, 4.0]), 1)
    tensor([1.6449, 1.0823])
    """


_lgamma: Callable[..., Any] = both(lgamma)
_zeta: Callable[..., Any] = both(zeta)
_xlogy: Callable[..., Any] = both(xlogy)
