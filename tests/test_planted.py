"""The planted mistakes, all once, and the right functions with one seed (20: python -m tests.planted)."""

from __future__ import annotations

import pytest

from tests.planted.__main__ import MISTAKES, judge
from tests.planted.mutate import Mistake
from tests.planted.right import RIGHT


def test_there_are_as_many_as_promised() -> None:
    assert len({m.name for m in MISTAKES}) >= 60
    assert len(RIGHT) >= 300


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_a_planted_mistake_is_caught_and_named(mistake: Mistake) -> None:
    caught, entry, kind, said = judge(mistake)
    assert caught
    assert entry is not False, said
    assert kind is not False, said


@pytest.mark.parametrize("name", RIGHT)
def test_right_functions_pass(name: str) -> None:
    RIGHT[name](0)
