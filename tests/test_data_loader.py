"""The loader without workers: batches, arguments, lengths, seeds, the fast way of a TensorDataset."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    Sampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    default_collate,
    random_split,
)
from tests.data_tools import Bad, SizedStream, Squares, Stream


def batches(loader: DataLoader[Any]) -> list[Any]:
    return [batch.tolist() if isinstance(batch, at.Tensor) else batch for batch in loader]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [[0], [1], [2], [3], [4]]),
        ({"batch_size": 2}, [[0, 1], [2, 3], [4]]),
        ({"batch_size": 2, "drop_last": True}, [[0, 1], [2, 3]]),
        ({"batch_size": 9}, [[0, 1, 2, 3, 4]]),
        ({"batch_size": 9, "drop_last": True}, []),
        ({"batch_size": None}, [0, 1, 2, 3, 4]),
        ({"batch_size": 2, "sampler": [4, 0, 1]}, [[4, 0], [1]]),
        ({"batch_sampler": [[1, 2, 3], [0]]}, [[1, 2, 3], [0]]),
        ({"batch_size": None, "sampler": [3, 1]}, [3, 1]),
        ({"batch_size": None, "sampler": BatchSampler(range(5), 3, False)}, None),
        ({"batch_size": 3, "collate_fn": sum}, [3, 7]),
        ({"batch_size": 2, "pin_memory": True, "shuffle": False}, [[0, 1], [2, 3], [4]]),
    ],
)
def test_batches_and_their_number(options: dict[str, Any], expected: Any) -> None:
    loader: DataLoader[Any] = DataLoader(range(5) if expected else np.arange(5), **options)  # type: ignore[arg-type]
    expected = [[0, 1, 2], [3, 4]] if expected is None else expected
    for _ in range(2):  # epochs
        assert batches(loader) == expected
        assert len(loader) == len(expected)
        assert len(iter(loader)) == len(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("data", [[], TensorDataset(at.zeros(0, 3)), Subset(range(5), [])])
def test_empty_dataset(data: Any) -> None:
    loader: DataLoader[Any] = DataLoader(data, batch_size=2)
    assert batches(loader) == []
    assert len(loader) == 0
    with pytest.raises(ValueError, match="num_samples=0"):
        DataLoader(data, shuffle=True)


def test_shuffle_is_another_permutation_each_epoch() -> None:
    loader: DataLoader[Any] = DataLoader(range(50), batch_size=50, shuffle=True)  # type: ignore[arg-type]
    (first,), (second,) = batches(loader), batches(loader)
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second


@pytest.mark.parametrize("own", [False, True])
def test_shuffle_is_reproducible(own: bool) -> None:
    def epochs() -> list[Any]:
        at.manual_seed(0)
        generator = at.Generator().manual_seed(3) if own else None
        loader: DataLoader[Any] = DataLoader(range(20), 6, shuffle=True, generator=generator)  # type: ignore[arg-type]
        return [batches(loader) for _ in range(2)]

    assert epochs() == epochs()


def test_an_epoch_draws_from_its_generator_only() -> None:
    at.manual_seed(0)
    before = at.get_rng_state().tolist()
    batches(DataLoader(range(20), shuffle=True, generator=at.Generator()))  # type: ignore[arg-type]
    assert at.get_rng_state().tolist() == before
    batches(DataLoader(range(20)))  # type: ignore[arg-type]
    assert at.get_rng_state().tolist() != before  # the base seed, as in PyTorch


def test_an_iterable_dataset() -> None:
    assert batches(DataLoader(Stream(5), batch_size=2)) == [[0, 1], [2, 3], [4]]
    assert batches(DataLoader(Stream(5), batch_size=2, drop_last=True)) == [[0, 1], [2, 3]]
    assert batches(DataLoader(Stream(4), batch_size=2)) == [[0, 1], [2, 3]]
    assert batches(DataLoader(Stream(2), batch_size=None)) == [0, 1]
    assert batches(DataLoader(Stream(0))) == []
    with pytest.raises(TypeError):
        len(DataLoader(Stream(5)))
    sized: DataLoader[Any] = DataLoader(SizedStream(5), batch_size=2)
    assert (len(sized), len(DataLoader(SizedStream(5), 2, drop_last=True))) == (3, 2)
    assert len(DataLoader(SizedStream(5), batch_size=None)) == 5


def test_no_item_is_taken_ahead() -> None:
    taken = []

    class Counting(Stream):
        def __iter__(self) -> Any:
            for i in super().__iter__():
                taken.append(i)
                yield i

    loader = iter(DataLoader(Counting(10), batch_size=2))
    assert taken == []
    next(loader)
    assert taken == [0, 1]


def test_a_stream_that_is_longer_than_it_said_warns() -> None:
    class Longer(SizedStream):
        def __len__(self) -> int:
            return 2

    loader: DataLoader[Any] = DataLoader(Longer(4), batch_size=None)
    assert batches(loader) == [0, 1, 2, 3]  # nobody has asked for the length
    assert len(loader) == 2
    with pytest.warns(UserWarning, match="reported to be 2 .* but 3 samples") as warned:
        batches(loader)
    assert len(warned) == 1


def test_an_error_does_not_end_the_epoch() -> None:
    loader = iter(DataLoader(Bad(OSError("gone")), batch_size=2))
    next(loader)
    with pytest.raises(OSError, match="gone"):
        next(loader)
    assert next(loader).tolist() == [4, 5]
    with pytest.raises(StopIteration):
        next(loader)


def test_stop_iteration_in_a_dataset_is_no_end() -> None:
    """PyTorch ends the epoch there without a word."""
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        list(DataLoader(Bad(StopIteration)))


def test_nested_structures() -> None:
    class Nested(Dataset[Any]):
        def __len__(self) -> int:
            return 3

        def __getitem__(self, i: int) -> Any:
            return {"image": np.full((2, 2), i, np.uint8), "boxes": [(i, float(i)), str(i)]}

    first, last = DataLoader(Nested(), batch_size=2)
    assert first["image"].shape == (2, 2, 2)
    assert first["image"].dtype == at.uint8
    assert first["boxes"][0][0].tolist() == [0, 1]
    assert first["boxes"][0][1].dtype == at.float64
    assert first["boxes"][1] == ("0", "1")
    assert last["boxes"][1] == ("2",)


# --- indexing once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        TensorDataset(at.arange(21).reshape(7, 3), at.arange(7.0)),
        TensorDataset(at.arange(21).reshape(3, 7).T, at.arange(14).reshape(7, 2)[:, 1]),  # not contiguous
        TensorDataset(at.tensor(np.arange(7)[::-1].copy()).flip(0), at.ones(7, 0)),
        TensorDataset(at.ones(7, 2, requires_grad=True), at.arange(7)),
        Subset(TensorDataset(at.arange(20), at.eye(20)), [3, 19, -1, 3, 0, 7, 7]),
        Subset(Subset(TensorDataset(at.arange(20)), range(5, 15)), np.arange(7)),  # type: ignore[arg-type]
        Subset(TensorDataset(at.arange(20)), at.arange(7)),  # type: ignore[arg-type]
        random_split(TensorDataset(at.arange(20)), [7, 13])[0],
    ],
)
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_batch_by_indexing_once_is_the_batch_of_the_items(data: Any, shuffle: bool) -> None:
    loaders = [
        DataLoader(data, 3, shuffle=shuffle, generator=at.Generator().manual_seed(1), collate_fn=collate)
        for collate in (default_collate, lambda items: default_collate(items))
    ]
    for fast, slow in zip(*loaders, strict=True):
        assert type(fast) is type(slow) is list
        for x, y in zip(fast, slow, strict=True):
            assert (type(x), x.dtype, x.shape, x.stride()) == (type(y), y.dtype, y.shape, y.stride())
            assert x.requires_grad == y.requires_grad
            if isinstance(x, at.Tensor):
                assert at.equal(x, y)


@pytest.mark.parametrize("index", [at.tensor(1), np.int64(1), True, slice(0, 2), [0, 2]])
def test_indices_that_are_no_integers_go_item_by_item(index: Any) -> None:
    data = TensorDataset(at.arange(4) * 10)
    (fast,) = next(iter(DataLoader(data, sampler=[index])))
    (slow,) = default_collate([data[index]])
    assert fast.tolist() == slow.tolist()


def test_batches_of_a_tensor_dataset_are_copies() -> None:
    x = at.zeros(4)
    (batch,) = next(iter(DataLoader(TensorDataset(x), batch_size=4)))
    batch.fill_(1)
    assert x.tolist() == [0, 0, 0, 0]


def test_an_index_out_of_range() -> None:
    with pytest.raises(IndexError, match="9"):
        next(iter(DataLoader(TensorDataset(at.zeros(4)), sampler=[9])))


def test_a_tensor_subclass_goes_item_by_item() -> None:
    weight = at.nn.Parameter(at.ones(3, 2))
    (batch,) = next(iter(DataLoader(TensorDataset(weight), batch_size=2)))
    assert batch.requires_grad


# --- arguments ----------------------------------------------------------------------------------------------

order: Sampler[int] = SubsetRandomSampler([0, 1])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"shuffle": True, "sampler": order},
            ValueError,
            "sampler option is mutually exclusive with shuffle",
        ),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError, "mutually exclusive with batch_size"),
        ({"batch_sampler": [[0]], "shuffle": True}, ValueError, "mutually exclusive"),
        ({"batch_sampler": [[0]], "sampler": order}, ValueError, "mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, ValueError, "mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, ValueError, "drop_last"),
        ({"batch_size": 0}, ValueError, "positive integer"),
        ({"batch_size": 2.0}, ValueError, "positive integer"),
        ({"drop_last": 1}, ValueError, "boolean"),
        ({"num_workers": -1}, ValueError, "non-negative, got -1"),
        ({"timeout": -1}, ValueError, "non-negative"),
        ({"prefetch_factor": 2}, ValueError, "num_workers > 0"),
        ({"prefetch_factor": 0, "num_workers": 1}, ValueError, "positive, got 0"),
        ({"prefetch_factor": -1, "num_workers": 1}, ValueError, "positive"),
        ({"persistent_workers": True}, ValueError, "num_workers > 0"),
        ({"multiprocessing_context": "fork"}, ValueError, "num_workers > 0"),
        ({"multiprocessing_context": "thread", "num_workers": 1}, ValueError, "valid start method"),
        ({"multiprocessing_context": 1, "num_workers": 1}, TypeError, "valid context"),
        ({"worker_method": "fiber", "num_workers": 1}, ValueError, "'multiprocessing' or 'thread'"),
    ],
)
def test_arguments_that_do_not_go_together(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        DataLoader(Squares(), **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": order}, {"batch_sampler": [[0]]}])
def test_an_iterable_dataset_takes_no_order(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"expected unspecified {next(iter(options))} option"):
        DataLoader(Stream(3), **options)


def test_attributes() -> None:
    loader: DataLoader[Any] = DataLoader(Squares(), 4)
    assert isinstance(loader.sampler, SequentialSampler)
    assert isinstance(loader.batch_sampler, BatchSampler)
    assert (loader.batch_size, loader.num_workers, loader.prefetch_factor) == (4, 0, None)
    assert (loader.collate_fn, loader.multiprocessing_context) == (default_collate, None)
    assert DataLoader(Squares(), num_workers=1).prefetch_factor == 2
    assert DataLoader(Squares(), batch_sampler=[[0]]).batch_size is None
    loader.timeout = 3
    for name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} attribute should not be set"):
            setattr(loader, name, getattr(loader, name))


def test_an_iterator_is_not_pickled_but_the_loader_is() -> None:
    import pickle

    loader: DataLoader[Any] = DataLoader(Squares(4), 2, generator=None)
    with pytest.raises(NotImplementedError, match="cannot be pickled"):
        pickle.dumps(iter(loader))
    again = pickle.loads(pickle.dumps(loader))
    assert [i.tolist() for i, _ in again] == [[0, 1], [2, 3]]
