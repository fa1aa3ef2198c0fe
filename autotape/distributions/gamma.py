"""The gamma distribution, and that of a sum of squares."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.engine.tensor import Tensor
from autotape.ops.generator import source
from autotape.special.entropy import xlogy
from autotape.special.gamma import digamma, igamma, lgamma

__all__ = ["Chi2", "Gamma", "draw_gamma"]


class Gamma(Distribution):
    """The gamma distribution with the density rate^a x^(a - 1) exp(-rate x) / Gamma(a); a: ``concentration``.

    Samples have no gradient: that by ``concentration`` has no formula.

    >>> import autotape as at
    >>> at.distributions.Gamma(3.0, 2.0).mean
    tensor(1.5000)
    """

    arg_constraints = MappingProxyType(
        {
            "concentration": constraints.positive,
            "rate": constraints.positive,
        }
    )
    support = constraints.nonnegative
    _parameters = (
        ("concentration", 0),
        ("rate", 0),
    )

    def __init__(self, concentration: Number, rate: Number, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_parameters(concentration=concentration, rate=rate)
        super().__init__(self.concentration.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """The ratio concentration / rate."""
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        """(concentration - 1) / rate, and 0 for a concentration below 1."""
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """The ratio concentration / rate^2."""
        return self.concentration / self.rate**2

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Numbers above 0, in the dtype of the parameters."""
        unscaled = draw_gamma(self.concentration, self._extended_shape(sample_shape))
        return unscaled / self.rate.detach()

    def log_prob(self, value: Tensor) -> Tensor:
        """The density's logarithm a log(rate) + (a - 1) log(value) - rate value - log Gamma(a)."""
        self._validate_sample(value)
        a, rate = self.concentration, self.rate
        return xlogy(a, rate) + xlogy(a - 1, value) - rate * value - lgamma(a)

    def cdf(self, value: Tensor) -> Tensor:
        """The lower incomplete gamma function of a and rate value."""
        self._validate_sample(value)
        return igamma(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        """The entropy a - log(rate) + log Gamma(a) + (1 - a) digamma(a)."""
        a = self.concentration
        return a - self.rate.log() + lgamma(a) + (1 - a) * digamma(a)


class Chi2(Gamma):
    """The distribution of the sum of the squares of ``df`` standard normal numbers: Gamma(df / 2, 1 / 2).

    >>> import autotape as at
    >>> at.distributions.Chi2(4.0).variance
    tensor(8.)
    """

    arg_constraints = MappingProxyType({"df": constraints.positive})

    def __init__(self, df: Number, validate_args: bool | None = None) -> None:
        (half,) = broadcast_parameters(df=df)
        super().__init__(0.5 * half, 0.5, validate_args)
        if self._validate_args:
            self._check("df", self.df, constraints.positive)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return 2 * self.concentration


def draw_gamma(concentration: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Gamma samples of rate 1 above 0, of the given shape, without gradient."""
    array = concentration._array
    sample = source(None).standard_gamma(np.asarray(array, np.float64), shape)
    # A tiny concentration underflows: 0 has no density.
    return Tensor._wrap(np.maximum(sample, np.finfo(array.dtype).tiny).astype(array.dtype))
