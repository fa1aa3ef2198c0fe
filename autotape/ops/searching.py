"""Binary search: where values belong in a sorted sequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.dtypes import from_numpy_dtype
from autotape.engine.operands import promoted, tensor_input, with_number
from autotape.engine.out import takes_out
from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor

__all__ = ["bucketize", "searchsorted"]

methods: list[str] = []
in_place: list[str] = []

Array = np.ndarray[Any, Any]


def _search(sequence: Array, values: Array, right: bool, out_int32: bool) -> Tensor:
    """The places in the last dimension of ``sequence``, 1-d or of the leading shape of ``values``."""
    side = "right" if right else "left"
    if sequence.ndim == 1:
        found = as_array(quietly(np.searchsorted, sequence, values, side))
    else:
        found = np.empty(values.shape, np.int64)
        for index in np.ndindex(sequence.shape[:-1]):  # one sorted line after the other
            found[index] = quietly(sequence[index].searchsorted, values[index], side)
    return Tensor._wrap(found.astype(np.int32 if out_int32 else np.int64, copy=False))


@takes_out
def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """Where the values ``input`` would be inserted into ``sorted_sequence`` so that it stays in order.

    The first such index ``i``: ``s[i-1] < v <= s[i]``; with ``right=True`` (or ``side="right"``) the last:
    ``s[i-1] <= v < s[i]``. The sequence is 1-d, or has the shape of the values except along the last
    dimension, which is searched. ``sorter``: the indices that sort an unsorted sequence. The result is int64,
    int32 with ``out_int32``. Not differentiable. Errors: RuntimeError for unfit shapes, or a side other than
    "left" and "right".

    >>> import autotape as at
    >>> at.searchsorted(at.tensor([1, 3, 5, 7]), at.tensor([3, 6, 9]))
    tensor([1, 3, 4])
    """
    sequence = tensor_input(sorted_sequence, "sorted_sequence", "searchsorted")._array
    if side is not None and side not in ("left", "right"):
        raise RuntimeError(f"searchsorted(): side can only be 'left' or 'right' but got {side!r}")
    if side == "left" and right:
        raise RuntimeError(
            "searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    sequence, values = _promoted("searchsorted", sequence, "input", input)
    if not sequence.ndim or (sequence.ndim > 1 and sequence.shape[:-1] != values.shape[:-1]):
        raise RuntimeError(
            "searchsorted(): sorted_sequence should be 1 dimension or the first N-1 dimensions of it and "
            f"input must match, but got sorted_sequence of shape {list(sequence.shape)} and input of shape "
            f"{list(values.shape)}"
        )
    if sorter is not None:
        order = tensor_input(sorter, "sorter", "searchsorted")._array
        if order.shape != sequence.shape or order.dtype != np.int64:
            raise RuntimeError(
                f"searchsorted(): sorter must be int64 and of the shape of sorted_sequence, got "
                f"{from_numpy_dtype(order.dtype)} of shape {list(order.shape)} for {list(sequence.shape)}"
            )
        if order.size and not ((order >= 0) & (order < sequence.shape[-1])).all():
            raise RuntimeError("searchsorted(): sorter index out of range")
        sequence = np.take_along_axis(sequence, order, -1)
    return _search(sequence, values, right or side == "right", out_int32)


@takes_out
def bucketize(
    input: Tensor,
    boundaries: Tensor,
    *,
    out_int32: bool = False,
    right: bool = False,
    out: Tensor | None = None,
) -> Tensor:
    """The index of the bucket, between increasing 1-d ``boundaries``, that each element belongs to.

    ``boundaries[i-1] < x <= boundaries[i]``, with ``right=True`` ``boundaries[i-1] <= x < boundaries[i]``:
    :func:`searchsorted` with its arguments turned round.

    >>> import autotape as at
    >>> at.bucketize(at.tensor([3, 6, 9]), at.tensor([1, 3, 5, 7, 9]))
    tensor([1, 3, 4])
    """
    limits = tensor_input(boundaries, "boundaries", "bucketize")._array
    if limits.ndim != 1:
        raise RuntimeError(
            f"bucketize(): boundaries tensor must be 1 dimension, but got shape {list(limits.shape)}"
        )
    return _search(*_promoted("bucketize", limits, "input", input), right, out_int32)


def _promoted(function: str, sequence: Array, name: str, value: Any) -> tuple[Array, Array]:
    """The sequence and the values to search for, in one dtype."""
    if isinstance(value, (int, float)):
        sequence, value = with_number(sequence, value)
        return sequence, np.asarray(value, sequence.dtype)
    sequence, values = promoted(sequence, tensor_input(value, name, function)._array)
    if values.dtype.kind in "bc":
        raise NotImplementedError(f"{function}() is not implemented for {from_numpy_dtype(values.dtype)}")
    return sequence, values
