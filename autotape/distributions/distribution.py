"""The base class of distributions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.distributions.constraints import Constraint, is_dependent
from autotape.engine.basics import Size
from autotape.engine.dtypes import default_dtype
from autotape.engine.tensor import Tensor
from autotape.ops.random import rand

__all__ = ["Distribution"]

Number = Tensor | float


class Distribution:
    """A probability distribution, or a batch of independent ones.

    ``batch_shape`` is the shape of the parameters, ``event_shape`` that of one sample; ``sample(s)`` has the
    shape ``s + batch_shape + event_shape`` and ``log_prob`` of that ``s + batch_shape``. With
    ``validate_args`` (the default) parameters and values outside of their sets are ValueErrors.
    """

    has_rsample = False  # whether rsample() gives samples with gradients
    has_enumerate_support = False
    _validate_args = True
    # The attributes that expand() expands, and the number of their dimensions that belong to the event.
    _parameters: tuple[tuple[str, int], ...] = ()

    def __init__(
        self,
        batch_shape: Sequence[int] = (),
        event_shape: Sequence[int] = (),
        validate_args: bool | None = None,
    ) -> None:
        self._batch_shape = Size(batch_shape)
        self._event_shape = Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            for name, constraint in self.arg_constraints.items():
                if not is_dependent(constraint) and name in self.__dict__:
                    self._check(name, self.__dict__[name], constraint)

    def _check(self, name: str, value: Tensor, constraint: Constraint) -> None:
        if not constraint.check(value)._array.all():
            raise ValueError(
                f"Expected parameter {name} ({_kind(value)}) of distribution {self!r} to satisfy the "
                f"constraint {constraint!r}, but found invalid values:\n{value}"
            )

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether distributions check parameters and values unless ``validate_args`` says."""
        if value not in (True, False):
            raise ValueError(f"value must be True or False, not {value!r}")
        Distribution._validate_args = value

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch of distributions."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of one sample."""
        return self._event_shape

    @property
    def arg_constraints(self) -> Mapping[str, Constraint]:
        """The set that each parameter lies in."""
        return {}

    @property
    def support(self) -> Constraint:
        """The set of the samples."""
        raise NotImplementedError(f"{type(self).__name__} has no support")

    @property
    def mean(self) -> Tensor:
        """The expected value."""
        raise NotImplementedError(f"{type(self).__name__} has no mean")

    @property
    def mode(self) -> Tensor:
        """The most likely value."""
        raise NotImplementedError(f"{type(self).__name__} has no mode")

    @property
    def variance(self) -> Tensor:
        """The variance."""
        raise NotImplementedError(f"{type(self).__name__} has no variance")

    @property
    def stddev(self) -> Tensor:
        """The standard deviation: the root of the variance."""
        return self.variance.sqrt()

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        """The same distribution with its parameters expanded to ``batch_shape``: views, no copies."""
        new = type(self).__new__(type(self)) if _instance is None else _instance
        shape = tuple(batch_shape)
        for name, dims in self._parameters:
            if name in self.__dict__:
                value = self.__dict__[name]
                event = tuple(value.shape)[value.ndim - dims :]
                new.__dict__[name] = value.expand(shape + event)
        Distribution.__init__(new, shape, self._event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Samples of shape ``sample_shape + batch_shape + event_shape``, without gradient."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """Samples as a differentiable function of the parameters and of random numbers without any."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rsample: its samples are no differentiable function of the "
            "parameters; use sample() and the gradient of log_prob (the score function)"
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the density (or probability) at ``value``."""
        raise NotImplementedError(f"{type(self).__name__} has no log_prob")

    def cdf(self, value: Tensor) -> Tensor:
        """The probability of a sample up to ``value``."""
        raise NotImplementedError(f"{type(self).__name__} has no cdf")

    def icdf(self, value: Tensor) -> Tensor:
        """The inverse of :meth:`cdf`: the quantile for a probability."""
        raise NotImplementedError(f"{type(self).__name__} has no icdf")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        """All values of a discrete distribution, along a first dimension; ``expand`` over the batch."""
        raise NotImplementedError(f"{type(self).__name__} can't enumerate its support")

    def entropy(self) -> Tensor:
        """The entropy -E log p, in nats."""
        raise NotImplementedError(f"{type(self).__name__} has no entropy")

    def perplexity(self) -> Tensor:
        """The exponential of the entropy."""
        return self.entropy().exp()

    def _extended_shape(self, sample_shape: Sequence[int] = ()) -> tuple[int, ...]:
        return (*sample_shape, *self._batch_shape, *self._event_shape)

    def _uniform(self, sample_shape: Sequence[int], like: Tensor) -> Tensor:
        """Uniform numbers in [0, 1) for samples."""
        return rand(size=self._extended_shape(sample_shape), dtype=like.dtype)

    def _validate_sample(self, value: Any) -> None:
        """ValueError if ``value`` has no shape or no place for this distribution."""
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        shape = self._batch_shape + self._event_shape
        dims = len(self._event_shape)
        if dims > value.ndim or tuple(value.shape)[value.ndim - dims :] != tuple(self._event_shape):
            raise ValueError(
                f"The right-most size of value must match event_shape: {value.shape} vs {self._event_shape}."
            )
        for n, m in zip(reversed(value.shape), reversed(shape), strict=False):
            if n != 1 and m != 1 and n != m:
                raise ValueError(
                    f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {shape}."
                )
        try:
            support = self.support
        except NotImplementedError:
            return
        if not support.check(value)._array.all():
            raise ValueError(
                f"Expected value argument ({_kind(value)}) to be within the support ({support!r}) of the "
                f"distribution {self!r}, but found invalid values:\n{value}"
            )

    def __repr__(self) -> str:
        shown = [
            f"{name}: {value.item() if value.numel() == 1 else value.shape}"
            for name in self.arg_constraints
            if isinstance(value := self.__dict__.get(name), Tensor)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


def _kind(value: Tensor) -> str:
    return f"{type(value).__name__} of shape {tuple(value.shape)}"


def broadcast_parameters(**values: Any) -> list[Tensor]:
    """Numbers and tensors as tensors of one shape, numbers in the dtype of the tensors or the default."""
    tensors = [v for v in values.values() if isinstance(v, Tensor)]
    dtype = tensors[0]._array.dtype if tensors else np.dtype(default_dtype())
    if dtype.kind not in "fc":
        dtype = default_dtype()
    result = []
    for name, value in values.items():
        if isinstance(value, Tensor):
            result.append(value)
        elif isinstance(value, (int, float, np.number)):
            result.append(Tensor._from_value(value, dtype))
        else:
            raise ValueError(
                f"a parameter of a distribution must be a number or a Tensor: {name} is a "
                f"{type(value).__name__}"
            )
    shape = np.broadcast_shapes(*[tuple(t.shape) for t in result])
    return [t if tuple(t.shape) == shape else t.expand(shape) for t in result]
