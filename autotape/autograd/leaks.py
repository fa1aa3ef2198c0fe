"""A warning when the tape only grows: ``total += loss`` keeps every step's operations alive, silently.

Looked for when Python's collector has run a full collection; entries are counted only if enough were recorded
since the last count to be over the limit. A program whose tape is released as it should be pays nothing.
"""

from __future__ import annotations

import gc
import warnings
from collections import Counter
from typing import Any

from autotape.engine.tape import Entry, line_number, tick

__all__ = ["GraphGrowthWarning", "set_graph_growth_limit"]


class GraphGrowthWarning(UserWarning):
    """More recorded operations are alive than :func:`set_graph_growth_limit` allows."""


class _Watch:
    """The collector's callback: counts the entries that no backward has replayed yet."""

    def __init__(self) -> None:
        self.limit: int | None = 100_000
        self._next = 100_000  # the count of the next warning: doubled by each
        self._alive = 0  # the last count ...
        self._clock = 0  # ... and when it was made

    def set_limit(self, limit: int | None) -> None:
        self.limit = limit
        self._next = limit or 0

    def __call__(self, phase: str, info: dict[str, Any]) -> None:
        if info["generation"] != 2 or phase != "stop" or self.limit is None:
            return
        clock = tick()
        if self._alive + clock - self._clock <= self._next:
            return
        # Entries of a private tape, which lists them on purpose, have no tape.
        waiting = [o for o in gc.get_objects() if type(o) is Entry and o.tape is not None and o.waits]
        self._alive, self._clock = len(waiting), clock
        if self._alive <= self._next:
            self._next = max(self.limit, self._alive)
            return
        self._next = 2 * self._alive
        places = Counter((e.where[0].co_filename, line_number(e.where), e.operation.name) for e in waiting)
        (filename, line, name), count = places.most_common(1)[0]
        warnings.warn_explicit(
            f"{self._alive} recorded operations wait for a backward(), {count} of them '{name}' recorded on "
            "this line. If the number grows with every step, something keeps each step's history: sum losses "
            "as numbers (total += loss.item()), keep tensors as detach(), run evaluation under no_grad(). If "
            "the graph is meant to be this large, autotape.autograd.leaks.set_graph_growth_limit(n) moves "
            "the limit.",
            GraphGrowthWarning,
            filename,
            line,
        )


_watch = _Watch()
gc.callbacks.append(_watch)


def set_graph_growth_limit(limit: int | None) -> None:
    """Warn when more than ``limit`` operations wait for a backward (100,000 at first; None: never).

    The warning names the line that recorded most of them, and comes again each time their number has doubled.
    It is given when Python runs a full garbage collection.

    >>> import autotape as at
    >>> at.autograd.leaks.set_graph_growth_limit(100_000)
    """
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be a positive number of operations or None, not {limit}")
    _watch.set_limit(limit)
