"""Random numbers: repeatable, from the right distributions, safe between threads."""

from __future__ import annotations

import copy
import itertools
import json
import math
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotape as at

Draw = Callable[[at.Generator | None], at.Tensor]

DRAWS: dict[str, Draw] = {
    "rand": lambda g: at.rand(5, 3, generator=g),
    "rand float64": lambda g: at.rand(5, dtype=at.float64, generator=g),
    "rand float16": lambda g: at.rand(5, dtype=at.float16, generator=g),
    "rand complex64": lambda g: at.rand(5, dtype=at.complex64, generator=g),
    "randn": lambda g: at.randn(5, 3, generator=g),
    "randn complex128": lambda g: at.randn(5, dtype=at.complex128, generator=g),
    "rand_like": lambda g: at.rand_like(at.ones(7), generator=g),
    "randn_like": lambda g: at.randn_like(at.ones(7), generator=g),
    "randint": lambda g: at.randint(1000, (5,), generator=g),
    "randint_like": lambda g: at.randint_like(at.ones(5), 1000, generator=g),
    "randperm": lambda g: at.randperm(20, generator=g),
    "normal": lambda g: at.normal(at.zeros(5), at.ones(5), generator=g),
    "normal of numbers": lambda g: at.normal(1.0, 2.0, (5,), generator=g),
    "bernoulli": lambda g: at.bernoulli(at.full((40,), 0.5), generator=g),
    "bernoulli of p": lambda g: at.bernoulli(at.ones(40), 0.5, generator=g),
    "multinomial": lambda g: at.multinomial(at.ones(100), 5, generator=g),
    "multinomial with replacement": lambda g: at.multinomial(at.ones(3, 100), 5, True, generator=g),
    "normal_": lambda g: at.zeros(5).normal_(generator=g),
    "uniform_": lambda g: at.zeros(5).uniform_(-1, 1, generator=g),
    "random_": lambda g: at.zeros(5).random_(generator=g),
    "bernoulli_": lambda g: at.zeros(40).bernoulli_(generator=g),
    "poisson": lambda g: at.poisson(at.full((20,), 5.0), g),
    "binomial": lambda g: at.binomial(at.full((20,), 50.0), at.full((20,), 0.5), g),
    "exponential_": lambda g: at.zeros(5).exponential_(generator=g),
    "geometric_": lambda g: at.zeros(20).geometric_(0.1, generator=g),
    "cauchy_": lambda g: at.zeros(5).cauchy_(generator=g),
    "log_normal_": lambda g: at.zeros(5).log_normal_(generator=g),
}


@pytest.mark.parametrize("name", DRAWS)
def test_one_seed_gives_one_sequence(name: str) -> None:
    draw = DRAWS[name]
    at.manual_seed(7)
    first, second = draw(None), draw(None)
    assert not at.equal(first, second)
    at.manual_seed(7)
    assert at.equal(first, draw(None))
    g = at.Generator().manual_seed(7)
    before = at.get_rng_state()
    assert at.equal(first, draw(g))
    assert at.equal(second, draw(g))
    assert at.equal(before, at.get_rng_state())  # a generator of one's own leaves the global one alone
    assert not at.equal(first, draw(at.Generator().manual_seed(8)))


def test_one_seed_gives_the_same_numbers_in_another_process() -> None:
    code = (
        "import autotape as at; at.manual_seed(3); "
        "print(at.rand(3).tolist(), at.randn(3).tolist(), at.randperm(9).tolist())"
    )
    root = Path(__file__).parent.parent
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    at.manual_seed(3)
    assert outputs == {f"{at.rand(3).tolist()} {at.randn(3).tolist()} {at.randperm(9).tolist()}\n"}


