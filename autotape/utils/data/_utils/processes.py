"""Workers as processes, each with two pipes of its own: tasks go in, batches come out.

No lock and no queue is shared, so a worker that is killed at any moment blocks nobody: its pipe ends, which
the main process sees at once; and workers whose main process is gone see theirs end. Arrays travel through
the pipe behind the pickle of their batch and are read into the memory where they stay. Fresh shared memory
for each batch was measured and was slower: its pages have to be made twice.
"""

from __future__ import annotations

import os
import pickle
import queue
import random
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from typing import Any

import numpy as np

from autotape.ops.generator import manual_seed
from autotape.settings import set_num_threads
from autotape.utils.data._utils.collate import default_collate
from autotape.utils.data._utils.worker import Failure, Job, Task, announce, numpy_seed, work

__all__ = ["Processes"]

GRACE = 2.0  # seconds for a worker to finish its item before it is terminated
_SMALL = 1 << 14  # bytes of an array that travels inside of the pickle

Array = np.ndarray[Any, Any]
Packed = tuple[bytes, list[Any]]

_held: set[Any] = set()  # the ends of pipes that this process holds, of all its workers


def _close_copies() -> None:
    """In a forked process, which has copies of them: while those are open, no pipe ends."""
    for connection in _held:
        connection.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_copies)


class Processes:
    """The worker processes of one loader."""

    def __init__(self, job: Job, context: BaseContext) -> None:
        self.closed = False
        self._pid = os.getpid()
        self._closing: Any = context.RawValue("b", 0)
        self._tasks: list[Any] = []
        self._results: list[Any] = []
        self._workers: list[Any] = []
        try:
            for worker_id in range(job.num_workers):
                self._start(job, worker_id, context)
        except BaseException:
            self.close()
            raise

    def _start(self, job: Job, worker_id: int, context: Any) -> None:
        their_tasks, tasks = context.Pipe(duplex=False)
        results, their_results = context.Pipe(duplex=False)
        self._tasks.append(tasks)
        self._results.append(results)
        _held.update((tasks, results))
        worker = context.Process(
            target=_run,
            args=(job, worker_id, their_tasks, their_results, self._closing),
            name=f"autotape loader {worker_id}",
            daemon=True,
        )
        try:
            with warnings.catch_warnings():
                # Python 3.12 warns of every fork beside threads, BLAS's too; BLAS stops its own for a fork.
                warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
                worker.start()
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            if context.get_start_method() == "fork":  # which sends nothing
                raise
            raise _not_sent(error, job) from error
        finally:
            their_tasks.close()
            their_results.close()
        self._workers.append(worker)

    def send(self, worker: int, task: Task) -> None:
        """Give a worker a task."""
        try:
            self._tasks[worker].send(task)
        except OSError:
            raise self._death(worker) from None

    def receive(self, timeout: float | None) -> list[tuple[int, Any]]:
        """Wait for answers, each with its number; none if the time is over.

        Errors: RuntimeError if a worker has died.
        """
        answers = []
        for results in wait(self._results, timeout):
            try:
                answers.append(_receive(results))
            except (EOFError, OSError):
                raise self._death(self._results.index(results)) from None
        return answers

    def _death(self, worker: int) -> RuntimeError:
        process = self._workers[worker]
        process.join(GRACE)
        code = process.exitcode
        how = f"with exit code {code}; what it printed may say why"
        if code is not None and code < 0:
            how = f": it was killed by signal {signal.Signals(-code).name}"
            if -code == getattr(signal, "SIGKILL", None):
                how += " (as the system does when memory runs out)"
        return RuntimeError(
            f"DataLoader worker (pid(s) {process.pid}) exited unexpectedly {how}. "
            "With num_workers=0 an error is raised where it happens"
        )

    def close(self) -> None:
        """End the processes: at their next task, or after a while of grace by a signal."""
        if self.closed or self._pid != os.getpid():  # a forked process has a copy of this
            return
        self.closed = True
        self._closing.value = 1
        for connection in (*self._tasks, *self._results):
            connection.close()
            _held.discard(connection)
        deadline = time.monotonic() + GRACE
        for worker in self._workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        for stop in ("terminate", "kill"):
            for worker in self._workers:
                if worker.is_alive():
                    getattr(worker, stop)()
                    worker.join(GRACE)
        for worker in self._workers:
            if not worker.is_alive():
                worker.close()


