"""Dropout."""

from __future__ import annotations

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops.generator import source

__all__ = ["dropout"]


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability ``p`` and scale the others by 1 / (1 - p).

    Without ``training`` the result is ``input``. The draws are those of the global generator
    (:func:`autotape.manual_seed`). ValueError for p outside of [0, 1].

    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting (2014).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.dropout(at.ones(3), p=0.0), F.dropout(at.ones(3), p=1.0)
    (tensor([1., 1., 1.]), tensor([0., 0., 0.]))
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    input = tensor_input(input, "input", "dropout")
    x = input._array
    if not training or p == 0 or x.size == 0:
        return input
    if x.dtype.kind not in "fc":
        raise RuntimeError(
            f"dropout: the input must be floating, got {input.dtype}; its result would have fractions"
        )
    kept = source(None).random(x.shape, np.float32) >= p
    mask = Tensor._wrap(np.multiply(kept, 1 / (1 - p) if p < 1 else 0, dtype=x.dtype))
    return input.mul_(mask) if inplace else input * mask
