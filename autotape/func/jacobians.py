"""Jacobians and Hessians: derivatives along all basis vectors at once, by ``vmap``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import prod
from typing import Any

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.func._places import Places
from autotape.func._trees import tree_map, unflatten
from autotape.func.batching import vmap
from autotape.func.derivatives import Argnums, Linear, checked_argnums, replaced, tensors_of, with_aux
from autotape.ops.ordering import movedim
from autotape.ops.shape import reshape

__all__ = ["hessian", "jacfwd", "jacrev"]


def _basis(x: Tensor) -> Tensor:
    """All tensors of that shape with one 1, along a new first dimension."""
    shape = x._array.shape
    size = prod(shape)
    return Tensor._wrap(np.eye(size, dtype=x._array.dtype).reshape((size, *shape)))


def _check_chunks(name: str, chunk_size: int | None) -> None:
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"{name}: `chunk_size` should be greater than 0.")


def jacrev(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
    _preallocate_and_copy: bool = False,
) -> Callable[..., Any]:
    """The function that computes the Jacobian of ``func``, in reverse mode: best for few outputs.

    For a tensor argument and a tensor result: ``J[i..., j...] = d result[i...] / d argument[j...]``.
    Otherwise
    the structure of the result, with that of the argument in each place (a tuple of argnums gives a tuple).
    With ``has_aux`` func returns ``(result, aux)``, and the new function ``(Jacobian, aux)``. ``chunk_size``:
    at most so many rows at once; all of them by default.

    >>> import autotape as at
    >>> at.func.jacrev(lambda x: x * x)(at.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_chunks("jacrev", chunk_size)

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        places = Places()
        chosen = checked_argnums(argnums, len(args))
        tree, variables, spec = places.variables(tuple([args[i] for i in chosen]))
        result = places.run(func, *replaced(args, chosen, tree), **kwargs)
        result, aux = with_aux(result, has_aux, "jacrev(f)(*args)")
        outputs, out_spec = tensors_of(result, "jacrev(f)(*args)")
        rows = []
        for y in outputs:
            pull = vmap(lambda seed, y=y: places.gradients((y,), variables, (seed,)), chunk_size=chunk_size)
            found = [
                reshape(g, (*y._array.shape, *x._array.shape))
                for g, x in zip(pull(_basis(y)), variables, strict=True)
            ]
            row = unflatten(found, spec)
            rows.append(row if isinstance(argnums, tuple) else row[0])
        jacobian = unflatten(rows, out_spec)
        return (jacobian, tree_map(places.leave, aux)) if has_aux else jacobian

    return wrapped


def jacfwd(
    func: Callable[..., Any],
    argnums: Argnums = 0,
    has_aux: bool = False,
    *,
    chunk_size: int | None = None,
    randomness: str = "error",
) -> Callable[..., Any]:
    """The function that computes the Jacobian of ``func``, by products with it: best for few inputs.

    The result is that of :func:`jacrev`. ``randomness`` is accepted: func runs once, so its random numbers
    are the same for every column.

    >>> import autotape as at
    >>> at.func.jacfwd(lambda x: x * x)(at.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    _check_chunks("jacfwd", chunk_size)

    @wraps(func)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        chosen = checked_argnums(argnums, len(args))

        def of_chosen(*values: Any) -> Any:
            return func(*replaced(args, chosen, values), **kwargs)

        linear = Linear(of_chosen, tuple([args[i] for i in chosen]), has_aux, "jacfwd(f)(*args)")
        columns = []
        for i, x in enumerate(linear.variables):
            push = vmap(lambda t, i=i: linear.columns([t], [i]), chunk_size=chunk_size)
            columns.append(
                [
                    reshape(movedim(c, 0, -1), (*y._array.shape, *x._array.shape))
                    for c, y in zip(push(_basis(x)), linear.outputs, strict=True)
                ]
            )
        rows = []
        for k in range(len(linear.outputs)):
            row = unflatten([c[k] for c in columns], linear.spec)
            rows.append(row if isinstance(argnums, tuple) else row[0])
        jacobian = unflatten(rows, linear.out_spec)
        return (jacobian, linear.aux) if has_aux else jacobian

    return wrapped


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that computes the Hessian of ``func``: ``jacfwd(jacrev(func, argnums), argnums)``.

    For one tensor and a 0-d result: ``H[i..., j...] = d2 result / d x[i...] d x[j...]``; else nested as the
    Jacobian of the Jacobian is.

    >>> import autotape as at
    >>> at.func.hessian(lambda x: (x * x * x).sum())(at.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)
