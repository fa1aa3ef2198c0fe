"""Complex numbers: their parts, and tensors made of them.

Conjugates are computed at once: NumPy has no lazy conjugate, so ``is_conj`` is always False.
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from autotape.engine.elementwise import unary
from autotape.engine.operands import mismatch, tensor_input
from autotape.engine.operation import Operation, apply, implements
from autotape.engine.out import takes_out
from autotape.engine.tensor import Tensor
from autotape.ops._rules import array_of, zero

__all__ = [
    "angle",
    "complex",
    "conj",
    "conj_physical",
    "is_conj",
    "is_neg",
    "polar",
    "resolve_conj",
    "resolve_neg",
    "view_as_complex",
    "view_as_real",
]

methods = ["angle", "conj", "conj_physical", "is_conj", "is_neg", "resolve_conj", "resolve_neg"]
in_place = ["conj_physical"]

Array = np.ndarray[Any, Any]
_COMPLEX_OF: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.float32): np.dtype(np.complex64),
    np.dtype(np.float64): np.dtype(np.complex128),
}

# --- conjugates ---------------------------------------------------------------------------------------------


@unary(np.conjugate, lambda g, _y, _x: g.conj(), floating=False, name="conj")
def _conjugated(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex conjugate of complex numbers."""


@implements(np.conjugate)
def conj(input: Tensor) -> Tensor:
    """The complex conjugate, elementwise; a real tensor is returned as it is.

    >>> import autotape as at
    >>> at.conj(at.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    input = tensor_input(input, "input", "conj")
    return _conjugated(input) if input._array.dtype.kind == "c" else input


@takes_out
def conj_physical(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex conjugate, elementwise, in memory of its own; a real tensor is returned as it is.

    The gradient of the result is conjugated.

    >>> import autotape as at
    >>> at.conj_physical(at.tensor([1 + 2j]))
    tensor([1.-2.j])
    """
    return conj(input)


def is_conj(input: Tensor) -> builtins.bool:
    """Whether the tensor is a conjugate not yet computed: always False, as conjugates are computed at once.

    >>> import autotape as at
    >>> at.is_conj(at.tensor([1 + 2j]).conj())
    False
    """
    tensor_input(input, "input", "is_conj")
    return False


def is_neg(input: Tensor) -> builtins.bool:
    """Whether the tensor is a negative not yet computed: always False, as negatives are computed at once.

    >>> import autotape as at
    >>> at.is_neg(at.tensor([1 + 2j]).conj().imag)
    False
    """
    tensor_input(input, "input", "is_neg")
    return False


def resolve_conj(input: Tensor) -> Tensor:
    """The tensor itself: its conjugate, if it is one, has been computed already.

    >>> import autotape as at
    >>> at.resolve_conj(at.tensor([1 + 2j]).conj())
    tensor([1.-2.j])
    """
    return tensor_input(input, "input", "resolve_conj")


def resolve_neg(input: Tensor) -> Tensor:
    """The tensor itself: its negative, if it is one, has been computed already.

    >>> import autotape as at
    >>> at.resolve_neg(at.tensor([1 + 2j]).conj().imag)
    tensor([-2.])
    """
    return tensor_input(input, "input", "resolve_neg")


# --- angle --------------------------------------------------------------------------------------------------


def _angle(x: Array) -> Any:
    if x.dtype.kind == "c":
        return np.arctan2(x.imag, x.real)
    return np.where(x != x, x, np.where(x < 0, np.pi, 0)).astype(x.dtype, copy=False)


def _angle_rule(g: Any, _y: Any, x: Any) -> Any:
    if array_of(x).dtype.kind != "c":
        return zero(g)
    square = (x * x.conj()).real
    return g * (x * 1j / np.where(array_of(square) == 0, 1, square))


