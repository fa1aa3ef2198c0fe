"""RAdam."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require_moments, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, zeros_like

__all__ = ["RAdam"]


class RAdam(Elementwise):
    r"""RAdam: Adam with its early steps rectified (Liu et al. 2020).

    With :math:`\rho_\infty = 2/(1-\beta_2) - 1` and
    :math:`\rho_t = \rho_\infty - 2t\beta_2^t/(1-\beta_2^t)`, a step is Adam's times
    :math:`r_t = \sqrt{\frac{(\rho_t-4)(\rho_t-2)\rho_\infty}{(\rho_\infty-4)(\rho_\infty-2)\rho_t}}` where
    :math:`\rho_t > 5`, and :math:`\text{lr}\,\hat m` before.

    Args:
        lr, betas, eps: as in :class:`Adam`; ``weight_decay`` is added to the gradient.
        decoupled_weight_decay: :class:`AdamW`'s weight decay.
        maximize: go up the gradient.
        foreach, capturable, differentiable: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.RAdam([p], lr=0.1)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_rate(lr)
        require_moments(betas, eps, weight_decay)
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        betas = group["betas"]
        return (
            float(group["lr"]), float(betas[0]), float(betas[1]), float(group["eps"]),
            float(group["weight_decay"]), group["maximize"],
            group["decoupled_weight_decay"],
        )  # fmt: skip

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[float, tuple[Array, ...]]:
        state = self.state[p]
        if not state:
            state["step"] = count()
            state["exp_avg"] = zeros_like(array)
            state["exp_avg_sq"] = zeros_like(array)
        return advance(state["step"]), (state["exp_avg"]._array, state["exp_avg_sq"]._array)

    def _numbers(self, key: float, options: Any) -> tuple[Any, ...]:
        lr, beta1, beta2, eps, weight_decay, maximize, decoupled = options
        left = 1 - beta2**key
        most = 2 / (1 - beta2) - 1
        length = most - 2 * key * beta2**key / left
        size = lr / (1 - beta1**key)
        if length > 5:
            rectified = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
            size *= sqrt(rectified) * sqrt(left)
        shrink = 1 - lr * weight_decay if decoupled else 1.0
        weight_decay = 0.0 if decoupled else weight_decay
        return size, length > 5, eps, 1 - beta1, beta2, shrink, weight_decay, maximize

    @staticmethod
    def _elements(
        size: float, is_rectified: bool, eps: float, weight: float, beta2: float, shrink: float,
        weight_decay: float, maximize: bool, scratch: Array, a: Array, g: Array, m: Array, v: Array,
    ) -> None:  # fmt: skip
        if shrink != 1:
            a *= shrink
        if weight_decay or maximize:
            g = directed(g, a, maximize, weight_decay)
        np.subtract(g, m, out=scratch)
        scratch *= weight
        m += scratch
        np.multiply(g, g, out=scratch)
        scratch *= 1 - beta2
        v *= beta2
        v += scratch
        if is_rectified:
            np.sqrt(v, out=scratch)
            scratch += eps
            np.divide(m, scratch, out=scratch)
            scratch *= size
        else:
            np.multiply(m, size, out=scratch)
        a -= scratch
