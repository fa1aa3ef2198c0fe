"""Recurrent cells: one step of a recurrent layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.nn import init
from autotape.nn.functional.recurrent import gru_cell, lstm_cell, rnn_relu_cell, rnn_tanh_cell
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import empty

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """Base of the recurrent cells: their parameters, with ``num_chunks`` gates one below the other."""

    weight_ih: Parameter
    weight_hh: Parameter
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            value = Parameter(empty((rows,), device=device, dtype=dtype)) if bias else None
            self.register_parameter(name, value)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def extra_repr(self) -> str:
        """The sizes, and the options that differ from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if self.bias is not True:
            parts.append(f"bias={self.bias}")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        if nonlinearity != "tanh":
            parts.append(f"nonlinearity={nonlinearity}")
        return ", ".join(parts)

    def _step(self, function: Any, input: Tensor, states: Any) -> tuple[Tensor, ...]:
        """The next states by ``function`` of (batch, size), of a single example too."""
        name, count = type(self).__name__, 2 if function is lstm_cell else 1
        input = tensor_input(input, "input", name)
        if input.ndim not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        if states is None:
            zeros = np.zeros((*input._array.shape[:-1], self.hidden_size), input._array.dtype)
            states = (Tensor._wrap(zeros),) * count
        if isinstance(states, Tensor) or len(states) != count:
            raise TypeError(f"{name}: hx must be a tuple (h, c) of Tensors, not {type(states).__name__}")
        for i, state in enumerate(states):
            if state.dim() not in (1, 2):
                which = f"hx[{i}]" if count == 2 else "hidden"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {state.dim()}D instead")
        single = input.ndim == 1
        if single:
            input, states = input.unsqueeze(0), tuple([state.unsqueeze(0) for state in states])
        hx = states if count == 2 else states[0]
        result = function(input, hx, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        found = result if count == 2 else (result,)
        return tuple([state.squeeze(0) for state in found]) if single else found


class RNNCell(RNNCellBase):
    """One step of a simple RNN: ``h' = tanh(weight_ih @ x + bias_ih + weight_hh @ h + bias_hh)``.

    Args:
        input_size, hidden_size: sizes of x and h.
        bias: whether there are the two biases.
        nonlinearity: "tanh" or "relu".

    Shapes: input (batch, input_size) or (input_size,), hx and the result (batch, hidden_size) or
    (hidden_size,); hx defaults to zeros. ``weight_ih`` is (hidden_size, input_size) and ``weight_hh``
    (hidden_size, hidden_size); all parameters start as U(-k, k) with k = 1 / sqrt(hidden_size).

    >>> import autotape as at
    >>> from autotape import nn
    >>> cell = nn.RNNCell(10, 20)
    >>> h = cell(at.ones(3, 10)); cell(at.ones(3, 10), h).shape
    autotape.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next hidden state."""
        functions = {"tanh": rnn_tanh_cell, "relu": rnn_relu_cell}
        if self.nonlinearity not in functions:
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}; it must be 'tanh' or 'relu'")
        return self._step(functions[self.nonlinearity], input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM: see :func:`autotape.nn.functional.recurrent.lstm_cell`.

    Args:
        input_size, hidden_size: sizes of input and states.
        bias: whether there are the two biases.

    Shapes: input (batch, input_size) or (input_size,); hx and the result are pairs (h, c) of
    (batch, hidden_size) or (hidden_size,), by default zeros. ``weight_ih`` is (4 * hidden_size, input_size)
    and ``weight_hh`` (4 * hidden_size, hidden_size), of the gates i, f, g, o; all parameters start as
    U(-k, k) with k = 1 / sqrt(hidden_size).

    >>> import autotape as at
    >>> from autotape import nn
    >>> cell = nn.LSTMCell(10, 20)
    >>> h, c = cell(at.ones(3, 10)); cell(at.ones(3, 10), (h, c))[0].shape
    autotape.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        """The next hidden state and cell."""
        h, c = self._step(lstm_cell, input, hx)
        return h, c


class GRUCell(RNNCellBase):
    """One step of a GRU: see :func:`autotape.nn.functional.recurrent.gru_cell`.

    Args:
        input_size, hidden_size: sizes of input and state.
        bias: whether there are the two biases.

    Shapes: input (batch, input_size) or (input_size,), hx and the result (batch, hidden_size) or
    (hidden_size,); hx defaults to zeros. ``weight_ih`` is (3 * hidden_size, input_size) and ``weight_hh``
    (3 * hidden_size, hidden_size), of the gates r, z, n; all parameters start as U(-k, k) with
    k = 1 / sqrt(hidden_size).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.GRUCell(10, 20)(at.ones(3, 10)).shape
    autotape.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """The next hidden state."""
        return self._step(gru_cell, input, None if hx is None else (hx,))[0]
