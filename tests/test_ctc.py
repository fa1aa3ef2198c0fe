"""The CTC loss against the sum over all alignments, one by one."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests import oracle

Array = np.ndarray[Any, Any]
STEPS, CLASSES = 5, 4
TARGETS = [[1, 2], [3, 3], [], [2], [1, 2, 1]]
LENGTHS = [5, 4, 3, 2, 5]
LOGITS = oracle.normal(STEPS, len(TARGETS), CLASSES)


def collapsed(path: tuple[int, ...], blank: int) -> list[int]:
    return [c for c, _ in itertools.groupby(path) if c != blank]


def probability(p: Array, target: list[int], steps: int, blank: int = 0) -> float:
    paths = itertools.product(range(p.shape[1]), repeat=steps)
    return sum(math.prod(p[range(steps), path]) for path in paths if collapsed(path, blank) == target)


def padded(targets: list[list[int]]) -> Any:
    width = max(map(len, targets))
    return at.tensor([t + [0] * (width - len(t)) for t in targets])


def softmax(x: Array) -> Array:
    e = np.exp(x)
    return np.asarray(e / e.sum(-1, keepdims=True))


NLL = np.array([-math.log(probability(softmax(LOGITS[:, n]), t, LENGTHS[n])) for n, t in enumerate(TARGETS)])
SIZES = [len(t) for t in TARGETS]


def loss(logits: Any, **options: Any) -> Any:
    return F.ctc_loss(logits.log_softmax(2), padded(TARGETS), LENGTHS, SIZES, **options)


def test_every_form_of_targets_and_lengths() -> None:
    log_probs = at.tensor(LOGITS).log_softmax(2)
    flat = at.tensor([c for t in TARGETS for c in t])
    lengths, sizes = at.tensor(LENGTHS), at.tensor(SIZES)
    for targets in (padded(TARGETS), padded(TARGETS).int(), flat, flat.to(at.uint8)):
        for a, b in ((LENGTHS, tuple(SIZES)), (lengths, sizes), (lengths.int(), sizes)):
            found = F.ctc_loss(log_probs, targets, a, b, reduction="none")
            np.testing.assert_allclose(found.numpy(), NLL, rtol=1e-12)
    for n in (0, 3):
        one = F.ctc_loss(log_probs[:, n], at.tensor(TARGETS[n]), at.tensor(LENGTHS[n]), at.tensor(SIZES[n]))
        np.testing.assert_allclose(one.item(), NLL[n] / SIZES[n])
        none = F.ctc_loss(
            log_probs[:, n], at.tensor(TARGETS[n]), (LENGTHS[n],), (SIZES[n],), reduction="none"
        )
        assert none.shape == ()


def test_reductions_and_dtypes() -> None:
    np.testing.assert_allclose(loss(at.tensor(LOGITS), reduction="sum").item(), NLL.sum())
    mean = (NLL / np.maximum(SIZES, 1)).mean()
    np.testing.assert_allclose(loss(at.tensor(LOGITS)).item(), mean)
    single = loss(at.tensor(LOGITS.astype(np.float32)))
    assert single.dtype == at.float32
    np.testing.assert_allclose(single.item(), mean, rtol=1e-5)
    module = nn.CTCLoss(reduction="sum")
    log_probs = at.tensor(LOGITS).log_softmax(2)
    np.testing.assert_allclose(module(log_probs, padded(TARGETS), LENGTHS, SIZES).item(), NLL.sum())


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_derivatives(reduction: str) -> None:
    oracle.check(lambda x: loss(x, reduction=reduction), LOGITS, order=1)
    oracle.check(lambda x: loss(x.swapaxes(0, 1)), np.ascontiguousarray(LOGITS.swapaxes(0, 1)), order=1)


def test_another_blank() -> None:
    targets, blank = [[0, 1], [1, 1]], 3
    p = softmax(LOGITS[:, :2])
    expected = [-math.log(probability(p[:, n], t, STEPS, blank)) for n, t in enumerate(targets)]
    log_probs = at.tensor(LOGITS[:, :2]).log_softmax(2)
    found = F.ctc_loss(log_probs, at.tensor(targets), (5, 5), (2, 2), blank=blank, reduction="none")
    np.testing.assert_allclose(found.numpy(), expected)


def test_targets_that_do_not_fit() -> None:
    x = at.tensor(LOGITS[:, :2], requires_grad=True)
    arguments = (at.tensor([[3, 3], [1, 2]]), (2, 5), (2, 2))
    lost = F.ctc_loss(x.log_softmax(2), *arguments, reduction="none")
    assert lost[0].item() == math.inf
    assert math.isfinite(lost[1].item())
    dropped = F.ctc_loss(x.log_softmax(2), *arguments, reduction="none", zero_infinity=True)
    assert dropped[0].item() == 0
    dropped.sum().backward()
    assert x.grad is not None
    assert not x.grad[:, 0].any()
    assert x.grad[:, 1].any()
    assert np.isfinite(x.grad.numpy()).all()


def test_no_steps() -> None:
    log_probs = at.zeros(3, 2, 4).log_softmax(2)
    found = F.ctc_loss(log_probs, at.tensor([[1], [1]]), (0, 0), (0, 1), reduction="none")
    assert found.tolist() == [0, math.inf]


def test_long_sequences_are_stable() -> None:
    x = oracle.normal(400, 2, 6) * 10
    targets = at.tensor(np.random.default_rng(0).integers(1, 6, (2, 50)))
    t = at.tensor(x, requires_grad=True)
    y = F.ctc_loss(t.log_softmax(2), targets, (400, 300), (50, 40), reduction="sum")
    y.backward()
    assert math.isfinite(y.item())
    assert t.grad is not None
    assert np.isfinite(t.grad.numpy()).all()
    assert not t.grad[300:, 1].any()
    np.testing.assert_allclose(t.grad.numpy().sum(-1), 0, atol=1e-10)  # of a softmax


def test_there_is_no_second_derivative() -> None:
    x = at.tensor(LOGITS, requires_grad=True)
    (g,) = at.autograd.grad(loss(x), x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"ctc_loss.*not implemented"):
        g.sum().backward()


def test_errors() -> None:
    log_probs, targets = at.zeros(5, 2, 4).log_softmax(2), at.tensor([[1, 2], [3, 3]])
    for message, changes in (
        ("blank must be in label range", {"blank": 4}),
        ("input_lengths to have value at most 5, but got value 6", {"input_lengths": (6, 5)}),
        ("value at least 0", {"target_lengths": (-1, 2)}),
        ("at least 3 at dimension 1", {"target_lengths": (3, 2)}),
        ("input_lengths must be of size batch_size", {"input_lengths": (5,)}),
        ("target_lengths must be integral", {"target_lengths": at.tensor([1.0, 2.0])}),
        ("size 4 at dimension 0", {"targets": at.tensor([1, 2, 3])}),
        ("targets must be integral", {"targets": targets.float()}),
        (r"must be in \[0, 4\)", {"targets": targets + 1}),
        ("Expected 3-dimensional", {"log_probs": log_probs[0, 0]}),
        ("must not be empty", {"log_probs": log_probs[:0]}),
    ):
        arguments: dict[str, Any] = {
            "log_probs": log_probs, "targets": targets, "input_lengths": (5, 5), "target_lengths": (2, 2),
        }  # fmt: skip
        with pytest.raises(RuntimeError, match=message):
            F.ctc_loss(**(arguments | changes))
    with pytest.raises(NotImplementedError, match="ctc_loss"):
        F.ctc_loss(log_probs.long(), targets, (5, 5), (2, 2))
    with pytest.raises(ValueError, match="valid value for reduction"):
        F.ctc_loss(log_probs, targets, (5, 5), (2, 2), reduction="batchmean")
