"""Module: registration, walking, state dicts, conversion, copies, containers."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autotape as at
from autotape import nn
from autotape.engine.tensor import Tensor


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.rest = nn.Sequential(nn.ReLU(), nn.Linear(3, 2))
        self.scale = nn.Parameter(at.ones(2))
        self.register_buffer("mean", at.zeros(2))
        self.register_buffer("draft", at.zeros(1), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.rest(self.first(x)) * self.scale


def names(items: Any) -> list[str]:
    return [name for name, _ in items]


# --- registering --------------------------------------------------------------------------------------------


def test_members_are_plain_attributes() -> None:
    net = Net()
    for name in ("first", "rest", "scale", "mean", "draft"):
        assert net.__dict__[name] is getattr(net, name)
    assert not hasattr(nn.Module, "__getattr__")


def test_members_are_named_in_order() -> None:
    net = Net()
    assert names(net.named_parameters()) == [
        "scale", "first.weight", "first.bias", "rest.1.weight", "rest.1.bias",
    ]  # fmt: skip
    assert names(net.named_buffers()) == ["mean", "draft"]
    assert names(net.named_modules()) == ["", "first", "rest", "rest.0", "rest.1"]
    assert names(net.named_children()) == ["first", "rest"]
    assert list(net.children()) == [net.first, net.rest]
    assert list(net.parameters(recurse=False)) == [net.scale]


def test_a_name_keeps_its_place_when_assigned_again_and_moves_with_its_kind() -> None:
    net = Net()
    net.first = nn.Linear(4, 3, bias=False)
    assert names(net.named_children()) == ["first", "rest"]
    net.first = nn.Parameter(at.ones(1))
    assert names(net.named_children()) == ["rest"]
    assert names(net.named_parameters(recurse=False)) == ["scale", "first"]
    net.mean = nn.Parameter(at.ones(2))
    assert names(net.named_buffers()) == ["draft"]
    net.draft = nn.Tanh()
    assert list(net.state_dict()) == ["scale", "first", "mean", "rest.1.weight", "rest.1.bias"]
    net.draft = None
    assert net.draft is None
    assert names(net.named_modules()) == ["", "rest", "rest.0", "rest.1"]


def test_plain_values_are_not_registered() -> None:
    net = nn.Module()
    net.tensor = at.ones(2)
    net.modules_in_a_list = [nn.Linear(1, 1)]
    net.number = 3
    assert list(net.parameters()) == list(net.buffers()) == list(net.children()) == []
    del net.number
    with pytest.raises(AttributeError, match="number"):
        _ = net.number


def test_surgery_on_the_registries_changes_the_attributes() -> None:
    net = Net()
    new = nn.Linear(4, 3)
    net._modules["first"] = new
    assert net.first is new
    del net._parameters["scale"]
    assert not hasattr(net, "scale")
    net._parameters["scale"] = nn.Parameter(at.zeros(2))
    assert names(net.named_parameters(recurse=False)) == ["scale"]
    assert net._buffers.pop("mean").tolist() == [0.0, 0.0]
    assert list(net._buffers) == ["draft"]
    net._buffers.clear()
    assert not hasattr(net, "draft")
    with pytest.raises(KeyError):
        net._modules["scale"]
    with pytest.raises(KeyError):
        del net._modules["scale"]
    assert "scale" not in net._modules
    assert len(net._modules) == 2
    assert repr(net._parameters).startswith("{'scale': Parameter containing")


def test_assigning_a_registry_replaces_its_members() -> None:
    net = nn.Sequential(nn.ReLU(), nn.Tanh(), nn.Sigmoid())
    net._modules = OrderedDict((str(i), m) for i, m in enumerate(list(net._modules.values())[1:]))
    assert repr(net) == "Sequential(\n  (0): Tanh()\n  (1): Sigmoid()\n)"
    net._modules = dict(reversed(net._modules.items()))
    assert repr(net) == "Sequential(\n  (1): Sigmoid()\n  (0): Tanh()\n)"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (lambda: nn.Parameter(at.ones(1)), "parameters"),
        (lambda: nn.ReLU(), "module"),
        (lambda: nn.Buffer(at.ones(1)), "buffer"),
    ],
)
def test_assigning_a_member_before_init_is_an_error(value: Callable[[], Any], kind: str) -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.member = value()

    with pytest.raises(AttributeError, match=rf"cannot assign {kind} before Module.__init__\(\) call"):
        Early()


def test_plain_attributes_may_be_set_before_init_but_registries_not_read() -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.number = 3
            with pytest.raises(AttributeError, match="before Module"):
                _ = self._parameters
            super().__init__()

    assert Early().number == 3


def test_a_computed_parameter_is_refused() -> None:
    net = nn.Module()
    weight = nn.Parameter(at.ones(2))
    weight._node = (weight * 2)._node  # what no public way makes
    with pytest.raises(ValueError, match="non-leaf"):
        net.weight = weight


def test_module_subclass_may_find_attributes_elsewhere() -> None:
    class Wrapper(nn.Module):
        def __init__(self, module: nn.Module) -> None:
            super().__init__()
            self.module = module

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)  # type: ignore[misc]
            except AttributeError:
                return getattr(self.module, name)

    wrapper = Wrapper(nn.Linear(2, 3))
    assert wrapper.in_features == 2
    with pytest.raises(AttributeError):
        _ = wrapper.nothing


def test_modules_die_without_the_garbage_collector() -> None:
    def use() -> list[weakref.ref[Any]]:
        net = Net()
        net.rest.register_forward_hook(lambda module, args, output: None)
        net.rest.register_full_backward_hook(lambda module, gi, go: None)
        net(at.ones(1, 4, requires_grad=True)).sum().backward()
        net.load_state_dict(net.state_dict())
        net.double()
        return [weakref.ref(net), weakref.ref(net.rest), weakref.ref(net.scale)]

    gc.collect()
    gc.disable()
    try:
        assert [ref() for ref in use()] == [None, None, None]
    finally:
        gc.enable()


# --- Parameter and Buffer -----------------------------------------------------------------------------------


def test_parameter_shares_memory_and_computes_tensors() -> None:
    data = at.ones(3)
    p = nn.Parameter(data)
    data.fill_(2)
    assert p.tolist() == [2.0, 2.0, 2.0]
    assert isinstance(p, Tensor)
    assert p.is_leaf
    assert p.requires_grad
    for result in (p * 2, p.detach(), p.clone(), p[0], p.data, p.reshape(3, 1), at.exp(p), p.to(at.float64)):
        assert type(result) is Tensor
    array = np.ones(2)
    nn.Parameter(array).data.fill_(3)
    assert array.tolist() == [3.0, 3.0]


@pytest.mark.parametrize("bad", [[1.0, 2.0], 3.0, "x"])
def test_parameter_of_what_is_no_tensor(bad: Any) -> None:
    with pytest.raises(TypeError, match="'data' must be a Tensor"):
        nn.Parameter(bad)


def test_in_place_change_of_a_parameter_keeps_it() -> None:
    net = nn.Linear(2, 2)
    before = net.weight
    with at.no_grad():
        net.weight -= 1
        net.weight *= 0
    assert net.weight is before
    assert net.weight.tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(RuntimeError, match="leaf"):
        net.weight += 1


def test_buffer_is_a_tensor_with_persistence() -> None:
    net = nn.Module()
    net.a = nn.Buffer(at.ones(1))
    net.b = nn.Buffer(at.ones(1), persistent=False)
    assert list(net.state_dict()) == ["a"]
    net.b = at.zeros(1)
    assert list(net.state_dict()) == ["a"]
    net.b = nn.Buffer(at.zeros(1))
    assert list(net.state_dict()) == ["a", "b"]
    assert type(net.a + 1) is Tensor
    assert not nn.Buffer(at.ones(1)).requires_grad
    assert nn.Buffer(at.ones(1, requires_grad=True)).requires_grad


# --- copies -------------------------------------------------------------------------------------------------


def test_deepcopy_is_independent_and_keeps_ties() -> None:
    net = Net()
    net.rest[1].bias = net.scale
    net(at.ones(1, 4)).sum().backward()
    other = copy.deepcopy(net)
    assert other.rest[1].bias is other.scale
    assert all(p.grad is None for p in other.parameters())
    assert net.scale.grad is not None
    other.scale.data.fill_(7)
    assert net.scale.tolist() == [1.0, 1.0]
    other.extra = nn.Linear(1, 1)
    del other.first
    assert names(net.named_children()) == ["first", "rest"]
    assert names(other.named_children()) == ["rest", "extra"]
    assert list(other.state_dict()) == [
        "scale",
        "mean",
        "rest.1.weight",
        "rest.1.bias",
        "extra.weight",
        "extra.bias",
    ]


def test_pickle_round_trip() -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Embedding(4, 2, padding_idx=0)).eval()
    net[0].register_buffer("draft", at.ones(2), persistent=False)
    net.add_module("again", net[0])
    back = pickle.loads(pickle.dumps(net))
    assert repr(back) == repr(net)
    assert back.again is back[0]
    assert not back.training
    assert isinstance(back[0].weight, nn.Parameter)
    assert list(back.state_dict()) == list(net.state_dict())
    for a, b in zip(net.state_dict().values(), back.state_dict().values(), strict=True):
        assert at.equal(a, b)


def test_shallow_copy_shares_members_but_not_their_registration() -> None:
    net = Net()
    other = copy.copy(net)
    assert other.first is net.first
    other.extra = nn.Linear(1, 1)
    del other.rest
    other.draft = nn.Buffer(at.ones(1))
    assert names(net.named_children()) == ["first", "rest"]
    assert "draft" not in net.state_dict()


# --- state dict ---------------------------------------------------------------------------------------------


def test_state_dict_shares_memory_and_load_copies() -> None:
    net, other = Net(), Net()
    state = net.state_dict()
    assert not any(isinstance(v, nn.Parameter) or v.requires_grad for v in state.values())
    other.load_state_dict(state)
    with at.no_grad():
        net.scale.fill_(5)
    assert state["scale"].tolist() == [5.0, 5.0]
    assert other.scale.tolist() == [1.0, 1.0]
    kept = net.state_dict(keep_vars=True)
    assert kept["scale"] is net.scale
    assert next(iter(net.state_dict(prefix="net."))) == "net.scale"
    into: dict[str, Any] = {"old": 1}
    assert net.rest.state_dict(destination=into, prefix="r.") is into
    assert list(into) == ["old", "r.1.weight", "r.1.bias"]


def test_load_keeps_identity_dtype_and_gradients() -> None:
    net = Net()
    before = net.scale
    net(at.ones(1, 4)).sum().backward()
    state = {k: v.double() for k, v in Net().state_dict().items()}
    result = net.load_state_dict(state)
    assert (result.missing_keys, result.unexpected_keys) == ([], [])
    assert repr(result) == "<All keys matched successfully>"
    assert net.scale is before
    assert net.scale.dtype == at.float32
    assert net.scale.grad is not None
    assert net.scale.requires_grad


def test_load_takes_numpy_arrays() -> None:
    net = nn.Linear(2, 1)
    net.load_state_dict({"weight": np.array([[1.0, 2.0]]), "bias": np.array([3], np.int64)})
    assert net(at.tensor([1.0, 1.0])).tolist() == [6.0]


def test_load_lists_all_that_is_wrong_and_loads_the_rest() -> None:
    net = Net()
    state = {
        "scale": at.ones(2) * 4,
        "mean": at.ones(3),
        "first.weight": 3,
        "surprise": at.ones(1),
        "rest.1.x": at.ones(1),
    }
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    assert str(caught.value) == (
        "Error(s) in loading state_dict for Net:\n"
        '\tMissing key(s) in state_dict: "first.bias", "rest.1.weight", "rest.1.bias". \n'
        '\tUnexpected key(s) in state_dict: "surprise", "rest.1.x". \n'
        "\tsize mismatch for mean: copying a param with shape autotape.Size([3]) from checkpoint, "
        "the shape in current model is autotape.Size([2]).\n"
        '\tWhile copying the parameter named "first.weight", expected a Tensor or a NumPy array '
        "from checkpoint but received <class 'int'>"
    )
    assert net.scale.tolist() == [4.0, 4.0]
    result = net.load_state_dict({"scale": at.zeros(2), "surprise": 1}, strict=False)
    assert result.unexpected_keys == ["surprise"]
    assert repr(result).startswith("IncompatibleKeys(missing_keys=['mean', ")


def test_load_with_assign_takes_the_tensors_themselves() -> None:
    net = nn.Linear(2, 1)
    net.bias.requires_grad_(False)
    state = {"weight": at.ones(1, 2, dtype=at.float64), "bias": nn.Parameter(at.ones(1))}
    net.load_state_dict(state, assign=True)
    assert net.weight.dtype == at.float64
    assert isinstance(net.weight, nn.Parameter)
    assert net.bias is state["bias"]
    assert not net.bias.requires_grad
    state["weight"].fill_(3)
    assert net.weight.tolist() == [[3.0, 3.0]]
    with pytest.raises(RuntimeError, match=r"weight.*floating"):
        net.load_state_dict({"weight": at.ones(1, 2).long(), "bias": at.ones(1)}, assign=True)


def test_extra_state_and_own_loading() -> None:
    class Counts(nn.Module):
        _version = 3

        def __init__(self) -> None:
            super().__init__()
            self.count = 0
            self.seen: list[Any] = []

        def get_extra_state(self) -> int:
            return self.count

        def set_extra_state(self, state: int) -> None:
            self.count = state

        def _load_from_state_dict(
            self, state_dict: Any, prefix: str, local_metadata: Any, *args: Any
        ) -> None:
            self.seen.append(local_metadata.get("version"))
            super()._load_from_state_dict(state_dict, prefix, local_metadata, *args)

    net = nn.Sequential(Counts())
    net[0].count = 5
    state = net.state_dict()
    assert dict(state) == {"0._extra_state": 5}
    other = nn.Sequential(Counts())
    other.load_state_dict(state)
    other.load_state_dict(dict(state))
    assert other[0].count == 5
    assert other[0].seen == [3, None]
    assert other.load_state_dict({}, strict=False).missing_keys == ["0._extra_state"]


@given(st.recursive(st.integers(1, 3), lambda inner: st.lists(inner, max_size=3), max_leaves=8), st.data())
def test_state_dict_round_trip_of_any_tree(tree: Any, data: st.DataObject) -> None:
    def build(node: Any) -> nn.Module:
        if isinstance(node, int):
            return nn.Linear(node, 2, bias=node != 2)
        kind = data.draw(st.sampled_from([nn.Sequential, lambda *m: nn.ModuleList(m)]))
        return kind(*map(build, node))

    net = build(tree)
    other = copy.deepcopy(net)
    for p in other.parameters():
        p.data.fill_(0)
    state = {k: v.clone() for k, v in net.state_dict().items()}
    assert list(state) == names(net.named_parameters())
    other.load_state_dict(state)
    for (path, a), b in zip(net.named_parameters(), other.parameters(), strict=True):
        assert at.equal(a, b)
        assert net.get_parameter(path) is a
    for path, module in net.named_modules():
        assert net.get_submodule(path) is module


# --- modes, gradients, conversion ---------------------------------------------------------------------------


def test_train_eval_apply_requires_grad_zero_grad() -> None:
    net = Net()
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())
    order: list[str] = []
    assert net.apply(lambda m: order.append(type(m).__name__)) is net
    assert order == ["Linear", "ReLU", "Linear", "Sequential", "Net"]
    net(at.ones(1, 4)).sum().backward()
    net.zero_grad(set_to_none=False)
    assert net.scale.grad is not None
    assert net.scale.grad.tolist() == [0.0, 0.0]
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.requires_grad_(False)
    assert not net(at.ones(1, 4)).requires_grad


def test_conversion_keeps_parameters_and_converts_gradients() -> None:
    net = Net()
    net.register_buffer("count", at.tensor(3))
    net(at.ones(1, 4)).sum().backward()
    before = list(net.parameters())
    assert net.double() is net
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert {p.dtype for p in net.parameters()} == {at.float64}
    assert {p.grad.dtype for p in net.parameters() if p.grad is not None} == {at.float64}
    assert (net.mean.dtype, net.count.dtype) == (at.float64, at.int64)
    assert names(net.named_buffers()) == ["mean", "draft", "count"]
    assert "draft" not in net.state_dict()
    net(at.ones(1, 4, dtype=at.float64)).sum().backward()
    assert net.scale.grad is not None
    assert net.scale.grad.dtype == at.float64
    assert net.half().scale.dtype == at.float16
    assert net.float().to(at.float32) is net
    assert net.cpu() is net
    with pytest.raises(RuntimeError, match="CPU"):
        net.cuda()
    with pytest.raises(RuntimeError, match="CPU"):
        net.to("cuda:0")
    with pytest.raises(TypeError, match="floating point or complex"):
        net.to(at.int64)
    with pytest.raises(TypeError, match="unexpected keyword argument 'dytpe'"):
        net.to(dytpe=at.float64)


def test_an_optimizer_made_before_conversion_goes_on() -> None:
    net = nn.Linear(2, 1)
    parameters = list(net.parameters())
    net.double()
    net(at.ones(1, 2, dtype=at.float64)).sum().backward()
    assert [p.grad is not None and p.grad.dtype for p in parameters] == [at.float64, at.float64]


def test_repr_of_nested_modules_and_extra_repr() -> None:
    class Two(nn.Module):
        def extra_repr(self) -> str:
            return "a=1\nb=2"

    assert repr(nn.Module()) == "Module()"
    assert repr(Two()) == "Two(\n  a=1\n  b=2\n)"
    assert repr(nn.Sequential(Two())) == "Sequential(\n  (0): Two(\n    a=1\n    b=2\n  )\n)"


def test_dir_lists_members_without_numbers() -> None:
    net = nn.Sequential(nn.ReLU())
    assert "0" not in dir(net)
    assert {"forward", "training", "parameters"} <= set(dir(net))
    assert "scale" in dir(Net())


# --- containers ---------------------------------------------------------------------------------------------


def test_sequential_is_a_list_of_modules() -> None:
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
    net = nn.Sequential(a, b)
    net.append(c).insert(0, c)
    assert list(net) == [c, a, b, c]
    assert net[1:3][0] is a
    del net[0]
    assert list(net._modules) == ["0", "1", "2"]
    del net[-2:]
    assert list(net) == [a]
    net[0] = b
    assert net.pop(0) is b
    assert len(net) == 0
    assert net(3) == 3
    net.extend([a]).extend(net)
    assert list(net) == [a, a]
    assert len(list(net.modules())) == 2
    net *= 2
    assert len(net) == 4


def test_sequential_with_names() -> None:
    net = nn.Sequential(OrderedDict(first=nn.Linear(2, 3), act=nn.ReLU()))
    assert net.act is net[1]
    assert list(net.state_dict()) == ["first.weight", "first.bias"]
    assert net[:1].first is net.first
    assert net(at.ones(1, 2)).shape == (1, 3)


def test_module_dict_is_a_dict_of_modules() -> None:
    d = nn.ModuleDict({"a": nn.ReLU(), "b": nn.Linear(1, 1)})
    assert ("a" in d, "c" in d, len(d), list(d)) == (True, False, 2, ["a", "b"])
    d.update({"c": nn.Tanh()})
    d["a"] = nn.Sigmoid()
    assert [type(m).__name__ for m in d.values()] == ["Sigmoid", "Linear", "Tanh"]
    assert dict(nn.ModuleDict(d).items()) == dict(d.items())
    assert isinstance(d.pop("c"), nn.Tanh)
    del d["b"]
    assert list(d.keys()) == ["a"]
    d.clear()
    assert len(d) == 0


def test_parameter_list_registers_its_parameters() -> None:
    values = nn.ParameterList([at.ones(2), nn.Parameter(at.ones(3))])
    values += [at.zeros(1)]
    assert names(values.named_parameters()) == ["0", "1", "2"]
    assert all(isinstance(p, nn.Parameter) for p in values)
    values[0] = at.ones(4)
    assert values[-4 + 1].shape == (4,)
    assert len(values[1:]) == 2
    with pytest.raises(IndexError):
        values[3]
    with pytest.raises(RuntimeError, match="should not be called"):
        values(1)
