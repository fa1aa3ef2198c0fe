"""``autotape.hub``: published models need PyTorch's code and its pickled files; autotape loads neither.

>>> import autotape as at
>>> at.hub.load("pytorch/vision", "resnet18")
Traceback (most recent call last):
autotape.left_out.LeftOut: autotape.hub.load is left out: write the model in autotape.nn and load its ...
"""

from __future__ import annotations

from typing import Any, NoReturn

from autotape import left_out

__all__ = ["load", "load_state_dict_from_url"]


def load(repo_or_dir: Any, model: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """LeftOut: write the model in autotape.nn and load its weights from a safetensors file."""
    raise left_out.missing("hub", "load")


def load_state_dict_from_url(url: str, *args: Any, **kwargs: Any) -> NoReturn:
    """LeftOut: download a safetensors file and load it with :func:`autotape.load`."""
    raise left_out.missing("hub", "load_state_dict_from_url")


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("hub", name, __all__)
