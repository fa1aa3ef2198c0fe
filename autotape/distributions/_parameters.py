"""Probabilities and logits: two ways to give the parameter of a discrete distribution."""

from __future__ import annotations

from autotape.engine.dtypes import finfo
from autotape.engine.tensor import Tensor
from autotape.ops.exponentials import logaddexp

__all__ = ["entropy_of_coin", "logits_from", "one_of", "probs_from"]


def one_of(probs: object, logits: object) -> None:
    """ValueError unless exactly one of them is given."""
    if (probs is None) == (logits is None):
        raise ValueError("Either `probs` or `logits` must be specified, but not both.")


def logits_from(probs: Tensor, binary: bool = False) -> Tensor:
    """log(p), or log(p / (1 - p)) if ``binary``; p is kept the rounding error away from 0 and 1."""
    eps = finfo(probs.dtype).eps
    p = probs.clamp(min=eps, max=1 - eps)
    return p.log() - (-p).log1p() if binary else p.log()


def probs_from(logits: Tensor, binary: bool = False) -> Tensor:
    """softmax(logits), or sigmoid(logits) if ``binary``."""
    return logits.sigmoid() if binary else logits.softmax(-1)


def entropy_of_coin(logits: Tensor, probs: Tensor) -> Tensor:
    """-p log p - (1 - p) log(1 - p)."""
    return logaddexp(logits, 0.0) - logits * probs
