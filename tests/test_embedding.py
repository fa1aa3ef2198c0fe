"""Bags of embedded rows, and the sums of rows behind the gradients of tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from autotape.engine.tape import quietly
from autotape.ops._accumulate import sum_rows
from tests.oracle import check, normal

Array = np.ndarray[Any, Any]

TABLE = normal(5, 3)
INDEX = np.array([0, 4, 4, 1, 3, 0, 2])
OFFSETS = np.array([0, 3, 3, 4])  # bags of 3, 0, 1 and 3 rows
REDUCE: dict[str, Callable[[Array], Any]] = {
    "sum": lambda rows: rows.sum(0),
    "mean": lambda rows: rows.mean(0) if len(rows) else np.zeros(3),
    "max": lambda rows: rows.max(0) if len(rows) else np.zeros(3),
}


def by_hand(mode: str, table: Array, index: Array, offsets: Array, factors: Any = None) -> Array:
    rows = table[index] if factors is None else table[index] * factors[:, None]
    return np.array([REDUCE[mode](bag) for bag in np.split(rows, offsets[1:])])


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_bags(mode: str) -> None:
    index, offsets = at.tensor(INDEX), at.tensor(OFFSETS)
    found = F.embedding_bag(index, at.tensor(TABLE), offsets, mode=mode)
    np.testing.assert_allclose(found.numpy(), by_hand(mode, TABLE, INDEX, OFFSETS), rtol=1e-14)
    with_end = at.tensor([*OFFSETS, len(INDEX)])
    again = F.embedding_bag(index, at.tensor(TABLE), with_end, mode=mode, include_last_offset=True)
    assert at.equal(found, again)
    check(lambda w: F.embedding_bag(index, w, offsets, mode=mode), TABLE)
    check(lambda w: F.embedding_bag(index, w, offsets, mode=mode).exp(), TABLE)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("shape", [(2, 3), (1, 1), (4, 0), (0, 3)])
def test_bags_of_one_length(mode: str, shape: tuple[int, int]) -> None:
    index = np.random.default_rng(0).integers(0, 5, shape)
    rows = TABLE[index]
    expected: dict[str, Array] = {"sum": rows.sum(1), "mean": rows.sum(1) / max(shape[1], 1)}
    expected["max"] = rows.max(1) if rows.size else np.zeros((shape[0], 3))
    y = F.embedding_bag(at.tensor(index), at.tensor(TABLE), mode=mode)
    np.testing.assert_allclose(y.numpy(), expected[mode], rtol=1e-14)
    if rows.size:
        check(lambda w: F.embedding_bag(at.tensor(index), w, mode=mode), TABLE)


def test_factors_of_the_rows() -> None:
    index, offsets, factors = at.tensor(INDEX), at.tensor(OFFSETS), normal(7, seed=1)

    def bag(w: Any, f: Any, **options: Any) -> Any:
        return F.embedding_bag(index, w, offsets, mode="sum", per_sample_weights=f, **options)

    np.testing.assert_allclose(
        bag(at.tensor(TABLE), at.tensor(factors)).numpy(),
        by_hand("sum", TABLE, INDEX, OFFSETS, factors),
        rtol=1e-14,
    )
    check(bag, TABLE, factors)
    check(lambda w, f: bag(w, f, padding_idx=4), TABLE, factors)
    square = at.tensor(INDEX[:6].reshape(2, 3))
    check(
        lambda w, f: F.embedding_bag(square, w, mode="sum", per_sample_weights=f), TABLE, normal(2, 3, seed=2)
    )


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_padding_does_not_count(mode: str) -> None:
    bags = [[0], [], [1], [3, 0, 2]]  # without row 4
    kept, starts = np.array([0, 1, 3, 0, 2]), np.array([0, 1, 1, 2])
    w = at.tensor(TABLE, requires_grad=True)
    y = F.embedding_bag(at.tensor(INDEX), w, at.tensor(OFFSETS), mode=mode, padding_idx=-1)
    np.testing.assert_allclose(y.detach().numpy(), by_hand(mode, TABLE, kept, starts), rtol=1e-14)
    y.sum().backward()
    assert len(bags) == len(y)
    assert not w.grad[4].any()  # type: ignore[index]


def test_gradient_by_frequency_and_of_equal_maxima() -> None:
    w = at.tensor(TABLE, requires_grad=True)
    F.embedding_bag(
        at.tensor(INDEX), w, at.tensor(OFFSETS), mode="sum", scale_grad_by_freq=True
    ).sum().backward()
    assert w.grad.tolist() == [[1.0] * 3] * 5  # type: ignore[union-attr]
    same = at.ones(3, 2, requires_grad=True)
    F.embedding_bag(at.tensor([[2, 0, 1]]), same, mode="max").sum().backward()
    assert same.grad.tolist() == [[0, 0], [0, 0], [1, 1]]  # type: ignore[union-attr]


def test_bags_in_vmap() -> None:
    tables, index = at.tensor(normal(2, 5, 3)), at.tensor(INDEX[:6].reshape(2, 3))

    def bag(w: Any) -> Any:
        return F.embedding_bag(index, w)

    for function in (bag, at.func.jacrev(bag)):
        both = at.func.vmap(function)(tables)
        for i in range(2):
            np.testing.assert_allclose(both[i].numpy(), function(tables[i]).numpy(), rtol=1e-14)


def test_max_norm_changes_the_named_rows() -> None:
    w = at.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]])
    y = F.embedding_bag(at.tensor([[0, 1]]), w, mode="sum", max_norm=1.0)
    np.testing.assert_allclose(w.numpy(), [[0.6, 0.8], [0.3, 0.4], [6.0, 8.0]], rtol=1e-6)
    np.testing.assert_allclose(y.numpy(), [[0.9, 1.2]], rtol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([0, 1],), {}, ValueError, "offsets has to be a 1D Tensor"),
        (([[0, 1]],), {"offsets": [0]}, ValueError, "if input is 2D"),
        ((1,), {}, ValueError, "1D or 2D"),
        (([0, 1],), {"offsets": [[0]]}, ValueError, "1D"),
        (([0, 1],), {"offsets": [1]}, RuntimeError, r"offsets\[0\] has to be 0"),
        (([0, 1],), {"offsets": [0, 3]}, RuntimeError, "can not be greater than input's length 2"),
        (([0, 1],), {"offsets": [0, 2, 1]}, RuntimeError, "must not decrease"),
        (([0, 1],), {"offsets": [0.0]}, RuntimeError, "offsets must be integers"),
        (([0, 5],), {"offsets": [0]}, RuntimeError, r"index 5 of input is not in the valid range \[0, 5\)"),
        (([0, -1],), {"offsets": [0]}, RuntimeError, "index -1"),
        (([[0, 1]],), {"mode": "median"}, ValueError, "one of sum, mean or max"),
        (([[0, 1]],), {"mode": "max", "sparse": True}, ValueError, "sparse"),
        (([[0, 1]],), {"mode": "max", "scale_grad_by_freq": True}, ValueError, "frequency"),
        (
            ([[0, 1]],),
            {"per_sample_weights": [[1.0, 2.0]]},
            NotImplementedError,
            "only supported for mode='sum'",
        ),
        (([[0, 1]],), {"mode": "sum", "per_sample_weights": [1.0]}, ValueError, "same shape as the input"),
        (([[0, 1]],), {"padding_idx": 5}, RuntimeError, "padding_idx must be within"),
    ],
)
def test_errors(arguments: Any, options: dict[str, Any], error: type[Exception], message: str) -> None:
    given: Any = {k: at.tensor(v) if isinstance(v, list) else v for k, v in options.items()}
    with pytest.raises(error, match=message):
        F.embedding_bag(at.tensor(*arguments), at.tensor(TABLE), **given)


def test_table_that_is_no_table() -> None:
    with pytest.raises(ValueError, match="weight has to be a 2D"):
        F.embedding_bag(at.tensor([[0]]), at.ones(3))
    with pytest.raises(RuntimeError, match="weight must be floating"):
        F.embedding_bag(at.tensor([[0]]), at.ones(3, 2, dtype=at.int64))
    with pytest.warns(UserWarning, match="Argument order"):
        assert F.embedding_bag(at.ones(3, 2), at.tensor([[0]])).tolist() == [[1, 1]]


def test_module() -> None:
    bag = nn.EmbeddingBag(6, 3, padding_idx=-2, mode="sum", max_norm=2.0)
    assert repr(bag) == "EmbeddingBag(6, 3, max_norm=2.0, mode='sum', padding_idx=4)"
    assert not bag.weight[4].any()
    assert list(bag.state_dict()) == ["weight"]
    table = at.tensor(TABLE)
    bag = nn.EmbeddingBag.from_pretrained(table)
    assert not bag.weight.requires_grad
    assert bag(at.tensor([[0, 1]])).tolist() == [TABLE[:2].mean(0).tolist()]
    for options in ({"padding_idx": 3}, {"_weight": at.ones(2, 2)}):
        with pytest.raises(AssertionError):
            nn.EmbeddingBag(3, 2, **options)


# --- sums of rows -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex64, np.int64, np.bool_])
@pytest.mark.parametrize(
    ("count", "width", "number"),
    [
        (1, 1, 1),
        (5, 3, 0),
        (3, 0, 4),
        (4, 1, 9),
        (10, 8, 300),
        (300, 4, 100),
        (200, 7, 5000),
        (3000, 64, 256),
    ],
)
def test_sum_rows(count: int, width: int, number: int, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    rows, values = rng.integers(0, count, number), rng.integers(0, 2, (number, width)).astype(dtype)
    expected = np.zeros((count, width), dtype)
    np.add.at(expected, rows, values)
    before = values.copy()
    for given in (values, np.asfortranarray(values)):
        found = sum_rows(rows, given, count)
        assert found.dtype == expected.dtype
        assert found.flags.writeable
        np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("count", [4, 400])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_sum_rows_leaves_a_nan_in_its_row(count: int, bad: float) -> None:
    values = np.ones((6, 3), np.float32)
    values[2, 1] = bad
    found = quietly(sum_rows, np.array([0, 1, 2, 2, 3, 3]), values, count)
    assert np.isfinite(found).sum() == found.size - 1
    np.testing.assert_array_equal(found[2], [2, bad, 2])
