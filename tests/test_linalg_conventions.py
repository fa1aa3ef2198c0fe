"""at.linalg where there is no answer, or more than one: errors, degenerate cases, phases; and its forms."""

from __future__ import annotations

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

L = at.linalg
F64 = at.float64


def complexes(*shape, seed=0):
    return normal(*shape, seed=seed) + 1j * normal(*shape, seed=seed + 100)


# --- errors -------------------------------------------------------------------------------------------------

OF_SQUARE = [
    L.inv,
    L.inv_ex,
    L.det,
    L.slogdet,
    L.cholesky,
    L.cholesky_ex,
    L.eigh,
    L.eigvalsh,
    L.eig,
    L.eigvals,
    L.matrix_exp,
    at.logdet,
    at.inverse,
    at.cholesky,
    at.cholesky_inverse,
    lambda a: L.matrix_power(a, 2),
    lambda a: L.solve(a, a),
    lambda a: L.solve_triangular(a, a, upper=True),
    lambda a: L.pinv(a, hermitian=True),
    lambda a: L.cond(a, 1),
]
OF_ANY = [
    L.svd,
    L.svdvals,
    L.qr,
    L.lu,
    L.lu_factor,
    L.pinv,
    L.matrix_rank,
    L.matrix_norm,
    L.cond,
    at.svd,
    at.qr,
]


@pytest.mark.parametrize("f", OF_SQUARE + OF_ANY)
def test_what_is_not_a_matrix_of_floats(f):
    with pytest.raises(RuntimeError, match=r"2 or more dimensions|at least 2 dimensions"):
        f(at.ones(3))
    with pytest.raises(RuntimeError, match="int64"):
        f(at.eye(2, dtype=at.int64))
    with pytest.raises(TypeError, match="must be a Tensor"):
        f([[1.0]])


@pytest.mark.parametrize("f", OF_SQUARE)
def test_what_is_not_square(f):
    with pytest.raises(RuntimeError, match="2 by 3"):
        f(at.ones(2, 3))


@pytest.mark.parametrize("f", [L.inv, L.svd, L.qr, L.eigh, L.lu, L.cholesky, L.pinv])
def test_half_precision_is_not_there(f):
    with pytest.raises(NotImplementedError, match="float16"):
        f(at.eye(2, dtype=at.float16))


SINGULAR = np.stack([np.eye(2), np.ones((2, 2))])


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (L.inv, r"batch index \(1,\).*singular"),
        (lambda a: L.solve(a, a), r"batch index \(1,\).*singular"),
        (L.lu_factor, r"batch index \(1,\): U\[2,2\] is zero"),
        (lambda a: L.cholesky(a - 1), r"batch index \(0,\).*leading minor of order 1"),
        (lambda a: L.svd(a / 0), "non-finite"),
        (lambda a: L.eigh(a * float("nan")), "non-finite"),
        (lambda a: L.eig(a / 0), "infs or NaNs"),
        (lambda a: L.matrix_power(a, -1), "singular"),
        (lambda a: L.inv_ex(a, check_errors=True), "singular"),
        (lambda a: L.cholesky_ex(a - 1, check_errors=True), "leading minor"),
    ],
)
def test_failures_are_named(f, message):
    a = at.from_numpy(SINGULAR)
    for kind in (RuntimeError, np.linalg.LinAlgError, L.LinAlgError):
        with pytest.raises(kind, match=message):
            f(a)


