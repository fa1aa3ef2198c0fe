"""Recurrent networks beside PyTorch: whole layers, cells in a loop, and a cell written by the user.

    python benchmarks/recurrent.py

32 steps, batch 16, 32 inputs, 64 hidden units; forward and backward, and forward alone without gradients. The
user's cell (``_networks.py``) stands beside the same work by hand in NumPy, what it takes without a tape.
"""

from __future__ import annotations

from typing import Any

from _measure import Job, compare, report, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import _networks
import numpy as np

import autotape as at
from autotape import nn

STEPS, BATCH, INPUTS, HIDDEN = 32, 16, 32, 64
torch: Any = torch_or_none()
LIBRARIES: dict[str, Any] = {"autotape": at} | ({} if torch is None else {"PyTorch": torch})
rng = np.random.default_rng(0)
x = rng.standard_normal((STEPS, BATCH, INPUTS)).astype(np.float32)


def same_work(jobs: dict[str, Job]) -> dict[str, Job]:
    """The jobs, which must all have returned nearly the same loss."""
    losses = [float(job().item()) for job in jobs.values()]  # type: ignore[attr-defined]
    assert max(losses) - min(losses) < 1e-3 * max(map(abs, losses)), losses
    return jobs


def networks(name: str, **options: Any) -> dict[str, tuple[Any, Any, Any]]:
    """Of each library: itself, a network (all with one state), and the inputs."""
    made = {
        title: getattr(library.nn, name)(INPUTS, HIDDEN, **options) for title, library in LIBRARIES.items()
    }
    state = {k: v.detach().numpy().copy() for k, v in made["autotape"].state_dict().items()}
    for title, net in made.items():
        net.load_state_dict({k: LIBRARIES[title].tensor(v) for k, v in state.items()})
    return {title: (LIBRARIES[title], net, LIBRARIES[title].tensor(x)) for title, net in made.items()}


def layer(name: str, **options: Any) -> tuple[dict[str, Job], dict[str, Job]]:
    """The jobs of a layer: with backward, and without gradients."""
    train: dict[str, Job] = {}
    infer: dict[str, Job] = {}
    for title, (library, net, inputs) in networks(name, **options).items():

        def step(net: Any = net, inputs: Any = inputs) -> Any:
            net.zero_grad()
            loss = net(inputs)[0].sum()
            loss.backward()
            return loss

        def forward(library: Any = library, net: Any = net, inputs: Any = inputs) -> Any:
            with library.no_grad():
                return net(inputs)[0].sum()

        train[title], infer[title] = step, forward
    return same_work(train), same_work(infer)


def cells(name: str) -> dict[str, Job]:
    """The jobs of a module for one step, called in a loop."""
    jobs: dict[str, Job] = {}
    for title, (_, net, inputs) in networks(name).items():

        def step(net: Any = net, inputs: Any = inputs) -> Any:
            net.zero_grad()
            state = None
            for t in range(STEPS):
                state = net(inputs[t], state)
            loss = (state[0] if isinstance(state, tuple) else state).sum()  # type: ignore[union-attr]
            loss.backward()
            return loss

        jobs[title] = step
    return same_work(jobs)


def cell_by_hand(batch: int) -> Job:
    """The work of ``_networks.users_cell`` in plain NumPy: every product, sum and function once, no tape."""
    model = nn.ModuleList([nn.Linear(INPUTS, 4 * HIDDEN), nn.Linear(HIDDEN, 4 * HIDDEN)])
    wi, bi, wh, bh = (p.detach().numpy() for p in _networks.start(at, model).parameters())
    xs = _networks.normal(at, STEPS, batch, INPUTS).numpy()
    n = HIDDEN
    ones = np.ones(batch, np.float32)

    def sigmoid(v: Any) -> Any:
        e = np.exp(-v)
        e += 1
        return np.reciprocal(e, e)

    def step() -> Any:
        h = c = np.zeros((batch, n), np.float32)
        kept = []
        for x in xs:
            sums = x.dot(wi.T) + bi
            sums += h.dot(wh.T) + bh
            i, f, g, o = (sums[:, k * n : (k + 1) * n] for k in range(4))
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            before, c = c, f * c + i * g
            t = np.tanh(c)
            kept.append((x, h, before, i, f, g, o, t))
            h = o * t
        loss = h.sum()
        gwi, gwh, gb = np.zeros_like(wi), np.zeros_like(wh), np.zeros_like(bi)
        gh, gc = np.ones_like(h), np.zeros_like(h)
        for x, before_h, before, i, f, g, o, t in reversed(kept):
            gs = np.empty((batch, 4 * n), np.float32)
            gc = gc + gh * o * (1 - t * t)
            gs[:, :n] = gc * g * (i * (1 - i))
            gs[:, n : 2 * n] = gc * before * (f * (1 - f))
            gs[:, 2 * n : 3 * n] = gc * i * (1 - g * g)
            gs[:, 3 * n :] = gh * t * (o * (1 - o))
            gc = gc * f
            gh = gs.dot(wh)
            gwi += gs.T.dot(x)
            gwh += gs.T.dot(before_h)
            gb += ones.dot(gs)
        return at.tensor(loss)

    return step


def users_cell(batch: int) -> dict[str, Job]:
    """The jobs of an LSTM cell that a user wrote, and of the same by hand in NumPy."""
    jobs = {title: _networks.users_cell(library, batch) for title, library in LIBRARIES.items()}
    return same_work(jobs | {"NumPy by hand": cell_by_hand(batch)})


if __name__ == "__main__":
    for name in ("LSTM", "GRU", "RNN"):
        train, infer = layer(name)
        report(f"nn.{name}({INPUTS}, {HIDDEN}), forward and backward", compare(train, 40, 20))
        report(f"nn.{name}({INPUTS}, {HIDDEN}), forward without gradients", compare(infer, 40, 20))
    train, infer = layer("LSTM", num_layers=2, bidirectional=True)
    report("nn.LSTM of two layers, both ways, forward and backward", compare(train, 20, 20))
    for batch in (16, 1):
        report(f"the user's LSTM cell, batch {batch}", compare(users_cell(batch), 20, 20))
    for name in ("LSTMCell", "GRUCell", "RNNCell"):
        report(f"nn.{name} in a loop", compare(cells(name), 20, 20))
