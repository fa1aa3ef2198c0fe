"""Checking all gradients of a 784-400-100-10 network, by directions and single entries.

python benchmarks/gradient_checking.py
"""

from __future__ import annotations

from _measure import compare  # sets the number of threads: before NumPy

# isort: split
from statistics import median

import autotape as at
from autotape.testing import check_module


def network() -> at.nn.Module:
    """The network: 354,910 numbers in six parameters."""
    at.manual_seed(0)
    return at.nn.Sequential(
        at.nn.Linear(784, 400), at.nn.ReLU(), at.nn.Linear(400, 100), at.nn.ReLU(), at.nn.Linear(100, 10)
    )


def seconds(double: bool) -> float:
    """The processor's time of one check, in training and evaluation mode."""
    net, x = network(), at.rand(8, 784)
    if double:
        net, x = net.double(), x.double()
    return median(compare({"check": lambda: check_module(net, x)}, rounds=5)["check"])


if __name__ == "__main__":
    print(f"784-400-100-10, float64: {seconds(double=True):.2f} s")
    print(f"784-400-100-10, float32: {seconds(double=False):.2f} s")
