"""What the pytest plugin (``pytest_autotape``) does in a test suite that uses autotape.

Each test gets a seed of its own; a failure shows it, and the tape; a test that leaves a global setting
changed fails; tensors that differ are shown by their differences. docs/pytest.md is the guide.
"""

from __future__ import annotations

import random
import sys
import zlib
from collections.abc import Callable, Generator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest

from autotape.autograd import forward_ad
from autotape.autograd.anomaly import switch
from autotape.autograd.modes import _inference as inference
from autotape.display import _Current as printing
from autotape.engine.dtypes import dtype, float32, get_default_dtype, set_default_dtype
from autotape.engine.packing import saving
from autotape.engine.replay import anomaly
from autotape.engine.tape import Entry, Tape, current_tape, recording, tick
from autotape.engine.tensor import Tensor
from autotape.ops.generator import manual_seed
from autotape.testing.comparison import difference

__all__ = [
    "State",
    "checker",
    "guard",
    "pytest_assertrepr_compare",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
]

_ROWS = 25  # of the tape's table: the newest entries

# --- seeds --------------------------------------------------------------------------------------------------

_START = pytest.StashKey[int]()  # what the clock of the tape said when the test began


def _seed_of(item: pytest.Item) -> int:
    """That of ``--autotape-seed``, or one made from the test's node id: the same in every run."""
    given: int | None = item.config.getoption("--autotape-seed")
    return zlib.crc32(item.nodeid.encode()) if given is None else given


def _seed(item: pytest.Item) -> None:
    """Seed autotape's random numbers for the test.

    ``random`` and ``numpy.random`` belong to everybody: they are seeded only for a test with the fixture or
    the marker ``gradcheck``.
    """
    found = _seed_of(item)
    manual_seed(found)
    if item.get_closest_marker("gradcheck") or "gradcheck" in getattr(item, "fixturenames", ()):
        random.seed(found)
        np.random.seed(found % 2**32)  # noqa: NPY002 - a function under check may draw from it
    item.stash[_START] = tick()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Seed, before any fixture."""
    _seed(item)


# --- the fixture --------------------------------------------------------------------------------------------


def checker(item: pytest.Item) -> Callable[..., Any]:
    """``check_gradients`` with the seed of the test and the settings of its markers, the nearest first."""
    from autotape.testing.gradients import check_gradients

    if _START not in item.stash:  # autotape was imported after the test's setup had begun
        _seed(item)
    settings: dict[str, Any] = {}
    for marker in item.iter_markers("gradcheck"):
        if marker.args:
            raise pytest.UsageError(
                f"{item.nodeid}: the marker gradcheck takes keyword arguments only, such as order=2, "
                f"not {marker.args}"
            )
        settings = {**marker.kwargs, **settings}
    return partial(check_gradients, **{"seed": _seed_of(item), **settings})


# --- the guard ----------------------------------------------------------------------------------------------


class State(NamedTuple):
    """What is global in autotape. The defaults are those of a fresh import."""

    gradient_mode: bool = True
    inference_mode: bool = False
    default_dtype: dtype = float32
    anomaly_mode: tuple[bool, bool] = (False, True)  # whether on, whether it looks for NaN
    saved_tensor_hooks: Any = None
    global_module_hooks: tuple[tuple[Any, ...], ...] = ((),) * 4
    forward_mode_level: tuple[Any, ...] = ()
    print_options: Any = type(printing.options)()

    @classmethod
    def now(cls) -> State:
        """As things are."""
        current_tape()  # gives a new thread its tape
        return cls(
            recording.get() is not None,
            inference.get(),
            get_default_dtype(),
            (anomaly.enabled, anomaly.check_nan),
            saving.get(),
            tuple(map(tuple, _module_hooks().values())) or cls().global_module_hooks,
            tuple(forward_ad._levels),
            printing.options,
        )

    def restore(self) -> None:
        """Make things so again."""
        recording.set(current_tape() if self.gradient_mode else None)
        inference.set(self.inference_mode)
        set_default_dtype(self.default_dtype)
        switch(*self.anomaly_mode)
        saving.set(self.saved_tensor_hooks)
        for hooks, before in zip(_module_hooks().values(), self.global_module_hooks):
            hooks[:] = before
        forward_ad._levels[:] = self.forward_mode_level
        printing.options = self.print_options


def _module_hooks() -> dict[str, list[Any]]:
    module = sys.modules.get("autotape.nn._hooks")
    return {} if module is None else module.EVERYWHERE


def guard(item: pytest.Item, before: State, failed: bool) -> None:
    """Put back what the test left changed, and fail the test for it; one that failed anyway shows it too."""
    __tracebackhide__ = True
    after = State.now()
    if before == after:
        return
    before.restore()
    names = [name for name in State._fields if getattr(before, name) != getattr(after, name)]
    lines = [
        f"  {name.replace('_', ' ')}: {_shown(getattr(before, name))} -> {_shown(getattr(after, name))}"
        for name in names
    ]
    text = "\n".join(
        ["the test left global settings of autotape changed (they have been put back now):", *lines]
    )
    if failed:
        item.add_report_section("call", "autotape", text)
    else:
        pytest.fail(text, pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Guard what is global; fixtures may change it around tests."""
    before = State.now()
    try:
        result = yield
    except BaseException:
        guard(item, before, failed=True)
        raise
    guard(item, before, failed=False)
    return result


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple) and value and isinstance(value[0], tuple):  # of hooks
        return f"{sum(map(len, value))} hooks"
    if isinstance(value, tuple) and all(isinstance(v, bool) for v in value) and value:
        return _shown(value[0]) if value[1] else f"{_shown(value[0])}, check_nan=False"
    return "none" if value is None or value == () else str(value)


