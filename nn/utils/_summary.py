"""A table of what a network is made of: layers, output shapes, parameters, multiply-adds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autotape.autograd.modes import enable_grad
from autotape.engine.tape import Entry, Tape
from autotape.engine.tensor import Tensor
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter

__all__ = ["Row", "Summary", "summary"]


@dataclass
class Row:
    """One call of a module.

    ``parameters`` counts the module's own, without its children's, at its first call only; ``multiply_adds``
    is None where they are not known, and then ``note`` says why.
    """

    path: str
    kind: str
    depth: int
    output_shape: str = ""
    parameters: int = 0
    trainable: int = 0
    multiply_adds: int | None = 0
    note: str = ""


@dataclass
class Summary:
    """What :func:`summary` found; printing it gives the table."""

    rows: list[Row] = field(default_factory=list)
    total_parameters: int = 0
    trainable_parameters: int = 0
    parameter_bytes: int = 0
    buffer_bytes: int = 0

    @property
    def multiply_adds(self) -> int:
        """The sum of those that are known."""
        return sum(row.multiply_adds or 0 for row in self.rows)

    @property
    def not_counted(self) -> list[Row]:
        """The rows whose multiply-adds are not known."""
        return [row for row in self.rows if row.multiply_adds is None]

    def __repr__(self) -> str:
        lines = [("Layer", "Output shape", "Parameters", "Multiply-adds")]
        for row in self.rows:
            name = f"{'  ' * row.depth}{row.path.rpartition('.')[2]}{': ' if row.path else ''}{row.kind}"
            known = row.multiply_adds
            lines.append(
                (
                    name,
                    row.output_shape,
                    f"{row.parameters:,}" if row.parameters else "-",
                    "?" if known is None else f"{known:,}" if known else "-",
                )
            )
        widths = [max(len(line[i]) for line in lines) for i in range(4)]
        table = [
            f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip()
            for a, b, c, d in lines
        ]
        table.insert(1, "-" * (sum(widths) + 6))
        frozen = self.total_parameters - self.trainable_parameters
        table += [
            table[1],
            f"Parameters: {self.total_parameters:,}" + (f", {frozen:,} of them frozen" if frozen else ""),
            f"Memory: {_bytes(self.parameter_bytes)} parameters"
            + (f", {_bytes(self.buffer_bytes)} buffers" if self.buffer_bytes else ""),
            f"Multiply-adds: {self.multiply_adds:,}",
        ]
        notes = dict.fromkeys(row.note for row in self.not_counted)
        return "\n".join([*table, *[f"?: {note}" for note in notes]])


def summary(net: Module, *args: Any, **kwargs: Any) -> Summary:
    """Run ``net(*args, **kwargs)`` once and list its layers: output shapes, parameters, multiply-adds.

    The run is in evaluation mode; nothing but lazy modules, which become ordinary ones, is changed by it.

    Multiply-adds are those of linear and bilinear maps, convolutions, recurrent layers and attention, and one
    for each value that a norm scales; activations, pooling, sums and lookups count as none.
    In the forward of a module of your own the matrix products are counted too, from the tape. What can't be
    counted has a "?" and a note.

    The result prints as a table and has the attributes ``rows`` (each with ``path``, ``kind``,
    ``output_shape``, ``parameters``, ``multiply_adds``, ``note``), ``total_parameters``,
    ``trainable_parameters``, ``multiply_adds``, ``not_counted``, ``parameter_bytes``, ``buffer_bytes``.

    >>> import autotape as at
    >>> from autotape import nn
    >>> net = nn.Sequential(nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10))
    >>> print(nn.utils.summary(net, at.zeros(32, 64)))
    Layer        Output shape  Parameters  Multiply-adds
    ----------------------------------------------------
    Sequential   (32, 10)               -              -
      0: Linear  (32, 30)           1,950         61,440
      1: ReLU    (32, 30)               -              -
      2: Linear  (32, 10)             310          9,600
    ----------------------------------------------------
    Parameters: 2,260
    Memory: 9.0 kB parameters
    Multiply-adds: 71,040
    """
    found = Summary()
    calls = _Calls(net, found)
    modes = [(module, module.training) for module in net.modules()]
    flags = [(p, p.requires_grad) for p in net.parameters()]
    handles = []
    try:
        net.eval()
        for p, _ in flags:
            p.requires_grad = True  # so that the tape sees what is computed from it
        for module in net.modules():
            handles.append(module.register_forward_pre_hook(calls.begin, prepend=True, with_kwargs=True))
            handles.append(module.register_forward_hook(calls.end, with_kwargs=True))
        with enable_grad(), Tape() as tape:
            net(*map(_watched, args), **{name: _watched(value) for name, value in kwargs.items()})
            calls.add_products(tape)
    finally:
        for handle in handles:
            handle.remove()
        for p, flag in flags:
            p.requires_grad = flag
        for module, training in modes:
            module.training = training
    for p in net.parameters():
        found.total_parameters += p.numel()
        found.trainable_parameters += p.numel() if p.requires_grad else 0
        found.parameter_bytes += p.nbytes
    found.buffer_bytes = sum(b.nbytes for b in net.buffers())
    return found


def _watched(value: Any) -> Any:
    """An argument with whatever is computed from it on the tape."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().requires_grad_() + 0  # no leaf: the network may write into it
    return value


