"""Training an embedding table beside PyTorch: lookup, mean over words, linear, cross entropy, optimizer.

    python benchmarks/embedding.py

A 5000x64 table and a batch of 32 texts of 16 words, with SGD and with Adam.
"""

from __future__ import annotations

from typing import Any

from _measure import Job, compare, report, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import numpy as np

import autotape

ROWS, SIZE, CLASSES, TEXTS, WORDS = 5000, 64, 10, 32, 16
torch: Any = torch_or_none()


def step_with(library: Any, optimizer: str) -> Job:
    """One training step of the classifier in one of the two libraries."""
    rng = np.random.default_rng(0)
    nn = library.nn
    table, head = nn.Embedding(ROWS, SIZE), nn.Linear(SIZE, CLASSES)
    with library.no_grad():
        for p in (table.weight, head.weight, head.bias):
            p.copy_(library.from_numpy(rng.normal(0, 0.1, tuple(p.shape)).astype(np.float32)))
    parameters = [table.weight, *head.parameters()]
    chosen = getattr(library.optim, optimizer)(parameters, lr=0.01)
    words = library.from_numpy(rng.integers(0, ROWS, (TEXTS, WORDS)))
    classes = library.from_numpy(rng.integers(0, CLASSES, TEXTS))

    def step() -> Any:
        loss = nn.functional.cross_entropy(head(table(words).mean(1)), classes)
        chosen.zero_grad()
        loss.backward()
        chosen.step()
        return loss

    return step


def main() -> None:
    """Print the tables."""
    libraries = {"autotape": autotape} | ({} if torch is None else {"PyTorch": torch})
    for optimizer in ("SGD", "Adam"):
        jobs = {name: step_with(library, optimizer) for name, library in libraries.items()}
        losses = [[float(job().item()) for _ in range(3)] for job in jobs.values()]  # type: ignore[attr-defined]
        assert np.ptp(losses, axis=0).max() < 1e-5, losses  # the same work
        report(f"{ROWS}x{SIZE} table, {TEXTS}x{WORDS} words, {optimizer}", compare(jobs))


if __name__ == "__main__":
    main()
