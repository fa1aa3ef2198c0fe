"""``vmap``: a function of one example, run once on a whole batch."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autotape.engine.batched import BatchedArray, batched, unbatched
from autotape.engine.levels import BatchingError, Level, levels, over_levels
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.func import _arrangements, _elements, _products  # noqa: F401  (the batching rules)
from autotape.func._trees import Spec, flatten, spread_prefix, unflatten
from autotape.ops.generator import default_generator
from autotape.ops.joining import cat

__all__ = ["vmap"]


# --- entering and leaving: operations that are each other's derivative --------------------------------------


def _batch_forward(x: Any, level: Level, dim: int) -> BatchedArray:
    return batched(np.moveaxis(x, dim, 0), level)


def _unbatch_forward(x: Any, level: Level, dim: int) -> Any:
    y = unbatched(x, level)
    return np.moveaxis(y, 0, dim) if dim else y


def _batch_rule(g: Any, _y: Any, _x: Any, level: Level, dim: int) -> Any:
    if level.active:
        raise BatchingError(
            "vmap: the gradient of a tensor outside of vmap, by which the examples are taken, was asked for "
            "while vmap is running; differentiate the example (autotape.func.grad), or outside of vmap"
        )
    return unbatch(g, level, dim) if isinstance(g, Tensor) else _unbatch_forward(g, level, dim)


def _unbatch_rule(g: Any, _y: Any, _x: Any, level: Level, dim: int) -> Any:
    return batch(g, level, dim) if isinstance(g, Tensor) else _batch_forward(g, level, dim)


_BATCH = Operation("batch", _batch_forward, _batch_rule, view=True)
_UNBATCH = Operation("unbatch", _unbatch_forward, _unbatch_rule, view=True)


def batch(x: Tensor, level: Level, dim: int) -> Tensor:
    """One example of x, for all those along ``dim``."""
    return apply(_BATCH, (x,), level, dim)  # type: ignore[no-any-return]


def unbatch(x: Tensor, level: Level, dim: int) -> Tensor:
    """All examples that x stands for, along ``dim``; what is the same for all is repeated."""
    return apply(_UNBATCH, (x,), level, dim)  # type: ignore[no-any-return]


# --- vmap ---------------------------------------------------------------------------------------------------


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """``func``, written for one example, as a function of a batch of them: each operation runs once for all.

    ``vmap(f)(x)[i] == f(x[i])``, for the values and for every derivative, also of those taken inside of f.

    Args:
        func: takes tensors (nested in tuples, lists and dicts) and returns such.
        in_dims: for each positional argument the dimension that holds the examples; None for an argument that
            all share. An int for all of them, or a tuple that may be nested like the arguments.
        out_dims: where the results get that dimension; nested like the results. None for a result that no
            example changes.
        randomness: of random functions inside: "error", "different" for each example, or the "same" for all.
        chunk_size: at most so many examples at once, which bounds the memory.

    Errors: ValueError for dimensions that do not fit the arguments; RuntimeError for an operation that can't
    be batched (it is named), for one whose result's shape depends on values, ``.item()``, a condition on a
    tensor, and an in-place write of batched values into a tensor that all examples share.

    >>> import autotape as at
    >>> x, y = at.ones(3, 5), at.arange(15.0).reshape(5, 3)
    >>> at.vmap(at.dot, in_dims=(0, 1))(x, y)
    tensor([30., 35., 40.])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got " + str(randomness)
        )
    if chunk_size is not None and not chunk_size > 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        leaves, spec, dims, size = _inputs(func, in_dims, args)
        if chunk_size is None or chunk_size >= size:
            outputs, out_spec, at = _mapped(func, leaves, spec, dims, size, out_dims, randomness, kwargs)
            return unflatten(outputs, out_spec)
        state = default_generator.state
        parts = []
        for start in range(0, size, chunk_size):
            if randomness == "same":
                default_generator.state = state
            count = min(chunk_size, size - start)
            part = [x if d is None else x.narrow(d, start, count) for x, d in zip(leaves, dims)]
            outputs, out_spec, at = _mapped(func, part, spec, dims, count, out_dims, randomness, kwargs)
            parts.append(outputs)
        joined = [c[0] if d is None else cat(c, d) for c, d in zip(zip(*parts), at)]
        return unflatten(joined, out_spec)

    return wrapped


