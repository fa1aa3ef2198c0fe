"""Recurrent modules: LSTM, GRU and the simple RNN, over whole sequences."""

from __future__ import annotations

import math
import numbers
import warnings
from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.nn import init
from autotape.nn.functional.dropout import dropout as dropped
from autotape.nn.functional.recurrent import recurrent_layer
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.nn.utils.rnn import PackedSequence
from autotape.ops.creation import empty
from autotape.ops.joining import cat, stack

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


class RNNBase(Module):
    """Base of :class:`RNN`, :class:`LSTM` and :class:`GRU`: parameters, options, the walk over the layers.

    The parameters of layer k are ``weight_ih_l{k}`` (gates * hidden_size, size of the layer's input),
    ``weight_hh_l{k}`` (gates * hidden_size, hidden_size), ``bias_ih_l{k}``, ``bias_hh_l{k}``
    (gates * hidden_size,), and ``weight_hr_l{k}`` (proj_size, hidden_size) of a projection; the names of the
    reverse direction end in ``_reverse``. All start as U(-k, k) with k = 1 / sqrt(hidden_size).
    """

    weight_ih_l0: Parameter
    weight_hh_l0: Parameter
    bias_ih_l0: Parameter
    bias_hh_l0: Parameter

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        for name, flag in (("batch_first", batch_first), ("bias", bias)):
            if not isinstance(flag, bool):
                raise TypeError(f"{name} should be of type bool, got: {type(flag).__name__}")
        _check_sizes(mode, input_size, hidden_size, num_layers, dropout, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        rows, directions = _GATES[mode] * hidden_size, 2 if bidirectional else 1
        out = proj_size or hidden_size
        self._all_weights: list[list[str]] = []  # of the parameters, by layer and direction
        for layer in range(num_layers):
            for end in ("", "_reverse")[:directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (rows, out * directions if layer else input_size),
                    "weight_hh": (rows, out),
                }
                if bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                self._all_weights.append([f"{name}_l{layer}{end}" for name in shapes])
                for name, shape in zip(self._all_weights[-1], shapes.values()):
                    setattr(self, name, Parameter(empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Do nothing: there is no other arrangement of the parameters that would be faster here."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def extra_repr(self) -> str:
        """The sizes, and the options that differ from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        for name, default in (
            ("proj_size", 0),
            ("num_layers", 1),
            ("bias", True),
            ("batch_first", False),
            ("dropout", 0),
            ("bidirectional", False),
        ):
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name}={value}")
        return ", ".join(parts)

    # --- forward -------------------------------------------------------------------------------------------

    def _run(self, input: Any, given: Any) -> tuple[Any, tuple[Tensor, ...]]:
        """The output, and the last states: of an LSTM two, in the shapes of the initial ones ``given``."""
        if isinstance(input, PackedSequence):
            return self._run_packed(input, given)
        x = tensor_input(input, "input", type(self).__name__)
        if x.ndim not in (2, 3):
            raise ValueError(
                f"{type(self).__name__}: Expected input to be 2D or 3D, got {x.ndim}D tensor instead"
            )
        single = x.ndim == 2
        states = self._states(given, None if single else 3, x)
        if single:
            x, states = x.unsqueeze(1), [s.unsqueeze(1) for s in states]
        elif self.batch_first:
            x = x.transpose(0, 1)
        steps, batch = x.shape[:2]
        self._check(x, states, batch)
        if not steps:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        y, last = self._layers(x, states, (batch,) * steps)
        if single:
            return y.squeeze(1), tuple([s.squeeze(1) for s in last])
        return (y.transpose(0, 1) if self.batch_first else y), last

    def _run_packed(self, packed: PackedSequence, given: Any) -> tuple[Any, tuple[Tensor, ...]]:
        data, order, back = packed.data, packed.sorted_indices, packed.unsorted_indices
        sizes = tuple(packed.batch_sizes.tolist())
        states = self._states(given, 3, data)
        self._check(data, states, sizes[0])
        if order is not None:
            states = [s.index_select(1, order) for s in states]
        y, last = self._layers(data, states, sizes)
        if back is not None:
            last = tuple([s.index_select(1, back) for s in last])
        return PackedSequence(y, packed.batch_sizes, order, back), last

    def _states(self, given: Any, ndim: int | None, x: Tensor) -> list[Tensor]:
        """The initial states that were given: two of an LSTM, one of the others, or none."""
        if given is None:
            return []
        lstm = self.mode == "LSTM"
        if lstm and (isinstance(given, Tensor) or len(given) != 2):
            raise TypeError(f"LSTM: hx must be a tuple (h_0, c_0) of Tensors, not {type(given).__name__}")
        states = list(given) if lstm else [given]
        if any(s.dim() != (ndim or 2) for s in states):
            what, dims = ("hx and cx", ", ".join(f"{s.dim()}-D" for s in states)) if lstm else ("hx", "")
            raise RuntimeError(
                f"For {'batched 3-D' if ndim else 'unbatched 2-D'} input, {what} should also be "
                f"{ndim or 2}-D but got {f'({dims}) tensors' if lstm else f'{states[0].dim()}-D tensor'}"
            )
        return states

    def _check(self, x: Tensor, states: list[Tensor], batch: int) -> None:
        weight: Parameter = getattr(self, self._all_weights[0][0])
        if x._array.dtype != weight._array.dtype:
            raise ValueError(
                f"RNN input dtype ({x.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({x.dtype})"
            )
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {x.shape[-1]} "
                f"(input of shape {list(x.shape)})"
            )
        for i, state in enumerate(states):
            size = self.hidden_size if i else self.proj_size or self.hidden_size
            expected = (len(self._all_weights), batch, size)
            if tuple(state.shape) != expected:
                name = f"hidden[{i}]" if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {name} size {expected}, got {list(state.shape)}")

    def _layers(
        self, x: Tensor, states: list[Tensor], sizes: tuple[int, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        directions = 2 if self.bidirectional else 1
        last: list[tuple[Tensor, ...]] = []
        for layer in range(self.num_layers):
            if layer and self.dropout and self.training:
                x = dropped(x, self.dropout)
            outputs = []
            for direction in range(directions):
                at = layer * directions + direction
                weights = [getattr(self, name) for name in self._all_weights[at]]
                begin = [s[at] for s in states]
                y, *ends = recurrent_layer(self.mode, x, weights, sizes, begin, self.bias, direction == 1)
                outputs.append(y)
                last.append(tuple(ends))
            x = outputs[0] if directions == 1 else cat(outputs, -1)
        if len(last) == 1:
            return x, tuple([end.unsqueeze(0) for end in last[0]])
        return x, tuple([stack(ends) for ends in zip(*last)])


def _check_sizes(
    mode: str, input_size: Any, hidden_size: Any, num_layers: Any, dropout: Any, proj_size: int
) -> None:
    """The errors of a constructor."""
    if mode not in _GATES:
        raise ValueError(f"Unrecognized RNN mode: {mode}; it must be one of {', '.join(_GATES)}")
    if isinstance(dropout, bool) or not isinstance(dropout, numbers.Real) or not 0 <= float(dropout) <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being "
            f"zeroed, got {dropout!r}"
        )
    if float(dropout) and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=4,
        )
    if not isinstance(hidden_size, int):
        raise TypeError(f"hidden_size should be of type int, got: {type(hidden_size).__name__}")
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size and mode != "LSTM":
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")


class RNN(RNNBase):
    """A simple recurrent network: ``h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)``, in layers.

    Args:
        input_size, hidden_size: sizes of x_t and h_t.
        num_layers: layers on top of each other: the outputs of one are the inputs of the next.
        nonlinearity: "tanh" or "relu".
        bias: whether there are biases.
        batch_first: inputs and outputs are (batch, steps, size), not (steps, batch, size).
        dropout: the probability of :class:`Dropout` on the outputs of all layers but the last.
        bidirectional: a second network goes over the sequence from its end; outputs are joined.

    ``forward(input, hx=None)`` takes an input (steps, batch, input_size), (steps, input_size), or a
    :class:`~autotape.nn.utils.rnn.PackedSequence`, and the initial state (num_layers * D, batch, hidden_size)
    with D = 2 if bidirectional, else 1; default zeros. It returns the output (steps, batch, D * hidden_size),
    packed for a packed input, and the last state of each layer, (num_layers * D, batch, hidden_size).

    A layer is one operation on the tape: one matrix product for the inputs of all steps, one per step for the
    states. Parameters: see :class:`RNNBase`. Source: Elman, Finding structure in time (1990).

    >>> import autotape as at
    >>> from autotape import nn
    >>> output, h = nn.RNN(10, 20, num_layers=2)(at.ones(5, 3, 10))
    >>> output.shape, h.shape
    (autotape.Size([5, 3, 20]), autotape.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        modes = {"tanh": "RNN_TANH", "relu": "RNN_RELU"}
        if nonlinearity not in modes:
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(
            modes[nonlinearity],
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """The outputs of all steps, and the last states."""
        output, (h,) = self._run(input, hx)
        return output, h


class LSTM(RNNBase):
    """A long short-term memory network, in layers.

    Each step computes from x_t, h_{t-1} and c_{t-1}, with ``i, f, g, o`` the four parts of
    ``W_ih x_t + b_ih + W_hh h_{t-1} + b_hh``: ``c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g)`` and
    ``h_t = sigmoid(o) tanh(c_t)``.

    Args:
        input_size, hidden_size: sizes of x_t and h_t.
        num_layers: layers on top of each other: the outputs of one are the inputs of the next.
        bias: whether there are biases.
        batch_first: inputs and outputs are (batch, steps, size), not (steps, batch, size).
        dropout: the probability of :class:`Dropout` on the outputs of all layers but the last.
        bidirectional: a second network goes over the sequence from its end; outputs are joined.
        proj_size: if positive, h_t is projected to this size: ``h_t = W_hr (sigmoid(o) tanh(c_t))``.

    ``forward(input, hx=None)`` takes an input (steps, batch, input_size), (steps, input_size), or a
    :class:`~autotape.nn.utils.rnn.PackedSequence`, and the initial states ``(h_0, c_0)``, of shapes
    (num_layers * D, batch, H) and (num_layers * D, batch, hidden_size), with D = 2 if bidirectional, else 1,
    and H = proj_size or hidden_size; default zeros. It returns the output (steps, batch, D * H), packed for a
    packed input, and the last states ``(h_n, c_n)`` of each layer.

    A layer is one operation on the tape: one matrix product for the inputs of all steps, one per step for the
    states; kept for backward are 6 values per unit and step. Parameters: see :class:`RNNBase`.
    Sources: Hochreiter and Schmidhuber, Long short-term memory (1997); Sak et al. (2014) for projections.

    >>> import autotape as at
    >>> from autotape import nn
    >>> output, (h, c) = nn.LSTM(10, 20, num_layers=2)(at.ones(5, 3, 10))
    >>> output.shape, h.shape, c.shape
    (autotape.Size([5, 3, 20]), autotape.Size([2, 3, 20]), autotape.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            "LSTM",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            proj_size,
            device,
            dtype,
        )

    def forward(
        self, input: Any, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        """The outputs of all steps, and the last states."""
        output, (h, c) = self._run(input, hx)
        return output, (h, c)


class GRU(RNNBase):
    """A network of gated recurrent units, in layers.

    Each step computes from x_t and h_{t-1}, with ``xr, xz, xn`` the three parts of ``W_ih x_t + b_ih`` and
    ``hr, hz, hn`` those of ``W_hh h_{t-1} + b_hh``: ``r = sigmoid(xr + hr)``, ``z = sigmoid(xz + hz)``,
    ``n = tanh(xn + r hn)`` and ``h_t = (1 - z) n + z h_{t-1}``.

    Args:
        input_size, hidden_size: sizes of x_t and h_t.
        num_layers: layers on top of each other: the outputs of one are the inputs of the next.
        bias: whether there are biases.
        batch_first: inputs and outputs are (batch, steps, size), not (steps, batch, size).
        dropout: the probability of :class:`Dropout` on the outputs of all layers but the last.
        bidirectional: a second network goes over the sequence from its end; outputs are joined.

    ``forward(input, hx=None)`` takes and returns what that of :class:`RNN` does; kept for backward are 5
    values per unit and step. Parameters: see :class:`RNNBase`.
    Source: Cho et al., Learning phrase representations using RNN encoder-decoder (2014).

    >>> import autotape as at
    >>> from autotape import nn
    >>> output, h = nn.GRU(10, 20, bidirectional=True)(at.ones(5, 3, 10))
    >>> output.shape, h.shape
    (autotape.Size([5, 3, 40]), autotape.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            "GRU",
            input_size,
            hidden_size,
            num_layers,
            bias,
            batch_first,
            dropout,
            bidirectional,
            device=device,
            dtype=dtype,
        )

    def forward(self, input: Any, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        """The outputs of all steps, and the last states."""
        output, (h,) = self._run(input, hx)
        return output, h
