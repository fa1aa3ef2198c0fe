"""Checkpointing: keep the arguments of a part of a model instead of its intermediate results.

The part is computed a second time when backward needs what it would have saved: less memory for more time
(Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016).
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import Any

import numpy as np

from autotape.autograd.function import Function, once_differentiable
from autotape.autograd.graph import Saving
from autotape.autograd.modes import enable_grad, is_grad_enabled
from autotape.engine.backward import backward_of, restricted
from autotape.engine.packing import Handle, SavedHooks, check_unwritten, saving
from autotape.engine.tape import tick
from autotape.engine.tensor import Tensor
from autotape.ops.generator import default_generator

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "checkpoint",
    "checkpoint_sequential",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
]

Array = np.ndarray[Any, Any]
Contexts = Callable[[], tuple[AbstractContextManager[Any], AbstractContextManager[Any]]]


class CheckpointError(RuntimeError):
    """The second computation of a checkpointed function did something else than the first."""


def noop_context_fn() -> tuple[AbstractContextManager[Any], AbstractContextManager[Any]]:
    """Two contexts that do nothing: the default of ``context_fn``."""
    return contextlib.nullcontext(), contextlib.nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Contexts = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Compute ``function(*args, **kwargs)`` without keeping what backward needs; it is recomputed there.

    The arguments are kept, nothing in between. Gradients are those of the plain call, of any order.
    Checkpoints may be nested.

    Args:
        function: what to compute; called again with the same arguments when backward needs its results. It
            must do the same then: no dependence on what changes in the meantime.
        use_reentrant: False (recommended): the recomputation stops as soon as it has what is needed, and
            ``autograd.grad``, keyword arguments and higher derivatives work. True: PyTorch's older way, a
            backward within the backward; at least one argument must require grad.
        context_fn: returns two context managers, for the first and for the second computation.
        determinism_check: "default" compares the shapes and dtypes of what is recomputed, "none" doesn't.
        debug: accepted; errors always say what differs.
        early_stop: whether the recomputation stops when all needed is there.
        preserve_rng_state: (in kwargs, default True) the recomputation draws the same random numbers.

    CheckpointError where the second computation differs from the first.

    >>> import autotape as at
    >>> from autotape.utils.checkpoint import checkpoint
    >>> x = at.tensor([1.0, 2.0], requires_grad=True)
    >>> with at.Tape() as tape:
    ...     y = checkpoint(lambda t: (t * t).exp(), x, use_reentrant=False)
    >>> sum(entry.nbytes for entry in tape)
    0
    >>> y.sum().backward(); x.grad
    tensor([  5.4366, 218.3926])
    """
    if use_reentrant is None:
        warnings.warn(
            "checkpoint: the use_reentrant parameter should be passed explicitly. use_reentrant=False is "
            "recommended; without it, the older use_reentrant=True is used, as in PyTorch.",
            UserWarning,
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug is not False:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"determinism_check should be one of ('default', 'none'), but got {determinism_check!r}"
        )
    if not is_grad_enabled():
        return function(*args, **kwargs)
    first, second = context_fn()
    stop = _early_stop.get()
    frame = _Frame(
        function, args, kwargs, second, preserve, determinism_check, early_stop if stop is None else stop
    )
    with Saving(_KeepNothing(frame)), first:
        return function(*args, **kwargs)


_early_stop: ContextVar[bool | None] = ContextVar("autotape.checkpoint_early_stop", default=None)


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Inside, ``early_stop`` of every checkpoint is ``enable``, whatever it was given."""
    token = _early_stop.set(enable)
    try:
        yield
    finally:
        _early_stop.reset(token)


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Accepted for PyTorch's sake: the errors of a checkpoint always say what differs."""
    yield


# --- recomputation by hooks on saved tensors ----------------------------------------------------------------


class _Holder:
    """Stands for one array that the first computation would have saved."""

    def __init__(self, frame: _Frame, array: Array) -> None:
        self.frame = frame
        self.position = len(frame.holders)
        self.form = (array.shape, array.dtype)
        self.found: tuple[Tensor, int] | None = None  # recomputed, and when
        frame.holders.append(weakref.ref(self))


