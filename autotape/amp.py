"""Automatic mixed precision: :class:`autocast`, which changes no dtype here, and :class:`GradScaler`.

A script written for a GPU runs unchanged: what it asks for CUDA is disabled, with PyTorch's warning. What it
asks for the CPU is computed in the dtypes that the tensors have: NumPy has no bfloat16, and float16 is
slower. To compute in float16, convert with ``.to(autotape.float16)``; ``GradScaler("cpu")`` keeps its
gradients from vanishing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any, TypeVar

import numpy as np

from autotape.engine.basics import device
from autotape.engine.dtypes import DTypeLike, bfloat16, float16
from autotape.engine.tensor import Tensor

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]

F = TypeVar("F", bound=Callable[..., Any])


def is_autocast_available(device_type: str) -> bool:
    """False: :class:`autocast` changes no dtype."""
    device(device_type)
    return False


class autocast(ContextDecorator):
    """Context (or decorator) in which PyTorch computes products in a narrower dtype; here nothing changes.

    Args:
        device_type: ``"cpu"``, or ``"cuda"`` and others, for which there is a warning that it is disabled.
        dtype: remembered as ``fast_dtype``.
        enabled: False for no warning.
        cache_enabled: ignored.

    >>> import autotape as at
    >>> with at.autocast("cpu", dtype=at.bfloat16):
    ...     print((at.ones(2, 2) @ at.ones(2, 2)).dtype)
    autotape.float32
    """

    def __init__(
        self,
        device_type: str,
        dtype: DTypeLike | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = device(device_type).type
        self.fast_dtype = dtype if dtype is not None else bfloat16 if self.device == "cpu" else float16
        if enabled and self.device != "cpu":
            warnings.warn(f"{self.device.upper()} is not available. Disabling autocast.", stacklevel=2)

    def __enter__(self) -> autocast:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was changed."""


def custom_fwd(fwd: F | None = None, *, device_type: str = "cuda", cast_inputs: Any = None) -> Any:
    """``forward`` of an :class:`autotape.autograd.Function` under autocast: the function itself.

    Also a decorator with arguments: ``@custom_fwd(device_type="cuda")``.
    """
    return (lambda found: found) if fwd is None else fwd


def custom_bwd(bwd: F | None = None, *, device_type: str = "cuda") -> Any:
    """``backward`` of an :class:`autotape.autograd.Function` under autocast: the function itself."""
    return (lambda found: found) if bwd is None else bwd


class GradScaler:
    """Multiplies the loss by a large number, and the gradients by its inverse before the optimizer's step.

    So that small gradients do not vanish in float16. A step whose gradients hold inf or NaN is left out and
    the scale multiplied by ``backoff_factor``; after ``growth_interval`` steps without one it is multiplied
    by ``growth_factor``. Disabled, :meth:`scale` returns its argument and :meth:`step` is the optimizer's
    own; for a device that is not there it is disabled with a warning, as in PyTorch.

    >>> import autotape as at
    >>> w = at.tensor([2.0], requires_grad=True)
    >>> optimizer, scaler = at.optim.SGD([w], lr=0.25), GradScaler("cpu")
    >>> scaler.scale((w * w).sum()).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w, scaler.get_scale()
    (tensor([1.], requires_grad=True), 65536.0)
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if growth_factor <= 1.0:
            raise ValueError(f"The growth factor must be > 1.0, got {growth_factor}")
        if backoff_factor >= 1.0:
            raise ValueError(f"The backoff factor must be < 1.0, got {backoff_factor}")
        if enabled and device != "cpu":
            warnings.warn(
                f"GradScaler is enabled, but {device.upper()} is not available. Disabling.", stacklevel=2
            )
            enabled = False
        self._enabled = enabled
        self._scale = float(init_scale)
        self._growth_factor = growth_factor
        self._backoff_factor = backoff_factor
        self._growth_interval = growth_interval
        self._growth_tracker = 0
        self._found_inf: dict[int, bool] = {}  # by optimizer, since the last update
        self._stepped: set[int] = set()

    def is_enabled(self) -> bool:
        """Whether it scales."""
        return self._enabled

    def scale(self, outputs: Any) -> Any:
        """A tensor, or the tensors of a list or tuple, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs * self._scale
        if isinstance(outputs, (list, tuple)):
            return type(outputs)([self.scale(output) for output in outputs])
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the scale, to clip them before :meth:`step`.

        RuntimeError when it was done, or stepped, since the last :meth:`update`.
        """
        if not self._enabled:
            return
        if id(optimizer) in self._stepped:
            raise RuntimeError("unscale_() is being called after step().")
        if id(optimizer) in self._found_inf:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        found_inf = False
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    grad = parameter.grad.detach()
                    found_inf |= not np.isfinite(grad.numpy()).all()
                    grad.mul_(1.0 / self._scale)
        self._found_inf[id(optimizer)] = found_inf

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """The optimizer's step with unscaled gradients, unless one of them is inf or NaN.

        RuntimeError for a second step before :meth:`update`, and with a closure.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs or args:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        if id(optimizer) in self._stepped:
            raise RuntimeError("step() has already been called since the last update().")
        if id(optimizer) not in self._found_inf:
            self.unscale_(optimizer)
        self._stepped.add(id(optimizer))
        return None if self._found_inf[id(optimizer)] else optimizer.step()

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Change the scale after the steps of an iteration, or set it to ``new_scale``."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not self._found_inf:
            raise RuntimeError("No inf checks were recorded prior to update.")
        elif any(self._found_inf.values()):
            self._scale *= self._backoff_factor
            self._growth_tracker = 0
        else:
            self._growth_tracker += 1
            if self._growth_tracker == self._growth_interval:
                self._scale *= self._growth_factor
                self._growth_tracker = 0
        self._found_inf.clear()
        self._stepped.clear()

    def get_scale(self) -> float:
        """The scale; 1.0 when disabled."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """What the scale is multiplied by when it grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by when it grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """What the scale is multiplied by after inf or NaN."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by after inf or NaN."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """How many steps without inf or NaN make the scale grow."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set how many steps without inf or NaN make the scale grow."""
        self._growth_interval = new_interval

    def state_dict(self) -> dict[str, Any]:
        """The scale and its rules; empty when disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what :meth:`state_dict` gave; nothing when disabled."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled GradScaler."
            )
        self._scale = float(state_dict["scale"])
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
