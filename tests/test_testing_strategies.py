"""``autotape.testing.strategies``: what is drawn is valid, and shrinks to small readable examples."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import autotape as at
from autotape.testing import strategies as ats

SMALL = settings(max_examples=30)


@SMALL
@given(ats.tensors(dtype=ats.dtypes("fciub")))
def test_tensors_are_leaves_of_the_drawn_dtype(x: at.Tensor) -> None:
    assert x.is_leaf
    assert not x.requires_grad
    assert x.ndim <= 3
    assert max(x.shape, default=0) <= 4


@SMALL
@given(st.data(), ats.shapes(min_dims=1, min_side=2))
def test_layouts_keep_the_values_and_lie_as_they_are_named(data: st.DataObject, shape: Any) -> None:
    values = np.arange(float(np.prod(shape))).reshape(shape)
    found = {layout: ats.laid_out(values, layout=layout) for layout in ats.LAYOUTS}
    for layout, x in found.items():
        expected = np.broadcast_to(values[:1], shape) if layout == "broadcast" else values
        np.testing.assert_array_equal(x.numpy(), expected)
    assert found["contiguous"].is_contiguous()
    assert found["transposed"].stride() == tuple(
        reversed(found["contiguous"].permute(*range(len(shape))[::-1]).contiguous().stride())
    )
    assert not found["strided"].is_contiguous()
    assert all(s < 0 for s in found["reversed"].stride())
    assert found["broadcast"].stride()[0] == 0


@pytest.mark.parametrize("layout", ats.LAYOUTS)
def test_each_layout_is_drawn_and_can_be_asked_for(layout: str) -> None:
    x = find(ats.tensors((2, 2), layout=layout), lambda x: bool(x[0, 0] != x[0, 1]))
    assert x.shape == (2, 2)
    strides = {
        "contiguous": (2, 1),
        "transposed": (1, 2),
        "strided": (8, 2),
        "reversed": (-2, -1),
        "broadcast": (0, 1),
    }
    assert x.stride() == strides[layout]
    find(ats.tensors((2, 2)), lambda x: x.stride() == strides[layout])


def test_an_unknown_layout_is_named() -> None:
    with pytest.raises(ValueError, match="no layout 'diagonal'; there are contiguous, transposed"):
        ats.layouts("diagonal")


@SMALL
@given(ats.tensors(values=ats.values(away_from=(0, 1), distance=0.25), requires_grad=True))
def test_values_stay_away_from_kinks(x: at.Tensor) -> None:
    a = x.detach().numpy()
    assert (np.abs(a) >= 0.25).all()
    assert (np.abs(a - 1) >= 0.25).all()
    assert x.requires_grad
    assert x.is_leaf


def test_values_seek_kinks() -> None:
    near = ats.values(near=(1.0,))
    assert find(near, lambda v: v == 1.0) == 1.0
    assert find(near, lambda v: 0 < 1.0 - v < 1e-12) < 1.0
    assert find(near, lambda v: 0 < v - 1.0 < 1e-12) > 1.0
    assert find(near, lambda v: abs(v - 1.0) > 0.5) == 0.0


@SMALL
@given(ats.tensors((3, 3), values=ats.values(-2, 2, step=0.125), unique=True))
def test_multiples_of_a_step_have_no_ties(x: at.Tensor) -> None:
    a = np.sort(x.numpy().ravel())
    assert (np.diff(a) >= 0.125).all()
    assert np.abs(a).max() <= 2


@SMALL
@given(ats.broadcastable(3))
def test_broadcastable_tensors_broadcast(found: tuple[at.Tensor, ...]) -> None:
    a, b, c = found
    assert (a + b + c).shape == np.broadcast_shapes(a.shape, b.shape, c.shape)


@SMALL
@given(ats.matmul_pairs())
def test_matmul_pairs_multiply(pair: tuple[at.Tensor, at.Tensor]) -> None:
    a, b = pair
    np.testing.assert_allclose((a @ b).numpy(), a.numpy() @ b.numpy())


@SMALL
@given(st.data(), ats.shapes())
def test_indices_are_valid(data: st.DataObject, shape: Any) -> None:
    x = at.from_numpy(np.arange(float(np.prod(shape))).reshape(shape))
    index = data.draw(ats.indices(shape))
    as_numpy = index.numpy() if isinstance(index, at.Tensor) else index
    if isinstance(index, tuple):
        as_numpy = tuple(i.numpy() if isinstance(i, at.Tensor) else i for i in index)
    np.testing.assert_array_equal(x[index].numpy(), x.numpy()[as_numpy])


@pytest.mark.parametrize("kind", ["basic", "integer", "boolean"])
def test_each_kind_of_index_can_be_asked_for(kind: str) -> None:
    def is_kind(index: Any) -> bool:
        parts = index if isinstance(index, tuple) else (index,)
        tensors = [p for p in parts if isinstance(p, at.Tensor)]
        if kind == "basic":
            return not tensors
        return bool(tensors) and all((t.dtype == at.bool) is (kind == "boolean") for t in tensors)

    @SMALL
    @given(ats.indices((2, 3), kinds=(kind,)))
    def check(index: Any) -> None:
        assert is_kind(index)

    check()


@SMALL
@given(st.data(), ats.shapes())
def test_axes_are_valid(data: st.DataObject, shape: Any) -> None:
    dim = data.draw(ats.axes(len(shape)))
    x = at.ones(shape, dtype=at.float64)
    np.testing.assert_array_equal(x.sum(dim).numpy(), x.numpy().sum(dim))


@SMALL
@given(ats.programs(), ats.tensors((2,), values=ats.values(scale=1), requires_grad=True))
def test_programs_run_and_have_gradients(program: Any, x: at.Tensor) -> None:
    y = program(x, x)
    assert y.requires_grad
    y.sum().backward()


# --- shrinking and printing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strategy", "condition", "expected"),
    [
        (ats.tensors(), lambda x: True, "tensor(0., dtype=autotape.float64)"),
        (ats.tensors(), lambda x: x.ndim == 2, "tensor([], size=(0, 0), dtype=autotape.float64)"),
        (ats.tensors(), lambda x: bool(x.numel() and x.max() > 2.5), "tensor(3., dtype=autotape.float64)"),
        (ats.tensors(dtype="int64"), lambda x: bool((x < -1).any()), "tensor(-2)"),
        (ats.tensors(values=ats.values(away_from=(0,))), lambda x: x.shape == (2,), "tensor([1., 1.], dtype=autotape.float64)"),  # noqa: E501
        (ats.broadcastable(), lambda p: p[0].shape != p[1].shape, None),
        (ats.matmul_pairs(), lambda p: p[0].ndim == 2 and p[1].ndim == 2, None),
        (ats.axes(3), lambda dim: True, "None"),
        (ats.indices((2, 3), kinds=["basic"]), lambda i: isinstance(i, tuple) and len(i) == 2, "(0, 0)"),
        (ats.shapes(), lambda shape: len(shape) > 1, "(0, 0)"),
        (ats.programs(), lambda f: True, "Program: c = a.sin(); return c"),
    ],
)  # fmt: skip
def test_examples_shrink_to_the_smallest(strategy: Any, condition: Any, expected: str | None) -> None:
    found = find(strategy, condition)
    if expected is None:  # a pair: as few ones and zeros as there can be
        assert sum(x.numel() for x in found) <= 3
        assert all(not x.any() for x in found)
    else:
        assert repr(found) == expected


def test_a_failure_prints_calls_that_make_the_tensors_again() -> None:
    @settings(
        database=None,
        derandomize=True,
        max_examples=2000,
        print_blob=False,
        phases=(Phase.generate, Phase.shrink),
    )
    @given(pair=ats.broadcastable(2, requires_grad=True), y=ats.tensors(dtype="int64"))
    def wrong(pair: Any, y: at.Tensor) -> None:
        assert pair[0].is_contiguous() or bool((pair[0] < 0.3).all())

    with pytest.raises(AssertionError) as caught:
        wrong()
    text = "\n".join(caught.value.__notes__)
    call = re.search(r"pair=(.*),\n    y", text, re.DOTALL)
    assert call is not None, text
    x, _ = eval(call[1], {"laid_out": ats.laid_out})
    assert not x.is_contiguous()
    assert (x > 0.3).any()
    assert x.requires_grad
    assert "y=laid_out(0, dtype='int64')" in text


def test_random_numbers_of_a_test_repeat_with_its_example() -> None:
    drawn: list[float] = []

    @settings(database=None, max_examples=3, derandomize=True)
    @given(st.just(0))
    def draw(_: int) -> None:
        drawn.append(at.rand(()).item())

    before = at.get_rng_state()
    draw()
    first = list(drawn)
    drawn.clear()
    draw()
    assert drawn == first
    assert at.equal(before, at.get_rng_state())
