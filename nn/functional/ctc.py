"""Connectionist temporal classification: the loss of label sequences whose alignment is not known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional._common import check_reduction

__all__ = ["ctc_loss"]

Array = np.ndarray[Any, Any]


class _Labels(NamedTuple):
    """The label sequences, one to a row."""

    targets: Array  # (N, S), padded by blanks
    extended: Array  # (N, 2 S + 1): with blanks before, between and after the labels
    skips: Array  # (N, 2 S + 1): whether the blank before a label may be left out
    lengths: Array  # (N): of the targets
    steps: Array  # (N): of the inputs
    blank: int


def _log_sum(a: Array, b: Array, c: Array) -> Array:
    """log(exp(a) + exp(b) + exp(c)), also where all are -inf."""
    top = np.maximum(np.maximum(a, b), c)
    np.maximum(top, np.finfo(top.dtype).min, out=top)
    total: Array = np.exp(a - top)
    total += np.exp(b - top)
    total += np.exp(c - top)
    np.log(total, out=total)
    total += top
    return total


def _emitted(log_probs: Array, labels: _Labels) -> Array:
    """(T, N, 2 S + 1): the log probabilities of the extended labels."""
    emitted: Array = np.take_along_axis(log_probs, labels.extended[None], axis=2)
    return emitted


def _ends(labels: _Labels) -> Array:
    """(N, 2 S + 1): where an alignment may end, on the last label or the blank behind it."""
    place = np.arange(labels.extended.shape[1])
    last = 2 * labels.lengths[:, None]
    return np.asarray((place == last) | (place == last - 1))


def _forward(log_probs: Array, labels: _Labels, zero_infinity: bool, kept: list[Any]) -> Array:
    """-log of the probability of all alignments, by the forward recursion; alpha is kept for backward."""
    emitted = _emitted(log_probs, labels)
    lost = log_probs.dtype.type(-np.inf)
    total, count, size = emitted.shape
    # Two columns of -inf before the first label: what the second and the third term of a step run into.
    rows = np.full((total, count, size + 2), lost)
    alpha = rows[:, :, 2:]
    alpha[0, :, :2] = emitted[0, :, :2]
    alpha[0, labels.lengths == 0, 1:] = lost
    gate = np.where(labels.skips, 0, lost)
    for t in range(1, total):
        row = rows[t - 1]
        np.add(_log_sum(row[:, 2:], row[:, 1:-1], row[:, :-2] + gate), emitted[t], out=alpha[t])
    final = alpha[np.maximum(labels.steps - 1, 0), np.arange(alpha.shape[1])]
    final = np.where(_ends(labels), final, lost)
    nll = -np.logaddexp.reduce(final, axis=1)
    none = labels.steps == 0  # no alignment but the empty one of no labels
    nll = np.where(none, np.where(labels.lengths == 0, 0, np.inf), nll).astype(log_probs.dtype)
    kept += (alpha, nll)
    return np.where(np.isinf(nll), 0, nll).astype(nll.dtype) if zero_infinity else nll


def _gradient(g: Array, log_probs: Array, labels: _Labels, zero_infinity: bool, kept: list[Any]) -> Array:
    """Return ``g * (exp(log_probs) - the posterior probability of the label at the step)``."""
    alpha, nll = kept
    emitted = _emitted(log_probs, labels)
    posterior = np.zeros_like(emitted)
    lost = log_probs.dtype.type(-np.inf)
    count, size = emitted.shape[1:]
    starts = np.where(_ends(labels), 0, lost)
    gate = np.full((count, size), lost)
    gate[:, :-2] = np.where(labels.skips[:, 2:], 0, lost)
    stops = set(labels.steps.tolist())
    row = np.full((count, size + 2), lost)  # beta, and two columns of -inf behind the last label
    for t in range(len(emitted) - 1, -1, -1):
        onward = _log_sum(row[:, :-2], row[:, 1:-1], row[:, 2:] + gate)
        if t + 1 in stops:
            onward = np.where((labels.steps == t + 1)[:, None], starts, onward)
        posterior[t] = alpha[t] + onward
        np.add(onward, emitted[t], out=row[:, :-2])
    posterior += nll[:, None]
    np.exp(posterior, out=posterior)
    out = np.exp(log_probs)
    out[:, :, labels.blank] -= posterior[:, :, 0::2].sum(axis=2)
    classes, place = np.unique(labels.targets, return_inverse=True)
    if classes.size:
        hot = np.zeros((*labels.targets.shape, classes.size), out.dtype)
        np.put_along_axis(hot, place.reshape(labels.targets.shape)[:, :, None], 1, axis=2)
        sums = posterior[:, :, 1::2].swapaxes(0, 1) @ hot  # (N, T, classes)
        out[:, :, classes] -= sums.swapaxes(0, 1)
    out *= g[:, None]
    out[:, np.isinf(nll)] = 0 if zero_infinity else np.nan
    out[np.arange(len(out))[:, None] >= labels.steps] = 0
    return out


def _no_rule(_g: Any, _y: Any, _g0: Any, _log_probs: Any, *_constants: Any) -> Any:
    raise RuntimeError("ctc_loss: derivative of its gradient (a second derivative) is not implemented")


_CTC_GRADIENT = Operation("ctc_loss_gradient", _gradient, _no_rule, _no_rule)


def _rule(g: Any, _y: Any, log_probs: Any, labels: _Labels, zero_infinity: bool, kept: list[Any]) -> Any:
    if isinstance(g, Tensor):
        return apply(_CTC_GRADIENT, (g, log_probs), labels, zero_infinity, kept)
    return _gradient(g, log_probs, labels, zero_infinity, kept)


_CTC = Operation("ctc_loss", _forward, _rule)


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the probability that the steps spell the targets, summed over all alignments; reduced.

    An alignment gives each step a class; repeated classes are merged, then blanks are removed.

    Args:
        log_probs: of C classes at T steps (T, N, C), or (T, C) without a batch: results of log_softmax.
        targets: class indices, padded (N, S), or all of the batch in one row (sum of target_lengths).
        input_lengths, target_lengths: of each element of the batch (N).
        blank: the class of the blank.
        reduction: "mean" divides each loss by its target length (at least 1) first; "sum" or "none".
        zero_infinity: the loss of targets that do not fit into their steps is 0, not inf.

    The derivative is exp(log_probs) minus the posterior probabilities of the classes, as in PyTorch: the
    right one for the input of a log_softmax before. Memory: T x N x (2 S + 1), kept for backward. There is
    no second derivative. Errors: RuntimeError for shapes, lengths, a blank or targets that do not fit.

    Source: Graves et al., Connectionist temporal classification (2006).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> log_probs = at.zeros(3, 1, 2).log_softmax(2)
    >>> F.ctc_loss(log_probs, at.tensor([[1]]), (3,), (1,))
    tensor(0.2877)
    """
    log_probs = tensor_input(log_probs, "log_probs", "ctc_loss")
    targets = tensor_input(targets, "targets", "ctc_loss")
    if log_probs._array.dtype.kind != "f":
        raise NotImplementedError(f'"ctc_loss" not implemented for {log_probs.dtype}; convert it first')
    batched = log_probs.ndim == 3
    if not batched:
        if log_probs.ndim != 2:
            raise RuntimeError(
                f"Expected 3-dimensional tensor, but got {log_probs.ndim}-dimensional tensor for log_probs"
            )
        log_probs = log_probs.unsqueeze(1)
        if targets.ndim == 1:
            targets = targets.unsqueeze(0)
    check_reduction(reduction)
    labels = _labels(log_probs._array.shape, targets, input_lengths, target_lengths, blank)
    losses: Tensor = apply(_CTC, (log_probs,), labels, zero_infinity, [])
    if reduction == "mean":
        return (losses / Tensor._wrap(np.maximum(labels.lengths, 1))).mean()
    if reduction == "sum":
        return losses.sum()
    return losses if batched else losses.squeeze(0)


