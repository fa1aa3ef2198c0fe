"""Padding and packing of sequences: values, derivatives, the ways back, errors."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.nn.utils.rnn import (
    PackedSequence,
    invert_permutation,
    pack_padded_sequence,
    pack_sequence,
    pad_packed_sequence,
    pad_sequence,
    unpack_sequence,
    unpad_sequence,
)
from tests import oracle

LENGTHS = {"sorted": [4, 2, 2, 1], "unsorted": [2, 4, 1, 2], "one": [3], "equal": [2, 2]}


def sequences(lengths: list[int], *rest: int) -> list[Any]:
    return [at.tensor(oracle.normal(n, *rest, seed=i)) for i, n in enumerate(lengths)]


# --- padding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("rest", [(), (2,), (2, 3)])
def test_pad_sequence(batch_first: bool, side: str, rest: tuple[int, ...]) -> None:
    given = sequences([2, 4, 0, 1], *rest)
    expected = np.full((4, 4, *rest), 7.0)
    for i, t in enumerate(given):
        expected[i, slice(0, len(t)) if side == "right" else slice(4 - len(t), 4)] = t.numpy()
    if not batch_first:
        expected = expected.swapaxes(0, 1)
    assert np.array_equal(pad_sequence(given, batch_first, 7.0, side).numpy(), expected)
    arrays = [t.numpy() for t in given]
    oracle.check(lambda *ts: pad_sequence(ts, batch_first, 7.0, side), *arrays)


def test_pad_sequence_takes_any_iterable_and_the_first_dtype() -> None:
    assert pad_sequence(at.ones(2, 3)).shape == (3, 2)
    assert pad_sequence(t for t in (at.ones(1), at.ones(2))).shape == (2, 2)
    mixed = pad_sequence([at.ones(1, dtype=at.int32), at.ones(2)], padding_value=1.5)
    assert mixed.dtype == at.int32
    assert mixed.tolist() == [[1, 1], [1, 1]]
    x = at.ones(2, requires_grad=True)
    pad_sequence([x, x * 2, x.double()]).sum().backward()
    assert x.grad.tolist() == [4.0, 4.0]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pad_sequence([]), RuntimeError, "empty list"),
        (lambda: pad_sequence(3), RuntimeError, "Expected iterable"),
        (lambda: pad_sequence([[1.0]]), TypeError, r"sequences\[0\].* must be a Tensor"),
        (lambda: pad_sequence([at.tensor(1.0)]), RuntimeError, r"\(length, \*\)"),
        (lambda: pad_sequence([at.ones(1, 2), at.ones(1, 3)]), RuntimeError, r"\[1, 2\], \[1, 3\]"),
        (lambda: pad_sequence([at.ones(1)], padding_side="top"), RuntimeError, "left or right, but got top"),
        (lambda: unpad_sequence(at.ones(2, 2), [1]), ValueError, "1 lengths for a batch of 2"),
    ],
)
def test_padding_refuses(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("batch_first", [False, True])
def test_unpad_sequence_is_the_way_back(batch_first: bool) -> None:
    given = sequences([2, 4, 0], 2)
    padded = pad_sequence(given, batch_first)
    found = unpad_sequence(padded, at.tensor([2, 4, 0]), batch_first)
    assert all(at.equal(a, b) for a, b in zip(found, given, strict=True))
    assert not np.shares_memory(found[1].numpy(), padded.numpy())
    oracle.check(lambda x: unpad_sequence(x, [2, 1]), oracle.normal(3, 2, 2))


# --- packing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("rest", [(), (2,)])
def test_pack_and_back(lengths: list[int], rest: tuple[int, ...], batch_first: bool) -> None:
    given = sequences(lengths, *rest)
    packed = pack_padded_sequence(
        pad_sequence(given, batch_first, -1), lengths, batch_first, enforce_sorted=False
    )
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    sizes = [sum(n > t for n in lengths) for t in range(max(lengths))]
    assert packed.batch_sizes.tolist() == sizes
    assert packed.sorted_indices.tolist() == order
    expected = [given[i][t].tolist() for t, n in enumerate(sizes) for i in order[:n]]
    assert packed.data.tolist() == expected
    padded, found = pad_packed_sequence(packed, batch_first, -1)
    assert found.tolist() == lengths
    assert at.equal(padded, pad_sequence(given, batch_first, -1))
    assert all(at.equal(a, b) for a, b in zip(unpack_sequence(packed), given, strict=True))
    longer, _ = pad_packed_sequence(packed, batch_first, 0.5, total_length=6)
    assert longer.shape[1 if batch_first else 0] == 6
    real = sum(t.numel() for t in given)
    expected_sum = sum(float(t.sum()) for t in given) + 0.5 * (longer.numel() - real)
    assert float(longer.sum()) == pytest.approx(expected_sum)


def test_derivatives_of_packing() -> None:
    def pack(x: Any) -> Any:
        return pack_padded_sequence(x, [1, 3, 2], enforce_sorted=False).data.sin()

    oracle.check(pack, oracle.normal(3, 3, 2))
    sizes = pack_sequence(sequences([3, 1])).batch_sizes

    def pad(data: Any) -> Any:
        return pad_packed_sequence(PackedSequence(data, sizes), padding_value=2, total_length=5)[0].sin()

    oracle.check(pad, oracle.normal(4, 2))
    x = at.randn(2, 3, 2)  # under vmap too
    assert at.equal(at.func.vmap(lambda t: pack_padded_sequence(t, [3, 1], True).data)(at.stack([x, -x]))[1],
                    -pack_padded_sequence(x, [3, 1], True).data)  # fmt: skip


def test_sorted_sequences_need_no_order() -> None:
    packed = pack_sequence(sequences([3, 3, 1]))
    assert packed.sorted_indices is None
    assert packed.unsorted_indices is None
    assert pack_padded_sequence(at.ones(2, 2, dtype=at.int64), at.tensor([2.0, 1.0])).data.dtype == at.int64
    assert pack_padded_sequence(at.ones(3, 2), (2, 1)).batch_sizes.tolist() == [2, 1]  # of three steps, two


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: pack_padded_sequence(at.ones(3, 2), [1, 2]),
            RuntimeError,
            "must be sorted in decreasing order",
        ),
        (lambda: pack_padded_sequence(at.ones(3, 2), [1, 0]), RuntimeError, "greater than 0"),
        (lambda: pack_padded_sequence(at.ones(3, 2), [4, 1]), RuntimeError, "has only 3 steps"),
        (lambda: pack_padded_sequence(at.ones(3, 2), [3]), RuntimeError, "got 1 .batch_size=2."),
        (lambda: pack_padded_sequence(at.ones(3, 2), [[3, 1]]), RuntimeError, "1D"),
        (lambda: pack_padded_sequence(at.ones(3, 0), []), RuntimeError, "Cannot pack empty tensors"),
        (lambda: pack_padded_sequence(at.ones(3), [3]), IndexError, "two dimensions"),
        (lambda: pack_padded_sequence([1.0], [1]), TypeError, "must be a Tensor"),
        (
            lambda: pad_packed_sequence(pack_sequence([at.ones(3)]), total_length=2),
            ValueError,
            "total_length=2",
        ),
        (lambda: pad_packed_sequence(at.ones(3)), AttributeError, "batch_sizes"),
        (lambda: PackedSequence(at.ones(3)), AssertionError, "length 2"),
        (lambda: pack_sequence([]), RuntimeError, "empty list"),
        (lambda: invert_permutation(at.ones(2)), RuntimeError, "integers"),
    ],
)
def test_packing_refuses(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_packed_sequence_is_a_tuple_with_conversions() -> None:
    packed = pack_sequence(sequences([1, 2]), enforce_sorted=False)
    data, sizes, order, back = packed
    assert (data is packed.data, sizes.tolist(), order.tolist(), back.tolist()) == (
        True,
        [2, 1],
        [1, 0],
        [1, 0],
    )
    assert packed.to(at.float64) is packed.cpu() is packed.double() is packed
    for name in ("float", "half", "long", "int", "short", "char", "byte"):
        converted = getattr(packed, name)()
        assert isinstance(converted, PackedSequence)
        assert converted.data.dtype == getattr(data, name)().dtype
        assert converted.sorted_indices is order
    assert not packed.is_cuda
    assert not packed.is_pinned()
    with pytest.raises(RuntimeError):
        packed.cuda()
    with pytest.raises(RuntimeError, match="copy"):
        packed.to(at.float32, copy=True)
    again = pickle.loads(pickle.dumps(packed))
    assert isinstance(again, PackedSequence)
    assert at.equal(again.data, data)
    assert PackedSequence((data, sizes)).sorted_indices is None


def test_invert_permutation() -> None:
    order = at.randperm(7)
    inverse = invert_permutation(order)
    assert inverse[order].tolist() == list(range(7))
    assert invert_permutation(None) is None
