"""Datasets, samplers and loaders beside torch.utils.data: structures, dtypes, lengths, order, errors."""

from __future__ import annotations

from collections import OrderedDict, UserList, defaultdict, deque, namedtuple
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import autotape

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)
Point = namedtuple("Point", "x y")
SIDES = [autotape, torch]


def described(value: Any) -> Any:
    """A batch without the library it came from."""
    if isinstance(value, autotape.Tensor | torch.Tensor):
        dtype = str(value.dtype).split(".")[-1]
        strides = tuple(value.stride()) if value.numel() else ()
        return "tensor", dtype, tuple(value.shape), strides, value.tolist()
    if isinstance(value, dict):
        return type(value), [(key, described(item)) for key, item in value.items()]
    if isinstance(value, list | tuple | deque | UserList):
        return type(value), [described(item) for item in value]
    return type(value), str(value)


def outcome(run: Callable[[], Any]) -> Any:
    """What a call returns, or the type of its error."""
    try:
        return described(run())
    except Exception as error:
        return type(error)


def both(run: Callable[[Any, Any], Any]) -> list[Any]:
    return [outcome(lambda lib=lib: run(lib, lib.utils.data)) for lib in SIDES]  # type: ignore[misc]


BATCHES: dict[str, Callable[[Any], Any]] = {
    "integers": lambda lib: [1, 2, 3],
    "bools": lambda lib: [True, False],
    "floats": lambda lib: [1.5, 2],
    "integer first": lambda lib: [1, 2.5],
    "NumPy scalars": lambda lib: [np.float32(1), np.float32(2)],
    "NumPy float64": lambda lib: [np.float64(1)],
    "NumPy int8": lambda lib: [np.int8(1), np.int8(2)],
    "NumPy bool": lambda lib: [np.bool_(True)],
    "NumPy arrays": lambda lib: [np.arange(3, dtype=np.int16), np.ones(3, np.int16)],
    "NumPy 0-d": lambda lib: [np.array(1.5), np.array(2.5)],
    "NumPy empty": lambda lib: [np.zeros((0, 2))] * 2,
    "NumPy text": lambda lib: [np.array(["a"])],
    "NumPy objects": lambda lib: [np.array([None])],
    "NumPy text scalar": lambda lib: [np.str_("a")],
    "tensors": lambda lib: [lib.zeros(2, 3), lib.ones(2, 3)],
    "tensors of two dtypes": lambda lib: [lib.zeros(2), lib.ones(2, dtype=lib.float64)],
    "transposed tensors": lambda lib: [lib.arange(6).reshape(2, 3).T] * 2,
    "0-d tensors": lambda lib: [lib.tensor(1), lib.tensor(2)],
    "tensors of two sizes": lambda lib: [lib.zeros(2), lib.zeros(3)],
    "strings": lambda lib: ["a", "b"],
    "bytes": lambda lib: [b"a", b"b"],
    "tuples": lambda lib: [(1, "a", 0.5), (2, "b", 1.5)],
    "lists": lambda lib: [[1, [2]], [3, [4]]],
    "lists of two lengths": lambda lib: [[1, 2], [3]],
    "a tuple of tuples": lambda lib: ((1, 2), (3, 4)),
    "named tuples": lambda lib: [Point(1, [2]), Point(3, [4])],
    "dicts": lambda lib: [{"a": 1, "b": {"c": "x"}}, {"b": {"c": "y"}, "a": 2}],
    "dicts with other keys": lambda lib: [{"a": 1}, {"b": 1}],
    "ordered dicts": lambda lib: [OrderedDict(b=1, a=2)] * 2,
    "default dicts": lambda lib: [defaultdict(list, a=1)] * 2,
    "deques": lambda lib: [deque([1, 2])] * 2,
    "user lists": lambda lib: [UserList([1, 2])] * 2,
    "ranges": lambda lib: [range(2), range(2, 4)],
    "empty tuples": lambda lib: [(), ()],
    "sets": lambda lib: [{1}, {2}],
    "None": lambda lib: [None],
    "complex": lambda lib: [1j],
    "mixed": lambda lib: [1, "a"],
    "nothing": lambda lib: [],
}


@pytest.mark.parametrize("name", BATCHES)
def test_default_collate(name: str) -> None:
    ours, theirs = both(lambda lib, data: data.default_collate(BATCHES[name](lib)))
    assert ours == theirs


