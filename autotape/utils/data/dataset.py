"""Datasets: what has items to load, by index or one after the other, and datasets made of others."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar, cast

from autotape.engine.tensor import Tensor
from autotape.ops.generator import Generator, default_generator
from autotape.ops.random import randperm

__all__ = [
    "ChainDataset",
    "ConcatDataset",
    "Dataset",
    "IterableDataset",
    "StackDataset",
    "Subset",
    "TensorDataset",
    "random_split",
]

T_co = TypeVar("T_co", covariant=True)


class Dataset(Generic[T_co]):
    """Items by index: a subclass has ``__getitem__``, and ``__len__`` for samplers and ``len(loader)``.

    It may have ``__getitems__(indices)`` too, which returns the list of items of a whole batch at once.
    ``a + b`` is ``ConcatDataset([a, b])``.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return index, index**2
    >>> (Squares() + Squares())[7]
    (3, 9)
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError(f"{type(self).__name__} should implement __getitem__")

    def __add__(self, other: Dataset[Any]) -> Dataset[Any]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co], Iterable[T_co]):
    """Items one after the other, for streams: a subclass has ``__iter__``.

    Each worker of a loader iterates over its own copy, so with several workers ``__iter__`` has to choose a
    part of the items by :func:`get_worker_info`, or every item comes once per worker. ``a + b`` is
    ``ChainDataset([a, b])``.

    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         info = get_worker_info()
    ...         return iter(range(10)) if info is None else iter(range(info.id, 10, info.num_workers))
    >>> from autotape.utils.data import DataLoader, get_worker_info
    >>> [batch.tolist() for batch in DataLoader(Count(), batch_size=4)]
    [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    """

    def __add__(self, other: Dataset[Any]) -> Dataset[Any]:
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of the same length: item i is the tuple of their i-th entries.

    A :class:`DataLoader` with the default collate function takes a batch by indexing each tensor once.

    Errors: AssertionError if the lengths differ, TypeError for what is no tensor.

    >>> import autotape as at
    >>> TensorDataset(at.arange(3), at.eye(3))[1]
    (tensor(1), tensor([0., 1., 0.]))
    """

    tensors: tuple[Tensor, ...]

    def __init__(self, *tensors: Tensor) -> None:
        for i, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise TypeError(
                    f"TensorDataset takes tensors, but argument {i} is {type(tensor).__name__}; "
                    "autotape.as_tensor(...) makes one of an array or a list"
                )
        lengths = [tensor.size(0) for tensor in tensors]
        if len(set(lengths)) > 1:
            raise AssertionError(f"Size mismatch between tensors: their lengths are {lengths}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple([tensor[index] for tensor in self.tensors])

    def __len__(self) -> int:
        return len(self.tensors[0])


class StackDataset(Dataset[Any]):
    """Datasets of the same length side by side: item i is a tuple, or by keywords a dict, of their items i.

    Errors: ValueError if the lengths differ, or for datasets given in both ways or in none.

    >>> StackDataset(range(3), "abc")[2], StackDataset(number=range(3), letter="abc")[2]
    ((2, 'c'), {'number': 2, 'letter': 'c'})
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("StackDataset takes datasets by position or by keyword, not both")
        if not args and not kwargs:
            raise ValueError("StackDataset needs at least one dataset")
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in self._parts()]
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets: their lengths are {lengths}")
        self._length = lengths[0]

    def _parts(self) -> Sequence[Any]:
        return list(self.datasets.values()) if isinstance(self.datasets, dict) else self.datasets

    def _item(self, values: Sequence[Any]) -> Any:
        return dict(zip(self.datasets, values)) if isinstance(self.datasets, dict) else tuple(values)

    def __getitem__(self, index: Any) -> Any:
        return self._item([dataset[index] for dataset in self._parts()])

    def __getitems__(self, indices: list[Any]) -> list[Any]:
        columns = [items_of(dataset, indices) for dataset in self._parts()]
        return [self._item(values) for values in zip(*columns)]

    def __len__(self) -> int:
        return self._length


