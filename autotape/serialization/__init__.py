"""Saving and loading on the safetensors format, mostly without pickle; docs/checkpoints.md describes both."""

from __future__ import annotations

from typing import Any

from autotape import left_out
from autotape.serialization._errors import CheckpointError
from autotape.serialization.checkpoint import load, save

__all__ = ["CheckpointError", "load", "save"]


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("serialization", name, __all__)
