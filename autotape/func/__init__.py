"""Function transforms: derivatives of functions, and functions of batches."""

from __future__ import annotations

from typing import Any

from autotape import left_out
from autotape.func.batching import vmap
from autotape.func.derivatives import grad, grad_and_value, jvp, linearize, vjp
from autotape.func.jacobians import hessian, jacfwd, jacrev
from autotape.func.modules import functional_call, stack_module_state

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "linearize",
    "stack_module_state",
    "vjp",
    "vmap",
]


def __getattr__(name: str) -> Any:
    raise left_out.missing("func", name, __all__)
