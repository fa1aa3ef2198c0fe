"""How well scores rank positive samples before negative ones."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.metrics._inputs import Array, labels_of, plain_array, scores_of_classes
from autotape.metrics.metric import Metric

__all__ = ["AUROC", "ROC", "auc", "roc_auc_score", "roc_curve"]


class ROCCurve(NamedTuple):
    """The points of the curve, by decreasing threshold."""

    fpr: Tensor
    tpr: Tensor
    thresholds: Tensor


class _OfScores(Metric):
    """All scores and labels: their order can't be known before the last one is there."""

    _state = ("_scores", "_targets")

    def reset(self) -> None:
        """Forget all batches."""
        self._scores: list[Array] = []
        self._targets: list[Array] = []

    def update(self, preds: Any, target: Any) -> None:
        """Take in one batch of scores, probabilities or logits, and labels."""
        truth, scores = labels_of(target), plain_array(preds, "preds")
        scores = scores.reshape(-1, 1) if scores.shape == truth.shape else scores_of_classes(scores, truth)
        if self._scores and scores.shape[1] != self._scores[0].shape[1]:
            raise ValueError(
                f"preds has scores of {scores.shape[1]} classes, before there were {self._scores[0].shape[1]}"
            )
        self._scores.append(scores.copy())
        self._targets.append(truth.reshape(-1))

    def _merge(self, other: _OfScores) -> None:
        if self._scores and other._scores and self._scores[0].shape[1] != other._scores[0].shape[1]:
            raise ValueError("cannot merge metrics with scores of different numbers of classes")
        self._scores += other._scores
        self._targets += other._targets

    def _all(self) -> tuple[Array, Array]:
        self._require(sum(map(len, self._targets)))
        return np.concatenate(self._scores), np.concatenate(self._targets)


class ROC(_OfScores):
    """The receiver operating characteristic: false and true positive rates at every threshold.

    The result has the fields ``fpr``, ``tpr`` and ``thresholds``, float64 tensors: the rates where a score of
    at least the threshold means positive. The first threshold is inf, where nothing does. Rates of a class
    without a sample are NaN. It keeps all scores.

    Args:
        pos_label: the positive class; all others are negative.
        drop_intermediate: leave out points on a straight line between their neighbours.

    >>> metric = ROC()
    >>> metric.update([0.1, 0.4], [0, 0])
    >>> metric.update([0.35, 0.8], [1, 1])
    >>> metric.compute().tpr
    tensor([0.0000, 0.5000, 0.5000, 1.0000, 1.0000], dtype=autotape.float64)
    """

    def __init__(self, pos_label: int = 1, drop_intermediate: bool = True) -> None:
        self.pos_label = pos_label
        self.drop_intermediate = drop_intermediate
        self.reset()

    def compute(self) -> ROCCurve:
        """The curve over all batches."""
        scores, truth = self._all()
        if scores.shape[1] != 1:
            raise ValueError(
                f"a ROC curve is of one score per sample, got {scores.shape[1]}: choose a class, "
                "preds[:, c] with pos_label=c"
            )
        fps, tps, thresholds = _counts(scores[:, 0], truth == self.pos_label)
        if (
            self.drop_intermediate and len(fps) > 3
        ):  # the ends stay, and the largest score, as in scikit-learn
            bends = (np.diff(fps[1:], 2) != 0) | (np.diff(tps[1:], 2) != 0)
            keep = np.concatenate([[True, True], bends, [True]])
            fps, tps, thresholds = fps[keep], tps[keep], thresholds[keep]
        rates = [np.full(len(n), np.nan) if n[-1] == 0 else n / n[-1] for n in (fps, tps)]
        return ROCCurve(*(Tensor._wrap(a) for a in (*rates, thresholds)))


