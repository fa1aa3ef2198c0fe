"""Errors and interruptions in the middle of forward and backward."""

from __future__ import annotations

import linecache
import random
import sys
from types import FrameType
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.engine.backward import _deposit_lock
from tests.tape_tools import Greedy, leaf

Array = np.ndarray[Any, Any]


ENGINE = str(at.__path__[0])


class InjectedError(Exception):
    """No code of the package catches it."""


class Interrupter:
    """Raises at the n-th line that runs inside the package (as Ctrl-C may), by a trace function."""

    def __init__(self, at_line: int, error: type[BaseException]) -> None:
        self.left = at_line
        self.error = error

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        filename = frame.f_code.co_filename
        if not filename.startswith(ENGINE):
            return None
        # Python runs no signal handler between the end of a with block and its __exit__; a trace function
        # could.
        if event == "line" and not linecache.getline(filename, frame.f_lineno).lstrip().startswith("with "):
            self.left -= 1
            if self.left == 0:
                raise self.error("injected")
        return self


def fifty_operations(x: at.Tensor, w: at.Tensor) -> at.Tensor:
    y = x * w
    y.register_hook(lambda g: g * 1.0)
    for i in range(15):
        y = (y + x) * 0.5 if i % 3 else y.reshape(2).reshape(2, 1).sum(1) - w
    y = Greedy.apply(y, w)
    return (y * y).sum()


def one_run(x: at.Tensor, w: at.Tensor, fault: Interrupter | None) -> BaseException | None:
    """Forward and backward with a fault; the error, without its traceback."""
    before = sys.gettrace()
    try:
        if fault is not None:
            sys.settrace(fault)
        fifty_operations(x, w).backward()
    except BaseException as error:
        sys.settrace(before)
        return error.with_traceback(None)
    finally:
        sys.settrace(before)
    return None


@pytest.mark.usefixtures("no_gc")
@pytest.mark.parametrize("error", [KeyboardInterrupt, InjectedError])
def test_an_interruption_anywhere_leaves_an_empty_tape_and_clean_state(error: type[BaseException]) -> None:
    """PROMISES row 13: raise at a sample of all lines that 50 operations run, forward and backward."""
    x, w = leaf(1.0, 2.0), leaf(0.5, -1.5)
    entries = len(at.current_tape())
    assert one_run(x, w, None) is None
    right = [x.grad.tolist(), w.grad.tolist()]
    probe = Interrupter(10**9, error)
    one_run(x, w, probe)
    lines = 10**9 - probe.left
    assert lines > 1000
    rng = random.Random(0)
    points = sorted({1, 2, 3, lines - 1, lines, *rng.sample(range(1, lines), 150), *range(lines - 40, lines)})
    for point in points:
        x.grad = w.grad = None
        raised = one_run(x, w, Interrupter(point, error))
        assert raised is None or "injected" in str(raised), (point, raised)
        del raised
        assert at.is_grad_enabled(), point
        assert not _deposit_lock.locked(), point
        assert len(at.current_tape()) == entries, point
        for t, value in zip((x, w), right, strict=True):
            assert t.grad is None or t.grad.tolist() == value, point
    x.grad = w.grad = None  # what comes next is right
    fifty_operations(x, w).backward()
    assert [x.grad.tolist(), w.grad.tolist()] == right


class Fails(at.autograd.Function):
    """Raises where it is told to."""

    @staticmethod
    def forward(ctx: Any, x: at.Tensor, where: str) -> at.Tensor:
        ctx.where = where
        if where == "forward":
            raise ValueError("injected")
        return x + 0

    @staticmethod
    def backward(ctx: Any, g: at.Tensor) -> Any:
        if ctx.where == "backward":
            raise ValueError("injected")
        return g, None


@pytest.mark.usefixtures("no_gc")
@pytest.mark.parametrize("where", ["forward", "backward", "hook", "leaf hook"])
@pytest.mark.parametrize("position", range(0, 50, 7))
def test_an_error_at_any_operation_leaves_grads_untouched(where: str, position: int) -> None:
    """PROMISES row 13: the fault sweep by operation: ``.grad`` is what it was, the tape is empty."""
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    (x * w).sum().backward()
    before = [x.grad.tolist(), w.grad.tolist()]
    entries = len(at.current_tape())

    def program() -> None:
        y = x
        for i in range(50):
            y = y * w if i != position else Fails.apply(y, where)
            if i == position and where == "hook":
                y.register_hook(lambda g: 1 / 0)
        if where == "leaf hook":
            handle = (x, w)[position % 2].register_hook(lambda g: 1 / 0)
        try:
            y.sum().backward()
        finally:
            if where == "leaf hook":
                handle.remove()

    with pytest.raises((ValueError, ZeroDivisionError)) as caught:
        program()
    del caught
    sys.exc_info()
    assert [x.grad.tolist(), w.grad.tolist()] == before
    assert len(at.current_tape()) == entries
    (x * w).sum().backward()
    assert x.grad.tolist() == [6.0, 8.0]
