"""Transforms that change the size of an image or the places of its pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import Enum
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.ops.generator import source
from autotape.transforms._image import check_mode, crop, pad, pair, sides_of, size_of
from autotape.transforms.transform import Transform

__all__ = [
    "CenterCrop",
    "InterpolationMode",
    "Pad",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
]

Array = np.ndarray[Any, Any]


class InterpolationMode(Enum):
    """Ways to find a pixel between others; :class:`Resize` has the bilinear one."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


class Pad(Transform):
    """More pixels around an image.

    ``padding`` is a number, or (left and right, top and bottom), or (left, top, right, bottom).
    ``padding_mode`` is ``"constant"`` (with the value ``fill``), ``"edge"``, ``"reflect"`` or
    ``"symmetric"``, as in numpy.pad.
    """

    def __init__(
        self,
        padding: int | Sequence[int],
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        self._sides = sides_of(padding)
        check_mode(padding_mode)
        self.padding = padding
        self.fill = fill
        self.padding_mode = padding_mode

    def _change(self, img: Any) -> Any:
        return pad(img, self._sides, self.fill, self.padding_mode)

    def __repr__(self) -> str:
        arguments = f"padding={self.padding}, fill={self.fill}, padding_mode={self.padding_mode}"
        return f"{type(self).__name__}({arguments})"


class CenterCrop(Transform):
    """The middle of an image; ``size`` is (height, width), or both. A smaller image gets zeros around it."""

    def __init__(self, size: int | Sequence[int]) -> None:
        self.size = pair(size)

    def _change(self, img: Any) -> Any:
        height, width = self.size
        h, w = size_of(img)
        if height > h or width > w:
            y, x = max(height - h, 0), max(width - w, 0)
            img = pad(img, (x // 2, y // 2, (x + 1) // 2, (y + 1) // 2), 0, "constant")
            h, w = size_of(img)
        return crop(img, round((h - height) / 2), round((w - width) / 2), height, width)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class RandomCrop(Transform):
    """A part of an image at a random place; ``size`` is (height, width), or both.

    ``padding``, ``fill`` and ``padding_mode``, as in :class:`Pad`, come first. ``pad_if_needed`` pads an
    image that is too small, on both sides by what is missing.

    Raises:
        ValueError: the image is too small.

    >>> RandomCrop(32, padding=4)(np.zeros((32, 32, 3), np.uint8)).shape
    (32, 32, 3)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        padding: int | Sequence[int] | None = None,
        pad_if_needed: bool = False,
        fill: float | Sequence[float] = 0,
        padding_mode: str = "constant",
    ) -> None:
        self.size = pair(size)
        self._sides = None if padding is None else sides_of(padding)
        check_mode(padding_mode)
        self.padding = padding
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self.padding_mode = padding_mode

    def _change(self, img: Any) -> Any:
        if self._sides is not None:
            img = pad(img, self._sides, self.fill, self.padding_mode)
        height, width = self.size
        h, w = size_of(img)
        if self.pad_if_needed and (h < height or w < width):
            y, x = max(height - h, 0), max(width - w, 0)
            img = pad(img, (x, y, x, y), self.fill, self.padding_mode)
            h, w = size_of(img)
        if h < height or w < width:
            raise ValueError(f"Required crop size {self.size} is larger than input image size {(h, w)}")
        numbers = source(None)
        top, left = int(numbers.integers(h - height + 1)), int(numbers.integers(w - width + 1))
        return crop(img, top, left, height, width)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, padding={self.padding})"


class RandomHorizontalFlip(Transform):
    """The image with left and right exchanged, with probability ``p``; else the image itself."""

    _axes = (1, -1)  # of an array, of a tensor

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p must be a probability, from 0 to 1, got {p}")
        self.p = p

    def _change(self, img: Any) -> Any:
        size_of(img)
        if source(None).random() >= self.p:
            return img
        if isinstance(img, np.ndarray):
            return np.flip(img, self._axes[0]).copy()
        return img.flip(self._axes[1])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


class RandomVerticalFlip(RandomHorizontalFlip):
    """The image with top and bottom exchanged, with probability ``p``; else the image itself."""

    _axes = (0, -2)


class Resize(Transform):
    """An image in another size: (height, width), or the shorter side's length, which keeps their ratio.

    Bilinear, with antialiasing: a new pixel is the mean of the old ones, weighted by a triangle around its
    centre that is one pixel wide on each side, of the old pixels or the new ones, whichever are larger.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        interpolation: Any = InterpolationMode.BILINEAR,
        max_size: int | None = None,
        antialias: bool | None = True,
    ) -> None:
        if interpolation not in (InterpolationMode.BILINEAR, InterpolationMode.BILINEAR.value, 2, None):
            raise NotImplementedError(
                f"Resize: an image is resized bilinearly, not by {interpolation}; for a tensor there is "
                "nn.functional.interpolate"
            )
        if max_size is not None or antialias is False:
            raise NotImplementedError("Resize: max_size is None and antialias is on; nothing else is there")
        self._size = pair(size)
        self._keeps_ratio = isinstance(size, int) or len(size) == 1
        self.size = size

    def _change(self, img: Any) -> Any:
        h, w = size_of(img)
        height, width = self._size
        if self._keeps_ratio:
            short = height
            height, width = (short, int(short * w / h)) if h <= w else (int(short * h / w), short)
        if (height, width) == (h, w):
            return img
        rows, columns = _shares(h, height), _shares(w, width)
        if isinstance(img, Tensor):
            if img.is_floating_point():
                dtype = img._array.dtype
                return Tensor._wrap(rows.astype(dtype)) @ img @ Tensor._wrap(columns.T.astype(dtype))
            return Tensor._wrap(_in_dtype(rows @ img._array @ columns.T, img._array.dtype))
        channels_first = img if img.ndim == 2 else img.transpose(2, 0, 1)
        mixed = _in_dtype(rows @ channels_first @ columns.T, img.dtype)
        return mixed if img.ndim == 2 else np.ascontiguousarray(mixed.transpose(1, 2, 0))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size})"


