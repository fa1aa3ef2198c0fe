"""Which entry of the tape is at fault.

With tangents dy of all values along a direction of the inputs (by differences, from runs of the whole
function), every right rule satisfies ``<u, dy> = sum over its inputs q of <rule_q(u), dy_q>`` for any u. So
all entries are checked one by one from the same few runs, each by its own rule and nothing else, whatever
the operation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autotape.autograd.numerical import Line, flat, signed, sweep
from autotape.engine.tape import Entry, Node, source_of
from autotape.testing._problems import TapeProblem, laid_out
from autotape.testing._recording import Recorder, Step, value_of

__all__: list[str] = []

Array = np.ndarray[Any, Any]

DIRECTIONS = 3
LIMIT = 3000  # entries that are looked at, from the output


@dataclass
class Finding:
    """What the search found: the entry whose rule is wrong, or how a value left the tape."""

    step: Step | None = None
    run: Run | None = None
    others: tuple[str, ...] = ()  # more entries whose rules are wrong
    hidden: str = ""  # where something enters that the tape does not see
    kink: str = ""  # an entry at a point where it is not differentiable

    @property
    def source(self) -> str | None:
        """The operation and its source line."""
        return None if self.step is None else source_of(self.step.entry)


class Run:
    """One run of the function: its steps, and the values at its leaves."""

    def __init__(self, problem: TapeProblem, points: Sequence[Array]) -> None:
        tape = Recorder()
        with tape:
            xs, ys = problem.run(points)
        self.ends: list[Node] = [y._node for y in ys if y._node is not None]
        self.steps: list[Step] = list(tape.steps)[-LIMIT:]
        self.by_entry: dict[Entry, Step] = {s.entry: s for s in self.steps}
        self.leaves: dict[Node, Array] = {
            x._node: np.asarray(p) for x, p in zip(xs, points, strict=True) if x._node is not None
        }

    def value(self, node: Node | None) -> Array | None:
        """The value at a place of the tape."""
        return value_of(node, self.by_entry, self.leaves)


def same_course(a: Run, b: Run) -> bool:
    """Whether two runs recorded the same operations."""
    return [s.entry.operation for s in a.steps] == [s.entry.operation for s in b.steps]


def layouts(rng: np.random.Generator, y: Array) -> list[Array]:
    """Gradients of an output as they come: contiguous, with strides a rule might not expect, expanded."""
    kind = np.complex128 if y.dtype.kind == "c" else np.float64

    def draw() -> Array:
        g = signed(rng, y.size).reshape(y.shape).astype(kind)
        return (g + 1j * signed(rng, y.size).reshape(y.shape)).astype(y.dtype) if kind != np.float64 else g

    strided = np.asarray(np.flip(draw()).T.copy().T).astype(y.dtype)
    return [
        draw().astype(y.dtype),
        strided,
        np.broadcast_to(np.asarray(rng.uniform(0.5, 1.5), y.dtype), y.shape),
    ]


def relative(rng: np.random.Generator, x: Array) -> Array:
    """A random direction that changes each number of an array by its own size."""
    d, size = signed(rng, flat(x).size), np.abs(flat(x))
    typical = float(np.median(size[size > 0])) if size.any() else 1.0
    return np.where(np.isfinite(size), d * np.where(size > 0, size, typical), 0.0)


def difference(after: Array, before: Array) -> Array:
    """The difference of two values; 0 where they are the same, infinite ones too."""
    a, b = flat(after), flat(before)
    return np.where(a == b, 0.0, a - b)


class Search:
    """The identity above, for all entries of a run."""

    def __init__(self, problem: TapeProblem, rtol: float, seed: int = 0) -> None:
        self.problem = problem
        self.rtol = rtol
        self.rng = np.random.default_rng(seed)
        self.base = Run(problem, problem.arrays)
        self.weights = [
            list(zip(*[layouts(self.rng, v) for v in step.values], strict=True)) for step in self.base.steps
        ]
        for step, rows in zip(self.base.steps, self.weights, strict=True):
            step.used = self._used(step) if step.several else None
            rows[:] = [[w if step.uses(i) else np.zeros_like(w) for i, w in enumerate(r)] for r in rows]  # type: ignore[misc]
        self.hidden: dict[int, str] = {}  # steps that take something the tape does not see

    def parents(self, step: Step) -> list[Node]:
        """The places of the inputs, each once."""
        return list(dict.fromkeys(p for p in step.parents if p is not None))

    def _used(self, step: Step) -> frozenset[int]:
        """The outputs of several that count: another may be arbitrary (the rest of a basis, a sign)."""
        numbers = {
            p.number
            for other in self.base.steps
            for p in other.parents
            if isinstance(p, Entry) and p.parents and p.parents[0] is step.entry
        }
        numbers |= {n.number for n in self.base.ends if n.parents and n.parents[0] is step.entry}
        return frozenset(numbers or range(len(step.values)))

    def rules(self) -> list[list[dict[int, Array]]]:
        """For each step and row of weights: what its rule gives, by the number of the parent."""
        return [
            [{i: flat(step.pull(row, parent)) for i, parent in enumerate(self.parents(step))} for row in rows]
            for step, rows in zip(self.base.steps, self.weights, strict=True)
        ]

    def find(self) -> Finding:
        """The entry whose rule is off most."""
        finding = Finding()
        rules = self.rules()
        off: dict[int, float] = {}
        for step, rows in zip(self.base.steps, rules, strict=True):
            if any(np.isinf(c).any() for row in rows for c in row.values()):
                finding.kink = source_of(step.entry)  # the edge of a domain: a root at 0
        for _ in range(DIRECTIONS):
            arrays = self.problem.arrays
            direction = [relative(self.rng, a) for a in arrays]
            line = Line(lambda t, d=direction: self._terms(t, d, rules), self.problem.precision)  # type: ignore[misc]
            numeric, error, _ = sweep(line, None, 1.0)
            n = len(numeric) // 2
            gap = np.nan_to_num(np.abs(numeric[:n] - numeric[n:]), nan=np.inf)
            size = np.fmax(np.abs(numeric[:n]), np.abs(numeric[n:]))
            wrong = ~(gap <= self.rtol * size + 8 * (error[:n] + error[n:]))
            for place in np.flatnonzero(wrong & (error[:n] <= 0.1 * size)):
                k = int(place) // 3
                if self._on_kink(line, int(place)):
                    finding.kink = source_of(self.base.steps[k].entry)
                else:
                    off[k] = max(off.get(k, 0.0), float(gap[place] / max(size[place], 1e-300)))
            if not off and not finding.kink:
                on_kink = [k for k in range(n) if self._on_kink(line, k)]
                finding.kink = source_of(self.base.steps[on_kink[-1] // 3].entry) if on_kink else ""
        for k in sorted(off):
            if k in self.hidden:
                finding.hidden = finding.hidden or self.hidden[k]
                del off[k]
        if off:
            first, *rest = sorted(off, key=lambda k: -off[k])
            finding.step, finding.run = self.base.steps[first], self.base
            texts = dict.fromkeys(source_of(self.base.steps[k].entry) for k in rest)
            finding.others = tuple(t for t in texts if t != finding.source)[:5]
        return finding

    def run_at(self, t: float, direction: list[Array]) -> Run | None:
        """The function some way along a direction of all inputs; None if it takes another course there."""
        points = []
        for a, d in zip(self.problem.arrays, direction, strict=True):
            step = t * d
            moved = a + (step.view(np.complex128) if a.dtype.kind == "c" else step).reshape(a.shape)
            points.append(laid_out(moved.astype(a.dtype), a))
        run = Run(self.problem, points)
        return run if same_course(run, self.base) else None

    def changes(self, run: Run, step: Step, base: Step) -> list[Array | None]:
        """How the values at the inputs of a step differ from those of the base run; None: constant."""
        found: list[Array | None] = []
        for p, q in zip(self.parents(step), self.parents(base), strict=True):
            after, before = run.value(p), self.base.value(q)
            found.append(None if after is None or before is None else difference(after, before))
        return found

    def _terms(self, t: float, direction: list[Array], rules: list[list[dict[int, Array]]]) -> Array:
        """<u, y> and the sum of <rule(u), y_q>, relative to the base point, of all steps and rows."""
        count = 3 * len(self.base.steps)
        if not t:
            return np.zeros(2 * count)
        run = self.run_at(t, direction)
        if run is None:
            return np.full(2 * count, np.nan)
        terms = np.zeros((2, len(self.base.steps), 3))
        with np.errstate(all="ignore"):
            for k, (step, base) in enumerate(zip(run.steps, self.base.steps, strict=True)):
                self._note_hidden(k, step, base)
                moved = [difference(v, b) for v, b in zip(step.values, base.values, strict=True)]
                changes = self.changes(run, step, base)
                for row, weights in enumerate(self.weights[k]):
                    terms[0, k, row] = sum(flat(w) @ m for w, m in zip(weights, moved, strict=True))
                    terms[1, k, row] = sum(
                        rules[k][row][i] @ change for i, change in enumerate(changes) if change is not None
                    )
        return terms.reshape(-1)

    def _note_hidden(self, k: int, step: Step, base: Step) -> None:
        if k in self.hidden or step.unseen.keys() != base.unseen.keys():
            return
        for name, value in step.unseen.items():
            before = base.unseen[name]
            if value.shape == before.shape and not np.array_equal(value, before, equal_nan=True):
                self.hidden[k] = f"argument '{name.split('.')[0]}' of {source_of(base.entry)}"

    def _on_kink(self, line: Line, place: int) -> bool:
        """Whether the value has different derivatives from the two sides, at steps far apart."""
        differences = []
        for h in (2.0**-12, 2.0**-18) if line.precision < 1e-10 else (2.0**-4, 2.0**-8):
            up, down = line.at(h)[place] / h, -line.at(-h)[place] / h
            differences.append(abs(up - down) / max(abs(up), abs(down), 1e-300))
        return bool(differences[1] > 1e-3 and differences[1] > 0.3 * differences[0])
