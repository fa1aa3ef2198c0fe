"""Changes of an image as functions: what the transforms of the package do, with given places and sizes.

>>> import numpy as np
>>> import autotape.transforms.functional as TF
>>> TF.hflip(TF.to_tensor(np.array([[0, 255]], np.uint8)))
tensor([[[1., 0.]]])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.transforms import _image
from autotape.transforms.geometry import CenterCrop, InterpolationMode, Pad, Resize
from autotape.transforms.pictures import to_pil_image
from autotape.transforms.values import ConvertImageDtype, Grayscale, Normalize, ToTensor

__all__ = [
    "InterpolationMode",
    "center_crop",
    "convert_image_dtype",
    "crop",
    "get_image_size",
    "hflip",
    "normalize",
    "pad",
    "resize",
    "resized_crop",
    "rgb_to_grayscale",
    "to_grayscale",
    "to_pil_image",
    "to_tensor",
    "vflip",
]


def to_tensor(pic: Any) -> Tensor:
    """:class:`ToTensor` of an image."""
    return ToTensor()(pic)  # type: ignore[no-any-return]


def normalize(tensor: Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> Tensor:
    """:class:`Normalize` of an image."""
    return Normalize(mean, std, inplace)(tensor)  # type: ignore[no-any-return]


def convert_image_dtype(image: Tensor, dtype: DTypeLike = np.float32) -> Tensor:
    """:class:`ConvertImageDtype` of an image."""
    return ConvertImageDtype(dtype)(image)  # type: ignore[no-any-return]


def rgb_to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """:class:`Grayscale` of an image."""
    return Grayscale(num_output_channels)(img)


to_grayscale = rgb_to_grayscale


def get_image_size(img: Any) -> list[int]:
    """[width, height]."""
    height, width = _image.size_of(img)
    return [width, height]


def resize(img: Any, size: int | Sequence[int], interpolation: Any = None, antialias: bool = True) -> Any:
    """:class:`Resize` of an image."""
    return Resize(size, interpolation, antialias=antialias)(img)


def crop(img: Any, top: int, left: int, height: int, width: int) -> Any:
    """The part of an image from (``top``, ``left``) on; zeros where it is outside of the image."""
    h, w = _image.size_of(img)
    outside = (max(-left, 0), max(-top, 0), max(left + width - w, 0), max(top + height - h, 0))
    if any(outside):
        img = _image.pad(img, outside, 0, "constant")
    return _image.crop(img, max(top, 0), max(left, 0), height, width)


def center_crop(img: Any, output_size: int | Sequence[int]) -> Any:
    """:class:`CenterCrop` of an image."""
    return CenterCrop(output_size)(img)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: Any = None,
    antialias: bool = True,
) -> Any:
    """:func:`crop`, then :func:`resize`."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias)


def hflip(img: Any) -> Any:
    """The image with left and right exchanged."""
    _image.size_of(img)
    return np.flip(img, 1).copy() if isinstance(img, np.ndarray) else img.flip(-1)


def vflip(img: Any) -> Any:
    """The image with top and bottom exchanged."""
    _image.size_of(img)
    return np.flip(img, 0).copy() if isinstance(img, np.ndarray) else img.flip(-2)


def pad(
    img: Any, padding: int | Sequence[int], fill: float | Sequence[float] = 0, padding_mode: str = "constant"
) -> Any:
    """:class:`Pad` of an image."""
    return Pad(padding, fill, padding_mode)(img)
