"""From indices to a batch: what the main process and the workers do alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.utils.data._utils.collate import collate_tensor_fn, default_collate, default_collate_fn_map
from autotape.utils.data.dataset import Subset, TensorDataset, items_of

__all__ = ["Ended", "Fetcher", "Loading"]


class Ended:
    """Stands for the batch after the last of an IterableDataset."""


@dataclass(frozen=True)
class Loading:
    """What a loader has been told of its dataset, and how items become batches."""

    dataset: Any
    iterable: bool
    batched: bool  # an index is a list of indices, and a batch is collated
    collate_fn: Callable[[Any], Any]
    drop_last: bool


class Fetcher:
    """One pass over a dataset: the batch of an index (or list of indices), or :class:`Ended`."""

    def __init__(self, loading: Loading) -> None:
        self._loading = loading
        self._items = iter(loading.dataset) if loading.iterable else None
        self._gathers = loading.batched and loading.collate_fn is default_collate and gathers(loading.dataset)

    def fetch(self, index: Any) -> Any:
        """The batch."""
        try:
            return self._fetch(index)
        except StopIteration as error:  # would end the epoch as if there were no more items
            raise RuntimeError("the dataset or collate_fn raised StopIteration") from error

    def _fetch(self, index: Any) -> Any:
        loading = self._loading
        if loading.iterable:
            data = self._next(index)
            if data is Ended:
                return Ended
        elif not loading.batched:
            data = loading.dataset[index]
        else:
            if self._gathers:
                batch = gather(loading.dataset, index)
                if batch is not None:
                    return batch
            data = items_of(loading.dataset, index)
        return loading.collate_fn(data)

    def _next(self, index: Any) -> Any:
        """The next items, as many as the index has places."""
        if self._items is None:
            return Ended
        wanted = len(index) if self._loading.batched else 1
        data = []
        for item in self._items:
            data.append(item)
            if len(data) == wanted:
                return data if self._loading.batched else item
        self._items = None
        return data if data and not self._loading.drop_last else Ended


# --- a batch of a TensorDataset by indexing once ------------------------------------------------------------
# 128 rows of 784 float32: benchmarks/data_loading.py


def gathers(dataset: Any) -> bool:
    """Whether it is a TensorDataset, or a Subset of one, whose items no subclass has changed."""
    while isinstance(dataset, Subset):
        kind = type(dataset)
        if kind.__getitem__ is not Subset.__getitem__ or kind.__getitems__ is not Subset.__getitems__:
            return False
        dataset = dataset.dataset
    return (
        isinstance(dataset, TensorDataset)
        and type(dataset).__getitem__ is TensorDataset.__getitem__
        and not hasattr(dataset, "__getitems__")
        and all(type(tensor) is Tensor for tensor in dataset.tensors)
    )


def gather(dataset: Any, indices: Any) -> list[Tensor] | None:
    """What :func:`default_collate` makes of the items; None for indices that are not all integers."""
    while isinstance(dataset, Subset):
        places = dataset.indices
        indices = [places[i] for i in indices]
        dataset = dataset.dataset
    changed = default_collate_fn_map.get(Tensor) is not collate_tensor_fn
    kinds = set(map(type, indices))
    if changed or not kinds or not all(k is int or issubclass(k, np.integer) for k in kinds):
        return None
    rows = np.array(indices)
    return [
        Tensor._wrap(tensor._array.take(rows, 0)) if tensor._node is None else tensor[rows]
        for tensor in dataset.tensors
    ]
