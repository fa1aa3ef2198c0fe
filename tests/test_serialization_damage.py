"""Files that were cut short, damaged or made to do harm, and files that are no checkpoints."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import subprocess
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autotape.engine.tensor import Tensor
from autotape.serialization import CheckpointError, load, save
from autotape.serialization.safetensors_format import read, write

ROOT = Path(__file__).resolve().parents[1]


def tensor(array: Any) -> Tensor:
    return Tensor._wrap(np.asarray(array))


def saved(obj: Any) -> bytes:
    file = io.BytesIO()
    save(obj, file)
    return file.getvalue()


def with_header(header: Any, body: bytes = b"") -> bytes:
    """A file with this header: a text, or an object to be made one."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


SMALL = {
    "w": tensor(np.arange(6, dtype="f4").reshape(2, 3)),
    "z": [tensor([1 + 2j]), {"n": 3, "b": tensor([True, False])}],
}


def foreign(**arrays: np.ndarray) -> bytes:
    """A file of these arrays without metadata, as other writers make them."""
    codes = {"float32": "F32", "uint8": "U8", "bool": "BOOL", "float16": "F16"}
    header, body = {}, b""
    for name, array in arrays.items():
        offsets = [len(body), len(body) + array.nbytes]
        header[name] = {"dtype": codes[array.dtype.name], "shape": array.shape, "data_offsets": offsets}
        body += array.tobytes()
    return with_header(header, body)


# --- damage -------------------------------------------------------------------------------------------------


def test_every_bit_flip_is_refused() -> None:
    """PROMISES 30: no single flipped bit gets through, wherever it is."""
    data = bytearray(saved(SMALL))
    for position in range(len(data)):
        for bit in range(8):
            data[position] ^= 1 << bit
            with pytest.raises(CheckpointError):
                load(io.BytesIO(data))
            data[position] ^= 1 << bit
    load(io.BytesIO(data))


def test_every_truncation_and_extension_is_refused() -> None:
    """PROMISES 30."""
    data = saved(SMALL)
    for length in range(len(data)):
        with pytest.raises(CheckpointError, match=r"truncated|empty|no safetensors file"):
            load(io.BytesIO(data[:length]))
    for more in b"\0", b" ", b"PK\3\4", data:
        with pytest.raises(CheckpointError, match="follow the last tensor"):
            load(io.BytesIO(data + more))


def test_damage_is_named() -> None:
    """The message says which tensor of which file."""
    obj = {"first": tensor(np.arange(4.0)), "second": tensor(np.arange(4.0) + 9)}
    data = bytearray(saved(obj))
    data[-5] ^= 16
    with pytest.raises(CheckpointError, match=r"<BytesIO>: tensor 'second' is damaged: .* SHA-256"):
        load(io.BytesIO(data))
    with pytest.raises(CheckpointError, match="is truncated: tensor 'second' ends at byte 64, 62 are"):
        load(io.BytesIO(data[:-2]))
    with pytest.raises(CheckpointError, match=r"is truncated: 92 of the header's \d+ bytes are there"):
        load(io.BytesIO(data[:100]))
    text = bytes(data)
    with pytest.raises(CheckpointError, match="tensor 'fxrst' has no checksum"):
        load(io.BytesIO(text.replace(b'"first":{', b'"fxrst":{')))
    with pytest.raises(CheckpointError, match="version '7' of autotape's metadata"):
        load(io.BytesIO(text.replace(b'"autotape.version":"1"', b'"autotape.version":"7"')))
    with pytest.raises(CheckpointError, match="lacks autotape's version or its checksums"):
        load(io.BytesIO(text.replace(b'"autotape.sha256"', b'"autotape.sha257"')))


def outcome(data: bytes) -> Any:
    """What loading gives, or the CheckpointError; any other exception is a failure."""
    try:
        return load(io.BytesIO(data))
    except CheckpointError as error:
        return error


def mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    rng = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(rng.choice([1, 1, 2, 5])):
            at = rng.randrange(len(mutant))
            length = rng.choice([1, 1, 2, 8, 30])
            match rng.randrange(6):
                case 0:
                    mutant[at] = rng.randrange(256)
                case 1:
                    mutant[at : at + length] = rng.randbytes(length)
                case 2:
                    del mutant[at : at + length]
                case 3:
                    mutant[at:at] = rng.choice([b'"', b"{", b"[", b"9", b"-", b"\\", b"\xff", b"e9", b"null"])
                case 4:
                    start = rng.randrange(len(mutant))
                    mutant[at:at] = mutant[start : start + length]
                case 5:
                    mutant[:8] = struct.pack("<Q", rng.choice([0, 1, len(data) - 8, 10**8, 2**63, 2**64 - 1]))
            if not mutant:
                break
        yield bytes(mutant)


