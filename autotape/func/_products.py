"""Batching rules of NumPy's products, linear algebra and Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from autotape.engine.batched import BatchedArray, aligned, axes_in, axis_in, batches, rules, top
from autotape.engine.levels import no_rule

__all__: list[str] = []

_function: Any

# --- products -----------------------------------------------------------------------------------------------


def _batched_at(x: Any, level: Any) -> bool:
    return type(x) is BatchedArray and x.level is level


@batches(np.matmul, np.linalg.matmul)
def _matmul(a: Any, b: Any, **kwargs: Any) -> BatchedArray:
    """Vectors become matrices of one row or column; one matrix for all examples makes one product."""
    level = top((a, b))
    vector_a, vector_b = a.ndim == 1, b.ndim == 1
    if not a.ndim or not b.ndim:
        raise ValueError("matmul: Input operand does not have enough dimensions")
    if b.ndim == 2 and not _batched_at(b, level) and type(b) is np.ndarray and type(a.physical) is np.ndarray:
        p = a.physical
        rows = np.matmul(p.reshape((prod(p.shape[:-1]), p.shape[-1])), b, **kwargs)
        return BatchedArray(level, rows.reshape((*p.shape[:-1], b.shape[1])))
    if vector_a:
        a = a[None]
    if vector_b:
        b = b[:, None]
    ndim = max(a.ndim, b.ndim)
    y = np.matmul(aligned(a, level, ndim), aligned(b, level, ndim), **kwargs)
    if vector_b:
        y = y[..., 0]
    if vector_a:
        y = y[..., 0] if vector_b else y[..., 0, :]
    return BatchedArray(level, y)


@batches(np.dot)
def _dot(a: Any, b: Any, out: Any = None) -> Any:
    if out is not None:
        raise no_rule("np.dot(out=)")
    if not a.ndim or not b.ndim:
        return np.multiply(a, b)
    if b.ndim > 2:
        return np.tensordot(a, b, ((-1,), (-2,)))
    return np.matmul(a, b)


@batches(np.vdot)
def _vdot(a: Any, b: Any, /) -> Any:
    return np.matmul(np.ravel(a).conj(), np.ravel(b))


@batches(np.inner)
def _inner(a: Any, b: Any, /) -> Any:
    if not a.ndim or not b.ndim:
        return np.multiply(a, b)
    return np.tensordot(a, b, ((-1,), (-1,)))


@batches(np.outer)
def _outer(a: Any, b: Any, out: Any = None) -> Any:
    return np.multiply(np.ravel(a)[:, None], np.ravel(b)[None])


@batches(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if isinstance(axes, int):
        axes = (list(range(a.ndim - axes, a.ndim)), list(range(axes)))
    first, second = [[x % n for x in np.atleast_1d(s).tolist()] for s, n in zip(axes, (a.ndim, b.ndim))]
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in range(a.ndim)]
    right = [left[first[second.index(k)]] if k in second else next(letters) for k in range(b.ndim)]
    kept = [c for k, c in enumerate(left) if k not in first] + [
        c for k, c in enumerate(right) if k not in second
    ]
    return np.einsum(f"{''.join(left)},{''.join(right)}->{''.join(kept)}", a, b)


@batches(np.einsum)
def _einsum(subscripts: Any, *operands: Any, **kwargs: Any) -> BatchedArray:
    level = top(operands)
    if not isinstance(subscripts, str) or "->" not in subscripts:
        raise no_rule("np.einsum without '->'")
    left, _, right = subscripts.replace(" ", "").partition("->")
    free = next(c for c in "zyxwvutsrqponmlkjihgfedcbaZYXWVUTSRQPONMLKJIHGFEDCBA" if c not in subscripts)
    terms = [free + t if _batched_at(x, level) else t for t, x in zip(left.split(","), operands, strict=True)]
    arrays = [x.physical if _batched_at(x, level) else x for x in operands]
    return BatchedArray(level, np.einsum(",".join(terms) + "->" + free + right, *arrays, **kwargs))


def _vectors(ufunc: Any, core: tuple[int, int]) -> None:
    """A generalised ufunc of two operands that have so many dimensions of their own."""

    def rule(a: Any, b: Any, **kwargs: Any) -> BatchedArray:
        level = top((a, b))
        if kwargs.get("axis", -1) != -1:
            raise no_rule(f"np.{ufunc.__name__}(axis=)")
        loop = max(a.ndim - core[0], b.ndim - core[1])
        return BatchedArray(
            level, ufunc(aligned(a, level, loop + core[0]), aligned(b, level, loop + core[1]))
        )

    rules[ufunc] = rule


_vectors(np.vecdot, (1, 1))
if hasattr(np, "matvec"):  # NumPy 2.2
    _vectors(np.matvec, (2, 1))
    _vectors(np.vecmat, (1, 2))


@batches(np.cross)
def _cross(
    a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> BatchedArray:
    level = top((a, b))
    if axis is not None:
        axisa = axisb = axisc = axis
    ndim = max(a.ndim, b.ndim)
    a, b = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    y: Any = BatchedArray(level, np.cross(aligned(a, level, ndim), aligned(b, level, ndim)))
    return y if axisc == -1 else np.moveaxis(y, -1, axisc)  # type: ignore[no-any-return]


batches(np.linalg.cross)(lambda x1, x2, /, *, axis=-1: _cross(x1, x2, axis=axis))
batches(np.linalg.diagonal)(lambda x, /, *, offset=0: x.diagonal(offset, -2, -1))


# --- linear algebra: NumPy's functions take stacks of matrices ----------------------------------------------


def _stacked(function: Callable[..., Any]) -> None:
    def rule(a: Any, *args: Any, **kwargs: Any) -> Any:
        if any(type(x) is BatchedArray for x in (*args, *kwargs.values())):
            raise no_rule(f"np.linalg.{function.__name__} with these arguments")
        if a.ndim < 2:
            raise np.linalg.LinAlgError(
                f"{a.ndim}-dimensional array given; it must be at least two-dimensional"
            )
        y = function(a.physical, *args, **kwargs)
        if isinstance(y, tuple):
            parts = [BatchedArray(a.level, p) for p in y]
            return type(y)(*parts) if hasattr(y, "_fields") else tuple(parts)
        return BatchedArray(a.level, y)

    rules[function] = rule


for _function in (
    np.linalg.inv, np.linalg.pinv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.qr,
    np.linalg.svd, np.linalg.svdvals, np.linalg.eig, np.linalg.eigh, np.linalg.eigvals, np.linalg.eigvalsh,
    np.linalg.matrix_power, np.linalg.matrix_rank, np.linalg.cond, np.linalg.matrix_norm,
):  # fmt: skip
    _stacked(_function)


@batches(np.linalg.solve)
def _solve(a: Any, b: Any) -> BatchedArray:
    level = top((a, b))
    vector = b.ndim == 1
    if vector:
        b = b[:, None]
    ndim = max(a.ndim, b.ndim)
    a, b = aligned(a, level, ndim), aligned(b, level, ndim)
    y = np.linalg.solve(a, b)
    return BatchedArray(level, y[..., 0] if vector else y)


@batches(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> BatchedArray:
    if axis is None:
        if ord is None:
            flat = np.linalg.norm(x.physical.reshape((x.level.size, x.size)), axis=1)
            return BatchedArray(x.level, flat.reshape((-1,) + (1,) * x.ndim) if keepdims else flat)
        axis = tuple(range(x.ndim))
    axes = axes_in(axis, x.ndim)
    return BatchedArray(
        x.level,
        np.linalg.norm(x.physical, ord, axes[0] if len(axes) == 1 else axes, keepdims),
    )


# --- Fourier transforms -------------------------------------------------------------------------------------


def _transform(function: Callable[..., Any]) -> None:
    def rule(a: Any, n: Any = None, axis: int = -1, norm: Any = None, out: Any = None) -> BatchedArray:
        return BatchedArray(a.level, function(a.physical, n, axis_in(axis, a.ndim), norm))

    rules[function] = rule


for _function in (
    np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft, np.fft.hfft, np.fft.ihfft,
):  # fmt: skip
    _transform(_function)


def _transforms(function: Callable[..., Any], default: Any) -> None:
    def rule(a: Any, s: Any = None, axes: Any = default, norm: Any = None, out: Any = None) -> BatchedArray:
        if axes is None:
            axes = tuple(range(-len(s), 0)) if s is not None else None
        return BatchedArray(a.level, function(a.physical, s, axes_in(axes, a.ndim), norm))

    rules[function] = rule


for _function in (np.fft.fftn, np.fft.ifftn, np.fft.rfftn, np.fft.irfftn):
    _transforms(_function, None)
for _function in (np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.irfft2):
    _transforms(_function, (-2, -1))


def _shifted(function: Callable[..., Any]) -> None:
    def rule(x: Any, axes: Any = None) -> BatchedArray:
        return BatchedArray(x.level, function(x.physical, axes_in(axes, x.ndim)))

    rules[function] = rule


_shifted(np.fft.fftshift)
_shifted(np.fft.ifftshift)
