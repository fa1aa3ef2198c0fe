"""NumPy's linear algebra on Tensors, with NumPy's own arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.dtypes import default_dtype
from autotape.engine.operation import implements
from autotape.engine.tensor import Tensor
from autotape.linalg import decompositions, eigen, inverses, legacy, norms, products, singular, solving
from autotape.ops.norms import p_norm
from autotape.ops.products import matmul
from autotape.ops.tensor_products import cross_along

__all__: list[str] = []

# Those whose arguments mean the same under the same positions.
for _numpy, _ours in (
    (np.linalg.eig, eigen.eig),
    (np.linalg.eigvals, eigen.eigvals),
    (np.linalg.eigh, eigen.eigh),
    (np.linalg.eigvalsh, eigen.eigvalsh),
    (np.linalg.cholesky, decompositions.cholesky),
    (np.linalg.inv, legacy.inverse),
    (np.linalg.slogdet, inverses.slogdet),
    (np.linalg.svdvals, singular.svdvals),
    (np.linalg.cond, norms.cond),
    (np.linalg.multi_dot, products.multi_dot),
    (np.linalg.matmul, matmul),
    (np.linalg.diagonal, products.diagonal),
):
    implements(_numpy)(_ours)


@implements(np.linalg.solve)
def _solve(a: Any, b: Any) -> Tensor:
    if np.ndim(b) == 1:
        return solving.solve(a, b)
    return solving.solve(a, b[..., None, :, :])[..., 0, :, :]  # only 1-d is a vector


@implements(np.linalg.qr)
def _qr(a: Tensor, mode: str = "reduced") -> Any:
    q, r = decompositions.qr(a, mode)
    return r if mode == "r" else (q, r)


@implements(np.linalg.svd)
def _svd(a: Tensor, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    return singular.svd(a, full_matrices) if compute_uv else singular.svdvals(a)


@implements(np.linalg.pinv)
def _pinv(a: Tensor, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    relative = rcond if rtol is None else rtol
    return singular.pinv(a, rtol=1e-15 if relative is None else relative, hermitian=hermitian)


@implements(np.linalg.matrix_rank)
def _matrix_rank(A: Tensor, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    return singular.matrix_rank(A, tol, hermitian, rtol=rtol)


@implements(np.linalg.lstsq)
def _lstsq(a: Tensor, b: Tensor, rcond: Any = None) -> Any:
    x, residuals, rank, s = solving.lstsq(a, b, rcond, driver="gelsd")
    return x, residuals, rank.item(), s


@implements(np.cross)
def _cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Tensor:
    if axis is None and (axisa, axisb, axisc) != (-1, -1, -1):
        raise TypeError("np.cross of a Tensor takes axis=, not axisa=, axisb= and axisc=")
    a, b = (t if isinstance(t, Tensor) else Tensor._from_array(np.asarray(t)) for t in (a, b))
    n = max(a.ndim, b.ndim)
    a, b = (t.reshape((1,) * (n - t.ndim) + t.shape) for t in (a, b))
    return cross_along("np.cross", a, b, -1 if axis is None else axis)


@implements(np.linalg.cross)
def _linalg_cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    return _cross(x1, x2, axis=axis)


@implements(np.linalg.norm)
def _norm(x: Tensor, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    if x._array.dtype.kind in "biu":
        x = x.to(default_dtype())
    dims = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
    matrix = len(dims) == 2 if dims is not None else x.ndim == 2
    if ord is None:
        return p_norm("np.linalg.norm", x, 2.0, dims, keepdims)
    if matrix:
        return norms.matrix_norm(x, ord, dims or (0, 1), keepdims)
    if isinstance(ord, str) or (dims is None and x.ndim != 1):
        raise ValueError(
            f"Invalid norm order {ord!r} for vectors; the tensor has shape {list(x.shape)}, axis={axis}"
        )
    return p_norm("np.linalg.norm", x, float(ord), dims, keepdims)


@implements(np.linalg.vector_norm)
def _vector_norm(x: Tensor, /, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Tensor:
    return norms.vector_norm(x, ord, axis, keepdims)


@implements(np.linalg.matrix_norm)
def _matrix_norm(x: Tensor, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    return norms.matrix_norm(x, ord, (-2, -1), keepdims)
