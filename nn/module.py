"""Module: the base class of everything that owns parameters."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from autotape.autograd.modes import no_grad
from autotape.engine.basics import device as device_type
from autotape.engine.basics import on_cpu
from autotape.engine.dtypes import (
    DType,
    DTypeLike,
    float16,
    float32,
    float64,
    from_numpy_dtype,
    to_numpy_dtype,
)
from autotape.engine.tape import module_path, modules_running
from autotape.engine.tensor import RemovableHandle, Tensor
from autotape.left_out import mark_methods
from autotape.nn._hooks import EVERYWHERE, Hook, call_with_hooks, register
from autotape.nn._members import BUFFERS, MODULES, PARAMETERS, REGISTRATION
from autotape.nn._state import Stateful
from autotape.ops.likes import empty_like

__all__ = [
    "Module",
    "register_module_buffer_registration_hook",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "register_module_module_registration_hook",
    "register_module_parameter_registration_hook",
]

T = TypeVar("T", bound="Module")


class Module(Stateful):
    """Base class of all neural network modules: parameters, buffers and child modules under attribute names.

    A subclass calls ``super().__init__()``, assigns its parts as attributes and defines ``forward``; calling
    the module runs ``forward`` with its hooks around it. An error raised inside says in which module.

    >>> import autotape as at
    >>> from autotape import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = nn.Linear(4, 3)
    ...         self.scale = nn.Parameter(at.ones(3))
    ...     def forward(self, x):
    ...         return self.hidden(x).relu() * self.scale
    >>> net = Net()
    >>> net(at.ones(2, 4)).shape
    autotape.Size([2, 3])
    >>> [name for name, _ in net.named_parameters()]
    ['scale', 'hidden.weight', 'hidden.bias']
    >>> net(at.ones(2, 5))
    Traceback (most recent call last):
      ...
    RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x5 and 4x3)... -- in net.hidden (Linear(...))
    """

    training: bool
    """Whether the module is in training mode (:meth:`train`, :meth:`eval`)."""

    _has_hooks = False  # a call without hooks looks at this alone
    _forward_pre_hooks: list[Any]
    _forward_hooks: list[Any]
    _backward_pre_hooks: list[Any]
    _backward_hooks: list[Any]

    def __init__(self) -> None:
        super().__init__()
        self.__dict__.update(
            training=True,
            _forward_pre_hooks=[],
            _forward_hooks=[],
            _backward_pre_hooks=[],
            _backward_hooks=[],
        )

    # --- calling -------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes; every subclass defines it."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    # The tape finds running modules by this function's name and its parameter `self`.
    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        try:
            if self._has_hooks:
                return call_with_hooks(self, args, kwargs)
            return self.forward(*args, **kwargs)
        except Exception as error:
            with contextlib.suppress(Exception):  # a fault in telling where must not hide the error itself
                _say_where(error)
            raise

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before each ``forward``.

        What the hook returns, a tuple or one value, replaces ``args``.
        ``with_kwargs``: the hook is ``hook(module, args, kwargs)`` and may return ``(args, kwargs)``.
        ``prepend``: before the hooks registered so far. The handle's ``remove()`` takes the hook away.
        """
        return register(self, "_forward_pre_hooks", hook, prepend, with_kwargs)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after each ``forward``; what it returns replaces the output.

        ``with_kwargs``: the hook is ``hook(module, args, kwargs, output)``. ``always_call``: it is called
        also when ``forward`` raises, with output None.

        >>> import autotape as at
        >>> from autotape import nn
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        >>> handle = net[0].register_forward_hook(lambda module, args, output: print(output.shape))
        >>> y = net(at.ones(2, 4))
        autotape.Size([2, 3])
        >>> handle.remove()
        """
        return register(self, "_forward_hooks", hook, prepend, with_kwargs, always_call)

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` when the gradients of the outputs are known.

        A tuple that the hook returns replaces them.
        """
        return register(self, "_backward_pre_hooks", hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the gradients of the inputs are known.

        Both are tuples, with an item per positional argument and per output (None for what has no gradient).
        A tuple that the hook returns replaces ``grad_input`` in what follows.
        """
        return register(self, "_backward_hooks", hook, prepend)

    def register_backward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """:meth:`register_full_backward_hook`, under the name of what came before it in PyTorch."""
        return self.register_full_backward_hook(hook)

    # --- modes and gradients -------------------------------------------------------------------------------

    def train(self: T, mode: bool = True) -> T:
        """Put this module and all below it into training mode, or into evaluation mode."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self: T) -> T:
        """Put this module and all below it into evaluation mode: ``train(False)``."""
        return self.train(False)

    def requires_grad_(self: T, requires_grad: bool = True) -> T:
        """Set ``requires_grad`` of all parameters; False freezes the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients of all parameters: to None, or to zeros."""
        for parameter in self.parameters():
            grad = parameter.grad
            if set_to_none:
                parameter.grad = None
            elif grad is not None:
                grad.detach_()
                grad.zero_()

    def apply(self: T, fn: Callable[[Module], Any]) -> T:
        """Call ``fn`` on every module of the tree, children first; returns self.

        >>> from autotape import nn
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        >>> net = net.apply(lambda m: print(type(m).__name__))
        Linear
        ReLU
        Sequential
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # --- conversion ----------------------------------------------------------------------------------------

    def _apply(self: T, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> T:
        """Replace the data of all parameters and buffers by ``fn`` of it; the Parameter objects stay."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with no_grad():
            for parameter in self._parameters.values():
                if parameter is not None:
                    grad = parameter.grad
                    parameter.grad = None
                    parameter.data = fn(parameter.data)
                    if grad is not None:
                        parameter.grad = fn(grad.detach())
            for name, buffer in self._buffers.items():
                if hasattr(buffer, "materialize"):  # a lazy module's, without a shape yet
                    buffer.data = fn(buffer.data)
                elif buffer is not None:
                    self.__dict__[name] = fn(buffer)
        return self

    def to_empty(self: T, *, device: Any, recurse: bool = True) -> T:
        """Give the parameters and buffers new memory of arbitrary values; the device must be the CPU."""
        on_cpu(device)
        return self._apply(empty_like, recurse)

    def to(self: T, *args: Any, **kwargs: Any) -> T:
        """Convert the floating parameters and buffers: ``to(dtype)``, ``to(device, dtype)``, ``to(tensor)``.

        In place; returns self. The device must be the CPU. TypeError for an integer dtype.

        >>> import autotape as at
        >>> from autotape import nn
        >>> nn.Linear(2, 1).to(at.float64).weight.dtype
        autotape.float64
        """
        kind = _target_dtype(*args, **kwargs)
        if kind is None:
            return self
        if not (kind.is_floating_point or kind.is_complex):
            raise TypeError(
                f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={kind}"
            )
        return self._apply(lambda t: t.to(kind) if t.dtype.is_floating_point or t.dtype.is_complex else t)

    def type(self: T, dst_type: Any) -> T:
        """Convert all parameters and buffers, of whatever dtype, to ``dst_type``."""
        return self._apply(lambda t: t.type(dst_type))

    def float(self: T) -> T:
        """Convert the floating parameters and buffers to float32."""
        return self._to_floating(float32)

    def double(self: T) -> T:
        """Convert the floating parameters and buffers to float64."""
        return self._to_floating(float64)

    def half(self: T) -> T:
        """Convert the floating parameters and buffers to float16."""
        return self._to_floating(float16)

    def bfloat16(self: T) -> T:
        """Raise TypeError: NumPy has no such dtype; :meth:`half` is as small."""
        return self._apply(lambda t: t.bfloat16() if t.dtype.is_floating_point else t)

    def _to_floating(self: T, kind: DType) -> T:
        return self._apply(lambda t: t.to(kind) if t.dtype.is_floating_point else t)

    def cpu(self: T) -> T:
        """Return self: everything is on the CPU."""
        return self

    def cuda(self: T, device: Any = None) -> T:
        """Raise RuntimeError: there is no such device."""
        return self.to("cuda")

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: autotape has no compiler (:func:`autotape.compile` returns the module itself)."""

    # --- text ----------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands between the brackets of the module's repr; subclasses define it."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        name = type(self).__name__
        if len(lines) <= 1 and not children:
            return f"{name}({extra})"
        return f"{name}(\n  " + "\n  ".join(lines + children) + "\n)"


mark_methods(Module, "nn.Module")


def indented(text: str) -> str:
    """The text with its lines after the first moved to the right by two."""
    return text.replace("\n", "\n  ")


# --- hooks of all modules -----------------------------------------------------------------------------------


class _GlobalHandle(RemovableHandle):
    def remove(self) -> None:
        super().remove()
        Module._has_hooks = any(EVERYWHERE.values())


def _register_everywhere(kind: str, hook: Callable[..., Any], *how: bool) -> RemovableHandle:
    Module._has_hooks = True
    return _GlobalHandle(EVERYWHERE[kind], Hook(hook, *how))


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """:meth:`Module.register_forward_pre_hook` for all modules: before their own hooks.

    State of the whole process, for debugging and profiling.

    >>> import autotape as at
    >>> from autotape import nn
    >>> from autotape.nn.module import register_module_forward_pre_hook
    >>> with register_module_forward_pre_hook(lambda module, args: print(type(module).__name__)):
    ...     y = nn.Sequential(nn.Linear(2, 1), nn.ReLU())(at.ones(2))
    Sequential
    Linear
    ReLU
    """
    return _register_everywhere("forward_pre", hook)


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """:meth:`Module.register_forward_hook` for all modules: before their own hooks."""
    return _register_everywhere("forward", hook, with_kwargs, always_call)


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """:meth:`Module.register_full_backward_pre_hook` for all modules: before their own hooks."""
    return _register_everywhere("backward_pre", hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """:meth:`Module.register_full_backward_hook` for all modules: before their own hooks."""
    return _register_everywhere("backward", hook)


def register_module_parameter_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` whenever any module gets one; its result takes its place."""
    return RemovableHandle(REGISTRATION[PARAMETERS], hook)


def register_module_buffer_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` whenever any module gets a buffer; its result takes its place."""
    return RemovableHandle(REGISTRATION[BUFFERS], hook)


def register_module_module_registration_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, name, child)`` whenever any module gets a child; its result takes its place."""
    return RemovableHandle(REGISTRATION[MODULES], hook)


def _target_dtype(
    *args: Any, dtype: DTypeLike | None = None, device: Any = None, **ignored: Any
) -> DType | None:
    """The dtype that the arguments of ``to`` ask for; RuntimeError for a device that is not there."""
    if ignored.keys() - {"non_blocking", "memory_format"}:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(ignored))}'")
    for value in args:
        if isinstance(value, Tensor):
            dtype = value.dtype
        elif isinstance(value, (str, int, device_type)) and not isinstance(value, bool):
            device = value
        elif value is not None and not isinstance(value, bool):  # a bool is non_blocking
            dtype = value
    on_cpu(device)
    return None if dtype is None else from_numpy_dtype(to_numpy_dtype(dtype))


_PLAIN_ERRORS = (RuntimeError, TypeError, ValueError, IndexError)


def _say_where(error: Exception) -> None:
    """Add the path of the innermost running module, once: ``... -- in net.2 (Linear(64, 10))``."""
    if "module_path" in error.__dict__ or isinstance(error, (RecursionError, MemoryError)):
        return
    running = modules_running(2)
    path = module_path(running).rpartition(" ")[0]
    what = repr(running[-1])
    if "\n" in what:
        what = type(running[-1]).__name__
    error.__dict__["module_path"] = path
    # An error that is all message gets a longer one; any other keeps its arguments and gets a note.
    if type(error) in _PLAIN_ERRORS and len(error.args) == 1 and isinstance(error.args[0], str):
        error.args = (f"{error.args[0]} -- in {path} ({what})",)
    else:
        error.add_note(f"in {path} ({what})")
