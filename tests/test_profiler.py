"""The profiler: what ran, how often, and where the time went."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

import autotape as at
from autotape.autograd.profiler import profile, record_function
from tests.tape_tools import Cube, leaf


def counts(prof: profile) -> dict[str, int]:
    return {e.key: e.count for e in prof.key_averages()}


def test_operations_forward_and_backward() -> None:
    net = at.nn.Sequential(at.nn.Linear(4, 5), at.nn.ReLU(), at.nn.Linear(5, 2))
    x = at.randn(3, 4)
    with profile() as prof:
        for _ in range(2):
            (net(x) - 1).tanh().mean().backward()
    found = counts(prof)
    expected = {"linear": 4, "relu": 2, "sub": 2, "tanh": 2, "mean": 2, "backward": 2, "LinearBackward0": 4}
    assert expected.items() <= found.items()
    assert found["TanhBackward0"] == 2
    assert sys.getprofile() is None


def test_a_function_of_the_user_and_operators() -> None:
    x = leaf(1.0, 2.0)
    with profile() as prof:
        (Cube.apply(x) + x @ x).sum().backward()
    found = counts(prof)
    assert found["Cube"] == found["CubeBackward"] == found["matmul"] == found["sum"] == 1
    assert found["mul"] >= 4  # of Cube, forward and backward


def test_times_add_up() -> None:
    x = at.randn(100, 100, requires_grad=True)
    with profile() as prof, record_function("all"):
        (x @ x).exp().sum().backward()
    events = {e.key: e for e in prof.key_averages()}
    whole = events["all"]
    assert whole.count == 1
    assert whole.cpu_time_total >= events["matmul"].cpu_time_total
    assert whole.cpu_time_total >= whole.self_cpu_time_total >= 0
    assert prof.self_cpu_time_total == pytest.approx(whole.cpu_time_total)
    assert prof.total_average().count == sum(e.count for e in events.values())
    assert events["matmul"].cpu_time == events["matmul"].cpu_time_total / events["matmul"].count


def test_table() -> None:
    with profile() as prof:
        at.ones(3).exp()
    text = prof.key_averages().table(sort_by="self_cpu_time_total", row_limit=1)
    lines = text.splitlines()
    assert lines[1].split("  ")[0] == "Name"
    assert len(lines) == 6
    assert len({len(line) for line in lines[:5]}) == 1
    assert text in (prof.table(sort_by="self_cpu_time_total", row_limit=1),)
    assert str(prof) == str(prof.key_averages())
    with pytest.raises(ValueError, match="sort_by must be one of"):
        prof.table(sort_by="name")
    assert repr(prof.key_averages()[0]).startswith("<FunctionEventAvg key=ones count=1")


def test_record_function_as_decorator_and_when_off() -> None:
    @record_function("named")
    def f(x: Any) -> Any:
        return x.exp()

    f(at.ones(1))
    with profile() as prof:
        f(at.ones(1))
    assert counts(prof) == {"ones": 1, "named": 1, "exp": 1}


def test_exceptions_leave_nothing_behind() -> None:
    prof = profile()
    with pytest.raises(RuntimeError), prof, record_function("failing"):  # noqa: PT012
        at.ones(2).exp()
        at.ones(2) + at.ones(3)
    assert sys.getprofile() is None
    assert counts(prof)["failing"] == 1
    assert counts(prof)["add"] == 1


def test_disabled_reentered_and_unknown_options() -> None:
    with profile(enabled=False) as prof:
        at.ones(1)
    assert prof.key_averages() == []
    with pytest.raises(RuntimeError, match="not reentrant"):
        prof.__enter__()
    with pytest.raises(TypeError, match="unexpected keyword argument 'colour'"):
        profile(colour=True)
    assert profile(record_shapes=True, profile_memory=True).enabled


def test_another_thread_is_not_seen() -> None:
    with profile() as prof:
        thread = threading.Thread(target=lambda: at.ones(1).exp())
        thread.start()
        thread.join()
    assert "exp" not in counts(prof)
