"""Other shapes and other orders of dimensions: views, and copies where the memory forces one."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import DType, to_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.engine.views import reshape_in_place, view_of
from autotape.ops._dims import dim_names, normalize_dim, normalize_dims

__all__ = [
    "broadcast_to",
    "flatten",
    "ravel",
    "reshape",
    "squeeze",
    "unflatten",
    "unsqueeze",
]

methods = [
    *__all__,
    "expand",
    "expand_as",
    "reshape_as",
    "squeeze_",
    "sum_to_size",
    "unsqueeze_",
    "view",
    "view_as",
]
in_place: list[str] = []

Array = np.ndarray[Any, Any]


def sizes(shape: tuple[Any, ...], function: str = "reshape", name: str = "shape") -> tuple[int, ...]:
    """The sizes given as ``f(2, 3)`` or ``f((2, 3))``."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list, np.ndarray)):
        shape = tuple(shape[0])
    try:
        return tuple([n if n.__class__ is int else n.__index__() for n in shape])
    except AttributeError:
        wrong = next(n for n in shape if not hasattr(n, "__index__"))
        raise TypeError(f"{function}(): argument '{name}' must be ints, not {type(wrong).__name__}") from None


# --- the same elements in another shape ---------------------------------------------------------------------


def _reshaping(name: str) -> Operation:
    return Operation(
        name,
        lambda x, shape, _before: x.reshape(shape),
        lambda g, _y, _x, _shape, before: g.reshape(before),
        view=True,
    )


_RESHAPE = _reshaping("reshape")
_VIEW = _reshaping("view")
_SQUEEZE = _reshaping("squeeze")
_UNSQUEEZE = _reshaping("unsqueeze")


def _bad_shape(shape: tuple[int, ...], before: tuple[int, ...]) -> RuntimeError:
    """Why the elements of a tensor of shape ``before`` do not fit into ``shape``."""
    if shape.count(-1) > 1:
        return RuntimeError(f"only one dimension can be inferred, got shape {list(shape)}")
    for i, n in enumerate(shape):
        if n < -1:
            return RuntimeError(f"invalid shape dimension {n} at index {i} of shape {list(shape)}")
    size = int(np.prod(before))
    if size == 0 and 0 in shape and -1 in shape:
        return RuntimeError(
            f"cannot reshape tensor of 0 elements into shape {list(shape)} because the unspecified dimension "
            f"size -1 "
            "can be any value and is ambiguous"
        )
    return RuntimeError(
        f"shape '{list(shape)}' is invalid for input of size {size} (its shape is {list(before)})"
    )


def _reshaped(operation: Operation, input: Tensor, shape: tuple[int, ...]) -> Tensor:
    before = input._array.shape
    for n in shape:
        if n < -1:  # NumPy takes any negative size for -1
            raise _bad_shape(shape, before)
    try:
        return view_of(operation, input, shape, before)
    except ValueError:
        raise _bad_shape(shape, before) from None


def reshape(input: Tensor, *size: Any, shape: Any = None) -> Tensor:
    """The same elements in another shape; one size may be -1 (inferred). A view where the memory allows it.

    Errors: RuntimeError if the sizes do not multiply to the number of elements.

    >>> import autotape as at
    >>> at.arange(6).reshape(2, -1)
    tensor([[0, 1, 2],
            [3, 4, 5]])
    """
    input = tensor_input(input, "input", "reshape")
    if shape is not None:
        size = (shape,)
    elif not size:
        raise TypeError("reshape() missing 1 required argument: 'shape'")
    return _reshaped(_RESHAPE, input, sizes(size))


def view(input: Tensor, *size: Any, dtype: Any = None) -> Tensor:
    """The same memory in another shape (one size may be -1), or reinterpreted as another dtype.

    ``x.view(dtype)`` keeps the bytes: where the itemsize changes, so does the last dimension. No gradient
    flows through it, as in PyTorch.

    Errors: RuntimeError if the shape can't be had without a copy (use :func:`reshape`) or the sizes do not
    fit.

    >>> import autotape as at
    >>> x = at.zeros(2, 3); y = x.view(6); y[0] = 5.0; x[0, 0]
    tensor(5.)
    >>> at.tensor([1.0]).view(at.int32)
    tensor([1065353216], dtype=autotape.int32)
    """
    input = tensor_input(input, "input", "view")
    if len(size) == 1 and isinstance(size[0], (DType, np.dtype, type)):
        dtype, size = size[0], ()
    if dtype is not None:
        return _reinterpreted(input, dtype)
    if not size:
        raise TypeError("view() takes a shape or a dtype, got no argument")
    out = _reshaped(_VIEW, input, sizes(size, "view", "size"))
    x = input._array
    if out._base is None and x.size:
        raise RuntimeError(
            "view size is not compatible with input tensor's size and stride (at least one dimension spans "
            "across two "
            f"contiguous subspaces): shape {list(x.shape)} as {list(out._array.shape)}. Use .reshape(...) "
            f"instead."
        )
    return out


