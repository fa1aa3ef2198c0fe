"""PyTorch's older norm, of vectors unless told otherwise: at.norm."""

from __future__ import annotations

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.linalg.norms import matrix_norm
from autotape.ops._dims import Dims, dim_names
from autotape.ops.norms import p_norm

__all__ = ["norm"]

methods = __all__
in_place: list[str] = []


@dim_names
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """The vector norm ``sum(|x|^p)^(1/p)`` over ``dim`` (an int, a tuple, or None: all dimensions), real.

    ``p="fro"`` and None mean 2; inf and -inf the largest and smallest ``|x|``; 0 counts the nonzero
    elements; ``"nuc"`` sums the singular values of the matrices in two dimensions. The gradient at the zero
    vector is 0; where p is inf or -inf, equal elements share it. ``dtype`` converts first. Errors:
    RuntimeError for integers, and for an empty dimension with p negative or inf.

    >>> import autotape as at
    >>> x = at.tensor([3.0, -4.0])
    >>> x.norm(), x.norm(1), x.norm(float("inf"))
    (tensor(5.), tensor(7.), tensor(4.))
    """
    input = tensor_input(input, "input", "norm")
    if p is None or p == "fro":
        return p_norm("norm", input, 2.0, dim, keepdim, dtype)
    if p == "nuc":
        pair = (0, 1) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
        if len(pair) != 2 or (dim is None and input._array.ndim != 2):
            raise RuntimeError(
                "norm(): the nuclear norm is that of matrices: dim must be two dimensions, or the input have "
                f"two; "
                f"got dim={dim} for an input of shape {list(input._array.shape)}"
            )
        return matrix_norm(input, "nuc", pair, keepdim, dtype=dtype)
    if isinstance(p, str):
        raise RuntimeError(f"norm(): order {p!r} is not supported; p is a number, 'fro', 'nuc' or None")
    return p_norm("norm", input, float(p), dim, keepdim, dtype)
