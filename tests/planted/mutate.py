"""Planting a mistake: an operation whose rule is changed for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import autotape as at
from autotape.testing import check_gradients

Change = Callable[..., Any]


@dataclass(frozen=True)
class Mistake:
    """A check that must fail; ``kinds`` that describe it, and the operation at fault (None: no one)."""

    name: str
    run: Callable[[], None]
    kinds: tuple[str, ...] = ()
    entry: str | None = None


def operation_in(fn: Callable[..., Any], arrays: tuple[Any, ...], name: str) -> Any:
    """The operation of this name that ``fn`` records."""
    with at.Tape() as tape:
        fn(*[at.tensor(a).requires_grad_() if a.dtype.kind in "fc" else at.tensor(a) for a in arrays])
    return next(e.operation for e in tape if e.operation.name == name)


@contextmanager
def changed(operation: Any, change: Change, which: int) -> Iterator[None]:
    """While the rule for input ``which`` gives ``change(result, g, *saved)``."""
    before = operation.vjps, operation.raw, operation.joint, operation.raw_joint

    def rule(old: Any) -> Any:
        return lambda g, *rest: change(old(g, *rest), g, *rest)

    def joint(old: Any) -> Any:
        def new(g: Any, needs: Any, *rest: Any) -> Any:
            found = list(old(g, needs, *rest))
            found[which] = None if found[which] is None else change(found[which], g, *rest)
            return found

        return new

    try:
        if operation.joint is not None:
            operation.joint, operation.raw_joint = joint(operation.joint), joint(operation.raw_joint)
        else:
            operation.vjps, operation.raw = (
                tuple(rule(old) if i == which else old for i, old in enumerate(rules))
                for rules in (operation.vjps, operation.raw)
            )
        yield
    finally:
        operation.vjps, operation.raw, operation.joint, operation.raw_joint = before


def mutant(
    name: str,
    operation: str,
    fn: Callable[..., Any],
    arrays: tuple[Any, ...],
    change: Change,
    *kinds: str,
    which: int = 0,
    order: int = 1,
) -> Mistake:
    """``fn`` checked while the rule of one of its operations is changed."""

    def run() -> None:
        with changed(operation_in(fn, arrays, operation), change, which):
            check_gradients(fn, *arrays, order=order)

    return Mistake(name, run, kinds, operation)


def times(factor: float) -> Change:
    return lambda r, *_: r * factor


def negative(r: Any, *_: Any) -> Any:
    return -r


def zero(r: Any, *_: Any) -> Any:
    return r * 0


def turned(r: Any, *_: Any) -> Any:
    return r.swapaxes(-1, -2)


def shifted(axis: int = -1, by: int = 1) -> Change:
    return lambda r, *_: np.roll(r, by, axis)


def normal(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def positive(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).uniform(0.3, 2.0, shape)
