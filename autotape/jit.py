"""``autotape.jit``: scripting without a compiler: functions and modules stay as they are and run eagerly.

What a script writes around its code works: ``@jit.script``, ``jit.trace(model, inputs)``, ``@jit.ignore``,
a base class ``jit.ScriptModule``. What needs a compiled program, such as ``jit.save``, says that it is left
out.

>>> import autotape as at
>>> @at.jit.script
... def swish(x: at.Tensor) -> at.Tensor:
...     return x * x.sigmoid()
>>> swish(at.zeros(1))
tensor([0.])
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

from autotape import left_out
from autotape.nn.module import Module

__all__ = [
    "Final",
    "ScriptModule",
    "annotate",
    "export",
    "freeze",
    "ignore",
    "is_scripting",
    "is_tracing",
    "optimize_for_inference",
    "script",
    "script_method",
    "trace",
    "unused",
]

T = TypeVar("T")


class ScriptModule(Module):
    """A base class that is :class:`autotape.nn.Module` under another name."""


def script(obj: T, *args: Any, **kwargs: Any) -> T:
    """The function, class or module itself, which runs as Python."""
    return obj


def trace(func: T, example_inputs: Any = None, *args: Any, **kwargs: Any) -> T:
    """The function or module itself. So no branch is frozen to the one that ``example_inputs`` take."""
    return func


def script_method(fn: T) -> T:
    """The method itself."""
    return fn


export = unused = script_method
freeze = optimize_for_inference = script


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The method itself; also a decorator with arguments: ``@jit.ignore(drop=True)``."""
    return drop if callable(drop) else lambda found: found


def annotate(the_type: Any, the_value: T) -> T:
    """The value."""
    return the_value


def is_scripting() -> bool:
    """False."""
    return False


def is_tracing() -> bool:
    """False."""
    return False


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("jit", name, __all__)
