"""Products beyond those of matrices: contractions, Kronecker and cross products, Vandermonde matrices."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from autotape.engine.dtypes import promote_arrays
from autotape.engine.operands import promoted, tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops import products, reductions
from autotape.ops._dims import normalize_dim
from autotape.ops._reduce import Array, conj, in_dtype

__all__ = ["cross", "ger", "inner", "kron", "tensordot", "vander", "vdot"]

methods = ["cross", "ger", "inner", "kron", "vdot"]
in_place: list[str] = []

ger = products.outer


def vdot(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Inner product of two 1-d tensors, the first one conjugated: ``sum(input.conj() * other)``.

    Derivatives: with gradient g, ``g.conj() * other`` and ``g * input``. Errors: RuntimeError for other
    shapes and for different dtypes.

    >>> import autotape as at
    >>> at.vdot(at.tensor([1j, 2.0]), at.tensor([1j, 1.0]))
    tensor(3.+0.j)
    """
    return products.dot(tensor_input(input, "input", "vdot").conj(), other, out=out)


@implements(np.inner)
@takes_out
def inner(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """Sum of products over the last dimension of both.

    ``y[i..., j...] = sum(input[i..., :] * other[j..., :])``. A 0-d operand multiplies. Errors: RuntimeError
    for last dimensions of different sizes.

    >>> import autotape as at
    >>> at.inner(at.tensor([1.0, 2.0]), at.tensor([[1.0, 1.0], [0.0, 1.0]]))
    tensor([3., 2.])
    """
    input, other = tensor_input(input, "input", "inner"), tensor_input(other, "other", "inner")
    a, b = input._array, other._array
    if not a.ndim or not b.ndim:
        return input * other
    if a.shape[-1] != b.shape[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(a.shape)} and "
            f"{list(b.shape)}"
        )
    return tensordot(input, other, ([-1], [-1]))


@implements(np.tensordot)
@takes_out
def tensordot(a: Tensor, b: Tensor, dims: Any = 2, out: Tensor | None = None) -> Tensor:
    """Sum of products over several dimensions of two tensors: of their order the rest of a's, then of b's.

    ``dims`` is an int, the number of last dimensions of ``a`` and first ones of ``b``, or two lists of
    dimensions, paired. Derivatives: contractions of the gradient with the other tensor. Errors: RuntimeError
    for sizes or dtypes that do not fit.

    >>> import autotape as at
    >>> at.tensordot(at.ones(2, 3, 4), at.ones(3, 4, 5)).shape
    autotape.Size([2, 5])
    """
    a, b = tensor_input(a, "a", "tensordot"), tensor_input(b, "b", "tensordot")
    n, m = a._array.ndim, b._array.ndim
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    if isinstance(dims, (list, tuple)):
        first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    else:
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(n, m):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = list(range(n - dims, n)), list(range(dims))
    if len(first) != len(second):
        raise RuntimeError("tensordot: both dimension lists should have same length")
    first, second = [normalize_dim(d, n) for d in first], [normalize_dim(d, m) for d in second]
    if a._array.dtype != b._array.dtype:
        raise RuntimeError(f"tensordot: both inputs should have same dtype, but got {a.dtype} and {b.dtype}")
    for d, e in zip(first, second):
        x, y = a._array.shape[d], b._array.shape[e]
        if x != y and 1 not in (x, y):
            raise RuntimeError(
                f"tensordot: contracted dimensions need to match, but first has size {x} in dim {d} and "
                f"second has size {y} in dim {e}"
            )
        if x != y:  # size 1 broadcasts: the sum of the other
            if x == 1:
                b = reductions.sum(b, e, keepdim=True, dtype=b.dtype)
            else:
                a = reductions.sum(a, d, keepdim=True, dtype=a.dtype)
    own_a = [d for d in range(n) if d not in first]
    own_b = [d for d in range(m) if d not in second]
    rows, columns = [a._array.shape[d] for d in own_a], [b._array.shape[d] for d in own_b]
    summed = prod([a._array.shape[d] for d in first])
    left = a.permute(own_a + first).reshape(prod(rows), summed)
    right = b.permute(second + own_b).reshape(summed, prod(columns))
    return products.matmul(left, right).reshape(rows + columns)


