"""CIFAR-10 and CIFAR-100: 32 x 32 colour images of ten and of a hundred classes, in the binary version."""

from __future__ import annotations

import gzip
import tarfile
import zlib
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from autotape.datasets._files import PathLike, damaged, find, missing
from autotape.datasets.download import download_file
from autotape.datasets.vision import Transform, VisionDataset

__all__ = ["CIFAR10", "CIFAR100"]

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32


class CIFAR10(VisionDataset):
    """CIFAR-10: 50,000 training and 10,000 test images of 32 x 32 pixels in red, green and blue.

    Read from the binary version in ``root``: the archive ``cifar-10-binary.tar.gz`` (nothing is unpacked to
    the disk), or the folder ``cifar-10-batches-bin``. The Python version holds pickles, which can run any
    code, and is not read. ``root=None`` and ``download=True`` are as in :class:`autotape.datasets.MNIST`; a
    file of your own is taken if its length and labels are right.

    ``data`` is a uint8 array (N, 32, 32, 3), ``targets`` a list of N ints, as in torchvision.
    Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.

    Raises:
        RuntimeError: the files are not there, or one is damaged; the message names it.
    """

    folder = "cifar-10-batches-bin"
    archive = "cifar-10-binary.tar.gz"
    sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
    mirrors = ("https://www.cs.toronto.edu/~kriz/",)
    train_files = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
    test_files = ("test_batch.bin",)
    sizes = (10_000, 10_000)  # images in a training file, and in the test file
    label_bytes = 1  # before each image; the last of them is the label
    classes: ClassVar[list[str]] = [
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
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
        names = self.train_files if train else self.test_files
        if download and not self._is_there():
            download_file(
                [mirror + self.archive for mirror in self.mirrors], self.root / self.archive, self.sha256
            )
        images, labels = zip(*(self._parse(path, content) for path, content in self._contents(names)))
        self.data = np.ascontiguousarray(np.concatenate(images).transpose(0, 2, 3, 1))
        self.targets = np.concatenate(labels).tolist()

    def _is_there(self) -> bool:
        files = (*self.train_files, *self.test_files)
        return (self.root / self.archive).is_file() or all(self._find(name) for name in files)

    def _find(self, name: str) -> Path | None:
        return find([self.root / self.folder, self.root], [name])

    def _contents(self, names: tuple[str, ...]) -> list[tuple[Path, bytes]]:
        """The content of each file, with the path that an error names."""
        if (archive := self.root / self.archive).is_file():
            return [(archive / name, content) for name, content in self._unpack(archive, names)]
        paths = [self._find(name) for name in names]
        if None in paths:
            name = names[paths.index(None)]
            note = " The Python version is not read: its pickles can run code."
            raise missing(
                type(self).__name__, [self.archive, name], [self.root, self.root / self.folder], note
            )
        return [(path, path.read_bytes()) for path in paths if path is not None]

    def _unpack(self, archive: Path, names: tuple[str, ...]) -> list[tuple[str, bytes]]:
        """The members of these names; the archive is read to its end, where its checksum is."""
        wanted = {f"{self.folder}/{name}": name for name in names}
        found = {}
        try:
            with gzip.open(archive) as packed:
                with tarfile.open(fileobj=packed, mode="r|") as members:
                    for member in members:
                        if member.name in wanted and (file := members.extractfile(member)) is not None:
                            found[wanted[member.name]] = file.read()
                while packed.read(1 << 20):
                    pass
        except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError) as error:
            raise damaged(archive, f"it is no whole tar.gz archive ({error})") from error
        for member_name, name in wanted.items():
            if name not in found:
                raise damaged(archive, f"it has no file {member_name}")
        return [(name, found[name]) for name in names]

    def _parse(self, path: Path, content: bytes) -> tuple[Any, Any]:
        """The images (N, 3, 32, 32) and labels (N,) of one file."""
        count = self.sizes[0 if self.train else 1]
        record = self.label_bytes + _PIXELS
        if len(content) != count * record:
            raise damaged(path, f"it has {len(content)} bytes, and {count} images are {count * record}")
        records = np.frombuffer(content, np.uint8).reshape(count, record)
        labels = records[:, self.label_bytes - 1]
        if labels.max() >= len(self.classes):
            raise damaged(path, f"it has the label {labels.max()}, of classes 0 to {len(self.classes) - 1}")
        return records[:, self.label_bytes :].reshape(count, *_SHAPE), labels


class CIFAR100(CIFAR10):
    """CIFAR-100: 50,000 training and 10,000 test images in a hundred classes, in CIFAR-10's form.

    All that :class:`CIFAR10` says holds with ``cifar-100-binary.tar.gz`` and ``cifar-100-binary`` for the
    names. The labels are the fine ones.
    """

    folder = "cifar-100-binary"
    archive = "cifar-100-binary.tar.gz"
    sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
    train_files = ("train.bin",)
    test_files = ("test.bin",)
    sizes = (50_000, 10_000)
    label_bytes = 2  # the coarse label and the fine one
    classes: ClassVar[list[str]] = [
        "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
        "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
        "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup",
        "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house",
        "kangaroo", "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man",
        "maple_tree", "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid",
        "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
        "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew",
        "skunk", "skyscraper", "snail", "snake", "spider", "squirrel", "streetcar", "sunflower",
        "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor", "train", "trout",
        "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
    ]  # fmt: skip
