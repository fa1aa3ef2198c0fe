"""Jacobians, Hessians and their products with vectors, of functions of tensors.

``inputs`` is a tensor or a tuple of tensors, and ``func`` returns a tensor or a tuple; the results have the
same structure. With ``create_graph=True`` they can be differentiated. ``strict=True`` raises a RuntimeError
where an output does not depend on an input; otherwise the derivative there is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autotape.autograd.modes import enable_grad
from autotape.engine.backward import gradients
from autotape.engine.tensor import Tensor
from autotape.ops.joining import stack

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

Function = Callable[..., Any]
Tensors = Tensor | tuple[Tensor, ...]


def jacobian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """The Jacobian of ``func`` at ``inputs``: J[i..., j...] = d output[i...] / d input[j...].

    A tensor of shape output.shape + input.shape; a tuple over the inputs if they are a tuple; a tuple over
    the outputs of these if the outputs are one. One replay per element of the outputs; with ``vectorize`` one
    for all of them (:func:`autotape.func.jacrev`), or with ``strategy="forward-mode"`` for all elements of
    inputs (:func:`autotape.func.jacfwd`).

    >>> import autotape as at
    >>> at.autograd.functional.jacobian(lambda x: x * x, at.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode", not {strategy!r}'
        )
    if strategy == "forward-mode" and not vectorize:
        raise NotImplementedError('strategy="forward-mode" is only implemented for vectorize=True')
    if vectorize and strict:
        raise RuntimeError("jacobian: strict=True and vectorize=True are not supported together")
    if vectorize:
        return _vectorized(func, inputs, create_graph, strategy)
    with enable_grad():
        xs, one_input = _inputs(inputs, "jacobian", create_graph)
        ys, one_output = _outputs(func(*xs), "jacobian")
        _require_grad(ys, _CONSTANT_OUTPUT, strict)
        rows = tuple([_jacobian_rows(i, y, xs, create_graph, strict) for i, y in enumerate(ys)])
    return _like([_like(row, one_input) for row in rows], one_output)


def _vectorized(func: Function, inputs: Tensors, create_graph: bool, strategy: str) -> Any:
    """All rows (or columns) at once, by ``vmap``."""
    from autotape.func.jacobians import jacfwd, jacrev

    items, one_input = _tuple(inputs, "inputs", "jacobian")

    def checked(*xs: Tensor) -> Any:
        outputs = func(*xs)
        _outputs(outputs, "jacobian")
        return outputs

    transform = jacfwd if strategy == "forward-mode" else jacrev
    positions = tuple(range(len(items)))
    with enable_grad():
        given = items if create_graph else [t.detach() for t in items]
        rows = transform(checked, positions)(*given)
    if not create_graph:
        rows = _detached(rows)
    if not one_input:
        return rows
    return rows[0] if isinstance(rows[0], Tensor) else tuple([row[0] for row in rows])


def _detached(value: Any) -> Any:
    return value.detach() if isinstance(value, Tensor) else tuple([_detached(v) for v in value])


def _jacobian_rows(
    i: int, y: Tensor, xs: tuple[Tensor, ...], create_graph: bool, strict: bool
) -> list[Tensor]:
    """The Jacobian of output ``i`` with respect to each input."""
    columns: list[list[Tensor]] = [[] for _ in xs]
    for position in range(y._array.size if y.requires_grad else 0):
        seed = np.zeros(y._array.size, y._array.dtype)
        seed[position] = 1
        found = gradients((y,), xs, (seed.reshape(y.shape),), True, create_graph, True, False)
        for j, (g, x) in enumerate(zip(found, xs, strict=True)):
            if strict and g is None:
                raise RuntimeError(
                    f"Output {i} of the user-provided function is independent of input {j}. This is not "
                    "allowed in strict mode."
                )
            if strict and create_graph and g is not None and not g.requires_grad:
                raise RuntimeError(
                    f"The jacobian of the user-provided function is independent of input {j}. This is not "
                    "allowed in strict mode when create_graph=True."
                )
            columns[j].append(_zeros(x) if g is None else g)
    return [
        stack(c).reshape(y.shape + x.shape)
        if c
        else Tensor._wrap(np.zeros(y.shape + x.shape, x._array.dtype))
        for c, x in zip(columns, xs, strict=True)
    ]


