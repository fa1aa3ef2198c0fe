"""Metrics against values of scikit-learn 1.9, batch by batch against all at once, and their edges."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.metrics import (
    AUROC,
    ROC,
    Accuracy,
    ConfusionMatrix,
    ExplainedVariance,
    F1Score,
    LogLoss,
    MeanAbsoluteError,
    MeanSquaredError,
    Metric,
    Perplexity,
    Precision,
    R2Score,
    Recall,
    accuracy,
    auc,
    confusion_matrix,
    explained_variance,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    perplexity,
    precision,
    r2_score,
    recall,
    roc_auc_score,
    roc_curve,
)

NAN = float("nan")

# Four classes, of which a fifth is predicted too.
TRUE = np.array([*map(int, "322323300113301303013111213112222333221310303200100231333212")])
PREDICTED = np.array([*map(int, "322323302113303103003111210122310333224320343024100331303212")])
SCORES = (np.arange(60)[:, None] * 37 + np.arange(4) * 19) % 101 / 50 + 0.99 * (TRUE[:, None] == np.arange(4))
# Two classes; the scores, in tenths, have many ties.
BINARY = np.array([*map(int, "1011011101000010000001111000010001011111")])
TENTHS = np.array([
    8, 4, 6, 9, 3, 9, 3, 6, 4, 10, 2, 6, 5, 5, 7, 7, 2, 3, 1, 0,
    1, 9, 9, 4, 7, 3, 4, 5, 2, 10, 3, 4, 4, 4, 0, 6, 8, 9, 8, 4,
])  # fmt: skip
# Two outputs, in hundredths.
Y = np.array([
    [-53, 476], [-194, 49], [-501, -115], [295, -376], [322, 101], [-313, -150], [-138, -15], [-161, -248],
    [-91, -308], [-387, -14], [265, -459], [1, -195], [-293, 256], [-155, 449], [-234, 116], [-68, -226],
    [176, -46], [181, -14], [-326, -31], [16, 288],
]) / 100  # fmt: skip
FITTED = np.array([
    [-114, 502], [-336, 144], [-579, -266], [319, -235], [200, 22], [-357, -233], [-70, -66], [-203, -160],
    [-137, -235], [-454, -105], [111, -243], [-1, -141], [-266, 302], [-120, 670], [-308, -10], [-139, -329],
    [281, 66], [115, -123], [-331, 138], [-236, 371],
]) / 100  # fmt: skip


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x)
    return e / e.sum(1, keepdims=True)


def numbers(value: Any) -> Any:
    if isinstance(value, at.Tensor):
        return value.numpy()
    return [numbers(v) for v in value] if isinstance(value, tuple) else value


# --- values of scikit-learn ---------------------------------------------------------------------------------

AVERAGES = [
    (precision, "micro", 0.0, 0.7166666666666667),
    (precision, "macro", 0.0, 0.5917948717948718),
    (precision, "weighted", 0.0, 0.7601495726495726),
    (precision, None, 0.0, [0.5833333333333334, 0.8333333333333334, 0.6923076923076923, 0.85, 0.0]),
    (recall, "micro", NAN, 0.7166666666666667),
    (recall, "macro", 0.0, 0.5591774891774892),
    (recall, "macro", 1.0, 0.7591774891774892),
    (recall, "macro", NAN, 0.6989718614718615),
    (recall, "weighted", 0.0, 0.7166666666666667),
    (recall, "weighted", NAN, 0.7166666666666667),
    (recall, None, 1.0, [0.6363636363636364, 0.6666666666666666, 0.6428571428571429, 0.85, 1.0]),
    (recall, "none", NAN, [0.6363636363636364, 0.6666666666666666, 0.6428571428571429, 0.85, NAN]),
    (f1_score, "micro", 0.0, 0.7166666666666667),
    (f1_score, "macro", 1.0, 0.5732206119162642),
    (f1_score, "weighted", NAN, 0.7356682769726248),
    (f1_score, None, 0.0, [0.6086956521739131, 0.7407407407407407, 0.6666666666666666, 0.85, 0.0]),
]


@pytest.mark.parametrize(("function", "average", "zero_division", "expected"), AVERAGES)
def test_averages(function: Any, average: Any, zero_division: float, expected: Any) -> None:
    value = function(TRUE, PREDICTED, average=average, zero_division=zero_division)
    np.testing.assert_allclose(numbers(value), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (precision, [0.75, 0.4777777777777778, 0.7553763440860215, [0.0, 0.85, 0.5833333333333334]]),
        (
            recall,
            [0.7741935483870968, 0.4954545454545454, 0.7741935483870968, [0.0, 0.85, 0.6363636363636364]],
        ),
        (
            f1_score,
            [0.7619047619047619, 0.4862318840579711, 0.7643758765778401, [0, 0.85, 0.6086956521739131]],
        ),
    ],
)
def test_chosen_labels_one_of_which_never_occurs(function: Any, expected: list[Any]) -> None:
    for average, value in zip(("micro", "macro", "weighted", None), expected, strict=True):
        found = function(TRUE, PREDICTED, average=average, labels=[6, 3, 0])
        np.testing.assert_allclose(numbers(found), value, rtol=1e-14)
        for undefined in (0.0, 1.0, NAN):
            found = function(TRUE, PREDICTED, average=average, labels=[6, 7], zero_division=undefined)
            np.testing.assert_array_equal(numbers(found), [undefined] * 2 if average is None else undefined)


def test_weighted_average_without_a_true_sample_of_any_class_is_the_plain_one() -> None:
    assert precision([1], [4], labels=[4, 0], average="weighted", zero_division=1.0) == 0.5
    assert precision([1], [4], labels=[4, 0], average="weighted", zero_division=NAN) == 0.0


@pytest.mark.parametrize(
    ("y_true", "y_pred", "options", "expected"),
    [
        ([1, 1, 0, 1, 0], [1, 0, 0, 1, 1], {}, (2 / 3, 2 / 3, 2 / 3)),
        ([1, 1, 0, 1, 0], [1, 0, 0, 1, 1], {"pos_label": 0}, (0.5, 0.5, 0.5)),
        ([0, 0], [0, 0], {}, (0.0, 0.0, 0.0)),
        ([0, 0], [0, 0], {"zero_division": 1.0}, (1.0, 1.0, 1.0)),
        ([0, 0, 1], [0, 0, 0], {}, (0.0, 0.0, 0.0)),
        ([1, 2, 2, 1], [1, 1, 2, 1], {"pos_label": 2}, (1.0, 0.5, 2 / 3)),
        ([1, 0, 1], [0.9, 0.6, 0.2], {}, (0.5, 0.5, 0.5)),
        ([1, 0, 1], [2.0, -0.1, 0.2], {"threshold": 0.0}, (1.0, 1.0, 1.0)),
        ([True, False], [True, True], {}, (0.5, 1.0, 2 / 3)),
    ],
)
def test_two_classes(y_true: Any, y_pred: Any, options: Any, expected: tuple[float, ...]) -> None:
    found = [f(y_true, y_pred, **options) for f in (precision, recall, f1_score)]
    assert found == pytest.approx(expected, rel=1e-15)


def test_confusion_matrix() -> None:
    every = [[7, 0, 2, 0, 2], [1, 10, 2, 1, 1], [2, 1, 9, 2, 0], [2, 1, 0, 17, 0], [0, 0, 0, 0, 0]]
    assert confusion_matrix(TRUE, PREDICTED).tolist() == every
    assert confusion_matrix(TRUE, PREDICTED, labels=[3, 0, 9]).tolist() == [[17, 2, 0], [0, 7, 0], [0, 0, 0]]
    assert confusion_matrix([-1, 5], [5, 5]).tolist() == [[0, 1], [0, 1]]


def test_accuracy_of_the_k_largest() -> None:
    assert [accuracy(TRUE, SCORES, k=k) for k in (1, 2, 3, 4, 9)] == [0.7, 0.85, 1.0, 1.0, 1.0]
    # Of equal scores the lower class comes first: a model that gives all the same is not right.
    assert [accuracy(TRUE, np.zeros((60, 4)), k=k) for k in (1, 2)] == [np.mean(k > TRUE) for k in (1, 2)]


def test_scores_of_a_picture_have_their_classes_in_dimension_1() -> None:
    maps = np.moveaxis(SCORES.reshape(5, 4, 3, 4), -1, 1)
    for k in (1, 2):
        assert accuracy(TRUE.reshape(5, 4, 3), maps, k=k) == accuracy(TRUE, SCORES, k=k)


def test_area_under_the_curve_with_ties() -> None:
    assert roc_auc_score(BINARY, TENTHS / 10) == 359 / 399  # scikit-learn rounds: 0.8997493734335839
    assert roc_auc_score(BINARY, TENTHS) == 359 / 399
    assert roc_auc_score([0, 1, 1], [0.5, 0.5, 0.5]) == 0.5
    assert roc_auc_score([1, 0, 1], [-3.0, -2.0, -1.0]) == 0.5
    assert math.isnan(roc_auc_score([1, 1], [0.1, 0.2]))
    assert math.isnan(roc_auc_score([0, 0], [0.1, 0.2]))


def test_area_of_each_class_against_the_rest() -> None:
    each = [0.9276437847866419, 0.8637037037037036, 0.8245341614906833, 0.90625]
    np.testing.assert_allclose(numbers(roc_auc_score(TRUE, SCORES, average=None)), each, rtol=1e-15)
    assert roc_auc_score(TRUE, SCORES, average="weighted") == pytest.approx(0.8804685908179697, rel=1e-15)
    assert roc_auc_score(TRUE, softmax(SCORES)) == pytest.approx(0.9140203452373483, rel=1e-15)


@pytest.mark.parametrize("drop", [True, False])
def test_curve(drop: bool) -> None:
    fps, tps = [0, 0, 0, 0, 1, 2, 5, 10, 14, 17, 19, 21], [0, 2, 7, 10, 12, 15, 15, 18, 19, 19, 19, 19]
    thresholds = [math.inf, 1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0]
    fpr, tpr, found = roc_curve(BINARY, TENTHS / 10, drop_intermediate=drop)
    keep = [i for i in range(12) if not (drop and i == 10)]
    assert fpr.tolist() == [fps[i] / 21 for i in keep]
    assert tpr.tolist() == [tps[i] / 19 for i in keep]
    assert found.tolist() == [thresholds[i] for i in keep]
    assert auc(fpr, tpr) == pytest.approx(0.8997493734335839, rel=1e-14)
    assert auc(fpr.flip(0), tpr.flip(0)) == pytest.approx(0.8997493734335839, rel=1e-14)


def test_curve_of_one_class_is_nan() -> None:
    fpr, tpr, _ = roc_curve([1, 1], [0.2, 0.1])
    assert np.isnan(fpr.numpy()).all()
    assert tpr.tolist() == [0.0, 0.5, 1.0]
    assert roc_curve([3, 1], [0.2, 0.1], pos_label=3).tpr.tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("y_true", "y_prob", "expected"),
    [
        (TRUE, softmax(SCORES), 0.840960892730456),
        ([0, 1, 1], [0.0, 1.0, 0.5], 0.23104906018664859),
        ([0, 1], np.array([[1, 0], [1, 0.0]]), 18.021826694558577),
        ([0, 1], np.array([[1, 0], [1, 0]], np.float32), 7.971192359924316),
    ],
)
def test_log_loss(y_true: Any, y_prob: Any, expected: float) -> None:
    assert log_loss(y_true, y_prob) == pytest.approx(expected, rel=1e-6)


def test_log_loss_of_logits() -> None:
    assert log_loss(TRUE, SCORES, from_logits=True) == pytest.approx(0.840960892730456, rel=1e-14)
    assert log_loss([1, 0], [800.0, 800.0], from_logits=True) == 400.0
    logits = at.tensor(SCORES)
    loss = at.nn.functional.cross_entropy(logits, at.tensor(TRUE)).item()
    assert log_loss(TRUE, logits, from_logits=True) == pytest.approx(loss, rel=1e-14)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (mean_squared_error, (1.12954, [0.877295, 1.381785], 0.0, 1 / 3, 1.0)),
        (mean_absolute_error, (0.9005, [0.7425, 1.0585], 0.0, 1 / 3, 1.0)),
        (r2_score, (0.8044459589203654, [0.8337574535279036, 0.7751344643128272], 1.0, 0.0, 0.0)),
        (explained_variance, (0.8323308672582821, [0.8780560009201851, 0.7866057335963791], 1.0, 0.0, 1.0)),
    ],
)
def test_regression(function: Any, expected: tuple[Any, ...]) -> None:
    both, each, *constant = expected
    assert function(Y, FITTED) == pytest.approx(both, rel=1e-13)
    np.testing.assert_allclose(numbers(function(Y, FITTED, multioutput="raw_values")), each, rtol=1e-13)
    assert function(Y[:, 0], FITTED[:, 0]) == pytest.approx(each[0], rel=1e-13)
    for preds, value in zip(([2, 2, 2], [1, 2, 2], [1, 1, 1]), constant, strict=True):
        assert function([2, 2, 2], preds) == pytest.approx(value)


def test_regression_of_one_sample() -> None:
    assert math.isnan(r2_score([2.0], [1.0]))
    assert explained_variance([2.0], [1.0]) == 1.0
    assert mean_squared_error(at.tensor(2.0), at.tensor(1.0)) == 1.0


# --- streaming ----------------------------------------------------------------------------------------------

STREAMS: list[tuple[Callable[[], Metric], Any, Any, bool]] = [
    (Accuracy, PREDICTED, TRUE, True),
    (lambda: Accuracy(k=2), SCORES, TRUE, True),
    (ConfusionMatrix, PREDICTED, TRUE, True),
    (lambda: ConfusionMatrix([3, 0, 9]), PREDICTED, TRUE, True),
    (lambda: Precision("macro"), PREDICTED, TRUE, True),
    (lambda: Recall(None, zero_division=NAN), PREDICTED, TRUE, True),
    (lambda: F1Score("weighted"), SCORES, TRUE, True),
    (AUROC, TENTHS, BINARY, True),
    (lambda: AUROC("weighted"), SCORES, TRUE, True),
    (ROC, TENTHS, BINARY, True),
    (LogLoss, softmax(SCORES), TRUE, False),
    (lambda: Perplexity(ignore_index=3), SCORES, TRUE, False),
    (MeanSquaredError, FITTED, Y, False),
    (lambda: MeanAbsoluteError("raw_values"), FITTED, Y, False),
    (R2Score, FITTED + 1e6, Y + 1e6, False),
    (lambda: ExplainedVariance("raw_values"), FITTED + 1e6, Y + 1e6, False),
]


def same(found: Any, expected: Any, is_exact: bool) -> None:
    if is_exact:
        np.testing.assert_equal(numbers(found), numbers(expected))
    else:
        np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-9)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda s: repr(s[0]()))
@pytest.mark.parametrize("size", [1, 7, 100])
def test_batches_equal_all_at_once(stream: Any, size: int) -> None:
    """Also over two metrics that are merged, with an empty one, and after a reset."""
    make, preds, target, is_exact = stream
    whole, first, second = make(), make(), make()
    whole.update(preds, target)
    first.update(preds[:3], target[:3])
    first.reset()
    for start in range(0, len(target), size):
        batch = slice(start, start + size)
        (first if start < 20 else second).update(at.tensor(preds[batch]), at.tensor(target[batch]))
    merged = first + second
    same(merged.compute(), whole.compute(), is_exact)
    same(second.merge(first).compute(), whole.compute(), is_exact)
    same((make() + whole + make()).compute(), whole.compute(), True)
    count = len(target[:20]) if size < 20 else len(target)
    again = make()
    again.update(preds[: (count + size - 1) // size * size], target[: (count + size - 1) // size * size])
    same(first.compute(), again.compute(), is_exact)  # neither + nor being merged changed it


@pytest.mark.parametrize("stream", STREAMS, ids=lambda s: repr(s[0]()))
def test_nothing_to_compute(stream: Any) -> None:
    metric = stream[0]()
    with pytest.raises(ValueError, match=f"{type(metric).__name__} has seen no samples"):
        metric.compute()
    metric.update(stream[1][:0], stream[2][:0])
    with pytest.raises(ValueError, match="has seen no samples"):
        metric.compute()


def test_what_does_not_merge() -> None:
    with pytest.raises(TypeError, match="cannot merge Recall into Precision"):
        Precision().merge(Recall())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"different options: Accuracy\(k=1, .*Accuracy\(k=2"):
        _ = Accuracy() + Accuracy(k=2)
    with pytest.raises(TypeError):
        _ = Accuracy() + 1  # type: ignore[operator]
    one, two = MeanSquaredError(), MeanSquaredError()
    one.update(Y, FITTED)
    two.update(Y[:, 0], FITTED[:, 0])
    with pytest.raises(ValueError, match="of 2 and of 1 outputs"):
        one.merge(two)
    with pytest.raises(ValueError, match="1 outputs, before there were 2"):
        one.update(Y[:, 0], FITTED[:, 0])


def test_inputs_are_not_kept_or_changed() -> None:
    scores = at.tensor([0.1, 0.4, 0.35, 0.8], requires_grad=True)
    metric = AUROC()
    metric.update(scores, at.tensor([0, 0, 1, 1]))
    with at.no_grad():
        scores.zero_()
    assert metric.compute() == 0.75
    assert scores.grad is None


# --- perplexity ---------------------------------------------------------------------------------------------


def test_perplexity_is_the_exponential_of_the_cross_entropy_in_either_base() -> None:
    logits, tokens = at.tensor(SCORES).reshape(3, 20, 4), at.tensor(TRUE).reshape(3, 20)
    metric = Perplexity()
    metric.update(logits, tokens)
    nats, bits = metric.cross_entropy(), metric.cross_entropy(base=2)
    assert nats == pytest.approx(0.840960892730456, rel=1e-14)
    assert math.exp(nats) == pytest.approx(metric.compute(), rel=1e-14)
    assert 2**bits == pytest.approx(metric.compute(), rel=1e-14)
    assert perplexity(tokens, logits) == metric.compute()


def test_perplexity_ignores_padding_and_overflows_to_infinity() -> None:
    logits = np.array([[0.0, 0.0], [0.0, 2000.0], [5.0, 1.0]])
    assert perplexity([0, 0, -100], logits, ignore_index=-100) == math.inf
    assert perplexity([0, -100, -100], logits, ignore_index=-100) == pytest.approx(2.0)
    metric = Perplexity(ignore_index=1)
    metric.update(logits, [1, 1, 1])
    with pytest.raises(ValueError, match="no samples"):
        metric.compute()
