"""Small parameters updated together; the optimizers that are no formula for each element."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import optim
from autotape.optim.elementwise import SMALL, TOGETHER
from tests.optimizers import OPTIMIZERS, Options, every_optimizer

# --- small parameters together ------------------------------------------------------------------------------

SHAPES = [(), (3,), (0,), (4, 5), (SMALL,), (SMALL + 1,), (2, 3)] + [(SMALL // 2,)] * (
    2 * TOGETHER // SMALL + 3
)


@every_optimizer
def test_together_as_one_by_one(kind: type[optim.Optimizer], options: Options) -> None:
    """Bit for bit, also where a gradient is missing, memory is in another order or the dtype is another."""
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=s) for s in SHAPES]
    starts[3] = np.asfortranarray(starts[3])
    starts[6] = starts[6].astype(np.float32)
    together, alone = ([at.tensor(a.copy(order="K"), requires_grad=True) for a in starts] for _ in range(2))
    whole, parts = kind(together, **options), [kind([p], **options) for p in alone]
    for step in range(4):
        for i, (p, q) in enumerate(zip(together, alone)):
            g = rng.normal(size=tuple(p.shape))
            p.grad, q.grad = (None if i == step else at.tensor(g, dtype=x.dtype) for x in (p, q))
        whole.step()
        for part in parts:
            part.step()
    for p, q, part in zip(together, alone, parts):
        np.testing.assert_array_equal(p.detach().numpy(), q.detach().numpy())
        for name, value in part.state[q].items():
            np.testing.assert_array_equal(whole.state[p][name].numpy(), value.numpy())


@every_optimizer
def test_small_parameters_that_share_memory_are_updated_one_after_the_other(
    kind: type[optim.Optimizer], options: Options
) -> None:
    """As in PyTorch, where each update sees the one before."""
    found = []
    for shared in (False, True):
        values = np.linspace(1, 2, 4)
        if shared:
            memory = at.tensor(values)
            params = [memory.detach().requires_grad_() for _ in range(3)]
        else:
            params = [at.tensor(values, requires_grad=True) for _ in range(3)]
        optimizer = kind(params, **options)
        for _ in range(2):
            for i, p in enumerate(params):
                p.grad = at.full((4,), 0.1 * (i + 1), dtype=at.float64)
            if shared:
                optimizer.step()
                continue
            for i, p in enumerate(params):  # one at a time, its result handed to the next
                for q in params:
                    q.grad = None
                p.grad = at.full((4,), 0.1 * (i + 1), dtype=at.float64)
                optimizer.step()
                params[(i + 1) % 3].data.copy_(p.detach())
        found.append(params[0].tolist())
    assert found[0] == found[1]


def test_the_user_may_replace_data_and_state() -> None:
    params = [at.ones(3, requires_grad=True) for _ in range(4)]
    optimizer = optim.Adam(params, lr=0.1)
    for p in params:
        p.grad = at.ones(3)
    optimizer.step()
    params[1].data = at.full((3,), 5.0)
    optimizer.state[params[2]]["exp_avg"] = at.zeros(3)
    del optimizer.state[params[3]]
    before = copy.deepcopy(optimizer.state[params[0]])
    optimizer.step()
    assert params[0].tolist() == pytest.approx([0.8] * 3)
    assert params[1].tolist() == pytest.approx([4.9] * 3)
    assert optimizer.state[params[2]]["exp_avg"].tolist() == pytest.approx([0.1] * 3)
    assert optimizer.state[params[3]]["step"].item() == 1
    assert before["step"].item() == 1


def test_arguments_that_contradict_each_other() -> None:
    p = [at.ones(1, requires_grad=True)]
    for kind in (optim.SGD, optim.Adam, optim.AdamW, optim.Adagrad):
        make: Any = kind
        with pytest.raises(RuntimeError, match="`fused` does not support `differentiable`"):
            make(p, fused=True, differentiable=True)
        with pytest.raises(RuntimeError, match="cannot be `True` together"):
            make(p, fused=True, foreach=True)
    with pytest.raises(ValueError, match="not supported for capturable=False and foreach=True"):
        optim.Adam(p, lr=at.tensor(0.1), foreach=True)
    with pytest.raises(ValueError, match="both floats or both Tensors"):
        optim.Adam(p, betas=(at.tensor(0.5), 0.9))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"betas\[1\] must be 1-element"):
        optim.Adam(p, betas=(at.tensor(0.5), at.ones(2)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", list(dict.fromkeys(kind for kind, _ in OPTIMIZERS)))
def test_what_pytorch_chooses_by_is_accepted_without_effect(kind: Any) -> None:
    found = []
    for value in (None, True):
        p = at.tensor([1.0, 2.0], requires_grad=True)
        p.grad = at.tensor([0.5, -0.5])
        names = {"foreach", "capturable"} & set(kind([p]).defaults)
        optimizer = kind([p], **(dict.fromkeys(names, value) if value else {}))
        optimizer.step()
        found.append(p.tolist())
    assert found[0] == found[1]


# --- L-BFGS -------------------------------------------------------------------------------------------------


def _minimize(optimizer: Any, f: Any, steps: int) -> list[float]:
    losses = []

    def closure() -> at.Tensor:
        optimizer.zero_grad()
        loss: at.Tensor = f()
        loss.backward()
        losses.append(loss.item())
        return loss

    for _ in range(steps):
        optimizer.step(closure)
    return losses


def test_lbfgs_finds_the_bottom_of_rosenbrocks_valley() -> None:
    p = at.tensor([-1.2, 1.0], dtype=at.float64, requires_grad=True)
    optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe", max_iter=60, tolerance_change=1e-14)
    losses = _minimize(optimizer, lambda: (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2, 2)
    assert p.tolist() == pytest.approx([1.0, 1.0], abs=1e-6)
    assert len(losses) < 100


def test_lbfgs_is_newton_on_a_quadratic() -> None:
    """With exact line searches n steps would do; with Wolfe's, a few more."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(5, 5))
    a = at.tensor(a @ a.T + np.eye(5))
    b = at.tensor(rng.normal(size=5))
    p = at.zeros(5, dtype=at.float64, requires_grad=True)
    _minimize(
        optim.LBFGS([p], line_search_fn="strong_wolfe", tolerance_change=1e-14),
        lambda: p @ a @ p / 2 - b @ p,
        2,
    )
    np.testing.assert_allclose(p.detach().numpy(), np.linalg.solve(a.numpy(), b.numpy()), rtol=1e-6)


