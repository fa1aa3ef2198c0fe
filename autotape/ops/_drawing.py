"""Arrays of random numbers, and what is checked before they are drawn."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from autotape.engine.arrays import as_array
from autotape.engine.dtypes import from_numpy_dtype

if TYPE_CHECKING:
    from numpy.random import Generator as NumPyGenerator

Array = np.ndarray[Any, Any]
DType = np.dtype[Any]

_HALF, _SINGLE, _DOUBLE = np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64)
EXACT = {_HALF: 2**11, _SINGLE: 2**24, _DOUBLE: 2**53}  # up to here every integer is a number of the dtype


def draw_uniform(shape: tuple[int, ...], dtype: DType, random: NumPyGenerator) -> Array:
    """Uniform samples in [0, 1); of a complex dtype real and imaginary part each."""
    if dtype in (_SINGLE, _DOUBLE):
        return as_array(random.random(shape, dtype.type))
    if dtype == _HALF:  # in steps of 2**-11, as rounding a finer number could give 1
        return as_array(np.floor(random.random(shape, np.float32) * 2048) / 2048, dtype)
    if dtype.kind == "c":
        return as_array(draw_uniform((*shape, 2), dtype.type().real.dtype, random).view(dtype)[..., 0])
    raise not_for("uniform samples", dtype)


def draw_normal(shape: tuple[int, ...], dtype: DType, random: NumPyGenerator) -> Array:
    """Samples of the standard normal distribution; a complex one has variance 1 in all."""
    if dtype in (_SINGLE, _DOUBLE):
        return as_array(random.standard_normal(shape, dtype.type))
    if dtype == _HALF:
        return as_array(random.standard_normal(shape, np.float32), dtype)
    if dtype.kind == "c":
        parts = draw_normal((*shape, 2), dtype.type().real.dtype, random)
        return as_array((parts * parts.dtype.type(0.5**0.5)).view(dtype)[..., 0])
    raise not_for("normal samples", dtype)


def draw_integers(
    least: int, end: int, shape: tuple[int, ...], dtype: DType, random: NumPyGenerator
) -> Array:
    """Integers in [least, end), in any dtype that holds them."""
    if least >= end:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={least} >= to={end}")
    if dtype.kind == "c":
        raise not_for("random integers", dtype)
    if dtype.kind == "f":
        limit = EXACT[dtype]
        if max(-least, end - 1) > np.finfo(dtype).max:
            raise RuntimeError(f"to - 1 is out of bounds for {dtype.name}: integers in [{least}, {end})")
        if max(-least, end - 1) > limit:
            warnings.warn(
                f"random integers in [{least}, {end}): {dtype.name} has not every integer beyond {limit}",
                UserWarning,
                stacklevel=3,
            )
    else:
        bounds = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        for name, value in (("from", least), ("to - 1", end - 1)):
            if not bounds[0] <= value <= bounds[1]:
                raise RuntimeError(
                    f"{name} is out of bounds for {dtype.name}: {value} is not in [{bounds[0]}, {bounds[1]}]"
                )
    return as_array(random.integers(least, end, shape, np.uint64 if dtype == np.uint64 else np.int64)).astype(
        dtype
    )


def int64_bound(value: Any) -> int:
    """A bound that a user gave: an integer of 64 bits."""
    if not hasattr(value, "__index__"):
        raise TypeError(f"the bounds of random integers must be int, not {type(value).__name__}")
    bound: int = value.__index__()
    if not -(2**63) <= bound < 2**63:
        raise ValueError(f"Overflow when unpacking long long: the bound {bound} does not fit into int64")
    return bound


def not_for(what: str, dtype: DType) -> NotImplementedError:
    """The error of samples that a dtype does not have."""
    return NotImplementedError(
        f"{what} are not implemented for {from_numpy_dtype(dtype)}; use a floating dtype"
    )


def stretched(sample: Array, scale: complex, shift: complex) -> Array:
    """``sample * scale + shift`` in the sample's dtype."""
    kind = sample.dtype.type
    return as_array(sample * kind(scale) + kind(shift))


def check_std(std: Array | float) -> None:
    """RuntimeError for a standard deviation that is negative or complex."""
    if isinstance(std, np.ndarray):
        if std.dtype.kind == "c":
            raise RuntimeError("normal expects standard deviation to be non-complex")
        if (std < 0).any():
            raise RuntimeError("normal expects all elements of std >= 0.0")
    elif not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")


def largest_integer(dtype: DType) -> int:
    """The largest integer that ``random_()`` draws."""
    if dtype.kind == "c":
        raise not_for("random integers", dtype)
    if dtype.kind == "f":
        return EXACT[dtype]
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


def flip(p: Any, shape: tuple[int, ...], dtype: DType, random: NumPyGenerator) -> Array:
    """1 with probability p; drawn in float64, as 24 bits are too coarse for a small p."""
    return as_array(random.random(shape) < p, dtype)


def check_probability(p: Any, name: str) -> None:
    """RuntimeError unless the probabilities are in [0, 1]."""
    if not isinstance(p, np.ndarray):
        if not 0 <= p <= 1:
            raise RuntimeError(f"{name} expects p to be in [0, 1], but got p={p}")
        return
    if p.dtype.kind != "f":
        raise not_for("Bernoulli samples with probabilities", p.dtype)
    if not ((p >= 0) & (p <= 1)).all():
        raise RuntimeError(
            f"Expected p_in >= 0 && p_in <= 1 to be true: the probabilities of {name} must be in [0, 1]"
        )
