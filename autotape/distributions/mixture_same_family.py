"""A mixture of distributions of one family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from autotape.autograd.modes import no_grad
from autotape.distributions import constraints
from autotape.distributions.categorical import Categorical
from autotape.distributions.distribution import Distribution
from autotape.engine.tensor import Tensor
from autotape.ops.log_sums import logsumexp

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """One of the components, which are the last batch dimension of ``component_distribution``, by chance.

    Samples have no gradient: which component is drawn is no differentiable function.

    >>> import autotape as at
    >>> D = at.distributions
    >>> mixture = D.MixtureSameFamily(
    ...     D.Categorical(at.tensor([0.25, 0.75])), D.Normal(at.tensor([0.0, 4.0]), 1.0)
    ... )
    >>> mixture.mean
    tensor(3.)
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Distribution,
        validate_args: bool | None = None,
    ) -> None:
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an instance of Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of Distribution")
        batch = tuple(component_distribution.batch_shape)
        if not batch or mixture_distribution.param_shape[-1] != batch[-1]:
            raise ValueError(
                f"`mixture_distribution` has {mixture_distribution.param_shape[-1]} components, and the "
                f"batch shape of `component_distribution` {batch} must end with that number"
            )
        weights = tuple(mixture_distribution.batch_shape)
        if weights != batch[: len(batch) - 1][len(batch) - 1 - len(weights) :]:
            raise ValueError(
                f"`mixture_distribution.batch_shape` {weights} is not compatible with "
                f"`component_distribution.batch_shape` {batch}"
            )
        self.mixture_distribution = mixture_distribution
        self.component_distribution = component_distribution
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args)

    @property
    def support(self) -> constraints.Constraint:
        """That of the components."""
        return self.component_distribution.support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same distribution with ``batch_shape``."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        count = self.mixture_distribution.param_shape[-1]
        new.mixture_distribution = self.mixture_distribution.expand(batch_shape)
        new.component_distribution = self.component_distribution.expand((*batch_shape, count))
        Distribution.__init__(new, tuple(batch_shape), self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def _average(self, values: Tensor) -> Tensor:
        probs = self.mixture_distribution.probs
        dims = len(self._event_shape)
        return (probs.reshape(*probs.shape, *[1] * dims) * values).sum(-1 - dims)

    @property
    def mean(self) -> Tensor:
        """The mean of the components' means."""
        return self._average(self.component_distribution.mean)

    @property
    def variance(self) -> Tensor:
        """The mean of the components' variances and the variance of their means."""
        means = self.component_distribution.mean
        apart = means - self.mean.unsqueeze(-1 - len(self._event_shape))
        return self._average(self.component_distribution.variance) + self._average(apart**2)

    def cdf(self, value: Tensor) -> Tensor:
        """The mean of the components' cdfs."""
        inner = self.component_distribution.cdf(value.unsqueeze(-1 - len(self._event_shape)))
        return (inner * self.mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the mean of the components' densities."""
        self._validate_sample(value)
        inner = self.component_distribution.log_prob(value.unsqueeze(-1 - len(self._event_shape)))
        return logsumexp(inner + self.mixture_distribution.logits.log_softmax(-1), -1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """A sample of all components, of which one is taken."""
        with no_grad():
            values = self.component_distribution.sample(sample_shape)
            dims = len(self._event_shape)
            place = values.ndim - 1 - dims
            index = self.mixture_distribution.sample(sample_shape)
            # Weights for a part of the batch dimensions are the same along the others.
            index = index.reshape(*index.shape[: len(sample_shape)], *self._missing(index, sample_shape))
            index = index.reshape(*index.shape, *[1] * (dims + 1))
            shape = (*values.shape[:place], 1, *self._event_shape)
            return values.gather(place, index.expand(shape)).squeeze(place)

    def _missing(self, index: Tensor, sample_shape: Sequence[int]) -> tuple[int, ...]:
        own = tuple(index.shape)[len(sample_shape) :]
        return (*[1] * (len(self._batch_shape) - len(own)), *own)
