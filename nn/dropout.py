"""Dropout."""

from __future__ import annotations

from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _Dropout(Module):
    """The options of every kind of dropout."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The options."""
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Zero each element with probability ``p`` and scale the others by 1 / (1 - p); identity in evaluation.

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting (2014).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Dropout(0.5).eval()(at.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with elements dropped, in training mode."""
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    """Zero each channel of (N, C, L) or (C, L) with probability ``p`` and scale the others by 1 / (1 - p).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Dropout1d(1.0)(at.ones(1, 2))
    tensor([[0., 0.]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels dropped, in training mode."""
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    """Zero each channel of (N, C, H, W) with probability ``p`` and scale the others by 1 / (1 - p).

    Neighbouring pixels say nearly the same, so dropping single ones takes little away.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Dropout2d(1.0)(at.ones(1, 1, 1, 2))
    tensor([[[[0., 0.]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels dropped, in training mode."""
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    """Zero each channel of (N, C, D, H, W) or (C, D, H, W) with probability ``p``; scale the others.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Dropout3d(1.0)(at.ones(1, 1, 1, 2))
    tensor([[[[0., 0.]]]])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels dropped, in training mode."""
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    """Dropout for networks of SELU: mean 0 and variance 1 of the input are kept.

    See :func:`autotape.nn.functional.alpha_dropout`.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.AlphaDropout(0.5).eval()(at.ones(3))
    tensor([1., 1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with elements dropped, in training mode."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """:class:`AlphaDropout` of whole channels.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.FeatureAlphaDropout(0.5).eval()(at.ones(1, 2, 3)).shape
    autotape.Size([1, 2, 3])
    """

    def forward(self, input: Tensor) -> Tensor:
        """The input with channels dropped, in training mode."""
        return F.feature_alpha_dropout(input, self.p, self.training)
