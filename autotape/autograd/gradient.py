"""``autograd.grad`` and ``autograd.backward``."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from autotape.autograd.graph import GradientEdge, edge_tensor
from autotape.engine.backward import backward_of, gradients
from autotape.engine.tensor import Tensor

__all__ = ["backward", "grad"]

Tensors = Tensor | Sequence[Tensor]


def grad(
    outputs: Tensors,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> Any:
    """The gradients of ``outputs`` with respect to ``inputs``, as a tuple; no ``.grad`` changes.

    Computes sum_i v_i . d outputs[i] / d inputs[j] for every j, with v = ``grad_outputs``.

    Args:
        outputs: a tensor or several.
        inputs: a tensor or several (a dict of them gives a dict).
        grad_outputs: a tensor of its shape for each output; None stands for 1 where it has one element.
        retain_graph: keep the tape's saved arrays for another call (default: ``create_graph``).
        create_graph: record the computation of the gradients, so that they can be differentiated.
        only_inputs: deprecated in PyTorch; ignored.
        allow_unused: give None for an input that the outputs do not depend on, instead of an error.
        is_grads_batched: ``grad_outputs`` and results have a leading batch dimension; one replay for all rows
            (:func:`autotape.vmap`).
        materialize_grads: give zeros for an unused input.

    >>> import autotape as at
    >>> x = at.tensor([1.0, 2.0], requires_grad=True)
    >>> (g,) = at.autograd.grad((x * x * x).sum(), x, create_graph=True)
    >>> at.autograd.grad(g.sum(), x)
    (tensor([ 6., 12.]),)
    """
    if not only_inputs:
        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True)",
            FutureWarning,
            stacklevel=2,
        )
    if allow_unused is False and materialize_grads:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: "
            "allow_unused=False."
        )
    if isinstance(inputs, Mapping):
        names = list(inputs)
        found = grad(
            outputs,
            list(inputs.values()),
            grad_outputs,
            retain_graph,
            create_graph,
            True,
            allow_unused,
            is_grads_batched,
            materialize_grads,
        )
        return dict(zip(names, found, strict=True))
    ys = _sequence(outputs, "outputs")
    xs = _sequence(inputs, "inputs")
    if not xs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    seeds = _seeds(grad_outputs, len(ys), "grad_outputs")
    keep = create_graph if retain_graph is None else retain_graph
    unused = bool(allow_unused) or materialize_grads
    if is_grads_batched:
        return _batched(ys, xs, seeds, keep, create_graph, unused, materialize_grads)
    return gradients(ys, xs, seeds, keep, create_graph, unused, materialize_grads)


def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of ``tensors`` into the ``.grad`` of the leaves they were computed from.

    Like ``tensor.backward()``, from several at once: ``x.grad += sum_i grad_tensors[i] . d tensors[i] / dx``.

    Args:
        tensors: a tensor or several.
        grad_tensors: one tensor of its shape for each of them; None stands for 1 for a single element.
        retain_graph: keep the tape's saved arrays for another call (default: ``create_graph``).
        create_graph: record the computation of the gradients.
        grad_variables: PyTorch's deprecated name of ``grad_tensors``.
        inputs: accumulate into these tensors only.

    >>> import autotape as at
    >>> x = at.tensor([1.0, 2.0], requires_grad=True)
    >>> at.autograd.backward([x * 2, (x * x).sum()], [at.ones(2), None]); x.grad
    tensor([4., 6.])
    """
    if grad_variables is not None:
        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.", FutureWarning, stacklevel=2
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to `backward()`. "
                "Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    ys = _sequence(tensors, "tensors")
    if isinstance(inputs, Mapping):
        inputs = list(inputs.values())
    xs = None if inputs is None else _sequence(inputs, "inputs")
    backward_of(
        ys, _seeds(grad_tensors, len(ys), "grad_tensors"), retain_graph, create_graph, xs, "backward()"
    )


def _sequence(tensors: Any, name: str) -> tuple[Tensor, ...]:
    if isinstance(tensors, Tensor):
        return (tensors,)
    if isinstance(tensors, GradientEdge):
        return (edge_tensor(tensors),)
    try:
        items = tuple([edge_tensor(t) if isinstance(t, GradientEdge) else t for t in tensors])
    except TypeError:
        raise TypeError(
            f"{name} must be a Tensor or a sequence of Tensors, not {type(tensors).__name__}"
        ) from None
    for i, t in enumerate(items):
        if not isinstance(t, Tensor):
            raise TypeError(f"{name} must be Tensors, but {name}[{i}] is of type {type(t).__name__}")
    return items


def _seeds(seeds: Any, count: int, name: str) -> tuple[Any, ...]:
    if seeds is None:
        return (None,) * count
    if isinstance(seeds, (Tensor, np.ndarray)):
        return (seeds,)
    try:
        return tuple(seeds)
    except TypeError:
        raise TypeError(
            f"{name} must be a Tensor or a sequence of Tensors and None, not {type(seeds).__name__}"
        ) from None


def _batched(
    ys: Sequence[Tensor],
    xs: Sequence[Tensor],
    seeds: Sequence[Any],
    keep: bool,
    create_graph: bool,
    unused: bool,
    materialize: bool,
) -> tuple[Tensor | None, ...]:
    """One replay for all rows of the seeds."""
    rows = [Tensor._from_array(s) if isinstance(s, np.ndarray) else s for s in seeds]
    sizes = set()
    for i, (y, s) in enumerate(zip(ys, rows, strict=False)):
        if not isinstance(s, Tensor) or s.shape[1:] != y.shape or s.ndim == 0:
            got = f"a shape of {list(s.shape)}" if isinstance(s, Tensor) else f"type {type(s).__name__}"
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output as the "
                "batch dimension. The sizes of the remaining dimensions are expected to match the shape of "
                f"corresponding output, but a mismatch was detected: grad_output[{i}] has {got} and "
                f"output[{i}] has a shape of {list(y.shape)}."
            )
        sizes.add(s.shape[0])
    if len(sizes) > 1:
        raise ValueError(f"Expected all grad_outputs to have the same batch size, got sizes {sorted(sizes)}")
    from autotape.func.batching import vmap

    found: tuple[Tensor | None, ...] = ()

    def products(*seeds: Tensor) -> tuple[Tensor | None, ...]:
        nonlocal found
        found = gradients(ys, xs, seeds, keep, create_graph, unused, materialize)
        return tuple([g for g in found if g is not None])

    results = iter(vmap(products)(*rows))
    return tuple([None if g is None else next(results) for g in found])
