"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

from autotape.engine.operands import number
from autotape.engine.row_gradient import RowGradient, set_rows
from autotape.engine.tape import writes
from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_one_way, require_rate
from autotape.optim.elementwise import BLOCK, Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, zeros_like

__all__ = ["SGD"]


class SGD(Elementwise):
    r"""Stochastic gradient descent, with momentum if asked for (Sutskever et al. 2013, in PyTorch's form).

    With the gradient :math:`g` (plus ``weight_decay`` times the parameter), the first buffer is
    :math:`b = g`, then :math:`b \leftarrow \mu b + (1 - \text{dampening})\, g`; the step is
    :math:`p \leftarrow p - \text{lr}\cdot b`, with :math:`g + \mu b` in place of :math:`b` for ``nesterov``.

    Args:
        lr, momentum, dampening, weight_decay: non-negative numbers.
        nesterov: needs momentum and no dampening.
        maximize: go up the gradient.
        foreach, differentiable, fused: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.SGD([p], lr=0.5)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require_rate(lr)
        require(momentum >= 0, f"Invalid momentum value: {momentum}")
        require(weight_decay >= 0, f"Invalid weight_decay value: {weight_decay}")
        require(
            not nesterov or (momentum > 0 and dampening == 0),
            "Nesterov momentum requires a momentum and zero dampening",
        )
        require_one_way(fused, foreach, differentiable)
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
            "nesterov": nesterov, "maximize": maximize, "foreach": foreach, "differentiable": differentiable,
            "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["momentum"]), float(group["dampening"]),
            float(group["weight_decay"]), group["nesterov"], group["maximize"],
        )  # fmt: skip

    def _update_all(self) -> None:
        # So few passes that nothing is won by doing several parameters at once.
        note, name = writes.note, self._name
        elements: Callable[..., None] = self._elements
        for group in self.param_groups:
            options = self._options(group)
            lr, momentum, _, weight_decay, _, maximize = options
            is_plain = not (momentum or weight_decay or maximize)
            for p in group["params"]:
                cell = p._cell
                grad = None if cell is None else cell.grad
                if grad is None:
                    continue
                array = p._array
                if is_plain and grad.__class__ is RowGradient and lr < inf and array.flags.c_contiguous:
                    rows, values = grad.parts.rows, grad.parts.values
                    set_rows(array, rows, array.take(rows, 0) - values * number(lr, array.dtype))
                elif is_plain and array.size <= BLOCK:
                    array -= grad._array * number(lr, array.dtype)
                else:
                    is_first, held = self._begin(p, array, options)
                    numbers, arrays = (is_first, *options), (array, grad._array, *held)
                    if array.size > BLOCK:
                        self._apply(numbers, arrays)
                    else:
                        elements(*numbers, np.empty_like(array), *arrays)
                note(array, name)

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[bool, tuple[Array, ...]]:
        if not options[1]:
            return False, ()
        state = self.state[p]
        is_first = state.get("momentum_buffer") is None
        if is_first:
            state["momentum_buffer"] = zeros_like(array)
        return is_first, (state["momentum_buffer"]._array,)

    @staticmethod
    def _elements(
        is_first: bool, lr: float, momentum: float, dampening: float, weight_decay: float, nesterov: bool,
        maximize: bool, scratch: Array, a: Array, g: Array, buffer: Array | None = None,
    ) -> None:  # fmt: skip
        if weight_decay or maximize:
            g = directed(g, a, maximize, weight_decay)
        if buffer is not None:
            if is_first:
                np.copyto(buffer, g)
            else:
                buffer *= momentum
                buffer += np.multiply(g, 1 - dampening, out=scratch) if dampening else g
            if nesterov:
                np.multiply(buffer, momentum, out=scratch)
                scratch += g
                g = scratch
            else:
                g = buffer
        np.multiply(g, lr, out=scratch)
        a -= scratch
