"""The exponential distribution, and the two-sided one of Laplace."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.engine.dtypes import finfo
from autotape.engine.tensor import Tensor

__all__ = ["Exponential", "Laplace"]


class Exponential(Distribution):
    """The exponential distribution with the density rate exp(-rate x) on x >= 0.

    >>> import autotape as at
    >>> at.distributions.Exponential(2.0).mean
    tensor(0.5000)
    """

    has_rsample = True
    arg_constraints = MappingProxyType({"rate": constraints.positive})
    support = constraints.nonnegative
    _parameters = (("rate", 0),)

    def __init__(self, rate: Number, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_parameters(rate=rate)
        super().__init__(self.rate.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """1 / rate."""
        return self.rate.reciprocal()

    @property
    def mode(self) -> Tensor:
        """0."""
        return (self.rate * 0).detach()

    @property
    def stddev(self) -> Tensor:
        """1 / rate."""
        return self.rate.reciprocal()

    @property
    def variance(self) -> Tensor:
        """1 / rate^2."""
        return self.rate**-2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """-log(1 - u) / rate, with u uniform on [0, 1)."""
        return -(-self._uniform(sample_shape, self.rate)).log1p() / self.rate

    def log_prob(self, value: Tensor) -> Tensor:
        """log(rate) - rate value."""
        self._validate_sample(value)
        return self.rate.log() - self.rate * value

    def cdf(self, value: Tensor) -> Tensor:
        """1 - exp(-rate value)."""
        self._validate_sample(value)
        return -(-self.rate * value).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """-log(1 - value) / rate."""
        return -(-value).log1p() / self.rate

    def entropy(self) -> Tensor:
        """1 - log(rate)."""
        return 1 - self.rate.log()


class Laplace(Distribution):
    """The Laplace distribution with the density exp(-|x - loc| / scale) / (2 scale).

    >>> import autotape as at
    >>> at.distributions.Laplace(0.0, 1.0).variance
    tensor(2.)
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
        """``loc``."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def stddev(self) -> Tensor:
        """``scale sqrt(2)."""
        return 2**0.5 * self.scale

    @property
    def variance(self) -> Tensor:
        """2 scale^2."""
        return 2 * self.scale**2

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Loc - scale sign(u) log(1 - |u|)``, with u uniform on (-1, 1)."""
        eps = finfo(self.loc.dtype).eps
        u = self._uniform(sample_shape, self.loc) * (2 - eps) + (eps - 1)
        return self.loc - self.scale * u.sign() * (-u.abs()).log1p()

    def log_prob(self, value: Tensor) -> Tensor:
        """-|value - loc| / scale - log(2 scale)."""
        self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        """1/2 - sign(value - loc) (exp(-|value - loc| / scale) - 1) / 2."""
        self._validate_sample(value)
        from_loc = value - self.loc
        return 0.5 - 0.5 * from_loc.sign() * (-from_loc.abs() / self.scale).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        """Loc - scale sign(value - 1/2) log(1 - 2 |value - 1/2|)."""
        term = value - 0.5
        return self.loc - self.scale * term.sign() * (-2 * term.abs()).log1p()

    def entropy(self) -> Tensor:
        """1 + log(2 scale)."""
        return 1 + (2 * self.scale).log()