def _name(func: Callable[..., Any]) -> str:
    return getattr(func, "__name__", repr(func))


def _inputs(
    func: Callable[..., Any], in_dims: Any, args: tuple[Any, ...]
) -> tuple[list[Any], Spec, list[int | None], int]:
    """The leaves of the arguments, their structure, the dimension of each, and the size of the batch."""
    where = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        if isinstance(in_dims, list):
            in_dims = tuple(in_dims)
        else:
            raise ValueError(
                f"{where}: expected `in_dims` to be int or a (potentially nested) tuple matching "
                f"the structure "
                f"of inputs, got: {type(in_dims)}."
            )
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or "
            f"you are trying "
            "to vmap over a function with no inputs. The latter is unsupported."
        )
    leaves, spec = flatten(args)
    dims = spread_prefix(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{where}: in_dims is not compatible with the structure of `inputs`. in_dims is "
            f"{in_dims} but there "
            f"are {len(args)} arguments with the structure {_outline(args)}."
        )
    sizes: list[int] = []
    for i, (x, d) in enumerate(zip(leaves, dims)):
        if d is None:
            continue
        if not isinstance(d, int):
            raise ValueError(
                f"{where}: Got in_dim={d} for an input but in_dim must be either an integer "
                f"dimension or None."
            )
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{where}: Got in_dim={d} for an input but the input is of type {type(x)}. We "
                f"cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        ndim = x._array.ndim
        if not -ndim <= d < ndim:
            raise ValueError(
                f"{where}: Got in_dim={d} for some input, but that input is a Tensor of "
                f"dimensionality {ndim} "
                f"so expected in_dim to satisfy -{ndim} <= in_dim < {ndim}."
            )
        dims[i] = d % ndim
        sizes.append(x._array.shape[dims[i]])
    if not sizes:
        raise ValueError(f"{where}: at least one input must be mapped over (an in_dim that is not None)")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return leaves, spec, dims, sizes[0]


def _outline(tree: Any) -> Any:
    leaves, spec = flatten(tree)
    return unflatten(["*"] * len(leaves), spec)


def _mapped(
    func: Callable[..., Any],
    leaves: list[Any],
    spec: Spec,
    dims: list[int | None],
    size: int,
    out_dims: Any,
    randomness: str,
    kwargs: dict[str, Any],
) -> tuple[list[Any], Spec, list[int | None]]:
    """The results of one batch, their structure and their batch dimensions."""
    level = Level(size, randomness)
    examples = [x if d is None else batch(x, level, d) for x, d in zip(leaves, dims)]
    levels.stack.append(level)
    try:
        result = func(*unflatten(examples, spec), **kwargs)
    finally:
        level.active = False
        levels.stack.pop()
    outputs, out_spec = flatten(result)
    name = _name(func)
    for y in outputs:
        if not isinstance(y, Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(y)} as a return."
            )
    found = spread_prefix(tuple(out_dims) if isinstance(out_dims, list) else out_dims, out_spec)
    if found is None and isinstance(out_dims, tuple) and len(out_dims) == 1 == len(outputs):
        found = list(out_dims)
    if found is None:
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with "
            f"the structure of "
            f"`outputs`, which is {_outline(result)}."
        )
    placed = [_out_dim(y, d, level, name, out_dims) for y, d in zip(outputs, found)]
    return [y if d is None else unbatch(y, level, d) for y, d in zip(outputs, placed)], out_spec, placed


def _out_dim(y: Tensor, dim: Any, level: Level, name: str, out_dims: Any) -> int | None:
    if dim is None:
        if level in over_levels(y._array):
            raise ValueError(
                f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None"
            )
        return None
    if not isinstance(dim, int):
        raise ValueError(
            f"vmap({name}, ..., out_dims={out_dims}): `out_dims` must be an int, None or a "
            f"python collection of "
            f"ints representing where in the outputs the vmapped dimension should appear."
        )
    ndim = y._array.ndim + 1
    if not -ndim <= dim < ndim:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-ndim}, {ndim - 1}], but got {dim})"
        )
    return dim % ndim
