"""The gradient of a table stays the rows looked up until somebody looks at it; nobody can tell."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn, optim
from autotape.engine.row_gradient import RowGradient
from autotape.nn import functional as F

ROWS, WIDTH = 200, 4
INDEX = at.tensor([3, 90, 3, 7, 199, 0])


def table(**options: Any) -> nn.Embedding:
    at.manual_seed(0)
    return nn.Embedding(ROWS, WIDTH, **options)


def square(e: nn.Embedding, index: at.Tensor = INDEX) -> at.Tensor:
    return (e(index) ** 2).sum()


def expected(e: nn.Embedding, *indices: at.Tensor) -> np.ndarray[Any, Any]:
    """The gradient of the squares, by NumPy."""
    w = e.weight.detach().numpy()
    out = np.zeros_like(w)
    for index in indices:
        np.add.at(out, index.numpy(), 2 * w[index.numpy()])
    return out


def held(e: nn.Embedding) -> Any:
    """The gradient as the optimizer sees it."""
    assert e.weight._cell is not None
    return e.weight._cell.grad


def test_a_gradient_of_few_rows_is_held_as_rows_and_seen_whole() -> None:
    e = table()
    square(e).backward()
    assert type(held(e)) is RowGradient
    assert held(e).parts.rows.size == 5
    assert type(e.weight.grad) is at.Tensor
    assert type(held(e)) is at.Tensor
    np.testing.assert_array_equal(e.weight.grad.numpy(), expected(e, INDEX))
    assert e.weight.grad is e.weight.grad


@pytest.mark.parametrize("index", [at.arange(ROWS), at.arange(ROWS // 2), at.zeros(0, dtype=at.int64)])
def test_a_gradient_of_many_rows_or_none_is_an_ordinary_one(index: at.Tensor) -> None:
    e = table()
    square(e, index).backward()
    assert type(held(e)) is at.Tensor
    np.testing.assert_array_equal(held(e).numpy(), expected(e, index))


STEPS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "plain": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "decay": lambda p: optim.SGD(p, lr=0.1, weight_decay=0.1),
    "maximize": lambda p: optim.SGD(p, lr=0.1, maximize=True),
    "lr is a tensor": lambda p: optim.SGD(p, lr=at.tensor(0.1)),
    "Adam": lambda p: optim.Adam(p, lr=0.1),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.1),
}


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("options", [{}, {"padding_idx": 3}, {"scale_grad_by_freq": True}, {"max_norm": 1.0}])
def test_training_is_the_same_bit_for_bit_whether_or_not_somebody_looks(name: str, options: Any) -> None:
    results = []
    for look in (False, True):
        e = table(**options)
        optimizer = STEPS[name](e.parameters())
        for step in range(4):
            optimizer.zero_grad()
            square(e, INDEX + step * (INDEX < 90)).backward()
            if look:
                assert e.weight.grad is not None
            optimizer.step()
        results.append(e.weight.detach().numpy())
    np.testing.assert_array_equal(results[0], results[1])


def test_rows_that_were_not_looked_up_keep_their_bits() -> None:
    e = table()
    with at.no_grad():
        e.weight[5] = float("nan")
        e.weight[6] = -0.0
    before = e.weight.detach().numpy().copy()
    square(e).backward()
    optim.SGD(e.parameters(), lr=0.1).step()
    changed = (before != e.weight.detach().numpy()) & ~np.isnan(before)
    assert set(np.flatnonzero(changed.any(1))) == {0, 3, 7, 90, 199}
    assert np.signbit(e.weight.detach().numpy()[6]).all()


def test_an_infinite_rate_makes_nan_of_a_zero_gradient_as_everywhere() -> None:
    e = table()
    square(e).backward()
    optim.SGD(e.parameters(), lr=float("inf")).step()
    assert e.weight.isnan().sum() == (ROWS - 5) * WIDTH


def test_a_table_that_is_not_contiguous() -> None:
    at.manual_seed(0)
    w = at.randn(WIDTH, ROWS).t().requires_grad_()
    start = w.detach().clone()
    (F.embedding(INDEX, w) ** 2).sum().backward()
    optim.SGD([w], lr=0.5).step()
    for row in range(ROWS):
        count = int((row == INDEX).sum())
        np.testing.assert_allclose(w[row].detach(), start[row] * (1 - count), atol=1e-6)


def test_gradients_accumulate() -> None:
    e = table()
    other = at.tensor([7, 8])
    square(e).backward()
    square(e, other).backward()
    np.testing.assert_allclose(e.weight.grad.numpy(), expected(e, INDEX, other), rtol=1e-6)
    e.weight.grad = None
    (square(e) + square(e, other)).backward()
    np.testing.assert_allclose(e.weight.grad.numpy(), expected(e, INDEX, other), rtol=1e-6)


def test_a_gradient_is_added_to_one_that_is_on_the_tape() -> None:
    e = table()
    other = at.tensor([7, 8])
    square(e).backward(create_graph=True)
    square(e, other).backward()
    assert e.weight.grad is not None
    np.testing.assert_allclose(e.weight.grad.numpy(), expected(e, INDEX, other), rtol=1e-6)


def test_a_hook_on_several_gradients_gets_them_whole() -> None:
    e, head = table(), nn.Linear(WIDTH, 2)
    seen: list[Any] = []
    at.autograd.graph.register_multi_grad_hook([e.weight, head.weight], seen.extend)
    head(e(INDEX)).sum().backward()
    assert [tuple(g.shape) for g in seen] == [(ROWS, WIDTH), (2, WIDTH)]


def test_a_gradient_that_came_from_another_thread_meanwhile_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from autotape.engine import backward

    e = table()
    first = at.ones(ROWS, WIDTH)

    def late(*args: Any) -> Any:
        found = replay(*args)
        e.weight.grad = first.clone()
        return found

    replay = backward.replay
    monkeypatch.setattr(backward, "replay", late)
    square(e).backward()
    np.testing.assert_allclose(e.weight.grad.numpy(), 1 + expected(e, INDEX), rtol=1e-6)


def test_tied_weights_get_both_gradients() -> None:
    e = table()
    (e(INDEX) @ e.weight.mT).sum().backward()
    w = e.weight.detach().double().numpy()
    wanted = np.zeros_like(w)
    np.add.at(wanted, INDEX.numpy(), w.sum(0))
    wanted += w[INDEX.numpy()].sum(0)
    np.testing.assert_allclose(e.weight.grad.numpy(), wanted, rtol=1e-4, atol=1e-4)


def test_the_seed_of_backward_may_be_written_to_afterwards() -> None:
    e = table()
    index = at.tensor([1, 2])
    seed = at.ones(2, WIDTH)
    e(index).backward(seed)
    seed.zero_()
    optim.SGD(e.parameters(), lr=1.0).step()
    fresh = table().weight.detach()
    np.testing.assert_allclose(e.weight[1:3].detach(), fresh[1:3] - 1)


def test_a_retained_gradient_shares_no_memory_with_it() -> None:
    e = table()
    y = e(at.tensor([1, 2]))
    y.retain_grad()
    (y * 3).sum().backward()
    y.grad.zero_()
    assert e.weight.grad.sum() == 2 * WIDTH * 3


def test_hooks_get_the_whole_gradient() -> None:
    e = table()
    seen: list[Any] = []
    e.weight.register_hook(lambda g: seen.append(g.clone()) or g * 2)
    e.weight.register_post_accumulate_grad_hook(lambda p: seen.append(p.grad.clone()))
    square(e).backward()
    np.testing.assert_array_equal(seen[0].numpy(), expected(e, INDEX))
    np.testing.assert_array_equal(seen[1].numpy(), 2 * expected(e, INDEX))
    np.testing.assert_array_equal(e.weight.grad.numpy(), 2 * expected(e, INDEX))


def test_grad_and_higher_orders_are_ordinary_tensors() -> None:
    e = table()
    (g,) = at.autograd.grad(square(e), e.weight)
    assert type(g) is at.Tensor
    np.testing.assert_array_equal(g.numpy(), expected(e, INDEX))
    (g,) = at.autograd.grad(square(e), e.weight, create_graph=True)
    (h,) = at.autograd.grad(g.sum(), e.weight)
    counts = np.bincount(INDEX.numpy(), minlength=ROWS)
    np.testing.assert_array_equal(h.numpy(), np.repeat(2.0 * counts[:, None], WIDTH, 1))


@pytest.mark.parametrize(
    "use",
    [
        lambda e: e.weight.grad.mul_(2),
        lambda e: e.weight.grad.numpy().__imul__(2),
        lambda e: setattr(e.weight, "grad", e.weight.grad * 2),
        lambda e: e.weight._cell.variable.grad.add_(e.weight.grad.clone()),
    ],
    ids=["in place", "through NumPy", "assigned", "by the leaf"],
)
def test_what_is_done_to_a_gradient_reaches_the_optimizer(use: Callable[[nn.Embedding], Any]) -> None:
    e = table()
    square(e).backward()
    use(e)
    wanted = e.weight.detach().numpy() - np.float32(0.1) * 2 * expected(e, INDEX)
    optim.SGD(e.parameters(), lr=0.1).step()
    np.testing.assert_allclose(e.weight.detach(), wanted, rtol=1e-6)


def test_clipping_and_zeros() -> None:
    e = table()
    square(e).backward()
    norm = nn.utils.clip_grad_norm_(e.parameters(), 1e-3)
    np.testing.assert_allclose(norm, np.linalg.norm(expected(e, INDEX)), rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(e.weight.grad.numpy()), 1e-3, rtol=1e-3)
    e.weight.grad = None
    square(e).backward()
    optim.SGD(e.parameters()).zero_grad(set_to_none=False)
    assert e.weight.grad.count_nonzero() == 0


def test_a_second_step_uses_the_same_rows_again() -> None:
    e = table()
    square(e).backward()
    g = expected(e, INDEX)
    start = e.weight.detach().numpy().copy()
    optimizer = optim.SGD(e.parameters(), lr=0.1)
    optimizer.step()
    optimizer.step()
    np.testing.assert_allclose(e.weight.detach(), start - 0.1 * g - 0.1 * g, rtol=1e-5)
    np.testing.assert_array_equal(e.weight.grad.numpy(), g)


def test_anomaly_mode_looks_into_it() -> None:
    e = table()
    with at.autograd.detect_anomaly():
        loss = (e(INDEX) * at.tensor(float("nan"))).sum()
        with pytest.raises(RuntimeError, match="returned nan values"):
            loss.backward()


def test_below_a_mask() -> None:
    e = table()
    y = e(INDEX)
    at.where(y > 0, y, 0).sum().backward()
    w = e.weight.detach().numpy()
    wanted = np.zeros_like(w)
    np.add.at(wanted, INDEX.numpy(), (w[INDEX.numpy()] > 0).astype(w.dtype))
    np.testing.assert_array_equal(e.weight.grad.numpy(), wanted)
