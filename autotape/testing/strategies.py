"""Hypothesis strategies for tensors: shapes, values, layouts, broadcasting, indices, axes, programs.

They need the package ``hypothesis``, which nothing else of autotape imports. Examples shrink to few, small,
round numbers in contiguous memory, and a failure prints each tensor as the call of :func:`laid_out` that
makes it again.

Random numbers that a test draws itself (dropout, ``at.randn``) repeat with the example: the global generator
is registered with Hypothesis.

>>> import autotape as at
>>> from hypothesis import given
>>> from autotape.testing import strategies as ats
>>> from autotape.testing.comparison import assert_close
>>> @given(ats.tensors(dtype=at.float64, values=ats.values(-5, 5)))
... def test_sine_and_cosine(x):
...     assert_close(x.sin() ** 2 + x.cos() ** 2, at.ones_like(x))
>>> test_sine_and_cosine()
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from hypothesis import register_random
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.strategies import SearchStrategy
from hypothesis.vendor.pretty import for_type_by_name

from autotape.engine.dtypes import DTypeLike, dtype, float64, to_numpy_dtype
from autotape.engine.tensor import Tensor
from autotape.ops.generator import default_generator

__all__ = [
    "LAYOUTS",
    "Program",
    "axes",
    "broadcastable",
    "dtypes",
    "indices",
    "laid_out",
    "layouts",
    "matmul_pairs",
    "programs",
    "shapes",
    "tensors",
    "values",
]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
T = TypeVar("T")

# from the plainest on: Hypothesis shrinks towards the first
LAYOUTS = ("contiguous", "transposed", "strided", "reversed", "broadcast")
_PRINTED = 100  # a larger tensor is printed as always


class _Random:
    """autotape's global generator as Hypothesis wants it."""

    def seed(self, seed: int) -> None:
        """Start anew."""
        default_generator.manual_seed(seed)

    def getstate(self) -> dict[str, Any]:
        """The state to come back to."""
        return default_generator.state

    def setstate(self, state: dict[str, Any]) -> None:
        """Come back to it."""
        default_generator.state = state


_random = _Random()  # Hypothesis holds it weakly
register_random(_random)


def _strategy(value: T | SearchStrategy[T]) -> SearchStrategy[T]:
    return value if isinstance(value, SearchStrategy) else st.just(value)


# --- shapes, dtypes, layouts --------------------------------------------------------------------------------


def shapes(
    *, min_dims: int = 0, max_dims: int = 3, min_side: int = 0, max_side: int = 4
) -> SearchStrategy[Shape]:
    """Shapes with ``min_dims`` to ``max_dims`` dimensions of ``min_side`` to ``max_side`` elements each."""
    return hnp.array_shapes(min_dims=min_dims, max_dims=max_dims, min_side=min_side, max_side=max_side)


def dtypes(kinds: str = "f") -> SearchStrategy[dtype]:
    """Dtypes of the kinds named by NumPy's letters.

    ``f`` floating (float64 and float32), ``c`` complex, ``i`` signed, ``u`` unsigned, ``b`` boolean.
    """
    from autotape.engine import dtypes as d

    by_kind = {
        "f": (d.float64, d.float32),
        "c": (d.complex128, d.complex64),
        "i": (d.int64, d.int32, d.int16, d.int8),
        "u": (d.uint8, d.uint16, d.uint32, d.uint64),
        "b": (d.bool,),
    }
    return st.sampled_from([found for kind in kinds for found in by_kind[kind]])


def layouts(*names: str) -> SearchStrategy[str]:
    """How elements lie in memory; all of ``LAYOUTS`` by default, or those named.

    ``contiguous``; ``transposed`` (first dimension fastest); ``strided`` (every other element of a larger
    block); ``reversed`` (negative strides); ``broadcast`` (the first dimension has stride 0: the first row
    is repeated).
    """
    unknown = [name for name in names if name not in LAYOUTS]
    if unknown:
        raise ValueError(f"layouts(): there is no layout {unknown[0]!r}; there are {', '.join(LAYOUTS)}")
    return st.sampled_from(names or LAYOUTS)


