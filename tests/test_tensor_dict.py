"""Arithmetic on whole sets of tensors: values, gradients, in-place forms, and what does not fit."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from autotape.nn.utils import TensorDict

A = {"w": np.array([[1.0, -2.0], [3.0, 4.0]]), "b": np.array([0.5, 2.0])}
B = {"b": np.array([2.0, 0.25]), "w": np.array([[2.0, 3.0], [-1.0, 0.5]])}  # another order: names count


def tensors(arrays: dict[str, np.ndarray], requires_grad: bool = False) -> TensorDict:
    return TensorDict({k: at.tensor(a, requires_grad=requires_grad) for k, a in arrays.items()})


def check(found: TensorDict, expected: Callable[[str], Any]) -> None:
    assert type(found) is TensorDict
    for name, value in found.items():
        np.testing.assert_allclose(value.detach().numpy(), expected(name), rtol=1e-15)


BINARY = [operator.add, operator.sub, operator.mul, operator.truediv]
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
MORE = [operator.pow, operator.floordiv, operator.mod]


@pytest.mark.parametrize("f", [*BINARY, *COMPARISONS, *MORE], ids=lambda f: f.__name__)
def test_with_a_dict_a_mapping_a_number_and_a_tensor(f: Callable[[Any, Any], Any]) -> None:
    with np.errstate(invalid="ignore"):
        check(abs(f(tensors(A), 2.0)), lambda n: abs(f(A[n], 2.0)))
        check(f(tensors(A), tensors(A) * tensors(A)), lambda n: f(A[n], A[n] * A[n]))
        check(f(tensors(A), at.tensor(3.0)), lambda n: f(A[n], 3.0))
    if f is not operator.pow:
        check(f(tensors(A), dict(tensors(B))), lambda n: f(A[n], B[n]))


@pytest.mark.parametrize("f", [*BINARY, *COMPARISONS], ids=lambda f: f.__name__)
def test_a_number_on_the_left(f: Callable[[Any, Any], Any]) -> None:
    check(f(3.0, tensors(A)), lambda n: f(3.0, A[n]))


def test_unary_functions_logic_and_powers_of_a_number() -> None:
    a = tensors(A)
    check(-a, lambda n: -A[n])
    check(abs(a), lambda n: abs(A[n]))
    check(2.0**a, lambda n: 2.0 ** A[n])
    check((a > 0) & (a < 3), lambda n: (A[n] > 0) & (A[n] < 3))
    check((a < 0) | ~(a < 3), lambda n: (A[n] < 0) | (A[n] >= 3))
    check(a.clip(0.0, 2.5), lambda n: A[n].clip(0.0, 2.5))
    check(a.clip(max=1.0), lambda n: A[n].clip(max=1.0))
    check(a.map(at.maximum, tensors(B)), lambda n: np.maximum(A[n], B[n]))
    check(sum([a, tensors(B), a]), lambda n: 2 * A[n] + B[n])
    assert (a == a.clone()).all()
    assert not (a != a).any()
    assert (a > 3).any()
    assert not (a > 3).all()
    assert a.norm().item() == pytest.approx(np.sqrt(sum((v**2).sum() for v in A.values())))
    assert a.norm(float("inf")).item() == 4.0


@pytest.mark.parametrize(
    "f",
    [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow],
    ids=lambda f: f.__name__,
)
def test_in_place_forms_write_into_the_tensors(f: Callable[[Any, Any], Any]) -> None:
    a = tensors({k: abs(v) for k, v in A.items()})
    memory = dict(a)
    a = f(a, tensors(B))
    a = f(a, 2.0)
    with np.errstate(all="ignore"):
        check(a, lambda n: f(f(abs(A[n]), B[n].copy()), 2.0))
    assert all(a[name] is tensor for name, tensor in memory.items())


def test_in_place_logic() -> None:
    a = tensors(A)
    mask = a > 0
    mask &= a < 3
    mask |= a == 4.0
    check(mask, lambda n: ((A[n] > 0) & (A[n] < 3)) | (A[n] == 4.0))


def test_gradients_flow_through() -> None:
    a, b = tensors(A, requires_grad=True), tensors(B, requires_grad=True)
    total = ((2 * a - b / a) ** 2).norm(1.0)
    total.backward()
    for name in A:
        d = 2 * A[name] - B[name] / A[name]
        np.testing.assert_allclose(a[name].grad.numpy(), 2 * d * (2 + B[name] / A[name] ** 2), rtol=1e-12)
        np.testing.assert_allclose(b[name].grad.numpy(), -2 * d / A[name], rtol=1e-12)
    assert not a.detach()["w"].requires_grad


def test_a_step_of_gradient_descent_on_all_parameters() -> None:
    at.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    twin = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    TensorDict.parameters(net).copy_to_parameters_(twin)
    x = at.randn(5, 3)
    for model in (net, twin):
        model(x).square().sum().backward()
    at.optim.SGD(net.parameters(), lr=0.1).step()
    (TensorDict.parameters(twin) - 0.1 * TensorDict.gradients(twin)).copy_to_parameters_(twin)
    assert (TensorDict.parameters(net) == TensorDict.parameters(twin)).all()
    assert all(p.is_leaf and p.requires_grad for p in twin.parameters())


def test_gradients_of_several_batches_sum_up_and_are_written_back() -> None:
    net = nn.Linear(2, 1)
    parts = []
    for x in (at.tensor([[1.0, 2.0]]), at.tensor([[3.0, -1.0]])):
        net.zero_grad()
        net(x).sum().backward()
        parts.append(TensorDict.gradients(net).clone())
    total = sum(parts)
    assert isinstance(total, TensorDict)
    total.copy_to_gradients_(net)
    assert net.weight.grad is not None
    assert net.weight.grad.tolist() == [[4.0, 1.0]]
    assert net.weight.grad is not total["weight"]


def test_a_parameter_without_a_gradient_counts_as_zero() -> None:
    net = nn.Linear(2, 1)
    grads = TensorDict.gradients(net)
    assert grads["weight"].tolist() == [[0.0, 0.0]]
    assert not grads["weight"].requires_grad
    assert net.weight.grad is None


def test_it_is_what_functional_call_takes() -> None:
    net = nn.Linear(2, 1)
    x = at.ones(1, 2)
    moved = TensorDict.parameters(net) + 1.0
    assert at.func.functional_call(net, moved, x).item() == pytest.approx(net(x).item() + 3.0)


def test_what_does_not_fit_is_named() -> None:
    a = tensors(A)
    with pytest.raises(ValueError, match=r"add: the names differ; only here: \['b'\], only there: \['c'\]"):
        a + {"w": a["w"], "c": a["b"]}
    with pytest.raises(RuntimeError, match=r"at 'b': The size of tensor a \(2\) must match"):
        a * {"w": a["w"], "b": at.ones(3)}
    with pytest.raises(ValueError, match="copy_to_parameters_: the names differ"):
        a.copy_to_parameters_(nn.Linear(2, 2))
    with pytest.raises(RuntimeError, match="at 'weight'"):
        TensorDict({"weight": at.ones(3, 3)}).copy_to_parameters_(nn.Linear(2, 2, bias=False))
    with pytest.raises(RuntimeError, match="at 'weight'"):
        TensorDict({"weight": at.ones(3, 3)}).copy_to_gradients_(nn.Linear(2, 2, bias=False))
    with pytest.raises(TypeError, match="entry 'w' must be a Tensor, not list"):
        TensorDict({"w": [1.0]})  # type: ignore[dict-item]
    with pytest.raises(TypeError):
        a + "1"
    with pytest.raises(TypeError, match="unhashable"):
        hash(a)


def test_repr_lists_names_shapes_and_dtypes() -> None:
    assert repr(tensors(A)) == ("TensorDict(\n  w: (2, 2) autotape.float64\n  b: (2,) autotape.float64\n)")
