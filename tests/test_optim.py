"""Optimizers against their textbook formulas, and what a step does to memory, graphs and gradients."""

from __future__ import annotations

import inspect
import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import optim
from autotape.optim import lr_scheduler
from autotape.optim.elementwise import BLOCK, blocks
from tests.optimizers import MATRICES, MINIMIZERS, OPTIMIZERS, Options, every_optimizer


def test_parameters_that_are_not_iterable_are_refused_with_the_remedy() -> None:
    with pytest.raises(TypeError, match=r"a method: call it, as in model\.parameters\(\)"):
        optim.SGD(at.nn.Linear(2, 1).parameters, lr=0.1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="but got a float"):
        optim.SGD(1.0, lr=0.1)  # type: ignore[arg-type]


def test_every_optimizer_is_tested() -> None:
    public = {getattr(optim, name) for name in optim.__all__}
    kinds = {o for o in public if inspect.isclass(o)} - {optim.Optimizer}
    assert kinds == {kind for kind, _ in [*OPTIMIZERS, *MATRICES, *MINIMIZERS]}


# --- the formulas, one number at a time in Python's floats --------------------------------------------------


def _textbook(kind: type[optim.Optimizer], o: Options, p: float, gradients: list[float]) -> float:
    """The parameter after steps with these gradients, as the papers write the method."""
    sign = -1 if o.get("maximize") else 1
    decay = o.get("weight_decay", 0.01 if kind is optim.AdamW else 0)
    momentum, lr = o.get("momentum", 0), o["lr"]
    beta1, beta2 = o.get("betas", (0.9, 0.999))
    eps = o.get("eps", {optim.Adagrad: 1e-10, optim.Adadelta: 1e-6}.get(kind, 1e-8))
    buffer: float | None = None
    m = v = u = largest = mean = before = 0.0
    product, size, eta = 1.0, lr, float(np.float32(lr))
    for t, g in enumerate(gradients, 1):
        g *= sign
        if kind is optim.Adafactor:
            alpha = max(o.get("eps", (None, 1e-3))[1], abs(p)) * min(lr, 1 / math.sqrt(t))
        if kind in (optim.AdamW, optim.Adafactor) or o.get("decoupled_weight_decay"):
            p -= lr * decay * p
        else:
            g += decay * p
        m = beta1 * m + (1 - beta1) * g
        if kind is optim.SGD:
            if momentum:
                buffer = g if buffer is None else momentum * buffer + (1 - o.get("dampening", 0)) * g
                g = g + momentum * buffer if o.get("nesterov") else buffer
            p -= lr * g
        elif kind is optim.RMSprop:
            alpha = o.get("alpha", 0.99)
            v = alpha * v + (1 - alpha) * g**2
            mean = alpha * mean + (1 - alpha) * g
            spread = v - mean**2 if o.get("centered") else v
            buffer = momentum * (buffer or 0) + g / (math.sqrt(spread) + eps)
            p -= lr * buffer
        elif kind is optim.Adagrad:
            v = (v if t > 1 else o.get("initial_accumulator_value", 0)) + g**2
            p -= lr / (1 + (t - 1) * o.get("lr_decay", 0)) * g / (math.sqrt(v) + eps)
        elif kind is optim.Adadelta:
            rho = o.get("rho", 0.9)
            v = rho * v + (1 - rho) * g**2
            step = math.sqrt(u + eps) / math.sqrt(v + eps) * g
            u = rho * u + (1 - rho) * step**2
            p -= lr * step
        elif kind is optim.Adamax:
            u = max(beta2 * u, abs(g) + eps)
            p -= lr / (1 - beta1**t) * m / u
        elif kind is optim.ASGD:
            p -= eta * (g + o.get("lambd", 1e-4) * p)
            eta = lr / (1 + o.get("lambd", 1e-4) * lr * t) ** o.get("alpha", 0.75)
            eta = float(np.float32(eta))  # as the state holds it
        elif kind is optim.Rprop:
            (less, more), (least, most) = o.get("etas", (0.5, 1.2)), o.get("step_sizes", (1e-6, 50))
            size = min(max(size * (less if g * before < 0 else more if g * before > 0 else 1), least), most)
            before = 0.0 if g * before < 0 else g
            p -= size * np.sign(before)
        elif kind is optim.Adafactor:
            part = t ** o.get("beta2_decay", -0.8)
            v += part * (g**2 - v)
            least = o.get("eps", (None, 1e-3))[0] or np.finfo(float).eps
            step = g / max(math.sqrt(v), least)
            p -= alpha * step / max(1, abs(step) / o.get("d", 1))
        else:
            v = beta2 * v + (1 - beta2) * g**2
            largest = max(largest, v) if o.get("amsgrad") else v
            m_hat, v_hat = m / (1 - beta1**t), largest / (1 - beta2**t)
            if kind is optim.NAdam:
                mu, following = (
                    beta1 * (1 - 0.96 ** (i * o.get("momentum_decay", 4e-3)) / 2) for i in (t, t + 1)
                )
                product = float(np.float32(product) * np.float32(mu))  # as the state holds it
                m_hat = following * m / (1 - product * following) + (1 - mu) * g / (1 - product)
            if kind is optim.RAdam:
                infinite = 2 / (1 - beta2) - 1
                rho = infinite - 2 * t * beta2**t / (1 - beta2**t)
                if rho <= 5:
                    p -= lr * m_hat
                    continue
                m_hat *= math.sqrt((rho - 4) * (rho - 2) * infinite / ((infinite - 4) * (infinite - 2) * rho))
                v_hat, eps_of = v / (1 - beta2**t), eps / math.sqrt(1 - beta2**t)
                p -= lr * m_hat / (math.sqrt(v_hat) + eps_of)
                continue
            p -= lr * m_hat / (math.sqrt(v_hat) + eps)
    return p


