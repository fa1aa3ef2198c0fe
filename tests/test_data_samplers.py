"""Samplers: which indices, in which order, from which generator."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

import autotape as at
from autotape.utils.data import (
    BatchSampler,
    DistributedSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)


def seeded(seed: int) -> at.Generator:
    return at.Generator().manual_seed(seed)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_sequential(n: int) -> None:
    sampler = SequentialSampler(range(n))
    assert list(sampler) == list(range(n))
    assert len(sampler) == n


def test_base_class() -> None:
    assert isinstance(Sampler(range(3)), Sampler)  # scripts for older versions pass the data source
    with pytest.raises(NotImplementedError):
        iter(Sampler())


@pytest.mark.parametrize(
    "make",
    [
        lambda g: RandomSampler(range(40), generator=g),
        lambda g: RandomSampler(range(40), replacement=True, generator=g),
        lambda g: RandomSampler(range(5), num_samples=33, generator=g),
        lambda g: SubsetRandomSampler(list(range(100, 140)), generator=g),
        lambda g: WeightedRandomSampler([1.0] * 40, 30, generator=g),
        lambda g: WeightedRandomSampler([1.0] * 40, 30, replacement=False, generator=g),
    ],
)
def test_random_samplers_are_reproducible(make: Any) -> None:
    sampler = make(seeded(1))
    first, second = list(sampler), list(sampler)
    assert len(first) == len(sampler)
    assert set(map(type, first)) == {int}
    assert first != second  # each iteration goes on with the generator
    assert list(make(seeded(1))) == first
    at.manual_seed(5)
    by_default = list(make(None))
    at.manual_seed(5)
    assert list(make(None)) == by_default


def test_random_sampler_without_a_generator_draws_one_seed_per_iteration() -> None:
    at.manual_seed(5)
    numbers = iter(RandomSampler(range(30)))
    first = next(numbers)
    at.rand(100)  # what is drawn during the epoch does not change its order
    rest = list(numbers)
    at.manual_seed(5)
    assert list(RandomSampler(range(30))) == [first, *rest]


def test_random_sampler_gives_permutations() -> None:
    assert sorted(RandomSampler(range(100))) == list(range(100))
    several = list(RandomSampler(range(10), num_samples=25))
    assert sorted(several[:10]) == sorted(several[10:20]) == list(range(10))
    assert len(set(several[20:])) == 5
    few = list(RandomSampler(range(10), num_samples=3))
    assert len(set(few)) == 3
    large = 70_000  # more than are converted at once
    assert sorted(RandomSampler(range(large))) == list(range(large))


def test_random_sampler_with_replacement() -> None:
    drawn = Counter(RandomSampler(range(4), replacement=True, num_samples=4000, generator=seeded(0)))
    assert set(drawn) == set(range(4))
    assert all(abs(count - 1000) < 150 for count in drawn.values())
    length = 70_000
    assert len(list(RandomSampler(range(3), replacement=True, num_samples=length))) == length


def test_random_sampler_follows_a_data_source_that_grows() -> None:
    source = [0, 1]
    sampler = RandomSampler(source)
    source += [2, 3]
    assert sorted(sampler) == [0, 1, 2, 3]
    assert len(sampler) == 4


def test_weighted() -> None:
    drawn = Counter(WeightedRandomSampler([0.0, 1.0, 3.0], 4000, generator=seeded(0)))
    assert set(drawn) == {1, 2}
    assert abs(drawn[2] - 3000) < 150
    assert sorted(WeightedRandomSampler(at.tensor([1.0, 0.0, 2.0]), 2, replacement=False)) == [0, 2]
    with pytest.raises(RuntimeError):
        list(WeightedRandomSampler([1.0, -1.0], 2))


def test_batches() -> None:
    assert list(BatchSampler(range(7), 3, False)) == [[0, 1, 2], [3, 4, 5], [6]]
    assert list(BatchSampler(range(7), 3, True)) == [[0, 1, 2], [3, 4, 5]]
    assert [len(BatchSampler(range(n), 3, False)) for n in (0, 1, 3, 7)] == [0, 1, 1, 3]
    assert [len(BatchSampler(range(n), 3, True)) for n in (0, 1, 3, 7)] == [0, 0, 1, 2]
    assert list(BatchSampler(iter("abc"), 2, False)) == [["a", "b"], ["c"]]
    with pytest.raises(TypeError):
        len(BatchSampler(iter("abc"), 2, False))


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: RandomSampler(range(3), replacement=1), TypeError),  # type: ignore[arg-type]
        (lambda: RandomSampler(range(3), num_samples=0), ValueError),
        (lambda: RandomSampler(range(3), num_samples=2.0), ValueError),  # type: ignore[arg-type]
        (lambda: RandomSampler([]), ValueError),
        (lambda: WeightedRandomSampler([1.0], 0), ValueError),
        (lambda: WeightedRandomSampler([1.0], True), ValueError),
        (lambda: WeightedRandomSampler([1.0], 1, replacement=0), ValueError),  # type: ignore[arg-type]
        (lambda: WeightedRandomSampler(at.ones(2, 2), 1), ValueError),
        (lambda: BatchSampler(range(3), 0, False), ValueError),
        (lambda: BatchSampler(range(3), True, False), ValueError),
        (lambda: BatchSampler(range(3), 2, None), ValueError),  # type: ignore[arg-type]
        (lambda: DistributedSampler(range(3), 2, 2), ValueError),
        (lambda: DistributedSampler(range(3), 2, -1), ValueError),
    ],
)
def test_errors(make: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        make()


# --- distributed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize(("n", "replicas"), [(10, 2), (11, 3), (2, 5), (7, 1), (0, 2)])
def test_replicas_get_as_many_and_together_everything(
    n: int, replicas: int, shuffle: bool, drop_last: bool
) -> None:
    samplers = [
        DistributedSampler(range(n), replicas, rank, shuffle, drop_last=drop_last) for rank in range(replicas)
    ]
    parts = [list(sampler) for sampler in samplers]
    expected = n // replicas if drop_last else -(-n // replicas)
    assert [len(part) for part in parts] == [len(s) for s in samplers] == [expected] * replicas
    together = [i for part in parts for i in part]
    if drop_last:
        assert len(set(together)) == len(together)
    else:
        assert set(together) == set(range(n))


def test_an_epoch_has_an_order_of_its_own() -> None:
    sampler = DistributedSampler(range(50), num_replicas=2, rank=1)
    first = list(sampler)
    assert list(sampler) == first
    sampler.set_epoch(1)
    assert list(sampler) != first
    assert list(DistributedSampler(range(50), 2, 1, seed=1)) == list(sampler)


def test_the_default_is_one_replica() -> None:
    assert list(DistributedSampler(range(5), shuffle=False)) == [0, 1, 2, 3, 4]