# --- what a failure shows -----------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add sections to the report of a failure."""
    report = yield
    if report.failed:
        report.sections += _sections(item, None if call.excinfo is None else call.excinfo.value)
    return report


def _sections(item: pytest.Item, error: BaseException | None) -> list[tuple[str, str]]:
    """The seed, and the entries of the tape that the test has recorded and that were still needed."""
    start = item.stash.get(_START, None)
    if start is None:
        return []
    lines = [f"random numbers repeat with --autotape-seed={_seed_of(item)}"]
    if isinstance(error, RuntimeError) and str(error).startswith(
        "Boolean value of Tensor with more than one"
    ):
        lines.append("tensors are compared by autotape.testing.assert_close(a, b) or autotape.equal(a, b)")
    found = [("autotape", "\n".join(lines))]
    entries = [entry for entry in current_tape() if entry.index > start]
    if entries:
        title = f"autotape: the tape at failure, {len(entries)} entries"
        if len(entries) > _ROWS:
            title += f", the last {_ROWS}"
        found.append((title, _table(entries[-_ROWS:])))
    return found


def _table(entries: list[Entry]) -> str:
    """The tape's table with the source of each entry."""
    part = Tape()
    part._log = [(entry, entry.parents) for entry in entries]
    rows = str(part).splitlines()
    width = max(map(len, rows))
    sources = ["source", *(f"{entry.source.rpartition('/')[2]}: {entry.source_line}" for entry in entries)]
    return "\n".join(f"{row.ljust(width)}  {source}" for row, source in zip(rows, sources))


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """The lines that explain ``assert left == right`` for two tensors, or a tensor and a number."""
    if op != "==" or not (isinstance(left, Tensor) or isinstance(right, Tensor)):
        return None
    a, b = (
        v.item() if isinstance(v, Tensor) and _is_number(w) else v for v, w in ((left, right), (right, left))
    )
    if not all(isinstance(v, Tensor) or _is_number(v) for v in (a, b)):
        return None
    return [
        f"{left!r} == {right!r}",
        *(difference(a, b, rtol=0, atol=0, check_dtype=False) or "").splitlines(),
    ]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | complex | np.number)
