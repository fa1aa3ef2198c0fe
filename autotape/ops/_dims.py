"""Dimension arguments: PyTorch's ``dim``/``keepdim``; NumPy's ``axis``/``keepdims`` are accepted too."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from autotape.engine.out import store

F = TypeVar("F", bound=Callable[..., Any])
Dims = int | tuple[int, ...] | list[int] | None

_NAMES = {"axis": "dim", "keepdims": "keepdim", "a": "input", "x": "input"}
_SPECIAL = frozenset((*_NAMES, "out"))


def dim_names(function: F) -> F:
    """Decorator: ``axis``, ``keepdims`` (and ``a``, ``x``) stand for ``dim``, ``keepdim`` (and ``input``).

    ``out=`` is handled too where the signature has it (see :func:`takes_out`): one wrapper, not two.
    """
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    has_out = "out" in names
    renamed = {name: known for name, known in _NAMES.items() if name not in names}

    def special(args: Any, kwargs: dict[str, Any]) -> Any:
        for name in kwargs.keys() & renamed.keys():
            kwargs[renamed[name]] = kwargs.pop(name)
        if has_out and (out := kwargs.pop("out", None)) is not None:
            return store(out, function(*args, **kwargs), function.__name__)
        return function(*args, **kwargs)

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            for name in kwargs:
                if name in _SPECIAL:
                    return special(args, kwargs)
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


def normalize_dim(dim: int, ndim: int, name: str = "dim") -> int:
    """A dimension counted from the front; IndexError if out of range (0-d counts as 1-d, as in PyTorch)."""
    size = ndim or 1
    if dim.__class__ is not int:
        try:
            dim = dim.__index__()
        except AttributeError:
            raise TypeError(f"{name} must be an int, not {type(dim).__name__}") from None
    if not -size <= dim < size:
        raise IndexError(f"Dimension out of range (expected {name} in [{-size}, {size - 1}], but got {dim})")
    return dim + size if dim < 0 else dim


def normalize_dims(dim: Dims, ndim: int) -> tuple[int, ...]:
    """Dimensions counted from the front, as a tuple; None or () stand for all of them."""
    if dim is None or (isinstance(dim, (tuple, list)) and not dim):
        return tuple(range(ndim))
    if isinstance(dim, (tuple, list)):
        dims = tuple([normalize_dim(d, ndim) for d in dim])
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"dim {list(dim)} appears multiple times in the list of dims")
        return dims if ndim else ()
    dims = (normalize_dim(dim, ndim),)
    return dims if ndim else ()
