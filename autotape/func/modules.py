"""Modules as functions of their parameters and buffers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from autotape.engine.tensor import Tensor
from autotape.ops.joining import stack

if TYPE_CHECKING:
    from autotape.nn.module import Module

__all__ = ["functional_call", "stack_module_state"]

_MISSING = object()


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Mapping[str, Tensor] | Sequence[Mapping[str, Tensor]],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with these tensors in place of its parameters and buffers of these names.

    The module is as before afterwards, also after an error; a buffer that it assigns anew is not kept, and
    one that it writes in place changes the tensor given for it.

    Args:
        module: the module to call.
        parameter_and_buffer_dicts: tensors by name (``"0.weight"``), or several such dicts, of different
        names. args: the arguments; one that is not a tuple stands for itself.
        kwargs: the keyword arguments.
        tie_weights: a tensor given for one name also replaces that parameter under its other names.
        strict: RuntimeError unless the names are all those of the module's parameters and buffers.

    >>> import autotape as at
    >>> net = at.nn.Linear(2, 1)
    >>> at.func.functional_call(net, {"weight": at.ones(1, 2), "bias": at.zeros(1)}, at.tensor([1.0, 2.0]))
    tensor([3.])
    """
    if isinstance(parameter_and_buffer_dicts, Mapping):
        given = dict(parameter_and_buffer_dicts)
    elif isinstance(parameter_and_buffer_dicts, Sequence):
        if not all(isinstance(d, Mapping) for d in parameter_and_buffer_dicts):
            raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
        names = [name for d in parameter_and_buffer_dicts for name in d]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"{twice} appeared in multiple dictionaries; behavior of functional call is ambiguous"
            )
        given = {name: value for d in parameter_and_buffer_dicts for name, value in d.items()}
    else:
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(parameter_and_buffer_dicts)}"
        )
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    if strict:
        _check_names(given, own, tie_weights)
    if tie_weights:
        given = _tied(given, own)
    with _replaced(module, given):
        return module(*args, **(kwargs or {}))


def _check_names(given: dict[str, Tensor], own: dict[str, Any], tie_weights: bool) -> None:
    supplied = {id(own[name]) for name in given if name in own} if tie_weights else set()
    missing = [n for n, t in own.items() if n not in given and id(t) not in supplied]
    unexpected = [n for n in given if n not in own]
    problems = []
    if missing:
        problems.append("Missing key(s): " + ", ".join(map(repr, missing)) + ".")
    if unexpected:
        problems.append("Unexpected key(s): " + ", ".join(map(repr, unexpected)) + ".")
    if problems:
        raise RuntimeError("Error(s) in reparametrizing: " + " ".join(problems))


def _tied(given: dict[str, Tensor], own: dict[str, Any]) -> dict[str, Tensor]:
    """The tensors also under the other names of the parameters that they replace."""
    names: dict[int, list[str]] = {}
    for name, t in own.items():
        if t is not None:
            names.setdefault(id(t), []).append(name)
    result = dict(given)
    for group in names.values():
        here = [n for n in group if n in given]
        if len({id(given[n]) for n in here}) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(here)}, which are tied. "
                f"Consider using "
                "tie_weights=False"
            )
        if here:
            result.update(dict.fromkeys(group, given[here[0]]))
    return result


@contextmanager
def _replaced(module: Module, given: dict[str, Tensor]) -> Iterator[None]:
    """The module with other tensors under these names."""
    before: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for path, value in given.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"functional_call: {path!r} must be a Tensor, not {type(value).__name__}")
            prefix, _, name = path.rpartition(".")
            attributes = module.get_submodule(prefix).__dict__
            before.append((attributes, name, attributes.get(name, _MISSING)))
            attributes[name] = value
        yield
    finally:
        for attributes, name, value in reversed(before):
            if value is _MISSING:
                attributes.pop(name, None)
            else:
                attributes[name] = value


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The parameters and the buffers of modules of one architecture, stacked along a new first dimension.

    Two dicts by name, for :func:`vmap` over an ensemble of models with :func:`functional_call`. The stacked
    parameters are leaves that require grad if the models' do. Errors: RuntimeError unless the models are of
    one class and all in training or all in evaluation mode, ValueError if parameters of a name differ in
    requires_grad.

    >>> import autotape as at
    >>> models = [at.nn.Linear(2, 3) for _ in range(4)]
    >>> parameters, buffers = at.func.stack_module_state(models)
    >>> parameters["weight"].shape
    autotape.Size([4, 3, 2])
    """
    models = list(models)
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({m.training for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = _stacked([dict(m.named_parameters()) for m in models])
    return parameters, _stacked([dict(m.named_buffers()) for m in models])


def _stacked(states: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    stacked = {}
    for name in states[0]:
        tensors = [s[name] for s in states]
        flags = {t.requires_grad for t in tensors}
        if len(flags) > 1:
            raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
        stacked[name] = stack([t.detach() for t in tensors]).requires_grad_(flags.pop())
    return stacked