def test_seeds() -> None:
    g = at.Generator()
    assert g.initial_seed() == at.Generator().initial_seed()
    assert at.equal(at.rand(3, generator=g), at.rand(3, generator=at.Generator()))
    assert g.manual_seed(5) is g
    assert g.manual_seed(-1).initial_seed() == 2**64 - 1
    for bad in (2**64, -(2**63) - 1):
        with pytest.raises(ValueError, match="Overflow"):
            g.manual_seed(bad)
    assert g.seed() != g.seed()
    assert at.manual_seed(11) is at.default_generator
    assert at.initial_seed() == at.random.initial_seed() == 11
    assert at.seed() == at.initial_seed()
    with pytest.raises(TypeError, match=r"generator must be an autotape\.Generator"):
        at.rand(2, generator=np.random.default_rng())  # type: ignore[arg-type]


# --- state --------------------------------------------------------------------------------------------------


def _mixed(g: at.Generator) -> list[at.Tensor]:
    return [
        at.rand(3, generator=g),
        at.randn(5, generator=g),
        at.randint(9, (3,), generator=g),
        at.randperm(5, generator=g),
    ]


@pytest.mark.parametrize("odd", [0, 1, 2, 3])  # an odd number of 32-bit draws leaves half a word behind
@pytest.mark.parametrize(
    "carry",
    [
        lambda g, h: setattr(h, "state", g.state),
        lambda g, h: setattr(h, "state", json.loads(json.dumps(g.state))),
        lambda g, h: h.set_state(g.get_state()),
        lambda g, h: h.set_state(at.tensor(g.get_state().tolist(), dtype=at.uint8)),
    ],
    ids=["state", "json", "tensor", "tensor of numbers"],
)
def test_a_state_determines_all_that_follows(
    carry: Callable[[at.Generator, at.Generator], None], odd: int
) -> None:
    g = at.Generator().manual_seed(1)
    at.rand(odd, generator=g)
    h = at.Generator().manual_seed(2)
    carry(g, h)
    assert h.initial_seed() == 1
    assert all(map(at.equal, _mixed(g), _mixed(h)))
    assert g.state == h.state


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g))])
def test_copies_of_a_generator_go_on_alike(clone: Callable[[at.Generator], at.Generator]) -> None:
    g = at.Generator().manual_seed(1)
    at.rand(3, generator=g)
    h = clone(g)
    expected = _mixed(h)
    if clone is copy.copy:
        return  # shares the state
    assert all(map(at.equal, _mixed(g), expected))


def test_state_goes_through_a_checkpoint(tmp_path: Path) -> None:
    g = at.Generator().manual_seed(2**64 - 1)
    at.rand(3, generator=g)
    at.save({"generator": g.state, "global": at.get_rng_state()}, tmp_path / "c.at")
    loaded = at.load(tmp_path / "c.at")
    assert loaded["generator"] == g.state
    assert at.equal(loaded["global"], at.get_rng_state())


def test_a_bad_state_is_refused_and_changes_nothing() -> None:
    g = at.Generator().manual_seed(1)
    before = g.state
    for bad in ({}, {**before, "algorithm": "MT19937"}, {**before, "increment": 2}, {**before, "state": "x"},
                {**before, "state": -1}, {**before, "has_uint32": None}, None, [1], 5):  # fmt: skip
        with pytest.raises(ValueError, match="not a state of an autotape Generator"):
            g.state = bad  # type: ignore[assignment]
    good = g.get_state()
    damaged = good.clone()
    damaged[0] = 0
    for bad, error in (
        (good[:-1], RuntimeError),
        (damaged, RuntimeError),
        (good.to(at.int64), TypeError),
        ([1], TypeError),
    ):
        with pytest.raises(error):
            g.set_state(bad)  # type: ignore[arg-type]
    assert g.state == before


# --- distributions ------------------------------------------------------------------------------------------

N = 200_000


def _close(samples: Any, mean: float, variance: float) -> None:
    """Mean and variance within five standard errors (the kurtosis of what is tested here is at most 3)."""
    x = np.asarray(samples, np.float64).reshape(-1)
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / x.size) + 1e-12
    assert abs(x.var() - variance) < 5 * variance * math.sqrt(2 / x.size) + 1e-12


