"""What the rules of reductions share: spreading a gradient back, picking along a dimension, dtypes."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.batched import BatchedArray, fresh
from autotape.engine.dtypes import DTypeLike, from_numpy_dtype, to_numpy_dtype
from autotape.engine.operation import CAST, Operation, apply
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops import shape as shapes
from autotape.ops._rules import array_of

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]

# Skips the Python layer of ndarray.sum and np.mean (1 to 5 us). Any: NumPy's types want a literal keepdims.
sum_over: Any = np.add.reduce

single = np.dtype(np.float32)
half = np.dtype(np.float16)


class ValuesIndices(NamedTuple):
    """The result of ``max(dim)``, ``sort``, ``topk`` and their like: a tuple with named fields."""

    values: Tensor
    indices: Tensor


def conj(x: Any) -> Any:
    """The complex conjugate; a real array or Tensor itself."""
    return x.conj() if array_of(x).dtype.kind == "c" else x


def kept_shape(shape: Shape, dims: Shape) -> Shape:
    """``shape`` with the reduced dimensions at size 1."""
    return tuple([1 if i in dims else n for i, n in enumerate(shape)])


def count(shape: Shape, dims: Shape) -> int:
    """How many elements each result of a reduction over ``dims`` comes from."""
    return prod([shape[i] for i in dims])


def spread(g: Any, dims: Shape, shape: Shape) -> Any:
    """The gradient of a sum: ``g`` (with or without the reduced dimensions) repeated over them."""
    if isinstance(g, Tensor):
        return shapes.spread(g.reshape(kept_shape(shape, dims)), shape)
    # A filled array where a view would do: the rules that follow run faster on contiguous memory (0.4 us
    # instead of 1.0 on 8x8, as long for a million elements), and a leaf can adopt it without a copy.
    out = fresh(shape, g) if type(g) is BatchedArray else np.empty(shape, g.dtype)
    if g.ndim:
        out[...] = g.reshape(kept_shape(shape, dims))
    else:
        out.fill(g)
    return out


def away_from_zero(g: Any, y: Any) -> tuple[Any, Any]:
    """For a rule ``g / y``: where y is 0, a gradient of 0 and a divisor of 1 (the convention at a cusp)."""
    zero = array_of(y) == 0
    if zero.any():
        dtype = array_of(y).dtype
        return g * (~zero).astype(dtype), y + zero.astype(dtype)
    return g, y


def in_dtype(input: Tensor, dtype: DTypeLike | None) -> Tensor:
    """The tensor converted to ``dtype``; RuntimeError where integers would lose its gradient silently."""
    if dtype is None:
        return input
    to = to_numpy_dtype(dtype)
    if to == input._array.dtype:
        return input
    out: Tensor = apply(CAST, (input,), to)
    if out._node is not None and to.kind in "biu":
        raise RuntimeError(
            f"Autograd does not support dtype {from_numpy_dtype(to)}: the gradient of a tensor that requires "
            "grad would be lost; use detach() first if that is meant"
        )
    return out


def require_floating(function: str, x: Array) -> None:
    """RuntimeError for integers, as functions of fractional values that do not convert them give it."""
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"{function}(): Expected a floating point or complex tensor as input. Got "
            f"{from_numpy_dtype(x.dtype)} of shape {list(x.shape)}; convert it first, for example with "
            ".float()"
        )


def refuse_complex(function: str, x: Array) -> None:
    """NotImplementedError for complex numbers where an order is needed."""
    if x.dtype.kind == "c":
        raise NotImplementedError(f"{function}() is not implemented for complex numbers, which have no order")


def refuse_empty(function: str, shape: Shape, dims: Shape) -> None:
    """PyTorch's error for an extremum over no elements."""
    for d in dims:
        if not shape[d]:
            raise IndexError(
                f"{function}(): Expected reduction dim {d} to have non-zero size (the input has shape "
                f"{list(shape)})."
            )


# --- one element of each line along a dimension -------------------------------------------------------------


# The index holds no position of a line twice: the adjoint of picking is a plain write, not an accumulation.


@lru_cache(maxsize=128)
def _positions(shape: Shape, dim: int) -> tuple[Array, ...]:
    """The positions along every dimension but ``dim``, ready to broadcast with an index of ``shape``."""
    found = []
    for i, n in enumerate(shape):
        if i != dim:
            positions = np.arange(n).reshape([n if k == i else 1 for k in range(len(shape))])
            positions.flags.writeable = False
            found.append(positions)
    return tuple(found)


def _along(index: Array, dim: int) -> tuple[Array, ...]:
    """What ``x[...]`` takes to pick ``index`` along ``dim``: a third of np.take_along_axis's 10 us."""
    others = _positions(index.shape, dim)
    return (*others[:dim], index, *others[dim:])


def take_along(x: Array, index: Array, dim: int) -> Array:
    """The elements at ``index`` along ``dim``."""
    return x[_along(index, dim)]


def put_along(x: Array, index: Array, dim: int, value: Any) -> None:
    """Write ``value`` over the elements at ``index`` along ``dim``."""
    x[_along(index, dim)] = value


def _take(x: Array, index: Array, dim: int, _shape: Shape) -> Array:
    return take_along(x, index, dim)


def _take_rule(g: Any, _y: Any, _x: Any, index: Array, dim: int, shape: Shape) -> Any:
    return place_along(g, index, dim, shape)


def _place(g: Array, index: Array, dim: int, shape: Shape) -> Array:
    out: Array = fresh(shape, g)
    out[_along(index, dim)] = g
    return out


def _place_rule(g: Any, _y: Any, _g: Any, index: Array, dim: int, shape: Shape) -> Any:
    return apply(_TAKE, (g,), index, dim, shape) if isinstance(g, Tensor) else take_along(g, index, dim)


def picking(name: str) -> Operation:
    """An operation ``x, index, dim, x.shape -> x`` at ``index`` along ``dim``, unique in every line."""
    return Operation(name, _take, _take_rule)


_TAKE = picking("take_along_dim")
_PLACE = Operation("place_along_dim", _place, _place_rule)


def place_along(g: Any, index: Array, dim: int, shape: Shape) -> Any:
    """Zeros of ``shape`` with ``g`` at ``index`` along ``dim``: the adjoint of picking."""
    return apply(_PLACE, (g,), index, dim, shape) if isinstance(g, Tensor) else _place(g, index, dim, shape)


def shares(hit: Array, dims: Shape, dtype: np.dtype[Any]) -> Array:
    """1 / the number of hits in its group where ``hit``, else 0: equal shares of a gradient among ties."""
    hits = sum_over(hit, axis=dims, dtype=np.intp, keepdims=True)
    return quietly(np.true_divide, hit, hits).astype(dtype, copy=False)  # type: ignore[no-any-return]
