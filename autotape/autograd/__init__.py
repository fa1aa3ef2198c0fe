"""Gradients: modes, ``grad`` and ``backward``, user-defined ``Function``, checks and functional forms."""

from __future__ import annotations

import importlib
import typing

from autotape import left_out
from autotape.autograd import function, graph, leaks
from autotape.autograd.anomaly import detect_anomaly, set_detect_anomaly
from autotape.autograd.function import Function
from autotape.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from autotape.autograd.gradient import backward, grad
from autotape.autograd.modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from autotape.autograd.variable import Variable

if typing.TYPE_CHECKING:
    from autotape.autograd import forward_ad, functional, profiler

__all__ = [
    "Function",
    "GradcheckError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "function",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "graph",
    "inference_mode",
    "leaks",
    "no_grad",
    "profiler",
    "set_detect_anomaly",
    "set_grad_enabled",
]


def __getattr__(name: str) -> typing.Any:
    """Rooms that are imported when first used."""
    if name in ("forward_ad", "functional", "profiler"):
        return importlib.import_module(f"autotape.autograd.{name}")
    raise left_out.missing("autograd", name, __all__)
