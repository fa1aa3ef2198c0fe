"""Attention with several heads; and what scripts say to PyTorch's choice of a kernel for attention."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.nn import init
from autotape.nn.functional.multi_head_attention import attend
from autotape.nn.linear import Linear
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import empty

__all__ = ["MultiheadAttention", "SDPBackend", "sdpa_kernel"]


class NonDynamicallyQuantizableLinear(Linear):
    """A :class:`Linear`; the name is the one that PyTorch prints for the output projection."""


class MultiheadAttention(Module):
    r"""Attention with ``num_heads`` heads (Vaswani et al. 2017).

    Each head projects queries, keys and values to ``embed_dim / num_heads`` dimensions and takes
    :math:`\text{softmax}(q k^T / \sqrt{d})\, v`; the heads are put together and projected by ``out_proj``.

    Args:
        embed_dim: size of query and output; a multiple of ``num_heads``.
        dropout: probability of dropping an attention probability in training.
        bias: whether the projections have biases.
        add_bias_kv, add_zero_attn: one more key and value, learned or of zeros.
        kdim, vdim: sizes of key and value, default ``embed_dim``.
        batch_first: batches are (N, L, E) in place of (L, N, E).

    Parameters: ``in_proj_weight`` (3 embed_dim, embed_dim), or ``q_proj_weight``, ``k_proj_weight`` and
    ``v_proj_weight`` if kdim or vdim differ, drawn by ``xavier_uniform_``; ``in_proj_bias``; ``bias_k`` and
    ``bias_v`` (1, 1, embed_dim), by ``xavier_normal_``; ``out_proj``. Biases start at 0.

    Errors: ValueError for sizes that are not positive, AssertionError where ``num_heads`` does not divide.

    >>> import autotape as at
    >>> from autotape import nn
    >>> x = at.ones(2, 5, 8)
    >>> y, weights = nn.MultiheadAttention(8, 4, batch_first=True)(x, x, x)
    >>> y.shape, weights.shape
    (autotape.Size([2, 5, 8]), autotape.Size([2, 5, 5]))
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                f"num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError(f"embed_dim must be divisible by num_heads, got {embed_dim} and {num_heads}")
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads

        def parameter(*shape: int) -> Parameter:
            return Parameter(empty(shape, device=device, dtype=dtype))

        if self._qkv_same_embed_dim:
            self.in_proj_weight = parameter(3 * embed_dim, embed_dim)
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
                self.register_parameter(name, None)
        else:
            self.q_proj_weight = parameter(embed_dim, embed_dim)
            self.k_proj_weight = parameter(embed_dim, self.kdim)
            self.v_proj_weight = parameter(embed_dim, self.vdim)
            self.register_parameter("in_proj_weight", None)
        if bias:
            self.in_proj_bias = parameter(3 * embed_dim)
        else:
            self.register_parameter("in_proj_bias", None)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        if add_bias_kv:
            self.bias_k = parameter(1, 1, embed_dim)
            self.bias_v = parameter(1, 1, embed_dim)
        else:
            self.bias_k = self.bias_v = None
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw the parameters anew; those of ``out_proj`` keep their draw but for the bias."""
        if self.in_proj_weight is not None:
            init.xavier_uniform_(self.in_proj_weight)
        else:
            for weight in (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            if self.out_proj.bias is not None:
                init.constant_(self.out_proj.bias, 0.0)
        for row in (self.bias_k, self.bias_v):
            if row is not None:
                init.xavier_normal_(row)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """The attended values, and the attention weights (None without ``need_weights``).

        Args:
            query: (L, N, embed_dim), key: (S, N, kdim), value: (S, N, vdim); without N for one example, and
                with N first under ``batch_first``.
            key_padding_mask: (N, S): True hides a key from all queries; or numbers to add to the scores.
            need_weights: return the weights; without them it is faster and needs less memory.
            attn_mask: (L, S) or (N num_heads, L, S): True hides a key from a query; or numbers to add.
            average_attn_weights: weights (N, L, S), averaged over the heads, not (N, num_heads, L, S).
            is_causal: a hint that ``attn_mask``, which must be given too, is causal.

        A query that sees no key gives NaN with weights and attends to nothing (0) without.
        """
        query, key, value = (
            tensor_input(t, n, "MultiheadAttention")
            for t, n in ((query, "query"), (key, "key"), (value, "value"))
        )
        weights = None
        if not self._qkv_same_embed_dim:
            weights = (self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        return attend(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            weights,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout if self.training else 0.0,
            self.out_proj.weight,
            self.out_proj.bias,
            key_padding_mask,
            need_weights,
            attn_mask,
            None,
            None,
            average_attn_weights,
            is_causal,
            self.batch_first,
        )


class SDPBackend(enum.Enum):
    """PyTorch's ways to compute ``scaled_dot_product_attention``; autotape has one, ``MATH``."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


def sdpa_kernel(
    backends: SDPBackend | Iterable[SDPBackend], set_priority: bool = False
) -> AbstractContextManager[None]:
    """Context in which PyTorch chooses among ``backends``; there is one way here, which all of them give.

    >>> with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
    ...     pass
    """
    for backend in [backends] if isinstance(backends, SDPBackend) else backends:
        if not isinstance(backend, SDPBackend):
            raise TypeError(f"sdpa_kernel() expects SDPBackend, got {type(backend).__name__}")
    return nullcontext()
