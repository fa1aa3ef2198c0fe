"""Adagrad."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_one_way, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, filled_like

__all__ = ["Adagrad"]


class Adagrad(Elementwise):
    r"""Adagrad (Duchi, Hazan and Singer 2011), with a rate that may decay.

    :math:`s \leftarrow s + g^2`, then :math:`p \leftarrow p - \eta_t\, g / (\sqrt{s} + \epsilon)` with
    :math:`\eta_t = \text{lr} / (1 + (t-1)\,\text{lr\_decay})`. The sums exist from the start, with
    ``initial_accumulator_value`` in them.

    Args:
        lr, lr_decay, weight_decay, initial_accumulator_value, eps: non-negative numbers.
        maximize: go up the gradient.
        foreach, differentiable, fused: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.Adagrad([p], lr=0.1)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require_rate(lr)
        require(lr_decay >= 0, f"Invalid lr_decay value: {lr_decay}")
        require(weight_decay >= 0, f"Invalid weight_decay value: {weight_decay}")
        initial = initial_accumulator_value
        require(initial >= 0, f"Invalid initial_accumulator_value value: {initial}")
        require(eps >= 0, f"Invalid epsilon value: {eps}")
        require_one_way(fused, foreach, differentiable)
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for p in group["params"]:
                self._fill(self.state[p], p._array, group["initial_accumulator_value"])

    @staticmethod
    def _fill(state: dict[str, Any], array: Array, initial: float) -> None:
        state["step"] = count()
        state["sum"] = filled_like(array, complex(initial, initial) if array.dtype.kind == "c" else initial)

    def share_memory(self) -> None:
        """Nothing to do: the state is ordinary memory of this process."""

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["lr_decay"]), float(group["weight_decay"]), float(group["eps"]),
            group["maximize"], float(group["initial_accumulator_value"]),
        )  # fmt: skip

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[float, tuple[Array, ...]]:
        state = self.state[p]
        if not state:
            self._fill(state, array, options[-1])
        return advance(state["step"]), (state["sum"]._array,)

    def _numbers(self, key: float, options: Any) -> tuple[Any, ...]:
        lr, lr_decay, weight_decay, eps, maximize, _ = options
        return lr / (1 + (key - 1) * lr_decay), weight_decay, eps, maximize

    @staticmethod
    def _elements(
        rate: float, weight_decay: float, eps: float, maximize: bool,
        scratch: Array, a: Array, g: Array, total: Array,
    ) -> None:  # fmt: skip
        if weight_decay or maximize:
            g = directed(g, a, maximize, weight_decay)
        np.multiply(g, g, out=scratch)
        total += scratch
        np.sqrt(total, out=scratch)
        scratch += eps
        np.divide(g, scratch, out=scratch)
        scratch *= rate
        a -= scratch
