"""Distributions of counts: successes, failures, and how often each of several choices was drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from autotape.autograd.modes import enable_grad
from autotape.distributions import constraints
from autotape.distributions._parameters import logits_from, one_of, probs_from
from autotape.distributions.categorical import Categorical
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.engine.tensor import Tensor
from autotape.ops.exponentials import logaddexp
from autotape.ops.generator import source
from autotape.special.entropy import xlogy
from autotape.special.gamma import lgamma

__all__ = ["Binomial", "Multinomial", "NegativeBinomial"]


class _Counted(Distribution):
    """A number of tries ``total_count``, each with the same probability of success."""

    total_count: Tensor
    _parameters = (
        ("total_count", 0),
        ("probs", 0),
        ("logits", 0),
    )

    def __init__(
        self,
        total_count: Number,
        probs: Number | None = None,
        logits: Number | None = None,
        validate_args: bool | None = None,
    ) -> None:
        one_of(probs, logits)
        given: Any = probs if logits is None else logits
        name = "probs" if logits is None else "logits"
        like = given.dtype if isinstance(given, Tensor) else None
        counts = total_count.to(like) if isinstance(total_count, Tensor) and like is not None else total_count
        self.total_count, parameter = broadcast_parameters(total_count=counts, parameter=given)
        setattr(self, name, parameter)
        super().__init__(parameter.shape, (), validate_args)

    @cached_property
    def logits(self) -> Tensor:
        """log(probs / (1 - probs))."""
        with enable_grad():
            return logits_from(self.probs, binary=True)

    @cached_property
    def probs(self) -> Tensor:
        """sigmoid(logits)."""
        with enable_grad():
            return probs_from(self.logits, binary=True)

    @property
    def param_shape(self) -> Any:
        """The shape of probs and logits."""
        return self._batch_shape

    def _draw(self, numbers: Any) -> Tensor:
        return Tensor._wrap(np.asarray(numbers, self.probs._array.dtype))


class Binomial(_Counted):
    """The number of successes in ``total_count`` tries, each with the probability ``probs``.

    >>> import autotape as at
    >>> at.distributions.Binomial(4, probs=0.5).log_prob(at.tensor(2.0)).exp()
    tensor(0.3750)
    """

    arg_constraints = MappingProxyType(
        {
            "total_count": constraints.nonnegative_integer,
            "probs": constraints.unit_interval,
            "logits": constraints.real,
        }
    )

    def __init__(
        self,
        total_count: Number = 1,
        probs: Number | None = None,
        logits: Number | None = None,
        validate_args: bool | None = None,
    ) -> None:
        super().__init__(total_count, probs, logits, validate_args)

    @property
    def support(self) -> constraints.Constraint:
        """0 ... total_count."""
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        """total_count probs."""
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        """floor((total_count + 1) probs), at most total_count."""
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Tensor:
        """total_count probs (1 - probs)."""
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Whole numbers, in the dtype of the parameters."""
        counts = self.total_count._array.astype(np.int64)
        probs = np.asarray(self.probs._array, np.float64)
        return self._draw(source(None).binomial(counts, probs, self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Log of (total_count over value) + value log(probs) + (total_count - value) log(1 - probs)."""
        self._validate_sample(value)
        n = self.total_count
        ways = lgamma(n + 1) - lgamma(value + 1) - lgamma(n - value + 1)
        return ways + value * self.logits - n * logaddexp(self.logits, 0.0)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 ... total_count, the same for the whole batch."""
        most = int(self.total_count._array.max())
        if not self.total_count._array.min() == most:
            raise NotImplementedError("Inhomogeneous total count not supported by `enumerate_support`.")
        values = self._draw(np.arange(most + 1)).view(-1, *[1] * len(self._batch_shape))
        return values.expand(most + 1, *self._batch_shape) if expand else values

    def entropy(self) -> Tensor:
        """-sum of p log(p) over all values."""
        log = self.log_prob(self.enumerate_support(False))
        return -(log.exp() * log).sum(0)

    has_enumerate_support = True


class NegativeBinomial(_Counted):
    """The number of successes, each with the probability ``probs``, before ``total_count`` failures.

    >>> import autotape as at
    >>> at.distributions.NegativeBinomial(3.0, probs=0.5).mean
    tensor(3.)
    """

    arg_constraints = MappingProxyType(
        {
            "total_count": constraints.nonnegative,
            "probs": constraints.half_open_interval(0.0, 1.0),
            "logits": constraints.real,
        }
    )
    support = constraints.nonnegative_integer

    @property
    def mean(self) -> Tensor:
        """total_count exp(logits)."""
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        """floor((total_count - 1) exp(logits)), at least 0."""
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Tensor:
        """The mean over 1 - probs."""
        return self.mean / (-self.logits).sigmoid()

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Poisson samples whose rates are gamma samples."""
        shape, random = self._extended_shape(sample_shape), source(None)
        counts = np.asarray(self.total_count._array, np.float64)
        rate = random.standard_gamma(counts, shape) * np.asarray(self.logits.exp()._array, np.float64)
        return self._draw(random.poisson(rate))

    def log_prob(self, value: Tensor) -> Tensor:
        """total_count log(1 - probs) + value log(probs) + log of the number of orders."""
        self._validate_sample(value)
        n = self.total_count
        orders = lgamma(n + value) - lgamma(1.0 + value) - lgamma(n)
        orders = orders.masked_fill(n + value == 0.0, 0.0)
        return orders - n * logaddexp(self.logits, 0.0) - value * logaddexp(-self.logits, 0.0)


class Multinomial(Distribution):
    """How often each of n choices was drawn in ``total_count`` draws; probabilities as in Categorical.

    >>> import autotape as at
    >>> at.distributions.Multinomial(8, at.tensor([1.0, 1.0, 2.0])).mean
    tensor([2., 2., 4.])
    """

    arg_constraints = MappingProxyType(
        {
            "probs": constraints.simplex,
            "logits": constraints.real_vector,
        }
    )

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        super().__init__(self._categorical.batch_shape, self.probs.shape[-1:], validate_args)

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """log(probs)."""
        return self._categorical.logits

    @property
    def support(self) -> constraints.Constraint:
        """Vectors of whole numbers from 0 to total_count."""
        return constraints.independent(constraints.integer_interval(0, self.total_count), 1)

    @property
    def mean(self) -> Tensor:
        """total_count probs."""
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        """total_count probs (1 - probs)."""
        return self.total_count * self.probs * (1 - self.probs)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Any:
        """The same distribution with ``batch_shape``."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(batch_shape)
        Distribution.__init__(new, tuple(batch_shape), self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Whole numbers, in the dtype of the parameter."""
        probs = np.asarray(self.probs._array, np.float64)
        probs = probs / probs.sum(-1, keepdims=True)
        shape = (*sample_shape, *self._batch_shape)
        return Tensor._wrap(
            np.asarray(source(None).multinomial(self.total_count, probs, shape), self.probs._array.dtype)
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the number of orders + the sum of value_i log(probs_i)."""
        self._validate_sample(value)
        orders = lgamma(value.sum(-1) + 1) - lgamma(value + 1).sum(-1)
        return orders + xlogy(value, self.probs).sum(-1)
