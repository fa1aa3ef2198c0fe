"""The header of a safetensors file: planned, written, scanned and checked.

Three keys of its metadata are autotape's own: ``autotape.version``, ``autotape.sha256`` (a JSON object with a
digest for each tensor and one for the metadata) and ``autotape.dtype`` (a JSON object that names the tensors
that are complex128, which the format lacks and which lie in the file as pairs of F64).
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from autotape.serialization._errors import CheckpointError
from autotape.serialization._json import JSONScanner

__all__ = [
    "Entry",
    "Header",
    "MAX_HEADER",
    "METADATA",
    "NUMPY_TYPES",
    "dump",
    "parse",
    "plan",
]

MAX_HEADER = 100_000_000  # the format's own limit
METADATA = "__metadata__"  # the one name that no tensor can have
_MAX_DIMENSIONS = 64  # NumPy's
_MAX_ITEMS = 1 << 59  # so that a size in bytes is a positive int64

_VERSION_KEY = "autotape.version"
_DTYPE_KEY = "autotape.dtype"
_DIGEST_KEY = "autotape.sha256"
_OWN_KEYS = (_VERSION_KEY, _DTYPE_KEY, _DIGEST_KEY)
_VERSION = "1"

_DTYPES = {
    "BOOL": np.dtype("?"), "U8": np.dtype("u1"), "I8": np.dtype("i1"),
    "I16": np.dtype("<i2"), "U16": np.dtype("<u2"), "F16": np.dtype("<f2"),
    "I32": np.dtype("<i4"), "U32": np.dtype("<u4"), "F32": np.dtype("<f4"),
    "I64": np.dtype("<i8"), "U64": np.dtype("<u8"), "F64": np.dtype("<f8"), "C64": np.dtype("<c8"),
}  # fmt: skip
_CODES = {dtype.str[1:]: code for code, dtype in _DTYPES.items()}  # without the byte order
NUMPY_TYPES = {dtype.str[1:]: dtype for dtype in (*_DTYPES.values(), np.dtype("<c16"))}
_SIZES = {code: dtype.itemsize for code, dtype in _DTYPES.items()} | {"BF16": 2}

Shape = tuple[int, ...]


class Entry(NamedTuple):
    """A tensor as it lies in the file."""

    code: str
    shape: Shape
    begin: int
    end: int

    def hasher(self, name: str) -> hashlib._Hash:
        """SHA-256 of name, dtype and shape, to go on with the bytes; where the tensor lies is left out."""
        return hashlib.sha256(_dumps([name, self.code, self.shape]).encode() + b"\n")


class Header(NamedTuple):
    """Tensors in the header's order, metadata without autotape's keys, digests (none in foreign files)."""

    entries: dict[str, Entry]
    metadata: dict[str, str]
    is_complex128: frozenset[str]
    digests: dict[str, str]

    def in_file_order(self) -> list[tuple[str, Entry]]:
        """The tensors as they follow each other in the file."""
        return sorted(self.entries.items(), key=lambda item: (item[1].begin, item[1].end))

    def array_type(self, name: str) -> tuple[np.dtype[Any], Shape]:
        """The dtype (little-endian) and shape of the array that a tensor is."""
        code, shape = self.entries[name][:2]
        if name in self.is_complex128:
            return np.dtype("<c16"), shape[:-1]
        return _DTYPES["F32" if code == "BF16" else code], shape


# Writing


def plan(arrays: Mapping[str, np.ndarray[Any, Any]], metadata: Mapping[str, str]) -> Header:
    """Say where each array will lie, with digests still blank; refuse what the format can't hold."""
    if not all(type(text) is str for item in metadata.items() for text in item):
        raise TypeError("the metadata must map strings to strings")
    if own := metadata.keys() & set(_OWN_KEYS):
        raise ValueError(f"the metadata key {min(own)!r} is written by autotape itself")
    entries = {name: Entry(*_code_and_shape(name, array), 0, 0) for name, array in arrays.items()}
    position = 0
    # The widest items first: then each tensor starts at a multiple of its item size, as mapping it needs.
    for name, entry in sorted(entries.items(), key=lambda item: -_SIZES[item[1].code]):
        end = position + math.prod(entry.shape) * _SIZES[entry.code]
        entries[name] = entry._replace(begin=position, end=end)
        position = end
    is_complex128 = frozenset(name for name, array in arrays.items() if array.dtype.str[1:] == "c16")
    return Header(entries, dict(metadata), is_complex128, dict.fromkeys([METADATA, *entries], "0" * 64))


