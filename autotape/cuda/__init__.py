"""``autotape.cuda``: there is none, and scripts that ask first run unchanged.

Questions are answered (no, 0), calls that only tidy up, wait or seed do nothing, and what needs a GPU raises.

>>> import autotape as at
>>> "cuda" if at.cuda.is_available() else "cpu"
'cpu'
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

from autotape import left_out

__all__ = [
    "Event",
    "OutOfMemoryError",
    "Stream",
    "amp",
    "current_device",
    "current_stream",
    "default_stream",
    "device",
    "device_count",
    "empty_cache",
    "get_arch_list",
    "get_device_capability",
    "get_device_name",
    "get_device_properties",
    "get_rng_state",
    "get_rng_state_all",
    "init",
    "ipc_collect",
    "is_available",
    "is_bf16_supported",
    "is_initialized",
    "manual_seed",
    "manual_seed_all",
    "max_memory_allocated",
    "max_memory_cached",
    "max_memory_reserved",
    "mem_get_info",
    "memory_allocated",
    "memory_cached",
    "memory_reserved",
    "memory_stats",
    "memory_summary",
    "reset_max_memory_allocated",
    "reset_peak_memory_stats",
    "seed",
    "seed_all",
    "set_device",
    "set_per_process_memory_fraction",
    "set_rng_state",
    "set_rng_state_all",
    "stream",
    "synchronize",
]

_NONE = "No CUDA device: autotape computes on the CPU only; ask autotape.cuda.is_available() first"


# --- questions ----------------------------------------------------------------------------------------------


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


def get_arch_list() -> list[str]:
    """No architectures."""
    return []


# --- a device -----------------------------------------------------------------------------------------------


def init() -> NoReturn:
    """RuntimeError: there is no CUDA device. So do all functions that tell of a device."""
    raise RuntimeError(_NONE)


def current_device() -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    init()


def set_device(device: Any) -> None:
    """Nothing for a negative index, as in PyTorch; RuntimeError for any other device."""
    if not isinstance(device, int) or device >= 0:
        init()


def get_device_name(device: Any = None) -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    init()


def get_device_capability(device: Any = None) -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    init()


def get_device_properties(device: Any = None) -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    init()


def mem_get_info(device: Any = None) -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    init()


class device:
    """Context in which a device is the current one: nothing for None and a negative index; else an error.

    >>> with device(None):
    ...     pass
    """

    def __init__(self, device: Any) -> None:
        self.idx = -1 if device is None else device

    def __enter__(self) -> None:
        set_device(self.idx)

    def __exit__(self, *error: object) -> None:
        """Nothing was changed."""


# --- streams ------------------------------------------------------------------------------------------------


class Stream:
    """RuntimeError when one is made: there is no CUDA device."""

    def __init__(self, device: Any = None, priority: int = 0, **others: Any) -> None:
        init()


class Event:
    """RuntimeError when one is made: measure with ``time.perf_counter()``."""

    def __init__(self, enable_timing: bool = False, blocking: bool = False, **others: Any) -> None:
        raise RuntimeError(f"{_NONE}; time.perf_counter() measures")


def current_stream(device: Any = None) -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    init()


def default_stream(device: Any = None) -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    init()


def stream(stream: None) -> AbstractContextManager[None]:
    """Context of a stream: nothing for None, the only one that can be given."""
    if stream is not None:
        init()
    return nullcontext()


def synchronize(device: Any = None) -> None:
    """Nothing: every operation has ended when its function returns."""


# --- random numbers -----------------------------------------------------------------------------------------


def manual_seed(seed: int) -> None:
    """Nothing: no CUDA generator to seed (:func:`autotape.manual_seed` seeds the CPU's)."""


def seed() -> None:
    """Nothing: no CUDA generator to seed."""


manual_seed_all = manual_seed
seed_all = seed


def get_rng_state(device: Any = "cuda") -> NoReturn:
    """RuntimeError: there is no CUDA generator (:func:`autotape.get_rng_state` has the CPU's state)."""
    init()


def set_rng_state(new_state: Any, device: Any = "cuda") -> NoReturn:
    """RuntimeError: there is no CUDA generator."""
    init()


def get_rng_state_all() -> list[Any]:
    """The states of no generators."""
    return []


def set_rng_state_all(new_states: list[Any]) -> None:
    """Nothing for an empty list; RuntimeError for the states of generators."""
    if new_states:
        init()


# --- memory -------------------------------------------------------------------------------------------------


class OutOfMemoryError(RuntimeError):
    """Never raised; here so that a script can name it in an except clause."""


def empty_cache() -> None:
    """Nothing: there is no cache."""


def ipc_collect() -> None:
    """Nothing: no memory is shared."""


def memory_allocated(device: Any = None) -> int:
    """0 bytes on CUDA devices."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated
memory_cached = max_memory_cached = memory_allocated


def memory_stats(device: Any = None) -> dict[str, Any]:
    """Empty: nothing is counted."""
    return {}


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """A line that says that there is none."""
    return "no CUDA device, 0 bytes"


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing: nothing is counted."""


reset_max_memory_allocated = reset_peak_memory_stats


def set_per_process_memory_fraction(fraction: float, device: Any = None) -> NoReturn:
    """RuntimeError: there is no CUDA device."""
    init()


# --- types of tensors ---------------------------------------------------------------------------------------


class _NoTensor:
    """A type of tensors that no tensor has: `isinstance` is False, and making one a TypeError."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"type {cls.__module__}.{cls.__name__} not available: {_NONE}")


_KINDS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
_TYPES = {f"{kind}Tensor": type(f"{kind}Tensor", (_NoTensor,), {"__module__": __name__}) for kind in _KINDS}


def __getattr__(name: str) -> Any:
    """The types of tensors, ``amp`` on demand, and the error for a name that is not there."""
    if name in _TYPES:
        return _TYPES[name]
    if name == "amp":
        import autotape.cuda.amp

        return autotape.cuda.amp
    raise left_out.missing("cuda", name, __all__)
