"""One training step on small models, beside hand-written NumPy with preallocated buffers and PyTorch.

    python benchmarks/small_step.py

Softmax regression 64-10 with SGD at batch 32 and at batch 1, and a 784-400-100-10 ReLU network with Adam at
batch 128. "NumPy" is what one writes by hand: out= everywhere, reductions by ndarray's methods. "NumPy,
tuned" has ufunc.reduce in place of the methods max, sum and mean, which skips a Python layer of 1 to 5 us.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from _measure import Job, compare, report, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import numpy as np

import autotape as at
import autotape.nn.functional as F
from autotape import nn, optim

Array = np.ndarray[Any, Any]
torch: Any = torch_or_none()
rng = np.random.default_rng(0)


def softmax_by_hand(x: Array, y: Array, w: Array, b: Array, lr: float, tuned: bool) -> Job:
    """softmax(x w^T + b), its cross entropy, gradient and SGD update, in preallocated buffers."""
    n, k = len(x), len(w)
    z, column = np.empty((n, k), x.dtype), np.empty((n, 1), x.dtype)
    gw, gb, rows = np.empty_like(w), np.empty_like(b), np.arange(n)

    def finish() -> None:
        z[rows, y] -= 1
        np.multiply(z, 1 / n, out=z)
        np.matmul(z.T, x, out=gw)

    def update() -> None:
        np.multiply(gw, lr, out=gw)
        np.subtract(w, gw, out=w)
        np.multiply(gb, lr, out=gb)
        np.subtract(b, gb, out=b)

    def step() -> Any:
        np.matmul(x, w.T, out=z)
        np.add(z, b, out=z)
        z.max(axis=1, keepdims=True, out=column)
        np.subtract(z, column, out=z)
        np.exp(z, out=z)
        z.sum(axis=1, keepdims=True, out=column)
        np.divide(z, column, out=z)
        loss = -np.log(z[rows, y]).mean()
        finish()
        z.sum(axis=0, out=gb)
        update()
        return loss

    def tuned_step() -> Any:
        np.matmul(x, w.T, out=z)
        np.add(z, b, out=z)
        np.maximum.reduce(z, 1, keepdims=True, out=column)
        np.subtract(z, column, out=z)
        np.exp(z, out=z)
        np.add.reduce(z, 1, keepdims=True, out=column)
        np.divide(z, column, out=z)
        loss = -np.add.reduce(np.log(z[rows, y])) / n
        finish()
        np.add.reduce(z, 0, out=gb)
        update()
        return loss

    return tuned_step if tuned else step


def softmax_step(batch: int) -> dict[str, Job]:
    """The jobs of the 64-10 step."""
    x = rng.random((batch, 64), dtype=np.float32)
    y = rng.integers(0, 10, batch)
    w = rng.normal(0, 0.1, (10, 64)).astype(np.float32)
    b = np.zeros(10, np.float32)
    jobs: dict[str, Job] = {}

    model = nn.Linear(64, 10)
    model.load_state_dict({"weight": at.tensor(w), "bias": at.tensor(b)})
    optimizer = optim.SGD(model.parameters(), lr=0.01)
    inputs, targets = at.tensor(x), at.tensor(y)

    def step() -> Any:
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    jobs["autotape"] = step
    jobs["NumPy"] = softmax_by_hand(x, y, w.copy(), b.copy(), 0.01, False)
    jobs["NumPy, tuned"] = softmax_by_hand(x, y, w.copy(), b.copy(), 0.01, True)
    if torch is not None:
        twin = torch.nn.Linear(64, 10)
        with torch.no_grad():
            twin.weight.copy_(torch.from_numpy(w))
            twin.bias.zero_()
        twin_optimizer = torch.optim.SGD(twin.parameters(), lr=0.01)
        twin_x, twin_y = torch.from_numpy(x), torch.from_numpy(y)

        def twin_step() -> Any:
            loss = torch.nn.functional.cross_entropy(twin(twin_x), twin_y)
            twin_optimizer.zero_grad()
            loss.backward()
            twin_optimizer.step()
            return loss

        jobs["PyTorch"] = twin_step
    first = [float(job().item()) for job in jobs.values()]  # type: ignore[attr-defined]
    assert max(first) - min(first) < 1e-5, first  # the same work
    return jobs


def mlp_by_hand(x: Array, y: Array, weights: list[Array], biases: list[Array], lr: float) -> Job:
    """784-400-100-10 with ReLU, cross entropy and Adam, in preallocated buffers."""
    n = len(x)
    sizes = [w.shape[0] for w in weights]
    acts = [np.empty((n, s), np.float32) for s in sizes]
    grads = [np.empty((n, s), np.float32) for s in sizes]
    masks = [np.empty((n, s), bool) for s in sizes[:-1]]
    column, rows = np.empty((n, 1), np.float32), np.arange(n)
    params = [p for pair in zip(weights, biases) for p in pair]
    gs = [np.empty_like(p) for p in params]
    ms, vs = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
    scratch = [np.empty_like(p) for p in params]
    count = 0
    b1, b2, eps = 0.9, 0.999, 1e-8

    def step() -> Any:
        nonlocal count
        h = x
        for i, (w, b) in enumerate(zip(weights, biases)):
            np.matmul(h, w.T, out=acts[i])
            np.add(acts[i], b, out=acts[i])
            if i < len(weights) - 1:
                np.greater(acts[i], 0, out=masks[i])
                np.multiply(acts[i], masks[i], out=acts[i])
            h = acts[i]
        z, g = acts[-1], grads[-1]
        z.max(axis=1, keepdims=True, out=column)
        np.subtract(z, column, out=g)
        np.exp(g, out=g)
        g.sum(axis=1, keepdims=True, out=column)
        np.divide(g, column, out=g)
        loss = -np.log(g[rows, y]).mean()
        g[rows, y] -= 1
        np.multiply(g, 1 / n, out=g)
        for i in reversed(range(len(weights))):
            below = acts[i - 1] if i else x
            np.matmul(grads[i].T, below, out=gs[2 * i])
            grads[i].sum(axis=0, out=gs[2 * i + 1])
            if i:
                np.matmul(grads[i], weights[i], out=grads[i - 1])
                np.multiply(grads[i - 1], masks[i - 1], out=grads[i - 1])
        count += 1
        size, root = lr / (1 - b1**count), (1 - b2**count) ** 0.5
        for p, gp, m, v, s in zip(params, gs, ms, vs, scratch):
            np.multiply(m, b1, out=m)
            np.multiply(gp, 1 - b1, out=s)
            np.add(m, s, out=m)
            np.multiply(v, b2, out=v)
            np.multiply(gp, gp, out=s)
            np.multiply(s, 1 - b2, out=s)
            np.add(v, s, out=v)
            np.sqrt(v, out=s)
            np.divide(s, root, out=s)
            np.add(s, eps, out=s)
            np.divide(m, s, out=s)
            np.multiply(s, size, out=s)
            np.subtract(p, s, out=p)
        return loss

    return step


def mlp_step(batch: int = 128) -> dict[str, Job]:
    """The jobs of the 784-400-100-10 step."""
    sizes = (784, 400, 100, 10)
    x = rng.random((batch, 784), dtype=np.float32)
    y = rng.integers(0, 10, batch)
    weights = [rng.normal(0, 1 / i**0.5, (o, i)).astype(np.float32) for i, o in pairwise(sizes)]
    biases = [np.zeros(o, np.float32) for o in sizes[1:]]
    jobs: dict[str, Job] = {}

    model = nn.Sequential(nn.Linear(784, 400), nn.ReLU(), nn.Linear(400, 100), nn.ReLU(), nn.Linear(100, 10))
    with at.no_grad():
        for layer, w, b in zip((model[0], model[2], model[4]), weights, biases):
            layer.weight.copy_(at.tensor(w))
            layer.bias.copy_(at.tensor(b))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    inputs, targets = at.tensor(x), at.tensor(y)

    def step() -> Any:
        loss = F.cross_entropy(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    jobs["autotape"] = step
    jobs["NumPy"] = mlp_by_hand(x, y, [w.copy() for w in weights], [b.copy() for b in biases], 1e-3)
    if torch is not None:
        linear = torch.nn.Linear
        twin = torch.nn.Sequential(
            linear(784, 400), torch.nn.ReLU(), linear(400, 100), torch.nn.ReLU(), linear(100, 10)
        )
        with torch.no_grad():
            for layer, w, b in zip((twin[0], twin[2], twin[4]), weights, biases):
                layer.weight.copy_(torch.from_numpy(w))
                layer.bias.copy_(torch.from_numpy(b))
        twin_optimizer = torch.optim.Adam(twin.parameters(), lr=1e-3)
        twin_x, twin_y = torch.from_numpy(x), torch.from_numpy(y)

        def twin_step() -> Any:
            loss = torch.nn.functional.cross_entropy(twin(twin_x), twin_y)
            twin_optimizer.zero_grad()
            loss.backward()
            twin_optimizer.step()
            return loss

        jobs["PyTorch"] = twin_step
    for _ in range(3):
        losses = [float(job().item()) for job in jobs.values()]  # type: ignore[attr-defined]
        assert max(losses) - min(losses) < 1e-4, losses  # the same work
    return jobs


if __name__ == "__main__":
    np.seterr(all="ignore")
    report("softmax 64-10, batch 32, SGD", compare(softmax_step(32)))
    report("softmax 64-10, batch 1, SGD", compare(softmax_step(1)))
    report("784-400-100-10 ReLU, batch 128, Adam", compare(mlp_step(), rounds=40, milliseconds=20))
