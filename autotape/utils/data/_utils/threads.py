"""Workers as threads of this process: for items that NumPy or files make, which release Python's lock."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from autotape.utils.data._utils.worker import Job, Task, announce, work

__all__ = ["Threads"]

GRACE = 2.0  # seconds for a worker to finish its item


class Threads:
    """The worker threads of one loader."""

    def __init__(self, job: Job) -> None:
        self.closed = False
        self._closing = threading.Event()
        self._results: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._tasks: list[queue.SimpleQueue[Task | None]] = []
        self._workers = []
        for worker_id in range(job.num_workers):
            tasks: queue.SimpleQueue[Task | None] = queue.SimpleQueue()
            arguments = (job, worker_id, tasks, self._results, self._closing)
            thread = threading.Thread(
                target=_run, args=arguments, name=f"autotape loader {worker_id}", daemon=True
            )
            self._tasks.append(tasks)
            self._workers.append(thread)
            thread.start()

    def send(self, worker: int, task: Task) -> None:
        """Give a worker a task."""
        self._tasks[worker].put(task)

    def receive(self, timeout: float | None) -> list[tuple[int, Any]]:
        """Wait for answers, each with its number; none if the time is over."""
        try:
            number, result = self._results.get(timeout=timeout)
        except queue.Empty:
            return []
        if number is None:
            raise RuntimeError(f"DataLoader worker thread {result}")
        return [(number, result)]

    def close(self) -> None:
        """End the threads; one that is in the middle of an item ends after it."""
        if self.closed:
            return
        self.closed = True
        self._closing.set()
        for tasks in self._tasks:
            tasks.put(None)
        deadline = time.monotonic() + GRACE
        for thread in self._workers:
            if thread is not threading.current_thread():  # the collector may run in a worker
                thread.join(max(0.0, deadline - time.monotonic()))


def _run(job: Job, worker_id: int, tasks: Any, results: Any, closing: threading.Event) -> None:
    def coming() -> Iterator[Task]:
        for task in iter(tasks.get, None):
            if closing.is_set():
                return
            yield task

    try:
        announce(job, worker_id)
        work(job, worker_id, coming(), lambda number, result: results.put((number, result)))
    except BaseException as error:
        results.put((None, f"{worker_id} exited unexpectedly by {error!r}"))
