"""The Gumbel distribution, of the largest of many."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.engine.dtypes import finfo
from autotape.engine.tensor import Tensor

__all__ = ["Gumbel"]


class Gumbel(Distribution):
    """The Gumbel distribution with the cdf exp(-exp(-(x - loc) / scale)).

    >>> import autotape as at
    >>> at.distributions.Gumbel(0.0, 1.0).mean
    tensor(0.5772)
    """

    has_rsample = True
    arg_constraints = MappingProxyType({"loc": constraints.real, "scale": constraints.positive})
    support = constraints.real
    _parameters = (
        ("loc", 0),
        ("scale", 0),
    )

    def __init__(self, loc: Number, scale: Number, validate_args: bool | None = None) -> None:
        self.loc, self.scale = broadcast_parameters(loc=loc, scale=scale)
        super().__init__(self.loc.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """Loc + scale times Euler's constant."""
        return self.loc + self.scale * float(np.euler_gamma)

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """Scale pi / sqrt(6)."""
        return math.pi / math.sqrt(6) * self.scale

    @property
    def variance(self) -> Tensor:
        """(scale pi)^2 / 6."""
        return self.stddev**2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Loc - scale log(-log(u)), with u uniform on (0, 1)."""
        limits = finfo(self.loc.dtype)
        u = self._uniform(sample_shape, self.loc).clamp(min=limits.tiny, max=1 - limits.eps / 2)
        return self.icdf(u)

    def log_prob(self, value: Tensor) -> Tensor:
        """-z - exp(-z) - log(scale), z = (value - loc) / scale."""
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return -z - (-z).exp() - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        """exp(-exp(-(value - loc) / scale))."""
        self._validate_sample(value)
        return (-(-(value - self.loc) / self.scale).exp()).exp()

    def icdf(self, value: Tensor) -> Tensor:
        """Loc - scale log(-log(value))."""
        return self.loc - self.scale * (-value.log()).log()

    def entropy(self) -> Tensor:
        """log(scale) + 1 + Euler's constant."""
        return self.scale.log() + (1 + float(np.euler_gamma))
