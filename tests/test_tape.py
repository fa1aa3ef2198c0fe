"""The tape: recording, looking at it, lifetime. The rows are those of PROMISES.md, A6."""

from __future__ import annotations

import doctest
import gc
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import autotape as at
from autotape.engine.tape import Entry
from tests.tape_tools import leaf

# --- looking at it ------------------------------------------------------------------------------------------


def test_private_tape_lists_operations_in_order() -> None:
    x = leaf(1.0, 2.0)
    with at.Tape() as tape:
        y = x * x
        z = y.sum()
    assert len(tape) == 2
    assert [e.operation.name for e in tape] == ["mul", "sum"]
    assert tape[0] is y.grad_fn
    assert tape[-1] is z.grad_fn
    assert tape[1].inputs == (tape[0],)
    assert tape[0].index < tape[1].index
    with pytest.raises(IndexError):
        tape[2]


def test_private_tape_keeps_the_list_after_the_tensors_are_gone_but_not_their_arrays() -> None:
    x = leaf(*range(1000))
    with at.Tape() as tape:
        (x * x).sum().backward()
    assert len(tape) == 2
    assert [e.nbytes for e in tape] == [0, 0]
    assert np.array_equal(x.grad.numpy(), 2 * np.arange(1000.0))


def test_private_tapes_nest_and_separate() -> None:
    x = leaf(1.0)
    with at.Tape() as outer:
        a = x * 2
        with at.Tape() as inner:
            b = a * 3
        c = b * 4
    d = c * 5
    assert [len(outer), len(inner)] == [2, 1]
    assert inner[0] is b.grad_fn
    d.sum().backward()  # a replay crosses tapes
    assert x.grad.item() == 120


def test_private_tape_is_left_after_an_exception_and_can_be_used_again() -> None:
    x, tape = leaf(1.0), at.Tape()
    home = at.current_tape()
    with pytest.raises(RuntimeError, match="only for scalar outputs"), tape:
        (leaf(1.0, 2.0) * 1).backward()
    assert at.current_tape() is home
    with tape:
        _ = x * 2
        with pytest.raises(RuntimeError, match="can't be entered twice"), tape:
            pass
        assert at.current_tape() is tape
    assert len(tape) == 2


def test_no_grad_inside_and_outside_of_a_private_tape() -> None:
    x = leaf(1.0)
    with at.Tape() as tape, at.no_grad():
        assert not (x * 2).requires_grad
    with at.no_grad(), at.Tape() as other:
        assert not (x * 2).requires_grad
        with at.enable_grad():
            y = x * 3
    assert len(tape) == 0
    assert list(other) == [y.grad_fn]
    assert at.is_grad_enabled()


def test_printing_shows_inputs_shapes_and_bytes() -> None:
    x = leaf(*range(6)).reshape(2, 3).detach().requires_grad_()
    with at.Tape() as tape:
        y = x * x
        z = y.sum()
    lines = str(tape).splitlines()
    assert lines[0].split() == ["index", "operation", "inputs", "shape", "dtype", "bytes", "module"]
    assert lines[1].split()[:4] == ["0", "mul", "leaf,", "leaf"]
    assert lines[1].split()[-2:] == ["float64", "96"]
    assert lines[2].split() == ["1", "sum", "0", "()", "float64", "0"]
    z.backward()
    assert [line.split()[-1] for line in str(tape).splitlines()[1:]] == ["replayed", "replayed"]
    assert repr(tape) == "<private tape: 2 entries>"
    del y


def test_entry_knows_its_source_line() -> None:
    y = leaf(1.0) * 2  # the line that is named
    assert y.grad_fn is not None
    assert y.grad_fn.source_line == "y = leaf(1.0) * 2  # the line that is named"
    assert y.grad_fn.source.startswith(__file__ + ":")
    assert y.grad_fn.name() == "MulBackward0"
    assert "MulBackward0" in repr(y.grad_fn)


