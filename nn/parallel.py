"""DataParallel and DistributedDataParallel for one process: the module itself, one level down.

The names of parameters have the prefix ``module.``, as in PyTorch, so checkpoints fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from autotape.nn.module import Module

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel"]


class DataParallel(Module):
    """Calls ``module`` with the whole batch: PyTorch shares it out among GPUs, and does this without one.

    Args:
        module: the module; it is the attribute ``module`` too.
        device_ids, output_device, dim: ignored.

    >>> import autotape as at
    >>> from autotape import nn
    >>> net = nn.DataParallel(nn.Linear(2, 1))
    >>> list(net.state_dict()), net(at.ones(3, 2)).shape
    (['module.weight', 'module.bias'], autotape.Size([3, 1]))
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[int] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:  # noqa: D102
        return self.module(*inputs, **kwargs)


class DistributedDataParallel(Module):
    """Calls ``module``: the gradients of one process are the mean over all processes, of which there is one.

    PyTorch wants ``init_process_group`` first, which autotape leaves out.

    Args:
        module: the module; it is the attribute ``module`` too.
        others: ignored.

    >>> from autotape import nn
    >>> list(nn.parallel.DistributedDataParallel(nn.Linear(2, 1)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, **others: Any
    ) -> None:
        super().__init__()
        self.module = module

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:  # noqa: D102
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Context in which gradients are not exchanged: they never are."""
        yield


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Any = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """``module(*inputs)``, as :class:`DataParallel` computes it."""
    arguments = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*arguments, **(module_kwargs or {}))
