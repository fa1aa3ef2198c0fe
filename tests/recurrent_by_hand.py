"""Recurrent layers written out in NumPy, one sequence and one step at a time, and inputs for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests import oracle

Array = np.ndarray[Any, Any]

GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}


def logistic(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def step_by_hand(mode: str, x: Array, h: Array, c: Array, w: list[Array]) -> tuple[Array, Array]:
    """One step, from the formulas of the documentation."""
    wi, wh = w[:2]
    bi, bh = w[2:4] if len(w) > 3 else (np.zeros(len(wi)), np.zeros(len(wi)))
    left, right = x @ wi.T + bi, h @ wh.T + bh
    if mode == "LSTM":
        i, f, g, o = np.split(left + right, 4, axis=1)
        c = logistic(f) * c + logistic(i) * np.tanh(g)
        h = logistic(o) * np.tanh(c)
        return (h @ w[-1].T if len(w) % 2 else h), c
    if mode == "GRU":
        (xr, xz, xn), (hr, hz, hn) = np.split(left, 3, axis=1), np.split(right, 3, axis=1)
        r, z = logistic(xr + hr), logistic(xz + hz)
        return (1 - z) * np.tanh(xn + r * hn) + z * h, c
    return (np.tanh(left + right) if mode == "RNN_TANH" else np.maximum(left + right, 0)), c


def layer_by_hand(
    mode: str, sequences: list[Array], h: Array, c: Array, w: list[Array], reverse: bool
) -> tuple[list[Array], Array, Array]:
    """Each sequence alone, step by step: its outputs, and the last states of all."""
    outputs, hs, cs = [], [], []
    for i, sequence in enumerate(sequences):
        state, cell, found = h[i : i + 1], c[i : i + 1], []
        for x in sequence[::-1] if reverse else sequence:
            state, cell = step_by_hand(mode, x[None], state, cell, w)
            found.append(state[0])
        outputs.append(np.stack(found[::-1] if reverse else found))
        hs.append(state)
        cs.append(cell)
    return outputs, np.concatenate(hs), np.concatenate(cs)


def weights_of(mode: str, size: int, hidden: int, bias: bool = True, projected: int = 0) -> list[Array]:
    rows, out = GATES[mode] * hidden, projected or hidden
    shapes = [(rows, size), (rows, out), *[(rows,)] * (2 * bias), *[(projected, hidden)] * bool(projected)]
    return [oracle.normal(*s, seed=10 + i) / 2 for i, s in enumerate(shapes)]


def starts(mode: str, batch: int, hidden: int, projected: int) -> list[Array]:
    h = oracle.normal(batch, projected or hidden, seed=20) / 2
    return [h, oracle.normal(batch, hidden, seed=21) / 2] if mode == "LSTM" else [h]


def rows_of(sequences: list[Array], sizes: tuple[int, ...]) -> Array:
    """The packed rows: all first elements, all second ones ..."""
    return np.stack([sequences[i][t] for t, n in enumerate(sizes) for i in range(n)])
