"""``autotape.multiprocessing``: Python's ``multiprocessing``. Tensors are copied between processes.

PyTorch's shares their memory instead; what needs that (``share_memory_``) says that it is left out.

>>> from autotape.multiprocessing import cpu_count
>>> cpu_count() > 0
True
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing import *  # noqa: F403 - the standard library's names are this module's names
from typing import Any

__all__ = sorted([*multiprocessing.__all__, "get_sharing_strategy", "set_sharing_strategy", "spawn"])


def set_sharing_strategy(new_strategy: str) -> None:
    """Nothing: no memory is shared."""


def get_sharing_strategy() -> str:
    """``"copy"``: no memory is shared."""
    return "copy"


def spawn(
    fn: Callable[..., Any],
    args: tuple[Any, ...] = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> Any:
    """Run ``fn(i, *args)`` in ``nprocs`` new processes and wait for them; RuntimeError when one fails.

    With ``join=False`` the list of processes is returned at once.
    """
    context: Any = multiprocessing.get_context(start_method)
    processes = [context.Process(target=fn, args=(i, *args), daemon=daemon) for i in range(nprocs)]
    for process in processes:
        process.start()
    if not join:
        return processes
    for process in processes:
        process.join()
    for i, process in enumerate(processes):
        if process.exitcode != 0:
            raise RuntimeError(f"process {i} terminated with exit code {process.exitcode}")
    return None
