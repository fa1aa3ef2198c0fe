"""Tensors on one memory: found when they are saved, put on one memory again when they are loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

__all__ = ["View", "find_views", "overlay"]

Array = np.ndarray[Any, np.dtype[Any]]

_WORK = 100_000  # what np.shares_memory may spend on one question, which is NP-hard in general


class View(NamedTuple):
    """How an array lies in the memory of another that is in C order, in bytes."""

    owner: str
    offset: int
    strides: tuple[int, ...]


def find_views(arrays: Mapping[str, Array]) -> tuple[dict[str, View], tuple[str, str] | None]:
    """Find the arrays that lie in the memory of another one.

    Returns the views, and the names of the first two arrays that share memory in a way that a :class:`View`
    can't describe (neither is C-contiguous and contains the other, or their dtypes differ), or None.
    """
    views: dict[str, View] = {}
    first: dict[tuple[object, ...], str] = {}
    twins: dict[str, str] = {}  # of the same memory, shape and strides; loaded, both are in C order
    for name, array in arrays.items():
        same = first.setdefault((_address(array), array.shape, array.strides, array.dtype), name)
        if same != name and array.size:
            twins[name] = same
    left = [name for name, array in arrays.items() if array.size and name not in twins]
    bounds = {name: byte_bounds(arrays[name]) for name in left}
    # Only arrays in one cluster of overlapping bounds can share memory.
    clusters: list[list[str]] = []
    end = -1
    for name in sorted(left, key=bounds.__getitem__):
        if bounds[name][0] >= end:
            clusters.append([])
        clusters[-1].append(name)
        end = max(end, bounds[name][1])
    for cluster in clusters:
        if pair := _find_in_cluster(arrays, bounds, cluster, views):
            return {}, pair
    for name, same in twins.items():
        in_order = np.empty(arrays[name].shape, arrays[name].dtype).strides
        views[name] = views.get(same, View(same, 0, in_order))
    return views, None


def _find_in_cluster(
    arrays: Mapping[str, Array],
    bounds: Mapping[str, tuple[int, int]],
    cluster: list[str],
    views: dict[str, View],
) -> tuple[str, str] | None:
    roots: list[str] = []
    contiguous_first = sorted(cluster, key=lambda n: (not arrays[n].flags.c_contiguous, -arrays[n].nbytes))
    for name in contiguous_first:
        array = arrays[name]
        for root in roots:
            owner = arrays[root]
            low, high = bounds[root]
            inside = low <= bounds[name][0] and bounds[name][1] <= high
            if inside and owner.flags.c_contiguous and owner.dtype == array.dtype:
                views[name] = View(root, _address(array) - low, array.strides)
                break
            if _overlap(owner, array):
                return root, name
        else:
            roots.append(name)
    return None


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def _overlap(a: Array, b: Array) -> bool:
    try:
        return np.shares_memory(a, b, max_work=_WORK)  # type: ignore[arg-type]  # NumPy's stubs know -1 and 0
    except np.exceptions.TooHardError:
        return True


def overlay(owner: Array, array: Array, offset: int, strides: Sequence[int]) -> Array:
    """The array of ``array``'s shape that lies in ``owner``'s memory; ValueError if it would not fit there.

    NumPy checks where a view would end, but lets a negative offset start it before its buffer.
    """
    if len(strides) != array.ndim or any(type(stride) is not int for stride in strides):
        raise ValueError("a view must have one stride for each dimension")
    reach = [(length - 1) * stride for length, stride in zip(array.shape, strides, strict=True)]
    low = offset + sum(min(step, 0) for step in reach)
    high = offset + sum(max(step, 0) for step in reach) + array.itemsize
    if owner.dtype != array.dtype or not array.size or low < 0 or high > owner.nbytes:
        raise ValueError("a view does not lie in the tensor it is a view of")
    return np.ndarray(array.shape, array.dtype, owner, offset, tuple(strides))
