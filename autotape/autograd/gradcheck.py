"""Gradients against finite differences: ``gradcheck`` and ``gradgradcheck``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autotape.autograd.gradient import grad
from autotape.autograd.numerical import place_of, signed, unflat
from autotape.engine.backward import gradients
from autotape.engine.tensor import Tensor

__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

Array = np.ndarray[Any, Any]


class GradcheckError(RuntimeError):
    """A gradient that is wrong, not a number, or not the same twice."""


@dataclass(frozen=True)
class _Settings:
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    undefined: bool
    dtypes: bool
    batched: bool


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Whether the gradients of ``func`` by ``inputs`` equal central differences; True, or a GradcheckError.

    Every element of the Jacobian d output / d input must satisfy |analytical - numerical| <= atol + rtol
    |numerical| with numerical = (func(x + eps) - func(x - eps)) / (2 eps). Complex numbers count as pairs of
    real ones. Inputs that require a gradient should be of float64 or complex128; they are changed during the
    check and put back.

    Args:
        func: takes the inputs, returns a tensor or a sequence of them; must be deterministic.
        inputs: a tensor or a sequence; those with ``requires_grad`` are checked.
        eps, atol, rtol: step and tolerances.
        raise_exception: False returns False where a GradcheckError would be raised.
        nondet_tol: how much the gradients of two replays may differ.
        check_undefined_grad: whether backward copes with outputs that were not used.
        check_grad_dtypes: whether gradients have their input's dtype.
        check_batched_grad: whether ``grad(..., is_grads_batched=True)`` gives the same.
        check_backward_ad: must be True: there is no forward mode to check instead.
        fast_mode: compare one random projection of each Jacobian; elements only if it differs.
        check_forward_ad, check_batched_forward_grad, masked: PyTorch's; forward mode raises
            NotImplementedError, ``masked`` concerns sparse tensors and is ignored.

    >>> import autotape as at
    >>> x = at.tensor([1.0, 2.0], dtype=at.float64, requires_grad=True)
    >>> at.autograd.gradcheck(lambda x: x * x, x)
    True
    """
    if not (check_backward_ad or check_forward_ad):
        raise AssertionError("Expected at least one of check_forward_ad or check_backward_ad to be True")
    if check_forward_ad or check_batched_forward_grad or not check_backward_ad:
        raise NotImplementedError("gradcheck: autotape has no forward-mode differentiation to check")
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    settings = _Settings(
        eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes, check_batched_grad
    )
    wanted = _check_inputs(arguments)
    try:
        _check(func, arguments, wanted, settings, fast_mode)
    except GradcheckError as error:
        if raise_exception:
            _explain(error, func, arguments)
            raise
        return False
    return True