def test_next_functions_lead_to_the_leaf() -> None:
    x = leaf(2.0)
    y = (x * x).sum()
    (product, number), *_ = y.grad_fn.next_functions
    assert number == 0
    ((a, _), (b, _)) = product.next_functions
    assert a is b
    assert a.name() == "AccumulateGrad"


def test_the_page_about_autograd_is_true() -> None:
    page = Path(__file__).parents[1] / "docs" / "autograd.md"
    with ThreadPoolExecutor(1) as pool:  # a thread has a tape of its own
        assert pool.submit(doctest.testfile, str(page), module_relative=False).result().failed == 0


# --- lifetime -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_gc")
def test_an_entry_lives_as_long_as_a_tensor_that_depends_on_it() -> None:
    x = leaf(1.0)
    y = x * 2
    z = y * 3
    entry = weakref.ref(y.grad_fn)
    del y
    assert entry() is not None  # z still needs it
    del z
    assert entry() is None


@pytest.mark.usefixtures("no_gc")
def test_replaying_releases_arrays_and_keeps_the_entries_of_what_is_alive() -> None:
    x = leaf(*range(100))
    y = x * x
    z = y * y
    saved, first = weakref.ref(y._array), weakref.ref(y.grad_fn)
    loss = z.sum()
    del y, z
    assert saved() is not None
    loss.backward()
    assert saved() is None
    assert first() is not None  # as in PyTorch: what the loss came from can still be asked for
    assert first().saved is None
    assert loss.grad_fn.saved is None
    assert loss.grad_fn.nbytes == 0
    del loss
    assert first() is None


@pytest.mark.usefixtures("no_gc")
def test_arrays_are_released_while_replaying_not_after() -> None:
    """Peak memory of a deep chain in backward stays near that of its forward."""
    x = leaf(*range(100))
    y = x * x
    early = weakref.ref(y._array)
    alive: list[bool] = []
    x.register_hook(lambda g: alive.append(early() is not None))
    z = y * y
    second = weakref.ref(z._array)
    z.register_hook(lambda g: alive.append(second() is not None))
    loss = (z * z).sum()
    del y, z
    loss.backward()
    # In the hook of z its own array is still needed by nothing but (z * z), already replayed.
    assert alive[0] is False
    assert alive[-1] is False


def test_retain_graph_keeps_the_arrays() -> None:
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    for n in range(1, 4):
        loss.backward(retain_graph=True)
        assert x.grad.tolist() == [2.0 * n, 4.0 * n]
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    assert x.grad.tolist() == [8.0, 16.0]


@pytest.mark.usefixtures("no_gc")
def test_forward_only_keeps_nothing() -> None:
    x = leaf(1.0)
    before = len(at.current_tape())
    for _ in range(100):
        y = (x * 2).sum()
    assert len(at.current_tape()) - before == 2
    del y
    assert len(at.current_tape()) == before


def test_operations_that_need_no_gradient_are_not_recorded() -> None:
    before = len(at.current_tape())
    a = at.tensor([1.0, 2.0])
    b = (a * 2).sum()
    c = leaf(1.0) > 0
    d = leaf(1.5).detach() * 3
    assert all(t.grad_fn is None and not t.requires_grad for t in (b, c, d))
    assert len(at.current_tape()) == before


# --- threads ------------------------------------------------------------------------------------------------


def test_looking_at_a_tape_while_other_threads_record() -> None:
    stop = threading.Event()
    errors: list[BaseException] = []

    def record() -> None:
        x = leaf(1.0)
        while not stop.is_set():
            _ = (x * 2.0).sum()

    def look() -> None:
        try:
            for _ in range(8):
                len(at.current_tape())
                gc.collect()
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=record) for _ in range(2)] + [threading.Thread(target=look)]
        for t in threads:
            t.start()
        threads[-1].join()
        stop.set()
        for t in threads:
            t.join()
    finally:
        sys.setswitchinterval(interval)
    assert errors == []


def test_entries_are_plain_objects() -> None:
    y = leaf(1.0) * 2
    assert isinstance(y.grad_fn, Entry)
    assert y.grad_fn.shape == (1,)
    assert y.grad_fn.dtype == np.float64
