"""Recurrent layers and cells: LSTM, GRU and the simple RNN.

A layer over all its steps is one operation on the tape, computed and differentiated by the kernels beside
this file. Where its gradient is to be differentiated in turn, and for what the kernels can't compute (complex
numbers, batches of a vmap), the steps are written out in Tensor operations instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.backward import gradients
from autotape.engine.batched import is_batched
from autotape.engine.operands import tensor_input
from autotape.engine.operation import CAST, Operation, apply
from autotape.engine.tape import current_tape, on_tape
from autotape.engine.tensor import Tensor
from autotape.nn.functional._recurrent_kernels import KERNELS, Plan, Weights, plan_of, slabs
from autotape.ops.activations import relu, sigmoid
from autotape.ops.fused import linear
from autotape.ops.joining import cat, chunk
from autotape.ops.trigonometry import tanh

__all__ = ["gru_cell", "lstm_cell", "recurrent_layer", "rnn_relu_cell", "rnn_tanh_cell"]

Array = np.ndarray[Any, Any]


class Layer(NamedTuple):
    """What an operation on a recurrent layer has to know besides its inputs.

    Those are x, the weights of inputs and states, and, as far as they are there: the two biases, the
    projection, the initial hidden state and the initial cell.
    """

    mode: str
    plan: Plan
    reverse: bool
    biased: bool
    projected: bool
    has_h: bool
    has_c: bool

    def arranged(self, inputs: Sequence[Any]) -> tuple[Any, Any, Any, Weights]:
        """x, the initial hidden state, the initial cell, and the weights; None for what is not there."""
        x, *rest = inputs
        present = (True, True, self.biased, self.biased, self.projected, self.has_h, self.has_c)
        values = iter(rest)
        *weights, h, c = [next(values) if there else None for there in present]
        return x, h, c, Weights(*weights)

    def rows(self, x: Any) -> Any:
        """The rows of all steps, in the order in which the layer goes over them (or back)."""
        rows = x.reshape(self.plan.rows, x.shape[-1])
        if not self.reverse:
            return rows
        return (
            rows[Tensor._wrap(self.plan.reverse)]
            if isinstance(x, Tensor)
            else rows.take(self.plan.reverse, 0)
        )


# --- the fused operation ------------------------------------------------------------------------------------


def _forward(*args: Any) -> tuple[Array, ...]:
    *inputs, layer, kept = args
    x, h, c, weights = layer.arranged(inputs)
    plan = layer.plan
    hs, cs, more = KERNELS[layer.mode].forward(layer.rows(x), h, c, weights, plan)
    kept[:] = hs, cs, more
    y = hs[plan.batch :]
    if layer.reverse:
        y = y.take(plan.reverse, 0)
    y = y.reshape(*x.shape[:-1], y.shape[1])
    return (y, plan.final(hs)) if cs is None else (y, plan.final(hs), plan.final(cs))


def _raw_rule(g: Any, needs: Any, _y: Any, *rest: Any) -> list[Array | None]:
    *inputs, layer, (hs, cs, more) = rest
    x, _, _, weights = layer.arranged(inputs)
    plan, kernel = layer.plan, KERNELS[layer.mode]
    gy = None if g[0] is None else layer.rows(g[0])
    gc = None if cs is None else g[2]
    flow = kernel.backward(gy, g[1], gc, hs, cs, more, weights, plan)

    def of_inputs() -> Array:
        weight = slabs(weights.input, kernel.gates)
        total = flow.inputs[0] @ weight[0]
        for slab, part in zip(flow.inputs[1:], weight[1:]):
            np.add(total, slab @ part, out=total)
        return layer.rows(total).reshape(x.shape)  # type: ignore[no-any-return]

    def of_weight(parts: Sequence[Array], rows: Array) -> Array:
        out = np.empty((kernel.gates, hs_size, rows.shape[1]), rows.dtype)
        for part, into in zip(parts, out):
            np.dot(part.T, rows, out=into)
        return out.reshape(kernel.gates * hs_size, rows.shape[1])

    def of_bias(parts: Sequence[Array]) -> Array:
        ones = np.ones(plan.rows, x.dtype)  # dot: a quarter of the time of add.reduce
        return np.concatenate([ones.dot(part) for part in parts])

    hs_size = flow.inputs[0].shape[1]
    found: list[Callable[[], Any]] = [
        of_inputs,
        lambda: of_weight(flow.inputs, layer.rows(x)),
        lambda: of_weight(flow.states, plan.before(hs)),
    ]
    if layer.biased:
        found += [lambda: of_bias(flow.inputs), lambda: of_bias(flow.states)]
    if layer.projected:
        found.append(lambda: flow.projection)
    if layer.has_h:
        found.append(lambda: flow.h)
    if layer.has_c:
        found.append(lambda: flow.c)
    return [compute() if needed else None for compute, needed in zip(found, needs)]


def _rule(g: Any, needs: Any, _y: Any, *rest: Any) -> Any:
    """The gradient by way of the steps written out: recorded for Tensors, and for arrays of any kind."""
    *inputs, layer, _ = rest
    recorded = any(isinstance(value, Tensor) for value in (*g, *inputs))
    if not recorded:
        return on_tape(current_tape(), _of_steps, g, needs, inputs, layer, False)
    return _of_steps(g, needs, inputs, layer, True)


def _of_steps(g: Any, needs: Any, inputs: Any, layer: Layer, recorded: bool) -> Any:
    # Places of their own: the gradient stops there, also where one input was computed from another.
    tensors = [t if isinstance(t, Tensor) else Tensor._wrap(t) for t in inputs]
    if recorded:
        tensors = [apply(CAST, (t,), t._array.dtype) if n else t for t, n in zip(tensors, needs)]
    else:
        tensors = [t.requires_grad_() if n else t for t, n in zip(tensors, needs)]
    outputs = _written_out(layer, tensors)
    heads = [(y, s) for y, s in zip(outputs, g) if s is not None]
    seeds = [s if isinstance(s, Tensor) else Tensor._wrap(s) for _, s in heads]
    wanted = [t for t, n in zip(tensors, needs) if n]
    found = iter(gradients([y for y, _ in heads], wanted, seeds, recorded, recorded, True, True))
    results = [next(found) if n else None for n in needs]
    return results if recorded else [None if r is None else r._array for r in results]


_LAYERS = {mode: Operation(mode.lower(), _forward, joint=_rule, raw_joint=_raw_rule) for mode in KERNELS}


# --- the steps in Tensor operations -------------------------------------------------------------------------
# Each takes the gates' sums as far as they come from the input, and the state.


def _lstm_step(sums: Any, h: Any, c: Any, weights: Weights) -> tuple[Any, Any]:
    i, f, g, o = chunk(sums + linear(h, weights.state, weights.state_bias), 4, 1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return (h if weights.projection is None else linear(h, weights.projection)), c


def _gru_step(sums: Any, h: Any, _c: None, weights: Weights) -> tuple[Any, None]:
    inner = linear(h, weights.state, weights.state_bias)
    (r, z, n), (hr, hz, hn) = chunk(sums, 3, 1), chunk(inner, 3, 1)
    n = tanh(n + sigmoid(r + hr) * hn)
    return n + sigmoid(z + hz) * (h - n), None


def _tanh_step(sums: Any, h: Any, _c: None, weights: Weights) -> tuple[Any, None]:
    return tanh(sums + linear(h, weights.state, weights.state_bias)), None


def _relu_step(sums: Any, h: Any, _c: None, weights: Weights) -> tuple[Any, None]:
    return relu(sums + linear(h, weights.state, weights.state_bias)), None


_STEPS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "LSTM": _lstm_step,
    "GRU": _gru_step,
    "RNN_TANH": _tanh_step,
    "RNN_RELU": _relu_step,
}


def _written_out(layer: Layer, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The same as the fused operation, in an operation or more for each step."""
    x, h, c, weights = layer.arranged(tensors)
    plan, step = layer.plan, _STEPS[layer.mode]
    hidden = weights.input.shape[0] // KERNELS[layer.mode].gates
    dtype = x._array.dtype
    if h is None:
        h = Tensor._wrap(np.zeros((plan.batch, weights.state.shape[1]), dtype))
    if c is None and layer.mode == "LSTM":
        c = Tensor._wrap(np.zeros((plan.batch, hidden), dtype))
    sums = linear(layer.rows(x), weights.input, weights.input_bias)
    hs, cs = [], []
    for start, stop, _ in plan.steps:
        rows = stop - start
        if rows < h.shape[0]:
            h, c = h[:rows], None if c is None else c[:rows]
        h, c = step(sums[start:stop], h, c, weights)
        hs.append(h)
        cs.append(c)
    y = cat(hs)

    def final(states: list[Any]) -> Tensor:
        return states[-1] if plan.uniform else cat(states)[Tensor._wrap(plan.last)]

    ends = (final(hs),) if c is None else (final(hs), final(cs))
    return (layer.rows(y).reshape(*x.shape[:-1], y.shape[1]), *ends)


