"""Discrete choices made continuous, so that samples have gradients (Jang 2017; Maddison 2017)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any, Self

from autotape.autograd.modes import enable_grad
from autotape.distributions import constraints
from autotape.distributions._parameters import logits_from, one_of, probs_from
from autotape.distributions.distribution import Distribution, Number, broadcast_parameters
from autotape.distributions.gumbel import Gumbel
from autotape.engine.dtypes import finfo
from autotape.engine.tensor import Tensor
from autotape.ops.exponentials import logaddexp
from autotape.ops.log_sums import logsumexp

__all__ = ["RelaxedBernoulli", "RelaxedOneHotCategorical"]


class _Relaxed(Distribution):
    """What both have: a temperature, and probabilities."""

    has_rsample = True
    _dims = 0  # of the event
    temperature: Tensor

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same distribution with ``batch_shape``; the temperature stays."""
        new = super().expand(batch_shape, _instance)
        new.temperature = self.temperature
        return new

    @property
    def _parameter(self) -> Tensor:
        given = self.__dict__
        return given["probs" if "probs" in given else "logits"]  # type: ignore[no-any-return]

    @cached_property
    def logits(self) -> Tensor:
        """The logarithms of the odds, or of the probabilities of several choices."""
        with enable_grad():
            return logits_from(self.probs, binary=self._dims == 0)

    @cached_property
    def probs(self) -> Tensor:
        """The probabilities of the choices."""
        with enable_grad():
            return probs_from(self.logits, binary=self._dims == 0)

    def _set(self, temperature: Number, like: Tensor) -> None:
        as_tensor = isinstance(temperature, Tensor)
        self.temperature = temperature if as_tensor else Tensor._from_value(temperature, like._array.dtype)  # type: ignore[assignment]


class RelaxedBernoulli(_Relaxed):
    """Numbers in (0, 1) that come close to those of a Bernoulli distribution as ``temperature`` goes to 0.

    >>> import autotape as at
    >>> logits = at.zeros(3, requires_grad=True)
    >>> at.distributions.RelaxedBernoulli(0.5, logits=logits).rsample().requires_grad
    True
    """

    arg_constraints = MappingProxyType({"probs": constraints.unit_interval, "logits": constraints.real})
    support = constraints.unit_interval
    _parameters = (
        ("probs", 0),
        ("logits", 0),
    )

    def __init__(
        self,
        temperature: Number,
        probs: Number | None = None,
        logits: Number | None = None,
        validate_args: bool | None = None,
    ) -> None:
        one_of(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_parameters(probs=probs)
        else:
            (self.logits,) = broadcast_parameters(logits=logits)
        self._set(temperature, self._parameter)
        super().__init__(self._parameter.shape, (), validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """sigmoid((logits + log(u) - log(1 - u)) / temperature), with u uniform on (0, 1)."""
        limits = finfo(self._parameter.dtype)
        u = self._uniform(sample_shape, self._parameter).clamp(min=limits.tiny, max=1 - limits.eps / 2)
        x = ((self.logits + u.log() - (-u).log1p()) / self.temperature).sigmoid()
        return x.clamp(min=limits.tiny, max=1 - limits.eps)

    def log_prob(self, value: Tensor) -> Tensor:
        """log(t) + d - 2 log(1 + exp(d)) - log(value (1 - value)), d = logits - t logit(value)."""
        self._validate_sample(value)
        log, log_rest = value.log(), (-value).log1p()
        d = self.logits - self.temperature * (log - log_rest)
        return self.temperature.log() + d - 2 * logaddexp(d, 0.0) - log - log_rest


class RelaxedOneHotCategorical(_Relaxed):
    """Probability vectors that come close to one-hot vectors as ``temperature`` goes to 0 (Gumbel-softmax).

    >>> import autotape as at
    >>> relaxed = at.distributions.RelaxedOneHotCategorical(at.tensor(0.5), logits=at.zeros(2, 3))
    >>> relaxed.rsample().shape, relaxed.has_rsample
    (autotape.Size([2, 3]), True)
    """

    arg_constraints = MappingProxyType(
        {
            "probs": constraints.simplex,
            "logits": constraints.real_vector,
        }
    )
    support = constraints.simplex
    _parameters = (
        ("probs", 1),
        ("logits", 1),
    )
    _dims = 1

    def __init__(
        self,
        temperature: Number,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        one_of(probs, logits)
        given: Any = probs if logits is None else logits
        if given.ndim < 1:
            raise ValueError("the probabilities must be at least one-dimensional")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = given - logsumexp(given, -1, keepdim=True)
        self._set(temperature, given)
        super().__init__(given.shape[:-1], given.shape[-1:], validate_args)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """softmax((logits + g) / temperature), with g from a Gumbel distribution."""
        noise = Gumbel(self.logits.detach() * 0, 1.0, validate_args=False).sample(sample_shape)
        return ((self.logits + noise) / self.temperature).softmax(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """log((n - 1)!) + (n - 1) log(t) + the sum of s - logsumexp(s) - log(value).

        s = logits - t log(value).
        """
        self._validate_sample(value)
        n = self._event_shape[0]
        log = value.log()
        s = self.logits - self.temperature * log
        score = (s - logsumexp(s, -1, keepdim=True) - log).sum(-1)
        return score + math.lgamma(n) + (n - 1) * self.temperature.log()  # type: ignore[no-any-return]
