"""Reading and writing the state dict of a module tree."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import RemovableHandle, Tensor
from autotape.nn._members import BUFFERS, MODULES, PARAMETERS, Owner
from autotape.nn.parameter import Parameter

if TYPE_CHECKING:
    from autotape.nn.module import Module

__all__ = ["IncompatibleKeys", "Stateful"]

_EXTRA = "_extra_state"


class IncompatibleKeys(NamedTuple):
    """What ``load_state_dict`` could not match; empty lists when all keys matched."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not (self.missing_keys or self.unexpected_keys):
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class Stateful(Owner):
    """The part of :class:`autotape.nn.Module` that writes its state into a dict and loads it from one."""

    _version = 1  # of the module's part of a state dict
    _state_dict_pre_hooks: list[Any]
    _state_dict_hooks: list[Any]
    _load_state_dict_pre_hooks: list[Any]
    _load_state_dict_post_hooks: list[Any]

    def __init__(self) -> None:
        super().__init__()
        self.__dict__.update(
            _state_dict_pre_hooks=[],
            _state_dict_hooks=[],
            _load_state_dict_pre_hooks=[],
            _load_state_dict_post_hooks=[],
        )

    # --- writing -------------------------------------------------------------------------------------------

    def state_dict(
        self, *, destination: dict[str, Any] | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """All parameters and persistent buffers by path: what :func:`autotape.save` writes of a model.

        The values are detached and share the module's memory (``keep_vars``: the parameters themselves).

        >>> from autotape import nn
        >>> list(nn.Sequential(nn.Linear(2, 1), nn.ReLU()).state_dict())
        ['0.weight', '0.bias']
        """
        if destination is None:
            destination = OrderedDict()
            destination._metadata = {}  # type: ignore[attr-defined]  # the version of each module's format
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in tuple(self._state_dict_pre_hooks):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        attributes = self.__dict__
        for name in tuple(attributes[MODULES]):
            module = attributes[name]
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in tuple(self._state_dict_hooks):
            if hook(self, destination, prefix, metadata) is not None:
                raise RuntimeError("state_dict post-hook must return None: it changes the dict in place")
        return destination

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Write the module's own state, without its children."""
        for name, value in self._own_state().items():
            destination[prefix + name] = value if keep_vars or _waits(value) else value.detach()
        if type(self).get_extra_state is not Stateful.get_extra_state:
            destination[prefix + _EXTRA] = self.get_extra_state()

    def _own_state(self) -> dict[str, Tensor]:
        attributes = self.__dict__
        names = [*attributes[PARAMETERS], *attributes[BUFFERS]]
        transient = self._non_persistent_buffers_set
        return {n: attributes[n] for n in names if attributes[n] is not None and n not in transient}

    def get_extra_state(self) -> Any:
        """What else belongs into the state dict; a subclass may define it, together with set_extra_state."""
        raise RuntimeError(f"{type(self).__name__} defines no get_extra_state: it has no extra state")

    def set_extra_state(self, state: Any) -> None:
        """Take from a state dict what :meth:`get_extra_state` gave."""
        raise RuntimeError(f"{type(self).__name__} defines no set_extra_state: it has no extra state")

    def register_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before :meth:`state_dict` reads the module."""
        return RemovableHandle(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after the module and all below are read.

        The hook may change ``state_dict`` in place; it returns None.
        """
        return RemovableHandle(self._state_dict_hooks, hook)

    # --- loading -------------------------------------------------------------------------------------------

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy parameters and buffers from a state dict into this module and all below it.

        Args:
            state_dict: tensors (or NumPy arrays) by path, as :meth:`state_dict` returns them.
            strict: RuntimeError unless the keys are exactly those of this module.
            assign: put the tensors in the parameters' places instead of copying their values.

        Returns what did not match: ``missing_keys`` and ``unexpected_keys``. RuntimeError lists every missing
        or unexpected key (if strict) and every tensor of another shape; what fits is loaded all the same.

        >>> from autotape import nn
        >>> net = nn.Linear(2, 1)
        >>> net.load_state_dict(nn.Linear(2, 1).state_dict())
        <All keys matched successfully>
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        versions = getattr(state_dict, "_metadata", {})
        found = IncompatibleKeys([], [])
        errors: list[str] = []

        def visit(module: Module, part: dict[str, Any], prefix: str) -> None:
            metadata = {**versions.get(prefix[:-1], {}), "assign_to_params_buffers": assign}
            module._load_from_state_dict(part, prefix, metadata, True, *found, errors)
            for name in tuple(module.__dict__[MODULES]):
                child = module.__dict__[name]
                if child is not None:
                    inner = f"{prefix}{name}."
                    visit(child, {key: value for key, value in part.items() if key.startswith(inner)}, inner)
            for hook in tuple(module._load_state_dict_post_hooks):
                if hook(module, found) is not None:
                    raise AssertionError(
                        "a load_state_dict post-hook must return None: it changes incompatible_keys in place"
                    )

        visit(self, dict(state_dict), "")  # type: ignore[arg-type]
        problems = []
        for what, keys in zip(("Missing", "Unexpected"), found):
            if strict and keys:
                names = ", ".join([f'"{key}"' for key in keys])
                problems.append(f"{what} key(s) in state_dict: {names}. ")
        problems += errors
        if problems:
            name = type(self).__name__
            raise RuntimeError("\n\t".join([f"Error(s) in loading state_dict for {name}:", *problems]))
        return found

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load the module's own state; what does not fit is added to the three lists."""
        for hook in tuple(self._load_state_dict_pre_hooks):
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        state = self._own_state()
        expected = set(state)
        for name, value in state.items():
            if prefix + name in state_dict:
                error = self._load_tensor(name, value, state_dict[prefix + name], prefix, assign)
                if error:
                    error_msgs.append(error)
            elif strict:
                missing_keys.append(prefix + name)
        if type(self).set_extra_state is not Stateful.set_extra_state:
            expected.add(_EXTRA)
            if prefix + _EXTRA in state_dict:
                self.set_extra_state(state_dict[prefix + _EXTRA])
            elif strict:
                missing_keys.append(prefix + _EXTRA)
        if strict:
            for key in state_dict:
                name, dot, _ = key[len(prefix) :].partition(".")
                if key.startswith(prefix) and name not in (self.__dict__[MODULES] if dot else expected):
                    unexpected_keys.append(key)

    def _load_tensor(self, name: str, value: Any, new: Any, prefix: str, assign: bool) -> str:
        """Copy ``new`` into the member ``value``, or put it in its place; returns what is wrong, or ""."""
        if isinstance(new, np.ndarray):
            new = Tensor._from_array(new)
        if not isinstance(new, Tensor):
            return (
                f'While copying the parameter named "{prefix + name}", expected a Tensor or a NumPy array '
                f"from checkpoint but received {type(new)}"
            )
        if _waits(value):
            if _waits(new):
                return ""
            value.materialize(new.shape)
        if value.ndim == 0 and new.shape == (1,):  # as very old checkpoints hold numbers
            new = new[0]
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
                setattr(self, name, Parameter(new, value.requires_grad))
            else:
                setattr(self, name, new.requires_grad_(value.requires_grad))
        except (RuntimeError, TypeError) as error:
            return (
                f'While copying the parameter named "{prefix + name}", whose dimensions in the model are '
                f"{value.shape} and whose dimensions in the checkpoint are {new.shape}, "
                f"an exception occurred : {error.args}."
            )
        return ""

    def register_load_state_dict_pre_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call a hook before the module's own part of a state dict is loaded; it may change it in place.

        ``hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs)``: all keys begin with ``prefix``; what is added to the three lists is reported.
        """
        return RemovableHandle(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., None]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after the module and all below it were loaded.

        The hook may change ``incompatible_keys.missing_keys`` and ``.unexpected_keys`` in place, which counts
        for what a strict load reports; it returns None.
        """
        return RemovableHandle(self._load_state_dict_post_hooks, hook)


def _waits(value: Any) -> bool:
    """Whether it is a lazy module's parameter without a shape yet (nn.lazy imports this file)."""
    return hasattr(type(value), "materialize")
