"""Pruning a module's parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from autotape.engine.tensor import Tensor
from autotape.nn.module import Module
from autotape.nn.utils.prune.methods import (
    BasePruningMethod,
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    PruningContainer,
    RandomStructured,
    RandomUnstructured,
    hook_of,
)
from autotape.ops.joining import cat
from autotape.ops.likes import ones_like

__all__ = [
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]

M = TypeVar("M", bound=Module)


def identity(module: M, name: str) -> M:
    """Prepare ``module.name`` for pruning with a mask of ones."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune entries of ``module.name`` at random: a share of them (a float) or so many (an int)."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: M, name: str, amount: float, importance_scores: Tensor | None = None) -> M:
    """Prune the entries of ``module.name`` with the smallest absolute value.

    Args:
        module, name: whose parameter.
        amount: a share of the entries (a float) or so many (an int).
        importance_scores: a tensor of the same shape whose absolute values count instead.

    >>> import autotape as at
    >>> from autotape import nn
    >>> from autotape.nn.utils import prune
    >>> layer = nn.Linear(4, 1)
    >>> layer.weight.data = at.tensor([[3.0, -1.0, 2.0, -4.0]])
    >>> prune.l1_unstructured(layer, "weight", amount=2).weight.tolist()
    [[3.0, -0.0, 0.0, -4.0]]
    >>> sorted(layer.state_dict())
    ['bias', 'weight_mask', 'weight_orig']
    """
    L1Unstructured.apply(module, name, amount, importance_scores=importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune slices of ``module.name`` along ``dim`` at random: a share (a float) or so many (an int)."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: M, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> M:
    """Prune the slices of ``module.name`` along ``dim`` whose norm of order ``n`` is smallest.

    ``amount`` and ``importance_scores`` as of :func:`l1_unstructured`.
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Tensor) -> M:
    """Prune ``module.name`` by a mask of zeros and ones of its shape."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: Mapping[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several parameters as if they were one: the share is that of all their entries together.

    Args:
        parameters: pairs of a module and the name of its parameter.
        pruning_method: a class of ``PRUNING_TYPE`` "unstructured", such as :class:`L1Unstructured`.
        importance_scores: by pair, a tensor of the parameter's shape to go by instead of its values.
        kwargs: arguments of the class, such as ``amount``.

    >>> from autotape import nn
    >>> from autotape.nn.utils import prune
    >>> net = nn.Sequential(nn.Linear(10, 4), nn.Linear(4, 1))
    >>> weights = [(net[0], "weight"), (net[1], "weight")]
    >>> prune.global_unstructured(weights, prune.L1Unstructured, amount=10)
    >>> sum(int((getattr(module, name) == 0).sum()) for module, name in weights)
    10
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    pairs = list(parameters)
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, Mapping):
        raise TypeError("global_unstructured(): importance_scores should be of type dict")
    method = PruningContainer()
    new = pruning_method(**kwargs)
    if new.PRUNING_TYPE != "unstructured":
        raise TypeError(
            'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method '
            f"{pruning_method} of type {new.PRUNING_TYPE}"
        )
    method.add_pruning_method(new)
    values, masks = [], []
    for module, name in pairs:
        tensor = getattr(module, name).detach()
        score = scores.get((module, name), tensor)
        if score.shape != tensor.shape:
            raise AssertionError(
                f"importance_scores[({type(module).__name__}, {name!r})] has shape {score.shape} for a "
                "parameter of "
                f"shape {tensor.shape}"
            )
        values.append(score.reshape(-1))
        masks.append(getattr(module, name + "_mask", ones_like(tensor)).reshape(-1))
    mask = method.compute_mask(cat(values), default_mask=cat(masks))
    for (module, name), part in zip(pairs, mask.split([v.numel() for v in values])):
        custom_from_mask(module, name, part.reshape(getattr(module, name).shape))


def is_pruned(module: Module) -> bool:
    """Whether a parameter of the module, or of any below it, is pruned."""
    return any(
        isinstance(hook.function, BasePruningMethod)
        for inner in module.modules()
        for hook in inner._forward_pre_hooks
    )


def remove(module: M, name: str) -> M:
    """End the pruning of ``module.name``: it is an ordinary parameter again, with its zeros.

    ValueError if it was not pruned.
    """
    hook = hook_of(module, name)
    if hook is None:
        raise ValueError(
            f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed"
        )
    hook.function.remove(module)
    module._forward_pre_hooks.remove(hook)
    return module
