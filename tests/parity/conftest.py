"""Counts the single comparisons of the table-driven tests: the last line says how many of how many agree."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: Any) -> None:
    total: Counter[str] = Counter()
    agree: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            for kind, counts in getattr(report, "user_properties", []):
                if getattr(report, "when", "") == "call":
                    agree[kind] += counts[0]
                    total[kind] += counts[1]
    if total:
        parts = [f"{kind} {agree[kind]} of {total[kind]}" for kind in sorted(total)]
        terminalreporter.write_line(f"agree with PyTorch: {', '.join(parts)}")
        terminalreporter.write_line(f"all: {agree.total()} of {total.total()} comparisons agree")
