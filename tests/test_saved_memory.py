"""What a forward keeps for backward, to the byte, and what an optimizer's step needs beside its state."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

import autotape as at
from autotape import nn, optim
from autotape.engine.tape import Entry, _arrays, owner_of
from autotape.nn import functional as F
from autotape.optim.elementwise import BLOCK, Elementwise
from tests.optimizers import OPTIMIZERS, Options


def kept(output: at.Tensor, *known: at.Tensor) -> int:
    """The bytes that the tape of ``output`` holds, each block of memory once, but for that of ``known``."""
    seen = {id(owner_of(t._array)) for t in known}
    visited: set[int] = set()
    pending: list[Any] = [output.grad_fn]
    total = 0
    while pending:
        entry = pending.pop()
        if not isinstance(entry, Entry) or id(entry) in visited:
            continue
        visited.add(id(entry))
        pending.extend(entry.parents)
        for array in _arrays(entry.saved or ()):
            owner = owner_of(array)
            if id(owner) not in seen:
                seen.add(id(owner))
                total += owner.nbytes
    return total


def test_the_measure_counts_a_block_once_and_all_of_it() -> None:
    x = at.ones(4, requires_grad=True)
    y = -x
    assert kept(y[:2] * y[2:] + y.exp()[:2], x) == 16 + 16  # y, of which the factors are parts, and exp(y)
    assert kept(x.exp() + x.sin(), x) == 16
    assert kept(x.exp() + x.sin()) == 16 + 16


# Everything in float32. Batch n, channels c, size s, steps t, hidden h.
IMAGES = (4, 6, 16, 16)
N, C, S = 4, 6, 16
SEQUENCE = (7, 3, 8)  # steps, batch, features
ROWS = (10, 16)

# module, input, elements of float32 kept beyond parameters and the input
MODULES: list[tuple[str, Callable[[], nn.Module], tuple[int, ...], int]] = [
    ("a convolution keeps its input", lambda: nn.Conv2d(C, 8, 3, padding=1), IMAGES, 0),
    ("strided, grouped", lambda: nn.Conv2d(C, 12, 3, stride=2, groups=3), IMAGES, 0),
    ("transposed", lambda: nn.ConvTranspose2d(C, 4, 2, stride=2), IMAGES, 0),
    ("average pooling", lambda: nn.AvgPool2d(2), IMAGES, 0),
    ("max pooling: an int64 place per output", lambda: nn.MaxPool2d(2), IMAGES, 2 * N * C * (S // 2) ** 2),
    ("batch norm: three numbers per channel", lambda: nn.BatchNorm2d(C), IMAGES, 3 * C),
    ("group norm: three numbers per group", lambda: nn.GroupNorm(2, C), IMAGES, 3 * 2 * N),
    ("layer norm: two numbers per row", lambda: nn.LayerNorm(16), ROWS, 2 * 10),
    ("linear", lambda: nn.Linear(16, 32), ROWS, 0),
    ("relu: its output", nn.ReLU, ROWS, 160),
    ("gelu: its input", nn.GELU, ROWS, 0),
    ("silu: its input", nn.SiLU, ROWS, 0),
    ("sigmoid: its output", nn.Sigmoid, ROWS, 160),
    ("softmax: its output", lambda: nn.Softmax(-1), ROWS, 160),
    ("dropout: the mask", lambda: nn.Dropout(0.5), ROWS, 160),
    (
        "linear and relu in turn: each hidden layer once, for both",
        lambda: nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 24), nn.ReLU(), nn.Linear(24, 4)),
        ROWS,
        10 * 32 + 10 * 24,
    ),
    (
        "relu and pooling after a convolution: relu's output, the places, the pooled",
        lambda: nn.Sequential(nn.Conv2d(C, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3)),
        IMAGES,
        N * 4 * (S**2 + 3 * (S // 2) ** 2),
    ),
    ("rnn: states", lambda: nn.RNN(8, 5), SEQUENCE, 3 * 5 * 8),
    ("lstm: states, cells, four gates", lambda: nn.LSTM(8, 5), SEQUENCE, 3 * 5 * (8 + 8 + 4 * 7)),
    ("gru: states, three gates, one sum", lambda: nn.GRU(8, 5), SEQUENCE, 3 * 5 * (8 + 3 * 7 + 7)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("build", "shape", "elements"), [m[1:] for m in MODULES], ids=[m[0] for m in MODULES]
)
def test_a_module_keeps_what_its_derivative_needs(
    build: Callable[[], nn.Module], shape: tuple[int, ...], elements: int
) -> None:
    module = build()
    x = at.randn(*shape, requires_grad=True)
    y = module(x)
    y = y[0] if isinstance(y, tuple) else y
    assert kept(y, x, *module.parameters(), *module.buffers()) == 4 * elements


def test_attention_keeps_the_probabilities() -> None:
    q, k, v = (at.randn(2, 4, 10, 8, requires_grad=True) for _ in range(3))
    assert kept(F.scaled_dot_product_attention(q, k, v), q, k, v) == 4 * 2 * 4 * 10 * 10


def test_cross_entropy_keeps_one_array_of_its_input_s_size() -> None:
    x, target = at.randn(6, 10, requires_grad=True), at.arange(6)
    assert (
        kept(F.cross_entropy(x, target), x, target) == 4 * (6 * 10 + 6) + 8 * 6
    )  # exp, its sums, the places


def test_nothing_is_kept_without_gradients() -> None:
    for _, build, shape, _ in MODULES:
        module = build().requires_grad_(False)
        y = module(at.randn(*shape))
        y = y[0] if isinstance(y, tuple) else y
        assert y.grad_fn is None


# --- optimizers ---------------------------------------------------------------------------------------------

ELEMENTWISE = [(kind, options) for kind, options in OPTIMIZERS if issubclass(kind, Elementwise)]


@pytest.mark.parametrize(("kind", "options"), ELEMENTWISE, ids=str)
def test_a_step_of_a_large_parameter_needs_less_than_another_one(
    kind: type[optim.Optimizer], options: Options
) -> None:
    """Beyond parameter, gradient and state: some blocks."""
    p = at.randn(16, BLOCK).requires_grad_()
    p.grad = at.randn(16, BLOCK)
    optimizer = kind([p], **options)
    optimizer.step()  # makes the state
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        optimizer.step()
        most = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert most <= 6 * 4 * BLOCK < p.nbytes
