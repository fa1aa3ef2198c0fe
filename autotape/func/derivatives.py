"""Derivatives of functions: ``grad``, ``vjp``, ``jvp`` and ``linearize``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.func._places import Places
from autotape.func._trees import Spec, flatten, tree_map, unflatten

__all__ = ["grad", "grad_and_value", "jvp", "linearize", "vjp"]

Argnums = int | tuple[int, ...]


# --- grad ---------------------------------------------------------------------------------------------------


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that computes the gradient of ``func``, whose result is a 0-d tensor.

    The gradient has the structure of the argument ``argnums`` (a tensor, or tuples, lists and dicts of them);
    a tuple of argnums gives a tuple. With ``has_aux`` func returns ``(result, aux)``, and the new function
    ``(gradient, aux)``. ``grad(grad(f))`` and ``vmap(grad(f))`` are what they say. The gradients require grad
    only if something else that they depend on does. Errors: RuntimeError for another result, or argnums.

    >>> import autotape as at
    >>> at.func.grad(at.sin)(at.tensor(0.0)), at.func.grad(at.func.grad(at.exp))(at.tensor(0.0))
    (tensor(1.), tensor(1.))
    """

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        gradient, _, aux = _gradient(func, argnums, has_aux, args, kwargs)
        return (gradient, aux) if has_aux else gradient

    return wrapped


