"""Calling a module that has hooks, and the place on the tape where its backward hooks run."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from autotape.engine.operation import Operation, apply
from autotape.engine.tensor import RemovableHandle, Tensor

if TYPE_CHECKING:
    from autotape.nn.module import Module

__all__ = ["EVERYWHERE", "Hook", "call_with_hooks", "register"]

# The hooks of all modules, which run before those of each.
EVERYWHERE: dict[str, list[Any]] = {"forward_pre": [], "forward": [], "backward_pre": [], "backward": []}

_KINDS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


class Hook:
    """A registered function and how it is to be called."""

    def __init__(
        self, function: Callable[..., Any], with_kwargs: bool = False, always_call: bool = False
    ) -> None:
        self.function = function
        self.with_kwargs = with_kwargs
        self.always_call = always_call

    def __call__(self, module: Module, args: Any, kwargs: Any, *output: Any) -> Any:
        if self.with_kwargs:
            return self.function(module, args, kwargs, *output)
        return self.function(module, args, *output)


def register(
    module: Module,
    kind: str,
    hook: Callable[..., Any],
    prepend: bool,
    with_kwargs: bool = False,
    always_call: bool = False,
) -> RemovableHandle:
    """Add a hook at the end, or the front, of those of its kind."""
    hooks: list[Any] = module.__dict__[kind]
    handle = RemovableHandle(hooks, Hook(hook, with_kwargs, always_call))
    if prepend:
        hooks.insert(0, hooks.pop())
    module._has_hooks = True  # only now: see call_with_hooks
    return handle


def call_with_hooks(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``module.forward(*args, **kwargs)`` with the module's hooks around it."""
    pre_hooks = (*EVERYWHERE["forward_pre"], *module._forward_pre_hooks)
    hooks = (*EVERYWHERE["forward"], *module._forward_hooks)
    watched = (
        module._backward_hooks
        or module._backward_pre_hooks
        or EVERYWHERE["backward"]
        or EVERYWHERE["backward_pre"]
    )
    if not (pre_hooks or hooks or watched):
        module.__dict__.pop("_has_hooks", None)  # all were removed: the next call is a plain one again
        if any(module.__dict__[kind] for kind in _KINDS):  # registered by another thread just now
            module._has_hooks = True
        return module.forward(*args, **kwargs)
    to_call = [hook for hook in hooks if hook.always_call]
    try:
        for hook in pre_hooks:
            args, kwargs = _run_pre_hook(hook, module, args, kwargs)
        watch = _Watch(module) if watched else None
        if watch is not None:
            args = watch.inputs(args)
        output = module.forward(*args, **kwargs)
        for hook in (
            *EVERYWHERE["forward"],
            *module._forward_hooks,
        ):  # also those that forward has registered
            if hook.always_call:
                to_call = [other for other in to_call if other is not hook]
            result = hook(module, args, kwargs, output)
            if result is not None:
                output = result
        return output if watch is None else watch.outputs(output)
    except Exception:
        for hook in to_call:
            try:
                hook(module, args, kwargs, None)
            except Exception as error:
                warnings.warn(
                    "a module forward hook with always_call=True raised an exception that is not passed on, "
                    f"because another error was raised in forward: {error!r}",
                    stacklevel=3,
                )
        raise


