"""Putting elements in the places that an index tensor names: scatter, scatter_add, scatter_reduce, put."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.out import takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops import arithmetic, joining, reductions
from autotape.ops._accumulate import add_elements
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._places import flat_places
from autotape.ops._rules import masked
from autotape.ops.indexing import getitem
from autotape.ops.selecting import GATHER, wrapped_places
from autotape.ops.shape import broadcast_to, ravel, reshape

__all__ = ["put", "scatter", "scatter_add", "scatter_reduce"]

methods = __all__
in_place = __all__

Array = np.ndarray[Any, Any]

# ``places`` holds, for each element that is put, its position in the flattened tensor.


def _scatter_forward(x: Array, src: Array, places: Array) -> Array:
    out = x.copy()
    out.reshape(-1)[places] = src
    return out


def _scatter_input_rule(g: Any, _y: Any, _x: Any, _src: Any, places: Array) -> Any:
    if isinstance(g, Tensor):
        return apply(_SCATTER, (g, Tensor._wrap(np.zeros((), g._array.dtype))), places)
    return _scatter_forward(g, np.zeros((), g.dtype), places)


def _scatter_src_rule(g: Any, _y: Any, _x: Any, _src: Any, places: Array) -> Any:
    order = fresh(g.shape, places).reshape(-1)
    numbers = np.arange(places.size).reshape(places.shape)
    order[places] = numbers
    part = apply(GATHER, (g,), places, False, g.shape) if isinstance(g, Tensor) else g.take(places)
    return masked(part, order[places] == numbers)  # of several values for one place the last one stayed


_SCATTER = Operation("scatter", _scatter_forward, _scatter_input_rule, _scatter_src_rule)


def _source(function: str, input: Tensor, src: Tensor, index: Any, places: Array) -> Tensor:
    """The part of ``src`` that the index reaches, checked."""
    if src._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"{function}(): Expected self.dtype to be equal to src.dtype: got {input.dtype} and {src.dtype}; "
            f"convert one with .to()"
        )
    if src._array.shape == places.shape:
        return src
    if not src._array.ndim:
        return src.reshape(places.shape)
    return getitem(src, tuple([slice(0, n) for n in places.shape]))


def _scatter_add_forward(x: Array, src: Array, places: Array) -> Array:
    out = x.copy()
    add_elements(out, places, src)
    return out


_SCATTER_ADD = Operation(
    "scatter_add",
    _scatter_add_forward,
    lambda g, _y, _x, _src, _places: g,
    lambda g, _y, _x, _src, places: (
        apply(GATHER, (g,), places, False, g.shape) if isinstance(g, Tensor) else g.take(places)
    ),
)


@takes_out
@dim_names
def scatter(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of ``input`` with ``out[i][index[i][j][k]][k] = src[i][j][k]`` (for dim=1).

    ``src`` is a tensor of input's dtype, or a number; ``reduce``: "add" or "multiply" what is there by it.
    Of several values for one place the last one stays, and only it gets a gradient (without ``reduce``).

    Errors: RuntimeError for an index out of range or of a wrong shape, and for the gradient of "multiply".

    >>> import autotape as at
    >>> at.zeros(2, 3).scatter(1, at.tensor([[2], [0]]), 1.0)
    tensor([[0., 0., 1.],
            [1., 0., 0.]])
    """
    input = tensor_input(input, "input", "scatter")
    if (src is None) == (value is None):
        raise TypeError("scatter() needs either src or value")
    src = value if src is None else src
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply, got {reduce!r}")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    tensor = isinstance(src, (Tensor, np.ndarray))
    places = flat_places("scatter", shape, dim, index, tensor_input(src)._array.shape if tensor else None)
    if tensor:
        src = _source("scatter", input, tensor_input(src), index, places)
    else:
        src = Tensor._from_value(src, input._array.dtype)
    if reduce is None:
        return apply(_SCATTER, (input, src), places)  # type: ignore[no-any-return]
    src = broadcast_to(src, places.shape)
    if reduce == "add":
        return apply(_SCATTER_ADD, (input, src), places)  # type: ignore[no-any-return]
    if input._node is not None or src._node is not None:
        raise RuntimeError('the derivative of scatter(reduce="multiply") is not implemented')
    product = input._array.copy()
    quietly(np.multiply.at, product.reshape(-1), places, src._array)
    return Tensor._wrap(product)