def _code_and_shape(name: object, array: object) -> tuple[str, Shape]:
    if not isinstance(name, str):
        raise TypeError(f"names of tensors are strings, got {name!r:.100}")
    if name == METADATA:
        raise ValueError(f"{METADATA!r} can't be the name of a tensor in a safetensors file")
    if not isinstance(array, np.ndarray):
        raise TypeError(f"tensor {name!r:.200} is no NumPy array but {type(array).__name__}")
    kind = array.dtype.str[1:]
    if kind == "c16":
        return "F64", (*array.shape, 2)
    if kind not in _CODES:
        raise TypeError(f"tensor {name!r:.200} has dtype {array.dtype}, which safetensors doesn't have")
    return _CODES[kind], array.shape


def dump(header: Header) -> bytes:
    """The file's bytes before the first tensor."""
    marks = {**header.metadata, **_marks(header.is_complex128)}
    digests = {**header.digests, METADATA: _metadata_digest(marks)}
    content: dict[str, Any] = {METADATA: {**marks, _DIGEST_KEY: _dumps(digests)}}
    for name, entry in header.entries.items():
        offsets = entry.begin, entry.end
        content[name] = {"dtype": entry.code, "shape": entry.shape, "data_offsets": offsets}
    text = _dumps(content).encode()
    text += b" " * (-len(text) % 8)  # the tensors start at a multiple of 8
    if len(text) > MAX_HEADER:
        raise ValueError(f"names and metadata take {len(text):,} bytes; the format allows {MAX_HEADER:,}")
    return struct.pack("<Q", len(text)) + text


def _marks(is_complex128: frozenset[str]) -> dict[str, str]:
    marks = {_VERSION_KEY: _VERSION}
    if is_complex128:
        marks[_DTYPE_KEY] = _dumps(dict.fromkeys(sorted(is_complex128), "complex128"))
    return marks


def _metadata_digest(marks: Mapping[str, str]) -> str:
    return hashlib.sha256(_dumps(dict(sorted(marks.items()))).encode()).hexdigest()


