# ruff: noqa: N803, N806  (T is the library)
"""Function transforms against torch.func: values, structures, errors."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at

torch = pytest.importorskip("torch", reason="PyTorch is not importable: nothing to compare with")

RNG = np.random.default_rng(3)
X, Y = RNG.uniform(0.3, 1.5, (3, 4)), RNG.uniform(0.3, 1.5, (3, 4))
W, V = RNG.uniform(0.3, 1.5, (4, 2)), RNG.uniform(0.3, 1.5, 4)


def plain(value: Any) -> Any:
    """Tensors as arrays, in the same structure."""
    if isinstance(value, (at.Tensor, torch.Tensor)):
        return value.detach().numpy()
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return (
            type(value)(plain(v) for v in value)
            if type(value) in (tuple, list)
            else [plain(v) for v in value]
        )
    return value


def equal(a: Any, b: Any) -> None:
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for k in a:
            equal(a[k], b[k])
    elif isinstance(a, (tuple, list)):
        assert len(a) == len(b)
        for v, w in zip(a, b, strict=True):
            equal(v, w)


def net(T: Any, x: Any, w: Any) -> Any:
    return T.tanh(x @ w).sum(-1)


def loss(T: Any, p: Any, x: Any) -> Any:
    return ((x @ p["w"]).sin() * p["b"][0]).sum()


Case = Callable[[Any, Callable[[Any], Any]], Any]

CASES: dict[str, Case] = {
    "grad": lambda T, t: T.func.grad(lambda x: (x.sin() * x).sum())(t(V)),
    "grad argnums": lambda T, t: T.func.grad(lambda x, y: (x * y).exp().sum(), argnums=(1, 0))(t(X), t(Y)),
    "grad tree": lambda T, t: T.func.grad(lambda p, x: loss(T, p, x))({"w": t(W), "b": [t(W[:3])]}, t(X)),
    "grad and value": lambda T, t: T.func.grad_and_value(lambda x: ((x**3).sum(), x * 2), has_aux=True)(t(V)),
    "grad of grad": lambda T, t: T.func.grad(lambda x: T.func.grad(lambda y: (y**4).sum())(x).sum())(t(V)),
    "vjp": lambda T, t: T.func.vjp(lambda x, w: {"a": x @ w, "b": x.sum()}, t(X), t(W))[1](
        {"a": t(X @ W), "b": t(np.array(2.0))}
    ),
    "vjp aux": lambda T, t: (lambda o, f, a: (o, f(t(V)), a))(
        *T.func.vjp(lambda x: (x.exp(), [x]), t(V), has_aux=True)
    ),
    "jvp": lambda T, t: T.func.jvp(lambda x, w: (x @ w, [x * x]), (t(X), t(W)), (t(Y), t(W * 2))),
    "jvp aux": lambda T, t: T.func.jvp(lambda x: (x.sin(), x), (t(V),), (t(V),), has_aux=True),
    "linearize": lambda T, t: (lambda o, f: (o, f(t(V)), f(t(V * 2))))(
        *T.func.linearize(lambda x: x.sin() * x, t(V))
    ),
    "jacrev": lambda T, t: T.func.jacrev(lambda x, w: net(T, x, w), argnums=(0, 1))(t(X), t(W)),
    "jacfwd": lambda T, t: T.func.jacfwd(lambda x, w: net(T, x, w), argnums=(0, 1))(t(X), t(W)),
    "jacrev tree": lambda T, t: T.func.jacrev(lambda p: {"y": p["a"] * p["b"], "z": p["a"].sum()})(
        {"a": t(V), "b": t(V * 2)}
    ),
    "jacfwd tree": lambda T, t: T.func.jacfwd(lambda p: {"y": p["a"] * p["b"], "z": p["a"].sum()})(
        {"a": t(V), "b": t(V * 2)}
    ),
    "jacrev aux chunks": lambda T, t: T.func.jacrev(lambda x: (x.exp(), x), has_aux=True, chunk_size=3)(t(V)),
    "hessian": lambda T, t: T.func.hessian(lambda x: (x @ x) * x.prod())(t(V)),
    "hessian argnums": lambda T, t: T.func.hessian(lambda x, y: (x * y * y).sum(), argnums=(0, 1))(
        t(V), t(V)
    ),
    "jacobian of jacobian": lambda T, t: T.func.jacrev(T.func.jacfwd(lambda x: (x**3).sum()))(t(V)),
    "vmap": lambda T, t: T.vmap(lambda x, y: (x.dot(y), {"d": x - y}))(t(X), t(Y)),
    "vmap dims": lambda T, t: T.func.vmap(lambda x, w: x @ w, in_dims=(None, 1), out_dims=1)(t(X), t(W)),
    "vmap nested dims": lambda T, t: T.func.vmap(
        lambda p, k: (p["a"] * k, p["b"][0].sum()), in_dims=({"a": 0, "b": [None]}, 1), out_dims=(-1, 0)
    )({"a": t(X), "b": [t(V)]}, t(Y.T)),
    "vmap of vmap": lambda T, t: T.vmap(T.vmap(lambda x, y: x.dot(y), (None, 0)), (0, None))(t(X), t(Y)),
    "vmap chunks": lambda T, t: T.func.vmap(lambda x: x.softmax(0), chunk_size=2)(t(X)),
    "vmap of grad": lambda T, t: T.vmap(T.func.grad(lambda w, x: net(T, x, w)), (None, 0))(t(W), t(X)),
    "grad of vmap": lambda T, t: T.func.grad(
        lambda w: (T.vmap(lambda x, w: net(T, x, w), (0, None))(t(X), w) ** 2).sum()
    )(t(W)),
    "vmap of jvp": lambda T, t: T.vmap(lambda v: T.func.jvp(lambda x: x.sin() * x, (t(V),), (v,)))(t(X)),
    "vmap of vjp": lambda T, t: T.vmap(T.func.vjp(lambda x: x.sin() * x, t(V))[1])(t(X)),
    "vmap of hessian": lambda T, t: T.vmap(T.func.hessian(lambda x: x.prod()))(t(X)),
    "jacrev of vmap": lambda T, t: T.func.jacrev(T.vmap(lambda x: x.dot(x)))(t(X)),
    "hvp": lambda T, t: T.func.jvp(T.func.grad(lambda x: x.prod() * x.sum()), (t(V),), (t(V + 1),)),
    "in place": lambda T, t: T.vmap(lambda x: x.clone().mul_(2).add_(x[0]))(t(X)),
    "same for all": lambda T, t: T.vmap(lambda x: T.ones(2))(t(X)),
    "functional autograd": lambda T, t: T.autograd.functional.jacobian(
        lambda x, w: (x @ w, x.sum()), (t(X), t(W)), vectorize=True
    ),
    "functional autograd forward": lambda T, t: T.autograd.functional.jacobian(
        lambda x: (x.sin(), x.sum()), t(V), vectorize=True, strategy="forward-mode"
    ),
    "functional autograd hessian": lambda T, t: T.autograd.functional.hessian(
        lambda x, y: (x * x * y).sum(), (t(V), t(V)), vectorize=True
    ),
}

ERRORS: dict[str, Case] = {
    "vector": lambda T, t: T.func.grad(lambda x: x)(t(V)),
    "number": lambda T, t: T.func.grad(lambda x: 3.0)(t(V)),
    "no aux": lambda T, t: T.func.grad(lambda x: x.sum(), has_aux=True)(t(V)),
    "integers": lambda T, t: T.func.grad(lambda x: x.sum())(t(np.arange(3))),
    "argnum": lambda T, t: T.func.grad(lambda x: x.sum(), argnums=1)(t(V)),
    "argnums": lambda T, t: T.func.grad(lambda x: x.sum(), argnums=())(t(V)),
    "not a tensor": lambda T, t: T.func.grad(lambda x: x.sum())(3.0),
    "cotangent shape": lambda T, t: T.func.vjp(lambda x: x, t(V))[1](t(V[:2])),
    "cotangent structure": lambda T, t: T.func.vjp(lambda x: x, t(V))[1]((t(V),)),
    "output": lambda T, t: T.func.vjp(lambda x: 3.0, t(V)),
    "primals": lambda T, t: T.func.jvp(lambda x: x, t(V), t(V)),
    "tangents": lambda T, t: T.func.jvp(lambda x: x, (t(V),), (t(V), t(V))),
    "tangent shape": lambda T, t: T.func.jvp(lambda x: x, (t(V),), (t(V[:2]),)),
    "strict": lambda T, t: T.func.jvp(lambda x: T.ones(2), (t(V),), (t(V),), strict=True),
    "chunk": lambda T, t: T.func.jacrev(lambda x: x, chunk_size=0)(t(V)),
    "item": lambda T, t: T.vmap(lambda x: x.sum().item())(t(X)),
    "condition": lambda T, t: T.vmap(lambda x: x if x.sum() > 0 else -x)(t(X)),
    "nonzero": lambda T, t: T.vmap(lambda x: x.nonzero())(t(X)),
    "mask": lambda T, t: T.vmap(lambda x: x[x > 0])(t(X)),
    "random": lambda T, t: T.vmap(lambda x: T.rand(2))(t(X)),
    "write": lambda T, t: T.vmap(lambda x: T.zeros(4).copy_(x))(t(X)),
    "randomness": lambda T, t: T.vmap(lambda x: x, randomness="x")(t(X)),
    "in_dims": lambda T, t: T.vmap(lambda x: x, in_dims=2)(t(X)),
    "in_dims structure": lambda T, t: T.vmap(lambda x: x, in_dims=(0, 0))(t(X)),
    "in_dims kind": lambda T, t: T.vmap(lambda x: x, in_dims="a")(t(X)),
    "no inputs": lambda T, t: T.vmap(lambda: 1)(),
    "sizes": lambda T, t: T.vmap(lambda x, y: x)(t(X), t(Y[:2])),
    "python output": lambda T, t: T.vmap(lambda x: 3)(t(X)),
    "out_dims": lambda T, t: T.vmap(lambda x: x, out_dims=(0, 0))(t(X)),
    "out_dims range": lambda T, t: T.vmap(lambda x: x, out_dims=5)(t(X)),
    "out_dims none": lambda T, t: T.vmap(lambda x: x, out_dims=None)(t(X)),
    "backward": lambda T, t: T.vmap(lambda x: x.sum().backward())(t(X)),
    "numpy": lambda T, t: T.vmap(lambda x: x.numpy())(t(X)),
}


@pytest.mark.parametrize("name", CASES)
def test_values(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own
        expected = plain(CASES[name](torch, lambda a: torch.tensor(a)))
    equal(plain(CASES[name](at, lambda a: at.tensor(a))), expected)


@pytest.mark.parametrize("name", ERRORS)
def test_errors(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as theirs:  # noqa: PT011
            ERRORS[name](torch, lambda a: torch.tensor(a))
    with pytest.raises(theirs.type):
        ERRORS[name](at, lambda a: at.tensor(a))


def test_functional_call() -> None:
    results = []
    for T, nn in ((torch, torch.nn), (at, at.nn)):
        model = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))
        rng = np.random.default_rng(0)
        state = {n: T.tensor(rng.normal(size=tuple(p.shape))) for n, p in model.named_parameters()}

        def loss(state: Any, x: Any, y: Any, T: Any = T, model: Any = model, nn: Any = nn) -> Any:
            logits = T.func.functional_call(model, state, (x[None],))
            return nn.functional.cross_entropy(logits, y[None])

        x, y = T.tensor(X), T.tensor([0, 1, 1])
        results.append(plain(T.vmap(T.func.grad(loss), (None, 0, 0))(state, x, y)))
    equal(results[1], results[0])
