"""Products with logarithms, which take 0 log 0 as 0, and the logit."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.elementwise import binary, unary
from autotape.engine.operands import tensor_input, to_floating
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops._rules import array_of, masked
from autotape.special._series import Array, in_double

__all__ = ["logit", "xlogy"]

methods = __all__
in_place = __all__


def _no_complex(dtype: np.dtype[Any], name: str) -> None:
    if dtype.kind == "c":
        raise NotImplementedError(f'"{name}" not implemented for {dtype} tensors')


def _product(name: str, log: Any) -> Any:
    """``x * log(y)``, 0 where x is 0 whatever y is, unless it is NaN."""

    def product(x: Any, y: Any) -> Any:
        _no_complex(np.result_type(x, y), name)
        return np.where(np.equal(x, 0) & ~np.isnan(y), 0, x * log(y))

    return product


_xlogy, _xlog1py = _product("xlogy", np.log), _product("xlog1py", np.log1p)


def _xlogy_rule(g: Any, _y: Any, x: Any, other: Any) -> Any:
    product = xlogy(g, other) if isinstance(g, Tensor) else _xlogy(g, other)
    return masked(product, ~((array_of(x) == 0) & (array_of(other) <= 0)))


@binary(_xlogy, _xlogy_rule, lambda g, _y, x, other: g * x / other, floating=True)
def xlogy(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``input * log(other)``, elementwise with broadcasting; either may be a number.

    0 where input is 0 whatever other is, except that NaN stays NaN. Derivative: d/dinput = log(other), 0
    where input is 0 and other <= 0; d/dother = input / other.

    >>> import autotape as at
    >>> at.xlogy(at.tensor([0.0, 2.0]), at.tensor([0.0, 3.0]))
    tensor([0.0000, 2.1972])
    """


def _xlog1py_rule(g: Any, _y: Any, x: Any, other: Any) -> Any:
    product = xlog1py(g, other) if isinstance(g, Tensor) else _xlog1py(g, other)
    return masked(product, ~((array_of(x) == 0) & (array_of(other) <= -1)))


@binary(_xlog1py, _xlog1py_rule, lambda g, _y, x, other: g * x / (other + 1), floating=True)
def xlog1py(input: Any, other: Any, *, out: Tensor | None = None) -> Tensor:
    """``input * log1p(other)``, elementwise with broadcasting; either may be a number.

    0 where input is 0 whatever other is, except that NaN stays NaN. Derivative: d/dinput = log1p(other), 0
    where input is 0 and other <= -1; d/dother = input / (1 + other).

    >>> import autotape as at
    >>> at.special.xlog1py(at.tensor([0.0, 2.0]), at.tensor([-1.0, 3.0]))
    tensor([0.0000, 2.7726])
    """


def _entr(x: Array) -> Any:
    _no_complex(x.dtype, "entr")
    return np.where(x > 0, -x * np.log(x), np.where(x == 0, 0, np.where(x < 0, -np.inf, x)))


@unary(lambda x: _entr(x).astype(x.dtype, copy=False), lambda g, _y, x: g * (-1 - np.log(x)))
def entr(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The entropy's term ``-input * log(input)``, elementwise: 0 at 0, -inf below.

    Derivative: -log(input) - 1, infinite at 0.

    >>> import autotape as at
    >>> at.special.entr(at.tensor([-0.5, 0.0, 0.5]))
    tensor([  -inf, 0.0000, 0.3466])
    """


# --- logit --------------------------------------------------------------------------------------------------


@in_double
def _logit(x: Array) -> Any:
    """Next to its zero at 0.5 by log1p, whose argument is exact there."""
    inner = (x > 0.25) & (x < 0.75)
    near = np.log1p((2 * x - 1) / (1 - x))
    return np.where(inner, near, np.log(x / (1 - x)))


def _logit_forward(x: Array, eps: float | None) -> Array:
    return _logit(x if eps is None else np.minimum(np.maximum(x, eps), 1 - eps))


def _logit_rule(g: Any, _y: Any, x: Any, eps: float | None) -> Any:
    values = array_of(x)
    if eps is None:
        return np.where((values < 0) | (values > 1), np.nan, g / (x * (1 - x)))
    inside = (values >= eps) & (values <= 1 - eps)
    x = np.where(inside, x, 0.5)
    return masked(g / (x * (1 - x)), inside)


_LOGIT = Operation("logit", _logit_forward, _logit_rule, elementwise=True)


@takes_out
def logit(input: Tensor, eps: float | None = None, *, out: Tensor | None = None) -> Tensor:
    """The log-odds ``log(input / (1 - input))``, elementwise, the inverse of sigmoid.

    With ``eps`` the input is clamped to [eps, 1 - eps] first; without, the result is infinite at 0 and 1 and
    NaN beyond. Accurate also next to its zero at 0.5. Derivative: 1 / (input * (1 - input)), 0 where it
    was clamped.

    >>> import autotape as at
    >>> at.logit(at.tensor([0.0, 0.5, 0.9])), at.logit(at.tensor([0.0]), eps=0.1)
    (tensor([  -inf, 0.0000, 2.1972]), tensor([-2.1972]))
    """
    input = tensor_input(input, "input", "logit")
    if input._array.dtype.kind in "biu":
        input = Tensor._wrap(to_floating(input._array))
    return apply(_LOGIT, (input,), None if eps is None or eps < 0 else eps)  # type: ignore[no-any-return]