def laid_out(
    values: Any, dtype: DTypeLike = float64, layout: str = "contiguous", requires_grad: bool = False
) -> Tensor:
    """A tensor of the values (nested lists or an array) in one of the :func:`layouts`; always a leaf.

    >>> laid_out([[1, 2], [3, 4]], layout="transposed").stride()
    (1, 2)
    >>> laid_out([[1, 2], [3, 4]], layout="broadcast").tolist()
    [[1.0, 2.0], [1.0, 2.0]]
    """
    array = np.array(values, to_numpy_dtype(dtype), order="C")
    return Tensor._from_array(_arranged(array, layout)).requires_grad_(requires_grad)


def _arranged(array: Array, layout: str) -> Array:
    if not array.ndim:
        return array
    backwards = (slice(None, None, -1),) * array.ndim
    if layout == "transposed":
        return np.asfortranarray(array)
    if layout == "strided":
        larger = np.zeros(tuple(2 * n for n in array.shape), array.dtype)
        part = larger[(slice(None, None, 2),) * array.ndim]
        part[...] = array
        return np.asarray(part)
    if layout == "reversed":
        return np.asarray(array[backwards].copy()[backwards])
    if layout == "broadcast":
        return np.broadcast_to(array[:1], array.shape)
    return array


# --- values and tensors -------------------------------------------------------------------------------------


def values(
    low: float | None = None,
    high: float | None = None,
    *,
    scale: float = 10.0,
    away_from: Sequence[float] = (),
    near: Sequence[float] = (),
    distance: float = 0.1,
    step: float | None = None,
) -> SearchStrategy[float]:
    """Finite numbers in ``[low, high]``, for the elements of a tensor.

    Args:
        low, high: ``-scale`` and ``scale`` by default.
        away_from: kinks and poles that a gradient check must not touch; numbers nearer than ``distance`` to
            one of them are left out.
        near: kinks to seek: about half of the numbers are one of these or one of its closest neighbours.
        step: only multiples of it, so that different numbers are at least so far apart (with
            ``tensors(..., unique=True)``: no ties).

    >>> from hypothesis import find
    >>> found = find(values(0.5, 5, away_from=(1,)), lambda v: v > 0.7)
    >>> 0.7 < found <= 5 and found != 1
    True
    """
    low, high = -scale if low is None else low, scale if high is None else high
    if step is None:
        numbers = st.floats(low, high, allow_subnormal=False)
    else:
        numbers = st.integers(math.ceil(low / step), math.floor(high / step)).map(lambda k: k * step)
    if near:
        sought = [at for k in near for at in (k, math.nextafter(k, -math.inf), math.nextafter(k, math.inf))]
        numbers = st.sampled_from([v for v in sought if low <= v <= high]) | numbers
    if away_from:
        numbers = numbers.filter(lambda v: all(abs(v - kink) >= distance for kink in away_from))
    return numbers


def _elements(kind: np.dtype[Any], numbers: SearchStrategy[float] | None) -> SearchStrategy[Any]:
    """``numbers`` as elements of the dtype."""
    if kind.kind == "b":
        return st.booleans()
    if kind.kind in "iu":
        if numbers is None:
            return st.integers(0 if kind.kind == "u" else -10, 10)
        return numbers.map(lambda v: kind.type(int(v)).item())
    if numbers is None:
        numbers = values()
    if kind.kind == "c":
        return st.builds(complex, numbers, numbers)
    return numbers.map(lambda v: kind.type(v).item())