def _reinterpreted(input: Tensor, dtype: Any) -> Tensor:
    x = input._array
    to = to_numpy_dtype(dtype)
    if x.ndim == 0 and to.itemsize != x.itemsize:
        raise RuntimeError(
            f"self.dim() cannot be 0 to view {x.dtype.name} as {to.name} (different element sizes)"
        )
    try:
        return Tensor._wrap(x.view(to))
    except ValueError as error:
        raise RuntimeError(
            f"view: a tensor of shape {list(x.shape)}, {x.dtype.name} as {to.name}: {error}"
        ) from None


def view_as(input: Tensor, other: Tensor) -> Tensor:
    """``view(other.shape)``.

    >>> import autotape as at
    >>> at.zeros(6).view_as(at.ones(2, 3)).shape
    autotape.Size([2, 3])
    """
    return view(input, other._array.shape)


def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """``reshape(other.shape)``.

    >>> import autotape as at
    >>> at.zeros(6).reshape_as(at.ones(2, 3)).shape
    autotape.Size([2, 3])
    """
    return reshape(input, tensor_input(other, "other", "reshape_as")._array.shape)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from ``start_dim`` to ``end_dim`` as one; a view where possible.

    A 0-d tensor becomes 1-d. Errors: RuntimeError if ``start_dim`` comes after ``end_dim``.

    >>> import autotape as at
    >>> at.ones(2, 3, 4).flatten(1).shape
    autotape.Size([2, 12])
    """
    input = tensor_input(input, "input", "flatten")
    shape = input._array.shape
    start = normalize_dim(start_dim, len(shape), "start_dim")
    end = normalize_dim(end_dim, len(shape), "end_dim")
    if start > end:
        raise RuntimeError("flatten() has invalid args: start_dim cannot come after end_dim")
    if start == end and shape:
        return input
    joined = 1
    for n in shape[start : end + 1]:
        joined *= n
    return _reshaped(_RESHAPE, input, (*shape[:start], joined, *shape[end + 1 :]))


def ravel(input: Tensor) -> Tensor:
    """All elements in one dimension; a view where possible.

    >>> import autotape as at
    >>> at.ones(2, 3).ravel().shape
    autotape.Size([6])
    """
    input = tensor_input(input, "input", "ravel")
    return _reshaped(_RESHAPE, input, (input._array.size,))


def unflatten(input: Tensor, dim: int, sizes: Any) -> Tensor:
    """One dimension split into several; one size may be -1. A view where possible.

    Errors: RuntimeError if the sizes do not multiply to the dimension's.

    >>> import autotape as at
    >>> at.ones(2, 12).unflatten(1, (3, -1)).shape
    autotape.Size([2, 3, 4])
    """
    input = tensor_input(input, "input", "unflatten")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape))
    parts = list(sizes)
    if not parts:
        raise RuntimeError("unflatten: sizes must be non-empty")
    if not shape:
        raise RuntimeError("unflatten: a 0-d tensor has no dimension to split")
    known = 1
    for n in parts:
        known *= n if n != -1 else 1
    if parts.count(-1) == 1 and known and shape[dim] % known == 0:
        parts[parts.index(-1)] = shape[dim] // known
    elif known != shape[dim] or -1 in parts:
        raise RuntimeError(
            f"unflatten: Provided sizes {list(sizes)} don't multiply up to the size of dim {dim} "
            f"({shape[dim]}) in the "
            "input tensor"
        )
    return _reshaped(_VIEW, input, (*shape[:dim], *parts, *shape[dim + 1 :]))


@dim_names
def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """Without its dimensions of size 1: all of them, or those of ``dim`` (an int or a tuple). A view.

    A dimension of another size stays, as in PyTorch.

    >>> import autotape as at
    >>> at.ones(1, 3, 1).squeeze().shape, at.ones(1, 3, 1).squeeze(0).shape
    (autotape.Size([3]), autotape.Size([3, 1]))
    """
    input = tensor_input(input, "input", "squeeze")
    shape = input._array.shape
    if dim is None:
        return _reshaped(_SQUEEZE, input, tuple([n for n in shape if n != 1]))
    dims = normalize_dims(dim, len(shape)) if dim != () else ()
    return _reshaped(_SQUEEZE, input, tuple([n for i, n in enumerate(shape) if n != 1 or i not in dims]))


@dim_names
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """With a new dimension of size 1 at position ``dim`` (from -ndim-1 to ndim). A view.

    >>> import autotape as at
    >>> at.ones(3).unsqueeze(0).shape, at.ones(3).unsqueeze(-1).shape
    (autotape.Size([1, 3]), autotape.Size([3, 1]))
    """
    input = tensor_input(input, "input", "unsqueeze")
    shape = input._array.shape
    dim = normalize_dim(dim, len(shape) + 1)
    return _reshaped(_UNSQUEEZE, input, (*shape[:dim], 1, *shape[dim:]))


# --- in place: the same tensor, seen in another shape -------------------------------------------------------


@dim_names
def squeeze_(input: Tensor, dim: Any = None) -> Tensor:
    """:func:`squeeze` in place: this tensor loses its dimensions of size 1.

    >>> import autotape as at
    >>> at.ones(1, 3).squeeze_().shape
    autotape.Size([3])
    """
    return reshape_in_place(input, "squeeze_", lambda x: squeeze(x, dim))


@dim_names
def unsqueeze_(input: Tensor, dim: int) -> Tensor:
    """:func:`unsqueeze` in place: this tensor gets a dimension of size 1.

    >>> import autotape as at
    >>> at.ones(3).unsqueeze_(0).shape
    autotape.Size([1, 3])
    """
    return reshape_in_place(input, "unsqueeze_", lambda x: unsqueeze(x, dim))


# --- broadcasting -------------------------------------------------------------------------------------------


def broadcast_array(x: Array, shape: tuple[int, ...]) -> Array:
    """``np.broadcast_to`` of an array that fits: 0.9 us instead of 3.4, and writable, as PyTorch's is."""
    extra = len(shape) - x.ndim
    strides = (0,) * extra + tuple([s if n == m else 0 for s, n, m in zip(x.strides, x.shape, shape[extra:])])
    try:
        return np.ndarray(shape, x.dtype, x, 0, strides)
    except (ValueError, TypeError):  # a buffer must be contiguous, and an ndarray
        out = np.broadcast_to(x, shape)
        if x.flags.writeable:
            out.flags.writeable = True
        return out


