"""PyTorch's import paths of modules: ``from autotape.nn.modules.batchnorm import BatchNorm2d``.

Each path has the names of :mod:`autotape.nn` and those that its own file there defines; ``utils`` has
``_pair`` and its like. New code imports from ``autotape.nn``.

>>> from autotape.nn.modules.utils import _pair
>>> _pair(3)
(3, 3)
"""

import sys
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from autotape import nn
from autotape.nn import *  # noqa: F403 - a path of the same names
from autotape.nn import batchnorm, conv, dropout, instancenorm, loss, module

_PATHS = """
    activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold instancenorm
    lazy linear loss module normalization padding pixelshuffle pooling rnn sparse transformer upsampling utils
    """.split()  # noqa: SIM905 - a paragraph reads better than a column


def _ntuple(n: int) -> Callable[[Any], tuple[Any, ...]]:
    def parse(x: Any) -> tuple[Any, ...]:
        return tuple(x) if isinstance(x, Iterable) else (x,) * n

    return parse


_OWN: dict[str, dict[str, Any]] = {
    "batchnorm": {"_BatchNorm": batchnorm._BatchNorm},
    "conv": {"_ConvNd": conv._ConvNd},
    "dropout": {"_DropoutNd": dropout._Dropout},
    "instancenorm": {"_InstanceNorm": instancenorm._InstanceNorm},
    "loss": {"_Loss": loss.Loss, "_WeightedLoss": loss.WeightedLoss},
    "module": vars(module),
    "utils": {
        "_ntuple": _ntuple,
        "_single": _ntuple(1),
        "_pair": _ntuple(2),
        "_triple": _ntuple(3),
        "_quadruple": _ntuple(4),
        **{f"_size_{n}_t": int | tuple[(int,) * n] for n in range(1, 7)},  # type: ignore[misc]
    },
}

for _path in _PATHS:
    _module = ModuleType(f"{__name__}.{_path}", f"The path of PyTorch's ``nn.modules.{_path}``.")
    vars(_module).update({name: getattr(nn, name) for name in nn.__all__ if name != "utils"})
    vars(_module).update({k: v for k, v in _OWN.get(_path, {}).items() if not k.startswith("__")})
    sys.modules[_module.__name__] = _module
    globals()[_path] = _module

__all__ = sorted([*_PATHS, *(name for name in nn.__all__ if name[0].isupper())])
