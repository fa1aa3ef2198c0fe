"""What a worker of a loader does, be it a process or a thread."""

from __future__ import annotations

import random
import threading
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from autotape.ops.generator import Generator
from autotape.utils.data._utils.fetch import Fetcher, Loading

if TYPE_CHECKING:
    from numpy.random import Generator as NumPyGenerator

__all__ = ["WorkerInfo", "get_worker_info"]

Method = Literal["multiprocessing", "thread"]
Task = tuple[int, int, Any]  # epoch, number, index; each is answered once, by its number


@dataclass(frozen=True, slots=True)
class WorkerRNG:
    """The random generators of a worker thread; the first and last are Python's and NumPy's."""

    random_generator: random.Random
    torch_generator: Generator
    numpy_generator: NumPyGenerator


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A loader's worker: its ``id`` among ``num_workers``, its ``seed``, its ``dataset``.

    ``dataset`` is a worker process's own copy; worker threads share one. A thread has its generators in
    ``rng`` (``random_generator``, ``torch_generator``, ``numpy_generator``), in a process it is None, as the
    global ones are its own. ``worker_method`` is "multiprocessing" or "thread".
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any
    rng: WorkerRNG | None = None
    worker_method: str = "multiprocessing"


class _Current(threading.local):
    info: WorkerInfo | None = None


_thread = _Current()
_process: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """The :class:`WorkerInfo` of the worker that calls it; None outside of a loader's workers."""
    return _thread.info or _process


@dataclass(frozen=True)
class Job:
    """What is the same for all workers of a loader."""

    loading: Loading
    num_workers: int
    base_seed: int
    init_fn: Callable[[int], Any] | None
    method: Method


class Failure:
    """An exception in a worker, as text: its objects, and their memory, stay where they are."""

    def __init__(self, error: BaseException, where: str) -> None:
        self.kind = type(error)
        text = "".join(traceback.format_exception(error))
        self.text = f"Caught {self.kind.__name__} {where}.\nOriginal {text}"

    def raise_again(self) -> NoReturn:
        """Raise it here, with its type if that takes a message, and the text of its traceback."""
        if self.kind is KeyError:
            raise KeyError(_Verbatim(self.text))
        try:
            error = self.kind(self.text)
        except Exception:  # its constructor wants something else
            error = RuntimeError(self.text)
        try:
            raise error
        finally:
            del error  # with its traceback it would hold this frame, and the loader's iterator, in a cycle


class _Verbatim(str):
    """A message that a KeyError, which shows the repr, shows with its line breaks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def numpy_seed(seed: int, worker_id: int) -> Any:
    """NumPy's seed of a worker: mixed, as PyTorch does, for seeds that differ by one."""
    from numpy.random import SeedSequence

    return SeedSequence((worker_id, seed))


def announce(job: Job, worker_id: int) -> None:
    """Make this thread, or this process, the worker: :func:`get_worker_info`, and seeded generators."""
    seed = job.base_seed + worker_id
    if job.method == "thread":
        from numpy.random import default_rng

        own = default_rng(numpy_seed(job.base_seed, worker_id))
        rng = WorkerRNG(random.Random(seed), Generator().manual_seed(seed), own)
        _thread.info = WorkerInfo(worker_id, job.num_workers, seed, job.loading.dataset, rng, job.method)
    else:
        global _process
        _process = WorkerInfo(worker_id, job.num_workers, seed, job.loading.dataset)


def work(job: Job, worker_id: int, tasks: Iterable[Task], answer: Callable[[int, Any], None]) -> None:
    """Answer each task with its batch, with :class:`Ended` or with a :class:`Failure`."""
    where = f"in DataLoader worker {'thread' if job.method == 'thread' else 'process'} {worker_id}"
    broken: Failure | None = None
    try:
        if job.init_fn is not None:
            job.init_fn(worker_id)
    except Exception as error:
        broken = Failure(error, where)
    fetcher: Fetcher | None = None
    current = -1
    for epoch, number, index in tasks:
        result: Any = broken
        if broken is None:
            try:
                if fetcher is None or epoch != current:
                    fetcher = Fetcher(job.loading)
                    current = epoch
                result = fetcher.fetch(index)
            except Exception as error:
                result = Failure(error, where)
        answer(number, result)
        del result
