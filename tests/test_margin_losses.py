"""Losses with a margin, of distances and of distributions: values by hand in NumPy, derivatives, errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests import oracle

Array = np.ndarray[Any, Any]

X, Y = oracle.normal(4, 5), oracle.normal(4, 5, seed=1)
SIGNS = np.where(oracle.normal(4, 5, seed=2) > 0, 1.0, -1.0)
BITS = (SIGNS > 0).astype(float)
COUNTS = np.abs(np.rint(oracle.normal(4, 5, seed=3) * 3))
CLASSES = np.array([0, 4, 2, 2])
LABELS = np.array([[3, 0, -1, 1, 1], [-1, 0, 0, 0, 0], [1, 2, 4, 0, -1], [2, 2, -1, -1, -1]])
WEIGHT = np.array([0.5, 1.0, 2.0, 0.0, 3.0])
V = oracle.uniform(0.5, 2, 4, 5)


def norm(d: Array, p: float = 2.0) -> Array:
    return np.asarray((np.abs(d + 1e-6) ** p).sum(-1) ** (1 / p))


def multi_margin(x: Array, p: int, margin: float, weight: Array) -> Array:
    losses = np.zeros(len(x))
    for n, t in enumerate(CLASSES):
        for i in range(x.shape[1]):
            if i != t:
                losses[n] += weight[t] * max(0, margin - x[n, t] + x[n, i]) ** p / x.shape[1]
    return losses


def multilabel_margin(x: Array) -> Array:
    losses = np.zeros(len(x))
    for n, row in enumerate(LABELS):
        targets = row[: list(row).index(-1)]
        for t in targets:
            for i in range(x.shape[1]):
                if i not in targets:
                    losses[n] += max(0, 1 - x[n, t] + x[n, i]) / x.shape[1]
    return losses


def cosine(x: Array, y: Array) -> Array:
    return np.asarray((x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1)))


def triplet(a: Array, p: Array, n: Array, swap: bool, order: float, margin: float) -> Array:
    far = norm(a - n, order)
    if swap:
        far = np.minimum(far, norm(p - n, order))
    return np.asarray(np.maximum(norm(a - p, order) - far + margin, 0))


def full_poisson(x: Array) -> Array:
    t = np.maximum(COUNTS, 1)
    constant = np.where(COUNTS > 1, t * np.log(t) - t + 0.5 * np.log(2 * math.pi * t), 0)
    return np.asarray(np.exp(x) - COUNTS * x + constant)


T = at.tensor
# The loss of the arrays that follow, and its value without reduction.
LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Array], tuple[Array, ...]]] = {
    "soft margin": (
        lambda x, **k: F.soft_margin_loss(x, T(SIGNS), **k), lambda x: np.logaddexp(0, -SIGNS * x), (X,),
    ),
    "hinge embedding": (
        lambda x, **k: F.hinge_embedding_loss(x, T(SIGNS), margin=0.7, **k),
        lambda x: np.where(SIGNS == 1, x, np.maximum(0.7 - x, 0)), (X,),
    ),
    "margin ranking": (
        lambda x, y, **k: F.margin_ranking_loss(x, y, T(SIGNS), margin=0.3, **k),
        lambda x, y: np.maximum(-SIGNS * (x - y) + 0.3, 0), (X, Y),
    ),
    "multi margin": (
        lambda x, **k: F.multi_margin_loss(x, T(CLASSES), **k),
        lambda x: multi_margin(x, 1, 1.0, np.ones(5)), (X,),
    ),
    "multi margin squared": (
        lambda x, **k: F.multi_margin_loss(x, T(CLASSES), p=2, margin=0.8, weight=T(WEIGHT), **k),
        lambda x: multi_margin(x, 2, 0.8, WEIGHT), (X,),
    ),
    "multilabel margin": (
        lambda x, **k: F.multilabel_margin_loss(x, T(LABELS), **k), multilabel_margin, (X,),
    ),
    "multilabel soft margin": (
        lambda x, **k: F.multilabel_soft_margin_loss(x, T(BITS), T(WEIGHT), **k),
        lambda x: ((BITS * np.logaddexp(0, -x) + (1 - BITS) * np.logaddexp(0, x)) * WEIGHT).mean(-1), (X,),
    ),
    "cosine embedding": (
        lambda x, y, **k: F.cosine_embedding_loss(x, y, T(SIGNS[:, 0]), margin=-0.4, **k),
        lambda x, y: np.where(SIGNS[:, 0] == 1, 1 - cosine(x, y), np.maximum(cosine(x, y) + 0.4, 0)), (X, Y),
    ),
    "triplet": (
        lambda a, p, n, **k: F.triplet_margin_loss(a, p, n, **k),
        lambda a, p, n: triplet(a, p, n, False, 2, 1.0), (X, Y, V),
    ),
    "triplet swapped": (
        lambda a, p, n, **k: F.triplet_margin_loss(a, p, n, margin=2.0, p=3, swap=True, **k),
        lambda a, p, n: triplet(a, p, n, True, 3, 2.0), (X, Y, V),
    ),
    "triplet with distance": (
        lambda a, p, n, **k: F.triplet_margin_with_distance_loss(
            a, p, n, distance_function=lambda a, b: ((a - b) ** 2).sum(-1), margin=2.5, **k
        ),
        lambda a, p, n: np.maximum(((a - p) ** 2).sum(-1) - ((a - n) ** 2).sum(-1) + 2.5, 0), (X, Y, V),
    ),
    "gaussian nll": (
        lambda x, y, v, **k: F.gaussian_nll_loss(x, y, v, **k),
        lambda x, y, v: (np.log(v) + (x - y) ** 2 / v) / 2, (X, Y, V),
    ),
    "gaussian nll of rows": (
        lambda x, y, v, **k: F.gaussian_nll_loss(x, y, v, full=True, **k),
        lambda x, y, v: (np.log(v) + (x - y) ** 2 / v + math.log(2 * math.pi)) / 2, (X, Y, V[:, :1]),
    ),
    "poisson nll": (
        lambda x, **k: F.poisson_nll_loss(x, T(COUNTS), **k), lambda x: np.exp(x) - COUNTS * x, (X,),
    ),
    "poisson nll full": (lambda x, **k: F.poisson_nll_loss(x, T(COUNTS), full=True, **k), full_poisson, (X,)),
    "poisson nll of rates": (
        lambda x, **k: F.poisson_nll_loss(x, T(COUNTS), log_input=False, **k),
        lambda x: x - COUNTS * np.log(x + 1e-8), (V,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_values_and_derivatives(name: str) -> None:
    fn, expected, arrays = LOSSES[name]
    value = expected(*arrays)
    for reduction, reduced in (("none", value), ("mean", value.mean()), ("sum", value.sum())):
        found = fn(*[T(a) for a in arrays], reduction=reduction).numpy()
        np.testing.assert_allclose(found, reduced, rtol=1e-11, atol=1e-14)
    strided = [T(np.repeat(a, 2, 0)[::2][::-1])[[3, 2, 1, 0]] for a in arrays]
    np.testing.assert_allclose(fn(*strided, reduction="none").numpy(), value, rtol=1e-11)
    oracle.check(lambda *a: fn(*a, reduction="none"), *arrays)
    oracle.check(fn, *arrays)
    single = fn(*[T(a.astype(np.float32)) for a in arrays], reduction="sum")
    np.testing.assert_allclose(single.item(), value.sum(), rtol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_reductions_are_checked(name: str) -> None:
    fn, _, arrays = LOSSES[name]
    with pytest.raises(ValueError, match=r"average is not (a )?valid"):
        fn(*[T(a) for a in arrays], reduction="average")


def test_one_row_and_no_rows() -> None:
    for target in (T(2), T([2])):
        loss = F.multi_margin_loss(T(X[0]), target, reduction="none")
        assert loss.shape == target.shape
    assert F.multilabel_margin_loss(T(X[0]), T(LABELS[0]), reduction="none").shape == ()
    assert F.multilabel_margin_loss(at.zeros(0, 3), at.zeros(0, 3).long(), reduction="sum").item() == 0
    assert F.multi_margin_loss(at.zeros(0, 3), at.zeros(0).long(), reduction="none").shape == (0,)
    np.testing.assert_allclose(F.cosine_embedding_loss(T(X[0]), T(X[0]), T(-1)).item(), 1.0)


def test_soft_margin_does_not_overflow() -> None:
    x = at.tensor([1000.0, -1000.0], requires_grad=True)
    loss = F.soft_margin_loss(x, at.tensor([-1.0, 1.0]), reduction="sum")
    loss.backward()
    assert loss.item() == 2000
    assert x.grad is not None
    assert x.grad.tolist() == [1, -1]


# --- distances ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_cosine_similarity(dim: int) -> None:
    expected = (X * Y).sum(dim) / np.sqrt((X**2).sum(dim) * (Y**2).sum(dim))
    np.testing.assert_allclose(F.cosine_similarity(T(X), T(Y), dim).numpy(), expected)
    oracle.check(lambda a, b: F.cosine_similarity(a, b, dim), X, Y)
    oracle.check(lambda a, b: F.cosine_similarity(a, b, dim), X, Y[:1])
    np.testing.assert_allclose(nn.CosineSimilarity(dim)(T(X), T(X)).numpy(), 1)


def test_cosine_similarity_of_short_vectors() -> None:
    zero = at.zeros(1, 3, requires_grad=True)
    y = F.cosine_similarity(zero, at.ones(1, 3))
    y.backward()
    assert y.tolist() == [0]
    assert zero.grad is not None
    assert np.isfinite(zero.grad.numpy()).all()
    x = T([[0.3, 0.4]])
    np.testing.assert_allclose(F.cosine_similarity(x, x, eps=1.0).item(), 0.25, rtol=1e-6)
    with pytest.raises(RuntimeError, match="common dtype to be floating point"):
        F.cosine_similarity(T([1]), T([1]), 0)
    with pytest.raises(RuntimeError, match="must match the size"):
        F.cosine_similarity(at.ones(3, 4), at.ones(2, 4))
    with pytest.raises(IndexError):
        F.cosine_similarity(at.ones(3), at.ones(3), 1)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5, math.inf])
def test_pairwise_distance(p: float) -> None:
    expected = np.linalg.norm(X - Y + 1e-6, p, -1)
    np.testing.assert_allclose(F.pairwise_distance(T(X), T(Y), p).numpy(), expected)
    np.testing.assert_allclose(nn.PairwiseDistance(p, keepdim=True)(T(X), T(Y)).numpy(), expected[:, None])
    np.testing.assert_allclose(F.pairwise_distance(T(X), T(Y[0]), p).shape, (4,))
    oracle.check(lambda a, b: F.pairwise_distance(a, b, p), X, Y)


# --- errors -------------------------------------------------------------------------------------------------


def test_errors_of_margin_losses() -> None:
    x, t = T(X), T(CLASSES)
    cases: list[tuple[type[Exception], str, Callable[[], Any]]] = [
        (ValueError, "only p == 1 and p == 2", lambda: F.multi_margin_loss(x, t, p=3)),
        (ValueError, "weight must be one-dim", lambda: F.multi_margin_loss(x, t, weight=at.ones(1, 5))),
        (RuntimeError, "inconsistent weight size", lambda: F.multi_margin_loss(x, t, weight=at.ones(4))),
        (RuntimeError, "target out of range", lambda: F.multi_margin_loss(x, t + 1)),
        (RuntimeError, "int64", lambda: F.multi_margin_loss(x, t.int())),
        (RuntimeError, r"size \[4\], but got \[3\]", lambda: F.multi_margin_loss(x, t[:3])),
        (RuntimeError, "non-empty vector or matrix", lambda: F.multi_margin_loss(at.ones(2, 2, 2), t[:2])),
        (RuntimeError, "inconsistent target size", lambda: F.multilabel_margin_loss(x, t)),
        (RuntimeError, "out of range", lambda: F.multilabel_margin_loss(x, T(LABELS) + 1)),
        (RuntimeError, "does not broadcast", lambda: F.soft_margin_loss(x, at.ones(2, 4, 5))),
        (RuntimeError, "same dimension", lambda: F.margin_ranking_loss(x, x, x[0])),
        (RuntimeError, "1D target tensor expects 2D", lambda: F.cosine_embedding_loss(x[0], x[0], t)),
        (RuntimeError, "multi-target", lambda: F.cosine_embedding_loss(x, x, x)),
        (ValueError, "margin must be greater than 0", lambda: F.triplet_margin_loss(x, x, x, margin=0)),
        (RuntimeError, "same number of dimensions", lambda: F.triplet_margin_loss(x, x, x[0])),
        (ValueError, "negative entry", lambda: F.gaussian_nll_loss(x, x, -1.0)),
        (ValueError, "incorrect size", lambda: F.gaussian_nll_loss(x, x, at.ones(4, 3))),
        (ValueError, "only p == 1", lambda: nn.MultiMarginLoss(p=3)),
        (ValueError, "1D tensor, got 2D", lambda: nn.MultiMarginLoss(weight=at.ones(1, 5))),
        (ValueError, "margin to be greater", lambda: nn.TripletMarginLoss(margin=0)),
        (ValueError, "margin to be greater", lambda: nn.TripletMarginWithDistanceLoss(margin=0)),
        (TypeError, "delta must be a float", lambda: nn.HuberLoss(delta=1j)),  # type: ignore[arg-type]
    ]
    for kind, message, call in cases:
        with pytest.raises(kind, match=message):
            call()


def test_gaussian_variances() -> None:
    x = T(X)
    assert F.gaussian_nll_loss(x, x, 1.0).item() == 0
    np.testing.assert_allclose(F.gaussian_nll_loss(x, x, T(V[:, 0])).item(), np.log(V[:, 0]).mean() / 2)
    var = at.zeros(4, 5, dtype=at.float64, requires_grad=True)
    loss = F.gaussian_nll_loss(x, x, var, eps=0.25)
    np.testing.assert_allclose(loss.item(), math.log(0.25) / 2)
    loss.backward()
    assert var.grad is not None
    np.testing.assert_allclose(var.grad.numpy(), 0.5 / 0.25 / 20)  # as if var were eps


@pytest.mark.parametrize(
    ("module", "fn", "arrays"),
    [
        (nn.SoftMarginLoss(), F.soft_margin_loss, (X, SIGNS)),
        (nn.HingeEmbeddingLoss(0.5), lambda x, t: F.hinge_embedding_loss(x, t, 0.5), (X, SIGNS)),
        (nn.MarginRankingLoss(0.5), lambda x, y, t: F.margin_ranking_loss(x, y, t, 0.5), (X, Y, SIGNS)),
        (nn.MultiMarginLoss(2, 0.5), lambda x, t: F.multi_margin_loss(x, t, 2, 0.5), (X, CLASSES)),
        (nn.MultiLabelMarginLoss(), F.multilabel_margin_loss, (X, LABELS)),
        (nn.MultiLabelSoftMarginLoss(), F.multilabel_soft_margin_loss, (X, BITS)),
        (
            nn.CosineEmbeddingLoss(0.1),
            lambda x, y, t: F.cosine_embedding_loss(x, y, t, 0.1),
            (X, Y, SIGNS[:, 0]),
        ),
        (nn.TripletMarginLoss(2.0, 1), lambda a, p, n: F.triplet_margin_loss(a, p, n, 2.0, 1), (X, Y, V)),
        (nn.TripletMarginWithDistanceLoss(), F.triplet_margin_with_distance_loss, (X, Y, V)),
        (nn.GaussianNLLLoss(full=True), lambda x, y, v: F.gaussian_nll_loss(x, y, v, full=True), (X, Y, V)),
        (nn.PoissonNLLLoss(), F.poisson_nll_loss, (X, COUNTS)),
    ],
)
def test_modules_call_their_function(module: nn.Module, fn: Any, arrays: tuple[Array, ...]) -> None:
    tensors = [T(a) for a in arrays]
    assert module(*tensors).item() == fn(*tensors).item()
