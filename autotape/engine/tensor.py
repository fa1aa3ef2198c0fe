"""Tensor: an ndarray and its place on the tape.

This file holds what a tensor *is*: storage, attributes, its gradient, conversion, copying, and NumPy's two
dispatch protocols. What can be computed with tensors is in :mod:`autotape.ops` and is attached to the class
by :mod:`autotape.methods`.
"""

from __future__ import annotations

import copy
import warnings
import weakref
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from autotape.engine.arrays import copy_array, from_data, legacy_array, native
from autotape.engine.basics import Size, cpu, device, on_cpu
from autotape.engine.batched import is_batched
from autotape.engine.dtypes import DType, default_dtype, from_numpy_dtype
from autotape.engine.levels import control_flow, no_rule
from autotape.engine.tape import AccumulateGrad, Entry, Node, writes

if TYPE_CHECKING:
    from autotape.methods import TensorMethods
else:

    class TensorMethods:
        """The operations, attached by autotape.methods."""


__all__ = ["Tensor"]

Array = np.ndarray[Any, Any]

numpy_functions: dict[Any, Callable[..., Any]] = {}  # what np.f(tensor) calls; filled by operation.implements
numpy_rooms: dict[Any, str] = {}  # what to import before np.f, or a function of NumPy's module, is looked up
new_tensor = object.__new__  # a bare tensor: set _array and _node


