"""MNIST and FashionMNIST: 28 x 28 grey images of ten classes, in IDX files."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from autotape.datasets._files import PathLike, damaged, find, missing, read
from autotape.datasets.download import download_file
from autotape.datasets.vision import Transform, VisionDataset
from autotape.engine.tensor import Tensor

__all__ = ["FashionMNIST", "MNIST", "read_idx"]

Array = np.ndarray[Any, Any]

_SIDE = 28


class MNIST(VisionDataset):
    """The MNIST handwritten digits: 60,000 training and 10,000 test images of 28 x 28 pixels.

    The files are looked for, as they are (``.gz``) or unpacked, in the folders ``MNIST/raw`` (torchvision's),
    ``MNIST`` and ``mnist`` of ``root``, then in ``root`` itself. ``root=None`` stands for the folder that the
    environment variable AUTOTAPE_DATA names, else ``autotape`` in the user's cache ($XDG_CACHE_HOME, else
    ``~/.cache``), of which only those inner folders are searched.

    ``download=True`` gets what is not there into ``root/MNIST/raw``; what is downloaded has to match its
    published checksum. Files that you bring may be altered or smaller sets: they are taken if header, length,
    labels and the packed file's own checksum are consistent.

    ``data`` is a uint8 tensor (N, 28, 28), ``targets`` an int64 tensor (N,).

    ``images, labels = MNIST("data").tensors()`` gives all at once, as floats (N, 1, 28, 28) and int64.

    Raises:
        RuntimeError: the files are not there, or one is damaged; the message names it.
    """

    folder = "MNIST"
    mirrors: tuple[str, ...] = (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "http://yann.lecun.com/exdb/mnist/",
    )
    resources = (
        ("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        ("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        ("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        ("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    )
    classes: ClassVar[list[str]] = [
        "0 - zero", "1 - one", "2 - two", "3 - three", "4 - four",
        "5 - five", "6 - six", "7 - seven", "8 - eight", "9 - nine",
    ]  # fmt: skip

    def __init__(
        self,
        root: PathLike | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
        download: bool = False,
    ) -> None:
        super().__init__(root, train, transform, target_transform)
        names = (self.folder + "/raw", self.folder, self.folder.lower())
        self._folders = [self.root / name for name in names]
        if (
            root is not None
        ):  # the set's own folder; a folder of all sets may hold the same names of another set
            self._folders.append(self.root)
        if download:
            self._download()
        part = "train" if train else "t10k"
        images, labels = (self._find(f"{part}-{kind}-ubyte") for kind in ("images-idx3", "labels-idx1"))
        self.data, self.targets = (Tensor._wrap(array) for array in self._read(images, labels))

    @property
    def train_data(self) -> Tensor:
        """``data``, by its old name."""
        return self.data  # type: ignore[no-any-return]

    @property
    def test_data(self) -> Tensor:
        """``data``, by its old name."""
        return self.data  # type: ignore[no-any-return]

    @property
    def train_labels(self) -> Tensor:
        """``targets``, by its old name."""
        return self.targets  # type: ignore[no-any-return]

    @property
    def test_labels(self) -> Tensor:
        """``targets``, by its old name."""
        return self.targets  # type: ignore[no-any-return]

    def _download(self) -> None:
        for name, sha256 in self.resources:
            if find(self._folders, (name, name.removesuffix(".gz"))) is None:
                urls = [mirror + name for mirror in self.mirrors]
                download_file(urls, self.root / self.folder / "raw" / name, sha256)

    def _find(self, name: str) -> Path:
        names = (name + ".gz", name)
        path = find(self._folders, names)
        if path is None:
            raise missing(self.folder, names, self._folders)
        return path

    def _read(self, images_path: Path, labels_path: Path) -> tuple[Array, Array]:
        images, labels = read_idx(images_path), read_idx(labels_path)
        if images.shape[1:] != (_SIDE, _SIDE):
            raise damaged(images_path, f"it holds an array {images.shape}, not images (N, {_SIDE}, {_SIDE})")
        if labels.ndim != 1:
            raise damaged(labels_path, f"it holds an array {labels.shape}, not labels (N,)")
        if len(images) != len(labels):
            raise damaged(
                labels_path, f"it has {len(labels)} labels for the {len(images)} images of {images_path}"
            )
        if len(labels) and labels.max() >= len(self.classes):
            raise damaged(
                labels_path, f"it has the label {labels.max()}, of classes 0 to {len(self.classes) - 1}"
            )
        return images, labels.astype(np.int64)


class FashionMNIST(MNIST):
    """Fashion-MNIST: 60,000 training and 10,000 test images of clothes, in MNIST's form.

    All that :class:`MNIST` says holds with ``FashionMNIST`` and ``fashionmnist`` for the folders' names.
    Source: H. Xiao, K. Rasul, R. Vollgraf, 2017 (MIT licence).
    """

    folder = "FashionMNIST"
    mirrors = (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    )
    resources = (
        ("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        ("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        ("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        ("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    )
    classes: ClassVar[list[str]] = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ]  # fmt: skip


def read_idx(path: Path) -> Array:
    """The uint8 array in an IDX file (``.gz``: packed).

    The file is two zero bytes, the type (8: unsigned bytes), the number of dimensions, each dimension as a
    big-endian uint32, and the values.

    Raises:
        RuntimeError: the file is not such a file, or its length is not what its header says.
    """
    content = read(path)
    if len(content) < 4 or content[:3] != b"\0\0\x08":
        raise damaged(path, f"it begins with {content[:4]!r}, not as an IDX file of unsigned bytes")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise damaged(path, f"its header is cut off after {len(content)} bytes")
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    size = start + int(np.prod(shape, dtype=object))
    if len(content) != size:
        raise damaged(path, f"it has {len(content)} bytes, and its header says {size} (shape {shape})")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()
