"""What is checked: values at any point, and the products of the derivative with weights of the outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autotape.autograd.numerical import flat, unflat
from autotape.engine.backward import gradients
from autotape.engine.tensor import Tensor
from autotape.func._trees import Spec, flatten, unflatten
from autotape.testing.errors import GradientError

__all__: list[str] = []

Array = np.ndarray[Any, Any]


class Problem:
    """A function of some arrays, and its derivative there.

    ``value(points)`` gives all outputs as one flat vector; ``pull(weights)`` the gradients of the weighted
    sum of the outputs, a flat vector for each array.
    """

    names: list[str]
    arrays: list[Array]  # where the derivative is checked: float64 or complex128 where that is possible
    precision = 2.0**-52
    outputs: list[Array]  # of the last call of pull
    last: list[Array]  # the copies that the function was last called with: it may have changed them
    first: TapeProblem | None = None  # the problem that this one is the gradient of
    copying = True  # hand out copies: False once the function is known to leave its inputs alone
    strided = False  # hand the function and the rules arrays that are not contiguous

    def value(self, points: Sequence[Array]) -> Array:
        """All outputs at the points."""
        raise NotImplementedError

    def pull(self, weights: Callable[[int], Array]) -> list[Array]:
        """The gradients; ``weights(size)`` gives the weights for that many output elements."""
        raise NotImplementedError

    def copied(self, point: Array) -> Array:
        """What the function is given for ``point``."""
        if self.strided:
            return spread(point)
        return laid_out(point, point) if self.copying else np.asarray(point)


def laid_out(values: Array, like: Array, dtype: Any = None) -> Array:
    """A copy of ``values`` with the memory layout of ``like``: its order, gaps and negative strides."""
    dtype = np.dtype(dtype or values.dtype)
    if like.flags.c_contiguous or not like.size or any(s % like.itemsize for s in like.strides):
        return np.array(values, dtype, order="C").reshape(like.shape)
    steps = [s // like.itemsize for s in like.strides]
    if any(s == 0 and n > 1 for s, n in zip(steps, like.shape)):
        return np.array(values, dtype)  # one element in many places: they are varied one by one
    spans = [(n - 1) * s for n, s in zip(like.shape, steps)]
    start = -sum(s for s in spans if s < 0)
    memory = np.zeros(start + sum(s for s in spans if s > 0) + 1, dtype)
    view: Array = np.lib.stride_tricks.as_strided(
        memory[start:], like.shape, tuple(s * dtype.itemsize for s in steps)
    )
    view[...] = values
    return view


def spread(array: Array) -> Array:
    """A copy that is neither contiguous nor in this order in memory."""
    memory = np.zeros((*array.shape[::-1], 2), array.dtype)
    view = memory[..., 0].T
    view[...] = array
    return view


def widened(array: Array) -> Array:
    """In float64 or complex128, with the same layout."""
    return laid_out(array, array, np.complex128 if array.dtype.kind == "c" else np.float64)


def precision_of(outputs: Sequence[Array]) -> float:
    """The relative rounding error of the least precise of some arrays."""
    return max([float(np.finfo(y.dtype).eps) for y in outputs], default=2.0**-52)


class TapeProblem(Problem):
    """A function of Tensors; the derivative is the tape's.

    ``arguments`` are those of ``fn``, with the arrays to vary at ``positions`` of their flattened tree.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        leaves: list[Any],
        spec: Spec,
        positions: list[int],
        names: list[str],
        arrays: list[Array],
        value_fn: Callable[..., Any] | None = None,
    ) -> None:
        self.fn = fn
        self.value_fn = value_fn or fn
        self.leaves = leaves
        self.spec = spec
        self.positions = positions
        self.names = names
        self.arrays = arrays
        self.outputs = []

    def run(
        self, points: Sequence[Array], fn: Callable[..., Any] | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The inputs as fresh leaves, and the differentiable outputs."""
        leaves, xs = list(self.leaves), []
        copy = self.copied
        for i, point in zip(self.positions, points, strict=True):
            leaves[i] = x = Tensor._wrap(copy(point)).requires_grad_()
            xs.append(x)
        self.last = [x._array for x in xs]
        for i, leaf in enumerate(leaves):
            if isinstance(leaf, Tensor) and i not in self.positions and leaf._node is None:
                leaves[i] = Tensor._wrap(leaf._array)
        return xs, differentiable((fn or self.fn)(*unflatten(leaves, self.spec)))

    def value(self, points: Sequence[Array]) -> Array:
        """All outputs at the points."""
        _, ys = self.run(points, self.value_fn)
        return joined([y._array for y in ys])

    def pull(self, weights: Callable[[int], Array]) -> list[Array]:
        """The gradients of the weighted sum of the outputs."""
        xs, ys = self.run(self.arrays)
        self.outputs = [y._array for y in ys]
        self.precision = precision_of([y._array for y in ys])
        seeds = split(weights(joined(self.outputs).size), self.outputs)
        if self.strided:
            seeds = [spread(s) for s in seeds]
        return [flat(g._array) for g in pulled(xs, ys, seeds)]


def pulled(xs: list[Tensor], ys: list[Tensor], seeds: list[Array]) -> list[Tensor]:
    """The gradients of the outputs that have a place on the tape; zeros where there is none."""
    pairs = [(y, s) for y, s in zip(ys, seeds, strict=True) if y._node is not None]
    if not pairs:
        return [Tensor._wrap(np.zeros_like(x._array)) for x in xs]
    outs, given = zip(*pairs, strict=True)
    return gradients(outs, xs, given, True, False, True, True)  # type: ignore[return-value]


def differentiable(result: Any) -> list[Tensor]:
    """The floating point tensors in what a function returned."""
    found = [y for y in flatten(result)[0] if isinstance(y, Tensor) and y._array.dtype.kind in "fc"]
    if not found:
        raise TypeError(
            f"the function must return a floating point Tensor, or several, not {type(result).__name__}: "
            "there is no derivative to check"
        )
    return found


def joined(outputs: Sequence[Array]) -> Array:
    """Arrays as one flat vector."""
    parts = [flat(y) for y in outputs]
    return parts[0].copy() if len(parts) == 1 else np.concatenate(parts)


def split(vector: Array, like: Sequence[Array]) -> list[Array]:
    """The arrays of these shapes and dtypes that a flat vector consists of."""
    parts, start = [], 0
    for y in like:
        size = y.size * (2 if y.dtype.kind == "c" else 1)
        parts.append(unflat(vector[start : start + size], y))
        start += size
    return parts


class ArrayProblem(Problem):
    """A function of arrays, and a derivative that somebody wrote: ``vjp(weights, arrays)``."""

    def __init__(
        self,
        f: Callable[..., Any],
        vjp: Callable[[list[Array], list[Array]], Sequence[Any]],
        arrays: list[Array],
        names: list[str],
    ) -> None:
        self.f = f
        self.vjp = vjp
        self.arrays = arrays
        self.names = names
        self.outputs = []

    def value(self, points: Sequence[Array]) -> Array:
        """All outputs at the points."""
        self.last = [self.copied(p) for p in points]
        with np.errstate(all="ignore"):
            return joined(outputs_of(self.f(*self.last)))

    def pull(self, weights: Callable[[int], Array]) -> list[Array]:
        """The gradients as the user's function gives them."""
        copy = self.copied
        with np.errstate(all="ignore"):
            self.outputs = outputs_of(self.f(*[copy(a) for a in self.arrays]))
            self.precision = precision_of(self.outputs)
            seeds = split(weights(joined(self.outputs).size), self.outputs)
            self.last = [copy(a) for a in self.arrays]
            found = self.vjp([spread(s) for s in seeds] if self.strided else seeds, self.last)
        return [flat(g) for g in self._shaped(found)]

    def _shaped(self, found: Sequence[Any]) -> list[Array]:
        """The gradients as arrays; GradientError for one that has not the shape of its input."""
        shaped = []
        for name, x, g in zip(self.names, self.arrays, found, strict=True):
            g = np.zeros_like(x) if g is None else np.asarray(g)
            if g.shape != x.shape:
                kind, hint = "unknown", ""
                if g.shape == x.shape[::-1]:
                    kind, hint = "transpose", ": it is transposed"
                elif _stretches(x.shape, g.shape):
                    kind, hint = (
                        "broadcast",
                        ": the sum over the axes the input was broadcast along is missing",
                    )
                elif _stretches(g.shape, x.shape):
                    kind, hint = "broadcast", ": it was summed over too many axes, or not broadcast back"
                raise GradientError(
                    f"the gradient by '{name}' has the shape {list(g.shape)}, the input "
                    f"{list(x.shape)}{hint}",
                    input=name,
                    kind=kind,
                )
            if g.dtype.kind == "c" and x.dtype.kind != "c":
                g = g.real
            shaped.append(g)
        return shaped


def _stretches(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether broadcasting takes ``shape`` to ``to``."""
    try:
        return np.broadcast_shapes(shape, to) == to
    except ValueError:
        return False


def outputs_of(result: Any) -> list[Array]:
    """What a NumPy function returned, as floating point arrays."""
    results = result if isinstance(result, (tuple, list)) else (result,)
    arrays = [np.asarray(y) for y in results]
    return [y if y.dtype.kind in "fc" else y.astype(np.float64) for y in arrays]


def names_of(function: Callable[..., Any], count: int, skip: int = 0) -> list[str]:
    """The names of the first parameters; ``input 0`` where there is none."""
    try:
        parameters = list(inspect.signature(function).parameters.values())[skip:]
    except (TypeError, ValueError):
        parameters = []
    names: list[str] = []
    for i in range(count):
        if i < len(parameters) and parameters[i].kind in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        ):
            names.append(parameters[i].name)
        else:
            names.append(f"input {i}")
    return names


def tree_names(names: Sequence[str], arguments: Sequence[Any]) -> list[str]:
    """A name for each leaf of the arguments: ``x``, ``xs[0]``, ``state['h']``."""
    found: list[str] = []
    for name, argument in zip(names, arguments, strict=True):
        _, spec = flatten(argument)
        _name_leaves(name, spec, found)
    return found


def _name_leaves(name: str, spec: Spec, found: list[str]) -> None:
    if spec.kind is None:
        found.append(name)
        return
    keys = spec.keys if isinstance(spec.keys, list) else range(len(spec.children))
    for key, child in zip(keys, spec.children):
        _name_leaves(f"{name}[{key!r}]", child, found)
