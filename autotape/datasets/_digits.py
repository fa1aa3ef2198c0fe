"""The UCI handwritten digits."""

from __future__ import annotations

import hashlib
import io
import os
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor

__all__ = ["digits"]

_FILE = os.path.join(os.path.dirname(__file__), "digits.npz")
_SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"
_TRAIN = 1347  # three quarters of the 1797, as scikit-learn's train_test_split leaves them

Samples = tuple[Tensor, Tensor]


def digits(seed: int | None = 0) -> tuple[Samples, Samples]:
    """1797 handwritten digits of 8x8 pixels, as ``(x_train, y_train), (x_test, y_test)``.

    ``x`` is float32 of shape (1347, 64) and (450, 64): the pixels of an image row by row, the 17 grey levels
    as 0 to 1 in steps of 1/16 (``x.reshape(-1, 1, 8, 8)`` for convolutions). ``y`` is int64 of shape (1347,)
    and (450,): the digit.

    The training samples are the first 1347 of ``numpy.random.default_rng(seed).permutation(1797)``, in that
    order, and the other 450 are the test samples. With ``seed=None`` the file's own order takes the
    permutation's place: a harder split (a linear model reaches about 0.92, and 0.96 on a drawn one).

    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998, doi 10.24432/C50P49 (CC BY 4.0); the test part of that set, as scikit-learn ships it.

    Raises:
        RuntimeError: the file in the package is damaged or missing.

    >>> (x_train, y_train), (x_test, y_test) = digits()
    >>> x_train.shape, y_test.shape
    (autotape.Size([1347, 64]), autotape.Size([450]))
    >>> y_train[:8]
    tensor([6, 6, 6, 2, 5, 6, 6, 2])
    """
    images, labels = _read()
    x = images.reshape(len(images), -1).astype(np.float32) / 16
    y = labels.astype(np.int64)
    order = np.arange(len(y)) if seed is None else np.random.default_rng(seed).permutation(len(y))
    train, test = order[:_TRAIN], order[_TRAIN:]
    return (
        (Tensor._wrap(x[train]), Tensor._wrap(y[train])),
        (Tensor._wrap(x[test]), Tensor._wrap(y[test])),
    )


def _read() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    try:
        with open(_FILE, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise RuntimeError(f"the digits are missing at {_FILE!r}: install autotape again") from None
    if hashlib.sha256(data).hexdigest() != _SHA256:
        raise RuntimeError(f"the digits in {_FILE!r} are damaged: install autotape again")
    with np.load(io.BytesIO(data)) as arrays:
        return arrays["images"], arrays["labels"]