@implements(np.angle)
@unary(_angle, _angle_rule)
def angle(input: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The angle of complex numbers in (-pi, pi]; of real ones 0, pi below 0, and NaN for NaN.

    The gradient is ``g * 1j * input / |input|**2``, 0 at 0 and for real tensors.

    >>> import autotape as at
    >>> at.angle(at.tensor([1 + 1j, -1 + 0j])), at.angle(at.tensor([2.0, -2.0]))
    (tensor([0.7854, 3.1416]), tensor([0.0000, 3.1416]))
    """


# --- complex numbers made of their parts --------------------------------------------------------------------


def _from_parts(real: Array, imag: Array) -> Array:
    # Not real + 1j * imag: an infinite part would make the other one NaN.
    z = np.empty(np.broadcast_shapes(real.shape, imag.shape), _COMPLEX_OF[real.dtype])
    z.real, z.imag = real, imag
    return z


def _polar_size_rule(g: Any, _y: Any, _size: Any, angle: Any) -> Any:
    return g.real * np.cos(angle) + g.imag * np.sin(angle)


_COMPLEX = Operation(
    "complex",
    _from_parts,
    lambda g, _y, _real, _imag: g.real,
    lambda g, _y, _real, _imag: g.imag,
    elementwise=True,
)
_POLAR = Operation(
    "polar",
    lambda size, angle: _from_parts(size * np.cos(angle), size * np.sin(angle)),
    _polar_size_rule,
    lambda g, y, _size, _angle: (g * y.conj()).imag,
    elementwise=True,
)


def _of_two(operation: Operation, first: Tensor, second: Tensor, names: tuple[str, str]) -> Tensor:
    """Apply it to two floating-point tensors of one dtype."""
    name = operation.name
    first, second = tensor_input(first, names[0], name), tensor_input(second, names[1], name)
    a, b = first._array, second._array
    if a.dtype not in _COMPLEX_OF or b.dtype not in _COMPLEX_OF:
        raise RuntimeError(
            f"{name}: expected both inputs to be float32 or float64 tensors, but {names[0]} is "
            f"{a.dtype.name} and {names[1]} is {b.dtype.name}"
        )
    if a.dtype != b.dtype:
        raise RuntimeError(
            f"{name}: expected {names[1]} to have the dtype of {names[0]}, {a.dtype.name}, but it is "
            f"{b.dtype.name}"
        )
    try:
        return apply(operation, (first, second))  # type: ignore[no-any-return]
    except ValueError as error:
        raise mismatch(name, a, b, error) from None


@takes_out
def complex(real: Tensor, imag: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex tensor ``real + 1j * imag``, with broadcasting; complex64 of float32, else complex128.

    The gradient of ``real`` is the real part of the result's, that of ``imag`` the imaginary part.
    Errors: RuntimeError for other or two different dtypes.

    >>> import autotape as at
    >>> at.complex(at.tensor([1.0, 2.0]), at.tensor([3.0, 4.0]))
    tensor([1.+3.j, 2.+4.j])
    """
    return _of_two(_COMPLEX, real, imag, ("real", "imag"))


@takes_out
def polar(abs: Tensor, angle: Tensor, *, out: Tensor | None = None) -> Tensor:
    """The complex tensor of size ``abs`` and the angle ``angle``: ``abs * (cos(angle) + 1j * sin(angle))``.

    With broadcasting; complex64 of float32, complex128 of float64. With the gradient g of the result y, that
    of ``abs`` is ``real(g) * cos(angle) + imag(g) * sin(angle)`` and that of ``angle`` is
    ``imag(g * conj(y))``. Errors: RuntimeError for other or two different dtypes.

    >>> import autotape as at
    >>> at.polar(at.tensor([1.0, 2.0]), at.tensor([0.0, 1.0]))
    tensor([1.0000+0.0000j, 1.0806+1.6829j])
    """
    return _of_two(_POLAR, abs, angle, ("abs", "angle"))


# --- complex numbers as pairs of real ones ------------------------------------------------------------------


def _as_real(z: Array) -> Any:
    return z[..., None].view(z.real.dtype)


def _as_complex(x: Array) -> Any:
    if x.strides[-1] != x.itemsize:  # only a gradient's: view_as_complex refuses it
        x = np.ascontiguousarray(x)
    return x.view(_COMPLEX_OF[x.dtype])[..., 0]


def _as_real_rule(g: Any, _y: Any, _z: Any) -> Any:
    return apply(_VIEW_AS_COMPLEX, (g,)) if isinstance(g, Tensor) else _as_complex(g)


def _as_complex_rule(g: Any, _y: Any, _x: Any) -> Any:
    return apply(_VIEW_AS_REAL, (g,)) if isinstance(g, Tensor) else _as_real(g)


_VIEW_AS_REAL = Operation("view_as_real", _as_real, _as_real_rule, view=True)
_VIEW_AS_COMPLEX = Operation("view_as_complex", _as_complex, _as_complex_rule, view=True)


def view_as_real(input: Tensor) -> Tensor:
    """A view of a complex tensor of shape S as a real one of shape (S, 2): real and imaginary parts.

    It shares memory; the gradient is viewed the other way. Errors: RuntimeError for a real tensor.

    >>> import autotape as at
    >>> at.view_as_real(at.tensor([1 + 2j, 3 + 4j]))
    tensor([[1., 2.],
            [3., 4.]])
    """
    input = tensor_input(input, "input", "view_as_real")
    if input._array.dtype.kind != "c":
        raise RuntimeError(f"view_as_real is only supported for complex tensors, got {input.dtype}")
    return apply(_VIEW_AS_REAL, (input,))  # type: ignore[no-any-return]


def view_as_complex(input: Tensor) -> Tensor:
    """A view of a real tensor of shape (S, 2), real and imaginary parts, as a complex one of shape S.

    It shares memory; the gradient is viewed the other way. Errors: RuntimeError unless ``input`` is float32
    or float64 and its last dimension has size 2 and lies contiguous in memory.

    >>> import autotape as at
    >>> at.view_as_complex(at.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([1.+2.j, 3.+4.j])
    """
    input = tensor_input(input, "input", "view_as_complex")
    x = input._array
    if x.dtype not in _COMPLEX_OF:
        raise RuntimeError(
            f"view_as_complex is only supported for float32 and float64 tensors, got {input.dtype}"
        )
    if x.ndim == 0:
        raise RuntimeError("view_as_complex: input tensor must have one or more dimensions")
    if x.shape[-1] != 2:
        raise RuntimeError(
            f"view_as_complex: tensor must have a last dimension of size 2, got {list(x.shape)}"
        )
    if x.strides[-1] != x.itemsize:
        raise RuntimeError(
            "view_as_complex: tensor must have a last dimension with stride 1; call contiguous() first"
        )
    return apply(_VIEW_AS_COMPLEX, (input,))  # type: ignore[no-any-return]
