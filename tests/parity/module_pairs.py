"""The same modules in autotape and in PyTorch, and what they do side by side."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import autotape
from tests.parity.twins import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import torch.nn.utils.parametrizations
    import torch.nn.utils.parametrize
    import torch.nn.utils.prune

SIDES = (autotape, torch)


def linear_pair(*shape: int, seed: int = 0, **options: Any) -> list[Any]:
    """A Linear of each library with the same parameters, in float64."""
    rng = np.random.default_rng(seed)
    weight, bias = rng.normal(size=shape[::-1]), rng.normal(size=shape[1])
    pair = []
    for m in SIDES:
        layer = m.nn.Linear(*shape, dtype=m.float64, **options)
        layer.weight.data = m.from_numpy(weight.copy())
        layer.bias.data = m.from_numpy(bias.copy())
        pair.append(layer)
    return pair


def numbers(value: Any) -> Any:
    """Tensors as arrays, in any nesting; names and texts as they are."""
    if hasattr(value, "detach"):
        return value.detach().numpy()
    if isinstance(value, dict):
        return {k: numbers(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [numbers(v) for v in value]
    return value


def assert_same(ours: Any, theirs: Any, rtol: float = 1e-9) -> None:
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            assert_same(ours[key], value, rtol)
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            assert_same(a, b, rtol)
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=1e-12)
    else:
        assert ours == theirs


def compare(run: Callable[[Any, Any], Any], pair: list[Any], rtol: float = 1e-9) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = [numbers(run(m, layer)) for m, layer in zip(SIDES, pair, strict=True)]
    assert_same(ours, theirs, rtol)


def text(run: Callable[[Any], Any]) -> list[str]:
    found = []
    for m in SIDES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found.append(repr(run(m)).replace("torch.", "autotape."))
            except Exception as error:
                found.append(type(error).__name__)
    return found


def train(m: Any, layer: Any, steps: int = 3, *, second_order: bool = True) -> Any:
    """Outputs, parameters and second derivatives over some steps of SGD."""
    x = m.arange(2.0 * layer.in_features, dtype=m.float64).reshape(2, -1) / 7
    optimizer = m.optim.SGD(layer.parameters(), lr=0.05)
    seen = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (layer(x) ** 3).sum()
        first = m.autograd.grad(loss, list(layer.parameters()), create_graph=True)
        second: Any = ()
        if second_order:
            second = m.autograd.grad(sum((g**2).sum() for g in first), list(layer.parameters()))
        loss = (layer(x) ** 2).mean()
        loss.backward()
        seen.append([layer(x), layer.weight, list(first), list(second)])
        optimizer.step()
    return seen, {k: v for k, v in layer.state_dict().items() if "base" not in k}
