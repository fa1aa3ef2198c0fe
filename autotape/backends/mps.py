"""``autotape.backends.mps``: there is no Apple GPU here."""

from __future__ import annotations

__all__ = ["is_available", "is_built"]


def is_available() -> bool:
    """False: autotape computes on the CPU."""
    return False


def is_built() -> bool:
    """False."""
    return False
