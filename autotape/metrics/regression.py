"""How far predicted numbers are from the true ones."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.metrics._inputs import Array, plain_array
from autotape.metrics.metric import Metric

__all__ = [
    "ExplainedVariance",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "R2Score",
    "explained_variance",
    "explained_variance_score",
    "mean_absolute_error",
    "mean_squared_error",
    "r2_score",
]

Multioutput = Literal["uniform_average", "raw_values"]


class _Moments:
    """The mean and the sum of squared deviations from it, column by column.

    Batches are joined by the update of Chan, Golub and LeVeque (1983), which does not cancel as the
    difference of large sums of squares would.
    """

    def __init__(self) -> None:
        self.count = 0
        self.mean: Array = np.zeros(0)
        self.squares: Array = np.zeros(0)

    def add(self, values: Array) -> None:
        batch = _Moments()
        batch.count = len(values)
        first = values[0]  # deviations from it: those of equal values are exactly 0
        batch.mean = first + (values - first).mean(0)
        batch.squares = ((values - batch.mean) ** 2).sum(0)
        self.join(batch)

    def join(self, other: _Moments) -> None:
        if not self.count:
            self.count, self.mean, self.squares = other.count, other.mean, other.squares
        elif other.count:
            both = self.count + other.count
            apart = other.mean - self.mean
            self.squares = self.squares + other.squares + apart**2 * (self.count * other.count / both)
            self.mean = self.mean + apart * (other.count / both)
            self.count = both


class _Regression(Metric):
    """Moments of the targets and of the errors, and sums of the errors' sizes, for each output."""

    _state = ("_targets", "_errors", "_absolute", "_squared")

    def __init__(self, multioutput: Multioutput = "uniform_average") -> None:
        if multioutput not in ("uniform_average", "raw_values"):
            raise ValueError(f"multioutput must be 'uniform_average' or 'raw_values', got {multioutput!r}")
        self.multioutput = multioutput
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._targets, self._errors = _Moments(), _Moments()
        self._absolute: Array = np.zeros(0)
        self._squared: Array = np.zeros(0)

    def update(self, preds: Any, target: Any) -> None:
        """Take in one batch: two tensors of one shape, (N,) or (N, outputs)."""
        given, truth = (_numbers(v, n) for v, n in ((preds, "preds"), (target, "target")))
        if given.shape != truth.shape:
            raise ValueError(f"preds and target differ in shape: {given.shape} and {truth.shape}")
        if not given.size:
            return
        given, truth = (a.reshape(len(a) if a.ndim else 1, -1) for a in (given, truth))
        if self._targets.count and truth.shape[1] != len(self._targets.mean):
            raise ValueError(
                f"preds has {truth.shape[1]} outputs, before there were {len(self._targets.mean)}"
            )
        error = truth - given
        self._targets.add(truth)
        self._errors.add(error)
        self._absolute = _sum(self._absolute, abs(error).sum(0))
        self._squared = _sum(self._squared, (error**2).sum(0))

    def _merge(self, other: _Regression) -> None:
        if self._targets.count and other._targets.count and len(self._absolute) != len(other._absolute):
            raise ValueError(
                f"cannot merge metrics of {len(self._absolute)} and of {len(other._absolute)} outputs"
            )
        self._targets.join(other._targets)
        self._errors.join(other._errors)
        self._absolute = _sum(self._absolute, other._absolute)
        self._squared = _sum(self._squared, other._squared)

    def compute(self) -> float | Tensor:
        """The value over all batches: a float, or with "raw_values" a float64 tensor of one per output."""
        self._require(self._targets.count)
        values = self._values()
        return Tensor._wrap(values) if self.multioutput == "raw_values" else float(values.mean())

    def _values(self) -> Array:
        raise NotImplementedError


def _numbers(value: Any, name: str) -> Array:
    array = plain_array(value, name).astype(np.float64)
    if np.isinf(array).any():
        raise ValueError(f"{name} contains infinity")
    return array


def _sum(a: Array, b: Array) -> Array:
    return a + b if len(a) and len(b) else a if len(a) else b


