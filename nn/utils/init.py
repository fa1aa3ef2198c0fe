"""Modules without the time that their initial values take."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from autotape.nn.module import Module
from autotape.ops.generator import default_generator

__all__ = ["skip_init"]

M = TypeVar("M", bound=Module)


def skip_init(module_cls: type[M], *args: Any, **kwargs: Any) -> M:
    """``module_cls(*args, **kwargs)`` with parameters of arbitrary values, without using up random numbers.

    For parameters that are loaded or set next. RuntimeError unless the class is a Module with an argument
    ``device``.

    >>> from autotape import nn
    >>> nn.utils.skip_init(nn.Linear, 5, 1).weight.shape
    autotape.Size([1, 5])
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    state = default_generator.get_state()
    try:
        return module_cls(*args, **kwargs).to_empty(device=kwargs.get("device", "cpu"))
    finally:
        default_generator.set_state(state)
