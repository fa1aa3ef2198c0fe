"""The Cauchy distribution, and the half of it above 0."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType

from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.engine.dtypes import finfo
from autotape.engine.tensor import Tensor
from autotape.ops.choices import where

__all__ = ["Cauchy", "HalfCauchy"]


class Cauchy(Distribution):
    """The Cauchy distribution with the density 1 / (pi scale (1 + ((x - loc) / scale)^2)).

    >>> import autotape as at
    >>> at.distributions.Cauchy(0.0, 1.0).cdf(at.tensor(1.0))
    tensor(0.7500)
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
        """NaN: the integral does not exist."""
        return self.loc.detach() * float("nan")

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """Infinite."""
        return (self.scale * 0 + float("inf")).detach()

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Loc + scale tan(pi (u - 1/2)), with u uniform on (0, 1)."""
        u = self._uniform(sample_shape, self.loc).clamp(min=finfo(self.loc.dtype).tiny)
        return self.loc + self.scale * (math.pi * (u - 0.5)).tan()

    def log_prob(self, value: Tensor) -> Tensor:
        """-log(pi scale) - log(1 + ((value - loc) / scale)^2)."""
        self._validate_sample(value)
        return -math.log(math.pi) - self.scale.log() - (((value - self.loc) / self.scale) ** 2).log1p()

    def cdf(self, value: Tensor) -> Tensor:
        """arctan((value - loc) / scale) / pi + 1/2."""
        self._validate_sample(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value: Tensor) -> Tensor:
        """Loc + scale tan(pi (value - 1/2))."""
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self) -> Tensor:
        """log(4 pi scale)."""
        return math.log(4 * math.pi) + self.scale.log()


class HalfCauchy(Distribution):
    """The distribution of |x|, where x is Cauchy with loc 0.

    >>> import autotape as at
    >>> at.distributions.HalfCauchy(1.0).icdf(at.tensor(0.5))
    tensor(1.)
    """

    has_rsample = True
    arg_constraints = MappingProxyType({"scale": constraints.positive})
    support = constraints.nonnegative
    _parameters = (("scale", 0),)

    def __init__(self, scale: Number, validate_args: bool | None = None) -> None:
        (self.scale,) = broadcast_parameters(scale=scale)
        super().__init__(self.scale.shape, (), validate_args)

    @property
    def base_dist(self) -> Cauchy:
        """The distribution on both sides of 0."""
        return Cauchy(0.0, self.scale, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Infinite."""
        return (self.scale * 0 + float("inf")).detach()

    @property
    def mode(self) -> Tensor:
        """0."""
        return (self.scale * 0).detach()

    @property
    def variance(self) -> Tensor:
        """Infinite."""
        return self.mean

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The absolute value of a Cauchy sample."""
        return self.base_dist.rsample(sample_shape).abs()

    def log_prob(self, value: Tensor) -> Tensor:
        """log(2) more than the Cauchy density from 0 on, -inf below."""
        self._validate_sample(value)
        inside = self.base_dist.log_prob(value) + math.log(2)
        return where(value >= 0, inside, float("-inf"))  # type: ignore[no-any-return]

    def cdf(self, value: Tensor) -> Tensor:
        """2 arctan(value / scale) / pi."""
        self._validate_sample(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value: Tensor) -> Tensor:
        """Scale tan(pi value / 2)."""
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self) -> Tensor:
        """log(2 pi scale)."""
        return self.base_dist.entropy() - math.log(2)
