"""``autotape.cuda.amp``: :mod:`autotape.amp` for CUDA, where there is none: disabled, with PyTorch's warning.

>>> import autotape as at
>>> with at.cuda.amp.autocast(enabled=False):
...     print(at.ones(1).exp().dtype)
autotape.float32
"""

from __future__ import annotations

from typing import Any

from autotape import amp
from autotape.engine.dtypes import DTypeLike

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]

custom_fwd, custom_bwd = amp.custom_fwd, amp.custom_bwd


class autocast(amp.autocast):
    """``autotape.amp.autocast("cuda", ...)``: disabled, with a warning unless ``enabled=False``."""

    def __init__(
        self, enabled: bool = True, dtype: DTypeLike | None = None, cache_enabled: bool = True
    ) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """``autotape.amp.GradScaler("cuda", ...)``: disabled, with a warning unless ``enabled=False``."""

    def __init__(self, init_scale: float = 65536.0, *args: Any, **kwargs: Any) -> None:
        super().__init__("cuda", init_scale, *args, **kwargs)
