"""A light profiler: how often each operation ran, and how long, forward and backward.

It listens to Python's own profiling events of this thread (``sys.setprofile``), so a program pays nothing
while no profiler is on, and about a microsecond per Python call while one is.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeVar

from autotape.autograd.function import Function
from autotape.engine.replay import replay
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor

__all__ = ["EventList", "FunctionEventAvg", "profile", "record_function"]

F = TypeVar("F", bound=Callable[..., Any])

_REPLAY, _QUIETLY = replay.__code__, quietly.__code__
_REPLAY_FILE = _REPLAY.co_filename
_running: dict[int, profile] = {}  # by thread: set while a profiler is on


class FunctionEventAvg:
    """All calls of one operation: their number and their time in microseconds.

    ``cpu_time_total`` includes what was called inside, ``self_cpu_time_total`` does not; ``cpu_time`` is the
    average of the first.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.count = 0
        self.cpu_time_total = 0.0
        self.self_cpu_time_total = 0.0

    @property
    def cpu_time(self) -> float:
        """Microseconds per call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} count={self.count} cpu_time={self.cpu_time:.1f}us "
            f"self_cpu_time={self.self_cpu_time_total:.1f}us>"
        )


_SORTS = {
    "cpu_time": "cpu_time",
    "cpu_time_total": "cpu_time_total",
    "self_cpu_time_total": "self_cpu_time_total",
    "count": "count",
}
_NOT_MEASURED = (
    "cuda_time",
    "cuda_time_total",
    "device_time",
    "device_time_total",
    "memory_usage",
)


class EventList(list[FunctionEventAvg]):
    """What was measured, an element per operation."""

    @property
    def self_cpu_time_total(self) -> float:
        """The sum of all self times, in microseconds."""
        return sum(e.self_cpu_time_total for e in self)

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_name_column_width: int = 55,
        top_level_events_only: bool = False,
    ) -> str:
        """An aligned table; ``sort_by`` is cpu_time, cpu_time_total, self_cpu_time_total or count.

        By a device's time or memory, which are not measured, the order stays.
        """
        events = list(self)
        if sort_by is not None and not sort_by.endswith(_NOT_MEASURED):  # 0 for all: the order stays
            attribute = _SORTS.get(sort_by)
            if attribute is None:
                raise ValueError(f"sort_by must be one of {', '.join(_SORTS)}, not {sort_by!r}")
            events.sort(key=lambda e: getattr(e, attribute), reverse=True)
        total = self.self_cpu_time_total or 1.0
        rows = [("Name", "Self CPU %", "Self CPU", "CPU total", "CPU time avg", "# of Calls")]
        for e in events[: row_limit if row_limit >= 0 else None]:
            name = e.key
            if len(name) > max_name_column_width:
                name = name[: max_name_column_width - 3] + "..."
            rows.append(
                (
                    name,
                    f"{100 * e.self_cpu_time_total / total:.2f}%",
                    _duration(e.self_cpu_time_total),
                    _duration(e.cpu_time_total),
                    _duration(e.cpu_time),
                    str(e.count),
                )
            )
        widths = [max(len(row[c]) for row in rows) for c in range(6)]
        rule = "  ".join("-" * w for w in widths)
        lines = [
            "  ".join([row[0].ljust(widths[0]), *[cell.rjust(w) for cell, w in zip(row[1:], widths[1:])]])
            for row in rows
        ]
        text = [rule, lines[0], rule, *lines[1:], rule]
        return "\n".join([*text, f"Self CPU time total: {_duration(self.self_cpu_time_total)}", ""])

    def __str__(self) -> str:
        return self.table()


def _duration(microseconds: float) -> str:
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:.3f}s"
    return f"{microseconds / 1e3:.3f}ms" if microseconds >= 1e3 else f"{microseconds:.3f}us"


class profile:
    """Measures the operations that run inside the ``with`` block, in this thread.

    A forward operation has its name (``mul``), a backward one PyTorch's (``MulBackward0``), a part of the
    program the one given to :class:`record_function`. ``enabled=False`` measures nothing; the other options
    of PyTorch's profiler are accepted and change nothing.

    >>> import autotape as at
    >>> x = at.ones(3, requires_grad=True)
    >>> with at.autograd.profiler.profile() as prof:
    ...     (x * x).sum().backward()
    >>> [(e.key, e.count) for e in prof.key_averages()]
    [('mul', 1), ('sum', 1), ('backward', 1), ('SumBackward0', 1), ('MulBackward0', 1)]
    """

    def __init__(self, enabled: bool = True, **options: Any) -> None:
        unknown = set(options) - _OPTIONS
        if unknown:
            raise TypeError(f"profile() got an unexpected keyword argument '{min(unknown)}'")
        self.enabled = enabled
        self._found: dict[str, FunctionEventAvg] = {}
        self._stack: list[list[Any]] = []  # of [what ends it, name, start, time inside]
        self._names: dict[CodeType, str | None] = {}
        self._before: Any = None
        self._entered = False
        self._entry = -1  # the index of the entry replayed last

    def __enter__(self) -> profile:
        if self._entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self._entered = True
        if self.enabled:
            self._names = _operations()
            self._before = sys.getprofile()
            _running[threading.get_ident()] = self
            sys.setprofile(self._event)
        return self

    def __exit__(self, *exc: object) -> None:
        if not self.enabled:
            return
        sys.setprofile(self._before)
        _running.pop(threading.get_ident(), None)
        while self._stack:
            self._end()
        self._names = {}

    def _event(self, frame: FrameType, event: str, _arg: Any) -> None:
        if event == "call":
            code = frame.f_code
            if code in self._names:
                name = self._names[code] or _declared(frame)
            else:
                caller = frame.f_back
                if caller is not None and caller.f_code is _QUIETLY:
                    caller = caller.f_back
                if caller is None or caller.f_code is not _REPLAY or code is _QUIETLY:
                    return
                if code.co_filename == _REPLAY_FILE:
                    return  # the replay's own
                entry = caller.f_locals["entry"]
                new, self._entry = entry.index != self._entry, entry.index  # one entry may have several rules
                self._begin(frame, entry.name(), new)
                return
            self._begin(frame, name)
        elif event == "return" and self._stack and self._stack[-1][0] is frame:
            self._end()

    def _begin(self, what: Any, name: str, counts: bool = True) -> list[Any]:
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = FunctionEventAvg(name)
        if counts and not (self._stack and self._stack[-1][1] == name):  # F.relu calls relu
            found.count += 1
        mark = [what, name, time.perf_counter(), 0.0]
        self._stack.append(mark)
        return mark

    def _end(self) -> None:
        _, name, start, inside = self._stack.pop()
        taken = time.perf_counter() - start
        if self._stack:
            self._stack[-1][3] += taken
        found = self._found[name]
        found.self_cpu_time_total += 1e6 * (taken - inside)
        if all(entry[1] != name for entry in self._stack):  # of calls within themselves, the outermost
            found.cpu_time_total += 1e6 * taken

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """What was measured, by operation, in the order in which they first began."""
        return EventList(self._found.values())

    def total_average(self) -> FunctionEventAvg:
        """Everything in one."""
        total = FunctionEventAvg("Total")
        for e in self._found.values():
            total.count += e.count
            total.cpu_time_total += e.self_cpu_time_total
            total.self_cpu_time_total += e.self_cpu_time_total
        return total

    @property
    def self_cpu_time_total(self) -> float:
        """The sum of all self times, in microseconds."""
        return self.key_averages().self_cpu_time_total

    def table(self, sort_by: str | None = None, row_limit: int = 100, **options: Any) -> str:
        """``key_averages().table(...)``."""
        return self.key_averages().table(sort_by, row_limit, **options)

    def __str__(self) -> str:
        return self.table()


_OPTIONS = frozenset(
    {
        "use_cuda",
        "use_device",
        "use_cpu",
        "record_shapes",
        "with_flops",
        "profile_memory",
        "with_stack",
        "with_modules",
        "use_kineto",
        "acc_events",
    }
)


class record_function:
    """A part of the program under a name of its own: a ``with`` block, or a decorator.

    >>> import autotape as at
    >>> from autotape.autograd.profiler import profile, record_function
    >>> with profile() as prof, record_function("preparing"):
    ...     x = at.ones(3).exp()
    >>> "preparing" in [e.key for e in prof.key_averages()]
    True
    """

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name = name
        self._marks: list[list[Any] | None] = []

    def __enter__(self) -> record_function:
        running = _running.get(threading.get_ident()) if _running else None
        mark = None
        if running is not None:
            mark = running._begin(self, self.name)
        self._marks.append(mark)
        return self

    def __exit__(self, *exc: object) -> None:
        mark = self._marks.pop()
        running = _running.get(threading.get_ident()) if _running else None
        if mark is not None and running is not None and any(m is mark for m in running._stack):
            while running._stack[-1] is not mark:
                running._end()
            running._end()

    def __call__(self, function: F) -> F:
        """As a decorator."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return function(*args, **kwargs)

        return call  # type: ignore[return-value]


