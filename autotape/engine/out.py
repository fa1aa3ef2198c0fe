"""``out=``: a result written into a tensor that the caller has."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial, wraps
from typing import Any, TypeVar

import numpy as np

from autotape.engine.dtypes import can_cast_numpy
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable, note_write, recording_tape

__all__ = ["compute_into", "store", "takes_out"]

F = TypeVar("F", bound=Callable[..., Any])


def takes_out(function: F) -> F:
    """Decorator: handles ``out=``, a parameter that the function has in its signature and does not look at.

    Several results take a tuple of as many tensors.
    """

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not kwargs or (out := kwargs.pop("out", None)) is None:
            return function(*args, **kwargs)
        return store(out, function(*args, **kwargs), function.__name__)

    return call  # type: ignore[return-value]


def store(out: Any, result: Any, name: str) -> Any:
    """Write ``result`` into ``out`` and return it, as PyTorch's ``out=`` does.

    The memory of ``out`` is used where its shape fits; where it does not, ``out`` gets the result's shape,
    with a UserWarning unless it was empty. Errors: RuntimeError if gradients would be needed (a write into
    ``out`` is not recorded), or if the result's dtype does not cast to that of ``out``.
    """
    if isinstance(result, tuple):
        if not isinstance(out, (tuple, list)) or len(out) != len(result):
            raise TypeError(f"{name}(): argument 'out' must be a tuple of {len(result)} Tensors")
        stored = [store(o, r, name) for o, r in zip(out, result)]
        return type(result)(*stored) if hasattr(result, "_fields") else tuple(stored)
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be a Tensor, not {type(out).__name__}")
    check_out(out, result._node, name)
    target, value = out._array, result._array
    if not can_cast_numpy(value.dtype, target.dtype):
        raise RuntimeError(
            f"{name}(): result type {value.dtype.name} can't be cast to the desired output type "
            f"{target.dtype.name}"
        )
    if target.shape != value.shape:
        if target.size:
            warnings.warn(
                f"{name}(): an output with one or more elements was resized since it had shape "
                f"{list(target.shape)}, which does not match the required output shape {list(value.shape)}; "
                f"give an empty tensor, out.resize_(0), to have it resized without this warning",
                stacklevel=3,
            )
        out._array = np.empty(value.shape, target.dtype)
        target = out._array
    check_writable(out, name)
    target[...] = value
    note_write(out, name)
    return out


def check_out(out: Tensor, node: Any, name: str) -> None:
    """RuntimeError if the result (its place ``node``) or ``out`` is on the tape."""
    if node is not None or (out._node is not None and recording_tape() is not None):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of "
            f"the arguments requires grad. Use it under no_grad(), or assign the result instead"
        )


def compute_into(
    out: Any, call: Callable[..., Tensor], forward: Callable[..., Any], name: str, *inputs: Any
) -> Tensor:
    """``call(*inputs)`` into ``out``: without a temporary where a ufunc can write there itself."""
    if isinstance(forward, np.ufunc) and isinstance(out, Tensor) and out._array.dtype.kind == "f":
        target = out._array
        arrays = [x._array for x in inputs if isinstance(x, Tensor) and x._node is None]
        if (
            len(arrays) == len(inputs)
            and all(a.dtype == target.dtype for a in arrays)
            and np.broadcast_shapes(*[a.shape for a in arrays]) == target.shape
            and forward.types[0][-1] != "?"
        ):
            check_out(out, None, name)
            check_writable(out, name)
            quietly(partial(forward, out=target), *arrays)
            note_write(out, name)
            return out
    return store(out, call(*inputs), name)  # type: ignore[no-any-return]
