"""Derivatives written by hand for plain NumPy functions: no tensor in sight."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autotape.testing._checking import check_problem
from autotape.testing._problems import ArrayProblem, names_of, outputs_of, widened
from autotape.testing._single import check_single
from autotape.testing._verify import Settings

__all__ = ["check_grad", "check_vjp"]

Array = np.ndarray[Any, Any]


def check_vjp(
    f: Callable[..., Any],
    vjp: Callable[..., Any],
    *arrays: Any,
    rtol: float = 1e-7,
    kinks: str = "subgradient",
    seed: int = 0,
) -> None:
    """GradientError unless ``vjp`` multiplies by the transposed Jacobian of ``f`` at ``arrays``.

    ``vjp(g, *arrays)``, or ``vjp(g, y, *arrays)`` with the output ``y = f(*arrays)``, gets the gradient of
    the output (a tuple of them if ``f`` returns a tuple) and returns those of the arrays: one array if there
    is one, else a sequence. How it is checked, and what a failure says, is as in :func:`check_gradients`.

    >>> import numpy as np
    >>> from autotape.testing import check_vjp
    >>> x = np.array([0.5, 1.0, 2.0])
    >>> check_vjp(np.exp, lambda g, x: g * np.exp(x), x)
    >>> check_vjp(np.exp, lambda g, y, x: 2 * g * y, x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autotape.testing.errors.GradientError: the gradient by 'x' is wrong
    ...
      kind        factor: it is 2 times the right one
    ...
    """
    given = [np.asarray(a) for a in arrays]
    if not given or any(a.dtype.kind not in "fciu" for a in given):
        raise TypeError("check_vjp needs arrays of numbers to differentiate by")
    given = [a if a.dtype.kind in "fc" else a.astype(np.float64) for a in given]
    several = isinstance(f(*[a.copy() for a in given]), (tuple, list))
    with_output = _parameters(vjp) == len(given) + 2

    def pull(weights: list[Array], points: list[Array]) -> Sequence[Any]:
        g = tuple(weights) if several else weights[0]
        found = vjp(g, f(*points), *points) if with_output else vjp(g, *points)
        if not isinstance(found, (tuple, list)):
            found = (found,)
        if len(found) != len(points):
            raise ValueError(f"vjp returned {len(found)} gradients for {len(points)} arrays")
        return list(found)

    # The names of the arrays: those of vjp, whose own are more telling than a ufunc's.
    names = names_of(vjp, len(given), skip=2 if with_output else 1)
    _check(f, pull, given, names, Settings(rtol, kinks, seed))


def check_grad(
    f: Callable[[Any], Any],
    grad: Callable[[Any], Any],
    x: Any,
    *,
    rtol: float = 1e-7,
    kinks: str = "subgradient",
    seed: int = 0,
) -> None:
    """GradientError unless ``grad(x)`` is the gradient of ``f`` at ``x``: SciPy's ``jac=``.

    For an ``f`` that returns an array, ``grad(x)`` is the Jacobian, of shape ``f(x).shape + x.shape``.

    >>> import numpy as np
    >>> from autotape.testing import check_grad
    >>> check_grad(lambda x: (x**2).sum(), lambda x: 2 * x, np.array([1.0, 2.0]))
    """
    x = np.asarray(x)
    x = x if x.dtype.kind in "fc" else x.astype(np.float64)

    def pull(weights: list[Array], points: list[Array]) -> Sequence[Any]:
        found, weight = np.asarray(grad(points[0])), weights[0]
        if weight.ndim and found.shape == (*weight.shape, *points[0].shape):
            return [np.tensordot(weight, found, weight.ndim)]
        return [found * (weight if weight.ndim == 0 else weight.reshape(-1)[0])]

    outputs = outputs_of(f(x.copy()))
    if len(outputs) != 1:
        raise TypeError("check_grad: f must return a number or one array; use check_vjp for several outputs")
    shape = np.asarray(grad(x.copy())).shape
    if outputs[0].size > 1 and shape != (*outputs[0].shape, *x.shape):
        raise ValueError(
            f"check_grad: f returns an array of shape {outputs[0].shape}, so grad(x) must be the Jacobian of "
            f"shape {(*outputs[0].shape, *x.shape)}, not {shape}"
        )
    _check(f, pull, [x], names_of(f, 1), Settings(rtol, kinks, seed))


def _check(
    f: Callable[..., Any],
    pull: Callable[[list[Array], list[Array]], Sequence[Any]],
    given: list[Array],
    names: list[str],
    settings: Settings,
) -> None:
    wide = ArrayProblem(f, pull, [widened(a) for a in given], names)
    check = check_problem(wide, settings)
    if any(a.dtype not in (np.float64, np.complex128) for a in given):
        check_single(ArrayProblem(f, pull, given, names), check)


def _parameters(function: Callable[..., Any]) -> int:
    """How many positional parameters there are; 0 if that is not known."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 0
    if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
        return 0
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(1 for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty)
