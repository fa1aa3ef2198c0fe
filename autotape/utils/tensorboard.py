"""SummaryWriter: event files that TensorBoard shows, written without it.

An event file is a sequence of records (TFRecord: length, its CRC, data, its CRC), each an ``Event`` in the
encoding of protocol buffers.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.utils.images import make_grid, png

__all__ = ["SummaryWriter"]

_numbers = itertools.count()


class SummaryWriter:
    """Writes scalars, histograms, images and text to ``log_dir`` for TensorBoard.

    Args:
        log_dir: the folder; default ``runs/<date>_<host><comment>``.
        comment: end of the default folder's name.
        purge_step, max_queue, flush_secs: accepted and ignored; every event is written at once.
        filename_suffix: end of the file's name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, SummaryWriter(folder) as writer:
    ...     writer.add_scalar("loss", 0.5, 1)
    ...     len(os.listdir(folder))
    1
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        host = socket.gethostname()
        if not log_dir:
            log_dir = os.path.join("runs", f"{time.strftime('%b%d_%H-%M-%S')}_{host}{comment}")
        self.log_dir = os.fspath(log_dir)
        self._suffix = filename_suffix
        os.makedirs(self.log_dir, exist_ok=True)
        name = (
            f"events.out.tfevents.{int(time.time())}.{host}.{os.getpid()}.{next(_numbers)}{filename_suffix}"
        )
        self._file = open(os.path.join(self.log_dir, name), "wb")  # noqa: SIM115 - closed by close()
        self._children: dict[str, SummaryWriter] = {}
        self._event(None, None, _bytes(3, b"brain.Event:2"))

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        **others: Any,
    ) -> None:
        """One number at a step."""
        self._value(tag, _number(2, "<f", float(scalar_value)), global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Several curves in one picture: each has a file of its own, in ``log_dir/main_tag_tag``."""
        for tag, value in tag_scalar_dict.items():
            folder = os.path.join(self.log_dir, f"{main_tag.replace('/', '_')}_{tag}")
            if folder not in self._children:
                self._children[folder] = SummaryWriter(folder, filename_suffix=self._suffix)
            self._children[folder].add_scalar(main_tag, value, global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "auto",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """How values are distributed, in bins as ``numpy.histogram`` has them."""
        x = _array(values).astype(np.float64).reshape(-1)
        if x.size == 0:
            raise ValueError("The input has no element.")
        counts, edges = np.histogram(x, bins="auto" if bins == "tensorflow" else bins)
        if max_bins is not None and len(counts) > max_bins:
            counts, edges = np.histogram(x, bins=max_bins)
        figures = (x.min(), x.max(), x.size, x.sum(), x @ x)
        histogram = b"".join(_number(i + 1, "<d", float(v)) for i, v in enumerate(figures))
        histogram += _bytes(6, edges[1:].astype("<f8").tobytes()) + _bytes(7, counts.astype("<f8").tobytes())
        self._value(tag, _bytes(5, histogram), global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """A picture: floats 0..1 or uint8, of the axes ``dataformats``: "CHW", "HWC", "HW", "NCHW" ..."""
        image = _array(img_tensor)
        axes = dataformats.upper()
        if sorted(axes) not in (sorted("HW"), sorted("CHW"), sorted("NCHW")) or image.ndim != len(axes):
            raise ValueError(f"an image of {image.ndim} dimensions does not have the axes {dataformats!r}")
        if axes != "HW":
            image = image.transpose([axes.index(axis) for axis in "NCHW" if axis in axes])
            image = make_grid(Tensor._wrap(image)).numpy()
        else:
            image = image[None]
        if image.dtype != np.uint8:
            image = np.clip(image * 255.0, 0, 255).astype(np.uint8)
        size = _varint(1, image.shape[1]) + _varint(2, image.shape[2]) + _varint(3, image.shape[0])
        self._value(tag, _bytes(4, size + _bytes(4, png(image))), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Several pictures, as a grid."""
        self.add_image(tag, img_tensor, global_step, walltime, dataformats)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """A text, in Markdown."""
        shape = _bytes(2, _bytes(2, _varint(1, 1)))
        tensor = _varint(1, 7) + shape + _bytes(8, text_string.encode())  # 7: DT_STRING
        plugin = _bytes(1, _bytes(1, b"text"))
        self._value(f"{tag}/text_summary", _bytes(8, tensor) + _bytes(9, plugin), global_step, walltime)

    def add_graph(self, model: Any, input_to_model: Any = None, **others: Any) -> None:
        """Nothing, with a warning: ``print(model)`` and :func:`autotape.nn.utils.summary` show a model."""
        warnings.warn(
            "SummaryWriter.add_graph writes nothing: use autotape.nn.utils.summary(model, input)",
            stacklevel=2,
        )

    def flush(self) -> None:
        """Nothing waits: every event is written at once."""

    def close(self) -> None:
        """Close the files."""
        for writer in (self, *self._children.values()):
            writer._file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _value(self, tag: str, value: bytes, step: int | None, walltime: float | None) -> None:
        self._event(step, walltime, _bytes(5, _bytes(1, _bytes(1, tag.encode()) + value)))

    def _event(self, step: int | None, walltime: float | None, content: bytes) -> None:
        event = _number(1, "<d", time.time() if walltime is None else walltime)
        event += (b"" if step is None else _varint(2, int(step))) + content
        length = struct.pack("<Q", len(event))
        self._file.write(length + _masked_crc(length) + event + _masked_crc(event))
        self._file.flush()


def _array(x: Any) -> np.ndarray[Any, Any]:
    return x.detach().numpy() if isinstance(x, Tensor) else np.asarray(x)


# --- protocol buffers: a field is its number and wire type, then its value ---------------------------------


def _base128(n: int) -> bytes:
    n &= (1 << 64) - 1
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes([*out, n])


def _varint(field: int, n: int) -> bytes:
    return _base128(field << 3) + _base128(n)


def _number(field: int, form: str, value: float) -> bytes:
    return _base128(field << 3 | (1 if form == "<d" else 5)) + struct.pack(form, value)


def _bytes(field: int, data: bytes) -> bytes:
    return _base128(field << 3 | 2) + _base128(len(data)) + data


# --- CRC-32C (Castagnoli), as RFC 3720 has it, masked as in TFRecord ---------------------------------------


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
    return byte


_TABLE = [_table_entry(byte) for byte in range(256)]


def _crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _masked_crc(data: bytes) -> bytes:
    crc = _crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
