"""Taking and putting elements by index tensors and masks: gather, scatter, index_select, masked_fill, ..."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops import arithmetic
from autotape.ops._accumulate import add_elements
from autotape.ops._dims import dim_names, normalize_dim
from autotape.ops._rules import masked
from autotape.ops.indexing import add_along, getitem, take_along
from autotape.ops.shape import broadcast_to, ravel

__all__ = [
    "gather",
    "index_add",
    "index_select",
    "masked_fill",
    "masked_select",
    "nonzero",
    "scatter",
    "scatter_add",
    "take_along_dim",
]

methods = __all__
in_place = ["index_add", "masked_fill", "scatter", "scatter_add"]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


# --- one place per element: gather and scatter --------------------------------------------------------------
#
# ``places`` holds, for each element of the index, its position in the flattened tensor.


def _places(function: str, shape: Shape, dim: int, index: Any, source: Shape | None = None) -> Array:
    """The flat positions that ``index`` means along ``dim`` of a tensor; RuntimeError for a wrong one."""
    a = tensor_input(index, "index", function)._array
    if a.dtype.kind not in "iu":
        raise RuntimeError(f"{function}(): Expected dtype int32/int64 for index, got {a.dtype.name}")
    if a.size == 0:
        return np.empty(a.shape, np.intp)
    if max(a.ndim, 1) != max(len(shape), 1):
        raise RuntimeError(
            f"Index tensor must have the same number of dimensions as input tensor: {function}() got an "
            f"index of shape {list(a.shape)} for an input of shape {list(shape)}"
        )
    full = shape or (1,)
    own = a.shape or (1,)
    if any(n > m for d, (n, m) in enumerate(zip(own, full)) if d != dim):
        raise RuntimeError(
            f"{function}(): Expected index {list(a.shape)} to be no larger than self {list(shape)} apart "
            f"from dimension {dim}"
        )
    if source is not None and (
        len(source or (1,)) != len(own) or any(n > m for n, m in zip(own, source or (1,)))
    ):
        raise RuntimeError(
            f"{function}(): Expected index {list(a.shape)} to be no larger size than src {list(source)}"
        )
    places = a.astype(np.intp).reshape(own)
    if np.maximum.reduce(places.view(np.uintp), axis=None) >= full[dim]:  # of negative ones too, as unsigned
        wrong = places[(places < 0) | (places >= full[dim])][0]
        raise RuntimeError(
            f"index {wrong} is out of bounds for dimension {dim} with size {full[dim]} ({function}() of an "
            f"input of shape {list(shape)})"
        )
    step = 1
    for d in range(len(full) - 1, -1, -1):
        if d == dim:
            if step > 1:
                places *= step
            break
        step *= full[d]
    step = 1
    for d in range(len(full) - 1, -1, -1):
        if d != dim and own[d] > 1:
            places += np.arange(0, own[d] * step, step).reshape((-1,) + (1,) * (len(full) - 1 - d))
        step *= full[d]
    return places.reshape(a.shape)


def _gather_rule(g: Any, _y: Any, _x: Any, places: Array, unique: bool, shape: Shape) -> Any:
    if isinstance(g, Tensor):
        return apply(_GATHER_ADJOINT, (g,), places, unique, shape)
    return _put_into_zeros(g, places, unique, shape)


def _put_into_zeros(g: Array, places: Array, unique: bool, shape: Shape) -> Array:
    out = np.zeros(shape, g.dtype)
    if unique:
        out.reshape(-1)[places] = g
    else:
        add_elements(out, places, g)
    return out


def _gather_adjoint_rule(g: Any, _y: Any, _x: Any, places: Array, unique: bool, shape: Shape) -> Any:
    return apply(_GATHER, (g,), places, unique, shape) if isinstance(g, Tensor) else g.take(places)


_GATHER = Operation("gather", lambda x, places, _unique, _shape: x.take(places), _gather_rule)
_GATHER_ADJOINT = Operation("gather_adjoint", _put_into_zeros, _gather_adjoint_rule)


@dim_names
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """An element of ``input`` per one of ``index``: ``out[i][j][k] = input[i][index[i][j][k]][k]`` for dim=1.

    ``index`` has as many dimensions as ``input`` and, except along ``dim``, at most its sizes; the result has
    its shape. The derivative adds the gradient up in the elements' places. ``sparse_grad`` is accepted and
    ignored.

    Errors: RuntimeError for an index out of range (negative ones too) or of a wrong shape or dtype.

    >>> import autotape as at
    >>> at.tensor([[1.0, 2.0], [3.0, 4.0]]).gather(1, at.tensor([[1], [0]]))
    tensor([[2.],
            [3.]])
    """
    input = tensor_input(input, "input", "gather")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    places = _places("gather", shape, dim, index)
    unique = places.ndim == 0 or places.shape[dim if places.ndim == len(shape) else 0] <= 1
    return apply(_GATHER, (input,), places, unique, shape)  # type: ignore[no-any-return]


@dim_names
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """:func:`gather` with broadcasting of ``input`` and ``indices``; negative indices count from the end.

    Without ``dim`` both are flattened. It takes the results of argmax and argsort.

    >>> import autotape as at
    >>> at.tensor([[3.0, 1.0, 2.0]]).take_along_dim(at.tensor([[1, 2, 0]]), dim=1)
    tensor([[1., 2., 3.]])
    """
    input = tensor_input(input, "input", "take_along_dim")
    indices = tensor_input(indices, "indices", "take_along_dim")
    if dim is None:
        input, indices, dim = ravel(input), ravel(indices), 0
    if input._array.ndim != indices._array.ndim:
        raise RuntimeError(
            f"take_along_dim(): input and indices should have the same number of dimensions, but got "
            f"{input._array.ndim} dimensions for input, and {indices._array.ndim} dimensions for indices"
        )
    dim = normalize_dim(dim, input._array.ndim)
    a, i = input._array.shape, indices._array
    if i.dtype.kind not in "iu":
        raise RuntimeError(f"take_along_dim(): dtype of indices should be Long but got {i.dtype.name}")
    both = list(np.broadcast_shapes(*[(*s[:dim], 1, *s[dim + 1 :]) for s in (a, i.shape)])) if a else []
    if a:
        both[dim] = a[dim]
        input = broadcast_to(input, both) if tuple(both) != a else input
        i = np.broadcast_to(i, [*both[:dim], i.shape[dim], *both[dim + 1 :]])
        i = np.where(i < 0, i + a[dim], i)
    return gather(input, dim, Tensor._wrap(i))


def _scatter_forward(x: Array, src: Array, places: Array) -> Array:
    out = x.copy()
    out.reshape(-1)[places] = src
    return out


def _scatter_input_rule(g: Any, _y: Any, _x: Any, _src: Any, places: Array) -> Any:
    if isinstance(g, Tensor):
        return apply(_SCATTER, (g, Tensor._wrap(np.zeros((), g._array.dtype))), places)
    return _scatter_forward(g, np.zeros((), g.dtype), places)


def _scatter_src_rule(g: Any, _y: Any, _x: Any, _src: Any, places: Array) -> Any:
    order = np.empty(g.shape, np.intp).reshape(-1)
    numbers = np.arange(places.size).reshape(places.shape)
    order[places] = numbers
    part = apply(_GATHER, (g,), places, False, g.shape) if isinstance(g, Tensor) else g.take(places)
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


@dim_names
def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: str | None = None
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
    places = _places("scatter", shape, dim, index, tensor_input(src)._array.shape if tensor else None)
    if tensor:
        src = _source("scatter", input, tensor_input(src), index, places)
    else:
        src = Tensor._from_value(src, input._array.dtype)
    if reduce is None:
        return apply(_SCATTER, (input, src), places)  # type: ignore[no-any-return]
    src = broadcast_to(src, places.shape)
    if reduce == "add":
        return arithmetic.add(input, apply(_GATHER_ADJOINT, (src,), places, False, shape))
    if input._node is not None or src._node is not None:
        raise RuntimeError('the derivative of scatter(reduce="multiply") is not implemented')
    out = input._array.copy()
    np.multiply.at(out.reshape(-1), places, src._array)
    return Tensor._wrap(out)


@dim_names
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
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
    places = _places("scatter_add", shape, dim, index, src._array.shape)
    src = _source("scatter_add", input, src, index, places)
    return arithmetic.add(input, apply(_GATHER_ADJOINT, (src,), places, False, shape))


# --- whole slices: index_select and index_add ---------------------------------------------------------------


def _vector(function: str, index: Any, size: int, error: type[Exception]) -> Array:
    a = tensor_input(index, "index", function)._array
    if a.ndim > 1:
        raise IndexError(f"{function}(): Index is supposed to be a vector, got shape {list(a.shape)}")
    if a.dtype.kind not in "iu":
        raise RuntimeError(f"{function}(): Expected dtype int32/int64 for index, got {a.dtype.name}")
    if a.size and (a.min() < 0 or a.max() >= size):
        wrong = int(a.min() if a.min() < 0 else a.max())
        raise error(
            f"index out of range in self: {function}() got index {wrong} for a dimension of size {size}"
        )
    return a.reshape(-1)


@dim_names
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """The slices of ``input`` along ``dim`` that a 1-D integer tensor names; a copy.

    Errors: IndexError for an index out of range (negative ones too).

    >>> import autotape as at
    >>> at.tensor([[1, 2], [3, 4]]).index_select(1, at.tensor([1, 1, 0]))
    tensor([[2, 2, 1],
            [4, 4, 3]])
    """
    input = tensor_input(input, "input", "index_select")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    a = _vector("index_select", index, shape[dim] if shape else 1, IndexError)
    if not shape:
        if a.size != 1:
            raise RuntimeError(
                f"index_select(): Index to scalar can have only 1 value, got {a.size} value(s)"
            )
        return take_along(input.reshape(1), a, 0).reshape(())
    return take_along(input, a, dim)


@dim_names
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """``input`` with ``alpha * source[i]`` added to its slice ``index[i]`` along ``dim``; repeats add up.

    Errors: RuntimeError if source's other sizes, its dtype or the number of indices do not fit.

    >>> import autotape as at
    >>> at.zeros(3).index_add(0, at.tensor([0, 0, 2]), at.tensor([1.0, 2.0, 3.0]))
    tensor([3., 0., 3.])
    """
    input = tensor_input(input, "input", "index_add")
    source = tensor_input(source, "source", "index_add")
    if source._array.dtype != input._array.dtype:
        raise RuntimeError(
            f"index_add_(): self ({input.dtype}) and source ({source.dtype}) must have the same scalar type"
        )
    shape = input._array.shape or (1,)
    dim = normalize_dim(dim, len(shape))
    a = _vector("index_add", index, shape[dim], RuntimeError)
    given = source._array.shape or (1,)
    if len(given) != len(shape) or any(n != m for d, (n, m) in enumerate(zip(shape, given)) if d != dim):
        raise RuntimeError(
            f"source tensor shape must match self tensor shape, excluding the specified dimension. Got "
            f"self.shape = {list(input._array.shape)} source.shape = {list(source._array.shape)}"
        )
    if a.size != given[dim]:
        raise RuntimeError(
            f"index_add_(): Number of indices ({a.size}) should be equal to source.size(dim): "
            f"({given[dim]}), for dim: {dim}"
        )
    added = add_along(source.reshape(given) if not source._array.ndim else source, a, dim, shape)
    return arithmetic.add(input, added.reshape(()) if not input._array.ndim else added, alpha=alpha)


# --- masks --------------------------------------------------------------------------------------------------


def _fill_input_rule(g: Any, _y: Any, _x: Any, _value: Any, mask: Array) -> Any:
    return masked(g, ~mask)


def _fill_value_rule(g: Any, _y: Any, _x: Any, _value: Any, mask: Array) -> Any:
    return masked(g, mask)


_MASKED_FILL = Operation(
    "masked_fill",
    lambda x, value, mask: np.where(mask, value, x),
    _fill_input_rule,
    _fill_value_rule,
    elementwise=True,
    masks=True,
)


def masked_fill(input: Tensor, mask: Tensor, value: Any) -> Tensor:
    """``value`` where ``mask`` is True, ``input`` elsewhere, in input's dtype; the mask is broadcast.

    ``value`` is a number or a 0-d tensor. Where the mask is True the gradient of ``input`` is exactly 0.

    Errors: RuntimeError unless the mask is boolean, and for a value that input's dtype can't hold.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0]).masked_fill(at.tensor([True, False]), -at.inf)
    tensor([-inf,  2.])
    """
    input = tensor_input(input, "input", "masked_fill")
    a = _mask("masked_fill", mask)
    dtype = input._array.dtype
    if not isinstance(value, Tensor):
        filler = _number_as(value, dtype)
    elif value._array.ndim:
        raise RuntimeError(
            f"masked_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{value._array.ndim} dimension(s)."
        )
    elif value._array.dtype != dtype:
        filler = value.to(dtype)
    else:
        filler = value
    try:
        return apply(_MASKED_FILL, (input, filler), a)  # type: ignore[no-any-return]
    except ValueError:
        raise RuntimeError(
            f"masked_fill: the mask of shape {list(a.shape)} can't be broadcast with the input of shape "
            f"{list(input._array.shape)}"
        ) from None


def _number_as(value: Any, dtype: np.dtype[Any]) -> Tensor:
    """A number as a 0-d tensor; RuntimeError if it is finite and the dtype's would not be."""
    if isinstance(value, complex) and dtype.kind != "c":
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow: {value}")
    try:
        out = quietly(np.array(value).astype, dtype) if dtype.kind in "fcb" else np.array(int(value), dtype)
    except (OverflowError, ValueError):
        out = None
    if out is None or (np.isfinite(value) and not np.isfinite(out)):
        raise RuntimeError(f"value cannot be converted to type {dtype.name} without overflow: {value}")
    return Tensor._wrap(out)


