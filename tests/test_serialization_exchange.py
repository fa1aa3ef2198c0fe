"""Exchange with PyTorch: the safetensors package reads our files and writes files for us."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autotape.engine.tensor import Tensor
from autotape.serialization import CheckpointError, load, save
from autotape.serialization.safetensors_format import read, write

torch = pytest.importorskip("torch", reason="PyTorch is not importable (extra: parity)")
safetensors = pytest.importorskip("safetensors", reason="safetensors is not importable (extra: parity)")
safetensors_numpy = pytest.importorskip("safetensors.numpy")
safetensors_torch = pytest.importorskip("safetensors.torch")

DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8"]
LAYOUTS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "transposed": lambda a: a.T,
    "strided": lambda a: np.repeat(a, 2, 1)[:, ::2],
    "negative": lambda a: a[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:, :1], (3, 5)),
    "0-d": lambda a: a[1, 1],
    "empty": lambda a: a[:0],
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
}


def tensor(array: Any) -> Tensor:
    return Tensor._wrap(np.asarray(array))


def array_of(dtype: str, layout: str) -> np.ndarray[Any, Any]:
    array = np.array([[0, 1, 2, 3], [250, 127, 0, 1], [9, 1, 7, 5]]).astype(dtype)
    if array.dtype.kind == "c":
        array *= 1 - 2j
    return np.asarray(LAYOUTS[layout](array))


def assert_equal(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> None:
    assert a.dtype.newbyteorder("=") == b.dtype
    assert a.shape == b.shape
    assert a.astype(b.dtype).tobytes() == np.ascontiguousarray(b).tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_pytorch_reads_our_files(dtype: str, layout: str, tmp_path: Path) -> None:
    """PROMISES 31: every layout and dtype."""
    path = tmp_path / "ours.safetensors"
    array = array_of(dtype, layout)
    write(path, {"b.weight": array, "a": np.ones(3, "u1")})
    for loaded in (
        {name: t.numpy() for name, t in safetensors_torch.load_file(path).items()},
        {name: t.numpy() for name, t in safetensors_torch.load(path.read_bytes()).items()},
        safetensors_numpy.load_file(path),
    ):
        assert set(loaded) == {"b.weight", "a"}
        assert_equal(array, loaded["b.weight"])
    with safetensors.safe_open(path, framework="numpy") as file:
        assert_equal(array, file.get_tensor("b.weight"))


@pytest.mark.parametrize("layout", ["C", "0-d", "empty", "transposed", "strided"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_we_read_pytorchs_files(dtype: str, layout: str, tmp_path: Path) -> None:
    """PROMISES 31: every layout and dtype that PyTorch writes."""
    path = tmp_path / "theirs.safetensors"
    array = np.ascontiguousarray(array_of(dtype, "C" if layout in ("transposed", "strided") else layout))
    array = array.reshape(array_of(dtype, layout).shape) if layout in ("0-d", "empty") else array
    t = torch.from_numpy(array)
    t = {"transposed": lambda: t.t(), "strided": lambda: t[:, ::2]}.get(layout, lambda: t)()
    safetensors_torch.save_file({"w": t.contiguous(), "n": torch.arange(3)}, path, metadata={"format": "pt"})
    loaded = load(path)
    assert set(loaded) == {"w", "n"}
    assert_equal(t.numpy(), loaded["w"].numpy())
    assert read(path)[1] == {"format": "pt"}
    safetensors_numpy.save_file({"w": array, "n": np.arange(3)}, path)
    assert_equal(array, load(path)["w"].numpy())


def test_state_dict_has_its_own_keys_for_other_readers(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    state = {name: tensor(t.numpy().copy()) for name, t in net.state_dict().items()}
    save(state, path)
    loaded = safetensors_torch.load_file(path)
    assert set(loaded) == set(net.state_dict())
    torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2)).load_state_dict(loaded)
    for name, t in net.state_dict().items():
        assert torch.equal(t, loaded[name])


def test_bf16_and_complex128_are_carried_over(tmp_path: Path) -> None:
    path = tmp_path / "file.safetensors"
    wide = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    safetensors_torch.save_file({"h": wide.to(torch.bfloat16)}, path)
    assert_equal(wide.to(torch.bfloat16).to(torch.float32).numpy(), load(path)["h"].numpy())
    z = np.array([[1 + 2j, complex(np.nan, -0.0)]])
    write(path, {"z": z})
    assert_equal(z, torch.view_as_complex(safetensors_torch.load_file(path)["z"]).numpy())
    assert_equal(z, read(path)[0]["z"])


def test_copy_by_the_safetensors_package_keeps_checkpoint_and_checksums(tmp_path: Path) -> None:
    ours, copy = tmp_path / "ours", tmp_path / "copy"
    save({"b": tensor(np.ones(3, "f4")), "a": [tensor(np.arange(4.0)), 5]}, ours)
    with safetensors.safe_open(ours, framework="numpy") as file:
        metadata = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    safetensors_numpy.save_file(arrays, copy, metadata=metadata)
    loaded = load(copy)
    assert list(loaded) == ["b", "a"]
    assert loaded["a"][1] == 5
    arrays["b"][0] = 2
    safetensors_numpy.save_file(arrays, copy, metadata=metadata)
    with pytest.raises(CheckpointError, match="tensor 'b' is damaged"):
        load(copy)


def test_torch_save_is_named_and_its_way_out_works(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    state = {"w": torch.arange(6.0).reshape(2, 3)}
    for options in {}, {"_use_new_zipfile_serialization": False}:
        torch.save(state, path, **options)
        with pytest.raises(CheckpointError, match=r"torch\.save writes.*safetensors\.torch\.save_file"):
            load(path)
        safetensors_torch.save_file(torch.load(path, weights_only=True), tmp_path / "new")
        assert load(tmp_path / "new")["w"].numpy().tolist() == state["w"].tolist()


def test_what_is_kept_agrees_with_torch_save() -> None:
    """requires_grad, leaves, identity and shared memory come back as torch.load gives them."""
    data = torch.arange(6.0)
    leaf = torch.ones(2, requires_grad=True)
    theirs = {
        "x": data,
        "part": data[2:],
        "same": data,
        "twin": data.detach(),
        "leaf": leaf,
        "made": leaf * 2,
    }
    array = np.arange(6, dtype="f4")
    x, w = tensor(array), tensor(np.ones(2, "f4")).requires_grad_()
    made = tensor(np.full(2, 2, "f4")).requires_grad_()
    ours = {"x": x, "part": tensor(array[2:]), "same": x, "twin": x.detach(), "leaf": w, "made": made}
    their_file, our_file = io.BytesIO(), io.BytesIO()
    torch.save(theirs, their_file)
    save(ours, our_file)
    their_file.seek(0)
    our_file.seek(0)
    theirs, ours = torch.load(their_file), load(our_file)
    assert list(theirs) == list(ours)
    for name, t in theirs.items():
        assert (t.requires_grad, t.is_leaf) == (ours[name].requires_grad, ours[name].is_leaf)
        assert t.detach().numpy().tolist() == ours[name].detach().numpy().tolist()
        assert (t is theirs["x"]) == (ours[name] is ours["x"])
    theirs["x"][3] = ours["x"]._array[3] = 100
    for name in ("part", "same", "twin"):
        assert theirs[name].tolist() == ours[name].numpy().tolist()
