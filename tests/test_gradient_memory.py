"""Gradients share no memory, backward writes nothing else, copies do not walk the graph."""

from __future__ import annotations

import copy
import hashlib
import itertools
import pickle
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.autograd import grad
from tests.tape_tools import Greedy, constant, leaf

Array = np.ndarray[Any, Any]


# --- aliasing (row 9) and inputs left alone (row 33) --------------------------------------------------------


def programs() -> list[tuple[str, Callable[..., at.Tensor]]]:
    return [
        ("add", lambda a, b: a + b),
        ("add of one", lambda a, b: a + a),
        ("sum of views", lambda a, b: a.reshape(4) + b.reshape(4)),
        ("transposed", lambda a, b: a.transpose(0, 1) + b),
        ("passed through", lambda a, b: (a + 0.0) + (b + 0.0)),
        ("product", lambda a, b: a * b),
        ("times one", lambda a, b: a * 1.0 + b * 1.0),
        ("stack", lambda a, b: at.stack([a, b])),
        ("cat", lambda a, b: at.cat([a, b])),
        ("split", lambda a, b: a.split(1)[0] + b.split(1)[1]),
        ("unbind", lambda a, b: at.stack([*a.unbind(0), *b.unbind(0)])),
        ("index", lambda a, b: a[:] + b[...]),
        ("leaf as output", lambda a, b: a),
        ("matmul", lambda a, b: a @ b),
        ("broadcast", lambda a, b: a[0] + b),
        ("Function that returns what it saved", lambda a, b: Greedy.apply(a, b)),
    ]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize(("name", "program"), programs(), ids=[n for n, _ in programs()])
def test_gradients_share_no_memory_and_inputs_stay(name: str, program: Any, create_graph: bool) -> None:
    """PROMISES rows 9 and 33: gradients share memory with no seed, gradient or data; nothing is written."""
    a, b = leaf([1.0, 2.0], [3.0, 4.0]), leaf([5.0, 6.0], [7.0, 8.0])
    out = program(a, b)
    seed = at.tensor(np.random.default_rng(0).standard_normal(out.shape))
    before = [t._array.copy() for t in (a, b, out, seed)]
    out.retain_grad()
    out.backward(seed, create_graph=create_graph)
    grads = [t.grad for t in (a, b, *([out] if out is not a else [])) if t.grad is not None]
    arrays = [g._array for g in grads] + [a._array, b._array, seed._array, out._array]
    for (i, p), (j, q) in itertools.combinations(enumerate(arrays), 2):
        if i < len(grads):
            assert not np.shares_memory(p, q), (name, i, j)
    assert all(np.array_equal(x, t._array) for x, t in zip(before, (a, b, out, seed), strict=True))
    for p, q in itertools.combinations(grads, 2):
        assert p is not q
    a.grad = b.grad = out.grad = None


def test_grad_results_can_be_written_without_effect_on_anything() -> None:
    """PROMISES row 9, for autograd.grad."""
    a, b = leaf(1.0, 2.0), leaf(3.0, 4.0)
    seed = constant(1.0, 1.0)
    ga, gb = grad(a + b, [a, b], seed)
    ga._array[...] = -1
    assert gb.tolist() == [1.0, 1.0]
    assert seed.tolist() == [1.0, 1.0]
    (a.reshape(2) * 1).backward(seed)
    a.grad._array[...] = 7
    assert seed.tolist() == [1.0, 1.0]
    scalar = (a * b).sum()
    scalar.backward()
    assert a.grad.tolist() == [10.0, 11.0]
    one = leaf(1.0)[0].detach().requires_grad_()
    one.backward()
    one.grad._array[...] = 9  # the engine's own seed of ones must not be this array
    two = leaf(1.0)[0].detach().requires_grad_()
    two.backward()
    assert two.grad.item() == 1.0


# --- nothing is written (row 33) ----------------------------------------------------------------------------


def digest(*tensors: at.Tensor) -> str:
    return hashlib.sha256(b"".join(t.detach().numpy().tobytes() for t in tensors)).hexdigest()


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_leaves_seed_and_inputs_as_they_were(create_graph: bool) -> None:
    """PROMISES row 33: checksums before and after, twice over one graph."""
    rng = np.random.default_rng(0)
    x, w = (at.tensor(rng.standard_normal((3, 4)), requires_grad=True) for _ in range(2))
    seed = at.tensor(rng.standard_normal((3, 4)))
    y = Greedy.apply(x * w + x, w * w) * x - w.reshape(12).reshape(3, 4) / (x * x + 1)
    before = digest(x, w, seed, y)
    first = [g.detach().numpy().copy() for g in grad(y, [x, w], seed, True, create_graph)]
    assert digest(x, w, seed, y) == before
    second = grad(y, [x, w], seed, create_graph=create_graph)
    assert digest(x, w, seed, y) == before
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(a, b.detach().numpy())


# --- copying never walks the graph (row 15) -----------------------------------------------------------------


@pytest.mark.usefixtures("no_gc")  # what other tests left would be counted when it is collected
def test_copies_and_repr_of_a_deep_tensor_do_not_walk_its_graph() -> None:
    """PROMISES row 15: deepcopy, pickle and repr of a 100,000-operation tensor cost what its values cost."""
    y = x = leaf(1.0, 2.0)
    for _ in range(100_000):
        y = y * 1.0
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        text = repr(y) + str(y)
        data = pickle.dumps(y)
        restored = pickle.loads(data)
        with pytest.raises(RuntimeError, match="graph leaves"):
            copy.deepcopy(y)
        copied = copy.deepcopy(y.detach())
        shallow = copy.copy(y)
    finally:
        sys.setprofile(None)
    assert calls < 3000
    assert "grad_fn=<MulBackward0>" in text
    assert len(data) < 2000
    for t in (restored, copied, shallow):
        assert t.tolist() == [1.0, 2.0]
    assert restored.is_leaf
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
