"""nn.utils: clipping, vectors, parametrizations, pruning, fusion, summary, unused parameters."""

from __future__ import annotations

import contextlib
import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import nn
from autotape.engine.tensor import Tensor
from autotape.nn.utils import parametrizations, parametrize, prune
from tests.oracle import check, normal

# --- clipping and vectors -----------------------------------------------------------------------------------


def leaf(gradient: Any) -> Tensor:
    p = at.zeros(np.shape(gradient), dtype=at.float64, requires_grad=True)
    p.grad = at.tensor(gradient, dtype=at.float64)
    return p


def test_clipping_scales_all_gradients_by_one_factor() -> None:
    parameters = [leaf([3.0]), leaf([[0.0, 4.0]]), at.ones(1, requires_grad=True)]
    before = [p.grad for p in parameters]
    total = nn.utils.clip_grad_norm_(parameters, 2.5)
    assert total.item() == 5.0
    assert total.ndim == 0
    np.testing.assert_allclose(parameters[1].grad.numpy(), [[0.0, 2.0]], rtol=1e-6)  # type: ignore[union-attr]
    assert [p.grad for p in parameters] == before  # in place
    assert nn.utils.clip_grad_norm_(parameters, 9.0).item() == pytest.approx(2.5)
    assert nn.utils.clip_grad_norm_(iter(parameters), 9.0, float("inf")).item() == pytest.approx(2.0)


def test_clipping_moves_the_version_so_that_a_stale_read_is_an_error() -> None:
    p = leaf([3.0])
    assert p.grad is not None
    before = p.grad._version
    nn.utils.clip_grad_norm_(p, 1.0)
    assert p.grad._version > before


def test_clipping_of_half_precision_does_not_overflow() -> None:
    p = at.zeros(4, dtype=at.float16, requires_grad=True)
    p.grad = at.full((4,), 300.0, dtype=at.float16)
    assert nn.utils.get_total_norm([p.grad]).item() == 600.0


def test_clipping_nothing() -> None:
    with pytest.warns(UserWarning, match="empty generator"):
        nn.utils.clip_grad_norm_((p for p in []), 1.0)
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0.0


def test_vector_of_parameters_is_differentiable_and_shared() -> None:
    check(lambda *p: nn.utils.parameters_to_vector(p) ** 2, normal(2, 3), normal(0), normal(4).T)
    layer = nn.Linear(2, 2)
    vector = at.arange(6.0)
    nn.utils.vector_to_parameters(vector, layer.parameters())
    vector.mul_(2)
    assert layer.bias.tolist() == [8.0, 10.0]
    with pytest.raises(RuntimeError, match="too short"):
        nn.utils.vector_to_parameters(at.ones(5), layer.parameters())
    with pytest.raises(TypeError, match=r"autotape\.Tensor"):
        nn.utils.vector_to_parameters([1.0], layer.parameters())  # type: ignore[arg-type]


# --- parametrizations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("orthogonal_map", ["matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5), (2, 4, 3), (1, 1)])
def test_orthogonal_stays_orthogonal_under_training(orthogonal_map: str, shape: tuple[int, ...]) -> None:
    net = nn.Module()
    net.w = nn.Parameter(at.tensor(normal(*shape)))
    parametrizations.orthogonal(net, "w", orthogonal_map)
    optimizer = at.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(5):
        w = net.w
        tall = w if shape[-2] >= shape[-1] else w.mT
        np.testing.assert_allclose((tall.mT @ tall).detach().numpy() - np.eye(min(shape[-2:])), 0, atol=1e-12)
        optimizer.zero_grad()
        (w**3).sum().backward()
        optimizer.step()
    assert w.shape == shape


def test_orthogonal_of_complex_matrices() -> None:
    net = nn.Module()
    net.w = nn.Parameter(at.tensor(normal(3, 3) + 1j * normal(3, 3, seed=1)))
    parametrizations.orthogonal(net, "w")
    unit = (net.w.mH @ net.w).detach().numpy()
    np.testing.assert_allclose(unit, np.eye(3), atol=1e-12)
    with pytest.raises(ValueError, match="complex"):
        parametrizations.orthogonal(copy.deepcopy(plain_complex()), "w", "householder")


def plain_complex() -> nn.Module:
    net = nn.Module()
    net.w = nn.Parameter(at.tensor(normal(3, 3) + 0j))
    return net


