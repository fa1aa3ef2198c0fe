"""The geometric distribution."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType

from autotape.autograd.modes import enable_grad, no_grad
from autotape.distributions import constraints
from autotape.distributions._parameters import entropy_of_coin, logits_from, one_of, probs_from
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.engine.tensor import Tensor
from autotape.special.entropy import xlog1py

__all__ = ["Geometric"]


class Geometric(Distribution):
    """The number of failures before the first success: k = 0, 1, ... has the probability (1 - p)^k p.

    >>> import autotape as at
    >>> at.distributions.Geometric(probs=0.25).mean
    tensor(3.)
    """

    arg_constraints = MappingProxyType(
        {
            "probs": constraints.unit_interval,
            "logits": constraints.real,
        }
    )
    support = constraints.nonnegative_integer
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
            super().__init__(self.probs.shape, (), validate_args)
            if self._validate_args:
                self._check("probs", self.probs, constraints.positive)
        else:
            (self.logits,) = broadcast_parameters(logits=logits)
            super().__init__(self.logits.shape, (), validate_args)

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
        """1 / probs - 1."""
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        """0."""
        return (self.probs * 0).detach()

    @property
    def variance(self) -> Tensor:
        """(1 / probs - 1) / probs."""
        return (1 / self.probs - 1) / self.probs

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """floor(log(1 - u) / log(1 - probs)), with u uniform on [0, 1)."""
        with no_grad():
            u = self._uniform(sample_shape, self.probs)
            return ((-u).log1p() / (-self.probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        """``value log(1 - probs) + log(probs)."""
        self._validate_sample(value)
        return xlog1py(value, -self.probs) + self.probs.log()

    def entropy(self) -> Tensor:
        """That of one try, over probs``."""
        return entropy_of_coin(self.logits, self.probs) / self.probs
