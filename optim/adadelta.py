"""Adadelta."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, zeros_like

__all__ = ["Adadelta"]


class Adadelta(Elementwise):
    r"""Adadelta (Zeiler 2012): steps in units of the running size of the steps before.

    :math:`v \leftarrow \rho v + (1-\rho) g^2`,
    :math:`\Delta = g\,\sqrt{u + \epsilon} / \sqrt{v + \epsilon}`,
    :math:`u \leftarrow \rho u + (1-\rho) \Delta^2`, :math:`p \leftarrow p - \text{lr}\,\Delta`.

    Args:
        lr, eps, weight_decay: non-negative numbers.
        rho: between 0 and 1.
        maximize: go up the gradient.
        foreach, capturable, differentiable: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.Adadelta([p], lr=1.0, eps=1.0)
    >>> (p * p).sum().backward(); opt.step(); round(p.item(), 4)
    -0.6903
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_rate(lr)
        require(0 <= rho <= 1, f"Invalid rho value: {rho}")
        require(eps >= 0, f"Invalid epsilon value: {eps}")
        require(weight_decay >= 0, f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["rho"]), float(group["eps"]), float(group["weight_decay"]),
            group["maximize"],
        )  # fmt: skip

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[None, tuple[Array, ...]]:
        state = self.state[p]
        if not state:
            state["step"] = count()
            state["square_avg"] = zeros_like(array)
            state["acc_delta"] = zeros_like(array)
        advance(state["step"])
        return None, (state["square_avg"]._array, state["acc_delta"]._array)

    def _numbers(self, key: None, options: Any) -> tuple[Any, ...]:
        return options  # type: ignore[no-any-return]

    @staticmethod
    def _elements(
        lr: float, rho: float, eps: float, weight_decay: float, maximize: bool,
        scratch: Array, a: Array, g: Array, v: Array, u: Array,
    ) -> None:  # fmt: skip
        if weight_decay or maximize:
            g = directed(g, a, maximize, weight_decay)
        np.multiply(g, g, out=scratch)
        scratch *= 1 - rho
        v *= rho
        v += scratch
        np.add(v, eps, out=scratch)
        np.sqrt(scratch, out=scratch)
        delta = u + eps
        np.sqrt(delta, out=delta)
        delta /= scratch
        delta *= g
        np.multiply(delta, delta, out=scratch)
        scratch *= 1 - rho
        u *= rho
        u += scratch
        delta *= lr
        a -= delta
