"""The distribution of a function of a sample."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from autotape.autograd.modes import no_grad
from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution
from autotape.distributions.independent import Independent
from autotape.distributions.transforms import Transform, sum_from
from autotape.engine.tensor import Tensor

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of f(x), x from ``base_distribution`` and f the ``transforms``, the first first.

    The density at y is that of the base at x = f^-1(y), over |dy / dx|.

    >>> import autotape as at
    >>> D = at.distributions
    >>> squashed = D.TransformedDistribution(D.Normal(0.0, 1.0), [D.TanhTransform()])
    >>> squashed.cdf(at.tensor(0.0))
    tensor(0.5000)
    """

    def __init__(
        self,
        base_distribution: Distribution,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ) -> None:
        if isinstance(transforms, Transform):
            self.transforms = [transforms]
        elif isinstance(transforms, (list, tuple)) and all(isinstance(t, Transform) for t in transforms):
            self.transforms = list(transforms)
        else:
            raise ValueError(f"transforms must be a Transform or a list of Transforms, but was {transforms}")
        dims = max([len(base_distribution.event_shape), *(t.event_dim for t in self.transforms)])
        self._joined = dims - len(base_distribution.event_shape)
        if self._joined:
            base_distribution = Independent(base_distribution, self._joined)
        self.base_dist = base_distribution
        shape = tuple(base_distribution.batch_shape) + tuple(base_distribution.event_shape)
        for transform in self.transforms:
            shape = transform.forward_shape(shape)
        batch = len(shape) - dims
        super().__init__(shape[:batch], shape[batch:], validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return self.base_dist.has_rsample

    @property
    def support(self) -> constraints.Constraint:
        """The codomain of the last transform."""
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        missing = len(self._event_shape) - support.event_dim
        return constraints.independent(support, missing) if missing > 0 else support

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same distribution with ``batch_shape``."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        new.base_dist = self.base_dist.expand(batch_shape)
        new.transforms = self.transforms
        new._joined = self._joined
        Distribution.__init__(new, tuple(batch_shape), self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """A sample of the base, transformed."""
        with no_grad():
            return self._forward(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """A sample of the base, transformed, with gradients."""
        return self._forward(self.base_dist.rsample(sample_shape))

    def _forward(self, x: Tensor) -> Tensor:
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        """The base's at x, less the logarithms of the derivatives."""
        self._validate_sample(value)
        dims = len(self._event_shape)
        y = value
        log: Tensor | float = 0.0
        for transform in reversed(self.transforms):
            x = transform._inv_call(y)
            log = log - sum_from(transform.log_abs_det_jacobian(x, y), dims - transform.event_dim)
            y = x
        return log + sum_from(self.base_dist.log_prob(y), dims - len(self.base_dist.event_shape))

    def cdf(self, value: Tensor) -> Tensor:
        """The base's at x; one less it where the transforms decrease."""
        sign: Any = 1
        for transform in reversed(self.transforms):
            sign = sign * transform.sign
            value = transform._inv_call(value)
        return sign * (self.base_dist.cdf(value) - 0.5) + 0.5  # type: ignore[no-any-return]

    def icdf(self, value: Tensor) -> Tensor:
        """The transformed quantile of the base."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return self._forward(self.base_dist.icdf(sign * (value - 0.5) + 0.5))