def test_mutants_of_a_checkpoint_are_refused() -> None:
    """PROMISES 30: 10,000 mutants; a typed error for each, no hang, no other exception."""
    data = saved(SMALL)
    for mutant in mutants(data, 10_000, seed=1):
        assert mutant == data or isinstance(outcome(mutant), CheckpointError)


def test_mutants_of_a_foreign_file_are_refused_or_flat() -> None:
    """PROMISES 30: without checksums a changed number can't be seen; nothing else may happen."""
    data = foreign(a=np.ones((2, 3), "f4"), b=np.zeros(5, "u1"), c=np.ones(2, "?"), d=np.ones((), "f2"))
    for mutant in mutants(data, 5_000, seed=2):
        result = outcome(mutant)
        assert isinstance(result, CheckpointError) or all(type(v) is Tensor for v in result.values())


HOSTILE = [
    -1, 0, 1, 3, 2**31, 2**63, 2**64, 10**30, 1.5, 1e400, "1", "", "F32", "F64", "BOOL", "BF16", "C64",
    "complex128", "F8_E4M3", None, True, [], [0], [1, 2], [2**62, 2**62], [0, 2**64], [-1, 24], [[0]], {},
    {"a": 1}, "\ud800", [0] * 70, [1] * 64, "../../etc/passwd", "__metadata__", [0, 24], [24, 0],
]  # fmt: skip


def replaced(rng: random.Random, node: Any) -> Any:
    """The structure with one value replaced, one key renamed, or one part doubled or left out."""
    if not isinstance(node, dict | list) or not node or rng.random() < 0.15:
        return rng.choice(HOSTILE)
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
    at = rng.randrange(len(items))
    key, value = items[at]
    match rng.randrange(8):
        case 0:
            del items[at]
        case 1:
            items[at] = (rng.choice(["dtype", "shape", "same", "memory", "tensor", "array", "ref"]), value)
        case 2:
            items.append((rng.choice(["same", "memory", "offset", "strides", "x"]), rng.choice(HOSTILE)))
        case _:
            items[at] = (key, replaced(rng, value))
    return dict(items) if isinstance(node, dict) else [value for _, value in items]


def test_wellformed_headers_with_hostile_values_are_refused() -> None:
    """PROMISES 30: negative, fractional, huge and overlapping offsets and shapes, wrong types."""
    rng = random.Random(3)
    header, body = split(foreign(a=np.ones((2, 3), "f4"), b=np.zeros(24, "u1"), c=np.ones(2, "?")))
    header["__metadata__"] = {"autotape": "x"}
    for _ in range(10_000):
        mutant = replaced(rng, header)
        result = outcome(with_header(mutant, body))
        assert isinstance(result, CheckpointError) or sum(t.nbytes for t in result.values()) <= 2 * len(body)


def test_trees_with_hostile_values_and_right_checksums_are_refused() -> None:
    """PROMISES 30: whoever makes the file can make its checksums too."""
    x = np.arange(12.0).reshape(3, 4)
    t = tensor(x).requires_grad_()
    several = [1, (2.5, 1j, 10**30, b"ab"), {None: -0.0}]
    more = [several, np.float32(1), float("nan"), x[0], t.dtype, t.device, t.shape]
    obj = {"a": t, "b": t, "c": t.detach(), "row": tensor(x[1]), "several": several, "more": more}
    arrays, metadata = read(io.BytesIO(saved(obj)))
    tree = json.loads(metadata["autotape.tree"])
    rng = random.Random(4)
    refused = 0
    for _ in range(5_000):
        file = io.BytesIO()
        write(file, arrays, {"autotape.tree": json.dumps(replaced(rng, tree))})
        result = outcome(file.getvalue())
        refused += isinstance(result, CheckpointError)
    assert refused > 3_000


def short(value: object) -> str:
    """A parameter as part of a test's name."""
    return f"{value!r:.40}"


def entry(dtype: Any = "F32", shape: Any = (2,), offsets: Any = (0, 8), **more: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets, **more}