@pytest.mark.parametrize("dtype", [at.float16, at.float32, at.float64])
def test_uniform_and_normal_moments(dtype: Any) -> None:
    g = at.Generator().manual_seed(0)
    u = at.rand(N, dtype=dtype, generator=g).numpy()
    assert u.dtype == dtype.numpy
    assert (u >= 0).all()
    assert (u < 1).all()
    _close(u, 0.5, 1 / 12)
    _close(at.randn(N, dtype=dtype, generator=g), 0, 1)
    _close(at.zeros(N, dtype=dtype).uniform_(-2, 4, generator=g), 1, 3)
    _close(at.zeros(N, dtype=dtype).normal_(3, 2, generator=g), 3, 4)
    _close(at.normal(at.full((N,), 3.0, dtype=dtype), 2.0, generator=g), 3, 4)
    _close(at.normal(3.0, at.full((N,), 2.0, dtype=dtype), generator=g), 3, 4)


@pytest.mark.parametrize("dtype", [at.complex64, at.complex128])
def test_complex_samples(dtype: Any) -> None:
    g = at.Generator().manual_seed(0)
    z = at.randn(N, dtype=dtype, generator=g).numpy()
    assert z.dtype == dtype.numpy
    _close(z.real, 0, 0.5)
    _close(z.imag, 0, 0.5)
    u = at.rand(N, dtype=dtype, generator=g).numpy()
    _close(u.real, 0.5, 1 / 12)
    _close(u.imag, 0.5, 1 / 12)
    assert at.rand((), dtype=dtype).shape == ()


def test_normal_broadcasts_and_keeps_the_dtype_of_the_mean() -> None:
    assert at.normal(at.zeros(3, 1), at.ones(4)).shape == (3, 4)
    assert at.normal(at.zeros(0, 3), at.ones(3)).shape == (0, 3)
    assert at.normal(at.zeros(2, dtype=at.float64), at.ones(2)).dtype == at.float64
    assert at.normal(at.zeros(2), at.ones(2, dtype=at.float64)).dtype == at.float32
    assert at.equal(at.normal(at.arange(3.0), at.zeros(3)), at.arange(3.0))
    with pytest.raises(RuntimeError, match="must match the size"):
        at.normal(at.zeros(3), at.ones(4))


@given(st.integers(-(2**63), 2**63 - 2), st.integers(1, 2**63 - 1), st.integers(0, 2**32))
def test_randint_keeps_to_its_range(low: int, length: int, seed: int) -> None:
    high = min(low + length, 2**63 - 1)
    x = at.randint(low, high, (20,), generator=at.Generator().manual_seed(seed)).numpy()
    assert x.dtype == np.int64
    assert (x >= low).all()
    assert (x < high).all()


@pytest.mark.parametrize("dtype", [at.uint8, at.int8, at.int16, at.bool, at.float16, at.float32, at.float64])
def test_randint_reaches_all_values_alike(dtype: Any) -> None:
    high = 2 if dtype == at.bool else 5
    x = at.randint(0, high, (N,), dtype=dtype, generator=at.Generator().manual_seed(0))
    assert x.dtype == dtype
    counts = np.bincount(x.numpy().astype(int), minlength=high)
    assert len(counts) == high
    assert (np.abs(counts - N / high) < 5 * math.sqrt(N / high)).all()


def test_random_fills_the_range_of_the_dtype() -> None:
    g = at.Generator().manual_seed(0)
    for dtype, top in ((at.uint8, 255), (at.int8, 127), (at.bool, 1), (at.float16, 2**11)):
        x = at.zeros(N, dtype=dtype).random_(generator=g).numpy().astype(int)
        assert (x.min(), x.max()) == (0, top)
    for dtype, top in (
        (at.int64, 2**63 - 1),
        (at.int32, 2**31 - 1),
        (at.float64, 2**53),
        (at.float32, 2**24),
    ):
        y = at.zeros(1000, dtype=dtype).random_(generator=g)
        assert y.min() >= 0
        assert top / 2 < float(y.max()) <= top
    assert at.zeros(3).random_(5, 6).tolist() == [5, 5, 5]


