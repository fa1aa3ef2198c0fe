"""Changes of images, one at a time: the callables that datasets take as ``transform``.

An image is a uint8 array of shape (H, W) or (H, W, C), as the datasets give it, up to :class:`ToTensor`, and
a tensor of shape (..., C, H, W) from there on; other transforms take both. Names, arguments and values are
torchvision's, whose PIL images the arrays stand for. Random ones draw from the global generator:
:func:`autotape.manual_seed` repeats them.

>>> import numpy as np
>>> change = Compose([CenterCrop(2), ToTensor(), Normalize((0.5,), (0.5,))])
>>> change
Compose(
    CenterCrop(size=(2, 2))
    ToTensor()
    Normalize(mean=(0.5,), std=(0.5,))
)
>>> change(np.full((4, 4), 255, np.uint8))
tensor([[[1., 1.],
         [1., 1.]]])
"""

from __future__ import annotations

from typing import Any

from autotape import left_out
from autotape.transforms import functional
from autotape.transforms.geometry import (
    CenterCrop,
    InterpolationMode,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomResizedCrop,
    RandomVerticalFlip,
    Resize,
)
from autotape.transforms.pictures import ToPILImage
from autotape.transforms.transform import Compose, Lambda, RandomApply, RandomChoice, Transform
from autotape.transforms.values import (
    ConvertImageDtype,
    Grayscale,
    Normalize,
    RandomGrayscale,
    ToTensor,
)

__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertImageDtype",
    "Grayscale",
    "InterpolationMode",
    "Lambda",
    "Normalize",
    "Pad",
    "RandomApply",
    "RandomChoice",
    "RandomCrop",
    "RandomGrayscale",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomVerticalFlip",
    "Resize",
    "ToPILImage",
    "ToTensor",
    "Transform",
    "functional",
]


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("transforms", name, __all__)
