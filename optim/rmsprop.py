"""RMSprop."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, zeros_like

__all__ = ["RMSprop"]


class RMSprop(Elementwise):
    r"""RMSprop (Hinton's lectures 2012; centered: Graves 2013), epsilon outside of the root as in PyTorch.

    :math:`v \leftarrow \alpha v + (1-\alpha) g^2`, then
    :math:`p \leftarrow p - \text{lr}\, g / (\sqrt{v} + \epsilon)`. ``centered`` uses
    :math:`v - \bar g^2` with the running mean of :math:`g`; with ``momentum`` the steps
    :math:`g/(\sqrt v+\epsilon)` are accumulated in a buffer.

    Args:
        lr, alpha, eps, weight_decay, momentum: non-negative numbers.
        centered, maximize: as above; maximize goes up the gradient.
        capturable, foreach, differentiable: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.RMSprop([p], lr=0.01)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_rate(lr)
        require(eps >= 0, f"Invalid epsilon value: {eps}")
        require(momentum >= 0, f"Invalid momentum value: {momentum}")
        require(weight_decay >= 0, f"Invalid weight_decay value: {weight_decay}")
        require(alpha >= 0, f"Invalid alpha value: {alpha}")
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["alpha"]), float(group["eps"]), float(group["weight_decay"]),
            float(group["momentum"]), group["centered"], group["maximize"],
        )  # fmt: skip

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[None, tuple[Array, ...]]:
        state = self.state[p]
        momentum, centered = options[4], options[5]
        if not state:
            state["step"] = count()
            state["square_avg"] = zeros_like(array)
            if momentum:
                state["momentum_buffer"] = zeros_like(array)
            if centered:
                state["grad_avg"] = zeros_like(array)
        advance(state["step"])
        held: tuple[Array, ...] = (state["square_avg"]._array,)
        if centered:
            held += (state["grad_avg"]._array,)
        if momentum:
            held += (state["momentum_buffer"]._array,)
        return None, held

    def _numbers(self, key: None, options: Any) -> tuple[Any, ...]:
        return options  # type: ignore[no-any-return]

    @staticmethod
    def _elements(
        lr: float, alpha: float, eps: float, weight_decay: float, momentum: float, centered: bool,
        maximize: bool, scratch: Array, a: Array, g: Array, v: Array, *others: Array,
    ) -> None:  # fmt: skip
        if weight_decay or maximize:
            g = directed(g, a, maximize, weight_decay)
        np.multiply(g, g, out=scratch)
        scratch *= 1 - alpha
        v *= alpha
        v += scratch
        if centered:
            mean = others[0]
            np.subtract(g, mean, out=scratch)
            scratch *= 1 - alpha
            mean += scratch
            np.multiply(mean, mean, out=scratch)
            np.subtract(v, scratch, out=scratch)
            np.sqrt(scratch, out=scratch)
        else:
            np.sqrt(v, out=scratch)
        scratch += eps
        np.divide(g, scratch, out=scratch)
        if momentum:
            buffer = others[-1]
            buffer *= momentum
            buffer += scratch
            np.multiply(buffer, lr, out=scratch)
        else:
            scratch *= lr
        a -= scratch
