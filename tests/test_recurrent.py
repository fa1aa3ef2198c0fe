"""A recurrent layer: values against a loop in NumPy over each sequence, derivatives, the tape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from autotape.nn.functional.recurrent import (
    recurrent_layer,
)
from tests import oracle
from tests.recurrent_by_hand import layer_by_hand, rows_of, starts, weights_of

Array = np.ndarray[Any, Any]

CASES = {
    "LSTM": ("LSTM", True, 0, False),
    "LSTM reverse": ("LSTM", True, 0, True),
    "LSTM no bias": ("LSTM", False, 0, False),
    "LSTM projected": ("LSTM", True, 2, False),
    "LSTM projected, no bias, reverse": ("LSTM", False, 2, True),
    "GRU": ("GRU", True, 0, False),
    "GRU no bias, reverse": ("GRU", False, 0, True),
    "tanh": ("RNN_TANH", True, 0, False),
    "tanh no bias, reverse": ("RNN_TANH", False, 0, True),
    "relu": ("RNN_RELU", True, 0, False),
}
SIZES = {
    "equal": (2, 2, 2),
    "one step": (3,),
    "one row": (1, 1),
    "packed": (4, 3, 3, 1),
    "shrinking": (3, 2, 1),
}


# --- values and derivatives ---------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(("mode", "bias", "projected", "reverse"), CASES.values(), ids=CASES)
def test_layer_computes_what_a_loop_over_each_sequence_does(
    mode: str, bias: bool, projected: int, reverse: bool, sizes: tuple[int, ...]
) -> None:
    lengths = [sum(n > i for n in sizes) for i in range(sizes[0])]
    sequences = [oracle.normal(n, 5, seed=i) for i, n in enumerate(lengths)]
    w = weights_of(mode, 5, 3, bias, projected)
    given = starts(mode, sizes[0], 3, projected)
    c = given[1] if mode == "LSTM" else given[0]
    outputs, h, c = layer_by_hand(mode, sequences, given[0], c, w, reverse)
    x = at.tensor(rows_of(sequences, sizes))
    weights, states = [at.tensor(a) for a in w], [at.tensor(a) for a in given]
    found = recurrent_layer(mode, x, weights, sizes, states, bias, reverse)
    expected = (rows_of(outputs, sizes), h, c)
    assert len(found) == (3 if mode == "LSTM" else 2)
    for got, wanted in zip(found, expected):
        np.testing.assert_allclose(got.numpy(), wanted, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 2, 1)], ids=["equal", "packed"])
@pytest.mark.parametrize(("mode", "bias", "projected", "reverse"), CASES.values(), ids=CASES)
def test_layer_has_its_derivatives(
    mode: str, bias: bool, projected: int, reverse: bool, sizes: tuple[int, ...]
) -> None:
    w = weights_of(mode, 2, 3, bias, projected)

    def layer(x: Any, *rest: Any) -> Any:
        weights, states = rest[: len(w)], rest[len(w) :]
        return recurrent_layer(mode, x, weights, sizes, states, bias, reverse)

    x = oracle.normal(sum(sizes), 2)
    order = 1 if mode == "RNN_RELU" else 2
    oracle.check(layer, x, *w, *starts(mode, sizes[0], 3, projected), order=order, rtol=1e-6)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_each_input_alone_has_its_gradient(name: str) -> None:
    """What is not asked for is not computed, and the rest does not change for it."""
    net = getattr(nn, name)(2, 3, dtype=at.float64)
    x = at.randn(4, 2, 2, dtype=at.float64)
    states = [at.randn(1, 2, 3, dtype=at.float64) for _ in range(2 if name == "LSTM" else 1)]

    def run() -> list[Any]:
        hx = tuple(states) if name == "LSTM" else states[0]
        y, last = net(x, hx)
        return [y, *(last if name == "LSTM" else (last,))]

    everything = [x, *net.parameters(), *states]
    for i in range(len(run())):
        for t in everything:
            t.requires_grad_()
        together = at.autograd.grad(run()[i].sin().sum(), everything)
        for t, expected in zip(everything, together):
            for other in everything:
                other.requires_grad_(other is t)
            (alone,) = at.autograd.grad(run()[i].sin().sum(), (t,))
            assert at.equal(alone, expected)


def test_gradient_of_an_input_that_depends_on_the_weights() -> None:
    """The recorded gradient counts each path once."""
    w = [at.tensor(a, requires_grad=True) for a in weights_of("RNN_TANH", 3, 3)]

    def layer(weights: list[Any]) -> Any:
        first = recurrent_layer("RNN_TANH", weights[1].sin(), weights, (3,))[0]
        return recurrent_layer("RNN_TANH", first, weights, (1, 1, 1))[0].pow(2).sum()

    plain = at.autograd.grad(layer(w), w)
    recorded = at.autograd.grad(layer(w), w, create_graph=True)
    for a, b in zip(plain, recorded):
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-12)
    oracle.check(lambda *ws: layer(list(ws)), *[t.detach().numpy() for t in w], order=2, rtol=1e-6)


def test_third_derivative() -> None:
    w = [at.tensor(a) for a in weights_of("GRU", 1, 2)]
    oracle.check(lambda x: recurrent_layer("GRU", x, w, (1, 1))[0], oracle.normal(2, 1), order=3, rtol=1e-5)


def test_a_second_backward_gives_the_same() -> None:
    net = nn.LSTM(2, 3)
    y, _ = net(at.randn(4, 2, 2))
    first = at.autograd.grad(y.sum(), net.parameters(), retain_graph=True)
    second = at.autograd.grad(y.sum(), net.parameters())
    assert all(at.equal(a, b) for a, b in zip(first, second))
    with pytest.raises(RuntimeError, match="second time"):
        y.sum().backward()


def test_biases_do_not_share_their_gradient() -> None:
    net = nn.RNN(2, 3)
    net(at.ones(2, 1, 2))[0].sum().backward()
    a, b = net.bias_ih_l0.grad, net.bias_hh_l0.grad
    assert at.equal(a, b)
    assert not np.shares_memory(a.numpy(), b.numpy())


@pytest.mark.parametrize(("name", "kept"), [("LSTM", 6 * 15 + 6), ("GRU", 5 * 15 + 3), ("RNN", 15 + 3)])
def test_a_layer_is_one_entry_that_keeps_what_it_needs(name: str, kept: int) -> None:
    net = getattr(nn, name)(2, 3)
    with at.Tape() as tape:
        y, _ = net(at.ones(5, 1, 2))  # 15 values in 5 steps, and 3 in each initial state
    assert tape[0].operation.name == {"RNN": "rnn_tanh"}.get(name, name.lower())
    assert [e.operation.name for e in list(tape)[1:]] in ([], ["unsqueeze"], ["unsqueeze"] * 2)
    parameters = sum(p.numel() for p in net.parameters())
    assert tape[0].nbytes == 4 * (10 + parameters + kept)
    y.sum().backward()
    assert tape[0].nbytes == 0


def test_writing_to_the_output_is_noticed() -> None:
    y, _ = nn.LSTM(2, 3)(at.ones(2, 1, 2))
    z = y.sum()
    with at.no_grad():
        y.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()


def test_what_is_a_copy_may_be_written_to() -> None:
    net = nn.LSTM(2, 3, bidirectional=True)
    y, (h, c) = net(at.ones(2, 1, 2))
    z = y.sum()
    with at.no_grad():
        for t in (h, c, y):  # y was joined of both directions
            t.mul_(2)
    z.backward()
    assert net.weight_ih_l0.grad is not None


def test_last_state_is_a_copy() -> None:
    with at.no_grad():
        y, h = nn.GRU(2, 3)(at.ones(2, 1, 2))
    before = h.clone()
    y.zero_()
    assert at.equal(h, before)


def test_saturated_gates_are_exact() -> None:
    w = [at.full((4, 1), 1e4), at.zeros(4, 1)]
    x = at.tensor([[1.0], [-1.0]], requires_grad=True)
    y, _, c = recurrent_layer("LSTM", x, w, (2,), biased=False)
    assert c.tolist() == [[1.0], [0.0]]
    assert y.tolist() == [[pytest.approx(np.tanh(1.0))], [0.0]]
    y.sum().backward()
    assert x.grad.tolist() == [[0.0], [0.0]]


def test_nan_stays_within_its_sequence() -> None:
    x = at.randn(3, 2, 2)
    x[1, 0, 0] = float("nan")
    y, _ = nn.LSTM(2, 3)(x)
    assert y.isnan().any(-1).tolist() == [[False, False], [True, False], [True, False]]
