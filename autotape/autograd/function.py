"""User-defined operations: :class:`Function`, a forward computation with a backward of the user's own."""

from __future__ import annotations

import inspect
import warnings
import weakref
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ClassVar

import numpy as np

from autotape.autograd.modes import is_grad_enabled, no_grad
from autotape.engine.operation import Operation, apply, picked, place
from autotape.engine.packing import Handle, saving
from autotape.engine.tape import Entry, Node, current_tape, on_tape, owner_of, source_of, writes
from autotape.engine.tensor import Tensor, new_tensor
from autotape.engine.views import check_writable, rebase

__all__ = ["Function", "FunctionCtx", "once_differentiable"]

Array = np.ndarray[Any, Any]
Form = tuple[tuple[int, ...], np.dtype[Any]]

_NO_TENSOR: Form = ((), np.dtype(bool))  # holds the place of an output that is not a tensor


class FunctionCtx:
    """What a :class:`Function`'s forward hands to its backward; any attribute may be set on it.

    ``needs_input_grad[i]`` says whether argument i of ``apply`` requires a gradient.
    """

    needs_input_grad: tuple[bool, ...] = ()

    _function: type[Function]
    _is_tensor: tuple[bool, ...] = ()  # of each argument
    _entry: weakref.ref[Entry] | None = None  # a strong one would make a cycle: the entry holds this object
    _to_save: tuple[Tensor | None, ...] = ()
    _to_save_forward: tuple[Tensor | None, ...] | None = None
    _forward_kept: tuple[Any, ...] | None = None  # the same without reference to the entry
    _in_jvp = False
    _dirty: tuple[Tensor, ...] = ()
    _non_differentiable: tuple[Tensor, ...] = ()
    _materialize = True
    _forms: tuple[Form | None, ...] = ()  # shape and dtype of each output, None for one that is not a tensor
    _outputs: dict[str, tuple[Array, int]]  # attributes that hold outputs, as array and output number

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for backward, where ``saved_tensors`` has them. Call it once, at most.

        Inputs, outputs and intermediate results may be saved; an in-place change before backward is found.
        """
        for i, t in enumerate(tensors):
            if t is not None and not isinstance(t, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {i} is of type "
                    f"{type(t).__name__}; set other values as attributes of ctx"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for ``jvp``, where ``saved_tensors`` has them (otherwise those of backward)."""
        self._to_save_forward = tensors

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Declare the inputs that forward changes in place; each of them must be returned."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Declare the outputs that have no gradient (backward still gets one for each of them: zeros)."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether backward gets zeros (the default) or None for an output that was not used."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        """What ``save_for_backward`` kept. RuntimeError after backward has released it."""
        if self._entry is None:
            return self._to_save
        entry = self._recorded()
        assert entry.saved is not None
        if entry.index < writes.last:
            writes.check(entry)
        values = entry.saved[-2]
        if self._in_jvp and self._forward_kept is not None:
            values = self._forward_kept
        return tuple([None if kept is None else _tensor_at(entry, *kept) for kept in values])

    def _recorded(self) -> Entry:
        entry = self._entry() if self._entry is not None else None
        if entry is None or entry.saved is None:
            raise RuntimeError(
                f"Trying to use saved tensors of {self._function.__name__} after they were freed: they are "
                "released when backward() or grad() has replayed the operation. Specify retain_graph=True "
                "there to keep them."
            )
        return entry

    def __getattr__(self, name: str) -> Any:
        kept = self.__dict__.get("_outputs", {}).get(name)
        if kept is None:
            raise AttributeError(f"ctx of {self._function.__name__} has no attribute '{name}'")
        return _tensor_at(self._recorded(), *kept)

    def __delattr__(self, name: str) -> None:
        if self.__dict__.get("_outputs", {}).pop(name, None) is None:
            super().__delattr__(name)


class Function:
    """Base class of operations whose derivative you write yourself.

    Define static methods ``forward(ctx, *args)`` and ``backward(ctx, *grad_outputs)``, or ``forward(*args)``,
    ``setup_context(ctx, inputs, output)`` and ``backward``; call the operation by ``apply``. ``forward`` runs
    without recording. ``backward`` gets one gradient per output and returns one per argument of ``apply``
    (None for an argument that is no tensor or needs none), as a tuple if there are several; a gradient may
    have any shape that its input broadcasts to. Where ``backward`` consists of differentiable operations,
    derivatives of any order work.

    >>> import autotape as at
    >>> class Cube(at.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x * x
    ...
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (x,) = ctx.saved_tensors
    ...         return grad_output * 3 * x * x
    >>> x = at.tensor([1.0, 2.0], requires_grad=True)
    >>> Cube.apply(x).sum().backward(); x.grad
    tensor([ 3., 12.])
    """

    _operation: ClassVar[Operation]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.backward is Function.backward and cls.vjp is not Function.vjp:
            cls.backward = cls.vjp  # type: ignore[method-assign]
        cls._operation = Operation(cls.__name__, cls.forward, joint=_replay_function, python=True)

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The computation: ``forward(ctx, *args)``, or ``forward(*args)`` beside a ``setup_context``."""
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Keep on ``ctx`` what backward needs, from the arguments and the result of ``forward(*args)``."""
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments from those of the outputs."""
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use "
            "it with backward mode AD."
        )

    vjp = backward  # another name under which a subclass may define it

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs from those of the arguments (None: no tangent), for forward mode.

        Without it forward mode differentiates ``backward``.
        """
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *args: Any) -> Any:
        """The operation on a batch, for :func:`autotape.vmap`: returns (outputs, their batch dimensions).

        ``in_dims[i]`` is the batch dimension of argument i, None if it has none; ``info.batch_size`` is its
        size.
        """
        raise NotImplementedError(
            "To use autograd.Function with vmap, it must override the vmap staticmethod or set "
            "generate_vmap_rule = True."
        )

    generate_vmap_rule = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refused: a Function is called by its class."""
        raise RuntimeError(
            f"autograd functions have static methods; call {type(self).__name__}.apply(...) instead"
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run ``forward`` on the arguments and record the operation."""
        separate = cls.setup_context is not Function.setup_context
        if kwargs or separate:
            bound = inspect.signature(cls.forward).bind(*args if separate else (None, *args), **kwargs)
            if separate:
                bound.apply_defaults()
            args = bound.args if separate else bound.args[1:]
        ctx = FunctionCtx()
        ctx._function = cls
        parents = tuple([a._node if isinstance(a, Tensor) else None for a in args])
        ctx.needs_input_grad = tuple([p is not None for p in parents])
        ctx._is_tensor = tuple([isinstance(a, Tensor) for a in args])
        result = on_tape(None, _forward, cls, ctx, args, separate)
        results = result if isinstance(result, tuple) else (result,)
        entry = None
        numbers = _differentiable(ctx, results)
        for t in ctx._dirty:
            writes.note(t._array, cls.__name__)
        if is_grad_enabled() and numbers and any(ctx.needs_input_grad):
            first = results[numbers[0]]._array
            entry = place(current_tape(), cls._operation, first, parents, ())
            ctx._forms = tuple(
                [(r._array.shape, r._array.dtype) if isinstance(r, Tensor) else None for r in results]
            )
            if len(results) > 1:
                entry.outputs = [form or _NO_TENSOR for form in ctx._forms]
        outputs = _outputs(ctx, args, results, entry, numbers)
        return outputs if isinstance(result, tuple) else outputs[0]


def _forward(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], separate: bool) -> Any:
    if not separate:
        return cls.forward(ctx, *args)
    result = cls.forward(*args)
    cls.setup_context(ctx, args, result)
    return result


def _differentiable(ctx: FunctionCtx, results: Sequence[Any]) -> list[int]:
    """The numbers of the outputs that get a gradient."""
    excluded = {id(t) for t in ctx._non_differentiable}
    return [
        i
        for i, r in enumerate(results)
        if isinstance(r, Tensor) and r._array.dtype.kind in "fc" and id(r) not in excluded
    ]


def _outputs(
    ctx: FunctionCtx, args: Sequence[Any], results: Sequence[Any], entry: Entry | None, numbers: list[int]
) -> tuple[Any, ...]:
    """The results at their places on the tape, and what backward needs in the entry."""
    name = ctx._function.__name__
    inputs = {id(a): a for a in args if isinstance(a, Tensor)}
    dirty = {id(t) for t in ctx._dirty}
    returned = {
        id(r): i
        for i, r in enumerate(results)
        if isinstance(r, Tensor) and (id(r) in dirty or id(r) not in inputs)
    }
    if not dirty <= returned.keys():
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. The inputs "
            f"that are modified inplace must all be outputs of the Function ({name})"
        )
    if not dirty <= inputs.keys():
        warnings.warn(
            f"ctx.mark_dirty() of {name} received a tensor that was not an input; only inputs that were "
            "changed in place should be passed to it",
            UserWarning,
            stacklevel=3,
        )
    places: dict[int, Node | None] = {}
    if entry is not None:
        places = {i: entry if entry.outputs is None else picked(entry, i) for i in numbers}
        kept = tuple([None if t is None else _kept(t, returned.get(id(t)), numbers) for t in ctx._to_save])
        # Memory shared with an input: a later in-place write would not reach this entry, so it is an error.
        owners = {id(owner_of(t._array)) for t in inputs.values()}
        shared = [r._array for i, r in enumerate(results) if i in places and id(r) not in dirty]
        guard = tuple([a for a in shared if id(owner_of(a)) in owners])
        ctx._outputs = {}
        for attribute, value in list(ctx.__dict__.items()):
            number = returned.get(id(value))
            if number in places and isinstance(value, Tensor):
                ctx._outputs[attribute] = (value._array, number)
                del ctx.__dict__[attribute]
        ctx._entry = weakref.ref(entry)
        if ctx._to_save_forward is not None:
            ctx._forward_kept = tuple(
                [None if t is None else _kept(t, returned.get(id(t)), numbers) for t in ctx._to_save_forward]
            )
            ctx._to_save_forward = None
        ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
        entry.saved = (None, *[None for _ in args], ctx, kept, guard)
    outputs: list[Any] = []
    for i, r in enumerate(results):
        if not isinstance(r, Tensor):
            outputs.append(r)
            continue
        node = places.get(i)
        if id(r) in dirty and id(r) in inputs:
            if entry is not None:
                check_writable(r, name)
                rebase(r, node)
            elif r._node is not None:
                r = r.detach()
        elif id(r) in inputs:
            alias = r.detach()
            alias._base = r
            alias._node = node
            r = alias
        else:
            if r._node is not None or any(r is o for o in outputs):
                r = r.detach()
            r._node = node
        outputs.append(r)
    return tuple(outputs)


def _kept(t: Tensor, number: int | None, numbers: list[int]) -> tuple[Array | Handle, Any]:
    """A saved tensor without a reference to the entry: its array, and its place or output number."""
    hooks = saving.get()
    node = t._node if number is None else None
    array = t._array if hooks is None else Handle(t._array, node, hooks)
    if number is None:
        return array, node
    return array, number if number in numbers else None


def _tensor_at(entry: Entry, array: Array | Handle, place: Any) -> Tensor:
    if isinstance(array, Handle):
        array = array.unpack()
    if isinstance(place, int):
        place = entry if entry.outputs is None else picked(entry, place)
    out = new_tensor(Tensor)
    out._array = array
    out._node = place
    return out


def _replay_function(g: Any, _needs: Sequence[bool], _y: Any, *saved: Any) -> list[Any]:
    """The joint rule of every Function: calls its backward and checks what it returns."""
    ctx: FunctionCtx = saved[-3]
    function = ctx._function
    entry = ctx._recorded()
    parts = g if entry.outputs is not None else (g,)
    recorded = any(isinstance(part, Tensor) for part in parts)
    grads = [_gradient(ctx, part, form) for part, form in zip(parts, ctx._forms)]
    try:
        returned = (
            function.backward(ctx, *grads) if recorded else on_tape(None, function.backward, ctx, *grads)
        )
    except Exception as error:
        error.add_note(f"in the backward of {source_of(entry)}")
        raise
    return _checked(returned, ctx, entry, recorded)


def _gradient(ctx: FunctionCtx, part: Any, form: Form | None) -> Tensor | None:
    """The gradient of one output for backward, read-only because others may see its memory."""
    if isinstance(part, Tensor):
        return part
    if part is not None:
        view = part.view()
        view.flags.writeable = False
        return Tensor._wrap(view)
    if form is None or not ctx._materialize:
        return None
    return Tensor._wrap(np.zeros(*form))


def _checked(returned: Any, ctx: FunctionCtx, entry: Entry, recorded: bool) -> list[Any]:
    """What backward returned, a gradient for each argument of apply; RuntimeError if it does not fit."""
    name = entry.name()
    grads = returned if isinstance(returned, tuple) else (returned,)
    count = len(entry.parents)
    if len(grads) < count or any(g is not None for g in grads[count:]):
        raise RuntimeError(
            f"function {name} returned an incorrect number of gradients (expected {count}, got "
            f"{len(grads)}): backward returns a tuple with one for each argument of apply, None where there "
            f"is none ({source_of(entry)})"
        )
    result: list[Any] = []
    for i, (g, parent, is_tensor) in enumerate(zip(grads, entry.parents, ctx._is_tensor, strict=False)):
        if g is None:
            result.append(None)
            continue
        if not is_tensor:
            raise RuntimeError(
                f"function {name} returned a gradient different than None at position {i + 1}, but the "
                f"corresponding forward input was not a Variable ({source_of(entry)})"
            )
        if not isinstance(g, Tensor):
            raise RuntimeError(
                f"{name}: expected Variable or None (got {type(g).__name__}) as gradient {i} "
                f"({source_of(entry)})"
            )
        if parent is None:
            result.append(None)
            continue
        shape = parent.shape
        if not _expands(shape, g._array.shape):
            raise RuntimeError(
                f"Function {name} returned an invalid gradient at index {i} - got {list(g._array.shape)} but "
                f"expected shape compatible with {list(shape)} ({source_of(entry)})"
            )
        # A view tells the replay that the memory may be somebody else's: it copies before it keeps it.
        result.append(g if recorded else g._array.view())
    return result


def _expands(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether broadcasting takes ``shape`` to ``to``."""
    return len(shape) <= len(to) and all(
        n in (1, m) for n, m in zip(reversed(shape), reversed(to), strict=False)
    )


def once_differentiable(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a ``backward`` that can't be differentiated itself: a second derivative is an error.

    It runs without recording, so NumPy on ``detach().numpy()`` is welcome in it.
    """

    @wraps(backward)
    def call(ctx: FunctionCtx, *grads: Tensor | None) -> Any:
        with no_grad():
            returned = backward(ctx, *grads)
        if not is_grad_enabled():
            return returned
        sources = [t for t in (*grads, *ctx.saved_tensors) if t is not None and t.requires_grad]
        if not sources:
            return returned
        name = ctx._function.__name__
        results = returned if isinstance(returned, tuple) else (returned,)
        barred = tuple([apply(_ONCE, (r, *sources), name) if isinstance(r, Tensor) else r for r in results])
        return barred if isinstance(returned, tuple) else barred[0]

    return call


def _refuse(_g: Any, _needs: Any, _y: Any, *_inputs_and_name: Any) -> Any:
    raise RuntimeError(
        "trying to differentiate twice a function that was marked with @once_differentiable: "
        f"{_inputs_and_name[-1]}"
    )


_ONCE = Operation("once_differentiable", lambda x, *_: x, joint=_refuse)
