"""``autotape.backends.openmp``: not used; NumPy does what is computed."""

from __future__ import annotations

__all__ = ["is_available"]


def is_available() -> bool:
    """False."""
    return False
