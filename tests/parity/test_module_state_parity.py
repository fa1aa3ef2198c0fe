"""Hooks of all kinds, state dicts and containers of parameters: what PyTorch's modules do and say."""

from __future__ import annotations

import copy
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape
from tests.parity.twins import torch

SIDES = (autotape, torch)


def module_of(m: Any) -> Any:
    """The namespace of the hooks of all modules."""
    return m.nn.modules.module if m is torch else m.nn.module


def both(run: Callable[[Any], Any]) -> list[str]:
    """What the run gives on both sides, or its error's type."""
    found = []
    for m in SIDES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found.append(repr(run(m)).replace("torch.", "autotape."))
            except Exception as error:
                found.append(type(error).__name__)
    return found


def net_of(m: Any) -> Any:
    net = m.nn.Sequential(m.nn.Linear(3, 2), m.nn.ReLU(), m.nn.Linear(2, 1, bias=False))
    for i, p in enumerate(net.parameters()):
        p.data = m.from_numpy(np.random.default_rng(i).normal(size=tuple(p.shape)))
    return net


# --- state dict hooks ---------------------------------------------------------------------------------------


def logged_state(m: Any) -> list[Any]:
    log: list[Any] = []
    net = net_of(m)
    net.register_state_dict_pre_hook(
        lambda mod, prefix, keep: log.append(["pre", type(mod).__name__, prefix, keep])
    )
    net[0].register_state_dict_pre_hook(lambda mod, prefix, keep: log.append(["inner pre", prefix]))

    def after(mod: Any, state: Any, prefix: str, metadata: Any) -> None:
        log.append(["post", list(state), prefix, dict(metadata)])
        state[prefix + "more"] = m.ones(1)

    net[2].register_state_dict_post_hook(after)
    handle = net.register_state_dict_post_hook(lambda mod, s, p, meta: log.append(["outer", list(s)]))
    log.append(list(net.state_dict(prefix="net.")))
    handle.remove()
    log.append(list(net.state_dict(keep_vars=True)))

    def rename(
        mod: Any, state: Any, prefix: str, meta: Any, strict: Any, missing: Any, extra: Any, errors: Any
    ) -> None:
        log.append(["load", type(mod).__name__, sorted(state), prefix, meta.get("version"), strict])
        if prefix + "w" in state:
            state[prefix + "weight"] = state.pop(prefix + "w")
        if prefix == "2.":
            missing.append("invented")

    def finish(mod: Any, keys: Any) -> None:
        log.append(["done", type(mod).__name__, list(keys.missing_keys), list(keys.unexpected_keys)])
        if "0.surprise" in keys.unexpected_keys:
            keys.unexpected_keys.remove("0.surprise")

    net[0].register_load_state_dict_pre_hook(rename)
    net[2].register_load_state_dict_pre_hook(rename)
    net.register_load_state_dict_pre_hook(rename)
    net[0].register_load_state_dict_post_hook(finish)
    net.register_load_state_dict_post_hook(finish)
    state = dict(net_of(m).state_dict())
    state["0.w"] = state.pop("0.weight")
    state["0.surprise"] = m.ones(1)
    log.append(list(net.load_state_dict(state, strict=False)))
    return log


def test_state_dict_hooks() -> None:
    ours, theirs = logged_state(autotape), logged_state(torch)
    assert ours == theirs


