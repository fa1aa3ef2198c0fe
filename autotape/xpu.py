"""``autotape.xpu``: there is no Intel GPU here, and scripts that ask first run unchanged.

>>> import autotape as at
>>> at.xpu.is_available()
False
"""

from __future__ import annotations

from typing import Any

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all", "synchronize"]


def is_available() -> bool:
    """False: autotape computes on the CPU."""
    return False


def device_count() -> int:
    """0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: no generator to seed (:func:`autotape.manual_seed` seeds the CPU's)."""


manual_seed_all = manual_seed


def synchronize(device: Any = None) -> None:
    """Nothing: every operation has ended when its function returns."""


def empty_cache() -> None:
    """Nothing: there is no cache."""
