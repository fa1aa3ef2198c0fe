"""Metrics: functions with scikit-learn's names, and streaming objects with those of torchmetrics.

A function takes everything at once, **truth first**, as in scikit-learn: ``f1_score(y_true, y_pred)``. An
object takes batches, **predictions first**, as losses and torchmetrics do: ``metric.update(preds, target)``,
then ``metric.compute()``. Each function is its object updated once, so both give the same.

>>> import autotape as at
>>> from autotape import metrics
>>> metrics.accuracy(at.tensor([0, 1, 1]), at.tensor([0, 1, 0]))
0.6666666666666666
>>> accuracy = metrics.Accuracy()
>>> accuracy.update(at.tensor([[2.0, -1.0], [0.1, 0.3]]), at.tensor([0, 1]))
>>> accuracy.update(at.tensor([[2.0, -1.0]]), at.tensor([1]))
>>> accuracy.compute()
0.6666666666666666
"""

from autotape.metrics.classification import (
    Accuracy,
    ConfusionMatrix,
    accuracy,
    accuracy_score,
    confusion_matrix,
)
from autotape.metrics.likelihood import LogLoss, Perplexity, log_loss, perplexity
from autotape.metrics.metric import Metric
from autotape.metrics.precision_recall import (
    F1Score,
    Precision,
    Recall,
    f1_score,
    precision,
    precision_score,
    recall,
    recall_score,
)
from autotape.metrics.ranking import AUROC, ROC, auc, roc_auc_score, roc_curve
from autotape.metrics.regression import (
    ExplainedVariance,
    MeanAbsoluteError,
    MeanSquaredError,
    R2Score,
    explained_variance,
    explained_variance_score,
    mean_absolute_error,
    mean_squared_error,
    r2_score,
)

__all__ = [
    "AUROC",
    "Accuracy",
    "ConfusionMatrix",
    "ExplainedVariance",
    "F1Score",
    "LogLoss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "Perplexity",
    "Precision",
    "R2Score",
    "ROC",
    "Recall",
    "accuracy",
    "accuracy_score",
    "auc",
    "confusion_matrix",
    "explained_variance",
    "explained_variance_score",
    "f1_score",
    "log_loss",
    "mean_absolute_error",
    "mean_squared_error",
    "perplexity",
    "precision",
    "precision_score",
    "r2_score",
    "recall",
    "recall_score",
    "roc_auc_score",
    "roc_curve",
]
