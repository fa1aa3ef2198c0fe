"""Modules say and do what PyTorch's do: names, reprs, state dicts, hooks, types of errors."""

from __future__ import annotations

import copy
import pickle
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

import autotape

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

# --- the same text: reprs, names, errors --------------------------------------------------------------------


class Inner:
    """A module of the library ``m`` with parameters, buffers and children of every kind."""

    def __new__(cls, m: Any) -> Any:
        class Net(m.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.scale = m.nn.Parameter(m.ones(3))
                self.register_buffer("mean", m.zeros(2))
                self.register_buffer("draft", m.zeros(1), persistent=False)
                self.register_parameter("none", None)
                self.first = m.nn.Linear(3, 2)
                self.again = self.first
                self.rest = m.nn.Sequential(m.nn.ReLU(), m.nn.Linear(2, 2, bias=False))
                self.missing = None

            def forward(self, x: Any) -> Any:
                return self.rest(self.first(x * self.scale))

        return Net()


def outcome(expression: str, m: Any) -> str:
    """The repr of what the expression gives, or the type of its error."""
    names = {
        "m": m, "nn": m.nn, "F": m.nn.functional, "net": Inner(m), "OrderedDict": OrderedDict, "copy": copy,
        "pickle": pickle, "x": m.arange(12.0).reshape(3, 4), "i": m.tensor([0, 3, 1]),
        "lin": m.nn.Linear(2, 3),
        "seq": m.nn.Sequential(m.nn.ReLU(), m.nn.Tanh(), m.nn.Sigmoid()),
        "raises": raises, "set": set,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = eval(expression, names)
        except Exception as error:
            return type(error).__name__
    return repr(result).replace("torch.", "autotape.")


def raises(call: Callable[[], Any]) -> str:
    """The message of the error: the start that both libraries share is compared."""
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("autotape.", "").replace("torch.", "")
    return "nothing"


SAME = """
nn.Identity(54, a=1)
nn.Flatten()
nn.Flatten(0, 2)
nn.Unflatten(1, (2, 3))
nn.Unflatten(1, [2, 3])
nn.Unflatten(1, 3)
nn.Unflatten(1, (2, 3.0))
nn.Linear(2, 3)
nn.Linear(2, 3, bias=False)
nn.Linear(in_features=2, out_features=3, dtype=m.float64).weight.dtype
nn.Bilinear(2, 3, 4)
nn.Bilinear(0, 3, 4)
nn.Embedding(3, 4)
nn.Embedding(3, 4, padding_idx=1, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True)
nn.Embedding(3, 4, padding_idx=-1)
nn.Embedding(3, 4, padding_idx=3)
nn.Embedding(3, 4, padding_idx=1).weight[1].tolist()
nn.Embedding.from_pretrained(m.ones(2, 3)).weight.requires_grad
nn.Embedding.from_pretrained(m.ones(2, 3), freeze=False).weight.requires_grad
nn.Embedding.from_pretrained(m.ones(3))
nn.Dropout()
nn.Dropout(0.1, True)
nn.Dropout(1.5)
nn.ReLU()
nn.ReLU(inplace=True)
nn.LeakyReLU(0.2)
nn.LeakyReLU(0.2, True)
nn.PReLU()
nn.PReLU(3, 0.5).weight.tolist()
nn.ELU()
nn.ELU(2.0, True)
nn.GELU()
nn.GELU("tanh")
nn.SiLU()
nn.SiLU(True)
nn.Softplus()
nn.Softplus(2, 10)
nn.Sigmoid()
nn.Tanh()
nn.Softmax()
nn.Softmax(1)
nn.LogSoftmax(dim=-1)
nn.LogSigmoid()
nn.GLU()
[nn.MSELoss(), nn.L1Loss(), nn.SmoothL1Loss(), nn.HuberLoss(delta=2.0), nn.NLLLoss(), nn.KLDivLoss()]
nn.CrossEntropyLoss(), nn.CrossEntropyLoss(m.ones(3)), nn.BCELoss()
nn.BCEWithLogitsLoss(pos_weight=m.ones(2))
list(nn.CrossEntropyLoss(m.ones(2)).state_dict())
list(nn.BCEWithLogitsLoss(m.ones(2), pos_weight=m.ones(2)).state_dict())
nn.MSELoss(size_average=False).reduction
nn.MSELoss(reduce=False).reduction
nn.MSELoss(reduction="foo")
nn.MSELoss(reduction="foo")(x, x)
net
net.rest[1]
list(net.state_dict())
[n for n, p in net.named_parameters()]
[n for n, p in net.named_parameters(prefix="net")]
[n for n, p in net.named_parameters(recurse=False)]
[n for n, p in net.named_parameters(remove_duplicate=False)]
[n for n, p in net.named_buffers()]
[n for n, p in net.named_modules()]
[n for n, p in net.named_modules(prefix="net")]
[n for n, p in net.named_modules(remove_duplicate=False)]
[n for n, p in net.named_children()]
len(list(net.children())), len(list(net.modules())), len(list(net.parameters())), len(list(net.buffers()))
net.none, net.missing, net.mean, net.training, net.eval().rest.training, net.train().rest.training
net.train(1)
net.nothing
net.get_submodule("rest.1")
net.get_submodule("rest.7")
net.get_submodule("scale")
net.get_parameter("rest.1.weight").shape
net.get_parameter("rest.1.nothing")
net.get_parameter("mean")
net.get_buffer("mean")
net.get_buffer("scale")
type(net.double()).__name__, net.scale.dtype, net.mean.dtype, net.draft.dtype
net.to(m.float64).scale.dtype
net.to("cpu", m.float64).scale.dtype
net.to(m.ones(1, dtype=m.float64)).scale.dtype
net.to(dtype=m.float64).scale.dtype
net.to(device="cpu").scale.dtype
net.to(m.int64)
net.to("nowhere")
net.half().scale.dtype
net.double().float().scale.dtype
net.type(m.float64).mean.dtype
net.requires_grad_(False).scale.requires_grad
net.load_state_dict(net.state_dict())
net.load_state_dict(Inner)
net.load_state_dict({})
net.load_state_dict({}, strict=False).missing_keys
net.load_state_dict({"x": m.ones(1), "rest.9.y": m.ones(1), "first": m.ones(1)}, strict=False).unexpected_keys
net.load_state_dict({"scale": m.ones(2)}, strict=False)
net.load_state_dict({"scale": 3}, strict=False)
net.load_state_dict({"scale": m.ones(3).double()}, strict=False, assign=True) and net.scale
nn.Module()(1)
nn.Module().forward(1)
lin(m.ones(5, 4))
setattr(lin, "weight", m.ones(2))
setattr(lin, "weight", 3)
setattr(lin, "weight", None)
setattr(net, "first", 3)
setattr(net, "first", nn.Parameter(m.ones(1))) or [n for n, _ in net.named_parameters()]
setattr(net, "scale", nn.ReLU())
setattr(net, "mean", nn.Linear(1, 1)) or list(net.state_dict())
setattr(net, "mean", 3)
setattr(net, "mean", m.ones(1)) or list(net.state_dict())
setattr(net, "mean", None) or list(net.state_dict())
setattr(net, "draft", m.ones(2)) or list(net.state_dict())
setattr(net, "draft", nn.Buffer(m.ones(2))) or list(net.state_dict())
setattr(net, "extra", m.ones(2)) or list(net.state_dict())
setattr(net, "extra", nn.Buffer(m.ones(2), persistent=False)) or [n for n, _ in net.named_buffers()]
setattr(net, "rest", None) or [n for n, _ in net.named_modules()]
delattr(net, "rest") or [n for n, _ in net.named_modules()]
delattr(net, "scale") or [n for n, _ in net.named_parameters()]
delattr(net, "mean") or [n for n, _ in net.named_buffers()]
delattr(net, "nothing")
net.register_buffer("scale", m.ones(1))
net.register_buffer("a.b", None)
net.register_buffer("", None)
net.register_buffer(3, None)
net.register_buffer("forward", None)
net.register_buffer("y", 3)
net.register_parameter("mean", None)
net.register_parameter("a.b", None)
net.register_parameter("y", m.ones(1))
net.register_parameter("y", 3)
net.register_parameter("y", nn.Parameter(m.ones(1)))
net.register_module("scale", nn.ReLU())
net.register_module("a.b", nn.ReLU())
net.register_module("y", 3)
net.register_module("y", None)
net.add_module("y", nn.ReLU()) or net.y
sorted(net._parameters), sorted(net._buffers), sorted(net._modules)
net._modules.pop("first") and list(net.state_dict())
net._modules.update(first=nn.ReLU()) or net.first
net._parameters.__delitem__("scale") or hasattr(net, "scale")
net._buffers.get("nothing"), net._buffers.get("mean")
[name for name in dir(net) if name[0] != "_" and name in ("first", "scale", "mean", "forward", "0")]
[name for name in dir(seq) if name[0].isdigit()]
net.zero_grad()
copy.deepcopy(net)
copy.copy(net)
pickle.loads(pickle.dumps(nn.Sequential(nn.Linear(2, 3), nn.ReLU())))
nn.Parameter(m.ones(2))
nn.Parameter(m.ones(2), requires_grad=False)
nn.Parameter(m.arange(2))
nn.Parameter(m.arange(2), requires_grad=False)
nn.Parameter()
nn.Buffer()
nn.Buffer(m.ones(2))
isinstance(nn.Parameter(m.ones(2)) + 1, nn.Parameter)
isinstance(copy.deepcopy(nn.Parameter(m.ones(2))), nn.Parameter)
nn.Sequential()
nn.Sequential(1)
nn.Sequential(OrderedDict([("a", nn.ReLU()), ("b", nn.Tanh())]))
nn.Sequential(OrderedDict([("a", nn.ReLU()), ("b", nn.Tanh())])).b
nn.Sequential(OrderedDict([("a", nn.ReLU()), ("b", nn.Tanh())]))[1:]
nn.Sequential(OrderedDict([("a.b", nn.ReLU())]))
seq[0], seq[-1], seq[m.tensor(1)], len(seq)
seq[1:]
seq[::-1]
seq[5]
seq.__setitem__(1, nn.ELU()) or seq
seq.__setitem__(1, 3)
seq.__delitem__(0) or seq
seq.__delitem__(slice(0, 2)) or seq
seq.append(nn.ELU())
seq.append(3)
seq.extend([nn.ELU(), nn.ReLU()])
seq.insert(1, nn.ELU())
seq.insert(-1, nn.ELU())
seq.insert(9, nn.ELU())
seq.pop(0), seq
seq.pop(9)
seq + nn.Sequential(nn.ELU())
seq + [nn.ELU()]
seq.__iadd__(nn.Sequential(nn.ELU()))
seq * 2
2 * seq
seq * 0
seq * 1.5
list(seq)
nn.ModuleList()
nn.ModuleList(3)
nn.ModuleList([3])
nn.ModuleList([nn.Linear(1, 1) for _ in range(3)] + [nn.ReLU()])
nn.ModuleList([nn.Sequential(nn.ReLU()), nn.Sequential(nn.ReLU())])
nn.ModuleList([nn.ReLU()])(1)
nn.ModuleList([nn.ReLU()]) + [nn.Tanh()]
nn.ModuleList(seq)[1:]
nn.ModuleList(seq)[-1]
nn.ModuleList(seq)[3]
nn.ModuleList(seq).insert(1, nn.ELU())
nn.ModuleList(seq).append(nn.ELU()).extend([nn.ReLU()])
nn.ModuleList(seq).extend(3)
nn.ModuleList(seq).pop(1)
nn.ModuleDict()
nn.ModuleDict({"a": nn.ReLU(), "b": seq})
nn.ModuleDict([["a", nn.ReLU()]])
nn.ModuleDict({"a": 3})
nn.ModuleDict(3)
nn.ModuleDict([3])
nn.ModuleDict([("a",)])
nn.ModuleDict({"a": nn.ReLU()})["b"]
list(nn.ModuleDict({"a": nn.ReLU()}).keys()), "a" in nn.ModuleDict({"a": nn.ReLU()})
list(nn.ModuleDict({"a": nn.ReLU()}).items()), list(nn.ModuleDict({"a": nn.ReLU()}).values())
nn.ModuleDict({"pop": nn.ReLU()})
nn.ModuleDict({"a": nn.ReLU()}).pop("a")
nn.ModuleDict({"a": nn.ReLU()}).clear()
nn.ParameterList([m.ones(2), nn.Parameter(m.ones(3, 4))])
nn.ParameterList([m.ones(2), 3])
nn.ParameterList([m.ones(2)])[0]
nn.ParameterList([m.ones(2), m.ones(3)])[1:]
nn.ParameterList([m.ones(2)])[1]
len(nn.ParameterList([m.ones(2)]).append(m.ones(1)).extend([m.ones(1)]))
nn.ParameterList(3)
nn.ParameterList([m.ones(2)])(1)
list(nn.ParameterList([m.ones(2), m.ones(1)]).state_dict())
F.relu([1.0])
F.relu(i)
F.leaky_relu(i)
F.elu(i)
F.gelu(i)
F.gelu(x, approximate="erf")
F.silu(i)
F.softplus(i)
F.logsigmoid(i)
F.glu(m.ones(3))
F.glu(m.tensor(1.0))
F.glu(x, dim=5)
F.softmax(i, 0)
F.softmax(x, 3)
F.softmax(i, 0, dtype=m.float64).dtype
F.softmax(x)
F.prelu(x, m.ones(3))
F.prelu(x, m.ones(2, 2))
F.prelu(x, m.ones(1, dtype=m.float64))
F.dropout(x, 1.5)
F.dropout(x, 0.0) is x
F.dropout(x, 0.5, training=False) is x
F.dropout(i, 0.5)
F.dropout(i, 0.5, training=False)
F.dropout(x, 1.0).abs()
F.embedding(i, m.ones(3, 2))
F.embedding(m.tensor([-1]), m.ones(3, 2))
F.embedding(m.tensor([1.0]), m.ones(3, 2))
F.embedding(m.tensor([1]), m.ones(3))
F.embedding(m.tensor([1]), m.ones(3, 2), padding_idx=3)
F.one_hot(m.tensor([0, 2]), 2)
F.one_hot(m.tensor([-1]))
F.one_hot(m.tensor([1.0]))
F.one_hot(m.ones(0).long())
F.one_hot(m.tensor([0]), 0)
F.linear(x, m.ones(2, 3))
F.linear(x, m.ones(2, 4), m.ones(3))
F.linear(m.tensor(1.0), m.ones(2, 4))
F.linear(x.double(), m.ones(2, 4))
F.bilinear(x, m.ones(2, 2), m.ones(5, 4, 2))
F.bilinear(x, m.ones(3, 2), m.ones(5, 4, 3))
F.bilinear(x, m.ones(3, 2), m.ones(5, 4, 2), m.ones(4))
F.normalize(x, dim=3)
F.mse_loss(x, x[:2])
F.mse_loss(x, x, reduction="foo")
F.mse_loss(i, i)
F.mse_loss(x, x, weight=m.ones(4))
F.smooth_l1_loss(x, x, beta=-1.0)
F.huber_loss(x, x, delta=0.0)
F.binary_cross_entropy(x, x)
F.binary_cross_entropy(x / 11, x[:2])
F.binary_cross_entropy(x / 11, x.double() / 11)
F.binary_cross_entropy(m.tensor([0.5]), m.tensor([1.5]))
F.binary_cross_entropy(m.tensor([float("nan")]), m.tensor([1.0]))
F.binary_cross_entropy_with_logits(x, x[:1])
F.kl_div(x, i)
F.nll_loss(x, m.tensor([0, 1, 4]))
F.nll_loss(x, m.tensor([0, 1, -1]))
F.nll_loss(x, m.tensor([0, 1]))
F.nll_loss(x, i.int())
F.nll_loss(x, i.float())
F.nll_loss(x, i[:, None])
F.nll_loss(x, i, weight=m.ones(3))
F.nll_loss(x, i, weight=m.ones(4).double())
F.nll_loss(x, i, reduction="foo")
F.nll_loss(m.tensor(1.0), m.tensor(0))
F.nll_loss(m.ones(2, 3, 4), m.zeros(2, 3).long())
F.cross_entropy(x, m.tensor([0, 1, 4]))
F.cross_entropy(x, m.tensor([0, 1, -1]))
F.cross_entropy(x, m.tensor([0, 1]))
F.cross_entropy(x, i.int())
F.cross_entropy(x, i[:, None])
F.cross_entropy(x, i, weight=m.ones(3))
F.cross_entropy(x, i, weight=m.ones(4).double())
F.cross_entropy(x, i, reduction="foo")
F.cross_entropy(x, i, label_smoothing=1.1)
F.cross_entropy(x, x, ignore_index=1)
F.cross_entropy(x, x.long())
F.cross_entropy(x.long(), i)
F.cross_entropy(m.ones(2, 3, 4), m.zeros(2, 3).long())
F.cross_entropy(m.ones(3, 0), i)
nn.init.calculate_gain("relu"), nn.init.calculate_gain("leaky_relu", 0.2), nn.init.calculate_gain("tanh")
nn.init.calculate_gain("conv2d"), nn.init.calculate_gain("selu"), nn.init.calculate_gain("sigmoid")
nn.init.calculate_gain("foo")
nn.init.calculate_gain("leaky_relu", "a")
nn.init._calculate_fan_in_and_fan_out(m.ones(2, 3, 4, 5))
nn.init._calculate_fan_in_and_fan_out(m.ones(2))
nn.init.xavier_uniform_(m.ones(3))
nn.init.kaiming_uniform_(m.ones(3, 3), mode="fan")
nn.init.kaiming_uniform_(m.ones(3, 3), nonlinearity="foo")
nn.init.orthogonal_(m.ones(3))
nn.init.eye_(m.ones(3))
nn.init.eye_(m.empty(2, 3))
nn.init.ones_(m.empty(2)), nn.init.zeros_(m.empty(2)), nn.init.constant_(m.empty(2), 0.5)
nn.init.constant_(nn.Parameter(m.ones(2)), 3.0)
nn.init.uniform_(m.ones(2).long())
"""


@pytest.mark.parametrize("expression", SAME.strip().splitlines())
def test_says_the_same(expression: str) -> None:
    assert outcome(expression, autotape) == outcome(expression, torch)


MESSAGES = """
net.load_state_dict({})
net.load_state_dict({"x": m.ones(1), "scale": m.ones(2)})
nn.Sequential(nn.ReLU(), nn.Linear(2, 3)).load_state_dict({"1.weight": m.ones(2, 2), "0.a": m.ones(1)})
net.register_buffer("scale", m.ones(1))
net.register_parameter("y", 3)
net.nothing
net.get_submodule("rest.7")
net.to(m.int64)
setattr(lin, "weight", 3)
setattr(net, "first", 3)
nn.Module()(1)
nn.Sequential(1)
nn.ModuleList([nn.ReLU()])[4]
"""


@pytest.mark.parametrize("expression", MESSAGES.strip().splitlines())
def test_messages_begin_the_same(expression: str) -> None:
    ours, theirs = (outcome(f"raises(lambda: {expression})", m) for m in (autotape, torch))
    ours = ours.split(" -- in ")[0].strip("'\"")
    assert theirs.strip("'\"").startswith(ours)


# --- hooks --------------------------------------------------------------------------------------------------


def hook_log(m: Any) -> list[str]:
    log: list[str] = []

    def note(*parts: Any) -> None:
        def plain(part: Any) -> Any:
            if isinstance(part, tuple):
                return tuple(plain(p) for p in part)
            return part.tolist() if hasattr(part, "tolist") else part

        log.append(repr(tuple(plain(p) for p in parts)))

    class Twice(m.nn.Module):  # type: ignore[misc]
        def forward(self, a: Any, b: Any = None, scale: float = 2.0) -> Any:
            return a * scale, (a if b is None else a * b)

    net = Twice()
    net.register_forward_pre_hook(lambda mod, args: note("pre", args))
    net.register_forward_pre_hook(lambda mod, args: (args[0] + 1, *args[1:]))
    net.register_forward_pre_hook(lambda mod, args: note("pre first", args), prepend=True)
    net.register_forward_pre_hook(lambda mod, args, kw: (args, {**kw, "scale": 3.0}), with_kwargs=True)
    net.register_forward_hook(lambda mod, args, out: note("post", args, out))
    net.register_forward_hook(lambda mod, args, kw, out: note("kw", kw), with_kwargs=True)
    net.register_forward_hook(lambda mod, args, out: (out[0] * 10, out[1]))
    net.register_full_backward_pre_hook(lambda mod, go: note("back pre", go))
    net.register_full_backward_pre_hook(lambda mod, go: tuple(None if g is None else g * 2 for g in go))
    net.register_full_backward_hook(lambda mod, gi, go: note("back", gi, go))
    net.register_full_backward_hook(lambda mod, gi, go: (gi[0] + 100, *gi[1:]))
    removed = net.register_full_backward_hook(lambda mod, gi, go: note("removed"))
    removed.remove()
    x, y = m.tensor([1.0, 2.0], requires_grad=True), m.tensor([3.0, 4.0], requires_grad=True)
    out = net(x, y)
    (out[0].sum() + out[1].sum()).backward()
    note("grads", x.grad, y.grad)
    x.grad = None
    net(x)[0].sum().backward()
    note("one", x.grad)
    net(m.tensor([1.0, 2.0]), scale=5.0)
    return log


def test_hooks_see_and_change_the_same() -> None:
    assert hook_log(autotape) == hook_log(torch)
