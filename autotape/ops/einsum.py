"""Einstein summation: parsed once per equation and shapes, computed as products of two tensors each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from math import prod
from string import ascii_letters
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.dtypes import promote_arrays
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import Tensor
from autotape.ops._reduce import Array, Shape, conj, in_dtype

__all__ = ["einsum"]

methods: list[str] = []
in_place: list[str] = []


# --- the product of two tensors with labelled dimensions ----------------------------------------------------


# In a contraction every label of an operand is in the other one or in the output, and occurs once in each.
# The gradient of an operand is then such a contraction too, of the output's gradient with the other operand.


class _Layout(NamedTuple):
    """How to compute a contraction as a product of (batches of) matrices."""

    order_a: Shape  # batch, own, contracted
    order_b: Shape  # batch, contracted, own
    batch: int  # how many dimensions of each kind
    own_a: int
    own_b: int
    order_out: Shape


@lru_cache(maxsize=512)
def _layout(a: str, b: str, out: str) -> _Layout | None:
    """The layout, or None for a product without a sum."""
    contracted = [c for c in a if c in b and c not in out]
    if not contracted:
        return None
    batch = [c for c in out if c in a and c in b]
    own_a, own_b = [c for c in out if c not in b], [c for c in out if c not in a]
    result = batch + own_a + own_b
    return _Layout(
        tuple([a.index(c) for c in batch + own_a + contracted]),
        tuple([b.index(c) for c in batch + contracted + own_b]),
        len(batch),
        len(own_a),
        len(own_b),
        tuple([result.index(c) for c in out]),
    )


def _aligned(x: Array, labels: str, out: str) -> Array:
    """The dimensions in the order of ``out``, with size 1 for labels that x does not have."""
    x = x.transpose([labels.index(c) for c in out if c in labels])
    return x[tuple([slice(None) if c in labels else None for c in out])]


def _contract_forward(x: Array, y: Array, a: str, b: str, out: str) -> Any:
    layout = _layout(a, b, out)
    if layout is None:
        return _aligned(x, a, out) * _aligned(y, b, out)
    if not layout.own_a and not layout.own_b:
        # A dot product per element of the result: NumPy's own loop, not a call of the BLAS for each.
        return np.einsum(f"{a},{b}->{out}", x, y)
    x, y = x.transpose(layout.order_a), y.transpose(layout.order_b)
    own = layout.batch + layout.own_a
    batch, rows, sums = x.shape[: layout.batch], x.shape[layout.batch : own], x.shape[own:]
    columns = y.shape[layout.batch + len(sums) :]
    n = prod(sums)
    product = np.matmul(x.reshape((*batch, prod(rows), n)), y.reshape((*batch, n, prod(columns))))
    return product.reshape(batch + rows + columns).transpose(layout.order_out)


def _first_rule(g: Any, _z: Any, _x: Any, y: Any, a: str, b: str, out: str) -> Any:
    return _contract(g, conj(y), out, b, a)


def _second_rule(g: Any, _z: Any, x: Any, _y: Any, a: str, b: str, out: str) -> Any:
    return _contract(g, conj(x), out, a, b)


_CONTRACT = Operation("einsum", _contract_forward, _first_rule, _second_rule)


def _contract(x: Any, y: Any, a: str, b: str, out: str) -> Any:
    return (
        apply(_CONTRACT, (x, y), a, b, out) if isinstance(x, Tensor) else _contract_forward(x, y, a, b, out)
    )


# --- parsing ------------------------------------------------------------------------------------------------


# Contract operands i and j, which are removed, into a new last one: i, j and the labels of all three.
Step = tuple[int, int, str, str, str]


class _Plan(NamedTuple):
    """What einsum does with operands of certain shapes."""

    diagonals: tuple[
        tuple[tuple[int, int], ...], ...
    ]  # of each operand: pairs of dimensions, one after the other
    squeezes: tuple[Shape, ...]  # then: dimensions of size 1 that broadcast
    sums: tuple[Shape, ...]  # then: dimensions that no other operand has, nor the output
    steps: tuple[Step, ...]
    order: Shape  # of a single operand: its dimensions in the output


def _labels(term: str, position: int, equation: str) -> list[str]:
    """The subscripts of one operand, '...' as one of them."""
    text = term.replace(" ", "")
    found = []
    i = 0
    while i < len(text):
        if text.startswith("...", i):
            if "..." in found:
                raise RuntimeError(f"einsum(): found two ellipses for operand {position} in {equation!r}")
            found.append("...")
            i += 3
            continue
        if text[i] not in ascii_letters:
            what = (
                "'.' that is not part of any ellipsis" if text[i] == "." else f"invalid subscript {text[i]!r}"
            )
            raise RuntimeError(f"einsum(): {what} in {equation!r}; subscripts must be in [a-zA-Z] or '...'")
        found.append(text[i])
        i += 1
    return found


def _parse(equation: str, shapes: tuple[Shape, ...]) -> tuple[list[list[str]], list[str]]:
    """The labels of the dimensions of every operand and of the output; an ellipsis gets free letters."""
    left, arrow, right = equation.partition("->")
    terms = [_labels(term, i, equation) for i, term in enumerate(left.split(","))]
    if len(terms) != len(shapes):
        which = "fewer" if len(shapes) < len(terms) else "more"
        raise RuntimeError(
            f"einsum(): {which} operands were provided than specified in the equation: {len(shapes)} for "
            f"{equation!r}"
        )
    output = _labels(right, -1, equation) if arrow else None
    hidden = [len(shape) - len(term) + 1 for term, shape in zip(terms, shapes) if "..." in term]
    width = max(hidden, default=0)
    used = {c for term in terms for c in term}
    free = [c for c in ascii_letters if c not in used]
    if width > len(free):
        raise RuntimeError(
            f"einsum(): too many dimensions for {len(ascii_letters)} subscripts in {equation!r}"
        )
    ellipsis = free[:width]

    operands = []
    for i, (term, shape) in enumerate(zip(terms, shapes)):
        here = len(shape) - len(term) + 1
        if here < 0 if "..." in term else len(term) != len(shape):
            raise RuntimeError(
                "einsum(): the number of subscripts in the equation "
                f"({len([c for c in term if c != '...'])}) does not match the number of dimensions "
                f"({len(shape)}) for operand {i} of shape {list(shape)}"
                + ("" if "..." in term else " and no ellipsis was given")
            )
        operands.append([c for t in term for c in (ellipsis[width - here :] if t == "..." else [t])])
    if output is None:
        once = [c for c in sorted(used - {"..."}) if sum(term.count(c) for term in terms) == 1]
        return operands, ellipsis + once
    for c in output:
        if output.count(c) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {c} appears more than once in the output of {equation!r}"
            )
        if c != "..." and c not in used:
            raise RuntimeError(
                f"einsum(): output subscript {c} does not appear in the equation for any input operand: "
                f"{equation!r}"
            )
    return operands, [c for t in output for c in (ellipsis if t == "..." else [t])]


def _sizes(operands: list[list[str]], shapes: Sequence[Shape]) -> dict[str, int]:
    """The size of every label; size 1 broadcasts."""
    sizes: dict[str, int] = {}
    for i, (labels, shape) in enumerate(zip(operands, shapes)):
        own: dict[str, int] = {}
        for c, n in zip(labels, shape):
            if own.setdefault(c, n) != n:
                raise RuntimeError(
                    f"einsum(): subscript {c} is repeated for operand {i} but the sizes don't match, {n} != "
                    f"{own[c]} (shape {list(shape)})"
                )
            if sizes.get(c, 1) != 1 and n not in (1, sizes[c]):
                raise RuntimeError(
                    f"einsum(): subscript {c} has size {n} for operand {i} which does not broadcast with "
                    f"previously seen size {sizes[c]} (shapes {', '.join(str(list(s)) for s in shapes)})"
                )
            if sizes.get(c, 1) == 1:
                sizes[c] = n
    return sizes


@lru_cache(maxsize=512)
def _plan(equation: str, shapes: tuple[Shape, ...]) -> _Plan:
    operands, output = _parse(equation, shapes)
    sizes = _sizes(operands, shapes)
    diagonals, squeezes = [], []
    for i, (labels, shape) in enumerate(zip(operands, shapes)):
        pairs = []
        while len(set(labels)) < len(labels):
            c = next(c for c in labels if labels.count(c) > 1)
            first = labels.index(c)
            second = labels.index(c, first + 1)
            pairs.append((first, second))
            # diagonal() takes both dimensions out and puts their diagonal last
            shape = (*[n for k, n in enumerate(shape) if k not in (first, second)], shape[first])
            labels = [*[d for k, d in enumerate(labels) if k not in (first, second)], c]
        stretched = tuple([k for k, c in enumerate(labels) if shape[k] == 1 != sizes[c]])
        operands[i] = [c for k, c in enumerate(labels) if k not in stretched]
        diagonals.append(tuple(pairs))
        squeezes.append(stretched)
    sums = []
    for i, labels in enumerate(operands):
        elsewhere = {c for other in [*operands[:i], *operands[i + 1 :], output] for c in other}
        sums.append(tuple([k for k, c in enumerate(labels) if c not in elsewhere]))
    left = [[c for k, c in enumerate(labels) if k not in dims] for labels, dims in zip(operands, sums)]
    steps = _steps(left, output, sizes)
    order = tuple([left[0].index(c) for c in output]) if len(left) == 1 else ()
    return _Plan(tuple(diagonals), tuple(squeezes), tuple(sums), steps, order)


def _steps(operands: list[list[str]], output: list[str], sizes: dict[str, int]) -> tuple[Step, ...]:
    """Pairs to contract, greedily: the pair whose product is smallest against the two that it replaces."""
    terms = ["".join(labels) for labels in operands]
    steps = []

    def size(labels: str) -> int:
        return prod([sizes[c] for c in labels])

    def result(i: int, j: int) -> str:
        if len(terms) == 2:
            return "".join(output)
        wanted = set(output).union(*[t for k, t in enumerate(terms) if k not in (i, j)])
        return "".join([c for c in dict.fromkeys(terms[i] + terms[j]) if c in wanted])

    while len(terms) > 1:
        i, j = min(
            combinations(range(len(terms)), 2),
            key=lambda pair: size(result(*pair)) - size(terms[pair[0]]) - size(terms[pair[1]]),
        )
        out = result(i, j)
        steps.append((i, j, terms[i], terms[j], out))
        terms = [t for k, t in enumerate(terms) if k not in (i, j)] + [out]
    return tuple(steps)


# --- einsum -------------------------------------------------------------------------------------------------


def _letters(sublist: Any) -> str:
    """The subscripts of the list form ``[0, ..., 1]`` as letters."""
    for c in sublist:
        if c is not Ellipsis and not 0 <= c < len(ascii_letters):
            raise RuntimeError(
                f"einsum(): subscripts must be in the range [0, {len(ascii_letters)}), got {c}"
            )
    return "".join(["..." if c is Ellipsis else ascii_letters[c] for c in sublist])


def einsum(equation: Any, *operands: Any) -> Tensor:
    """Sum of products of the operands' elements, by the Einstein summation convention.

    ``equation`` names every dimension of every operand with a letter: ``"ij,jk->ik"`` multiplies matrices,
    ``"ii"`` is the trace, ``"bij,bj->bi"`` a batch of products. Letters that are not in the output are
    summed over; without ``->`` the output has those that occur once, alphabetically. ``...`` stands for any
    further dimensions, which broadcast. The form ``einsum(a, [0, 1], b, [1, 2], [0, 2])`` takes lists of
    numbers. More than two operands are multiplied pair by pair in a cheap order. Errors: RuntimeError where
    the equation and the shapes do not fit, and for different dtypes in a product that is summed.

    >>> import autotape as at
    >>> a = at.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> at.einsum("ij,kj->ik", a, a), at.einsum("ii", a)
    (tensor([[ 5., 11.],
            [11., 25.]]), tensor(5.))
    """
    if not isinstance(equation, str):
        tensors = [equation, *operands]
        lists = tensors[1::2]
        equation = ",".join([_letters(s) for s in lists])
        if len(tensors) % 2:
            equation += "->" + _letters(tensors[-1])
        operands = tuple(tensors[: len(tensors) // 2 * 2 : 2])
    elif len(operands) == 1 and isinstance(operands[0], (tuple, list)):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    values = [tensor_input(t, f"operands[{i}]", "einsum") for i, t in enumerate(operands)]
    plan = _plan(equation, tuple([t._array.shape for t in values]))
    for i, (pairs, squeezed, summed) in enumerate(zip(plan.diagonals, plan.squeezes, plan.sums)):
        for first, second in pairs:
            values[i] = values[i].diagonal(0, first, second)
        if squeezed:
            values[i] = values[i].squeeze(squeezed)
        if summed:
            values[i] = values[i].sum(summed)
    for i, j, a, b, out in plan.steps:
        x, y = values[i], values[j]
        if x._array.dtype != y._array.dtype:
            x, y = _in_one_dtype(x, y, a, b, out)
        values = [t for k, t in enumerate(values) if k not in (i, j)] + [apply(_CONTRACT, (x, y), a, b, out)]
    y = values[0]
    return y if plan.steps else y.permute(plan.order)


def _in_one_dtype(x: Tensor, y: Tensor, a: str, b: str, out: str) -> tuple[Tensor, Tensor]:
    if _layout(a, b, out) is not None:
        raise RuntimeError(
            f"einsum(): operands of a sum of products must have the same dtype, but got {x.dtype} and "
            f"{y.dtype}; convert one of them with .to(dtype)"
        )
    to = promote_arrays(x._array.dtype, y._array.dtype)
    return in_dtype(x, to), in_dtype(y, to)
