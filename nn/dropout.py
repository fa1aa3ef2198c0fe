"""Dropout."""

from __future__ import annotations

from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.module import Module

__all__ = ["Dropout"]


class Dropout(Module):
    """Zero each element with probability ``p`` and scale the others by 1 / (1 - p); identity in evaluation.

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting (2014).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Dropout(0.5).eval()(at.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """The input with elements dropped, in training mode."""
        return F.dropout(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"
