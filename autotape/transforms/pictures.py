"""Images of PIL, a package that is used if it is there."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.transforms.transform import Transform

__all__ = ["ToPILImage", "to_pil_image"]


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (C, H, W) or (H, W), or an array (H, W) or (H, W, C), as an image of PIL.

    Floats 0 to 1 of a tensor become 0 to 255. ModuleNotFoundError without PIL (``pip install pillow``).
    """
    try:
        from PIL import Image  # type: ignore[import-not-found,unused-ignore]
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "to_pil_image needs PIL (pip install pillow); x.numpy() and utils.save_image do without",
            name=error.name,
        ) from None
    if isinstance(pic, Tensor):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        image = pic.detach()
        image = image.mul(255).byte() if image.is_floating_point() else image
        array = image.numpy() if image.ndim == 2 else image.permute(1, 2, 0).numpy()
    elif isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        array = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    made = Image.fromarray(np.ascontiguousarray(array))
    return made if mode is None else made.convert(mode)


class ToPILImage(Transform):
    """:func:`~autotape.transforms.functional.to_pil_image` of an image."""

    def __init__(self, mode: str | None = None) -> None:
        self.mode = mode

    def _change(self, img: Any) -> Any:
        return to_pil_image(img, self.mode)
