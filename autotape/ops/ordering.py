"""The order of dimensions: transposes and permutations, all of them views."""

from __future__ import annotations

import warnings
from typing import Any

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation
from autotape.engine.tensor import Tensor
from autotape.engine.views import reshape_in_place, view_of
from autotape.ops._dims import normalize_dim
from autotape.ops.shape import sizes, view

__all__ = [
    "adjoint",
    "moveaxis",
    "movedim",
    "permute",
    "swapaxes",
    "swapdims",
    "t",
    "transpose",
]

methods = [*__all__, "swapaxes_", "swapdims_", "t_", "transpose_"]
in_place: list[str] = []


_TRANSPOSE = Operation(
    "transpose",
    lambda x, dim0, dim1: x.swapaxes(dim0, dim1),
    lambda g, _y, _x, dim0, dim1: g.swapaxes(dim0, dim1),
    view=True,
)


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """The two dimensions swapped; a view.

    >>> import autotape as at
    >>> at.ones(2, 3).transpose(0, 1).shape
    autotape.Size([3, 2])
    """
    input = tensor_input(input, "input", "transpose")
    ndim = input._array.ndim
    dim0, dim1 = normalize_dim(dim0, ndim, "dim0"), normalize_dim(dim1, ndim, "dim1")
    return view_of(_TRANSPOSE, input, dim0, dim1) if ndim else view(input, ())


def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Another name of :func:`transpose`.

    >>> import autotape as at
    >>> at.ones(2, 3, 4).swapaxes(0, 2).shape
    autotape.Size([4, 3, 2])
    """
    return transpose(input, axis0, axis1)


def t(input: Tensor) -> Tensor:
    """The transpose of a matrix; a tensor of fewer dimensions stays. A view.

    Errors: RuntimeError for more than two dimensions.

    >>> import autotape as at
    >>> at.ones(2, 3).t().shape
    autotape.Size([3, 2])
    """
    input = tensor_input(input, "input", "t")
    ndim = input._array.ndim
    if ndim > 2:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 dimensions, but self is {ndim}D; use .mT or permute()"
        )
    return transpose(input, 0, ndim - 1) if ndim else view(input, ())


def matrix_transpose(input: Tensor) -> Tensor:
    """The last two dimensions swapped (``x.mT``); a view."""
    ndim = input._array.ndim
    if ndim == 0:
        return transpose(input, 0, 0)
    if ndim < 2:
        raise RuntimeError(
            f"tensor.mT is only supported on matrices or batches of matrices. Got {ndim}-D tensor."
        )
    return view_of(_TRANSPOSE, input, ndim - 2, ndim - 1)


def reversed_dims(input: Tensor) -> Tensor:
    """The dimensions in reverse order (``x.T``): the transpose of a matrix; a view."""
    ndim = input._array.ndim
    if ndim == 2:
        return view_of(_TRANSPOSE, input, 0, 1)
    if ndim > 2:
        reverse = ", ".join(map(str, range(ndim - 1, -1, -1)))
        warnings.warn(
            "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated. "
            f"Consider `x.mT` to transpose batches of matrices or `x.permute({reverse})`.",
            UserWarning,
            stacklevel=2,
        )
    return permute(input, tuple(range(ndim))[::-1])


def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions swapped, and the elements conjugated: the adjoint of a matrix, ``x.mH``.

    A view of a real tensor. (Where PyTorch marks a complex view as conjugated, autotape computes the values.)
    Errors: RuntimeError for a 1-D tensor.

    >>> import autotape as at
    >>> at.tensor([[1 + 2j, 3]]).mH
    tensor([[1.-2.j],
            [3.-0.j]])
    """
    input = tensor_input(input, "input", "adjoint")
    if input._array.ndim == 1:
        raise RuntimeError(
            "tensor.adjoint() is only supported on matrices or batches of matrices. Got 1-D tensor."
        )
    out = matrix_transpose(input)
    return out.conj() if out._array.dtype.kind == "c" else out


