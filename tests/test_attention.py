"""Scaled dot product attention and attention with several heads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests.oracle import check, normal

Array = np.ndarray[Any, Any]
attention = F.scaled_dot_product_attention

Q, K, V = normal(2, 3, 4, 5), normal(2, 3, 6, 5, seed=1), normal(2, 3, 6, 2, seed=2)
SEES = np.random.default_rng(3).random((4, 6)) < 0.6
SEES[:, 0] = True


def expected(q: Array, k: Array, v: Array, bias: Any = 0.0, scale: float | None = None) -> Array:
    """The formula, in NumPy."""
    scores = q @ k.swapaxes(-1, -2) * (q.shape[-1] ** -0.5 if scale is None else scale) + bias
    e = np.exp(scores - scores.max(-1, keepdims=True))
    return np.asarray(e / e.sum(-1, keepdims=True) @ v)


def hidden(sees: Array) -> Array:
    return np.where(sees, 0.0, -np.inf)


@pytest.mark.parametrize("size", [1.0, 30.0, 3000.0])  # scores near 0, and far beyond what exp takes
def test_values(size: float) -> None:
    q, k, v, mask = at.tensor(Q * size), at.tensor(K), at.tensor(V), at.tensor(SEES)
    np.testing.assert_allclose(attention(q, k, v).numpy(), expected(Q * size, K, V), rtol=1e-12)
    np.testing.assert_allclose(
        attention(q, k, v, mask).numpy(), expected(Q * size, K, V, hidden(SEES)), rtol=1e-12
    )
    causal = expected(Q * size, K, V, hidden(np.tril(np.ones((4, 6), bool))))
    np.testing.assert_allclose(attention(q, k, v, is_causal=True).numpy(), causal, rtol=1e-12)
    np.testing.assert_allclose(
        attention(q, k, v, scale=0.5).numpy(), expected(Q * size, K, V, 0, 0.5), rtol=1e-12
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_causal": True},
        {"scale": -0.3},
        {"attn_mask": at.tensor(SEES)},
        {"attn_mask": at.tensor(SEES & (np.arange(4) != 1)[:, None])},  # a query that sees nothing
        {"attn_mask": at.tensor(normal(2, 1, 4, 6, seed=5) - 50)},
    ],
    ids=["plain", "causal", "scale", "mask", "empty row", "float mask"],
)
def test_derivatives(options: dict[str, Any]) -> None:
    check(lambda q, k, v: attention(q, k, v, **options), Q, K, V)


def test_derivatives_of_one_tensor_in_three_roles_and_of_broadcast_ones() -> None:
    check(lambda x: attention(x, x, x), normal(3, 4))
    check(attention, normal(2, 1, 3, 4), normal(3, 2, 4, seed=1), normal(2, 3, seed=2))

    def packed(x: Any) -> Any:
        q, k, v = x.view(2, 4, 3, 3, 2).permute(2, 0, 3, 1, 4)
        return attention(q, k, v, is_causal=True)

    check(packed, normal(2, 4, 18))


def test_a_learned_mask_gets_a_gradient() -> None:
    check(attention, Q, K, V, normal(3, 1, 6, seed=4))
    check(lambda m: attention(at.tensor(Q), at.tensor(K), at.tensor(V), m), normal(4, 6))


def test_dropout_is_applied_in_forward_and_backward_alike() -> None:
    def dropped(q: Any, k: Any, v: Any) -> Any:
        at.manual_seed(0)
        return attention(q, k, v, dropout_p=0.5)

    check(dropped, Q, K, V)
    eye = at.eye(64).expand(8, 64, 64)
    p = attention(at.zeros(8, 64, 4), at.zeros(8, 64, 4), eye, dropout_p=0.25)
    assert set(np.unique(p.numpy()).tolist()) == {0.0, float(np.float32(1 / 64) * np.float32(1 / 0.75))}
    assert 0.7 < (p != 0).float().mean().item() < 0.8
    assert not attention(at.ones(2, 3), at.ones(2, 3), at.ones(2, 3), dropout_p=1.0).any()


def test_a_query_that_sees_no_key_gets_zero() -> None:
    q, k, v = (at.tensor(x, requires_grad=True) for x in (Q, K, V))
    for mask in (np.zeros((4, 6), bool), np.full((4, 6), -np.inf)):
        y = attention(q, k, v, at.tensor(mask))
        grads = at.autograd.grad(y.sum(), (q, k, v))
        assert not y.any()
        assert not any(g.any() for g in grads)
    assert attention(q, k[..., :0, :], v[..., :0, :]).tolist() == np.zeros((2, 3, 4, 2)).tolist()


def test_empty_and_single() -> None:
    assert attention(at.ones(0, 3), at.ones(2, 3), at.ones(2, 5)).shape == (0, 5)
    assert attention(at.ones(2, 0), at.ones(3, 0), at.tensor([[1.0], [2.0], [6.0]])).tolist() == [[3.0]] * 2
    assert attention(at.ones(1, 1), at.ones(1, 1), at.tensor([[7.0]])).item() == 7
    x = at.ones(0, 4, 3, requires_grad=True)
    attention(x, x, x).sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 4, 3)


def test_grouped_queries() -> None:
    q = normal(2, 6, 4, 5)
    given = expected(q, K.repeat(2, 1), V.repeat(2, 1))
    y = attention(at.tensor(q), at.tensor(K), at.tensor(V), enable_gqa=True)
    np.testing.assert_allclose(y.numpy(), given, rtol=1e-12)
    check(lambda q, k, v: attention(q, k, v, enable_gqa=True), q, K, V, order=1)


@pytest.mark.parametrize("dtype", [at.float16, at.float32])
def test_dtypes(dtype: Any) -> None:
    q, k, v = (at.tensor(x).to(dtype).requires_grad_() for x in (Q, K, V))
    y = attention(q, k, v, at.tensor(SEES))
    y.sum().backward()
    assert y.dtype == dtype
    assert q.grad is not None
    assert q.grad.dtype == dtype
    np.testing.assert_allclose(
        y.detach().float().numpy(),
        expected(Q, K, V, hidden(SEES)),
        atol=2e-3 if dtype == at.float16 else 1e-6,
    )


def test_nan_stays_in_its_query() -> None:
    q = Q.copy()
    q[0, 0, 1, 0] = np.nan
    y = attention(at.tensor(q), at.tensor(K), at.tensor(V)).numpy()
    assert np.isnan(y[0, 0, 1]).all()
    assert np.isnan(y).sum() == y.shape[-1]


def test_heads_come_out_in_the_memory_order_they_came_in() -> None:
    x = at.tensor(normal(2, 4, 3, 5)).transpose(1, 2)
    assert attention(x, x, x).transpose(1, 2).is_contiguous()


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((Q[0, 0, 0], K, V), {}, RuntimeError, "at least 2 dimensional"),
        ((Q, K.astype(np.float32), V), {}, RuntimeError, "same dtype"),
        ((Q.astype(int), K.astype(int), V.astype(int)), {}, RuntimeError, "not implemented"),
        ((Q, K[..., :4], V), {}, RuntimeError, r"key \[2, 3, 6, 4\]"),
        ((Q, K, V[..., :3, :]), {}, RuntimeError, "leading dimensions that broadcast"),
        ((Q, K, V, np.ones((3, 6), bool)), {}, RuntimeError, r"attn_mask \[3, 6\]"),
        ((Q, K, V, np.ones((4, 6), int)), {}, RuntimeError, "attn_mask dtype"),
        ((Q, K, V, np.ones((4, 6), bool)), {"is_causal": True}, RuntimeError, "should not be set"),
        ((Q, K, V), {"dropout_p": 1.5}, RuntimeError, "between 0 and 1"),
        ((normal(2, 4, 4, 5), K, V), {"enable_gqa": True}, RuntimeError, "must divide"),
        (([1.0], K, V), {}, TypeError, "query"),
    ],
)
def test_errors(arguments: Any, options: Any, error: type[Exception], message: str) -> None:
    given: Any = [at.tensor(a) if isinstance(a, np.ndarray) else a for a in arguments]
    with pytest.raises(error, match=message):
        attention(*given, **options)


def test_in_vmap() -> None:
    q, k, v = at.tensor(Q), at.tensor(K), at.tensor(V)
    y = at.func.vmap(lambda a, b, c: attention(a, b, c, at.tensor(SEES)))(q, k, v)
    np.testing.assert_allclose(y.numpy(), attention(q, k, v, at.tensor(SEES)).numpy(), rtol=1e-12)
    rows = [at.func.jacrev(lambda a: attention(a, k, v)), at.func.jacfwd(lambda a: attention(a, k, v))]
    first, second = (jacobian(q) for jacobian in rows)
    np.testing.assert_allclose(first.numpy(), second.numpy(), rtol=1e-9, atol=1e-14)


# --- several heads ------------------------------------------------------------------------------------------


def layer(**options: Any) -> nn.MultiheadAttention:
    at.manual_seed(0)
    return nn.MultiheadAttention(6, 2, dtype=at.float64, **options)


def test_heads_by_hand() -> None:
    net = layer(batch_first=True)
    x = normal(2, 4, 6)
    w, b = net.in_proj_weight.detach().numpy(), net.in_proj_bias.detach().numpy()  # type: ignore[union-attr]
    q, k, v = np.split(x @ w.T + b, 3, -1)
    heads = [expected(q[..., i : i + 3], k[..., i : i + 3], v[..., i : i + 3]) for i in (0, 3)]
    out = net.out_proj.weight.detach().numpy()
    y, weights = net(at.tensor(x), at.tensor(x), at.tensor(x))
    np.testing.assert_allclose(y.detach().numpy(), np.concatenate(heads, -1) @ out.T, rtol=1e-12)
    np.testing.assert_allclose(weights.sum(-1).detach().numpy(), 1)


@pytest.mark.parametrize(
    "options",
    [{}, {"add_bias_kv": True, "add_zero_attn": True}, {"bias": False, "kdim": 3, "vdim": 5}],
    ids=["self", "more keys", "other sizes"],
)
def test_weights_or_not_and_either_order_of_dimensions_agree(options: dict[str, Any]) -> None:
    first, second = layer(batch_first=True, **options), layer(**options)
    shapes = (2, 4, 6), (2, 5, options.get("kdim", 6)), (2, 5, options.get("vdim", 6))
    q, k, v = (at.tensor(normal(*shape)) for shape in shapes)
    padding = at.tensor([[False] * 5, [False] * 3 + [True] * 2])
    mask = at.tensor(normal(4, 5)) > 1.5
    given = {"key_padding_mask": padding, "attn_mask": mask}
    y, weights = first(q, k, v, **given)
    z, nothing = first(q, k, v, **given, need_weights=False)
    s, _ = second(q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), **given)
    one, per_head = first(q[1], k[1], v[1], padding[1], attn_mask=mask, average_attn_weights=False)
    assert nothing is None
    assert per_head.shape == (2, 4, weights.shape[-1])
    for other in (z, s.transpose(0, 1)):
        np.testing.assert_allclose(y.detach().numpy(), other.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(y[1].detach().numpy(), one.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(weights[1].detach().numpy(), per_head.mean(0).detach().numpy(), rtol=1e-12)
    floats = {n: at.zeros(m.shape, dtype=at.float64).masked_fill(m, -at.inf) for n, m in given.items()}
    np.testing.assert_allclose(y.detach().numpy(), first(q, k, v, **floats)[0].detach().numpy(), rtol=1e-12)


def test_derivatives_of_the_module() -> None:
    net = layer(batch_first=True)
    mask = nn.Transformer.generate_square_subsequent_mask(3, dtype=at.float64)
    for weights in (True, False):
        check(
            lambda x, w=weights: net(x, x, x, attn_mask=mask, need_weights=w, is_causal=True)[0],
            normal(2, 3, 6),
        )


def test_constructor_and_call_errors() -> None:
    for sizes, kind in (((8, 3), AssertionError), ((0, 1), ValueError), ((8, -2), ValueError)):
        with pytest.raises(kind, match="num_heads"):
            nn.MultiheadAttention(*sizes)
    net, x = layer(), at.tensor(normal(4, 3, 6))
    calls: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
        ((x, x[:2], x), {}, AssertionError, "does not match"),
        ((x[0], x, x), {}, AssertionError, "to be 2-D"),
        ((x[..., :5], x, x), {}, AssertionError, "embedding dimension of 6, but got 5"),
        ((x, x, x), {"attn_mask": at.ones(3, 3) > 0}, RuntimeError, r"should be \(4, 4\)"),
        ((x, x, x), {"is_causal": True}, RuntimeError, "Need attn_mask"),
        ((x, x, x), {"attn_mask": at.ones(4, 4, dtype=at.int64)}, AssertionError, "only bool and floating"),
        ((x, x, x), {"key_padding_mask": at.ones(4, 3) > 0}, AssertionError, "to be 3, but got 4"),
    ]
    for arguments, options, error, message in calls:
        with pytest.raises(error, match=message):
            net(*arguments, **options)
    with pytest.warns(UserWarning, match="mismatched"):
        net(x, x, x, key_padding_mask=at.zeros(3, 4) > 0, attn_mask=at.zeros(4, 4, dtype=at.float64))
