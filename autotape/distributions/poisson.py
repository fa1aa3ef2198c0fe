"""The Poisson distribution."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from autotape.autograd.modes import no_grad
from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.engine.tensor import Tensor
from autotape.ops.sampling import poisson
from autotape.special.entropy import xlogy
from autotape.special.gamma import lgamma

__all__ = ["Poisson"]


class Poisson(Distribution):
    """The Poisson distribution: k = 0, 1, ... has the probability rate^k exp(-rate) / k!.

    >>> import autotape as at
    >>> at.distributions.Poisson(2.0).log_prob(at.tensor(0.0))
    tensor(-2.)
    """

    arg_constraints = MappingProxyType({"rate": constraints.nonnegative})
    support = constraints.nonnegative_integer
    _parameters = (("rate", 0),)

    def __init__(self, rate: Number, validate_args: bool | None = None) -> None:
        (self.rate,) = broadcast_parameters(rate=rate)
        super().__init__(self.rate.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """``rate``."""
        return self.rate

    @property
    def mode(self) -> Tensor:
        """The integer part of rate."""
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        """``rate``."""
        return self.rate

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Whole numbers, in the dtype of ``rate``."""
        with no_grad():
            return poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """``value log(rate) - rate - log(value!)``."""
        self._validate_sample(value)
        return xlogy(value, self.rate) - self.rate - lgamma(value + 1)
