"""Gradient modes: whether operations are recorded. Isolated between threads and asyncio tasks."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar

from autotape.engine.tape import Tape, current_tape, recording

__all__ = [
    "enable_grad",
    "inference_mode",
    "is_grad_enabled",
    "is_inference_mode_enabled",
    "no_grad",
    "set_grad_enabled",
]

F = TypeVar("F", bound=Callable[..., Any])


def is_grad_enabled() -> bool:
    """Whether operations on tensors that require grad are recorded in this thread or asyncio task.

    >>> is_grad_enabled()
    True
    """
    try:
        return recording.get() is not None
    except LookupError:
        return True


def _current() -> Tape | None:
    current_tape()  # gives a new thread its tape
    return recording.get()


def _record(enabled: bool) -> None:
    recording.set(current_tape() if enabled else None)


class _Mode:
    """A gradient mode as a context manager and as a decorator of functions, generators included."""

    def __init__(self, enabled: bool) -> None:
        self._enabled = enabled
        self._before: list[Tape | None] = []  # a stack: one object may be entered again inside itself

    def __enter__(self) -> None:
        self._before.append(_current())
        _record(self._enabled)

    def __exit__(self, *exc: object) -> None:
        recording.set(self._before.pop())

    def _again(self) -> _Mode:
        """A fresh manager for each call of a decorated function."""
        return _Mode(self._enabled)

    def __call__(self, function: F) -> F:
        if inspect.isclass(function):
            raise TypeError(
                f"{type(self).__name__} decorates functions, not classes; decorate the methods instead"
            )
        if inspect.isgeneratorfunction(function):

            @wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                running = function(*args, **kwargs)
                try:
                    with self._again():
                        value = next(running)
                    while True:
                        try:
                            sent = yield value  # the caller's own mode holds while the generator is suspended
                        except GeneratorExit:
                            with self._again():
                                running.close()
                            raise
                        except BaseException as error:
                            with self._again():
                                value = running.throw(error)
                        else:
                            with self._again():
                                value = running.send(sent)
                except StopIteration as stop:
                    return stop.value

            return generator  # type: ignore[return-value]
        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return coroutine  # type: ignore[return-value]

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]


class no_grad(_Mode):
    """Nothing is recorded inside: results do not require grad. A context manager or a decorator.

    The mode belongs to the thread or asyncio task. A ``with`` block around a ``yield`` keeps the mode on
    while the generator is suspended; decorate the generator function instead.

    >>> import autotape as at
    >>> x = at.ones(2, requires_grad=True)
    >>> with at.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    def __new__(cls, function: Any = None) -> Any:
        """``@no_grad`` without parentheses decorates at once."""
        mode = object.__new__(cls)
        if function is None:
            return mode
        mode.__init__()  # type: ignore[misc]
        return mode(function)

    def __init__(self, function: Any = None) -> None:
        super().__init__(False)


class enable_grad(_Mode):
    """Operations are recorded inside, also within :class:`no_grad`. A context manager or a decorator.

    >>> import autotape as at
    >>> x = at.ones(2, requires_grad=True)
    >>> with at.no_grad(), at.enable_grad():
    ...     (x * 2).requires_grad
    True
    """

    def __new__(cls, function: Any = None) -> Any:
        """``@enable_grad`` without parentheses decorates at once."""
        mode = object.__new__(cls)
        if function is None:
            return mode
        mode.__init__()  # type: ignore[misc]
        return mode(function)

    def __init__(self, function: Any = None) -> None:
        super().__init__(True)


class set_grad_enabled(_Mode):
    """Turn recording on or off: at once when called, and back at the end of a ``with`` block.

    >>> import autotape as at
    >>> with at.set_grad_enabled(False):
    ...     at.is_grad_enabled()
    False
    """

    def __init__(self, mode: bool) -> None:
        super().__init__(bool(mode))
        self._before.append(_current())
        _record(self._enabled)

    def __enter__(self) -> None:
        """The mode was set when the object was made."""

    def __call__(self, function: F) -> F:
        """As a decorator."""
        recording.set(self._before.pop())  # as a decorator it acts inside the calls only
        return super().__call__(function)


_inference: ContextVar[bool] = ContextVar("autotape.inference", default=False)


class inference_mode(_Mode):
    """:class:`no_grad` by PyTorch's name for code that never needs gradients; ``mode=False`` does nothing.

    >>> import autotape as at
    >>> with at.inference_mode():
    ...     at.is_inference_mode_enabled()
    True
    """

    def __new__(cls, mode: Any = True) -> Any:
        """``@inference_mode`` without parentheses decorates at once."""
        made = object.__new__(cls)
        if isinstance(mode, bool):
            return made
        made.__init__()  # type: ignore[misc]
        return made(mode)

    def __init__(self, mode: bool = True) -> None:
        super().__init__(not mode)
        self._outer: list[bool] = []

    def __enter__(self) -> None:
        self._outer.append(_inference.get())
        if self._enabled:
            self._before.append(_current())  # keeps the outer mode, as in PyTorch
        else:
            super().__enter__()
        _inference.set(not self._enabled)

    def __exit__(self, *exc: object) -> None:
        super().__exit__(*exc)
        _inference.set(self._outer.pop())

    def _again(self) -> _Mode:
        return inference_mode(not self._enabled)


def is_inference_mode_enabled() -> bool:
    """Whether an :class:`inference_mode` block is active in this thread or task.

    >>> is_inference_mode_enabled()
    False
    """
    return _inference.get()
