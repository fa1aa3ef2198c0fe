"""Attention with several heads, projections and masks, as one function."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.nn.functional.attention import scaled_dot_product_attention
from autotape.nn.functional.dropout import dropout
from autotape.ops.activations import softmax
from autotape.ops.creation import zeros
from autotape.ops.fused import linear
from autotape.ops.joining import cat

__all__ = ["attend", "check_mask", "multi_head_attention_forward"]


def check_mask(mask: Any, name: str, other: Any = None, other_name: str = "") -> Any:
    """The mask, after a look at its dtype; a warning where it and ``other`` are of different kinds."""
    if mask is None:
        return None
    mask = tensor_input(mask, name, "attention")
    kind = mask._array.dtype.kind
    if kind not in "bf":
        raise AssertionError(f"only bool and floating types of {name} are supported, got {mask.dtype}")
    if isinstance(other, Tensor) and other._array.dtype != mask._array.dtype:
        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=4,
        )
    return mask


def _check_dimensions(query: Tensor, key: Tensor, value: Tensor, padding: Any, mask: Any, heads: int) -> bool:
    """Whether the inputs are a batch; AssertionError for dimensions that do not go together."""
    if query.ndim not in (2, 3):
        raise AssertionError(
            "query should be unbatched 2D or batched 3D tensor but received "
            f"{query.ndim}-D query tensor of shape {list(query.shape)}"
        )
    n = query.ndim
    of = f"For {'batched (3-D)' if n == 3 else 'unbatched (2-D)'} `query`, expected"
    if key.ndim != n or value.ndim != n:
        raise AssertionError(
            f"{of} `key` and `value` to be {n}-D but found {key.ndim}-D and {value.ndim}-D "
            "tensors respectively"
        )
    if padding is not None and padding.ndim != n - 1:
        raise AssertionError(
            f"{of} `key_padding_mask` to be `None` or {n - 1}-D but found {padding.ndim}-D tensor instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise AssertionError(
            f"{of} `attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
        )
    if mask is not None and mask.ndim == 3 and n == 2:
        expected = (heads, query.shape[0], key.shape[0])
        if tuple(mask.shape) != expected:
            raise AssertionError(f"Expected `attn_mask` shape to be {expected} but got {list(mask.shape)}")
    return n == 3


def _merged(mask: Tensor | None, padding: Tensor | None, dtype: Any) -> Tensor | None:
    """The two masks as one: True hides where both are boolean, else numbers to add."""
    if mask is None or padding is None:
        return padding if mask is None else mask
    if mask._array.dtype.kind == "b" and padding._array.dtype.kind == "b":
        return mask | padding
    return _to_add(mask, dtype) + _to_add(padding, dtype)


def _to_add(mask: Tensor, dtype: Any) -> Tensor:
    if mask._array.dtype.kind != "b":
        return mask
    return zeros(mask.shape, dtype=dtype).masked_fill(mask, -math.inf)


def _one_more(mask: Tensor | None) -> Tensor | None:
    """The mask for one more key, which every query sees."""
    if mask is None:
        return None
    return cat([mask, Tensor._wrap(np.zeros((*mask.shape[:-1], 1), mask._array.dtype))], -1)


def _projected(
    query: Tensor, key: Tensor, value: Tensor, weights: Any, packed: Any, bias: Any
) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values from one packed weight or from three."""
    if packed is not None:
        size = packed.shape[0] // 3
        if query is key and key is value:  # one product instead of three
            q, k, v = linear(query, packed, bias).split(size, -1)
            return q, k, v
        weights = packed.split(size, 0)
    biases = (None, None, None) if bias is None else bias.split(bias.shape[0] // 3, 0)
    q, k, v = (linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))
    return q, k, v


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim: int,
    num_heads: int,
    packed: Tensor | None,
    weights: tuple[Tensor, Tensor, Tensor] | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    key_padding_mask: Tensor | None,
    need_weights: bool,
    attn_mask: Tensor | None,
    static_k: Tensor | None,
    static_v: Tensor | None,
    average_attn_weights: bool,
    is_causal: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor | None]:
    """:func:`multi_head_attention_forward`, for either order of batch and sequence."""
    mask, padding = attn_mask, key_padding_mask
    batched = _check_dimensions(query, key, value, padding, mask, num_heads)
    padding = check_mask(padding, "key_padding_mask", mask, "attn_mask")
    mask = check_mask(mask, "attn_mask")
    if is_causal and mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and padding is None and not need_weights:
        mask = None  # the hint says what it is
    else:
        is_causal = False
    at = 0 if batch_first else 1  # the dimension of the batch
    if not batched:
        same = query is key and key is value
        query = query.unsqueeze(at)
        key, value = (query, query) if same else (key.unsqueeze(at), value.unsqueeze(at))
        padding = None if padding is None else padding.unsqueeze(0)
    n, length = query.shape[at], query.shape[1 - at]
    if query.shape[-1] != embed_dim:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim}, but got {query.shape[-1]}")
    size = embed_dim // num_heads
    if size * num_heads != embed_dim:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    if packed is None and key.shape[:2] != value.shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {list(key.shape[:2])} do not match value's "
            f"{list(value.shape[:2])}"
        )
    if packed is not None and key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
    q, k, v = _projected(query, key, value, weights, packed, in_proj_bias)

    def heads(x: Tensor) -> Tensor:
        """(batch, heads, sequence, size)."""
        x = x.reshape(x.shape[0], x.shape[1], num_heads, size)
        return x.transpose(1, 2) if batch_first else x.permute(1, 2, 0, 3)

    if (bias_k is None) != (bias_v is None):
        raise AssertionError("bias_k and bias_v must both be given, or neither")
    if mask is not None:
        _check_mask_shape(mask, n * num_heads, length, key.shape[1 - at])
    if bias_k is not None and bias_v is not None:
        if static_k is not None or static_v is not None:
            raise AssertionError("bias cannot be added to static key or value.")
        repeats = (n, 1, 1) if batch_first else (1, n, 1)
        k = cat([k, bias_k.repeat(*repeats)], 1 - at)
        v = cat([v, bias_v.repeat(*repeats)], 1 - at)
        mask, padding = _one_more(mask), _one_more(padding)
    q = heads(q)
    k = heads(k) if static_k is None else _static(static_k, "static_k", n, num_heads, size)
    v = heads(v) if static_v is None else _static(static_v, "static_v", n, num_heads, size)
    if add_zero_attn:
        nothing = Tensor._wrap(np.zeros((n, num_heads, 1, size), k._array.dtype))
        k, v = cat([k, nothing], 2), cat([v, nothing], 2)
        mask, padding = _one_more(mask), _one_more(padding)
    keys = k.shape[2]
    if mask is not None and mask.ndim == 3:
        mask = mask.reshape(n, num_heads, length, keys)
    if padding is not None:
        if padding.shape[0] != n:
            raise AssertionError(f"Expected key_padded_mask.shape[0] to be {n}, but got {padding.shape[0]}")
        if padding.shape[1] != keys:
            raise AssertionError(
                f"Expected key_padded_mask.shape[1] to be {keys}, but got {padding.shape[1]}"
            )
        padding = padding.reshape(n, 1, 1, keys)
    mask = _merged(mask, padding, q.dtype)

    scores = None
    if need_weights:
        scores = (q * math.sqrt(1 / size)) @ k.mT
        if mask is not None:
            hidden = mask._array.dtype.kind == "b"
            scores = scores.masked_fill(mask, -math.inf) if hidden else scores + mask
        scores = softmax(scores, -1)
        if dropout_p > 0:
            scores = dropout(scores, dropout_p)
        y = scores @ v
        if average_attn_weights:
            scores = scores.mean(1)
        if not batched:
            scores = scores.squeeze(0)
    else:
        seen = ~mask if mask is not None and mask._array.dtype.kind == "b" else mask
        y = scaled_dot_product_attention(q, k, v, seen, dropout_p, is_causal)
    y = y.transpose(1, 2) if batch_first else y.permute(2, 0, 1, 3)
    y = linear(y.reshape(y.shape[0], y.shape[1], embed_dim), out_proj_weight, out_proj_bias)
    return (y if batched else y.squeeze(at)), scores