_EXPAND = Operation("expand", broadcast_array, lambda g, _y, _x, _shape: g, view=True)  # the replay sums


def spread(g: Any, shape: tuple[int, ...]) -> Any:
    """For rules: ``np.broadcast_to(g, shape)`` of an array or a Tensor that fits."""
    return apply(_EXPAND, (g,), shape) if isinstance(g, Tensor) else broadcast_array(g, shape)


def broadcast_to(input: Tensor, size: Any) -> Tensor:
    """The tensor repeated along new leading dimensions and dimensions of size 1, without a copy: a view.

    -1 keeps a dimension's size. Several elements are one place in memory, so in-place operations are refused.

    Errors: RuntimeError if a dimension is neither 1 nor the wanted size.

    >>> import autotape as at
    >>> at.tensor([[1.0], [2.0]]).broadcast_to((2, 3))
    tensor([[1., 1., 1.],
            [2., 2., 2.]])
    """
    input = tensor_input(input, "input", "expand")
    before = input._array.shape
    given = sizes((size,), "expand", "size")
    extra = len(given) - len(before)
    if extra < 0:
        raise RuntimeError(
            f"expand: the number of sizes provided ({len(given)}) must be greater or equal to the number of "
            f"dimensions in the tensor ({len(before)}): size={list(given)} for shape {list(before)}"
        )
    shape = list(given)
    for i, n in enumerate(given):
        own = before[i - extra] if i >= extra else 1
        if n == -1 and i >= extra:
            shape[i] = own
        elif n < 0:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) isn't allowed in a leading, non-existing dimension "
                f"{i}"
            )
        elif n != own and own != 1:
            raise RuntimeError(
                f"The expanded size of the tensor ({n}) must match the existing size ({own}) at "
                f"non-singleton dimension {i}.  Target sizes: {list(given)}.  Tensor sizes: {list(before)}"
            )
    return view_of(_EXPAND, input, tuple(shape))


def expand(input: Tensor, *size: Any) -> Tensor:
    """:func:`broadcast_to` with the sizes as ``expand(2, 3)`` or ``expand((2, 3))``.

    >>> import autotape as at
    >>> at.ones(3, 1).expand(-1, 4).shape
    autotape.Size([3, 4])
    """
    return broadcast_to(input, sizes(size, "expand", "size"))


def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """``expand(other.shape)``.

    >>> import autotape as at
    >>> at.ones(3, 1).expand_as(at.ones(2, 3, 4)).shape
    autotape.Size([2, 3, 4])
    """
    return broadcast_to(input, other._array.shape)


def sum_to_size(input: Tensor, *size: Any) -> Tensor:
    """The tensor summed to a shape that broadcasts to its own: the adjoint of :func:`broadcast_to`.

    The derivative is the gradient broadcast back. Errors: RuntimeError if the shape does not broadcast so.

    >>> import autotape as at
    >>> at.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    if not size:
        raise TypeError("sum_to_size() missing 1 required argument: 'size'")
    shape = sizes(size, "sum_to_size", "size")
    before = input._array.shape
    if not shape:
        return input.sum()
    extra = len(before) - len(shape)
    if extra < 0 or any(n not in (1, m) for n, m in zip(shape, before[extra:])):
        raise RuntimeError(f"size {list(shape)} is not expandable to size {list(before)}.")
    summed = [d for d, n in enumerate(before) if d < extra or (shape[d - extra] == 1 and n != 1)]
    if not summed:
        return input
    return input.sum(dim=tuple(summed), keepdim=True).reshape(shape)
