"""The warning about a tape that only grows (PROMISES row 14)."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import autotape as at
from autotape.autograd import leaks
from tests.tape_tools import leaf


@pytest.fixture
def growth_limit() -> Iterator[None]:
    yield
    leaks.set_graph_growth_limit(100_000)


@pytest.mark.usefixtures("no_gc")
def test_a_kept_graph_is_visible_on_the_tape() -> None:
    """PROMISES row 14: ``total += loss`` shows in the number of live entries, and goes when total does."""
    w = leaf(1.0, 2.0)
    before = len(at.current_tape())
    total: Any = 0.0
    for _ in range(200):
        total += (w * w).sum()
    assert len(at.current_tape()) - before == 600
    assert [e.operation.name for e in at.current_tape()][-3:] == ["mul", "sum", "add"]
    total = total.item()
    assert len(at.current_tape()) == before


@pytest.mark.usefixtures("growth_limit")
def test_growth_warning_names_the_line_and_comes_when_doubled() -> None:
    """PROMISES row 14: a warning past N live entries names the line that created most of them."""
    w = leaf(1.0)
    leaks.set_graph_growth_limit(100)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kept = [w * float(i) for i in range(101)]  # the line that is named
        gc.collect()
        kept += [w * float(i) for i in range(50)]
        gc.collect()  # not yet doubled
        assert len(caught) == 1
        kept += [w * float(i) for i in range(100)]
        gc.collect()
        assert len(caught) == 2
    warning = caught[0]
    assert warning.category is leaks.GraphGrowthWarning
    assert warning.filename == __file__
    line = Path(__file__).read_text().splitlines()[warning.lineno - 1]
    assert line.endswith("# the line that is named")
    assert "101 of them 'mul' recorded on this line" in str(warning.message)


@pytest.mark.usefixtures("growth_limit")
def test_growth_warning_is_silent_for_graphs_that_are_released() -> None:
    w = leaf(1.0)
    leaks.set_graph_growth_limit(100)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(20):
            y = w
            for _ in range(50):
                y = y * 1.0
            y.backward()
            gc.collect()
        with at.Tape():  # one that lists its entries on purpose
            kept = [w * 1.0 for _ in range(300)]
            gc.collect()
        del kept
        leaks.set_graph_growth_limit(None)
        kept = [w * 1.0 for _ in range(300)]
        gc.collect()
        del kept
    assert caught == []
    with pytest.raises(ValueError, match="positive"):
        leaks.set_graph_growth_limit(0)