def test_randperm_gives_every_order_alike() -> None:
    g = at.Generator().manual_seed(0)
    counts = dict.fromkeys(itertools.permutations(range(3)), 0)
    for _ in range(6000):
        counts[tuple(at.randperm(3, generator=g).tolist())] += 1
    assert all(abs(c - 1000) < 5 * math.sqrt(1000) for c in counts.values())
    for n in (0, 1, 1000):
        assert sorted(at.randperm(n, generator=g).tolist()) == list(range(n))
    assert at.randperm(256, dtype=at.uint8).dtype == at.uint8


def test_bernoulli() -> None:
    g = at.Generator().manual_seed(0)
    p = at.tensor([0.0, 0.1, 0.5, 1.0])
    x = at.bernoulli(p.expand(N, 4), generator=g)
    assert x.dtype == at.float32
    for column, q in zip(x.numpy().T, p.tolist(), strict=True):
        assert abs(column.mean() - q) < 5 * math.sqrt(q * (1 - q) / N) + 1e-12
    # 24 bits would make this 10 times too frequent.
    rare = at.zeros(10_000_000, dtype=at.bool).bernoulli_(6e-9, generator=g)
    assert rare.sum() <= 2
    assert at.zeros(2, 3).bernoulli_(at.tensor([[1.0], [0.0]])).tolist() == [[1, 1, 1], [0, 0, 0]]
    assert at.zeros(2, dtype=at.int64).bernoulli_(1.0).tolist() == [1, 1]


def test_multinomial_with_replacement() -> None:
    g = at.Generator().manual_seed(0)
    weights = at.tensor([[0.0, 1.0, 3.0, 0.0], [2.0, 0.0, 0.0, 2.0]])
    x = at.multinomial(weights, N, replacement=True, generator=g).numpy()
    assert x.shape == (2, N)
    for row, w in zip(x, weights.numpy(), strict=True):
        counts = np.bincount(row, minlength=4)
        p = w / w.sum()
        assert (np.abs(counts - N * p) <= 5 * np.sqrt(N * p)).all()


def test_multinomial_without_replacement_draws_one_after_the_other() -> None:
    g = at.Generator().manual_seed(0)
    w = [1.0, 2.0, 3.0, 0.0]
    rows = at.multinomial(at.tensor(w).expand(N, 4), 2, generator=g).tolist()
    counts = dict.fromkeys(itertools.permutations(range(4), 2), 0)
    for i, j in rows:
        counts[i, j] += 1
    for (i, j), count in counts.items():
        p = w[i] / 6 * w[j] / (6 - w[i])
        assert abs(count - N * p) <= 5 * math.sqrt(N * p)


@pytest.mark.parametrize("scale", [1e-300, 1e-310, 1.0, 1e300])
@pytest.mark.parametrize("replacement", [True, False])
def test_multinomial_of_tiny_and_huge_weights(scale: float, replacement: bool) -> None:
    g = at.Generator().manual_seed(0)
    w = at.tensor([scale, 0.0, scale], dtype=at.float64)
    x = at.multinomial(w.expand(1000, 3), 2, replacement, generator=g)
    counts = np.bincount(x.numpy()[:, 0], minlength=3)
    assert counts[1] == 0
    assert abs(counts[0] - 500) < 80


def test_multinomial_shapes_and_errors() -> None:
    assert at.multinomial(at.ones(3), 3).shape == (3,)
    assert at.multinomial(at.ones(2, 3), 2).shape == (2, 2)
    assert at.multinomial(at.ones(0, 3), 2).shape == (0, 2)
    assert at.multinomial(at.ones(0, 0), 2, True).shape == (0, 2)
    assert sorted(at.multinomial(at.ones(50, dtype=at.float16), 50).tolist()) == list(range(50))
    with pytest.raises(RuntimeError, match=r"2 samples of 1 nonzero weights"):
        at.multinomial(at.tensor([0.0, 1.0, 0.0]), 2)  # PyTorch returns a category of probability 0
    with pytest.raises(RuntimeError, match="4 > 3"):
        at.multinomial(at.ones(3), 4)


