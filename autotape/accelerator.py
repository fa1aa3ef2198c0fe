"""``autotape.accelerator``: there is none, and scripts that ask first run unchanged.

>>> import autotape as at
>>> device = at.accelerator.current_accelerator().type if at.accelerator.is_available() else "cpu"
>>> device
'cpu'
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "current_accelerator",
    "current_device_index",
    "device_count",
    "empty_cache",
    "is_available",
    "memory_allocated",
    "set_device_index",
    "synchronize",
]


def is_available() -> bool:
    """False: autotape computes on the CPU."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> Any:
    """None: there is none."""
    return None


def current_device_index() -> NoReturn:
    """RuntimeError: there is no accelerator."""
    raise RuntimeError(
        "No accelerator: autotape computes on the CPU only; ask autotape.accelerator.is_available() first"
    )


def set_device_index(device: Any, /) -> NoReturn:
    """RuntimeError: there is no accelerator."""
    current_device_index()


def synchronize(device: Any = None, /) -> None:
    """Nothing: every operation has ended when its function returns."""


def empty_cache() -> None:
    """Nothing: there is no cache."""


def memory_allocated(device_index: Any = None, /) -> int:
    """0 bytes on accelerators."""
    return 0
