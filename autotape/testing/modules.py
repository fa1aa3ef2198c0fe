"""``check_module``: the gradients of a module by all its parameters and inputs."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.func._trees import flatten
from autotape.func.modules import functional_call
from autotape.ops.generator import default_generator
from autotape.testing._checking import check_problem
from autotape.testing._problems import TapeProblem, names_of, tree_names
from autotape.testing._single import check_single
from autotape.testing._verify import Check, Settings
from autotape.testing.gradients import gradient_of, wide

if TYPE_CHECKING:
    from autotape.nn.module import Module

__all__ = ["check_module"]


def check_module(
    module: Module,
    *inputs: Any,
    order: int = 1,
    rtol: float = 1e-7,
    kinks: str = "subgradient",
    seed: int = 0,
) -> None:
    """GradientError unless the gradients of ``module(*inputs)`` by its parameters and inputs are right.

    Checked in training and in evaluation mode, as :func:`check_gradients` does; a failure names the parameter
    (``"net.0.weight"``). Random numbers are the same in every run, so dropout can be checked. A copy is
    checked: parameters, buffers, mode and random states of ``module`` stay as they are. Parameters that do
    not require grad are left out.

    >>> import autotape as at
    >>> from autotape.testing import check_module
    >>> net = at.nn.Sequential(at.nn.Linear(3, 4), at.nn.Tanh(), at.nn.Dropout(), at.nn.Linear(4, 2))
    >>> check_module(net, at.randn(5, 3))
    """
    settings = Settings(rtol, kinks, seed)
    numpy_state, state = np.random.get_state(), default_generator.state  # noqa: NPY002 - as it is found
    before: Check | None = None
    try:
        for training in (True, False):
            copied = copy.deepcopy(module).train(training)
            narrow = _problem(copied, inputs, state, numpy_state)
            problem = wide(narrow)
            if before is not None and _same(before, problem):
                continue  # the mode changes nothing
            where = f" in {'training' if training else 'evaluation'} mode"
            before = check_problem(problem, settings, 1, where)
            if (
                any(a.dtype not in (np.float64, np.complex128) for a in narrow.arrays)
                and problem is not narrow
            ):
                check_single(narrow, before)
            for nth in range(2, order + 1):
                problem = gradient_of(problem, settings)
                check_problem(problem, settings, nth, where)
    finally:
        default_generator.state = state
        np.random.set_state(numpy_state)  # noqa: NPY002


def _problem(module: Module, inputs: tuple[Any, ...], state: Any, numpy_state: Any) -> TapeProblem:
    """The module as a function of its parameters and inputs, without random or other state."""
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    frozen = {name: p for name, p in module.named_parameters() if not p.requires_grad}
    buffers = dict(module.named_buffers())
    names = list(parameters)

    def call(*leaves: Any) -> Any:
        default_generator.state = state
        np.random.set_state(numpy_state)  # noqa: NPY002
        given, args = leaves[: len(names)], leaves[len(names) :]
        floating = next((x for x in flatten(leaves)[0] if _floating(x)), None)
        kept = {name: _like(b, floating) for name, b in (*buffers.items(), *frozen.items())}
        return functional_call(module, {**dict(zip(names, given, strict=True)), **kept}, args)

    leaves, spec = flatten((*parameters.values(), *inputs))
    leaves = [
        Tensor._from_array(x) if isinstance(x, np.ndarray) and x.dtype.kind in "fc" else x for x in leaves
    ]
    labels = [*names, *tree_names(names_of(module.forward, len(inputs)), inputs)]
    asked = [x.requires_grad for x in leaves[len(names) :] if isinstance(x, Tensor)]
    positions = [
        i
        for i, x in enumerate(leaves)
        if _floating(x) and (i < len(names) or x.requires_grad or not any(asked))
    ]
    if not positions:
        raise ValueError("check_module: neither a parameter nor an input is of floating point")
    leaves = [x.detach() if isinstance(x, Tensor) else x for x in leaves]
    call.__name__ = type(module).__name__
    return TapeProblem(
        call, leaves, spec, positions, [labels[i] for i in positions], [leaves[i]._array for i in positions]
    )


def _floating(x: Any) -> bool:
    return isinstance(x, Tensor) and x._array.dtype.kind in "fc"


def _like(buffer: Any, floating: Tensor | None) -> Tensor:
    """A copy of a buffer in the precision of the run."""
    array = buffer._array
    if floating is not None and array.dtype.kind == "f" and floating._array.dtype == np.float64:
        return Tensor._wrap(array.astype(np.float64))
    return Tensor._wrap(array.copy())


def _same(check: Check, problem: TapeProblem) -> bool:
    """Whether another problem has the same values and gradients at the inputs."""
    if not np.array_equal(check.base, problem.value(problem.arrays)):
        return False
    weights: Callable[[int], Any] = lambda _: check.weights[0]  # noqa: E731
    return all(np.array_equal(a[0], g) for a, g in zip(check.analytic, problem.pull(weights), strict=True))
