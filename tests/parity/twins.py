"""The same parameters in autotape and in PyTorch, walked side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

Array = np.ndarray[Any, Any]
Options = dict[str, Any]
TOLERANCE = {  # relative and, for what has passed through zero, absolute
    np.float64: (1e-12, 1e-14),
    np.float32: (1e-5, 1e-6),
    np.float16: (2e-2, 2e-3),
    np.complex128: (1e-12, 1e-14),
    np.complex64: (1e-5, 1e-6),
}
SHAPES = [(3, 4), (5,), (), (1,), (0,), (2, 0, 3), (1, 1, 2)]


def arrays(dtype: Any, shapes: list[tuple[int, ...]] = SHAPES, seed: int = 0) -> list[Array]:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "c":
        return [np.asarray(rng.normal(size=s) + 1j * rng.normal(size=s), dtype) for s in shapes]
    return [np.asarray(rng.normal(size=s), dtype) for s in shapes]


class Twins:
    """The same parameters, in autotape and in PyTorch, with the same gradients step by step."""

    def __init__(self, starts: list[Array], seed: int = 1) -> None:
        self.ours = [autotape.tensor(a, requires_grad=True) for a in starts]
        self.theirs = [torch.tensor(a, requires_grad=True) for a in starts]
        self._rng = np.random.default_rng(seed)

    def set_gradients(self, skip: int | None = None) -> None:
        for i, (p, q) in enumerate(zip(self.ours, self.theirs, strict=True)):
            if i == skip:
                p.grad = q.grad = None
                continue
            dtype = p.numpy(force=True).dtype
            g = self._rng.normal(size=tuple(p.shape))
            if dtype.kind == "c":
                g = g + 1j * self._rng.normal(size=tuple(p.shape))
            g = np.asarray(g, dtype)
            p.grad, q.grad = autotape.tensor(g), torch.tensor(g)

    def optimizers(self, name: str, options: Options) -> tuple[Any, Any]:
        ours = getattr(autotape.optim, name)(self.ours, **values(options, autotape))
        theirs = getattr(torch.optim, name)(self.theirs, **values(options, torch))
        return ours, theirs

    def walk(self, optimizers: tuple[Any, Any], steps: int = 50) -> None:
        for _ in range(steps):
            self.set_gradients()
            for optimizer in optimizers:
                optimizer.step()

    def check(self, optimizers: tuple[Any, Any] | None = None) -> None:
        for p, q in zip(self.ours, self.theirs, strict=True):
            same(p, q)
        if optimizers is not None:
            ours, theirs = optimizers
            same_tree(ours.state_dict(), theirs.state_dict())
            assert repr(ours) == repr(theirs).replace("torch.", "autotape.")


def values(options: Options, m: Any) -> Options:
    """Options that are functions make a tensor of the module."""
    return {k: v(m) if callable(v) else v for k, v in options.items()}


def same(ours: Any, theirs: Any) -> None:
    a, b = ours.numpy(force=True), theirs.detach().numpy()
    assert type(a) is np.ndarray
    assert a.dtype == b.dtype
    assert a.shape == b.shape
    rtol, atol = TOLERANCE[a.dtype.type]
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol * max(1.0, np.abs(b).max(initial=0)))


def same_tree(ours: Any, theirs: Any) -> None:
    """The same dicts with the same keys in the same order, the same types and values."""
    if isinstance(ours, autotape.Tensor):
        assert isinstance(theirs, torch.Tensor)
        same(ours, theirs)
        return
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert list(ours) == list(theirs)
        for key in ours:
            same_tree(ours[key], theirs[key])
    elif isinstance(ours, (list, tuple)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same_tree(a, b)
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-12, abs=1e-15)
    else:
        assert ours == theirs


def translated(tree: Any, to: Callable[[Array], Any]) -> Any:
    if isinstance(tree, (autotape.Tensor, torch.Tensor)):
        return to(tree.detach().numpy().copy())
    if isinstance(tree, dict):
        return {k: translated(v, to) for k, v in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(translated(v, to) for v in tree)
    return tree


def parameter(m: Any, *shape: int) -> Any:
    """Zeros that require a gradient."""
    return m.zeros(*(shape or (3,)), requires_grad=True)
