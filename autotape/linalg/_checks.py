"""What every function of linear algebra checks: shapes of matrices, dtypes that LAPACK has, its failures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor
from autotape.ops._reduce import Array, half, require_floating

__all__ = ["LinAlgError", "apply_or_explain", "eigen_symmetric", "matrices", "same_dtype", "square"]


class LinAlgError(RuntimeError, np.linalg.LinAlgError):
    """A matrix that an algorithm can't treat (singular, not positive definite, not finite).

    It is a RuntimeError, as ``torch.linalg.LinAlgError`` is, and NumPy's ``LinAlgError`` too.

    >>> import autotape as at
    >>> try:
    ...     at.linalg.inv(at.zeros(2, 2))
    ... except at.linalg.LinAlgError as error:
    ...     print(str(error)[:11])
    linalg.inv:
    """


def matrices(name: str, value: Any, argument: str = "A") -> Tensor:
    """The argument as a Tensor of matrices ``(..., m, n)`` in a dtype that LAPACK has."""
    input = tensor_input(value, argument, name)
    x = input._array
    require_floating(name, x)
    if x.dtype == half:
        raise NotImplementedError(
            f"{name}() is not implemented for {from_numpy_dtype(x.dtype)}; convert it with .float()"
        )
    if x.ndim < 2:
        raise RuntimeError(
            f"{name}: The input tensor {argument} must have at least 2 dimensions, got shape {list(x.shape)}."
        )
    return input


def square(name: str, value: Any, argument: str = "A") -> Tensor:
    """The argument as a Tensor of square matrices."""
    input = matrices(name, value, argument)
    rows, columns = input._array.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"{name}: {argument} must be batches of square matrices, but they are {rows} by {columns} "
            f"matrices (shape {list(input._array.shape)})"
        )
    return input


def same_dtype(name: str, **tensors: Tensor) -> None:
    """RuntimeError unless all arguments have one dtype."""
    if len({t._array.dtype for t in tensors.values()}) > 1:
        got = ", ".join([f"{k} is {from_numpy_dtype(t._array.dtype)}" for k, t in tensors.items()])
        raise RuntimeError(
            f"{name}: Expected all arguments to have the same dtype, but {got}; convert one of them with "
            ".to(dtype)"
        )


def eigen_symmetric(x: Array, uplo: str = "L") -> tuple[Array, Array]:
    """NumPy's eigh, with the error for NaN and infinities that its other functions raise."""
    values, vectors = np.linalg.eigh(x, uplo)  # type: ignore[call-overload]
    if np.isnan(values).any():
        raise np.linalg.LinAlgError("Eigenvalues did not converge")
    return values, vectors


def apply_or_explain(
    name: str, what: str, operation: Operation, inputs: Sequence[Tensor], *constants: Any
) -> Any:
    """``apply``; where LAPACK fails, a LinAlgError that says ``what`` and which matrix of the batch it is."""
    try:
        return apply(operation, inputs, *constants)
    except np.linalg.LinAlgError:
        arrays = [t._array for t in inputs]
        where = _first_failure(lambda *a: operation.forward(*a, *constants), arrays)
        shapes = ", ".join([str(list(a.shape)) for a in arrays])
        raise LinAlgError(f"{name}: {where}{what} (shape {shapes})") from None


def _first_failure(forward: Callable[..., Any], arrays: list[Array]) -> str:
    batch = np.broadcast_shapes(*[a.shape[:-2] for a in arrays])
    stretched = [np.broadcast_to(a, batch + a.shape[-2:]) for a in arrays]
    for index in np.ndindex(*batch) if batch else ():
        try:
            quietly(forward, *[a[index] for a in stretched])
        except np.linalg.LinAlgError:
            return f"at batch index {index}: "
    return ""
