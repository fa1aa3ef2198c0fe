# ruff: noqa: D102, N802  (the attributes and methods are ndarray's)
"""BatchedArray: the array type that `vmap` runs operations on.

It holds a *physical* array with the batch dimension in front and has the shape of one example. Every NumPy
call on it comes in by NumPy's dispatch protocols and is made once, on the physical array, by the function's
batching rule (:mod:`autotape.func`). It is no ndarray: a C function that does not dispatch fails on it, and
can never compute on the physical array by mistake. Vmaps nest: the physical array may be a BatchedArray of an
outer level, and the rules, written in NumPy, then dispatch again.

``isinstance(x, np.ndarray)`` holds, as for every proxy that sets ``__class__``: code that asks whether
something is an array goes on working. ``type(x) is BatchedArray`` tells them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import prod
from typing import Any, NoReturn, TypeVar

import numpy as np
from numpy.lib.array_utils import normalize_axis_index
from numpy.lib.mixins import NDArrayOperatorsMixin

from autotape.engine.levels import (
    BatchedShape,
    BatchingError,
    Level,
    control_flow,
    data_dependent,
    item,
    no_rule,
    not_into_unbatched,
    over_levels,
)
from autotape.engine.tape import quietly

__all__ = ["BatchedArray", "batches"]

F = TypeVar("F", bound=Callable[..., Any])
Shape = tuple[int, ...]

rules: dict[Any, Callable[..., Any]] = {}  # what np.f(BatchedArray) calls


def batches(*functions: Any) -> Callable[[F], F]:
    """Decorator: the batching rule of NumPy functions, with their signature."""

    def register(rule: F) -> F:
        for f in functions:
            rules[f] = rule
        return rule

    return register


# --- the array ----------------------------------------------------------------------------------------------


def axis_in(axis: Any, ndim: int) -> int:
    """The physical axis of an example's axis."""
    return int(normalize_axis_index(axis.__index__(), ndim)) + 1


