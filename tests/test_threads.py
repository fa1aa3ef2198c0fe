"""Threads, asyncio tasks and generators: gradients are exact and modes do not leak."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import autotape as at


def leaf(*values: Any, dtype: Any = np.float64) -> at.Tensor:
    return at.tensor(np.array(values, dtype), requires_grad=True)


@contextmanager
def switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def together(functions: list[Callable[[], Any]]) -> list[Any]:
    """Run the functions in threads that start at one moment; their results."""
    barrier = threading.Barrier(len(functions))

    def run(function: Callable[[], Any]) -> Any:
        barrier.wait()
        return function()

    with switching_often(), ThreadPoolExecutor(len(functions)) as pool:
        return [f.result() for f in [pool.submit(run, f) for f in functions]]


class Square(at.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: at.Tensor) -> at.Tensor:
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx: Any, g: at.Tensor) -> at.Tensor:
        (x,) = ctx.saved_tensors
        return g * 2 * x


def train(seed: int, steps: int = 500) -> bytes:
    """The bits of the weights of a small regression, trained with views, in-place updates and a Function."""
    rng = np.random.default_rng(seed)
    x, y = (at.tensor(rng.standard_normal((8, 4))) for _ in range(2))
    w = at.tensor(rng.standard_normal((4, 4)), requires_grad=True)
    b = at.tensor(np.zeros(4), requires_grad=True)
    for _ in range(steps):
        out = Square.apply(x @ w) + b
        out[0] = out[1] * 0.5
        loss = ((out - y) * (out - y)).reshape(32).sum() / 32.0
        loss.backward()
        with at.no_grad():
            for p in (w, b):
                p.sub_(p.grad * 0.001)
                p.grad = None
    return w.detach().numpy().tobytes() + b.detach().numpy().tobytes()


def test_eight_threads_equal_serial_runs_bit_for_bit() -> None:
    """PROMISES row 16: 8 threads x 500 steps at a switch interval of 1e-5 s."""
    serial = [train(seed) for seed in range(8)]
    assert len(set(serial)) == 8
    threaded = together([lambda seed=seed: train(seed) for seed in range(8)])  # type: ignore[misc]
    assert threaded == serial


def test_a_leaf_shared_by_threads_accumulates_exactly() -> None:
    """PROMISES row 16: 8 threads x 500 backwards into one leaf lose nothing."""
    x = leaf(1.0, 2.0)

    def work() -> None:
        for _ in range(500):
            (x * 3.0).sum().backward()

    together([work] * 8)
    assert x.grad.tolist() == [12_000.0, 12_000.0]


def test_one_retained_graph_replayed_by_threads() -> None:
    x = leaf(1.0, 2.0)
    y = Square.apply(x * x)
    loss = y.sum()

    def work() -> list[list[float]]:
        return [at.autograd.grad(loss, x, retain_graph=True)[0].tolist() for _ in range(200)]

    assert together([work] * 4) == [[[4.0, 32.0]] * 200] * 4


def test_a_graph_recorded_in_one_thread_is_replayed_in_another() -> None:
    x = leaf(3.0)
    y = x * x

    def work() -> float:
        z = y * y
        z.backward()
        return float(x.grad.item())

    assert together([work]) == [4 * 27.0]


def test_each_thread_has_a_tape_of_its_own() -> None:
    x = leaf(1.0)

    def work() -> tuple[int, int, Any]:
        kept = [x * float(i) for i in range(10)]
        return len(at.current_tape()), len(kept), at.current_tape()

    home = at.current_tape()
    found = together([work] * 4)
    assert [n for n, _, _ in found] == [10] * 4
    assert len({id(t) for _, _, t in found} | {id(home)}) == 5


def test_private_tapes_in_threads_list_only_their_own() -> None:
    def work() -> list[str]:
        x = leaf(1.0)
        with at.Tape() as tape:
            for _ in range(100):
                x = x * 1.0
        return [e.operation.name for e in tape]

    with at.Tape() as mine:
        assert together([work] * 4) == [["mul"] * 100] * 4
    assert len(mine) == 0


def test_hooks_of_a_shared_leaf_run_once_for_each_backward() -> None:
    x, calls = leaf(1.0), []
    x.register_hook(lambda g: calls.append(1))
    together([lambda: [(x * 2.0).backward() for _ in range(100)]] * 4)
    assert len(calls) == 400
    assert x.grad.item() == 800.0


# --- modes (row 17) -----------------------------------------------------------------------------------------


def test_no_grad_in_one_thread_leaves_the_others_recording() -> None:
    """PROMISES row 17: gradient mode belongs to the thread."""
    off, done = threading.Event(), threading.Event()
    seen: list[bool] = []

    def holder() -> None:
        with at.no_grad():
            off.set()
            done.wait(30)
            seen.append(at.is_grad_enabled())

    def other() -> None:
        off.wait(30)
        seen.append(at.is_grad_enabled())
        x = leaf(1.0)
        (x * 2).backward()
        assert x.grad is not None
        done.set()

    together([holder, other])
    assert seen == [True, False]
    assert at.is_grad_enabled()


def test_a_thread_starts_with_gradients_enabled_even_under_no_grad() -> None:
    """As in PyTorch."""
    with at.no_grad():
        assert together([at.is_grad_enabled]) == [True]
        with at.inference_mode():
            assert together([at.is_inference_mode_enabled]) == [False]


def test_modes_are_isolated_between_asyncio_tasks() -> None:
    """PROMISES row 17: a task that waits under no_grad leaves the others recording (PyTorch's leaks here)."""

    async def holder(entered: asyncio.Event, go: asyncio.Event) -> bool:
        with at.no_grad():
            entered.set()
            await go.wait()
            return at.is_grad_enabled()

    async def other(entered: asyncio.Event, go: asyncio.Event) -> tuple[bool, Any]:
        await entered.wait()
        enabled = at.is_grad_enabled()
        x = leaf(2.0)
        (x * x).backward()
        go.set()
        return enabled, x.grad.item()

    async def main() -> Any:
        entered, go = asyncio.Event(), asyncio.Event()
        return await asyncio.gather(holder(entered, go), other(entered, go)), at.is_grad_enabled()

    assert asyncio.run(main()) == ([False, (True, 4.0)], True)


def test_a_task_started_under_no_grad_keeps_it() -> None:
    async def child() -> bool:
        await asyncio.sleep(0)
        return at.is_grad_enabled()

    async def main() -> tuple[bool, bool]:
        with at.no_grad():
            task = asyncio.create_task(child())
        return await task, at.is_grad_enabled()

    assert asyncio.run(main()) == (False, True)


def test_private_tapes_are_isolated_between_asyncio_tasks() -> None:
    async def record(n: int) -> int:
        x = leaf(1.0)
        with at.Tape() as tape:
            for _ in range(n):
                x = x * 1.0
                await asyncio.sleep(0)
        return len(tape)

    async def main() -> list[int]:
        return await asyncio.gather(*[record(n) for n in (3, 5, 7)])

    assert asyncio.run(main()) == [3, 5, 7]


def test_work_given_to_a_thread_of_asyncio_keeps_the_mode_of_the_task() -> None:
    async def main() -> tuple[bool, bool]:
        with at.no_grad():
            inside = await asyncio.to_thread(at.is_grad_enabled)
        return inside, await asyncio.to_thread(at.is_grad_enabled)

    assert asyncio.run(main()) == (False, True)


def test_a_decorated_generator_leaves_its_caller_alone_while_suspended() -> None:
    """PROMISES row 17: decorate generator functions; the mode is on only while their own code runs."""

    @at.no_grad()
    def numbers() -> Iterator[bool]:
        for _ in range(3):
            yield at.is_grad_enabled()

    seen = []
    for inside in numbers():
        seen.append((inside, at.is_grad_enabled()))
    assert seen == [(False, True)] * 3
    assert at.is_grad_enabled()


def test_a_with_block_around_a_yield_holds_while_the_generator_is_suspended() -> None:
    """PROMISES row 17, the documented case: such a generator shares the mode of whoever runs it."""

    def numbers() -> Iterator[int]:
        with at.no_grad():
            yield 1

    running = numbers()
    next(running)
    assert not at.is_grad_enabled()
    running.close()
    assert at.is_grad_enabled()


def test_a_decorated_generator_passes_values_errors_and_its_end_through() -> None:
    log: list[Any] = []

    @at.no_grad
    def echo() -> Any:
        got = None
        while True:
            try:
                got = yield got
            except ValueError as error:
                log.append((str(error), at.is_grad_enabled()))
                got = "caught"
            if got == "stop":
                return "result"

    running = echo()
    assert next(running) is None
    assert running.send(5) == 5
    assert running.throw(ValueError("thrown")) == "caught"
    with pytest.raises(StopIteration) as stop:
        running.send("stop")
    assert stop.value.value == "result"
    assert log == [("thrown", False)]
    closing = echo()
    next(closing)
    closing.close()
    assert at.is_grad_enabled()


def test_modes_nest_and_are_restored_by_exceptions() -> None:
    with at.no_grad():
        with pytest.raises(RuntimeError, match="only for scalar outputs"), at.enable_grad():
            (leaf(1.0, 2.0) * 2).backward()
        assert not at.is_grad_enabled()
        with at.set_grad_enabled(True):
            assert at.is_grad_enabled()
        assert not at.is_grad_enabled()
    assert at.is_grad_enabled()
    at.set_grad_enabled(False)
    assert not at.is_grad_enabled()
    at.set_grad_enabled(True)
    assert at.is_grad_enabled()


def test_modes_decorate_functions_methods_and_coroutines() -> None:
    class Model:
        @at.no_grad()
        def predict(self, x: at.Tensor) -> at.Tensor:
            return x * 2

    @at.inference_mode()
    async def later() -> tuple[bool, bool]:
        await asyncio.sleep(0)
        return at.is_grad_enabled(), at.is_inference_mode_enabled()

    @at.set_grad_enabled(False)
    def off() -> bool:
        return at.is_grad_enabled()

    assert not Model().predict(leaf(1.0)).requires_grad
    assert asyncio.run(later()) == (False, True)
    assert off() is False
    assert at.is_grad_enabled()
    with pytest.raises(TypeError, match="decorates functions, not classes"):
        at.no_grad()(Model)


def test_a_decorated_function_may_call_itself_in_several_threads() -> None:
    @at.no_grad()
    def down(n: int) -> bool:
        return at.is_grad_enabled() if n == 0 else down(n - 1)

    assert together([lambda: any(down(20) for _ in range(100))] * 4) == [False] * 4
    assert at.is_grad_enabled()


def test_an_async_generator_under_no_grad() -> None:
    async def numbers() -> AsyncIterator[bool]:
        for _ in range(2):
            with at.no_grad():
                inside = at.is_grad_enabled()
            yield inside

    async def main() -> list[tuple[bool, bool]]:
        return [(inside, at.is_grad_enabled()) async for inside in numbers()]

    assert asyncio.run(main()) == [(False, True)] * 2
