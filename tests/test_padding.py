"""Padding: values against numpy.pad, derivatives, negative amounts, errors, modules."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn
from tests import oracle

NUMPY = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
SHAPES = {(3, 4): 1, (2, 3, 4): 1, (2, 3, 3, 4): 2, (2, 3, 4, 5): 3, (1, 2, 3, 4, 5): 3}


def amounts(spatial: int, pad: tuple[int, ...], ndim: int) -> list[tuple[int, int]]:
    pairs = list(zip(pad[::2], pad[1::2], strict=True))[:spatial]
    return [(0, 0)] * (ndim - spatial) + pairs[::-1]


@pytest.mark.parametrize("mode", NUMPY)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("pad", [(0, 0) * 3, (1, 2, 0, 1, 2, 1), (2, 0, 2, 2, 0, 1)])
def test_as_numpy(mode: str, shape: tuple[int, ...], pad: tuple[int, ...]) -> None:
    spatial = SHAPES[shape]
    x = oracle.normal(*shape)
    wanted = np.pad(x, amounts(spatial, pad, len(shape)), NUMPY[mode])  # type: ignore[call-overload]
    np.testing.assert_array_equal(F.pad(at.tensor(x), pad[: 2 * spatial], mode).numpy(), wanted)
    oracle.check(lambda t: F.pad(t, pad[: 2 * spatial], mode), x)


@pytest.mark.parametrize(
    ("mode", "pad", "wanted"),
    [
        ("constant", (-1, 2), [2, 3, 7, 7]),
        ("constant", (2, -3), [7, 7]),
        ("reflect", (-1, 2), [2, 3, 2, 1]),
        ("reflect", (2, -1), [3, 2, 1, 2]),
        ("replicate", (-1, 2), [2, 3, 3, 3]),
        ("replicate", (-4, 3), [3, 3]),
        ("circular", (-1, 2), [2, 3, 2, 3]),
        ("circular", (2, -1), [1, 2, 1, 2]),
        ("circular", (-1, 3), [2, 3, 2, 3, 2]),
        ("circular", (3, 3), [1, 2, 3, 1, 2, 3, 1, 2, 3]),
    ],
)
def test_negative_amounts_cut_off(mode: str, pad: tuple[int, int], wanted: list[int]) -> None:
    value = 7 if mode == "constant" else None
    x = at.tensor([[1, 2, 3]])
    assert F.pad(x, pad, mode, value).tolist() == [wanted]
    oracle.check(lambda t: F.pad(t, pad, mode), np.array([[1.0, 2.0, 3.0]]))


def test_reflections_reach_into_what_is_cut_off() -> None:
    x = at.arange(4)[None]
    assert F.pad(x, (-2, 3), "reflect").tolist() == [[2, 3, 2, 1, 0]]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32", "complex64"])
def test_dtypes_stay(dtype: str) -> None:
    x = at.ones(1, 3).to(getattr(at, dtype))
    for mode in NUMPY:
        if mode in ("reflect", "replicate") and dtype == "bool":
            with pytest.raises(NotImplementedError):
                F.pad(x, (1, 1), mode)
            continue
        y = F.pad(x, (1, 1), mode)
        assert y.dtype == x.dtype
        assert y.shape == (1, 5)
    assert F.pad(x, (1, 0), value=2.7)[0, 0].item() == np.asarray(2.7).astype(x.numpy().dtype)


def test_other_memory_orders() -> None:
    x = oracle.normal(3, 4, 5)
    for view in (x.T.copy().T, x[:, ::-1], np.broadcast_to(x[:, :1], x.shape)):
        for mode in NUMPY:
            wanted = np.pad(view, [(0, 0), (0, 0), (1, 2)], NUMPY[mode])  # type: ignore[call-overload]
            np.testing.assert_array_equal(F.pad(at.from_numpy(np.array(view)), (1, 2), mode).numpy(), wanted)


def test_zero_sizes() -> None:
    assert F.pad(at.zeros(0, 3), (1, 2)).shape == (0, 6)
    assert F.pad(at.zeros(2, 0), (1, 2), value=3.0).tolist() == [[3.0] * 3] * 2
    assert F.pad(at.zeros(0, 4, 2), (1, 1), "reflect").shape == (0, 4, 4)
    assert F.pad(at.zeros(2, 3), (-1, -2)).shape == (2, 0)
    assert F.pad(at.tensor(3.0), ()).item() == 3


x234 = at.zeros(2, 4, 3)
ERRORS: list[tuple[Any, tuple[int, ...], str, type[Exception], str]] = [
    (x234, (1,), "constant", RuntimeError, "divisible by 2"),
    (x234, (1,) * 8, "constant", RuntimeError, "two times the input dimension"),
    (x234, (-2, -2), "constant", RuntimeError, "non-negative"),
    (x234, (1, 1), "mirror", NotImplementedError, "mirror"),
    (x234, (3, 1), "reflect", RuntimeError, "less than the corresponding"),
    (x234, (-2, -2), "replicate", RuntimeError, "too small"),
    (x234, (4, 0), "circular", RuntimeError, "wrapping around more than once"),
    (x234, (1,) * 6, "reflect", NotImplementedError, "Only|not supported"),
    (at.zeros(3), (1, 1), "reflect", NotImplementedError, "not supported"),
    (at.zeros(2, 4, 0), (1, 1), "replicate", RuntimeError, "non-zero"),
    (x234, (1.5, 1), "constant", TypeError, "float"),  # type: ignore[list-item]
]


@pytest.mark.parametrize("case", range(len(ERRORS)))
def test_errors(case: int) -> None:
    x, pad, mode, error, match = ERRORS[case]
    with pytest.raises(error, match=match):
        F.pad(x, pad, mode)


def test_only_constants_take_a_value() -> None:
    with pytest.raises(RuntimeError, match="value"):
        F.pad(x234, (1, 1), "reflect", 1.0)
    assert F.pad(x234, (1, 1), "reflect", 0).shape == (2, 4, 5)


@pytest.mark.parametrize(
    ("kind", "d"),
    [*itertools.product(["Zero", "Reflection", "Replication", "Circular", "Constant"], (1, 2, 3))],
)
def test_modules(kind: str, d: int) -> None:
    mode = {"Zero": "constant", "Constant": "constant", "Reflection": "reflect"}.get(
        kind, {"Replication": "replicate", "Circular": "circular"}.get(kind, "")
    )
    more = (3.5,) if kind == "Constant" else ()
    x = at.tensor(oracle.normal(1, 2, *[4] * d))
    layer = getattr(nn, f"{kind}Pad{d}d")
    for padding in (1, (1, 2, 0, 1, 1, 0)[: 2 * d]):
        full = (padding,) * (2 * d) if isinstance(padding, int) else padding
        assert at.equal(layer(padding, *more)(x), F.pad(x, full, mode, *more))
        assert layer(padding, *more).padding == full
    with pytest.raises((ValueError, NotImplementedError, RuntimeError)):
        layer(1, *more)(at.zeros(()))
