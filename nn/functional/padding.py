"""Padding: a frame of a constant, of mirrored or repeated elements around an input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor

__all__ = ["constant_pad", "pad"]

Array = np.ndarray[Any, Any]
Frame = tuple[tuple[int, int], ...]  # how much is added before and after, per dimension; negative: cut off


# --- a constant ---------------------------------------------------------------------------------------------


def _inner(frame: Frame, shape: tuple[int, ...]) -> tuple[slice, ...]:
    """What is left of ``shape`` where the frame is negative."""
    return tuple([slice(max(-a, 0), n - max(-b, 0)) for (a, b), n in zip(frame, shape, strict=True)])


def _constant(x: Array, frame: Frame, value: Any) -> Array:
    shape = tuple([n + a + b for n, (a, b) in zip(x.shape, frame, strict=True)])
    out: Array = fresh(shape, x)
    if value:
        out[...] = value
    outward = tuple([(-a, -b) for a, b in frame])
    out[_inner(outward, shape)] = x[_inner(frame, x.shape)]
    return out


def _constant_rule(g: Any, _y: Any, _x: Any, frame: Frame, _value: Any) -> Any:
    back = tuple([(-a, -b) for a, b in frame])
    return apply(_CONSTANT, (g,), back, 0) if isinstance(g, Tensor) else _constant(g, back, 0)


_CONSTANT = Operation("constant_pad_nd", _constant, _constant_rule)


def constant_pad(input: Tensor, frame: Frame, value: Any = 0) -> Tensor:
    """The input with ``value`` before and after it, as much as ``frame`` says per dimension."""
    return apply(_CONSTANT, (input,), frame, value)  # type: ignore[no-any-return]


# --- its own elements ---------------------------------------------------------------------------------------
# Each dimension is one after the other filled from what the array already holds, so corners come by
# themselves. A step is (where to, from where, along which dimension); the adjoint takes the steps back,
# adding what was copied.

Step = tuple[int, slice, slice]


def _steps(mode: str, dim: int, size: int, before: int, after: int) -> list[Step]:
    end = before + size
    if mode == "replicate":
        return [
            (dim, slice(0, before), slice(before, before + 1)),
            (dim, slice(end, end + after), slice(end - 1, end)),
        ]
    if mode == "reflect":
        lowest = end - 2 - after
        return [
            (dim, slice(0, before), slice(2 * before, before, -1)),
            (dim, slice(end, end + after), slice(end - 2, lowest if lowest >= 0 else None, -1)),
        ]
    steps = []
    done = before  # circular: at most a period at a time
    while done > 0:
        count = min(done, size)
        steps.append((dim, slice(done - count, done), slice(done - count + size, done + size)))
        done -= count
    done = end
    while done < end + after:
        count = min(end + after - done, size)
        steps.append((dim, slice(done, done + count), slice(done - size, done - size + count)))
        done += count
    return steps


def _along(dim: int, part: slice) -> tuple[slice, ...]:
    return (*[slice(None)] * dim, part)


def _mirror(x: Array, frame: Frame, mode: str) -> Array:
    shape = tuple([n + a + b for n, (a, b) in zip(x.shape, frame, strict=True)])
    out: Array = fresh(shape, x)
    out[tuple([slice(a, a + n) for n, (a, _) in zip(x.shape, frame, strict=True)])] = x
    for dim, (before, after) in enumerate(frame):
        for d, to, source in _steps(mode, dim, x.shape[dim], before, after):
            if to.stop > to.start:
                out[_along(d, to)] = out[_along(d, source)]
    return out


def _fold(g: Array, frame: Frame, mode: str) -> Array:
    shape = tuple([n - a - b for n, (a, b) in zip(g.shape, frame, strict=True)])
    out = g.copy()
    for dim in reversed(range(len(frame))):
        for d, to, source in reversed(_steps(mode, dim, shape[dim], *frame[dim])):
            if to.stop > to.start:
                part = out[_along(d, to)]
                if mode == "replicate":
                    part = np.add.reduce(part, axis=d, keepdims=True)
                out[_along(d, source)] += part
    return out[tuple([slice(a, a + n) for n, (a, _) in zip(shape, frame, strict=True)])]


def _mirror_rule(g: Any, _y: Any, _x: Any, frame: Frame, mode: str) -> Any:
    return apply(_FOLD, (g,), frame, mode) if isinstance(g, Tensor) else _fold(g, frame, mode)


def _fold_rule(g: Any, _y: Any, _x: Any, frame: Frame, mode: str) -> Any:
    return apply(_MIRROR, (g,), frame, mode) if isinstance(g, Tensor) else _mirror(g, frame, mode)


_MIRROR = Operation("pad", _mirror, _mirror_rule)
_FOLD = Operation("pad_adjoint", _fold, _fold_rule)


def pad(input: Tensor, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Tensor:
    """The input with elements added at both ends of its last dimensions.

    Args:
        pad: how many before and after, the last dimension first: ``(left, right, top, bottom, ...)``.
            Negative ones cut elements off.
        mode: "constant" (``value``, 0 by default; of any dimensions), and of the last one to three dimensions
            of
            an input with one or two more: "reflect" (mirrored at the outermost element), "replicate" (that
            element repeated), "circular" (from the other end).

    The derivative adds the gradient of every copy to its original. Errors: RuntimeError where a mirror image
    would need more elements than there are, NotImplementedError for other modes.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> x = at.tensor([[1, 2, 3]])
    >>> F.pad(x, (1, 2)), F.pad(x, (1, 2), "reflect")
    (tensor([[0, 1, 2, 3, 0, 0]]), tensor([[2, 1, 2, 3, 2, 1]]))
    >>> F.pad(x, (1, 2), "replicate"), F.pad(x, (1, 2), "circular")
    (tensor([[1, 1, 2, 3, 3, 3]]), tensor([[3, 1, 2, 3, 1, 2]]))
    """
    input = tensor_input(input, "input", "pad")
    shape = input._array.shape
    for position, n in enumerate(pad):
        if not hasattr(n, "__index__"):
            raise TypeError(
                f"pad(): argument 'pad' must be tuple of ints, but found element of type {type(n).__name__} "
                f"at pos {position}"
            )
    amounts = [n.__index__() for n in pad]
    if len(amounts) % 2:
        raise RuntimeError(f"Padding length must be divisible by 2, but got padding {amounts}")
    if len(amounts) > 2 * len(shape):
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding "
            f"length {len(amounts)} and input of dimension {len(shape)}"
        )
    pairs = list(zip(amounts[::2], amounts[1::2], strict=True))
    frame: Frame = (*[(0, 0)] * (len(shape) - len(pairs)), *reversed(pairs))
    if mode == "constant":
        _check_sizes(shape, frame)
        if isinstance(value, complex):
            raise TypeError("pad(): argument 'value' must be float, not complex")
        filling = np.asarray(value or 0).astype(input._array.dtype)[()]
        return constant_pad(input, frame, filling)
    if mode not in ("reflect", "replicate", "circular"):
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if not 1 <= len(pairs) <= 3 or len(shape) not in (len(pairs) + 1, len(pairs) + 2):
        raise NotImplementedError(
            f"Padding size {len(amounts)} is not supported for {len(shape)}D input tensor.\n"
            "Supported combinations for non-constant padding:\n"
            "  - 2D or 3D input: padding size = 2 (pads last dimension)\n"
            "  - 3D or 4D input: padding size = 4 (pads last 2 dimensions)\n"
            "  - 4D or 5D input: padding size = 6 (pads last 3 dimensions)"
        )
    _check_source(input, frame, mode, len(pairs))
    return _padded(input, frame, mode)


def _padded(input: Tensor, frame: Frame, mode: str) -> Tensor:
    added = tuple([(max(a, 0), max(b, 0)) for a, b in frame])
    cut = tuple([(min(a, 0), min(b, 0)) for a, b in frame])
    if mode == "circular":  # what is cut off does not come around
        input = constant_pad(input, cut) if any(map(any, cut)) else input
        return apply(_MIRROR, (input,), added, mode)  # type: ignore[no-any-return]
    y: Tensor = apply(_MIRROR, (input,), added, mode)
    return constant_pad(y, cut) if any(map(any, cut)) else y


def _check_sizes(shape: tuple[int, ...], frame: Frame) -> None:
    for n, (before, after) in zip(shape, frame, strict=True):
        if n + before + after < 0 or max(-before, 0) > n or max(-after, 0) > n:
            raise RuntimeError(
                f"narrow(): length must be non-negative. Padding {before, after} cuts more off than the "
                f"input of shape {list(shape)} has"
            )


def _check_source(input: Tensor, frame: Frame, mode: str, spatial: int) -> None:
    shape = input._array.shape
    if mode != "circular" and input._array.dtype.kind == "b":
        raise NotImplementedError(f'"{mode} padding" not implemented for {input.dtype}; convert it first')
    if 0 in shape[-spatial - 1 :]:
        raise RuntimeError(
            f"Expected {spatial + 1}D or {spatial + 2}D (batch mode) tensor with possibly 0 batch size and "
            f"other non-zero dimensions for input, but got: {list(shape)}"
        )
    for dim, (n, (before, after)) in enumerate(zip(shape, frame, strict=True)):
        if n + before + after < (0 if mode == "circular" else 1) and (before or after):
            raise RuntimeError(
                f"input of shape {list(shape)} is too small: padding {before, after} of dimension {dim} "
                f"gives size {n + before + after}"
            )
        if mode == "reflect" and max(before, after) >= n and (before or after):
            raise RuntimeError(
                "Padding size should be less than the corresponding input dimension, but got: padding "
                f"({before}, {after}) at dimension {dim} of input {list(shape)}"
            )
        if mode == "circular" and max(before, after) > n:
            raise RuntimeError(
                f"Padding value causes wrapping around more than once: padding {before, after} at dimension "
                f"{dim} of input {list(shape)}"
            )
