"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from autotape.engine.tensor import Tensor
from autotape.ops.joining import cat

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All values of the parameters in one vector, in order; gradients flow through it.

    >>> from autotape import nn
    >>> nn.utils.parameters_to_vector(nn.Linear(10, 20).parameters()).shape
    autotape.Size([220])
    """
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make the parameters pieces of one vector, in order: they share its memory afterwards.

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.Linear(2, 1)
    >>> nn.utils.vector_to_parameters(at.arange(3.0), layer.parameters())
    >>> layer.weight.tolist(), layer.bias.tolist()
    ([[0.0, 1.0]], [2.0])
    """
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected autotape.Tensor, but got: {type(vec).__name__}")
    vec = vec.detach()
    start = 0
    for p in parameters:
        stop = start + p.numel()
        if stop > vec.numel():
            raise RuntimeError(f"the vector of {vec.numel()} values is too short for the parameters")
        p.data = vec[start:stop].view_as(p)
        start = stop