@every_optimizer
@pytest.mark.parametrize("shape", [(), (1,), (3,), (2, 3), (2, 0)])
def test_textbook_formula(kind: type[optim.Optimizer], options: Options, shape: tuple[int, ...]) -> None:
    if kind is optim.Adafactor and math.prod(shape) != 1:
        return  # its elements depend on each other: see below
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=shape), rng.normal(size=(30, *shape))
    p = at.tensor(start, requires_grad=True)
    optimizer = kind([p], **options)
    for g in gradients:
        p.grad = at.tensor(g)
        optimizer.step()
    expected = [
        _textbook(kind, options, float(start[i]), [float(g[i]) for g in gradients]) for i in np.ndindex(shape)
    ]
    assert type(p.detach().numpy()) is np.ndarray
    assert p.shape == shape
    assert p.dtype is at.float64
    np.testing.assert_allclose(p.detach().numpy().ravel(), expected, rtol=1e-12, atol=1e-15)


@every_optimizer
def test_finds_the_bottom_of_a_bowl(kind: type[optim.Optimizer], options: Options) -> None:
    options = {k: v for k, v in options.items() if k != "weight_decay"} | (
        {"weight_decay": 0} if kind is optim.AdamW else {}
    )
    sign = -1 if options.get("maximize") else 1
    target = at.tensor([0.3, -0.2])
    p = at.tensor([0.2, -0.1], requires_grad=True)
    optimizer = kind([p], **options)
    schedule = lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.99**epoch)
    for _ in range(500):
        optimizer.zero_grad()
        (sign * ((p - target) ** 2).sum()).backward()
        optimizer.step()
        schedule.step()
    assert (p - target).abs().max().item() < 0.01


# --- memory: blocks, layouts, what is written and what is not -----------------------------------------------


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 3])
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_blocks_cover_every_element_once(size: int, dtype: Any) -> None:
    a, b = np.zeros(size, dtype), np.zeros(size, dtype)
    for x, y in blocks(a, b):
        assert x.dtype == np.float32
        assert x.size <= BLOCK
        assert x.shape == y.shape
        x += 1
        y += 2
    np.testing.assert_array_equal(a, np.full(size, 1 + 1j if dtype is np.complex64 else 1, dtype))
    np.testing.assert_array_equal(b, 2 * a)


