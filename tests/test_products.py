"""matmul and its strict forms, dot, outer, trace, det, inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape as at
from tests.oracle import check, normal


def pair(n, m, k, batch_a=(), batch_b=()):
    return normal(*batch_a, n, k), normal(*batch_b, k, m, seed=1)


PAIRS = {
    "2d 2d": pair(3, 4, 2),
    "1d 1d": (normal(3), normal(3, seed=1)),
    "1d 2d": (normal(3), normal(3, 4, seed=1)),
    "2d 1d": (normal(4, 3), normal(3, seed=1)),
    "1d 3d": (normal(3), normal(2, 3, 4, seed=1)),
    "3d 1d": (normal(2, 4, 3), normal(3, seed=1)),
    "1d 4d": (normal(3), normal(2, 2, 3, 4, seed=1)),
    "4d 1d": (normal(2, 1, 4, 3), normal(3, seed=1)),
    "3d 2d": (normal(2, 4, 3), normal(3, 2, seed=1)),
    "4d 2d": (normal(2, 1, 4, 3), normal(3, 2, seed=1)),
    "2d 3d": (normal(4, 3), normal(2, 3, 2, seed=1)),
    "batches": pair(3, 2, 2, (4,), (4,)),
    "broadcast batches": pair(2, 3, 2, (4, 1), (1, 3)),
    "broadcast to one": pair(2, 3, 2, (2, 3), (1,)),
    "size 1": pair(1, 1, 1),
    "no sum": pair(2, 3, 0),
    "no rows": pair(0, 3, 2),
    "no columns": pair(2, 0, 3, (2,), (2,)),
    "no batch": pair(2, 3, 2, (0,), (0,)),
    "3d 2d without a sum": (normal(2, 4, 0), normal(0, 2)),
    "3d 2d without a batch": (normal(0, 4, 3), normal(3, 2)),
    "transposed": (normal(2, 3).T, normal(4, 2).T),
    "reversed": (normal(4, 6)[::-1, ::2], normal(3, 4)[:, ::-1]),
    "strided": (normal(2, 3, 4)[:, :, ::2], normal(4, 3)[::2]),
}


@pytest.mark.parametrize("name", PAIRS)
def test_matmul(name):
    a, b = PAIRS[name]
    want = a @ b
    y = at.tensor(a) @ at.tensor(b)
    assert y.shape == want.shape
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-13, atol=1e-14)
    check(at.matmul, a, b)


@settings(max_examples=40)
@given(
    hnp.mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, max_side=3),
    st.integers(0, 3),
)
def test_matmul_of_broadcastable_shapes(shapes, seed):
    a, b = (normal(*s, seed=seed + i) for i, s in enumerate(shapes.input_shapes))
    y = at.matmul(at.tensor(a), at.tensor(b))
    assert y.shape == (a @ b).shape
    np.testing.assert_allclose(y.numpy(), a @ b, rtol=1e-12, atol=1e-14)
    check(at.matmul, a, b)


def test_matmul_with_itself():
    check(lambda t: t @ t, normal(3, 3), order=3)
    check(lambda t: t @ t.mT @ t, normal(2, 3))


def test_gradient_of_an_expanded_seed():
    a, w = normal(3, 4), normal(4, 2, seed=1)
    check(lambda x, y: (x @ y).sum(), a, w)
    check(lambda x, y: (x @ y).mean(0), a, w)


def test_writing_to_an_operand_before_backward_is_an_error():
    x, w = at.ones(2, 2, requires_grad=True), at.ones(2, 2, requires_grad=True)
    y = (x @ w).sum()
    with at.no_grad():
        w.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation: matmul"):
        y.backward()


def test_only_what_the_rules_need_is_kept():
    x, w = at.ones(5, 2), at.ones(2, 3, requires_grad=True)
    with at.Tape() as tape:
        y = x @ w
    assert tape[0].nbytes == x.nbytes  # not w, whose rule needs x only
    y.sum().backward()
    assert w.grad.tolist() == [[5] * 3] * 2


def test_operators():
    a, b = normal(2, 3), normal(3, 2, seed=1)
    t = at.tensor(a, requires_grad=True)
    for y in (t @ b, t @ at.tensor(b), np.matmul(t, b)):
        np.testing.assert_allclose(y.detach().numpy(), a @ b)
        assert y.requires_grad
    assert (b @ t).requires_grad
    for bad in (2.0, [1.0, 2.0, 3.0]):
        with pytest.raises(TypeError, match="unsupported operand type"):
            t @ bad
        with pytest.raises(TypeError, match="unsupported operand type"):
            bad @ t
    y = x = at.eye(2)
    y @= at.ones(2, 2)  # as in torch: a new tensor
    assert x.tolist() == [[1, 0], [0, 1]]


def test_complex():
    rng = np.random.default_rng(0)
    z = [rng.standard_normal(s) + 1j * rng.standard_normal(s) for s in ((2, 3), (3, 2), (3,))]
    check(at.matmul, z[0], z[1])
    check(at.matmul, z[0], z[2])
    check(at.dot, z[2], z[2][::-1])
    check(lambda a, b: at.einsum("ij,jk->ki", a, b), z[0], z[1])
    check(lambda a: at.inverse(a @ a.mT), z[0])
    check(lambda a: at.det(a @ a.mT), z[0])
    singular = np.outer(z[2], z[2]) + np.diag([0, 0, 1j])
    check(at.det, singular)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ((2, 3), (4, 5), r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 4x5\).*\[2, 3\].*\[4, 5\]"),
        ((2,), (4, 3), r"cannot be multiplied \(1x2 and 4x3\)"),
        ((2, 3), (4,), r"size mismatch, got input \(2\), mat \(2x3\), vec \(4\)"),
        ((2,), (4,), r"expected tensor \[2\] and src \[4\]"),
        ((), (4,), "at least 1D, but they are 0D and 1D"),
        ((4,), (), "at least 1D, but they are 1D and 0D"),
        (
            (2, 2, 3),
            (3, 3, 4),
            r"tensor a \(2\) must match the size of tensor b \(3\) at non-singleton dimension 0",
        ),
        (
            (5, 2, 2, 3),
            (4, 3, 4),
            r"tensor a \(2\) must match the size of tensor b \(4\) at non-singleton dimension 1",
        ),
        ((2, 2, 3), (2, 4, 4), r"cannot be multiplied \(2x3 and 4x4\)"),
        ((5, 2, 3), (2,), r"size mismatch, got input \(10\), mat \(10x3\), vec \(2\)"),
        ((5, 2, 3), (4, 2), r"cannot be multiplied \(10x3 and 4x2\)"),
        ((3,), (5, 2, 3), r"cannot be multiplied \(1x3 and 2x3\)"),
    ],
)
def test_shapes_that_do_not_fit(a, b, message):
    with pytest.raises(RuntimeError, match=message):
        at.matmul(at.zeros(a), at.zeros(b))


@pytest.mark.parametrize(("a", "b"), [((2, 3), (3, 2)), ((3,), (3,)), ((2, 2, 3), (2, 3, 2))])
def test_dtypes_must_be_equal(a, b):
    with pytest.raises(RuntimeError, match=r"float32.*float64"):
        at.matmul(at.zeros(a), at.zeros(b, dtype=at.float64))
    with pytest.raises(RuntimeError, match=r"float32.*int64"):
        at.matmul(at.zeros(a), at.zeros(b, dtype=at.int64))


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.float16, np.float32, np.float64, np.complex64])
def test_dtypes(dtype):
    a = at.tensor(np.ones((2, 3), dtype))
    assert (a @ a.mT).dtype == dtype
    assert (a @ a.mT).tolist() == [[3, 3], [3, 3]]
    with pytest.raises(NotImplementedError, match="bool"):
        at.matmul(at.ones(2, 2, dtype=at.bool), at.ones(2, 2, dtype=at.bool))


# --- the strict forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "a", "b"),
    [
        (at.mm, (2, 3), (3, 4)),
        (at.bmm, (2, 3, 4), (2, 4, 2)),
        (at.mv, (2, 3), (3,)),
        (at.dot, (3,), (3,)),
        (at.outer, (3,), (2,)),
        (at.mm, (0, 3), (3, 4)),
        (at.bmm, (0, 3, 4), (0, 4, 2)),
        (at.dot, (0,), (0,)),
        (at.outer, (0,), (2,)),
    ],
)
def test_strict_forms(f, a, b):
    x, y = normal(*a), normal(*b, seed=1)
    want = np.outer(x, y) if f is at.outer else x @ y
    np.testing.assert_allclose(f(at.tensor(x), at.tensor(y)).numpy(), want, rtol=1e-13, atol=1e-15)
    check(f, x, y)


@pytest.mark.parametrize(
    ("f", "a", "b", "message"),
    [
        (at.mm, (2, 3), (3,), r"mat2 must be a 2D tensor.*\[3\]"),
        (at.mm, (2, 3, 4), (3, 2), "input must be a 2D tensor"),
        (at.mm, (2, 3), (2, 3), r"\(2x3 and 2x3\)"),
        (at.bmm, (2, 3), (2, 3, 4), "input must be a 3D tensor"),
        (at.bmm, (2, 3, 4), (2, 3, 4), r"to be: \[2, 4\] but got: \[2, 3\]"),
        (at.bmm, (2, 3, 4), (1, 4, 3), r"to be: \[2, 4\] but got: \[1, 4\]"),
        (at.mv, (2, 3), (2,), "size mismatch"),
        (at.mv, (2, 3), (3, 1), "vec must be a 1D tensor"),
        (at.dot, (2, 3), (3,), "input must be a 1D tensor"),
        (at.dot, (3,), (2,), r"expected tensor \[3\] and src \[2\]"),
        (at.outer, (3,), (3, 2), "vec2 must be a 1D tensor"),
    ],
)
def test_strict_forms_are_strict(f, a, b, message):
    with pytest.raises(RuntimeError, match=message):
        f(at.zeros(a), at.zeros(b))


def test_outer_promotes():
    assert at.outer(at.tensor([1.0]), at.tensor([1, 2])).dtype == at.float32


def test_methods_and_names():
    a, v = at.tensor(normal(3, 3)), at.tensor(normal(3))
    for got, want in (
        (a.mm(mat2=a), a @ a),
        (a.mv(vec=v), a @ v),
        (v.dot(tensor=v), v @ v),
        (a.matmul(other=v), a @ v),
        (a[None].bmm(a[None]), (a @ a)[None]),
    ):
        np.testing.assert_array_equal(got.numpy(), want.numpy())
    assert v.outer(v).shape == (3, 3)
    with pytest.raises(TypeError, match="'mat2'"):
        at.mm(a, [[1.0]])


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (0, 3), (1, 1)])
def test_trace(shape):
    a = normal(*shape)
    np.testing.assert_allclose(at.trace(at.tensor(a)).item(), np.trace(a), rtol=1e-13)
    check(lambda t: at.trace(t) ** 2, a)
    with pytest.raises(RuntimeError, match="2D"):
        at.trace(at.ones(3))
    assert at.trace(at.ones(2, 2, dtype=at.int32)).dtype == at.int64


# --- inverse and det ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 3, 3), (2, 1, 2, 2), (0, 0), (0, 3, 3)])
def test_inverse(shape):
    a = normal(*shape) + 2 * np.eye(shape[-1])
    np.testing.assert_allclose(at.inverse(at.tensor(a)).numpy(), np.linalg.inv(a), rtol=1e-12)
    check(at.inverse, a)


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 3, 3), (2, 1, 2, 2), (0, 0), (0, 3, 3), (7, 7)])
def test_det(shape):
    a = normal(*shape)
    np.testing.assert_allclose(at.det(at.tensor(a)).numpy(), np.linalg.det(a), rtol=1e-12)
    check(at.det, a)


SINGULAR = {
    "zero": np.zeros((3, 3)),
    "zero 2x2": np.zeros((2, 2)),
    "zero 1x1": np.zeros((1, 1)),
    "rank 1": np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0]),
    "rank 2": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
    "rank 2 of 4": np.diag([1.0, 2.0, 0.0, 0.0]),
    "rank 3 of 4": normal(4, 3) @ normal(3, 4, seed=1),
    "nearly singular": np.diag([1.0, 2.0, 1e-12]),
    "batch of both": np.stack([np.eye(3), np.ones((3, 3)), normal(3, 3)]),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_det_of_singular_matrices_has_right_derivatives(name):
    a = SINGULAR[name]
    x = at.tensor(a, requires_grad=True)
    (g,) = at.autograd.grad(at.det(x).sum(), x)
    np.testing.assert_allclose(g.numpy(), cofactors(a), rtol=1e-9, atol=1e-12)
    for direction in (normal(*a.shape), normal(*a.shape, seed=1)):
        (g,) = at.autograd.grad(at.det(x).sum(), x, create_graph=True)
        (second,) = at.autograd.grad((g * at.tensor(direction)).sum(), x)
        h = 1e-3  # cofactors of matrices up to 3x3 are quadratic: differences are all but exact
        want = (cofactors_dotted(a, direction, h) - cofactors_dotted(a, direction, -h)) / (2 * h)
        np.testing.assert_allclose(second.numpy(), want, rtol=1e-5, atol=1e-5)


def cofactors(a):
    if a.ndim > 2:
        return np.stack([cofactors(m) for m in a])
    n = len(a)
    out = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            minor = np.delete(np.delete(a, i, 0), j, 1)
            out[i, j] = (-1) ** (i + j) * (np.linalg.det(minor) if n > 1 else 1)
    return out


def cofactors_dotted(a, direction, h):
    """Of the gradient along ``direction``: by symmetry, the derivative of the gradient in that direction."""
    return cofactors(a + h * direction)


def test_singular_inverse():
    for a in (np.zeros((2, 2)), np.stack([np.eye(2), np.ones((2, 2))])):
        with pytest.raises(RuntimeError, match="singular"):
            at.inverse(at.tensor(a))
        with pytest.raises(np.linalg.LinAlgError):
            at.inverse(at.tensor(a))
    with pytest.raises(RuntimeError, match=r"batch index \(1,\)"):
        at.inverse(at.tensor(a))


@pytest.mark.parametrize("f", [at.det, at.inverse])
def test_what_is_not_a_square_matrix(f):
    with pytest.raises(RuntimeError, match="2 by 3"):
        f(at.ones(2, 3))
    with pytest.raises(RuntimeError, match="at least 2 dimensions"):
        f(at.ones(3))
    with pytest.raises(RuntimeError, match="int64"):
        f(at.ones(2, 2, dtype=at.int64))
    with pytest.raises(NotImplementedError, match="float16"):
        f(at.ones(2, 2, dtype=at.float16))
    assert f(at.eye(2)).dtype == at.float32


def test_numpy_forms():
    a, b = normal(2, 3, 4), normal(5, 4, 2, seed=1)
    x, y = at.tensor(a), at.tensor(b)
    m = normal(3, 3)
    for got, want in (
        (np.dot(x, y), np.dot(a, b)),
        (np.dot(x[0], y[0]), np.dot(a[0], b[0])),
        (np.dot(x, y[0, :, 0]), np.dot(a, b[0, :, 0])),
        (np.dot(a, y), np.dot(a, b)),
        (np.dot(at.tensor(2.0, dtype=at.float64), y), 2 * b),
        (np.outer(x, y[0]), np.outer(a, b[0])),
        (np.matmul(x[:, None], y), np.matmul(a[:, None], b)),
        (np.trace(at.tensor(m), 1), np.trace(m, 1)),
        (np.trace(x, axis1=1, axis2=2), np.trace(a, axis1=1, axis2=2)),
        (np.linalg.trace(x, offset=1), np.linalg.trace(a, offset=1)),
        (np.linalg.det(at.tensor(m)), np.linalg.det(m)),
        (np.linalg.inv(at.tensor(m)), np.linalg.inv(m)),
        (np.einsum("ijk,lkm->ilm", x, y), np.einsum("ijk,lkm->ilm", a, b)),
    ):
        assert isinstance(got, at.Tensor)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-12, atol=1e-14)
    check(np.dot, a, b)