class Tensor(TensorMethods):
    """A multi-dimensional array of one dtype that can require gradients.

    Made by :func:`autotape.tensor` and the other creation functions; ``Tensor(2, 3)`` (uninitialised, by
    shape) and ``Tensor([1.0, 2.0])`` (data in the default dtype) exist as in PyTorch.

    >>> import autotape as at
    >>> x = at.tensor([1.0, 2.0], requires_grad=True)
    >>> (x ** 2).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    # Class-level defaults: an ordinary tensor sets _array and _node only.
    _base: Tensor | None = None  # of a view: the tensor it was taken from ...
    _recipe: tuple[Any, tuple[Any, ...]] | None = None  # ... and the operation and constants that took it
    _views: list[weakref.ref[Tensor]] | None = None  # the views taken from this tensor
    _views_limit = 64
    _cell: AccumulateGrad | None = None  # holds .grad

    _array: Array
    _node: Node | None

    __array_priority__ = 1000

    def __new__(cls, *data: Any, **options: Any) -> Tensor:
        """A bare tensor for ``__init__`` to fill; ``Tensor(x)`` of a tensor on the tape is a view of it."""
        if cls is Tensor and len(data) == 1 and isinstance(data[0], Tensor) and data[0]._node is not None:
            return data[0].view_as(data[0])
        return new_tensor(cls)

    def __init__(self, *data: Any, device: Any = None) -> None:
        if "_array" in self.__dict__:
            return
        on_cpu(device)
        self._node = None
        if len(data) == 1 and isinstance(data[0], Tensor):
            self._array = data[0]._array
        else:
            self._array = legacy_array(data, default_dtype())

    # --- making --------------------------------------------------------------------------------------------

    @staticmethod
    def _wrap(array: Array) -> Tensor:
        """A tensor on ``array`` itself: of a supported dtype in native byte order."""
        out = new_tensor(Tensor)
        out._array = array
        out._node = None
        return out

    @staticmethod
    def _from_array(array: Array) -> Tensor:
        """A tensor that shares the memory of any NumPy array it can hold; TypeError otherwise."""
        if array.__class__ is not np.ndarray:
            array = np.asarray(array)
        return Tensor._wrap(native(array))

    @staticmethod
    def _from_value(value: Any, dtype: np.dtype[Any] | None = None) -> Tensor:
        """A new tensor holding a copy of Python data: numbers, nested sequences, an array or a tensor."""
        return Tensor._wrap(from_data(value._array if isinstance(value, Tensor) else value, dtype))

    # --- place on the tape ---------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if value.__class__ is not bool:
            raise RuntimeError(f"requires_grad must be a bool, not {type(value).__name__}")
        if value == (self._node is not None):
            return
        if isinstance(self._node, Entry):
            raise RuntimeError(
                "you can only change requires_grad flags of leaf variables; "
                "use detach() to get a tensor that does not require grad"
            )
        if not value:
            self._node = None
            return
        if self._array.dtype.kind not in "fc":
            raise RuntimeError(
                f"only Tensors of floating point and complex dtype can require gradients, not {self.dtype}"
            )
        if self._cell is None:
            self._cell = AccumulateGrad(self._array.shape, self._array.dtype)
        self._cell._leaf = weakref.ref(self)
        self._node = self._cell

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Set ``requires_grad`` in place; returns the tensor."""
        self.requires_grad = requires_grad
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient accumulated by ``backward()``: a tensor of this shape and dtype, or None."""
        cell = self._cell
        grad = None if cell is None else cell.grad
        if grad is not None and grad.__class__ is not Tensor:
            _ = grad._array  # a row gradient becomes whole when it is seen
        return grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"assigned grad expected to be a Tensor or None but got {type(value).__name__}"
                )
            if value is self:
                raise RuntimeError("can't assign Variable as its own grad")
            if value._array.shape != self._array.shape:
                raise RuntimeError(
                    f"assigned grad has data of a different size: {list(value._array.shape)} for a tensor of "
                    f"shape {list(self._array.shape)}"
                )
            if value._array.dtype != self._array.dtype:
                raise RuntimeError(
                    f"assigned grad has dtype {value.dtype} for a tensor of dtype {self.dtype}"
                )
            if self._cell is None:
                self._cell = AccumulateGrad(self._array.shape, self._array.dtype)
        if self._cell is not None:
            self._cell.grad = value

    @grad.deleter
    def grad(self) -> None:
        if self._cell is not None:
            self._cell.grad = None

    @property
    def grad_fn(self) -> Entry | None:
        """The tape entry that made this tensor; None for a leaf."""
        node = self._node
        return node if isinstance(node, Entry) else None

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was made by the user and not by a recorded operation."""
        return not isinstance(self._node, Entry)

    @property
    def output_nr(self) -> int:
        """The number of this output among those of the operation that made it."""
        return 0 if self._node is None else self._node.number

    @property
    def retains_grad(self) -> bool:
        """Whether a non-leaf keeps its gradient (:meth:`retain_grad`)."""
        return isinstance(self._node, Entry) and self._node.retained is not None

    def retain_grad(self) -> None:
        """Make ``backward()`` store the gradient of this non-leaf tensor in ``.grad`` too."""
        node = self._node
        if node is None:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if isinstance(node, Entry) and node.retained is None:
            self._cell = node.retained = AccumulateGrad(self._array.shape, self._array.dtype)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call ``hook(grad)`` when this tensor's gradient is computed; a tensor it returns replaces it.

        >>> import autotape as at
        >>> x = at.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> x.sum().backward(); x.grad
        tensor([10., 10.])
        >>> handle.remove()
        """
        node = self._node
        if node is None:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if node.hooks is None:
            node.hooks = []
        return RemovableHandle(node.hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], None]) -> RemovableHandle:
        """Call ``hook(tensor)`` after a gradient was accumulated into this leaf's ``.grad``."""
        if not isinstance(self._node, AccumulateGrad):
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._node.post_hooks is None:
            self._node.post_hooks = []
        me = weakref.ref(self)
        return RemovableHandle(self._node.post_hooks, lambda: hook(me()))  # type: ignore[arg-type]

    def detach(self) -> Tensor:
        """A tensor on the same memory that does not require grad and is not connected to the tape."""
        out = new_tensor(Tensor)
        out._array = self._array
        out._node = None
        return out

    def detach_(self) -> Tensor:
        """Disconnect this tensor from the tape in place."""
        if self._base is not None:
            raise RuntimeError("can't detach views in-place; use detach() instead")
        self._node = None
        return self

    @property
    def data(self) -> Tensor:
        """The same memory without connection to the tape; assigning replaces this tensor's memory."""
        return self.detach()

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"data must be a Tensor, not {type(value).__name__}")
        if value._array.dtype.kind not in "fc" and self._node is not None:
            raise RuntimeError(
                f"data set to a tensor that requires gradients must be floating point, not {value.dtype}"
            )
        for view in self._live_views():  # of the memory that this tensor leaves
            view._base = view._recipe = None
        self._base = self._recipe = self._views = None
        self._array = value._array
        if self._cell is not None:
            self._cell.shape = value._array.shape
            self._cell.dtype = value._array.dtype

    @property
    def _version(self) -> int:
        return writes.version(self._array)

    @property
    def _is_view(self) -> bool:
        return self._base is not None

    def _add_view(self, view: Tensor) -> None:
        views = self._views
        if views is None:
            self._views = [weakref.ref(view)]
            return
        if len(views) >= self._views_limit:  # forget dead views, at twice the number of the living
            views[:] = [r for r in views if r() is not None]
            self._views_limit = 64 + 2 * len(views)
        views.append(weakref.ref(view))

    def _live_views(self) -> list[Tensor]:
        found = [r() for r in self._views or ()]
        return [v for v in found if v is not None and v._base is self]

    # --- attributes ----------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        """The sizes of the dimensions."""
        return Size(self._array.shape)

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return from_numpy_dtype(self._array.dtype)

    @property
    def device(self) -> device:
        """Where the tensor lives: always the CPU."""
        return cpu

    @property
    def is_cuda(self) -> bool:
        """Whether the tensor lives on a CUDA device: False."""
        return False

    @property
    def ndim(self) -> int:
        """The number of dimensions."""
        return self._array.ndim

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return self._array.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self._array.nbytes

    # --- conversion ----------------------------------------------------------------------------------------

    def item(self) -> Any:
        """The single element as a Python number; RuntimeError for more elements."""
        if self._array.size != 1:
            raise RuntimeError(
                f"a Tensor with {self._array.size} elements cannot be converted to Scalar "
                f"(shape {list(self._array.shape)})"
            )
        return self._array.item()

    def tolist(self) -> Any:
        """Nested lists of Python numbers (a number for a 0-d tensor)."""
        return self._array.tolist()

    def numpy(self, *, force: bool = False) -> Array:
        """The tensor's own memory as an ndarray: changes are seen by both.

        RuntimeError if the tensor requires grad (use ``detach().numpy()``), unless ``force``.
        """
        if not force:
            self._leave_tape("call numpy() on Tensor that requires grad")
        if is_batched(self._array):
            raise no_rule("Tensor.numpy()")
        return self._array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        self._leave_tape("convert a Tensor that requires grad to a NumPy array")
        return np.array(self._array, dtype=dtype, copy=copy)

    def __dlpack__(self, **options: Any) -> Any:
        if self._node is not None:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        return self._array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self._array.__dlpack_device__()

    def _leave_tape(self, what: str) -> None:
        if self._node is not None:
            raise RuntimeError(
                f"Can't {what}: the gradient would be lost silently. Use tensor.detach().numpy() instead, or "
                "a NumPy function that autotape records."
            )

    def _scalar(self, real: bool = True) -> Any:
        """The element as a Python number, for float() and its kin: what they compute is not recorded."""
        if self._array.size != 1:
            raise ValueError(
                "only one element tensors can be converted to Python scalars: "
                f"this one has {self._array.size} (shape {list(self._array.shape)})"
            )
        if self._node is not None:
            warnings.warn(
                "Converting a tensor with requires_grad=True to a scalar leaves the tape: no gradient will "
                "flow. Use tensor.item() or tensor.detach() if that is meant.",
                UserWarning,
                stacklevel=3,
            )
        value = self._array.item()
        if real and isinstance(value, complex):
            if value.imag:
                raise RuntimeError(
                    f"the complex value {value} cannot be converted to a real number; use tensor.real"
                )
            return value.real
        return value

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __complex__(self) -> complex:
        return complex(self._scalar(real=False))

    def __index__(self) -> int:
        if self._array.dtype.kind not in "iub" or self._array.size != 1:
            raise TypeError(
                f"only integer tensors of a single element can be converted to an index, not {self.dtype} of "
                f"shape {list(self._array.shape)}"
            )
        return int(self._array.item())

    def __bool__(self) -> bool:
        if self._array.size != 1:
            raise RuntimeError(
                f"Boolean value of Tensor with {'more than one value' if self._array.size else 'no values'} "
                f"is ambiguous (shape {list(self._array.shape)}); use .any() or .all()"
            )
        if is_batched(self._array):
            raise control_flow()
        return bool(self._array.item())

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if self._array.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        value = element._array if isinstance(element, Tensor) else element
        if not isinstance(value, (np.ndarray, bool, int, float, complex, np.generic)):
            raise RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
            )
        try:
            return bool((self._array == value).any())
        except ValueError:
            raise RuntimeError(
                f"'in': the tensor of shape {list(np.shape(value))} does not broadcast with the one of shape "
                f"{list(self._array.shape)}"
            ) from None

    def __hash__(self) -> int:
        return id(self)

    def __format__(self, spec: str) -> str:
        if self._array.ndim == 0 and (spec or type(self) is Tensor):
            return format(self._array.item(), spec)
        return object.__format__(self, spec)

    def __dir__(self) -> list[str]:
        return [n for n in super().__dir__() if n not in ("_array", "_node", "_cell", "_recipe", "_views")]

    # --- copying -------------------------------------------------------------------------------------------

    def __copy__(self) -> Tensor:
        """Another leaf on the same memory, as ``copy.copy`` makes it."""
        return _rebuild(type(self), self._array, self.requires_grad, self._own())

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A copy of values, gradient and attributes; tensors on one memory stay on one memory."""
        if id(self) in memo:
            return memo[id(self)]  # type: ignore[no-any-return]
        if not self.is_leaf:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at "
                f"the moment: this one is the output of {self.grad_fn}; detach().clone() copies its values"
            )
        out = _rebuild(type(self), copy_array(self._array, memo), self.requires_grad, {})
        memo[id(self)] = out
        if self.grad is not None:
            out.grad = copy.deepcopy(self.grad.detach(), memo)
        out.__dict__.update(copy.deepcopy(self._own(), memo))
        return out

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """Pickle class, values, requires_grad and attributes; how the tensor was computed stays behind."""
        array = np.ascontiguousarray(self._array).reshape(self._array.shape)
        return _rebuild, (type(self), array, self.requires_grad, self._own())

    def _own(self) -> dict[str, Any]:
        """The attributes that users and subclasses have set."""
        return {name: value for name, value in self.__dict__.items() if name not in _STATE}

    # --- NumPy's protocols ---------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            function = _numpy_function(ufunc)
            if function is not None and not kwargs:
                return function(*inputs)
            if "out" in kwargs:
                raise TypeError(
                    f"np.{ufunc.__name__}(..., out=...) with a Tensor operand would write outside of the "
                    f"tape; use the out-of-place form, or the in-place method (x.{ufunc.__name__}_(...))"
                )
            if function is not None:
                raise TypeError(
                    f"np.{ufunc.__name__} on a Tensor takes no keyword arguments, got {', '.join(kwargs)}; "
                    "use detach().numpy() for NumPy's full form"
                )
        elif method == "reduce":
            function = numpy_functions.get((ufunc, "reduce"))
            if function is not None:
                axis = inputs[1] if len(inputs) > 1 else kwargs.pop("axis", 0)
                keepdims = kwargs.pop("keepdims", False)
                if not {k: v for k, v in kwargs.items() if v is not None}:
                    return function(inputs[0], axis, keepdims)
        raise TypeError(
            f"np.{ufunc.__name__}{'' if method == '__call__' else '.' + method} has no rule for a Tensor; "
            "to leave the tape silently would lose gradients; use tensor.detach().numpy(), or write it in "
            "autotape operations"
        )

    def __array_function__(self, func: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        function = _numpy_function(func)
        if function is None:
            raise TypeError(
                f"np.{func.__name__} has no rule for a Tensor, and to leave the tape silently would lose "
                "gradients; use tensor.detach().numpy(), or write it in autotape operations"
            )
        return function(*args, **kwargs)


def _numpy_function(function: Any) -> Callable[..., Any] | None:
    """What stands for a NumPy function on Tensors."""
    ours = numpy_functions.get(function)
    if ours is None:
        room = numpy_rooms.get(function) or numpy_rooms.get(getattr(function, "__module__", None))
        if room is not None:
            import_module(room)
            ours = numpy_functions.get(function)
    return ours


_STATE = frozenset({"_array", "_node", "_base", "_recipe", "_views", "_cell"})


def _rebuild(kind: type[Tensor], array: Array, requires_grad: bool, own: dict[str, Any]) -> Tensor:
    """A leaf tensor of any subclass from its parts."""
    out = new_tensor(kind)
    out._array = native(array)
    out._node = None
    out.requires_grad = requires_grad
    out.__dict__.update(own)
    return out


class RemovableHandle:
    """What registering a hook returns: ``remove()`` takes it away, as does the end of a ``with`` block."""

    def __init__(self, hooks: list[Callable[..., Any] | None], hook: Callable[..., Any]) -> None:
        hooks.append(hook)
        self._hooks = hooks
        self._hook = hook

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        for i, hook in enumerate(self._hooks):
            if hook is self._hook:
                del self._hooks[i]
                return

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()
