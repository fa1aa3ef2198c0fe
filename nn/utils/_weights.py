"""What weight norm and spectral norm look at in a weight."""

from __future__ import annotations

from autotape.engine.tensor import Tensor

__all__ = ["norm_except", "rows_of"]


def norm_except(v: Tensor, dim: int | None) -> Tensor:
    """The norm over all dimensions but one, which keep size 1; of everything (0-d) for None or -1."""
    if dim is None or dim == -1:
        return (v * v.conj()).real.sum().sqrt() if v.is_complex() else v.norm()
    return v.norm(dim=[d for d in range(v.ndim) if d != dim % v.ndim], keepdim=True)


def rows_of(weight: Tensor, dim: int) -> Tensor:
    """The weight as a matrix whose rows are its parts along ``dim``."""
    return weight.movedim(dim, 0).flatten(1)
