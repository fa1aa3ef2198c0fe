"""Adafactor."""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_rate
from autotape.optim.elementwise import lerp
from autotape.optim.optimizer import Array, Optimizer, ParamsLike, advance, count, zeros_like

__all__ = ["Adafactor"]


class Adafactor(Optimizer):
    r"""Adafactor (Shazeer and Stern 2018): second moments kept as a row and a column, no first ones.

    With :math:`\gamma_t = t^{\text{beta2\_decay}}`, :math:`R` and :math:`C` move by :math:`\gamma_t` towards
    the means of :math:`g^2` over the last and the last but one dimension, and
    :math:`\hat V = RC / \operatorname{mean}(R)`; a vector has its :math:`\hat V` whole. The step is
    :math:`U = g / \sqrt{\max(\hat V, \epsilon_1^2)}`, divided by :math:`\max(1, \text{rms}(U)/d)` and times
    :math:`\max(\epsilon_2, \text{rms}(p)) \min(\text{lr}, 1/\sqrt t)`.

    Args:
        lr: the greatest relative step.
        beta2_decay: at most 0.
        eps: :math:`(\epsilon_1, \epsilon_2)`; None for the first is the dtype's machine epsilon.
        d: the greatest rms of a step, at least 1.
        weight_decay: decoupled, as :class:`AdamW`'s.
        foreach: accepted for PyTorch's signature, without effect.
        maximize: go up the gradient.

    >>> import autotape as at
    >>> p = at.tensor([1.0], requires_grad=True)
    >>> opt = at.optim.Adafactor([p], lr=0.1)
    >>> (p * p).sum().backward(); opt.step(); p
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float | Tensor = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        require_rate(lr, "Learning rate should be >= 0 but is: ")
        require(beta2_decay <= 0, f"beta2_decay should be <= 0 but is: {beta2_decay}")
        require(eps[0] is None or eps[0] >= 0, f"epsilon1 should be >= 0 but is: {eps[0]}")
        require(eps[1] >= 0, f"epsilon2 should be >= 0 but is: {eps[1]}")
        require(d >= 1, f"Clipping threshold d should be >= 1 but is: {d}")
        require(weight_decay >= 0, f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr, "beta2_decay": beta2_decay, "eps": eps, "d": d, "weight_decay": weight_decay,
            "foreach": foreach, "maximize": maximize,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        return (
            float(group["lr"]), float(group["beta2_decay"]), group["eps"], float(group["d"]),
            float(group["weight_decay"]), group["maximize"],
        )  # fmt: skip

    def _update(
        self,
        p: Tensor,
        array: Array,
        grad: Array,
        lr: float = 0,
        beta2_decay: float = 0,
        eps: tuple[float | None, float] = (None, 0),
        d: float = 1,
        weight_decay: float = 0,
        maximize: bool = False,
    ) -> None:
        if array.dtype.kind == "c":
            raise RuntimeError("Adafactor does not support complex parameters")
        state = self.state[p]
        if not state:
            state["step"] = count()
            if array.ndim > 1:
                state["row_var"] = Tensor._wrap(np.zeros((*array.shape[:-1], 1), array.dtype))
                state["col_var"] = Tensor._wrap(
                    np.zeros((*array.shape[:-2], 1, array.shape[-1]), array.dtype)
                )
            else:
                state["variance"] = zeros_like(array)
        least = float(np.finfo(array.dtype).eps) if eps[0] is None else eps[0]
        t = advance(state["step"])
        weight = t**beta2_decay
        size = max(eps[1], _rms(array)) * min(lr, 1 / sqrt(t))
        if weight_decay:
            array *= 1 - lr * weight_decay
        if maximize:
            grad = np.negative(grad)
        update = np.asarray(np.square(grad))
        if array.ndim > 1:
            rows, columns = state["row_var"]._array, state["col_var"]._array
            lerp(rows, _mean(update, -1), weight, out=rows)
            lerp(columns, _mean(update, -2), weight, out=columns)
            np.multiply(rows, columns, out=update)
            update /= np.maximum(_mean(rows, -2), least)
        else:
            variance = state["variance"]._array
            lerp(variance, update, weight, out=variance)
            np.copyto(update, variance)
        np.maximum(update, least * least, out=update)
        np.sqrt(update, out=update)
        np.divide(grad, update, out=update)
        update *= -size / max(1.0, _rms(update) / d)
        array += update


def _mean(array: Array, axis: int) -> Array:
    """The mean, without np.mean's warning where there is nothing to take it of."""
    return np.asarray(np.add.reduce(array, axis, keepdims=True) / array.shape[axis])


def _rms(array: Array) -> float:
    """The root of the mean square."""
    flat = array.ravel(order="K")
    return sqrt(float(flat @ flat)) / sqrt(array.size) if array.size else 0.0
