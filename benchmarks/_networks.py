"""Training steps, each from one source for both libraries: the cases of ``speed.py``.

A case takes a library (``autotape`` or ``torch``) and gives a job that makes one step and returns its loss.
Parameters, inputs and targets are the same on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from _measure import Job

WIDTH, HEADS, TOKENS, VOCABULARY, BLOCKS = 64, 4, 32, 65, 2


def normal(library: Any, *shape: int, seed: int = 1) -> Any:
    """Standard normal float32 numbers."""
    return library.from_numpy(np.random.default_rng(seed).standard_normal(shape, np.float32))


def integers(library: Any, high: int, *shape: int, seed: int = 2) -> Any:
    """Integers from 0 up to ``high``, which is left out."""
    return library.from_numpy(np.random.default_rng(seed).integers(0, high, shape))


def start(library: Any, model: Any) -> Any:
    """The model, with parameters of N(0, 0.1)."""
    rng = np.random.default_rng(0)
    with library.no_grad():
        for p in model.parameters():
            p.copy_(library.from_numpy(rng.normal(0, 0.1, tuple(p.shape)).astype(np.float32)))
    return model


def training(optimizer: Any, loss_of: Callable[[], Any]) -> Job:
    """The step: forward, backward, update. ``optimizer`` may be a model: then there is no update."""
    update = getattr(optimizer, "step", lambda: None)

    def step() -> Any:
        loss = loss_of()
        optimizer.zero_grad()
        loss.backward()
        update()
        return loss

    return step


def lenet(library: Any) -> Job:
    """LeNet-5 with ReLU and max pooling on 64 images of 28x28, SGD."""
    m = library.nn
    layers = [
        m.Conv2d(1, 6, 5), m.ReLU(), m.MaxPool2d(2), m.Conv2d(6, 16, 5), m.ReLU(), m.MaxPool2d(2),
        m.Flatten(), m.Linear(256, 120), m.ReLU(), m.Linear(120, 84), m.ReLU(), m.Linear(84, 10),
    ]  # fmt: skip
    model = start(library, m.Sequential(*layers))
    x, y = normal(library, 64, 1, 28, 28), integers(library, 10, 64)
    optimizer = library.optim.SGD(model.parameters(), lr=0.01)
    return training(optimizer, lambda: m.functional.cross_entropy(model(x), y))


def mlp(library: Any) -> Job:
    """784-400-100-10 with ReLU, batch 128, Adam."""
    m = library.nn
    layers = m.Linear(784, 400), m.ReLU(), m.Linear(400, 100), m.ReLU(), m.Linear(100, 10)
    model = start(library, m.Sequential(*layers))
    x, y = normal(library, 128, 784), integers(library, 10, 128)
    optimizer = library.optim.Adam(model.parameters(), lr=1e-3)
    return training(optimizer, lambda: m.functional.cross_entropy(model(x), y))


def lstm(library: Any) -> Job:
    """``nn.LSTM(32, 64)`` over 32 steps with batch 16: forward and backward."""
    model = start(library, library.nn.LSTM(32, 64))
    x = normal(library, 32, 16, 32)
    return training(model, lambda: model(x)[0].sum())


def users_cell(library: Any, batch: int) -> Job:
    """An LSTM cell as users write it, 32 inputs and 64 units, in a loop of 32 steps: forward and backward."""
    nn, sigmoid, tanh = library.nn, library.sigmoid, library.tanh

    class Cell(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.i2h = nn.Linear(32, 4 * 64)
            self.h2h = nn.Linear(64, 4 * 64)

        def forward(self, x: Any, h: Any, c: Any) -> Any:
            i, f, g, o = (self.i2h(x) + self.h2h(h)).chunk(4, dim=1)
            c = sigmoid(f) * c + sigmoid(i) * tanh(g)
            return sigmoid(o) * tanh(c), c

    cell = start(library, Cell())
    x = normal(library, 32, batch, 32)

    def loss() -> Any:
        h = c = library.zeros(batch, 64)
        for t in range(len(x)):
            h, c = cell(x[t], h, c)
        return h.sum()

    return training(cell, loss)


def gpt(library: Any, attention: str) -> Job:
    """Two pre-norm blocks with causal attention and GELU; 32 tokens, batch 8, AdamW.

    ``attention``: ``"written out"`` (view, transpose, matmul, masked_fill, softmax), ``"fused"``
    (``scaled_dot_product_attention``) or ``"module"`` (``nn.TransformerEncoder``).
    """
    nn = library.nn
    functional = nn.functional

    class Attention(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
            self.out = nn.Linear(WIDTH, WIDTH)
            self.register_buffer("mask", library.tril(library.ones(TOKENS, TOKENS)) == 0)

        def forward(self, x: Any) -> Any:
            b, t, c = x.shape
            q, k, v = self.qkv(x).split(WIDTH, dim=2)
            q = q.view(b, t, HEADS, c // HEADS).transpose(1, 2)
            k = k.view(b, t, HEADS, c // HEADS).transpose(1, 2)
            v = v.view(b, t, HEADS, c // HEADS).transpose(1, 2)
            if attention == "fused":
                y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            else:
                scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(c // HEADS))
                scores = scores.masked_fill(self.mask[:t, :t], float("-inf"))
                y = functional.softmax(scores, dim=-1) @ v
            return self.out(y.transpose(1, 2).contiguous().view(b, t, c))

    class Block(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attention = Attention()
            self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Encoder(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            layer = nn.TransformerEncoderLayer(
                WIDTH, HEADS, 4 * WIDTH, 0.0, "gelu", batch_first=True, norm_first=True
            )
            self.blocks = nn.TransformerEncoder(layer, BLOCKS, enable_nested_tensor=False)
            self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(TOKENS))

        def forward(self, x: Any) -> Any:
            return self.blocks(x, mask=self.mask, is_causal=True)

    class GPT(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(VOCABULARY, WIDTH)
            self.places = nn.Embedding(TOKENS, WIDTH)
            blocks = [Block() for _ in range(BLOCKS)]
            self.blocks = Encoder() if attention == "module" else nn.Sequential(*blocks)
            self.norm = nn.LayerNorm(WIDTH)
            self.head = nn.Linear(WIDTH, VOCABULARY, bias=False)

        def forward(self, tokens: Any) -> Any:
            x = self.tokens(tokens) + self.places(library.arange(tokens.shape[1]))
            return self.head(self.norm(self.blocks(x)))

    model = start(library, GPT())
    optimizer = library.optim.AdamW(model.parameters(), lr=1e-3)
    text = integers(library, VOCABULARY, 8, TOKENS + 1)
    tokens, targets = text[:, :-1].contiguous(), text[:, 1:].contiguous()
    return training(
        optimizer, lambda: functional.cross_entropy(model(tokens).view(-1, VOCABULARY), targets.view(-1))
    )


def embedding(library: Any, optimizer: str, sparse: bool = False) -> Job:
    """A 5000x64 table, 32 texts of 16 words: lookup, mean over the words, linear, cross entropy."""
    nn = library.nn
    table, head = nn.Embedding(5000, 64, sparse=sparse), nn.Linear(64, 10)
    model = start(library, nn.Sequential(table, head))
    words, classes = integers(library, 5000, 32, 16), integers(library, 10, 32)
    chosen = getattr(library.optim, optimizer)(model.parameters(), lr=0.01)
    return training(chosen, lambda: nn.functional.cross_entropy(head(table(words).mean(1)), classes))


def adam(library: Any) -> Job:
    """Adam's update of one parameter of 3 million elements."""
    p = library.nn.Parameter(normal(library, 1500, 2000))
    p.grad = normal(library, 1500, 2000, seed=2)
    optimizer = library.optim.Adam([p])

    def step() -> Any:
        optimizer.step()
        return p[0, 0].detach()

    return step