@pytest.mark.parametrize("name", [n for n in BATCHES if n != "transposed tensors"])
def test_default_convert(name: str) -> None:
    ours, theirs = both(lambda lib, data: data.default_convert(BATCHES[name](lib)))
    assert ours == theirs


# --- loaders ------------------------------------------------------------------------------------------------


def datasets(lib: Any, data: Any) -> SimpleNamespace:
    class Items(data.Dataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 10

        def __getitem__(self, i: int) -> Any:
            if not 0 <= i < 10:
                raise IndexError(i)
            return {"x": lib.full((2,), i), "name": f"item {i}", "pair": (i, i / 2)}

    class Count(data.IterableDataset):  # type: ignore[misc]
        def __iter__(self) -> Iterator[int]:
            info = data.get_worker_info()
            return iter(range(7)) if info is None else iter(range(info.id, 7, info.num_workers))

        def __len__(self) -> int:
            return 7

    tensors = data.TensorDataset(lib.arange(20).reshape(10, 2), lib.arange(10) * 0.5)
    return SimpleNamespace(
        items=Items(),
        count=Count(),
        tensors=tensors,
        subset=data.Subset(tensors, [7, 1, 1, 3]),
        stacked=data.StackDataset(Items(), tensors),
        named=data.StackDataset(items=Items(), tensors=tensors),
        joined=data.ConcatDataset([tensors, data.Subset(tensors, [0])]),
        chained=data.ChainDataset([Count(), Count()]),
        arrays=np.arange(30.0).reshape(10, 3),
        numbers=list(range(10)),
        empty=[],
    )


NAMES = [
    *["items", "count", "tensors", "subset", "stacked", "named", "joined", "chained"],
    *["arrays", "numbers", "empty"],
]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"batch_size": 4},
    {"batch_size": 4, "drop_last": True},
    {"batch_size": 5},
    {"batch_size": None},
    {"sampler": [3, 0, 2], "batch_size": 2},
    {"sampler": [3, 0, 11]},
    {"batch_sampler": [[3, 0], [1]]},
    {"batch_size": 3, "collate_fn": len},
    {"batch_size": 2, "num_workers": 2},
    {"batch_size": None, "num_workers": 2},
    {"batch_size": 0},
    {"batch_size": 2.0},
    {"batch_size": None, "drop_last": True},
    {"batch_sampler": [[1]], "batch_size": 2},
    {"batch_sampler": [[1]], "shuffle": True},
    {"sampler": [1], "shuffle": True},
    {"shuffle": True, "batch_size": 100, "collate_fn": len},
    {"num_workers": -1},
    {"timeout": -1},
    {"prefetch_factor": 2},
    {"prefetch_factor": -1, "num_workers": 1},
    {"persistent_workers": True},
    {"multiprocessing_context": "fork"},
    {"multiprocessing_context": "no", "num_workers": 1},
    {"multiprocessing_context": 3, "num_workers": 1},
]


@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")  # PyTorch's, on few cores
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_batches_length_and_errors(options: dict[str, Any]) -> None:
    workers = options.get("num_workers", 0) > 0
    for name in ("items", "chained") if workers else NAMES:

        def load(lib: Any, data: Any, name: str = name) -> Any:
            return list(data.DataLoader(getattr(datasets(lib, data), name), **options))

        def length(lib: Any, data: Any, name: str = name) -> Any:
            return len(data.DataLoader(getattr(datasets(lib, data), name), **options))

        ours, theirs = both(load)
        assert ours == theirs, name
        ours, theirs = both(length)
        assert ours == theirs, name


# --- samplers and splits ------------------------------------------------------------------------------------