def grad_and_value(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Like :func:`grad`, together with the result: ``(gradient, result)``, or ``(gradient, (result, aux))``.

    >>> import autotape as at
    >>> at.func.grad_and_value(lambda x: (x * x).sum())(at.tensor([1.0, 2.0]))
    (tensor([2., 4.]), tensor(5.))
    """

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        gradient, value, aux = _gradient(func, argnums, has_aux, args, kwargs)
        return (gradient, (value, aux)) if has_aux else (gradient, value)

    return wrapped


def _gradient(
    func: Callable[..., Any], argnums: Argnums, has_aux: bool, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Any, Any, Any]:
    where = "grad_and_value(f)(*args)"
    places = Places()
    chosen = checked_argnums(argnums, len(args))
    tree, variables, spec = places.variables(tuple([args[i] for i in chosen]))
    result = places.run(func, *replaced(args, chosen, tree), **kwargs)
    aux = None
    if has_aux:
        if not (isinstance(result, tuple) and len(result) == 2):
            raise RuntimeError(
                f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True"
            )
        result, aux = result
        aux = tree_map(places.leave, aux)
    if not isinstance(result, Tensor):
        raise RuntimeError(f"{where}: Expected f(*args) to return a Tensor, got {type(result)}")
    if result._array.ndim:
        raise RuntimeError(
            f"{where}: Expected f(*args) to return a scalar Tensor, got tensor with "
            f"{result._array.ndim} dims. "
            "Maybe you wanted to use the vjp or jacrev APIs instead?"
        )
    found = unflatten(list(places.gradients((result,), variables, (None,))), spec)
    return (found if isinstance(argnums, tuple) else found[0]), places.leave(result), aux


def checked_argnums(argnums: Argnums, count: int) -> tuple[int, ...]:
    """The positions of the arguments to differentiate by."""
    chosen: Any = (argnums,) if isinstance(argnums, int) else argnums
    if not isinstance(chosen, tuple) or not all(isinstance(i, int) for i in chosen):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if not chosen:
        raise RuntimeError("argnums must be non-empty")
    for i in chosen:
        if not -count <= i < count:
            raise RuntimeError(f"Got argnum={i}, but only {count} positional inputs")
    positions = tuple([i % count for i in chosen])
    if len(set(positions)) != len(positions):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return positions


def replaced(args: tuple[Any, ...], positions: tuple[int, ...], values: Any) -> list[Any]:
    """The arguments with other values at these positions."""
    new = list(args)
    for i, value in zip(positions, values, strict=True):
        new[i] = value
    return new


# --- vjp ----------------------------------------------------------------------------------------------------


def tensors_of(result: Any, where: str) -> tuple[list[Tensor], Spec]:
    """The tensors that a function returned, and their structure."""
    leaves, spec = flatten(result)
    for y in leaves:
        if not isinstance(y, Tensor):
            raise RuntimeError(
                f"{where}: expected f(*primals) to return only tensors, got unsupported type {type(y)}"
            )
    return leaves, spec


def with_aux(result: Any, has_aux: bool, where: str) -> tuple[Any, Any]:
    """The result and the auxiliary data of a function."""
    if not has_aux:
        return result, None
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"{where}: output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return result


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """``func(*primals)``, and the function that multiplies by its Jacobian from the left.

    Returns ``(output, vjp_fn)`` (with ``has_aux``: and ``aux``). ``vjp_fn(cotangents)``, these of the
    structure of the output, gives ``cotangents @ J``: a tuple, one for each argument and of its structure. It
    can be called any number of times.

    >>> import autotape as at
    >>> output, vjp_fn = at.func.vjp(lambda x, y: x * y, at.tensor([1.0, 2.0]), at.tensor([3.0, 4.0]))
    >>> output, vjp_fn(at.ones(2))
    (tensor([3., 8.]), (tensor([3., 4.]), tensor([1., 2.])))
    """
    where = "vjp(f, *primals)"
    places = Places()
    tree, variables, spec = places.variables(primals)
    result, aux = with_aux(places.run(func, *tree), has_aux, where)
    outputs, out_spec = tensors_of(result, where)

    def vjp_fn(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        seeds, given = flatten(cotangents)
        if given != out_spec:
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                "outputs to the "
                f"function. cotangents: {outline(given)}, primal output: {outline(out_spec)}"
            )
        for i, (s, y) in enumerate(zip(seeds, outputs, strict=True)):
            if s._array.shape != y._array.shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {s.shape} and "
                    f"output[{i}] has a shape "
                    f"of {y.shape}."
                )
        found = places.gradients(outputs, variables, seeds, create_graph or None)
        return unflatten(list(found), spec)

    left = tree_map(places.leave, result)
    return (left, vjp_fn, tree_map(places.leave, aux)) if has_aux else (left, vjp_fn)


def outline(spec: Spec) -> Any:
    """The structure, with stars for its leaves."""
    return unflatten(["*"] * spec.leaves, spec)


# --- jvp ----------------------------------------------------------------------------------------------------


class Linear:
    """A function at some primals, and its derivative there as a linear function.

    ``u -> u @ J`` is linear in u, so its derivative by u, times v, is ``J @ v``, at any u: exact, to any
    order, and by the rules that there are.
    """

    def __init__(self, func: Callable[..., Any], primals: tuple[Any, ...], has_aux: bool, where: str) -> None:
        self.places = places = Places()
        tree, self.variables, self.spec = places.variables(primals)
        result, aux = with_aux(places.run(func, *tree), has_aux, where)
        self.outputs, self.out_spec = tensors_of(result, where)
        self.aux = tree_map(places.leave, aux)
        self.connected = places.run(self._transpose)

    def _transpose(self) -> bool:
        smooth = [y for y in self.outputs if y._node is not None]
        places = self.places
        self.us = [places.variable(Tensor._wrap(np.zeros_like(y._array))) for y in smooth]
        self.products = places.gradients(smooth, self.variables, self.us, True)
        return any(p._node is not None for p in self.products)

    @property
    def value(self) -> Any:
        """The outputs, as they are seen outside."""
        return unflatten([self.places.leave(y) for y in self.outputs], self.out_spec)

    def columns(self, tangents: list[Tensor], which: list[int] | None = None) -> list[Tensor]:
        """J times the tangents of all variables, or of ``which``; zeros for constant outputs."""
        chosen = self.products if which is None else [self.products[i] for i in which]
        found = iter(self.places.gradients(chosen, self.us, tangents) if self.us else ())
        return [
            next(found) if y._node is not None else Tensor._wrap(np.zeros_like(y._array))
            for y in self.outputs
        ]


def jvp(
    func: Callable[..., Any],
    primals: tuple[Any, ...],
    tangents: tuple[Any, ...],
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> Any:
    """``func(*primals)``, and the product of its Jacobian with ``tangents``: the derivative along them.

    Returns ``(output, jvp_out)`` (with ``has_aux``: and ``aux``), both of the structure of the output. The
    tangents have the structure and shapes of the primals. ``strict``: RuntimeError for an output that does
    not depend on the primals, instead of zeros. Computed by two reverse passes: ``u @ J`` is linear in u, and
    its derivative by u is what is asked for.

    >>> import autotape as at
    >>> at.func.jvp(at.sin, (at.tensor(0.0),), (at.tensor(2.0),))
    (tensor(0.), tensor(2.))
    """
    where = "jvp(f, primals, tangents)"
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{where}: Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    given = _tangents(primals, tangents, where)
    linear = Linear(func, primals, has_aux, where)
    if strict:
        for y in linear.outputs:
            if y._node is None or not _depends(y, linear.places):
                raise RuntimeError(
                    "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. "
                    "This is not allowed with strict=True."
                )
    pushed = unflatten(linear.columns(given), linear.out_spec)
    return (linear.value, pushed, linear.aux) if has_aux else (linear.value, pushed)


def _depends(y: Tensor, places: Places) -> bool:
    pending, seen = [y._node], set()
    while pending:
        node = pending.pop()
        if node in places.own:
            return True
        if node is not None and node not in seen:
            seen.add(node)
            pending += node.parents
    return False


def _tangents(primals: tuple[Any, ...], tangents: Any, where: str) -> list[Tensor]:
    """The tangents as a list, in the dtypes of the primals."""
    xs, spec = flatten(primals)
    ts, given = flatten(tangents)
    if spec != given:
        raise RuntimeError(
            f"{where}: Expected primals and tangents to have the same python structure. For example, if "
            "primals is a tuple of 3 tensors, tangents also must be. Got primals with structure "
            f"{outline(spec)} and tangents with structure {outline(given)}"
        )
    if not xs:
        raise RuntimeError(f"{where}: Expected at least one tensor in primals")
    for x, t in zip(xs, ts, strict=True):
        for name, value in (("primals", x), ("tangents", t)):
            if not isinstance(value, Tensor):
                raise RuntimeError(f"{where}: {name} must contain tensors only, got {type(value)}")
        if x._array.shape != t._array.shape:
            raise RuntimeError(
                f"{where}: a tangent of shape {list(t._array.shape)} for a primal of shape "
                f"{list(x._array.shape)}; they must have the same shape"
            )
    return ts


def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    """``func(*primals)``, and its derivative there, a linear function of the tangents.

    ``jvp_fn(*tangents)`` is ``jvp(func, primals, tangents)[1]`` without running ``func`` again.

    >>> import autotape as at
    >>> output, jvp_fn = at.func.linearize(at.sin, at.tensor(0.0))
    >>> jvp_fn(at.tensor(1.0)), jvp_fn(at.tensor(3.0))
    (tensor(1.), tensor(3.))
    """
    linear = Linear(func, primals, False, "linearize(f, *primals)")

    def jvp_fn(*tangents: Any) -> Any:
        given = _tangents(primals, tangents, "jvp_fn(*tangents)")
        return unflatten(linear.columns(given), linear.out_spec)

    return linear.value, jvp_fn