def axes_in(axis: Any, ndim: int) -> Shape:
    """The physical axes of an example's axes; None stands for all of them."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    return tuple([axis_in(a, ndim) for a in (axis if hasattr(axis, "__len__") else (axis,))])


class BatchedArray(NDArrayOperatorsMixin):
    """An array of one example's shape that stands for ``level.size`` examples: see the module."""

    __slots__ = ("__weakref__", "_every", "level", "physical")
    __array_priority__ = 500
    __hash__ = None  # type: ignore[assignment]

    level: Level
    physical: Any  # an ndarray, or a BatchedArray of a lower level

    def __init__(self, level: Level, physical: Any, every: bool | None = None) -> None:
        self.level = level
        self.physical = physical
        self._every = every  # of any() and all(): how several examples combine where it is a condition

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # an array to all that ask with isinstance
        return np.ndarray

    # --- attributes of one example -------------------------------------------------------------------------

    @property
    def shape(self) -> BatchedShape:
        physical = self.physical.shape
        shape = BatchedShape(physical[1:])
        shape.levels = (self.level, *getattr(physical, "levels", ()))
        return shape

    @property
    def ndim(self) -> int:
        return self.physical.ndim - 1  # type: ignore[no-any-return]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.physical.dtype  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        return prod(self.physical.shape[1:])

    @property
    def itemsize(self) -> int:
        return self.physical.itemsize  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        return self.physical.nbytes  # type: ignore[no-any-return]

    @property
    def strides(self) -> Shape:
        return self.physical.strides[1:]  # type: ignore[no-any-return]

    @property
    def flags(self) -> Any:
        return self.physical[:1].squeeze(0).flags if self.level.size else self.physical.flags

    @property
    def base(self) -> Any:
        """The ndarray that owns the memory."""
        base = self.physical.base
        return self.physical if base is None else base

    @property
    def T(self) -> BatchedArray:
        return self.transpose()

    @property
    def mT(self) -> BatchedArray:
        return self.swapaxes(-1, -2)

    @property
    def real(self) -> BatchedArray:
        return BatchedArray(self.level, self.physical.real)

    @property
    def imag(self) -> BatchedArray:
        return BatchedArray(self.level, self.physical.imag)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of unsized object")
        return self.physical.shape[1]  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def __repr__(self) -> str:
        return f"BatchedArray(lvl={self.level.number}, value={self.physical!r})"

    # --- what would have to choose an example --------------------------------------------------------------

    def __array__(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise no_rule("a function that needs the memory of an ndarray")

    @property
    def __array_interface__(self) -> NoReturn:
        raise no_rule("a function that needs the memory of an ndarray")

    def __bool__(self) -> bool:
        if self._every is None:
            raise control_flow()
        found = self.physical.all() if self._every else self.physical.any()
        return bool(found)  # of a batch of batches: all() and any() again

    def item(self, *_args: Any) -> NoReturn:
        raise item()

    tolist = __float__ = __int__ = __complex__ = __index__ = item

    def nonzero(self) -> NoReturn:
        raise data_dependent("nonzero")

    def __reduce_ex__(self, _protocol: Any) -> NoReturn:
        raise BatchingError("vmap: a batched tensor can't be pickled or deep-copied; use clone()")

    # --- methods of ndarray --------------------------------------------------------------------------------

    def _like(self, physical: Any) -> BatchedArray:
        return BatchedArray(self.level, physical)

    def copy(self, order: Any = "C") -> BatchedArray:
        return self._like(self.physical.copy(order))

    def astype(self, dtype: Any, *args: Any, copy: bool = True, **kwargs: Any) -> BatchedArray:
        if not copy and self.dtype == dtype:
            return self
        return self._like(self.physical.astype(dtype, *args, copy=copy, **kwargs))

    def view(self, dtype: Any = None) -> BatchedArray:
        if self.physical.ndim == 1 and dtype is not None and np.dtype(dtype).itemsize != self.itemsize:
            raise ValueError(
                "Changing the dtype of a 0d array is only supported if the itemsize is unchanged"
            )
        return self._like(self.physical.view() if dtype is None else self.physical.view(dtype))

    def conj(self) -> BatchedArray:
        return self._like(self.physical.conj())

    conjugate = conj

    def reshape(self, *shape: Any, order: Any = "C") -> BatchedArray:
        sides = tuple(shape[0]) if len(shape) == 1 and hasattr(shape[0], "__len__") else shape
        known = prod([n for n in sides if n != -1])
        if -1 in sides:
            if sides.count(-1) > 1 or not known or self.size % known:
                raise ValueError(f"cannot reshape array of size {self.size} into shape {sides}")
            sides = tuple([self.size // known if n == -1 else n for n in sides])
        elif known != self.size or any(n < 0 for n in sides):
            raise ValueError(f"cannot reshape array of size {self.size} into shape {sides}")
        return self._like(self.physical.reshape((self.level.size, *sides)))

    def transpose(self, *axes: Any) -> BatchedArray:
        if len(axes) == 1 and (axes[0] is None or hasattr(axes[0], "__len__")):
            axes = () if axes[0] is None else tuple(axes[0])
        order = axes_in(axes, self.ndim) if axes else tuple(range(self.ndim, 0, -1))
        return self._like(self.physical.transpose((0, *order)))

    def swapaxes(self, axis1: int, axis2: int) -> BatchedArray:
        return self._like(self.physical.swapaxes(axis_in(axis1, self.ndim), axis_in(axis2, self.ndim)))

    def squeeze(self, axis: Any = None) -> BatchedArray:
        if axis is None:
            axes = tuple([i for i, n in enumerate(self.physical.shape) if n == 1 and i])
        else:
            axes = axes_in(axis, self.ndim)
        return self._like(self.physical.squeeze(axes))

    def ravel(self, order: Any = "C") -> BatchedArray:
        return self.reshape(-1) if self.size else self.reshape(0)

    def flatten(self, order: Any = "C") -> BatchedArray:
        return self.ravel().copy()

    def fill(self, value: Any) -> None:
        self[...] = value

    def sort(self, axis: int = -1, **kwargs: Any) -> None:
        self.physical.sort(axis_in(axis, self.ndim), **kwargs)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> BatchedArray:
        first, second = axis_in(axis1, self.ndim), axis_in(axis2, self.ndim)
        out = self.physical.diagonal(offset, first, second)
        if type(out) is np.ndarray and self.physical.flags.writeable:
            out.flags.writeable = True  # NumPy's is read-only by default
        return self._like(out)

    # --- indexing ------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        return rules["getitem"](self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        rules["setitem"](self, index, value)

    # --- NumPy's protocols ---------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out") or ()
        if not all(_is_plain(x) for x in (*inputs, *out)):
            return NotImplemented  # a Tensor's turn
        if method == "__call__" and ufunc.signature is None:
            return _call_ufunc(ufunc, inputs, kwargs)
        rule = rules.get(ufunc if method == "__call__" else method)
        if rule is None:
            raise no_rule(f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}"))
        return rule(*inputs, **kwargs) if method == "__call__" else rule(ufunc, *inputs, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if not all(t is BatchedArray or t is np.ndarray for t in types):
            return NotImplemented
        rule = rules.get(func)
        if rule is None:
            name = (func.__module__ or "numpy").replace("numpy", "np") + "." + func.__name__
            raise no_rule(name)
        return rule(*args, **kwargs)


def _method(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def call(self: BatchedArray, *args: Any, **kwargs: Any) -> Any:
        return rules[function](self, *args, **kwargs)

    return call


for _name in (
    "sum", "prod", "mean", "std", "var", "max", "min", "any", "all", "argmax", "argmin", "argsort",
    "argpartition", "take", "repeat", "clip", "round", "cumsum", "cumprod", "trace", "dot", "searchsorted",
):  # fmt: skip
    setattr(BatchedArray, _name, _method(_name))


def _is_plain(x: Any) -> bool:
    kind = type(x)
    return (
        kind is BatchedArray
        or kind is np.ndarray
        or not hasattr(kind, "__array_ufunc__")
        or isinstance(x, np.generic)
    )


# --- levels and dimensions ----------------------------------------------------------------------------------


def is_batched(x: Any) -> bool:
    """Whether ``x`` is a batch: for code whose types say ndarray."""
    return type(x) is BatchedArray


def top(values: Iterable[Any]) -> Level:
    """The innermost level at which one of the values is batched."""
    found = [x.level for x in values if type(x) is BatchedArray]
    if not found:
        raise no_rule("arrays that are batched inside of an argument")
    return max(found, key=lambda level: level.number)


def aligned(x: Any, level: Level, ndim: int) -> Any:
    """``x`` for a broadcasting call on physical arrays, where examples have ``ndim`` dimensions."""
    if type(x) is not BatchedArray or x.level is not level:
        return x
    missing = ndim - x.ndim
    return x.physical[(slice(None),) + (None,) * missing] if missing > 0 else x.physical


def spread(x: Any, level: Level) -> Any:
    """The physical array of ``x`` at ``level``: one that is not batched there is repeated (a view)."""
    if type(x) is BatchedArray and x.level is level:
        return x.physical
    x = x if isinstance(x, np.ndarray) else np.asarray(x)
    return np.broadcast_to(x, (level.size, *x.shape))


def wholly(condition: Any) -> bool:
    """Whether a 0-d condition holds, in every example if it is batched."""
    while type(condition) is BatchedArray:
        condition = condition.physical.all()
    return bool(condition)


def somewhere(condition: Any) -> bool:
    """Whether a 0-d condition holds, in some example if it is batched."""
    while type(condition) is BatchedArray:
        condition = condition.physical.any()
    return bool(condition)


def largest(x: Any) -> Any:
    """The largest element, of all examples."""
    while type(x) is BatchedArray:
        x = x.physical
    return x.max()


def batched(x: Any, level: Level) -> BatchedArray:
    """``x`` with its first axis as the batch dimension of ``level``, put at its place among inner levels."""
    if type(x) is BatchedArray and x.level.number > level.number:
        return BatchedArray(x.level, batched(np.moveaxis(x.physical, 1, 0), level))
    return BatchedArray(level, x)


def unbatched(x: Any, level: Level) -> Any:
    """The reverse of :func:`batched`; what is not batched at ``level`` is repeated."""
    if type(x) is BatchedArray:
        if x.level is level:
            return x.physical
        if x.level.number > level.number:
            return BatchedArray(x.level, np.moveaxis(unbatched(x.physical, level), 0, 1))
    return np.broadcast_to(x, (level.size, *x.shape))


def fresh(shape: Shape, like: Any) -> Any:
    """Zeros of ``shape`` in the dtype of ``like``, batched where that is."""
    if type(like) is np.ndarray:
        return np.zeros(shape, like.dtype)
    return BatchedArray(like.level, fresh((like.level.size, *shape), like.physical))


def copy_for(x: Any, like: Any) -> Any:
    """A copy of ``x`` for every example of ``like``; ``x`` itself if that is not batched."""
    if type(like) is not BatchedArray:
        return x
    inner = copy_for(np.broadcast_to(x, (like.level.size, *x.shape)), like.physical)
    return BatchedArray(like.level, inner if type(inner) is BatchedArray else inner.copy())


# --- ufuncs -------------------------------------------------------------------------------------------------


def _call_ufunc(ufunc: np.ufunc, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    outs = kwargs.pop("out", ())
    where = kwargs.pop("where", True)
    level = top((*inputs, *outs, where))
    ndim = max([x.ndim for x in (*inputs, where) if isinstance(x, np.ndarray)], default=0)
    if outs:
        for o in outs:
            if o is not None and (type(o) is not BatchedArray or o.level is not level):
                raise not_into_unbatched()
        kwargs["out"] = tuple([None if o is None else o.physical for o in outs])
    if where is not True:
        kwargs["where"] = aligned(where, level, ndim)
    result = ufunc(*[aligned(x, level, ndim) for x in inputs], **kwargs)
    if outs:
        return outs[0] if len(outs) == 1 else outs
    if type(result) is tuple:
        return tuple([BatchedArray(level, r) for r in result])
    return BatchedArray(level, result)


def lifted(function: Callable[..., Any], *args: Any) -> Any:
    """An elementwise function of (broadcasting) arrays, run on the physical arrays."""
    arrays: list[Any] = [x for x in args if isinstance(x, np.ndarray)]
    if not any(type(x) is BatchedArray for x in arrays):
        return function(*args)
    level = top(arrays)
    ndim = max(x.ndim for x in arrays)
    y = lifted(function, *[aligned(x, level, ndim) for x in args])
    return BatchedArray(level, y) if isinstance(y, np.ndarray) and y.ndim > ndim else y


def again(elementwise: bool, function: Callable[..., Any], *args: Any) -> Any:
    """The slow path of running NumPy for an operation: from any thread, or on batches.

    An elementwise function that does what a batch can't (it branches on its data, or selects by a mask) runs
    on the physical arrays; of another one all arrays are batched.
    """
    try:
        return quietly(function, *args)
    except BatchingError as error:
        if elementwise:
            return quietly(lifted, function, *args)
        try:
            return quietly(function, *_all_batched(args))
        except BatchingError:
            raise error from None


def _inside(values: Iterable[Any]) -> Iterator[Any]:
    """The elements of nested tuples."""
    for v in values:
        if type(v) is tuple:
            yield from _inside(v)
        else:
            yield v


def _all_batched(args: tuple[Any, ...]) -> list[Any]:
    """The arguments, all arrays batched at all levels: an ndarray does not take batched indices or values."""
    found = {level.number: level for x in _inside(args) for level in over_levels(x)}

    def convert(x: Any) -> Any:
        if isinstance(x, np.ndarray):
            for _, level in sorted(found.items()):
                if level not in over_levels(x):
                    x = batched(np.broadcast_to(x, (level.size, *x.shape)), level)
        elif type(x) is tuple:
            return tuple([convert(v) for v in x])
        return x

    return [convert(x) for x in args]
