"""``assert_close``, and ``make_tensor`` for random test data: PyTorch's ``torch.testing``."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from autotape.engine.basics import on_cpu
from autotape.engine.dtypes import DTypeLike, from_numpy_dtype, to_numpy_dtype
from autotape.engine.tensor import Tensor
from autotape.ops._making import in_order
from autotape.ops.generator import source

__all__ = ["assert_close", "make_tensor"]

Array = np.ndarray[Any, Any]

# rtol and atol by the size of an element (PyTorch's); integers and booleans must be equal
_TOLERANCES = {"f2": (1e-3, 1e-5), "f4": (1.3e-6, 1e-5), "f8": (1e-7, 1e-7)}
_TOLERANCES |= {"c8": _TOLERANCES["f4"], "c16": _TOLERANCES["f8"]}
_SHOWN = 5  # mismatches in the excerpt


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | Callable[[str], str] | None = None,
) -> None:
    """AssertionError unless ``|actual - expected| <= atol + rtol |expected|`` for every element.

    Compares tensors, arrays, numbers, None, and sequences and mappings of them (in any depth; list and tuple
    count as equal). Shapes must be equal, dtypes too unless ``check_dtype=False``; nothing is broadcast.
    Infinities are close only to themselves, NaN to nothing (with ``equal_nan`` to NaN).

    Args:
        allow_subclasses: False demands the same types, where a Parameter otherwise compares with a Tensor.
        rtol, atol: given together or not at all; else float16 has 1e-3 and 1e-5, float32 1.3e-6 and 1e-5,
            float64 1e-7 and 1e-7, complex numbers those of their parts, all others 0 (of two dtypes the
            greater ones).
        check_stride: whether strides must agree as well.
        msg: the message where values differ, or a function of the message made here.
        check_device, check_layout: PyTorch's; there is one device and one layout.

    TypeError for what can't be compared (a tensor with an array, strings), ValueError for a lone tolerance.

    >>> import autotape as at
    >>> assert_close(at.tensor([1.0, 2.0]), at.tensor([1.0, 2.0000001]))
    >>> assert_close([at.tensor([1.0, 2.0])], [at.tensor([1.0, 2.5])])
    Traceback (most recent call last):
    AssertionError: Tensor-likes are not close!
    <BLANKLINE>
    Mismatched elements: 1 / 2 (50.0%)
    Greatest absolute difference: 0.5 at index (1,) (up to 1e-05 allowed)
    Greatest relative difference: 0.20000000298023224 at index (1,) (up to 1.3e-06 allowed)
    <BLANKLINE>
    index  actual  expected  difference
    (1,)   2.0     2.5       -0.5
    <BLANKLINE>
    The failure occurred for item [0]
    """
    __tracebackhide__ = True
    if (rtol is None) is not (atol is None):
        absent = "rtol" if rtol is None else "atol"
        raise ValueError(f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {absent}.")
    # structure and types before any value
    for a, b, path in list(_pairs(actual, expected, "", allow_subclasses)):
        message = difference(
            a,
            b,
            rtol=rtol,
            atol=atol,
            equal_nan=equal_nan,
            check_dtype=check_dtype,
            check_stride=check_stride,
        )
        if message is not None:
            message += f"\n\nThe failure occurred for item {path}" if path else ""
            raise AssertionError(msg(message) if callable(msg) else message if msg is None else msg)


_Pair = tuple[Any, Any, str]


def _pairs(a: Any, b: Any, path: str, allow_subclasses: bool) -> Iterator[_Pair]:
    """The comparable leaves of two structures and where they are."""
    item = f"\n\nThe failure occurred for item {path}" if path else ""
    if _is_sequence(a) and _is_sequence(b):
        if len(a) != len(b):
            raise AssertionError(f"The length of the sequences mismatch: {len(a)} != {len(b)}{item}")
        for i, (x, y) in enumerate(zip(a, b)):
            yield from _pairs(x, y, f"{path}[{i}]", allow_subclasses)
    elif isinstance(a, Mapping) and isinstance(b, Mapping):
        absent, additional = [k for k in b if k not in a], [k for k in a if k not in b]
        if absent or additional:
            raise AssertionError(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {_sorted(absent)}\n"
                f"Additional keys in the actual mapping: {_sorted(additional)}{item}"
            )
        for key in _sorted(list(a)):
            yield from _pairs(a[key], b[key], f"{path}[{key!r}]", allow_subclasses)
    elif a is None or b is None or (_is_number(a) and _is_number(b)) or _comparable(a, b, allow_subclasses):
        yield a, b, path
    else:
        raise TypeError(
            f"No comparison pair was able to handle inputs of type {type(a)} and {type(b)}."
            + _hint(a, b)
            + item
        )


def _hint(a: Any, b: Any) -> str:
    kinds = Tensor | np.ndarray | int | float
    if isinstance(a, Tensor) is not isinstance(b, Tensor) and isinstance(a, kinds) and isinstance(b, kinds):
        return "\nMake both tensors (at.as_tensor) or both arrays (.numpy())."
    return ""


def _is_sequence(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | complex | np.number | np.bool_)


def _is_tensor_like(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, np.ndarray) and value.dtype.kind in "biufc")


def _comparable(a: Any, b: Any, allow_subclasses: bool) -> bool:
    if not (_is_tensor_like(a) and _is_tensor_like(b)):
        return False
    if not allow_subclasses:
        return type(a) is type(b)
    return isinstance(a, type(b)) or isinstance(b, type(a))


def _sorted(keys: list[Any]) -> list[Any]:
    try:
        return sorted(keys)
    except TypeError:  # keys of several types
        return keys


# --- one pair -----------------------------------------------------------------------------------------------


def difference(
    a: Any,
    b: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
    check_stride: bool = False,
) -> str | None:
    """What tells two tensors, arrays or numbers apart, in the words of :func:`assert_close`; else None."""
    given = None if rtol is None or atol is None else (rtol, atol)
    if a is None or b is None:
        return None if a is b else f"None mismatch: {a} is not {b}"
    if _is_number(a) and _is_number(b):
        return _numbers(a, b, given, equal_nan, check_dtype)
    x: Array = a._array if isinstance(a, Tensor) else a
    y: Array = b._array if isinstance(b, Tensor) else b
    if x.shape != y.shape:
        return _attribute("shape", x.shape, y.shape)
    if check_dtype and x.dtype != y.dtype:
        return _attribute("dtype", from_numpy_dtype(x.dtype), from_numpy_dtype(y.dtype))
    if check_stride:
        strides = [Tensor._from_array(z).stride() for z in (x, y)]
        if strides[0] != strides[1]:
            return _attribute("stride()", *strides)
    return _arrays(x, y, *(given or _tolerances(x.dtype, y.dtype)), equal_nan)


def _attribute(name: str, a: Any, b: Any) -> str:
    return f"The values for attribute '{name}' do not match: {a} != {b}."


def _tolerances(*dtypes: np.dtype[Any]) -> tuple[float, float]:
    found = [_TOLERANCES.get(f"{d.kind}{d.itemsize}", (0.0, 0.0)) for d in dtypes]
    return max(rtol for rtol, _ in found), max(atol for _, atol in found)


def _numbers(
    a: Any, b: Any, given: tuple[float, float] | None, equal_nan: bool, check_dtype: bool
) -> str | None:
    a, b = (v.item() if isinstance(v, np.generic) else v for v in (a, b))
    if isinstance(a, bool) and isinstance(b, bool):
        return None if a is b else f"Booleans mismatch: {a} is not {b}"
    if check_dtype and type(a) is not type(b):
        return f"The (d)types do not match: {type(a)} != {type(b)}."
    # int has no tolerance, float and complex that of float64
    types = (np.dtype(np.int64 if isinstance(v, int) else np.float64) for v in (a, b))
    return _scalars(a, b, *(given or _tolerances(*types)), equal_nan)


def _scalars(a: Any, b: Any, rtol: float, atol: float, equal_nan: bool) -> str | None:
    apart = abs(a - b)
    with_tolerance = bool(rtol or atol)
    if a == b or (equal_nan and a != a and b != b):
        return None
    if with_tolerance and apart < math.inf and apart <= atol + rtol * abs(b):
        return None
    relative = apart / abs(b) if b else math.inf
    return (
        f"Scalars are not {'close' if with_tolerance else 'equal'}!\n\n"
        f"Expected {b} but got {a}.\n"
        f"Absolute difference: {apart}{_allowed(atol, with_tolerance)}\n"
        f"Relative difference: {relative}{_allowed(rtol, with_tolerance)}"
    )


def _allowed(tolerance: float, shown: bool) -> str:
    return f" (up to {tolerance} allowed)" if shown else ""


def _arrays(x: Array, y: Array, rtol: float, atol: float, equal_nan: bool) -> str | None:
    common = np.result_type(x, y)
    x, y = x.astype(common, copy=False), y.astype(common, copy=False)
    with np.errstate(all="ignore"):
        apart = _distance(x, y)
        close = (x == y) | (np.isfinite(apart) & (apart <= atol + np.abs(rtol * np.abs(y))))
    if equal_nan:
        close |= np.isnan(x) & np.isnan(y)
    if close.all():
        return None
    if not x.ndim:
        return _scalars(x.item(), y.item(), rtol, atol, equal_nan)

    with_tolerance = bool(rtol or atol)
    wrong = np.argwhere(~close)
    apart = np.where(close, np.zeros((), apart.dtype), apart)
    with np.errstate(all="ignore"):
        relative = np.where(close, np.zeros((), apart.dtype), apart / np.abs(y))
    lines = [
        f"Tensor-likes are not {'close' if with_tolerance else 'equal'}!",
        "",
        f"Mismatched elements: {len(wrong)} / {x.size} ({len(wrong) / x.size:.1%})",
    ]
    for kind, values, tolerance in (("absolute", apart, atol), ("relative", relative, rtol)):
        index = _index(np.unravel_index(int(values.argmax()), values.shape))
        lines.append(
            f"Greatest {kind} difference: {values[index].item()} at index {index}"
            + _allowed(tolerance, with_tolerance)
        )
    return "\n".join([*lines, "", *_excerpt(x, y, wrong)])


def _distance(x: Array, y: Array) -> Array:
    """``|x - y|``; of integers exact, also where the difference overflows."""
    if x.dtype.kind == "b":
        return np.asarray(x ^ y).astype(np.uint8)
    if x.dtype.kind in "iu":
        unsigned = np.dtype(f"u{x.dtype.itemsize}")
        forward = np.asarray(x.astype(unsigned) - y.astype(unsigned))
        return np.where(x > y, forward, -forward)
    return np.asarray(np.abs(x - y))


def _index(found: Any) -> tuple[int, ...]:
    return tuple(map(int, found))


def _excerpt(x: Array, y: Array, wrong: Array) -> list[str]:
    """The first mismatches as a table."""
    rows: list[tuple[str, ...]] = [("index", "actual", "expected", "difference")]
    for index in map(_index, wrong[:_SHOWN]):
        a, b = x[index], y[index]
        with np.errstate(all="ignore"):
            apart = int(a) - int(b) if x.dtype.kind in "biu" else a - b
        rows.append((str(index), *map(str, (a, b, apart))))
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows]
    return lines if len(wrong) <= _SHOWN else [*lines, f"... and {len(wrong) - _SHOWN} more"]


# --- random data --------------------------------------------------------------------------------------------


def make_tensor(
    *shape: int | Sequence[int],
    dtype: DTypeLike,
    device: Any = "cpu",
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """A tensor of numbers drawn evenly from ``[low, high)`` by the global generator.

    Args:
        shape: integers, or one sequence of them.
        low, high: by default -9 and 9 for floating and complex dtypes (of a complex number both parts), -9
            and 10 for signed integers, 0 and 10 for unsigned ones, 0 and 2 for booleans. What the dtype can't
            hold becomes its least or greatest number.
        noncontiguous: whether elements lie apart in memory (where there are two or more).
        exclude_zero: zeros become 1, or the smallest normal number of a floating or complex dtype.
        memory_format: the order of the memory instead.

    ValueError for an empty range or NaN, for integers that require a gradient, for ``noncontiguous`` with
    ``memory_format``.

    >>> import autotape as at
    >>> _ = at.manual_seed(0)
    >>> x = make_tensor(2, 3, dtype=at.float64, low=1, high=2, noncontiguous=True)
    >>> x.shape, x.is_contiguous(), bool(((x >= 1) & (x < 2)).all())
    (autotape.Size([2, 3]), False, True)
    """
    on_cpu(device)
    sides: tuple[Any, ...] = shape
    if len(shape) == 1 and isinstance(shape[0], Sequence):
        sides = tuple(shape[0])
    numpy = to_numpy_dtype(dtype)
    if requires_grad and numpy.kind not in "fc":
        raise ValueError(
            f"make_tensor: requires_grad must be False for boolean and integral dtypes, not {dtype}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError("make_tensor: noncontiguous and memory_format are mutually exclusive")
    apart = noncontiguous and math.prod(sides) > 1
    array = _random(sides if not apart else (*sides, 2), numpy, *_range(numpy, low, high))
    if exclude_zero:
        least = np.finfo(numpy).tiny if numpy.kind in "fc" else 1
        array[array == 0] = least * (1 + 1j) if numpy.kind == "c" else least
    if apart:
        array = array[..., 0]
    elif memory_format is not None:
        ordered = in_order(sides, numpy, memory_format)
        ordered[...] = array
        array = ordered
    return Tensor._from_array(array).requires_grad_(requires_grad)


def _range(dtype: np.dtype[Any], low: float | None, high: float | None) -> tuple[float, float]:
    usual = {"b": (0, 2), "u": (0, 10), "i": (-9, 10)}.get(dtype.kind, (-9, 9))
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"make_tensor: low and high must not be NaN, got {low=} and {high=}")
    if dtype.kind in "fc":
        least, most = float(np.finfo(dtype).min), float(np.finfo(dtype).max)
        found = min(max(low, least), most), min(max(high, least), most)
    else:  # high is exclusive: the greatest integer can be drawn
        least, most = (0, 1) if dtype.kind == "b" else (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
        found = math.ceil(max(low, least)), math.ceil(min(high, most + 1))
    if low > high or (found[0] >= found[1] and dtype.kind not in "fc"):
        raise ValueError(f"make_tensor: no {dtype.name} lies in the range [{low}, {high})")
    return found


def _random(shape: tuple[int, ...], dtype: np.dtype[Any], low: float, high: float) -> Array:
    rng = source(None)
    if dtype.kind == "b":
        return rng.integers(math.ceil(low), math.ceil(high), shape).astype(dtype)
    if dtype.kind in "iu":
        return rng.integers(int(low), int(high), shape, dtype)
    real = np.dtype(f"f{dtype.itemsize // 2}") if dtype.kind == "c" else dtype
    middle, half = low / 2 + high / 2, high / 2 - low / 2  # high - low may be too great for a float
    parts = [middle + half * (2 * rng.random(shape) - 1) for _ in range(1 + (dtype.kind == "c"))]
    rounded = [np.asarray(p).astype(real) for p in parts]
    below = np.nextafter(real.type(high), real.type(low))  # rounding may have reached high
    inside = [np.minimum(p, below) if low < high else p for p in rounded]
    if dtype.kind != "c":
        return np.asarray(inside[0])
    found = np.empty(shape, dtype)
    found.real, found.imag = inside
    return found
