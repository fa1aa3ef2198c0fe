"""Optimizer steps beside PyTorch's: one large parameter, many small ones, their peak memory, block sizes.

    python benchmarks/optimizers.py [--blocks]

"3M" is one parameter of 3 million elements; "small" 200 parameters of 16 to 1000; "MLP" the six parameters of
784-400-100-10. PyTorch's is its default step (``foreach=None``). The memory is what a step allocates at its
peak beyond parameters, gradients and state. ``--blocks`` measures Adam over the sizes of a block instead.
"""

from __future__ import annotations

import sys
import tracemalloc
from statistics import median
from typing import Any

from _measure import compare, ratio, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import numpy as np

import autotape as at
from autotape import optim
from autotape.optim import elementwise

Array = np.ndarray[Any, Any]
torch: Any = torch_or_none()
rng = np.random.default_rng(0)

MODELS: dict[str, list[tuple[int, ...]]] = {
    "3M": [(1500, 2000)],
    "MLP": [(400, 784), (400,), (100, 400), (100,), (10, 100), (10,)],
    "small": [(16,), (8, 4), (10, 100), (64,)] * 50,
}
OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 1e-3}),
    ("SGD", {"lr": 1e-3, "momentum": 0.9}),
    ("Adam", {}),
    ("AdamW", {}),
    ("RMSprop", {}),
    ("Adagrad", {}),
    ("Adadelta", {}),
    ("Adamax", {}),
    ("NAdam", {}),
    ("RAdam", {}),
    ("ASGD", {}),
    ("Rprop", {}),
    ("Adafactor", {}),
]


def made(name: str, options: dict[str, Any], shapes: list[tuple[int, ...]]) -> dict[str, Any]:
    """The optimizer on both sides, over equal parameters with equal gradients."""
    values = [(rng.normal(size=s).astype(np.float32), rng.normal(size=s).astype(np.float32)) for s in shapes]
    out: dict[str, Any] = {}
    ours = []
    for value, grad in values:
        p = at.tensor(value, requires_grad=True)
        p.grad = at.tensor(grad)
        ours.append(p)
    out["autotape"] = getattr(optim, name)(ours, **options)
    if torch is not None:
        theirs = []
        for value, grad in values:
            q = torch.tensor(value, requires_grad=True)
            q.grad = torch.tensor(grad)
            theirs.append(q)
        out["PyTorch"] = getattr(torch.optim, name)(theirs, **options)
    return out


def peak(optimizer: Any) -> int:
    """The bytes that a step has allocated at most, when the state is there."""
    optimizer.step()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    optimizer.step()
    most = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return most


def main() -> None:
    """Print the table."""
    for model, shapes in MODELS.items():
        size = 4 * sum(int(np.prod(s)) for s in shapes)
        print(f"\n{model}: {len(shapes)} parameters, {size / 1e6:.2f} MB of float32")
        for name, options in OPTIMIZERS:
            optimizers = made(name, options, shapes)
            times = compare({k: o.step for k, o in optimizers.items()}, rounds=25, milliseconds=10)
            label = name + "".join(f" {k}={v}" for k, v in options.items() if k != "lr")
            line = f"  {label:<22}{median(times['autotape']) * 1e6:10.1f} us"
            if "PyTorch" in times:
                speed = 1 / ratio(times, "autotape", "PyTorch")
                line += f"{median(times['PyTorch']) * 1e6:10.1f} us of PyTorch: {speed:5.2f}x its speed"
            print(line + f"   peak {peak(optimizers['autotape']) / 1e6:.2f} MB")


def block_sizes() -> None:
    """Adam over 3 million elements in blocks of several sizes."""
    for dtype in (np.float32, np.float64):
        p = at.tensor(rng.normal(size=3_000_000).astype(dtype), requires_grad=True)
        p.grad = at.tensor(rng.normal(size=3_000_000).astype(dtype))
        optimizer = optim.Adam([p])

        def step(size: int, optimizer: Any = optimizer) -> None:
            elementwise.BLOCK = size
            optimizer.step()

        sizes = [2**i for i in range(11, 20)]
        times = compare({str(n): lambda n=n: step(n) for n in sizes}, rounds=15, milliseconds=10)  # type: ignore[misc]
        print(dtype.__name__, {n: f"{median(t) * 1e3:.2f} ms" for n, t in times.items()})


if __name__ == "__main__":
    np.seterr(all="ignore")
    if "--blocks" in sys.argv:
        block_sizes()
    else:
        main()
