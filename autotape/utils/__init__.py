"""Helpers for training: :mod:`autotape.utils.checkpoint`."""

from autotape.utils import checkpoint

__all__ = ["checkpoint"]
