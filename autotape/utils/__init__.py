"""Helpers for training: recomputing activations, pictures, TensorBoard's files."""

import importlib
from typing import Any

from autotape.utils import checkpoint
from autotape.utils.images import make_grid, save_image

__all__ = ["benchmark", "checkpoint", "data", "make_grid", "model_zoo", "save_image", "tensorboard"]


def __getattr__(name: str) -> Any:
    """Rooms that are imported when first used."""
    if name in ("benchmark", "data", "model_zoo", "tensorboard"):
        return importlib.import_module(f"autotape.utils.{name}")
    raise AttributeError(f"module 'autotape.utils' has no attribute {name!r}")
