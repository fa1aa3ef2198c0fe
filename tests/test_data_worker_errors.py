"""Errors in workers, workers that die, and what can not be sent: raised in the main process, at once."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from itertools import islice
from pickle import PicklingError
from typing import Any

import pytest

import autotape as at
from autotape.utils.data import DataLoader
from tests import data_tools
from tests.data_tools import Bad, Deadly, Slow, Squares

FORK = {"multiprocessing_context": "fork"}
METHODS = [pytest.param(FORK, id="fork"), pytest.param({"worker_method": "thread"}, id="thread")]


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


class TwoArgumentsError(Exception):
    def __init__(self, a: int, b: int) -> None:
        super().__init__(a, b)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("bad item"), ValueError),
        (KeyError("bad item"), KeyError),
        (FileNotFoundError(2, "bad item"), FileNotFoundError),
        (TwoArgumentsError(1, 2), RuntimeError),
        (StopIteration("bad item"), RuntimeError),
    ],
)
def test_an_error_is_raised_here_with_its_traceback(
    method: dict[str, Any], error: Exception, kind: type[Exception]
) -> None:
    loader = iter(DataLoader(Bad(error), batch_size=2, num_workers=2, **method))
    assert next(loader).tolist() == [0, 1]
    with pytest.raises(kind) as caught:
        next(loader)
    text = str(caught.value)
    where = "thread" if "worker_method" in method else "process"
    name = "RuntimeError" if isinstance(error, StopIteration) else type(error).__name__
    assert text.startswith(f"Caught {name} in DataLoader worker {where} 1.\nOriginal Traceback (most recent")
    assert "raise self.error" in text
    assert next(loader).tolist() == [4, 5]  # and the epoch goes on, as in PyTorch
    with pytest.raises(StopIteration):
        next(loader)


def test_an_error_of_a_class_that_is_not_known_here() -> None:
    class LocalError(Exception):
        pass

    with pytest.raises(RuntimeError, match="Caught LocalError in DataLoader worker process 0"):
        load(Bad(LocalError()), num_workers=1, **FORK)


@pytest.mark.parametrize("method", METHODS)
def test_an_error_in_worker_init_fn(method: dict[str, Any]) -> None:
    with pytest.raises(LookupError, match="no data for this worker"):
        load(Squares(), num_workers=2, worker_init_fn=data_tools.fail_in_worker_1, **method)


@pytest.mark.parametrize("method", METHODS)
def test_an_error_in_collate_fn(method: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=r"Caught TypeError in DataLoader worker .* 0(.|\n)*NoneType"):
        load([None] * 3, num_workers=1, **method)


def test_a_batch_that_can_not_be_sent() -> None:
    with pytest.raises((AttributeError, TypeError), match="in DataLoader worker process 0, when it sent"):
        load(Squares(), num_workers=1, collate_fn=data_tools.unpicklable, **FORK)
    assert (
        len(load(Squares(), collate_fn=data_tools.unpicklable, num_workers=1, worker_method="thread")) == 12
    )


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"dataset": Bad(ValueError(lambda: 0))}, "dataset"),
        ({"dataset": Squares(), "collate_fn": lambda batch: batch}, "collate_fn"),
        ({"dataset": Squares(), "worker_init_fn": lambda _: None}, "worker_init_fn"),
    ],
)
def test_what_can_not_be_sent_to_a_spawned_worker_is_named(options: dict[str, Any], name: str) -> None:
    loader: DataLoader[Any] = DataLoader(num_workers=2, multiprocessing_context="spawn", **options)
    with pytest.raises((AttributeError, PicklingError), match=f"the {name} can't be sent.*'thread'"):
        iter(loader)


@pytest.mark.parametrize(
    ("how", "text"),
    [("exit", "with exit code 7"), ("SIGKILL", "killed by signal SIGKILL"), ("SIGTERM", "SIGTERM")],
)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_dead_worker_is_reported_at_once(how: str, text: str, workers: int) -> None:
    loader = iter(DataLoader(Deadly(how), num_workers=workers, timeout=60, **FORK))  # type: ignore[arg-type]
    with pytest.raises(
        RuntimeError, match=rf"DataLoader worker \(pid\(s\) \d+\) exited unexpectedly.*{text}"
    ):
        list(islice(loader, 8))
    assert multiprocessing.active_children() == []
    with pytest.raises(RuntimeError, match="the workers have ended"):
        next(loader)


def test_workers_that_died_are_replaced_in_the_next_epoch() -> None:
    loader: DataLoader[Any] = DataLoader(Squares(), 4, num_workers=2, persistent_workers=True, **FORK)  # type: ignore[arg-type]
    iterator = iter(loader)
    for process in multiprocessing.active_children():
        process.kill()
        process.join()
    with pytest.raises(RuntimeError, match="SIGKILL"):
        list(iterator)
    assert [plain(batch) for batch in loader] == load(Squares(), batch_size=4)
    assert iter(loader) is not iterator


def test_a_thread_that_ends_is_reported() -> None:
    with pytest.raises(
        RuntimeError, match=r"DataLoader worker thread 0 exited unexpectedly by SystemExit\(3\)"
    ):
        load(Bad(SystemExit(3)), num_workers=1, worker_method="thread")


@pytest.mark.parametrize("method", METHODS)
def test_timeout(method: dict[str, Any]) -> None:
    loader = iter(DataLoader(Slow(0.5), num_workers=1, timeout=0.05, **method))
    with pytest.raises(RuntimeError, match=r"timed out after 0\.05 seconds"):
        next(loader)
    del loader
    assert load(Slow(0.01, 3), batch_size=3, num_workers=1, timeout=60, **method) == [[0, 1, 2]]
