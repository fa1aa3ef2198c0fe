"""Resilient backpropagation."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_rate
from autotape.optim.elementwise import Elementwise, directed
from autotape.optim.optimizer import Array, ParamsLike, advance, count, filled_like, zeros_like

__all__ = ["Rprop"]


class Rprop(Elementwise):
    r"""Resilient backpropagation (Riedmiller and Braun 1993): each element has a step size of its own.

    The size :math:`\eta` grows by :math:`\eta^+` where the gradient keeps its sign and shrinks by
    :math:`\eta^-` where it changes (the gradient then counts as 0), within ``step_sizes``;
    :math:`p \leftarrow p - \eta\,\operatorname{sign}(g)`.

    Args:
        lr: the first step size.
        etas: the factors :math:`(\eta^-, \eta^+)`, with :math:`0 < \eta^- < 1 < \eta^+`.
        step_sizes: the least and the greatest step size.
        maximize: go up the gradient.
        capturable, foreach, differentiable: accepted for PyTorch's signature, without effect.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.Rprop([p], lr=0.1)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_rate(lr)
        require(0 < etas[0] < 1 < etas[1], f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        etas, sizes = group["etas"], group["step_sizes"]
        return (
            float(group["lr"]), float(etas[0]), float(etas[1]), float(sizes[0]), float(sizes[1]),
            group["maximize"],
        )  # fmt: skip

    def _begin(self, p: Tensor, array: Array, options: Any) -> tuple[None, tuple[Array, ...]]:
        state = self.state[p]
        if not state:
            state["step"] = count()
            state["prev"] = zeros_like(array)
            lr = options[0]
            state["step_size"] = filled_like(array, complex(lr, lr) if array.dtype.kind == "c" else lr)
        advance(state["step"])
        return None, (state["prev"]._array, state["step_size"]._array)

    def _numbers(self, key: None, options: Any) -> tuple[Any, ...]:
        return options[1:]  # type: ignore[no-any-return]

    @staticmethod
    def _elements(
        less: float, more: float, least: float, greatest: float, maximize: bool,
        scratch: Array, a: Array, g: Array, previous: Array, size: Array,
    ) -> None:  # fmt: skip
        if maximize:
            g = directed(g, a, maximize, 0)
        np.multiply(g, previous, out=scratch)
        turned = scratch < 0
        np.multiply(size, less, out=size, where=turned)
        np.multiply(size, more, out=size, where=scratch > 0)
        np.clip(size, least, greatest, out=size)
        np.copyto(previous, g)
        previous[turned] = 0
        np.copyto(scratch, previous > 0)  # the sign, which is 0 where the gradient is not a number
        scratch -= previous < 0
        scratch *= size
        a -= scratch
