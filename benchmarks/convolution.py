"""Convolutions and pooling beside PyTorch: single layers, forward and backward.

    python benchmarks/convolution.py

LeNet-5, which is made of some of them, is in ``speed.py``.
"""

from __future__ import annotations

from typing import Any

from _measure import Job, compare, report, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import numpy as np

import autotape as at
import autotape.nn.functional as F

torch: Any = torch_or_none()
rng = np.random.default_rng(0)

LAYERS = {  # images, channels, size, out channels, kernel, padding, groups
    "1->6 5x5 on 28x28, batch 64": (64, 1, 28, 6, 5, 0, 1),
    "6->16 5x5 on 12x12, batch 64": (64, 6, 12, 16, 5, 0, 1),
    "3->32 3x3 on 32x32, batch 32": (32, 3, 32, 32, 3, 1, 1),
    "64->64 3x3 on 16x16, batch 32": (32, 64, 16, 64, 3, 1, 1),
    "64->64 1x1 on 16x16, batch 32": (32, 64, 16, 64, 1, 0, 1),
    "32 depthwise 3x3 on 16x16, batch 32": (32, 32, 16, 32, 3, 1, 32),
}


def both_ways(library: Any, functional: Any, call: Any, *arrays: Any) -> Job:
    """Forward and the gradients of all inputs."""
    make = at.tensor if library is at else torch.tensor
    leaves = [make(a, requires_grad=True) for a in arrays]
    seed = None

    def run() -> Any:
        nonlocal seed
        y = call(functional, *leaves)
        if seed is None:
            seed = make(np.ones(tuple(y.shape), np.float32))
        return library.autograd.grad(y, leaves, seed)

    return run


def layer(call: Any, *arrays: Any) -> dict[str, Job]:
    """The jobs of one layer."""
    jobs = {"autotape": both_ways(at, F, call, *arrays)}
    if torch is not None:
        jobs["PyTorch"] = both_ways(torch, torch.nn.functional, call, *arrays)
    return jobs


def normal(*shape: int) -> Any:
    """Standard normal float32 numbers."""
    return rng.standard_normal(shape, dtype=np.float32)


def main() -> None:
    """All tables."""
    for title, (n, c, size, out, k, padding, groups) in LAYERS.items():
        jobs = layer(
            lambda f, x, w, p=padding, g=groups: f.conv2d(x, w, padding=p, groups=g),
            normal(n, c, size, size), normal(out, c // groups, k, k),
        )  # fmt: skip
        report(f"conv2d {title}, forward and backward", compare(jobs, 12, 20))
    x = normal(64, 6, 24, 24)
    report("max_pool2d 2x2 on 64x6x24x24", compare(layer(lambda f, x: f.max_pool2d(x, 2), x), 20))
    report("max_pool2d 3x3, stride 2", compare(layer(lambda f, x: f.max_pool2d(x, 3, 2, 1), x), 20))
    report("avg_pool2d 2x2", compare(layer(lambda f, x: f.avg_pool2d(x, 2), x), 20))
    report("adaptive_avg_pool2d to 1x1", compare(layer(lambda f, x: f.adaptive_avg_pool2d(x, 1), x), 20))


if __name__ == "__main__":
    main()
