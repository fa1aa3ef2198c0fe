"""``autotape.models``: for scripts that import ``torchvision.models``; asked for one, it raises.

>>> from autotape import models
>>> models.resnet18(pretrained=True)
Traceback (most recent call last):
autotape.left_out.LeftOut: autotape.models.resnet18 is left out: write the model in autotape.nn, and load ...
"""

from __future__ import annotations

from typing import Any

from autotape import left_out

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    """LeftOut for every name but Python's own."""
    if name.startswith("__"):
        raise AttributeError(f"module 'autotape.models' has no attribute '{name}'")
    raise left_out.missing("models", name)