@every_optimizer
@pytest.mark.parametrize("shape", [(), (7,), (3, BLOCK // 2 + 1)])
def test_a_step_writes_the_parameter_and_nothing_else(
    kind: type[optim.Optimizer], options: Options, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    memory = rng.normal(size=shape)
    p = at.from_numpy(memory).requires_grad_()
    g = at.tensor(rng.normal(size=shape))
    p.grad = g
    kept, before = g.numpy().copy(), memory.copy()
    optimizer = kind([p], **options)
    for step in range(1, 4):
        optimizer.step()
        assert p.grad is g
        assert p.numpy(force=True) is memory
        np.testing.assert_array_equal(g.numpy(), kept)
        assert p._version == step
        assert g._version == 0
        arrays = [t.numpy() for t in optimizer.state[p].values() if isinstance(t, at.Tensor)]
        for i, a in enumerate(arrays):
            assert not any(np.shares_memory(a, b) for b in [memory, g.numpy(), *arrays[:i]])
    assert not np.array_equal(memory, before)


@every_optimizer
def test_gradient_that_is_the_parameter_itself(kind: type[optim.Optimizer], options: Options) -> None:
    """p.grad may share the parameter's memory; each element's gradient is its value before the step."""
    values = np.linspace(0.5, 2, 5)
    p, q = (at.tensor(values, requires_grad=True) for _ in range(2))
    if (
        kind is optim.AdamW or "weight_decay" in options
    ):  # decoupled, the decay comes first and is a write to p, and so to p.grad
        options = {**options, "weight_decay": 0}
    p.grad, q.grad = p.detach(), at.tensor(values)
    for x in (p, q):
        kind([x], **options).step()
    np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())


@every_optimizer
def test_every_layout_walks_the_same_way(kind: type[optim.Optimizer], options: Options) -> None:
    rng = np.random.default_rng(0)
    start, gradients = rng.normal(size=(131, 129)), rng.normal(size=(3, 131, 129))
    found = []
    for wide in (
        start.copy(),
        np.asfortranarray(start),
        np.repeat(start, 2, 1)[:, ::2],
        start[::-1].copy()[::-1],
    ):
        p = at.from_numpy(wide).requires_grad_()
        optimizer = kind([p], **options)
        for i, g in enumerate(gradients):
            p.grad = at.from_numpy(g if i % 2 else np.asfortranarray(g))
            optimizer.step()
        found.append(p.detach().numpy())
    rtol = 1e-10 if kind is optim.Adafactor else 0  # it sums over all elements, in the order of memory
    for other in found[1:]:
        np.testing.assert_allclose(found[0], other, rtol=rtol, atol=0)


def test_views_see_a_step() -> None:
    p = at.ones(4, requires_grad=True)
    alias, view = p.detach().numpy(), p.detach()[1:3]
    optimizer = optim.SGD([p], lr=0.5)
    p.grad = at.ones(4)
    optimizer.step()
    assert alias.tolist() == [0.5] * 4
    assert view.tolist() == [0.5] * 2


@every_optimizer
def test_infinite_and_tiny_gradients_without_a_warning(kind: type[optim.Optimizer], options: Options) -> None:
    for value in (0.0, 1e-30, 1e30, math.inf, math.nan):
        p = at.ones(3, requires_grad=True)
        eps = {"eps": 0} if type(kind([p]).defaults.get("eps")) is float else {}
        optimizer = kind([p], **{**options, **eps})
        for _ in range(2):
            p.grad = at.full((3,), value)
            optimizer.step()  # warnings are errors


def test_the_users_floating_point_errors_stay_as_they_are() -> None:
    p = at.ones(3, requires_grad=True)
    p.grad = at.full((3,), 1e30)
    with np.errstate(all="raise"):
        optim.Adam([p]).step()
        assert np.geterr()["over"] == "raise"
        with pytest.raises(FloatingPointError):
            np.float32(1e30) * np.float32(1e30)


def test_a_step_inside_of_a_step() -> None:
    """The outer step holds the quiet context; the inner one has to do without it."""
    inner = at.ones(2, requires_grad=True)
    inner.grad = at.full((2,), 1e30)
    nested = optim.Adam([inner], lr=0.1)

    class Outer(optim.SGD):
        def _update_all(self) -> None:
            nested.step()
            super()._update_all()

    p = at.ones(2, requires_grad=True)
    p.grad = at.ones(2)
    Outer([p], lr=0.5).step()
    assert p.tolist() == [0.5, 0.5]
    assert inner.tolist() == [1.0, 1.0]  # 1e60 is infinite in float32
    assert nested.state[inner]["step"].item() == 1


def test_an_error_inside_of_an_update_is_raised_once() -> None:
    calls = []

    class Failing(optim.SGD):
        def _update_all(self) -> None:
            calls.append(1)
            raise RuntimeError("in the update")

    p = at.ones(2, requires_grad=True)
    p.grad = at.ones(2)
    with pytest.raises(RuntimeError, match="in the update"):
        Failing([p]).step()
    assert len(calls) == 1


def test_threads_step_their_own_optimizers() -> None:
    def train(out: list[list[float]]) -> None:
        p = at.tensor([1.0, -2.0], dtype=at.float64, requires_grad=True)
        optimizer = optim.Adam([p], lr=0.01)
        for _ in range(300):
            optimizer.zero_grad()
            (p * p).sum().backward()
            optimizer.step()
        out.append(p.tolist())

    found: list[list[float]] = []
    threads = [threading.Thread(target=train, args=(found,)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    train(found)
    assert len(found) == 5
    assert all(f == found[0] for f in found)


# --- graphs and gradients -----------------------------------------------------------------------------------


@every_optimizer
def test_an_old_graph_is_not_replayed_with_new_values(kind: type[optim.Optimizer], options: Options) -> None:
    """PROMISES row 8: backward would use the changed weight; it names the step that changed it."""
    w = at.tensor([2.0, 3.0], requires_grad=True)
    x = at.tensor([1.0, 1.0], requires_grad=True)
    y = (w * x).sum()
    w.grad = at.ones(2)
    kind([w], **options).step()
    with pytest.raises(RuntimeError, match=rf"inplace operation.*mul.*{kind.__name__}\.step overwrote"):
        y.backward()


def test_a_graph_that_does_not_need_the_weight_is_replayed() -> None:
    w = at.tensor([2.0, 3.0], requires_grad=True)
    y = (w + 1).sum()
    w.grad = at.ones(2)
    optim.SGD([w], lr=0.1).step()
    y.backward()
    assert w.grad.tolist() == [2.0, 2.0]


def test_a_step_is_not_recorded() -> None:
    p = at.ones(2, requires_grad=True)
    (p * p).sum().backward()
    with at.Tape() as tape:
        optim.Adam([p]).step()
    assert len(tape) == 0
    assert p.is_leaf
    assert p.requires_grad


def test_gradient_with_a_graph_of_its_own() -> None:
    """A gradient from create_graph: the step uses its values, zero_grad cuts it from its graph."""
    p = at.tensor([1.0, 2.0], requires_grad=True)
    (p**3).sum().backward(create_graph=True)
    assert p.grad is not None
    assert p.grad.requires_grad
    optimizer = optim.SGD([p], lr=0.1)
    optimizer.step()
    assert p.tolist() == pytest.approx([0.7, 0.8])
    held = p.grad
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is held
    assert held.tolist() == [0, 0]
    assert not held.requires_grad


def test_a_closure_runs_with_gradients_and_its_loss_is_returned() -> None:
    p = at.tensor([1.0, 2.0], requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5)

    def closure() -> at.Tensor:
        optimizer.zero_grad()
        loss = (p * p).sum()
        loss.backward()
        return loss

    with at.no_grad():
        assert optimizer.step(closure).item() == 5.0
    assert p.tolist() == [0.0, 0.0]
    assert optimizer.step() is None


def test_a_closure_that_fails_changes_nothing() -> None:
    p = at.ones(2, requires_grad=True)
    p.grad = at.ones(2)
    optimizer = optim.Adam([p])

    def closure() -> Any:
        raise KeyboardInterrupt

    with at.no_grad():
        with pytest.raises(KeyboardInterrupt):
            optimizer.step(closure)
        assert not at.is_grad_enabled()
    assert p.tolist() == [1, 1]
    assert not optimizer.state


# --- what is refused ----------------------------------------------------------------------------------------


def _p(*values: float) -> at.Tensor:
    return at.tensor(values or (1.0, 2.0), requires_grad=True)


def _read_only() -> at.Tensor:
    array = np.ones(3)
    array.flags.writeable = False
    return at.from_numpy(array).requires_grad_()


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: optim.SGD(_p()), TypeError, "iterable of Tensors or dicts.*put it in a list"),
    (lambda: optim.SGD([]), ValueError, "empty parameter list"),
    (lambda: optim.SGD([_p(), 3.0]), TypeError, "optimize Tensors, but one of the params is float"),
    (lambda: optim.SGD([_p() * 2]), ValueError, "non-leaf.*the tensor it was computed from"),
    (lambda: optim.SGD([{"params": {_p()}}]), TypeError, "ordered collections"),
    (lambda: optim.SGD([p := _p(), p]), ValueError, "more than once"),
    (
        lambda: optim.SGD([{"params": [p := _p()]}, {"params": p}]),
        ValueError,
        "more than one parameter group",
    ),
    (lambda: optim.SGD([("a", _p()), _p()]), ValueError, "with/without names"),
    (lambda: optim.SGD([_p()]).add_param_group([_p()]), TypeError, "must be a dict, but got list"),  # type: ignore[arg-type]
    (
        lambda: optim.SGD([at.zeros(1).expand(3).requires_grad_()]),
        RuntimeError,
        "SGD.step.*single memory location",
    ),
    (lambda: optim.SGD([_read_only()]), RuntimeError, "SGD.step.*read-only.*clone"),
    (lambda: optim.SGD([_p()], lr=-0.1), ValueError, "learning rate: -0.1"),
    (lambda: optim.SGD([_p()], lr=math.nan), ValueError, "learning rate: nan"),
    (lambda: optim.SGD([_p()], lr=at.ones(2)), ValueError, "Tensor lr must be 1-element"),
    (lambda: optim.SGD([_p()], momentum=-1), ValueError, "momentum value: -1"),
    (lambda: optim.SGD([_p()], nesterov=True), ValueError, "Nesterov momentum requires"),
    (lambda: optim.Adam([_p()], betas=(0.9, 1.0)), ValueError, "beta parameter at index 1: 1.0"),
    (lambda: optim.Adam([_p()], eps=-1), ValueError, "epsilon value: -1"),
    (lambda: optim.RMSprop([_p()], alpha=-1), ValueError, "alpha value: -1"),
]


@pytest.mark.parametrize(("build", "kind", "message"), REFUSED)
def test_refused(build: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        build()


def test_a_group_that_is_refused_leaves_the_optimizer_as_it_was() -> None:
    p, q = _p(), _p()
    optimizer = optim.SGD([p], lr=0.5)
    for bad in ([q, p], [q, 3], [q, q], [("q", q)]):
        group: dict[str, Any] = {"params": bad}
        with pytest.raises((TypeError, ValueError)):
            optimizer.add_param_group(group)
        assert group == {"params": bad}
        assert len(optimizer.param_groups) == 1


def test_the_group_is_the_dict_that_was_given() -> None:
    """As in PyTorch: a rate that the caller changes in his own dict counts."""
    group: dict[str, Any] = {"params": iter([p := _p(0.0)]), "lr": 1.0}
    optimizer = optim.SGD([group])
    assert optimizer.param_groups[0] is group
    group["lr"] = 3.0
    p.grad = at.ones(1)
    optimizer.step()
    assert p.item() == -3.0


def test_repr() -> None:
    assert repr(optim.RMSprop([{"params": _p()}, {"params": _p(), "lr": at.tensor(0.5)}])) == (
        "RMSprop (\n"
        "Parameter Group 0\n    alpha: 0.99\n    capturable: False\n    centered: False\n"
        "    differentiable: False\n    eps: 1e-08\n    foreach: None\n    lr: 0.01\n    maximize: False\n"
        "    momentum: 0\n    weight_decay: 0\n"
        "\nParameter Group 1\n    alpha: 0.99\n    capturable: False\n    centered: False\n"
        "    differentiable: False\n    eps: 1e-08\n    foreach: None\n    lr: 0.5\n    maximize: False\n"
        "    momentum: 0\n    weight_decay: 0\n)"
    )
