"""What metrics refuse, and what they say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.metrics import (
    AUROC,
    Accuracy,
    ConfusionMatrix,
    Precision,
    R2Score,
    accuracy,
    auc,
    confusion_matrix,
    f1_score,
    log_loss,
    mean_squared_error,
    perplexity,
    r2_score,
    recall,
    roc_auc_score,
    roc_curve,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: accuracy([0, 1], [NAN, 0.5]), "preds contains NaN"),
        (lambda: roc_auc_score([0, 1], [NAN, 0.5]), "preds contains NaN"),
        (lambda: r2_score([0.0, NAN], [1.0, 0.5]), "target contains NaN"),
        (lambda: r2_score([0.0, math.inf], [1.0, 0.5]), "target contains infinity"),
        (lambda: auc([0.0, 1.0], [0.0, NAN]), "y contains NaN"),
        (lambda: perplexity([0], [[NAN, 0.5]]), "preds contains NaN"),
        (lambda: accuracy([0, 1, 2], [0, 1]), r"\(2,\) do not fit targets of shape \(3,\)"),
        (lambda: accuracy([[0], [1]], [0, 1]), r"do not fit targets of shape \(2, 1\)"),
        (lambda: accuracy([0.5, 1], [0, 1]), "target must hold class labels"),
        (lambda: accuracy([0, 7], [0.1, 0.9]), "target has the label 7"),
        (lambda: accuracy([0, 4], np.zeros((2, 4)), k=2), "outside of the 4 classes"),
        (lambda: Accuracy(k=0), "k must be at least 1"),
        (
            lambda: f1_score([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]),
            r"binary' is for two classes, but the labels are \[0, 1, 2, 3, 4\]",
        ),
        (lambda: recall([0, 2], [0, 2]), r"pos_label=1 is not one of the labels \[0, 2\]"),
        (lambda: Precision("mean"), "average must be one of"),  # type: ignore[arg-type]
        (lambda: AUROC("micro"), "average must be"),  # type: ignore[arg-type]
        (lambda: ConfusionMatrix([1, 1]), "each once"),
        (lambda: confusion_matrix([0], [1], labels=[5]), "none of the labels"),
        (lambda: log_loss([0, 1], [0.5, 1.5]), "must be probabilities.* pass from_logits=True"),
        (lambda: log_loss([0], [[0.5, 0.4]]), "sum of 1"),
        (lambda: log_loss([2], [[0.5, 0.5]]), "labels from 2 to 2, but there are 2 classes"),
        (lambda: log_loss([0], [[math.inf, 0.5]], from_logits=True), "infinite logits"),
        (lambda: perplexity([0, 9], np.zeros((2, 3))), "labels from 0 to 9, but there are 3 classes"),
        (lambda: perplexity([0, 1, 2], np.zeros((2, 3))), r"got \(2, 3\) for \(3,\)"),
        (lambda: mean_squared_error(np.zeros((3, 1)), np.zeros(3)), r"differ in shape: \(3,\) and \(3, 1\)"),
        (lambda: R2Score("mean"), "multioutput must be"),  # type: ignore[arg-type]
        (lambda: roc_curve([0, 1], np.zeros((2, 4))), "choose a class"),
        (lambda: auc([0.0, 2.0, 1.0], [0.0, 1.0, 2.0]), "go up and down"),
        (lambda: auc([1.0], [1.0]), "at least 2"),
    ],
)
def test_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_complex_values_are_refused() -> None:
    with pytest.raises(TypeError, match="preds must hold real numbers, got dtype complex64"):
        accuracy([0], at.tensor([1j]))
