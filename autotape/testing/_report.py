"""The message of a GradientError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from autotape.autograd.numerical import place_of
from autotape.testing._verify import Check, Failure

__all__: list[str] = []

Array = np.ndarray[Any, Any]

STEPS = tuple(10.0**-k for k in range(1, 10))


@dataclass(frozen=True)
class Point:
    """One derivative of one output: what a failure is shown by."""

    output: str
    index: tuple[int, ...]
    analytic: Any
    numeric: Any
    table: list[tuple[float, float]]  # the differences by step

    @property
    def title(self) -> str:
        """In one line."""
        return f"analytic {self.analytic:.10g}, numeric {self.numeric:.10g}"


def point_of(check: Check, failure: Failure) -> Point:
    """The output that shows the failure best: one whose derivative is wrong, else the weighted sum."""
    i, entry = failure.input, failure.entry
    x = check.problem.arrays[i]
    complex_input = x.dtype.kind == "c"
    index = place_of(entry // 2 if complex_input else entry, x.shape)
    direction = np.zeros(check.sizes[i])
    direction[entry] = check.scales[i]
    line = check.line(i, direction)
    weights = check.weights[failure.row]
    analytic, numeric = check.analytic[i][failure.row, entry], failure.verdict.numeric[failure.row]
    name = "(weighted outputs)"
    outputs = check.problem.outputs
    with np.errstate(all="ignore"):
        change = np.abs(np.nan_to_num(line.central(2.0**-10)))
    tried = [0] if check.base.size == 1 else np.argsort(-change)[:8].tolist()
    if len(outputs) == 1 and not np.iscomplexobj(outputs[0]) and np.isfinite(analytic):
        for j in tried:
            unit = np.zeros(check.base.size)
            unit[j] = 1.0
            a = check.problem.pull(lambda _, unit=unit: unit)[i][entry]  # type: ignore[misc]
            n = check.differences(i, entry, unit)
            if not np.isfinite(n) or abs(a - n) <= 1e-3 * abs(analytic - numeric):
                continue
            weights, analytic, numeric = unit, a, n
            place = place_of(j, outputs[0].shape)
            name = f"output{list(place)}" if outputs[0].ndim else "output"
            break
    with np.errstate(all="ignore"):
        table = [(h * check.scales[i], float(weights @ line.central(h)) / check.scales[i]) for h in STEPS]
    return Point(name, index, float(analytic), float(numeric), table)


def table_of(point: Point) -> str:
    """The numeric derivative against the step."""
    rows = [f"    {h:9.1e}  {value: .10e}  {_off(value, point)}" for h, value in point.table]
    return "\n".join(["    step       numeric            analytic - numeric", *rows])


def _off(value: float, point: Point) -> str:
    return f"{point.analytic - value: .3e}"


def verdict_of(point: Point, kind: str) -> str:
    """What the table says: truncation, rounding, a kink, or a mistake."""
    if kind == "nondifferentiable":
        return "a kink or the edge of a domain: derivatives from different sides differ at any step"
    values = np.array([v for _, v in point.table])
    if not np.isfinite(values).any():
        return "the function is not finite around the point"
    with np.errstate(all="ignore"):
        steady = np.abs(np.diff(values)) <= 1e-4 * np.abs(values[1:]) + 1e-300
    if not np.isfinite(point.analytic):
        return "a mistake: the differences settle, the analytic value is not finite"
    if steady.sum() >= 2:
        ends = []
        if not steady[0]:
            ends.append("large steps show truncation")
        if not steady[-1]:
            ends.append("small ones rounding")
        return "a mistake: the differences settle at another value" + (
            f" ({', '.join(ends)})" if ends else ""
        )
    return (
        "a mistake: extrapolated differences settle at another value (single ones show truncation, rounding)"
    )