@pytest.mark.parametrize(
    ("header", "size", "match"),
    [
        (b'{"a":1,"a":2}', 0, r"header is damaged: expected '\{' at character 5, found '1"),
        (b'{"__metadata__":{},"__metadata__":{}}', 0, "'__metadata__' appears twice"),
        (json.dumps({"a": entry(), "b": entry()}).replace('"b"', '"a"').encode(), 8, "'a' appears twice"),
        ({"a": entry(shape=[-2])}, 8, "expected a non-negative integer .* found '-2"),
        ({"a": entry(shape=[2.0])}, 8, "expected a non-negative integer"),
        ({"a": entry(shape=["2"])}, 8, "expected a non-negative integer"),
        ({"a": entry(shape=[True])}, 8, "expected a non-negative integer"),
        ({"a": entry(shape=[[2]])}, 8, "expected a non-negative integer"),
        ({"a": entry(shape=[10**25])}, 8, "at most 20 digits"),
        ({"a": entry(shape=[10**19, 10**19])}, 8, r"'a' has shape \[1000.*\], too large"),
        ({"a": entry(shape=[0, 2**62, 4], offsets=[0, 0])}, 0, "too large for an array"),
        ({"a": entry(shape=[1] * 65)}, 8, "too large for an array"),
        ({"a": entry(shape=[1] * 70)}, 8, "more than 65 numbers"),
        ({"a": entry(shape=[3])}, 8, r"'a' is F32 of shape \[3\], 12 bytes, but has data_offsets \[0, 8\]"),
        ({"a": entry(shape=[2**40], offsets=[0, 2**42])}, 8, "truncated: tensor 'a' ends at byte 43980465"),
        ({"a": entry(offsets=[8, 0])}, 8, r"has data_offsets \[8, 0\]"),
        ({"a": entry(offsets=[0])}, 8, "'a' lacks a dtype, a shape or two data_offsets"),
        ({"a": entry(offsets=[0, 8, 16])}, 8, "more than 2 numbers"),
        ({"a": {"dtype": "F32", "shape": [2]}}, 8, "'a' lacks"),
        ({"a": entry(extra=1)}, 8, "'a' has a field 'extra' that the format doesn't know"),
        ({"a": entry(), "b": entry()}, 8, "tensor 'b' starts at byte 0, inside the one before it"),
        ({"a": entry(), "b": entry(offsets=[9, 17])}, 17, "tensor 'b' starts at byte 9, after a hole from 8"),
        ({"a": entry(offsets=[4, 12])}, 12, "tensor 'a' starts at byte 4, after a hole from 0"),
        ({"a": entry()}, 12, "4 bytes follow the last tensor"),
        ({}, 3, "3 bytes follow the last tensor"),
        ({"a": entry("F8_E4M3", [8])}, 8, "'a' has dtype 'F8_E4M3'; NumPy can hold BOOL, U8"),
        ({"a": entry("O", [1])}, 8, "'a' has dtype 'O'"),
        ({"__metadata__": {"a": 1}}, 0, "expected a string"),
        ({"__metadata__": None}, 0, r"expected '\{'"),
        ({"a" * 300: entry(shape=[3])}, 8, "'aaaaa.*aaa is F32"),
        ({"a": {"b": {}}}, 0, "field 'b'"),
        ([], 0, "no safetensors file"),
        (b" {}", 0, "no safetensors file"),
        (b"{}\n", 0, "expected nothing but spaces up to the end at character 2"),
        (b"{} {}", 0, "expected nothing but spaces"),
        (b"{", 0, "expected a string at character 1, found ''"),
        (b'{"a\xff":1}', 0, "header is damaged: 'utf-8' codec can't decode"),
        (b'{"\\ud800":' + json.dumps(entry()).encode() + b"}", 8, "half a surrogate pair"),
        (b'{"a\x00":1}', 0, "Invalid control character"),
        (b'{"a', 0, "Unterminated string"),
        (b'{"a":' * 100_000, 0, "header is damaged"),
        (b"{" * 1_000_000, 0, "header is damaged"),
        (b'{"a":{"dtype":"U8","shape":' + b"[" * 1_000_000, 0, "expected a non-negative integer"),
        (b'{"a":{"dtype":"U8","shape":[' + b"0," * 1_000_000, 0, "more than 65 numbers"),
        (b'{"a":{"dtype":"U8","shape":[' + b"9" * 1_000_000, 0, "at most 20 digits"),
        ({"__metadata__": {"autotape.dtype": '{"a":"complex128"}'}, "a": entry()}, 8, "lacks autotape's"),
    ],
    ids=short,
)  # fmt: skip
def test_hostile_header_is_refused_by_name(header: Any, size: int, match: str) -> None:
    """PROMISES 30."""
    with pytest.raises(CheckpointError, match=match):
        load(io.BytesIO(with_header(header, b"\0" * size)))


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (
            struct.pack("<Q", 2**63) + b"{}",
            "declares a header of 9223372036854775808 bytes; the format allows",
        ),
        (struct.pack("<Q", 100_000_001) + b"{}", "declares a header of 100000001 bytes"),
        (struct.pack("<Q", 100_000_000) + b"{}", "truncated: 2 of the header's 100000000 bytes"),
        (with_header({"b": entry("BOOL", [2], [0, 2])}, b"\1\2"), "'b' is BOOL but has a byte other than 0"),
        (with_header({"b": entry("BOOL", [2], [0, 2])}, b"\xff\0"), "'b' is BOOL"),
    ],
    ids=short,
)
def test_hostile_file_is_refused_by_name(data: bytes, match: str) -> None:
    """PROMISES 30."""
    with pytest.raises(CheckpointError, match=match):
        load(io.BytesIO(data))


