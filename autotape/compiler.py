"""``autotape.compiler``: what scripts say to PyTorch's compiler; autotape has none and runs eagerly.

>>> @disable
... def double(x):
...     return 2 * x
>>> double(4), is_compiling()
(8, False)
"""

from __future__ import annotations

from typing import Any

from autotape.settings import compile  # noqa: A004 - the name is PyTorch's

__all__ = [
    "allow_in_graph",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "is_dynamo_compiling",
    "reset",
]


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """The function itself, which is never compiled. Also a decorator with arguments."""
    return (lambda found: found) if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """The function itself."""
    return fn


def is_compiling() -> bool:
    """False."""
    return False


is_dynamo_compiling = is_compiling


def reset() -> None:
    """Nothing: nothing was compiled."""


def cudagraph_mark_step_begin() -> None:
    """Nothing: there are no CUDA graphs."""
