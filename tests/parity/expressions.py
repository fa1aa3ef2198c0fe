"""One expression evaluated with PyTorch and with autotape: what each says."""

from __future__ import annotations

import copy
import math
import operator
import pickle
import re
import warnings
from typing import Any

import numpy as np


class Sequence:
    """Two numbers by ``len()`` and ``[]`` alone."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, i: int) -> int:
        if i >= 2:
            raise IndexError
        return i


def names(m: Any) -> dict[str, Any]:
    """What an expression may use: ``m`` is the library, and some of its tensors."""
    x = m.tensor([1.0, 2.0], requires_grad=True)
    return {
        "m": m, "np": np, "math": math, "copy": copy, "pickle": pickle, "operator": operator, "nan": math.nan,
        "inf": math.inf, "Sequence": Sequence,
        "x": x, "y": x * 2, "s": m.tensor(3.0, requires_grad=True), "i": m.tensor([1, 2]), "n": m.tensor(3),
        "t": m.ones(2, 3).transpose(0, 1), "c": m.tensor([1 + 2j, 3 - 4j]),
    }  # fmt: skip


def said(expression: str, m: Any) -> tuple[str, list[str]]:
    """The text of the value (or the type of the error) and the categories of the warnings on the way."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        known = names(m)
        caught.clear()
        try:
            result = eval(expression, known)
        except Exception as error:
            return type(error).__name__, []
    return on_one_line(repr(result)), sorted({w.category.__name__ for w in caught})


def on_one_line(text: str) -> str:
    """The notes after the values without line breaks: where they fall depends on the library's name."""
    return re.sub(r",\s+(dtype|grad_fn|requires_grad|size)=", r", \1=", text).replace("torch.", "autotape.")
