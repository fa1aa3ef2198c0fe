"""Precision, recall and F1, of one class or averaged over classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.metrics._inputs import Array, predicted_labels
from autotape.metrics.classification import checked_classes
from autotape.metrics.metric import Metric

__all__ = [
    "F1Score",
    "Precision",
    "Recall",
    "f1_score",
    "precision",
    "precision_score",
    "recall",
    "recall_score",
]

Average = Literal["binary", "micro", "macro", "weighted", "none"] | None

_AVERAGES = ("binary", "micro", "macro", "weighted", "none", None)


class _OfClasses(Metric):
    """Counts per class: what was right, what was predicted, what is true."""

    _state = ("_classes", "_counts")
    _name: ClassVar[str]

    def __init__(
        self,
        average: Average = "binary",
        *,
        pos_label: int = 1,
        labels: Sequence[int] | None = None,
        zero_division: float = 0.0,
        threshold: float = 0.5,
    ) -> None:
        if average not in _AVERAGES:
            raise ValueError(f"average must be one of {_AVERAGES}, got {average!r}")
        self.average = average
        self.pos_label = pos_label
        self.labels = None if labels is None else checked_classes(labels)
        self.zero_division = float(zero_division)
        self.threshold = threshold
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._classes = np.empty(0, np.int64)
        self._counts = np.empty((3, 0), np.int64)

    def update(self, preds: Any, target: Any) -> None:
        """Take in one batch of labels or scores."""
        predicted, truth = predicted_labels(preds, target, self.threshold)
        classes = np.union1d(predicted, truth)
        size = len(classes)
        at = np.searchsorted(classes, truth)
        counts = [np.bincount(places, minlength=size) for places in (
            at[predicted == truth], np.searchsorted(classes, predicted), at,
        )]  # fmt: skip
        self._add(classes, np.stack(counts))

    def _add(self, classes: Array, counts: Array) -> None:
        union = np.union1d(self._classes, classes)
        out = np.zeros((3, len(union)), np.int64)
        for some, their in (self._classes, self._counts), (classes, counts):
            out[:, np.searchsorted(union, some)] += their
        self._classes, self._counts = union, out

    def _merge(self, other: _OfClasses) -> None:
        self._add(other._classes, other._counts)

    def compute(self) -> float | Tensor:
        """The value over all batches: a float, without an average a float64 tensor with a value per class."""
        self._require(int(self._counts[2].sum()))
        right, predicted, true = self._counts_of(self._wanted())
        share, whole = self._share(right, predicted, true)
        if self.average == "micro":
            share, whole = share.sum(keepdims=True), whole.sum(keepdims=True)
        undefined = whole == 0
        values = np.where(undefined, self.zero_division, share / np.where(undefined, 1, whole))
        if self.average in (None, "none"):
            return Tensor._wrap(values)
        defined = ~np.isnan(values)  # a zero_division of NaN leaves these classes out
        if not defined.any():
            return self.zero_division
        weights = true[defined] if self.average == "weighted" and true[defined].any() else None
        return float(np.average(values[defined], weights=weights))

    def _wanted(self) -> Array:
        if self.average != "binary":
            return self._classes if self.labels is None else np.asarray(self.labels, np.int64)
        present = self._classes.tolist()
        if len(present) > 2:
            raise ValueError(
                f"average='binary' is for two classes, but the labels are {present}; choose another average: "
                "'micro', 'macro', 'weighted' or None"
            )
        if len(present) == 2 and self.pos_label not in present:
            raise ValueError(f"pos_label={self.pos_label} is not one of the labels {present}")
        return np.array([self.pos_label])

    def _counts_of(self, wanted: Array) -> Array:
        out = np.zeros((3, len(wanted)), np.int64)
        known = np.flatnonzero(np.isin(wanted, self._classes))
        out[:, known] = self._counts[:, np.searchsorted(self._classes, wanted[known])]
        return out

    @staticmethod
    def _share(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        raise NotImplementedError


class Precision(_OfClasses):
    """Of what was predicted as a class, the share that is it: TP / (TP + FP).

    ``preds`` as for :class:`Accuracy`.

    Args:
        average: "binary": the value of ``pos_label``, for two classes; "macro": the mean over classes;
            "weighted": their mean with the number of true samples as weights (if all are 0, the plain mean);
            "micro": from the sums of the counts; None or "none": a tensor with a value for each class, in
            increasing order of the labels.
        pos_label: the class that "binary" looks at.
        labels: the classes to average over or list. Default: all that occurred, as truth or prediction.
        zero_division: the value where the denominator is 0; NaN leaves the class out of an average.
        threshold: above it, a score of two classes means class 1 (for logits: 0).

    >>> metric = Precision("macro")
    >>> metric.update([0, 2, 1], [0, 1, 2])
    >>> metric.update([0, 0, 1], [0, 1, 2])
    >>> metric.compute()
    0.2222222222222222
    """

    @staticmethod
    def _share(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        return right, predicted


class Recall(_OfClasses):
    """Of what is of a class, the share that was predicted as it: TP / (TP + FN).

    Arguments as :class:`Precision`.

    >>> metric = Recall()
    >>> metric.update([0.9, 0.2, 0.7], [1, 1, 0])
    >>> metric.compute()
    0.5
    """

    @staticmethod
    def _share(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        return right, true


class F1Score(_OfClasses):
    """The harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN).

    Arguments as :class:`Precision`.

    >>> metric = F1Score(None)
    >>> metric.update([0, 1, 1], [0, 1, 0])
    >>> metric.compute()
    tensor([0.6667, 0.6667], dtype=autotape.float64)
    """

    @staticmethod
    def _share(right: Array, predicted: Array, true: Array) -> tuple[Array, Array]:
        return 2 * right, predicted + true


def _of_all(metric: _OfClasses, y_true: Any, y_pred: Any) -> float | Tensor:
    metric.update(y_pred, y_true)
    return metric.compute()


def precision(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
    average: Average = "binary",
    zero_division: float = 0.0,
    threshold: float = 0.5,
) -> float | Tensor:
    """Of what was predicted as a class, the share that is it; see :class:`Precision`.

    >>> precision([0, 1, 1, 0], [0, 1, 1, 1])
    0.6666666666666666
    """
    metric = Precision(
        average, pos_label=pos_label, labels=labels, zero_division=zero_division, threshold=threshold
    )
    return _of_all(metric, y_true, y_pred)


def recall(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
    average: Average = "binary",
    zero_division: float = 0.0,
    threshold: float = 0.5,
) -> float | Tensor:
    """Of what is of a class, the share that was predicted as it; see :class:`Recall`.

    >>> recall([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], average="macro")
    0.3333333333333333
    """
    metric = Recall(
        average, pos_label=pos_label, labels=labels, zero_division=zero_division, threshold=threshold
    )
    return _of_all(metric, y_true, y_pred)


def f1_score(
    y_true: Any,
    y_pred: Any,
    *,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
    average: Average = "binary",
    zero_division: float = 0.0,
    threshold: float = 0.5,
) -> float | Tensor:
    """The harmonic mean of precision and recall; see :class:`F1Score`.

    >>> f1_score([0, 1, 1, 0], [0, 1, 1, 1])
    0.8
    """
    metric = F1Score(
        average, pos_label=pos_label, labels=labels, zero_division=zero_division, threshold=threshold
    )
    return _of_all(metric, y_true, y_pred)


precision_score = precision  # scikit-learn's names
recall_score = recall
