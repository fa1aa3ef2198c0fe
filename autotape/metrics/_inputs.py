"""What metrics are given, as checked NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor

__all__: list[str] = []

Array = np.ndarray[Any, Any]


def plain_array(value: Any, name: str) -> Array:
    """The values without their gradients; ValueError for NaN, TypeError for what holds no real numbers."""
    array = value._array if isinstance(value, Tensor) else np.asarray(value)
    if array.size == 0 and not isinstance(value, (Tensor, np.ndarray)):
        array = array.astype(np.int64)  # an empty list is as good as labels as it is as scores
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got dtype {array.dtype}")
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise ValueError(f"{name} contains NaN")
    return array


def labels_of(target: Any, name: str = "target") -> Array:
    """Class labels as int64; whole numbers of a floating dtype are labels too."""
    array = plain_array(target, name)
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.round(array)).all()):
        raise ValueError(f"{name} must hold class labels, which are whole numbers")
    return array.astype(np.int64)


def scores_of_classes(preds: Array, target: Array) -> Array:
    """Scores (N, C, ...) as (number of targets, C); ValueError unless the targets are (N, ...)."""
    if preds.ndim < 2 or preds.shape[:1] + preds.shape[2:] != target.shape:
        raise ValueError(
            f"predictions of shape {preds.shape} do not fit targets of shape {target.shape}: labels have the "
            "targets' shape, scores have the classes as dimension 1"
        )
    return np.moveaxis(preds, 1, -1).reshape(target.size, preds.shape[1])


def predicted_labels(preds: Any, target: Any, threshold: float) -> tuple[Array, Array]:
    """Predicted and true labels, both 1-d.

    ``preds`` are labels; or scores (N, C, ...), of which the largest counts (the first of equals); or, of a
    floating dtype and the targets' shape, scores of class 1 against class 0, with 1 above the threshold.
    """
    truth = labels_of(target)
    given = plain_array(preds, "preds")
    if given.shape != truth.shape:
        scores = scores_of_classes(given, truth)
        if scores.shape[1] == 0:
            raise ValueError("preds has scores of no class")
        return scores.argmax(1), truth.reshape(-1)
    if given.dtype.kind != "f":
        return given.astype(np.int64).reshape(-1), truth.reshape(-1)
    other = truth[(truth != 0) & (truth != 1)]
    if other.size:
        raise ValueError(
            f"floating predictions of the targets' shape {truth.shape} are scores of class 1 against 0, "
            f"and target has the label {other[0]}; "
            "give integer labels, or scores with a dimension of classes"
        )
    return (given > threshold).astype(np.int64).reshape(-1), truth.reshape(-1)
