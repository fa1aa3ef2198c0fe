"""Scaled dot product attention, as one operation."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.nn.functional.dropout import dropout
from autotape.ops.activations import softmax
from autotape.ops.generator import source

__all__ = ["scaled_dot_product_attention"]

Array = np.ndarray[Any, Any]
Kept = list[Array]
"""The probabilities, put there by the forward function for the rule on ndarrays."""

_SAFE = (
    30.0  # exp of no more than this, summed over any row that fits in memory, neither overflows nor vanishes
)


@lru_cache(maxsize=64)
def _ones(size: int, dtype: np.dtype[Any]) -> Array:
    ones = np.ones(size, dtype)
    ones.flags.writeable = False
    return ones


def _row_sums(x: Array) -> Any:
    """Sums over the last dimension, kept: as a product with ones, at a fifth of the time of add.reduce."""
    size = x.shape[-1]
    return x.reshape(x.size // size, size).dot(_ones(size, x.dtype)).reshape(*x.shape[:-1], 1)


def _into(a: Array, b: Array, like: Array) -> Any:
    """``a @ b``, in the memory order of ``like`` if it has its shape.

    Heads taken by ``view(...).transpose(1, 2)`` then need no copy to be put together again.
    """
    if like.shape[:-1] != a.shape[:-1] or like.shape[-1] != b.shape[-1]:
        return np.matmul(a, b)
    return np.matmul(a, b, out=np.empty_like(like))


# --- the operation ------------------------------------------------------------------------------------------


def _attend(
    q: Array,
    k: Array,
    v: Array,
    bias: Array | None,
    hard: bool,
    scale: float,
    factor: Array | None,
    kept: Kept,
) -> Any:
    """``hard``: the bias is 0 or -inf everywhere. ``factor``: 0 where dropout drops, else 1 / (1 - p)."""
    p = np.matmul(np.multiply(q, scale, dtype=q.dtype), k.mT)
    if p.size:
        low, high = np.minimum.reduce(p, None), np.maximum.reduce(p, None)
        if bias is not None:
            p += bias
        if not (hard and low >= -_SAFE and high <= _SAFE):
            # The maximum of each row costs four times the two passes above.
            top = np.maximum.reduce(p, -1, keepdims=True)
            top[top == -np.inf] = 0
            p -= top
        np.exp(p, out=p)
        sums = _row_sums(p)
        if bias is not None:
            sums[sums == 0] = 1  # a row that is masked entirely has probabilities 0
        p /= sums
    kept.append(p)
    return _into(p if factor is None else p * factor, v, q)


def _gradients(g: Any, p: Any, q: Any, k: Any, v: Any, scale: float, factor: Array | None) -> Any:
    """The gradients of query, key, value and bias, of any kind of arrays, from the probabilities."""
    gs, dropped = g @ v.mT, p
    if factor is not None:
        gs, dropped = gs * factor, p * factor
    gs = gs * p
    gs = gs - p * gs.sum(axis=-1, keepdims=True)
    return (gs @ k) * scale, (gs.mT @ q) * scale, dropped.mT @ g, gs


def _attend_raw_rule(g: Array, needs: Any, _y: Any, q: Array, k: Array, v: Array, *constants: Any) -> Any:
    *_, scale, factor, kept = constants
    p = kept[0]
    if type(g) is not np.ndarray:  # of a batch of gradients
        return _gradients(g, p, q, k, v, scale, factor)
    gq = gk = gv = gs = None
    if needs[2]:
        gv = _into((p if factor is None else p * factor).mT, g, v)
    if needs[0] or needs[1] or True in needs[3:]:
        gs = np.matmul(g, v.mT)
        if factor is not None:
            gs *= factor
        gs *= p
        if gs.size:
            gs -= p * _row_sums(gs)
        if needs[0]:
            gq = _into(gs, k, q)
            gq *= scale
        if needs[1]:
            gk = _into(gs.mT, q, k)
            gk *= scale
    return gq, gk, gv, gs


def _probabilities(q: Tensor, k: Tensor, bias: Any, scale: float) -> Tensor:
    scores = (q * scale) @ k.mT
    if bias is None:
        return softmax(scores, -1)
    scores = scores + bias
    masked: Tensor = (scores.detach() == -np.inf).all(-1, keepdim=True)  # entirely: probabilities 0
    return softmax(scores.masked_fill(masked, 0), -1).masked_fill(masked, 0)


def _attend_rule(g: Any, _needs: Any, _y: Any, q: Any, k: Any, v: Any, *constants: Any) -> Any:
    bias, _hard, scale, factor, _kept = constants
    return _gradients(g, _probabilities(q, k, bias, scale), q, k, v, scale, factor)


_ATTENTION = Operation(
    "scaled_dot_product_attention", _attend, joint=_attend_rule, raw_joint=_attend_raw_rule
)


# --- the function -------------------------------------------------------------------------------------------


@lru_cache(maxsize=16)
def _future(rows: int, columns: int, dtype: np.dtype[Any]) -> Array:
    """-inf above the diagonal, 0 elsewhere."""
    bias = np.triu(np.full((rows, columns), -np.inf, dtype), 1)
    bias.flags.writeable = False
    return bias


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """``softmax(scale * query @ key.mT + mask) @ value``: for each query a mean of the values.

    Args:
        query, key, value: (..., L, E), (..., S, E), (..., S, Ev), of one floating dtype; the leading
            dimensions broadcast. The result is (..., L, Ev).
        attn_mask: broadcasts to (..., L, S): True where a query sees a key; or numbers to add, -inf to hide.
            A query that sees no key gets 0.
        dropout_p: probability of dropping a probability, **also in evaluation**: pass 0 there.
        is_causal: query i sees the keys 0 to i; in place of ``attn_mask``.
        scale: default 1 / sqrt(E).
        enable_gqa: ``query`` (..., Hq, L, E) has a multiple of the heads of ``key`` and ``value``.

    Backward keeps, besides the arguments, the probabilities: (..., L, S).
    Errors: RuntimeError for dtypes, shapes and masks that do not fit, and for both mask and ``is_causal``.

    Source: Vaswani et al., Attention is all you need (2017).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> x = at.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> F.scaled_dot_product_attention(x, x, x, is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.3302, 0.6698]])
    """
    name = "scaled_dot_product_attention"
    query, key, value = (
        tensor_input(t, n, name) for t, n in ((query, "query"), (key, "key"), (value, "value"))
    )
    q, k, v = query._array, key._array, value._array
    dtype = q.dtype
    if not (dtype.kind == "f" and k.dtype is dtype and v.dtype is dtype and min(q.ndim, k.ndim, v.ndim) > 1):
        raise _misfit(query, key, value)
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    mask = None if attn_mask is None else _mask(attn_mask, query)
    if mask is not None and is_causal:
        raise RuntimeError(f"{name}: Explicit attn_mask should not be set when is_causal=True")
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1]) if q.shape[-1] else 1.0
    if dtype.itemsize == 2:  # computed in float32, as the sums need it
        q32, k32, v32 = query.float(), key.float(), value.float()
        if mask is not None and mask._array.dtype.kind == "f":
            mask = mask.float()
        return scaled_dot_product_attention(
            q32, k32, v32, mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        ).to(dtype)
    if enable_gqa:
        key, value = _all_heads(query, key), _all_heads(query, value)
        k, v = key._array, value._array
    bias: Any = None
    inputs = [query, key, value]
    hard = mask is None or mask._array.dtype.kind == "b"
    if mask is not None and not hard and _only_hides(mask, q, k):
        hard, mask = True, Tensor._wrap(np.equal(mask._array, 0))
    if is_causal:
        size = (q.shape[-2], k.shape[-2])
        bias = (_future if size[0] * size[1] <= 2**20 else _future.__wrapped__)(*size, dtype)
    elif mask is not None and hard:
        bias = np.where(mask._array, dtype.type(0), dtype.type(-np.inf))
    elif mask is not None:
        inputs.append(mask)
    plain = type(q) is type(k) is type(v) is np.ndarray and (mask is None or type(mask._array) is np.ndarray)
    try:
        if not plain:  # in vmap
            return _composed(query, key, value, bias if hard else mask, scale, dropout_p)
        factor = None
        if dropout_p:
            shape = (*np.broadcast_shapes(q.shape[:-2], k.shape[:-2]), q.shape[-2], k.shape[-2])
            factor = _drawn(shape, dropout_p, dtype)
        first: tuple[Any, ...] = (bias,) if hard else ()
        return apply(_ATTENTION, inputs, *first, hard, scale, factor, [])  # type: ignore[no-any-return]
    except ValueError:
        raise _misfit(query, key, value, mask) from None


def _only_hides(mask: Tensor, q: Array, k: Array) -> bool:
    """Whether a mask of numbers, small beside the scores, is one of 0 and -inf without a gradient."""
    m = mask._array
    if mask._node is not None or type(m) is not np.ndarray:
        return False
    if 8 * m.size > math.prod(q.shape[:-1]) * k.shape[-2]:
        return False
    return bool(((m == 0) | (m == -np.inf)).all())


def _drawn(shape: tuple[int, ...], p: float, dtype: np.dtype[Any]) -> Array:
    """The factors of dropout."""
    kept = source(None).random(shape, np.float32) >= p
    return np.multiply(kept, 1 / (1 - p) if p < 1 else 0, dtype=dtype)


def _composed(query: Tensor, key: Tensor, value: Tensor, bias: Any, scale: float, dropout_p: float) -> Tensor:
    """The same by operations that can be batched."""
    if bias is not None and not isinstance(bias, Tensor):
        bias = Tensor._wrap(bias)
    p = _probabilities(query, key, bias, scale)
    return (dropout(p, dropout_p) if dropout_p else p) @ value


def _mask(mask: Any, query: Tensor) -> Tensor:
    mask = tensor_input(mask, "attn_mask", "scaled_dot_product_attention")
    if mask._array.dtype.kind != "b" and mask._array.dtype != query._array.dtype:
        if mask._array.dtype != np.float32:
            raise RuntimeError(
                "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
                f"attn_mask.dtype: {mask.dtype} and query.dtype: {query.dtype} instead."
            )
        mask = mask.to(query.dtype)
    return mask  # type: ignore[no-any-return]


def _all_heads(query: Tensor, kv: Tensor) -> Tensor:
    """Keys or values with a head for each one of the queries (grouped query attention)."""
    if min(query.ndim, kv.ndim) < 3:
        raise IndexError(
            "enable_gqa: query, key and value need dimensions (..., heads, length, size), got shapes "
            f"{list(query.shape)} and {list(kv.shape)}"
        )
    heads, groups = query.shape[-3], kv.shape[-3]
    if heads == groups:
        return kv
    if groups == 0 or heads % groups:
        raise RuntimeError(
            f"Number of heads in key and value must divide the number of heads in query, got {groups} "
            f"and {heads}"
        )
    return kv.repeat_interleave(heads // groups, -3)


def _misfit(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Exception:
    """What is wrong with the operands."""
    named = {"query": query, "key": key, "value": value}
    if min(t.ndim for t in named.values()) < 2:
        got = " ".join(f"{n}.dim: {t.ndim}" for n, t in named.items())
        return RuntimeError(
            f"Expected query, key, and value to all be at least 2 dimensional, but got {got} instead."
        )
    if len({t.dtype for t in named.values()}) > 1:
        got = " ".join(f"{n}.dtype: {t.dtype}" for n, t in named.items())
        return RuntimeError(f"Expected query, key, and value to have the same dtype, but got {got} instead.")
    if query._array.dtype.kind != "f":
        return NotImplementedError(
            f'"scaled_dot_product_attention" not implemented for {query.dtype}; convert the tensors first'
        )
    got = ", ".join(f"{n} {list(t.shape)}" for n, t in named.items())
    if mask is not None:
        got += f", attn_mask {list(mask.shape)}"
    return RuntimeError(
        "scaled_dot_product_attention: shapes must be query (..., L, E), key (..., S, E), value (..., S, Ev) "
        f"with leading dimensions that broadcast, and attn_mask must broadcast to (..., L, S); got {got}"
    )
