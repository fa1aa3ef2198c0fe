"""Recurrent networks beside PyTorch: whole layers, cells in a loop, and a cell written by the user.

    python benchmarks/recurrent.py

32 steps, batch 16, 32 inputs, 64 hidden units; forward and backward, and forward alone without gradients. The
user's cell is an LSTM of plain tensor operations: two linear, chunk, sigmoid, tanh, mul, add.
"""

from __future__ import annotations

from typing import Any

from _measure import Job, compare, report, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import numpy as np

import autotape as at

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


def users_cell() -> dict[str, Job]:
    """The jobs of an LSTM cell written in plain operations."""
    jobs: dict[str, Job] = {}
    for title, (library, net, inputs) in networks("LSTMCell").items():
        linear = library.nn.functional.linear

        def step(library: Any = library, net: Any = net, inputs: Any = inputs, linear: Any = linear) -> Any:
            net.zero_grad()
            h = c = library.zeros(BATCH, HIDDEN)
            for t in range(STEPS):
                sums = linear(inputs[t], net.weight_ih, net.bias_ih) + linear(h, net.weight_hh, net.bias_hh)
                i, f, g, o = library.chunk(sums, 4, 1)
                c = library.sigmoid(f) * c + library.sigmoid(i) * library.tanh(g)
                h = library.sigmoid(o) * library.tanh(c)
            loss = h.sum()
            loss.backward()
            return loss

        jobs[title] = step
    return same_work(jobs)


if __name__ == "__main__":
    for name in ("LSTM", "GRU", "RNN"):
        train, infer = layer(name)
        report(f"nn.{name}({INPUTS}, {HIDDEN}), forward and backward", compare(train, 40, 20))
        report(f"nn.{name}({INPUTS}, {HIDDEN}), forward without gradients", compare(infer, 40, 20))
    train, infer = layer("LSTM", num_layers=2, bidirectional=True)
    report("nn.LSTM of two layers, both ways, forward and backward", compare(train, 20, 20))
    report("an LSTM cell in plain operations", compare(users_cell(), 20, 20))
    for name in ("LSTMCell", "GRUCell", "RNNCell"):
        report(f"nn.{name} in a loop", compare(cells(name), 20, 20))
