"""One small operation, bare, recorded, and with its backward, beside NumPy and PyTorch.

python benchmarks/operations.py
"""

from __future__ import annotations

from typing import Any

from _measure import Job, compare, report, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import numpy as np

import autotape as at

torch: Any = torch_or_none()


def chain(x: Any, length: int) -> Any:
    """X * x * ... : entries on the tape."""
    y = x
    for _ in range(length):
        y = y * x
    return y


def recorded(size: int) -> dict[str, Job]:
    """np.multiply on a square array, alone and recorded."""
    a = np.ones((size, size), np.float32)
    x = at.tensor(a, requires_grad=True)
    jobs: dict[str, Job] = {"autotape": lambda: x * x, "NumPy": lambda: np.multiply(a, a)}
    if torch is not None:
        t = torch.from_numpy(a.copy()).requires_grad_()
        jobs["PyTorch"] = lambda: t * t
    return jobs


def forward_backward(size: int, length: int = 20) -> dict[str, Job]:
    """A chain of products: forward, and backward by hand in NumPy (two products and a sum per entry)."""
    a = np.full((size, size), 1.001, np.float32)
    x = at.tensor(a, requires_grad=True)
    seed = at.ones(size, size)

    def ours() -> None:
        x.grad = None
        chain(x, length).backward(seed)

    def by_hand() -> Any:
        values = [a]
        for _ in range(length):
            values.append(values[-1] * a)
        g = seed.numpy()
        total = np.zeros_like(a)
        for value in reversed(values[:-1]):
            total += g * value
            g = g * a
        return total + g

    jobs: dict[str, Job] = {"autotape": ours, "NumPy": by_hand}
    if torch is not None:
        t = torch.from_numpy(a.copy()).requires_grad_()
        t_seed = torch.ones(size, size)

        def theirs() -> None:
            t.grad = None
            chain(t, length).backward(t_seed)

        jobs["PyTorch"] = theirs
    return jobs


if __name__ == "__main__":
    report("x * x on 8x8, recorded", compare(recorded(8)))
    report("20 products on 8x8, forward and backward", compare(forward_backward(8)))
    report("20 products on 256x256, forward and backward", compare(forward_backward(256)))
