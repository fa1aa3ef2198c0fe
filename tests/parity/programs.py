"""Runs one program on autotape and on PyTorch and compares what comes out.

A program takes the library as ``t`` and returns tensors, numbers, text and sequences of them.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at

Program = Callable[[Any], Any]


def is_tensor(value: Any) -> bool:
    """Of either library."""
    return hasattr(value, "detach")


def plain(value: Any) -> Any:
    """Numbers, lists and names that compare across libraries."""
    if is_tensor(value):
        return value.detach().tolist()
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


def outcome(program: Program, library: Any) -> Any:
    """What a program returns, or the type of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(program(library))
        except Exception as error:
            return type(error).__name__


def leaf(t: Any, *values: Any) -> Any:
    return t.tensor(np.array(values), requires_grad=True)


def programs_in(namespace: dict[str, Any]) -> list[Program]:
    """The functions of a module whose one parameter is ``t``."""
    return [
        value
        for value in namespace.values()
        if inspect.isfunction(value)
        and value.__module__ == namespace["__name__"]
        and list(inspect.signature(value).parameters) == ["t"]
    ]


def compare(program: Program, torch: Any) -> None:
    """AssertionError unless both libraries give the same, or raise the same type of error."""
    ours, theirs = outcome(program, at), outcome(program, torch)
    _same(ours, theirs)


def _same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, float):
        assert ours == pytest.approx(theirs, rel=1e-12, nan_ok=True)
    elif isinstance(theirs, list):
        assert isinstance(ours, list)
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            _same(a, b)
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys()
        for key in theirs:
            _same(ours[key], theirs[key])
    else:
        assert ours == theirs
