"""The linear recurrence ``s[k] = b[k] + a[k] * s[k+1]`` along a dimension, from its end.

With it the rules of cumprod and logcumsumexp need no division and no difference of large numbers, so that
they are exact at zeros and do not overflow. Its own derivatives are recurrences again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._reduce import Array, conj, half, single

__all__ = ["recurrence"]


def _forward(a: Array, b: Array, dim: int, reverse: bool) -> Array:
    dtype = np.result_type(a, b)
    wide = single if dtype == half else dtype
    a, b = np.moveaxis(a, dim, 0).astype(wide, copy=False), np.moveaxis(b, dim, 0)
    n = b.shape[0]
    s = np.empty_like(b, dtype=wide, order="C")
    line = np.zeros(b.shape[1:], wide)
    for k in range(n) if reverse else range(n - 1, -1, -1):
        line = np.add(b[k], a[k] * line, out=s[k, ...])
    return np.moveaxis(s, 0, dim).astype(dtype, copy=False)


def _shifted(s: Any, dim: int, reverse: bool) -> Any:
    """``s[k+1]`` in place k, 0 at the end; ``reverse``: ``s[k-1]``."""
    n = s.shape[dim]
    before = (slice(None),) * dim
    rest = s[(*before, slice(0, n - 1) if reverse else slice(1, n))]
    edge = np.zeros_like(s[(*before, slice(0, 1))])
    return np.concatenate((edge, rest) if reverse else (rest, edge), dim)


def _shift_back(a: Any, dim: int, reverse: bool) -> Any:
    return _shifted(a, dim, not reverse)


def _b_rule(g: Any, _y: Any, a: Any, _b: Any, dim: int, reverse: bool) -> Any:
    # b[k] reaches s[j] for j <= k through a[j] ... a[k-1]: the same recurrence from the other end.
    return recurrence(_shift_back(conj(a), dim, reverse), g, dim, not reverse)


def _a_rule(g: Any, y: Any, a: Any, _b: Any, dim: int, reverse: bool) -> Any:
    reached = recurrence(_shift_back(conj(a), dim, reverse), g, dim, not reverse)
    return reached * _shifted(conj(y), dim, reverse)


_RECURRENCE = Operation("recurrence", _forward, _a_rule, _b_rule)


def recurrence(a: Any, b: Any, dim: int, reverse: bool = False) -> Any:
    """``s[k] = b[k] + a[k] * s[k+1]`` (``reverse``: ``s[k-1]``); a and b of one shape, arrays or Tensors."""
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        a, b = (x if isinstance(x, Tensor) else Tensor._wrap(x) for x in (a, b))
        return apply(_RECURRENCE, (a, b), dim, reverse)
    return _forward(a, b, dim, reverse)


def following(x: Any, dim: int) -> Any:
    """``x[k+1]`` in place k along ``dim``; at the end the last once more."""
    before = (slice(None),) * dim
    end = max(x.shape[dim] - 1, 0)
    return np.concatenate((x[(*before, slice(1, None))], x[(*before, slice(end, None))]), dim)