def _share_explained(rest: Array, whole: Array) -> Array:
    """``1 - rest / whole``; where the whole is 0: 1 if nothing is left of it, else 0."""
    constant = whole == 0
    share: Array = 1 - rest / np.where(constant, 1, whole)
    return np.where(constant, np.where(rest == 0, 1.0, 0.0), share)


class MeanSquaredError(_Regression):
    """The mean of ``(preds - target)^2``.

    Args:
        multioutput: of outputs (N, D): "uniform_average", their mean; "raw_values", each for itself.

    >>> metric = MeanSquaredError()
    >>> metric.update([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
    >>> metric.compute()
    0.375
    """

    def _values(self) -> Array:
        return self._squared / self._targets.count


class MeanAbsoluteError(_Regression):
    """The mean of ``|preds - target|``. Arguments as :class:`MeanSquaredError`.

    >>> metric = MeanAbsoluteError()
    >>> metric.update([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
    >>> metric.compute()
    0.5
    """

    def _values(self) -> Array:
        return self._absolute / self._targets.count


class R2Score(_Regression):
    """The coefficient of determination: ``1 - sum (y - p)^2 / sum (y - mean(y))^2``.

    1 is perfect, 0 as good as the mean. Where the targets are all equal it is 1 if all predictions are right,
    else 0; of a single sample it is NaN. Arguments as :class:`MeanSquaredError`.

    >>> metric = R2Score()
    >>> metric.update([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
    >>> round(metric.compute(), 6)
    0.948608
    """

    def _values(self) -> Array:
        values = _share_explained(self._squared, self._targets.squares)
        return values if self._targets.count > 1 else np.full_like(values, np.nan)


class ExplainedVariance(_Regression):
    """The share of the variance that is explained: ``1 - Var(y - p) / Var(y)``.

    Unlike :class:`R2Score` it does not see an error that is the same for all samples. Where the targets are
    all equal it is 1 if the errors are too, else 0. Arguments as :class:`MeanSquaredError`.

    >>> metric = ExplainedVariance()
    >>> metric.update([2.5, 0.0, 2.0, 8.0], [3.0, -0.5, 2.0, 7.0])
    >>> round(metric.compute(), 6)
    0.957173
    """

    def _values(self) -> Array:
        return _share_explained(self._errors.squares, self._targets.squares)


def _of_all(metric: _Regression, y_true: Any, y_pred: Any) -> float | Tensor:
    metric.update(y_pred, y_true)
    return metric.compute()


def mean_squared_error(
    y_true: Any, y_pred: Any, *, multioutput: Multioutput = "uniform_average"
) -> float | Tensor:
    """The mean of ``(y_true - y_pred)^2``; see :class:`MeanSquaredError`.

    >>> mean_squared_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
    0.375
    """
    return _of_all(MeanSquaredError(multioutput), y_true, y_pred)


def mean_absolute_error(
    y_true: Any, y_pred: Any, *, multioutput: Multioutput = "uniform_average"
) -> float | Tensor:
    """The mean of ``|y_true - y_pred|``; see :class:`MeanAbsoluteError`.

    >>> mean_absolute_error([3.0, -0.5, 2.0, 7.0], [2.5, 0.0, 2.0, 8.0])
    0.5
    """
    return _of_all(MeanAbsoluteError(multioutput), y_true, y_pred)


def r2_score(y_true: Any, y_pred: Any, *, multioutput: Multioutput = "uniform_average") -> float | Tensor:
    """The coefficient of determination; see :class:`R2Score`.

    >>> r2_score([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
    1.0
    """
    return _of_all(R2Score(multioutput), y_true, y_pred)


def explained_variance(
    y_true: Any, y_pred: Any, *, multioutput: Multioutput = "uniform_average"
) -> float | Tensor:
    """The share of the variance that is explained; see :class:`ExplainedVariance`.

    >>> explained_variance([1.0, 2.0, 3.0], [2.0, 3.0, 4.0])
    1.0
    """
    return _of_all(ExplainedVariance(multioutput), y_true, y_pred)


explained_variance_score = explained_variance  # scikit-learn's name