def test_lbfgs_on_complex_and_unused_parameters() -> None:
    z = at.tensor([1 + 2j, -1j], requires_grad=True)
    unused = at.ones(3, requires_grad=True)
    _minimize(
        optim.LBFGS([unused, z], line_search_fn="strong_wolfe"), lambda: ((z - (2 - 1j)).abs() ** 2).sum(), 2
    )
    np.testing.assert_allclose(z.detach().numpy(), [2 - 1j] * 2, rtol=1e-5)
    assert unused.tolist() == [1, 1, 1]


def test_lbfgs_closure_keeps_the_users_floating_point_errors() -> None:
    p = at.ones(1, requires_grad=True)
    seen = []

    def closure() -> at.Tensor:
        seen.append(np.geterr()["over"])
        loss = (p * p).sum()
        p.grad = None
        loss.backward()
        return loss

    with np.errstate(over="raise"), at.no_grad():
        optim.LBFGS([p]).step(closure)
    assert len(seen) > 1
    assert set(seen) == {"raise"}


def test_what_lbfgs_refuses() -> None:
    p, q = at.ones(1, requires_grad=True), at.ones(1, requires_grad=True)
    with pytest.raises(ValueError, match="parameter groups"):
        optim.LBFGS([{"params": [p]}, {"params": [q]}])
    with pytest.raises(TypeError, match="needs a closure"):
        optim.LBFGS([p]).step()
    with pytest.raises(RuntimeError, match="only 'strong_wolfe'"):
        _minimize(optim.LBFGS([p], line_search_fn="exact"), lambda: (p * p).sum(), 1)


def test_lbfgs_writes_are_seen_by_old_graphs() -> None:
    w = at.tensor([2.0, 3.0], requires_grad=True)
    x = at.ones(2, requires_grad=True)
    y = (w * x).sum()
    _minimize(optim.LBFGS([w], max_iter=2), lambda: (w * w).sum(), 1)
    with pytest.raises(RuntimeError, match=r"LBFGS\.step overwrote"):
        y.backward()


# --- Muon ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (1, 5)])
def test_muon_steps_are_nearly_orthogonal(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    p = at.zeros(*shape, dtype=at.float64, requires_grad=True)
    p.grad = at.tensor(rng.normal(size=shape))
    optim.Muon([p], lr=1.0, weight_decay=0, ns_steps=8).step()
    values = np.linalg.svd(p.detach().numpy() / max(1, shape[0] / shape[1]) ** 0.5, compute_uv=False)
    assert values.min() > 0.5
    assert values.max() < 1.3
    left, _, right = np.linalg.svd(p.grad.numpy(), full_matrices=False)
    assert np.sum(-p.detach().numpy() * (left @ right)) > 0.8 * min(shape)


def test_what_muon_refuses() -> None:
    matrix = at.ones(2, 2, requires_grad=True)
    optimizer = optim.Muon([matrix])
    with pytest.raises(ValueError, match=r"only supports 2D parameters.*\[3\]"):
        optimizer.add_param_group({"params": at.ones(3, requires_grad=True)})
    assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="function up is not supported"):
        optim.Muon([matrix], adjust_lr_fn="up")
    z = at.ones(2, 2, dtype=at.complex64).requires_grad_()
    z.grad = at.ones(2, 2, dtype=at.complex64)
    with pytest.raises(RuntimeError, match="complex"):
        optim.Muon([z]).step()
    with pytest.raises(RuntimeError, match="complex"):
        optim.Adafactor([z]).step()


# --- Adafactor ----------------------------------------------------------------------------------------------


def test_adafactor_keeps_a_row_and_a_column() -> None:
    rng = np.random.default_rng(0)
    start, g = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 3, 4))
    p = at.tensor(start, requires_grad=True)
    optimizer = optim.Adafactor([p], lr=0.1)
    p.grad = at.tensor(g)
    optimizer.step()
    row, column = (g**2).mean(-1, keepdims=True), (g**2).mean(-2, keepdims=True)
    np.testing.assert_allclose(optimizer.state[p]["row_var"].numpy(), row)
    np.testing.assert_allclose(optimizer.state[p]["col_var"].numpy(), column)
    update = g / np.sqrt(row * column / row.mean(-2, keepdims=True))
    update /= max(1, np.sqrt((update**2).mean()))
    np.testing.assert_allclose(p.detach().numpy(), start - 0.1 * np.sqrt((start**2).mean()) * update)


def test_adafactor_on_what_is_empty() -> None:
    params = [at.ones(*s, requires_grad=True) for s in ((0,), (2, 0), (0, 3))]
    for p in params:
        p.grad = at.ones(*p.shape)
    optim.Adafactor(params).step()  # warnings are errors
