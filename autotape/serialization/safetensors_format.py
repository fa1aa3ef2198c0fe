"""Arrays in one file: a strict reader and writer of the safetensors format, in NumPy alone.

A file is eight bytes (the header's length, little-endian), a JSON header and the arrays' bytes,
little-endian, in C order, one after the other without holes::

    {"w": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "__metadata__": {"any": "text"}}

In the metadata this writer adds what the format leaves out: a SHA-256 of every tensor and of the metadata,
and the dtype complex128. docs/checkpoints.md describes both, and what the reader refuses.
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from autotape.serialization._errors import CheckpointError
from autotape.serialization._files import guess, is_replaceable, replacing
from autotape.serialization._header import MAX_HEADER, Header, dump, parse, plan

__all__ = ["describe", "read", "write"]

Array = np.ndarray[Any, np.dtype[Any]]
File = str | os.PathLike[str] | IO[bytes]

_CHUNK = 1 << 20


def write(f: File, arrays: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Write ``arrays`` and ``metadata`` as a safetensors file.

    Every memory layout and byte order comes back with equal values, shape and dtype (in native byte order).
    A path is replaced as a whole once the new file is safely on disk: a process killed at any time leaves the
    old file or the new one. A file object gets all bytes at once.

    Args:
        f: path, or an object with a ``write`` method that takes bytes.
        arrays: names to arrays of bool, int8..int64, uint8..uint64, float16/32/64 or complex64/128.
        metadata: any text to any text, but for the three keys that :func:`write` adds.

    Raises:
        TypeError: a dtype that the format lacks; a name, key or value that is no string.
        ValueError: a name that the format can't hold, or more than 100 MB of names and metadata.

    >>> import io
    >>> file = io.BytesIO()
    >>> write(file, {"w": np.eye(2)}, {"made": "today"})
    >>> read(io.BytesIO(file.getvalue()))
    ({'w': array([[1., 0.],
           [0., 1.]])}, {'made': 'today'})
    """
    header = plan(arrays, metadata or {})
    if isinstance(f, (str, os.PathLike)):
        path = os.fspath(f)
        if is_replaceable(path):
            with replacing(path) as stream:
                _write_stream(stream, arrays, header)
        else:
            with open(path, "wb") as stream:
                _write_at_once(stream, arrays, header)
    elif getattr(f, "write", None) is None:
        raise TypeError(f"expected a path or a file object opened with mode 'wb', got {type(f).__name__}")
    else:
        _write_at_once(f, arrays, header)


def read(f: File) -> tuple[dict[str, Array], dict[str, str]]:
    """Read a safetensors file: its arrays, in the header's order, and its metadata.

    The header is checked, against the file's size too, before memory for an array is taken. All checksums of
    a file written by :func:`write` are compared; files of other writers have none. BF16 becomes float32,
    which holds each of its values.

    Raises:
        CheckpointError: the file is truncated, damaged, contradicts itself, has a dtype that NumPy lacks, or
            is something else; the message says which and names the tensor.
        OSError: the file can't be opened or read.
    """
    if isinstance(f, (str, os.PathLike)):
        path = os.fspath(f)
        mode = os.stat(path).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):  # a pipe or a terminal would wait, perhaps for ever
            raise CheckpointError(f"{path!r} is no ordinary file")
        with open(path, "rb") as stream:
            return _read_stream(stream, describe(f))
    if not all(hasattr(f, method) for method in ("read", "seek", "tell")):
        raise TypeError(f"expected a path or a seekable file object opened with mode 'rb', got {type(f)}")
    return _read_stream(f, describe(f))


def describe(f: File) -> str:
    """The name of a file in messages."""
    return repr(os.fspath(f)) if isinstance(f, (str, os.PathLike)) else f"<{type(f).__name__}>"


def _write_at_once(f: IO[bytes], arrays: Mapping[str, Array], header: Header) -> None:
    buffer = io.BytesIO()
    _write_stream(buffer, arrays, header)
    rest = buffer.getbuffer()
    while rest:
        written: Any = f.write(rest)  # an unbuffered file may take a part; some objects return nothing
        rest = rest[len(rest) if written is None else written :]


