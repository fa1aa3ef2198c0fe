"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from autotape.engine.operands import number
from autotape.engine.tensor import Tensor
from autotape.optim.optimizer import (
    BLOCK,
    Array,
    Optimizer,
    ParamsLike,
    blocks,
    gradient,
    require,
    require_rate,
)

__all__ = ["SGD"]


class SGD(Optimizer):
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

    def _update(
        self,
        p: Tensor,
        array: Array,
        grad: Array,
        lr: float = 0,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        if maximize or weight_decay:
            grad = gradient(grad, array, maximize, weight_decay)
        if momentum:
            state = self.state[p]
            held = state.get("momentum_buffer")
            if held is None:
                state["momentum_buffer"] = held = Tensor._wrap(grad.copy())
            else:
                buffer = held._array
                buffer *= momentum
                buffer += grad * (1 - dampening) if dampening else grad
            grad = grad + momentum * held._array if nesterov else held._array
        if array.size <= BLOCK:  # without the generator: 0.4 us of 2 for a small parameter
            array -= grad * number(lr, array.dtype)
        else:
            for a, g in blocks(array, grad):
                a -= g * lr
