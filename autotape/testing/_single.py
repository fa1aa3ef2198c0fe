"""Gradients in float32 (or float16) against those in float64, which differences have confirmed."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from autotape.autograd.numerical import flat, place_of
from autotape.engine.tape import source_of
from autotape.testing._culprit import Run, Search, same_course
from autotape.testing._diagnosis import diagnose, gather
from autotape.testing._problems import Problem, TapeProblem, precision_of
from autotape.testing._recording import Step
from autotape.testing._verify import Check
from autotape.testing.errors import GradientError

__all__: list[str] = []

Array = np.ndarray[Any, Any]

GROSS = 0.05  # so far off, relative to the largest entry, is wrong even where no entry of the tape is


def check_single(narrow: Problem, check: Check) -> None:
    """GradientError if the gradients of ``narrow`` are not those of the float64 check within its rounding.

    How far rounding can go is found by moving the inputs by it, and by rounding what the tape keeps.
    """
    found = narrow.pull(lambda _: check.weights[0])
    eps = max(precision_of(narrow.arrays), narrow.precision)
    analytic = [a[0] for a in check.analytic]
    suspects: dict[int, Array] = {}
    # Where terms cancel to nothing, only their rounding is left.
    values = float(np.abs(check.weights[0] * np.where(check.finite, check.base, 0)).max(initial=0))
    most = max([float(np.abs(a).max(initial=0)) for a in analytic])
    shaky: list[Array] | None = None
    for i, (g, a) in enumerate(zip(found, analytic, strict=True)):
        largest = float(np.abs(a).max(initial=0))
        if not np.isfinite(a).all() or not largest:
            continue
        allowed = _relative(eps) * (np.abs(a) + 0.1 * largest) + 100 * eps * most
        noise = 30 * eps * values / check.scales[i]
        if not isinstance(narrow, TapeProblem):  # what happens inside can't be looked at
            allowed = allowed + noise
        if (np.abs(g - a) <= allowed).all() or max(largest, float(np.abs(g).max(initial=0))) <= noise:
            continue
        shaky = shaky or _shaky(check, eps)
        with np.errstate(all="ignore"):
            bad = ~(np.abs(g - a) <= allowed + 30 * shaky[i])
        if bad.any():
            suspects[i] = np.where(bad, np.nan_to_num(np.abs(g - a), nan=np.inf), -1)
    if not suspects:
        return
    i, off = next(iter(suspects.items()))
    step = None
    if isinstance(narrow, TapeProblem):
        step, explained = _culprit(narrow, check.problem, eps)
        gross = off.max() > GROSS * np.abs(analytic[i]).max()
        if step is None and (explained or not gross):
            return
    _report(narrow, check, i, found[i], int(off.argmax()), step)


def _relative(eps: float) -> float:
    return 300 * eps if eps < 1e-4 else 50 * eps


def _shaky(check: Check, eps: float) -> list[Array]:
    """How much the float64 gradients change when the inputs are rounded to the precision ``eps``."""
    problem, before = check.problem, check.problem.arrays
    largest = [np.zeros(size) for size in check.sizes]
    try:
        for _ in range(6):
            problem.arrays = [
                (a * (1 + eps * check.rng.uniform(-1, 1, a.shape))).astype(a.dtype) for a in before
            ]
            for i, g in enumerate(problem.pull(lambda _: check.weights[0])):
                largest[i] = np.maximum(largest[i], np.nan_to_num(np.abs(g - check.analytic[i][0])))
    finally:
        problem.arrays = before
    return largest


def _culprit(narrow: TapeProblem, wide: Problem, eps: float) -> tuple[Step | None, bool]:
    """The entry whose rule differs most between the precisions; whether rounding explains what differs."""
    assert isinstance(wide, TapeProblem)
    try:
        search, other = Search(wide, 1e-7), Run(narrow, narrow.arrays)
    except Exception:
        return None, False
    if not same_course(search.base, other):
        return None, True
    worst, found, explained = 1e-4, None, False
    for step, base, rows in zip(other.steps, search.base.steps, search.weights, strict=True):
        step.used = base.used
        for p, q in zip(search.parents(step), search.parents(base), strict=True):
            off = largest = 0.0
            for weights in rows:
                lower = [w.astype(v.dtype) for w, v in zip(weights, step.values, strict=True)]
                a, g = flat(base.pull(weights, q)), flat(step.pull(lower, p))
                largest = max(largest, float(np.abs(a).max(initial=0)))
                shaky = 0.0
                for _ in range(4):
                    moved = flat(_rounded(base, eps, search.rng).pull(weights, q))
                    shaky = max(shaky, float(np.nan_to_num(np.abs(a - moved)).max(initial=0)))
                gap = float(np.nan_to_num(np.abs(a - g), nan=np.inf).max(initial=0))
                explained |= gap > 1e-4 * largest and gap <= 8 * shaky
                off = max(off, gap - 8 * shaky)
            if largest and off / largest > worst:
                worst, found = off / largest, step
    return found, explained


def _rounded(step: Step, eps: float, rng: np.random.Generator) -> Step:
    """The step with what its rule keeps moved by its rounding."""
    kept = step.entry.saved
    if kept is None or step.arguments is not None:
        return step
    entry = copy.copy(step.entry)
    entry.picks = None
    entry.saved = tuple(
        [
            v * (1 + eps * rng.uniform(-1, 1, v.shape))
            if isinstance(v, np.ndarray) and v.dtype in (np.float64, np.complex128)
            else v
            for v in kept
        ]
    )
    return Step(entry, step.parents, step.values, None, None, step.used)


def _report(narrow: Problem, check: Check, i: int, g: Array, entry: int, step: Step | None) -> None:
    a = check.analytic[i][0]
    name, x = narrow.names[i], narrow.arrays[i]
    index = place_of(entry // 2 if x.dtype.kind == "c" else entry, x.shape)
    evidence = gather(check, i, entry)
    # The one row of weights that was compared.
    evidence.a, evidence.n = g[evidence.entries][None], evidence.n[:1]
    evidence.weights, evidence.tolerance = evidence.weights[:1], 1e-3
    kind, text = diagnose(evidence)
    source = None if step is None else source_of(step.entry)
    lines = [
        f"the gradient by '{name}' is wrong in {x.dtype.name} only: that in float64 is right",
        f"  worst       {name}{list(index)}: {g[entry]:.10g} in {x.dtype.name}, {a[entry]:.10g} in float64",
        f"  kind        {kind}" + (f": {text}" if text else ""),
        *([f"  entry       {source}"] if source else []),
        "  verdict     a mistake: rounding the inputs changes the gradient by far less",
    ]
    raise GradientError(
        "\n".join(lines),
        input=name,
        index=index,
        analytic=float(g[entry]),
        numeric=float(a[entry]),
        kind=kind,
        entry=source,
    )
