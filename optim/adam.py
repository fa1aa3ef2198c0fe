"""Adam and AdamW."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_moments, require_one_way, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, zeros_like

__all__ = ["Adam", "AdamW"]


class Adam(Elementwise):
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
        given: tuple[Any, ...] = tuple(betas)
        if foreach and not capturable and any(isinstance(x, Tensor) for x in (lr, *given)):
            raise ValueError("lr or betas as a Tensor is not supported for capturable=False and foreach=True")
        if len({isinstance(beta, Tensor) for beta in given}) > 1:
            raise ValueError("betas must be either both floats or both Tensors")
        for i, beta in enumerate(given):
            require(not isinstance(beta, Tensor) or beta.numel() == 1, f"Tensor betas[{i}] must be 1-element")
        require_moments(betas, eps, weight_decay)
        require_one_way(fused, foreach, differentiable)
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

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[float, tuple[Array, ...]]:
        state = self.state[p]
        if not state:
            state["step"] = count()
            state["exp_avg"] = zeros_like(array)
            state["exp_avg_sq"] = zeros_like(array)
            if options[5]:
                state["max_exp_avg_sq"] = zeros_like(array)
        held: tuple[Array, ...] = state["exp_avg"]._array, state["exp_avg_sq"]._array
        if options[5]:
            held += (state["max_exp_avg_sq"]._array,)
        return advance(state["step"]), held

    def _numbers(self, key: float, options: Any) -> tuple[Any, ...]:
        lr, beta1, beta2, eps, weight_decay, _, maximize, decoupled = options
        # m / (sqrt(v) / c + eps) * lr / (1 - beta1^t) with c = sqrt(1 - beta2^t), written with one pass less.
        c = sqrt(1 - beta2**key)
        size = lr / (1 - beta1**key) * c
        shrink = 1 - lr * weight_decay if decoupled else 1.0
        return size, eps * c, 1 - beta1, beta2, shrink, 0.0 if decoupled else weight_decay, maximize

    @staticmethod
    def _elements(
        size: float, eps: float, weight: float, beta2: float, shrink: float, weight_decay: float,
        maximize: bool, scratch: Array, a: Array, g: Array, m: Array, v: Array, largest: Array | None = None,
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
        if largest is not None:
            v = np.maximum(largest, v, out=largest)
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
