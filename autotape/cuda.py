"""``autotape.cuda``: there is none, and scripts that ask first run unchanged.

Questions are answered (no, 0), calls that only tidy up or seed do nothing, and what needs a GPU raises.

>>> import autotape as at
>>> "cuda" if at.cuda.is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from typing import Any, NoReturn

__all__ = [
    "current_device",
    "device_count",
    "empty_cache",
    "get_device_name",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "memory_allocated",
    "reset_peak_memory_stats",
    "synchronize",
]


def is_available() -> bool:
    """False: autotape computes on the CPU."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_device() -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    raise RuntimeError(
        "No CUDA device: autotape computes on the CPU only; ask autotape.cuda.is_available() first"
    )


def get_device_name(device: Any = None) -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    current_device()


def manual_seed(seed: int) -> None:
    """Nothing: no CUDA generator to seed (:func:`autotape.manual_seed` seeds the CPU's)."""


def manual_seed_all(seed: int) -> None:
    """Nothing: no CUDA generator to seed."""


def synchronize(device: Any = None) -> None:
    """Nothing: every operation has ended when its function returns."""


def empty_cache() -> None:
    """Nothing: there is no cache."""


def memory_allocated(device: Any = None) -> int:
    """0 bytes on CUDA devices."""
    return 0


def max_memory_allocated(device: Any = None) -> int:
    """0 bytes on CUDA devices."""
    return 0


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing: nothing is counted."""