def test_ex_functions_report():
    inverse, info = L.inv_ex(at.from_numpy(SINGULAR))
    assert info.tolist() == [0, 2]
    assert inverse[0].tolist() == [[1, 0], [0, 1]]
    assert np.isnan(inverse[1].numpy()).all()
    factor, info = L.cholesky_ex(at.from_numpy(SINGULAR * 4 - np.eye(2) * 2))
    assert info.tolist() == [0, 2]
    assert info.dtype == at.int32
    assert np.isnan(factor[1].numpy()).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: L.solve(at.eye(3), at.ones(2, 2)), r"Incompatible shapes.*3x3 and 2x2"),
        (lambda: L.solve(at.eye(3), at.ones(2)), "Incompatible shapes"),
        (lambda: L.solve(at.eye(3), at.ones(3), left=False), "Vector broadcasting"),
        (lambda: L.solve(at.eye(3), at.ones(3, dtype=F64)), "same dtype"),
        (lambda: L.solve(at.ones(2, 3, 3), at.ones(4, 3, 1)), "batch dimensions"),
        (lambda: L.solve_triangular(at.eye(3), at.ones(2, 2), upper=True), "Incompatible shapes"),
        (lambda: L.qr(at.eye(2), "full"), "unrecognized mode"),
        (lambda: L.eigh(at.eye(2), "X"), "UPLO"),
        (lambda: L.lu(at.eye(2), pivot=False), "without pivoting"),
        (lambda: L.lstsq(at.eye(2), at.ones(2), driver="x"), "driver"),
        (lambda: L.lstsq(at.eye(2), at.ones(3, 1)), "as many rows"),
        (lambda: L.svd(at.eye(2), driver="x"), "driver"),
        (lambda: L.lu_solve(at.eye(2), at.ones(2), at.ones(2, 1)), "int32"),
        (lambda: L.tensorinv(at.ones(2, 3), 1), "2 != 3|3 != 2"),
        (lambda: L.tensorinv(at.ones(2, 2), 0), "strictly positive"),
        (lambda: L.tensorsolve(at.ones(2, 3), at.ones(2)), "3 != 2"),
        (lambda: L.multi_dot([at.ones(2)]), "at least 2"),
        (lambda: L.multi_dot([at.ones(2, 3), at.ones(2, 3)]), "cannot be multiplied"),
        (lambda: L.multi_dot([at.ones(2, 3), at.ones(3), at.ones(3)]), "must be 2D"),
        (lambda: L.cross(at.ones(2), at.ones(2)), "length 3"),
        (lambda: L.cross(at.ones(3), at.ones(1, 3)), "same number of dimensions"),
        (lambda: L.vecdot(at.ones(2), at.ones(2, dtype=F64)), "same dtype"),
        (lambda: L.vander(at.ones(2), 0), "greater than 0"),
        (lambda: L.norm(at.ones(2, 2, 2), 2), "1D or 2D"),
        (lambda: L.norm(at.ones(2, 2, 2), 2, dim=(0, 1, 2)), "length 1 or 2"),
        (lambda: L.norm(at.ones(2), "fro"), "matrix norm"),
        (lambda: L.matrix_norm(at.ones(2, 2), 3), "not supported"),
        (lambda: L.matrix_norm(at.ones(2, 2), dim=(0, 0)), "must be different"),
        (lambda: L.vector_norm(at.ones(2), "nuc"), "not supported"),
        (lambda: at.tensordot(at.ones(2, 3), at.ones(2, 3), 1), "size 3 in dim 1"),
        (lambda: at.tensordot(at.ones(2), at.ones(2), 2), "dims"),
        (lambda: at.inner(at.ones(2), at.ones(3)), "last dimension"),
        (lambda: at.vander(at.ones(2, 2)), "one-dimensional"),
        (lambda: at.addmm(at.ones(3), at.ones(2, 2), at.ones(2, 2)), "does not broadcast"),
        (lambda: at.addmm(at.ones(2, dtype=F64), at.ones(2, 2), at.ones(2, 2)), "same dtype"),
        (
            lambda: at.addr(at.ones(2, 2, dtype=at.int64), at.ones(2).int(), at.ones(2).int(), alpha=0.5),
            "floating",
        ),
        (lambda: at.ones(1).addmv_(at.ones(2, 2), at.ones(2)), "shape"),
        (lambda: at.addbmm(at.ones(2, 2), at.ones(2, 2, 3), at.ones(3, 3, 2)), "first two dimensions"),
        (lambda: at.cdist(at.ones(2, 3), at.ones(2, 2)), "same number of columns"),
        (lambda: at.cdist(at.ones(3), at.ones(2, 3)), "at least 2D"),
        (lambda: at.cdist(at.ones(2, 3), at.ones(2, 3), p=-1), "non-negative"),
        (lambda: at.pdist(at.ones(3)), "2D"),
        (lambda: at.cholesky_solve(at.ones(3, 1), at.eye(2)), "Incompatible"),
    ],
)
def test_messages(call, message):
    with pytest.raises(RuntimeError, match=message):
        call()


# --- degenerate ---------------------------------------------------------------------------------------------


