# ruff: noqa: T201  (it prints what it found)
"""The table: ``python -m tests.planted``, with an argument for the number of seeds (20)."""

from __future__ import annotations

import argparse
import sys
import time

from autotape.testing import GradientError
from tests.planted import functions, rules
from tests.planted.mutate import Mistake
from tests.planted.right import RIGHT

MISTAKES = [*rules.MISTAKES, *functions.MISTAKES]


def judge(mistake: Mistake) -> tuple[bool, bool | None, bool | None, str]:
    """Whether it was caught, its entry named, its kind named (None: there is none), and what was said."""
    try:
        mistake.run()
    except GradientError as error:
        named = None
        if mistake.entry is not None:
            named = error.entry is not None and error.entry.split(" (")[0] == mistake.entry
        kind = None if not mistake.kinds else error.kind in mistake.kinds
        return True, named, kind, f"{error.kind}; {error.entry}"
    return False, False if mistake.entry else None, False if mistake.kinds else None, "not caught"


def share(values: list[bool | None]) -> str:
    """Of those that count."""
    counted = [v for v in values if v is not None]
    return f"{sum(counted)} of {len(counted)} ({sum(counted) / max(len(counted), 1):.0%})"


def print_mistakes() -> bool:
    """The table of the planted mistakes; whether it holds what is promised."""
    marks = {True: "yes", False: "NO", None: "-"}
    rows = []
    for mistake in MISTAKES:
        caught, entry, kind, said = judge(mistake)
        rows.append((caught, entry, kind))
        print(f"{mistake.name:34.34} {marks[caught]:7} {marks[entry]:6} {marks[kind]:5} {said[:90]}")
    caught, entries, kinds = (list(column) for column in zip(*rows, strict=True))
    print(f"caught {share(caught)}; entry named {share(entries)}; kind named {share(kinds)}")
    good = [sum(v for v in c if v) / max(sum(v is not None for v in c), 1) for c in (caught, entries, kinds)]
    return good[0] == 1 and good[1] >= 0.9 and good[2] >= 2 / 3


def print_right(seeds: int) -> bool:
    """False alarms on right functions."""
    alarms = 0
    start = time.perf_counter()
    for name, run in RIGHT.items():
        for seed in range(seeds):
            try:
                run(seed)
            except GradientError as error:
                alarms += 1
                print(f"false alarm: {name}, seed {seed}: {str(error).splitlines()[0]}")
    took = time.perf_counter() - start
    print(f"{len(RIGHT)} right functions, {seeds} seeds each: {alarms} false alarms ({took:.0f} s)")
    return not alarms


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("seeds", nargs="?", type=int, default=20)
    holds = print_mistakes()
    sys.exit(0 if print_right(parser.parse_args().seeds) and holds else 1)
