"""``autotape.mps``: there is no Apple GPU here, and scripts that ask first run unchanged.

>>> import autotape as at
>>> at.mps.is_available(), at.backends.mps.is_available()
(False, False)
"""

from __future__ import annotations

__all__ = [
    "current_allocated_memory",
    "device_count",
    "empty_cache",
    "is_available",
    "manual_seed",
    "seed",
    "synchronize",
]


def is_available() -> bool:
    """False: autotape computes on the CPU."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: no generator to seed (:func:`autotape.manual_seed` seeds the CPU's)."""


def seed() -> None:
    """Nothing: no generator to seed."""


def synchronize() -> None:
    """Nothing: every operation has ended when its function returns."""


def empty_cache() -> None:
    """Nothing: there is no cache."""


def current_allocated_memory() -> int:
    """0 bytes."""
    return 0
