"""MNIST and CIFAR: layouts of files, items and tensors, and what damage does. The files are made here."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from autotape.datasets import CIFAR10, CIFAR100, MNIST, FashionMNIST
from autotape.engine.dtypes import float32, int64, uint8
from autotape.transforms import ToTensor
from autotape.utils.data import DataLoader

# --- MNIST and its form -------------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes, written by its definition."""
    shape = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + shape + array.astype(np.uint8).tobytes()


IMAGES = (np.arange(12 * 28 * 28) * 37 % 256).astype(np.uint8).reshape(12, 28, 28)
LABELS = np.arange(12, dtype=np.uint8) % 10


def put_mnist(folder: Path, part: str = "train", packed: bool = True) -> tuple[Path, Path]:
    """Twelve images and labels in MNIST's form; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind, array in ("images-idx3", IMAGES), ("labels-idx1", LABELS):
        path = folder / f"{part}-{kind}-ubyte{'.gz' if packed else ''}"
        path.write_bytes(gzip.compress(idx(array)) if packed else idx(array))
        paths.append(path)
    return paths[0], paths[1]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("inner", ["", "MNIST/raw", "MNIST", "mnist"])
def test_mnist_is_found_where_torchvision_and_people_put_it(tmp_path: Path, inner: str, packed: bool) -> None:
    put_mnist(tmp_path / inner, "t10k", packed)
    test = MNIST(tmp_path, train=False)
    assert np.array_equal(test.data.numpy(), IMAGES)
    assert (test.data.dtype, test.targets.dtype) == (uint8, int64)
    assert test.targets.tolist() == LABELS.tolist()
    assert len(test) == 12
    with pytest.raises(RuntimeError, match="no train-images-idx3-ubyte"):
        MNIST(tmp_path)


def test_items_pass_through_the_transforms(tmp_path: Path) -> None:
    put_mnist(tmp_path)
    plain = MNIST(str(tmp_path))
    image, label = plain[3]
    assert type(image) is np.ndarray
    assert type(label) is int
    assert (image.shape, image.dtype, label) == ((28, 28), np.uint8, 3)
    image[:] = 0  # an item is the caller's own
    assert np.array_equal(plain[3][0], IMAGES[3])
    assert plain[-1][1] == 1
    assert plain[np.int64(2)][1] == 2
    with pytest.raises(IndexError):
        plain[12]
    assert [label for _, label in plain] == LABELS.tolist()  # type: ignore[attr-defined]

    changed = MNIST(tmp_path, transform=ToTensor(), target_transform=lambda label: -label)
    tensor, target = changed[5]
    assert target == -5
    assert np.array_equal(tensor.numpy(), IMAGES[5][None].astype(np.float32) / np.float32(255))


def test_tensors_are_the_items_all_at_once(tmp_path: Path) -> None:
    put_mnist(tmp_path)
    train = MNIST(tmp_path)
    images, labels = train.tensors()
    assert (images.shape, images.dtype) == ((12, 1, 28, 28), float32)
    assert (labels.shape, labels.dtype) == ((12,), int64)
    for i in range(12):
        assert np.array_equal(images[i].numpy(), ToTensor()(train[i][0]).numpy())
    assert (float(images.min()), float(images.max())) == (0.0, 1.0)
    labels[:] = 7
    images[:] = 7
    assert train.targets.tolist() == LABELS.tolist()
    assert np.array_equal(train.data.numpy(), IMAGES)


def test_a_part_taken_by_hand_is_followed(tmp_path: Path) -> None:
    """Scripts cut sets by assigning data and targets."""
    put_mnist(tmp_path)
    train = MNIST(tmp_path)
    odd = train.targets % 2 == 1
    train.data, train.targets = train.data[odd], train.targets[odd]
    assert len(train) == 6
    assert train[1][1] == 3
    assert np.array_equal(train[1][0], IMAGES[3])
    assert train.tensors()[0].shape == (6, 1, 28, 28)


def test_loader_takes_a_dataset(tmp_path: Path) -> None:
    put_mnist(tmp_path)
    loader = DataLoader(MNIST(tmp_path, transform=ToTensor()), batch_size=5)
    batches = list(loader)
    assert [tuple(images.shape) for images, _ in batches] == [(5, 1, 28, 28), (5, 1, 28, 28), (2, 1, 28, 28)]
    assert [label for _, labels in batches for label in labels.tolist()] == LABELS.tolist()


def test_classes_and_repr(tmp_path: Path) -> None:
    put_mnist(tmp_path / "fashionmnist")
    fashion = FashionMNIST(tmp_path, transform=ToTensor())
    assert fashion.classes[9] == "Ankle boot"
    assert fashion.class_to_idx["T-shirt/top"] == 0
    assert repr(fashion).splitlines() == [
        "Dataset FashionMNIST",
        "    Number of datapoints: 12",
        f"    Root location: {tmp_path}",
        "    Split: Train",
        "    Transform: ToTensor()",
    ]
    assert MNIST.classes[7] == "7 - seven"


def damage_bytes(content: bytes, damage: str) -> bytes:
    """A damaged file made of a whole one."""
    if damage == "truncated":
        return content[:-10]
    if damage == "empty":
        return b""
    if damage == "longer":
        return content + b"\0"
    if damage == "header cut":
        return content[:6]
    if damage == "web page":
        return b"<!DOCTYPE html><title>404</title>"
    position = {"magic": 2, "dimensions": 3, "count": 4, "side": 11}[damage]
    return content[:position] + bytes([content[position] ^ 0x41]) + content[position + 1 :]


DAMAGES = [("side", 0)] + [
    (damage, which)
    for damage in ("truncated", "empty", "longer", "header cut", "web page", "magic", "dimensions", "count")
    for which in (0, 1)  # images, labels
]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize(("damage", "which"), DAMAGES)
def test_damaged_mnist_is_refused_by_name(tmp_path: Path, damage: str, which: int, packed: bool) -> None:
    path = put_mnist(tmp_path, packed=packed)[which]
    content = damage_bytes(idx([IMAGES, LABELS][which]), damage)
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(RuntimeError, match=rf"{path.name} is damaged: .*Remove it and get it again"):
        MNIST(tmp_path)


@pytest.mark.parametrize("where", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_one_wrong_bit_in_a_packed_file_is_refused(tmp_path: Path, where: float) -> None:
    for path in put_mnist(tmp_path):
        whole = bytearray(path.read_bytes())
        position = max(
            10, int(len(whole) * where)
        )  # behind the gzip header, whose time and name mean nothing
        whole[position] ^= 4
        path.write_bytes(whole)
        with pytest.raises(RuntimeError, match=rf"{path.name} is damaged"):
            MNIST(tmp_path)
        whole[position] ^= 4
        path.write_bytes(whole)
    assert len(MNIST(tmp_path)) == 12


@pytest.mark.parametrize("length", [0, 5, 15, 40, -1, -8])
def test_a_packed_file_that_is_cut_off_is_refused(tmp_path: Path, length: int) -> None:
    path, _ = put_mnist(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(RuntimeError, match=rf"{path.name} is damaged"):
        MNIST(tmp_path)


def test_exchanged_files_are_refused(tmp_path: Path) -> None:
    images, labels = put_mnist(tmp_path)
    contents = images.read_bytes(), labels.read_bytes()
    images.write_bytes(contents[1])
    labels.write_bytes(contents[0])
    with pytest.raises(
        RuntimeError, match=r"train-images-idx3-ubyte.gz is damaged: it holds an array \(12,\)"
    ):
        MNIST(tmp_path)
    images.write_bytes(contents[0])
    with pytest.raises(RuntimeError, match=r"train-labels-idx1-ubyte.gz is damaged: .*not labels"):
        MNIST(tmp_path)
    labels.write_bytes(gzip.compress(idx(LABELS[:7])))
    with pytest.raises(RuntimeError, match=r"it has 7 labels for the 12 images of"):
        MNIST(tmp_path)
    labels.write_bytes(gzip.compress(idx(LABELS + 1)))
    with pytest.raises(RuntimeError, match=r"it has the label 10, of classes 0 to 9"):
        MNIST(tmp_path)


def test_the_data_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTAPE_DATA", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    monkeypatch.setenv("HOME", str(tmp_path / "c"))
    put_mnist(tmp_path / "a/mnist")
    assert MNIST().root == tmp_path / "a"
    put_mnist(tmp_path / "a")  # a file of which set?
    with pytest.raises(RuntimeError, match="FashionMNIST is not there"):
        FashionMNIST()
    assert len(FashionMNIST(tmp_path / "a")) == 12
    monkeypatch.delenv("AUTOTAPE_DATA")
    put_mnist(tmp_path / "b/autotape/MNIST/raw")
    assert MNIST().root == tmp_path / "b/autotape"
    monkeypatch.delenv("XDG_CACHE_HOME")
    with pytest.raises(RuntimeError) as info:
        MNIST()
    for words in (
        "MNIST is not there",
        "train-images-idx3-ubyte.gz",
        str(tmp_path / "c/.cache/autotape/MNIST/raw"),
        "root=",
        "AUTOTAPE_DATA",
        "download=True",
    ):
        assert words in str(info.value)
    assert not (tmp_path / "c").exists()  # nothing is made by looking


REAL = Path(__file__).resolve().parents[1].parent / "shared/data/mnist"


@pytest.mark.skipif(not REAL.is_dir(), reason="no MNIST in ../shared/data/mnist")
def test_the_real_mnist() -> None:
    test = MNIST(REAL, train=False)
    images, labels = test.tensors()
    assert images.shape == (10000, 1, 28, 28)
    assert np.bincount(labels.numpy()).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert float(images.mean()) == pytest.approx(0.1325, abs=1e-3)
    train = MNIST(REAL.parent)  # in its folder mnist
    assert np.bincount(train.targets.numpy()).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert train.data.shape == (60000, 28, 28)


# --- CIFAR --------------------------------------------------------------------------------------------------


class SmallCIFAR10(CIFAR10):
    """CIFAR-10's form with four images in a file."""

    sizes = (4, 4)


