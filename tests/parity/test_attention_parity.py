"""Attention and embedding bags as PyTorch's, where its own tables do not look."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

Array = np.ndarray[Any, Any]
RNG = np.random.default_rng(0)


def normal(*shape: int) -> Array:
    return np.asarray(RNG.standard_normal(shape))


def results(m: Any, function: Any, arrays: list[Array]) -> list[Any]:
    """The output, and the gradients of the floating arrays for a fixed gradient of it."""
    tensors = [m.from_numpy(a.copy()) for a in arrays]
    for t in tensors:
        if t.is_floating_point():
            t.requires_grad_()
    y = function(m, *tensors)
    leaves = [t for t in tensors if t.requires_grad]
    g = m.from_numpy(np.cos(np.arange(y.numel(), dtype=np.float64)).reshape(tuple(y.shape)))
    grads = m.autograd.grad(y, leaves, g, allow_unused=True)
    return [a if a is None else a.detach().numpy() for a in (y, *grads)]


def check_same(function: Any, *arrays: Array) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pairs = zip(
            results(autotape, function, list(arrays)), results(torch, function, list(arrays)), strict=True
        )
    for ours, theirs in pairs:
        if theirs is None:
            assert ours is None or not ours.any()
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


Q, K, V = normal(2, 4, 3, 6), normal(2, 2, 5, 6), normal(2, 2, 5, 4)
SEES = RNG.random((2, 1, 3, 5)) < 0.5
SEES[0, 0, 1] = False  # a query that sees no key


@pytest.mark.parametrize(
    ("options", "mask"),
    [
        ({}, None),
        ({"is_causal": True}, None),
        ({"scale": 0.0}, None),
        ({"scale": 40.0}, SEES),
        ({}, SEES),
        ({}, np.where(SEES, normal(2, 1, 3, 5), -np.inf)),
        ({}, normal(5)),
    ],
)
def test_scaled_dot_product_attention(options: dict[str, Any], mask: Array | None) -> None:
    def attend(m: Any, q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        return m.nn.functional.scaled_dot_product_attention(q, k, v, mask, enable_gqa=True, **options)

    check_same(attend, Q, K, V, *([] if mask is None else [mask]))


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize(
    "masks",
    [
        {},
        {"padding": "bool"},
        {"padding": "float"},
        {"causal": True},
        {"causal": True, "padding": "float"},
        {"heads": 1},
    ],
)
def test_multi_head_attention(need_weights: bool, masks: dict[str, Any]) -> None:
    weight, bias, out = normal(18, 6), normal(18), normal(6, 6)
    hidden = np.array([[False] * 4, [False, False, True, True], [False, True, False, True]])
    floats = np.where(np.tri(4, dtype=bool), 0.0, -np.inf)
    per_head = normal(6, 4, 4)

    def attend(m: Any, x: Any, w: Any, b: Any, o: Any, bk: Any, bv: Any) -> Any:
        padding = masks.get("padding")
        given = {"key_padding_mask": m.from_numpy(hidden)} if padding else {}
        if padding == "float":
            given["key_padding_mask"] = m.from_numpy(np.where(hidden, -2.0, 0.5))
        if "causal" in masks:
            given |= {"attn_mask": m.from_numpy(floats), "is_causal": True}
        if "heads" in masks:
            given["attn_mask"] = m.from_numpy(per_head)
        y, weights = m.nn.functional.multi_head_attention_forward(
            x, x, x, 6, 2, w, b, bk, bv, True, 0.0, o, None, need_weights=need_weights, **given
        )  # fmt: skip
        return y if weights is None else m.cat([y.reshape(-1), weights.reshape(-1)])

    check_same(attend, normal(4, 3, 6), weight, bias, out, normal(1, 1, 6), normal(1, 1, 6))


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding_idx", [None, 2, -1])
@pytest.mark.parametrize("include_last_offset", [False, True])
def test_embedding_bag(mode: str, padding_idx: int | None, include_last_offset: bool) -> None:
    index = np.array([1, 2, 4, 2, 2, 0, 1, 3])
    offsets = np.array([0, 0, 3, 3, 5, 8] if include_last_offset else [0, 0, 3, 3, 5])

    def bag(m: Any, w: Any, f: Any) -> Any:
        return m.nn.functional.embedding_bag(
            m.from_numpy(index),
            w,
            m.from_numpy(offsets),
            mode=mode,
            per_sample_weights=f if mode == "sum" else None,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )

    check_same(bag, normal(5, 3), normal(8))


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
def test_a_state_of_pytorchs_transformer_gives_its_outputs(norm_first: bool) -> None:
    sizes = (8, 2, 2, 2, 16, 0.0)
    theirs = torch.nn.Transformer(*sizes, norm_first=norm_first, dtype=torch.float64)
    ours = autotape.nn.Transformer(*sizes, norm_first=norm_first, dtype=autotape.float64)
    state = {k: autotape.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()}
    ours.load_state_dict(state)
    src, tgt, padding = normal(5, 3, 8), normal(4, 3, 8), np.zeros((3, 5), bool)
    padding[1, 3:] = True
    outputs = [
        net(
            m.from_numpy(src),
            m.from_numpy(tgt),
            tgt_mask=net.generate_square_subsequent_mask(4, dtype=m.float64),
            src_key_padding_mask=m.from_numpy(padding),
            memory_key_padding_mask=m.from_numpy(padding),
            tgt_is_causal=True,
        )
        for m, net in ((autotape, ours), (torch, theirs))
    ]
    np.testing.assert_allclose(
        outputs[0].detach().numpy(), outputs[1].detach().numpy(), rtol=1e-9, atol=1e-12
    )


def test_initial_parameters_are_distributed_alike() -> None:
    """Standard deviations of 50000 draws and more agree to 2 %."""
    builds: list[Callable[[Any], Any]] = [
        lambda m: m.nn.MultiheadAttention(240, 4, add_bias_kv=True),
        lambda m: m.nn.MultiheadAttention(240, 4, kdim=250, vdim=260),
        lambda m: m.nn.TransformerDecoderLayer(240, 4, 256),
        lambda m: m.nn.EmbeddingBag(300, 200),
    ]
    for build in builds:
        ours, theirs = build(autotape), build(torch)
        for (name, a), (other, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert name == other
            assert tuple(a.shape) == tuple(b.shape)
            first, second = a.detach().numpy().std(), b.detach().numpy().std()
            np.testing.assert_allclose(first, second, rtol=0.02 if a.numel() > 9000 else 0.5, atol=1e-7)
