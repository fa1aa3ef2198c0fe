"""Versions: autotape's own, and None for what PyTorch may be built with.

>>> import autotape as at
>>> at.version.cuda is None
True
"""

from __future__ import annotations

__all__ = ["__version__", "cuda", "debug", "hip"]

__version__ = "0.1.0"
cuda: str | None = None
hip: str | None = None
debug = False