def _check_mask_shape(mask: Tensor, heads: int, length: int, keys: int) -> None:
    expected = (length, keys) if mask.ndim == 2 else (heads, length, keys)
    if tuple(mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, but should be {expected}."
        )


def _static(x: Tensor, name: str, n: int, num_heads: int, size: int) -> Tensor:
    if x.shape[0] != n * num_heads:
        raise AssertionError(f"expecting {name}.size(0) of {n * num_heads}, but got {x.shape[0]}")
    if x.shape[2] != size:
        raise AssertionError(f"expecting {name}.size(2) of {size}, but got {x.shape[2]}")
    return x.reshape(n, num_heads, x.shape[1], size)


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What :class:`autotape.nn.MultiheadAttention` computes, from its parameters: (output, weights or None).

    Queries, keys and values are projected, cut into ``num_heads`` heads, attended to by
    :func:`scaled_dot_product_attention`, put together and projected once more.

    Args:
        query: (L, N, E), key and value: (S, N, E); or without the batch dimension N.
        in_proj_weight: the three projections in one, (3 E, E); or, with ``use_separate_proj_weight``, three.
        in_proj_bias: their biases in one, (3 E,).
        bias_k, bias_v: one more key and value, (1, 1, E). ``add_zero_attn``: one more of zeros.
        key_padding_mask: (N, S): True hides a key; or numbers to add.
        attn_mask: (L, S) or (N num_heads, L, S): True hides a key from a query; or numbers to add.
        is_causal: a hint that ``attn_mask`` is causal; it may be computed without the mask then.
        static_k, static_v: (N num_heads, S, E / num_heads), in place of the projected key and value.
        need_weights: return the probabilities (N, L, S), averaged over the heads unless not
            ``average_attn_weights``. Without them the computation is faster.

    Errors: AssertionError or RuntimeError for shapes and dtypes that do not fit.
    """
    query, key, value = (
        tensor_input(t, n, "multi_head_attention_forward")
        for t, n in ((query, "query"), (key, "key"), (value, "value"))
    )
    weights: Any = None
    if use_separate_proj_weight:
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
        for name, weight in zip("qkv", weights):
            if weight is None:
                raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
    elif in_proj_weight is None:
        raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
    return attend(
        query,
        key,
        value,
        embed_dim_to_check,
        num_heads,
        None if use_separate_proj_weight else in_proj_weight,
        weights,
        in_proj_bias,
        bias_k,
        bias_v,
        add_zero_attn,
        dropout_p if training else 0.0,
        out_proj_weight,
        out_proj_bias,
        key_padding_mask,
        need_weights,
        attn_mask,
        static_k,
        static_v,
        average_attn_weights,
        is_causal,
        False,
    )
