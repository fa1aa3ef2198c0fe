"""at.linalg: values against NumPy and identities, derivatives to second order, real, complex, in batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

L = at.linalg


def complexes(*shape, seed=0):
    return normal(*shape, seed=seed) + 1j * normal(*shape, seed=seed + 100)


def of_kind(kind, *shape, seed=0):
    return normal(*shape, seed=seed) if kind == "real" else complexes(*shape, seed=seed)


class Row(NamedTuple):
    """What is computed of which matrices; free signs and phases taken out."""

    name: str
    fn: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    reference: Callable[..., Any] | None = None


def hermitian(a):
    return a + a.mH


def positive(a):
    return a @ a.mH + one(a)


def one(a):
    return at.eye(a.shape[-1], dtype=a.dtype)


def absolute(f):
    return lambda *t: [x.abs() for x in f(*t)]


def triangle(a, b):
    return L.solve_triangular(a + 2 * one(a), b, upper=True)


SQUARE, BATCH = (3, 3), (2, 3, 3)
ROWS = [
    Row("inv", L.inv, (SQUARE,), np.linalg.inv),
    Row("inv batch", L.inv, (BATCH,), np.linalg.inv),
    Row("inv_ex", lambda a: L.inv_ex(a).inverse, (BATCH,), np.linalg.inv),
    Row("det", L.det, (BATCH,), np.linalg.det),
    Row("slogdet", lambda a: L.slogdet(a), (BATCH,)),
    Row("logdet", lambda a: at.logdet(positive(a)), (BATCH,)),
    Row("solve", L.solve, (SQUARE, (3, 2)), np.linalg.solve),
    Row("solve vector", L.solve, (SQUARE, (3,)), np.linalg.solve),
    Row("solve broadcast", L.solve, (BATCH, (3, 2)), np.linalg.solve),
    Row("solve vectors", L.solve, (BATCH, (2, 3)), lambda a, b: np.linalg.solve(a, b[..., None])[..., 0]),
    Row(
        "solve right",
        lambda a, b: L.solve(a, b, left=False),
        (SQUARE, (2, 3)),
        lambda a, b: b @ np.linalg.inv(a),
    ),
    Row("triangular upper", triangle, (SQUARE, (3, 2))),
    Row(
        "triangular lower",
        lambda a, b: L.solve_triangular(a, b, upper=False, unitriangular=True),
        (BATCH, (3, 2)),
    ),
    Row(
        "triangular right",
        lambda a, b: L.solve_triangular(a + 2 * one(a), b, upper=True, left=False),
        (SQUARE, (2, 3)),
    ),
    Row("triangular_solve", lambda b, a: at.triangular_solve(b, a, transpose=True), ((3, 2), SQUARE)),
    Row("cholesky", lambda a: L.cholesky(positive(a)), (SQUARE,)),
    Row("cholesky upper", lambda a: L.cholesky(positive(a), upper=True), (BATCH,)),
    Row("cholesky_ex", lambda a: L.cholesky_ex(positive(a)).L, (BATCH,)),
    Row("cholesky_solve", lambda b, a: at.cholesky_solve(b, L.cholesky(positive(a))), ((3, 2), SQUARE)),
    Row("cholesky_inverse", lambda a: at.cholesky_inverse(a.tril() + 2 * one(a)), (SQUARE,)),
    Row("qr square", lambda a: L.qr(a), (SQUARE,)),
    Row("qr tall", lambda a: L.qr(a), ((2, 4, 3),)),
    Row("qr wide", lambda a: L.qr(a), ((3, 5),)),
    Row("qr wide complete", lambda a: L.qr(a, "complete"), ((2, 3, 5),)),
    Row("qr only R", lambda a: L.qr(a).R, ((4, 3),)),
    Row("qr only Q wide", lambda a: L.qr(a).Q, ((2, 4),)),
    Row("lu square", lambda a: L.lu(a)[1:], (BATCH,)),
    Row("lu tall", lambda a: L.lu(a)[1:], ((2, 5, 3),)),
    Row("lu wide", lambda a: L.lu(a)[1:], ((3, 5),)),
    Row("lu_factor", lambda a: L.lu_factor(a).LU, (SQUARE,)),
    Row("lu_solve", lambda a, b: L.lu_solve(*L.lu_factor(a), b), (BATCH, (2, 3, 2)), np.linalg.solve),
    Row("lu_solve adjoint", lambda a, b: L.lu_solve(*L.lu_factor(a), b, adjoint=True), (SQUARE, (3, 2))),
    Row("lu_solve right", lambda a, b: L.lu_solve(*L.lu_factor(a), b, left=False), (SQUARE, (2, 3))),
    Row("svd", absolute(lambda a: L.svd(a, full_matrices=False)), ((3, 3),)),
    Row("svd tall", absolute(lambda a: L.svd(a, full_matrices=False)), ((2, 4, 3),)),
    Row("svd wide", absolute(lambda a: L.svd(a, full_matrices=False)), ((2, 4),)),
    Row(
        "svd rank 2",
        lambda a: (lambda s: s.U * s.S.unsqueeze(-2) @ s.Vh)(L.svd(a, False)),
        ((4, 2),),
        lambda a: a,
    ),
    Row("svdvals", L.svdvals, ((2, 4, 3),), lambda a: np.linalg.svd(a, compute_uv=False)),
    Row("eigh", lambda a: absolute(L.eigh)(hermitian(a)), (SQUARE,)),
    Row("eigh upper", lambda a: absolute(lambda t: L.eigh(t, "U"))(hermitian(a)), (BATCH,)),
    Row("eigvalsh", lambda a: L.eigvalsh(hermitian(a)), (BATCH,)),
    Row("eig", lambda a: absolute(L.eig)(a), (BATCH,)),
    Row("eigvals", L.eigvals, (SQUARE,), np.linalg.eigvals),
    Row("pinv tall", L.pinv, ((2, 4, 3),), np.linalg.pinv),
    Row("pinv wide", L.pinv, ((2, 4),), np.linalg.pinv),
    Row("pinv hermitian", lambda a: L.pinv(hermitian(a), hermitian=True), (SQUARE,)),
    Row("pinverse", at.pinverse, ((3, 2),), np.linalg.pinv),
    Row(
        "lstsq tall",
        lambda a, b: L.lstsq(a, b).solution,
        ((4, 3), (4, 2)),
        lambda a, b: np.linalg.pinv(a) @ b,
    ),
    Row(
        "lstsq wide",
        lambda a, b: L.lstsq(a, b).solution,
        ((2, 2, 4), (2, 2, 1)),
        lambda a, b: np.linalg.pinv(a) @ b,
    ),
    Row("lstsq residuals", lambda a, b: L.lstsq(a, b, driver="gelsd").residuals, ((4, 3), (4, 2))),
    Row("matrix_exp", L.matrix_exp, (BATCH,)),
    Row("matrix_power", lambda a: L.matrix_power(a, 5), (BATCH,), lambda a: np.linalg.matrix_power(a, 5)),
    Row(
        "matrix_power -2", lambda a: L.matrix_power(a, -2), (SQUARE,), lambda a: np.linalg.matrix_power(a, -2)
    ),
    Row("matrix_power 0", lambda a: L.matrix_power(a, 0), (BATCH,), lambda a: np.linalg.matrix_power(a, 0)),
    Row("cond", L.cond, (BATCH,), np.linalg.cond),
    Row("cond 1", lambda a: L.cond(a, 1), (BATCH,), lambda a: np.linalg.cond(a, 1)),
    Row("cond -2", lambda a: L.cond(a, -2), ((4, 3),), lambda a: np.linalg.cond(a, -2)),
    Row("tensorinv", lambda a: L.tensorinv(a, 1), ((6, 2, 3),), lambda a: np.linalg.tensorinv(a, 1)),
    Row("tensorsolve", L.tensorsolve, ((2, 3, 6), (2, 3)), np.linalg.tensorsolve),
    Row(
        "multi_dot",
        lambda *t: L.multi_dot(t),
        ((2, 3), (3, 1), (1, 4), (4,)),
        lambda *t: np.linalg.multi_dot(t),
    ),
    Row("chain_matmul", at.chain_matmul, ((2, 3), (3, 1), (1, 4)), lambda *t: np.linalg.multi_dot(t)),
    Row("vecdot", L.vecdot, ((2, 3), (3,)), lambda a, b: (a.conj() * b).sum(-1)),
    Row("cross", L.cross, ((2, 3), (1, 3)), np.cross),
    Row("cross dim", lambda a, b: at.cross(a, b), ((3, 2), (3, 2)), lambda a, b: np.cross(a, b, axis=0)),
    Row("vander", lambda x: L.vander(x, 4), ((2, 3),)),
    Row("diagonal", lambda a: L.diagonal(a, offset=1), (BATCH,), lambda a: a.diagonal(1, -2, -1)),
    Row("inner", at.inner, ((2, 3), (4, 3)), np.inner),
    Row(
        "tensordot",
        lambda a, b: at.tensordot(a, b, ([0, 2], [1, 0])),
        ((2, 4, 3), (3, 2)),
        lambda a, b: np.tensordot(a, b, ([0, 2], [1, 0])),
    ),
    Row("kron", at.kron, ((2, 3), (2,)), np.kron),
    Row("vdot", at.vdot, ((3,), (3,)), np.vdot),
    Row("vander decreasing", at.vander, ((3,),), np.vander),
    Row(
        "addmm",
        lambda c, a, b: at.addmm(c, a, b, beta=2, alpha=3),
        ((4,), (2, 3), (3, 4)),
        lambda c, a, b: 2 * c + 3 * a @ b,
    ),
    Row(
        "addmv",
        lambda c, a, b: at.addmv(c, a, b, beta=0.5),
        ((2,), (2, 3), (3,)),
        lambda c, a, b: c / 2 + a @ b,
    ),
    Row(
        "addr",
        lambda c, a, b: at.addr(c, a, b, alpha=2),
        ((2, 3), (2,), (3,)),
        lambda c, a, b: c + 2 * np.outer(a, b),
    ),
    Row("baddbmm", at.baddbmm, ((2, 4), (3, 2, 5), (3, 5, 4)), lambda c, a, b: c + a @ b),
    Row("addbmm", at.addbmm, ((2, 4), (3, 2, 5), (3, 5, 4)), lambda c, a, b: c + (a @ b).sum(0)),
]


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_values_and_derivatives(row, kind):
    arrays = [of_kind(kind, *s, seed=7 + i) for i, s in enumerate(row.shapes)]
    if row.reference is not None:
        got, want = row.fn(*[at.from_numpy(a) for a in arrays]), row.reference(*arrays)
        assert got.shape == want.shape
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-10, atol=1e-12)
    check(row.fn, *arrays, rtol=1e-6, step=2.0**-12)


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_layouts(row):
    """Transposed, reversed and strided memory give the same result, and so does float32."""
    arrays = [normal(*s, seed=7 + i) for i, s in enumerate(row.shapes)]
    want = outputs(row.fn(*[at.from_numpy(a) for a in arrays]))
    for change in (np.asfortranarray, reversed_memory, strided_memory):
        got = outputs(row.fn(*[at.from_numpy(change(a)) for a in arrays]))
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-11)
    if not row.name.startswith("eig"):
        got = outputs(row.fn(*[at.from_numpy(a.astype(np.float32)) for a in arrays]))
        for a, b in zip(got, want, strict=True):
            assert a.dtype in (at.float32, at.int32, at.float64), row.name
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=5e-3, atol=5e-3)


def outputs(y):
    return [y] if isinstance(y, at.Tensor) else list(y)


def reversed_memory(a):
    return np.flip(np.flip(a).copy())


def strided_memory(a):
    return np.repeat(a, 2, axis=-1)[..., ::2]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: r.name)
def test_vmap(row):
    arrays = [normal(3, *s, seed=7 + i) for i, s in enumerate(row.shapes)]
    got = at.vmap(lambda *t: tuple(outputs(row.fn(*t))))(*[at.from_numpy(a) for a in arrays])
    each = [outputs(row.fn(*[at.from_numpy(a[i]) for a in arrays])) for i in range(3)]
    for y, ys in zip(got, zip(*each, strict=True), strict=True):
        np.testing.assert_allclose(y.numpy(), np.stack([t.numpy() for t in ys]), rtol=1e-8, atol=1e-10)


# --- what the decompositions promise ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize(
    "shape", [(3, 3), (2, 5, 3), (3, 5), (0, 3), (3, 0), (0, 2, 2), (1, 1), (70, 40), (40, 70)]
)
def test_decompositions_give_their_matrix(shape, kind):
    a = of_kind(kind, *shape)
    x = at.from_numpy(a)
    m, n = shape[-2:]
    P, Lo, U = L.lu(x)  # noqa: N806
    np.testing.assert_allclose((P.to(Lo.dtype) @ Lo @ U).numpy(), a, atol=1e-12)
    assert (np.abs(Lo.numpy()) <= np.sqrt(2) + 1e-15).all()
    for mode in ("reduced", "complete"):
        Q, R = L.qr(x, mode)  # noqa: N806
        np.testing.assert_allclose((Q @ R).numpy(), a, atol=1e-12)
        assert Q.shape[-1] == (m if mode == "complete" else min(m, n))
    np.testing.assert_array_equal(R.tril(-1).numpy(), 0)
    U, S, Vh = L.svd(x, full_matrices=False)  # noqa: N806
    np.testing.assert_allclose(((U * S.unsqueeze(-2)) @ Vh).numpy(), a, atol=1e-12)
    U, S, V = at.svd(x, some=False)  # noqa: N806
    assert U.shape[-2:] == (m, m)
    assert V.shape[-2:] == (n, n)
    P = L.pinv(x)  # noqa: N806
    np.testing.assert_allclose((x @ P @ x).numpy(), a, atol=1e-11)
    assert (L.matrix_rank(x).numpy() == min(m, n)).all()
    if m == n:
        values, vectors = L.eig(x)
        np.testing.assert_allclose(
            (x.to(values.dtype) @ vectors).numpy(), (vectors * values.unsqueeze(-2)).numpy(), atol=1e-12
        )
        values, vectors = L.eigh(hermitian(x))
        np.testing.assert_allclose(
            ((vectors * values.unsqueeze(-2)) @ vectors.mH).numpy(), hermitian(x).numpy(), atol=1e-12
        )


def test_lu_pivots_are_those_of_lapack():
    a = np.array([[0.0, 1.0, 2.0], [4.0, 1.0, 1.0], [8.0, 1.0, 5.0]])
    factors, pivots = L.lu_factor(at.from_numpy(a))
    assert pivots.tolist() == [3, 3, 3]
    assert pivots.dtype == at.int32
    np.testing.assert_allclose(factors[0].numpy(), a[2])


@pytest.mark.parametrize("upper", [True, False])
def test_triangular_solution_is_as_accurate_as_substitution(upper):
    # Higham (2002), 8.2: small backward error row by row, whatever the condition number.
    rng = np.random.default_rng(0)
    a = np.triu(rng.uniform(-1, 1, (40, 40))) + np.diag(np.logspace(0, -14, 40))
    a = a if upper else a[::-1, ::-1]
    b = rng.standard_normal((40, 3))
    x = L.solve_triangular(at.from_numpy(a), at.from_numpy(b), upper=upper).numpy()
    assert (np.abs(a @ x - b) <= 50 * np.finfo(float).eps * (np.abs(a) @ np.abs(x))).all()
    junk = a + (np.tril(np.ones_like(a), -1) if upper else np.triu(np.ones_like(a), 1)) * np.nan
    again = L.solve_triangular(at.from_numpy(np.where(a != 0, a, junk)), at.from_numpy(b), upper=upper)
    np.testing.assert_array_equal(again.numpy(), x)  # the other triangle is not looked at


def test_matrix_exp():
    a = normal(4, 3, 3) * np.array([1e-9, 1.0, 10.0, 60.0])[:, None, None]  # all scalings in one batch
    y = L.matrix_exp(at.from_numpy(a)).numpy()
    for matrix, got in zip(a, y, strict=True):
        values, vectors = np.linalg.eig(matrix)
        want = ((vectors * np.exp(values)) @ np.linalg.inv(vectors)).real
        np.testing.assert_allclose(got, want, atol=1e-12 * np.abs(want).max())
    nilpotent = at.tensor([[0.0, 1.0], [0.0, 0.0]])
    np.testing.assert_allclose(at.matrix_exp(nilpotent * 1000).numpy(), [[1, 1000], [0, 1]], rtol=1e-6)
    assert nilpotent.matrix_exp().dtype == at.float32
    assert np.isnan(at.matrix_exp(at.full((2, 2), float("nan"))).numpy()).all()
    assert at.matrix_exp(at.zeros(0, 3, 3)).shape == (0, 3, 3)


def test_lstsq_results():
    a, b = at.from_numpy(normal(2, 5, 3)), at.from_numpy(normal(2, 5, 1, seed=1))
    result = L.lstsq(a, b, driver="gelsd")
    wanted = [np.linalg.lstsq(x, y, rcond=None) for x, y in zip(a.numpy(), b.numpy(), strict=True)]
    for field, i in (("solution", 0), ("residuals", 1), ("rank", 2), ("singular_values", 3)):
        np.testing.assert_allclose(getattr(result, field).numpy(), [w[i] for w in wanted], rtol=1e-10)
    assert L.lstsq(a, b).residuals.shape == (0,)
    assert L.lstsq(a, b, driver="gels").rank.shape == (0,)
    cut = at.tensor([0.0, 0.9])  # one for each matrix
    assert L.lstsq(a, b, cut).rank.tolist()[0] == 3
    assert L.lstsq(a, b, cut).rank.tolist()[1] < 3
    check(lambda x, y: L.lstsq(x, y, cut[:1]).solution, a.numpy()[:1], b.numpy()[:1], rtol=1e-6)
    low = at.from_numpy(np.outer([1.0, 2.0, 3.0], [1.0, 1.0]))
    assert L.lstsq(low, at.ones(3, 1, dtype=at.float64)).rank.item() == 1
    np.testing.assert_allclose(
        L.lstsq(low, at.ones(3, 1, dtype=at.float64)).solution.numpy(),
        np.linalg.pinv(low.numpy()) @ np.ones((3, 1)),
    )


def test_pinv_of_low_rank_has_the_derivative_of_constant_rank():
    a, b = normal(4, 2), normal(2, 3, seed=1)
    check(lambda x, y: L.pinv(x @ y, rtol=1e-10), a, b, rtol=1e-5)
    assert L.pinv(at.zeros(2, 3)).tolist() == [[0, 0]] * 3


def test_matrix_rank_and_tolerances():
    a = at.from_numpy(np.stack([np.diag([1.0, 1e-3, 0]), np.eye(3)]))
    assert L.matrix_rank(a).tolist() == [2, 3]
    assert L.matrix_rank(a, rtol=1e-2).tolist() == [1, 3]
    assert L.matrix_rank(a, atol=at.tensor([1e-2, 2.0])).tolist() == [1, 0]
    assert L.matrix_rank(a, hermitian=True).dtype == at.int64
    assert L.pinv(a, atol=1e-2)[0, 1, 1].item() == 0


# --- norms --------------------------------------------------------------------------------------------------

ORDERS = ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf]


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("ord", ORDERS)
def test_matrix_norms(ord, kind):
    a = of_kind(kind, 3, 4)
    for got in (L.matrix_norm(at.from_numpy(a), ord), L.norm(at.from_numpy(a), ord)):
        np.testing.assert_allclose(got.item(), np.linalg.norm(a, ord), rtol=1e-12)
    check(lambda t: L.matrix_norm(t, ord), a, rtol=1e-6)
    b = of_kind(kind, 3, 2, 4)
    got = L.matrix_norm(at.from_numpy(b), ord, dim=(2, 0), keepdim=True)
    assert got.shape == (1, 2, 1)
    np.testing.assert_allclose(got.numpy(), np.linalg.norm(b, ord, axis=(2, 0), keepdims=True), rtol=1e-12)


@pytest.mark.parametrize("kind", ["real", "complex"])
@pytest.mark.parametrize("ord", [0, 0.5, 1, 2, 3.5, np.inf, -np.inf, -1])
def test_vector_norms(ord, kind):
    a = of_kind(kind, 2, 3)
    got = L.vector_norm(at.from_numpy(a), ord, dim=1, keepdim=True)
    np.testing.assert_allclose(got.numpy(), np.linalg.norm(a, ord, axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(
        L.vector_norm(at.from_numpy(a), ord).item(), np.linalg.norm(a.ravel(), ord), rtol=1e-12
    )
    check(lambda t: L.norm(t, ord, dim=0), a, rtol=1e-6)


def test_norms_at_zero_and_of_nothing():
    x = at.zeros(3, 3, requires_grad=True)
    for f in (L.norm, L.vector_norm, L.matrix_norm):
        (g,) = at.autograd.grad(f(x), x)
        assert (g.numpy() == 0).all()
    for ord in ("fro", "nuc", 1, 2, np.inf):
        assert L.matrix_norm(at.zeros(2, 0, 3), ord).tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="empty dimension"):
        L.vector_norm(at.zeros(0), np.inf)
    assert L.cond(at.zeros(3, 3), 1).item() == np.inf
    assert L.cond(at.zeros(0, 0)).item() == 0
    assert L.norm(at.ones(2, 2), dtype=at.float64).dtype == at.float64