def test_equal_eigenvalues_and_singular_values():
    x = at.eye(3, dtype=F64, requires_grad=True)
    for values in (L.svdvals, L.eigvalsh, lambda a: L.eigh(a).eigenvalues, lambda a: L.svd(a).S, L.eigvals):
        (g,) = at.autograd.grad(values(x).sum().abs(), x)
        np.testing.assert_allclose(g.numpy(), np.eye(3), atol=1e-15)
    for vectors in (lambda a: L.svd(a).U, lambda a: L.svd(a).Vh, lambda a: L.eigh(a).eigenvectors):
        (g,) = at.autograd.grad((vectors(x) * at.from_numpy(normal(3, 3))).sum(), x)
        assert not np.isfinite(g.numpy()).all()


def test_qr_that_has_no_derivative():
    x = at.ones(4, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="nrows > ncols"):
        L.qr(x, "complete").R.sum().backward()
    with pytest.raises(RuntimeError, match="mode='r'"):
        L.qr(x, "r").R.sum().backward()
    assert L.qr(x, "r").Q.shape == (0,)


@pytest.mark.parametrize(
    "vectors",
    [
        lambda a: L.svd(a).U,
        lambda a: L.svd(a).Vh,
        lambda a: L.eigh(a + a.mH).eigenvectors,
        lambda a: L.eig(a).eigenvectors,
    ],
)
def test_losses_that_depend_on_a_phase(vectors):
    x = at.from_numpy(complexes(3, 3)).requires_grad_()
    with pytest.raises(RuntimeError, match="ill-defined"):
        vectors(x).imag.sum().backward()
    vectors(x).abs().sum().backward()


def test_phase_invariant_losses_have_right_derivatives():
    def loss(a):
        u, s, vh = L.svd(a, full_matrices=False)
        return (u[..., :, :1] * s[..., None, :1]) @ vh[..., :1, :]

    check(loss, complexes(4, 3), rtol=1e-6)
    check(loss, complexes(2, 3), rtol=1e-6)


def test_slogdet_of_singular_and_negative():
    sign, log = L.slogdet(at.from_numpy(np.stack([np.zeros((2, 2)), [[0.0, 1.0], [1.0, 0.0]]])))
    assert sign.tolist() == [0, -1]
    assert log.tolist() == [-np.inf, 0]
    assert np.isnan(at.logdet(at.from_numpy(np.diag([-1.0, 1.0]))).item())
    assert at.logdet(at.zeros(2, 2)).item() == -np.inf
    x = at.zeros(2, 2, requires_grad=True)
    (g,) = at.autograd.grad(L.slogdet(x).logabsdet, x)
    assert not np.isfinite(g.numpy()).any()


def test_a_zero_on_the_diagonal_of_a_triangle_gives_infinity():
    a = at.tensor([[1.0, 2.0], [0.0, 0.0]])
    assert L.solve_triangular(a, at.ones(2, 1), upper=True).tolist() == [[-np.inf], [np.inf]]
    assert L.solve_triangular(a.mT, at.ones(2, 1), upper=False).numpy()[1, 0] == -np.inf


# --- forms --------------------------------------------------------------------------------------------------


def test_only_one_triangle_is_looked_at():
    a = normal(3, 3)
    low = np.tril(a) + np.tril(a, -1).T
    for f in (L.eigvalsh, lambda t: L.cholesky(t + 9 * at.eye(3, dtype=F64))):
        np.testing.assert_allclose(f(at.from_numpy(a)).numpy(), f(at.from_numpy(low)).numpy(), rtol=1e-12)
    upper = L.cholesky(at.from_numpy(a + 9 * np.eye(3)), upper=True).numpy()
    high = np.triu(a) + np.triu(a, 1).T + 9 * np.eye(3)
    np.testing.assert_allclose(upper.T @ upper, high, rtol=1e-12)


OUTS = [
    (L.inv, 1),
    (L.det, 1),
    (L.slogdet, 2),
    (L.cholesky, 1),
    (L.qr, 2),
    (L.lu, 3),
    (L.lu_factor, 2),
    (L.svd, 3),
    (L.svdvals, 1),
    (L.eigh, 2),
    (L.eigvalsh, 1),
    (L.pinv, 1),
    (L.cond, 1),
    (L.norm, 1),
    (L.vector_norm, 1),
    (L.matrix_norm, 1),
    (at.inverse, 1),
    (at.cholesky, 1),
    (at.qr, 2),
    (at.svd, 3),
    (L.inv_ex, 2),
    (L.cholesky_ex, 2),
    (at.cholesky_inverse, 1),
    (at.norm, 1),
]


