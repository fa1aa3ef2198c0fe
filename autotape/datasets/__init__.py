"""Small datasets that come with the package, with their licence beside them (NOTICE.txt)."""

from __future__ import annotations

from autotape.datasets._digits import digits

__all__ = ["digits"]
