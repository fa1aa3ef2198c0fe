"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, zeros_like

__all__ = ["ASGD"]


class ASGD(Elementwise):
    r"""Averaged stochastic gradient descent (Polyak and Juditsky 1992).

    :math:`p \leftarrow (1 - \lambda\eta_t)\, p - \eta_t g`, with
    :math:`\eta_{t+1} = \text{lr} / (1 + \lambda\,\text{lr}\,t)^\alpha`; the average of the parameters since
    step ``t0`` is ``state[p]["ax"]``.

    Args:
        lr, lambd, alpha, t0: as in the formulas; ``weight_decay`` is added to the gradient.
        maximize: go up the gradient.
        foreach, differentiable, capturable: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.ASGD([p], lr=0.1)
    >>> (p * p).sum().backward(); opt.step(); p, opt.state[p]["ax"]
    (tensor([0.8000], requires_grad=True), tensor([0.8000]))
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        require_rate(lr)
        require(weight_decay >= 0, f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize, "differentiable": differentiable,
            "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["lambd"]), float(group["alpha"]), float(group["t0"]),
            float(group["weight_decay"]), group["maximize"],
        )  # fmt: skip

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[Any, tuple[Array, ...]]:
        state = self.state[p]
        lr, lambd, alpha, t0 = options[:4]
        if not state:
            state["step"] = count()
            state["eta"] = count(lr)
            state["mu"] = count(1)
            state["ax"] = zeros_like(array)
        eta, mu = state["eta"]._array, state["mu"]._array
        key = float(eta), float(mu)
        t = advance(state["step"])
        eta.fill(lr / (1 + lambd * lr * t) ** alpha)
        mu.fill(1 / max(1, t - t0))
        return key, (state["ax"]._array,)

    def _numbers(self, key: tuple[float, float], options: Any) -> tuple[Any, ...]:
        eta, mu = key
        return eta, mu, 1 - options[1] * eta, options[4], options[5]

    @staticmethod
    def _elements(
        eta: float, mu: float, shrink: float, weight_decay: float, maximize: bool,
        scratch: Array, a: Array, g: Array, ax: Array,
    ) -> None:  # fmt: skip
        if weight_decay or maximize:
            g = directed(g, a, maximize, weight_decay)
        np.multiply(g, eta, out=scratch)
        a *= shrink
        a -= scratch
        if mu == 1:
            np.copyto(ax, a)
        else:
            np.subtract(a, ax, out=scratch)
            scratch *= mu
            ax += scratch
