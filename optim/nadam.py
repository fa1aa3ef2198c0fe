"""NAdam."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_moments, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, zeros_like

__all__ = ["NAdam"]


class NAdam(Elementwise):
    r"""NAdam: Adam with Nesterov's momentum (Dozat 2016).

    With :math:`\mu_t = \beta_1 (1 - 0.96^{t\psi}/2)`, :math:`\psi` the ``momentum_decay``, the moments
    :math:`m, v` of Adam and :math:`\hat v = v/(1-\beta_2^t)`,
    :math:`p \leftarrow p - \text{lr} \left( \frac{(1-\mu_t)\,g}{1-\prod_{i\le t}\mu_i} +
    \frac{\mu_{t+1}\,m}{1-\prod_{i\le t+1}\mu_i} \right) / (\sqrt{\hat v} + \epsilon)`.

    Args:
        lr, betas, eps, momentum_decay: as in the formulas; ``weight_decay`` is added to the gradient.
        decoupled_weight_decay: :class:`AdamW`'s weight decay.
        maximize: go up the gradient.
        foreach, capturable, differentiable: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.NAdam([p], lr=0.1)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.8944], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_rate(lr)
        require_moments(betas, eps, weight_decay)
        require(momentum_decay >= 0, f"Invalid momentum_decay value: {momentum_decay}")
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay,
            "momentum_decay": momentum_decay, "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        betas = group["betas"]
        return (
            float(group["lr"]), float(betas[0]), float(betas[1]), float(group["eps"]),
            float(group["weight_decay"]), group["maximize"],
            group["decoupled_weight_decay"], float(group["momentum_decay"]),
        )  # fmt: skip

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[Any, tuple[Array, ...]]:
        state = self.state[p]
        if not state:
            state["step"] = count()
            state["mu_product"] = count(1)
            state["exp_avg"] = zeros_like(array)
            state["exp_avg_sq"] = zeros_like(array)
        t, product = advance(state["step"]), state["mu_product"]._array
        product *= options[1] * (1 - 0.5 * 0.96 ** (t * options[7]))
        return (t, float(product)), (state["exp_avg"]._array, state["exp_avg_sq"]._array)

    def _numbers(self, key: tuple[float, float], options: Any) -> tuple[Any, ...]:
        lr, beta1, beta2, eps, weight_decay, maximize, decoupled, decay = options
        t, product = key
        mu, following = (beta1 * (1 - 0.5 * 0.96 ** (i * decay)) for i in (t, t + 1))
        c = sqrt(1 - beta2**t)  # as in Adam: one pass less than to divide v
        by_gradient = lr * (1 - mu) / (1 - product) * c
        by_moment = lr * following / (1 - product * following) * c
        shrink = 1 - lr * weight_decay if decoupled else 1.0
        weight_decay = 0.0 if decoupled else weight_decay
        return by_gradient, by_moment, eps * c, 1 - beta1, beta2, shrink, weight_decay, maximize

    @staticmethod
    def _elements(
        by_gradient: float, by_moment: float, eps: float, weight: float, beta2: float, shrink: float,
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
        np.sqrt(v, out=scratch)
        scratch += eps
        step = g * by_gradient
        step += m * by_moment
        step /= scratch
        a -= step
