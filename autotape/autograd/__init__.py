"""Gradients: modes, ``grad`` and ``backward``, user-defined ``Function``, checks and functional forms."""

from autotape.autograd import functional, leaks
from autotape.autograd.anomaly import detect_anomaly, set_detect_anomaly
from autotape.autograd.function import Function
from autotape.autograd.gradcheck import GradcheckError, gradcheck, gradgradcheck
from autotape.autograd.gradient import backward, grad
from autotape.autograd.modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from autotape.autograd.variable import Variable

__all__ = [
    "Function",
    "GradcheckError",
    "Variable",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "inference_mode",
    "leaks",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
]
