"""Optimizers that treat each element by itself: large arrays in blocks, small ones together."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np

from autotape.engine.tape import owner_of, writes
from autotape.engine.tensor import Tensor
from autotape.optim.optimizer import Array, Optimizer

__all__ = [
    "BLOCK",
    "Elementwise",
    "SMALL",
    "blocks",
    "directed",
    "lerp",
]

BLOCK = 65536
"""Elements that an update handles at a time: all its arrays' blocks stay in the cache, so a step makes one
trip through memory instead of one per NumPy call (``benchmarks/optimizers.py``)."""

SMALL = 1024
"""The most elements of a parameter that is updated together with others: to copy them into one array and out
again costs less than a dozen NumPy calls for each (``benchmarks/optimizers.py``)."""

TOGETHER = 8 * SMALL
"""The most elements that are copied at a time: more would only cost memory."""


class Elementwise(Optimizer):
    """The base of the optimizers whose update of an element needs this element's numbers alone.

    A subclass writes three methods. ``_begin`` counts the step and gives a parameter's arrays of state,
    ``_numbers`` the numbers of the step, which all parameters with equal keys share, and ``_elements`` the
    update in place of equally long pieces of all arrays. A complex array comes as its real and imaginary
    parts: as in PyTorch, they are parameters of their own.
    """

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[Hashable, tuple[Array, ...]]:
        """The key of the step's numbers, and the arrays of state, which is filled if it is empty."""
        raise NotImplementedError

    def _numbers(self, key: Any, options: Any) -> tuple[Any, ...]:
        """What ``_elements`` takes as its first arguments."""
        raise NotImplementedError

    @staticmethod
    def _elements(*numbers_and_arrays: Any) -> None:
        """``_elements(*numbers, scratch, a, g, *state)``: update ``a``, a piece of a parameter, and state.

        ``scratch`` is as large and holds nothing; ``g``, the gradient, must not change.
        """
        raise NotImplementedError

    def _update_all(self) -> None:
        note, name, begin = writes.note, self._name, self._begin
        for group in self.param_groups:
            options = self._options(group)
            together: dict[tuple[Any, Hashable], list[tuple[Array, ...]]] = {}
            owners: set[int] = set()  # of the arrays in it
            for p in group["params"]:
                cell = p._cell
                grad = None if cell is None else cell.grad
                if grad is None:
                    continue
                array = p._array
                owner = array if array.base is None else owner_of(array)
                if id(owner) in owners:  # one memory: the updates in their order
                    self._apply_together(together, options)
                    owners.clear()
                key, held = begin(p, array, options)
                if array.size <= SMALL and owner is array:
                    owners.add(id(array))
                    together.setdefault((array.dtype, key), []).append((array, grad._array, *held))
                else:
                    self._apply(self._numbers(key, options), (array, grad._array, *held))
                note(array, name)
            self._apply_together(together, options)

    def _apply(self, numbers: tuple[Any, ...], arrays: Sequence[Array]) -> None:
        elements = self._elements
        scratch = None
        for pieces in blocks(*arrays):
            a = pieces[0]
            if scratch is None or a.shape != scratch.shape:  # fresh memory for each would cost page faults
                scratch = np.empty_like(a) if scratch is None or a.ndim != 1 else scratch[: a.size]
            elements(*numbers, scratch, *pieces)

    def _apply_together(
        self, together: dict[tuple[Any, Hashable], list[tuple[Array, ...]]], options: Any
    ) -> None:
        """Make the updates that were put off, of several parameters at a time."""
        for (_, key), rows in together.items():
            numbers = self._numbers(key, options)
            if len(rows) < 3:
                for row in rows:
                    self._apply(numbers, row)
                continue
            start = size = 0
            for end, row in enumerate(rows):
                if size and size + row[0].size > TOGETHER:
                    self._copied(numbers, rows[start:end])
                    start, size = end, 0
                size += row[0].size
            self._copied(numbers, rows[start:])
        together.clear()

    def _copied(self, numbers: tuple[Any, ...], rows: list[tuple[Array, ...]]) -> None:
        """Update parameters as one: their arrays are copied one after another, and back."""
        columns = list(zip(*rows))
        flat = [np.concatenate([array.ravel() for array in column]) for column in columns]
        self._apply(numbers, flat)
        del columns[1], flat[1]  # the gradients
        for column, values in zip(columns, flat):
            start = 0
            for array in column:
                end = start + array.size
                array[...] = values[start:end].reshape(array.shape)
                start = end


def blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """The arrays, of one shape and dtype, in aligned pieces of at most BLOCK elements if memory order allows.

    Pieces are views of at least one dimension. Those of complex arrays are real.
    """
    first = arrays[0]
    is_complex = first.dtype.kind == "c"
    if first.ndim and first.size <= BLOCK and not is_complex:
        yield arrays
        return
    if all(a.flags.c_contiguous for a in arrays):
        flat = [a.reshape(-1) for a in arrays]
    elif all(a.flags.f_contiguous for a in arrays):
        flat = [a.T.reshape(-1) for a in arrays]
    else:
        if is_complex:
            yield tuple([a.real for a in arrays])
            yield tuple([a.imag for a in arrays])
        else:
            yield arrays
        return
    if is_complex:
        flat = [a.view(first.real.dtype) for a in flat]
    for start in range(0, flat[0].size, BLOCK):
        yield tuple([a[start : start + BLOCK] for a in flat])


def directed(g: Array, a: Array, maximize: bool, weight_decay: float) -> Array:
    """The gradient that an update uses: ``-g`` to maximize, plus ``weight_decay * a``."""
    if maximize:
        g = np.negative(g)
    return g + weight_decay * a if weight_decay else g


def lerp(start: Array, end: Array, weight: float, out: Array) -> Array:
    """``start + weight * (end - start)``, from the end that is nearer, as PyTorch's: exact at 0 and 1."""
    if weight < 0.5:
        return np.add(start, weight * (end - start), out=out)
    return np.subtract(end, (end - start) * (1 - weight), out=out)
