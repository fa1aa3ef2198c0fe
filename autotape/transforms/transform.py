"""What a transform is, and those made of other callables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autotape.ops.generator import source

__all__ = ["Compose", "Lambda", "RandomApply", "RandomChoice", "Transform"]


class Transform:
    """Takes an image and returns it changed; the image it was given stays as it was."""

    def __call__(self, img: Any) -> Any:
        """The changed image."""
        return self._change(img)

    def _change(self, img: Any) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Compose(Transform):
    """Several changes, one after the other."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def _change(self, img: Any) -> Any:
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        inner = (f"    {transform}".replace("\n", "\n    ") for transform in self.transforms)
        return "\n".join([f"{type(self).__name__}(", *inner, ")"])


class RandomApply(Compose):
    """Several changes, one after the other, with probability ``p``; else none of them."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: float = 0.5) -> None:
        super().__init__(transforms)
        self.p = p

    def _change(self, img: Any) -> Any:
        return img if source(None).random() >= self.p else super()._change(img)


class RandomChoice(Compose):
    """One of several changes, with the weights ``p``, else each as likely."""

    def __init__(self, transforms: Sequence[Callable[[Any], Any]], p: Sequence[float] | None = None) -> None:
        super().__init__(transforms)
        if p is not None and len(p) != len(transforms):
            raise ValueError(f"p needs {len(transforms)} weights, got {len(p)}")
        self.p = p

    def _change(self, img: Any) -> Any:
        weights = np.ones(len(self.transforms)) if self.p is None else np.array(self.p, np.float64)
        return self.transforms[source(None).choice(len(weights), p=weights / weights.sum())](img)


class Lambda(Transform):
    """A function of your own."""

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__}")
        self.lambd = lambd

    def _change(self, img: Any) -> Any:
        return self.lambd(img)
