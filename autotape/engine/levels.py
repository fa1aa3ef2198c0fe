"""The running vmaps, and what they refuse."""

from __future__ import annotations

import itertools
import sys
import threading
from typing import Any

from autotape.engine.tape import outside

__all__ = ["BatchingError", "Level", "levels"]

_numbers = itertools.count(1).__next__


class BatchingError(RuntimeError):
    """What can't be done with a batch of examples at once."""


class Level:
    """One running vmap: the size of its batch and its randomness; inner ones have greater numbers."""

    __slots__ = ("active", "number", "randomness", "size")

    def __init__(self, size: int, randomness: str = "error") -> None:
        self.number = _numbers()
        self.size = size
        self.randomness = randomness
        self.active = True  # while the function runs: gradients taken then are those of each example

    def __repr__(self) -> str:
        return f"<vmap level {self.number} of size {self.size}>"


class _Running(threading.local):
    """The levels that are running in this thread, outermost first."""

    def __init__(self) -> None:
        self.stack: list[Level] = []


levels = _Running()


class BatchedShape(tuple[int, ...]):
    """The shape of one example, and the levels at which the value is batched: what the tape keeps of it."""

    levels: tuple[Level, ...]


def over_levels(x: Any) -> tuple[Level, ...]:
    """The levels at which an array (or the value of that shape) is batched, the innermost first."""
    return getattr(x if isinstance(x, tuple) else getattr(x, "shape", ()), "levels", ())


def in_transform() -> bool:
    """Whether a vmap is running in this thread."""
    return bool(levels.stack)


# --- errors -------------------------------------------------------------------------------------------------


def _operation_running() -> str:
    """The autotape operation that the innermost frames belong to, for messages."""
    frame: Any = sys._getframe(1)
    name = ""
    while frame is not None and frame.f_code.co_filename not in outside:
        operation = frame.f_locals.get("operation")
        if hasattr(operation, "forward"):
            return str(operation.name)
        module = frame.f_globals.get("__name__", "")
        if module.startswith("autotape.") and not module.startswith(("autotape.engine", "autotape.func")):
            name = frame.f_code.co_name.strip("_")
        frame = frame.f_back
    return name


def no_rule(function: str) -> BatchingError:
    """The error for a NumPy function that has no batching rule."""
    name = _operation_running()
    return BatchingError(
        f"vmap: no batching rule for {function}" + (f", used by {name}" if name else "") + "; "
        "call the operation outside of vmap, or on every example (autotape.stack([f(x) for x in batch]))"
    )


def data_dependent(what: str) -> BatchingError:
    """The error for a shape that would differ from example to example."""
    return BatchingError(
        f"vmap: {what} has a shape that depends on the data, and can differ from example to example. "
        "We don't support vmap over dynamic shapes; use where() or a mask instead"
    )


def not_into_unbatched(name: str = "inplace arithmetic") -> BatchingError:
    """The error for a write of batched values into memory that all examples share."""
    return BatchingError(
        f"vmap: {name}(self, *extra_args) is not possible because there exists a Tensor `other` "
        f"in extra_args "
        "that has more elements than `self`. This happened due to `other` being vmapped over but `self` not "
        "being vmapped over at level(s). Please try to use out-of-place operators instead of "
        f"{name}. If said operator is being called inside the autotape framework, please file a bug report."
    )


def control_flow() -> BatchingError:
    return BatchingError(
        "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't "
        "support that yet: every example would need its own. Use autotape.where(condition, a, b) instead"
    )


def item() -> BatchingError:
    return BatchingError(
        "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over "
        "calling .item() on "
        "a Tensor, please try to rewrite what you're doing with other operations"
    )
