"""Datasets for the tests of loaders, where a spawned worker can import them."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import autotape as at
from autotape.utils.data import Dataset, IterableDataset, get_worker_info


class Squares(Dataset[Any]):
    """Item i is (i, the vector of `width` times i**2)."""

    def __init__(self, length: int = 12, width: int = 3) -> None:
        self.length = length
        self.width = width

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[int, at.Tensor]:
        return index, at.full((self.width,), float(index**2))


class Noise(Dataset[Any]):
    """Items drawn from the global generators of autotape, NumPy and Python, with the worker's id and seed."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        info = get_worker_info()
        assert info is not None
        assert info.dataset is self
        draws = at.rand(()).item(), float(np.random.rand()), random.random()  # noqa: NPY002
        return info.id, str(info.seed), *draws


class Bad(Dataset[Any]):
    """Raises the error at index 3."""

    def __init__(self, error: BaseException | type[BaseException]) -> None:
        self.error = error

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> int:
        if index == 3:
            raise self.error
        return index


class Deadly(Dataset[Any]):
    """At index 5 the worker dies: by a signal, or by leaving with an exit code."""

    def __init__(self, how: str) -> None:
        self.how = how

    def __len__(self) -> int:
        return 100

    def __getitem__(self, index: int) -> int:
        if index == 5:
            if self.how == "exit":
                os._exit(7)
            os.kill(os.getpid(), getattr(signal, self.how))
        return index


class Slow(Dataset[Any]):
    """Items that take a while."""

    def __init__(self, seconds: float, length: int = 1000) -> None:
        self.seconds = seconds
        self.length = length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> int:
        time.sleep(self.seconds)
        return index


class Reused(Dataset[Any]):
    """Every item is the same large array, written anew."""

    def __init__(self) -> None:
        self.array = np.empty(100_000)

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        self.array[:] = index
        return self.array


class Stream(IterableDataset[Any]):
    """`lengths[worker]` numbers from 100 * worker on; without workers, as worker 0."""

    def __init__(self, *lengths: int) -> None:
        self.lengths = lengths

    def __iter__(self) -> Iterator[int]:
        info = get_worker_info()
        worker = 0 if info is None else info.id
        return iter(range(100 * worker, 100 * worker + self.lengths[worker]))


class SizedStream(Stream):
    """A stream that says how long it is."""

    def __len__(self) -> int:
        return sum(self.lengths)


def fail_in_worker_1(worker_id: int) -> None:
    if worker_id == 1:
        raise LookupError("no data for this worker")


def seed_alike(worker_id: int) -> None:
    at.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)


def unpicklable(batch: Any) -> Any:
    return lambda: batch