def hessian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """The Hessian of a function with one element: H[i..., j...] = d2 func / d input[i...] d input[j...].

    A tensor of shape input.shape + input.shape; for a tuple of inputs a tuple of tuples.

    >>> import autotape as at
    >>> at.autograd.functional.hessian(lambda x: (x * x * x).sum(), at.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    one_input = isinstance(inputs, Tensor)

    def scalar(*xs: Tensor) -> Tensor:
        y = _single(func(*xs), "hessian")
        _require_grad((y,), _CONSTANT_OUTPUT, strict)
        return y.reshape(())

    def gradient(*xs: Tensor) -> tuple[Tensor, ...]:
        found: tuple[Tensor, ...] = jacobian(scalar, xs, create_graph=True)
        _require_grad(found, _CONSTANT_JACOBIAN, strict)
        return found

    rows = jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return rows[0] if one_input else rows


def vjp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The outputs of ``func`` and the product v^T J of ``v`` (shaped like the outputs) with its Jacobian.

    ``v`` may be left out for an output of one element.

    >>> import autotape as at
    >>> at.autograd.functional.vjp(lambda x: x * x, at.tensor([1.0, 2.0]), at.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        xs, one_input = _inputs(inputs, "vjp", create_graph)
        ys, one_output = _outputs(func(*xs), "vjp")
        _require_grad(ys, _CONSTANT_OUTPUT, strict)
        vs = _vectors(v, ys, "vjp", "the user-provided function returns", create_graph)
        found = _gradients(ys, xs, vs, create_graph)
        result = _filled(found, xs, create_graph, strict, _INDEPENDENT)
    return _like(_results(ys, create_graph), one_output), _like(result, one_input)


def jvp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The outputs of ``func`` and the product J v of its Jacobian with ``v`` (shaped like the inputs).

    Computed by differentiating u -> u^T J, which is linear in u, with respect to u (two replays). ``v`` may
    be left out for an input of one element.

    >>> import autotape as at
    >>> at.autograd.functional.jvp(lambda x: x * x, at.tensor([1.0, 2.0]), at.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    with enable_grad():
        xs, _ = _inputs(inputs, "jvp", create_graph)
        vs = _vectors(v, xs, "jvp", "the input to the user-provided function is", create_graph)
        ys, one_output = _outputs(func(*xs), "jvp")
        _require_grad(ys, _CONSTANT_OUTPUT, strict)
        result = _times(ys, ys, xs, vs, create_graph, strict, _INDEPENDENT)
    return _like(_results(ys, create_graph), one_output), _like(result, one_output)


def vhp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The value of ``func`` (one element) and v^T H, with ``v`` shaped like the inputs and H its Hessian.

    >>> import autotape as at
    >>> at.autograd.functional.vhp(lambda x: (x * x * x).sum(), at.tensor([1.0, 2.0]), at.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        xs, one_input, vs, y, jac = _first_derivative(func, inputs, v, create_graph, strict, "vhp")
        result = _filled(_gradients(jac, xs, vs, create_graph), xs, create_graph, strict, _INDEPENDENT)
    return _results((y,), create_graph)[0], _like(result, one_input)


def hvp(
    func: Function,
    inputs: Tensors,
    v: Tensors | None = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    """The value of ``func`` (one element) and H v, with H its Hessian and ``v`` shaped like the inputs.

    :func:`vhp` is the same for a twice continuously differentiable function, and costs one replay less.

    >>> import autotape as at
    >>> at.autograd.functional.hvp(lambda x: (x * x * x).sum(), at.tensor([1.0, 2.0]), at.ones(2))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with enable_grad():
        xs, one_input, vs, y, jac = _first_derivative(func, inputs, v, create_graph, strict, "hvp")
        result = _times(jac, xs, xs, vs, create_graph, strict, _INDEPENDENT)
    return _results((y,), create_graph)[0], _like(result, one_input)


# --- the parts ----------------------------------------------------------------------------------------------

_CONSTANT_OUTPUT = (
    "Output {i} of the user-provided function does not require gradients. The outputs must be computed in a "
    "differentiable manner from the input"
)
_CONSTANT_JACOBIAN = (
    "The jacobian of the user-provided function with respect to input {i} is independent of the input. The "
    "function must be twice differentiable with a jacobian that depends on the inputs (a linear function's "
    "does not)"
)
_INDEPENDENT = "The output of the user-provided function is independent of input {i}"
_LINEAR = (
    "The jacobian of the user-provided function is independent of input {i}"
    " (create_graph=True asks that it is not)"
)


def _strictly(message: str, i: int) -> RuntimeError:
    return RuntimeError(message.format(i=i) + ". This is not allowed in strict mode.")


def _require_grad(tensors: Sequence[Tensor | None], message: str, strict: bool) -> None:
    if strict:
        for i, t in enumerate(tensors):
            if t is None or not t.requires_grad:
                raise _strictly(message, i)


def _tuple(value: Any, what: str, function: str) -> tuple[tuple[Tensor, ...], bool]:
    one = isinstance(value, Tensor)
    items = (value,) if one else value
    if not isinstance(items, tuple):
        raise TypeError(
            f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the given "
            f"{what} has type {type(value)}."
        )
    for i, t in enumerate(items):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the value "
                f"at index {i} has type {type(t)}."
            )
    return items, one