# --- calling ------------------------------------------------------------------------------------------------


def recurrent_layer(
    mode: str,
    x: Tensor,
    weights: Sequence[Tensor],
    sizes: tuple[int, ...],
    states: Sequence[Tensor] = (),
    biased: bool = True,
    reverse: bool = False,
) -> tuple[Tensor, ...]:
    """One layer in one direction: the outputs of all steps, the last hidden state and, of an LSTM, cell.

    Args:
        mode: "LSTM", "GRU", "RNN_TANH" or "RNN_RELU".
        x: the rows of all steps, (rows, size), or (steps, batch, size).
        weights: of inputs, of states, the two biases if ``biased``, and an LSTM's projection if it has one.
        sizes: how many sequences each step has: they do not increase.
        states: the initial hidden state and, of an LSTM, cell: (batch, size) each; default zeros.
        reverse: go over each sequence from its end.

    Kept for backward are the inputs, the hidden states, and of an LSTM cells and gates (5 values per unit and
    step), of a GRU gates and one sum (4), of a simple RNN nothing more.
    """
    layer = Layer(
        mode, plan_of(sizes), reverse, biased, len(weights) % 2 == 1, len(states) > 0, len(states) > 1
    )
    tensors = [x, *weights, *states]
    dtype = x._array.dtype
    for t in tensors:
        if t._array.dtype is not dtype and t._array.dtype != dtype:
            raise RuntimeError(
                "mat1 and mat2 must have the same dtype, but "
                f"{mode.lower()} got {x.dtype} and {t.dtype}; convert one with .to(dtype)"
            )
    if dtype.itemsize == 2 and dtype.kind == "f":  # NumPy has no GEMM of float16
        wide = [apply(CAST, (t,), np.dtype(np.float32)) for t in tensors]
        return tuple([apply(CAST, (y,), dtype) for y in apply(_LAYERS[mode], wide, layer, [])])
    if dtype.kind == "c" or any(is_batched(t._array) for t in tensors):
        return _written_out(layer, tensors)
    return apply(_LAYERS[mode], tensors, layer, [])  # type: ignore[no-any-return]


