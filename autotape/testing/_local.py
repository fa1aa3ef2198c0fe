"""One entry of the tape as a function of arrays, where its forward function can be run again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotape.engine.tape import Node, on_tape, quietly
from autotape.engine.tensor import Tensor
from autotape.testing._culprit import Run
from autotape.testing._problems import ArrayProblem, laid_out, outputs_of
from autotape.testing._recording import Step

__all__: list[str] = []

Array = np.ndarray[Any, Any]


def local_problem(step: Step, run: Run) -> ArrayProblem | None:
    """The operation of a step, with its rule as the derivative; None if running it again gives another value.

    An input that is used twice is one array.
    """
    nodes: list[Node] = list(dict.fromkeys(p for p in step.parents if p is not None))
    given = _inputs(step, run)
    places = {node: [i for i, p in enumerate(step.parents) if p is node] for node in nodes}
    arrays = [given[places[node][0]] for node in nodes]
    for node, a in zip(nodes, arrays, strict=True):
        if not isinstance(a, np.ndarray) or a.shape != node.shape or a.dtype.kind not in "fc":
            return None

    def f(*points: Array) -> Any:
        full = list(given)
        for node, point in zip(nodes, points, strict=True):
            for i in places[node]:
                full[i] = point
        ys = _forward(step, full)
        return tuple([y for i, y in enumerate(ys) if step.uses(i) and step.values[i].dtype.kind in "fc"])

    def vjp(weights: list[Array], _: list[Array]) -> list[Array]:
        given_weights = iter(weights)
        rows = [
            next(given_weights) if step.uses(i) and v.dtype.kind in "fc" else np.zeros_like(v)
            for i, v in enumerate(step.values)
        ]
        return [step.pull(rows, node) for node in nodes]

    try:
        found = outputs_of(f(*arrays))
    except Exception:
        return None  # the forward function takes something else than what is known here
    wanted = [v for i, v in enumerate(step.values) if step.uses(i) and v.dtype.kind in "fc"]
    for y, v in zip(found, wanted, strict=False):
        if y.shape != v.shape or not np.allclose(y, v, rtol=1e-6, atol=1e-9, equal_nan=True):
            return None
    names = [f"input {places[node][0]}" for node in nodes]
    return ArrayProblem(f, vjp, arrays, names) if len(found) == len(wanted) else None


def _inputs(step: Step, run: Run) -> list[Any]:
    """The arrays that the forward function got, or the arguments of a Function."""
    if step.arguments is not None:
        return [a._array if isinstance(a, Tensor) else a for a in step.arguments]
    count = len(step.parents)
    if step.arrays is not None and len(step.arrays) == count:
        return list(step.arrays)
    saved = (step.entry.saved or ())[1 : 1 + count]
    values = [run.value(p) for p in step.parents]
    return [s if v is None else v for v, s in zip(values, saved, strict=True)]


def _forward(step: Step, values: Sequence[Any]) -> tuple[Any, ...]:
    if step.arguments is not None:
        function = step.entry.saved[-3]._function  # type: ignore[index]
        args = [
            Tensor._wrap(laid_out(v, v)) if isinstance(a, Tensor) else v
            for a, v in zip(step.arguments, values, strict=True)
        ]
        result = on_tape(None, lambda: function.apply(*args))
        results = result if isinstance(result, tuple) else (result,)
        return tuple([r._array if isinstance(r, Tensor) else np.zeros(()) for r in results])
    constants = (step.entry.saved or ())[1 + len(step.parents) :]
    result = quietly(step.entry.operation.forward, *values, *constants)
    return result if isinstance(result, tuple) else (result,)