@pytest.mark.parametrize(
    ("tree", "match"),
    [
        ("", "Expecting value"),
        ("[" * 100_000, "more than 100 levels deep"),
        ('{"tuple":[' * 600 + "]}" * 600, "more than 100 levels deep"),
        ('{"tensor":"b"}', "tensor 'b' is not in the file, or has two places"),
        ('[{"tensor":"a"},{"tensor":"a"}]', "'a' is not in the file, or has two places"),
        ("1", "the tensor 'a' has no place in it"),
        ('{"tensor":"a","tensor":"a"}', "a key appears twice"),
        ('[{"tensor":"a"},NaN]', "NaN is not JSON"),
        ('[{"tensor":"a"},1e999]', "means nothing"),
        ('[{"tensor":"a"},{"ref":0}]', "means nothing"),
        ('[{"tensor":"a"},{"code":"print(1)"}]', "a node that means nothing: {'code': 'print"),
        ('[{"tensor":"a"},{"dict":[[1,2],[1,3]]}]', "a key twice"),
        ('[{"tensor":"a"},{"dict":[[[],1]]}]', "a key that is a list"),
        ('[{"tensor":"a"},{"float":"00"}]', "'00' is no float64"),
        ('[{"tensor":"a"},{"scalar":["O","00"]}]', "means nothing"),
        ('[{"tensor":"a"},{"device":"floppy"}]', "'floppy' is no device"),
        ('[{"tensor":"a"},' + "9" * 5000 + "]", "Exceeds the limit"),
        (
            '{"tensor":"a","memory":"a","offset":-8,"strides":[8]}',
            "does not lie in the tensor it is a view of",
        ),
        ('{"tensor":"a","memory":"a","offset":8,"strides":[8]}', "does not lie in"),
        ('{"tensor":"a","memory":"a","offset":0,"strides":[-8]}', "does not lie in"),
        ('{"tensor":"a","memory":"a","offset":0,"strides":[' + "9" * 30 + "]}", "does not lie in"),
        ('{"tensor":"a","memory":"a","offset":0,"strides":[8,8]}', "one stride for each dimension"),
        ('{"tensor":"a","memory":"a","offset":0,"strides":["8"]}', "one stride for each dimension"),
        ('{"tensor":"a","memory":"b","offset":0,"strides":[8]}', "can't lie in the memory of 'b'"),
        ('{"tensor":"a","same":"a"}', "is marked, but wrongly"),
        ('{"array":"a","memory":"a","offset":0,"strides":[8]}', "can't lie in the memory"),
    ],
    ids=short,
)
def test_hostile_tree_is_refused_by_name(tree: str, match: str) -> None:
    """PROMISES 30: with checksums that are right."""
    file = io.BytesIO()
    write(file, {"a": np.arange(3.0)}, {"autotape.tree": tree})
    with pytest.raises(CheckpointError, match="structure of the checkpoint is damaged: .*" + match):
        load(io.BytesIO(file.getvalue()))


def test_names_are_never_paths(tmp_path: Path) -> None:
    """PROMISES 30: path traversal."""
    names = ["../../evil", "/tmp/evil", "a/../../b", "C:\\evil", "..", "nul\0byte", "\n"]
    (tmp_path / "in").mkdir()
    path = tmp_path / "in" / "checkpoint"
    save({name: tensor([1.0]) for name in names}, path)
    assert list(load(path)) == names
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["checkpoint", "in"]


# --- other formats ------------------------------------------------------------------------------------------


class Bomb:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, ("executed",)


