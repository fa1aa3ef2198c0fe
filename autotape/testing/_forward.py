"""Forward mode and batched gradients against backward."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.autograd.forward_ad import dual_level, make_dual, unpack_dual
from autotape.autograd.gradient import grad
from autotape.autograd.numerical import flat, signed, unflat
from autotape.engine.tensor import Tensor
from autotape.func._trees import unflatten
from autotape.testing._problems import TapeProblem, differentiable, joined, pulled, split
from autotape.testing._verify import Settings
from autotape.testing.errors import GradientError

__all__: list[str] = []

Array = np.ndarray[Any, Any]

ROUNDING = 1e-9


def check_forward(problem: TapeProblem, settings: Settings) -> None:
    """<w, J d> by forward mode must be <J^T w, d> by backward, for each input."""
    rng = np.random.default_rng(settings.seed)
    for i, name in enumerate(problem.names):
        if not problem.arrays[i].size:
            continue
        d = signed(rng, flat(problem.arrays[i]).size)
        with dual_level():
            leaves = list(problem.leaves)
            for k, (place, a) in enumerate(zip(problem.positions, problem.arrays, strict=True)):
                x = Tensor._wrap(a.copy())
                leaves[place] = make_dual(x, Tensor._wrap(unflat(d, a))) if k == i else x
            ys = differentiable(problem.fn(*unflatten(leaves, problem.spec)))
            tangents = [unpack_dual(y).tangent for y in ys]
            moved = joined(
                [
                    np.zeros_like(y._array) if t is None else t._array
                    for y, t in zip(ys, tangents, strict=True)
                ]
            )
        w = signed(rng, moved.size)
        backward, ahead = problem.pull(lambda _, w=w: w)[i] * d, moved * w  # type: ignore[misc]
        by_gradient, by_tangent = float(backward.sum()), float(ahead.sum())
        size = float(np.abs(backward).sum() + np.abs(ahead).sum())
        if not abs(by_gradient - by_tangent) <= ROUNDING * size:
            raise GradientError(
                f"forward mode and backward disagree for '{name}': along a random direction the weighted "
                f"outputs change by {by_tangent:.10g} in forward mode, by {by_gradient:.10g} by the "
                "gradient, which differences confirm. A Function's jvp is wrong, or the derivative of a rule",
                input=name,
                analytic=by_tangent,
                numeric=by_gradient,
            )


def check_batched(problem: TapeProblem, settings: Settings) -> None:
    """Gradients for a batch of weights must be those of each."""
    rng = np.random.default_rng(settings.seed)
    xs, ys = problem.run(problem.arrays)
    ys = [y for y in ys if y._node is not None]
    if not ys:
        return
    size = joined([y._array for y in ys]).size
    seeds = [split(signed(rng, size), [y._array for y in ys]) for _ in range(2)]
    stacked = [Tensor._wrap(np.stack(pair)) for pair in zip(*seeds, strict=True)]
    found = grad(ys, xs, stacked, retain_graph=True, is_grads_batched=True, materialize_grads=True)
    for row, weights in enumerate(seeds):
        for name, single, batch in zip(problem.names, pulled(xs, ys, weights), found, strict=True):
            a, b = single._array, batch._array[row]
            off = np.abs(a - b)
            if not (off <= ROUNDING * np.abs(a).max(initial=0)).all():
                place = tuple(int(k) for k in np.unravel_index(int(off.argmax()), a.shape))
                raise GradientError(
                    f"the batched gradient by '{name}' is wrong at index {place}: {b[place]:.10g} in a "
                    f"batch, {a[place]:.10g} alone",
                    input=name,
                    index=place,
                    analytic=b[place].item(),
                    numeric=a[place].item(),
                )
