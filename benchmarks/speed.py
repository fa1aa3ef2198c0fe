"""Training steps beside PyTorch: time, the target, and the memory of a step. Needs PyTorch.

    python3 run.py bench --torch speed

Speed is PyTorch's time over autotape's (above 1 autotape is faster): medians over rounds in which the two
take turns, on one thread. Memory is what a step has allocated at its peak beyond what was there before it:
of autotape NumPy's and Python's allocations (tracemalloc), of PyTorch those of its CPU allocator (its
profiler). The scratch memory of BLAS and of oneDNN is in neither.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from _measure import Job, compare, ratio, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import _networks
import numpy as np

import autotape

torch: Any = torch_or_none()

CASES: list[tuple[str, float | None, Callable[[Any], Job]]] = [
    ("LeNet-5, 64x1x28x28, SGD", 0.5, _networks.lenet),
    ("nn.LSTM(32, 64), 32 steps, batch 16", 0.6, _networks.lstm),
    ("user's LSTM cell, 32 steps, batch 16", 2.5, partial(_networks.users_cell, batch=16)),
    ("user's LSTM cell, 32 steps, batch 1", 2.5, partial(_networks.users_cell, batch=1)),
    ("GPT, attention written out, AdamW", 0.6, partial(_networks.gpt, attention="written out")),
    ("GPT, scaled_dot_product_attention", 0.6, partial(_networks.gpt, attention="fused")),
    ("GPT, nn.TransformerEncoder", 0.6, partial(_networks.gpt, attention="module")),
    ("784-400-100-10, batch 128, Adam", 0.95, _networks.mlp),
    ("embedding 5000x64, SGD", 2.0, partial(_networks.embedding, optimizer="SGD")),
    ("embedding 5000x64, Adam", 2.0, partial(_networks.embedding, optimizer="Adam")),
    ("embedding 5000x64, SGD, sparse", None, partial(_networks.embedding, optimizer="SGD", sparse=True)),
    ("Adam, 3 million parameters", 0.9, _networks.adam),
]


# A step frees the gradients of the one before: only what was allocated under observation is seen to go.


def peak(job: Job) -> int:
    """The bytes that a step of autotape has allocated at its peak."""
    tracemalloc.start()
    job()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    job()
    most = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return most


def torch_peak(job: Job) -> int:
    """The bytes that a step of PyTorch has allocated at its peak."""
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True, acc_events=True
    ) as profile:
        job()
        with torch.profiler.record_function("measured"):
            job()
    events = profile.profiler.kineto_results.events()
    start = next(e.start_ns() for e in events if e.name() == "measured")
    changes = sorted((e.start_ns(), e.nbytes()) for e in events if e.name() == "[memory]")
    total = most = 0
    for time, size in changes:
        if time >= start:
            total += size
            most = max(most, total)
    return most


def main() -> None:
    """Print the table."""
    if torch is None:
        return
    print(f"{'':<38}{'autotape':>12}{'PyTorch':>12}{'speed':>8}{'target':>8}{'memory':>10}{'PyTorch':>10}")
    met = asked = 0
    for title, target, build in CASES:
        jobs = {"autotape": build(autotape), "PyTorch": build(torch)}
        losses = [[float(job().item()) for _ in range(3)] for job in jobs.values()]  # type: ignore[attr-defined]
        assert np.ptp(losses, axis=0).max() < 1e-3 * np.abs(losses).max(), losses  # the same work
        times = compare(jobs, rounds=40, milliseconds=20)
        speed = ratio(times, "PyTorch", "autotape")
        if target is not None:
            asked += 1
            met += speed >= target
        ours, theirs = (f"{median(times[name]) * 1e3:.2f} ms" for name in jobs)
        memory = [f"{n / 2**20:.2f} MB" for n in (peak(jobs["autotape"]), torch_peak(jobs["PyTorch"]))]
        print(
            f"{title:<38}{ours:>12}{theirs:>12}{speed:>7.2f}x{'-' if target is None else f'{target}x':>8}"
            f"{memory[0]:>10}{memory[1]:>10}",
            flush=True,
        )
    print(f"{met} of {asked} targets are met")


if __name__ == "__main__":
    main()
