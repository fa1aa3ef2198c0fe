"""Size, part and edges of an image that is an array (H, W[, C]) or a tensor (..., H, W)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor

__all__ = ["check_mode", "crop", "pad", "pair", "sides_of", "size_of"]

Sides = tuple[int, int, int, int]


def size_of(image: Any) -> tuple[int, int]:
    """Height and width."""
    if isinstance(image, Tensor) and image.ndim >= 2:
        return image.shape[-2], image.shape[-1]
    if isinstance(image, np.ndarray) and image.ndim in (2, 3):
        return image.shape[0], image.shape[1]
    shape = f" of shape {tuple(image.shape)}" if isinstance(image, np.ndarray | Tensor) else ""
    raise TypeError(
        "an image is an array (H, W) or (H, W, C) or a tensor (..., C, H, W), "
        f"not {type(image).__name__}{shape}"
    )


def crop(image: Any, top: int, left: int, height: int, width: int) -> Any:
    """A part, as a new image."""
    rows, columns = slice(top, top + height), slice(left, left + width)
    return image[rows, columns].copy() if isinstance(image, np.ndarray) else image[..., rows, columns].clone()


def pad(image: Any, sides: Sides, fill: float | Sequence[float], mode: str) -> Any:
    """More pixels on the left, top, right and bottom, as numpy.pad makes them in that mode."""
    left, top, right, bottom = sides
    h, w = size_of(image)
    if mode != "constant":
        if mode == "reflect" and (max(top, bottom) >= h or max(left, right) >= w):
            raise ValueError(
                f"padding {sides} (left, top, right, bottom) must be less than the size {(h, w)}"
            )
        rows = np.pad(np.arange(h), (top, bottom), mode)  # type: ignore[call-overload]
        columns = np.pad(np.arange(w), (left, right), mode)  # type: ignore[call-overload]
        return image[rows][:, columns] if isinstance(image, np.ndarray) else image[..., rows, :][..., columns]
    height, width = top + h + bottom, left + w + right
    inside = slice(top, top + h), slice(left, left + w)
    if isinstance(image, np.ndarray):
        padded = np.empty((height, width, *image.shape[2:]), image.dtype)
        padded[...] = fill
        padded[inside] = image
        return padded
    around = image.new_full((*image.shape[:-2], height, width), fill)
    around[(..., *inside)] = image
    return around


def pair(size: int | Sequence[int]) -> tuple[int, int]:
    """Height and width from the argument ``size``."""
    sides = (size,) if isinstance(size, int) else tuple(size)
    if len(sides) not in (1, 2) or min(sides) < 1:
        raise ValueError(f"size must be one or two numbers (height, width) from 1 on, got {size}")
    return sides[0], sides[-1]


def sides_of(padding: int | Sequence[int]) -> Sides:
    """Left, top, right and bottom from the argument ``padding``."""
    given = (padding,) if isinstance(padding, int) else tuple(padding)
    if len(given) not in (1, 2, 4) or min(given) < 0:
        raise ValueError(
            f"Padding must be an int or a 1, 2, or 4 element tuple, none negative; got {padding}"
        )
    left, top, right, bottom = given * (4 // len(given))
    return left, top, right, bottom


def check_mode(padding_mode: str) -> None:
    """Refuse an unknown ``padding_mode``."""
    if padding_mode not in ("constant", "edge", "reflect", "symmetric"):
        raise ValueError(
            f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}"
        )