def _explain(error: GradcheckError, func: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Add what ``autotape.testing`` finds out about the mistake: its kind, and the entry at fault."""
    from autotape.testing.gradients import check_gradients  # a room above: only once something is wrong

    try:
        check_gradients(func, *arguments)
    except AssertionError as found:
        error.add_note(str(found))
    except Exception as failed:  # the check above stands without it
        error.add_note(f"(autotape.testing could not explain it: {type(failed).__name__}: {failed})")


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """:func:`gradcheck` of the gradient: whether the second derivatives of ``func`` are right.

    The function that is checked maps the inputs and ``grad_outputs`` (random if None; not contiguous if
    ``gen_non_contig_grad_outputs``) to the gradients of the inputs. The other arguments are those of
    gradcheck.

    >>> import autotape as at
    >>> x = at.tensor([1.0, 2.0], dtype=at.float64, requires_grad=True)
    >>> at.autograd.gradgradcheck(lambda x: x * x * x, x)
    True
    """
    if not (check_fwd_over_rev or check_rev_over_rev):
        raise AssertionError("Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True")
    if check_fwd_over_rev or not check_rev_over_rev:
        raise NotImplementedError("gradgradcheck: autotape has no forward-mode differentiation to check")
    arguments = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
    wanted = _check_inputs(arguments)
    if grad_outputs is None:
        seeds = _random_seeds(_outputs(func(*arguments)), gen_non_contig_grad_outputs)
    else:
        given = (grad_outputs,) if isinstance(grad_outputs, Tensor) else tuple(grad_outputs)
        seeds = [g.detach().requires_grad_() for g in given]

    def gradient(*args: Any) -> tuple[Tensor, ...]:
        xs = [args[i] for i in wanted]
        ys = [y for y in _outputs(func(*args[: len(arguments)])) if y.requires_grad]
        found = grad(ys, xs, args[len(arguments) :], create_graph=True, allow_unused=True) if ys else ()
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradient,
        (*arguments, *seeds),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
        masked=masked,
    )


def _random_seeds(outputs: Sequence[Tensor], strided: bool) -> list[Tensor]:
    rng = np.random.default_rng(0)
    seeds = []
    for y in outputs:
        if not y.requires_grad:
            continue
        shape = (*y.shape, 2) if strided else y.shape
        g = rng.standard_normal(shape) + (
            1j * rng.standard_normal(shape) if y._array.dtype.kind == "c" else 0
        )
        array = np.asarray(g).astype(y._array.dtype)
        seeds.append(Tensor._wrap(array[..., 0] if strided else array).requires_grad_())
    return seeds


def _check_inputs(arguments: Sequence[Any]) -> list[int]:
    """The numbers of the arguments to differentiate by."""
    wanted = [i for i, a in enumerate(arguments) if isinstance(a, Tensor) and a.requires_grad]
    if not wanted:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have "
            "requires_grad=True."
        )
    for i in wanted:
        array = arguments[i]._array
        if array.dtype not in (np.float64, np.complex128):
            warnings.warn(
                f"Input #{i} requires gradient and is not a double precision floating point or complex (it "
                f"is {arguments[i].dtype}). This check will likely fail if all the inputs are not of double "
                "precision floating point or complex.",
                UserWarning,
                stacklevel=3,
            )
        if array.size and any(s == 0 and n > 1 for s, n in zip(array.strides, array.shape, strict=True)):
            raise RuntimeError(
                f"Input {i} has a dimension with stride 0. gradcheck only supports inputs that are "
                "non-overlapping to be able to compute the numerical gradients correctly. Call .contiguous() "
                "on it before passing it to gradcheck."
            )
        if not array.flags.writeable:
            raise RuntimeError(
                f"Input {i} has read-only memory, and gradcheck varies its elements; pass a clone() of it."
            )
    return wanted


def _outputs(result: Any) -> list[Tensor]:
    """The differentiable outputs of the function."""
    results = (result,) if isinstance(result, Tensor) else result
    if not isinstance(results, (tuple, list)) or not all(isinstance(y, Tensor) for y in results):
        raise TypeError(
            f"the function given to gradcheck must return a Tensor or a sequence of them, not {type(result)}"
        )
    return [y for y in results if y._array.dtype.kind in "fc"]


def _check(
    func: Callable[..., Any], arguments: tuple[Any, ...], wanted: list[int], how: _Settings, fast: bool
) -> None:
    for i in wanted:
        _refuse_nan(arguments[i]._array, f"input {i}")

    def values() -> list[Array]:
        return [y._array.copy() for y in _outputs(func(*arguments))]

    xs = [arguments[i] for i in wanted]
    ys = _outputs(func(*arguments))
    again = values()
    for o, (y, other) in enumerate(zip(ys, again, strict=True)):
        _refuse_nan(y._array, f"output {o}")
        if not np.array_equal(y._array, other):
            raise GradcheckError(
                f"output {o} differs between two calls with the same inputs: the function must be "
                "deterministic. " + _worst(y._array, other, 0.0, 0.0, "first call", "second call")
            )
    compare = _compare_projections if fast else _compare_elements
    compare(values, ys, xs, wanted, how)
    _check_replays(ys, xs, wanted, how)


def _refuse_nan(array: Array, what: str) -> None:
    if np.isnan(array).any():
        place = place_of(int(np.isnan(array).argmax()), array.shape)
        raise GradcheckError(
            f"{what} is nan at index {place} (shape {list(array.shape)}): nothing can be compared with it"
        )


# --- the two Jacobians --------------------------------------------------------------------------------------


def _units(array: Array) -> tuple[complex, ...]:
    """The directions an element can vary in."""
    return (1.0, 1j) if array.dtype.kind == "c" else (1.0,)


def _differences(values: Callable[[], list[Array]], x: Tensor, direction: Array, eps: float) -> list[Array]:
    """(func(x + eps direction) - func(x - eps direction)) / (2 eps), writing into x and putting it back."""
    array = x._array
    before = array.copy()
    with np.errstate(all="ignore"):
        try:
            array[...] = before + eps * direction
            above = values()
            array[...] = before - eps * direction
            below = values()
        finally:
            array[...] = before
        return [(a - b) / (2 * eps) for a, b in zip(above, below, strict=True)]


def _numerical(values: Callable[[], list[Array]], x: Tensor, ys: Sequence[Tensor], eps: float) -> list[Array]:
    """The Jacobian of each output: a part for each of its units, its elements by the elements of x."""
    units_x = _units(x._array)
    parts = [np.zeros((len(_units(y._array)), y._array.size, x._array.size), x._array.dtype) for y in ys]
    for element in range(x._array.size):
        for unit in units_x:
            direction = np.zeros(x._array.size, x._array.dtype)
            direction[element] = unit
            for part, slope in zip(
                parts, _differences(values, x, direction.reshape(x.shape), eps), strict=True
            ):
                for u, real in enumerate((slope.real, slope.imag)[: len(part)]):
                    # The gradient by a complex z of a real function L is dL/dRe z + i dL/dIm z.
                    part[u, :, element] += (unit * real.reshape(-1)).astype(part.dtype)
    return parts


def _analytical(y: Tensor, xs: Sequence[Tensor]) -> list[Array]:
    """The same Jacobians of one output from replays, one for each element and unit."""
    units = _units(y._array)
    parts = [np.zeros((len(units), y._array.size, x._array.size), x._array.dtype) for x in xs]
    for u, unit in enumerate(units):
        for element in range(y._array.size if y.requires_grad else 0):
            seed = np.zeros(y._array.size, y._array.dtype)
            seed[element] = unit
            for part, g in zip(parts, _replay(y, xs, seed.reshape(y.shape)), strict=True):
                part[u, element] = g.reshape(-1)
    return parts


def _replay(y: Tensor, xs: Sequence[Tensor], seed: Array) -> list[Array]:
    found = gradients((y,), xs, (seed,), True, False, True, True)
    return [g._array for g in found if g is not None]


def _compare_elements(
    values: Callable[[], list[Array]], ys: list[Tensor], xs: list[Tensor], wanted: list[int], how: _Settings
) -> None:
    numerical = [_numerical(values, x, ys, how.eps) for x in xs]
    for o, y in enumerate(ys):
        for j, analytic in enumerate(_analytical(y, xs)):
            numeric = numerical[j][o]
            for u, name in enumerate(
                ("", "the real part of ", "the imaginary part of ")[len(analytic) - 1 :][: len(analytic)]
            ):
                a, n = analytic[u], numeric[u]
                if _close(a, n, how.atol, how.rtol).all():
                    continue
                raise GradcheckError(
                    f"Jacobian mismatch for {name}output {o} with respect to input {wanted[j]}"
                    + (
                        ""
                        if y.requires_grad
                        else " (the output does not require grad, so its gradient should be zero)"
                    )
                    + ": "
                    + _worst(a, n, how.atol, how.rtol, "analytical", "numerical", (y.shape, xs[j].shape))
                )


def _close(a: Array, b: Array, atol: float, rtol: float) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray((a == b) | (np.abs(a - b) <= atol + rtol * np.abs(b)))


def _worst(
    a: Array,
    b: Array,
    atol: float,
    rtol: float,
    name_a: str,
    name_b: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...]] | None = None,
) -> str:
    """Which element differs most, both values, and how many differ."""
    with np.errstate(all="ignore"):
        excess = np.abs(a - b) - (atol + rtol * np.abs(b))
    wrong = ~_close(a, b, atol, rtol)
    excess = np.where(np.isnan(excess), np.inf, np.where(wrong, excess, -np.inf))
    place = place_of(int(excess.argmax()), a.shape)
    if shapes is None:
        where = f"worst at index {place}"
    else:
        row, column = (list(place_of(i, shape)) for i, shape in zip(place, shapes, strict=True))
        where = f"worst at d output{row} / d input{column}"
    text = f"{where}: {name_a} {a[place]:.10g}, {name_b} {b[place]:.10g}"
    if shapes is not None:
        with np.errstate(all="ignore"):
            text += f" (difference {abs(a[place] - b[place]):.3g}, allowed {atol + rtol * abs(b[place]):.3g})"
    text += f"; {int(wrong.sum())} of {a.size} elements differ"
    if not np.isfinite(a[place]):
        text += f". The {name_a} value is not finite"
    if not np.isfinite(b[place]):
        text += f". The {name_b} value is not finite: the function is not finite near the input"
    return text


def _compare_projections(
    values: Callable[[], list[Array]], ys: list[Tensor], xs: list[Tensor], wanted: list[int], how: _Settings
) -> None:
    """u^T J v for a random u and v of each output and input; the elements are compared where it differs."""
    rng = np.random.default_rng(0)

    def signs(t: Tensor) -> Array:
        parts = 2 if t._array.dtype.kind == "c" else 1
        return unflat(signed(rng, parts * t._array.size), t._array)

    us = [signs(y) for y in ys]
    analytic = [
        _replay(y, xs, u) if y.requires_grad else [np.zeros_like(x._array) for x in xs]
        for y, u in zip(ys, us, strict=True)
    ]
    for j, x in enumerate(xs):
        v = signs(x)
        slopes = _differences(values, x, v, how.eps)
        for o, (u, slope) in enumerate(zip(us, slopes, strict=True)):
            n = float(np.vdot(u, slope).real)
            a = float(np.vdot(v, analytic[o][j]).real)
            scale = float(np.abs(u).sum() * np.abs(v).sum())
            if not abs(a - n) <= how.atol * scale + how.rtol * abs(n):
                _compare_elements(values, ys, xs, wanted, how)
                raise GradcheckError(
                    f"Jacobian mismatch for output {o} with respect to input {wanted[j]} in fast mode: the "
                    f"projection u^T J v is {a:.10g} analytical, {n:.10g} numerical (allowed difference "
                    f"{how.atol * scale + how.rtol * abs(n):.3g}). Every single element is within its "
                    "tolerance: the mistake is small and spread out, or the tolerances are narrow for the "
                    "function's curvature"
                )


# --- properties of the replay -------------------------------------------------------------------------------


def _check_replays(ys: list[Tensor], xs: list[Tensor], wanted: list[int], how: _Settings) -> None:
    used = [(o, y) for o, y in enumerate(ys) if y.requires_grad]
    seeds = [s._array for s in _random_seeds(ys, False)]
    alone = []
    for (o, y), seed in zip(used, seeds, strict=True):
        first, second = _replay(y, xs, seed), _replay(y, xs, seed)
        zero = _replay(y, xs, np.zeros_like(seed))
        alone.append(first)
        for i, x, a, b, z in zip(wanted, xs, first, second, zero, strict=True):
            if not _close(a, b, how.nondet_tol, 0.0).all():
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and grad_output "
                    f"multiple times gives different values for output {o} and input {i}: "
                    + _worst(a, b, how.nondet_tol, 0.0, "first", "second")
                    + f". The tolerance for nondeterminism was {how.nondet_tol}."
                )
            if z.any():
                raise GradcheckError(
                    f"backward not multiplied by grad_output: for a gradient of zeros at output {o} that of "
                    f"input {i} is {z[z != 0][0]:.10g} at index {place_of(int((z != 0).argmax()), z.shape)}"
                )
            if how.dtypes and a.dtype != x._array.dtype:
                raise GradcheckError(
                    f"the gradient of input {i} has dtype {a.dtype}, the input {x._array.dtype}"
                )
        if how.batched:
            _check_batched(y, o, xs, seed, first, wanted)
    if how.undefined and len(used) > 1:
        together = gradients([y for _, y in used], xs, seeds, True, False, True, True)
        for i, g, *parts in zip(wanted, together, *alone, strict=True):
            assert g is not None
            total = sum(parts)
            if not _close(g._array, total, how.atol, how.rtol).all():
                raise GradcheckError(
                    f"undefined output grads: the gradient of input {i} from all outputs at once is not the "
                    "sum of those from each output alone, where an operation gets None for the others: "
                    + _worst(g._array, total, how.atol, how.rtol, "at once", "summed")
                )


def _check_batched(
    y: Tensor, o: int, xs: list[Tensor], seed: Array, alone: list[Array], wanted: list[int]
) -> None:
    rows = np.stack([seed, 2 * seed])
    found = grad(y, xs, rows, retain_graph=True, is_grads_batched=True, materialize_grads=True)
    for i, g, a in zip(wanted, found, alone, strict=True):
        if not _close(g._array, np.stack([a, 2 * a]), 1e-12, 1e-6).all():
            raise GradcheckError(
                f"batched gradients of output {o} by input {i} differ from those of single replays"
            )
