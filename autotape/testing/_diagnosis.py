"""What kind of mistake a wrong gradient is: hypotheses, each tested against the numbers.

``a`` are the analytic gradients, ``n`` the numeric ones (rows: random weights of the outputs, columns:
entries of the input) and ``jacobian`` the numeric derivative of every output by every entry:
``n = weights @ jacobian``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from autotape.autograd.numerical import extrapolated, place_of, sweep
from autotape.testing._verify import Check

__all__: list[str] = []

Array = np.ndarray[Any, Any]

FULL = 400  # up to so many entries all derivatives are computed, of larger inputs a sample
SAMPLE = 24
TOLERANCE = 1e-5  # relative to the largest entry, and at most a hundredth of the mistake
SUBSETS = 10  # up to so many uses of an entry all choices among them are tried


@dataclass
class Evidence:
    """The numbers that a hypothesis is tested on."""

    a: Array
    n: Array
    jacobian: Array
    weights: Array
    entries: Array
    complete: bool  # all entries, in order
    shape: tuple[int, ...]  # of the input
    out: tuple[int, ...]  # of the output, where there is one
    complex: bool
    tolerance: float = TOLERANCE

    def fits(self, guess: Array, where: Any = slice(None)) -> bool:
        """Whether ``guess`` is what the analytic gradient holds."""
        scale = max(float(np.abs(self.n).max(initial=0)), float(np.abs(self.a).max(initial=0)))
        return bool((np.abs(self.a[:, where] - guess[:, where]) <= self.tolerance * scale).all())

    @property
    def wrong(self) -> Array:
        """The entries that are wrong."""
        scale = float(np.abs(self.n).max(initial=0))
        return np.asarray((np.abs(self.a - self.n) > self.tolerance * scale).any(axis=0))

    @property
    def stretched(self) -> tuple[int, ...]:
        """The axes of the output that the input is broadcast along."""
        extra = len(self.out) - len(self.shape)
        try:
            if self.complex or extra < 0 or np.broadcast_shapes(self.shape, self.out) != self.out:
                return ()
        except ValueError:
            return ()
        axes = [i + extra for i, m in enumerate(self.shape) if m == 1 and self.out[i + extra] > 1]
        return (*[i for i in range(extra) if self.out[i] > 1], *axes)


def gather(check: Check, i: int, worst: int) -> Evidence:
    """The derivative of all outputs by the entries of input ``i``, or by some of them."""
    size = check.sizes[i]
    entries = np.arange(size)
    if size > FULL or size * check.base.size > 4_000_000:
        entries = np.unique([worst, *check.rng.integers(0, size, SAMPLE)])
    columns = []
    for entry in entries:
        d = np.zeros(size)
        d[entry] = check.scales[i]
        line = check.line(i, d)
        value, error = extrapolated(line, None, check.steps[i])
        if not (error <= 1e-7 * np.abs(value).max(initial=0) + 1e-12).all():
            value, error, _ = sweep(line, None)
        columns.append(np.nan_to_num(value) / check.scales[i])
    jacobian = np.array(columns).T.reshape(check.base.size, len(entries))
    # What is noise in a column is no use of the entry.
    jacobian[np.abs(jacobian) < 1e-8 * np.abs(jacobian).max(initial=0)] = 0
    outputs, x = check.problem.outputs, check.problem.arrays[i]
    a, n = np.nan_to_num(check.analytic[i][:, entries]), check.weights @ jacobian
    largest = max(float(np.abs(a).max(initial=0)), float(np.abs(n).max(initial=0)), 1e-300)
    return Evidence(
        a,
        n,
        jacobian,
        check.weights,
        entries,
        len(entries) == size,
        x.shape,
        outputs[0].shape if len(outputs) == 1 else (),
        x.dtype.kind == "c" or any(y.dtype.kind == "c" for y in outputs),
        min(TOLERANCE, 0.01 * float(np.abs(a - n).max(initial=0)) / largest),
    )


def diagnose(e: Evidence) -> tuple[str, str]:
    """The kind of mistake, and it in words; ``('unknown', '')`` where no hypothesis fits."""
    if not e.wrong.any():
        return "unknown", ""
    for hypothesis in HYPOTHESES:
        found = hypothesis(e)
        if found is not None:
            return found
    return "unknown", ""


Found = tuple[str, str] | None


def _zero(e: Evidence) -> Found:
    if e.a.any():
        return None
    return "zero", "the gradient is zero everywhere"


def _factor(e: Evidence) -> Found:
    where = e.wrong
    a, n = e.a[:, where].reshape(-1), e.n[:, where].reshape(-1)
    if not n.any():
        return None
    alpha = float(a @ n / (n @ n))
    if alpha == 0 or not e.fits(alpha * e.n, where):
        return None
    text = _number(alpha)
    if np.count_nonzero(n) < 2 and text is None:
        return None  # one number is a multiple of any other
    part = "" if where[np.abs(e.n).max(axis=0) > 0].all() else " in the entries that are wrong"
    if abs(alpha + 1) < 1e-4:
        return "sign", f"the sign is wrong{part}"
    counts = [e.out[axis] for axis in e.stretched]
    products = {int(np.prod(c)) for r in range(1, len(counts) + 1) for c in itertools.combinations(counts, r)}
    if any(abs(alpha * m - 1) < 1e-4 for m in products):
        return "broadcast", "it is the mean over the axis that the input was broadcast along, not the sum"
    return "factor", f"it is {text or f'{alpha:.6g}'} times the right one{part}"


def _number(alpha: float) -> str | None:
    """A factor as a simple number or fraction, if it is one."""
    for denominator in (1, 2, 3, 4, 5, 6, 8, 10):
        numerator = alpha * denominator
        if abs(numerator - round(numerator)) < 1e-4 and 0 < abs(round(numerator)) <= 100:
            return f"{round(numerator)}" + (f"/{denominator}" if denominator > 1 else "")
    return None


def _conjugate(e: Evidence) -> Found:
    if not e.complex or e.a.shape[1] % 2 or not e.complete or len(e.a[0]) != 2 * int(np.prod(e.shape)):
        return None
    guess = e.n * np.tile([1.0, -1.0], e.n.shape[1] // 2)
    return ("sign", "it is the complex conjugate of the right one") if e.fits(guess) else None


def _transpose(e: Evidence) -> Found:
    if not e.complete or e.complex:
        return None
    n = e.n.reshape(len(e.n), *e.shape)
    for order in _orders(len(e.shape)):
        turned = n.transpose(0, *[k + 1 for k in order]).reshape(len(n), -1)
        if e.fits(turned):
            return "transpose", f"it is the right one with its axes in the order {list(order)}"
    weights = e.weights.reshape(len(e.weights), *e.out) if e.out else e.weights
    for order in _orders(len(e.out)):
        turned = weights.transpose(0, *[k + 1 for k in order]).reshape(len(weights), -1)
        if e.fits(turned @ e.jacobian):
            return "transpose", f"the incoming gradient is used with its axes in the order {list(order)}"
    return None


def _product(e: Evidence) -> Found:
    if not e.complete or e.jacobian.shape[0] != e.jacobian.shape[1]:
        return None
    found = e.fits(e.weights @ e.jacobian.T)
    return ("transpose", "it is the product with the Jacobian, not with its transpose") if found else None


def _orders(ndim: int) -> Iterator[tuple[int, ...]]:
    """All orders of the axes but the right one (of up to four)."""
    return (o for o in itertools.permutations(range(min(ndim, 4))) if ndim <= 4 and o != tuple(range(ndim)))


def _index(e: Evidence) -> Found:
    if not e.complete or e.complex or e.a.shape[1] < 2:
        return None
    weights = e.weights.reshape(len(e.weights), *e.out) if e.out else e.weights
    for text, moved in _moved(e.n.reshape(len(e.n), *e.shape), e.shape):
        if e.fits(moved.reshape(len(e.n), -1)):
            return "index", f"it is the right one {text}"
    for text, moved in _moved(weights, e.out):
        if e.fits(moved.reshape(len(weights), -1) @ e.jacobian):
            return "index", f"the incoming gradient is used {text}"
    return _misplaced(e)


def _moved(values: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    for axis, n in enumerate(shape, 1):
        for shift in (1, -1) if n > 1 else ():
            moved = np.roll(values, shift, axis)
            yield f"shifted by {shift:+d} along axis {axis - 1}, the end around", moved
            moved = moved.copy()
            edge = [slice(None)] * moved.ndim
            edge[axis] = slice(0, 1) if shift > 0 else slice(-1, None)
            moved[tuple(edge)] = 0
            yield f"shifted by {shift:+d} along axis {axis - 1}", moved
        if n > 1:
            yield f"reversed along axis {axis - 1}", np.flip(values, axis)


def _misplaced(e: Evidence) -> Found:
    """Every wrong entry holds the gradient of another entry, or nothing."""
    scale = e.tolerance * float(np.abs(e.n).max(initial=0))
    examples = []
    known = e.n[:, np.abs(e.n).max(axis=0) > scale]
    if known.shape[1] < 3 or np.ptp(known, axis=1).max() <= scale:
        return None
    for entry in np.flatnonzero(e.wrong):
        value = e.a[:, entry]
        if (np.abs(value) <= scale).all():
            continue
        same = np.flatnonzero((np.abs(e.n - value[:, None]) <= scale).all(axis=0))
        if not same.size:
            return None
        examples.append((int(entry), int(same[0])))
    if not examples:
        return None
    to, origin = (place_of(k, e.shape) for k in examples[0])
    return "index", f"entries hold the gradients of others: at {to} stands that of {origin}"


def _broadcast(e: Evidence) -> Found:
    axes = e.stretched
    if not axes or not e.complete:
        return None
    # Each output depends on one entry of the input: the gradient before the sum over the stretched axes.
    full = (e.weights * e.jacobian.sum(axis=1)).reshape(len(e.weights), *e.out)
    size = e.a.shape[1]
    for r in range(1, len(axes) + 1):
        for some in itertools.combinations(axes, r):
            rest = tuple(k + 1 for k in axes if k not in some)
            for text, reduce in _REDUCTIONS.items():
                part = full
                for axis in some:
                    part = reduce(part, axis + 1)
                guess = part.sum(axis=rest) if rest else part
                if e.fits(guess.reshape(len(full), size)):
                    return "broadcast", f"along the broadcast axes {list(some)} it holds {text}, not the sum"
    for r in range(len(e.out) + 1):
        for others in itertools.combinations(range(len(e.out)), r):
            guess = full.sum(axis=tuple(k + 1 for k in others))
            if others != axes and guess[0].size == size and e.fits(guess.reshape(len(full), size)):
                return "broadcast", f"it is summed over the axes {list(others)}, not over {list(axes)}"
    return None


_REDUCTIONS: dict[str, Callable[[Array, int], Array]] = {
    "the first entry": lambda g, axis: g.take([0], axis),
    "the last entry": lambda g, axis: g.take([-1], axis),
    "the mean": lambda g, axis: g.mean(axis, keepdims=True),
    "the largest": lambda g, axis: g.max(axis, keepdims=True),
}


def _accumulation(e: Evidence) -> Found:
    """A wrong entry holds the part of some of its uses only."""
    scale = e.tolerance * max(float(np.abs(e.n).max(initial=0)), 1e-300)
    counts = None
    for entry in np.flatnonzero(e.wrong)[:20]:
        used = np.flatnonzero(e.jacobian[:, entry])
        terms = e.weights[:, used] * e.jacobian[used, entry]
        found = _subset(terms, e.a[:, entry], scale)
        if found is None:
            return None
        counts = found, len(used)
    if counts is None or counts[0] == 0:
        return None
    kind = "broadcast" if e.stretched else "accumulation"
    return kind, f"only {counts[0]} of {counts[1]} uses of an entry count, where their gradients add up"


def _subset(terms: Array, value: Array, scale: float) -> int | None:
    """How many of the terms add up to the value: some, but not all."""
    count = terms.shape[1]
    if count < 2:
        return 0 if (np.abs(value) <= scale).all() else None
    choices: Any = itertools.product((0.0, 1.0), repeat=count)
    if count > SUBSETS:  # the usual ones: the first, the last, all but one of them
        eye, one = np.eye(count), np.ones(count)
        choices = [eye[0], eye[-1], one - eye[0], one - eye[-1], 0 * one]
    for choice in choices:
        c = np.array(choice)
        if not c.all() and (np.abs(terms @ c - value) <= scale).all():
            return int(c.sum())
    return None


def _partly_zero(e: Evidence) -> Found:
    if e.a[:, e.wrong].any():
        return None
    return "zero", "it is zero in the entries that are wrong"


HYPOTHESES: tuple[Callable[[Evidence], Found], ...] = (
    _zero,
    _factor,
    _conjugate,
    _transpose,
    _broadcast,
    _index,
    _product,
    _accumulation,
    _partly_zero,
)
