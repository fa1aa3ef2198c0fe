"""A whole recurrent layer in NumPy: forward, and backward through time.

The rows of all steps lie one after the other; :class:`Plan` says which are a step's. A buffer of states has
the initial state in front of them, so that the states before a step are a slice of it. The gates are K slabs
(K, rows, hidden): one batched GEMM makes them of all inputs, one per step adds the part of the states, and
all elementwise passes run over contiguous memory (slices of (rows, K * hidden) take over twice as long).

The logistic function is 1 / (1 + exp(-z)) and tanh(z) is 2 / (1 + exp(-2z)) - 1: the LSTM needs one exp over
all its gates. Where exp overflows the results are exact.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.operands import number

__all__ = ["KERNELS", "Kernel", "Plan", "Weights", "plan_of"]

Array = np.ndarray[Any, Any]


class Plan:
    """Where the rows of each step are, for a batch of sequences of decreasing lengths."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self.sizes = sizes
        self.batch = batch = sizes[0]
        self.uniform = sizes[-1] == batch
        # Of each step: start, stop, and where in a buffer of states those before it start.
        self.steps: list[tuple[int, int, int]] = []
        start, before = 0, 0
        for size in sizes:
            self.steps.append((start, start + size, before))
            before = batch + start
            start += size
        self.rows = start

    @cached_property
    def _places(self) -> tuple[Array, Array]:
        """The first row of each step, the length of each sequence."""
        sizes = np.array(self.sizes)
        return np.cumsum(sizes) - sizes, (sizes[:, None] > np.arange(self.batch)).sum(0)

    @cached_property
    def last(self) -> Array:
        """The row of each sequence's last element."""
        starts, lengths = self._places
        return np.asarray(starts[lengths - 1] + np.arange(self.batch))

    @cached_property
    def reverse(self) -> Array:
        """The rows with each sequence in reverse order: a permutation that is its own inverse."""
        starts, lengths = self._places
        step = np.repeat(np.arange(len(starts)), self.sizes)
        sequence = np.arange(self.rows) - starts[step]
        return np.asarray(starts[lengths[sequence] - 1 - step] + sequence)

    def buffer(self, initial: Array | None, size: int, dtype: np.dtype[Any]) -> Array:
        """A buffer of states with the initial ones (default zeros) in front."""
        states = np.empty((self.batch + self.rows, size), dtype)
        states[: self.batch] = 0 if initial is None else initial
        return states

    def before(self, states: Array) -> Array:
        """Of all rows the states before them."""
        if self.uniform:
            return states[: self.rows]
        return np.concatenate([states[before : before + stop - start] for start, stop, before in self.steps])

    def final(self, states: Array) -> Array:
        """The last state of each sequence, in memory of its own."""
        return states[self.rows :].copy() if self.uniform else states.take(self.last + self.batch, 0)


plan_of = lru_cache(maxsize=64)(Plan)


class Weights(NamedTuple):
    """The parameters of a layer, arrays or Tensors or None; the K gates one below the other."""

    input: Any  # (K * hidden, input size)
    state: Any  # (K * hidden, state size)
    input_bias: Any  # (K * hidden,)
    state_bias: Any
    projection: Any  # (state size, hidden), of an LSTM


class Flow(NamedTuple):
    """What backward through time finds: the gradients of the gates' sums and of the initial states."""

    inputs: Any  # K slabs (rows, hidden): of what comes from the inputs
    states: Any  # ... and from the states
    h: Array
    c: Array | None = None
    projection: Array | None = None


class Kernel(NamedTuple):
    """One kind of layer.

    ``forward(x, h, c, weights, plan)`` returns the buffer of hidden states, that of cells (or None) and what
    ``backward`` needs besides; ``backward(gy, gh, gc, hs, cs, kept, weights, plan)`` a :class:`Flow`.
    """

    gates: int
    forward: Callable[..., tuple[Array, Array | None, Any]]
    backward: Callable[..., Flow]


