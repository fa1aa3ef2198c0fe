"""Data types: PyTorch's names over NumPy's, the default dtype, and type promotion."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = [
    "bfloat16",
    "bool",
    "can_cast",
    "complex128",
    "complex64",
    "dtype",
    "finfo",
    "float16",
    "float32",
    "float64",
    "get_default_dtype",
    "iinfo",
    "int16",
    "int32",
    "int64",
    "int8",
    "promote_types",
    "set_default_dtype",
    "uint16",
    "uint32",
    "uint64",
    "uint8",
]


class dtype:
    """The type of a tensor's elements; each is one object (``autotape.float32``, ...), as in PyTorch.

    NumPy accepts it wherever it takes a dtype, and it equals NumPy's own:

    >>> import autotape as at, numpy as np
    >>> at.float32, at.float32.itemsize, at.float32.is_floating_point
    (autotape.float32, 4, True)
    >>> np.zeros(2, dtype=at.int64).dtype, at.int64 == np.int64
    (dtype('int64'), True)
    """

    __slots__ = ("is_complex", "is_floating_point", "is_signed", "itemsize", "name", "numpy")

    def __init__(self, name: str, numpy: np.dtype[Any] | None) -> None:
        kind = "f" if numpy is None else numpy.kind
        self.name = name
        self.numpy = numpy
        self.is_floating_point = kind == "f"
        self.is_complex = kind == "c"
        self.is_signed = kind in "ifc"
        self.itemsize = 2 if numpy is None else numpy.itemsize

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype; ``np.dtype(autotape.float32)`` finds it under this name."""
        return to_numpy_dtype(self)

    def to_real(self) -> DType:
        """The real dtype of the same precision (``complex64`` -> ``float32``)."""
        return {complex64: float32, complex128: float64}.get(self, self)

    def to_complex(self) -> DType:
        """The complex dtype of the same precision (``float32`` -> ``complex64``)."""
        return {float32: complex64, float64: complex128}.get(self, self)

    def __repr__(self) -> str:
        return f"autotape.{self.name}"

    def __reduce__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> builtins.bool:
        if self is other:
            return True
        if isinstance(other, dtype) or self.numpy is None or other is None:
            return False
        try:
            return builtins.bool(self.numpy == np.dtype(other))  # type: ignore[call-overload]
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.name) if self.numpy is None else hash(self.numpy)


DType = dtype  # for annotations inside the class, where `dtype` is its own attribute

float16 = dtype("float16", np.dtype(np.float16))
float32 = dtype("float32", np.dtype(np.float32))
float64 = dtype("float64", np.dtype(np.float64))
bfloat16 = dtype("bfloat16", None)  # a name that scripts mention; NumPy has no such type
complex64 = dtype("complex64", np.dtype(np.complex64))
complex128 = dtype("complex128", np.dtype(np.complex128))
int8 = dtype("int8", np.dtype(np.int8))
int16 = dtype("int16", np.dtype(np.int16))
int32 = dtype("int32", np.dtype(np.int32))
int64 = dtype("int64", np.dtype(np.int64))
uint8 = dtype("uint8", np.dtype(np.uint8))
uint16 = dtype("uint16", np.dtype(np.uint16))
uint32 = dtype("uint32", np.dtype(np.uint32))
uint64 = dtype("uint64", np.dtype(np.uint64))
bool = dtype("bool", np.dtype(np.bool_))

_BY_NUMPY: dict[np.dtype[Any], dtype] = {
    d.numpy: d
    for d in (
        float16, float32, float64, complex64, complex128,
        int8, int16, int32, int64, uint8, uint16, uint32, uint64, bool,
    )
    if d.numpy is not None
}  # fmt: skip
_BY_PYTHON: dict[type, np.dtype[Any]] = {
    float: np.dtype(np.float64),
    int: np.dtype(np.int64),
    builtins.bool: np.dtype(np.bool_),
    complex: np.dtype(np.complex128),
}

type_names: dict[np.dtype[Any], str] = {
    np.dtype(np.float16): "Half", np.dtype(np.float32): "Float", np.dtype(np.float64): "Double",
    np.dtype(np.complex64): "ComplexFloat", np.dtype(np.complex128): "ComplexDouble",
    np.dtype(np.int8): "Char", np.dtype(np.int16): "Short", np.dtype(np.int32): "Int",
    np.dtype(np.int64): "Long",
    np.dtype(np.uint8): "Byte", np.dtype(np.bool_): "Bool",
}  # fmt: skip

DTypeLike = dtype | npt.DTypeLike


def from_numpy_dtype(numpy: np.dtype[Any]) -> dtype:
    """The autotape dtype of a NumPy dtype; ``TypeError`` for one that tensors do not have (strings, objects).

    >>> from_numpy_dtype(np.dtype("f4"))
    autotape.float32
    """
    try:
        return _BY_NUMPY[numpy]
    except KeyError:
        raise TypeError(
            f"a tensor can't hold elements of type numpy.{numpy.name}; the supported types are: "
            + ", ".join(d.name for d in _BY_NUMPY.values())
        ) from None


