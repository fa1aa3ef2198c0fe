"""Timing ways of one job side by side: alternating, in one run, single-threaded, medians of ratios.

The time is the processor's, of all threads of this process: what else runs on the machine is left out.
"""

from __future__ import annotations

import os
from collections.abc import Callable

# Before NumPy (and PyTorch) are imported: a benchmark imports this module first.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from statistics import median  # noqa: E402
from time import process_time  # noqa: E402

Job = Callable[[], object]


def torch_or_none() -> object:
    """PyTorch on one thread, or None (said once) where it is not installed."""
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: its columns are left out")
        return None
    torch.set_num_threads(1)
    return torch


def compare(jobs: dict[str, Job], rounds: int = 60, milliseconds: float = 5) -> dict[str, list[float]]:
    """Seconds per call of each job, one figure per round; the jobs take turns within a round."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    calls = {}
    for name, job in jobs.items():
        job()
        start = process_time()
        job()
        calls[name] = max(1, int(milliseconds / 1e3 / max(process_time() - start, 1e-7)))
    for _ in range(rounds):
        for name, job in jobs.items():
            start = process_time()
            for _ in range(calls[name]):
                job()
            times[name].append((process_time() - start) / calls[name])
    return times


def ratio(times: dict[str, list[float]], name: str, to: str) -> float:
    """The median over the rounds of ``name``'s time to ``to``'s."""
    return median(a / b for a, b in zip(times[name], times[to]))


def report(title: str, times: dict[str, list[float]], subject: str = "autotape") -> None:
    """A table of medians and of how many times the subject's time each other job takes."""
    print(f"\n{title}")
    for name, values in times.items():
        line = f"  {name:<34}{median(values) * 1e6:12.1f} us"
        if name != subject:
            line += f"   autotape takes {ratio(times, subject, name):5.2f}x its time"
        print(line)
