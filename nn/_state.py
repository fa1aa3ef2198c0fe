"""Reading and writing the state dict of a module tree."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import Tensor
from autotape.nn.parameter import Parameter

if TYPE_CHECKING:
    from autotape.nn.module import Module

__all__ = ["IncompatibleKeys", "load", "load_own", "new_state_dict", "save_own"]

_EXTRA = "_extra_state"


def new_state_dict() -> dict[str, Any]:
    """An empty state dict: an OrderedDict that also holds the version of each module's format."""
    state: Any = OrderedDict()
    state._metadata = {}
    return state  # type: ignore[no-any-return]


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` could not match; empty lists when all keys matched."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not (self.missing_keys or self.unexpected_keys):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


def _state_of(module: Module) -> dict[str, Tensor]:
    """The parameters and persistent buffers of one module, without its children."""
    members = [*module._parameters.items(), *module._buffers.items()]
    transient = module._non_persistent_buffers_set
    return {name: value for name, value in members if value is not None and name not in transient}


def save_own(module: Module, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
    """Write one module's state, without its children, into ``destination``."""
    for name, value in _state_of(module).items():
        destination[prefix + name] = value if keep_vars else value.detach()
    if hasattr(module, "get_extra_state"):
        destination[prefix + _EXTRA] = module.get_extra_state()


def load(module: Module, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Give every module of the tree its part of ``state_dict``; RuntimeError lists all that does not fit."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    versions = getattr(state_dict, "_metadata", {})
    missing: list[str] = []
    unexpected: list[str] = []
    errors: list[str] = []

    def visit(module: Module, part: dict[str, Any], prefix: str) -> None:
        metadata = {**versions.get(prefix[:-1], {}), "assign_to_params_buffers": assign}
        module._load_from_state_dict(part, prefix, metadata, True, missing, unexpected, errors)
        for name, child in module._modules.items():
            if child is not None:
                inner = f"{prefix}{name}."
                visit(child, {key: value for key, value in part.items() if key.startswith(inner)}, inner)

    visit(module, dict(state_dict), "")
    problems = []
    for what, keys in (("Missing", missing), ("Unexpected", unexpected)):
        if strict and keys:
            names = ", ".join([f'"{key}"' for key in keys])
            problems.append(f"{what} key(s) in state_dict: {names}. ")
    problems += errors
    if problems:
        name = type(module).__name__
        raise RuntimeError("\n\t".join([f"Error(s) in loading state_dict for {name}:", *problems]))
    return IncompatibleKeys(missing, unexpected)


def load_own(
    module: Module,
    state_dict: Mapping[str, Any],
    prefix: str,
    assign: bool,
    strict: bool,
    missing_keys: list[str],
    unexpected_keys: list[str],
    error_msgs: list[str],
) -> None:
    """Load one module's state, without its children; what does not fit is named in the three lists."""
    state = _state_of(module)
    expected = set(state)
    for name, value in state.items():
        if prefix + name in state_dict:
            error = _load_tensor(module, name, value, state_dict[prefix + name], prefix, assign)
            if error:
                error_msgs.append(error)
        elif strict:
            missing_keys.append(prefix + name)
    if hasattr(module, "set_extra_state"):
        expected.add(_EXTRA)
        if prefix + _EXTRA in state_dict:
            module.set_extra_state(state_dict[prefix + _EXTRA])
        elif strict:
            missing_keys.append(prefix + _EXTRA)
    if strict:
        for key in state_dict:
            name, dot, _ = key[len(prefix) :].partition(".")
            if key.startswith(prefix) and name not in (module._modules if dot else expected):
                unexpected_keys.append(key)


def _load_tensor(module: Module, name: str, value: Tensor, new: Any, prefix: str, assign: bool) -> str:
    """Copy ``new`` into the member ``value``, or put it in its place; returns what is wrong, if anything."""
    if isinstance(new, np.ndarray):
        new = Tensor._from_array(new)
    if not isinstance(new, Tensor):
        return (
            f'While copying the parameter named "{prefix + name}", expected a Tensor or a NumPy array '
            f"from checkpoint but received {type(new)}"
        )
    if new.shape != value.shape:
        return (
            f"size mismatch for {prefix + name}: copying a param with shape {new.shape} from checkpoint, "
            f"the shape in current model is {value.shape}."
        )
    try:
        if not assign:
            with no_grad():
                value.copy_(new)
        elif isinstance(value, Parameter) and not isinstance(new, Parameter):
            setattr(module, name, Parameter(new, value.requires_grad))
        else:
            setattr(module, name, new.requires_grad_(value.requires_grad))
    except (RuntimeError, TypeError) as error:
        return f'While copying the parameter named "{prefix + name}", an exception occurred: {error}'
    return ""
