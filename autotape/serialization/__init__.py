"""Saving and loading without pickle, on the safetensors format; docs/checkpoints.md describes both."""

from __future__ import annotations

from autotape.serialization._errors import CheckpointError
from autotape.serialization.checkpoint import load, save

__all__ = ["CheckpointError", "load", "save"]