# --- in place -----------------------------------------------------------------------------------------------

FILLS: dict[str, Callable[[at.Tensor], at.Tensor]] = {
    "normal_": lambda t: t.normal_(5, 0),
    "uniform_": lambda t: t.uniform_(5, 5),
    "random_": lambda t: t.random_(5, 6),
    "bernoulli_": lambda t: t.bernoulli_(1.0),
    "geometric_": lambda t: t.geometric_(1 - 1e-16),
    "cauchy_": lambda t: t.cauchy_(5, 1e-300),
    "log_normal_": lambda t: t.log_normal_(0, 1e-300),
}


@pytest.mark.parametrize("name", FILLS)
class TestInPlace:
    def test_fills_any_layout_and_views_see_it(self, name: str) -> None:
        value = 1.0 if name in ("bernoulli_", "geometric_", "log_normal_") else 5.0
        base = at.zeros(4, 6)
        part = base[1::2, ::3].transpose(0, 1)
        assert FILLS[name](part) is part
        expected = np.zeros((4, 6))
        expected[1::2, ::3] = value
        np.testing.assert_array_equal(base.numpy(), expected)
        assert FILLS[name](at.zeros(())).item() == value
        assert FILLS[name](at.zeros(0, 3)).shape == (0, 3)

    def test_leaves_need_no_grad(self, name: str) -> None:
        x = at.zeros(3, requires_grad=True)
        with pytest.raises(RuntimeError, match="leaf"):
            FILLS[name](x)
        assert x.tolist() == [0, 0, 0]
        with at.no_grad():
            FILLS[name](x)
        assert x.tolist() != [0, 0, 0]
        assert x.is_leaf

    def test_the_gradient_of_what_was_there_is_zero(self, name: str) -> None:
        x = at.ones(3, requires_grad=True)
        y = x * 2
        FILLS[name](y)
        assert y.requires_grad
        (y * 3).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == [0, 0, 0]

    def test_backward_notices_that_a_needed_value_is_gone(self, name: str) -> None:
        x = at.ones(3, requires_grad=True)
        y = x * 2
        z = y * y
        FILLS[name](y)
        with pytest.raises(RuntimeError, match=rf"modified by an inplace operation(.|\n)*{name}"):
            z.sum().backward()

    def test_expanded_and_read_only_memory_is_refused(self, name: str) -> None:
        with pytest.raises(RuntimeError, match="single memory location"):
            FILLS[name](at.zeros(1, 3).expand(2, 3))
        a = np.zeros(3)
        a.flags.writeable = False
        with pytest.raises(RuntimeError, match="read-only"):
            FILLS[name](at.from_numpy(a))


def test_gradients_through_samples_are_zero() -> None:
    mean = at.zeros(2, 1, requires_grad=True)
    std = at.ones(3, requires_grad=True)
    p = at.full((3,), 0.5, requires_grad=True)
    y = (at.normal(mean, std) * mean + at.bernoulli(p) * p).sum()
    grads = at.autograd.grad(y, (mean, std, p), create_graph=True)
    assert [g.shape for g in grads] == [(2, 1), (3,), (3,)]
    assert grads[1].tolist() == [0, 0, 0]
    assert not at.multinomial(p, 1).requires_grad
    assert not at.rand_like(p).requires_grad


def test_integers_have_no_uniform_or_normal_samples() -> None:
    for call in (
        lambda: at.rand(2, dtype=at.int64),
        lambda: at.randn_like(at.arange(2)),
        lambda: at.arange(2).normal_(),
        lambda: at.arange(2).uniform_(),
        lambda: at.bernoulli(at.arange(2)),
    ):
        with pytest.raises(NotImplementedError, match=r"not implemented for autotape\.int64"):
            call()
    with pytest.warns(UserWarning, match="has not every integer"):
        at.randint(0, 2**25, (2,), dtype=at.float32)