class _KeepNothing(SavedHooks):
    """The hooks of the first computation."""

    def __init__(self, frame: _Frame) -> None:
        self._frame = frame

    def pack(self, tensor: Tensor) -> _Holder:
        """A holder of the array, without it."""
        return _Holder(self._frame, tensor._array)

    def unpack(self, holder: _Holder) -> Tensor:
        """The array, recomputed if it is not at hand; it is handed out once."""
        if holder.found is None:
            holder.frame.recompute()
            if holder.found is None:
                raise AssertionError("recompute() fills every holder or raises")
        (tensor, clock), holder.found = holder.found, None
        check_unwritten(tensor._array, clock)
        return tensor

    def rescue(self, value: Any, owner: Array) -> Any:
        """Nothing is kept, so nothing can be overwritten."""
        return value


class _Complete(BaseException):
    """Ends a recomputation that has all it is needed for."""


class _Frame:
    """One call of a checkpointed function: what is needed to call it again."""

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        context: AbstractContextManager[Any],
        preserve: bool,
        check: str,
        early_stop: bool,
    ) -> None:
        self.holders: list[weakref.ref[_Holder]] = []
        self._function = function
        # Inside another checkpoint the arguments are its intermediate results: kept in its way.
        self._args = tuple([_keep(a) for a in args])
        self._kwargs = {name: _keep(value) for name, value in kwargs.items()}
        self._context = context
        self._random = default_generator.state if preserve else None
        self._check = check
        self._early_stop = early_stop

    def recompute(self) -> None:
        """Call the function again and fill the holders; CheckpointError if it does something else."""
        hooks = _Refill(self)
        args = [_again(a) for a in self._args]
        kwargs = {name: _again(value) for name, value in self._kwargs.items()}
        with (
            _random_state(self._random),
            enable_grad(),
            Saving(hooks),
            self._context,
            contextlib.suppress(_Complete),
        ):
            self._function(*args, **kwargs)
        if hooks.count != len(self.holders):
            raise CheckpointError(
                "checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {len(self.holders)}\n"
                f"Number of tensors saved during recomputation: {hooks.count}.{_ADVICE}"
            )
        if hooks.different:
            raise CheckpointError(
                "checkpoint: Recomputed values for the following tensors have different metadata than during "
                "the forward pass.\n" + "\n".join(hooks.different) + _ADVICE
            )

    def complete(self, count: int) -> bool:
        """Whether the recomputation may stop after its array number ``count``."""
        return self._early_stop and count == len(self.holders)

    def differs(self, holder: _Holder, array: Array) -> str:
        """What a message says of a recomputed array that is not like the first; '' if it is."""
        form = (array.shape, array.dtype)
        if self._check == "none" or form == holder.form:
            return ""
        return "\n".join(
            [
                f"tensor at position {holder.position}:",
                f"saved metadata: shape {list(holder.form[0])}, {holder.form[1].name}",
                f"recomputed metadata: shape {list(form[0])}, {form[1].name}",
            ]
        )


_ADVICE = (
    "\nA checkpointed function must do the same when it is called again: look for what it reads that has "
    "changed since (a counter, a global, a module's mode)."
)


class _Refill(SavedHooks):
    """The hooks of the second computation: what it saves goes to the holders of the first, in order."""

    def __init__(self, frame: _Frame) -> None:
        self._frame = frame
        self.count = 0
        self.different: list[str] = []

    def pack(self, tensor: Tensor) -> tuple[Tensor, _Holder | None]:
        """The tensor itself, also for a backward inside of the function, and its holder."""
        frame, i = self._frame, self.count
        self.count += 1
        tensor = tensor.detach()
        holder = frame.holders[i]() if i < len(frame.holders) else None
        if holder is not None:
            difference = frame.differs(holder, tensor._array)
            if difference:
                self.different.append(difference)
            holder.found = (tensor, tick())
        if frame.complete(self.count):
            raise _Complete
        return tensor, holder

    def unpack(self, value: tuple[Tensor, _Holder | None]) -> Tensor:
        """The tensor."""
        return value[0]

    def rescue(self, value: Any, owner: Array) -> Any:
        """Copy what the operation that saved it is about to overwrite."""
        tensor, holder = value
        tensor = Tensor._wrap(tensor._array.copy())
        if holder is not None:
            holder.found = (tensor, tick())
        return tensor, holder


