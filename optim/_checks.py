"""Checks of the arguments of optimizers."""

from __future__ import annotations

from autotape.engine.tensor import Tensor

__all__ = ["require", "require_moments", "require_one_way", "require_rate"]


def require(condition: bool, message: str) -> None:
    """ValueError(message) unless ``condition``: the check of an optimizer's argument."""
    if not condition:
        raise ValueError(message)


def require_rate(lr: float | Tensor, message: str = "Invalid learning rate: ") -> None:
    """ValueError unless ``lr`` is a learning rate: a non-negative number or a tensor that holds one."""
    require(not isinstance(lr, Tensor) or lr._array.size == 1, "Tensor lr must be 1-element")
    require(bool(lr >= 0), f"{message}{lr}")


def require_moments(betas: tuple[float, float], eps: float, weight_decay: float) -> None:
    """ValueError unless the arguments that the family of Adam shares are in their ranges."""
    require(eps >= 0, f"Invalid epsilon value: {eps}")
    require(0 <= betas[0] < 1, f"Invalid beta parameter at index 0: {betas[0]}")
    require(0 <= betas[1] < 1, f"Invalid beta parameter at index 1: {betas[1]}")
    require(weight_decay >= 0, f"Invalid weight_decay value: {weight_decay}")


def require_one_way(fused: bool | None, foreach: bool | None, differentiable: bool) -> None:
    """RuntimeError for a choice of PyTorch's implementations that contradicts itself."""
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
