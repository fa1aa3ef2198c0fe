"""The iterators of a loader: one epoch of batches, made here or by workers."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from autotape.utils.data._utils.fetch import Ended, Fetcher, Loading
from autotape.utils.data._utils.worker import Failure, Job
from autotape.utils.data.sampler import draw_seed

if TYPE_CHECKING:
    from autotape.utils.data.dataloader import DataLoader

__all__ = ["OwnIterator", "WorkersIterator"]


class EpochIterator(Iterator[Any]):
    """The batches of an epoch. It does not hold the loader, which may hold it."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self._loading = Loading(
            loader.dataset,
            loader._iterable,
            loader.batch_sampler is not None,
            loader.collate_fn,
            loader.drop_last,
        )

    def _begin(self, loader: DataLoader[Any]) -> int:
        """Start an epoch; returns its base seed, which is drawn even where nobody needs it."""
        self._given = 0
        self._counted = loader._counted
        self._order = loader._index_sampler
        self._indices = iter(self._order)
        return draw_seed(loader.generator)

    def __len__(self) -> int:
        return len(self._order)

    def __next__(self) -> Any:
        batch = self._batch()
        if self._loading.iterable:
            self._given += 1
            counted = self._counted
            if counted is not None and self._given == counted + 1:
                warnings.warn(
                    f"Length of IterableDataset {self._loading.dataset} was reported to be {counted} "
                    f"(when accessing len(dataloader)), but {self._given} samples have been fetched. Where "
                    "several workers load, each has to choose its part by get_worker_info().",
                    stacklevel=2,
                )
        return batch

    def _batch(self) -> Any:
        raise NotImplementedError

    def __reduce__(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} cannot be pickled; pickle the DataLoader")


class OwnIterator(EpochIterator):
    """An epoch that is loaded here."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self._begin(loader)
        self._fetcher = Fetcher(self._loading)

    def _batch(self) -> Any:
        batch = self._fetcher.fetch(next(self._indices))
        if batch is Ended:
            raise StopIteration
        return batch


class WorkersIterator(EpochIterator):
    """An epoch, and with persistent workers the next ones, that workers load.

    Tasks are numbered through all epochs, dealt to the workers in turn and answered once each. Answers are
    handled in the order of their numbers, also those that a worker has no more: which worker gets which task
    does not depend on time.
    """

    def __init__(self, loader: DataLoader[Any]) -> None:
        super().__init__(loader)
        self._count = loader.num_workers
        self._ahead = loader.prefetch_factor or 1
        self._in_order = loader.in_order
        self._timeout = loader.timeout
        self._persistent = loader.persistent_workers
        self._epoch = 0
        self._sent = 0  # tasks
        self._turn = -1
        seed = self._begin(loader)
        job = Job(self._loading, self._count, seed, loader.worker_init_fn, loader.worker_method)
        if loader.worker_method == "thread":
            from autotape.utils.data._utils.threads import Threads

            self._workers: Any = Threads(job)
        else:
            import multiprocessing

            from autotape.utils.data._utils.processes import Processes

            context = loader.multiprocessing_context or multiprocessing.get_context()
            self._workers = Processes(job, context)
        self._finalizer = weakref.finalize(self, self._workers.close)
        self._deal()

    @property
    def closed(self) -> bool:
        """Whether the workers have ended."""
        return bool(self._workers.closed)

    def begin(self, loader: DataLoader[Any]) -> None:
        """Start the next epoch with the same workers."""
        self._begin(loader)
        self._deal()

    def _deal(self) -> None:
        self._epoch += 1
        self._first = self._sent  # answers to earlier tasks are of an epoch that was broken off
        self._owners: dict[int, int] = {}  # of the tasks of which no answer was handled
        self._answers: dict[int, Any] = {}
        self._loads = dict.fromkeys(range(self._count), 0)  # tasks of each worker that goes on
        self._send()

    def _send(self) -> None:
        """Give the workers as many tasks as they may have."""
        while len(self._owners) < self._ahead * len(self._loads):
            try:
                index = next(self._indices)
            except StopIteration:
                return
            worker = self._next_worker()
            try:
                self._workers.send(worker, (self._epoch, self._sent, index))
            except BaseException:
                self._finalizer()
                raise
            self._owners[self._sent] = worker
            self._loads[worker] += 1
            self._sent += 1

    def _next_worker(self) -> int:
        turns = [(self._turn + 1 + i) % self._count for i in range(self._count)]
        going_on = [worker for worker in turns if worker in self._loads]
        self._turn = going_on[0] if self._in_order else min(going_on, key=self._loads.__getitem__)
        return self._turn

    def _batch(self) -> Any:
        while self._owners:
            if self.closed:
                raise RuntimeError("the workers have ended; iterate over the DataLoader again")
            number = self._next_answer()
            batch = self._answers.pop(number)
            worker = self._owners.pop(number)
            if batch is Ended:
                self._loads.pop(worker, None)
            elif worker in self._loads:
                self._loads[worker] -= 1
            self._send()
            if isinstance(batch, Failure):
                batch.raise_again()
            if batch is not Ended:
                return batch
        if not self._persistent:
            self._finalizer()
        raise StopIteration

    def _next_answer(self) -> int:
        """The number of the answer to handle now, which has been received."""
        if not self._in_order:
            while not self._answers:
                self._receive()
            return min(self._answers)
        first = min(self._owners)
        while first not in self._answers:
            self._receive()
        return first

    def _receive(self) -> None:
        try:
            answers = self._workers.receive(self._timeout or None)
        except BaseException:  # a dead worker, or Ctrl-C in the middle of a message
            self._finalizer()
            raise
        if not answers:
            raise RuntimeError(
                f"DataLoader timed out after {self._timeout} seconds: no worker has finished a batch"
            )
        self._answers |= {number: batch for number, batch in answers if number >= self._first}
