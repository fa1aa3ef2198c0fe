"""Forward-mode differentiation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.autograd.forward_ad as fwd
from tests.tape_tools import Cube, SumAndProduct, leaf

RNG = np.random.default_rng(0)
X, T, W = (at.tensor(RNG.normal(size=(4, 3))) for _ in range(3))


def mixed(x: Any) -> Any:
    y = (x @ W.mT).sin() @ W
    y = (y * x).clone()
    y[1:] = y[1:] * 2
    y.mul_(x)
    a, b, c = y.unbind(1)
    v, _ = (a * b).sort()
    return at.nn.functional.softmax(v + c, 0).log().sum() * b + y.std(0).sum()


PROGRAMS = [
    mixed,
    lambda x: x.exp().sum(),
    lambda x: x * x * x,
    lambda x: at.where(x > 0, x, x * 3),
    lambda x: Cube.apply(x).mean(0),
    lambda x: sum(SumAndProduct.apply(x, x * 2)),
    lambda x: at.cat([x, x[:1] * 2]).cumsum(0).T,
    lambda x: (x - x.mean(1, keepdim=True)) / x.std(1, keepdim=True),
    lambda x: at.nn.functional.cross_entropy(x, at.tensor([0, 1, 2, 0])),
    lambda x: x.amax(1) + x.norm(),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_tangent_is_the_directional_derivative(program: Any) -> None:
    eps = 1e-6
    numeric = (program(X + eps * T) - program(X - eps * T)) / (2 * eps)
    with fwd.dual_level():
        primal, tangent = fwd.unpack_dual(program(fwd.make_dual(X, T)))
    assert at.equal(primal, program(X))
    assert tangent is not None
    assert tangent.shape == primal.shape
    np.testing.assert_allclose(tangent.numpy(), numeric.numpy(), rtol=1e-6, atol=1e-7)


def test_complex() -> None:
    z, t = at.tensor([1 + 2j, 3 - 1j]), at.tensor([1j, 2 + 1j])
    with fwd.dual_level():
        d = fwd.make_dual(z, t)
        np.testing.assert_allclose(fwd.unpack_dual(d * d * d).tangent.numpy(), (3 * z * z * t).numpy())
        assert at.equal(fwd.unpack_dual(d.conj() * 2j).tangent, t.conj() * 2j)
        np.testing.assert_allclose(
            fwd.unpack_dual(d.abs()).tangent.numpy(), ((z.conj() * t).real / z.abs()).numpy(), rtol=1e-6
        )


def test_several_duals_and_independent_results() -> None:
    a, b = at.tensor([2.0]), at.tensor([3.0])
    with fwd.dual_level():
        da, db = fwd.make_dual(a, at.tensor([1.0])), fwd.make_dual(b, at.tensor([10.0]))
        assert fwd.unpack_dual(da * db).tangent.item() == 23.0
        assert fwd.unpack_dual(da).tangent.item() == 1.0
        assert fwd.unpack_dual(a * b).tangent is None
        assert fwd.unpack_dual(da.detach() * 2).tangent is None
        assert fwd.unpack_dual(leaf(1.0) * 2).tangent is None
        assert fwd.unpack_dual(da > 0).tangent is None


def test_reverse_over_forward() -> None:
    w = leaf(2.0, 3.0)
    x, t = at.tensor(np.array([1.0, 2.0])), at.tensor(np.array([1.0, 1.0]))
    with fwd.dual_level():
        d = fwd.make_dual(x, t)
        primal, tangent = fwd.unpack_dual((d * w) ** 2)
        assert primal.requires_grad
        assert tangent.requires_grad
        (g,) = at.autograd.grad(tangent.sum(), w)  # d/dw of 2 x w^2 t
        assert g.tolist() == [8.0, 24.0]
        plain = fwd.unpack_dual(d * d)
        assert not plain.primal.requires_grad
        assert not plain.tangent.requires_grad
    with fwd.dual_level():  # with respect to the primal, and to the tangent
        p, v = leaf(1.0, 2.0), leaf(1.0, 1.0)
        tangent = fwd.unpack_dual(fwd.make_dual(p, v) ** 3).tangent
        gp, gv = at.autograd.grad(tangent.sum(), [p, v])
        assert gp.tolist() == [6.0, 12.0]
        assert gv.tolist() == [3.0, 12.0]


def test_hooks_do_not_run() -> None:
    """A tangent is no gradient."""
    with fwd.dual_level():
        d = fwd.make_dual(X, T)
        y = d.exp()
        y.register_hook(lambda g: 1 / 0)
        assert fwd.unpack_dual(y * 2).tangent is not None


def test_in_place_on_a_dual() -> None:
    with fwd.dual_level():
        d = fwd.make_dual(at.tensor([2.0]), at.tensor([1.0]))
        d.mul_(d)
        assert fwd.unpack_dual(d).tangent.item() == 4.0


def test_with_packed_tensors() -> None:
    with fwd.dual_level(), at.autograd.graph.save_on_cpu():
        assert at.allclose(fwd.unpack_dual(fwd.make_dual(X, T).exp()).tangent, X.exp() * T)


class Product(at.autograd.Function):
    """With a jvp of its own, and no backward."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any, k: float) -> Any:
        ctx.save_for_forward(x, y)
        ctx.k = k
        return x * y * k, x

    @staticmethod
    def jvp(ctx: Any, a: Any, b: Any, _k: Any) -> Any:
        x, y = ctx.saved_tensors
        first = at.zeros_like(x)
        if a is not None:
            first = first + a * y
        if b is not None:
            first = first + x * b
        return first * ctx.k, a


