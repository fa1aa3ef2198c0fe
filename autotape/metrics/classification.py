"""Counts of right and wrong classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.metrics._inputs import (
    Array,
    labels_of,
    plain_array,
    predicted_labels,
    scores_of_classes,
)
from autotape.metrics.metric import Metric

__all__ = ["Accuracy", "ConfusionMatrix", "accuracy", "accuracy_score", "confusion_matrix"]


class Accuracy(Metric):
    """The share of predictions that are right: a float.

    ``preds`` are labels of the targets' shape; or scores (N, C, ...) for targets (N, ...), probabilities or
    logits, of which the largest counts; or floating scores of the targets' shape, for the classes 0 and 1.

    Args:
        k: right is a target among the ``k`` largest scores, which then are (N, C, ...); of equal scores the
            class with the lower number comes first.
        threshold: above it, a score of two classes means class 1 (for logits: 0).

    >>> metric = Accuracy(k=2)
    >>> metric.update([[0.5, 0.2, 0.3], [0.1, 0.2, 0.7]], [2, 0])
    >>> metric.compute()
    0.5
    """

    _state = ("_right", "_count")

    def __init__(self, k: int = 1, threshold: float = 0.5) -> None:
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self.k = k
        self.threshold = threshold
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._right = self._count = 0

    def update(self, preds: Any, target: Any) -> None:
        """Take in one batch of labels or scores."""
        if self.k == 1:
            predicted, truth = predicted_labels(preds, target, self.threshold)
            right = predicted == truth
        else:
            truth = labels_of(target)
            right = _among_largest(plain_array(preds, "preds"), truth, self.k)
        self._right += int(right.sum())
        self._count += truth.size

    def compute(self) -> float:
        """The share of right predictions."""
        self._require(self._count)
        return self._right / self._count

    def _merge(self, other: Accuracy) -> None:
        self._right += other._right
        self._count += other._count


def _among_largest(preds: Array, truth: Array, k: int) -> Array:
    scores, truth = scores_of_classes(preds, truth), truth.reshape(-1, 1)
    classes = scores.shape[1]
    if ((truth < 0) | (truth >= classes)).any():
        raise ValueError(f"target has a label outside of the {classes} classes that preds has scores of")
    own = np.take_along_axis(scores, truth, 1)
    before = (scores > own) | ((scores == own) & (np.arange(classes) < truth))
    rank: Array = before.sum(1)
    return rank < k


def accuracy(y_true: Any, y_pred: Any, *, k: int = 1, threshold: float = 0.5) -> float:
    """The share of predictions that are right; see :class:`Accuracy`.

    >>> accuracy([0, 1, 2, 2], [0, 1, 1, 2])
    0.75
    """
    metric = Accuracy(k, threshold)
    metric.update(y_pred, y_true)
    return metric.compute()


accuracy_score = accuracy  # scikit-learn's name


class ConfusionMatrix(Metric):
    """How often each class was taken for each: an int64 tensor, rows the true, columns the predicted classes.

    ``preds`` as for :class:`Accuracy`.

    Args:
        labels: the classes, in the order of the rows; samples of others are left out. Default: all that
            occurred, as truth or prediction, in increasing order.
        threshold: above it, a score of two classes means class 1 (for logits: 0).

    >>> metric = ConfusionMatrix(labels=range(3))
    >>> metric.update([0, 2, 2], [0, 2, 1])
    >>> metric.compute()
    tensor([[1, 0, 0],
            [0, 0, 1],
            [0, 0, 1]])
    """

    _state = ("_classes", "_counts")

    def __init__(self, labels: Sequence[int] | None = None, threshold: float = 0.5) -> None:
        self.labels = None if labels is None else checked_classes(labels)
        self.threshold = threshold
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        self._classes = np.empty(0, np.int64)
        self._counts = np.empty((0, 0), np.int64)

    def update(self, preds: Any, target: Any) -> None:
        """Take in one batch of labels or scores."""
        predicted, truth = predicted_labels(preds, target, self.threshold)
        classes, places = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
        size, count = len(classes), len(truth)
        flat = places[:count] * size + places[count:]
        self._add(classes, np.bincount(flat, minlength=size * size).reshape(size, size))

    def compute(self) -> Tensor:
        """The matrix of counts."""
        self._require(int(self._counts.sum()))
        if self.labels is None:
            return Tensor._wrap(self._counts.copy())
        wanted = np.asarray(self.labels, np.int64)
        if not np.isin(wanted, self._classes).any():
            raise ValueError(f"none of the labels {list(self.labels)} has occurred")
        out = np.zeros((len(wanted), len(wanted)), np.int64)
        known = np.flatnonzero(np.isin(wanted, self._classes))
        places = np.searchsorted(self._classes, wanted[known])
        out[np.ix_(known, known)] = self._counts[np.ix_(places, places)]
        return Tensor._wrap(out)

    def _add(self, classes: Array, counts: Array) -> None:
        union = np.union1d(self._classes, classes)
        out = np.zeros((len(union), len(union)), np.int64)
        for some, their in (self._classes, self._counts), (classes, counts):
            places = np.searchsorted(union, some)
            out[np.ix_(places, places)] += their
        self._classes, self._counts = union, out

    def _merge(self, other: ConfusionMatrix) -> None:
        self._add(other._classes, other._counts)


def checked_classes(labels: Sequence[int]) -> tuple[int, ...]:
    """Class labels as a tuple without repetitions."""
    classes = tuple(int(label) for label in labels)
    if not classes or len(set(classes)) < len(classes):
        raise ValueError(f"labels must name at least one class, and each once, got {list(classes)}")
    return classes


def confusion_matrix(
    y_true: Any, y_pred: Any, *, labels: Sequence[int] | None = None, threshold: float = 0.5
) -> Tensor:
    """How often each class (row) was taken for each (column); see :class:`ConfusionMatrix`.

    >>> confusion_matrix([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2])
    tensor([[2, 0, 0],
            [0, 0, 1],
            [1, 0, 2]])
    """
    metric = ConfusionMatrix(labels, threshold)
    metric.update(y_pred, y_true)
    return metric.compute()