class RandomResizedCrop(Resize):
    """A random part of an image in another size, as GoogLeNet was trained (Szegedy 2015).

    The part's area is uniform in ``scale``, of that of the image, the logarithm of its width over its height
    uniform between those of ``ratio``. After ten parts that did not fit it is the largest one in the middle.
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: Any = InterpolationMode.BILINEAR,
        antialias: bool | None = True,
    ) -> None:
        super().__init__(pair(size), interpolation, antialias=antialias)
        self.scale, self.ratio = scale, ratio

    def _change(self, img: Any) -> Any:
        return super()._change(crop(img, *self._part(*size_of(img))))

    def _part(self, h: int, w: int) -> tuple[int, int, int, int]:
        """Top, left, height and width."""
        numbers = source(None)
        for _ in range(10):
            area = h * w * numbers.uniform(self.scale[0], self.scale[1])
            ratio = math.exp(numbers.uniform(math.log(self.ratio[0]), math.log(self.ratio[1])))
            width, height = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
            if 0 < width <= w and 0 < height <= h:
                top, left = numbers.integers(h - height + 1), numbers.integers(w - width + 1)
                return int(top), int(left), height, width
        ratio = min(max(w / h, min(self.ratio)), max(self.ratio))
        width, height = min(w, round(h * ratio)), min(h, round(w / ratio))
        return (h - height) // 2, (w - width) // 2, height, width

    def __repr__(self) -> str:
        return f"{type(self).__name__}(size={self.size}, scale={self.scale}, ratio={self.ratio})"


def _shares(old: int, new: int) -> Array:
    """The weight (new, old) of each old pixel in each new one."""
    scale = old / new
    centres = (np.arange(new) + 0.5) * scale - 0.5
    shares: Array = np.maximum(1 - np.abs(np.arange(old) - centres[:, None]) / max(scale, 1), 0)
    shares /= shares.sum(1, keepdims=True)
    return shares


def _in_dtype(values: Array, dtype: np.dtype[Any]) -> Array:
    return (values if dtype.kind == "f" else np.rint(values)).astype(dtype)