STATE: dict[str, Callable[[Any, Any], Any]] = {
    "post hook returns": lambda m, net: (
        net.register_load_state_dict_post_hook(lambda mod, keys: 3),
        net.load_state_dict(net.state_dict()),
    ),
    "state post hook returns": lambda m, net: (
        net.register_state_dict_post_hook(lambda *a: {}),
        net.state_dict(),
    ),
    "extra state": lambda m, net: net.get_extra_state(),
    "set extra state": lambda m, net: net.set_extra_state(3),
    "unexpected extra state": lambda m, net: net.load_state_dict({**net.state_dict(), "_extra_state": 1}),
    "scalar from a vector": lambda m, net: scalar(m).load_state_dict({"x": m.ones(1)}),
    "scalar from a longer vector": lambda m, net: scalar(m).load_state_dict({"x": m.ones(2)}),
    "versions": lambda m, net: net.state_dict()._metadata["0"],
    "copy of a state dict": lambda m, net: copy.deepcopy(net.state_dict())._metadata[""],
    "set": lambda m, net: (net.set_submodule("0", m.nn.Tanh()), net),
    "set a new one": lambda m, net: (net.set_submodule("1.x", m.nn.Tanh()), net),
    "set strictly": lambda m, net: net.set_submodule("1.x", m.nn.Tanh(), strict=True),
    "set strictly one that is there": lambda m, net: (net.set_submodule("2", m.nn.Tanh(), True), net),
    "set nowhere": lambda m, net: net.set_submodule("7.x", m.nn.Tanh()),
    "set nothing": lambda m, net: net.set_submodule("", m.nn.Tanh()),
    "set no module": lambda m, net: net.set_submodule("0", 3),
    "set in a parameter's place": lambda m, net: net.set_submodule("0.weight", m.nn.Tanh()),
    "to_empty": lambda m, net: (
        net.to_empty(device="cpu")[0].weight.shape,
        net[0].weight.requires_grad,
        net[0].weight.dtype,
    ),
    "to_empty without device": lambda m, net: net.to_empty(),
    "apply without recursion": lambda m, net: net._apply(lambda t: t.float(), recurse=False)[0].weight.dtype,
    "type": lambda m, net: net.type(m.float32)[0].weight.dtype,
}


def scalar(m: Any) -> Any:
    net = m.nn.Module()
    net.x = m.nn.Parameter(m.tensor(1.0))
    return net


@pytest.mark.parametrize("case", STATE)
def test_state_says_the_same(case: str) -> None:
    ours, theirs = both(lambda m: STATE[case](m, net_of(m)))
    assert ours == theirs


def test_the_text_for_a_tensor_that_cannot_be_copied() -> None:
    texts = []
    for m in SIDES:
        net = m.nn.Linear(2, 1)
        with pytest.raises(RuntimeError) as caught:
            net.load_state_dict({"weight": m.ones(1, 2, dtype=m.int64), "bias": m.ones(1)}, assign=True)
        texts.append(str(caught.value).replace("torch.", "autotape.").split("an exception occurred : ")[0])
    assert texts[0] == texts[1]


# --- hooks of all modules -----------------------------------------------------------------------------------


def logged_calls(m: Any) -> list[str]:
    log: list[str] = []
    space = module_of(m)
    net = net_of(m)

    def note(*parts: Any) -> None:
        def plain(part: Any) -> Any:
            if isinstance(part, (tuple, list)):
                return [plain(p) for p in part]
            if isinstance(part, m.nn.Module):
                return type(part).__name__
            return np.round(part.detach().numpy(), 10).tolist() if hasattr(part, "detach") else part

        log.append(repr([plain(p) for p in parts]))

    handles = [
        space.register_module_forward_pre_hook(lambda mod, args: note("pre", mod, args)),
        space.register_module_forward_pre_hook(lambda mod, args: (args[0] * 2,)),
        space.register_module_forward_hook(lambda mod, args, out: note("post", mod, args, out)),
        space.register_module_forward_hook(
            lambda mod, args, kwargs, out: note("kw", mod, kwargs, out), with_kwargs=True
        ),
        space.register_module_forward_hook(lambda mod, args, out: note("always", mod), always_call=True),
        space.register_module_forward_hook(lambda mod, args, out: out + 1),
        space.register_module_full_backward_pre_hook(lambda mod, go: note("back pre", mod, go)),
        space.register_module_full_backward_pre_hook(lambda mod, go: (go[0] * 3,)),
        space.register_module_full_backward_hook(lambda mod, gi, go: note("back", mod, gi, go)),
    ]
    try:
        net[0].register_forward_pre_hook(lambda mod, args: note("own pre"))
        net[0].register_forward_hook(lambda mod, args, out: note("own post", out))
        net[0].register_full_backward_hook(lambda mod, gi, go: note("own back", gi))
        x = m.tensor([[1.0, -2.0, 3.0]], dtype=m.float64, requires_grad=True)
        net(x).sum().backward()
        note("grads", x.grad, [p.grad for p in net.parameters()])
        try:
            net(m.ones(1, 5, dtype=m.float64))
        except RuntimeError:
            note("failed")
    finally:
        for handle in handles:
            handle.remove()
    net(m.ones(1, 3, dtype=m.float64))
    return log


