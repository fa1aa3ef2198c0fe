"""Settings of the process: threads, determinism, precision, default device, anomaly detection; compile."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from autotape.autograd.anomaly import switch
from autotape.engine.basics import cpu, device, on_cpu
from autotape.engine.dtypes import set_default_dtype
from autotape.engine.replay import anomaly
from autotape.ops import legacy

__all__ = [
    "are_deterministic_algorithms_enabled",
    "compile",
    "get_default_device",
    "get_float32_matmul_precision",
    "get_num_interop_threads",
    "get_num_threads",
    "is_anomaly_check_nan_enabled",
    "is_anomaly_enabled",
    "is_deterministic_algorithms_warn_only_enabled",
    "set_anomaly_enabled",
    "set_default_device",
    "set_default_tensor_type",
    "set_float32_matmul_precision",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_num_threads",
    "use_deterministic_algorithms",
]


class _State:
    """What was asked for where autotape has nothing to switch."""

    deterministic = False
    warn_only = False
    threads = os.cpu_count() or 1
    interop_threads = 1
    matmul_precision = "highest"


_state = _State()


# --- threads ------------------------------------------------------------------------------------------------


@cache
def _blas(verb: str) -> Any:
    """The C function of NumPy's BLAS that gets or sets its number of threads; None for a BLAS without one."""
    try:
        import ctypes

        library = ctypes.CDLL(np._core._multiarray_umath.__file__)  # type: ignore[attr-defined]
    except (AttributeError, OSError):
        return None
    for name in ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads",
                 "openblas_{}_num_threads64_", "openblas_{}_num_threads"):  # fmt: skip
        function = getattr(library, name.format(verb), None)
        if function is not None:
            return function
    return None


def get_num_threads() -> int:
    """How many threads a matrix product may use; everything else runs on the caller's own.

    >>> get_num_threads() >= 1
    True
    """
    function = _blas("get")
    return _state.threads if function is None else int(function())


def _count(n: Any, function: str) -> int:
    if not isinstance(n, int):
        raise RuntimeError(f"{function} expects an int, but got {type(n).__name__}")
    if n <= 0:
        raise RuntimeError(f"{function} expects a positive integer, got {n}")
    return n


def set_num_threads(n: int) -> None:
    """Set how many threads NumPy's BLAS (OpenBLAS) may use. With another BLAS the number is only remembered.

    >>> set_num_threads(get_num_threads())
    """
    _state.threads = _count(n, "set_num_threads")
    function = _blas("set")
    if function is not None:
        function(n)


def get_num_interop_threads() -> int:
    """How many operations run side by side: 1, unless another number was set. autotape runs them in order."""
    return _state.interop_threads


def set_num_interop_threads(n: int) -> None:
    """Accepted for PyTorch's sake: autotape runs one operation after the other."""
    _state.interop_threads = _count(n, "set_num_interop_threads")


# --- determinism --------------------------------------------------------------------------------------------


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted for PyTorch's sake: every operation of autotape gives the same result each time."""
    if not isinstance(mode, bool):
        raise TypeError(f"use_deterministic_algorithms(): mode must be bool, not {type(mode).__name__}")
    _state.deterministic, _state.warn_only = mode, warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """Whether :func:`use_deterministic_algorithms` was called with True.

    >>> are_deterministic_algorithms_enabled()
    False
    """
    return _state.deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """The ``warn_only`` of the last :func:`use_deterministic_algorithms`."""
    return _state.warn_only


# --- precision ----------------------------------------------------------------------------------------------


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted for PyTorch's sake, and remembered: products of float32 are computed in float32.

    >>> set_float32_matmul_precision("high")
    >>> get_float32_matmul_precision()
    'high'
    """
    if precision not in ("highest", "high", "medium"):
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the call has no effect", stacklevel=2
        )
        return
    _state.matmul_precision = precision


def get_float32_matmul_precision() -> str:
    """What :func:`set_float32_matmul_precision` was given last; first ``"highest"``."""
    return _state.matmul_precision


def set_flush_denormal(mode: bool) -> bool:
    """False: NumPy keeps denormal numbers."""
    return False


def set_default_tensor_type(t: Any) -> None:
    """:func:`set_default_dtype` by the name or type of a tensor: ``FloatTensor``, ``"torch.DoubleTensor"``.

    TypeError for a type of CUDA's. Superseded by ``set_default_dtype``, in PyTorch too.

    >>> import autotape as at
    >>> at.set_default_tensor_type(at.FloatTensor)
    >>> at.get_default_dtype()
    autotape.float32
    """
    kind = getattr(legacy, t.rpartition(".")[2], None) if isinstance(t, str) else t
    if not isinstance(kind, legacy.TensorType) or (isinstance(t, str) and ".cuda." in t):
        raise TypeError(f"type {t} not available: it is FloatTensor, DoubleTensor or HalfTensor, on the CPU")
    set_default_dtype(kind.dtype)


# --- device, anomaly detection ------------------------------------------------------------------------------


def set_default_device(device: str | device | None) -> None:
    """Accepts the CPU (or None), the only device there is; RuntimeError for another.

    >>> set_default_device("cpu")
    """
    on_cpu(device)


def get_default_device() -> device:
    """Where tensors are made: ``device('cpu')``.

    >>> get_default_device()
    device(type='cpu')
    """
    return cpu


def set_anomaly_enabled(mode: bool, check_nan: bool = True) -> None:
    """Switch anomaly detection on or off; :class:`autotape.autograd.set_detect_anomaly` says what it does."""
    switch(mode, check_nan)


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on.

    >>> is_anomaly_enabled()
    False
    """
    return anomaly.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection, when it is on, looks for NaN."""
    return anomaly.check_nan


# --- compile ------------------------------------------------------------------------------------------------


def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] = "eager",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
    **others: Any,
) -> Any:
    """The function or module itself: autotape has no compiler. Also a decorator, with and without arguments.

    >>> @compile(fullgraph=True)
    ... def double(x):
    ...     return 2 * x
    >>> double(4), compile(double) is double
    (8, True)
    """
    return (lambda found: found) if model is None else model
