"""``beta * input + alpha * product``: addmm and its like, with their in-place twins."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops import products
from autotape.ops._reduce import in_dtype

__all__ = ["addbmm", "addmm", "addmv", "addr", "baddbmm"]

methods = __all__
in_place = __all__


def _scaled(name: str, input: Any, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    """``beta * input + alpha * product``; an input that beta is 0 for is not looked at."""
    input = tensor_input(input, "input", name)
    a, p = input._array, product._array
    dtype = np.result_type(a, p) if name == "addr" else a.dtype
    if a.dtype != p.dtype and name != "addr":
        raise RuntimeError(
            f"{name}(): input and the product must have the same dtype, but got {input.dtype} and "
            f"{product.dtype}"
        )
    if dtype.kind in "iu":
        if name == "addr" and (isinstance(beta, float) or isinstance(alpha, float)):
            raise RuntimeError(
                f"For integral input tensors, argument {'beta' if isinstance(beta, float) else 'alpha'} must "
                "not be a floating point number."
            )
        beta, alpha = int(beta), int(alpha)  # PyTorch casts them to the dtype
    try:
        shape = np.broadcast_shapes(a.shape, p.shape)
    except ValueError:
        shape = ()
    if shape != p.shape:
        raise RuntimeError(
            f"{name}(): input of shape {list(a.shape)} does not broadcast to the shape of the product, "
            f"{list(p.shape)}"
        )
    if dtype.kind == "b":
        total = product if alpha else product & False
        return (total | input) if beta else total
    scaled = product if alpha == 1 else product * alpha
    if beta == 0:
        return in_dtype(scaled, dtype)
    kept = input if beta == 1 else input * beta
    return kept + scaled  # type: ignore[no-any-return]


@takes_out
def addmm(
    input: Tensor,
    mat1: Tensor,
    mat2: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """``beta * input + alpha * (mat1 @ mat2)`` with matrices ``(n, k)`` and ``(k, m)``.

    The input broadcasts to ``(n, m)``. With ``beta=0`` the input's values do not matter, NaN neither.
    Derivatives: with gradient g, ``beta * g``, ``alpha * g @ mat2.mH``, ``alpha * mat1.mH @ g``. Errors:
    RuntimeError for shapes or dtypes that do not fit.

    >>> import autotape as at
    >>> at.addmm(at.ones(2), at.eye(2), at.eye(2), alpha=2)
    tensor([[3., 1.],
            [1., 3.]])
    """
    return _scaled("addmm", input, products.mm(mat1, mat2), beta, alpha)


@takes_out
def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """``beta * input + alpha * (mat @ vec)`` with shapes ``(n, k)`` and ``(k,)``: see :func:`addmm`.

    >>> import autotape as at
    >>> at.addmv(at.ones(2), at.eye(2), at.tensor([1.0, 2.0]))
    tensor([2., 3.])
    """
    return _scaled("addmv", input, products.mv(mat, vec), beta, alpha)


@takes_out
def addr(
    input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: float = 1, alpha: float = 1, out: Tensor | None = None
) -> Tensor:
    """``beta * input + alpha * outer(vec1, vec2)``, in the promoted dtype: see :func:`addmm`.

    >>> import autotape as at
    >>> at.addr(at.zeros(2, 2), at.tensor([1.0, 2.0]), at.tensor([1.0, 10.0]))
    tensor([[ 1., 10.],
            [ 2., 20.]])
    """
    return _scaled("addr", input, products.outer(vec1, vec2), beta, alpha)


@takes_out
def baddbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """``beta * input + alpha * bmm(batch1, batch2)``, shapes ``(b, n, k)``, ``(b, k, m)``: see :func:`addmm`.

    >>> import autotape as at
    >>> at.baddbmm(at.ones(1, 1, 1), at.ones(2, 1, 3), at.ones(2, 3, 1)).shape
    autotape.Size([2, 1, 1])
    """
    return _scaled("baddbmm", input, products.bmm(batch1, batch2), beta, alpha)


@takes_out
def addbmm(
    input: Tensor,
    batch1: Tensor,
    batch2: Tensor,
    *,
    beta: float = 1,
    alpha: float = 1,
    out: Tensor | None = None,
) -> Tensor:
    """``beta * input + alpha * bmm(batch1, batch2).sum(0)``: see :func:`addmm`.

    >>> import autotape as at
    >>> at.addbmm(at.zeros(1, 1), at.ones(2, 1, 3), at.ones(2, 3, 1))
    tensor([[6.]])
    """
    batch1, batch2 = products.batches("addbmm", batch1=batch1, batch2=batch2)
    (b, n, k), m = batch1._array.shape, batch2._array.shape[2]
    # The sum over the batch is part of one product.
    product = products.matmul(batch1.transpose(0, 1).reshape(n, b * k), batch2.reshape(b * k, m))
    return _scaled("addbmm", input, product, beta, alpha)
