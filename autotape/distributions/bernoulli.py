"""The Bernoulli distribution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np

from autotape.autograd.modes import enable_grad, no_grad
from autotape.distributions import constraints
from autotape.distributions._parameters import entropy_of_coin, logits_from, one_of, probs_from
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.engine.tensor import Tensor
from autotape.ops.choices import where
from autotape.ops.exponentials import logaddexp
from autotape.ops.sampling import bernoulli

__all__ = ["Bernoulli"]


class Bernoulli(Distribution):
    """1 with the probability ``probs`` (or sigmoid(``logits``)), else 0.

    >>> import autotape as at
    >>> at.distributions.Bernoulli(probs=0.25).variance
    tensor(0.1875)
    """

    has_enumerate_support = True
    arg_constraints = MappingProxyType(
        {
            "probs": constraints.unit_interval,
            "logits": constraints.real,
        }
    )
    support = constraints.boolean
    _parameters = (
        ("probs", 0),
        ("logits", 0),
    )

    def __init__(
        self, probs: Number | None = None, logits: Number | None = None, validate_args: bool | None = None
    ) -> None:
        one_of(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_parameters(probs=probs)
        else:
            (self.logits,) = broadcast_parameters(logits=logits)
        super().__init__(self._parameter.shape, (), validate_args)

    @property
    def _parameter(self) -> Tensor:
        given = self.__dict__
        return given["probs" if "probs" in given else "logits"]  # type: ignore[no-any-return]

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
    def mean(self) -> Tensor:
        """``probs``."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """1 where probs > 1/2, 0 below, NaN at 1/2."""
        p = self.probs.detach()
        return where(p == 0.5, float("nan"), (p > 0.5).to(p.dtype))  # type: ignore[no-any-return]

    @property
    def variance(self) -> Tensor:
        """``probs (1 - probs)."""
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Zeros and ones, in the dtype of the parameter."""
        with no_grad():
            return bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """Value log(probs) + (1 - value) log(1 - probs)``, from the logits."""
        self._validate_sample(value)
        return self.logits * value - logaddexp(self.logits, 0.0)

    def entropy(self) -> Tensor:
        """-p log(p) - (1 - p) log(1 - p)."""
        return entropy_of_coin(self.logits, self.probs)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """0 and 1."""
        values = Tensor._wrap(np.arange(2, dtype=self._parameter._array.dtype))
        values = values.view(2, *[1] * len(self._batch_shape))
        return values.expand(2, *self._batch_shape) if expand else values
