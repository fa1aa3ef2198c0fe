"""``torch.profiler``: :mod:`autotape.autograd.profiler`, switched on and off by a schedule of steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from autotape.autograd import profiler
from autotape.autograd.profiler import record_function

__all__ = ["ProfilerAction", "ProfilerActivity", "profile", "record_function", "schedule"]


class ProfilerActivity(Enum):
    """What is measured; here always the CPU."""

    CPU = 0
    CUDA = 1
    XPU = 2
    MTIA = 3


class ProfilerAction(Enum):
    """What to do in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


Schedule = Callable[[int], ProfilerAction]


def schedule(*, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0) -> Schedule:
    """The action for each step: none ``skip_first`` times, then ``repeat`` rounds (0: without end) of parts.

    They are ``wait`` steps without, ``warmup`` steps before and ``active`` steps with measuring.

    >>> import autotape as at
    >>> plan = at.profiler.schedule(wait=1, warmup=0, active=2, repeat=1)
    >>> [plan(step).name for step in range(4)]
    ['NONE', 'RECORD', 'RECORD_AND_SAVE', 'NONE']
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active < 1:
        raise AssertionError("schedule: active must be at least 1 and the other numbers at least 0")
    period = wait + warmup + active

    def action(step: int) -> ProfilerAction:
        step -= skip_first
        if step < 0 or (repeat and step >= repeat * period):
            return ProfilerAction.NONE
        place = step % period
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < period - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


class profile:
    """Measures operations in the ``with`` block: all of them, or those of the steps that ``schedule`` says.

    :meth:`step` goes on to the next step. ``on_trace_ready`` is called with this object at the end of each
    round of active steps, and at the end of the block; a new round begins from 0. The other options of
    PyTorch's are accepted and change nothing: there is one activity, the CPU, and no trace of single events.

    >>> import autotape as at
    >>> with at.profiler.profile(activities=[at.profiler.ProfilerActivity.CPU]) as prof:
    ...     y = at.ones(3).exp()
    >>> [(e.key, e.count) for e in prof.key_averages() if e.key == "exp"]
    [('exp', 1)]
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Schedule | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        experimental_config: Any = None,
        acc_events: bool = False,
    ) -> None:
        self.schedule = schedule or (lambda _step: ProfilerAction.RECORD)
        self.on_trace_ready = on_trace_ready
        self.step_num = 0
        self.current_action = ProfilerAction.NONE
        self._measured = profiler.profile(enabled=False)
        self._running = False

    def start(self) -> None:
        """Begin; what ``with`` does."""
        self._follow(self.schedule(self.step_num))

    def stop(self) -> None:
        """End; what the end of the block does."""
        recorded = self._running
        self._pause()
        if recorded and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    def step(self) -> None:
        """Go on to the next step."""
        if self.current_action is ProfilerAction.RECORD_AND_SAVE:
            self.stop()
        self.step_num += 1
        self._follow(self.schedule(self.step_num))

    def _follow(self, action: ProfilerAction) -> None:
        recording = action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if recording and not self._running:
            self._measured = profiler.profile()
            self._measured.__enter__()
            self._running = True
        elif not recording:
            self._pause()
        self.current_action = action

    def _pause(self) -> None:
        if self._running:
            self._measured.__exit__()
            self._running = False

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def key_averages(
        self, group_by_input_shape: bool = False, group_by_stack_n: int = 0
    ) -> profiler.EventList:
        """What was measured, by operation."""
        return self._measured.key_averages()

    def export_chrome_trace(self, path: str) -> None:
        """NotImplementedError: single events are not kept."""
        raise NotImplementedError(
            "export_chrome_trace: single events are not kept; print(key_averages().table())"
        )