def _lengths(value: Any, name: str, count: int) -> Array:
    found = np.asarray(value._array if isinstance(value, Tensor) else value)
    if found.size and found.dtype.kind not in "iu":
        raise RuntimeError(f"{name} must be integral, got {found.dtype}")
    if found.size != count:
        raise RuntimeError(f"{name} must be of size batch_size, {count}, got {found.size}")
    found = found.reshape(count).astype(np.int64)
    if found.size and found.min() < 0:
        raise RuntimeError(f"Expected {name} to have value at least 0, but got value {found.min()}")
    return found


def _labels(
    shape: tuple[int, ...], targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int
) -> _Labels:
    """The targets after a look at all sizes."""
    total, count, classes = shape
    if not total * count * classes:
        raise RuntimeError(f"log_probs tensor must not be empty, got shape {list(shape)}")
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range, [0, {classes}), got {blank}")
    steps = _lengths(input_lengths, "input_lengths", count)
    lengths = _lengths(target_lengths, "target_lengths", count)
    if steps.max() > total:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {total}, but got value {steps.max()}"
        )
    given = targets._array
    if given.dtype.kind not in "iu":
        raise RuntimeError(f"ctc_loss: targets must be integral, got {targets.dtype}")
    most = int(lengths.max())
    inside = np.arange(most) < lengths[:, None]
    padded = np.full((count, most), blank, np.int64)
    if given.ndim == 1:
        if given.size != lengths.sum():
            raise RuntimeError(
                f"Expected targets to have size {lengths.sum()} at dimension 0, the sum of target_lengths, "
                f"but got size {given.size}"
            )
        padded[inside] = given
    elif given.ndim == 2:
        if given.shape[0] != count or given.shape[1] < most:
            raise RuntimeError(
                f"Expected targets to have size {count} at dimension 0 and at least {most} at dimension 1, "
                f"but got shape {list(given.shape)}"
            )
        padded[inside] = given[:, :most][inside]
    else:
        raise RuntimeError(f"Expected 1- or 2-dimensional targets, but got shape {list(given.shape)}")
    if padded.size and (padded.min() < 0 or padded.max() >= classes):
        raise RuntimeError(
            f"ctc_loss: targets must be in [0, {classes}), got {padded.min()} to {padded.max()}"
        )
    extended = np.full((count, 2 * most + 1), blank, np.int64)
    extended[:, 1::2] = padded
    skips = np.zeros(extended.shape, np.bool_)
    skips[:, 2:] = (extended[:, 2:] != blank) & (extended[:, 2:] != extended[:, :-2])
    return _Labels(padded, extended, skips, lengths, steps, blank)