# --- threads ------------------------------------------------------------------------------------------------


def _together(count: int, work: Callable[[int], None]) -> None:
    barrier = threading.Barrier(count)
    failures: list[BaseException] = []

    def run(i: int) -> None:
        try:
            barrier.wait()
            work(i)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_threads_share_one_generator_without_losing_or_repeating_a_number() -> None:
    g = at.Generator().manual_seed(0)
    drawn: list[list[tuple[float, ...]]] = [[] for _ in range(4)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        _together(
            4,
            lambda i: (
                [drawn[i].append(tuple(at.rand(100, generator=g).tolist())) for _ in range(200)] and None
            ),
        )
    finally:
        sys.setswitchinterval(interval)
    h = at.Generator().manual_seed(0)
    alone = sorted(tuple(at.rand(100, generator=h).tolist()) for _ in range(800))
    assert sorted(itertools.chain(*drawn)) == alone
    assert g.state == h.state


def test_the_first_draw_may_be_in_any_thread() -> None:
    for seed in range(50):
        g = at.Generator().manual_seed(seed)
        first: list[Any] = [None] * 4

        def draw(i: int, g: at.Generator = g, first: list[Any] = first) -> None:
            first[i] = at.rand((), dtype=at.float64, generator=g).item()

        _together(4, draw)
        assert len(set(first)) == 4


# --- distributions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [at.float16, at.float32, at.float64])
def test_distributions_have_their_moments(dtype: Any) -> None:
    g = at.Generator().manual_seed(0)

    def zeros() -> at.Tensor:
        return at.zeros(N, dtype=dtype)

    for sample, mean, variance in (
        (zeros().exponential_(2.0, generator=g).log(), math.log(0.5) - np.euler_gamma, math.pi**2 / 6),
        (zeros().geometric_(0.5, generator=g), 2, 2),
        (at.poisson(at.full((N,), 4.0, dtype=dtype), g), 4, 4),
        (at.binomial(at.full((N,), 20.0, dtype=dtype), at.full((N,), 0.25, dtype=dtype), g), 5, 3.75),
        (zeros().log_normal_(0.5, 0.25, generator=g).log(), 0.5, 0.0625),
        (zeros().cauchy_(3, 2, generator=g).sub(3).div(2).double().atan(), 0, math.pi**2 / 12),
    ):
        x = sample.double().numpy()
        tolerance = 5 * math.sqrt(variance / N) + (2e-3 if dtype == at.float16 else 0)
        assert abs(x.mean() - mean) < tolerance
        assert abs(x.var() / variance - 1) < 0.05


def test_samples_of_counts_are_counts() -> None:
    g = at.Generator().manual_seed(0)
    for x in (
        at.poisson(at.tensor([0.0, 0.5, 3.0]).expand(100, 3), g),
        at.binomial(at.tensor([0.0, 1.0, 7.0]).expand(100, 3), at.tensor(0.5), g),
        at.zeros(100, dtype=at.int32).geometric_(0.3, generator=g),
    ):
        assert bool((x == x.floor()).all()) if x.is_floating_point() else x.dtype == at.int32
        assert bool((x >= 0).all())
    assert at.poisson(at.zeros(3)).tolist() == [0, 0, 0]
    p = at.tensor([-1.0, 0.0, 1.0, 2.0, math.nan])
    assert at.binomial(at.full((5,), 7.0), p).tolist()[:4] == [0, 0, 7, 7]
    assert at.binomial(at.full((5,), 7.0), p)[4].isnan()
    assert at.binomial(at.ones(2, 1), at.ones(3)).shape == (2, 3)
    assert bool((at.zeros(1000, dtype=at.float16).exponential_(1e6) > 0).all())


def test_gradients_through_counts_are_zero() -> None:
    rate = at.ones(3, requires_grad=True)
    p = at.full((3,), 0.5, requires_grad=True)
    (at.poisson(rate) + at.binomial(rate, p)).sum().backward()
    assert rate.grad is not None
    assert p.grad is not None
    assert rate.grad.tolist() == p.grad.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: at.poisson(at.tensor([-1.0])), RuntimeError, "invalid Poisson rate"),
        (lambda: at.poisson(at.tensor([math.nan])), RuntimeError, "invalid Poisson rate"),
        (lambda: at.poisson(at.tensor([1])), NotImplementedError, "Poisson"),
        (
            lambda: at.binomial(at.tensor([1]), at.tensor([0.5])),
            ValueError,
            "floating-point dtypes for count",
        ),
        (lambda: at.binomial(at.ones(1), at.ones(1, dtype=at.float64)), RuntimeError, "Found dtype"),
        (lambda: at.binomial(at.ones(2), at.ones(3)), RuntimeError, "size of tensor"),
        (lambda: at.zeros(1).exponential_(0), RuntimeError, "expects lambda > 0.0"),
        (lambda: at.zeros(1, dtype=at.int64).exponential_(), RuntimeError, "dtype must be a floating point"),
        (lambda: at.zeros(1).geometric_(1), RuntimeError, r"p to be in \(0, 1\)"),
        (lambda: at.zeros(1, dtype=at.bool).geometric_(0.5), NotImplementedError, "geometric"),
        (lambda: at.zeros(1).cauchy_(0, -1), RuntimeError, "sigma > 0.0"),
        (lambda: at.zeros(1, dtype=at.complex64).cauchy_(), RuntimeError, "dtype must be a floating point"),
        (lambda: at.zeros(1).log_normal_(0, 0), RuntimeError, "std > 0.0"),
        (lambda: at.zeros(1, dtype=at.int64).log_normal_(), NotImplementedError, "log-normal"),
        (lambda: at.multinomial(at.ones(3), 1, out=at.empty(1)), RuntimeError, "int64 tensor as out"),
    ],
)
def test_distributions_refuse_bad_parameters(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_fork_rng_leaves_the_global_generator_as_it_was() -> None:
    at.manual_seed(0)
    wanted = at.rand(3)
    at.manual_seed(0)
    with at.random.fork_rng():
        assert at.equal(at.rand(3), wanted)
        at.manual_seed(5)
    assert at.equal(at.rand(3), wanted)
    at.manual_seed(0)
    with pytest.raises(RuntimeError, match="non-negative"), at.random.fork_rng(devices=[]):
        at.rand(at.rand(3).shape[0] - 4)
    assert at.equal(at.rand(3), wanted)
    at.manual_seed(0)
    with at.random.fork_rng(enabled=False):
        at.rand(3)
    assert not at.equal(at.rand(3), wanted)


def test_a_generator_says_what_it_is_and_can_be_cloned() -> None:
    g = at.Generator().manual_seed(3)
    assert repr(g) == "<autotape.Generator device='cpu' initial_seed=3>"
    at.rand(5, generator=g)
    clone = g.clone_state()
    assert clone.initial_seed() == 3
    assert at.equal(at.rand(5, generator=g), at.rand(5, generator=clone))


def test_out_of_random_functions() -> None:
    g = at.Generator().manual_seed(0)
    for make in (
        lambda out: at.rand(3, generator=g, out=out),
        lambda out: at.randn(3, generator=g, out=out),
        lambda out: at.normal(0.0, 1.0, (3,), generator=g, out=out),
        lambda out: at.normal(at.zeros(3), 1.0, generator=g, out=out),
        lambda out: at.bernoulli(at.full((3,), 0.5), generator=g, out=out),
    ):
        out = at.empty(3, dtype=at.float64)
        assert make(out) is out
        assert out.dtype == at.float64
    out = at.empty(0, dtype=at.int64)
    assert at.multinomial(at.ones(2, 3), 2, out=out) is out
    assert out.shape == (2, 2)