def _mask(function: str, mask: Any) -> Array:
    a = tensor_input(mask, "mask", function)._array
    if a.dtype.kind != "b":
        raise RuntimeError(
            f"{function}: only boolean masks are supported, but got mask with dtype {a.dtype.name}"
        )
    return a


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where ``mask`` is True, as a 1-D tensor; both are broadcast against each other.

    >>> import autotape as at
    >>> at.tensor([1.0, 2.0, 3.0]).masked_select(at.tensor([True, False, True]))
    tensor([1., 3.])
    """
    input = tensor_input(input, "input", "masked_select")
    a = _mask("masked_select", mask)
    try:
        shape = np.broadcast_shapes(input._array.shape, a.shape)
    except ValueError:
        raise RuntimeError(
            f"masked_select: the mask of shape {list(a.shape)} can't be broadcast with the input of shape "
            f"{list(input._array.shape)}"
        ) from None
    if input._array.shape != shape:
        input = broadcast_to(input, shape)
    return getitem(input, np.broadcast_to(a, shape))


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The indices of the elements that are not 0: a row for each, or a 1-D tensor for each dimension.

    >>> import autotape as at
    >>> at.tensor([[1, 0], [0, 2]]).nonzero()
    tensor([[0, 0],
            [1, 1]])
    >>> at.tensor([0, 3]).nonzero(as_tuple=True)
    (tensor([1]),)
    """
    x = tensor_input(input, "input", "nonzero")._array
    if as_tuple:
        return tuple([Tensor._wrap(i.copy()) for i in np.atleast_1d(x).nonzero()])  # not parts of one array
    return Tensor._wrap(np.argwhere(x))
