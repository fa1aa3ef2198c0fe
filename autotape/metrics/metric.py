"""The base class of all metrics."""

from __future__ import annotations

import copy
from typing import Any, ClassVar, TypeVar

__all__ = ["Metric"]

M = TypeVar("M", bound="Metric")


class Metric:
    """A value computed over batches: ``update`` takes a batch, ``compute`` gives the value of all so far.

    Metrics of the same class and options merge, as those of several workers do: ``a.merge(b)`` adds ``b``
    into ``a``, and ``a + b`` is a new one. A subclass names its state and defines :meth:`reset`,
    :meth:`update`, :meth:`compute` and ``_merge``; every other attribute is an option.

    >>> from autotape.metrics import MeanSquaredError
    >>> first, second = MeanSquaredError(), MeanSquaredError()
    >>> first.update([1.0, 2.0], [1.0, 4.0])
    >>> second.update([3.0, 3.0], [3.0, 3.0])
    >>> (first + second).compute()
    1.0
    """

    _state: ClassVar[tuple[str, ...]] = ()

    def update(self, preds: Any, target: Any) -> None:
        """Take in one batch. Both may be tensors, arrays or lists; gradients are not computed."""
        raise NotImplementedError(f"{type(self).__name__} defines no update")

    def compute(self) -> Any:
        """The value over all batches since the last :meth:`reset`; ValueError if there were no samples."""
        raise NotImplementedError(f"{type(self).__name__} defines no compute")

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError(f"{type(self).__name__} defines no reset")

    def merge(self: M, other: M) -> M:
        """Take in all batches that ``other`` has seen; returns self.

        Errors: TypeError for a metric of another class, ValueError for one with other options.
        """
        if type(other) is not type(self):
            raise TypeError(f"cannot merge {type(other).__name__} into {type(self).__name__}")
        if repr(self) != repr(other):  # not the options themselves: NaN, which is one, equals nothing
            raise ValueError(f"cannot merge metrics with different options: {self!r} and {other!r}")
        self._merge(other)
        return self

    def __add__(self: M, other: M) -> M:
        if not isinstance(other, Metric):
            return NotImplemented
        return copy.deepcopy(self).merge(other)

    def _merge(self, other: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} defines no _merge")

    def _require(self, count: int) -> None:
        if not count:
            raise ValueError(f"{type(self).__name__} has seen no samples: there is nothing to compute")

    def __repr__(self) -> str:
        options = [f"{name}={value!r}" for name, value in vars(self).items() if name not in self._state]
        return f"{type(self).__name__}({', '.join(options)})"