@pytest.mark.parametrize(("f", "count"), OUTS)
def test_out(f, count):
    a = normal(3, 3)
    x = at.from_numpy(a @ a.T + np.eye(3))
    want = f(x)
    parts = [want] if count == 1 else list(want)
    outs = [at.empty(0, dtype=p.dtype) for p in parts]
    got = f(x, out=outs[0] if count == 1 else tuple(outs))
    for out, part in zip(outs, parts, strict=True):
        np.testing.assert_array_equal(out.numpy(), part.numpy())
    assert (got is outs[0]) if count == 1 else type(got) is type(want)


def test_named_results():
    a = at.eye(2)
    assert L.svd(a)._fields == ("U", "S", "Vh")
    assert at.svd(a)._fields == ("U", "S", "V")
    assert L.qr(a)._fields == ("Q", "R")
    assert L.eigh(a)._fields == L.eig(a)._fields == ("eigenvalues", "eigenvectors")
    assert L.slogdet(a)._fields == ("sign", "logabsdet")
    assert L.lu(a)._fields == ("P", "L", "U")
    assert L.lu_factor(a)._fields == ("LU", "pivots")
    assert L.inv_ex(a)._fields == ("inverse", "info")
    assert L.cholesky_ex(a)._fields == ("L", "info")
    assert at.triangular_solve(a, a)._fields == ("solution", "cloned_coefficient")
    assert L.lstsq(a, a)._fields == ("solution", "residuals", "rank", "singular_values")


def test_root_functions_are_methods():
    a = at.from_numpy(normal(3, 3) + 3 * np.eye(3))
    for name in (
        "inverse",
        "det",
        "slogdet",
        "logdet",
        "matrix_exp",
        "pinverse",
        "qr",
        "svd",
        "trace",
        "norm",
    ):
        got, want = getattr(a, name)(), getattr(at, name)(a)
        for x, y in zip(*[[t] if isinstance(t, at.Tensor) else t for t in (got, want)], strict=True):
            np.testing.assert_array_equal(x.numpy(), y.numpy())
    np.testing.assert_array_equal(a.matrix_power(2).numpy(), (a @ a).numpy())
    u, s, v = a.svd(compute_uv=False)
    assert (u.numpy() == 0).all()
    assert (v.numpy() == 0).all()
    assert s.shape == (3,)


def test_numpy_functions_on_tensors():
    a, b = normal(3, 3) + 3 * np.eye(3), normal(3, 2)
    x, y = at.from_numpy(a).requires_grad_(), at.from_numpy(b)
    n = np.linalg
    for f in (
        n.inv,
        n.det,
        n.eigvals,
        n.pinv,
        n.svdvals,
        n.matrix_norm,
        n.norm,
        n.cond,
        n.vector_norm,
        n.matrix_rank,
        lambda t: n.matrix_power(t, 3),
        lambda t: n.norm(t, 2),
        lambda t: n.norm(t, "nuc", axis=(0, 1)),
        lambda t: n.slogdet(t)[1],
        lambda t: n.qr(t)[1],
        lambda t: n.svd(t)[1],
        lambda t: n.eig(t)[0],
        lambda t: n.cholesky(t @ t.mT),
        lambda t: n.eigh(t @ t.mT)[0],
        lambda t: n.eigvalsh(t @ t.mT),
        lambda t: n.multi_dot([t, t, t]),
        lambda t: np.cross(t, t[0]),
        lambda t: np.kron(t, t),
        lambda t: np.inner(t, t),
        lambda t: np.tensordot(t, t, 1),
        lambda t: n.svd(t, compute_uv=False),
    ):
        got = f(x)
        assert isinstance(got, at.Tensor)
        np.testing.assert_allclose(got.detach().numpy(), f(a), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(n.solve(x, y).detach().numpy(), n.solve(a, b), rtol=1e-11)
    np.testing.assert_allclose(n.solve(x, y[:, 0]).detach().numpy(), n.solve(a, b[:, 0]), rtol=1e-11)
    np.testing.assert_allclose(n.lstsq(x, y, rcond=None)[0].detach().numpy(), n.solve(a, b), rtol=1e-10)
