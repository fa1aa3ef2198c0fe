"""The arguments that all transforms share: sizes, dimensions and normalisation, as PyTorch reads them."""

from __future__ import annotations

from typing import Any

from autotape.engine.dtypes import default_dtype
from autotape.engine.operands import tensor_input
from autotape.engine.operation import CAST, apply
from autotape.engine.tensor import Tensor
from autotape.ops._dims import normalize_dim
from autotape.ops._fourier import DUAL, resized

__all__ = ["HERMITIAN", "along", "check_one", "checked_norm", "operand", "ready", "sizes_of"]

Dims = int | tuple[int, ...] | list[int]
HERMITIAN = True  # for `ready`: the last size is of the output, of which the input is a half spectrum


def operand(input: Any, name: str, real: bool = False) -> Tensor:
    """The input in a floating dtype; RuntimeError for float16, and where it has to be real and is not."""
    x = tensor_input(input, "input", name)
    dtype = x._array.dtype
    if dtype.kind in "biu":
        return apply(CAST, (x,), default_dtype())  # type: ignore[no-any-return]
    if dtype.itemsize == 2:
        raise RuntimeError(f"{name}: Unsupported dtype Half; use float32")
    if real and dtype.kind == "c":
        raise RuntimeError(f"{name} expects a real input tensor, but got {x.dtype}")
    return x


def checked_norm(norm: Any) -> str:
    """``norm`` by its name."""
    if norm is None:
        return "backward"
    if norm not in DUAL:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"; it is "backward", "ortho" or "forward"')
    return norm  # type: ignore[no-any-return]


def along(dim: Any, ndim: int) -> int:
    """The dimension of a one-dimensional transform."""
    if not ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return normalize_dim(dim, ndim)


def check_one(n: Any, name: str) -> tuple[int]:
    """The size of a one-dimensional transform, where -1 does not stand for the input's."""
    if isinstance(n, bool) or not hasattr(n, "__index__"):
        raise TypeError(f"{name}(): argument 'n' must be int, not {type(n).__name__}")
    size: int = n.__index__()
    if size < 1:
        raise RuntimeError(f"Invalid number of data points ({size}) specified: {name}(n={size})")
    return (size,)


def sizes_of(s: Any, name: str) -> tuple[int, ...]:
    """The sizes in ``n=`` or ``s=``."""
    given = s if isinstance(s, (tuple, list)) else (s,)
    for size in given:
        if isinstance(size, bool) or not hasattr(size, "__index__"):
            raise TypeError(f"{name}(): the sizes of a transform must be int, not {type(size).__name__}")
    return tuple([size.__index__() for size in given])


def ready(
    x: Tensor, s: Any, dim: Any, name: str, hermitian: bool = False, needs_one: bool = True
) -> tuple[Tensor, tuple[int, ...], int]:
    """The input cut or filled up to the sizes, the dimensions, and the last size of the transform.

    A size of -1 is that of the input. ``dim`` defaults to the last ``len(s)`` dimensions, or to all.
    """
    ndim = x._array.ndim
    wanted = None if s is None else sizes_of(s, name)
    if dim is not None:
        dims = tuple([normalize_dim(d, ndim) for d in (dim if isinstance(dim, (tuple, list)) else (dim,))])
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"FFT dims must be unique, got dim={dim} for shape {list(x.shape)}")
        if wanted is not None and len(wanted) != len(dims):
            raise RuntimeError(
                f"When given, dim and shape arguments must have the same length: {name}(s={s}, dim={dim})"
            )
    else:
        count = ndim if wanted is None else len(wanted)
        if count > ndim:
            raise RuntimeError(
                f"Got shape with {count} values but input tensor only has {ndim} dimensions: {name}(s={s})"
            )
        dims = tuple(range(ndim - count, ndim))
    if not dims:
        if needs_one:
            raise RuntimeError(f"{name} must transform at least one axis")
        return x, dims, 1
    given = [x._array.shape[d] for d in dims]
    if hermitian:
        given[-1] = 2 * (given[-1] - 1)
    if wanted is not None:
        given = [have if want == -1 else want for have, want in zip(given, wanted)]
    for size in given:
        if size < 1:
            raise RuntimeError(
                f"Invalid number of data points ({size}) specified: {name} of shape {list(x.shape)}"
                + ("" if s is None else f" with sizes {s}")
            )
    last = given[-1]
    if hermitian:
        given[-1] = last // 2 + 1
    return resized(x, dims, tuple(given)), dims, last
