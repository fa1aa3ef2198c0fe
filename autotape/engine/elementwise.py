"""Declaring elementwise operations: decorators that make one from a NumPy function and its rules, by arity.

Each wrapper does what ``operation.apply`` does, written out for its arity: an operation on small arrays
spends more time on the way than in NumPy (``benchmarks/operations.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar

import numpy as np

from autotape.engine.batched import again
from autotape.engine.dtypes import default_dtype
from autotape.engine.operands import (
    mismatch,
    number,
    operands,
    promoted,
    tensor_input,
    to_floating,
    unsupported,
)
from autotape.engine.operation import Operation, Rule, place
from autotape.engine.out import compute_into
from autotape.engine.tape import recording, run_quietly, start_tape
from autotape.engine.tensor import Tensor, new_tensor, numpy_functions

__all__ = ["binary", "reflected", "unary"]

F = TypeVar("F", bound=Callable[..., Any])
_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


def unary(
    forward: Callable[..., Any],
    vjp: Rule | None,
    *,
    raw: Rule | None = None,
    floating: bool = True,
    name: str | None = None,
) -> Callable[[F], F]:
    """Decorator: an elementwise function of one tensor from a ufunc and its rule ``vjp(g, y, x)``.

    The decorated function gives the name (unless ``name`` does), the signature and the documentation.
    ``floating``: integers are computed in the default dtype. ``vjp=None``: not differentiable, not recorded.
    """

    def declare(function: F) -> F:
        rules = None if raw is None else (raw,)
        operation = Operation(name or function.__name__, forward, vjp, raw=rules, elementwise=True)
        keep_y, keep_x = operation.keeps((True,)) if vjp is not None else (False, False)
        differentiable = vjp is not None
        array_type, single, double = np.ndarray, _SINGLE, _DOUBLE

        def call(input: Any, *, out: Any = None) -> Tensor:
            if out is not None:
                return compute_into(out, call, forward, operation.name, input)
            try:
                x = input._array
            except AttributeError:
                input = tensor_input(input, "input", function.__name__)
                x = input._array
            dtype = x.dtype
            if floating and dtype is not single and dtype is not double and dtype.kind in "biu":
                x = x.astype(default_dtype())
            try:
                y = run_quietly(forward, x)
            except RuntimeError:
                y = again(True, forward, x)
            except TypeError as error:
                raise unsupported(operation.name, error, x) from None
            if y.__class__ is not array_type:
                y = np.asarray(y)
            result = new_tensor(Tensor)
            result._array = y
            node = input._node
            if node is None or not differentiable:
                result._node = None
                return result
            try:
                tape = recording.get()
            except LookupError:
                tape = start_tape()
            if tape is None:
                result._node = None
                return result
            result._node = place(tape, operation, y, (node,), (y if keep_y else None, x if keep_x else None))
            return result

        return _finish(call, function, operation, forward)

    return declare


def binary(
    forward: Callable[..., Any],
    vjp_input: Rule | None,
    vjp_other: Rule | None = None,
    *,
    floating: bool = False,
    check: Callable[[Any, Any], None] | None = None,
    name: str | None = None,
) -> Callable[[F], F]:
    """Decorator: an elementwise, broadcasting function of two operands from a ufunc and two rules.

    A rule is ``vjp(g, y, a, b)``. ``floating``: two integers are computed in the default dtype.
    ``check(input, other)`` raises for dtypes that the function does not take; it is asked unless both have
    one that NumPy takes. No rules: not differentiable, never recorded.
    """

    def declare(function: F) -> F:
        operation = Operation(name or function.__name__, forward, vjp_input, vjp_other, elementwise=True)
        differentiable = vjp_input is not None
        if differentiable:
            both = operation.keeps((True, True))
            first = operation.keeps((True, False))
            second = operation.keeps((False, True))
        array_type, single, double = np.ndarray, _SINGLE, _DOUBLE

        def call(input: Any, other: Any, *, out: Any = None) -> Tensor:
            if out is not None:
                return compute_into(out, call, forward, operation.name, input, other)
            try:
                a = input._array
                node_a = input._node
                kind = other.__class__
                if (kind is float or kind is int) and (a.dtype is single or a.dtype is double):
                    b = number(other, a.dtype) if other else other  # 0.0 and -0.0 are one key
                    node_b = None
                else:
                    b = other._array
                    node_b = other._node
                    if a.dtype is not b.dtype:
                        if check is not None:
                            check(input, other)
                        a, b = promoted(a, b, floating)
            except AttributeError:
                if check is not None:
                    check(input, other)
                a, node_a, b, node_b = operands(input, other, floating)
            if floating and (a.__class__ is not array_type or a.dtype.kind in "biu"):
                a, b = to_floating(a), to_floating(b)
            try:
                y = run_quietly(forward, a, b)
            except ValueError as error:
                raise mismatch(operation.name, a, b, error) from None
            except RuntimeError:
                y = again(True, forward, a, b)
            except TypeError as error:
                if check is not None:
                    check(input, other)
                raise unsupported(operation.name, error, a, b) from None
            if y.__class__ is not array_type:
                y = np.asarray(y)
            result = new_tensor(Tensor)
            result._array = y
            if not differentiable:
                result._node = None
                return result
            if node_a is None:
                if node_b is None:
                    result._node = None
                    return result
                keep_y, keep_a, keep_b = second
            elif node_b is None:
                keep_y, keep_a, keep_b = first
            else:
                keep_y, keep_a, keep_b = both
            try:
                tape = recording.get()
            except LookupError:
                tape = start_tape()
            if tape is None:
                result._node = None
                return result
            saved = (y if keep_y else None, a if keep_a else None, b if keep_b else None)
            result._node = place(tape, operation, y, (node_a, node_b), saved)
            return result

        return _finish(call, function, operation, forward)

    return declare


def _finish(call: Callable[..., Any], function: F, operation: Operation, forward: Any) -> F:
    """Give the wrapper the declared name, signature and documentation, and register the ufunc."""
    update_wrapper(call, function)
    call.operation = operation  # type: ignore[attr-defined]
    if isinstance(forward, np.ufunc):
        numpy_functions[forward] = call
    return call  # type: ignore[return-value]


def reflected(function: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    """The reflected operator: ``other op self``."""

    def call(self: Any, other: Any) -> Tensor:
        return function(other, self)

    return call