class SmallCIFAR100(CIFAR100):
    sizes = (4, 4)


def cifar_bytes(seed: int, label_bytes: int = 1) -> tuple[np.ndarray, bytes]:
    """Four images (4, 3, 32, 32), and the records of them with the labels 6 to 9."""
    images = np.random.default_rng(seed).integers(0, 256, (4, 3, 32, 32), np.uint8)
    before = b"\x13" * (label_bytes - 1)  # the coarse label
    return images, b"".join(before + bytes([6 + i]) + image.tobytes() for i, image in enumerate(images))


def put_cifar(
    root: Path, packed: bool, names: list[str], folder: str, archive: str, label_bytes: int = 1
) -> Path:
    contents = {name: cifar_bytes(i, label_bytes)[1] for i, name in enumerate(names)}
    if not packed:
        (root / folder).mkdir()
        for name, content in contents.items():
            (root / folder / name).write_bytes(content)
        return root / folder
    with tarfile.open(root / archive, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return root / archive


TEN = [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def put_cifar10(root: Path, packed: bool = True) -> Path:
    return put_cifar(root, packed, TEN, "cifar-10-batches-bin", "cifar-10-binary.tar.gz")


@pytest.mark.parametrize("packed", [True, False])
def test_cifar10(tmp_path: Path, packed: bool) -> None:
    put_cifar10(tmp_path, packed)
    before = sorted(tmp_path.rglob("*"))
    train, test = SmallCIFAR10(tmp_path), SmallCIFAR10(tmp_path, train=False)
    assert sorted(tmp_path.rglob("*")) == before  # nothing is unpacked to the disk
    assert (train.data.shape, train.data.dtype, len(train), len(test)) == ((20, 32, 32, 3), np.uint8, 20, 4)
    assert train.targets == [6, 7, 8, 9] * 5
    assert len(SmallCIFAR10(tmp_path, download=True)) == 20  # there is nothing to download
    for i in range(20):
        assert np.array_equal(train[i][0], cifar_bytes(i // 4)[0][i % 4].transpose(1, 2, 0))
    images, labels = test.tensors()
    assert np.array_equal(images.numpy(), cifar_bytes(5)[0].astype(np.float32) / np.float32(255))
    assert images.numpy().flags.c_contiguous
    assert labels.tolist() == [6, 7, 8, 9]
    assert np.array_equal(ToTensor()(test[2][0]).numpy(), images[2].numpy())
    assert train.class_to_idx["truck"] == 9


@pytest.mark.parametrize("packed", [True, False])
def test_cifar100(tmp_path: Path, packed: bool) -> None:
    put_cifar(tmp_path, packed, ["train.bin", "test.bin"], "cifar-100-binary", "cifar-100-binary.tar.gz", 2)
    test = SmallCIFAR100(tmp_path, train=False)
    assert np.array_equal(test[1][0], cifar_bytes(1)[0][1].transpose(1, 2, 0))
    assert test.targets == [6, 7, 8, 9]
    assert len(test.classes) == len(set(test.classes)) == 100
    assert test.classes == sorted(test.classes)
    assert test.classes[99] == "worm"


def test_cifar_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(
        RuntimeError, match=r"no cifar-10-binary.tar.gz or data_batch_1.bin .*\n.*\n.*\n.*pickles"
    ):
        CIFAR10(tmp_path)
    folder = put_cifar10(tmp_path, packed=False)
    (folder / "data_batch_4.bin").unlink()
    with pytest.raises(RuntimeError, match=r"no cifar-10-binary.tar.gz or data_batch_4.bin"):
        SmallCIFAR10(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04}", b"\6" * 3072, b"\6" * (3073 * 4 + 1), b"\x0a" * 3073 * 4]
)
def test_damaged_batch_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    folder = put_cifar10(tmp_path, packed=False)
    (folder / "data_batch_3.bin").write_bytes(content)
    with pytest.raises(RuntimeError, match=r"data_batch_3\.bin is damaged: it has"):
        SmallCIFAR10(tmp_path)


def test_damaged_archive_is_refused_by_name(tmp_path: Path) -> None:
    archive = put_cifar10(tmp_path)
    whole = archive.read_bytes()
    flipped = [
        whole[:i] + bytes([whole[i] ^ 16]) + whole[i + 1 :] for i in (60, len(whole) // 2, len(whole) - 6)
    ]
    for content in (
        b"",
        whole[:50],
        whole[: len(whole) // 2],
        whole[:-4],
        b"no archive",
        gzip.compress(b"x"),
        *flipped,
    ):
        archive.write_bytes(content)
        with pytest.raises(RuntimeError, match=r"cifar-10-binary\.tar\.gz.* is damaged"):
            SmallCIFAR10(tmp_path)


def test_an_archive_can_do_no_harm(tmp_path: Path) -> None:
    """Members that point elsewhere are not followed, and nothing is written."""
    (tmp_path / "root").mkdir()
    archive = tmp_path / "root/cifar-10-binary.tar.gz"
    secret = tmp_path / "secret.bin"
    secret.write_bytes(cifar_bytes(0)[1])
    with tarfile.open(archive, "w:gz") as tar:
        for name in TEN:
            link = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, str(secret)
            tar.addfile(link)
        evil = tarfile.TarInfo("../../evil.txt")
        evil.size = 4
        tar.addfile(evil, io.BytesIO(b"evil"))
    with pytest.raises(RuntimeError, match=r"tar\.gz is damaged"):
        SmallCIFAR10(tmp_path / "root")
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        "cifar-10-binary.tar.gz",
        "root",
        "secret.bin",
    ]
