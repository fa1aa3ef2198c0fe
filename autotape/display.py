"""How a tensor is printed: PyTorch's text, element for element."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.batched import is_batched
from autotape.engine.dtypes import default_dtype, scalar_dtype
from autotape.engine.tensor import Tensor

__all__ = ["set_printoptions"]

Array = np.ndarray[Any, Any]


class _Options(NamedTuple):
    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": _Options(),
    "short": _Options(precision=2, edgeitems=2),
    "full": _Options(threshold=math.inf),
}


class _Current:
    """The options in force, process-wide; replaced as a whole, so that a printing thread sees one set."""

    options = _Options()
    lock = threading.Lock()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed; what is None stays as it is.

    Args:
        precision: digits after the point (4).
        threshold: a tensor with more elements is summarised (1000).
        edgeitems: elements shown at each end of a summarised dimension (3).
        linewidth: characters in a line (80).
        profile: ``default``, ``short`` or ``full`` (never summarised) first sets all options.
        sci_mode: scientific notation always (True), never (False), or as the values ask; each call sets it.

    >>> import autotape as at
    >>> at.set_printoptions(precision=2)
    >>> at.tensor([1.23456, 10.0])
    tensor([ 1.23, 10.00])
    >>> at.set_printoptions(profile="default")
    """
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    with _Current.lock:
        options = _Current.options
        if profile is not None:
            if profile.lower() not in _PROFILES:
                raise ValueError(f"profile must be one of {', '.join(_PROFILES)}, not {profile!r}")
            options = _PROFILES[profile.lower()]
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        _Current.options = options._replace(**changes, sci_mode=sci_mode)


Format = tuple[int, Callable[[Any], str]]  # the width of the elements and the padded text of one


def _aligned(values: Array, text: Callable[[Any], str]) -> Format:
    width = max(map(len, map(text, values.tolist())), default=1)
    return width, lambda value: text(value).rjust(width)


def _real_format(values: Array, options: _Options) -> Format:
    """The common format of floating elements (float64)."""
    shown = values[np.isfinite(values) & (values != 0)]
    precision = options.precision
    whole = bool((shown == np.trunc(shown)).all())
    scientific = options.sci_mode if shown.size else False
    if scientific is None:
        magnitudes = np.abs(shown)
        least, most = float(magnitudes.min()), float(magnitudes.max())
        scientific = most > 1000 * least or most > 1e8 or (not whole and least < 1e-4)
    if scientific:
        text: Callable[[float], str] = f"{{:.{precision}e}}".format
    elif whole:

        def text(value: float) -> str:
            return f"{value:.0f}." if math.isfinite(value) else str(value)

    else:
        text = f"{{:.{precision}f}}".format
    # NaN, infinities and zeros take the room they need; they do not widen the others.
    return _aligned(shown, text)


def _complex_format(values: Array, options: _Options) -> Format:
    real_width, real = _real_format(values.real, options)
    imag_width, imag = _real_format(values.imag, options)

    def text(value: complex) -> str:
        tail = imag(value.imag).lstrip()
        return f"{real(value.real)}{'' if tail.startswith('-') else '+'}{tail}j"

    return real_width + imag_width + 1, text


def _format(values: Array, options: _Options) -> Format:
    kind = values.dtype.kind
    if kind == "f":
        return _real_format(values.astype(np.float64, copy=False), options)
    if kind == "c":
        return _complex_format(values.astype(np.complex128, copy=False), options)
    return _aligned(values, str)


def _edges(array: Array, edge: int) -> Array:
    """The elements that a summary shows."""
    for axis, size in enumerate(array.shape):
        if size > 2 * edge:
            shown = [*range(edge), *range(size - edge, size)]
            array = array.take(shown, axis=axis)
    return array


def _lines(array: Array, format: Format, indent: int, edge: int | None, linewidth: int) -> str:
    """The nested brackets; ``edge`` is set where the tensor is summarised."""
    size = len(array)
    cut = edge is not None and size > 2 * edge
    shown = [*range(edge), *range(size - edge, size)] if cut and edge is not None else range(size)
    if array.ndim > 1:
        rows = [_lines(array[i], format, indent + 1, edge, linewidth) for i in shown]
        if cut and edge is not None:
            rows.insert(edge, "...")
        return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(rows) + "]"
    width, text = format
    words = [text(value) for value in array[list(shown)].tolist()]
    if cut and edge is not None:
        words.insert(edge, " ...")
    per_line = max(1, (linewidth - indent) // (width + 2))
    lines = [", ".join(words[i : i + per_line]) for i in range(0, len(words), per_line)]
    return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"


def _contents(array: Array, options: _Options, indent: int) -> str:
    if not array.size:
        return "[]"
    if array.ndim and array.size > options.threshold and not options.edgeitems:
        return "[...]"
    edge = options.edgeitems if array.size > options.threshold else None
    format = _format((array if edge is None else _edges(array, edge)).reshape(-1), options)
    if array.ndim == 0:
        return format[1](array.item())
    return _lines(array, format, indent, edge, options.linewidth)


def _is_default(dtype: np.dtype[Any], size: int) -> bool:
    """Whether a tensor printed without its dtype would be read back with it."""
    if not size:
        return dtype == default_dtype()
    return dtype.kind == "b" or dtype == np.int64 or dtype == default_dtype() or dtype == scalar_dtype(1j)


def tensor_repr(self: Tensor) -> str:
    """The tensor as PyTorch prints it; reads the values and the name of ``grad_fn``, never the tape."""
    options = _Current.options
    array: Any = self._array
    if is_batched(array):
        value = repr(Tensor._wrap(array.physical)).replace("\n", "\n    ")
        return f"BatchedTensor(lvl={array.level.number}, bdim=0, value=\n    {value}\n)"
    prefix = "tensor("
    text = prefix + _contents(array, options, len(prefix))
    notes = []
    if not options.edgeitems if array.size else array.ndim != 1:
        notes.append(f"size={tuple(array.shape)}")
    if not _is_default(array.dtype, array.size):
        notes.append(f"dtype={self.dtype}")
    if self.grad_fn is not None:
        notes.append(f"grad_fn=<{self.grad_fn.name()}>")
    elif self.requires_grad:
        notes.append("requires_grad=True")
    column = len(text) - text.rfind("\n") + 1
    for note in notes:
        if column + len(note) + 2 > options.linewidth:
            text += f",\n{' ' * len(prefix)}{note}"
            column = len(prefix) + len(note)
        else:
            text += f", {note}"
            column += len(note) + 2
    return text + ")"
