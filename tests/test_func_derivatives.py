"""grad, vjp, jvp, Jacobians and Hessians of functions."""

import math
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.func import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, linearize, vjp, vmap

F64 = at.float64
X = at.tensor([0.3, 1.2, -0.5], dtype=F64)
A = at.tensor([[1.0, 2.0, 0.5], [0.0, -1.0, 3.0]], dtype=F64)


def cubic(x: at.Tensor) -> at.Tensor:
    return (x**3).sum()


def close(actual: Any, expected: Any) -> None:
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), rtol=1e-12, atol=1e-14)


# --- grad ---------------------------------------------------------------------------------------------------


def test_grad() -> None:
    close(grad(cubic)(X), 3 * X**2)
    gradient, value = grad_and_value(cubic)(X)
    close(gradient, 3 * X**2)
    close(value, cubic(X))
    assert not gradient.requires_grad
    assert not value.requires_grad
    gradient, (value, aux) = grad_and_value(lambda x: (cubic(x), {"x": x, "n": 3}), has_aux=True)(X)
    assert aux["n"] == 3
    assert not aux["x"].requires_grad
    assert grad(lambda x: (cubic(x), x), has_aux=True)(X)[1].tolist() == X.tolist()


def test_argnums_and_trees() -> None:
    def f(a: Any, b: Any, *, k: float = 1.0) -> at.Tensor:
        return (a["u"] * b[0] * b[1][0]).sum() * k

    a, b = {"u": X}, [X, (X,)]
    first = grad(f)(a, b, k=2.0)
    assert list(first) == ["u"]
    close(first["u"], 2 * X * X)
    both = grad(f, argnums=(1, 0))(a, b)
    assert isinstance(both, tuple)
    close(both[0][1][0], X * X)
    close(both[1]["u"], X * X)
    assert isinstance(grad(f, argnums=(-1,))(a, b), tuple)


def test_higher_orders() -> None:
    f = at.sin
    for order in range(1, 7):
        f = grad(f)
        close(f(at.tensor(0.7, dtype=F64)), math.sin(0.7 + order * math.pi / 2))


def test_no_perturbation_confusion() -> None:
    """d/dx (x * d/dy (x + y)) = 1, not 2; and an inner derivative that uses the outer variable twice."""
    x = at.tensor(3.0, dtype=F64)
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(x).item() == 1.0
    assert grad(lambda a: grad(lambda b: a * b * b)(a))(x).item() == 12.0
    assert grad(lambda a: grad(lambda b: a * a)(a))(x).item() == 0.0


def test_what_requires_grad() -> None:
    w = at.ones(3, dtype=F64, requires_grad=True)
    gradient = grad(lambda x: (x * x * w).sum())(X)
    assert gradient.requires_grad
    close(at.autograd.grad(gradient.sum(), w)[0], 2 * X)
    assert not grad(lambda x: (x * x + w).sum())(X).requires_grad
    leaf = X.clone().requires_grad_()
    gradient, value = grad_and_value(cubic)(leaf)
    close(at.autograd.grad(gradient.sum(), leaf, retain_graph=True)[0], 6 * X)
    close(at.autograd.grad(value, leaf)[0], 3 * X**2)
    assert leaf.grad is None
    assert w.grad is None


def test_gradient_modes() -> None:
    leaf = X.clone().requires_grad_()
    with at.no_grad():
        result = grad(cubic)(leaf)
    close(result, 3 * X**2)
    assert not result.requires_grad

    def f(x: at.Tensor) -> at.Tensor:
        with at.no_grad():
            shift = x * x
        return (x * shift).sum()

    close(grad(f)(X), X**2)

    def inner_off(x: at.Tensor) -> at.Tensor:
        with at.no_grad():
            return grad(cubic)(x).sum()

    close(grad(inner_off)(X), 0 * X)


def test_unused_constant_and_in_place() -> None:
    close(grad(lambda x: at.tensor(3.0))(X), 0 * X)
    x = X.clone()
    close(grad(lambda v: v.mul_(2).sum())(x), [2.0, 2.0, 2.0])
    close(x, 2 * X)
    close(grad(lambda v: (v.clone().mul_(v)).sum())(X), 2 * X)


