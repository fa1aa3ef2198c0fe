"""``autotape.onnx``: there is no graph to export; a model's weights go elsewhere as a safetensors file.

>>> import autotape as at
>>> at.onnx.is_in_onnx_export()
False
"""

from __future__ import annotations

from typing import Any, NoReturn

from autotape import left_out

__all__ = ["export", "is_in_onnx_export"]


def export(model: Any, args: Any = (), f: Any = None, **kwargs: Any) -> NoReturn:
    """LeftOut: save ``model.state_dict()`` with :func:`autotape.save`, and load it in PyTorch to export."""
    raise left_out.missing("onnx", "export")


def is_in_onnx_export() -> bool:
    """False."""
    return False


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("onnx", name, __all__)
