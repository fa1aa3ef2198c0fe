"""Datasets, and datasets made of datasets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.left_out import LeftOut
from autotape.utils import data
from autotape.utils.data import (
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from tests.data_tools import SizedStream, Squares, Stream


def test_abstract_classes_say_what_to_write() -> None:
    with pytest.raises(NotImplementedError, match="should implement __getitem__"):
        Dataset()[0]
    with pytest.raises(TypeError, match="__iter__"):
        IterableDataset()  # type: ignore[abstract]
    with pytest.raises(TypeError, match="has no len"):
        len(Stream(3))  # type: ignore[arg-type]


def test_tensor_dataset() -> None:
    x, y = at.arange(12).reshape(4, 3), at.arange(4)
    both = TensorDataset(x, y)
    assert len(both) == 4
    assert [t.tolist() for t in both[-1]] == [[9, 10, 11], 3]
    assert [t.tolist() for t in both[1:3]] == [[[3, 4, 5], [6, 7, 8]], [1, 2]]
    assert both[0][0]._base is x  # a view, as in PyTorch
    with pytest.raises(IndexError):
        both[4]
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors.*\[4, 3\]"):
        TensorDataset(x, y[:3])
    with pytest.raises(TypeError, match="argument 1 is ndarray"):
        TensorDataset(x, np.zeros(4))  # type: ignore[arg-type]


def test_tensor_dataset_keeps_the_tape() -> None:
    x = at.ones(4, 2, requires_grad=True)
    (batch,) = next(iter(DataLoader(TensorDataset(x), batch_size=3)))
    batch.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1, 1]] * 3 + [[0, 0]]


def test_stack_dataset() -> None:
    pairs, named = StackDataset(range(3), "abc"), StackDataset(n=range(3), c="abc")
    assert (len(pairs), pairs[1], named[1]) == (3, (1, "b"), {"n": 1, "c": "b"})
    assert pairs.__getitems__([2, 0]) == [(2, "c"), (0, "a")]
    assert named.__getitems__([2, 0]) == [{"n": 2, "c": "c"}, {"n": 0, "c": "a"}]
    inner = StackDataset(Subset("abcd", [3, 2, 1]), range(3))
    assert inner.__getitems__([0, 2]) == [("d", 0), ("b", 2)]
    with pytest.raises(ValueError, match=r"Size mismatch between datasets.*\[3, 2\]"):
        StackDataset(range(3), range(2))
    with pytest.raises(ValueError, match="at least one"):
        StackDataset()
    with pytest.raises(ValueError, match="not both"):
        StackDataset(range(3), c="abc")


class TooMany(Dataset[int]):
    def __len__(self) -> int:
        return 3

    def __getitems__(self, indices: list[int]) -> list[int]:
        return [*indices, 0]


def test_getitems_must_return_as_many() -> None:
    with pytest.raises(ValueError, match=r"TooMany\.__getitems__ returned 3 items for 2 indices"):
        StackDataset(TooMany(), range(3)).__getitems__([0, 1])
    with pytest.raises(ValueError, match="returned 3 items for 2 indices"):
        next(iter(DataLoader(TooMany(), batch_size=2)))


def test_concat_dataset() -> None:
    joined = ConcatDataset([range(3), [], range(10, 12)])
    assert [joined[i] for i in range(-5, 5)] == [0, 1, 2, 10, 11] * 2
    assert joined.cumulative_sizes == [3, 3, 5]
    with pytest.raises(IndexError, match="index 5 is out of range"):
        joined[5]
    with pytest.raises(ValueError, match="index -6 is before the first"):
        joined[-6]
    with pytest.raises(AssertionError, match="empty"):
        ConcatDataset([])
    with pytest.raises(AssertionError, match="IterableDataset"):
        ConcatDataset([Stream(1)])
    assert len(Squares(2) + Squares(3)) == 5  # type: ignore[arg-type]


def test_chain_dataset() -> None:
    chain = Stream(2) + Stream(3)
    assert isinstance(chain, ChainDataset)
    assert list(chain) == [0, 1, 0, 1, 2]
    assert len(ChainDataset([SizedStream(2), SizedStream(3)])) == 5
    with pytest.raises(AssertionError, match="only supports IterableDataset, not range"):
        list(ChainDataset([range(2)]))


def test_subset() -> None:
    part = Subset(np.arange(10) * 2, [5, 1, 3])
    assert (len(part), part[0], part[[0, 2]].tolist()) == (3, 10, [10, 6])  # type: ignore[attr-defined]
    with pytest.raises(IndexError):
        part[3]


class Negated(Subset[Any]):
    def __getitem__(self, idx: Any) -> Any:
        return -super().__getitem__(idx)


def test_a_subset_that_changes_its_items_is_heard_in_batches() -> None:
    assert [x.tolist() for x in DataLoader(Negated(range(10), [4, 5, 6]), batch_size=2)] == [[-4, -5], [-6]]


class Doubled(TensorDataset):
    def __getitem__(self, index: Any) -> Any:
        return tuple(2 * t for t in super().__getitem__(index))


class DoubledBatch(TensorDataset):
    def __getitems__(self, indices: list[int]) -> Any:
        return [tuple(2 * t for t in self[i]) for i in indices]


@pytest.mark.parametrize("kind", [Doubled, DoubledBatch])
def test_a_tensor_dataset_that_changes_its_items_is_heard_in_batches(kind: type[TensorDataset]) -> None:
    whole = kind(at.arange(4))
    assert [x.tolist() for (x,) in DataLoader(whole, batch_size=3)] == [[0, 2, 4], [6]]
    assert [x.tolist() for (x,) in DataLoader(Subset(whole, [3, 1]), batch_size=3)] == [[6, 2]]


# --- random_split -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "lengths", "counts"),
    [
        (10, [3, 7], [3, 7]),
        (10, [0.75, 0.25], [8, 2]),
        (11, [0.3, 0.3, 0.4], [4, 3, 4]),
        (5, [1.0], [5]),
        (7, [0, 7, 0], [0, 7, 0]),
        (100, [0.1] * 10, [10] * 10),
        (0, [0, 0], [0, 0]),
    ],
)
def test_random_split_deals_every_item_once(n: int, lengths: list[float], counts: list[int]) -> None:
    parts = random_split(range(n), lengths)
    assert [len(part) for part in parts] == counts
    assert sorted(item for part in parts for item in (part[i] for i in range(len(part)))) == list(range(n))


def test_random_split_is_reproducible() -> None:
    def split(**options: Any) -> list[Any]:
        return [part.indices for part in random_split(range(50), [0.5, 0.5], **options)]

    first = split(generator=at.Generator().manual_seed(1))
    assert split(generator=at.Generator().manual_seed(1)) == first
    assert split(generator=at.Generator().manual_seed(2)) != first
    at.manual_seed(3)
    by_default = split()
    at.manual_seed(3)
    assert split(generator=None) == by_default


def test_random_split_errors() -> None:
    with pytest.raises(ValueError, match=r"Sum of input lengths.*\[3, 3\].*10 items"):
        random_split(range(10), [3, 3])
    with pytest.raises(ValueError, match="negative"):
        random_split(range(10), [-1, 11])
    with pytest.raises(TypeError, match="integers"):
        random_split(range(10), [2.5, 7.5])
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        random_split(range(1), [0.5, 0.5])


# --- names --------------------------------------------------------------------------------------------------


def test_names_are_where_scripts_import_them_from() -> None:
    from autotape.utils.data import _utils, dataloader, dataset, distributed, sampler

    assert at.utils.data is data
    assert dataset.Dataset is Dataset
    assert sampler.SubsetRandomSampler is data.SubsetRandomSampler
    assert distributed.DistributedSampler is data.DistributedSampler
    assert _utils.collate.default_collate is dataloader.default_collate is data.default_collate
    assert dataloader.default_convert is data.default_convert
    assert dataloader.get_worker_info is data.get_worker_info


@pytest.mark.parametrize("name", ["IterDataPipe", "MapDataPipe", "functional_datapipe", "datapipes", "graph"])
def test_data_pipes_are_left_out(name: str) -> None:
    with pytest.raises(LeftOut, match=rf"utils\.data\.{name} is left out: use Dataset and DataLoader"):
        getattr(data, name)
    with pytest.raises(AttributeError, match="did you mean 'DataLoader'"):
        data.Dataloader  # noqa: B018