def test_complex() -> None:
    z = at.tensor([1 + 2j, 3 - 1j])
    close(grad(lambda z: (z * z.conj()).real.sum())(z), 2 * z)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: grad(lambda x: x)(X), RuntimeError, "scalar Tensor, got tensor with 1 dims"),
        (lambda: grad(lambda x: 3.0)(X), RuntimeError, "to return a Tensor, got <class 'float'>"),
        (lambda: grad(cubic, has_aux=True)(X), RuntimeError, "should be a tuple"),
        (lambda: grad(cubic)(at.arange(3)), RuntimeError, "floating point"),
        (lambda: grad(cubic)(3.0), ValueError, "must be Tensor"),
        (lambda: grad(cubic, argnums=1)(X), RuntimeError, "Got argnum=1, but only 1"),
        (lambda: grad(cubic, argnums=())(X), RuntimeError, "must be non-empty"),
        (lambda: grad(cubic, argnums="a")(X), RuntimeError, "argnums must be int"),  # type: ignore[arg-type]
        (lambda: grad(cubic, argnums=(0, 0))(X), RuntimeError, "unique"),
        (lambda: vjp(at.sin, X)[1](X[:2]), RuntimeError, "Mismatch in shape"),
        (lambda: vjp(at.sin, X)[1]((X,)), RuntimeError, "pytree structure of cotangents"),
        (lambda: vjp(lambda x: 3.0, X), RuntimeError, "only tensors"),
        (lambda: jvp(at.sin, X, X), RuntimeError, "primals to be a tuple"),  # type: ignore[arg-type]
        (lambda: jvp(at.sin, (X,), (X, X)), RuntimeError, "same python structure"),
        (lambda: jvp(at.sin, (X,), (X[:2],)), RuntimeError, "same shape"),
        (lambda: jvp(lambda x: at.ones(2), (X,), (X,), strict=True), RuntimeError, "independent of the"),
        (lambda: jacrev(at.sin, chunk_size=0), ValueError, "greater than 0"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# --- vjp, jvp, linearize ------------------------------------------------------------------------------------


def f(x: at.Tensor, y: at.Tensor) -> dict[str, Any]:
    return {"u": (A @ x).sin() * y, "v": [x.sum() * y.prod(), y * 2]}


Y = at.tensor([0.5, -2.0], dtype=F64)


def test_vjp_and_jvp_are_adjoint() -> None:
    rng = np.random.default_rng(0)
    dx, dy = at.from_numpy(rng.normal(size=3)), at.from_numpy(rng.normal(size=2))
    output, pushed = jvp(f, (X, Y), (dx, dy))
    cotangent = {
        "u": at.from_numpy(rng.normal(size=2)),
        "v": [at.tensor(0.7, dtype=F64), at.from_numpy(rng.normal(size=2))],
    }
    same, pull = vjp(f, X, Y)
    close(output["v"][0], same["v"][0])
    gx, gy = pull(cotangent)
    left = (gx * dx).sum() + (gy * dy).sum()
    right = (
        (cotangent["u"] * pushed["u"]).sum()
        + cotangent["v"][0] * pushed["v"][0]
        + (cotangent["v"][1] * pushed["v"][1]).sum()
    )
    close(left, right)
    again = pull(cotangent)  # as often as one likes
    close(again[0], gx)
    output, push = linearize(f, X, Y)
    close(push(dx, dy)["u"], pushed["u"])
    close(push(2 * dx, 2 * dy)["u"], 2 * pushed["u"])
    assert not pushed["u"].requires_grad


def test_constants_and_aux() -> None:
    _, pushed, aux = jvp(lambda x: ((x, at.ones(2)), "aux"), (X,), (X,), has_aux=True)
    assert aux == "aux"
    close(pushed[0], X)
    close(pushed[1], [0.0, 0.0])
    _, pull, aux = vjp(lambda x: (x * 2, x), X, has_aux=True)
    close(pull(X)[0], 2 * X)
    assert not aux.requires_grad


def test_derivatives_of_products() -> None:
    """vjp and jvp can be differentiated, by the point and by the vector."""
    v = at.tensor([1.0, -1.0, 2.0], dtype=F64)
    close(grad(lambda x: jvp(cubic, (x,), (v,))[1])(X), 6 * X * v)
    close(grad(lambda u: jvp(cubic, (X,), (u,))[1])(v), 3 * X**2)
    close(jvp(grad(cubic), (X,), (v,))[1], 6 * X * v)
    close(jvp(lambda x: jvp(cubic, (x,), (v,))[1], (X,), (v,))[1], (6 * X * v * v).sum())
    close(grad(lambda x: vjp(lambda z: z**3, x)[1](v)[0].sum())(X), 6 * X * v)
    w = at.ones(3, dtype=F64, requires_grad=True)
    _, pull = vjp(lambda x: x * x, X)
    close(at.autograd.grad(pull(w * w)[0].sum(), w)[0], 4 * X)


# --- Jacobians ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_jacobian(transform: Any) -> None:
    close(transform(lambda x: A @ x)(X), A)
    close(transform(lambda x: (A @ x).sin())(X), (A @ X).cos()[:, None] * A)
    close(transform(lambda x: x[None] * 2)(X), 2 * at.eye(3)[None])
    both = transform(lambda x, y: {"p": x[:2] * y}, argnums=(0, 1))(X, Y)
    close(both["p"][0], at.diag(Y) @ at.eye(2, 3, dtype=F64))
    close(both["p"][1], at.diag(X[:2]))
    tree = transform(lambda d: (d["a"] * 2, d["b"].sum()))({"a": X, "b": Y})
    close(tree[0]["a"], 2 * at.eye(3))
    close(tree[0]["b"], at.zeros(3, 2))
    close(tree[1]["b"], [1.0, 1.0])
    jacobian, aux = transform(lambda x: (x * x, x), has_aux=True)(X)
    close(jacobian, at.diag(2 * X))
    assert not aux.requires_grad
    assert not jacobian.requires_grad
    close(transform(lambda x: at.ones(2))(X), at.zeros(2, 3))
    close(transform(transform(cubic))(X), at.diag(6 * X))
    close(transform(lambda x: x.sin(), chunk_size=2)(X), at.diag(X.cos()))
    assert transform(lambda x: x[:0])(X).shape == (0, 3)


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_jacobians_of_a_batch(transform: Any) -> None:
    batch = at.stack([X, 2 * X, -X])

    def g(x: at.Tensor) -> at.Tensor:
        return (A @ x).sin() * x[0]

    close(vmap(transform(g))(batch), at.stack([transform(g)(x) for x in batch]))
    w = X.clone().requires_grad_()
    total = transform(lambda x: (x * w).sin())(X).sum()
    close(at.autograd.grad(total, w)[0], (X * X).cos() - X * X * (X * X).sin())


def test_hessian() -> None:
    close(hessian(cubic)(X), at.diag(6 * X))
    rows = hessian(lambda x, y: (x * y * y).sum(), argnums=(0, 1))(X, X)
    close(rows[0][0], at.zeros(3, 3))
    close(rows[0][1], at.diag(2 * X))
    close(rows[1][0], at.diag(2 * X))
    close(vmap(hessian(cubic))(at.stack([X, 2 * X])), at.stack([at.diag(6 * X), at.diag(12 * X)]))
    close(grad(lambda x: hessian(lambda v: (v**4).sum())(x).sum())(X), 24 * X)


def test_batched_gradients() -> None:
    x = X.clone().requires_grad_()
    y = (A @ x).sin()
    (rows,) = at.autograd.grad(y, x, at.eye(2, dtype=F64), is_grads_batched=True, create_graph=True)
    close(rows.detach(), (A @ X).cos()[:, None] * A)
    (second,) = at.autograd.grad(rows.sum(), x)
    close(second, -((A @ X).sin()[:, None] * A).sum(1) @ A)
    unused = at.zeros(2, requires_grad=True)
    found = at.autograd.grad(
        A @ x, (unused, x), at.eye(2, dtype=F64), allow_unused=True, is_grads_batched=True
    )
    assert found[0] is None
    close(found[1], A)


@pytest.mark.parametrize("strategy", ["reverse-mode", "forward-mode"])
def test_vectorized(strategy: str) -> None:
    jacobian = at.autograd.functional.jacobian

    def g(x: at.Tensor, y: at.Tensor) -> tuple[at.Tensor, at.Tensor]:
        return (A @ x) * y, x * x

    one = jacobian(g, (X, Y), vectorize=True, strategy=strategy)
    two = jacobian(g, (X, Y))
    for p, q in zip(one, two, strict=True):
        for a, b in zip(p, q, strict=True):
            close(a, b)
    close(jacobian(at.sin, X, vectorize=True, strategy=strategy), at.diag(X.cos()))
    pair = jacobian(lambda x: (x, x * 2), X, vectorize=True, strategy=strategy)
    close(pair[1], 2 * at.eye(3))
    close(at.autograd.functional.hessian(cubic, X, vectorize=True), at.diag(6 * X))
