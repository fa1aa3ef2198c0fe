"""NumPy's reductions, sorting and linear algebra on Tensors, with NumPy's own arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import default_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import implements
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops import (
    choices,
    cumulative,
    einsum,
    extrema,
    products,
    reductions,
    sorting,
    statistics,
)

__all__: list[str] = []
methods: list[str] = []
in_place: list[str] = []


def _only(function: str, axis: Any = None, **others: Any) -> None:
    """TypeError for arguments that have no meaning on a Tensor."""
    for name, value in others.items():
        if value is not None and value is not True:
            raise TypeError(
                f"np.{function} of a Tensor does not take {name}=; use tensor.detach().numpy() for NumPy's "
                "own"
            )
    if isinstance(axis, tuple) and not axis:
        raise TypeError(
            f"np.{function} of a Tensor does not take axis=(); PyTorch's empty dim means all dimensions"
        )


def _floating(a: Tensor, dtype: Any) -> Any:
    """The dtype in which NumPy would give fractions: integers in the default one."""
    return default_dtype() if dtype is None and a._array.dtype.kind in "biu" else dtype


# --- reductions ---------------------------------------------------------------------------------------------


@implements(np.sum)
def _sum(
    a: Tensor,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    _only("sum", axis, out=out, initial=initial, where=where)
    return reductions.sum(a, axis, keepdims, dtype=dtype)


@implements(np.prod)
def _prod(
    a: Tensor,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    _only("prod", axis, out=out, initial=initial, where=where)
    return reductions.prod(a, axis, keepdims, dtype=dtype)


@implements(np.mean)
def _mean(
    a: Tensor,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    *,
    where: Any = None,
) -> Tensor:
    _only("mean", axis, out=out, where=where)
    return reductions.mean(a, axis, keepdims, dtype=_floating(a, dtype))


def _spread(
    name: str,
    a: Tensor,
    axis: Any,
    dtype: Any,
    ddof: float,
    keepdims: bool,
    correction: float | None,
    **others: Any,
) -> Tensor:
    _only(name, axis, **others)
    dtype = _floating(a, dtype)
    if dtype is not None:
        a = a.to(dtype)
    function = getattr(statistics, name)
    return function(a, axis, keepdim=keepdims, correction=ddof if correction is None else correction)  # type: ignore[no-any-return]


@implements(np.var)
def _var(
    a: Tensor,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = None,
    mean: Any = None,
    correction: float | None = None,
) -> Tensor:
    return _spread("var", a, axis, dtype, ddof, keepdims, correction, out=out, where=where, mean=mean)


@implements(np.std)
def _std(
    a: Tensor,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = None,
    mean: Any = None,
    correction: float | None = None,
) -> Tensor:
    return _spread("std", a, axis, dtype, ddof, keepdims, correction, out=out, where=where, mean=mean)


@implements(np.max, np.amax)
def _max(
    a: Tensor,
    axis: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    _only("max", axis, out=out, initial=initial, where=where)
    return extrema.amax(a, axis, keepdims)


@implements(np.min, np.amin)
def _min(
    a: Tensor,
    axis: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = None,
) -> Tensor:
    _only("min", axis, out=out, initial=initial, where=where)
    return extrema.amin(a, axis, keepdims)


@implements(np.argmax)
def _argmax(a: Tensor, axis: int | None = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
    _only("argmax", out=out)
    return extrema.argmax(a, axis, keepdims)


@implements(np.argmin)
def _argmin(a: Tensor, axis: int | None = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
    _only("argmin", out=out)
    return extrema.argmin(a, axis, keepdims)


@implements(np.median)
def _median(
    a: Tensor, axis: Any = None, out: Any = None, overwrite_input: Any = None, keepdims: bool = False
) -> Tensor:
    # NumPy's median is the mean of the two middle elements, torch's the lower of them.
    _only("median", axis, out=out)
    a = a.to(_floating(a, a.dtype))
    if axis is None or isinstance(axis, tuple):
        dims = range(a.ndim) if axis is None else [d % a.ndim for d in axis]
        rest = [i for i in range(a.ndim) if i not in dims]
        ordered = a.permute([*rest, *dims]).reshape([*[a.shape[i] for i in rest], -1]).sort(-1).values
        kept = [1 if i in dims else n for i, n in enumerate(a.shape)]
    else:
        ordered = a.sort(axis).values.movedim(axis, -1)
        kept = [1 if i == axis % a.ndim else n for i, n in enumerate(a.shape)]
    n = ordered.shape[-1]
    middle = (ordered[..., (n - 1) // 2] + ordered[..., n // 2]) / 2
    last = ordered[..., -1]  # NaN, if there is one
    middle = choices.where(Tensor._wrap(np.asarray(np.isnan(last._array))), last, middle)
    return middle.reshape(kept) if keepdims else middle  # type: ignore[no-any-return]


@implements(np.all)
def _all(
    a: Tensor, axis: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = None
) -> Tensor:
    _only("all", out=out, where=where)
    return reductions.all(a, axis, keepdims)


@implements(np.any)
def _any(
    a: Tensor, axis: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = None
) -> Tensor:
    _only("any", out=out, where=where)
    return reductions.any(a, axis, keepdims)


@implements(np.count_nonzero)
def _count_nonzero(a: Tensor, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    _only("count_nonzero", axis)
    return reductions.sum(Tensor._wrap(np.asarray(a._array != 0)), axis, keepdims)


@implements(np.cumsum)
def _cumsum(a: Tensor, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
    _only("cumsum", out=out)
    return cumulative.cumsum(*((a.reshape(-1), 0) if axis is None else (a, axis)), dtype=dtype)


@implements(np.cumprod)
def _cumprod(a: Tensor, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
    _only("cumprod", out=out)
    return cumulative.cumprod(*((a.reshape(-1), 0) if axis is None else (a, axis)), dtype=dtype)


# --- sorting ------------------------------------------------------------------------------------------------


@implements(np.sort)
def _sort(
    a: Tensor, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None
) -> Tensor:
    _only("sort", order=order)
    return sorting.sort(*((a.reshape(-1), 0) if axis is None else (a, axis))).values


@implements(np.argsort)
def _argsort(
    a: Tensor, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: bool | None = None
) -> Tensor:
    _only("argsort", order=order)
    return sorting.argsort(*((a.reshape(-1), 0) if axis is None else (a, axis)))


@implements(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Tensor:
    return sorting.bincount(
        x if isinstance(x, Tensor) else tensor_input(np.asarray(x), "x", "bincount"), weights, minlength
    )


@implements(np.unique)
def _unique(
    ar: Tensor,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    plain: Any = np.unique  # its overloads want literal flags
    outputs = quietly(
        lambda: plain(ar._array, return_index, return_inverse, return_counts, axis, equal_nan=equal_nan)
    )
    several = isinstance(outputs, tuple)
    first, *rest = outputs if several else (outputs,)
    values = sorting.unique_values(ar, first)
    return (values, *[Tensor._wrap(np.asarray(r)) for r in rest]) if several else values


# --- products and linear algebra ----------------------------------------------------------------------------


@implements(np.dot)
def _dot(a: Any, b: Any, out: Any = None) -> Tensor:
    _only("dot", out=out)
    x, y = (
        np.ndim(a._array if isinstance(a, Tensor) else a),
        np.ndim(b._array if isinstance(b, Tensor) else b),
    )
    if not x or not y:
        return a * b  # type: ignore[no-any-return]
    if y < 3:
        return products.matmul(a, b)
    last, shared = (
        list(range(x)),
        list(range(x, x + y)),
    )  # the sum over a's last and b's second to last dimension
    shared[-2] = last[-1]
    return einsum.einsum(a, last, b, shared, last[:-1] + shared[:-2] + shared[-1:])


@implements(np.outer)
def _outer(a: Any, b: Any, out: Any = None) -> Tensor:
    _only("outer", out=out)
    return products.outer(
        tensor_input(a, "a", "outer").reshape(-1), tensor_input(b, "b", "outer").reshape(-1)
    )


@implements(np.einsum)
def _einsum(*operands: Any, out: Any = None, optimize: Any = None) -> Tensor:
    _only("einsum", out=out)
    return einsum.einsum(*operands)


@implements(np.trace)
def _trace(
    a: Tensor, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Tensor:
    _only("trace", out=out)
    return reductions.sum(a.diagonal(offset, axis1, axis2), -1, dtype=dtype)


@implements(np.linalg.trace)
def _linalg_trace(x: Tensor, /, *, offset: int = 0, dtype: Any = None) -> Tensor:
    return _trace(x, offset, -2, -1, dtype)
