"""backward() and autograd.grad(): what they compute, accumulate and refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.autograd import backward, grad
from tests.tape_tools import constant, leaf

Array = np.ndarray[Any, Any]


# --- backward: accumulation, seeds --------------------------------------------------------------------------


def test_gradients_accumulate_until_reset() -> None:
    """PROMISES row 11: ``.grad`` adds up; None and zero_() reset it; an unused leaf has None."""
    x, unused = leaf(1.0, 2.0), leaf(3.0)
    (x * x).sum().backward()
    (x * 3).sum().backward()
    assert x.grad.tolist() == [5.0, 7.0]
    assert unused.grad is None
    kept = x.grad
    (x * 1).sum().backward()
    assert x.grad is kept  # added in place, as PyTorch does
    assert kept.tolist() == [6.0, 8.0]
    x.grad = None
    (x * 1).sum().backward()
    assert x.grad.tolist() == [1.0, 1.0]
    assert kept.tolist() == [6.0, 8.0]


def test_a_leaf_used_several_times() -> None:
    x = leaf(2.0)
    (x * x * x + x * x + x).backward()
    assert x.grad.item() == 12 + 4 + 1


def test_seed_of_another_dtype_is_cast() -> None:
    x = leaf(1.0, 2.0, dtype=np.float32)
    (x * 2).backward(constant(1.0, 10.0))
    assert x.grad.dtype is x.dtype
    assert x.grad.tolist() == [2.0, 20.0]


def test_a_leaf_itself_can_be_backwarded() -> None:
    x = leaf(5.0)
    x.backward()
    x.backward()
    assert x.grad.tolist() == [2.0]


def test_backward_from_several_tensors() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    backward([y, y.sum(), x], [constant(1.0, 1.0), None, constant(100.0, 200.0)])
    assert x.grad.tolist() == [2 * 2 + 100.0, 2 * 4 + 200.0]


def test_backward_into_chosen_inputs_only() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
    y = x * w
    z = (y * y).sum()
    z.backward(inputs=[x])
    assert x.grad.tolist() == [2 * 1 * 9.0, 2 * 2 * 16.0]
    assert w.grad is None
    z = ((x * w) * (x * w)).sum()
    z.backward(inputs=w)
    assert w.grad.tolist() == [2 * 3 * 1.0, 2 * 4 * 4.0]
    y = x * w
    (y * y).sum().backward(inputs=[y])
    assert y.grad.tolist() == [6.0, 16.0]
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * w).sum().backward(inputs=[])


def test_backward_by_hand_through_an_intermediate_tensor() -> None:
    """The chain rule in two steps: what is below the chosen input is not replayed and not released."""
    x = leaf(1.0, 2.0)
    y = x * x
    (g,) = grad((y * y).sum(), y)
    y.backward(g)
    assert x.grad.tolist() == [4.0, 32.0]
    x.grad = None
    y = x * x
    (y * y).sum().backward(inputs=[y])
    y.backward(y.grad)
    assert x.grad.tolist() == [4.0, 32.0]


def test_empty_tensors_have_empty_gradients() -> None:
    x = at.tensor(np.zeros((0, 3)), requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.shape == (0, 3)


def test_create_graph_makes_grad_differentiable() -> None:
    x = leaf(2.0)
    (x * x * x).sum().backward(create_graph=True)
    assert x.grad.requires_grad
    (second,) = grad(x.grad.sum(), x)
    assert second.item() == 12.0
    x.grad = None


def test_create_graph_under_no_grad_is_recorded() -> None:
    x = leaf(2.0)
    y = x * x * x
    with at.no_grad():
        for n in (1, 2):
            y.backward(create_graph=True)
            assert x.grad.requires_grad
            assert grad(x.grad, x, retain_graph=True)[0].item() == n * 12.0
    x.grad = None


def test_derivatives_of_order_five() -> None:
    x = leaf(0.5)
    y = x
    for _ in range(6):
        y = y * x  # x^7
    for order in range(1, 6):
        (y,) = grad(y.sum(), x, create_graph=True)
        wanted = np.prod([7.0 - k for k in range(order)]) * 0.5 ** (7 - order)
        assert y.item() == pytest.approx(wanted, rel=1e-14)


# --- errors (row 10) ----------------------------------------------------------------------------------------


def test_second_backward_is_refused_and_names_the_operation_and_its_line() -> None:
    """PROMISES row 10: backward twice."""
    x = leaf(1.0, 2.0)
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="retain_graph=True") as caught:
        loss.backward()
    assert "sum" in str(caught.value)
    assert __file__ in str(caught.value)
    assert "loss = (x * x).sum()" in str(caught.value)
    assert x.grad.tolist() == [2.0, 4.0]


def test_second_backward_through_a_shared_part_is_refused() -> None:
    """PROMISES row 10: two losses over one subgraph; the first replay released it."""
    x = leaf(1.0, 2.0)
    y = x * x
    a, b = y.sum(), (y * 3).sum()
    a.backward()
    with pytest.raises(RuntimeError, match=r"y = x \* x"):
        b.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_backward_without_seed_needs_one_element() -> None:
    """PROMISES row 10: a non-scalar without a seed."""
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"only for scalar outputs.*\[2\].*sum\(\)"):
        (x * x).backward()
    with pytest.raises(RuntimeError, match="only for scalar outputs"):
        at.tensor(np.zeros((0,)), requires_grad=True).backward()
    at.tensor(np.ones((1, 1)), requires_grad=True).backward()


def test_backward_without_a_graph_is_refused() -> None:
    """PROMISES row 10: nothing requires grad."""
    with pytest.raises(
        RuntimeError, match="element 0 of tensors does not require grad and does not have a grad_fn"
    ):
        constant(1.0).backward()
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="element 1 of tensors does not require grad"):
        backward([x * 1, constant(1.0)])
    with at.no_grad():
        y = x * 2
        with pytest.raises(RuntimeError, match="does not require grad"):
            y.backward()


def test_wrong_seeds_are_refused() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"Mismatch in shape.*\[3\].*\[2\]"):
        (x * x).backward(constant(1.0, 1.0, 1.0))
    with pytest.raises(TypeError, match="float"):
        (x * x).backward(1.0)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="complex64"):
        (x * x).backward(at.tensor(np.ones(2, np.complex64)))
    with pytest.raises(RuntimeError, match="2 tensors and 1 gradients"):
        backward([x * 1, x * 1], [constant(1.0, 1.0)])
    z = at.tensor(np.ones(1, np.complex64), requires_grad=True)
    with pytest.raises(RuntimeError, match="only for real scalar outputs"):
        (z * 1).backward()


def test_deprecated_name_of_the_seeds() -> None:
    x = leaf(1.0)
    with pytest.warns(FutureWarning, match="grad_tensors"):
        backward([x * 1], grad_variables=[constant(3.0)])
    assert x.grad.item() == 3.0
    with pytest.raises(RuntimeError, match="both passed"), pytest.warns(FutureWarning):
        backward([x * 1], [constant(3.0)], grad_variables=[constant(3.0)])


def test_integer_tensors_cannot_require_gradients() -> None:
    with pytest.raises(RuntimeError, match="floating point"):
        at.tensor([1, 2], requires_grad=True)


# --- grad ---------------------------------------------------------------------------------------------------


def test_grad_touches_no_grad_attribute() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0)
    gx, gw = grad((x * w).sum(), (x, w))
    assert gx.tolist() == [3.0, 3.0]
    assert gw.tolist() == [3.0]
    assert x.grad is None
    assert w.grad is None
    assert not gx.requires_grad


def test_grad_of_several_outputs_adds_up() -> None:
    x = leaf(1.0, 2.0)
    (g,) = grad([(x * x).sum(), x * 10], x, [None, constant(1.0, -1.0)])
    assert g.tolist() == [12.0, -6.0]


def test_grad_by_an_intermediate_tensor_and_by_the_output_itself() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    z = (y * y).sum()
    gy, gx, gz = grad(z, [y, x, z])
    assert gy.tolist() == [2.0, 8.0]
    assert gx.tolist() == [4.0, 32.0]
    assert gz.item() == 1.0
    (same,) = grad(x, x, constant(5.0, 6.0))
    assert same.tolist() == [5.0, 6.0]


def test_grad_of_a_repeated_input() -> None:
    x = leaf(3.0)
    a, b = grad((x * x).sum(), [x, x])
    assert a.item() == b.item() == 6.0
    assert not np.shares_memory(a._array, b._array)


def test_grad_from_an_unused_input() -> None:
    x, w = leaf(1.0), leaf(2.0, 3.0)
    with pytest.raises(RuntimeError, match=r"inputs\[1\].*allow_unused=True"):
        grad(x * 2, [x, w])
    g, none = grad(x * 2, [x, w], allow_unused=True)
    assert g.item() == 2.0
    assert none is None
    g, zeros = grad(x * 2, [x, w], materialize_grads=True)
    assert zeros.tolist() == [0.0, 0.0]
    with pytest.raises(ValueError, match="allow_unused"):
        grad(x * 2, [x, w], materialize_grads=True, allow_unused=False)


def test_grad_of_wrong_arguments() -> None:
    x = leaf(1.0)
    with pytest.raises(TypeError, match=r"inputs\[0\]"):
        grad(x * 1, [3])
    with pytest.raises(TypeError, match="outputs"):
        grad(3, [x])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="grad_outputs"):
        grad(x * 1, [x], 3.0)
    with pytest.raises(RuntimeError, match="cannot be empty"):
        grad(x * 1, [])
    with pytest.raises(RuntimeError, match="does not require grad"):
        grad(x * 1, constant(1.0))
    with pytest.warns(FutureWarning, match="only_inputs"):
        grad(x * 1, x, only_inputs=False)


def test_grad_of_a_dict_gives_a_dict() -> None:
    x, w = leaf(1.0), leaf(2.0)
    found = grad(x * w, {"x": x, "w": w})
    assert {k: v.item() for k, v in found.items()} == {"x": 2.0, "w": 1.0}


def test_grad_releases_unless_told_to_keep() -> None:
    x = leaf(1.0)
    y = x * x
    grad(y, x, retain_graph=True)
    grad(y, x, create_graph=True)
    grad(y, x)
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, x)
    y = x * x
    grad(y, x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, x)


def test_grad_works_under_no_grad() -> None:
    x = leaf(3.0)
    y = x * x * x
    with at.no_grad():
        (plain,) = grad(y, x, retain_graph=True)
        (recorded,) = grad(y, x, create_graph=True)
    assert not plain.requires_grad
    assert recorded.requires_grad
    (second,) = grad(recorded, x)
    assert [plain.item(), recorded.item(), second.item()] == [27.0, 27.0, 18.0]


def test_batched_gradients_are_one_per_row() -> None:
    x, w = leaf(1.0, 2.0), leaf(3.0)
    y = x * x * w
    rows = at.tensor(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    gx, gw = grad(y, [x, w], rows, is_grads_batched=True, create_graph=True)
    assert gx.tolist() == [[6.0, 0.0], [0.0, 12.0], [6.0, 12.0]]
    assert gw.tolist() == [[1.0], [4.0], [5.0]]
    (second,) = grad(gx.sum(), x, retain_graph=True)
    assert second.tolist() == [2 * 2 * 3.0, 2 * 2 * 3.0]
    seeds = rows.clone().requires_grad_()
    (gx,) = grad(y, x, seeds, is_grads_batched=True, create_graph=True)
    (by_seed,) = grad(gx.sum(), seeds)
    assert by_seed.tolist() == [[6.0, 12.0]] * 3


def test_batched_gradients_release_and_refuse() -> None:
    x, unused = leaf(1.0, 2.0), leaf(1.0)
    y = x * x
    g, none = grad(y, [x, unused], np.eye(2), is_grads_batched=True, allow_unused=True)
    assert g.tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert none is None
    with pytest.raises(RuntimeError, match="second time"):
        grad(y, x, np.eye(2), is_grads_batched=True)
    y = x * x
    (empty,) = grad(y, x, np.zeros((0, 2)), is_grads_batched=True)
    assert empty.shape == (0, 2)
    y = x * x
    with pytest.raises(RuntimeError, match="batch dimension"):
        grad(y, x, constant(1.0, 1.0), is_grads_batched=True)
    with pytest.raises(RuntimeError, match="batch dimension"):
        grad(y, x, is_grads_batched=True)
    with pytest.raises(ValueError, match="same batch size"):
        grad([y, y * 1], x, [np.ones((2, 2)), np.ones((3, 2))], is_grads_batched=True)


# --- anomaly mode -------------------------------------------------------------------------------------------


def nan_in_backward() -> at.Tensor:
    x = leaf(0.0, 1.0)
    bad = x / x  # 0 / 0: the line that is named
    return bad.sum()


def test_anomaly_mode_names_the_operation_and_its_line() -> None:
    loss = nan_in_backward()
    with at.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="DivBackward0") as caught:
        loss.backward()
    assert "the line that is named" in str(caught.value)
    nan_in_backward().backward()  # off again


def test_anomaly_mode_is_restored_and_nests() -> None:
    from autotape.engine.replay import anomaly

    with at.autograd.set_detect_anomaly(True):
        with at.autograd.set_detect_anomaly(False):
            assert not anomaly.enabled
        assert anomaly.enabled
        with at.autograd.detect_anomaly(check_nan=False):
            nan_in_backward().backward()
        with pytest.raises(RuntimeError, match="nan"):
            nan_in_backward().backward()
    assert not anomaly.enabled
    at.autograd.set_detect_anomaly(True)
    assert anomaly.enabled
    at.autograd.set_detect_anomaly(False)
    assert not anomaly.enabled


def test_anomaly_mode_sees_nan_in_one_of_several_outputs() -> None:
    x = leaf(0.0, 2.0)
    a, b = x.split(1)
    with at.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="DivBackward0"):
        (a / a + b).sum().backward()