@implements(np.kron)
@takes_out
def kron(input: Tensor, other: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The Kronecker product: every element of ``input`` times all of ``other``, block by block.

    Dimensions are aligned from the last; the sizes multiply. In the promoted dtype.

    >>> import autotape as at
    >>> at.kron(at.tensor([1, 10]), at.tensor([1, 2]))
    tensor([ 1,  2, 10, 20])
    """
    input, other = tensor_input(input, "input", "kron"), tensor_input(other, "other", "kron")
    a, b = input._array.shape, other._array.shape
    n = max(len(a), len(b))
    a, b = (1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b
    left = input.reshape([s for size in a for s in (size, 1)])
    right = other.reshape([s for size in b for s in (1, size)])
    return (left * right).reshape([x * y for x, y in zip(a, b)])


# --- cross --------------------------------------------------------------------------------------------------


def _cross_forward(a: Array, b: Array, dim: int) -> Array:
    return np.cross(a, b, axis=dim)


def _cross(a: Any, b: Any, dim: int) -> Any:
    return apply(_CROSS, (a, b), dim) if isinstance(a, Tensor) else _cross_forward(a, b, dim)


# A triple product keeps its value when its factors rotate.
_CROSS = Operation(
    "linalg.cross",
    _cross_forward,
    lambda g, _y, _a, b, dim: _cross(conj(b), g, dim),
    lambda g, _y, a, _b, dim: _cross(g, conj(a), dim),
)


def cross_along(name: str, input: Any, other: Any, dim: int) -> Tensor:
    """The cross product along ``dim``."""
    input, other = tensor_input(input, "input", name), tensor_input(other, "other", name)
    a, b = input._array, other._array
    if a.ndim != b.ndim:
        raise RuntimeError(
            f"{name}: inputs must have the same number of dimensions, got {list(a.shape)} and {list(b.shape)}"
        )
    dim = normalize_dim(dim, a.ndim)
    if not a.ndim or a.shape[dim] != 3 or b.shape[dim] != 3:
        raise RuntimeError(
            f"{name}: inputs dimension {dim} must have length 3. Got {list(a.shape)} and {list(b.shape)}"
        )
    try:
        np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise RuntimeError(
            f"{name}: the shapes must broadcast, got {list(a.shape)} and {list(b.shape)}"
        ) from None
    to = promoted(a, b)[0].dtype
    return apply(_CROSS, (in_dtype(input, to), in_dtype(other, to)), dim)  # type: ignore[no-any-return]


@takes_out
def cross(input: Tensor, other: Tensor, dim: int | None = None, *, out: Tensor | None = None) -> Tensor:
    """The cross product of 3-vectors along ``dim``, by default the first dimension of size 3.

    See :func:`autotape.linalg.cross`, whose ``dim`` is -1 by default.

    >>> import autotape as at
    >>> at.cross(at.tensor([1.0, 0.0, 0.0]), at.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    if dim is None:
        shape = tensor_input(input, "input", "cross")._array.shape
        if 3 not in shape:
            raise RuntimeError(f"linalg.cross: no dimension of size 3 in input (shape {list(shape)})")
        dim = shape.index(3)
    return cross_along("linalg.cross", input, other, dim)


# --- Vandermonde --------------------------------------------------------------------------------------------


def vandermonde(x: Tensor, columns: int) -> Tensor:
    """The powers 0 to ``columns - 1`` of x, in a new last dimension; integers in int64."""
    if x._array.dtype.kind in "biu":
        x = in_dtype(x, promote_arrays(x._array.dtype, np.dtype(np.int64)))
    return x.unsqueeze(-1) ** Tensor._wrap(np.arange(columns))


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:  # noqa: N803
    """The Vandermonde matrix of a vector: its powers N-1 to 0 in columns, or 0 to N-1 if ``increasing``.

    N is the size of x by default. Integers in int64. Errors: RuntimeError for other than 1-d tensors.

    >>> import autotape as at
    >>> at.vander(at.tensor([2, 3]), N=3)
    tensor([[4, 2, 1],
            [9, 3, 1]])
    """
    x = tensor_input(x, "x", "vander")
    if x._array.ndim != 1:
        raise RuntimeError(f"vander(): x must be a one-dimensional tensor, got shape {list(x._array.shape)}")
    if N is not None and N < 0:
        raise RuntimeError(f"vander(): N must be non-negative, got {N}")
    powers = vandermonde(x, len(x._array) if N is None else N)
    return powers if increasing else powers.flip(-1)