class _Argument:
    """A tensor argument: its array, or what the hooks around the checkpoint made of it, and its place.

    Not the tensor itself: an in-place operation may give it a later place, which would make a cycle.
    """

    def __init__(self, tensor: Tensor) -> None:
        hooks = saving.get()
        array = tensor._array
        self._node = tensor._node
        self._kept = (array, tick()) if hooks is None else Handle(array, tensor._node, hooks)

    def tensor(self) -> Tensor:
        """The argument; RuntimeError if it was written in place since."""
        if isinstance(self._kept, Handle):
            out = Tensor._wrap(self._kept.unpack())
        else:
            array, clock = self._kept
            check_unwritten(array, clock)
            out = Tensor._wrap(array)
        out._node = self._node
        return out


def _keep(value: Any) -> Any:
    return _Argument(value) if isinstance(value, Tensor) else value


def _again(value: Any) -> Any:
    return value.tensor() if isinstance(value, _Argument) else value


@contextlib.contextmanager
def _random_state(state: dict[str, Any] | None) -> Iterator[None]:
    """The global generator in ``state`` (None: as it is), and back."""
    if state is None:
        yield
        return
    before = default_generator.state
    default_generator.state = state
    try:
        yield
    finally:
        default_generator.state = before


# --- PyTorch's older way ------------------------------------------------------------------------------------


class CheckpointFunction(Function):
    """``checkpoint(..., use_reentrant=True)``: recomputes in its backward and runs one on the result."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        """The function on the arguments, not recorded."""
        tensors = [a for a in args if isinstance(a, Tensor)]
        if not any(t.requires_grad for t in tensors):
            warnings.warn(
                "None of the inputs have requires_grad=True. Gradients will be None",
                UserWarning,
                stacklevel=6,
            )
        ctx.run_function = run_function
        ctx.state = default_generator.state if preserve_rng_state else None
        ctx.others = tuple([None if isinstance(a, Tensor) else (a,) for a in args])
        ctx.save_for_backward(*tensors)
        return run_function(*args)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments, by a backward through the recomputed function."""
        if restricted.get():
            raise RuntimeError(
                "When use_reentrant=True, checkpoint is incompatible with .grad() or passing an `inputs` "
                "parameter to .backward(). To resolve this error, you can either set use_reentrant=False, or "
                "call .backward() without passing the `inputs` argument."
            )
        tensors = iter([t.detach().requires_grad_(t.requires_grad) for t in ctx.saved_tensors])
        args = [next(tensors) if other is None else other[0] for other in ctx.others]
        with _random_state(ctx.state), enable_grad():
            result = ctx.run_function(*args)
        outputs = result if isinstance(result, tuple) else (result,)
        pairs = [
            (y, g)
            for y, g in zip(outputs, grad_outputs, strict=True)
            if isinstance(y, Tensor) and y.requires_grad
        ]
        if not pairs:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward_of([y for y, _ in pairs], [g for _, g in pairs], None, False, None, "checkpoint()")
        return None, None, *[a.grad if isinstance(a, Tensor) else None for a in args]


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Apply ``functions`` (modules or callables, or an ``nn.Sequential``) one after the other, in segments.

    Each of the ``segments`` parts but the last is checkpointed.

    >>> import autotape as at
    >>> from autotape.utils.checkpoint import checkpoint_sequential
    >>> x = at.tensor([0.5], requires_grad=True)
    >>> y = checkpoint_sequential([at.exp, at.sin, at.exp], 2, x, use_reentrant=False)
    >>> y.backward(); x.grad
    tensor([-0.3478])
    """
    if use_reentrant is None:
        warnings.warn(
            "checkpoint_sequential: the use_reentrant parameter should be passed explicitly. "
            "use_reentrant=False is recommended; without it, the older use_reentrant=True is used, as in "
            "PyTorch.",
            UserWarning,
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    parts: Iterable[Any] = functions.children() if hasattr(functions, "children") else functions
    chain = list(parts)
    if segments < 1 or segments > len(chain):
        raise ValueError(
            f"segments must be between 1 and {len(chain)}, the number of functions, not {segments}"
        )
    size = len(chain) // segments
    for start in range(0, size * (segments - 1), size):
        input = checkpoint(
            _run(chain[start : start + size]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )
    return _run(chain[size * (segments - 1) :])(input)


def _run(functions: list[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def call(input: Any) -> Any:
        for f in functions:
            input = f(input)
        return input

    return call
