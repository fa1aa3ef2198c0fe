"""Parameters that are computed from others: constraints such as symmetry or orthogonality.

A parametrized module gets a class of its own with a property in the parameter's place; the tensors that are
trained live in ``module.parametrizations.<name>``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import Tensor
from autotape.nn.container import ModuleDict, ModuleList
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_values: ContextVar[dict[tuple[Module, str], Tensor] | None] = ContextVar("parametrized", default=None)


@contextmanager
def cached() -> Iterator[None]:
    """Within the block every parametrized tensor is computed once, at its first use.

    For a forward pass that reads a weight several times, as a recurrent cell does.

    >>> from autotape import nn
    >>> from autotape.nn.utils import parametrize
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    >>> with parametrize.cached():
    ...     layer.weight is layer.weight
    True
    """
    if _values.get() is not None:  # within another block: its values serve
        yield
        return
    token = _values.set({})
    try:
        yield
    finally:
        _values.reset(token)


def _lists(module: Any) -> Any:
    """The module's parametrizations: a ModuleDict of a :class:`ParametrizationList` for each name."""
    return module.parametrizations


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _check_same(what: str, old: Tensor, new: Any, shape: bool = True) -> None:
    """ValueError if what a parametrization gives is not like the tensor that the module relies on."""
    if not isinstance(new, Tensor):
        raise ValueError(f"{what} must return a tensor. Got {type(new).__name__}.")
    if new.dtype != old.dtype:
        raise ValueError(
            f"{what} may not change the dtype of the tensor, unless the `unsafe` flag is enabled: from "
            f"{old.dtype} "
            f"to {new.dtype}"
        )
    if shape and new.shape != old.shape:
        raise ValueError(
            f"{what} may not change the shape of the tensor, unless the `unsafe` flag is enabled: from "
            f"{old.shape} "
            f"to {new.shape}"
        )


def _inverse(module: Module, value: Any) -> Any:
    """``module.right_inverse(value)``; the value itself where there is none."""
    if not hasattr(module, "right_inverse"):
        return value
    try:
        return module.right_inverse(value)
    except NotImplementedError:
        return value