def to_numpy_dtype(value: DTypeLike) -> np.dtype[Any]:
    """The NumPy dtype that an autotape, NumPy or Python type (or its name) stands for.

    >>> to_numpy_dtype(float32), to_numpy_dtype(float)
    (dtype('float32'), dtype('float64'))
    """
    if isinstance(value, dtype):
        if value.numpy is None:
            raise NotImplementedError(
                "autotape.bfloat16: NumPy has no bfloat16 arrays; use autotape.float32 (or float16)"
            )
        return value.numpy
    if isinstance(value, type) and value in _BY_PYTHON:
        return _BY_PYTHON[value]
    numpy = np.dtype(value)
    from_numpy_dtype(numpy)  # refuses what a tensor can't hold
    return numpy.newbyteorder("=")


class _Default:
    """The dtype given to Python floats; process-wide, as in PyTorch."""

    numpy: np.dtype[Any] = np.dtype(np.float32)


_default = _Default()


def default_dtype() -> np.dtype[Any]:
    """The default floating dtype as NumPy's."""
    return _default.numpy


def get_default_dtype() -> dtype:
    """The dtype of tensors made from Python floats (``float32`` unless set).

    >>> get_default_dtype()
    autotape.float32
    """
    return from_numpy_dtype(_default.numpy)


def set_default_dtype(d: DTypeLike, /) -> None:
    """Set the dtype of tensors made from Python floats; a floating dtype, else ``TypeError``.

    >>> set_default_dtype(float64); get_default_dtype()
    autotape.float64
    >>> set_default_dtype(float32)
    """
    numpy = to_numpy_dtype(d)
    if numpy.kind != "f":
        raise TypeError(
            f"only floating-point types are supported as the default type, got {from_numpy_dtype(numpy)}"
        )
    _default.numpy = numpy


_COMPLEX_OF: dict[np.dtype[Any], np.dtype[Any]] = {
    np.dtype(np.float16): np.dtype(np.complex64),
    np.dtype(np.float32): np.dtype(np.complex64),
    np.dtype(np.float64): np.dtype(np.complex128),
}
_RANK = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def rank(numpy: np.dtype[Any]) -> int:
    """The category of a dtype: 0 bool, 1 integer, 2 floating, 3 complex."""
    return _RANK[numpy.kind]


def promote_arrays(a: np.dtype[Any], b: np.dtype[Any]) -> np.dtype[Any]:
    """PyTorch's promotion of two dtypes: NumPy's, but an integer never widens a floating or complex type."""
    rank_a, rank_b = _RANK[a.kind], _RANK[b.kind]
    if rank_a == rank_b or (rank_a < 2 and rank_b < 2):
        return np.dtype(np.promote_types(a, b))
    if rank_a < rank_b:
        a, b, rank_b = b, a, rank_a
    if a.kind == "c" and rank_b == 2:
        return np.dtype(np.promote_types(a, _COMPLEX_OF[b]))
    return a


def scalar_dtype(value: complex) -> np.dtype[Any]:
    """The dtype that a Python number takes when it makes a tensor."""
    if isinstance(value, builtins.bool):
        return np.dtype(np.bool_)
    if isinstance(value, int):
        return np.dtype(np.int64)
    if isinstance(value, float):
        return _default.numpy
    return _COMPLEX_OF[_default.numpy]


def promote_types(type1: DTypeLike, type2: DTypeLike) -> dtype:
    """The smallest dtype to which both can be converted, in PyTorch's ordering.

    >>> promote_types(int64, float32), promote_types(uint8, int8)
    (autotape.float32, autotape.int16)
    """
    return from_numpy_dtype(promote_arrays(to_numpy_dtype(type1), to_numpy_dtype(type2)))


def can_cast(from_: DTypeLike, to: DTypeLike) -> builtins.bool:
    """Whether a value may be cast in place: never from complex to real, from floating to integer, to bool.

    >>> can_cast(float64, float32), can_cast(float32, int64)
    (True, False)
    """
    return can_cast_numpy(to_numpy_dtype(from_), to_numpy_dtype(to))


def can_cast_numpy(source: np.dtype[Any], target: np.dtype[Any]) -> builtins.bool:
    """:func:`can_cast` on NumPy dtypes."""
    if target.kind == "b":
        return source.kind == "b"
    return _RANK[source.kind] <= _RANK[target.kind]


class finfo:
    """The limits of a floating dtype: ``bits, eps, max, min, tiny, smallest_normal, resolution``.

    >>> finfo(float32).eps
    1.1920928955078125e-07
    """

    def __init__(self, type: DTypeLike | None = None) -> None:
        numpy = _default.numpy if type is None else to_numpy_dtype(type)
        if numpy.kind not in "fc":
            raise TypeError(
                f"finfo() requires a floating point input type, got {from_numpy_dtype(numpy)}; use iinfo"
            )
        info = np.finfo(numpy)
        self.dtype = str(info.dtype)
        self.bits = int(info.bits)
        self.eps = float(info.eps)
        self.max = float(info.max)
        self.min = float(info.min)
        self.tiny = self.smallest_normal = float(info.tiny)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        names = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        return f"finfo({', '.join(f'{n}={getattr(self, n):g}' for n in names)}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype: ``bits, max, min``.

    >>> iinfo(int8)
    iinfo(min=-128, max=127, dtype=int8)
    """

    def __init__(self, type: DTypeLike) -> None:
        numpy = to_numpy_dtype(type)
        if numpy.kind not in "iu":
            raise TypeError(
                f"iinfo() requires an integer input type, got {from_numpy_dtype(numpy)}; use finfo"
            )
        info = np.iinfo(numpy)
        self.dtype = str(info.dtype)
        self.bits = int(info.bits)
        self.max = int(info.max)
        self.min = int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