def slabs(array: Array, gates: int) -> Array:
    """A weight (K * hidden, size) as (K, hidden, size), a bias as (K, hidden)."""
    return array.reshape(gates, array.shape[0] // gates, *array.shape[1:])


def _sums(x: Array, weights: Weights, gates: int) -> tuple[Array, Array]:
    """The gates' sums as far as they come from the inputs, and the weight that turns states into the rest."""
    total = np.matmul(x, slabs(weights.input, gates).swapaxes(1, 2))
    if weights.input_bias is not None:
        np.add(total, slabs(weights.input_bias, gates)[:, None], out=total)
    return total, slabs(weights.state, gates).swapaxes(1, 2)


def _start(g: Array | None, plan: Plan, size: int, dtype: np.dtype[Any]) -> Array:
    """Where the gradient of the states is summed up: that of the last ones, a copy."""
    return np.zeros((plan.batch, size), dtype) if g is None else g.copy()


def _through(slabs_: Array, weight: Array, spare: Array, out: Array) -> None:
    """The sum over K of ``slabs_[k] @ weight[k]`` into ``out``."""
    np.matmul(slabs_, weight, out=spare)
    np.add.reduce(spare, axis=0, out=out)


# --- LSTM: i, f, o = logistic(...), g = tanh(...), c = f c + i g, h = o tanh(c) -----------------------------


def _lstm(
    x: Array, h: Array | None, c: Array | None, weights: Weights, plan: Plan
) -> tuple[Array, Array, Array]:
    dtype, batch = x.dtype, plan.batch
    gates, inner = _sums(x, weights, 4)
    if weights.state_bias is not None:
        np.add(gates, slabs(weights.state_bias, 4)[:, None], out=gates)
    size = gates.shape[2]
    out = None if weights.projection is None else weights.projection.T
    hs = plan.buffer(h, size if out is None else out.shape[1], dtype)
    cs = plan.buffer(c, size, dtype)
    products, scratch = np.empty((4, batch, size), dtype), np.empty((batch, size), dtype)
    one, two = number(1, dtype), number(2, dtype)
    for start, stop, before in plan.steps:
        rows = stop - start
        step, product, spare = gates[:, start:stop], products[:, :rows], scratch[:rows]
        np.matmul(hs[before : before + rows], inner, out=product)
        np.add(step, product, out=product)  # in the small buffer, which stays in the cache
        np.negative(product, out=product)
        last = product[2]
        np.add(last, last, out=last)
        np.exp(product, out=product)
        np.add(product, one, out=product)
        np.reciprocal(product, out=step)
        i, f, g, o = step
        np.multiply(g, two, out=g)
        np.subtract(g, one, out=g)
        cell, state = cs[batch + start : batch + stop], hs[batch + start : batch + stop]
        np.multiply(f, cs[before : before + rows], out=cell)
        np.multiply(i, g, out=spare)
        np.add(cell, spare, out=cell)
        np.tanh(cell, out=spare)
        if out is None:
            np.multiply(o, spare, out=state)
        else:
            np.multiply(o, spare, out=spare)
            np.matmul(spare, out, out=state)
    return hs, cs, gates


def _lstm_backward(
    gy: Array | None,
    gh: Array | None,
    gc: Array | None,
    hs: Array,
    cs: Array,
    gates: Array,
    weights: Weights,
    plan: Plan,
) -> Flow:
    i, f, g, o = gates
    dtype, batch, size = gates.dtype, plan.batch, gates.shape[2]
    one = number(1, dtype)
    squashed = np.tanh(cs[batch:])
    # What the gradient of the cell (or, of o, of the hidden state) is to be multiplied by.
    d = np.multiply(gates, gates)
    np.subtract(gates, d, out=d)  # of the logistic function: y - y * y
    np.multiply(g, g, out=d[2])
    np.subtract(one, d[2], out=d[2])
    for factor, slab in zip((g, plan.before(cs), i, squashed), d):
        np.multiply(slab, factor, out=slab)
    to_cell = np.multiply(squashed, squashed)
    np.subtract(one, to_cell, out=to_cell)
    np.multiply(to_cell, o, out=to_cell)
    weight, projection = slabs(weights.state, 4), weights.projection
    dh, dc = _start(gh, plan, hs.shape[1], dtype), _start(gc, plan, size, dtype)
    products = np.empty((4, batch, hs.shape[1]), dtype)
    scratch, outer = np.empty((batch, size), dtype), np.empty((batch, size), dtype)
    projected = None if projection is None else np.empty((plan.rows, hs.shape[1]), dtype)
    for start, stop, _ in reversed(plan.steps):
        rows = stop - start
        gradient, cell, spare = dh[:rows], dc[:rows], scratch[:rows]
        if gy is not None:
            np.add(gradient, gy[start:stop], out=gradient)
        ahead = gradient
        if projected is not None:
            projected[start:stop] = gradient
            ahead = np.matmul(gradient, projection, out=outer[:rows])
        np.multiply(ahead, to_cell[start:stop], out=spare)
        np.add(cell, spare, out=cell)
        step = d[:, start:stop]
        di, df, dg, do = step
        np.multiply(do, ahead, out=do)
        np.multiply(di, cell, out=di)
        np.multiply(df, cell, out=df)
        np.multiply(dg, cell, out=dg)
        np.multiply(cell, f[start:stop], out=cell)
        _through(step, weight, products[:, :rows], gradient)
    through = None if projected is None else projected.T @ np.multiply(o, squashed, out=squashed)
    return Flow(d, d, dh, dc, through)


# --- GRU: r, z = logistic(...), n = tanh(x part + r * h part), h = n + z (h - n) ----------------------------


def _gru(x: Array, h: Array | None, _c: None, weights: Weights, plan: Plan) -> tuple[Array, None, Any]:
    dtype, batch = x.dtype, plan.batch
    gates, inner = _sums(x, weights, 3)
    bias = None
    if weights.state_bias is not None:
        parts = slabs(weights.state_bias, 3)
        np.add(gates[:2], parts[:2, None], out=gates[:2])
        bias = parts[2]
    size = gates.shape[2]
    hs = plan.buffer(h, size, dtype)
    inside = np.empty((plan.rows, size), dtype)  # the part of n that comes from the state
    products, scratch = np.empty((3, batch, size), dtype), np.empty((batch, size), dtype)
    one = number(1, dtype)
    for start, stop, before in plan.steps:
        rows = stop - start
        step, product, spare = gates[:, start:stop], products[:, :rows], scratch[:rows]
        previous, q = hs[before : before + rows], inside[start:stop]
        np.matmul(previous, inner, out=product)
        both = product[:2]
        np.add(step[:2], both, out=both)
        np.negative(both, out=both)
        np.exp(both, out=both)
        np.add(both, one, out=both)
        np.reciprocal(both, out=step[:2])
        if bias is None:
            q[...] = product[2]
        else:
            np.add(product[2], bias, out=q)
        r, z, n = step
        np.multiply(r, q, out=spare)
        np.add(n, spare, out=n)
        np.tanh(n, out=n)
        state = hs[batch + start : batch + stop]
        np.subtract(previous, n, out=state)
        np.multiply(state, z, out=state)
        np.add(state, n, out=state)
    return hs, None, (gates, inside)


def _gru_backward(
    gy: Array | None,
    gh: Array | None,
    _gc: None,
    hs: Array,
    _cs: None,
    kept: tuple[Array, Array],
    weights: Weights,
    plan: Plan,
) -> Flow:
    gates, inside = kept
    r, z, n = gates
    dtype, batch, size = gates.dtype, plan.batch, gates.shape[2]
    one = number(1, dtype)
    # What the gradient of the hidden state is to be multiplied by: for n's part of the inputs, then r, z, and
    # n's part of the states, so that the last three lie together.
    d = np.empty((4, plan.rows, size), dtype)
    of_n, of_r, of_z, within = d
    np.multiply(n, n, out=of_n)
    np.subtract(one, of_n, out=of_n)
    np.subtract(one, z, out=of_z)
    np.multiply(of_n, of_z, out=of_n)
    np.multiply(of_n, r, out=within)
    np.subtract(one, r, out=of_r)
    np.multiply(of_r, within, out=of_r)
    np.multiply(of_r, inside, out=of_r)
    np.multiply(of_z, z, out=of_z)
    np.multiply(of_z, np.subtract(plan.before(hs), n), out=of_z)
    weight = slabs(weights.state, 3)
    dh = _start(gh, plan, size, dtype)
    products, scratch = np.empty((3, batch, size), dtype), np.empty((batch, size), dtype)
    for start, stop, _ in reversed(plan.steps):
        rows = stop - start
        gradient, spare, step = dh[:rows], scratch[:rows], d[:, start:stop]
        if gy is not None:
            np.add(gradient, gy[start:stop], out=gradient)
        for slab in step:
            np.multiply(slab, gradient, out=slab)
        np.multiply(gradient, z[start:stop], out=gradient)
        _through(step[1:], weight, products[:, :rows], spare)
        np.add(gradient, spare, out=gradient)
    return Flow((of_r, of_z, of_n), d[1:], dh)


# --- RNN: h = tanh(...) or relu(...) ------------------------------------------------------------------------


def _simple(
    x: Array, h: Array | None, weights: Weights, plan: Plan, squash: Callable[..., Any]
) -> tuple[Array, None, None]:
    dtype, batch = x.dtype, plan.batch
    sums, inner = _sums(x, weights, 1)
    if weights.state_bias is not None:
        np.add(sums, weights.state_bias, out=sums)
    sums, inner = sums[0], inner[0]
    hs = plan.buffer(h, sums.shape[1], dtype)
    for start, stop, before in plan.steps:
        state = hs[batch + start : batch + stop]
        np.matmul(hs[before : before + stop - start], inner, out=state)
        np.add(state, sums[start:stop], out=state)
        squash(state, out=state)
    return hs, None, None


def _simple_backward(d: Array, gy: Array | None, gh: Array | None, weights: Weights, plan: Plan) -> Flow:
    """``d`` holds the slopes of the function of all sums."""
    dh = _start(gh, plan, d.shape[1], d.dtype)
    for start, stop, _ in reversed(plan.steps):
        gradient, step = dh[: stop - start], d[start:stop]
        if gy is not None:
            np.add(gradient, gy[start:stop], out=gradient)
        np.multiply(step, gradient, out=step)
        np.matmul(step, weights.state, out=gradient)
    return Flow((d,), (d,), dh)


def _rectify(x: Array, out: Array) -> None:
    np.maximum(x, number(0, x.dtype), out=out)


def _tanh_layer(x: Array, h: Array | None, _c: None, weights: Weights, plan: Plan) -> Any:
    return _simple(x, h, weights, plan, np.tanh)


def _relu_layer(x: Array, h: Array | None, _c: None, weights: Weights, plan: Plan) -> Any:
    return _simple(x, h, weights, plan, _rectify)


def _tanh_backward(
    gy: Array | None,
    gh: Array | None,
    _gc: None,
    hs: Array,
    _cs: None,
    _kept: None,
    weights: Weights,
    plan: Plan,
) -> Flow:
    y = hs[plan.batch :]
    slopes = np.multiply(y, y)
    np.subtract(number(1, y.dtype), slopes, out=slopes)
    return _simple_backward(slopes, gy, gh, weights, plan)


def _relu_backward(
    gy: Array | None,
    gh: Array | None,
    _gc: None,
    hs: Array,
    _cs: None,
    _kept: None,
    weights: Weights,
    plan: Plan,
) -> Flow:
    y = hs[plan.batch :]
    return _simple_backward(
        (y != 0).astype(y.dtype), gy, gh, weights, plan
    )  # NaN counts: its gradient goes on


KERNELS = {
    "LSTM": Kernel(4, _lstm, _lstm_backward),
    "GRU": Kernel(3, _gru, _gru_backward),
    "RNN_TANH": Kernel(1, _tanh_layer, _tanh_backward),
    "RNN_RELU": Kernel(1, _relu_layer, _relu_backward),
}