class ParametrizationList(ModuleList):
    """The parametrizations of a tensor, and what it is computed from (``original``, ``original0`` ...).

    Made by :func:`register_parametrization`.
    """

    original: Tensor

    def __init__(self, modules: Sequence[Module], original: Tensor | Parameter, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        before = original.detach()  # what the parametrized tensor must be like
        with no_grad():
            new: Any = original
            for module in reversed(list(self)):
                new = _inverse(module, new)
        if not isinstance(new, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if isinstance(new, Tensor) else len(new)
        if isinstance(new, Tensor):
            _check_same("'right_inverse'", original, new, shape=False)
            original.data = new.detach()  # the same object: an optimizer goes on with it
            _register(self, "original", original)
        else:
            for i, tensor in enumerate(new):
                if not isinstance(tensor, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                        f"Got element {i} of the sequence with type {type(tensor).__name__}."
                    )
                if isinstance(original, Parameter):
                    tensor = Parameter(tensor.detach(), original.requires_grad)
                else:
                    tensor = tensor.detach().requires_grad_(original.requires_grad)
                _register(self, f"original{i}", tensor)
        if not unsafe:
            _check_same("Registering a parametrization", before, self())

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Set the original tensors so that the parametrized one becomes ``value``.

        Every parametrization must have a ``right_inverse``; RuntimeError otherwise.
        """
        with no_grad():
            new: Any = value
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                new = module.right_inverse(new)
        tensors = [new] if self.is_tensor else new
        if not self.is_tensor and not isinstance(new, Sequence):
            raise ValueError(f"'right_inverse' must return a sequence of tensors. Got {type(new).__name__}.")
        if len(tensors) != self.ntensors:
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors of length {self.ntensors}. Got a "
                "sequence of "
                f"length {len(tensors)}."
            )
        for original, tensor in zip(self._originals(), tensors):
            _check_same("`right_inverse`", original, tensor, shape=False)
            original.data = tensor.detach()

    def forward(self) -> Any:
        """The parametrized tensor."""
        first, *rest = self
        value = first(*self._originals())
        for module in rest:
            value = module(value)
        return value


# --- the class of a parametrized module ---------------------------------------------------------------------


def _own_class(module: Module, base: type) -> None:
    """Give the module a class of its own, below ``base``, where properties stand for parameters."""

    def deep_copy(self: Module, memo: dict[int, Any]) -> Module:
        copied = object.__new__(type(self))
        memo[id(self)] = copied
        copied.__dict__.update(copy.deepcopy(self.__dict__, memo))
        _own_class(copied, base)  # what is removed from the copy stays with the original
        for name in _lists(copied):
            _inject(copied, name)
        return copied

    def no_pickling(self: Module) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(): build the module, "
            "register its parametrizations and load the state dict"
        )

    members: dict[str, Any] = {"__getstate__": no_pickling, "__module__": base.__module__}
    if not hasattr(base, "__deepcopy__"):
        members["__deepcopy__"] = deep_copy
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), members)


def _inject(module: Module, name: str) -> None:
    """Make ``module.name`` the parametrized tensor."""

    def get(self: Module) -> Any:
        parametrization = _lists(self)[name]
        values = _values.get()
        if values is None:
            return parametrization()
        if (self, name) not in values:
            values[self, name] = parametrization()
        return values[self, name]

    def set_original(self: Module, value: Tensor) -> None:
        _lists(self)[name].right_inverse(value)

    setattr(type(module), name, property(get, set_original))


# --- functions ----------------------------------------------------------------------------------------------


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Make a parameter or buffer a function of another: ``module.name = parametrization(original)``.

    The original is then ``module.parametrizations.name.original``. If the parametrization has a method
    ``right_inverse``, the original starts as ``right_inverse(value)`` and ``module.name = value`` works; with
    one that returns several tensors they are ``original0``, ``original1`` ... and ``parametrization`` is
    called with all. Further parametrizations of the same name are applied to the result of those before.

    Args:
        module: the module; it gets a class of its own (see :func:`type_before_parametrizations`).
        tensor_name: the name of its parameter or buffer.
        parametrization: a module.
        unsafe: whether it may change shape and dtype; ValueError if it does without this flag.

    >>> import autotape as at
    >>> from autotape import nn
    >>> from autotape.nn.utils import parametrize
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).mT
    >>> layer = parametrize.register_parametrization(nn.Linear(3, 3), "weight", Symmetric())
    >>> at.equal(layer.weight, layer.weight.mT)
    True
    >>> [name for name, _ in layer.named_parameters()]
    ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        known = _lists(module)[tensor_name]
        if not unsafe:
            before = getattr(module, tensor_name)
            after = parametrization(before)
            _check_same("Registering a parametrization", before, after)
            _check_same("parametrization.right_inverse", before, _inverse(parametrization, after))
        known.append(parametrization)
        known.unsafe |= unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    parametrizations = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        _own_class(module, type(module))
        module.parametrizations = ModuleDict()
    _inject(module, tensor_name)
    _lists(module)[tensor_name] = parametrizations
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether that tensor of the module, or any, is parametrized."""
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor an ordinary parameter or buffer again.

    Its value stays what it is; with ``leave_parametrized=False`` it becomes that of the original, which must
    then be one tensor. ValueError if the tensor is not parametrized.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parametrizations = _lists(module)[tensor_name]
    if parametrizations.is_tensor:
        original = parametrizations.original
        if leave_parametrized:
            with no_grad():
                original.data = getattr(module, tensor_name)  # the same object: an optimizer goes on with it
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        original = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms "
            "of a "
            "sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del _lists(module)[tensor_name]
    _register(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations  # type: ignore[attr-defined]
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class that the module had before its parametrizations; its class if it has none."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give ``to_module`` the parametrizations of another module and the tensors they use; returns it.

    Of one name, or of all. A tensor that it does not have is made; nothing happens if ``from_module`` is not
    parametrized.
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(_lists(from_module)) if tensor_name is None else [tensor_name]:
        source = _lists(from_module)[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        target = _lists(to_module)[name]
        for attribute in [n for n in (*source._parameters, *source._buffers) if n.startswith("original")]:
            setattr(target, attribute, getattr(source, attribute))
    return to_module