_ROOMS = ("autotape.ops.", "autotape.nn.functional", "autotape.linalg", "autotape.fft", "autotape.special")


def _operations() -> dict[CodeType, str | None]:
    """The code of every operation, and its name; None where that is in a variable of the code."""
    root = sys.modules["autotape"]
    public = [
        (name, getattr(module, name, None))
        for key, module in list(sys.modules.items())
        if key.startswith(_ROOMS)
        for name in getattr(module, "__all__", ())
        if name in vars(root) or not key.startswith("autotape.ops.")  # not the helpers of other operations
    ]
    methods = [(name.strip("_"), getattr(Tensor, name, None)) for name in list(vars(Tensor))]
    names: dict[CodeType, str | None] = {_REPLAY: "backward", _APPLY: None}
    for name, function in public + methods:
        while isinstance(function, FunctionType):
            code = function.__code__
            if "operation" in code.co_freevars:  # made by @unary or @binary
                names.setdefault(code, None)
                break
            inner = getattr(function, "__wrapped__", None)
            if inner is None and function.__module__.startswith(_ROOMS):
                names.setdefault(code, name)
            function = inner
    return names


_APPLY = Function.apply.__func__.__code__  # type: ignore[attr-defined]


def _declared(frame: FrameType) -> str:
    """The name of the operation that shared code is running for."""
    variables = frame.f_locals
    if frame.f_code is _APPLY:
        return variables["cls"].__name__  # type: ignore[no-any-return]
    return variables["operation"].name  # type: ignore[no-any-return]