def test_jvp_of_a_function() -> None:
    x, y = at.tensor([2.0]), at.tensor([5.0])
    with fwd.dual_level():
        d = fwd.make_dual(x, at.tensor([1.0]))
        p, q = Product.apply(d, y, 3.0)
        assert fwd.unpack_dual(p).tangent.item() == 15.0
        assert fwd.unpack_dual(q).tangent.item() == 1.0
        p, _ = Product.apply(d, d * 2, 3.0)
        assert fwd.unpack_dual(p).tangent.item() == 24.0
    with pytest.raises(NotImplementedError, match="backward or vjp"):
        p.backward()


def bad(returned: Any) -> Any:
    return type(
        "Bad",
        (at.autograd.Function,),
        {"forward": staticmethod(lambda ctx, x: x * 2), "jvp": staticmethod(lambda ctx, t: returned)},
    )


@pytest.mark.parametrize(
    ("returned", "kind", "message"),
    [
        (1.0, TypeError, "jvp must return Tensors"),
        (at.ones(3), RuntimeError, "tangent of shape"),
        ((at.ones(2), at.ones(2)), RuntimeError, "one tangent for each"),
    ],
)
def test_errors_of_jvp(returned: Any, kind: type[Exception], message: str) -> None:
    with fwd.dual_level():
        y = bad(returned).apply(fwd.make_dual(at.ones(2), at.ones(2)))
        with pytest.raises(kind, match=message):
            fwd.unpack_dual(y)


def test_a_function_that_can_be_differentiated_once_only_needs_jvp() -> None:
    class Once(at.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        @at.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2

    with fwd.dual_level():
        y = Once.apply(fwd.make_dual(at.ones(2), at.ones(2)))
        with pytest.raises(RuntimeError, match="once_differentiable"):
            fwd.unpack_dual(y)


def test_levels() -> None:
    x = at.ones(2)
    with pytest.raises(RuntimeError, match="no level exists"):
        fwd.make_dual(x, x)
    assert fwd.unpack_dual(x).tangent is None
    with fwd.dual_level():
        d = fwd.make_dual(x, x)
        with pytest.raises(RuntimeError, match="Nested"):
            fwd.enter_dual_level()
    assert fwd.unpack_dual(d * 2).tangent is None
    with pytest.raises(RuntimeError, match="none was entered"):
        fwd.exit_dual_level()
    fwd.enter_dual_level()
    with pytest.raises(RuntimeError, match="not the last one"):
        fwd.exit_dual_level(level=3)
    fwd.exit_dual_level()


@pytest.mark.parametrize(
    ("primal", "tangent", "kind", "message"),
    [
        (at.ones(3), at.ones(2), RuntimeError, "different size"),
        (at.tensor([1]), at.tensor([1]), ValueError, "primal to be floating point"),
        (at.ones(1), at.tensor([1]), ValueError, "tangent to be floating point"),
        (at.ones(1), at.tensor([1j]), RuntimeError, "real tangent"),
        (1.0, at.ones(1), TypeError, "primal must be a Tensor"),
        (at.ones(1), 1.0, TypeError, "tangent must be a Tensor"),
    ],
)
def test_errors_of_make_dual(primal: Any, tangent: Any, kind: type[Exception], message: str) -> None:
    with fwd.dual_level(), pytest.raises(kind, match=message):
        fwd.make_dual(primal, tangent)
    with pytest.raises(TypeError, match="expected a Tensor"):
        fwd.unpack_dual(1.0)  # type: ignore[arg-type]


def test_a_released_graph_is_an_error() -> None:
    with fwd.dual_level():
        d = fwd.make_dual(X, T)
        y = d.exp().sum()
        y.backward()
        with pytest.raises(RuntimeError, match="second time"):
            fwd.unpack_dual(y)
