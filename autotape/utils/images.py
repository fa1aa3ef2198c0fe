"""Tensors as pictures: a grid of them, and PNG files written with the standard library alone."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from typing import IO, Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.ops.joining import stack

__all__ = ["make_grid", "png", "save_image"]

Images = Tensor | Sequence[Tensor]


def make_grid(
    tensor: Images,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: float = 0.0,
) -> Tensor:
    """One picture of shape (3, H, W) with ``nrow`` images in each row, as ``torchvision.utils.make_grid``.

    Args:
        tensor: images of shape (N, C, H, W) or a list of them; (N, H, W), (C, H, W) and (H, W) are one image
            or channel.  One channel becomes three equal ones.
        padding: pixels between images, of ``pad_value``.
        normalize: bring the values to 0..1, from ``value_range`` or from the least to the greatest value, of
            all images or of each (``scale_each``).

    >>> import autotape as at
    >>> make_grid(at.zeros(10, 1, 28, 28), nrow=5).shape
    autotape.Size([3, 62, 152])
    """
    batch = _batch(tensor)
    if normalize:
        if value_range is not None and not isinstance(value_range, tuple):
            raise TypeError("value_range has to be a tuple (min, max) if specified. min and max are numbers")
        axes = (1, 2, 3) if scale_each else None
        low, high = value_range or (
            batch.min(axis=axes, keepdims=True),
            batch.max(axis=axes, keepdims=True),
        )
        batch = ((np.clip(batch, low, high) - low) / np.maximum(np.subtract(high, low), 1e-5)).astype(
            batch.dtype
        )
    count, channels, height, width = batch.shape
    if count == 1:
        return Tensor._wrap(batch[0])
    columns = min(nrow, count)
    rows = -(-count // columns)
    height, width = height + padding, width + padding
    grid = np.full((channels, height * rows + padding, width * columns + padding), pad_value, batch.dtype)
    for i, image in enumerate(batch):
        top, left = (i // columns) * height + padding, (i % columns) * width + padding
        grid[:, top : top + height - padding, left : left + width - padding] = image
    return Tensor._wrap(grid)


def save_image(
    tensor: Images, fp: str | os.PathLike[str] | IO[bytes], format: Any = None, **kwargs: Any
) -> None:
    """Write a tensor with values 0..1 as a PNG file, several images as a grid (:func:`make_grid`).

    Args:
        fp: a path that ends with ``.png``, or a file object opened for writing in binary mode.
        format: ``"png"`` or None.
        kwargs: arguments of :func:`make_grid`.

    ValueError for another format.

    >>> import io, autotape as at
    >>> file = io.BytesIO()
    >>> save_image(at.rand(4, 3, 8, 8), file)
    >>> file.getvalue()[1:4]
    b'PNG'
    """
    kind = format or (os.path.splitext(os.fspath(fp))[1][1:] if isinstance(fp, (str, os.PathLike)) else "png")
    if str(kind).lower() != "png":
        raise ValueError(f"save_image writes PNG files only, not {kind!r}; give a name that ends with .png")
    grid = make_grid(tensor, **kwargs).detach().numpy()
    data = png(np.clip(grid * 255 + 0.5, 0, 255).astype(np.uint8))
    if isinstance(fp, (str, os.PathLike)):
        with open(fp, "wb") as file:
            file.write(data)
    else:
        fp.write(data)


def png(image: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """The PNG file of an array of uint8 of shape (channels, height, width) with 1, 3 or 4 channels.

    ISO/IEC 15948: signature, header, the rows (each after a filter type, 0) compressed, end.
    """
    channels, height, width = image.shape
    rows = image.transpose(1, 2, 0).reshape(height, width * channels)
    pixels = np.concatenate([np.zeros((height, 1), np.uint8), rows], 1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def _batch(tensor: Images) -> np.ndarray[Any, Any]:
    """The images as an array of shape (N, 3 or more, H, W)."""
    if not isinstance(tensor, Tensor):
        if not isinstance(tensor, (list, tuple)) or not all(isinstance(t, Tensor) for t in tensor):
            raise TypeError(f"tensor or list of tensors expected, got {type(tensor)}")
        tensor = stack(list(tensor))
    batch = tensor.detach().numpy()
    if batch.ndim == 2:
        batch = batch[None]
    if batch.ndim == 3:  # one image, or several of one channel that were given as a list
        batch = batch[None]
    if batch.ndim != 4:
        raise ValueError(f"expected images of 2 to 4 dimensions, got {tensor.ndim}")
    return np.repeat(batch, 3, 1) if batch.shape[1] == 1 else batch