def _cell(
    mode: str, input: Tensor, hx: Sequence[Tensor], weights: Sequence[Tensor | None]
) -> tuple[Tensor, ...]:
    name = mode.lower() + "_cell"
    input, states = tensor_input(input, "input", name), [tensor_input(state, "hx", name) for state in hx]
    given = [tensor_input(w, "a weight", name) for w in weights if w is not None]
    if len(given) == 3:
        raise RuntimeError(f"{name}: give both biases, or none")
    shape, hidden, size = input._array.shape, given[1]._array.shape[-1], given[0]._array.shape[-1]
    if len(shape) != 2 or shape[1] != size:
        raise RuntimeError(
            f"input has inconsistent input_size: got {shape[-1] if shape else 0} expected {size} "
            f"({name} got an input of shape {list(shape)})"
        )
    for number, state in enumerate(states):
        sides = state._array.shape
        if len(sides) != 2 or sides[0] != shape[0]:
            raise RuntimeError(
                f"Input batch size {shape[0]} doesn't match hidden{number} batch size "
                f"{sides[0] if sides else 0}"
            )
        if sides[1] != hidden:
            raise RuntimeError(
                f"hidden{number} has inconsistent hidden_size: got {sides[1]}, expected {hidden}"
            )
    return recurrent_layer(mode, input, given, (shape[0],), states, len(given) == 4)[1:]


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of an LSTM: the next hidden state and cell.

    ``i, f, g, o`` are the four parts of ``input @ w_ih.T + b_ih + h @ w_hh.T + b_hh``; then
    ``c' = sigmoid(f) * c + sigmoid(i) * tanh(g)`` and ``h' = sigmoid(o) * tanh(c')``.

    Shapes: input (batch, input_size), hx two of (batch, hidden_size), w_ih (4 * hidden_size, input_size),
    w_hh (4 * hidden_size, hidden_size), the biases (4 * hidden_size,). RuntimeError where they do not fit.

    Source: Hochreiter and Schmidhuber, Long short-term memory (1997); Gers et al., Learning to forget (2000).

    >>> import autotape as at
    >>> from autotape.nn.functional.recurrent import lstm_cell
    >>> h, c = lstm_cell(at.ones(1, 2), (at.zeros(1, 3), at.ones(1, 3)), at.zeros(12, 2), at.zeros(12, 3))
    >>> c
    tensor([[0.5000, 0.5000, 0.5000]])
    """
    if isinstance(hx, Tensor) or not isinstance(hx, (tuple, list)) or len(hx) != 2:
        raise TypeError(f"lstm_cell(): argument 'hx' must be a tuple of two Tensors, not {type(hx).__name__}")
    h, c = _cell("LSTM", input, hx, (w_ih, w_hh, b_ih, b_hh))
    return h, c


def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of a GRU: the next hidden state.

    With ``xr, xz, xn`` the three parts of ``input @ w_ih.T + b_ih`` and ``hr, hz, hn`` those of
    ``hx @ w_hh.T + b_hh``: ``r = sigmoid(xr + hr)``, ``z = sigmoid(xz + hz)``, ``n = tanh(xn + r * hn)`` and
    ``h' = (1 - z) * n + z * hx``.

    Shapes: input (batch, input_size), hx (batch, hidden_size), w_ih (3 * hidden_size, input_size), w_hh
    (3 * hidden_size, hidden_size), the biases (3 * hidden_size,). Errors: RuntimeError where they do not fit.

    Source: Cho et al., Learning phrase representations using RNN encoder-decoder (2014).

    >>> import autotape as at
    >>> from autotape.nn.functional.recurrent import gru_cell
    >>> gru_cell(at.ones(1, 2), at.ones(1, 3), at.zeros(9, 2), at.zeros(9, 3))
    tensor([[0.5000, 0.5000, 0.5000]])
    """
    return _cell("GRU", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of a simple RNN: ``tanh(input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh)``.

    Shapes: input (batch, input_size), hx (batch, hidden_size), w_ih (hidden_size, input_size), w_hh
    (hidden_size, hidden_size), the biases (hidden_size,). Errors: RuntimeError where they do not fit.

    Source: Elman, Finding structure in time (1990).

    >>> import autotape as at
    >>> from autotape.nn.functional.recurrent import rnn_tanh_cell
    >>> rnn_tanh_cell(at.ones(1, 2), at.ones(1, 3), at.zeros(3, 2), at.eye(3))
    tensor([[0.7616, 0.7616, 0.7616]])
    """
    return _cell("RNN_TANH", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]


def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """:func:`rnn_tanh_cell` with ``relu`` in place of ``tanh``.

    >>> import autotape as at
    >>> from autotape.nn.functional.recurrent import rnn_relu_cell
    >>> rnn_relu_cell(at.ones(1, 2), at.ones(1, 3), at.zeros(3, 2), -at.eye(3))
    tensor([[0., 0., 0.]])
    """
    return _cell("RNN_RELU", input, (hx,), (w_ih, w_hh, b_ih, b_hh))[0]
