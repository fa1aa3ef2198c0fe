"""autograd.functional: Jacobians, Hessians and their products with vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.autograd import functional as AF
from autotape.autograd import grad, gradcheck


def tensor(*values: Any, requires_grad: bool = False) -> at.Tensor:
    return at.tensor(np.array(values, np.float64), requires_grad=requires_grad)


X, Y, V = tensor(1.0, 2.0), tensor(3.0, -1.0), tensor(10.0, 100.0)


def quadratic(x: at.Tensor, y: at.Tensor) -> at.Tensor:
    return (x * x * y).sum() + x[0] * y[1] * y[1]


HESSIAN = np.array(  # of quadratic at (X, Y), by hand
    [
        [6.0, 0.0, 2.0, -2.0],
        [0.0, -2.0, 0.0, 4.0],
        [2.0, 0.0, 0.0, 0.0],
        [-2.0, 4.0, 0.0, 2.0],
    ]
)


def blocks(rows: Any) -> np.ndarray[Any, Any]:
    return np.block([[t.numpy() for t in row] for row in rows])


# --- values -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vectorize", [False, True])
def test_jacobian_of_one_input_and_output(vectorize: bool) -> None:
    jac = AF.jacobian(lambda x: at.stack([x[0] * x[1], x[0], x[1] * x[1]]), X, vectorize=vectorize)
    assert jac.tolist() == [[2.0, 1.0], [1.0, 0.0], [0.0, 4.0]]
    assert not jac.requires_grad


def test_jacobian_shapes_are_output_then_input() -> None:
    x = at.tensor(np.arange(6.0).reshape(2, 3))
    jac = AF.jacobian(lambda x: x.transpose(0, 1) * 2, x)
    assert jac.shape == (3, 2, 2, 3)
    assert np.array_equal(
        jac.numpy().reshape(6, 6), 2 * np.eye(6).reshape(2, 3, 6).swapaxes(0, 1).reshape(6, 6)
    )
    assert AF.jacobian(lambda x: x.sum(), x).shape == (2, 3)
    assert AF.jacobian(lambda x: x[:0], x).shape == (0, 3, 2, 3)
    assert AF.jacobian(lambda x: x * 2, x[:, :0]).shape == (2, 0, 2, 0)


def test_structure_follows_inputs_and_outputs() -> None:
    both = AF.jacobian(lambda x, y: (x * y, x.sum()), (X, Y))
    assert [[t.shape for t in row] for row in both] == [[(2, 2), (2, 2)], [(2,), (2,)]]
    assert both[0][0].tolist() == [[3.0, 0.0], [0.0, -1.0]]
    assert both[1][1].tolist() == [0.0, 0.0]
    one = AF.jacobian(lambda x, y: x * y, (X, Y))
    assert isinstance(one, tuple)
    assert one[1].tolist() == [[1.0, 0.0], [0.0, 2.0]]
    assert isinstance(AF.jacobian(lambda x: (x,), X), tuple)
    assert isinstance(AF.jacobian(lambda x: x, (X,)), tuple)
    ((only,),) = AF.hessian(lambda x: (x * x).sum(), (X,))
    assert only.tolist() == [[2.0, 0.0], [0.0, 2.0]]


@pytest.mark.parametrize("vectorize", [False, True])
def test_hessian(vectorize: bool) -> None:
    assert np.array_equal(blocks(AF.hessian(quadratic, (X, Y), vectorize=vectorize)), HESSIAN)
    one = AF.hessian(lambda x: quadratic(x, Y).reshape(1, 1), X)
    assert np.array_equal(one.numpy(), HESSIAN[:2, :2])


def test_products_with_vectors() -> None:
    f = lambda x, y: at.stack([x[0] * y[1], x[1] * x[1], y[0]])  # noqa: E731
    jac = np.hstack([t.numpy() for t in AF.jacobian(f, (X, Y))])
    v = tensor(1.0, 10.0, 100.0)
    out, product = AF.vjp(f, (X, Y), v)
    assert out.tolist() == f(X, Y).tolist()
    assert np.array_equal(np.hstack([t.numpy() for t in product]), v.numpy() @ jac)
    out, product = AF.jvp(f, (X, Y), (V, tensor(1.0, 2.0)))
    assert out.tolist() == f(X, Y).tolist()
    assert np.array_equal(product.numpy(), jac @ [10.0, 100.0, 1.0, 2.0])
    w = np.array([10.0, 100.0, 1.0, 2.0])
    for function in (AF.hvp, AF.vhp):
        out, product = function(quadratic, (X, Y), (V, tensor(1.0, 2.0)))
        assert out.item() == quadratic(X, Y).item()
        assert np.array_equal(np.hstack([t.numpy() for t in product]), HESSIAN @ w)
    for t in (out, *product):
        assert not t.requires_grad


def test_v_may_be_left_out_for_one_element() -> None:
    scalar = at.tensor(np.array(3.0))
    assert AF.vjp(lambda x: (x * x).sum(), X)[1].tolist() == [2.0, 4.0]
    assert AF.jvp(lambda x: x * x, scalar)[1].item() == 6.0
    assert AF.hvp(lambda x: x * x * x, scalar)[1].item() == 18.0
    assert AF.vhp(lambda x: x * x * x, scalar)[1].item() == 18.0
    with pytest.raises(RuntimeError, match="v can only be None if the user-provided function returns"):
        AF.vjp(lambda x: x * x, X)
    for function in (AF.jvp, AF.hvp, AF.vhp):
        with pytest.raises(RuntimeError, match="v can only be None if the input"):
            function(lambda x: (x * x).sum(), X)


# --- what has no derivative ---------------------------------------------------------------------------------


def test_constant_functions_have_zero_derivatives() -> None:
    constant = lambda x: tensor(1.0, 2.0, 3.0)  # noqa: E731
    assert AF.jacobian(constant, X).tolist() == [[0.0, 0.0]] * 3
    assert AF.vjp(constant, X, tensor(1.0, 1.0, 1.0))[1].tolist() == [0.0, 0.0]
    assert AF.jvp(constant, X, V)[1].tolist() == [0.0, 0.0, 0.0]
    for function in (lambda x: tensor(4.0), lambda x: (x * 2).sum()):
        assert AF.hessian(function, X).tolist() == [[0.0, 0.0], [0.0, 0.0]]
        assert AF.hvp(function, X, V)[1].tolist() == [0.0, 0.0]
        assert AF.vhp(function, X, V)[1].tolist() == [0.0, 0.0]
    out, (a, b) = AF.hvp(lambda x, y: (x * x).sum(), (X, Y), (V, V))
    assert (out.item(), a.tolist(), b.tolist()) == (5.0, [20.0, 200.0], [0.0, 0.0])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: AF.jacobian(lambda x: tensor(1.0), X, strict=True),
            "Output 0 .* does not require gradients",
        ),
        (lambda: AF.jacobian(lambda x, y: x * 1, (X, Y), strict=True), "Output 0 .* independent of input 1"),
        (lambda: AF.jacobian(lambda x: x * 2, X, True, strict=True), "jacobian .* independent of input 0"),
        (lambda: AF.hessian(lambda x: (x * 2).sum(), X, strict=True), "jacobian .* input 0 is independent"),
        (lambda: AF.hessian(lambda x: tensor(1.0), X, strict=True), "Output 0 .* does not require gradients"),
        (lambda: AF.vjp(lambda x, y: x.sum(), (X, Y), strict=True), "independent of input 1"),
        (lambda: AF.vjp(lambda x: x * 1, X, V, True, True), "independent of input 0"),
        (lambda: AF.jvp(lambda x: (x * 1, Y), X, V, strict=True), "Output 1 .* does not require gradients"),
        (lambda: AF.hvp(lambda x: (x * 2).sum(), X, V, strict=True), "jacobian .* input 0 is independent"),
        (lambda: AF.vhp(lambda x, y: (x * x).sum(), (X, Y), (V, V), strict=True), "independent of input 1"),
    ],
)
def test_strict_refuses_independence(call: Any, text: str) -> None:
    with pytest.raises(RuntimeError, match=text + ".*not allowed in strict mode"):
        call()


def test_strict_passes_what_depends() -> None:
    assert AF.jacobian(lambda x: x * 2, X, strict=True).tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert AF.hessian(lambda x: (x * x).sum(), X, strict=True).tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert AF.vjp(lambda x: x * x, X, V, strict=True)[1].tolist() == [20.0, 400.0]
    assert AF.jvp(lambda x: x * x, X, V, strict=True)[1].tolist() == [20.0, 400.0]
    assert AF.hvp(lambda x: (x * x * x).sum(), X, V, strict=True)[1].tolist() == [60.0, 1200.0]
    assert AF.vhp(lambda x: (x * x * x).sum(), X, V, strict=True)[1].tolist() == [60.0, 1200.0]


# --- create_graph -------------------------------------------------------------------------------------------


def test_results_can_be_differentiated() -> None:
    x = tensor(1.0, 2.0, requires_grad=True)
    cube = lambda x: x * x * x  # noqa: E731
    scalar = lambda x: (x * x * x).sum()  # noqa: E731
    for function in (
        lambda x: AF.jacobian(cube, x, create_graph=True),
        lambda x: AF.hessian(lambda x: (x * x * x * x).sum(), x, create_graph=True),
        lambda x: AF.vjp(cube, x, V, create_graph=True)[1],
        lambda x: AF.jvp(cube, x, V, create_graph=True)[1],
        lambda x: AF.vhp(scalar, x, V * x, create_graph=True)[1],
        lambda x: AF.hvp(scalar, x, V * x, create_graph=True)[1],
        lambda x: AF.vjp(cube, x, V, create_graph=True)[0],
    ):
        assert gradcheck(function, x)
    (by_v,) = grad(AF.jvp(cube, x, v := tensor(1.0, 1.0, requires_grad=True), create_graph=True)[1].sum(), v)
    assert by_v.tolist() == [3.0, 12.0]


def test_without_create_graph_nothing_leads_back_to_the_inputs() -> None:
    x = tensor(1.0, 2.0, requires_grad=True)
    before = len(at.current_tape())
    for result in (
        AF.jacobian(lambda x: x * x, x),
        AF.hessian(lambda x: (x * x).sum(), x),
        *AF.vjp(lambda x: x * x, x, V),
        *AF.jvp(lambda x: x * x, x, V),
        *AF.hvp(lambda x: (x * x).sum(), x, V),
        *AF.vhp(lambda x: (x * x).sum(), x, V),
    ):
        assert not result.requires_grad
    assert x.grad is None
    assert len(at.current_tape()) == before


def test_under_no_grad() -> None:
    with at.no_grad():
        assert AF.jacobian(lambda x: x * x, X).tolist() == [[2.0, 0.0], [0.0, 4.0]]
        assert AF.hvp(lambda x: (x * x).sum(), X, V)[1].tolist() == [20.0, 200.0]
        assert not at.is_grad_enabled()


# --- wrong arguments ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda: AF.jacobian(lambda x: x, [X]),
            TypeError,
            "inputs given to jacobian must be either a Tensor or a tuple",
        ),
        (lambda: AF.jacobian(lambda x, y: x, (X, 3.0)), TypeError, "value at index 1 has type"),
        (lambda: AF.vjp(lambda x: 3, X), TypeError, "outputs of the user-provided function given to vjp"),
        (lambda: AF.hessian(lambda x: x * x, X), RuntimeError, "hessian should contain a single element"),
        (
            lambda: AF.hessian(lambda x: (x.sum(), x.sum()), X),
            RuntimeError,
            "hessian should return a single Tensor",
        ),
        (lambda: AF.vhp(lambda x: (x.sum(),), X, V), RuntimeError, "vhp should return a single Tensor"),
        (
            lambda: AF.vjp(lambda x: x, X, tensor(1.0)),
            RuntimeError,
            r"invalid size: should be \[2\] but got \[1\]",
        ),
        (lambda: AF.jvp(lambda x: x, X, (V, V)), RuntimeError, "should be 1 but got 2"),
        (lambda: AF.jvp(lambda x: x, X, [V]), TypeError, "v given to jvp"),
        (lambda: AF.jacobian(lambda x: x, X, strategy="forward-mode"), NotImplementedError, "vectorize=True"),
        (lambda: AF.jacobian(lambda x: x, X, strategy="other"), AssertionError, "strategy"),
        (
            lambda: AF.jacobian(lambda x: x, X, strict=True, vectorize=True),
            RuntimeError,
            "not supported together",
        ),
        (lambda: AF.jacobian(lambda x: x, at.tensor([1, 2])), RuntimeError, "floating point"),
    ],
)
def test_wrong_arguments(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call()


def test_forward_mode_strategy_gives_the_same_numbers() -> None:
    jac = AF.jacobian(lambda x: x * x, X, vectorize=True, strategy="forward-mode")
    assert jac.tolist() == [[2.0, 0.0], [0.0, 4.0]]
    hess = AF.hessian(lambda x: (x * x).sum(), X, vectorize=True, outer_jacobian_strategy="forward-mode")
    assert hess.tolist() == [[2.0, 0.0], [0.0, 2.0]]
