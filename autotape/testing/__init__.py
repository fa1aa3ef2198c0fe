"""Testing gradients: checkers that explain a failure, for functions, modules and derivatives written by hand.

``check_gradients``, ``check_module``, ``check_vjp`` and ``check_grad`` raise :class:`GradientError`;
``assert_close`` compares values. ``docs/test_your_gradients.md`` is the guide.
"""

from __future__ import annotations

from typing import Any

from autotape import left_out
from autotape.testing.comparison import assert_close, make_tensor
from autotape.testing.errors import GradientError
from autotape.testing.gradients import check_gradients
from autotape.testing.modules import check_module
from autotape.testing.plain import check_grad, check_vjp

__all__ = [
    "GradientError",
    "assert_close",
    "check_grad",
    "check_gradients",
    "check_module",
    "check_vjp",
    "make_tensor",
]


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("testing", name, __all__)
