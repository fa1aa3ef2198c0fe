"""Parameters that are made when they are first asked for, and shared by name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn import init as initial
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import empty

__all__ = ["ParameterStore"]


class ParameterStore(Module):
    """Parameters by name: :meth:`get` makes one when it is first asked for and returns the same ever after.

    Parts of a model that ask for one name share one parameter. Names may have dots, which group parameters as
    the attributes of modules do: ``parameters()``, ``state_dict()`` and the rest know them by these names. A
    store takes the parameters that it does not have yet from a state dict. An optimizer gets those that are
    there when it is made: run the model once before, or ask for them all.

    >>> import autotape as at
    >>> from autotape import nn
    >>> store = nn.ParameterStore()
    >>> def model(x):
    ...     w = store.get("affine.weight", (4, 3))
    ...     return x @ w + store.get("affine.bias", (3,), init=nn.init.zeros_)
    >>> model(at.ones(2, 4)).shape
    autotape.Size([2, 3])
    >>> [name for name, _ in store.named_parameters()]
    ['affine.weight', 'affine.bias']
    >>> store.get("affine.weight", (4, 3)) is store.get("affine.weight", (4, 3))
    True
    """

    def get(
        self,
        name: str,
        shape: Sequence[int],
        init: Callable[[Tensor], object] | None = None,
        dtype: DTypeLike | None = None,
    ) -> Parameter:
        """The parameter of that name, made with this shape if it is not there yet.

        Args:
            name: ``"weight"``, or with dots ``"encoder.0.weight"``.
            shape: its shape, also of one that is there.
            init: fills a new one in place, as the functions of :mod:`autotape.nn.init` do; by default with
                draws from N(0, 1 / shape[0]).
            dtype: of a new one.

        Errors: ValueError if it is there with another shape, or if the name is no path or a part of it is
        taken by something else.
        """
        found = self._find(name)
        if found is None:
            found = Parameter(empty(tuple(shape), dtype=dtype))
            (init or _scaled_normal)(found)
            self._add(name, found)
        elif tuple(found.shape) != tuple(shape):
            raise ValueError(
                f"parameter {name!r} has shape {tuple(found.shape)}, but {tuple(shape)} is asked for"
            )
        return found

    def get_embedding(self, name: str, shape: tuple[int, int], indices: Tensor) -> Tensor:
        """The rows ``indices`` of the table of that name and shape (rows, columns); see :meth:`get`.

        Only these rows get a gradient other than 0; that of a row named twice is the sum.

        >>> import autotape as at
        >>> from autotape import nn
        >>> nn.ParameterStore().get_embedding("words", (100, 8), at.tensor([5, 7, 5])).shape
        autotape.Size([3, 8])
        """
        return F.embedding(indices, self.get(name, shape))

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def _find(self, name: str) -> Parameter | None:
        *path, last = name.split(".")
        module: Module = self
        for part in path:
            if part not in module._modules:
                return None
            module = module._modules[part]
        found: Parameter | None = module._parameters.get(last)
        return found

    def _add(self, name: str, parameter: Parameter) -> None:
        *path, last = name.split(".")
        module: Module = self
        try:
            for part in path:
                if part not in module._modules:
                    module.add_module(part, Module())
                module = module._modules[part]
            module.register_parameter(last, parameter)
        except KeyError as error:
            raise ValueError(f"no parameter can have the name {name!r}: {error.args[0]}") from None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *how: Any) -> None:
        for key, value in state_dict.items():
            name = key.removeprefix(prefix)
            if key.startswith(prefix) and self._find(name) is None:
                self._add(name, Parameter(empty(tuple(value.shape), dtype=value.dtype)))
        super()._load_from_state_dict(state_dict, prefix, *how)


def _scaled_normal(parameter: Tensor) -> None:
    rows = parameter.shape[0] if parameter.ndim else 1
    initial.normal_(parameter, std=1 / math.sqrt(max(rows, 1)))