@st.composite
def tensors(
    draw: st.DrawFn,
    /,
    shape: Shape | SearchStrategy[Shape] | None = None,
    dtype: DTypeLike | SearchStrategy[Any] = float64,
    *,
    layout: str | SearchStrategy[str] | None = None,
    values: SearchStrategy[float] | None = None,
    unique: bool = False,
    requires_grad: bool = False,
) -> Tensor:
    """Tensors; each argument is a value or a strategy for one.

    Args:
        shape: by default that of :func:`shapes`.
        layout: by default all of :func:`layouts`.
        values: the elements, by default those of :func:`values`; complex numbers draw both parts.
        unique: whether all elements differ. A broadcast layout repeats elements: it is not drawn then.

    >>> from hypothesis import find
    >>> find(tensors(dtype="float32"), lambda x: bool(x.ndim == 1 and x.sum() > 3)).tolist()
    [4.0]
    """
    sides = draw(shapes() if shape is None else _strategy(shape))
    kind = to_numpy_dtype(draw(dtype) if isinstance(dtype, SearchStrategy) else dtype)
    if layout is None:
        layout = layouts(*LAYOUTS[:-1]) if unique else layouts()
    size = math.prod(sides)
    elements = _elements(kind, values)
    found = draw(st.lists(elements, min_size=size, max_size=size, unique=unique))
    array = np.array(found, kind).reshape(sides)
    return laid_out(array, kind, draw(_strategy(layout)), requires_grad)


def _print(x: Tensor, printer: Any, cycle: bool) -> None:
    """Hypothesis' printer of tensors: the call of :func:`laid_out` that makes it again, with every digit."""
    if type(x) is not Tensor or not x.is_leaf or not 0 < x.numel() <= _PRINTED:
        printer.text(repr(x))
        return
    array = x.detach()._array
    plain = np.array(array, order="C")
    notes = [] if array.dtype == np.float64 else [f"dtype={array.dtype.name!r}"]
    layout = next((name for name in LAYOUTS if _arranged(plain, name).strides == array.strides), LAYOUTS[0])
    notes += [] if layout == LAYOUTS[0] else [f"layout={layout!r}"]
    notes += ["requires_grad=True"] if x.requires_grad else []
    printer.text(f"laid_out({', '.join([str(array.tolist()), *notes])})")


for_type_by_name(Tensor.__module__, Tensor.__name__, _print)


# --- several tensors ----------------------------------------------------------------------------------------


@st.composite
def broadcastable(
    draw: st.DrawFn,
    /,
    count: int = 2,
    *,
    max_dims: int = 3,
    min_side: int = 1,
    max_side: int = 3,
    **kwargs: Any,
) -> tuple[Tensor, ...]:
    """Tuples of ``count`` tensors whose shapes broadcast together; ``kwargs`` go to :func:`tensors`."""
    found = draw(
        hnp.mutually_broadcastable_shapes(
            num_shapes=count, max_dims=max_dims, min_side=min_side, max_side=max_side
        )
    )
    return tuple(draw(tensors(shape, **kwargs)) for shape in found.input_shapes)


@st.composite
def matmul_pairs(
    draw: st.DrawFn, /, *, max_dims: int = 1, min_side: int = 1, max_side: int = 3, **kwargs: Any
) -> tuple[Tensor, Tensor]:
    """Pairs that ``@`` takes; ``kwargs`` go to :func:`tensors`.

    Vectors, matrices, and stacks of matrices in up to ``max_dims`` broadcastable dimensions.
    """
    found = draw(
        hnp.mutually_broadcastable_shapes(
            signature=np.matmul.signature, max_dims=max_dims, min_side=min_side, max_side=max_side
        )
    )
    a, b = (draw(tensors(shape, **kwargs)) for shape in found.input_shapes)
    return a, b


# --- arguments ----------------------------------------------------------------------------------------------


def axes(ndim: int, *, none: bool = True, several: bool = True) -> SearchStrategy[int | Shape | None]:
    """What ``dim=`` takes for a tensor of ``ndim`` dimensions: None, an int or a tuple, also negative.

    >>> from hypothesis import find
    >>> find(axes(3), lambda dim: isinstance(dim, tuple) and len(dim) == 2)
    (0, 1)
    """
    found: list[SearchStrategy[Any]] = [st.none()] if none else []
    if ndim:
        found.append(st.integers(0, ndim - 1))
        found.append(st.integers(-ndim, -1))
        if several:
            found.append(hnp.valid_tuple_axes(ndim, min_size=1))
    return st.one_of(found)


