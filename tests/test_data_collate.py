"""From items to batches: structure, dtypes, errors."""

from __future__ import annotations

from collections import OrderedDict, UserList, defaultdict, deque, namedtuple
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.utils.data import DataLoader, default_collate, default_convert
from autotape.utils.data._utils.collate import collate, collate_tensor_fn, default_collate_fn_map

Point = namedtuple("Point", "x y")


def plain(batch: Any) -> Any:
    """The batch with (dtype, values) for its tensors."""
    if isinstance(batch, at.Tensor):
        return str(batch.dtype).removeprefix("autotape."), batch.tolist()
    if isinstance(batch, dict):
        return {key: plain(value) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*map(plain, batch))
    if isinstance(batch, list):
        return [plain(value) for value in batch]
    return batch


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        ([1, 2], ("int64", [1, 2])),
        ([True, False], ("bool", [True, False])),
        ([0.5, 1], ("float64", [0.5, 1.0])),
        ([1, 0.5], ("float32", [1.0, 0.5])),
        ([np.float32(1), np.float32(2)], ("float32", [1.0, 2.0])),
        ([np.float64(1)], ("float64", [1.0])),
        ([np.int16(1), np.int16(2)], ("int16", [1, 2])),
        ([np.bool_(True)], ("bool", [True])),
        ([np.arange(2, dtype=np.int8), np.ones(2, np.int8)], ("int8", [[0, 1], [1, 1]])),
        ([np.arange(3)[::-1], np.arange(3)], ("int64", [[2, 1, 0], [0, 1, 2]])),
        ([np.array(1.5)], ("float64", [1.5])),
        ([at.tensor(1), at.tensor(2)], ("int64", [1, 2])),
        ([at.zeros(0), at.zeros(0)], ("float32", [[], []])),
        ([at.ones(2), at.ones(2, dtype=at.float64)], ("float64", [[1.0, 1.0], [1.0, 1.0]])),
        (["a", "b"], ["a", "b"]),
        ([b"a", b"b"], [b"a", b"b"]),
        ([(1, "a"), (2, "b")], [("int64", [1, 2]), ("a", "b")]),
        ([[1, 0.5], [2, 1.5]], [("int64", [1, 2]), ("float64", [0.5, 1.5])]),
        ([Point(1, [2]), Point(3, [4])], Point(("int64", [1, 3]), [("int64", [2, 4])])),
        (
            [{"a": 1, "b": {"c": "x"}}, {"b": {"c": "y"}, "a": 2}],
            {"a": ("int64", [1, 2]), "b": {"c": ["x", "y"]}},
        ),
        ([(), ()], []),
        ([{}, {}], {}),
        ([range(2), range(2, 4)], [("int64", [0, 2]), ("int64", [1, 3])]),
        (((1, 2), (3, 4)), [("int64", [1, 3]), ("int64", [2, 4])]),
    ],
)
def test_default_collate(batch: Any, expected: Any) -> None:
    result = default_collate(batch)
    assert plain(result) == expected
    if isinstance(batch[0], tuple) and not hasattr(batch[0], "_fields"):
        assert type(result) is list


def test_containers_keep_their_type() -> None:
    ordered = default_collate([OrderedDict(b=1, a=2)] * 2)
    assert type(ordered) is OrderedDict
    assert list(ordered) == ["b", "a"]
    defaults = default_collate([defaultdict(list, a=1)] * 2)
    assert type(defaults) is defaultdict
    assert defaults["new"] == []
    assert type(default_collate([UserList([1])] * 2)) is UserList
    assert type(default_collate([deque([1, 2])] * 2)) is deque
    assert type(default_collate([MappingProxyType({"a": 1})] * 2)) is MappingProxyType
    original = {"a": 1}
    default_collate([original, original])
    assert original == {"a": 1}


def test_a_batch_is_a_copy() -> None:
    x = at.zeros(2)
    batch = default_collate([x])
    x.fill_(1)
    assert batch.tolist() == [[0, 0]]


def test_a_batch_stays_on_the_tape() -> None:
    x = at.ones(2, requires_grad=True)
    default_collate([x, 2 * x]).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3, 3]


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        ([None, None], TypeError, "must contain tensors.*found <class 'NoneType'>"),
        ([object()], TypeError, "found <class 'object'>"),
        ([{"a": None}], TypeError, "NoneType"),
        ([{1, 2}], TypeError, "set"),
        ([np.array(["a"])], TypeError, "found an array of dtype <U1"),
        ([np.array([None])], TypeError, "dtype object"),
        ([at.zeros(3), at.zeros(3), at.zeros(4)], RuntimeError, r"\[3\] at entry 0 and \[4\] at entry 2"),
        ([np.zeros(3), np.zeros((3, 1))], RuntimeError, r"\[3\] at entry 0 and \[3, 1\] at entry 1"),
        ([[1, 2], [3, 4], [5]], RuntimeError, "equal size, but got 2 at entry 0 and 1 at entry 2"),
        ([{"a": 1}, {"a": 2}, {"b": 3}], KeyError, "entry 2 of the batch has no key 'a'"),
        ([1, "a"], TypeError, "str"),
        ([], IndexError, "empty"),
    ],
)
def test_errors(batch: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        default_collate(batch)


def test_the_map_of_types_can_be_extended(monkeypatch: pytest.MonkeyPatch) -> None:
    def sums(batch: Any, *, collate_fn_map: Any) -> Any:
        return sum(batch)

    def padded(batch: Any, *, collate_fn_map: Any) -> Any:
        return at.nn.utils.rnn.pad_sequence(batch)

    assert collate([(1, 2), (3, 4)], collate_fn_map={int: sums}) == [4, 6]
    with pytest.raises(TypeError):
        collate([1, 2])
    monkeypatch.setitem(default_collate_fn_map, set, lambda batch, **_: set.union(*batch))
    assert default_collate([{1}, {2}]) == {1, 2}
    monkeypatch.setitem(default_collate_fn_map, at.Tensor, padded)
    assert default_collate([at.ones(1), at.ones(2)]).tolist() == [[1, 1], [0, 1]]
    whole = at.utils.data.TensorDataset(at.ones(3, 2))  # the fast way of tensors must see it too
    (batch,) = next(iter(DataLoader(whole, batch_size=3)))
    assert batch.shape == (2, 3)
    monkeypatch.setitem(default_collate_fn_map, at.Tensor, collate_tensor_fn)


# --- default_convert ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (np.arange(2), ("int64", [0, 1])),
        (np.float32(1.5), ("float32", 1.5)),
        (3, 3),
        ("a", "a"),
        (None, None),
        ([np.arange(1), "a", 2], [("int64", [0]), "a", 2]),
        ((np.arange(1), 2), [("int64", [0]), 2]),
        (Point(np.arange(1), 2), Point(("int64", [0]), 2)),
        ({"a": np.arange(1), "b": [1]}, {"a": ("int64", [0]), "b": [1]}),
    ],
)
def test_default_convert(data: Any, expected: Any) -> None:
    assert plain(default_convert(data)) == expected


def test_default_convert_leaves_alone_what_can_be_no_tensor() -> None:
    words, text = np.array(["a"]), np.str_("a")
    assert default_convert(words) is words
    assert default_convert(text) is text
    x = at.ones(2)
    assert default_convert(x) is x
    source = np.zeros(2)
    default_convert(source).add_(1)
    assert source.tolist() == [1, 1]  # memory is shared, as by as_tensor
