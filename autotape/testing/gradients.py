"""``check_gradients``: the derivatives that the tape gives, against differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autotape.engine.backward import gradients
from autotape.engine.tensor import Tensor
from autotape.func._trees import flatten, unflatten
from autotape.testing._checking import check_problem
from autotape.testing._forward import check_batched, check_forward
from autotape.testing._problems import (
    TapeProblem,
    differentiable,
    names_of,
    tree_names,
    widened,
)
from autotape.testing._single import check_single
from autotape.testing._verify import Settings

__all__ = ["check_gradients"]

Array = np.ndarray[Any, Any]


def check_gradients(
    fn: Callable[..., Any],
    *inputs: Any,
    order: int = 1,
    rtol: float = 1e-7,
    kinks: str = "subgradient",
    forward: bool = False,
    batched: bool = False,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> None:
    """GradientError unless the derivatives of ``fn(*inputs)`` are right, up to ``order``.

    The gradient of randomly weighted outputs is compared with extrapolated differences in float64, along
    random signed directions and by single entries (all of them up to 64); the tolerance is ``rtol`` times the
    size of the gradient itself, plus what the differences cannot decide. Gradients in float32 are also
    compared with those in float64. A failure explains itself: see :class:`GradientError`.

    Args:
        fn: returns a floating point tensor or several; must be deterministic.
        inputs: tensors, arrays, or nested lists and dicts of them. Those that require grad are checked, or
            all floating point ones if none does. They are not changed.
        order: 2 checks the gradient of the gradient too, and so on.
        rtol: relative to the gradient.
        kinks: at a point where ``fn`` has a kink, 'subgradient' takes any value between the derivatives from
            the two sides, 'raise' reports it.
        forward: compare forward mode (``autograd.forward_ad``) with backward.
        batched: compare ``autograd.grad(..., is_grads_batched=True)`` with backward.
        names: of the inputs, for the message; those of ``fn``'s parameters by default.
        seed: of weights and directions.

    >>> import autotape as at
    >>> from autotape.testing import check_gradients
    >>> check_gradients(lambda x: (x * x).sum(), at.tensor([1.0, 2.0]), order=2)
    >>> check_gradients(lambda x: x * x.detach(), at.tensor([1.0, 2.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    autotape.testing.errors.GradientError: the gradient by 'x' is wrong...
    """
    if order < 1:
        raise ValueError(f"order must be at least 1, got {order}")
    if kinks not in ("subgradient", "raise"):
        raise ValueError(f"kinks must be 'subgradient' or 'raise', got {kinks!r}")
    if names is not None and len(names) != len(inputs):
        raise ValueError(f"got {len(names)} names for {len(inputs)} inputs")
    settings = Settings(rtol, kinks, seed)
    given = problem_of(fn, inputs, names)
    problem = wide(given)
    check = check_problem(problem, settings)
    if any(a.dtype not in (np.float64, np.complex128) for a in given.arrays) and problem is not given:
        check_single(given, check)
    if forward:
        check_forward(problem, settings)
    if batched:
        check_batched(problem, settings)
    for nth in range(2, order + 1):
        problem = gradient_of(problem, settings)
        check_problem(problem, settings, nth)


def problem_of(fn: Callable[..., Any], inputs: Sequence[Any], names: Sequence[str] | None) -> TapeProblem:
    """The function at the inputs in their own dtypes."""
    leaves, spec = flatten(tuple(inputs))
    leaves = [
        Tensor._from_array(x) if isinstance(x, np.ndarray) and x.dtype.kind in "fc" else x for x in leaves
    ]
    labels = tree_names(names or names_of(fn, len(inputs)), inputs)
    floating = [i for i, x in enumerate(leaves) if isinstance(x, Tensor) and x._array.dtype.kind in "fc"]
    positions = [i for i in floating if leaves[i].requires_grad] or floating
    if not positions:
        raise ValueError("check_gradients needs a floating point tensor or array to differentiate by")
    leaves = [x.detach() if isinstance(x, Tensor) else x for x in leaves]
    return TapeProblem(
        fn, leaves, spec, positions, [labels[i] for i in positions], [leaves[i]._array for i in positions]
    )


def wide(problem: TapeProblem) -> TapeProblem:
    """The same in float64, or as it is if the function does not take that."""
    leaves = [
        Tensor._wrap(widened(x._array)) if isinstance(x, Tensor) and x._array.dtype.kind in "fc" else x
        for x in problem.leaves
    ]
    other = TapeProblem(
        problem.fn,
        leaves,
        problem.spec,
        problem.positions,
        problem.names,
        [widened(a) for a in problem.arrays],
    )
    if all(a.dtype in (np.float64, np.complex128) for a in problem.arrays):
        return other
    try:
        other.value(other.arrays)
    except (RuntimeError, TypeError, ValueError):  # it holds constants in float32, say
        problem.value(problem.arrays)  # an error of the function's own comes from here
        return problem
    return other


def gradient_of(problem: TapeProblem, settings: Settings) -> TapeProblem:
    """The gradients of a problem, as a function of its inputs and of the gradients of its outputs."""
    _, ys = problem.run(problem.arrays)
    rng = np.random.default_rng(settings.seed + 1)
    weights = []
    for y in ys:
        w = rng.standard_normal(y.shape)
        weights.append(
            np.asarray(w + 1j * rng.standard_normal(y.shape) if y._array.dtype.kind == "c" else w).astype(
                y._array.dtype
            )
        )
    fn, spec, positions, count = problem.fn, problem.spec, problem.positions, len(problem.leaves)

    def gradient(create_graph: bool, *leaves: Any) -> tuple[Tensor, ...]:
        result = differentiable(fn(*unflatten(list(leaves[:count]), spec)))
        xs = [leaves[i] for i in positions]
        pairs = [(y, w) for y, w in zip(result, leaves[count:], strict=True) if y._node is not None]
        if not pairs:
            return tuple([Tensor._wrap(np.zeros_like(x._array)) for x in xs])
        outs, seeds = zip(*pairs, strict=True)
        return gradients(outs, xs, seeds, True, create_graph, True, True)  # type: ignore[return-value]

    leaves, tree = flatten((*problem.leaves, *[Tensor._wrap(w) for w in weights]))
    found = TapeProblem(
        lambda *args: gradient(True, *args),
        leaves,
        tree,
        [*positions, *range(count, count + len(weights))],
        [*problem.names, *[f"the gradient of output {k}" for k in range(len(weights))]],
        [*problem.arrays, *weights],
        lambda *args: gradient(False, *args),
    )
    found.first = problem
    return found
