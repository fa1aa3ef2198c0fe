"""What all datasets of labelled images share."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from autotape.datasets._files import PathLike, data_root
from autotape.engine.dtypes import default_dtype
from autotape.engine.tensor import Tensor
from autotape.utils.data.dataset import Dataset

__all__ = ["VisionDataset"]

Array = np.ndarray[Any, Any]
Transform = Callable[[Any], Any]


class VisionDataset(Dataset[tuple[Any, Any]]):
    """Labelled images: ``dataset[i]`` is ``(image, label)``, passed through the transforms if there are any.

    An image is a uint8 array of its own, of shape (H, W) or (H, W, C) (torchvision has PIL images here);
    :class:`autotape.transforms.ToTensor` makes it a float tensor of shape (C, H, W). A label is an int.

    Attributes:
        root: the folder of all datasets.
        train: whether this is the training part.
        data: all images, uint8.
        targets: all labels.
        classes: the classes' names; ``class_to_idx`` has the label of each.
        transform, target_transform: what items pass through, or None.
    """

    classes: ClassVar[list[str]]
    data: Any
    targets: Any

    def __init__(
        self,
        root: PathLike | None = None,
        train: bool = True,
        transform: Transform | None = None,
        target_transform: Transform | None = None,
    ) -> None:
        self.root: Path = data_root(root)
        self.train = train
        self.transform = transform
        self.target_transform = target_transform

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The label of each class."""
        return {name: label for label, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        index = operator.index(index)
        image: Any = self._images()[index].copy()
        label: Any = int(self.targets[index])
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label

    def tensors(self) -> tuple[Tensor, Tensor]:
        """All images and labels at once, without the transforms.

        Images are of shape (N, C, H, W), their 0 to 255 as 0 to 1 in the default dtype; labels are int64 of
        shape (N,). Both are new memory.
        """
        images = self._images()
        images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
        pixels = images.astype(default_dtype(), order="C")
        pixels /= 255
        return Tensor._wrap(pixels), Tensor._wrap(np.array(self.targets, dtype=np.int64))

    def _images(self) -> Array:
        return self.data._array if isinstance(self.data, Tensor) else self.data

    def __repr__(self) -> str:
        lines = [
            f"Dataset {type(self).__name__}",
            f"    Number of datapoints: {len(self)}",
            f"    Root location: {self.root}",
            f"    Split: {'Train' if self.train else 'Test'}",
        ]
        if self.transform is not None:
            lines.append("    Transform: " + repr(self.transform).replace("\n", "\n" + " " * 15))
        if self.target_transform is not None:
            lines.append(
                "    Target transform: " + repr(self.target_transform).replace("\n", "\n" + " " * 22)
            )
        return "\n".join(lines)
