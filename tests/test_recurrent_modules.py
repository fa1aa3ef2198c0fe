"""Recurrent modules and cells: layers on layers, packed sequences, shapes, dtypes, vmap, errors."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from autotape.nn.functional.recurrent import (
    gru_cell,
    lstm_cell,
    recurrent_layer,
    rnn_relu_cell,
    rnn_tanh_cell,
)
from autotape.nn.utils.rnn import PackedSequence, pack_sequence, pad_packed_sequence
from tests import oracle
from tests.recurrent_by_hand import layer_by_hand, rows_of, starts, step_by_hand, weights_of


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layers_feed_each_other(name: str, bidirectional: bool) -> None:
    net = getattr(nn, name)(2, 3, 2, bidirectional=bidirectional, dtype=at.float64)
    x = oracle.normal(4, 2, 2)
    directions = 2 if bidirectional else 1
    below, states = x, []
    for layer in net.all_weights[::directions], net.all_weights[directions - 1 :: directions]:
        assert len(layer) == 2
    for layer in range(2):
        outputs = []
        for direction in range(directions):
            w = [p.detach().numpy() for p in net.all_weights[layer * directions + direction]]
            zero = np.zeros((2, 3))
            found, h, _ = layer_by_hand(net.mode, [below[:, 0], below[:, 1]], zero, zero, w, direction == 1)
            outputs.append(np.stack(found, 1))
            states.append(h)
        below = np.concatenate(outputs, 2)
    y, last = net(at.tensor(x))
    np.testing.assert_allclose(y.detach().numpy(), below, rtol=1e-11)
    h = last[0] if name == "LSTM" else last
    np.testing.assert_allclose(h.detach().numpy(), np.stack(states), rtol=1e-11)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_packed_sequences_give_what_each_gives_alone(name: str) -> None:
    net = getattr(nn, name)(2, 3, 2, bidirectional=True, dtype=at.float64)
    sequences = [at.randn(n, 2, dtype=at.float64) for n in (2, 4, 1, 4)]
    packed = pack_sequence(sequences, enforce_sorted=False)
    states = [at.randn(4, 4, 3, dtype=at.float64) for _ in range(2)]
    hx: Any = tuple(states) if name == "LSTM" else states[0]
    y, last = net(packed, hx)
    assert isinstance(y, PackedSequence)
    padded, lengths = pad_packed_sequence(y)
    assert lengths.tolist() == [2, 4, 1, 4]
    for i, sequence in enumerate(sequences):
        own: Any = tuple([s[:, i] for s in states]) if name == "LSTM" else states[0][:, i]
        alone, end = net(sequence, own)
        np.testing.assert_allclose(
            padded[: len(sequence), i].detach().numpy(), alone.detach().numpy(), rtol=1e-11
        )
        for a, b in zip(last if name == "LSTM" else (last,), end if name == "LSTM" else (end,)):
            np.testing.assert_allclose(a[:, i].detach().numpy(), b.detach().numpy(), rtol=1e-11)


def test_batch_first_and_strides() -> None:
    net = nn.GRU(2, 3)
    first = nn.GRU(2, 3, batch_first=True)
    first.load_state_dict(net.state_dict())
    x = at.randn(3, 4, 4)[:, :, ::2].flip(0)
    y, h = net(x)
    z, k = first(x.transpose(0, 1))
    assert at.equal(y, z.transpose(0, 1))
    assert at.equal(h, k)
    dense, _ = net(at.tensor(x.tolist()))
    np.testing.assert_allclose(dense.detach().numpy(), y.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_sizes_at_the_edge(name: str) -> None:
    net = getattr(nn, name)(1, 1, bidirectional=True)
    for shape in ((1, 1, 1), (2, 0, 1), (3, 1)):
        x = at.ones(*shape, requires_grad=True)
        y, _ = net(x)
        assert y.shape == (*shape[:-1], 2)
        y.sum().backward()
        assert x.grad.shape == shape


def test_dropout_between_layers_in_training_only() -> None:
    net = nn.GRU(2, 3, 2, dropout=1.0)
    x = at.randn(3, 1, 2)
    with at.no_grad():
        a, _ = net(x)
        b, _ = net(-x)
        assert at.equal(a, b)  # the second layer sees zeros
        net.eval()
        assert not at.equal(net(x)[0], a)
    with pytest.warns(UserWarning, match="num_layers greater than 1"):
        nn.GRU(2, 3, dropout=0.5)


def test_float16_and_complex() -> None:
    half = nn.LSTM(2, 3).half()
    x = at.randn(2, 1, 2)
    y, (h, c) = half(x.half())
    assert y.dtype == h.dtype == c.dtype == at.float16
    wide, _ = half.float()(x.half().float())
    np.testing.assert_allclose(y.detach().float().numpy(), wide.detach().numpy(), atol=2e-3)
    w = [at.tensor(a + 1j * np.flip(a)) for a in weights_of("RNN_TANH", 2, 3)]
    z = at.tensor(oracle.normal(4, 2) + 1j * oracle.normal(4, 2, seed=1))
    got = recurrent_layer("RNN_TANH", z, w, (2, 2))[0].numpy()
    arrays = [t.numpy() for t in w]
    zero = np.zeros((2, 3), complex)
    expected, _, _ = layer_by_hand("RNN_TANH", [z.numpy()[::2], z.numpy()[1::2]], zero, zero, arrays, False)
    np.testing.assert_allclose(got, rows_of(expected, (2, 2)), rtol=1e-12)


@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_under_vmap_and_functional_call(name: str) -> None:
    net = getattr(nn, name)(2, 3, dtype=at.float64)
    x = at.randn(4, 5, 2, dtype=at.float64)  # four examples of five steps
    batched = at.func.vmap(lambda one: net(one)[0])(x)
    np.testing.assert_allclose(
        batched.detach().numpy(), net(x.transpose(0, 1))[0].transpose(0, 1).detach().numpy()
    )

    def loss(parameters: Any, one: Any) -> Any:
        return at.func.functional_call(net, parameters, (one,))[0].pow(2).sum()

    parameters = {k: p.detach() for k, p in net.named_parameters()}
    each = at.func.vmap(at.func.grad(loss), in_dims=(None, 0))(parameters, x)
    for i in range(4):
        alone = at.func.grad(loss)(parameters, x[i])
        for k, g in alone.items():
            np.testing.assert_allclose(each[k][i].numpy(), g.numpy(), rtol=1e-10, atol=1e-14)


def test_jacobians_of_both_kinds_agree() -> None:
    net = nn.LSTM(2, 2, dtype=at.float64).requires_grad_(False)

    def last(x: Any) -> Any:
        return net(x)[1][1].sum(0)

    x = at.randn(3, 2, dtype=at.float64)
    a, b = at.func.jacrev(last)(x), at.func.jacfwd(last)(x)
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-14)


def test_state_copies_and_initial_range() -> None:
    net = nn.LSTM(4, 100, 2, proj_size=3, bidirectional=True)
    for name, p in net.named_parameters():
        assert p.abs().max() <= 0.1, name
        assert p.abs().max() > 0.09 or p.numel() < 300, name
    twin = copy.deepcopy(net)
    other = nn.LSTM(4, 100, 2, proj_size=3, bidirectional=True)
    other.load_state_dict(net.state_dict())
    x = at.ones(2, 1, 4)
    assert at.equal(net(x)[0], twin(x)[0])
    assert at.equal(net(x)[0], other(x)[0])
    assert net.flatten_parameters() is None
    assert repr(net) == "LSTM(4, 100, proj_size=3, num_layers=2, bidirectional=True)"


# --- cells --------------------------------------------------------------------------------------------------

CELLS = {"LSTM": lstm_cell, "GRU": gru_cell, "RNN_TANH": rnn_tanh_cell, "RNN_RELU": rnn_relu_cell}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("mode", CELLS)
def test_cell_is_one_step(mode: str, bias: bool) -> None:
    w = weights_of(mode, 2, 3, bias)
    x, states = oracle.normal(4, 2), starts(mode, 4, 3, 0)

    def cell(x: Any, *rest: Any) -> Any:
        hs, ws = rest[: len(states)], rest[len(states) :]
        return CELLS[mode](x, tuple(hs) if mode == "LSTM" else hs[0], *ws)  # type: ignore[operator]

    expected = step_by_hand(mode, x, states[0], states[-1], w)
    got = cell(*[at.tensor(a) for a in (x, *states, *w)])
    for a, b in zip((got if mode == "LSTM" else (got,)), expected):
        np.testing.assert_allclose(a.numpy(), b, rtol=1e-12)
    oracle.check(cell, x, *states, *w, order=1 if mode == "RNN_RELU" else 2, rtol=1e-6)


def test_cells_make_a_network() -> None:
    net = nn.LSTM(2, 3, dtype=at.float64)
    cell = nn.LSTMCell(2, 3, dtype=at.float64)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in net.state_dict().items()})
    x = at.randn(5, 4, 2, dtype=at.float64)
    hx = None
    for step in x:
        hx = cell(step, hx)
    _, (h, c) = net(x)
    np.testing.assert_allclose(hx[0].detach().numpy(), h[0].detach().numpy(), rtol=1e-12)
    a = at.autograd.grad(hx[1].sum(), cell.parameters())
    b = at.autograd.grad(c.sum(), net.parameters())
    for g, k in zip(a, b):
        np.testing.assert_allclose(g.numpy(), k.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["LSTMCell", "GRUCell", "RNNCell"])
def test_cell_of_a_single_example(name: str) -> None:
    cell = getattr(nn, name)(2, 3)
    x = at.randn(2)
    one, batch = cell(x), cell(x.unsqueeze(0))
    pair = (one, batch) if name != "LSTMCell" else (one[0], batch[0])
    assert pair[0].shape == (3,)
    assert at.equal(pair[0], pair[1][0])
    assert getattr(nn, name)(2, 0)(at.ones(1, 2))[0].numel() == 0


# --- errors -------------------------------------------------------------------------------------------------

CONSTRUCTORS: list[tuple[Any, type[Exception], str]] = [
    (lambda: nn.LSTM(2, 3.0), TypeError, "hidden_size should be of type int"),
    (lambda: nn.LSTM(2, 0), ValueError, "hidden_size must be greater than zero"),
    (lambda: nn.LSTM(0, 3), ValueError, "input_size must be greater than zero"),
    (lambda: nn.LSTM(2, 3, 0), ValueError, "num_layers must be greater than zero"),
    (lambda: nn.LSTM(2, 3, dropout=1.5), ValueError, "dropout should be a number"),
    (lambda: nn.LSTM(2, 3, dropout=True), ValueError, "dropout should be a number"),
    (lambda: nn.LSTM(2, 3, batch_first=1), TypeError, "batch_first should be of type bool"),
    (lambda: nn.LSTM(2, 3, bias=1), TypeError, "bias should be of type bool"),
    (lambda: nn.LSTM(2, 3, proj_size=-1), ValueError, "proj_size should be a positive"),
    (lambda: nn.LSTM(2, 3, proj_size=3), ValueError, "proj_size has to be smaller"),
    (lambda: nn.RNNBase("GRU", 2, 3, proj_size=1), ValueError, "only supported for LSTM"),
    (lambda: nn.RNNBase("X", 2, 3), ValueError, "Unrecognized RNN mode: X"),
    (lambda: nn.RNN(2, 3, nonlinearity="x"), ValueError, "Unknown nonlinearity"),
    (lambda: nn.RNNCell(2, 3, nonlinearity="x")(at.ones(1, 2)), RuntimeError, "Unknown nonlinearity"),
]


@pytest.mark.parametrize(("make", "error", "message"), CONSTRUCTORS)
def test_constructors_refuse(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


ones = at.ones
CALLS: list[tuple[str, tuple[Any, ...], type[Exception], str]] = [
    ("LSTM", (ones(2),), ValueError, "Expected input to be 2D or 3D, got 1D"),
    ("LSTM", (ones(2, 1, 4),), RuntimeError, "must be equal to input_size. Expected 2, got 4"),
    ("LSTM", (ones(0, 1, 2),), RuntimeError, "sequence length to be larger than 0"),
    ("LSTM", (ones(2, 1, 2).double(),), ValueError, "does not match weight dtype"),
    ("LSTM", (ones(2, 1, 2), ones(1, 1, 3)), TypeError, "hx must be a tuple"),
    (
        "LSTM",
        (ones(2, 2), (ones(1, 1, 3),) * 2),
        RuntimeError,
        "hx and cx should also be 2-D but got .3-D, 3-D.",
    ),
    (
        "LSTM",
        (ones(2, 1, 2), (ones(1, 1, 3), ones(1, 1, 4))),
        RuntimeError,
        r"Expected hidden\[1\] size \(1, 1, 3\)",
    ),
    ("LSTM", (ones(2, 1, 2), (ones(1, 1, 3).double(),) * 2), RuntimeError, "must have the same dtype"),
    ("GRU", (ones(2, 1, 2), ones(1, 3)), RuntimeError, "hx should also be 3-D but got 2-D tensor"),
    (
        "GRU",
        (ones(2, 1, 2), ones(1, 2, 3)),
        RuntimeError,
        r"Expected hidden size \(1, 1, 3\), got \[1, 2, 3\]",
    ),
    ("GRU", ([1.0],), TypeError, "must be a Tensor, not list"),
    ("LSTMCell", (ones(1, 1, 2),), ValueError, "Expected input to be 1D or 2D, got 3D"),
    ("LSTMCell", (ones(1, 2), ones(1, 3)), TypeError, "must be a tuple"),
    ("LSTMCell", (ones(1, 2), (ones(1, 1, 3),) * 2), ValueError, r"Expected hx\[0\] to be 1D or 2D, got 3D"),
    ("GRUCell", (ones(1, 4),), RuntimeError, "inconsistent input_size: got 4 expected 2"),
    ("GRUCell", (ones(2, 2), ones(1, 3)), RuntimeError, "batch size 2 doesn't match hidden0 batch size 1"),
    ("GRUCell", (ones(2, 2), ones(2, 4)), RuntimeError, "inconsistent hidden_size: got 4, expected 3"),
    ("RNNCell", (ones(1, 2).double(),), RuntimeError, "must have the same dtype"),
]


@pytest.mark.parametrize(("name", "args", "error", "message"), CALLS)
def test_calls_refuse(name: str, args: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        getattr(nn, name)(2, 3)(*args)


def test_cell_functions_refuse() -> None:
    w = [at.ones(3, 2), at.ones(3, 3), at.ones(3)]
    with pytest.raises(RuntimeError, match="give both biases, or none"):
        rnn_tanh_cell(at.ones(1, 2), at.ones(1, 3), *w)
    with pytest.raises(TypeError, match="must be a tuple of two Tensors"):
        lstm_cell(at.ones(1, 2), at.ones(1, 3), *w)  # type: ignore[arg-type]
