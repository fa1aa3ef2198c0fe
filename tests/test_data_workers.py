"""Loaders with workers, as processes and as threads: batches, seeds, prefetching, several epochs."""

from __future__ import annotations

import multiprocessing
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info
from tests import data_tools
from tests.data_tools import Noise, Reused, SizedStream, Squares, Stream

FORK = {"multiprocessing_context": "fork"}
METHODS = [pytest.param(FORK, id="fork"), pytest.param({"worker_method": "thread"}, id="thread")]
ALL_METHODS = [*METHODS, pytest.param({"multiprocessing_context": "spawn"}, id="spawn")]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No test leaves a process or a thread behind."""
    before = set(threading.enumerate())
    yield
    assert multiprocessing.active_children() == []
    assert set(threading.enumerate()) <= before


def plain(batch: Any) -> Any:
    if isinstance(batch, at.Tensor):
        return batch.tolist()
    return [plain(part) for part in batch] if isinstance(batch, list | tuple) else batch


def load(dataset: Any, **options: Any) -> list[Any]:
    return [plain(batch) for batch in DataLoader(dataset, **options)]


# --- the same batches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ALL_METHODS)
def test_batches_do_not_depend_on_the_workers(method: dict[str, Any]) -> None:
    def epochs(**options: Any) -> list[Any]:
        generator = at.Generator().manual_seed(4)
        loader: DataLoader[Any] = DataLoader(
            Squares(11, 5000), 2, shuffle=True, generator=generator, **options
        )
        return [[plain(batch) for batch in loader] for _ in range(2)]

    expected = epochs()
    assert expected[0] != expected[1]
    for workers in (1, 4) if "spawn" not in method.values() else (2,):
        for persistent in (False, True):
            assert epochs(num_workers=workers, persistent_workers=persistent, **method) == expected


@pytest.mark.parametrize("method", METHODS)
def test_the_global_generator_gives_the_same_epochs(method: dict[str, Any]) -> None:
    def epochs(**options: Any) -> list[Any]:
        at.manual_seed(9)
        loader: DataLoader[Any] = DataLoader(Squares(), 5, shuffle=True, **options)
        return [[plain(batch) for batch in loader] for _ in range(3)] + [at.rand(3).tolist()]

    expected = epochs()
    for persistent in (False, True):
        assert epochs(num_workers=2, persistent_workers=persistent, **method) == expected


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "options", [{"batch_size": None}, {"batch_sampler": [[3, 1], [0]]}, {"sampler": [2]}, {}]
)
def test_ways_of_batching(method: dict[str, Any], options: dict[str, Any]) -> None:
    assert load(Squares(), num_workers=2, **options, **method) == load(Squares(), **options)


@pytest.mark.parametrize("method", METHODS)
def test_empty_and_fewer_batches_than_workers(method: dict[str, Any]) -> None:
    assert load(Squares(0), num_workers=2, **method) == []
    assert load(Squares(1), num_workers=3, **method) == load(Squares(1))
    loader: DataLoader[Any] = DataLoader(Squares(7), 2, num_workers=2, **method)
    assert (len(loader), len(DataLoader(Squares(7), 2, drop_last=True, num_workers=2))) == (4, 3)


@pytest.mark.parametrize("method", METHODS)
def test_a_reused_array_is_not_overwritten_on_its_way(method: dict[str, Any]) -> None:
    if "worker_method" in method:
        return  # threads share the dataset and so its array
    for batch, expected in zip(DataLoader(Reused(), batch_size=None, num_workers=1, **method), range(6)):
        assert batch.min().item() == batch.max().item() == expected


def test_what_travels_arrives_the_same() -> None:
    class Kinds(Dataset[Any]):
        items = (
            at.arange(6).reshape(2, 3),
            at.ones(3, requires_grad=True),
            at.nn.Parameter(at.ones(2)),
            at.arange(100_000).reshape(100, 1000).T,
            at.zeros(0, 3),
            np.array(["a"]),
            {"a": [1, "x", None]},
            at.full((), 1 + 2j),
        )

        def __len__(self) -> int:
            return len(self.items)

        def __getitem__(self, i: int) -> Any:
            return self.items[i]

    loader: DataLoader[Any] = DataLoader(Kinds(), batch_size=None, num_workers=2, **FORK)  # type: ignore[arg-type]
    for found, item in zip(loader, Kinds.items, strict=True):
        assert type(found) is type(item)
        if isinstance(item, at.Tensor):
            assert (found.dtype, found.requires_grad) == (item.dtype, item.requires_grad)
            assert at.equal(found, item)
            found.detach().add_(1)  # its memory is its own, and can be written
        else:
            assert str(found) == str(item)


@pytest.mark.parametrize("method", METHODS)
def test_large_lists_of_indices_and_large_batches_do_not_block_each_other(method: dict[str, Any]) -> None:
    """Both are far more than a pipe holds."""
    data = TensorDataset(at.arange(100_000.0))
    order = [list(range(100_000))] * 6
    loader: DataLoader[Any] = DataLoader(
        data, batch_sampler=order, num_workers=1, prefetch_factor=4, timeout=60, **method
    )
    assert [batch[0].shape for batch in loader] == [(100_000,)] * 6


# --- iterable datasets --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("persistent", [False, True])
def test_streams_come_in_turn(method: dict[str, Any], persistent: bool) -> None:
    loader: DataLoader[Any] = DataLoader(
        Stream(3, 6, 0), 2, num_workers=3, persistent_workers=persistent, **method
    )
    for _ in range(2):
        assert [plain(batch) for batch in loader] == [[0, 1], [100, 101], [2], [102, 103], [104, 105]]
    dropped = load(Stream(3, 5), batch_size=2, num_workers=2, drop_last=True, **method)
    assert dropped == [[0, 1], [100, 101], [102, 103]]


@pytest.mark.parametrize("method", METHODS)
def test_a_stream_of_duplicates_warns(method: dict[str, Any]) -> None:
    class Same(IterableDataset[int]):
        def __iter__(self) -> Iterator[int]:
            return iter(range(3))

        def __len__(self) -> int:
            return 3

    loader: DataLoader[Any] = DataLoader(Same(), batch_size=None, num_workers=2, **method)
    assert len(loader) == 3
    with pytest.warns(UserWarning, match=r"get_worker_info\(\)"):
        assert [*loader] == [0, 0, 1, 1, 2, 2]


# --- seeds --------------------------------------------------------------------------------------------------


def test_each_process_has_seeded_generators_of_its_own() -> None:
    def draw(seed: int, **options: Any) -> list[Any]:
        generator = at.Generator().manual_seed(seed)
        return load(Noise(), batch_size=None, num_workers=2, generator=generator, **options, **FORK)

    first = draw(0)
    assert draw(0) == first
    assert [item[0] for item in first] == [0, 1] * 4
    assert len({number for item in first for number in item[2:]}) == 3 * 8
    seeds = sorted({int(item[1]) for item in first})
    assert seeds[1] - seeds[0] == 1
    assert not {n for item in first for n in item[2:]} & {n for item in draw(1) for n in item[2:]}
    alike = draw(0, worker_init_fn=data_tools.seed_alike)
    assert [item[2:] for item in alike if item[0] == 0] == [item[2:] for item in alike if item[0] == 1]


def test_the_main_process_keeps_its_generators() -> None:
    at.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    expected = float(np.random.rand())  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    load(Noise(), num_workers=2, batch_size=None, **FORK)
    assert float(np.random.rand()) == expected  # noqa: NPY002
    assert get_worker_info() is None


def test_each_thread_has_generators_of_its_own() -> None:
    class Drawing(Dataset[Any]):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, i: int) -> Any:
            info = get_worker_info()
            assert info is not None
            assert (info.num_workers, info.worker_method, info.dataset) == (2, "thread", self)
            rng = info.rng
            assert rng is not None
            own = rng.random_generator.random(), float(rng.numpy_generator.random())
            return info.id, *own, at.rand((), generator=rng.torch_generator).item()

    def draw(seed: int) -> list[Any]:
        generator = at.Generator().manual_seed(seed)
        return load(Drawing(), batch_size=None, num_workers=2, generator=generator, worker_method="thread")

    first = draw(0)
    assert draw(0) == first
    assert len({number for item in first for number in item[1:]}) == 3 * 8
    assert draw(1) != first
    assert get_worker_info() is None


@pytest.mark.parametrize("method", METHODS)
def test_worker_info_in_init_fn_can_change_the_dataset(method: dict[str, Any]) -> None:
    class Range(IterableDataset[int]):
        start = 0

        def __iter__(self) -> Iterator[int]:
            return iter(range(self.start, 4))

    def start_later(worker_id: int) -> None:
        info = get_worker_info()
        assert info is not None
        assert info.id == worker_id
        info.dataset.start = 2

    found = load(Range(), batch_size=None, num_workers=1, worker_init_fn=start_later, **method)
    assert found == [2, 3]


# --- how far ahead ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("workers", "factor"), [(1, 1), (2, 3), (3, None)])
def test_no_index_is_taken_further_ahead_than_asked(
    method: dict[str, Any], workers: int, factor: int | None
) -> None:
    taken: list[int] = []

    def order() -> Iterator[int]:
        for i in range(30):
            taken.append(i)
            yield i

    loader = iter(
        DataLoader(
            range(30),  # type: ignore[arg-type]
            batch_size=None,
            sampler=order(),
            num_workers=workers,
            prefetch_factor=factor,
            **method,
        )
    )
    for i in range(30):
        assert len(taken) == min(30, i + workers * (factor or 2))
        assert next(loader) == i
    with pytest.raises(StopIteration):
        next(loader)


@pytest.mark.parametrize("method", METHODS)
def test_out_of_order_a_slow_item_holds_up_nobody(method: dict[str, Any]) -> None:
    go_on = multiprocessing.get_context("fork").Event()

    class Uneven(Dataset[int]):
        def __len__(self) -> int:
            return 12

        def __getitem__(self, i: int) -> int:
            if i == 0:
                go_on.wait(60)
            return i

    loader = iter(DataLoader(Uneven(), None, num_workers=2, in_order=False, **method))
    assert next(loader) == 1
    go_on.set()
    assert sorted(loader) == [0, *range(2, 12)]


# --- several epochs -----------------------------------------------------------------------------------------


def started() -> Counter[str]:
    names = [p.name for p in multiprocessing.active_children()] + [t.name for t in threading.enumerate()]
    return Counter(name for name in names if name.startswith("autotape loader"))


@pytest.mark.parametrize("method", METHODS)
def test_persistent_workers_stay(method: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(Squares(9), 2, num_workers=2, persistent_workers=True, **method)
    expected = load(Squares(9), batch_size=2)
    assert [plain(batch) for batch in loader] == expected
    processes, threads = multiprocessing.active_children(), threading.enumerate()
    assert started().total() == 2
    for _ in range(3):
        for batch in loader:  # broken off: what is on its way belongs to no later epoch
            assert plain(batch) == expected[0]
            break
        assert [plain(batch) for batch in loader] == expected
    assert set(multiprocessing.active_children()) == set(processes)
    assert set(threading.enumerate()) == set(threads)
    del loader, batch
    assert started().total() == 0


@pytest.mark.parametrize("method", METHODS)
def test_other_workers_end_with_the_epoch(method: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(SizedStream(2, 2), None, num_workers=2, **method)
    iterator = iter(loader)
    assert started().total() == 2
    assert list(iterator) == [0, 100, 1, 101]
    assert started().total() == 0
    with pytest.raises(StopIteration):
        next(iterator)


@pytest.mark.parametrize("method", METHODS)
def test_two_iterators_at_once(method: dict[str, Any]) -> None:
    loader: DataLoader[Any] = DataLoader(Squares(6), 2, num_workers=2, **method)
    pairs = [(plain(a), plain(b)) for a, b in zip(loader, loader, strict=True)]
    assert [a for a, _ in pairs] == [b for _, b in pairs] == load(Squares(6), batch_size=2)