def _inputs(inputs: Any, function: str, create_graph: bool) -> tuple[tuple[Tensor, ...], bool]:
    """The inputs at new places on the tape (connected to the old ones under ``create_graph``)."""
    items, one = _tuple(inputs, "inputs", function)
    fresh = [t.view_as(t) if create_graph and t.requires_grad else t.detach().requires_grad_() for t in items]
    return tuple(fresh), one


def _outputs(outputs: Any, function: str) -> tuple[tuple[Tensor, ...], bool]:
    return _tuple(outputs, "outputs of the user-provided function", function)


def _single(output: Any, function: str) -> Tensor:
    (y, *more), one = _outputs(output, function)
    if more or not one:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if y._array.size != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {function} should contain a single element, not "
            f"{list(y.shape)}"
        )
    return y


def _vectors(
    v: Any, like: tuple[Tensor, ...], function: str, single: str, create_graph: bool
) -> tuple[Tensor, ...]:
    """``v`` as a tuple shaped like the tensors ``like``; 1 if it is None and there is one element."""
    if v is None:
        if len(like) != 1 or like[0]._array.size != 1:
            raise RuntimeError(
                f"The vector v can only be None if {single} a single Tensor with a single element."
            )
        return (Tensor._wrap(np.ones_like(like[0]._array)),)
    items, _ = _tuple(v, "v", function)
    if len(items) != len(like):
        raise RuntimeError(f"v is a tuple of invalid length: should be {len(like)} but got {len(items)}.")
    for i, (t, other) in enumerate(zip(items, like, strict=True)):
        if t.shape != other.shape:
            raise RuntimeError(
                f"v[{i}] has invalid size: should be {list(other.shape)} but got {list(t.shape)}."
            )
    return items if create_graph else tuple([t.detach() for t in items])


def _gradients(
    ys: Sequence[Tensor | None], xs: Sequence[Tensor], seeds: Sequence[Any], create_graph: bool
) -> Sequence[Tensor | None]:
    """``grad()`` that leaves out outputs without a graph and gives None for inputs that are not used."""
    pairs = [(y, s) for y, s in zip(ys, seeds, strict=True) if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(xs)
    return gradients(
        [y for y, _ in pairs], xs, [s for _, s in pairs], create_graph, create_graph, True, False
    )


def _filled(
    found: Sequence[Tensor | None], like: Sequence[Tensor], create_graph: bool, strict: bool, message: str
) -> tuple[Tensor, ...]:
    """Zeros for None; under ``strict`` an error."""
    for i, g in enumerate(found):
        if strict and g is None:
            raise _strictly(message, i)
        if strict and create_graph and g is not None and not g.requires_grad:
            raise _strictly(_LINEAR, i)
    return tuple([_zeros(x) if g is None else g for g, x in zip(found, like, strict=True)])


def _times(
    ys: Sequence[Tensor | None],
    like: Sequence[Tensor],
    xs: Sequence[Tensor],
    vs: Sequence[Tensor],
    create_graph: bool,
    strict: bool,
    message: str,
) -> tuple[Tensor, ...]:
    """J v for the Jacobian J of ``ys`` (shaped like ``like``) by ``xs``: u^T J, differentiated by u."""
    us = [_zeros(y).requires_grad_() for y in like]
    products = _gradients(ys, xs, us, True)
    _require_grad(products, message, strict)
    return _filled(_gradients(products, us, vs, create_graph), like, create_graph, strict, message)


def _first_derivative(
    func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool, function: str
) -> tuple[tuple[Tensor, ...], bool, tuple[Tensor, ...], Tensor, Sequence[Tensor | None]]:
    xs, one_input = _inputs(inputs, function, create_graph)
    vs = _vectors(v, xs, function, "the input to the user-provided function is", create_graph)
    y = _single(func(*xs), function)
    _require_grad((y,), _CONSTANT_OUTPUT, strict)
    jac = _gradients((y,), xs, (Tensor._wrap(np.ones_like(y._array)),), True)
    for i, g in enumerate(jac):
        if strict and g is None:
            raise _strictly(_INDEPENDENT, i)
    _require_grad(jac, _CONSTANT_JACOBIAN, strict)
    return xs, one_input, vs, y, jac


def _zeros(x: Tensor) -> Tensor:
    return Tensor._wrap(np.zeros_like(x._array))


def _results(tensors: tuple[Tensor, ...], create_graph: bool) -> tuple[Tensor, ...]:
    return tensors if create_graph else tuple([t.detach() for t in tensors])


def _like(items: Sequence[Any], one: bool) -> Any:
    return items[0] if one else tuple(items)
