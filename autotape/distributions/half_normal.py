"""The half of the normal distribution above 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType

from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.distributions.normal import Normal
from autotape.engine.tensor import Tensor
from autotape.ops.choices import where

__all__ = ["HalfNormal"]


class HalfNormal(Distribution):
    """The distribution of |x|, where x is normal with mean 0 and standard deviation ``scale``.

    >>> import autotape as at
    >>> at.distributions.HalfNormal(1.0).mean
    tensor(0.7979)
    """

    has_rsample = True
    arg_constraints = MappingProxyType({"scale": constraints.positive})
    support = constraints.nonnegative
    _parameters = (("scale", 0),)

    def __init__(self, scale: Number, validate_args: bool | None = None) -> None:
        (self.scale,) = broadcast_parameters(scale=scale)
        super().__init__(self.scale.shape, (), validate_args)

    @property
    def base_dist(self) -> Normal:
        """The distribution on both sides of 0."""
        return Normal(0.0, self.scale, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Scale sqrt(2 / pi)."""
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def mode(self) -> Tensor:
        """0."""
        return (self.scale * 0).detach()

    @property
    def variance(self) -> Tensor:
        """scale^2 (1 - 2 / pi)."""
        return self.scale**2 * (1 - 2 / math.pi)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The absolute value of a normal sample."""
        return self.base_dist.rsample(sample_shape).abs()

    def log_prob(self, value: Tensor) -> Tensor:
        """log(2) more than the normal density from 0 on, -inf below."""
        self._validate_sample(value)
        inside = self.base_dist.log_prob(value) + math.log(2)
        return where(value >= 0, inside, float("-inf"))  # type: ignore[no-any-return]

    def cdf(self, value: Tensor) -> Tensor:
        """erf(value / (scale sqrt 2))."""
        self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Tensor:
        """Scale sqrt(2) erfinv(value)."""
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        """log(2) less than the normal one."""
        return self.base_dist.entropy() - math.log(2)