def zipped(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


OTHERS = {
    "pickle 2": (pickle.dumps(Bomb(), 2), "a pickle, .*never unpickles.*safetensors.torch.save_file"),
    "pickle 4": (pickle.dumps(Bomb(), 4), "a pickle.*never unpickles"),
    "pickle 5": (pickle.dumps({"a": 1}, 5), "a pickle.*never unpickles"),
    "torch": (zipped("archive/data.pkl", pickle.dumps(Bomb())), "ZIP archive, as torch.save writes"),
    "zip bomb": (zipped("archive/data.pkl", b"\0" * 50_000_000), "ZIP archive"),
    "npz of objects": (npz(a=np.array([Bomb()], dtype=object)), r"\.npz file; read it with numpy\.load"),
    "npy": (b"\x93NUMPY\1\0" + b" " * 100, r"\.npy file"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 100, "HDF5"),
    "gzip": (b"\x1f\x8b\x08\0\0\0\0\0\0\3", "gzip archive; unpack it first"),
    "gguf": (b"GGUF\3\0\0\0\0\0\0\0", "GGUF"),
    "lfs": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
        "Git LFS pointer .*git lfs pull",
    ),
    "html": (b"\n<!DOCTYPE html><html>404</html>", "a web page"),
    "json": (b'{"a": 1, "b": 2}', "text; a checkpoint is a binary file"),
    "text": (b"epoch,loss\n1,0.5\n", "text;"),
    "short text": (b"hi", "text;"),
    "zeros": (b"\0" * 1000, "zeros"),
    "noise": (bytes(range(128, 256)), "no format known here"),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("weights_only", [True, False])
def test_file_of_another_format_is_named(
    name: str, weights_only: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PROMISES 30: no code is run, with weights_only=False neither; a zip bomb is not unpacked."""
    monkeypatch.chdir(tmp_path)
    data, match = OTHERS[name]
    Path("file.pt").write_bytes(data)
    with pytest.raises(CheckpointError, match=r"'file\.pt' is no safetensors file; it looks like .*" + match):
        load("file.pt", weights_only=weights_only)
    assert os.listdir() == ["file.pt"]


# --- memory -------------------------------------------------------------------------------------------------


def peak(call: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_loading_takes_at_most_twice_the_declared_memory(tmp_path: Path) -> None:
    """PROMISES 30; the chunk that is read and small objects come on top, whatever the size."""
    path = tmp_path / "checkpoint"
    body = np.ones(8_000_000, "u1").tobytes()
    save([tensor(np.ones((1000, 1000)).T), tensor(np.ones(1000) * 1j), tensor(np.ones(9, "?"))], path)
    assert peak(lambda: load(path)) <= 1.1 * path.stat().st_size + (3 << 20)
    for code, shape in (
        ("BF16", [4_000_000]),
        ("BOOL", [8_000_000]),
        ("C64", [1_000_000]),
        ("F16", [4, 10**6]),
    ):
        path.write_bytes(with_header({"x": entry(code, shape, [0, 8_000_000])}, body))
        assert peak(lambda: load(path)) <= 2 * path.stat().st_size + (3 << 20)


def test_saving_takes_no_copy_of_a_contiguous_tensor(tmp_path: Path) -> None:
    x = tensor(np.ones(4_000_000))
    assert peak(lambda: save({"x": x}, tmp_path / "checkpoint")) < 4 << 20


def test_hostile_files_take_little_memory() -> None:
    """PROMISES 30: refused before memory is taken for what they declare."""
    huge = with_header({"a": entry("U8", [2**50], [0, 2**50])}, b"\0" * 100)
    nested = with_header(b'{"a":{"dtype":"U8","shape":' + b"[" * 5_000_000)
    many = with_header(b'{"a":{"dtype":"U8","shape":[' + b"0," * 2_500_000 + b"0]}}")
    keys = with_header(b'{"__metadata__":{' + b'"a":"",' * 700_000 + b'"b":""}}')
    for data in huge, nested, many, keys:
        assert peak(lambda data=data: outcome(data)) <= 4 * len(data) + (1 << 20)  # type: ignore[misc]
        assert isinstance(outcome(data), CheckpointError)


def run_script(script: str, *arguments: str) -> str:
    command = [sys.executable, "-c", script, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_loading_under_a_memory_limit(tmp_path: Path) -> None:
    """PROMISES 30: the system grants twice the file's size and not more."""
    path = tmp_path / "checkpoint"
    save({"x": tensor(np.arange(8_000_000.0)), "z": tensor(np.ones(2_000_000) * 1j)}, path)
    script = """
import resource, sys
from autotape.serialization import CheckpointError, load
import os, numpy
path, evil = sys.argv[1:]
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + 2 * os.path.getsize(path)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
print(float(load(path)["x"].numpy()[-1]))
try:
    load(evil)
except CheckpointError as error:
    print("truncated" in str(error))
"""
    evil = tmp_path / "evil"
    evil.write_bytes(with_header({"a": entry("U8", [2**45], [0, 2**45])}, b"\0" * 100))
    assert run_script(script, str(path), str(evil)).split() == ["7999999.0", "True"]
