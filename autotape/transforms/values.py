"""Transforms that change the values of the pixels and leave them in their places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autotape.engine.dtypes import DTypeLike, default_dtype, to_numpy_dtype
from autotape.engine.tensor import Tensor
from autotape.ops.generator import source
from autotape.transforms._image import size_of
from autotape.transforms.transform import Transform

__all__ = ["ConvertImageDtype", "Grayscale", "Normalize", "RandomGrayscale", "ToTensor"]

Array = np.ndarray[Any, Any]


class ToTensor(Transform):
    """An array (H, W) or (H, W, C), or an image of PIL, as a new tensor (C, H, W).

    The values 0 to 255 of uint8 become 0 to 1 in the default dtype; values of other dtypes stay as they are.

    >>> ToTensor()(np.array([[0, 51], [102, 255]], np.uint8))
    tensor([[[0.0000, 0.2000],
             [0.4000, 1.0000]]])
    """

    def _change(self, img: Any) -> Tensor:
        if type(img).__module__.startswith("PIL."):
            img = np.array(img)
        if not isinstance(img, np.ndarray):
            raise TypeError(f"pic should be a NumPy array (H, W) or (H, W, C), got {type(img).__name__}")
        if img.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {img.ndim} dimensions.")
        image = img[None] if img.ndim == 2 else img.transpose(2, 0, 1)
        if image.dtype != np.uint8:
            return Tensor._wrap(image.copy(order="C"))
        pixels = image.astype(default_dtype(), order="C")
        pixels /= 255
        return Tensor._wrap(pixels)


class Normalize(Transform):
    """``(image - mean) / std``, channel by channel, of a float tensor (..., C, H, W).

    ``mean`` and ``std`` have a number for each channel, or one for all. ``inplace`` writes into the tensor.
    """

    def __init__(self, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace
        self._mean, self._std = (np.array(numbers, np.float64).reshape(-1, 1, 1) for numbers in (mean, std))
        if not self._std.all():
            raise ValueError(f"std must not be zero, got {std}")

    def _change(self, img: Any) -> Tensor:
        if not isinstance(img, Tensor):
            raise TypeError(f"img should be Tensor Image, got {type(img).__name__}: put ToTensor() before it")
        if not img.is_floating_point():
            raise TypeError(f"Input tensor should be a float tensor. Got {img.dtype}.")
        if img.ndim < 3:
            raise ValueError(f"Expected a tensor image of size (..., C, H, W). Got {tuple(img.shape)}.")
        if {len(self._mean), len(self._std)} - {1, img.shape[-3]}:
            raise ValueError(
                f"an image of {img.shape[-3]} channels needs as many numbers in mean and std, or one; "
                f"got {self.mean} and {self.std}"
            )
        mean, std = (Tensor._wrap(numbers.astype(img._array.dtype)) for numbers in (self._mean, self._std))
        return img.sub_(mean).div_(std) if self.inplace else (img - mean) / std

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class ConvertImageDtype(Transform):
    """A tensor in another dtype, its values scaled: 0 to 1 in floats is 0 to the largest one in integers."""

    def __init__(self, dtype: DTypeLike) -> None:
        self.dtype = dtype

    def _change(self, img: Any) -> Tensor:
        if not isinstance(img, Tensor):
            raise TypeError(f"Input img should be Tensor Image, got {type(img).__name__}")
        old, new = img._array.dtype, to_numpy_dtype(self.dtype)
        if old == new:
            return img
        if new.kind == "f":
            return img.to(self.dtype) if old.kind == "f" else img.to(self.dtype) / np.iinfo(old).max
        values = int(np.iinfo(new).max) + 1
        if old.kind == "f":  # each integer stands for an equal part of [0, 1]
            return (img * (values - 1e-3)).to(self.dtype)
        old_values = int(np.iinfo(old).max) + 1
        if values < old_values:
            return (img // (old_values // values)).to(self.dtype)
        return img.to(self.dtype) * (values // old_values)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.dtype})"


class Grayscale(Transform):
    """The brightness ``0.299 R + 0.587 G + 0.114 B``, in one channel or in three equal ones.

    An array (H, W, 3) becomes (H, W), or (H, W, 3); a tensor (..., 3, H, W) becomes (..., 1, H, W), or keeps
    its shape. An array (H, W) and a tensor of one channel are grey already.
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
        self.num_output_channels = num_output_channels

    def _change(self, img: Any) -> Any:
        size_of(img)
        if isinstance(img, np.ndarray):
            grey = img if img.ndim == 2 else _brightness(img)
            return grey if self.num_output_channels == 1 else np.stack([grey] * 3, 2)
        if img.ndim < 3 or img.shape[-3] not in (1, 3):
            raise ValueError(f"a tensor image (..., C, H, W) of 1 or 3 channels is needed, got {img.shape}")
        if img.shape[-3] == 3:
            red, green, blue = img.unbind(-3)
            img = (0.2989 * red + 0.587 * green + 0.114 * blue).to(img.dtype).unsqueeze(-3)
        return img if self.num_output_channels == 1 else img.expand(*img.shape[:-3], 3, *img.shape[-2:])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_output_channels={self.num_output_channels})"


class RandomGrayscale(Transform):
    """:class:`Grayscale`, of as many channels as before, with probability ``p``; else the image itself."""

    def __init__(self, p: float = 0.1) -> None:
        self.p = p

    def _change(self, img: Any) -> Any:
        size_of(img)
        if source(None).random() >= self.p:
            return img
        channels = img.shape[2] if isinstance(img, np.ndarray) and img.ndim == 3 else img.shape[-3:][0]
        return Grayscale(3 if channels == 3 and img.ndim > 2 else 1)(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p})"


def _brightness(image: Array) -> Array:
    if image.shape[2] != 3:
        raise ValueError(f"an image (H, W) or (H, W, 3) is needed, got {image.shape}")
    grey: Array
    if image.dtype.kind == "f":
        grey = image @ np.array([0.299, 0.587, 0.114], image.dtype)
    else:
        weighted = image.astype(np.int64) @ np.array([19595, 38470, 7471])  # PIL's weights, in 1/65536
        grey = ((weighted + 0x8000) >> 16).astype(image.dtype)
    return grey
