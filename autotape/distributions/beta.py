"""The beta distribution, and that of probabilities of several choices."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.distributions.gamma import draw_gamma
from autotape.engine.dtypes import finfo
from autotape.engine.tensor import Tensor
from autotape.ops.choices import where
from autotape.special.entropy import xlog1py, xlogy
from autotape.special.gamma import digamma, lgamma

__all__ = ["Beta", "Dirichlet"]


class Beta(Distribution):
    """The beta distribution on (0, 1): x^(a - 1) (1 - x)^(b - 1) / B(a, b) for the two concentrations a, b.

    Samples have no gradient: see :class:`Gamma`.

    >>> import autotape as at
    >>> at.distributions.Beta(1.0, 3.0).mean
    tensor(0.2500)
    """

    arg_constraints = MappingProxyType(
        {
            "concentration1": constraints.positive,
            "concentration0": constraints.positive,
        }
    )
    support = constraints.unit_interval
    _parameters = (
        ("concentration1", 0),
        ("concentration0", 0),
    )

    def __init__(
        self, concentration1: Number, concentration0: Number, validate_args: bool | None = None
    ) -> None:
        self.concentration1, self.concentration0 = broadcast_parameters(
            concentration1=concentration1, concentration0=concentration0
        )
        super().__init__(self.concentration1.shape, (), validate_args)

    @property
    def mean(self) -> Tensor:
        """The first concentration over their sum: a / (a + b)."""
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        """(a - 1) / (a + b - 2), at least 0 and at most 1; 1, one of two ends, where both are below 1."""
        a, b = (self.concentration1 - 1).clamp(min=0), (self.concentration0 - 1).clamp(min=0)
        both_below = (self.concentration1 < 1) & (self.concentration0 < 1)
        return (a / (a + b)).masked_fill(both_below, 1.0)

    @property
    def variance(self) -> Tensor:
        """The variance a b / ((a + b)^2 (a + b + 1))."""
        a, b = self.concentration1, self.concentration0
        return a * b / ((a + b) ** 2 * (a + b + 1))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """The ratio x / (x + y) of two gamma samples."""
        shape = self._extended_shape(sample_shape)
        x, y = draw_gamma(self.concentration1, shape), draw_gamma(self.concentration0, shape)
        return _inside(x / (x + y))

    def log_prob(self, value: Tensor) -> Tensor:
        """(a - 1) log(value) + (b - 1) log(1 - value) - log B(a, b)."""
        self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        return xlogy(a - 1, value) + xlog1py(b - 1, -value) - self._log_beta()

    def entropy(self) -> Tensor:
        """The entropy log B(a, b) - (a - 1) digamma(a) - (b - 1) digamma(b) + (a + b - 2) digamma(a + b)."""
        a, b = self.concentration1, self.concentration0
        digammas = (a - 1) * digamma(a) + (b - 1) * digamma(b) - (a + b - 2) * digamma(a + b)
        return self._log_beta() - digammas

    def _log_beta(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        return lgamma(a) + lgamma(b) - lgamma(a + b)


class Dirichlet(Distribution):
    """The distribution of n probabilities x with the sum 1: the product of x_i^(a_i - 1), over its integral.

    Samples have no gradient: see :class:`Gamma`.

    >>> import autotape as at
    >>> at.distributions.Dirichlet(at.tensor([1.0, 1.0, 2.0])).mean
    tensor([0.2500, 0.2500, 0.5000])
    """

    arg_constraints = MappingProxyType({"concentration": constraints.independent(constraints.positive, 1)})
    support = constraints.simplex
    _parameters = (("concentration", 1),)

    def __init__(self, concentration: Tensor, validate_args: bool | None = None) -> None:
        if concentration.ndim < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    @property
    def mean(self) -> Tensor:
        """a_i over the sum of a."""
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Tensor:
        """(a_i - 1) over their sum, negative ones taken as 0; (1, 0, ...), a corner, if all are below 1."""
        above = (self.concentration - 1).clamp(min=0)
        corner = Tensor._wrap(np.eye(1, self._event_shape[0], dtype=above._array.dtype)[0])
        all_below = (self.concentration < 1).all(-1, keepdim=True)
        return where(all_below, corner, above / above.sum(-1, True))  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """a_i (s - a_i) / (s^2 (s + 1)), s the sum of a."""
        a = self.concentration
        s = a.sum(-1, True)
        return a * (s - a) / (s**2 * (s + 1))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Gamma samples over their sum."""
        x = draw_gamma(self.concentration, self._extended_shape(sample_shape))
        return x / x.sum(-1, True)

    def log_prob(self, value: Tensor) -> Tensor:
        """The sum of (a_i - 1) log(value_i), less the logarithm of the integral."""
        self._validate_sample(value)
        return xlogy(self.concentration - 1, value).sum(-1) - self._log_integral()

    def entropy(self) -> Tensor:
        """The logarithm of the integral + (s - n) digamma(s) - sum of (a_i - 1) digamma(a_i)."""
        a = self.concentration
        s = a.sum(-1)
        digammas = (s - a.shape[-1]) * digamma(s) - ((a - 1) * digamma(a)).sum(-1)
        return self._log_integral() + digammas  # type: ignore[no-any-return]

    def _log_integral(self) -> Tensor:
        return lgamma(self.concentration).sum(-1) - lgamma(self.concentration.sum(-1))


def _inside(p: Tensor) -> Tensor:
    """``p`` kept off 0 and 1, where a density may be infinite."""
    limits = finfo(p.dtype)
    return p.clamp(min=limits.tiny, max=1 - limits.eps / 2)