SAME: dict[str, Callable[[Any, Any], Any]] = {
    "sequential": lambda lib, d: list(d.SequentialSampler("abc")),
    "batches": lambda lib, d: list(d.BatchSampler(range(7), 3, False)),
    "batches, last dropped": lambda lib, d: list(d.BatchSampler(range(7), 3, True)),
    "length of batches": lambda lib, d: len(d.BatchSampler(range(7), 3, False)),
    "one weight": lambda lib, d: list(d.WeightedRandomSampler([0, 1, 0], 3)),
    "length of weighted": lambda lib, d: len(d.WeightedRandomSampler([0.1, 1, 0], 3)),
    "weights of two dimensions": lambda lib, d: d.WeightedRandomSampler([[1.0]], 1),
    "no samples": lambda lib, d: d.WeightedRandomSampler([1.0], 0),
    "too many without replacement": lambda lib, d: list(d.WeightedRandomSampler([1.0, 1], 3, False)),
    "negative weights": lambda lib, d: list(d.WeightedRandomSampler([1.0, -1], 2)),
    "random": lambda lib, d: sorted(d.RandomSampler(range(9))),
    "random, more": lambda lib, d: sorted(d.RandomSampler(range(4), num_samples=8)),
    "random of nothing": lambda lib, d: d.RandomSampler([]),
    "random, no bool": lambda lib, d: d.RandomSampler([1], replacement=1),
    "random, no integer": lambda lib, d: d.RandomSampler([1], num_samples=1.0),
    "length of random": lambda lib, d: len(d.RandomSampler(range(4), True, 11)),
    "subset": lambda lib, d: sorted(d.SubsetRandomSampler([5, 3, 9])),
    "bad batch size": lambda lib, d: d.BatchSampler(range(3), True, False),
    "bad drop_last": lambda lib, d: d.BatchSampler(range(3), 1, 1),
    "replicas": lambda lib, d: [list(d.DistributedSampler(range(11), 4, r, False)) for r in range(4)],
    "replicas, dropped": lambda lib, d: [
        list(d.DistributedSampler(range(11), 4, r, False, drop_last=True)) for r in range(4)
    ],
    "few for many replicas": lambda lib, d: [
        list(d.DistributedSampler([0, 1], 5, r, False)) for r in range(5)
    ],
    "length of replicas": lambda lib, d: len(d.DistributedSampler(range(11), 4, 0)),
    "bad rank": lambda lib, d: d.DistributedSampler(range(11), 4, 4),
    "split": lambda lib, d: [len(part) for part in d.random_split(range(10), [3, 7])],
    "split by fractions": lambda lib, d: [len(p) for p in d.random_split(range(11), [0.3, 0.3, 0.4])],
    "split, wrong sum": lambda lib, d: d.random_split(range(10), [3, 6]),
    "split, float lengths": lambda lib, d: d.random_split(range(10), [2.5, 7.5]),
    "tensors of two lengths": lambda lib, d: d.TensorDataset(lib.zeros(2), lib.zeros(3)),
    "stack of two lengths": lambda lib, d: d.StackDataset([1], [1, 2]),
    "stack of nothing": lambda lib, d: d.StackDataset(),
    "stack both ways": lambda lib, d: d.StackDataset([1], a=[1]),
    "join of nothing": lambda lib, d: d.ConcatDataset([]),
    "join of a stream": lambda lib, d: d.ConcatDataset([d.IterableDataset()]),
    "chain of a list": lambda lib, d: list(d.ChainDataset([[1]])),
    "length of a chain of a list": lambda lib, d: len(d.ChainDataset([[1]])),
    "joined, negative": lambda lib, d: d.ConcatDataset(["ab", "c"])[-3],
    "joined, too negative": lambda lib, d: d.ConcatDataset(["ab", "c"])[-4],
    "joined, beyond": lambda lib, d: d.ConcatDataset(["ab", "c"])[3],
    "abstract item": lambda lib, d: d.Dataset()[0],
    "abstract sampler": lambda lib, d: list(d.Sampler()),
    "sum of data sets": lambda lib, d: len(d.TensorDataset(lib.ones(2)) + d.TensorDataset(lib.ones(3))),
    "setting what is fixed": lambda lib, d: setattr(d.DataLoader([1]), "batch_size", 2),
}


@pytest.mark.parametrize("name", SAME)
def test_samplers_splits_and_errors(name: str) -> None:
    ours, theirs = both(SAME[name])
    assert ours == theirs


def test_every_public_name_is_here_or_left_out() -> None:
    from autotape.left_out import LeftOut

    missing = [name for name in torch.utils.data.__all__ if name not in autotape.utils.data.__all__]
    for name in missing:
        if not name.startswith("_"):
            with pytest.raises(LeftOut):
                getattr(autotape.utils.data, name)
    assert "DataLoader" not in missing


def test_signatures_have_the_same_arguments_in_the_same_order() -> None:
    import inspect

    for name in autotape.utils.data.__all__:
        ours, theirs = (
            list(inspect.signature(getattr(lib.utils.data, name)).parameters.values()) for lib in SIDES
        )
        shared = [p.name for p in ours if p.name in {q.name for q in theirs}]
        assert shared == [q.name for q in theirs], name
        defaults = {p.name: p.default for p in ours}
        for parameter in theirs:
            if parameter.name != "generator":
                assert defaults[parameter.name] == parameter.default, (name, parameter.name)
