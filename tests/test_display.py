"""How tensors are printed. That the text is PyTorch's is checked in parity/test_conversion_parity.py."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest

import autotape as at
from autotape import nn


@pytest.fixture
def default_options() -> Iterator[Callable[[], None]]:
    """Called at the end of a test (the plugin wants them as they were), and after one that failed."""

    def restore() -> None:
        at.set_printoptions(profile="default")

    yield restore
    restore()


def lines(*text: str) -> str:
    return "\n".join(text)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (27.0, "tensor(27.)"),
        (0.1, "tensor(0.1000)"),
        (1e-10, "tensor(1.0000e-10)"),
        (3, "tensor(3)"),
        (True, "tensor(True)"),
        (1 + 2j, "tensor(1.+2.j)"),
        (float("nan"), "tensor(nan)"),
        ([], "tensor([])"),
        ([2.0, 4.0], "tensor([2., 4.])"),
        ([0.5, 0.25], "tensor([0.5000, 0.2500])"),
        ([0, 1, 2], "tensor([0, 1, 2])"),
        ([-1, 10], "tensor([-1, 10])"),
        ([True, False], "tensor([ True, False])"),
        ([0.0, -0.0], "tensor([0., -0.])"),
        ([1.0, float("nan"), float("inf")], "tensor([1., nan, inf])"),
        ([1.5, -float("inf"), 0.0], "tensor([1.5000,   -inf, 0.0000])"),
        ([1e9, 1.0], "tensor([1.0000e+09, 1.0000e+00])"),
        ([1.5, 2e-5], "tensor([1.5000e+00, 2.0000e-05])"),
        ([1 + 2j, 3.5 - 4j], "tensor([1.0000+2.j, 3.5000-4.j])"),
        ([[1.0], [20.0]], lines("tensor([[ 1.],", "        [20.]])")),
        ([[[1], [2]]], lines("tensor([[[1],", "         [2]]])")),
        ([[[1]], [[2]]], lines("tensor([[[1]],", "", "        [[2]]])")),
        ([[], []], "tensor([], size=(2, 0))"),
    ],
)
def test_text(data: object, text: str) -> None:
    assert repr(at.tensor(data)) == str(at.tensor(data)) == text


def test_notes_after_the_values() -> None:
    x = at.tensor([1.0], requires_grad=True)
    assert repr(x) == "tensor([1.], requires_grad=True)"
    assert repr(x * 2) == "tensor([2.], grad_fn=<MulBackward0>)"
    assert repr(x.detach()) == "tensor([1.])"
    assert repr(at.tensor([1, 2], dtype=at.int32)) == "tensor([1, 2], dtype=autotape.int32)"
    assert repr(at.zeros(0, 3, dtype=at.int64)) == "tensor([], size=(0, 3), dtype=autotape.int64)"
    assert repr(nn.Parameter(x.detach())) == "Parameter containing:\ntensor([1.], requires_grad=True)"
    assert repr(at.tensor([1.0], dtype=at.float64)) == "tensor([1.], dtype=autotape.float64)"


def test_dtype_is_shown_where_it_is_not_the_default_one() -> None:
    at.set_default_dtype(at.float64)
    try:
        assert repr(at.ones(1)) == "tensor([1.])"
        assert repr(at.ones(1, dtype=at.float32)) == "tensor([1.], dtype=autotape.float32)"
        assert repr(at.tensor(1j)) == "tensor(0.+1.j)"
    finally:
        at.set_default_dtype(at.float32)


def test_long_lines_are_broken_and_long_notes_move_to_the_next() -> None:
    text = repr(at.arange(40).to(at.int16))
    assert text == lines(
        "tensor([ 0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, 17,",
        "        18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,",
        "        36, 37, 38, 39], dtype=autotape.int16)",
    )
    x = at.zeros(14, requires_grad=True) + 10
    assert repr(x) == lines(
        "tensor([10., 10., 10., 10., 10., 10., 10., 10., 10., 10., 10., 10., 10., 10.],",
        "       grad_fn=<AddBackward0>)",
    )


def test_large_tensors_are_summarised() -> None:
    assert repr(at.arange(1001)) == "tensor([   0,    1,    2,  ...,  998,  999, 1000])"
    assert "..." not in repr(at.arange(1000))
    assert repr(at.zeros(2000, 5)) == lines(
        "tensor([[0., 0., 0., 0., 0.],",
        "        [0., 0., 0., 0., 0.],",
        "        [0., 0., 0., 0., 0.],",
        "        ...,",
        "        [0., 0., 0., 0., 0.],",
        "        [0., 0., 0., 0., 0.],",
        "        [0., 0., 0., 0., 0.]])",
    )
    hidden = at.zeros(3000)
    hidden[1500] = 0.123  # what is not shown does not decide the format
    assert repr(hidden) == "tensor([0., 0., 0.,  ..., 0., 0., 0.])"


def test_options(default_options: Callable[[], None]) -> None:
    x = at.tensor([1.23456, 1000.5])
    at.set_printoptions(precision=2)
    assert repr(x) == "tensor([   1.23, 1000.50])"
    at.set_printoptions(sci_mode=True)
    assert repr(x) == "tensor([1.23e+00, 1.00e+03])"
    at.set_printoptions(sci_mode=False)
    assert repr(at.tensor([1e-9, 1.0])) == "tensor([0.00, 1.00])"
    at.set_printoptions(threshold=3, edgeitems=1)  # and sci_mode is back to what the values ask for
    assert repr(at.arange(4.0)) == "tensor([0.,  ..., 3.])"
    at.set_printoptions(linewidth=20, profile="full")
    assert "..." not in repr(at.arange(2000))
    assert max(map(len, repr(at.arange(2000)).splitlines())) <= 20
    at.set_printoptions(profile="short")
    assert repr(at.tensor([1 / 3])) == "tensor([0.33])"
    with pytest.raises(ValueError, match="profile must be one of default, short, full"):
        at.set_printoptions(profile="long")
    assert repr(at.tensor([1 / 3])) == "tensor([0.33])"
    default_options()


@pytest.mark.parametrize("layout", ["transposed", "strided", "reversed", "expanded", "read-only"])
def test_any_memory_layout(layout: str) -> None:
    a = np.arange(12.0).reshape(3, 4)
    a = {
        "transposed": a.T,
        "strided": a[::2, ::3],
        "reversed": a[::-1, ::-1],
        "expanded": np.broadcast_to(a[:1], (3, 4)),
        "read-only": a,
    }[layout]
    a.flags.writeable = False
    assert repr(at.from_numpy(a)) == repr(at.tensor(a.tolist(), dtype=at.float64))


def test_printing_never_walks_the_tape() -> None:  # PROMISES row 15
    x = at.zeros(2, requires_grad=True)
    y = x
    for _ in range(100_000):
        y = y + 1
    assert repr(y) == "tensor([100000., 100000.], grad_fn=<AddBackward0>)"
    node = y.grad_fn
    assert node is not None
    node.parents = None  # type: ignore[assignment]  # a walk would fail here
    node.saved = None
    assert f"{y}" == repr(y) == "tensor([100000., 100000.], grad_fn=<AddBackward0>)"


def test_printing_while_another_thread_sets_options(default_options: Callable[[], None]) -> None:
    x = at.tensor([1.0 / 3])
    allowed = {"tensor([0.3333])", "tensor([3.33e-01])"}
    seen: set[str] = set()
    stop = threading.Event()

    def switch() -> None:
        while not stop.is_set():
            at.set_printoptions(precision=2, sci_mode=True)
            at.set_printoptions(precision=4, sci_mode=False)

    thread = threading.Thread(target=switch)
    thread.start()
    try:
        for _ in range(2000):
            seen.add(repr(x))
    finally:
        stop.set()
        thread.join()
    default_options()
    assert seen <= allowed
