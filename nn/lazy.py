"""Modules that learn their sizes from their first input, and the parameters that wait for it."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.engine.dtypes import DType, DTypeLike, from_numpy_dtype, to_numpy_dtype
from autotape.engine.tensor import Tensor
from autotape.nn.module import Module
from autotape.nn.parameter import Buffer, Parameter
from autotape.ops.creation import empty

__all__ = [
    "LazyModuleMixin",
    "UninitializedBuffer",
    "UninitializedParameter",
    "UninitializedTensorMixin",
    "is_lazy",
]

Array = np.ndarray[Any, Any]


class UninitializedTensorMixin(Tensor):
    """A tensor with a dtype but without a shape yet; :meth:`materialize` makes it an ordinary one.

    It can be registered, converted and copied; anything that needs its values is a ValueError.
    """

    cls_to_become: type[Tensor] = Tensor

    # Until it is materialized the memory lies hidden behind this property: every operation reads `_array`.
    @property
    def _array(self) -> Array:
        raise ValueError(
            f"Attempted to use an uninitialized {self._what()}. Call the lazy module's forward with a sample "
            "batch "
            "(or load a state dict into it) first: that gives its parameters and buffers their shapes"
        )

    @_array.setter
    def _array(self, array: Array) -> None:
        self.__dict__["_array"] = array

    def _what(self) -> str:
        return "buffer" if isinstance(self, Buffer) else "parameter"

    @contextmanager
    def _ordinary(self) -> Iterator[Tensor]:
        """The tensor as if it were initialised, with no elements."""
        kind = type(self)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        try:
            yield self
        finally:
            self.__class__ = kind

    def materialize(self, shape: Sequence[int], device: Any = None, dtype: DTypeLike | None = None) -> None:
        """Become an ordinary tensor of this shape, in place; its values are arbitrary."""
        data = empty(tuple(shape), dtype=dtype or self.dtype, device=device)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.data = data

    @property
    def shape(self) -> Any:
        """RuntimeError: there is none yet."""
        raise RuntimeError(
            f"Can't access the shape of an uninitialized {self._what()}. It may come from the state dict of "
            "a lazy "
            "module that was never called: call `forward` before loading it or accessing its attributes."
        )

    @property
    def dtype(self) -> DType:
        """The type that the elements will have."""
        kind: np.dtype[Any] = self.__dict__["_array"].dtype
        return from_numpy_dtype(kind)

    def is_floating_point(self) -> bool:
        """Whether the elements will be floating point numbers."""
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        """Whether the elements will be complex numbers."""
        return self.dtype.is_complex

    @property
    def requires_grad(self) -> bool:
        """Whether gradients will be computed for the tensor."""
        return self._node is not None

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        with self._ordinary() as tensor:
            tensor.requires_grad = value

    @property
    def data(self) -> Tensor:
        """No elements of the right dtype; assigning them converts the tensor to theirs."""
        return Tensor._wrap(self.__dict__["_array"])

    @data.setter
    def data(self, value: Tensor) -> None:
        with self._ordinary() as tensor:
            tensor.data = value

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __format__(self, spec: str) -> str:
        return object.__format__(self, spec)

    def __copy__(self) -> Tensor:
        return self.__deepcopy__({})

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if id(self) not in memo:
            memo[id(self)] = _rebuild(type(self), self.dtype.name, self.requires_grad, copy.copy(self._own()))
        return memo[id(self)]  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.dtype.name, self.requires_grad, self._own())


def _rebuild(kind: Any, dtype: str, requires_grad: bool, own: dict[str, Any]) -> Tensor:
    out: Tensor = kind(requires_grad=requires_grad, dtype=np.dtype(dtype))
    out.__dict__.update(own)
    return out


def _fill(tensor: Any, requires_grad: bool, device: Any, dtype: DTypeLike | None) -> None:
    tensor._array = empty((0,), device=device, dtype=None if dtype is None else to_numpy_dtype(dtype))._array
    tensor._node = None
    tensor.requires_grad = requires_grad


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape is not known yet: ``materialize(shape)`` turns it into a :class:`Parameter`.

    >>> from autotape import nn
    >>> p = nn.UninitializedParameter()
    >>> p
    <UninitializedParameter>
    >>> p.materialize((2, 3)); p.shape
    autotape.Size([2, 3])
    """

    cls_to_become = Parameter

    def __init__(
        self, requires_grad: bool = True, device: Any = None, dtype: DTypeLike | None = None
    ) -> None:
        _fill(self, requires_grad, device, dtype)


class UninitializedBuffer(UninitializedTensorMixin, Buffer):
    """A buffer whose shape is not known yet: ``materialize(shape)`` turns it into a Tensor."""

    cls_to_become = Tensor

    def __init__(
        self,
        requires_grad: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
        persistent: bool = True,
    ) -> None:
        _fill(self, requires_grad, device, dtype)
        self.persistent = persistent


def is_lazy(param: Any) -> bool:
    """Whether a parameter or buffer waits for its shape."""
    return isinstance(param, UninitializedTensorMixin)


class LazyModuleMixin(Module):
    """Base of modules that learn sizes from their first input: ``class LazyLinear(LazyModuleMixin, Linear)``.

    The class makes its parameters as :class:`UninitializedParameter` and defines ``initialize_parameters``,
    which is called with the arguments of the first call and materializes them. Then the module becomes a
    ``cls_to_become``. A state dict of an initialised module loads as well: it gives the shapes too.

    >>> import autotape as at
    >>> from autotape import nn
    >>> net = nn.Sequential(nn.LazyLinear(10), nn.ReLU(), nn.LazyLinear(1))
    >>> net[0]
    LazyLinear(in_features=0, out_features=10, bias=True)
    >>> net(at.ones(5, 3)).shape
    autotape.Size([5, 1])
    >>> net[0]
    Linear(in_features=3, out_features=10, bias=True)
    """

    cls_to_become: type[Module] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # for the class beside this one
        self._initialize_hook = self.register_forward_pre_hook(_initialize, with_kwargs=True)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Materialize the parameters for these arguments of ``forward``; every subclass defines it."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer of the module itself waits for its shape."""
        return any(is_lazy(t) for t in chain(self._parameters.values(), self._buffers.values()))


# A function and no method: bound to its module it would make a cycle, which only the garbage collector frees.
def _initialize(module: LazyModuleMixin, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    with no_grad():
        module.initialize_parameters(*args, **kwargs)
    if module.has_uninitialized_params():
        raise RuntimeError(f"module {type(module).__name__} has not been fully initialized")
    module._initialize_hook.remove()
    del module._initialize_hook
    if module.cls_to_become is not None:
        module.__class__ = module.cls_to_become  # type: ignore[assignment]