class ConcatDataset(Dataset[T_co]):
    """Datasets one behind the other.

    Errors: AssertionError for no dataset and for an IterableDataset, ValueError for an index before the
    first item.

    >>> joined = ConcatDataset([range(3), range(10, 12)])
    >>> len(joined), joined[2], joined[3], joined[-1]
    (5, 2, 10, 11)
    """

    datasets: list[Any]
    cumulative_sizes: list[int]

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise AssertionError("datasets should not be an empty iterable")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise AssertionError("ConcatDataset does not support IterableDataset; use ChainDataset")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, idx: int) -> T_co:
        if idx < 0:
            if -idx > len(self):
                raise ValueError(f"index {idx} is before the first of the {len(self)} items")
            idx += len(self)
        elif idx >= len(self):
            raise IndexError(f"index {idx} is out of range for a ConcatDataset of {len(self)} items")
        which = bisect_right(self.cumulative_sizes, idx)
        before = self.cumulative_sizes[which - 1] if which else 0
        return cast(T_co, self.datasets[which][idx - before])


class ChainDataset(IterableDataset[T_co]):
    """Iterable datasets one after the other.

    Errors: AssertionError for a dataset that is no IterableDataset, when it is reached.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _checked(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise AssertionError(
                    f"ChainDataset only supports IterableDataset, not {type(dataset).__name__}; "
                    "use ConcatDataset"
                )
            yield dataset

    def __iter__(self) -> Iterator[T_co]:
        for dataset in self._checked():
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self._checked())


class Subset(Dataset[T_co]):
    """The items of a dataset at the given indices, in their order.

    >>> part = Subset("abcde", [4, 0, 2])
    >>> len(part), part[0], part.__getitems__([1, 2])
    (3, 'e', ['a', 'c'])
    """

    dataset: Any
    indices: Sequence[int]

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, idx: Any) -> T_co:
        if isinstance(idx, list):
            return cast(T_co, self.dataset[[self.indices[i] for i in idx]])
        return cast(T_co, self.dataset[self.indices[idx]])

    def __getitems__(self, indices: list[int]) -> list[T_co]:
        if type(self).__getitem__ is not Subset.__getitem__:  # a subclass that changes the items
            return [self[i] for i in indices]
        return items_of(self.dataset, [self.indices[i] for i in indices])

    def __len__(self) -> int:
        return len(self.indices)


def items_of(dataset: Any, indices: list[Any]) -> list[Any]:
    """The items at several indices: by the dataset's ``__getitems__`` if it has one.

    Errors: ValueError if that returns another number of items.
    """
    several = getattr(dataset, "__getitems__", None)
    if several is None:
        return [dataset[index] for index in indices]
    items = several(indices)
    if hasattr(items, "__len__") and len(items) != len(indices):
        raise ValueError(
            f"{type(dataset).__name__}.__getitems__ returned {len(items)} items for {len(indices)} indices"
        )
    return items  # type: ignore[no-any-return]


def random_split(
    dataset: Any,
    lengths: Sequence[int | float],
    generator: Generator | None = default_generator,
) -> list[Subset[Any]]:
    """The items of a dataset dealt at random to :class:`Subset` s of the given lengths.

    ``lengths`` that sum up to 1 are fractions: each part gets the whole items of its fraction, and what is
    left over goes one by one to the first parts.

    Errors: ValueError if the lengths do not sum up to ``len(dataset)``, or one of them is negative. A
    UserWarning for a fraction that gives no item.

    >>> import autotape as at
    >>> parts = random_split(range(10), [0.75, 0.25], generator=at.Generator().manual_seed(0))
    >>> [len(part) for part in parts], sorted([*parts[0], *parts[1]]) == list(range(10))
    ([8, 2], True)
    """
    total = len(dataset)
    if any(length < 0 for length in lengths):
        raise ValueError(f"lengths must not be negative, got {list(lengths)}")
    if math.isclose(sum(lengths), 1):
        counts = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
        for i, count in enumerate(counts):
            if not count:
                warnings.warn(
                    f"Length of split at index {i} is 0: fraction {lengths[i]} of {total} items. "
                    "This might result in an empty dataset.",
                    stacklevel=2,
                )
    elif sum(lengths) != total:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"{list(lengths)} have the sum {sum(lengths)}, the dataset has {total} items"
        )
    elif not all(isinstance(length, int) for length in lengths):
        raise TypeError(f"lengths must be integers, or fractions that sum up to 1, got {list(lengths)}")
    else:
        counts = [int(length) for length in lengths]
    order: list[int] = randperm(total, generator=generator).tolist()
    return [Subset(dataset, order[end - count : end]) for end, count in zip(accumulate(counts), counts)]
