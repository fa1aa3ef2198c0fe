"""The check itself: the derivative of a problem against differences, by directions and by entries."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from autotape.autograd.numerical import Line, extrapolated, near_step, quick, sides, signed, sweep
from autotape.testing._problems import Problem, laid_out

__all__: list[str] = []

Array = np.ndarray[Any, Any]

FULL = 64  # inputs of up to so many entries are checked entry by entry as well
DIRECTIONS = 8  # of larger ones
SINGLES = 16  # entries of larger ones
STEP = 2.0**-10


@dataclass(frozen=True)
class Settings:
    """How a check decides."""

    rtol: float = 1e-7
    kinks: str = "subgradient"
    seed: int = 0


@dataclass(frozen=True)
class Verdict:
    """What differences say about the analytic derivatives along one line, one for each row of weights."""

    agrees: bool
    numeric: Array
    error: Array
    kink: bool = False
    decided: bool = True

    @property
    def wrong(self) -> bool:
        """Whether the differences can tell, and do."""
        return self.decided and not self.agrees


@dataclass(frozen=True)
class Failure:
    """An input whose derivative is wrong, by one entry (of its flat vector)."""

    input: int
    entry: int
    row: int  # of the weights
    verdict: Verdict


class Check:
    """A problem, random weights of its outputs, and the analytic gradients of the weighted sums."""

    def __init__(self, problem: Problem, settings: Settings) -> None:
        self.problem = problem
        self.settings = settings
        self.rng = np.random.default_rng(settings.seed)
        self.base = problem.value(problem.arrays)
        self.finite = np.isfinite(self.base)
        rows = 1 if self.base.size <= 1 else 3
        self.weights = np.array([signed(self.rng, self.base.size) for _ in range(rows)]) * self.finite
        pulled = [problem.pull(partial(self._row, row)) for row in range(rows)]
        self.analytic = [np.array(rows) for rows in zip(*pulled, strict=True)]
        self.sizes = [a.shape[1] for a in self.analytic]
        self.scales = [_typical(a) for a in problem.arrays]
        self._rounding: list[Array] | None = None
        self.steps = [STEP] * len(self.sizes)
        # A dense direction moves what it adds up to further: a smaller step meets fewer kinks.
        self.dense_steps = [STEP / max(size, 1) ** 0.25 for size in self.sizes]

    def _row(self, row: int, size: int) -> Array:
        if size != self.base.size:
            raise ValueError(
                f"the function returned {self.base.size} numbers at first and {size} numbers when it was "
                "called again with the same inputs"
            )
        return np.asarray(self.weights[row])

    def rounding(self) -> list[Array]:
        """How much the gradients change with the inputs' rounding: they are no better than that."""
        if self._rounding is None:
            problem, before = self.problem, self.problem.arrays
            found = [np.zeros_like(a) for a in self.analytic]
            ulp = 4 * min(problem.precision, 1e-6)
            try:
                for _ in range(4):
                    problem.arrays = [
                        laid_out((a * (1 + ulp * self.rng.uniform(-1, 1, a.shape))).astype(a.dtype), a)
                        for a in before
                    ]
                    for row in range(len(self.weights)):
                        pulled = problem.pull(partial(self._row, row))
                        for a, g, most in zip(self.analytic, pulled, found, strict=True):
                            most[row] = np.fmax(most[row], np.abs(g - a[row]))
            finally:
                problem.arrays = before
            # What changes so much has a kink there.
            self._rounding = [
                np.minimum(most, 1e-4 * np.nan_to_num(np.abs(a)))
                for a, most in zip(self.analytic, found, strict=True)
            ]
        return self._rounding

    # --- lines ----------------------------------------------------------------------------------------------

    def line(self, i: int, direction: Array, aside: Array | None = None) -> Line:
        """The outputs along a direction of one input; beside the point if ``aside`` says how far."""
        arrays = self.problem.arrays
        x, kept = arrays[i], self.finite
        real = x.dtype.kind != "c"

        def at(t: float) -> Array:
            if not t and aside is None:
                return np.where(kept, self.base, 0)
            step = t * direction if aside is None else t * direction + aside
            moved = x + (step if real else step.view(np.complex128)).reshape(x.shape)
            moved = moved if moved.dtype == x.dtype else moved.astype(x.dtype)
            moved = moved if x.flags.c_contiguous else laid_out(moved, x)
            y = self.problem.value([*arrays[:i], moved, *arrays[i + 1 :]])
            if y.size != kept.size:
                raise ValueError("the number of outputs changes with the inputs' values: no derivative")
            return np.where(kept, y, 0)

        return Line(at, self.problem.precision)

    def judge(self, i: int, direction: Array, analytic: Array, size: Array, single: bool) -> Verdict:
        """Compare along ``direction``; ``size`` is what the tolerance is relative to."""
        scale = self.scales[i]
        line = self.line(i, direction * scale)
        analytic, size = analytic * scale, size * scale
        rtol, weights = self.settings.rtol, self.weights
        # A value in float32 on the way limits what can be asked for.
        rtol = max(rtol, 64 * self.problem.precision)
        if not np.isfinite(analytic).all():
            return self._not_finite(line, analytic, scale)
        steps = self.steps if single else self.dense_steps
        for method in (quick, extrapolated):
            numeric, error = method(line, weights, steps[i])
            noise = line.noise(weights, steps[i] / 4)
            if (np.abs(analytic - numeric) <= rtol * np.maximum(size, np.abs(numeric)) + noise).all():
                if single and self.settings.kinks == "raise" and sides(line, weights).kink.any():
                    return Verdict(False, numeric / scale, error / scale, kink=True)
                return Verdict(True, numeric / scale, error / scale)
        # Is it the step? Large ones meet kinks and the edge of the domain, small ones rounding.
        factor, error = 1.0, np.full_like(numeric, np.inf)  # a few steps can agree by chance
        for other in (1.0, 1 / scale, self._own_scale(i, direction) / scale):
            if other != 1.0:
                if not 1e-12 < other < 1e12:
                    continue
                factor, line = other, self.line(i, direction * scale * other)
            found, doubt, step = sweep(line, weights)
            found, doubt = found / factor, doubt / factor
            better = doubt < error
            numeric, error = np.where(better, found, numeric), np.where(better, doubt, error)
            allowed = rtol * np.maximum(size, np.abs(numeric))
            if (np.abs(analytic - numeric) <= allowed + 2 * error).all() and (error <= allowed).all():
                if factor == 1.0:
                    steps[i] = step
                return Verdict(True, numeric / scale, error / scale)
            if (error <= 0.01 * np.abs(analytic - numeric)).any():
                break
        allowed = allowed + 8 * (np.abs(self.rounding()[i]) @ np.abs(direction)) * scale
        wrong = ~(np.abs(analytic - numeric) <= allowed + 8 * error)
        if not single:
            return Verdict(not wrong.any(), numeric / scale, error / scale, decided=bool(wrong.any()))
        verdict = self._at_kinks(line, analytic, numeric, error, wrong, scale, factor)
        # In float32 the slopes beside a point are too rough to tell.
        if (
            verdict.wrong
            and self.problem.precision < 1e-10
            and not (verdict.kink and self.settings.kinks == "raise")
        ):
            step = near_step(line, weights, float(np.nan_to_num(np.abs(analytic - numeric)).max()) * factor)
            return self._around(i, direction, analytic / scale, verdict, scale * factor, step)
        return verdict

    def _at_kinks(
        self,
        line: Line,
        analytic: Array,
        numeric: Array,
        error: Array,
        wrong: Array,
        scale: float,
        factor: float,
    ) -> Verdict:
        """The same for one entry, where the steps may have met a kink at the point or beside it."""
        gap = float(np.nan_to_num(np.abs(analytic - numeric)).max()) * factor
        step = near_step(line, self.weights, gap)
        near = sides(line, self.weights, step)
        low, high = near.low / factor, near.high / factor
        width = high - low
        noise = line.noise(self.weights, step) / factor
        beside = np.abs(numeric - (low + high) / 2) > width + 4 * noise + 1e-4 * np.abs(numeric)
        slack = np.where(near.kink, 0.01 * width, width) + noise
        if near.edge:
            beside, slack = ~near.infinite, slack + 1e-4 * size_of(line, self.weights, step) / factor
        within = (analytic >= low - slack) & (analytic <= high + slack)
        allowed = near.jump | (within & (near.kink | beside))
        wrong = (wrong | near.kink) & ~allowed
        if self.settings.kinks == "raise":
            wrong = wrong | near.kink
        numeric = np.where(beside & np.isfinite(low + high), (low + high) / 2, numeric)
        decided = wrong.any() or bool((error <= 1e-3 * np.abs(numeric)).all())
        on_kink = bool((near.kink & (wrong | ~wrong.any())).any() or (near.infinite & wrong).any())
        return Verdict(not wrong.any(), numeric / scale, error / scale, on_kink, bool(decided))

    def _around(
        self, i: int, direction: Array, analytic: Array, verdict: Verdict, unit: float, step: float
    ) -> Verdict:
        """A wrong entry seen from points nearby: at a kink of several variables one of theirs is right.

        (The middle one of three equal numbers: by each of them its derivative is 0 from both sides, and
        1 beside the point, where that one is the middle.)
        """
        widths = []
        for distance in (2**12 * step, 2**8 * step):
            slopes = []
            for _ in range(24):
                aside = distance * unit * signed(self.rng, self.sizes[i])
                slopes.append(self.line(i, direction * unit, aside).central(distance / 64) / unit)
            low, high = np.min(slopes, axis=0), np.max(slopes, axis=0)
            ends = self.weights * low, self.weights * high
            lowest, highest = np.minimum(*ends).sum(axis=1), np.maximum(*ends).sum(axis=1)
            widths.append(highest - lowest)
        with np.errstate(all="ignore"):
            kink = (widths[1] > 0.3 * widths[0]) & (
                widths[1] > 1e-3 * np.maximum(np.abs(lowest), np.abs(highest))
            )
            slack = 0.5 * widths[1]  # some points do not show all there is
            within = (analytic >= lowest - slack) & (analytic <= highest + slack)
            right = np.abs(analytic - verdict.numeric) <= 8 * verdict.error + 1e-6 * np.abs(verdict.numeric)
        agrees = bool((right | (kink & within)).all() and kink.any())
        return Verdict(
            agrees, verdict.numeric, verdict.error, verdict.kink or bool(kink.any()), verdict.decided
        )

    def _not_finite(self, line: Line, analytic: Array, scale: float) -> Verdict:
        near = sides(line, self.weights)
        slope = np.where(np.abs(near.high) > np.abs(near.low), near.high, near.low)
        agrees = ~np.isfinite(slope) | (near.infinite & (analytic == np.copysign(np.inf, slope)))
        agrees = (agrees & ~np.isnan(analytic)) | np.isfinite(analytic)
        finite = np.isfinite(slope) & ~near.infinite & ~near.kink
        return Verdict(bool(agrees.all()), slope / scale, np.zeros_like(slope), not finite.all())

    def _own_scale(self, i: int, direction: Array) -> float:
        """The size of the entry that a unit direction varies."""
        place = np.flatnonzero(direction)
        if len(place) != 1:
            return 0.0
        x = self.problem.arrays[i].reshape(-1)
        return float(abs(x[place[0] // (2 if x.dtype.kind == "c" else 1)]))

    def differences(self, i: int, entry: int, weights: Array) -> float:
        """The derivative of a weighted sum of the outputs by one entry."""
        d = np.zeros(self.sizes[i])
        d[entry] = self.scales[i]
        line, row = self.line(i, d), weights[None]
        value, error = extrapolated(line, row, self.steps[i])
        found, doubt, _ = sweep(line, row)
        return float(found[0] if doubt[0] < error[0] else value[0]) / self.scales[i]

    # --- one input ------------------------------------------------------------------------------------------

    def direction(self, i: int, d: Array) -> Verdict:
        """Compare along a dense direction."""
        with np.errstate(all="ignore"):
            terms = self.analytic[i] * d
            return self.judge(i, d, terms.sum(axis=1), np.sqrt((terms**2).sum(axis=1)), False)

    def single(self, i: int, entry: int) -> Verdict:
        """Compare one entry."""
        a = self.analytic[i]
        d = np.zeros(self.sizes[i])
        d[entry] = 1.0
        with np.errstate(all="ignore"):
            floor = 1e-8 * np.nan_to_num(np.abs(a), nan=0, posinf=0).max(axis=1)  # backward rounds, too
        return self.judge(i, d, a[:, entry], np.maximum(np.abs(a[:, entry]), floor), True)

    def failure(self, i: int) -> Failure | None:
        """The entry of input ``i`` that is off most, if one is wrong."""
        size = self.sizes[i]
        if not size or not self.base.size:
            return None
        suspects = []
        for _ in range(3 if size <= FULL else DIRECTIONS):
            d = signed(self.rng, size)
            if self.direction(i, d).wrong:
                suspects.append(d)
        if size <= FULL:
            entries = list(range(size))
        else:
            entries = sorted(set(self.rng.integers(0, size, SINGLES).tolist()))
        found = self._worst(i, entries)
        if found is None and size > FULL:
            for d in [d for d in suspects for _ in range(2)]:
                entry = self._hunt(i, d * self.rng.uniform(0.5, 1.5, size))
                found = self._worst(i, [entry]) if entry is not None else None
                if found is not None:
                    break
        return found

    def _worst(self, i: int, entries: list[int]) -> Failure | None:
        """The wrong entry that is off most; a kink only where nothing else is wrong."""
        failures: list[tuple[bool, float, Failure]] = []
        for entry in entries:
            verdict = self.single(i, entry)
            if verdict.wrong:
                with np.errstate(all="ignore"):
                    off = np.nan_to_num(np.abs(self.analytic[i][:, entry] - verdict.numeric), nan=np.inf)
                row = int(off.argmax())
                failures.append((not verdict.kink, float(off[row]), Failure(i, entry, row, verdict)))
        return max(failures, key=lambda f: f[:2])[2] if failures else None

    def _hunt(self, i: int, d: Array) -> int | None:
        """An entry that makes the direction disagree, by halving it."""
        entries = self.rng.permutation(self.sizes[i])
        while len(entries) > 1:
            halves = np.array_split(entries, 2)
            off = []
            for half in halves:
                part = np.zeros_like(d)
                part[half] = d[half]
                line = self.line(i, part * self.scales[i])
                numeric, error = extrapolated(line, self.weights, self.dense_steps[i])
                with np.errstate(all="ignore"):
                    gap = np.abs((self.analytic[i] * part).sum(axis=1) * self.scales[i] - numeric) - error
                off.append(max(float(np.nan_to_num(gap, nan=np.inf).max()), 0.0))
            if not any(off):
                return None
            entries = halves[int(np.argmax(off))]
        return int(entries[0])


def size_of(line: Line, weights: Array, step: float) -> Array:
    """The size of the change per step."""
    with np.errstate(all="ignore"):
        change = np.nan_to_num(np.abs(line.at(step) - line.at(0.0)))
    return np.asarray(np.abs(weights) @ change / step)


def _typical(x: Array) -> float:
    """The size of the entries: a step is relative to it."""
    sizes = np.abs(x[np.isfinite(x) & (x != 0)])
    return float(np.median(sizes)) if sizes.size else 1.0
