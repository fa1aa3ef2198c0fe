"""One check from beginning to end: is it a function at all, is its derivative right, and if not, why."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from autotape.autograd.numerical import flat, place_of
from autotape.testing._culprit import Finding, Run, Search
from autotape.testing._diagnosis import diagnose, gather
from autotape.testing._local import local_problem
from autotape.testing._problems import Problem, TapeProblem
from autotape.testing._recording import Step
from autotape.testing._report import point_of, table_of, verdict_of
from autotape.testing._second import SecondSearch
from autotape.testing._verify import Check, Failure, Settings
from autotape.testing.errors import GradientError

__all__: list[str] = []

Array = np.ndarray[Any, Any]

REPEATABLE = 1e-13  # relative: two runs may add in another order, no more


def check_problem(problem: Problem, settings: Settings, order: int = 1, where: str = "") -> Check:
    """GradientError unless the derivative of the problem is right; ``where`` ends the first line of it."""
    check = Check(problem, settings)
    _check_repeatable(check)
    problem.copying = False
    for i in range(len(problem.arrays)):
        failure = check.failure(i)
        if failure is not None:
            _explain(check, failure, order, where)
    _check_strided(check, order)
    return check


# --- is it a function ---------------------------------------------------------------------------------------


def _check_repeatable(check: Check) -> None:
    """The same inputs must give the same outputs and gradients, and be left alone."""
    problem = check.problem
    if np.isnan(check.base).any():
        at = int(np.isnan(check.base).argmax())
        raise GradientError(
            f"the output is nan (element {at} of {check.base.size}) at the inputs themselves: there is no "
            "derivative to compare with",
            kind="nondifferentiable",
        )
    moved = [
        a + 1e-3 * scale * np.ones_like(a) if a.size else a
        for a, scale in zip(problem.arrays, check.scales, strict=True)
    ]
    problem.value(moved)  # a function that remembers its last call is found out
    again = problem.value(problem.arrays)
    for name, x, last in zip(problem.names, problem.arrays, problem.last, strict=True):
        if not np.array_equal(x, last, equal_nan=True):
            raise GradientError(
                f"the function changes its input '{name}' in place: its derivative is not defined by "
                "the values given. Let it work on a copy (clone())",
                input=name,
                kind="nondeterministic",
            )
    recorded = flat_outputs(problem)
    for text, values in (
        ("two calls with the same inputs give different values", again),
        ("its values differ when it is recorded for a gradient", recorded),
    ):
        # The rule for arrays may compute in another order than that for Tensors.
        place = _differs(check.base, values, REPEATABLE if problem.first is None else 1e-10)
        if place is not None and problem.first is not None:
            _report_two_gradients(check, values, place)
        if place is not None:
            raise GradientError(
                f"the function is not deterministic: {text}, {check.base[place]:.10g} and "
                f"{values[place]:.10g} at element {place} of its output. It draws random numbers, or keeps a "
                "state (a counter, a cache, running statistics) from call to call: seed or reset it inside "
                "the function that is checked",
                analytic=float(check.base[place]),
                numeric=float(values[place]),
                kind="nondeterministic",
            )
    second = problem.pull(lambda _: check.weights[0])
    for i, (name, g) in enumerate(zip(problem.names, second, strict=True)):
        place = _differs(check.analytic[i][0], g)
        if place is not None:
            raise GradientError(
                f"the gradient by '{name}' is not deterministic: {check.analytic[i][0][place]:.10g} and "
                f"{g[place]:.10g} from the same inputs (element {place}). A derivative that keeps a state, "
                "or that writes into what it is given, does so",
                input=name,
                index=_index(problem, i, place),
                analytic=float(check.analytic[i][0][place]),
                numeric=float(g[place]),
                kind="nondeterministic",
            )


def _report_two_gradients(check: Check, recorded: Array, place: int) -> NoReturn:
    """The gradient of a gradient problem is another one when it is recorded itself (create_graph)."""
    assert check.problem.first is not None
    finding, note = _search(check.problem, check.settings)
    raise GradientError(
        "the gradient is another one when it is itself recorded (create_graph=True): "
        f"{recorded[place]:.10g} instead of {check.base[place]:.10g} at element {place} of all gradients\n"
        f"  entry       {finding.source or note}",
        input=check.problem.first.names[0],
        analytic=float(recorded[place]),
        numeric=float(check.base[place]),
        kind="second-order",
        entry=finding.source,
    )


def flat_outputs(problem: Problem) -> Array:
    """The outputs of the recorded run."""
    return np.concatenate([flat(y) for y in problem.outputs])


def _differs(a: Array, b: Array, tolerance: float = REPEATABLE) -> int | None:
    """Where two vectors differ most, if they do."""
    if a.shape != b.shape:
        return 0
    with np.errstate(all="ignore"):
        off = np.abs(a - b)
        bad = ~((a == b) | (off <= tolerance * np.abs(a).max(initial=0)) | (np.isnan(a) & np.isnan(b)))
    return int(np.where(bad, np.nan_to_num(off, nan=np.inf), -1).argmax()) if bad.any() else None


def _index(problem: Problem, i: int, entry: int) -> tuple[int, ...]:
    x = problem.arrays[i]
    return place_of(entry // 2 if x.dtype.kind == "c" else entry, x.shape)


# --- other layouts ------------------------------------------------------------------------------------------


def _check_strided(check: Check, order: int) -> None:
    """The same gradient for inputs and incoming gradients that are not contiguous."""
    problem = check.problem
    problem.strided = True
    try:
        row = len(check.weights) - 1
        try:
            found = problem.pull(lambda _: check.weights[row])
        except GradientError:
            raise
        except Exception:
            return  # the function asks for contiguous arrays
        for i, g in enumerate(found):
            a = check.analytic[i][row]
            with np.errstate(all="ignore"):
                off = np.abs(a - g) > 1e-8 * np.abs(a).max(initial=0) + 1e-300
            if g.shape == a.shape and off.any() and np.isfinite(a).all():
                other = Check(problem, check.settings)
                failure = other.failure(i)
                if failure is not None:
                    _explain(other, failure, order, ", where the arrays are not contiguous")
    finally:
        problem.strided = False


# --- why it is wrong ----------------------------------------------------------------------------------------


def _explain(check: Check, failure: Failure, order: int, where: str) -> NoReturn:
    """Raise the GradientError for a failure, with all that can be found out about it."""
    problem = check.problem
    name = problem.names[failure.input]
    point = point_of(check, failure)
    kind, text = "nondifferentiable", ""
    finding, note = Finding(), ""
    if isinstance(problem, TapeProblem):
        finding, note = _search(problem, check.settings)
    if failure.verdict.kink:
        note = f"{finding.kink} is where it has no derivative" if finding.kink else ""
    else:
        kind, text = _kind(check, failure, finding)
        if order > 1:
            kind = "second-order"
    derivative = "gradient" if order == 1 else f"derivative of order {order}"
    verb = "does not exist" if kind == "nondifferentiable" else "is wrong"
    lines = [
        f"the {derivative} by '{name}' {verb}{where}",
        f"  worst       d {point.output} / d {name}{list(point.index)}: {point.title}",
        f"  kind        {kind}" + (f": {text}" if text else ""),
    ]
    if finding.source:
        lines.append(f"  entry       {finding.source}")
        lines += [f"  also        {other}" for other in finding.others]
    elif note:
        lines.append(f"  entry       {note}")
    lines += [f"  verdict     {verdict_of(point, kind)}", "  by step", table_of(point)]
    lines.append(f"  seed        {check.settings.seed}")
    raise GradientError(
        "\n".join(lines),
        input=name,
        index=point.index,
        analytic=point.analytic,
        numeric=point.numeric,
        kind=kind,
        entry=finding.source or finding.kink or None,
    )


def _search(problem: Problem, settings: Settings) -> tuple[Finding, str]:
    """The entry at fault, or a word about why there is none."""
    assert isinstance(problem, TapeProblem)
    try:
        search = Search if problem.first is None else SecondSearch
        finding = search(problem.first or problem, max(settings.rtol, 1e-7), settings.seed).find()
    except Exception as error:
        return (
            Finding(),
            f"not found: the rules could not be run one by one ({type(error).__name__}: {error})",
        )
    if finding.step is not None:
        return finding, ""
    if finding.kink:
        return finding, (
            f"no rule is wrong, but {finding.kink} is where it has no derivative, and the chain rule does "
            "not hold"
        )
    unseen = finding.hidden or "after the last entry"
    return (
        finding,
        "no rule is wrong: the input reaches the output by a path that the tape does not see (detach, "
        f"no_grad, .data, item() or NumPy on the way), {unseen}",
    )


def _kind(check: Check, failure: Failure, finding: Finding) -> tuple[str, str]:
    """The kind of mistake, from the entry at fault if there is one, else from the whole function."""
    i = failure.input
    if finding.step is None and finding.kink:
        return "nondifferentiable", f"{finding.kink} is at a point where it has no derivative"
    if not np.isfinite(check.analytic[i]).all():
        return "unknown", "the analytic gradient is not finite"
    whole = diagnose(gather(check, i, failure.entry))
    if finding.step is None:
        if isinstance(check.problem, TapeProblem):
            # What the tape does not see is missing from the sum over the paths to the output.
            return ("zero" if whole[0] == "zero" else "accumulation"), "a path from the input is missing"
        return whole
    if check.problem.first is not None or finding.run is None:
        return whole
    found = _local_kind(finding.step, finding.run, check.settings)
    return found if found is not None and found[0] != "unknown" else whole


def _local_kind(step: Step, run: Run, settings: Settings) -> tuple[str, str] | None:
    """The kind of mistake in the rule of one entry, and for which of its inputs."""
    try:
        local = local_problem(step, run)
        if local is None:
            return None
        check = Check(local, settings)
        for i, name in enumerate(local.names):
            failure = check.failure(i)
            if failure is not None and not failure.verdict.kink:
                kind, text = diagnose(gather(check, i, failure.entry))
                return kind, f"{text} (in the rule for {name} of the entry)" if text else ""
    except Exception:
        return None  # the forward function runs in its own surroundings only
    return None