class _Calls:
    """The hooks that write a row for each call, in the order in which the calls begin."""

    def __init__(self, net: Module, found: Summary) -> None:
        self.paths = {id(module): path for path, module in net.named_modules()}
        self.found = found
        self.open: list[Row] = []
        self.seen: set[int] = set()
        self.first: dict[int, Row] = {}  # of each module
        self.frozen = {id(p) for p in net.parameters() if not p.requires_grad}

    def begin(self, module: Module, args: Any, kwargs: Any) -> None:
        row = Row(self.paths.get(id(module), "?"), "", len(self.open))
        self.found.rows.append(row)
        self.open.append(row)
        self.first.setdefault(id(module), row)

    def end(self, module: Module, args: Any, kwargs: Any, output: Any) -> None:
        row = self.open.pop()
        row.kind = type(module).__name__  # by now: a lazy module has changed its class
        row.output_shape = _shape(output)
        for p in _own_parameters(module):
            if id(p) not in self.seen:  # not those of a tied weight or a second call
                self.seen.add(id(p))
                row.parameters += p.numel()
                row.trainable += 0 if id(p) in self.frozen else p.numel()
        row.multiply_adds, row.note = _count(module, args, kwargs, output)

    def add_products(self, tape: Tape) -> None:
        """Count the products that a module computes itself, where its class says nothing of them."""
        for entry in tape:
            module = entry.modules[-1] if entry.modules else None
            if module is None or _kind(module) != "Module":
                continue
            row = self.first[id(module)]
            count = _product(entry)
            if count is None:
                row.multiply_adds = None
                row.note = f"not counted: {entry.operation.name} in {type(module).__name__}.forward"
            elif row.multiply_adds is not None:
                row.multiply_adds += count


def _own_parameters(module: Module) -> list[Parameter]:
    own = [p for p in module._parameters.values() if p is not None]
    for child in module._modules.values():
        if child is not None and _kind(module) == "MultiheadAttention":  # it uses its output map uncalled
            own += child.parameters()
    return own


def _shape(value: Any) -> str:
    """The shapes of a module's output, as text."""
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_shape(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_shape(v) for v in value) + "]"
    return "-" if value is None else type(value).__name__


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


# --- multiply-adds ------------------------------------------------------------------------------------------


def _kind(module: Any) -> str:
    """The name of the nearest class of autotape.nn that the module is."""
    for cls in type(module).__mro__:
        if cls.__module__.startswith("autotape.nn.") and not cls.__name__.startswith("Parametrized"):
            return cls.__name__
    return "Module"


def _count(module: Any, args: Any, kwargs: Any, output: Any) -> tuple[int | None, str]:
    kind = _kind(module)
    rule = _RULES.get(kind)
    if rule is None:
        return 0, ""
    given = [*args, *kwargs.values()]
    try:
        return int(rule(module, given, output)), ""
    except (AttributeError, IndexError, TypeError, ValueError):
        return None, f"not counted: {kind} with arguments of this kind"


def _product(entry: Entry) -> int | None:
    """The multiply-adds of a recorded operation: none but for products; None where they are not known."""
    name = entry.operation.name
    if name in ("matmul", "linear"):
        a, b = (entry.saved or (None,) * 3)[1:3]
        if a is not None:
            return math.prod(entry.shape) * int(a.shape[-1])
        if b is not None:
            return math.prod(entry.shape) * int(b.shape[-1 if name == "linear" or b.ndim == 1 else -2])
        return None
    return None if any(part in name for part in _PRODUCTS) else 0


_PRODUCTS = ("conv", "einsum", "tensordot", "lstm", "gru", "rnn", "attention", "addmm", "bmm")


def _linear(module: Any, given: Any, output: Any) -> Any:
    return output.numel() * module.in_features


def _bilinear(module: Any, given: Any, output: Any) -> Any:
    return output.numel() * module.in1_features * module.in2_features


def _convolution(module: Any, given: Any, output: Any) -> Any:
    # Each output of a convolution, each input of a transposed one, meets the weights of one channel.
    positions = given[0].numel() if module.transposed else output.numel()
    channels = module.out_channels if module.transposed else module.in_channels
    return positions * channels // module.groups * math.prod(module.kernel_size)


def _recurrent(module: Any, given: Any, output: Any) -> Any:
    steps = given[0]
    data = getattr(steps, "data", steps)  # of a PackedSequence
    weights = sum(p.numel() for name, p in module.named_parameters() if "weight" in name)
    return data.numel() // module.input_size * weights


def _attention(module: Any, given: Any, output: Any) -> Any:
    query, key, value = given[:3]
    width = module.embed_dim
    batch = 1
    if query.ndim == 3:
        batch = query.shape[0 if module.batch_first else 1]
    targets = query.numel() // (batch * query.shape[-1])
    sources = key.numel() // (batch * key.shape[-1])
    maps = targets * width * width * 2 + sources * width * (key.shape[-1] + value.shape[-1])
    return batch * (maps + 2 * targets * sources * width)


def _norm(module: Any, given: Any, output: Any) -> Any:
    return output.numel()


_RULES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "Linear": _linear,
    "NonDynamicallyQuantizableLinear": _linear,
    "Bilinear": _bilinear,
    "MultiheadAttention": _attention,
    **{f"Conv{end}": _convolution for end in ("1d", "2d", "3d")},
    **{f"ConvTranspose{end}": _convolution for end in ("1d", "2d", "3d")},
    **{kind + cell: _recurrent for kind in ("RNN", "LSTM", "GRU") for cell in ("", "Cell")},
    **{f"{kind}Norm{end}": _norm for kind in ("Batch", "Instance") for end in ("1d", "2d", "3d")},
    **{f"{kind}Norm": _norm for kind in ("Layer", "Group", "RMS", "LocalResponse")},
}
