"""The safetensors format: arrays, files and file objects, what other writers may do."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from autotape.engine.tensor import Tensor
from autotape.serialization import CheckpointError, load, save
from autotape.serialization.safetensors_format import read, write

DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16"]


def tensor(array: Any) -> Tensor:
    return Tensor._wrap(np.asarray(array))


def header_of(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert isinstance(header, dict)
    return header


def there_and_back(*arrays: np.ndarray) -> list[np.ndarray]:
    file = io.BytesIO()
    write(file, {str(i): array for i, array in enumerate(arrays)})
    file.seek(0)
    return list(read(file)[0].values())


def assert_same(a: np.ndarray, b: np.ndarray) -> None:
    """Equal in shape, bits and dtype, byte order and memory layout left out."""
    assert a.dtype.newbyteorder("=") == b.dtype
    assert b.dtype.isnative
    assert a.shape == b.shape
    assert a.astype(b.dtype).tobytes() == b.tobytes()


# --- arrays -------------------------------------------------------------------------------------------------

LAYOUTS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "transposed": lambda a: a.T,
    "strided": lambda a: np.repeat(a, 2, 1)[:, ::2],
    "negative": lambda a: a[::-1, ::-1],
    "column": lambda a: a[:, 1],
    "every other, 1-d": lambda a: a.reshape(-1)[::2],
    "broadcast": lambda a: np.broadcast_to(a[:, :1], (3, 5)),
    "0-d": lambda a: a[1, 1],
    "empty": lambda a: a[:0],
    "empty, strided": lambda a: a[::2, :0],
    "size 1": lambda a: a[1:2, 1:2],
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "unaligned": lambda a: np.frombuffer(b"x" + a.tobytes(), a.dtype, offset=1).reshape(a.shape),
    "64 dimensions": lambda a: a.reshape((1,) * 62 + a.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_layout_and_dtype_round_trips(dtype: str, layout: str, tmp_path: Path) -> None:
    """PROMISES 31: exact for all layouts and dtypes."""
    numbers = np.array([0, 1, 2, 3, 200, 60000, 0, 1, 7, 2**31, 5, 255], "u8").reshape(3, 4)
    array = np.asarray(LAYOUTS[layout](np.array(numbers % 60000).astype(dtype)))
    if array.dtype.kind == "c":
        array = np.asarray(array * array.dtype.type(1 - 2j))
    write(tmp_path / "a", {"a": array, "again": array}, {"note": "ü\n"})
    arrays, metadata = read(tmp_path / "a")
    assert metadata == {"note": "ü\n"}
    for back in arrays.values():
        assert_same(array, back)
        assert back.flags.writeable
        assert back.flags.c_contiguous
    assert not np.shares_memory(*arrays.values())


@given(st.data())
def test_any_bits_round_trip(data: st.DataObject) -> None:
    """PROMISES 31: NaNs with their payloads, subnormals, negative zeros; any shape, any axis order."""
    dtype = np.dtype(data.draw(st.sampled_from(DTYPES[1:])))
    shape = data.draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    array = data.draw(hnp.arrays("u1", (*shape, dtype.itemsize))).view(dtype)[..., 0]
    array = array.transpose(data.draw(st.permutations(range(array.ndim))))
    for axis in data.draw(st.sets(st.integers(0, array.ndim - 1))) if array.ndim else ():
        array = np.flip(array, axis)
    (back,) = there_and_back(array)
    assert_same(array, back)


def test_bool_made_by_a_view_is_written_as_0_or_1() -> None:
    odd = np.array([0, 1, 2, 255], np.uint8).view(np.bool_)
    assert there_and_back(odd)[0].view(np.uint8).tolist() == [0, 1, 1, 1]


def test_tensor_larger_than_a_chunk() -> None:
    big = np.random.default_rng(0).standard_normal((1000, 700))
    for array, back in zip([big, big.T, big + 1j], there_and_back(big, big.T, big + 1j), strict=True):
        assert_same(array, back)


def test_tensors_are_aligned_in_the_file() -> None:
    file = io.BytesIO()
    arrays = {name: np.ones(3, name) for name in ("u1", "f8", "f2", "c16", "f4", "i1", "c8")}
    write(file, arrays)
    header = header_of(file.getvalue())
    assert list(header)[1:] == list(arrays)
    start = len(file.getvalue()) - sum(a.nbytes for a in arrays.values())
    assert start % 8 == 0
    for name, array in arrays.items():
        assert header[name]["data_offsets"][0] % min(array.itemsize, 8) == 0


@pytest.mark.parametrize(
    ("arrays", "metadata", "error", "match"),
    [
        ({"a": np.array([None])}, {}, TypeError, "tensor 'a' has dtype object"),
        ({"a": np.array(["x"])}, {}, TypeError, "dtype <U1"),
        ({"a": np.zeros(1, "M8[s]")}, {}, TypeError, "datetime64"),
        ({"a": np.zeros(1, "f4,i4")}, {}, TypeError, "tensor 'a' has dtype"),
        ({"a": [1.0]}, {}, TypeError, "'a' is no NumPy array but list"),
        ({1: np.zeros(1)}, {}, TypeError, "names of tensors are strings, got 1"),
        ({"__metadata__": np.zeros(1)}, {}, ValueError, "can't be the name"),
        ({"\ud800": np.zeros(1)}, {}, ValueError, "half a surrogate pair"),
        ({}, {"a": 1}, TypeError, "map strings to strings"),
        ({}, {1: "a"}, TypeError, "map strings to strings"),
        ({}, {"autotape.sha256": "0"}, ValueError, r"'autotape\.sha256' is written by autotape itself"),
        ({}, {"a": "x" * 100_000_000}, ValueError, "the format allows 100,000,000"),
    ],
)
def test_what_the_format_lacks_is_refused(
    arrays: Any, metadata: Any, error: type[Exception], match: str, tmp_path: Path
) -> None:
    path = tmp_path / "old"
    path.write_bytes(b"old")
    with pytest.raises(error, match=match):
        write(path, arrays, metadata)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


# --- files ------------------------------------------------------------------------------------------------


def test_file_objects_of_every_kind(tmp_path: Path) -> None:
    obj = {"a": tensor(np.arange(300_000.0)), "b": 1}
    save(obj, str(tmp_path / "path"))
    written = (tmp_path / "path").read_bytes()
    for mode, buffering in ("wb", -1), ("wb", 0), ("ab", -1):
        with open(tmp_path / "file", mode, buffering=buffering) as file:
            save(obj, file)
        assert (tmp_path / "file").read_bytes() == written
        (tmp_path / "file").unlink()
    with open(tmp_path / "path", "rb", buffering=0) as file:
        assert np.array_equal(load(file)["a"].numpy(), np.arange(300_000.0))
        assert file.read() == b""
    in_the_middle = io.BytesIO(b"before" + written)
    in_the_middle.seek(6)
    assert load(in_the_middle)["b"] == 1


class OneByteAtATime(io.RawIOBase):
    """Takes and gives one byte at a time, as a raw stream may."""

    def __init__(self, data: bytes = b"") -> None:
        self.inner = io.BytesIO(data)

    def write(self, data: Any) -> int:
        return self.inner.write(bytes(data[:1]))

    def read(self, size: int = -1) -> bytes:
        return self.inner.read(min(size, 1))

    def seek(self, *args: int) -> int:
        return self.inner.seek(*args)

    def tell(self) -> int:
        return self.inner.tell()


def test_short_reads_and_writes() -> None:
    stream = OneByteAtATime()
    save({"a": tensor(np.arange(3)), "b": "x"}, stream)  # type: ignore[arg-type]
    loaded = load(OneByteAtATime(stream.inner.getvalue()))  # type: ignore[arg-type]
    assert loaded["a"].numpy().tolist() == [0, 1, 2]
    assert loaded["b"] == "x"


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    for wrong in (None, 3, object()):
        with pytest.raises(TypeError, match="expected a path or a file object opened with mode 'wb'"):
            save(1, wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="a path or a seekable file object opened with mode 'rb'"):
            load(wrong)  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "missing")
    with pytest.raises(FileNotFoundError):
        save(1, tmp_path / "missing" / "file")
    with pytest.raises(IsADirectoryError):
        load(tmp_path)
    with pytest.raises(IsADirectoryError):
        save(1, tmp_path)
    save(1, tmp_path / "a")
    with open(tmp_path / "a", encoding="latin-1") as text, pytest.raises(TypeError, match="in text mode"):
        load(text)  # type: ignore[arg-type]
    with open(tmp_path / "b", "w") as file, pytest.raises(TypeError):
        save(1, file)  # type: ignore[arg-type]


def test_foreign_file_gives_a_flat_dict() -> None:
    """A file without metadata, with padding, keys in another order and tensors in another one."""
    header = (
        b'{ "b":{"shape":[2],"dtype":"F32","data_offsets":[2,10]},\n'
        b'"a.weight":{"dtype":"U8","shape":[2, 1],"data_offsets":[0,2]}, "e":{"dtype":"BF16","shape":[0],'
        b'"data_offsets":[10,10]},"h":{"dtype":"BF16","shape":[],"data_offsets":[10,12]}}    '
    )
    data = struct.pack("<Q", len(header)) + header + b"\1\2" + struct.pack("<2f", 1.5, -2) + b"\xc0\x3f"
    loaded = load(io.BytesIO(data))
    expected = {
        "b": np.array([1.5, -2], "f4"), "a.weight": np.array([[1], [2]], "u1"),
        "e": np.zeros(0, "f4"), "h": np.array(1.5, "f4"),
    }  # fmt: skip
    assert list(loaded) == list(expected)
    for name, array in expected.items():
        assert_same(array, loaded[name].numpy())


def test_bf16_becomes_float32_exactly() -> None:
    every = np.arange(1 << 16, dtype="<u2")
    header = b'{"x":{"dtype":"BF16","shape":[65536],"data_offsets":[0,131072]}}'
    array = load(io.BytesIO(struct.pack("<Q", len(header)) + header + every.tobytes())).pop("x").numpy()
    assert array.dtype == np.float32
    assert np.array_equal(array.view(np.uint32), every.astype(np.uint32) << 16)


def test_file_of_arrays_loads_as_tensors() -> None:
    file = io.BytesIO()
    write(file, {"w": np.ones((2, 2))}, {"made by": "hand"})
    file.seek(0)
    assert load(file)["w"].numpy().tolist() == [[1, 1], [1, 1]]
    with pytest.raises(CheckpointError, match="<BytesIO> is empty"):
        load(io.BytesIO())