def test_hooks_of_all_modules() -> None:
    assert logged_calls(autotape) == logged_calls(torch)
    assert autotape.nn.Module._has_hooks is False


def logged_registration(m: Any) -> list[Any]:
    log: list[Any] = []
    space = module_of(m)
    handles = [
        space.register_module_parameter_registration_hook(
            lambda mod, name, p: log.append(
                ["p", type(mod).__name__, name, tuple(p.shape) if p is not None else None]
            )
        ),
        space.register_module_buffer_registration_hook(lambda mod, name, b: log.append(["b", name])),
        space.register_module_module_registration_hook(
            lambda mod, name, c: m.nn.Tanh() if isinstance(c, m.nn.ReLU) else None
        ),
    ]
    try:
        net = m.nn.Sequential(m.nn.Linear(2, 1), m.nn.ReLU())
        net.extra = m.nn.Parameter(m.ones(2))
        net.register_buffer("mean", m.zeros(1))
        net.mean = m.ones(1)
        net.act = m.nn.ReLU()
    finally:
        for handle in handles:
            handle.remove()
    return [*log, repr(net), repr(m.nn.Sequential(m.nn.ReLU()))]


def test_registration_hooks() -> None:
    assert logged_registration(autotape) == logged_registration(torch)


# --- ParameterDict ------------------------------------------------------------------------------------------


PARAMETER_DICT: dict[str, Callable[[Any, Any], Any]] = {
    "repr": lambda m, d: d,
    "empty": lambda m, d: m.nn.ParameterDict(),
    "other values": lambda m, d: m.nn.ParameterDict({"x": 3, "y": [1], "z": m.ones(2)}),
    "sorted": lambda m, d: list(m.nn.ParameterDict({"b": m.ones(1), "a": m.ones(1)})),
    "ordered": lambda m, d: list(m.nn.ParameterDict(OrderedDict(b=m.ones(1), a=m.ones(1)))),
    "pairs": lambda m, d: list(m.nn.ParameterDict([("b", m.ones(1)), ["a", 2]])),
    "of another": lambda m, d: list(m.nn.ParameterDict(d)),
    "names": lambda m, d: [n for n, _ in d.named_parameters()],
    "state": lambda m, d: list(d.state_dict()),
    "views": lambda m, d: (
        list(d.keys()),
        list(d.items()),
        list(d.values()),
        list(reversed(d)),
        len(d),
        "b" in d,
    ),
    "get": lambda m, d: (d.get("b"), d.get("x"), d.get("x", 3)),
    "setdefault": lambda m, d: (d.setdefault("b", 1), d.setdefault("x"), d.setdefault("y", m.ones(1)), d),
    "pop": lambda m, d: (d.pop("b"), d),
    "pop nothing": lambda m, d: d.pop("x"),
    "popitem": lambda m, d: (d.popitem(), d.popitem(), d),
    "popitem of none": lambda m, d: m.nn.ParameterDict().popitem(),
    "clear": lambda m, d: (d.clear(), len(d), list(d.parameters())),
    "copy": lambda m, d: (d.copy(), d.copy()["b"] is d["b"]),
    "fromkeys": lambda m, d: d.fromkeys(["x", "y"], m.ones(2)),
    "or": lambda m, d: (d | {"c": m.ones(3)}, {"c": m.ones(3), "b": 1} | d),
    "ior": lambda m, d: d.__ior__({"b": m.ones(4)}),
    "delete": lambda m, d: (d.__delitem__("b"), d),
    "delete nothing": lambda m, d: d.__delitem__("x"),
    "number": lambda m, d: d.__setitem__(3, m.ones(1)),
    "number read": lambda m, d: d[3],
    "update with a number": lambda m, d: d.update(3),
    "update with numbers": lambda m, d: d.update([3]),
    "update with triples": lambda m, d: d.update([(1, 2, 3)]),
    "call": lambda m, d: d(1),
    "missing": lambda m, d: d["x"],
    "convert": lambda m, d: d.double()["a"].dtype,
    "deepcopy": lambda m, d: copy.deepcopy(d),
    "dotted": lambda m, d: d.__setitem__("a.b", m.ones(1)),
    "list": lambda m, d: (
        m.nn.ParameterList([m.ones(2), 3, "x"]),
        m.nn.ParameterList([m.ones(1)]).extend([m.ones(2)]),
    ),
    "list of a list": lambda m, d: m.nn.ParameterList(m.nn.ParameterList([m.ones(2)])),
    "list set": lambda m, d: (
        p := m.nn.ParameterList([m.ones(2)]),
        p.__setitem__(0, m.ones(3)),
        p.__setitem__(-1, 4),
        list(p.parameters()),
    ),
    "list set out of range": lambda m, d: m.nn.ParameterList([m.ones(2)]).__setitem__(1, m.ones(3)),
}


