"""Transformer layers and stacks: what they are made of, masks, training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from tests.oracle import check, normal

SRC, TGT = at.tensor(normal(5, 2, 8)), at.tensor(normal(4, 2, 8, seed=1))
SIZES = (8, 2, 16, 0.0)


def encoder_layer(**options: Any) -> nn.TransformerEncoderLayer:
    at.manual_seed(0)
    return nn.TransformerEncoderLayer(*SIZES, dtype=at.float64, **options)


def decoder_layer(**options: Any) -> nn.TransformerDecoderLayer:
    at.manual_seed(0)
    return nn.TransformerDecoderLayer(*SIZES, dtype=at.float64, **options)


def same(a: Any, b: Any) -> None:
    np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_encoder_layer_is_its_parts() -> None:
    net = encoder_layer(activation="gelu")
    x = net.norm1(SRC + net.self_attn(SRC, SRC, SRC)[0])
    same(net(SRC), net.norm2(x + net.linear2(nn.functional.gelu(net.linear1(x)))))
    net = encoder_layer(norm_first=True, bias=False)
    y = net.norm1(SRC)
    x = SRC + net.self_attn(y, y, y)[0]
    same(net(SRC), x + net.linear2(net.linear1(net.norm2(x)).relu()))
    assert not any("bias" in name for name, _ in net.named_parameters())


def test_decoder_layer_is_its_parts() -> None:
    net = decoder_layer(activation=at.tanh)
    x = net.norm1(TGT + net.self_attn(TGT, TGT, TGT)[0])
    x = net.norm2(x + net.multihead_attn(x, SRC, SRC)[0])
    same(net(TGT, SRC), net.norm3(x + net.linear2(net.linear1(x).tanh())))


@pytest.mark.parametrize("norm_first", [False, True])
def test_derivatives(norm_first: bool) -> None:
    encoder, decoder = (
        encoder_layer(norm_first=norm_first, activation="gelu"),
        decoder_layer(activation=at.tanh),
    )
    check(lambda x: encoder(x), normal(3, 2, 8))
    check(lambda x, m: decoder(x, m), normal(2, 2, 8), normal(3, 2, 8, seed=1), order=1)


def test_stacks_and_orders_of_dimensions() -> None:
    layer = encoder_layer()
    stack = nn.TransformerEncoder(layer, 2, nn.LayerNorm(8, dtype=at.float64))
    same(stack(SRC), stack.norm(layer(layer(SRC))))  # type: ignore[misc]
    assert stack.layers[0] is not stack.layers[1] is not layer
    first = nn.TransformerEncoder(encoder_layer(batch_first=True), 2)
    same(first(SRC.transpose(0, 1)).transpose(0, 1), layer(layer(SRC)))
    same(first(SRC[:, 1]), layer(layer(SRC))[:, 1])
    decoder = nn.TransformerDecoder(decoder_layer(), 2)
    one = decoder_layer()
    same(decoder(TGT, SRC), one(one(TGT, SRC), SRC))


def test_the_future_does_not_reach_the_past() -> None:
    at.manual_seed(0)
    net = nn.Transformer(8, 2, 1, 1, 16, 0.0, dtype=at.float64)
    mask = net.generate_square_subsequent_mask(4)
    assert mask.dtype == at.float32
    later = TGT.clone()
    later[2:] += 1
    for hints in ({}, {"tgt_is_causal": True}):
        a, b = (net(SRC, t, tgt_mask=mask, **hints) for t in (TGT, later))
        same(a[:2], b[:2])
        assert not at.allclose(a[2:], b[2:])
        same(a, net(SRC, TGT, tgt_mask=mask == -at.inf))


def test_padding_does_not_count() -> None:
    at.manual_seed(0)
    net = nn.Transformer(8, 2, 1, 1, 16, 0.0, batch_first=True, dtype=at.float64)
    src, tgt = SRC.transpose(0, 1), TGT.transpose(0, 1)
    padding = at.tensor([[False] * 5, [False] * 3 + [True] * 2])
    y = net(src, tgt, src_key_padding_mask=padding, memory_key_padding_mask=padding)
    same(y[1], net(src[1, :3], tgt[1]))
    same(y[0], net(src[0], tgt[0]))


def test_dropout_acts_in_training_only() -> None:
    net = nn.TransformerEncoderLayer(8, 2, 16, 0.5)
    x = SRC.float()
    assert not at.equal(net(x), net(x))
    net.eval()
    assert at.equal(net(x), net(x))


def test_it_learns() -> None:
    at.manual_seed(0)
    net = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, 0.0, batch_first=True), 1)
    x, y = at.randn(4, 3, 8), at.randn(4, 3, 8)
    optimizer = at.optim.Adam(net.parameters(), lr=0.01)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(p.grad is not None for p in net.parameters())


def test_errors() -> None:
    net = nn.Transformer(8, 2, 1, 1, 16)
    x, y = SRC.float(), TGT.float()
    with pytest.raises(RuntimeError, match="batch number of src and tgt"):
        net(x, y[:, :1])
    for wrong in ((x[..., :5], y), (x, y[..., :5])):
        with pytest.raises(RuntimeError, match="equal to d_model = 8"):
            net(*wrong)
    with pytest.raises(RuntimeError, match="relu/gelu, not tanh"):
        nn.TransformerEncoderLayer(8, 2, activation="tanh")
    with pytest.raises(AssertionError, match="only bool and floating types of src_mask"):
        net.encoder.layers[0](x, src_mask=at.ones(5, 5, dtype=at.int64))
    with pytest.raises(AssertionError, match="divisible by num_heads"):
        nn.TransformerDecoderLayer(8, 3)
