"""Student's t distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType

from autotape.autograd.modes import no_grad
from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.distributions.gamma import draw_gamma
from autotape.engine.tensor import Tensor
from autotape.ops.random import randn
from autotape.special.gamma import digamma, lgamma

__all__ = ["StudentT"]


class StudentT(Distribution):
    """Student's t distribution with ``df`` degrees of freedom, shifted by ``loc`` and stretched by ``scale``.

    The density is c (1 + z^2 / df)^(-(df + 1) / 2), z = (x - loc) / scale. Samples have no gradient: see
    :class:`Gamma`.

    >>> import autotape as at
    >>> at.distributions.StudentT(4.0).variance
    tensor(2.)
    """

    arg_constraints = MappingProxyType(
        {
            "df": constraints.positive,
            "loc": constraints.real,
            "scale": constraints.positive,
        }
    )
    support = constraints.real
    _parameters = (
        ("df", 0),
        ("loc", 0),
        ("scale", 0),
    )

    def __init__(
        self, df: Number, loc: Number = 0.0, scale: Number = 1.0, validate_args: bool | None = None
    ) -> None:
        self.df, self.loc, self.scale = broadcast_parameters(df=df, loc=loc, scale=scale)
        super().__init__(self.df.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """``loc``; NaN up to 1 degree of freedom."""
        return self.loc.masked_fill(self.df <= 1, float("nan"))

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """scale^2 df / (df - 2); infinite up to 2 degrees of freedom, NaN up to 1."""
        above = self.scale**2 * self.df / (self.df - 2)
        return above.masked_fill(self.df <= 2, float("inf")).masked_fill(self.df <= 1, float("nan"))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Loc + scale e / sqrt(c / df), with e normal and c a chi2 sample."""
        with no_grad():
            shape = self._extended_shape(sample_shape)
            noise = randn(size=shape, dtype=self.df.dtype)
            chi2 = 2 * draw_gamma(self.df / 2, shape)
            return self.loc + self.scale * noise * (self.df / chi2).sqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        """-(df + 1) / 2 log(1 + z^2 / df), less the logarithm of the integral."""
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        return -0.5 * (self.df + 1) * (z**2 / self.df).log1p() - self._log_integral()

    def entropy(self) -> Tensor:
        """(df + 1) / 2 (digamma((df + 1) / 2) - digamma(df / 2)) + the logarithm of the integral."""
        half = 0.5 * (self.df + 1)
        return half * (digamma(half) - digamma(0.5 * self.df)) + self._log_integral()

    def _log_integral(self) -> Tensor:
        gammas = lgamma(0.5 * self.df) - lgamma(0.5 * (self.df + 1))
        return self.scale.log() + 0.5 * self.df.log() + 0.5 * math.log(math.pi) + gammas
