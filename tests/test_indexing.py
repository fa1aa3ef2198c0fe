"""Indexing and assignment by index."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal

X = normal(3, 4, 5)
MASK = normal(3, 4, seed=5) > 0

# Indices that mean the same to NumPy and PyTorch.
INDICES = {
    "int": 1,
    "negative int": -1,
    "slice": slice(1, 3),
    "slice step": slice(None, None, 2),
    "slice clipped": slice(-10, 10),
    "slice empty": slice(2, 1),
    "none": None,
    "ellipsis": ...,
    "empty tuple": (),
    "tuple": (1, 2),
    "all ints": (1, 2, 3),
    "ellipsis between": (0, ..., 1),
    "ellipsis of nothing": (0, 1, ..., 2),
    "nones": (None, 0, None, slice(1, 2), None),
    "slices": (slice(0, 2), slice(1, None, 2), slice(None, -1)),
    "list": [2, 0],
    "list repeated": [1, 1, 0, 1],
    "list negative": [-1, 0, 2, -3],
    "list empty": [],
    "array": np.array([[0, 1], [2, 2]]),
    "array int8": np.array([0, 2], np.int8),
    "array 0-d": np.array(1),
    "numpy int": np.int64(2),
    "range": range(2),
    "second": (slice(None), [3, 0, 3]),
    "third": (..., np.array([4, 0, 0])),
    "third of part": (slice(1, 3), slice(None, None, 2), [0, 4]),
    "two": ([0, 1, 2], [3, 3, 0]),
    "two, increasing": (np.arange(3), [3, 3, 0]),
    "two repeated": ([0, 0], [1, 1]),
    "two broadcast": ([[0], [2]], [1, 2, 2]),
    "two apart": ([0, 1], slice(None), [2, 2]),
    "two apart, none": ([0, 1], None, [2, 2]),
    "two together": (slice(None), [0, 1, 1], [2, 2, 2]),
    "three": ([0, 1], [1, 1], [2, 2]),
    "none before": (None, [0, 1]),
    "none after": ([0, 1], None),
    "mask": X > 0,
    "mask of rows": np.array([True, False, True]),
    "mask of two": MASK,
    "mask then slice": (MASK, slice(1, 3)),
    "mask second": (slice(None), np.array([True, False, True, True])),
    "mask and ints": (np.array([True, False, True]), [1, 1]),
    "mask list": [True, False, True],
    "mask none true": np.zeros((3, 4), bool),
    "true": True,
    "false": False,
    "true last": (..., True),
    "numpy true": np.bool_(True),
}  # fmt: skip


def as_tensors(index):
    """The same index with tensors for its lists and arrays."""
    if isinstance(index, tuple):
        return tuple(as_tensors(i) for i in index)
    return at.tensor(index) if isinstance(index, (list, np.ndarray)) and np.size(index) else index


@pytest.mark.parametrize("name", INDICES)
def test_getitem(name):
    index = INDICES[name]
    for x in (X, np.asfortranarray(X), np.flip(np.flip(X).copy())):
        for i in (index, as_tensors(index)):
            got = at.from_numpy(x)[i]
            np.testing.assert_array_equal(got.numpy(), np.asarray(x[index]), strict=True)
    items = index if isinstance(index, tuple) else (index,)
    basic = all(i is None or type(i) in (int, slice, type(...), np.int64) for i in items)
    t = at.from_numpy(X)
    if t[index].numel():
        assert np.shares_memory(t[index], t) == (basic or name == "array 0-d")


@pytest.mark.parametrize("name", INDICES)
def test_getitem_derivatives(name):
    check(lambda t: t[INDICES[name]], X)
    check(lambda t: t[as_tensors(INDICES[name])], np.asfortranarray(X))


@pytest.mark.parametrize("name", INDICES)
def test_setitem(name):
    index = INDICES[name]
    region = X[index]
    for value in (
        7.5,
        normal(*region.shape, seed=1),
        np.ones((1, 1, 1, *region.shape)),
        normal(*region.shape[-1:]),
    ):
        want = X.copy()
        try:
            want[index] = value
        except (ValueError, TypeError):
            continue
        for i in (index, as_tensors(index)):
            for v in (value, at.tensor(value)):
                got = at.tensor(X)
                version = got._version
                got[i] = v
                np.testing.assert_array_equal(got.numpy(), want)
                assert got._version == version + 1


@pytest.mark.parametrize("name", INDICES)
def test_setitem_derivatives(name):
    index = INDICES[name]

    def assigned(t, value):
        y = t * 2
        y[index] = value
        return y

    shape = X[index].shape
    check(assigned, X, normal(*shape, seed=1))
    check(assigned, X, normal(*shape[1:], seed=1))
    check(assigned, X, normal(1, 1, *shape, seed=1))
    check(lambda t: assigned(t, 3.0), X)
    check(lambda v: assigned(at.tensor(X), v), normal(seed=2))


def test_ints_are_taken_before_index_arrays_as_in_pytorch():
    t = at.from_numpy(X)
    assert t[0, :, [0, 1]].shape == (4, 2)  # NumPy: (2, 4)
    np.testing.assert_array_equal(t[0, :, [0, 1]].numpy(), X[0][:, [0, 1]])
    np.testing.assert_array_equal(t[[0, 1], 2, :, None].numpy(), X[[0, 1], 2][:, :, None])
    np.testing.assert_array_equal(t[[0, 0], :, 2].numpy(), X[[0, 0], :, 2])
    check(lambda t: t[1, :, [0, 1, 1]], X)

    def assigned(t, v):
        y = t * 1
        y[1, :, [0, 1, 1]] = v
        return y

    check(assigned, X, normal(4, 3))


@st.composite
def indices(draw):
    """A random index of an array of a random shape, in which no int stands beside an array."""
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    items = []
    dims = list(shape)
    while dims and len(items) < 5:
        n = dims[0]
        kind = draw(st.sampled_from(["slice", "array", "mask", "none", "all", "stop"]))
        if kind == "stop":
            break
        if kind != "none":
            dims.pop(0)
        if kind == "slice":
            start, stop = draw(st.integers(-n - 1, n + 1)), draw(st.integers(-n - 1, n + 1))
            items.append(slice(start, stop, draw(st.sampled_from([None, 1, 2, 3]))))
        elif kind == "array":
            sides = draw(st.sampled_from([(2,), (1,), (2, 1), (3, 2)]))
            items.append(draw(hnp.arrays(np.int64, sides, elements=st.integers(-n, n - 1))))
        elif kind == "mask":
            items.append(draw(hnp.arrays(bool, n)))
        else:
            items.append(None if kind == "none" else slice(None))
    return shape, tuple(items)


@settings(max_examples=200)
@given(case=indices(), seed=st.integers(0, 5))
def test_random_indices(case, seed):
    shape, index = case
    x = normal(*shape, seed=seed)
    try:
        want = x[index]
    except IndexError:
        for i in (index, as_tensors(index)):
            with pytest.raises(IndexError):
                at.from_numpy(x)[i]
        return
    np.testing.assert_array_equal(at.from_numpy(x)[as_tensors(index)].numpy(), want)
    # The adjoint: np.add.at is the definition.
    g = normal(*want.shape, seed=seed + 1)
    t = at.from_numpy(x).requires_grad_()
    t[index].backward(at.from_numpy(g))
    expected = np.zeros(shape)
    np.add.at(expected, index, g)
    np.testing.assert_allclose(t.grad.numpy(), expected, rtol=1e-12, atol=1e-12)
    # Assignment, and its two gradients.
    y = at.from_numpy(x).requires_grad_()
    v = at.from_numpy(g.copy()).requires_grad_()
    z = y * 1
    z[index] = v
    expected = x.copy()
    expected[index] = g
    np.testing.assert_array_equal(z.detach().numpy(), expected)
    weights = normal(*shape, seed=seed + 2)
    z.backward(at.from_numpy(weights))
    numbers = np.full(shape, -1)
    numbers[index] = np.arange(want.size).reshape(want.shape)
    np.testing.assert_array_equal(y.grad.numpy(), np.where(numbers < 0, weights, 0))
    expected = np.zeros(want.size)
    expected[numbers[numbers >= 0]] = weights[numbers >= 0]
    np.testing.assert_array_equal(v.grad.numpy().reshape(-1), expected)


ERRORS = [
    (
        3,
        IndexError,
        r"index 3 is out of bounds for dimension 0 with size 3 \(the tensor's shape is \[3, 4, 5\]\)",
    ),
    (-4, IndexError, "index -4 is out of bounds for dimension 0 with size 3"),
    ((slice(None), 4), IndexError, "index 4 is out of bounds for dimension 1 with size 4"),
    ((..., [0, 5, 9]), IndexError, "index 5 is out of bounds for dimension 2 with size 5"),
    ((0, [0, -5]), IndexError, "index -5 is out of bounds for dimension 1 with size 4"),
    ((0, 0, 0, 0), IndexError, "too many indices for tensor of dimension 3"),
    ((..., 0, ...), IndexError, "single ellipsis"),
    ((..., [0], ...), IndexError, "single ellipsis"),
    ((MASK, 0, 0), IndexError, "too many indices"),
    (1.0, IndexError, r"valid indices \(got float\)"),
    ("a", TypeError, "no fields"),
    ([0.5], IndexError, "must be long, int, byte or bool tensors"),
    (np.array([1.0]), IndexError, "must be long, int, byte or bool tensors"),
    (slice(None, None, -1), ValueError, "step must be greater than zero, got -1; use flip"),
    (slice(None, None, 0), ValueError, "step must be greater than zero"),
    (slice(0.5, 1), TypeError, "float"),
    ([[0, 1], [1, 0]], IndexError, r"use x\[tuple\(index\)\]"),
    ([slice(0, 1), 0], IndexError, r"use x\[tuple\(index\)\]"),
    (([[0, 1], [1]],), IndexError, "rectangular"),
    (MASK.T, IndexError, r"shape of the mask \[4, 3\] at index 0 does not match .* \[3, 4, 5\]"),
    ((0, np.ones(3, bool)), IndexError, r"shape of the mask \[3\] at index 1"),
    (([0, 1], [0, 1, 2]), IndexError, r"could not be broadcast together with shapes \[2\], \[3\]"),
]


@pytest.mark.parametrize(("index", "kind", "message"), ERRORS)
def test_index_errors(index, kind, message):
    t = at.tensor(X)
    with pytest.raises(kind, match=message):
        t[index]
    with pytest.raises(kind, match=message):
        t[index] = 0.0
    np.testing.assert_array_equal(t.numpy(), X)
    assert t._version == 0


def test_zero_dimensional_tensors():
    t = at.tensor(2.0)
    with pytest.raises(IndexError, match=r"0-dim tensor\. Use `tensor\.item"):
        t[0]
    assert t[...].item() == t[()].item() == 2
    assert t[None].shape == t[True].shape == t[at.tensor(True)].shape == (1,)
    assert t[False].shape == (0,)
    t[...] = 3
    t[()] = t * 2
    assert t.item() == 6
    t[None, None] = 7.0
    t[True] = at.tensor([8.0])
    t[at.tensor(False)] = 9.0
    assert t.item() == 8
    check(lambda t: t[None, ...] * t[True], normal())


def test_uint8_is_a_mask_with_a_warning():
    t = at.tensor([1.0, 2.0])
    with pytest.warns(UserWarning, match=r"use a dtype autotape\.bool"):
        assert t[at.tensor([0, 1], dtype=at.uint8)].tolist() == [2.0]


def test_index_tensors_in_slices_and_tuples():
    t = at.tensor(X)
    one = at.tensor(1)
    np.testing.assert_array_equal(t[one : one + 1, one].numpy(), X[1:2, 1])
    part = (t * 1).requires_grad_()
    y = part[one : at.tensor(3)]
    one += 1  # the index was read
    y.sum().backward()
    assert part.grad.sum().item() == 40


def test_an_index_changed_before_backward_is_an_error_or_harmless():
    t = at.tensor(X).requires_grad_()
    index = at.tensor([0, 1])
    y = t[index]
    index += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    for index in (np.array([0, 1]), [0, 1]):
        y = t[index]
        index[0] = 2  # the caller's own: it was copied
        t.grad = None
        y.sum().backward()
        assert t.grad.sum(dim=(1, 2)).tolist() == [20, 20, 0]


def test_assignment_from_the_same_memory():
    x = at.arange(6.0)
    x[1:] = x[:-1]
    assert x.tolist() == [0, 0, 1, 2, 3, 4]
    x[:2] = x[[5, 4]]
    assert x.tolist() == [4, 3, 1, 2, 3, 4]
    x = at.arange(9.0).reshape(3, 3)
    x[...] = x.mT
    assert x.tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    flipped = at.from_numpy(np.flip(np.arange(4.0)))
    flipped[[0, 1]] = flipped[2:]
    assert flipped.tolist() == [1, 0, 1, 0]

    def shifted(t):
        y = t * 1
        y[1:] = y[:-1] - y[1:] * 2
        y[:2] = y[1:3]
        return y

    check(shifted, normal(5))


def test_assignment_casts_to_the_tensors_dtype():
    x = at.zeros(3, dtype=at.int64)
    x[0] = 2.7
    x[1:] = at.tensor([1.5, -1.5])
    assert x.tolist() == [2, 1, -1]
    y = at.ones(2, requires_grad=True)
    x[1:] = y  # an integer tensor takes the values and no gradient
    assert not x.requires_grad
    z = at.zeros(2, 2)
    z[0] = y.double() * 3
    z.sum().backward()
    assert z.dtype == at.float32
    assert y.grad.tolist() == [3, 3]
    z = at.zeros(2)
    z[:] = [1, 2]
    z[0] = np.float64(5)
    assert z.tolist() == [5, 2]


def test_assignments_that_are_refused():
    x = at.zeros(2, 3)
    for index, value, message in (
        (0, at.ones(2), r"value tensor of shape \[2\] cannot be broadcast to indexing result of shape \[3\]"),
        (0, at.ones(2, 3), r"shape \[2, 3\] cannot be broadcast"),
        ([0, 1], at.ones(3, 3), r"indexing result of shape \[2, 3\]"),
        (
            np.ones((2, 3), bool),
            at.ones(5),
            r"shape \[5\] cannot be broadcast to indexing result of shape \[6\]",
        ),
        (0, at.tensor([1j, 1, 1]), "imaginary"),
        (0, 1j, "imaginary|converted"),
    ):
        with pytest.raises(RuntimeError, match=message):
            x[index] = value
    with pytest.raises(TypeError):
        x[0] = "a"
    with pytest.raises(RuntimeError, match="overflow"):
        at.zeros(2, dtype=at.uint8)[0] = 300
    with pytest.raises(RuntimeError, match="single memory location"):
        at.zeros(3).expand(2, 3)[:] = 1
    assert not x.any()
    assert x._version == 0
    row = at.zeros(3).expand(2, 3)
    row[0] = 1.0  # one row of it is an ordinary piece of memory
    assert row.tolist() == [[1, 1, 1]] * 2
    frozen = np.zeros(2)
    frozen.flags.writeable = False
    with pytest.raises(RuntimeError, match="read-only"):
        at.Tensor._wrap(frozen)[0] = 1


def test_only_the_last_of_several_values_for_one_place_gets_a_gradient():
    """PyTorch gives 1, 1, 1 here (PROMISES, table A3): the true derivative is 0, 1, 1."""
    v = at.tensor([5.0, 6.0, 7.0], requires_grad=True)
    y = at.zeros(2)
    y[[0, 0, 1]] = v
    assert y.tolist() == [6, 7]
    y.sum().backward()
    assert v.grad.tolist() == [0, 1, 1]
