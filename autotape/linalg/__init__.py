"""Linear algebra: decompositions, solutions, norms and functions of matrices, alone or in batches.

Every function takes batches ``(..., m, n)`` in float32, float64, complex64 or complex128, is computed by
NumPy's LAPACK, and has derivatives of any order.

>>> import autotape as at
>>> A = at.tensor([[2.0, 1.0], [1.0, 3.0]], requires_grad=True)
>>> at.linalg.slogdet(A).logabsdet.backward()
>>> A.grad
tensor([[ 0.6000, -0.2000],
        [-0.2000,  0.4000]])
"""

from __future__ import annotations

from typing import Any

from autotape import left_out
from autotape.linalg._checks import LinAlgError
from autotape.linalg.decompositions import cholesky, cholesky_ex, lu, lu_factor, lu_solve, qr
from autotape.linalg.eigen import eig, eigh, eigvals, eigvalsh
from autotape.linalg.inverses import det, inv, inv_ex, slogdet
from autotape.linalg.matrix_functions import matrix_exp, matrix_power
from autotape.linalg.norms import cond, matrix_norm, norm, vector_norm
from autotape.linalg.products import cross, diagonal, multi_dot, vander, vecdot
from autotape.linalg.singular import matrix_rank, pinv, svd, svdvals
from autotape.linalg.solving import lstsq, solve, solve_triangular, tensorinv, tensorsolve
from autotape.ops.products import matmul

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("linalg", name, __all__)