@pytest.mark.parametrize("kind", ["matrix_exp", "cayley", "householder", "weight_norm", "spectral_norm"])
def test_derivatives_of_parametrizations(kind: str) -> None:
    net = nn.Linear(3, 4, dtype=at.float64).eval()
    if kind == "weight_norm":
        parametrizations.weight_norm(net)
    elif kind == "spectral_norm":
        parametrizations.spectral_norm(net)
    else:
        parametrizations.orthogonal(net, "weight", kind)
    first = parametrize_module(net)
    if kind == "weight_norm":
        check(first, normal(4, 1), normal(4, 3, seed=1))
    elif kind == "householder":  # its diagonal holds signs
        signs = np.eye(4, 3)
        check(lambda x: first(x.tril(-1) + at.tensor(signs)), normal(4, 3))
    else:
        check(first, normal(4, 3))


def parametrize_module(net: Any) -> Callable[..., Any]:
    first: Callable[..., Any] = net.parametrizations.weight[0]
    return first


def test_a_copy_of_a_parametrized_module_is_independent() -> None:
    net = parametrizations.weight_norm(nn.Linear(2, 2))
    twin = copy.deepcopy(net)
    assert type(twin) is not type(net)
    parametrize.remove_parametrizations(twin, "weight")
    assert type(twin) is nn.Linear
    assert net.weight.shape == (2, 2)
    assert parametrize.is_parametrized(net, "weight")
    assert [n for n, _ in twin.named_parameters()] == ["bias", "weight"]


def test_cached_values_are_per_module_and_end_with_the_block() -> None:
    a, b = (parametrizations.weight_norm(nn.Linear(2, 2)) for _ in range(2))
    with parametrize.cached():
        assert a.weight is a.weight
        assert a.weight is not b.weight
        inside = a.weight
    assert a.weight is not inside
    with contextlib.suppress(ZeroDivisionError), parametrize.cached():
        assert a.weight is a.weight
        raise ZeroDivisionError
    assert a.weight is not a.weight


def test_a_parametrized_network_trains_through_its_originals() -> None:
    net = nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 2)), nn.ReLU())
    net(at.ones(2, 3)).sum().backward()
    assert [n for n, _ in net.named_parameters()] == [
        "0.bias", "0.parametrizations.weight.original0", "0.parametrizations.weight.original1",
    ]  # fmt: skip
    new = {k: at.ones(v.shape) for k, v in net.state_dict().items()}
    y = at.func.functional_call(net, new, at.ones(1, 3))
    np.testing.assert_allclose(y.numpy(), [[1 + 3 / np.sqrt(3)] * 2], rtol=1e-6)
    with pytest.raises(RuntimeError, match="state_dict"):
        pickle.dumps(net)


def test_spectral_norm_moves_on_in_training_only_and_survives_two_forwards() -> None:
    at.manual_seed(0)
    net = parametrizations.spectral_norm(nn.Linear(30, 40))  # a small one may have converged already
    u = net.parametrizations.weight[0]._u
    before = u.clone()
    net.eval()(at.ones(1, 30))
    assert at.equal(u, before)
    net.train()
    loss = net(at.ones(1, 30)).sum() - net(at.zeros(1, 30)).sum()
    loss.backward()
    assert not at.equal(u, before)


# --- pruning ------------------------------------------------------------------------------------------------


def test_pruned_entries_get_no_gradient_and_stay_zero() -> None:
    net = nn.Linear(4, 3)
    original = net.weight
    prune.l1_unstructured(net, "weight", 0.5)
    assert net.weight_orig is original
    assert int((net.weight == 0).sum()) == 6
    net(at.ones(1, 4)).sum().backward()
    assert original.grad is not None
    assert at.equal(original.grad != 0, net.weight_mask == 1)
    with at.no_grad():
        original.add_(1.0)
    net(at.ones(1, 4))
    assert int((net.weight == 0).sum()) == 6
    prune.remove(net, "weight")
    assert net.weight is original
    assert int((net.weight == 0).sum()) == 6
    assert not prune.is_pruned(net)


def test_random_pruning_takes_the_number_asked_for_among_what_is_left() -> None:
    net = nn.Linear(10, 10)
    for expected in (30, 51, 66):  # 0.3 of what is left each time, rounded
        prune.random_unstructured(net, "weight", 0.3)
        assert abs(int((net.weight_mask == 0).sum()) - expected) <= 1
    net = nn.Linear(10, 10)
    prune.random_structured(net, "weight", 4, dim=1)
    assert int((net.weight_mask.sum(0) == 0).sum()) == 4
    prune.random_structured(net, "weight", 3, dim=1)
    assert int((net.weight_mask.sum(0) == 0).sum()) == 7