def _counts(scores: Array, positive: Array) -> tuple[Array, Array, Array]:
    """False and true positives at each threshold: inf, then each distinct score, decreasing."""
    order = np.argsort(scores, kind="stable")[::-1]
    scores, positive = scores[order], positive[order]
    ends = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    tps = np.cumsum(positive, dtype=np.int64)[ends]
    fps = ends + 1 - tps
    thresholds = np.concatenate([[np.inf], scores[ends]])
    return np.insert(fps, 0, 0), np.insert(tps, 0, 0), thresholds


class AUROC(_OfScores):
    """The area under the ROC curve: the probability that a positive sample scores above a negative one.

    Equal scores count half. Of scores (N,), class 1 is positive and all others are negative; of scores
    (N, C), each class in turn is positive, against the rest. NaN where a class, or its rest, has no sample.
    It keeps all scores.

    Args:
        average: of scores (N, C): "macro", the mean over classes; "weighted", with the number of true samples
            as weights; None, a tensor with a value for each class.

    >>> metric = AUROC()
    >>> metric.update([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])
    >>> metric.compute()
    0.75
    """

    def __init__(self, average: Literal["macro", "weighted"] | None = "macro") -> None:
        if average not in ("macro", "weighted", None):
            raise ValueError(f"average must be 'macro', 'weighted' or None, got {average!r}")
        self.average = average
        self.reset()

    def compute(self) -> float | Tensor:
        """The area over all batches."""
        scores, truth = self._all()
        classes = scores.shape[1]
        if classes == 1:
            return _area(scores[:, 0], truth == 1)
        areas = np.array([_area(scores[:, c], truth == c) for c in range(classes)])
        if self.average is None:
            return Tensor._wrap(areas)
        weights = [np.sum(truth == c) if self.average == "weighted" else 1 for c in range(classes)]
        return float(np.average(areas, weights=weights))


def _area(scores: Array, positive: Array) -> float:
    fps, tps, _ = _counts(scores, positive)
    pairs = int(fps[-1]) * int(tps[-1])
    if not pairs:
        return float("nan")
    twice = int((np.diff(fps) * (tps[1:] + tps[:-1])).sum())  # whole numbers: nothing is rounded
    return twice / (2 * pairs)


def roc_curve(y_true: Any, y_score: Any, *, pos_label: int = 1, drop_intermediate: bool = True) -> ROCCurve:
    """The receiver operating characteristic, ``(fpr, tpr, thresholds)``; see :class:`ROC`.

    >>> fpr, tpr, thresholds = roc_curve([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    >>> fpr
    tensor([0.0000, 0.0000, 0.5000, 0.5000, 1.0000], dtype=autotape.float64)
    >>> thresholds
    tensor([   inf, 0.8000, 0.4000, 0.3500, 0.1000], dtype=autotape.float64)
    """
    metric = ROC(pos_label, drop_intermediate)
    metric.update(y_score, y_true)
    return metric.compute()


def roc_auc_score(
    y_true: Any, y_score: Any, *, average: Literal["macro", "weighted"] | None = "macro"
) -> float | Tensor:
    """The area under the ROC curve; see :class:`AUROC`.

    >>> roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    """
    metric = AUROC(average)
    metric.update(y_score, y_true)
    return metric.compute()


def auc(x: Any, y: Any) -> float:
    """The area under a curve through points in order, by the trapezoidal rule.

    Errors: ValueError for fewer than two points, different lengths, or an ``x`` that goes up and down.

    >>> auc([0.0, 0.5, 1.0], [0.0, 0.8, 1.0])
    0.65
    """
    xs, ys = (plain_array(v, n).astype(np.float64) for v, n in ((x, "x"), (y, "y")))
    if xs.ndim != 1 or xs.shape != ys.shape or len(xs) < 2:
        raise ValueError(f"x and y must be 1-d, of one length of at least 2, got {xs.shape} and {ys.shape}")
    steps = np.diff(xs)
    if (steps < 0).any() and (steps > 0).any():
        raise ValueError("x must not go up and down: sort the points by x first")
    return float(abs(np.trapezoid(ys, xs)) if (steps >= 0).all() else -np.trapezoid(ys, xs))
