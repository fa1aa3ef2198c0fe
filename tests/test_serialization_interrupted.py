"""Saving that is killed, fails or meets other threads: the file is the old one or the new one, whole."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autotape.engine.tensor import Tensor
from autotape.serialization import CheckpointError, load, save

ROOT = Path(__file__).resolve().parents[1]


def tensor(array: Any) -> Tensor:
    return Tensor._wrap(np.asarray(array))


KILLED = """
import itertools, os, random, signal, sys, time
import numpy as np
from autotape.engine.tensor import Tensor
from autotape.serialization import load, save

path, kills = sys.argv[1], int(sys.argv[2])

def content(number):
    x = np.full(1 + number * 7919 % 300_000, number)
    return {"number": number, "x": Tensor._wrap(x), "y": Tensor._wrap(-x)}

def check(least):
    loaded = load(path)
    number = loaded["number"]
    right = content(number)
    assert number >= least, (number, least)
    for name in "xy":
        assert np.array_equal(loaded[name].numpy(), right[name].numpy()), name
    return number

save(content(0), path)
rng = random.Random(0)
number = interrupted = 0
for kill in range(kills):
    child = os.fork()
    if child == 0:
        for next in itertools.count(number + 1):
            save(content(next), path)
    time.sleep(rng.uniform(0, 0.03))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    number = check(number)
    left = [name for name in os.listdir(os.path.dirname(path)) if name.endswith(".tmp")]
    interrupted += len(left)
    for name in left:
        os.unlink(os.path.join(os.path.dirname(path), name))
print(number, interrupted)
"""


def run_script(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_file_survives_kill_at_random_times(tmp_path: Path) -> None:
    """PROMISES 29: SIGKILL at 200 random times; the file loads as the old one or the new one."""
    numbers = run_script(KILLED, str(tmp_path / "checkpoint"), "200").split()
    saves, interrupted = map(int, numbers)
    assert saves > 0
    assert interrupted > 0  # some kills met a file half written


STEPS = """
import os, signal, sys
import numpy as np
from autotape.engine.tensor import Tensor
from autotape.serialization import _files, load, save

path = sys.argv[1]
old, new = ({"x": Tensor._wrap(np.full(400_000, n))} for n in (1, 2))

def die_at(step):
    count = 0
    def trace(frame, event, argument):
        nonlocal count
        if "serialization" in frame.f_code.co_filename and frame.f_code.co_name in watched:
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)

watched = {"write", "replacing", "_write_stream"}
step, seen = 0, set()
while True:
    step += 1
    save(old, path)
    child = os.fork()
    if child == 0:
        die_at(step)
        save(new, path)
        sys.settrace(None)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    seen.add(int(load(path)["x"].numpy()[0]))
    if status == 0:
        break
print(step, *sorted(seen))
"""


def test_file_survives_kill_before_every_line_of_the_writer(tmp_path: Path) -> None:
    """PROMISES 29, by exhaustion: a kill before each line that runs, each pass of a loop counted."""
    steps, *seen = run_script(STEPS, str(tmp_path / "checkpoint")).split()
    assert int(steps) > 50
    assert seen == ["1", "2"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("call", ["fsync", "replace", "chmod"])
def test_failure_leaves_the_old_file_and_nothing_else(
    call: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint"
    save("old", path)

    def fail(*args: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(type(error)):
            save("new", path)
    assert load(path) == "old"
    assert os.listdir(tmp_path) == ["checkpoint"]
    save("new", path)
    assert load(path) == "new"


def test_file_is_synced_before_it_is_renamed_and_the_directory_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    fsync, replace = os.fsync, os.replace

    def spy_fsync(descriptor: int) -> None:
        calls.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def spy_replace(source: str, target: str) -> None:
        assert os.path.dirname(source) == os.path.dirname(target)
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", spy_fsync)
    monkeypatch.setattr(os, "replace", spy_replace)
    save(1, tmp_path / "checkpoint")
    assert calls == ["file", "rename", "directory"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_mode_is_what_open_gives(umask: int, tmp_path: Path) -> None:
    before = os.umask(umask)
    try:
        (tmp_path / "opened").write_bytes(b"")
        save(1, tmp_path / "new")
        (tmp_path / "old").write_bytes(b"")
        (tmp_path / "old").chmod(0o640)
        save(1, tmp_path / "old")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "opened").stat().st_mode
    assert stat.S_IMODE((tmp_path / "old").stat().st_mode) == 0o640


def test_links_devices_and_long_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runs").mkdir()
    save("old", tmp_path / "runs" / "1")
    (tmp_path / "latest").symlink_to("runs/1")
    save("new", tmp_path / "latest")
    assert (tmp_path / "latest").is_symlink()
    assert load(tmp_path / "runs" / "1") == "new"
    (tmp_path / "dangling").symlink_to("runs/2")
    save(2, tmp_path / "dangling")
    assert load(tmp_path / "runs" / "2") == 2
    longest = tmp_path / ("n" * 255)
    save(3, longest)
    assert load(longest) == 3
    monkeypatch.chdir(tmp_path)
    save(4, "relative")
    assert load(Path("relative")) == 4
    save({"x": tensor(np.ones(3))}, os.devnull)
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)
    os.mkfifo(tmp_path / "pipe")
    for name in "pipe", os.devnull:
        with pytest.raises(CheckpointError, match="is no ordinary file"):
            load(name)


def test_many_threads_save_to_one_file(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    save({"n": -1, "x": tensor(np.full(1, -1))}, path)
    failures: list[BaseException] = []
    stop = threading.Event()

    def writer(n: int) -> None:
        for _ in range(10):
            save({"n": n, "x": tensor(np.full(20_000, n))}, path)

    def reader() -> None:
        while not stop.is_set():
            try:
                loaded = load(path)
                assert (loaded["x"].numpy() == loaded["n"]).all()
            except BaseException as error:
                failures.append(error)

    writers = [threading.Thread(target=writer, args=(n,)) for n in range(4)]
    readers = [threading.Thread(target=reader) for _ in range(2)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert failures == []
    assert os.listdir(tmp_path) == ["checkpoint"]


def test_tensor_that_changes_while_it_is_saved_still_loads() -> None:
    """Contents and checksum come from one reading of the memory, even if it is torn."""
    array = np.zeros(1_000_000)
    stop = threading.Event()

    def scribble() -> None:
        while not stop.is_set():
            np.add(array, 1, out=array)

    thread = threading.Thread(target=scribble)
    thread.start()
    try:
        for _ in range(10):
            file = io.BytesIO()
            save({"x": tensor(array)}, file)
            file.seek(0)
            load(file)
    finally:
        stop.set()
        thread.join()


def test_read_only_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As open() would not overwrite it, though its directory would allow a rename."""
    path = tmp_path / "checkpoint"
    save("old", path)
    monkeypatch.setattr(os, "access", lambda target, mode: mode != os.W_OK)  # root may write anywhere
    with pytest.raises(PermissionError, match="checkpoint"):
        save("new", path)
    assert load(path) == "old"
    assert os.listdir(tmp_path) == ["checkpoint"]