@st.composite
def indices(
    draw: st.DrawFn, /, shape: Shape, *, kinds: Sequence[str] = ("basic", "integer", "boolean")
) -> Any:
    """Index expressions that are valid for a tensor of the shape.

    ``basic``: integers, slices (of positive step), ``...`` and None; ``integer``: lists of positions, also
    repeated and negative, for one or more dimensions, with slices between; ``boolean``: a mask of the whole
    shape or of its first dimensions.

    >>> from hypothesis import find
    >>> find(indices((2, 3)), lambda i: isinstance(i, tuple) and len(i) == 2)
    (0, 0)
    """
    possible = [kind for kind in kinds if kind != "integer" or (shape and all(shape))]
    kind = draw(st.sampled_from(possible))
    if kind == "basic":
        return draw(hnp.basic_indices(shape, allow_newaxis=True).map(_forward))
    if kind == "boolean":
        covered = draw(st.integers(min(1, len(shape)), len(shape)))
        mask = draw(hnp.arrays(np.bool_, shape[:covered]))
        return Tensor._from_array(mask)
    count = draw(st.integers(1, 3))

    def positions(side: int) -> SearchStrategy[list[int]]:
        return st.lists(st.integers(-side, side - 1), min_size=count, max_size=count)

    found: list[Any] = [draw(positions(shape[0]) | st.just(slice(None)))]
    for side in shape[1 : draw(st.integers(1, len(shape)))]:
        found.append(draw(positions(side) | st.just(slice(None))))
    if not any(isinstance(part, list) for part in found):
        found[0] = draw(positions(shape[0]))
    return tuple(Tensor._from_array(np.array(p, np.int64)) if isinstance(p, list) else p for p in found)


def _forward(index: Any) -> Any:
    """A basic index without negative steps, which tensors refuse."""
    if isinstance(index, tuple):
        return tuple(map(_forward, index))
    if isinstance(index, slice) and index.step is not None and index.step < 0:
        return slice(None, None, -index.step)
    return index


# --- programs -----------------------------------------------------------------------------------------------

_OPERATIONS = {"sin": 1, "tanh": 1, "sigmoid": 1, "neg": 1, "exp": 1, "add": 2, "sub": 2, "mul": 2}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Program:
    """A function of tensors made of operations that are smooth everywhere; later steps use earlier results.

    >>> import autotape as at
    >>> f = Program(2, (("mul", (0, 1)), ("sin", (2,))))
    >>> f
    Program: c = a.mul(b); d = c.sin(); return d
    >>> f(at.tensor(0.5), at.tensor(0.0))
    tensor(0.)
    """

    inputs: int
    steps: tuple[tuple[str, tuple[int, ...]], ...]

    def __call__(self, *args: Tensor) -> Tensor:
        """The last step's result."""
        found = list(args)
        for name, operands in self.steps:
            first, *others = (found[k] for k in operands)
            found.append(getattr(first, name)(*others))
        return found[-1]

    def __repr__(self) -> str:
        lines = []
        for k, (name, (first, *others)) in enumerate(self.steps, self.inputs):
            lines.append(
                f"{_LETTERS[k]} = {_LETTERS[first]}.{name}({', '.join(_LETTERS[i] for i in others)})"
            )
        return "; ".join(
            ["Program: " + lines[0], *lines[1:], f"return {_LETTERS[self.inputs + len(lines) - 1]}"]
        )


@st.composite
def programs(draw: st.DrawFn, /, inputs: int = 2, *, max_steps: int = 6) -> Program:
    """Random :class:`Program` objects of ``inputs`` arguments, with results used once, twice or not at all.

    >>> from hypothesis import find
    >>> find(programs(), lambda f: len(f.steps) == 2)
    Program: c = a.sin(); d = a.sin(); return d
    """
    steps: list[tuple[str, tuple[int, ...]]] = []
    for k in range(draw(st.integers(1, max_steps))):
        name = draw(st.sampled_from(list(_OPERATIONS)))
        operand = st.integers(0, inputs + k - 1)
        steps.append((name, tuple(draw(operand) for _ in range(_OPERATIONS[name]))))
    return Program(inputs, tuple(steps))
