"""Adam and AdamW."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim.optimizer import (
    Array,
    Optimizer,
    ParamsLike,
    blocks,
    gradient,
    require,
    require_rate,
    zeros_like,
)

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    r"""Adam (Kingma and Ba 2015), with AMSGrad (Reddi et al. 2018) if asked for.

    :math:`m \leftarrow \beta_1 m + (1-\beta_1) g`, :math:`v \leftarrow \beta_2 v + (1-\beta_2) g^2`,
    :math:`p \leftarrow p - \text{lr}\, \hat m / (\sqrt{\hat v} + \epsilon)` with
    :math:`\hat m = m/(1-\beta_1^t)`, :math:`\hat v = v/(1-\beta_2^t)`.

    Args:
        lr, betas, eps, weight_decay: as in the formulas; ``weight_decay`` is added to the gradient.
        amsgrad: use the largest :math:`v` so far.
        maximize: go up the gradient.
        decoupled_weight_decay: :class:`AdamW`'s weight decay.
        foreach, capturable, differentiable, fused: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.Adam([p], lr=0.1)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        require_rate(lr)
        require(eps >= 0, f"Invalid epsilon value: {eps}")
        require(0 <= betas[0] < 1, f"Invalid beta parameter at index 0: {betas[0]}")
        require(0 <= betas[1] < 1, f"Invalid beta parameter at index 1: {betas[1]}")
        require(weight_decay >= 0, f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable,
            "differentiable": differentiable, "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        betas = group["betas"]
        return (
            float(group["lr"]), float(betas[0]), float(betas[1]), float(group["eps"]),
            float(group["weight_decay"]), group["amsgrad"], group["maximize"],
            group["decoupled_weight_decay"],
        )  # fmt: skip

    def _update(
        self,
        p: Tensor,
        array: Array,
        grad: Array,
        lr: float = 0,
        beta1: float = 0,
        beta2: float = 0,
        eps: float = 0,
        weight_decay: float = 0,
        amsgrad: bool = False,
        maximize: bool = False,
        decoupled: bool = False,
    ) -> None:
        state = self.state[p]
        if not state:
            state["step"] = Tensor._wrap(np.zeros((), np.float32))
            state["exp_avg"] = zeros_like(array)
            state["exp_avg_sq"] = zeros_like(array)
            if amsgrad:
                state["max_exp_avg_sq"] = zeros_like(array)
        if weight_decay and decoupled:
            array *= 1 - lr * weight_decay
            weight_decay = 0
        if weight_decay or maximize:
            grad = gradient(grad, array, maximize, weight_decay)
        count = state["step"]._array
        count += 1
        t = float(count)
        # m / (sqrt(v) / c + eps) * lr / (1 - beta1^t) with c = sqrt(1 - beta2^t), written with one pass less.
        c = sqrt(1 - beta2**t)
        eps *= c
        size = lr / (1 - beta1**t) * c
        arrays = [array, grad, state["exp_avg"]._array, state["exp_avg_sq"]._array]
        if amsgrad:
            arrays.append(state["max_exp_avg_sq"]._array)
        for a, g, m, v, *largest in blocks(*arrays):
            scratch = g - m
            scratch *= 1 - beta1
            m += scratch
            np.multiply(g, g, out=scratch)
            scratch *= 1 - beta2
            v *= beta2
            v += scratch
            if largest:
                v = np.maximum(largest[0], v, out=largest[0])
            np.sqrt(v, out=scratch)
            scratch += eps
            np.divide(m, scratch, out=scratch)
            scratch *= size
            a -= scratch


class AdamW(Adam):
    r"""Adam with decoupled weight decay (Loshchilov and Hutter 2019).

    Adam's step, after :math:`p \leftarrow p - \text{lr}\,\lambda\, p` with :math:`\lambda` the
    ``weight_decay``, 0.01 by default. The arguments are :class:`Adam`'s.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.AdamW([p], lr=0.1, weight_decay=0.5)
    >>> (p * 0).sum().backward(); opt.step(); p
    tensor([0.9500], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad,
            foreach=foreach, maximize=maximize, capturable=capturable, differentiable=differentiable,
            fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """As :meth:`Optimizer.load_state_dict`; the decay stays decoupled if an Adam saved the state."""
        super().load_state_dict(state_dict)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