def _run_pre_hook(
    hook: Hook, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    result = hook(module, args, kwargs)
    if result is None:
        return args, kwargs
    if not hook.with_kwargs:
        return (result if isinstance(result, tuple) else (result,)), kwargs
    if not (isinstance(result, tuple) and len(result) == 2):
        raise RuntimeError(
            f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {result}."
        )
    return result


# --- backward hooks -----------------------------------------------------------------------------------------


class _Watch:
    """One call of a module with backward hooks.

    Its inputs and its outputs pass through an identity operation each, whose rules run the hooks.
    """

    def __init__(self, module: Module) -> None:
        self.module = module
        self.input_count = 0
        self.watched: list[tuple[int, tuple[int, ...], np.dtype[Any]]] = []  # of the inputs that require grad
        self.grad_output: tuple[Tensor | None, ...] = ()

    def inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The positional arguments, those that require grad seen by the hooks."""
        self.input_count = len(args)
        args, indices = _through(_INPUTS, args, self)
        self.watched = [(i, args[i]._array.shape, args[i]._array.dtype) for i in indices]
        return args

    def outputs(self, output: Any) -> Any:
        """The output (a tensor or a tuple), seen by the hooks."""
        if isinstance(output, tuple):
            return _through(_OUTPUTS, output, self)[0]
        return _through(_OUTPUTS, (output,), self)[0][0]

    def run_output_hooks(self, gradients: tuple[Any, ...], indices: list[int], count: int) -> tuple[Any, ...]:
        """The gradients of the outputs, as the full-backward pre-hooks leave them."""
        grad_output = _spread(gradients, indices, count)
        for hook in (*EVERYWHERE["backward_pre"], *self.module._backward_pre_hooks):
            grad_output = _replaced(
                grad_output, hook.function(self.module, grad_output), "pre hook", "grad_output"
            )
        self.grad_output = grad_output
        if not self.watched:
            nothing = (None,) * self.input_count
            for hook in (*EVERYWHERE["backward"], *self.module._backward_hooks):
                result = hook.function(self.module, nothing, grad_output)
                if result is not None and any(r is not None for r in result):
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return "
                        "None or None for all gradients."
                    )
        return tuple([grad_output[i] for i in indices])

    def run_input_hooks(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        """The gradients of the inputs, as the full-backward hooks leave them."""
        known = [
            np.zeros(shape, dtype) if g is None else g
            for g, (_, shape, dtype) in zip(gradients, self.watched)
        ]
        indices = [i for i, _, _ in self.watched]
        grad_input = _spread(known, indices, self.input_count)
        grad_output, self.grad_output = self.grad_output, ()
        for hook in (*EVERYWHERE["backward"], *self.module._backward_hooks):
            result = hook.function(self.module, grad_input, grad_output)
            grad_input = _replaced(grad_input, result, "hook", "grad_input")
        return tuple([grad_input[i] for i in indices])


def _through(
    operation: Operation, values: tuple[Any, ...], watch: _Watch
) -> tuple[tuple[Any, ...], list[int]]:
    """The values, those that require grad passed through the operation, and the indices of these."""
    indices = [i for i, v in enumerate(values) if isinstance(v, Tensor) and v._node is not None]
    if not indices:
        return values, indices
    new = list(values)
    for i, out in zip(indices, apply(operation, [values[i] for i in indices], watch, indices, len(values))):
        new[i] = out
    return tuple(new), indices


def _spread(gradients: Sequence[Any], indices: list[int], count: int) -> tuple[Tensor | None, ...]:
    """The gradients as Tensors at their places among ``count``; None elsewhere."""
    spread: list[Tensor | None] = [None] * count
    for i, g in zip(indices, gradients):
        # A hook may write into what it is given.
        spread[i] = Tensor._wrap(g.copy()) if isinstance(g, np.ndarray) else g
    return tuple(spread)


def _replaced(
    gradients: tuple[Tensor | None, ...], result: Any, hook: str, name: str
) -> tuple[Tensor | None, ...]:
    """The gradients that a hook returned, or those before if it returned None."""
    if result is None:
        return gradients
    if not isinstance(result, (tuple, list)):
        raise TypeError(
            f"Backward {hook} must return None or a tuple of gradients, not {type(result).__name__}"
        )
    if len(result) != len(gradients):
        raise RuntimeError(
            f"Backward {hook} returned an invalid number of {name}, got {len(result)}, "
            f"but expected {len(gradients)}"
        )
    for old, new in zip(gradients, result):
        if old is not None and (not isinstance(new, Tensor) or new._array.shape != old._array.shape):
            got = f"shape {list(new._array.shape)}" if isinstance(new, Tensor) else type(new).__name__
            raise RuntimeError(
                f"Backward {hook} must keep the shape {list(old._array.shape)} of {name}, got {got}"
            )
    return tuple(result)


def _identity(*arrays_and_constants: Any) -> tuple[Any, ...]:
    return arrays_and_constants[:-3]


def _as_given(before: Any, after: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arrays where the replay runs on arrays, Tensors where it records."""
    if any(isinstance(g, Tensor) for g in before):
        return after
    return tuple([g._array if isinstance(g, Tensor) else g for g in after])


def _outputs_rule(g: tuple[Any, ...], _needs: list[bool], _y: Any, *_rest: Any) -> tuple[Any, ...]:
    watch, indices, count = _rest[-3:]
    return _as_given(g, watch.run_output_hooks(g, indices, count))


def _inputs_rule(g: tuple[Any, ...], _needs: list[bool], _y: Any, *_rest: Any) -> tuple[Any, ...]:
    return _as_given(g, _rest[-3].run_input_hooks(g))


_OUTPUTS = Operation("backward_hook", _identity, joint=_outputs_rule, python=True)
_INPUTS = Operation("backward_hook", _identity, joint=_inputs_rule, python=True)
