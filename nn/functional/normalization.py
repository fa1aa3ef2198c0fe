"""Scaling to unit size."""

from __future__ import annotations

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, write

__all__ = ["normalize"]


def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """``input / max(norm, eps)`` with the ``p``-norm along ``dim``: vectors of length 1.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.normalize(at.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    input = tensor_input(input, "input", "normalize")
    result = input / input.norm(p, dim, keepdim=True).clamp(min=eps)
    if out is None:
        return result
    check_writable(out, "normalize")
    return write(out, result, "normalize")
