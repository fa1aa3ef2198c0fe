"""Adamax."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require_moments, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, zeros_like

__all__ = ["Adamax"]


class Adamax(Elementwise):
    r"""Adamax (Kingma and Ba 2015): Adam with the largest decayed gradient in place of the root.

    :math:`m \leftarrow \beta_1 m + (1-\beta_1) g`, :math:`u \leftarrow \max(\beta_2 u, |g| + \epsilon)`,
    :math:`p \leftarrow p - \frac{\text{lr}}{1-\beta_1^t} \frac{m}{u}`.

    Args:
        lr, betas, eps: as in the formulas; ``weight_decay`` is added to the gradient.
        maximize: go up the gradient.
        foreach, capturable, differentiable: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.Adamax([p], lr=0.1)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        require_rate(lr)
        require_moments(betas, eps, weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        betas = group["betas"]
        return (
            float(group["lr"]), float(betas[0]), float(betas[1]), float(group["eps"]),
            float(group["weight_decay"]), group["maximize"],
        )  # fmt: skip

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[float, tuple[Array, ...]]:
        state = self.state[p]
        if not state:
            state["step"] = count()
            state["exp_avg"] = zeros_like(array)
            state["exp_inf"] = zeros_like(array)
        return advance(state["step"]), (state["exp_avg"]._array, state["exp_inf"]._array)

    def _numbers(self, key: float, options: Any) -> tuple[Any, ...]:
        lr, beta1, beta2, eps, weight_decay, maximize = options
        return lr / (1 - beta1**key), 1 - beta1, beta2, eps, weight_decay, maximize

    @staticmethod
    def _elements(
        size: float, weight: float, beta2: float, eps: float, weight_decay: float, maximize: bool,
        scratch: Array, a: Array, g: Array, m: Array, u: Array,
    ) -> None:  # fmt: skip
        if weight_decay or maximize:
            g = directed(g, a, maximize, weight_decay)
        np.subtract(g, m, out=scratch)
        scratch *= weight
        m += scratch
        np.abs(g, out=scratch)
        scratch += eps
        u *= beta2
        np.maximum(u, scratch, out=u)
        np.divide(m, u, out=scratch)
        scratch *= size
        a -= scratch
