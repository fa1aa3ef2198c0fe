"""``torch.utils.benchmark``: how long a statement takes."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable
from typing import Any

__all__ = ["Measurement", "Timer"]


class Measurement:
    """Times per run, in seconds: ``times``, and their ``mean``, ``median`` and ``iqr``."""

    def __init__(self, number_per_run: int, raw_times: list[float], title: str) -> None:
        self.number_per_run = number_per_run
        self.raw_times = raw_times
        self.title = title

    @property
    def times(self) -> list[float]:
        """The time of one run, of each measurement."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """The mean of the times."""
        return statistics.mean(self.times)

    @property
    def median(self) -> float:
        """The median of the times."""
        return statistics.median(self.times)

    @property
    def iqr(self) -> float:
        """The distance of the quartiles of the times."""
        if len(self.times) == 1:
            return 0.0
        low, _, high = statistics.quantiles(self.times, n=4, method="inclusive")
        return high - low

    def __repr__(self) -> str:
        unit, scale = next(
            ((u, s) for u, s in (("s", 1.0), ("ms", 1e3)) if self.median * s >= 1), ("us", 1e6)
        )
        count = f"{len(self.times)} measurement{'s' * (len(self.times) > 1)}, {self.number_per_run} runs each"
        return f"<Measurement of {self.title}: {self.median * scale:.2f} {unit}, {count}>"


class Timer:
    """Measures ``stmt`` after ``setup``, both with the names in ``globals``, as :class:`timeit.Timer` does.

    ``num_threads`` is accepted: how many threads NumPy's BLAS uses is settled when it is loaded.

    >>> import autotape as at
    >>> timer = at.utils.benchmark.Timer("x.sum()", globals={"x": at.ones(3)})
    >>> timer.timeit(10).number_per_run
    10
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
    ) -> None:
        self._timer = timeit.Timer(stmt, setup, timer, dict(globals or {}))
        self._title = ", ".join(part for part in (label or stmt, sub_label, description) if part)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """One measurement of ``number`` runs, after some that are not counted."""
        self._timer.timeit(max(number // 100, 2))
        return Measurement(number, [self._timer.timeit(number)], self._title)

    def blocked_autorange(
        self, callback: Callable[[int, float], Any] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Measurements until they took ``min_run_time`` seconds, each long against the clock's call."""
        number = 1
        while (taken := self._timer.timeit(number)) < min(min_run_time / 10, 1e-3):
            number *= 10 if taken < 1e-4 else 2
        times: list[float] = []
        while not times or sum(times) < min_run_time:
            times.append(self._timer.timeit(number))
            if callback is not None:
                callback(number, times[-1])
        return Measurement(number, times, self._title)