def _write_stream(stream: IO[bytes], arrays: Mapping[str, Array], header: Header) -> None:
    """Write from position 0: the header again at the end, when the digests are known.

    So every byte is fetched from the arrays once, and a thread that changes them meanwhile can't make the
    digest and the contents disagree.
    """
    blank = dump(header)
    stream.write(blank)
    digests = {}
    for name, entry in header.in_file_order():
        hasher = entry.hasher(name)
        items = np.asarray(arrays[name]).reshape(-1)
        step = _CHUNK // items.itemsize
        for start in range(0, items.size, step):
            part = items[start : start + step]
            if entry.code == "BOOL":
                part = part.view(np.uint8) != 0  # a bool made by a view can hold other bytes than 0 and 1
            chunk = part.astype(part.dtype.newbyteorder("<"), copy=False).tobytes()
            hasher.update(chunk)
            stream.write(chunk)
        digests[name] = hasher.hexdigest()
    final = dump(header._replace(digests=digests))
    assert len(final) == len(blank)
    stream.seek(0)
    stream.write(final)


def _read_stream(stream: IO[bytes], where: str) -> tuple[dict[str, Array], dict[str, str]]:
    start = stream.tell()
    size = stream.seek(0, os.SEEK_END) - start
    stream.seek(start)
    text = _read_header(stream, size, where)
    header = parse(text, size - 8 - len(text), where)
    arrays = dict.fromkeys(header.entries, np.empty(0))
    for name, _ in header.in_file_order():
        arrays[name] = _read_tensor(stream, header, name, where)
    return arrays, header.metadata


def _read_header(stream: IO[bytes], size: int, where: str) -> bytes:
    if size == 0:
        raise CheckpointError(f"{where} is empty")
    head = _read_exactly(stream, min(size, 512), where)
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{":
        raise CheckpointError(f"{where} is no safetensors file; it looks like {guess(head)}")
    if length > MAX_HEADER:
        raise CheckpointError(f"{where} declares a header of {length} bytes; the format allows {MAX_HEADER}")
    if length > size - 8:
        raise CheckpointError(f"{where} is truncated: {size - 8} of the header's {length} bytes are there")
    text = head[8 : 8 + length]
    stream.seek(8 + len(text) - len(head), os.SEEK_CUR)
    return text + _read_exactly(stream, length - len(text), where)


def _read_tensor(stream: IO[bytes], header: Header, name: str, where: str) -> Array:
    """Read the next tensor, in chunks, into a new array."""
    entry = header.entries[name]
    dtype, shape = header.array_type(name)
    array = np.empty(shape, dtype)
    if entry.code == "BF16":  # the upper half of a float32
        array.fill(0)
        items = array.reshape(-1).view("<u2")[1::2]
    else:
        items = array.reshape(-1).view(np.uint8)
    hasher = entry.hasher(name)
    left, position = entry.end - entry.begin, 0
    while left:
        chunk = _read_exactly(stream, min(left, _CHUNK), where)
        hasher.update(chunk)
        part = np.frombuffer(chunk, items.dtype)
        if entry.code == "BOOL" and part.max() > 1:
            raise CheckpointError(f"{where}: tensor {name!r:.200} is BOOL but has a byte other than 0 and 1")
        items[position : position + part.size] = part
        position += part.size
        left -= len(chunk)
    if header.digests and header.digests[name] != hasher.hexdigest():
        raise CheckpointError(
            f"{where}: tensor {name!r:.200} is damaged: it doesn't have the SHA-256 stored with it"
        )
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_exactly(stream: IO[bytes], size: int, where: str) -> bytes:
    parts = []
    while size:
        part: Any = stream.read(size)
        if isinstance(part, str):
            raise TypeError(f"{where} is open in text mode; open it with mode 'rb'")
        if not part:
            raise CheckpointError(f"{where} is truncated: it lost {size} bytes while it was read")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