def test_a_pruning_method_of_ones_own() -> None:
    class EveryOther(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
            mask = default_mask.clone()
            mask.view(-1)[::2] = 0
            return mask

    net = nn.Linear(4, 1)
    EveryOther.apply(net, "weight")
    assert net.weight_mask.tolist() == [[0.0, 1.0, 0.0, 1.0]]
    EveryOther.apply(net, "weight")
    assert net.weight_mask.tolist() == [[0.0, 0.0, 0.0, 1.0]]
    assert len(net._forward_pre_hooks) == 1

    class Wrong(EveryOther):
        PRUNING_TYPE = "odd"

    with pytest.raises(ValueError, match="Unrecognized PRUNING_TYPE odd"):
        Wrong.apply(net, "weight")
    assert net(at.ones(1, 4)).shape == (1, 1)
    with pytest.raises(TypeError):
        prune.BasePruningMethod()  # type: ignore[abstract]


def test_a_pruned_module_is_saved_and_loaded() -> None:
    net, other = nn.Linear(4, 3), nn.Linear(4, 3)
    prune.l1_unstructured(net, "weight", 0.5)
    prune.identity(other, "weight")
    other.load_state_dict(net.state_dict())
    x = at.ones(1, 4)
    assert at.equal(net(x), other(x))


# --- fusion -------------------------------------------------------------------------------------------------


def test_a_fused_convolution_does_both() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 2, bias=False), nn.BatchNorm2d(4)).double()
    for _ in range(3):
        net(at.tensor(normal(5, 3, 6, 6)))
    net.eval()
    fused = nn.utils.fuse_conv_bn_eval(net[0], net[1])
    x = at.tensor(normal(2, 3, 6, 6, seed=1))
    np.testing.assert_allclose(fused(x).detach().numpy(), net(x).detach().numpy(), rtol=1e-12, atol=1e-12)
    assert net[0].bias is None
    with pytest.raises(AssertionError, match="eval"):
        nn.utils.fuse_conv_bn_eval(net[0].train(), net[1])


# --- summary ------------------------------------------------------------------------------------------------


