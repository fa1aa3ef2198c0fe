"""einsum: parsing, values, derivatives, errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotape as at
from tests.oracle import check, normal

EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ij,kj->ki", (2, 3), (4, 3)),
    ("bij,bjk->bik", (2, 3, 2), (2, 2, 4)),
    ("bhid,bhjd->bhij", (2, 1, 3, 2), (2, 1, 4, 2)),
    ("bij,bij->b", (2, 3, 2), (2, 3, 2)),
    ("i,i->", (3,), (3,)),
    ("i,j->ij", (3,), (2,)),
    ("i,j->ji", (3,), (2,)),
    ("ij,j->i", (2, 3), (3,)),
    ("ij,ij->ij", (2, 3), (2, 3)),
    ("ij,ij->ji", (2, 3), (2, 3)),
    ("ij,ij", (2, 3), (2, 3)),
    ("ij->ji", (2, 3)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->j", (2, 3)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("iij->ij", (2, 2, 3)),
    ("iji->j", (2, 3, 2)),
    ("iijj->ij", (2, 2, 3, 3)),
    ("iiii->i", (2, 2, 2, 2)),
    ("ii,ij->j", (2, 2), (2, 3)),
    ("ii,jj->ij", (2, 2), (3, 3)),
    ("ij,kl->il", (2, 3), (2, 4)),
    ("ij,k->", (2, 3), (4,)),
    (",ij->ij", (), (2, 3)),
    (",", (), ()),
    ("->", ()),
    ("", ()),
    ("i,i,i->i", (3,), (3,), (3,)),
    ("ij,jk,kl->il", (2, 3), (3, 2), (2, 4)),
    ("ij,jk,ki->", (2, 3), (3, 2), (2, 2)),
    ("a,ab,bc,cd,d->", (2,), (2, 3), (3, 2), (2, 4), (4,)),
    ("bi,bj,ijk->bk", (2, 3), (2, 2), (3, 2, 4)),
    ("...ij,...jk->...ik", (4, 1, 2, 3), (5, 3, 2)),
    ("...,...->...", (2, 1, 3), (4, 3)),
    ("i...,i...->...", (2, 3), (2, 4, 3)),
    ("...i->i...", (2, 3, 4)),
    ("i...", (3, 2)),
    ("b...c,cd->b...d", (2, 3, 2, 3), (3, 2)),
    ("ij,ij->ij", (2, 1), (2, 3)),
    ("ij,ij->", (2, 1), (2, 3)),
    ("ij,ij->i", (2, 3), (2, 1)),
    ("ij,jk->ik", (2, 1), (3, 4)),
    ("ii,i->i", (1, 1), (3,)),
    ("bij,bj->bi", (1, 2, 3), (4, 3)),
    ("iJ,Ja->", (2, 3), (3, 4)),
    ("bA", (2, 3)),
    (" i j , j k -> i k ", (2, 3), (3, 2)),
    ("ij,jk->ik", (2, 0), (0, 3)),
    ("ij,jk->ik", (0, 2), (2, 3)),
    ("ij,j->i", (2, 0), (0,)),
    ("ij->i", (2, 0)),
    ("bij,bij->b", (0, 2, 2), (0, 2, 2)),
]


@pytest.mark.parametrize(("equation", "shapes"), [(e, s) for e, *s in EQUATIONS])
def test_against_numpy_and_differences(equation, shapes):
    arrays = [normal(*s, seed=i) for i, s in enumerate(shapes)]
    want = np.einsum(equation, *arrays)
    got = at.einsum(equation, *[at.tensor(a) for a in arrays])
    assert got.shape == want.shape
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-14)
    check(lambda *t: at.einsum(equation, *t), *arrays)


@st.composite
def equations(draw):
    sizes = draw(st.fixed_dictionaries({c: st.integers(0, 3) for c in "abcd"}))
    terms = draw(st.lists(st.lists(st.sampled_from("abcd"), max_size=4), min_size=1, max_size=4))
    arrays, used = [], set()
    for i, term in enumerate(terms):
        own = {
            c: draw(st.sampled_from([1, sizes[c]])) if draw(st.booleans()) else sizes[c] for c in set(term)
        }
        arrays.append(normal(*[own[c] for c in term], seed=i))
        used |= set(term)
    output = draw(
        st.permutations(sorted(used)).flatmap(lambda p: st.integers(0, len(p)).map(lambda n: p[:n]))
    )
    return ",".join("".join(t) for t in terms) + "->" + "".join(output), arrays


@given(equations())
def test_random_equations(case):
    equation, arrays = case
    want = np.einsum(equation, *arrays)
    got = at.einsum(equation, *[at.tensor(a) for a in arrays])
    assert got.shape == want.shape
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-11, atol=1e-12)


@settings(max_examples=25)
@given(equations())
def test_derivatives_of_random_equations(case):
    equation, arrays = case
    check(lambda *t: at.einsum(equation, *t), *arrays)


def test_operand_lists():
    a, b = normal(2, 3), normal(3, 4)
    x, y = at.tensor(a), at.tensor(b)
    for got, want in (
        (at.einsum(x, [0, 1], y, [1, 2], [2, 0]), (a @ b).T),
        (at.einsum(x, [0, 1], y, [1, 2]), a @ b),
        (at.einsum(x, [..., 1], [1, ...]), a.T),
        (at.einsum("ij,jk", [x, y]), a @ b),
        (np.einsum(x, [0, 1], y, [1, 2], [0, 2]), a @ b),
        (np.einsum("ij,jk->ik", a, y, optimize=True), a @ b),
    ):
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-13)
    with pytest.raises(RuntimeError, match="range"):
        at.einsum(x, [0, 52])


def test_an_ellipsis_that_the_output_leaves_out_is_summed():
    x = normal(2, 3, 4)  # NumPy refuses this
    np.testing.assert_allclose(at.einsum("i...->i", at.tensor(x)).numpy(), x.sum((1, 2)), rtol=1e-13)
    check(lambda t: at.einsum("i...,...->i", t, t[0] * 2), x)


def test_the_same_operand_twice():
    check(lambda t: at.einsum("ij,kj->ik", t, t), normal(3, 2), order=3)
    check(lambda t: at.einsum("ij,jk,kl->il", t, t, t), normal(2, 2))


def test_one_operand_gives_a_view():
    x = at.tensor(normal(3, 3))
    at.einsum("ii->i", x).zero_()
    assert at.trace(x).item() == 0
    assert np.shares_memory(at.einsum("ij->ji", x).numpy(), x.numpy())
    leaf = at.ones(2, 2, requires_grad=True)
    assert at.einsum("ij->ij", leaf) is not leaf


def test_many_operands_are_multiplied_in_a_cheap_order():
    big = at.ones(1, 500)
    y = at.einsum("ai,bi,ci,i->abc", at.ones(300, 500), big, big, at.ones(500))
    assert y.shape == (300, 1, 1)
    assert y[0, 0, 0].item() == 500


def test_dtypes():
    a, b = at.ones(2), at.ones(2, dtype=at.float64)
    assert at.einsum("i,j->ij", a, b).dtype == at.float64
    with pytest.raises(RuntimeError, match=r"float32.*float64"):
        at.einsum("i,i->", a, b)
    assert (
        at.einsum("ij,jk->ik", at.ones(2, 2, dtype=at.int64), at.ones(2, 2, dtype=at.int64)).tolist()
        == [[2, 2]] * 2
    )
    assert at.einsum("i->", at.ones(2, dtype=at.int32)).dtype == at.int64
    assert (
        at.einsum("ij,j->i", at.ones(2, 2, dtype=at.float16), at.ones(2, dtype=at.float16)).dtype
        == at.float16
    )


@pytest.mark.parametrize(
    ("equation", "shapes", "message"),
    [
        ("ij->k", [(2, 2)], "output subscript k does not appear"),
        ("ij->ii", [(2, 2)], "appears more than once"),
        ("ij,jk->ik", [(2, 2)], "fewer operands"),
        ("ij", [(2, 2), (2, 2)], "more operands"),
        ("ijk", [(2, 2)], r"subscripts in the equation \(3\).*dimensions \(2\) for operand 0"),
        ("i", [(2, 2)], r"subscripts in the equation \(1\).*no ellipsis"),
        ("ijk...", [(2, 2)], r"subscripts in the equation \(3\).*dimensions \(2\)"),
        ("ij,jk->ik", [(2, 3), (4, 5)], r"subscript j has size 4 for operand 1.*size 3.*\[2, 3\], \[4, 5\]"),
        ("ij;jk", [(2, 3)], "invalid subscript ';'"),
        ("i.j", [(2, 3)], "not part of any ellipsis"),
        ("i1", [(2, 3)], "invalid subscript '1'"),
        ("ij->i->j", [(2, 3)], "invalid subscript '-'"),
        ("......", [(2, 3)], "two ellipses"),
        ("ii->i", [(2, 3)], "sizes don't match, 3 != 2"),
        ("ii->i", [(1, 3)], "sizes don't match, 3 != 1"),
    ],
)
def test_errors(equation, shapes, message):
    with pytest.raises(RuntimeError, match=message):
        at.einsum(equation, *[at.zeros(s) for s in shapes])


def test_no_operands():
    with pytest.raises(ValueError, match="at least one operand"):
        at.einsum("")
    with pytest.raises(TypeError, match=r"operands\[1\]"):
        at.einsum("i,i", at.ones(2), [1.0, 2.0])


def test_precision_of_many_terms():
    a = normal(4, 1000)
    got = at.einsum("ij,ij->i", at.tensor(a), at.tensor(a)).numpy()
    np.testing.assert_allclose(got, [math.fsum(r) for r in (a * a).tolist()], rtol=1e-13)
