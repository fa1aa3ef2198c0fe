"""Expressions evaluated with PyTorch and with autotape (``m``): values, derivatives, types of errors.

Second derivatives that are NaN in PyTorch are left out: there autotape follows its own tests.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import autotape
from tests.oracle import normal

torch = pytest.importorskip(
    "torch", reason="PyTorch is not importable: the tests of the extra `parity` are left out"
)

A = normal(3, 4)
B = normal(4, 2, seed=1)
ARRAYS = {
    "a": A,
    "b": B,
    "v": normal(4, seed=2),
    "c": normal(2, 3, 4, seed=3),
    "d": normal(2, 4, 3, seed=4),
    "q": normal(3, 3, seed=5),
    "s": np.array(1.5),
    "ties": np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 2.0], [0.0, 1.0, 0.0, 1.0]]),
    "z": np.array([[2.0, 0.0, 3.0], [0.0, 0.0, 1.0], [4.0, 5.0, 6.0]]),
    "same": np.full((2, 3), 2.0),
    "rank1": np.outer([1.0, 2.0, 4.0], [1.0, -1.0, 2.0]),
    "none": np.zeros((0, 3)),
    "nans": np.array([[1.0, math.nan, 3.0], [math.nan, math.nan, 0.5], [2.0, -1.0, 4.0]]),
    "single": A.astype(np.float32),
    "half": np.linspace(-2, 2, 8).astype(np.float16),
}
CONSTANTS = {
    "n": np.array([[3, 1, 2], [1, 1, 5]]),
    "n32": np.array([3, 1, 2], np.int32),
    "u8": np.array([3, 0, 255], np.uint8),
    "t": np.array([[True, False], [True, True]]),
    "nan": np.array([2.0, math.nan, 1.0, math.nan, 5.0]),
    "infs": np.array([-math.inf, 1.0, math.inf]),
    "low": np.array([-math.inf, -math.inf]),
}


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def evaluate(expression: str, m: Any) -> tuple[Any, dict[str, Any]]:
    leaves = {name: m.tensor(a).requires_grad_() for name, a in ARRAYS.items()}
    names = {"m": m, **leaves, **{name: m.tensor(a) for name, a in CONSTANTS.items()}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(expression, names), leaves


def as_list(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def same(ours: Any, theirs: Any, what: str) -> None:
    ours, theirs = ours.detach(), theirs.detach()
    assert str(ours.dtype).removeprefix("autotape.") == str(theirs.dtype).removeprefix("torch."), what
    assert tuple(ours.shape) == tuple(theirs.shape), what
    a, b = ours.numpy(), theirs.numpy()
    rtol = {2: 2e-3, 4: 1e-5}.get(a.dtype.itemsize, 1e-11) if a.dtype.kind in "fc" else 0
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol, err_msg=what)


def gradient(result: Any, leaf: Any, m: Any, **options: Any) -> Any:
    """The gradient of the result weighted by 1, 2, 3 ..., so that no two elements are alike."""
    weights = m.arange(1, result.numel() + 1, dtype=result.dtype).reshape(result.shape)
    return m.autograd.grad((result * weights).sum(), leaf, allow_unused=True, **options)[0]


def check_derivatives(expression: str) -> None:
    """The value and the first two derivatives by every tensor in the expression."""
    ours, our_leaves = evaluate(expression, autotape)
    theirs, their_leaves = evaluate(expression, torch)
    same(ours, theirs, expression)
    for name, leaf in our_leaves.items():
        mine = gradient(ours, leaf, autotape, create_graph=True)
        reference = gradient(theirs, their_leaves[name], torch, create_graph=True)
        if mine is None or reference is None:
            assert mine is None, f"{expression}: gradient by {name}"
            assert reference is None, f"{expression}: gradient by {name}"
            continue
        same(mine, reference, f"{expression}: gradient by {name}")
        if not reference.requires_grad or not mine.requires_grad:
            continue
        mine = gradient(mine, leaf, autotape, retain_graph=True)
        reference = gradient(reference, their_leaves[name], torch, retain_graph=True)
        if mine is not None and reference is not None and not bool(torch.isnan(reference).any()):
            same(mine, reference, f"{expression}: second derivative by {name}")


def check_values(expression: str) -> None:
    """The values of all results."""
    ours = as_list(evaluate(expression, autotape)[0])
    theirs = as_list(evaluate(expression, torch)[0])
    assert len(ours) == len(theirs)
    for mine, reference in zip(ours, theirs, strict=True):
        same(mine, reference, expression)


def check_error(expression: str) -> None:
    """The type of the error."""
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        evaluate(expression, torch)
    with pytest.raises(Exception) as ours:  # noqa: PT011
        evaluate(expression, autotape)
    kinds = (IndexError, TypeError, ValueError, NotImplementedError, RuntimeError)
    kind = next(k for k in kinds if isinstance(theirs.value, k))
    assert isinstance(ours.value, kind), f"{ours.value!r} is not a {kind.__name__} ({theirs.value})"