def matrix_adjoint(input: Tensor) -> Tensor:
    """The :func:`adjoint` of a matrix (``x.H``); a 0-d tensor is its own."""
    ndim = input._array.ndim
    if ndim not in (0, 2):
        raise RuntimeError(
            f"tensor.H is only supported on matrices (2-D tensors). Got {ndim}-D tensor."
            + (" For batches of matrices, consider using tensor.mH" if ndim > 2 else "")
        )
    return adjoint(input)


def _permute_rule(g: Any, _y: Any, _x: Any, dims: tuple[int, ...]) -> Any:
    back = [0] * len(dims)
    for i, d in enumerate(dims):
        back[d] = i
    return g.permute(back) if isinstance(g, Tensor) else g.transpose(back)


_PERMUTE = Operation("permute", lambda x, dims: x.transpose(dims), _permute_rule, view=True)


def permute(input: Tensor, *dim: Any, dims: Any = None) -> Tensor:
    """The dimensions in the given order; a view.

    Errors: RuntimeError if ``dims`` does not name every dimension once.

    >>> import autotape as at
    >>> at.ones(2, 3, 4).permute(2, 0, 1).shape
    autotape.Size([4, 2, 3])
    """
    input = tensor_input(input, "input", "permute")
    ndim = input._array.ndim
    given = sizes(dim if dims is None else (dims,), "permute", "dims")
    if len(given) != ndim:
        raise RuntimeError(
            f"permute: number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {ndim} is not equal to len(dims) = {len(given)}"
        )
    order = tuple([normalize_dim(d, ndim) for d in given])
    if len(set(order)) != ndim:
        raise RuntimeError(f"permute(): duplicate dims are not allowed, got {list(given)}")
    return view_of(_PERMUTE, input, order)


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """The dimensions ``source`` moved to the positions ``destination`` (ints or tuples): a view.

    The other dimensions keep their order.

    >>> import autotape as at
    >>> at.ones(2, 3, 4).movedim(0, -1).shape
    autotape.Size([3, 4, 2])
    """
    input = tensor_input(input, "input", "movedim")
    ndim = input._array.ndim
    pair = []
    for name, dims in (("source", source), ("destination", destination)):
        given = sizes((dims,), "movedim", name)
        normal = [normalize_dim(d, ndim) for d in given]
        if len(set(normal)) != len(normal):
            raise RuntimeError(f"movedim: repeated dim in `{name}` ({list(given)})")
        pair.append(normal)
    from_, to = pair
    if len(from_) != len(to):
        raise RuntimeError(
            f"movedim: Invalid source or destination dims: source ({from_} dims) should contain the same "
            f"number of dims as destination ({to} dims)"
        )
    if not ndim:
        return view(input, ())
    placed = dict(zip(to, from_))
    rest = iter([d for d in range(ndim) if d not in from_])
    order = tuple([placed[i] if i in placed else next(rest) for i in range(ndim)])
    return view_of(_PERMUTE, input, order)


moveaxis = movedim
swapdims = transpose


# --- in place -----------------------------------------------------------------------------------------------


def transpose_(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """:func:`transpose` in place: this tensor's two dimensions are swapped.

    >>> import autotape as at
    >>> at.ones(2, 3).transpose_(0, 1).shape
    autotape.Size([3, 2])
    """
    return reshape_in_place(input, "transpose_", lambda x: transpose(x, dim0, dim1), order=True)


def swapaxes_(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """Another name of :meth:`Tensor.transpose_`."""
    return reshape_in_place(input, "swapaxes_", lambda x: transpose(x, axis0, axis1), order=True)


def swapdims_(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """Another name of :meth:`Tensor.transpose_`."""
    return reshape_in_place(input, "swapdims_", lambda x: transpose(x, dim0, dim1), order=True)


def t_(input: Tensor) -> Tensor:
    """:func:`t` in place: this matrix is transposed.

    >>> import autotape as at
    >>> at.ones(2, 3).t_().shape
    autotape.Size([3, 2])
    """
    return reshape_in_place(input, "t_", t, order=True)
