"""Which entry's rule has a wrong derivative of its own: the search for second derivatives.

A rule gives ``c = rule(u, y, *inputs)``. Recorded (``create_graph``), c has derivatives by y and the inputs,
b; by differences, ``<w, dc> = <b_y, dy> + sum over the inputs q of <b_q, dy_q>`` for any u and w.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autotape.autograd.numerical import Line, flat, signed, sweep, unflat
from autotape.engine.operation import picked
from autotape.engine.replay import replay
from autotape.engine.tape import Node, current_tape, on_tape, source_of
from autotape.engine.tensor import Tensor
from autotape.testing._culprit import Finding, Search, difference, relative
from autotape.testing._recording import Step

__all__: list[str] = []

Array = np.ndarray[Any, Any]


@dataclass
class _Rule:
    """A rule of one step for one parent, with its derivatives weighted by ``w``."""

    step: int
    parent: int
    u: list[Array]
    w: Array
    value: Array  # the rule on arrays
    own: list[Array | None]  # the derivatives by the outputs of the step
    others: list[Array | None]  # and by its inputs
    differs: bool  # the rule on Tensors gives another value, or is not linear in u


class SecondSearch(Search):
    """The identity above, for all entries of a run."""

    def find(self) -> Finding:
        """The entry whose rule's derivative is off most."""
        found = [rule for k in range(len(self.base.steps)) for rule in self._rules_of(k)]
        off: dict[int, float] = {rule.step: np.inf for rule in found if rule.differs}
        for _ in range(2):
            direction = [relative(self.rng, a) for a in self.problem.arrays]
            line = Line(lambda t, d=direction: self._second_terms(t, d, found), self.problem.precision)  # type: ignore[misc]
            numeric, error, _ = sweep(line, None, 1.0)
            n = len(found)
            gap = np.abs(numeric[:n] - numeric[n:])
            size = np.maximum(np.abs(numeric[:n]), np.abs(numeric[n:]))
            wrong = ~(gap <= 10 * self.rtol * size + 8 * (error[:n] + error[n:]))
            for i in np.flatnonzero(wrong & (error[:n] < 0.1 * np.maximum(size, 1e-300))):
                k = found[i].step
                off[k] = max(off.get(k, 0.0), float(gap[i] / size[i]))
        if not off:
            return Finding()
        first, *rest = sorted(off, key=lambda k: -off[k])
        source = source_of(self.base.steps[first].entry)
        texts = dict.fromkeys(source_of(self.base.steps[k].entry) for k in rest)
        return Finding(self.base.steps[first], self.base, tuple(t for t in texts if t != source)[:5])

    def _rules_of(self, k: int) -> list[_Rule]:
        step = self.base.steps[k]
        try:
            return [
                self._rule(k, i, parent, [np.array(u) for u in row])
                for row in self.weights[k][:2]
                for i, parent in enumerate(self.parents(step))
            ]
        except Exception:
            return []  # a rule that can't be recorded raises where the gradient is taken

    def _rule(self, k: int, i: int, parent: Node, u: list[Array]) -> _Rule:
        step = self.base.steps[k]
        value = step.pull(u, parent)
        w = unflat(signed(self.rng, flat(value).size), value)
        leaves = [Tensor._wrap(a).requires_grad_() for a in u]
        c = self._recorded(step, leaves, parent)
        outs = [step.entry] if not step.several else [picked(step.entry, j) for j in range(len(u))]
        stops: list[Node] = [*outs, *self.parents(step)]
        own = [_derivative(c, w, node, stops) for node in outs]
        others = [_derivative(c, w, node, stops) for node in self.parents(step)]
        size = float(np.abs(value).max(initial=0))
        differs = bool((np.abs(c._array - value) > 1e-9 * size).any())
        if not differs:  # linear in u: its derivative by u along v is the rule for v
            vs = [unflat(signed(self.rng, flat(a).size), a) for a in u]
            by_u = [_derivative(c, w, leaf._node, stops) for leaf in leaves]
            along = sum(flat(v) @ b for v, b in zip(vs, by_u, strict=True) if b is not None)
            terms = flat(step.pull(vs, parent)) * flat(w)
            differs = bool(abs(along - terms.sum()) > 1e-8 * np.abs(terms).sum())
        return _Rule(k, i, u, w, value, own, others, differs)

    def _recorded(self, step: Step, leaves: list[Tensor], parent: Node) -> Tensor:
        roots = step.roots(leaves)  # type: ignore[arg-type]
        within = frozenset([step.entry, parent, *[node for node, _ in roots]])
        found, _ = on_tape(current_tape(), replay, roots, True, True, frozenset([parent]), within)
        c = found.get(parent)
        if c is None:
            return Tensor._wrap(np.zeros(parent.shape, parent.dtype))
        return c if isinstance(c, Tensor) else Tensor._wrap(np.asarray(c))

    def _second_terms(self, t: float, direction: list[Array], rules: list[_Rule]) -> Array:
        """<w, c> and what its recorded derivatives say, relative to the base point."""
        if not t:
            return np.zeros(2 * len(rules))
        run = self.run_at(t, direction)
        if run is None:
            return np.full(2 * len(rules), np.nan)
        terms = np.zeros((2, len(rules)))
        with np.errstate(all="ignore"):
            for n, rule in enumerate(rules):
                step, base = run.steps[rule.step], self.base.steps[rule.step]
                step.used = base.used
                c = step.pull(rule.u, self.parents(step)[rule.parent])
                terms[0, n] = flat(rule.w) @ (flat(c) - flat(rule.value))
                moved = [difference(v, b) for v, b in zip(step.values, base.values, strict=True)]
                pairs = [*zip(rule.own, moved, strict=True)]
                pairs += zip(rule.others, self.changes(run, step, base), strict=True)  # type: ignore[arg-type]
                terms[1, n] = sum(b @ change for b, change in pairs if b is not None and change is not None)
        return terms.reshape(-1)


def _derivative(c: Tensor, w: Array, node: Node | None, stops: list[Node]) -> Array | None:
    """The gradient of <w, c> by a place of the tape, not through other places in ``stops``."""
    if c._node is None or node is None:
        return None
    if c._node is node:
        return flat(w)
    within: set[Node] = set()
    pending: list[Node] = [c._node]
    while pending:
        place = pending.pop()
        if place in within or (place in stops and place is not node):
            continue
        within.add(place)
        if place is not node:
            pending += [p for p in place.parents if p is not None]
    if node not in within or c._node not in within:
        return None
    found, _ = replay([(c._node, w)], True, False, frozenset([node]), frozenset(within))
    g = found.get(node)
    return None if g is None else flat(np.asarray(g))
