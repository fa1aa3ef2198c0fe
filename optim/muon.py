"""Muon."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.optim._checks import require, require_rate
from autotape.optim.elementwise import lerp
from autotape.optim.optimizer import Array, Optimizer, ParamsLike, zeros_like

__all__ = ["Muon"]


class Muon(Optimizer):
    r"""Muon (Jordan et al. 2024): momentum whose matrices are made nearly orthogonal; for 2-D parameters.

    :math:`b \leftarrow \mu b + (1-\mu) g`, then
    :math:`p \leftarrow (1 - \text{lr}\,\lambda)\, p - \text{lr}'\, O(b)`, with :math:`(1-\mu) g + \mu b` in
    place of :math:`b` for ``nesterov``. :math:`O` takes the singular values to about 1 by steps of
    Newton-Schulz, :math:`X \leftarrow aX + (bXX^T + c(XX^T)^2)X`; as in PyTorch they are rounded to bfloat16.

    Args:
        lr, weight_decay, momentum: non-negative numbers.
        nesterov: as above.
        ns_coefficients, ns_steps: :math:`(a, b, c)` and how many steps.
        eps: the least norm that the first :math:`X` is divided by.
        adjust_lr_fn: ``"original"`` (the default): lr' is lr times :math:`\sqrt{\max(1, m/n)}`;
            ``"match_rms_adamw"``: lr times :math:`0.2\sqrt{\max(m, n)}`.

    >>> import autotape as at
    >>> p = at.eye(2).requires_grad_()
    >>> opt = at.optim.Muon([p], lr=0.1, weight_decay=0)
    >>> (p * p).sum().backward(); opt.step(); p.diagonal().tolist() == [p[0, 0].item()] * 2
    True
    """

    def __init__(
        self,
        params: ParamsLike,
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        require_rate(lr, "Learning rate should be >= 0 but is: ")
        require(momentum >= 0, f"momentum should be >= 0 but is: {momentum}")
        require(weight_decay >= 0, f"weight decay should be >= 0 but is: {weight_decay}")
        require(
            adjust_lr_fn in (None, "original", "match_rms_adamw"),
            f"Adjust learning rate function {adjust_lr_fn} is not supported: use 'original' or "
            "'match_rms_adamw'",
        )
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """As :meth:`Optimizer.add_param_group`. Errors: ValueError for a parameter that is not a matrix."""
        before = len(self.param_groups)
        super().add_param_group(param_group)
        for p in param_group["params"]:
            if p.ndim != 2:
                del self.param_groups[before:]
                raise ValueError(
                    f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}; "
                    "give the others to another optimizer, such as AdamW"
                )

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        require(group["ns_steps"] < 100, "Number of steps must be less than 100 for computational efficiency")
        require(len(group["ns_coefficients"]) == 3, "Coefficients must be a tuple of exactly 3 values")
        return (
            group["lr"], float(group["weight_decay"]), float(group["momentum"]), group["nesterov"],
            group["ns_coefficients"], float(group["eps"]), group["ns_steps"], group["adjust_lr_fn"],
        )  # fmt: skip

    def _update(
        self,
        p: Tensor,
        array: Array,
        grad: Array,
        lr: float | Tensor = 0,
        weight_decay: float = 0,
        momentum: float = 0,
        nesterov: bool = False,
        coefficients: Sequence[float] = (),
        eps: float = 0,
        steps: int = 0,
        adjusted: str | None = None,
    ) -> None:
        if array.dtype.kind == "c":
            raise RuntimeError("Muon does not support complex parameters")
        state = self.state[p]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = zeros_like(array)
        buffer = state["momentum_buffer"]._array
        lerp(buffer, grad, 1 - momentum, out=buffer)
        update = lerp(grad, buffer, momentum, out=np.empty_like(buffer)) if nesterov else buffer
        update = _orthogonalized(update, coefficients, steps, eps)
        rows, columns = array.shape
        factor = (
            0.2 * sqrt(max(rows, columns)) if adjusted == "match_rms_adamw" else sqrt(max(1, rows / columns))
        )
        array *= float(1 - lr * weight_decay)  # a rate in a tensor counts with its dtype
        array -= float(lr * factor) * update.astype(array.dtype, copy=False)


def _orthogonalized(matrix: Array, coefficients: Sequence[float], steps: int, eps: float) -> Array:
    """The matrix with its singular values near 1, in float32 rounded to bfloat16 after each operation."""
    a, b, c = np.array(coefficients, np.float32).astype(np.float64)
    x = _rounded(matrix)
    norm = _rounded(np.sqrt(np.sum(np.square(x, dtype=np.float64), keepdims=True)))
    x = _rounded(x / np.maximum(norm, np.float32(eps)))
    is_tall = matrix.shape[0] > matrix.shape[1]
    if is_tall:
        x = x.T
    for _ in range(steps):
        gram = _rounded(x @ x.T)
        gram = _rounded(b * gram + c * (gram @ gram))
        x = _rounded(a * x + gram @ x)
    return x.T if is_tall else x


def _rounded(x: Array) -> Array:
    """``x`` in float32, rounded to bfloat16's 8 significant bits, ties to even."""
    out = x.astype(np.float32)
    bits = out.view(np.uint32)
    bits += 0x7FFF + ((bits >> np.uint32(16)) & np.uint32(1))
    bits &= np.uint32(0xFFFF0000)
    return out
