"""The numeric oracle: derivatives by differences, against those of the tape.

``check(fn, *arrays)`` is the one-line test of an operation's rules::

    check(lambda a, b: a * b.exp(), normal(3, 4), normal(4))

It compares backward with Richardson-extrapolated central differences in float64, along random signed
directions and single entries, then does the same with the gradient itself (``create_graph``) for the second
derivative. On the way it holds what must hold for every operation: a gradient has its input's shape and dtype
and shares no memory with the seed, another gradient or the data (PROMISES row 9); seed and inputs come out
unmodified (row 33); the gradient is the same with and without ``create_graph``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autotape.engine.backward import backward_of, gradients
from autotape.engine.tensor import Tensor

Array = np.ndarray[Any, Any]

LEVELS = 4  # steps h, h/2, h/4, h/8: the extrapolated error is O(h^8)


def normal(*shape: int, seed: int = 0) -> Array:
    """Standard normal float64 numbers."""
    return np.asarray(np.random.default_rng(seed).standard_normal(shape))


def uniform(low: float, high: float, *shape: int, seed: int = 0) -> Array:
    """Uniform float64 numbers in [low, high): inputs away from the edge of a domain or from a kink."""
    return np.asarray(np.random.default_rng(seed).uniform(low, high, shape))


def check(
    fn: Callable[..., Any],
    *arrays: Any,
    order: int = 2,
    rtol: float = 1e-7,
    step: float = 2.0**-10,
    seed: int = 0,
) -> None:
    """AssertionError unless the derivatives of ``fn`` up to ``order`` agree with numeric differences.

    ``fn`` takes one argument per item of ``arrays`` and returns a Tensor or a sequence of them. Arrays arrive
    as Tensors, and those of float64 or complex128 are differentiated; anything else arrives as it is. ``fn``
    must be deterministic, and smooth within ``step`` of the arrays (a kink is reported). A failure names
    the derivative, the input and the direction.
    """
    rng = np.random.default_rng(seed)
    for nth in range(1, order + 1):
        wanted, seeds, grads = _check_derivative(f"derivative {nth}", fn, arrays, rtol, step, rng)
        if nth < order:
            fn, arrays = _gradient_of(fn, wanted, len(arrays)), (*arrays, *seeds)
            again = _outputs(fn, _tensors(arrays, requires_grad=True))
            for i, g, t in zip(wanted, grads, again, strict=True):
                # To rounding only: a rule for ndarrays may compute in another order than that for Tensors.
                atol = 1e-13 * (1 + np.abs(g).max(initial=0))
                message = f"derivative {nth}, input {i}: the gradient differs under create_graph"
                np.testing.assert_allclose(t._array, g, rtol=1e-11, atol=atol, err_msg=message)


def _check_derivative(
    nth: str,
    fn: Callable[..., Any],
    arrays: tuple[Any, ...],
    rtol: float,
    step: float,
    rng: np.random.Generator,
) -> tuple[list[int], list[Array], list[Array]]:
    """Check the gradient of ``fn``; return which inputs have one, the seeds used, and the gradients."""
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in arrays]
    wanted = [i for i, a in enumerate(arrays) if _differentiated(a)]
    assert wanted, "check() needs a float64 or complex128 array to differentiate by"

    tensors = _tensors(arrays, requires_grad=True)
    ys = _outputs(fn, tensors)
    seeds = [_seed(y._array, rng) for y in ys]
    seeds_before = [s.copy() for s in seeds]
    recorded = [(y, Tensor._wrap(s)) for y, s in zip(ys, seeds, strict=True) if y.requires_grad]
    if recorded:
        backward_of([y for y, _ in recorded], [s for _, s in recorded], None, False, None, "check()")
    found = [tensors[i].grad for i in wanted]
    grads = [np.zeros_like(arrays[i]) if g is None else g._array for i, g in zip(wanted, found, strict=True)]

    taken = [("the seed", s) for s in seeds] + [("the output", y._array) for y in ys]
    taken += [("the data", a) for a in arrays if isinstance(a, np.ndarray)]
    for i, g in zip(wanted, grads, strict=True):
        where, x = f"{nth}, input {i}", arrays[i]
        assert g.dtype == x.dtype, f"{where}: the gradient is {g.dtype}, the input {x.dtype}"
        assert g.shape == x.shape, f"{where}: the gradient has shape {g.shape}, the input {x.shape}"
        for what, other in taken:
            assert not np.shares_memory(g, other), f"{where}: the gradient shares memory with {what}"
        taken.append(("another gradient", g))
    for i, (a, b) in enumerate(zip(arrays, before, strict=True)):
        assert not isinstance(a, np.ndarray) or _same_bits(a, b), f"{nth}: input {i} was modified"
    for a, b in zip(seeds, seeds_before, strict=True):
        assert _same_bits(a, b), f"{nth}: the seed was modified"

    def value(*points: Any) -> tuple[float, float]:
        """The sum of the outputs weighted by the seeds, and the size of what was rounded on the way to it."""
        outputs = _outputs(fn, _tensors(points, requires_grad=False))
        terms = [_inner(s, y._array) for s, y in zip(seeds, outputs, strict=True)]
        rounded = sum(np.sum(np.abs(t)) for t in (*terms, *seeds))  # fn's own terms may cancel
        return float(sum(np.sum(t) for t in terms)), float(rounded)

    for n, i in enumerate(wanted):
        for label, direction in _directions(arrays[i], rng):
            terms = _inner(direction, grads[n])
            backward, size = float(np.sum(terms)), float(np.sum(np.abs(terms)))
            numeric, error, noise = _derivative(value, arrays, i, direction, step)
            allowed = rtol * max(size, abs(numeric)) + noise
            where = f"{nth}, input {i} of shape {arrays[i].shape}, {label}"
            assert error <= allowed, (
                f"{where}: the differences do not converge ({numeric:.12g} +- {error:.1g}, "
                f"allowed {allowed:.1g}): is there a kink, a jump or the edge of the domain within {step:g}?"
            )
            assert abs(backward - numeric) <= allowed, (
                f"{where}: backward gives {backward:.12g}, differences {numeric:.12g} +- {error:.1g}; "
                f"off by {abs(backward - numeric):.3g}, allowed {allowed:.1g}"
            )

    return wanted, seeds, grads


def _gradient_of(fn: Callable[..., Any], wanted: list[int], count: int) -> Callable[..., tuple[Tensor, ...]]:
    """The gradients of ``fn`` by the wanted inputs, as a function of inputs and seeds: recorded where those
    are, else computed on fresh leaves by the rules on ndarrays."""

    def gradient(*args: Any) -> tuple[Tensor, ...]:
        inputs, seeds = list(args[:count]), args[count:]
        create_graph = any(isinstance(a, Tensor) and a.requires_grad for a in args)
        for i in wanted:
            if not inputs[i].requires_grad:
                inputs[i] = inputs[i].detach().requires_grad_()
        pairs = [(y, s) for y, s in zip(_outputs(fn, inputs), seeds, strict=True) if y.requires_grad]
        by = [inputs[i] for i in wanted]
        if not pairs:
            return tuple(Tensor._wrap(np.zeros_like(x._array)) for x in by)
        ys, ss = zip(*pairs, strict=True)
        return gradients(ys, by, ss, True, create_graph, True, True)  # type: ignore[return-value]

    return gradient


def _differentiated(a: Any) -> bool:
    return isinstance(a, np.ndarray) and a.dtype in (np.float64, np.complex128)


def _tensors(values: Any, requires_grad: bool) -> list[Any]:
    made = [Tensor._from_array(v) if isinstance(v, np.ndarray) else v for v in values]
    if requires_grad:
        for v, t in zip(values, made, strict=True):
            if _differentiated(v):
                t.requires_grad_()
    return made


def _outputs(fn: Callable[..., Any], args: list[Any]) -> tuple[Tensor, ...]:
    """The differentiable outputs."""
    y = fn(*args)
    found = tuple(t for t in ((y,) if isinstance(y, Tensor) else y) if t._array.dtype.kind in "fc")
    assert found, "fn returned no floating-point tensor"
    return found


def _seed(y: Array, rng: np.random.Generator) -> Array:
    """A random gradient of an output, with strides that a rule might not expect."""
    assert y.dtype in (np.float64, np.complex128), f"fn computes in {y.dtype}: differences need float64"
    g = np.asarray(rng.standard_normal(y.shape), y.dtype)
    if y.dtype.kind == "c":
        g = np.asarray(g + 1j * rng.standard_normal(y.shape))
    return np.asarray(np.flip(g))


def _directions(x: Array, rng: np.random.Generator) -> list[tuple[str, Array]]:
    """Three dense ones with entries of size 0.5 to 1, so that no wrong entry hides, and two single ones."""
    found = []
    for k in range(3):
        d = rng.uniform(0.5, 1, x.shape) * rng.choice((-1.0, 1.0), x.shape)
        if x.dtype.kind == "c":
            d = d * np.exp(1j * rng.uniform(0, 6, x.shape))
        found.append((f"random direction {k}", np.asarray(d, x.dtype)))
    for k in sorted(set(rng.integers(0, x.size, 2).tolist())) if x.size > 1 else ():
        d = np.zeros(x.shape, x.dtype)
        d.flat[k] = 1
        found.append((f"entry {tuple(map(int, np.unravel_index(k, x.shape)))}", d))
    return found


def _derivative(
    value: Callable[..., tuple[float, float]], arrays: tuple[Any, ...], i: int, direction: Array, step: float
) -> tuple[float, float, float]:
    """The derivative along ``direction`` in input i by Richardson extrapolation of central differences, an
    estimate of its error, and the part of it that rounding explains."""
    rows: list[list[float]] = []
    size = 0.0
    for k in range(LEVELS):
        h = step / 2**k
        points = [(*arrays[:i], np.asarray(arrays[i] + s * h * direction), *arrays[i + 1 :]) for s in (1, -1)]
        (up, size_up), (down, size_down) = (value(*p) for p in points)
        size = max(size, size_up, size_down)
        row = [(up - down) / (2 * h)]
        for m in range(k):
            row.append(row[m] + (row[m] - rows[-1][m]) / (4 ** (m + 1) - 1))
        rows.append(row)
    noise = 32 * np.finfo(np.float64).eps * size * 2 ** (LEVELS - 1) / step
    return rows[-1][-1], abs(rows[-1][-1] - rows[-2][-1]), noise


def _inner(a: Array, b: Array) -> Array:
    """The terms of the real inner product (a complex gradient is d/dRe + i d/dIm)."""
    return np.real(np.conj(a) * b)


def _same_bits(a: Array, b: Array) -> bool:
    return a.tobytes() == b.tobytes()