@takes_out
@dim_names
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor, *, out: Tensor | None = None) -> Tensor:
    """A copy of ``input`` with ``out[i][index[i][j][k]][k] += src[i][j][k]`` (for dim=1); repeats add up.

    Errors: RuntimeError for an index out of range or of a wrong shape.

    >>> import autotape as at
    >>> at.zeros(3).scatter_add(0, at.tensor([0, 0, 2]), at.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    input = tensor_input(input, "input", "scatter_add")
    src = tensor_input(src, "src", "scatter_add")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    places = flat_places("scatter_add", shape, dim, index, src._array.shape)
    src = _source("scatter_add", input, src, index, places)
    return apply(_SCATTER_ADD, (input, src), places)  # type: ignore[no-any-return]


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of ``input`` whose flattened elements at ``index`` are those of ``source``, in order.

    Negative indices count from the end. ``accumulate``: ``source`` is added, and repeats add up; otherwise
    the last value for a place stays, and only it gets a gradient.

    Errors: RuntimeError unless ``index`` is int64 and ``source`` has input's dtype; IndexError for an index
    out of range, or if they are not as many.

    >>> import autotape as at
    >>> at.zeros(2, 2).put(at.tensor([0, -1]), at.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    input = tensor_input(input, "input", "put")
    source = tensor_input(source, "source", "put")
    places = wrapped_places("put_", input, index)
    _same_dtype("put_", input, source)
    if places.size != source._array.size:
        raise IndexError(
            f"put_(): Expected source and index to have the same number of elements, but got source.numel() "
            f"= {source._array.size}, index.numel() = {places.size}"
        )
    operation = _SCATTER_ADD if accumulate else _SCATTER
    return apply(operation, (input, reshape(source, places.shape)), places)  # type: ignore[no-any-return]


def _same_dtype(function: str, input: Tensor, source: Tensor) -> None:
    if source._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"{function}(): Expected self and source to have the same dtype, but got {input.dtype} and "
            f"{source.dtype}; convert one with .to()"
        )


# --- reductions ---------------------------------------------------------------------------------------------


@takes_out
@dim_names
def scatter_reduce(
    input: Tensor,
    dim: int,
    index: Tensor,
    src: Tensor,
    reduce: str,
    *,
    include_self: bool = True,
    out: Tensor | None = None,
) -> Tensor:
    """A copy of ``input`` where each place that ``index`` names holds the reduction of the values put there.

    The elements of ``src`` go where :func:`scatter` puts them; ``reduce`` is "sum", "prod", "mean", "amax" or
    "amin". The element of ``input`` counts as one of the values, unless ``include_self`` is False. "mean"
    of integers rounds down. The derivative is that of the reduction; of "amax" and "amin" equal values share
    it.

    Errors: RuntimeError for another ``reduce``, and as :func:`scatter`.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0]).scatter_reduce(0, at.tensor([0, 0, 1]), at.tensor([5.0, 3.0, 0.5]), "amax")
    tensor([5., 2.])
    """
    input = tensor_input(input, "input", "scatter_reduce")
    src = tensor_input(src, "src", "scatter_reduce")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    places = flat_places("scatter_reduce", shape, dim, index, src._array.shape)
    src = _source("scatter_reduce", input, src, index, places)
    return reduced_into(input, src, places, reduce, include_self)


def reduced_into(input: Tensor, src: Tensor, places: Array, reduce: str, include_self: bool) -> Tensor:
    """``input`` with the elements of ``src`` (of the shape of ``places``) reduced into their places."""
    if not places.size:
        return input.clone()
    if reduce == "prod":
        return _product_into(input, src, places, include_self)
    if reduce in ("amax", "amin"):
        return _extreme_into(input, src, places, reduce == "amax", include_self)
    if not include_self:
        input = apply(_SCATTER, (input, Tensor._wrap(np.zeros((), input._array.dtype))), places)
    total: Tensor = apply(_SCATTER_ADD, (input, src), places)
    if reduce == "sum":
        return total
    x = input._array
    counts = np.bincount(places.reshape(-1), minlength=x.size).reshape(x.shape)
    counts = np.maximum(counts + include_self, 1).astype(x.real.dtype)
    return arithmetic.div(
        total, Tensor._wrap(counts), rounding_mode=None if x.dtype.kind in "fc" else "floor"
    )


def _product_into(input: Tensor, src: Tensor, places: Array, include_self: bool) -> Tensor:
    x = input._array
    flat = places.reshape(-1)
    if input._node is None and src._node is None:
        out = x.copy()
        if not include_self:
            out.reshape(-1)[flat] = 1
        quietly(np.multiply.at, out.reshape(-1), flat, src._array.reshape(-1))
        return Tensor._wrap(out)
    # A row for each place: its own element, then the factors put there, padded with ones.
    order = np.argsort(flat, kind="stable")
    counts = np.bincount(flat, minlength=x.size)
    rank = np.arange(flat.size) - np.repeat(np.cumsum(counts) - counts, counts)
    width = 1 + int(counts.max())
    rows = np.empty(flat.size, np.intp)
    rows[order] = flat[order] * width + 1 + rank
    own = np.arange(x.size)
    if not include_self:
        own = own[counts == 0]
    factors = joining.cat([getitem(ravel(input), Tensor._wrap(own)), ravel(src)])
    table = Tensor._wrap(np.ones(x.size * width, x.dtype))
    table = apply(_SCATTER, (table, factors), np.concatenate((own * width, rows)))
    return reshape(reductions.prod(reshape(table, (x.size, width)), 1), x.shape)


def _extreme_into(input: Tensor, src: Tensor, places: Array, largest: bool, include_self: bool) -> Tensor:
    x, values = input._array, src._array
    out = x.copy()
    flat = out.reshape(-1)
    if not include_self:
        flat[places] = values
    quietly((np.maximum if largest else np.minimum).at, flat, places.reshape(-1), values.reshape(-1))
    if input._node is None and src._node is None:
        return Tensor._wrap(out)
    own, put = np.array(out == x, x.dtype), np.array(out.take(places) == values, x.dtype)
    if not include_self:
        own.reshape(-1)[places] = 0
    ties = _scatter_add_forward(own, put, places)
    parts = quietly(np.divide, own, ties), quietly(np.divide, put, ties.take(places))
    return apply(_EXTREME, (input, src), out, *parts, places)  # type: ignore[no-any-return]


def _extreme_src_rule(
    g: Any, _y: Any, _x: Any, _src: Any, _out: Any, _own: Any, part: Array, places: Array
) -> Any:
    chosen = apply(GATHER, (g,), places, False, g.shape) if isinstance(g, Tensor) else g.take(places)
    return chosen * part


_EXTREME = Operation(
    "scatter_reduce",
    lambda _x, _src, out, _own, _put, _places: out,
    lambda g, _y, _x, _src, _out, own, _put, _places: g * own,
    _extreme_src_rule,
)
"""``out`` holds one of the values of each place: ``own`` and ``put`` say what part the values have in it."""