def _dumps(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            half = text[error.start]
            raise ValueError(f"text is not Unicode: {half!r} is half a surrogate pair") from None
    return text


# Reading


def parse(text: bytes, available: int, where: str) -> Header:
    """Scan a header and check it, by itself and against the ``available`` bytes that follow it."""
    try:
        entries, marks = _scan(text)
        dtypes = JSONScanner(marks.get(_DTYPE_KEY, "{}")).string_map()
        digests = JSONScanner(marks.get(_DIGEST_KEY, "{}")).string_map()
    except ValueError as error:
        raise CheckpointError(f"{where}: the header is damaged: {error}") from None
    if any(key.startswith("autotape.") for key in marks):
        _check_marks(entries, marks, digests, where)
    metadata = {key: value for key, value in marks.items() if key not in _OWN_KEYS}
    header = Header(entries, metadata, frozenset(dtypes), digests)
    for name, dtype in dtypes.items():
        entry = entries.get(name)
        if dtype != "complex128" or entry is None or entry.code != "F64" or entry.shape[-1:] != (2,):
            raise CheckpointError(f"{where}: tensor {name!r:.200} is marked {dtype!r:.50} but not stored so")
    for name, entry in entries.items():
        _check_entry(entry, name in dtypes, f"{where}: tensor {name!r:.200}")
    _check_offsets(header, available, where)
    return header


def _scan(text: bytes) -> tuple[dict[str, Entry], dict[str, str]]:
    entries: dict[str, Entry] = {}
    marks: dict[str, str] = {}
    scan = JSONScanner(text.decode())
    for name in scan.members():
        if name == METADATA:
            marks = scan.string_map()
            continue
        code = shape = offsets = None
        for field in scan.members():
            if field == "dtype":
                code = scan.string()
            elif field == "shape":
                shape = scan.integers(at_most=_MAX_DIMENSIONS + 1)  # complex128 has one more
            elif field == "data_offsets":
                offsets = scan.integers(at_most=2)
            else:
                scan.fail(f"tensor {name!r:.200} has a field {field!r:.100} that the format doesn't know")
        if code is None or shape is None or offsets is None or len(offsets) != 2:
            scan.fail(f"tensor {name!r:.200} lacks a dtype, a shape or two data_offsets")
        entries[name] = Entry(code, shape, *offsets)
    scan.end()
    return entries, marks


def _check_marks(
    entries: dict[str, Entry], marks: dict[str, str], digests: dict[str, str], where: str
) -> None:
    """Refuse metadata of autotape's that is not whole, or that hasn't a checksum for each tensor."""
    damaged = f"{where}: the header is damaged:"
    if _VERSION_KEY not in marks or _DIGEST_KEY not in marks:
        raise CheckpointError(f"{damaged} it lacks autotape's version or its checksums")
    if marks[_VERSION_KEY] != _VERSION:
        raise CheckpointError(
            f"{where} has version {marks[_VERSION_KEY]!r:.50} of autotape's metadata; this autotape reads "
            f"version {_VERSION}: the file was written by a newer one, or is damaged"
        )
    others = {key: value for key, value in marks.items() if key != _DIGEST_KEY}
    if digests.get(METADATA) != _metadata_digest(others):
        raise CheckpointError(f"{damaged} the metadata doesn't have the SHA-256 stored with it")
    if unknown := entries.keys() - digests.keys():
        raise CheckpointError(f"{damaged} tensor {min(unknown)!r:.200} has no checksum")
    if missing := digests.keys() - entries.keys() - {METADATA}:
        raise CheckpointError(f"{damaged} tensor {min(missing)!r:.200} has a checksum, but is not there")


def _check_entry(entry: Entry, is_complex128: bool, place: str) -> None:
    """Refuse a tensor that NumPy can't hold, or whose dtype, shape and length disagree."""
    code, shape, begin, end = entry
    if code not in _SIZES:
        raise CheckpointError(f"{place} has dtype {code!r:.50}; NumPy can hold {', '.join(_SIZES)}")
    too_many = len(shape) > _MAX_DIMENSIONS + is_complex128
    if too_many or math.prod(max(length, 1) for length in shape) > _MAX_ITEMS:
        raise CheckpointError(f"{place} has shape {list(shape)}, too large for an array")
    size = math.prod(shape) * _SIZES[code]
    if end - begin != size:
        raise CheckpointError(
            f"{place} is {code} of shape {list(shape)}, {size} bytes, but has data_offsets [{begin}, {end}]"
        )


def _check_offsets(header: Header, available: int, where: str) -> None:
    """Refuse tensors that don't lie one after the other or don't fill the file."""
    position = 0
    for name, entry in header.in_file_order():
        if entry.begin != position:
            what = "inside the one before it" if entry.begin < position else f"after a hole from {position}"
            raise CheckpointError(f"{where}: tensor {name!r:.200} starts at byte {entry.begin}, {what}")
        if entry.end > available:
            raise CheckpointError(
                f"{where} is truncated: tensor {name!r:.200} ends at byte {entry.end}, {available} are there"
            )
        position = entry.end
    if position < available:
        raise CheckpointError(f"{where}: {available - position} bytes follow the last tensor")
