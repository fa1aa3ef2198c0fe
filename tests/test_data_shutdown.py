"""Workers end with their iterator, their loop and their main process, however that ends."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autotape.utils.data import DataLoader
from tests.data_tools import Bad, Slow, Squares, Stream

ROOT = Path(__file__).parents[1]
FORK = {"multiprocessing_context": "fork"}
METHODS = [pytest.param(FORK, id="fork"), pytest.param({"worker_method": "thread"}, id="thread")]


def workers() -> list[str]:
    names = [p.name for p in multiprocessing.active_children()] + [t.name for t in threading.enumerate()]
    return [name for name in names if name.startswith("autotape loader")]


def break_off(loader: DataLoader[Any]) -> None:
    for _ in loader:
        assert len(workers()) == 2
        break


def raise_in_the_body(loader: DataLoader[Any]) -> None:
    def body() -> None:
        for _ in loader:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()


def interrupt_the_body(loader: DataLoader[Any]) -> None:
    def body() -> None:
        for _ in loader:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        body()


def exhaust(loader: DataLoader[Any]) -> None:
    iterator = iter(loader)
    list(iterator)
    assert workers() == []


def drop_the_iterator(loader: DataLoader[Any]) -> None:
    iterator = iter(loader)
    next(iterator)
    del iterator


def never_begin(loader: DataLoader[Any]) -> None:
    iter(loader)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize(
    "end", [break_off, raise_in_the_body, interrupt_the_body, exhaust, drop_the_iterator, never_begin]
)
@pytest.mark.parametrize("data", [Squares(40, 50_000), Stream(30, 30)])
def test_the_end_of_a_loop_ends_the_workers(
    data: Any, end: Callable[[DataLoader[Any]], None], persistent: bool, method: dict[str, Any], no_gc: None
) -> None:
    if persistent and end is exhaust:
        return  # they stay: tests/test_data_workers.py
    loader: DataLoader[Any] = DataLoader(data, 4, num_workers=2, persistent_workers=persistent, **method)
    end(loader)
    del loader  # which ends persistent ones
    assert workers() == []


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_s_error_ends_the_workers(method: dict[str, Any], no_gc: None) -> None:
    def run() -> None:
        for _ in DataLoader(Bad(ValueError("bad")), num_workers=2, **method):
            pass

    with pytest.raises(ValueError, match="bad"):
        run()
    assert workers() == []


@pytest.mark.parametrize("method", METHODS)
def test_a_cycle_is_collected(method: dict[str, Any]) -> None:
    holder: dict[str, Any] = {"loader": iter(DataLoader(Squares(), num_workers=1, **method))}
    holder["holder"] = holder
    del holder
    gc.collect()
    assert workers() == []


def test_a_worker_in_a_long_item_is_terminated(monkeypatch: pytest.MonkeyPatch) -> None:
    from autotape.utils.data._utils import processes, threads

    monkeypatch.setattr(processes, "GRACE", 0.1)
    monkeypatch.setattr(threads, "GRACE", 0.1)
    iter(DataLoader(Slow(100), num_workers=2, **FORK))  # type: ignore[arg-type]
    assert workers() == []

    begun, go_on = threading.Event(), threading.Event()

    def collate(items: list[int]) -> None:
        begun.set()
        go_on.wait()

    iterator = iter(DataLoader(Squares(), num_workers=1, collate_fn=collate, worker_method="thread"))
    begun.wait()
    del iterator
    (thread,) = (t for t in threading.enumerate() if t.name.startswith("autotape loader"))
    go_on.set()  # a thread can't be ended: it goes after its item
    thread.join()


def test_a_forked_copy_of_an_iterator_leaves_the_workers_alone() -> None:
    iterator = iter(DataLoader(Squares(6), 2, num_workers=2, **FORK))  # type: ignore[arg-type]
    next(iterator)
    child = multiprocessing.get_context("fork").Process(target=gc.collect)
    child.start()
    child.join()
    assert child.exitcode == 0
    pid = os.fork()
    if not pid:
        try:
            iterator._finalizer()  # type: ignore[attr-defined]
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert len(list(iterator)) == 2


# --- the end of the main process ----------------------------------------------------------------------------

SCRIPT = """
import multiprocessing, os, signal, sys, time
from autotape.utils.data import DataLoader
from tests.data_tools import Slow, Squares

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
if __name__ == "__main__":
    loader = DataLoader({data}, num_workers=2, {options})
    iterator = iter(loader)
    next(iterator)
    print(*[p.pid for p in multiprocessing.active_children()], flush=True)
    {end}
"""


def is_running(pid: int) -> bool:
    """Whether a process is there, and not only its exit code, which nobody has asked for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:
        return not status.parent.parent.exists() or status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def run(tmp_path: Path, end: str, data: str, options: str) -> tuple[subprocess.Popen[str], list[int]]:
    """Start the script; it and the ids of its workers."""
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.format(end=end, data=data, options=options))
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(path)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def wait_until_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline, "workers are still there"
        time.sleep(0.01)


FORKED = "multiprocessing_context='fork'"


@pytest.mark.parametrize(
    ("end", "code", "options"),
    [
        ("pass", 0, FORKED),
        ("pass", 0, FORKED + ", persistent_workers=True"),
        ("pass", 0, "worker_method='thread'"),
        ("raise ValueError('mine')", 1, FORKED),
        ("raise ValueError('mine')", 1, "worker_method='thread'"),
        ("os._exit(4)", 4, FORKED),
    ],
)
def test_the_interpreter_s_exit(tmp_path: Path, end: str, code: int, options: str) -> None:
    process, pids = run(tmp_path, end, "Squares(1000, 5000)", options)
    _, errors = process.communicate(timeout=60)
    assert errors.endswith("ValueError: mine\n") if "mine" in end else not errors
    assert process.returncode == code
    assert len(pids) == (2 if "fork" in options else 0)
    wait_until_gone(pids)


def test_the_interpreter_s_exit_with_spawned_workers(tmp_path: Path) -> None:
    process, pids = run(tmp_path, "pass", "Squares(100, 5000)", "multiprocessing_context='spawn'")
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors, len(pids)) == (0, "", 2)
    wait_until_gone(pids)


@pytest.mark.parametrize("options", [FORKED, "worker_method='thread'"])
def test_ctrl_c_while_a_batch_is_awaited(tmp_path: Path, options: str) -> None:
    """The signal goes to the main process and to its workers, as a terminal sends it."""
    end = "print('waiting', flush=True)\n    for _ in iterator: pass"
    process, pids = run(tmp_path, end, "Slow(0.2)", options)
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert errors.count("Traceback") == 1  # the workers say nothing
    wait_until_gone(pids)


@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGTERM"])
def test_workers_whose_main_process_is_killed_end(tmp_path: Path, signal_name: str) -> None:
    end = f"os.kill(os.getpid(), signal.{signal_name})"
    process, pids = run(tmp_path, end, "Squares(1000, 50_000)", FORKED)
    process.communicate(timeout=60)
    assert process.returncode == -getattr(signal, signal_name)
    assert len(pids) == 2
    wait_until_gone(pids)