class Head(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(8, 24)
        self.w = nn.Parameter(at.ones(8, 3))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.map(x).chunk(3, -1)
        return ((q @ k.mT).softmax(-1) @ v) @ self.w


def counted(module: nn.Module, *args: Any) -> int:
    found = nn.utils.summary(module, *args)
    assert not found.not_counted
    return found.multiply_adds


def test_multiply_adds_of_layers() -> None:
    x = at.ones(5, 4, 8, 8)
    assert counted(nn.Linear(8, 3), x) == 5 * 4 * 8 * 8 * 3
    assert counted(nn.Conv2d(4, 6, 3, padding=1, groups=2), x) == 5 * 6 * 8 * 8 * 2 * 9
    assert counted(nn.ConvTranspose2d(4, 6, 2, stride=2), x) == 5 * 4 * 8 * 8 * 6 * 4
    assert counted(nn.BatchNorm2d(4), x) == 5 * 4 * 8 * 8
    assert counted(nn.LayerNorm(8), x) == 5 * 4 * 8 * 8
    assert counted(nn.MaxPool2d(2), x) == 0
    assert counted(nn.Bilinear(8, 8, 2), x, x) == 5 * 4 * 8 * 2 * 64
    assert counted(nn.LSTM(8, 6, 2), at.ones(7, 5, 8)) == 7 * 5 * 24 * (8 + 6 + 6 + 6)
    assert counted(nn.GRUCell(8, 6), at.ones(5, 8)) == 5 * 18 * (8 + 6)
    assert counted(nn.Embedding(10, 4), at.zeros(3).long()) == 0
    attention = nn.MultiheadAttention(8, 2)
    q, k = at.ones(3, 2, 8), at.ones(5, 2, 8)
    assert counted(attention, q, k, k) == 2 * (3 * 64 + 2 * 5 * 64 + 3 * 64 + 2 * 3 * 5 * 8)


def test_products_in_a_forward_of_ones_own_are_counted_from_the_tape() -> None:
    head = Head().requires_grad_(False)
    head.map.weight.requires_grad_(True)
    found = nn.utils.summary(head, at.ones(2, 5, 8))
    own, linear = found.rows
    assert (own.kind, own.depth, linear.path, linear.depth) == ("Head", 0, "map", 1)
    assert own.multiply_adds == 2 * 5 * 5 * 8 * 2 + 2 * 5 * 3 * 8
    assert linear.multiply_adds == 2 * 5 * 24 * 8
    assert (own.parameters, own.trainable, linear.parameters, linear.trainable) == (24, 0, 216, 192)
    assert (found.total_parameters, found.trainable_parameters) == (240, 192)
    assert [p.requires_grad for p in head.parameters()] == [False, True, False]
    assert "240, 48 of them frozen" in repr(found)


def test_what_is_not_counted_is_said() -> None:
    class Own(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return at.einsum("ij,kj->ik", x, x)

    found = nn.utils.summary(nn.Sequential(Own(), nn.ReLU()), at.ones(2, 3))
    assert [row.kind for row in found.not_counted] == ["Own"]
    assert repr(found).endswith("?: not counted: einsum in Own.forward")


def test_a_summary_leaves_the_network_as_it_was() -> None:
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5), nn.LazyLinear(2), nn.ReLU(inplace=True))
    net[1].eval()
    at.manual_seed(0)
    nn.utils.summary(net[:2], at.ones(4, 3))
    expected = at.manual_seed(0) and at.rand(1)
    at.manual_seed(0)
    found = nn.utils.summary(net[:2], at.ones(4, 3))
    assert at.equal(at.rand(1), expected)
    assert int(net[0].num_batches_tracked) == 0
    assert [m.training for m in net] == [True, False, True, True]
    found = nn.utils.summary(net, at.ones(4, 3))
    assert [row.kind for row in found.rows][3] == "Linear"
    assert all(p.grad is None and p.is_leaf for p in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    with pytest.raises(RuntimeError):
        nn.utils.summary(net, at.ones(4, 7))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_shared_modules_count_their_parameters_once() -> None:
    layer = nn.Linear(3, 3, bias=False)
    found = nn.utils.summary(nn.Sequential(layer, layer), at.ones(1, 3))
    assert [row.parameters for row in found.rows] == [0, 9, 0]
    assert found.multiply_adds == 18
    assert found.total_parameters == 9
    assert found.parameter_bytes == 36


def test_outputs_of_any_structure_have_a_shape_text() -> None:
    class Many(nn.Module):
        def forward(self, x: Tensor) -> Any:
            return {"a": x, "b": [x, (None, 3)]}

    assert nn.utils.summary(Many(), at.ones(2)).rows[0].output_shape == "{a: (2,), b: [(2,), [-, int]]}"
    assert nn.utils.summary(nn.LSTM(3, 4), at.ones(5, 2, 3)).rows[0].output_shape == (
        "[(5, 2, 4), [(1, 2, 4), (1, 2, 4)]]"
    )


# --- parameters without a gradient --------------------------------------------------------------------------


def test_unused_parameters_and_why() -> None:
    net = nn.ModuleDict(
        {"a": nn.Linear(2, 1), "b": nn.Linear(2, 1), "frozen": nn.Linear(2, 1).requires_grad_(False)}
    )
    every = ["a.weight", "a.bias", "b.weight", "b.bias"]
    found = nn.utils.unused_parameters(net)
    assert list(found) == every
    assert "backward() has not run" in found["a.bias"]
    loss = net["a"](at.ones(2)).sum() + net["frozen"](at.ones(2)).sum()
    before = nn.utils.unused_parameters(net, loss)
    assert before["a.weight"].startswith("the output depends on it, but backward() has not run")
    assert before["b.weight"] == "the output does not depend on it"
    loss.backward()
    assert nn.utils.unused_parameters(net, loss) == dict.fromkeys(
        every[2:], "the output does not depend on it"
    )
    assert nn.utils.unused_parameters(net) == dict.fromkeys(every[2:], "no gradient came from backward()")
    with at.no_grad():
        cut = net["b"](at.ones(2))
    assert "no_grad" in nn.utils.unused_parameters(net, cut)["b.weight"]
    assert nn.utils.unused_parameters(nn.ReLU()) == {}


def test_unused_parameters_of_a_deep_graph_and_several_outputs() -> None:
    p = nn.Parameter(at.ones(2))
    net = nn.ParameterList([p])
    y = p * 1
    for _ in range(5000):
        y = y + 0
    a, b = y.aminmax()
    assert "depends" in nn.utils.unused_parameters(net, a + b)["0"]
    assert nn.utils.unused_parameters(net, (a + b) * 1)["0"].startswith("the output depends on it")
