"""A model saved by PyTorch with safetensors loads here and computes the same, and the other way round."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotape
from tests.parity.twins import torch

safetensors_torch = pytest.importorskip(
    "safetensors.torch", reason="safetensors is not importable (extra: parity)"
)


def cnn(m: Any) -> Any:
    nn = m.nn
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, stride=2, groups=2, padding_mode="reflect", padding=1), nn.GroupNorm(2, 8),
        nn.GELU(), nn.ConvTranspose2d(8, 4, 2, stride=2), nn.PReLU(4), nn.AdaptiveAvgPool2d(2),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(16, 5),
    )  # fmt: skip


def lstm(m: Any) -> Any:
    class Tagger(m.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = m.nn.Embedding(20, 6, padding_idx=0)
            self.lstm = m.nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
            self.gru = m.nn.GRU(10, 4)
            self.out = m.nn.Linear(4, 3)

        def forward(self, i: Any) -> Any:
            x, (h, c) = self.lstm(self.embedding(i))
            y, last = self.gru(x)
            return self.out(y), h, c, last

    return Tagger()


def transformer(m: Any) -> Any:
    class Model(m.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = m.nn.Embedding(20, 8)
            self.transformer = m.nn.Transformer(8, 2, 2, 2, 16, batch_first=True)
            self.norm = m.nn.LayerNorm(8)
            self.out = m.nn.Linear(8, 20)
            self.out.weight = self.embedding.weight

        def forward(self, i: Any) -> Any:
            mask = m.nn.Transformer.generate_square_subsequent_mask(i.shape[1])
            x = self.embedding(i)
            return self.out(self.norm(self.transformer(x, x, tgt_mask=mask, tgt_is_causal=True)))

    return Model()


IMAGES = np.random.default_rng(0).normal(size=(4, 3, 16, 16)).astype("f4")
TOKENS = np.random.default_rng(1).integers(0, 20, size=(3, 7))
MODELS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "cnn": (cnn, IMAGES),
    "lstm": (lstm, TOKENS),
    "transformer": (transformer, TOKENS),
}


def outputs(m: Any, net: Any, given: Any) -> list[Any]:
    net.eval()
    with m.no_grad():
        y = net(m.from_numpy(given))
    return [t.numpy() for t in (y if isinstance(y, tuple) else (y,))]


def move(m: Any, net: Any, given: Any) -> None:
    """A few steps of training: parameters and running statistics are no longer those of the start."""
    optimizer = m.optim.SGD(net.parameters(), lr=0.1)
    net.train()
    for _ in range(3):
        y = net(m.from_numpy(given))
        loss = sum((t**2).mean() for t in (y if isinstance(y, tuple) else (y,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_pytorch_loads_and_computes_the_same(name: str, tmp_path: Path) -> None:
    build, given = MODELS[name]
    theirs, ours = build(torch), build(autotape)
    move(torch, theirs, given)
    path = tmp_path / "model.safetensors"
    safetensors_torch.save_model(theirs, str(path))  # leaves out the second name of a tied weight
    state = dict(autotape.load(path))
    missing = {k for k in ours.state_dict() if k not in state}
    result = ours.load_state_dict(state, strict=False)
    assert set(result.missing_keys) == missing <= {"out.weight", "embedding.weight"}
    assert result.unexpected_keys == []
    for a, b in zip(outputs(autotape, ours, given), outputs(torch, theirs, given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_ours_loads_in_pytorch_and_computes_the_same(name: str, tmp_path: Path) -> None:
    build, given = MODELS[name]
    theirs, ours = build(torch), build(autotape)
    move(autotape, ours, given)
    path = tmp_path / "model.safetensors"
    autotape.save(ours.state_dict(), path)
    theirs.load_state_dict(safetensors_torch.load_file(path))
    for a, b in zip(outputs(autotape, ours, given), outputs(torch, theirs, given), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", MODELS)
def test_names_order_and_shapes_of_the_state_are_the_same(name: str) -> None:
    build, _ = MODELS[name]
    ours, theirs = [
        {k: (tuple(v.shape), str(v.dtype).rpartition(".")[2]) for k, v in build(m).state_dict().items()}
        for m in (autotape, torch)
    ]
    assert list(ours.items()) == list(theirs.items())
    assert repr(build(autotape)) == repr(build(torch))