@pytest.mark.parametrize("case", PARAMETER_DICT)
def test_parameter_containers_say_the_same(case: str) -> None:
    ours, theirs = both(
        lambda m: PARAMETER_DICT[case](m, m.nn.ParameterDict({"b": m.ones(2, 3), "a": m.zeros(1)}))
    )
    assert ours == theirs


# --- initialisation -----------------------------------------------------------------------------------------


INIT: dict[str, Callable[[Any, Any], Any]] = {
    **{
        f"dirac of {shape} in {groups}": lambda m, i, shape=shape, groups=groups: i.dirac_(
            m.ones(shape), groups
        ).tolist()
        for shape in [(4, 2, 3), (2, 4, 3), (4, 2, 2, 3), (3, 3, 1, 2, 2), (4, 0, 3), (0, 2, 3)]
        for groups in (1, 2)
    },
    "dirac of a matrix": lambda m, i: i.dirac_(m.ones(2, 2)),
    "dirac of 6 dimensions": lambda m, i: i.dirac_(m.ones(1, 1, 1, 1, 1, 1)),
    "sparse of a vector": lambda m, i: i.sparse_(m.ones(2), 0.5),
    "sparse of nothing": lambda m, i: i.sparse_(m.ones(0, 3), 0.5).shape,
    **{
        f"zeros of sparse {share}": lambda m, i, share=share: (
            (i.sparse_(m.ones(7, 4), share) == 0).sum(0).tolist()
        )
        for share in (0.0, 0.01, 0.5, 0.9, 1.0)
    },
    "generators": lambda m, i: [
        m.equal(
            f(m.empty(3, 4), generator=m.Generator().manual_seed(1)),
            f(m.empty(3, 4), generator=m.Generator().manual_seed(1)),
        )
        for f in (
            i.uniform_,
            i.normal_,
            i.trunc_normal_,
            i.xavier_uniform_,
            i.xavier_normal_,
            i.kaiming_uniform_,
            i.kaiming_normal_,
            i.orthogonal_,
        )
    ],
}


@pytest.mark.parametrize("case", INIT)
def test_initialisation_says_the_same(case: str) -> None:
    ours, theirs = both(lambda m: INIT[case](m, m.nn.init))
    assert ours == theirs


STATISTICS: dict[str, Callable[[Any, Any], Any]] = {
    "xavier_uniform_": lambda i, t: i.xavier_uniform_(t, gain=1.5),
    "xavier_normal_": lambda i, t: i.xavier_normal_(t),
    "kaiming_uniform_": lambda i, t: i.kaiming_uniform_(t, a=0.3),
    "kaiming_normal_": lambda i, t: i.kaiming_normal_(t, mode="fan_out", nonlinearity="relu"),
    "orthogonal_": lambda i, t: i.orthogonal_(t, gain=2.0),
    "trunc_normal_": lambda i, t: i.trunc_normal_(t, 0.5, 2.0, -1.0, 1.0),
    "sparse_": lambda i, t: i.sparse_(t.flatten(1), 0.3, std=0.5),
    "uniform_": lambda i, t: i.uniform_(t, -2.0, 1.0),
}


@pytest.mark.parametrize("case", STATISTICS)
def test_distributions_are_those_of_pytorch(case: str) -> None:
    drawn = []
    for m in SIDES:
        m.manual_seed(0)
        values = STATISTICS[case](m.nn.init, m.empty(64, 16, 5, 5, dtype=m.float64)).numpy().ravel()
        drawn.append([values.mean(), values.std(), *np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95])])
    spread = drawn[1][1]
    np.testing.assert_allclose(drawn[0], drawn[1], rtol=0, atol=0.07 * spread)
