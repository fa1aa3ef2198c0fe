"""From items to batches: :func:`default_collate`, and :func:`default_convert` for a single item."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from copy import copy
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.ops.from_data import as_tensor, tensor
from autotape.ops.joining import stack

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]

Collate = Callable[..., Any]
CollateMap = dict[Any, Collate]

np_str_obj_array_pattern = re.compile("[SaUO]")  # dtypes of arrays that can't be tensors
default_collate_err_msg_format = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)


def default_collate(batch: Sequence[Any]) -> Any:
    """A list of items as one batch, with a new first dimension for the items.

    Tensors and NumPy arrays are stacked (dtypes kept), floats become a float64 tensor, integers int64, bools
    bool, NumPy scalars keep theirs; strings and bytes stay a sequence. Dicts, named tuples and sequences are
    batched entry by entry: a dict of batches, a named tuple, a list. The mapping
    ``_utils.collate.default_collate_fn_map`` from types to functions can be extended.

    Errors: TypeError for other items, RuntimeError for tensors or sequences whose sizes differ (it names
    the entry), KeyError where a dict lacks a key of the first.

    >>> default_collate([(1, 0.5, "a"), (2, 1.5, "b")])
    [tensor([1, 2]), tensor([0.5000, 1.5000], dtype=autotape.float64), ('a', 'b')]
    >>> default_collate([{"x": [1, 2]}, {"x": [3, 4]}])
    {'x': [tensor([1, 3]), tensor([2, 4])]}
    """
    return collate(batch, collate_fn_map=default_collate_fn_map)


def collate(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """What :func:`default_collate` does, with another mapping from the types of items to functions.

    A function is called with the items and ``collate_fn_map=``; the first whose type the first item has,
    or is an instance of, is taken.
    """
    if not len(batch):
        raise IndexError("default_collate: the batch is empty")
    item = batch[0]
    kinds = collate_fn_map or {}
    function = kinds.get(type(item))
    if function is None:
        function = next((kinds[kind] for kind in kinds if isinstance(item, kind)), None)
    if function is not None:
        return function(batch, collate_fn_map=collate_fn_map)
    if isinstance(item, Mapping):
        return _like(item, {key: collate(_column(batch, key), collate_fn_map=kinds) for key in item})
    if not isinstance(item, Sequence):
        raise TypeError(default_collate_err_msg_format.format(type(item)))
    for i, other in enumerate(batch):
        if len(other) != len(item):
            raise RuntimeError(
                "each element in list of batch should be of equal size, but got "
                f"{len(item)} at entry 0 and {len(other)} at entry {i}"
            )
    return _like(item, [collate(column, collate_fn_map=kinds) for column in zip(*batch)])


def default_convert(data: Any) -> Any:
    """The NumPy arrays and scalars in an item as tensors; everything else stays as it is.

    The default of a :class:`DataLoader` with ``batch_size=None``. Arrays of text or objects are left alone;
    tuples become lists, as in :func:`default_collate`.

    >>> import numpy as np
    >>> default_convert({"x": np.arange(3), "name": "a"})
    {'x': tensor([0, 1, 2]), 'name': 'a'}
    """
    if isinstance(data, Tensor | str | bytes):
        return data
    if isinstance(data, np.ndarray):
        return data if np_str_obj_array_pattern.search(data.dtype.str) else as_tensor(data)
    if isinstance(data, np.generic):
        return as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence):
        return _like(data, [default_convert(value) for value in data])
    return data


def _column(batch: Sequence[Mapping[Any, Any]], key: Any) -> list[Any]:
    try:
        return [item[key] for item in batch]
    except KeyError:
        i = next(i for i, item in enumerate(batch) if key not in item)
        raise KeyError(f"entry {i} of the batch has no key {key!r}, which entry 0 has") from None


def _like(item: Any, values: Any) -> Any:
    """The values in a container of the item's type where it can be made of them; else a dict or list."""
    if isinstance(item, tuple):
        return type(item)(*values) if hasattr(item, "_fields") else values
    try:
        if isinstance(item, MutableMapping):
            filled: Any = copy(item)  # keeps what else the type holds, as a default factory
            filled.update(values)
            return filled
        if isinstance(item, MutableSequence):
            filled = copy(item)
            for i, value in enumerate(values):
                filled[i] = value
            return filled
        return type(item)(values)
    except TypeError:
        return values


# --- by type ------------------------------------------------------------------------------------------------


def collate_tensor_fn(batch: Sequence[Tensor], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Tensors, stacked."""
    return stack(batch)


def collate_numpy_array_fn(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Any:
    """Arrays, stacked; those of text or objects are refused."""
    dtype = batch[0].dtype
    if np_str_obj_array_pattern.search(dtype.str):
        raise TypeError(default_collate_err_msg_format.format(f"an array of dtype {dtype}"))
    return stack([as_tensor(array) for array in batch])


def collate_numpy_scalar_fn(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """NumPy scalars, in their dtype."""
    return as_tensor(batch)


def collate_float_fn(batch: Sequence[float], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Python floats, as float64."""
    return tensor(batch, dtype=np.float64)


def collate_int_fn(batch: Sequence[int], *, collate_fn_map: CollateMap | None = None) -> Tensor:
    """Python integers and bools."""
    return tensor(batch)


def collate_str_fn(batch: Sequence[Any], *, collate_fn_map: CollateMap | None = None) -> Sequence[Any]:
    """Strings and bytes, as they are."""
    return batch


default_collate_fn_map: CollateMap = {
    Tensor: collate_tensor_fn,
    np.ndarray: collate_numpy_array_fn,
    (np.bool_, np.number, np.object_): collate_numpy_scalar_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}
