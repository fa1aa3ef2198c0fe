"""How probable a model holds the truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.metrics._inputs import Array, labels_of, plain_array, scores_of_classes
from autotape.metrics.metric import Metric

__all__ = ["LogLoss", "Perplexity", "log_loss", "perplexity"]


class _NegativeLogLikelihood(Metric):
    """A sum of negative logarithms of probabilities, and how many."""

    _state = ("_total", "_count")

    def reset(self) -> None:
        """Forget all batches."""
        self._total = 0.0
        self._count = 0

    def _add(self, losses: Array) -> None:
        self._total += float(losses.sum())
        self._count += losses.size

    def _merge(self, other: _NegativeLogLikelihood) -> None:
        self._total += other._total
        self._count += other._count

    def _mean(self) -> float:
        self._require(self._count)
        return self._total / self._count


def _of_classes(logits: Array, truth: Array) -> Array:
    """``-log softmax(logits)`` of the true classes, in float64."""
    logits = logits.astype(np.float64)
    top = logits.max(1, keepdims=True)
    own = np.take_along_axis(logits, truth.reshape(-1, 1), 1)
    losses: Array = (np.log(np.exp(logits - top).sum(1, keepdims=True)) - (own - top))[:, 0]
    return losses


def _checked(truth: Array, classes: int) -> None:
    if truth.size and not 0 <= truth.min() <= truth.max() < classes:
        raise ValueError(
            f"target has labels from {truth.min()} to {truth.max()}, but there are {classes} classes "
            f"(0 to {classes - 1})"
        )


class LogLoss(_NegativeLogLikelihood):
    """The mean of ``-log p(target)``, in nats: the cross entropy of the labels and the probabilities.

    ``preds`` are the probabilities of the classes, (N, C, ...) for targets (N, ...), or those of class 1, of
    the targets' shape. They are kept within [eps, 1 - eps], with the eps of their dtype, so that the loss is
    finite. Errors: ValueError if they lie outside of [0, 1] or do not sum to 1.

    Args:
        from_logits: ``preds`` are logits: softmax over the classes, or the sigmoid, comes first.

    >>> metric = LogLoss()
    >>> metric.update([[0.1, 0.9], [0.9, 0.1]], [1, 0])
    >>> metric.update([[0.8, 0.2], [0.35, 0.65]], [0, 1])
    >>> round(metric.compute(), 6)
    0.216162
    """

    def __init__(self, from_logits: bool = False) -> None:
        self.from_logits = from_logits
        self.reset()

    def update(self, preds: Any, target: Any) -> None:
        """Take in one batch of probabilities, or logits, and labels."""
        truth, scores = labels_of(target), plain_array(preds, "preds")
        if scores.dtype.kind != "f":
            scores = scores.astype(np.float64)
        if scores.shape == truth.shape:
            rest = np.zeros_like(scores) if self.from_logits else 1 - scores
            scores = np.stack([rest, scores], -1).reshape(-1, 2)
        else:
            scores = scores_of_classes(scores, truth)
        truth = truth.reshape(-1)
        _checked(truth, scores.shape[1])
        if self.from_logits:
            if np.isinf(scores).any():
                raise ValueError("preds has infinite logits")
            self._add(_of_classes(scores, truth))
            return
        eps = float(np.finfo(scores.dtype).eps)
        if ((scores < 0) | (scores > 1)).any() or (abs(scores.sum(1) - 1) > math.sqrt(eps)).any():
            raise ValueError(
                "preds must be probabilities, within [0, 1] and with a sum of 1 over the classes; "
                "for logits pass from_logits=True"
            )
        own = np.take_along_axis(scores, truth.reshape(-1, 1), 1)
        self._add(-np.log(np.clip(own, eps, 1 - eps).astype(np.float64)))

    def compute(self) -> float:
        """The mean over all samples."""
        return self._mean()


def log_loss(y_true: Any, y_prob: Any, *, from_logits: bool = False) -> float:
    """The mean of ``-log p(y_true)``; see :class:`LogLoss`.

    >>> round(log_loss([1, 0, 0, 1], [0.9, 0.1, 0.2, 0.65]), 6)
    0.216162
    """
    metric = LogLoss(from_logits)
    metric.update(y_prob, y_true)
    return metric.compute()


class Perplexity(_NegativeLogLikelihood):
    """The perplexity of a language model, per token: exp of its mean cross entropy.

    ``preds`` are logits (..., V) over a vocabulary, ``target`` token numbers (...). It is the same whatever
    the base of the logarithm; the cross entropy itself comes in nats or in bits: :meth:`cross_entropy`.

    Args:
        ignore_index: a token number that does not count, as that of padding.

    >>> import autotape as at
    >>> metric = Perplexity(ignore_index=0)
    >>> metric.update(at.zeros(2, 3, 8), at.tensor([[4, 7, 0], [1, 0, 0]]))
    >>> round(metric.compute(), 6)
    8.0
    >>> round(metric.cross_entropy(base=2), 6)
    3.0
    """

    def __init__(self, ignore_index: int | None = None) -> None:
        self.ignore_index = ignore_index
        self.reset()

    def update(self, preds: Any, target: Any) -> None:
        """Take in one batch of logits and token numbers."""
        truth, logits = labels_of(target), plain_array(preds, "preds")
        if logits.ndim == 0 or logits.shape[:-1] != truth.shape:
            raise ValueError(
                f"preds must be logits (..., V) for targets (...), got {logits.shape} for {truth.shape}"
            )
        logits, truth = logits.reshape(truth.size, logits.shape[-1]), truth.reshape(-1)
        if self.ignore_index is not None:
            counted = truth != self.ignore_index
            logits, truth = logits[counted], truth[counted]
        _checked(truth, logits.shape[1])
        if truth.size:
            self._add(_of_classes(logits, truth))

    def cross_entropy(self, base: float = math.e) -> float:
        """The mean of ``-log p(target)`` per token: in nats, or with ``base=2`` in bits."""
        return self._mean() / math.log(base)

    def compute(self) -> float:
        """The perplexity; inf where it is too large for a float."""
        mean = self._mean()
        return math.exp(mean) if mean < 709 else math.inf


def perplexity(y_true: Any, logits: Any, *, ignore_index: int | None = None) -> float:
    """The perplexity per token of logits (..., V); see :class:`Perplexity`.

    >>> round(perplexity([0, 1], [[0.0, 0.0], [0.0, 0.0]]), 6)
    2.0
    """
    metric = Perplexity(ignore_index)
    metric.update(logits, y_true)
    return metric.compute()
