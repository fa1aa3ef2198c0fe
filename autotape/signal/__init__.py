"""Signal processing: window functions (:mod:`autotape.signal.windows`)."""

from __future__ import annotations

from autotape.signal import windows

__all__ = ["windows"]