def _not_sent(error: Exception, job: Job) -> Exception:
    """The error for what can't be pickled, which says what it is."""
    culprit = "dataset"  # if no other: it may hold what can be sent at the start of a process only
    for name, part in (("collate_fn", job.loading.collate_fn), ("worker_init_fn", job.init_fn)):
        try:
            pickle.dumps(part)
        except Exception:
            culprit = name
    return type(error)(
        f"the {culprit} can't be sent to a worker process: {error}. Define its classes and functions at the "
        "top level of a module and keep open files out of it; or use worker_method='thread': it sends nothing"
    )


# --- in the worker ------------------------------------------------------------------------------------------


def _run(job: Job, worker_id: int, tasks: Any, results: Any, closing: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all: the main process ends its workers
    set_num_threads(1)
    seed = job.base_seed + worker_id
    random.seed(seed)
    manual_seed(seed)
    # The legacy generator is the global one that datasets draw from.
    np.random.seed(numpy_seed(job.base_seed, worker_id).generate_state(4))  # noqa: NPY002
    announce(job, worker_id)

    def coming() -> Iterator[Task]:
        while True:
            try:
                task: Task = tasks.recv()
            except (EOFError, OSError):
                return
            if closing.value:
                return
            yield task

    # Sent by a thread: this one goes on with the next batch, and always comes back to read its tasks, so the
    # main process can't wait for it to read while it waits for the main process.
    outbox: queue.SimpleQueue[tuple[int, Packed]] = queue.SimpleQueue()
    threading.Thread(target=_send_all, args=(outbox, results, closing), daemon=True).start()
    fresh = job.loading.batched and job.loading.collate_fn is default_collate

    def answer(number: int, result: Any) -> None:
        outbox.put((number, _packed(result, worker_id, fresh)))

    work(job, worker_id, coming(), answer)


def _packed(result: Any, worker_id: int, fresh: bool) -> Packed:
    """The pickle of a batch without its large arrays, and their memory.

    Unless the arrays are ``fresh``, it is copied: the dataset may use it again before it has been sent.
    """
    arrays: list[Any] = []

    def take(buffer: pickle.PickleBuffer) -> bool:
        view = buffer.raw()
        if view.nbytes < _SMALL:
            return True
        arrays.append(view if fresh else bytes(view))
        return False

    try:
        return pickle.dumps(result, 5, buffer_callback=take), arrays
    except Exception as error:
        if isinstance(result, Failure):  # its type is local to a function: only the text can go
            result.kind = RuntimeError
        else:
            result = Failure(error, f"in DataLoader worker process {worker_id}, when it sent its batch")
            arrays.clear()
    try:
        return pickle.dumps(result), arrays
    except Exception:
        result.kind = RuntimeError
        return pickle.dumps(result), arrays


def _send_all(outbox: queue.SimpleQueue[tuple[int, Packed]], results: Any, closing: Any) -> None:
    while True:
        number, (pickled, arrays) = outbox.get()
        try:
            results.send((number, [memoryview(a).nbytes for a in arrays]))
            results.send_bytes(pickled)
            for array in arrays:
                _write(results, memoryview(array))
        except OSError:  # nobody reads any more
            return
        del pickled, arrays


# --- through the pipe ---------------------------------------------------------------------------------------


def _receive(results: Any) -> tuple[int, Any]:
    number, sizes = results.recv()
    pickled = results.recv_bytes()
    arrays = [np.empty(size, np.uint8) for size in sizes]
    for array in arrays:
        _read(results, array.data)
    try:
        return number, pickle.loads(pickled, buffers=arrays)
    except Exception as error:
        return number, Failure(error, "when the batch of a DataLoader worker process was received")


if sys.platform == "win32":

    def _write(connection: Connection, data: memoryview) -> None:
        connection.send_bytes(data)

    def _read(connection: Connection, into: memoryview) -> None:
        connection.recv_bytes_into(into)

else:  # twice as fast: Connection reads through a buffer of its own

    def _write(connection: Connection, data: memoryview) -> None:
        while data:
            data = data[os.write(connection.fileno(), data) :]

    def _read(connection: Connection, into: memoryview) -> None:
        while into:
            n = os.readv(connection.fileno(), [into])
            if not n:
                raise EOFError
            into = into[n:]
