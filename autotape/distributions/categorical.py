"""One of several: as an index, and as a one-hot vector."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Any

import numpy as np

from autotape.autograd.modes import enable_grad, no_grad
from autotape.distributions import constraints
from autotape.distributions._parameters import logits_from, one_of, probs_from
from autotape.distributions.distribution import Distribution
from autotape.engine.basics import Size
from autotape.engine.dtypes import finfo
from autotape.engine.tensor import Tensor
from autotape.ops.combining import broadcast_tensors
from autotape.ops.log_sums import logsumexp
from autotape.ops.sampling import multinomial

__all__ = ["Categorical", "OneHotCategorical", "OneHotCategoricalStraightThrough"]


class _Choice(Distribution):
    """What both have: probabilities in a last dimension."""

    has_enumerate_support = True
    arg_constraints = MappingProxyType(
        {
            "probs": constraints.simplex,
            "logits": constraints.real_vector,
        }
    )
    _parameters = (
        ("probs", 1),
        ("logits", 1),
    )

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ) -> None:
        one_of(probs, logits)
        name, given = ("probs", probs) if logits is None else ("logits", logits)
        if not isinstance(given, Tensor):
            raise TypeError(f"{type(self).__name__}: {name} must be a Tensor, not {type(given).__name__}")
        if given.ndim < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = given - logsumexp(given, -1, keepdim=True)
        super().__init__(given.shape[:-1], self._event(given.shape[-1]), validate_args)

    def _event(self, count: int) -> tuple[int, ...]:
        """The shape of one sample, of ``count`` choices."""
        return ()

    @property
    def _parameter(self) -> Tensor:
        given = self.__dict__
        return given["probs" if "probs" in given else "logits"]  # type: ignore[no-any-return]

    @property
    def param_shape(self) -> Size:
        """The shape of probs and logits."""
        return self._parameter.shape

    @cached_property
    def logits(self) -> Tensor:
        """log(probs)."""
        with enable_grad():
            return logits_from(self.probs)

    @cached_property
    def probs(self) -> Tensor:
        """softmax(logits)."""
        with enable_grad():
            return probs_from(self.logits)

    def entropy(self) -> Tensor:
        """-sum of p log(p)."""
        logits = self.logits.clamp(min=finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def _indices(self, sample_shape: Sequence[int]) -> Tensor:
        """Drawn choices, of shape sample_shape + batch_shape."""
        with no_grad():
            count = self.probs.shape[-1]
            rows = self.probs.reshape(-1, count)
            number = int(np.prod(tuple(sample_shape), dtype=np.int64))
            shape = (*sample_shape, *self._batch_shape)
            if number == 0 or rows.shape[0] == 0:
                return Tensor._wrap(np.empty(shape, np.int64))
            return multinomial(rows, number, True).mT.reshape(shape)


class Categorical(_Choice):
    """The index i with the probability probs[..., i]: ``probs`` (any numbers >= 0) or ``logits`` are given.

    The last dimension is the one of the choices; the probabilities are normalised.

    >>> import autotape as at
    >>> c = at.distributions.Categorical(probs=at.tensor([1.0, 1.0, 2.0]))
    >>> c.log_prob(at.tensor(2)).exp()
    tensor(0.5000)
    """

    @property
    def support(self) -> constraints.Constraint:
        """0 ... n - 1."""
        return constraints.integer_interval(0, self.param_shape[-1] - 1)

    @property
    def mean(self) -> Tensor:
        """NaN: indices have no mean."""
        return self._nan()

    @property
    def variance(self) -> Tensor:
        """NaN."""
        return self._nan()

    def _nan(self) -> Tensor:
        return Tensor._wrap(np.full(self._batch_shape, np.nan, self.probs._array.dtype))

    @property
    def mode(self) -> Tensor:
        """The most likely index."""
        return self.probs.argmax(-1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Indices, int64."""
        return self._indices(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of index ``value``."""
        self._validate_sample(value)
        index, logits = broadcast_tensors(value.long().unsqueeze(-1), self.logits)
        return logits.gather(-1, index[..., :1]).squeeze(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The indices 0 ... n - 1."""
        count = self.param_shape[-1]
        values = Tensor._wrap(np.arange(count)).view(count, *[1] * len(self._batch_shape))
        return values.expand(count, *self._batch_shape) if expand else values


class OneHotCategorical(_Choice):
    """The vector with a 1 at i and zeros else, with the probability probs[..., i].

    >>> import autotape as at
    >>> at.distributions.OneHotCategorical(probs=at.tensor([0.25, 0.75])).mode
    tensor([0., 1.])
    """

    support = constraints.one_hot

    def _event(self, count: int) -> tuple[int, ...]:
        return (count,)

    @property
    def mean(self) -> Tensor:
        """``probs``."""
        return self.probs

    @property
    def mode(self) -> Tensor:
        """The most likely vector."""
        return self._vectors(self.probs.argmax(-1))

    @property
    def variance(self) -> Tensor:
        """``probs (1 - probs)."""
        return self.probs * (1 - self.probs)

    def _vectors(self, index: Tensor) -> Tensor:
        rows: Any = np.eye(self._event_shape[0], dtype=self.probs._array.dtype)
        return Tensor._wrap(rows[index._array])

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Vectors, in the dtype of the parameter."""
        return self._vectors(self._indices(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability of the place of the 1."""
        self._validate_sample(value)
        index, logits = broadcast_tensors(value.argmax(-1, keepdim=True), self.logits)
        return logits.gather(-1, index[..., :1]).squeeze(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """The n unit vectors``."""
        n = self._event_shape[0]
        values = Tensor._wrap(np.eye(n, dtype=self.probs._array.dtype))
        values = values.view(n, *[1] * len(self._batch_shape), n)
        return values.expand(n, *self._batch_shape, n) if expand else values


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """One-hot vectors whose gradient is that of ``probs`` (the straight-through estimator, Bengio 2013).

    >>> import autotape as at
    >>> logits = at.zeros(3, requires_grad=True)
    >>> at.distributions.OneHotCategoricalStraightThrough(logits=logits).rsample().requires_grad
    True
    """

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """A sample + probs - probs, of which one has a gradient."""
        return self.sample(sample_shape) + (self.probs - self.probs.detach())
