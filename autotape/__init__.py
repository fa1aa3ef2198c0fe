"""autotape: a tape-based autograd engine on NumPy with PyTorch's names and semantics.

>>> import autotape as at
>>> x = at.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

from __future__ import annotations

import importlib
import os
import typing

if not os.path.isdir(os.path.join(__path__[0], "nn")):  # a checkout that lost its symbolic links
    __path__.append(os.path.dirname(__path__[0]))

from autotape import autograd, backends, cuda, linalg, methods
from autotape.aliases import *
from autotape.autograd.modes import *
from autotape.display import *
from autotape.engine.basics import *
from autotape.engine.dtypes import *
from autotape.engine.tape import *
from autotape.engine.tensor import *
from autotape.in_place import *
from autotape.linalg.general_norm import *
from autotape.linalg.legacy import *
from autotape.ops import generator as random
from autotape.ops.activations import *
from autotape.ops.arithmetic import *
from autotape.ops.arranging import *
from autotape.ops.attributes import *
from autotape.ops.choices import *
from autotape.ops.combining import *
from autotape.ops.comparison import *
from autotape.ops.complexes import *
from autotape.ops.conversion import *
from autotape.ops.creation import *
from autotape.ops.cumulative import *
from autotape.ops.diagonals import *
from autotape.ops.differences import *
from autotape.ops.distances import *
from autotape.ops.einsum import *
from autotape.ops.exponentials import *
from autotape.ops.extrema import *
from autotape.ops.filling import *
from autotape.ops.floats import *
from autotape.ops.from_data import *
from autotape.ops.generator import *
from autotape.ops.histograms import *
from autotape.ops.indexing import *
from autotape.ops.inplace import *
from autotape.ops.integers import *
from autotape.ops.joining import *
from autotape.ops.layouts import *
from autotape.ops.legacy import *
from autotape.ops.likes import *
from autotape.ops.log_sums import *
from autotape.ops.norms import *
from autotape.ops.order_statistics import *
from autotape.ops.ordering import *
from autotape.ops.powers import *
from autotape.ops.products import *
from autotape.ops.quantiles import *
from autotape.ops.random import *
from autotape.ops.reductions import *
from autotape.ops.rounding import *
from autotape.ops.sampling import *
from autotape.ops.scaled_products import *
from autotape.ops.scattering import *
from autotape.ops.searching import *
from autotape.ops.selecting import *
from autotape.ops.sequences import *
from autotape.ops.shape import *
from autotape.ops.signs import *
from autotape.ops.slices import *
from autotape.ops.sorting import *
from autotape.ops.spectral import *
from autotape.ops.splitting import *
from autotape.ops.stacking import *
from autotape.ops.statistics import *
from autotape.ops.strides import *
from autotape.ops.tensor_products import *
from autotape.ops.ternary import *
from autotape.ops.trigonometry import *
from autotape.ops.windows import *
from autotape.settings import *
from autotape.special.bessel import *
from autotape.special.entropy import *
from autotape.special.error_functions import *
from autotape.special.gamma import *

if typing.TYPE_CHECKING:
    from autotape import datasets, distributions, fft, func, nn, optim, serialization, signal, utils
    from autotape.func.batching import vmap
    from autotape.nn.functional.adaptive_pooling import adaptive_avg_pool1d, adaptive_max_pool1d
    from autotape.nn.functional.batchnorm import group_norm
    from autotape.nn.functional.convolution import (
        conv1d,
        conv2d,
        conv3d,
        conv_transpose1d,
        conv_transpose2d,
        conv_transpose3d,
    )
    from autotape.nn.functional.distance import cosine_similarity, pairwise_distance
    from autotape.nn.functional.dropout import alpha_dropout, dropout, feature_alpha_dropout
    from autotape.nn.functional.exponential_units import celu, selu
    from autotape.nn.functional.linear import bilinear
    from autotape.nn.functional.normalization import layer_norm, rms_norm
    from autotape.nn.functional.pixelshuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
    from autotape.nn.functional.pooling import (
        avg_pool1d,
        max_pool1d,
        max_pool1d_with_indices,
        max_pool2d,
        max_pool3d,
    )
    from autotape.nn.functional.rectifiers import rrelu, threshold
    from autotape.serialization.checkpoint import load, save

__version__ = "0.1.0"

# Imported when first used: half of the time that all rooms take together (benchmarks/import_time.py).
_ON_DEMAND = ("datasets", "distributions", "fft", "func", "nn", "optim", "serialization", "signal", "utils")
_OF_THEM = dict.fromkeys(
    """
    adaptive_avg_pool1d adaptive_max_pool1d alpha_dropout avg_pool1d bilinear celu channel_shuffle
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity dropout
    feature_alpha_dropout group_norm layer_norm max_pool1d max_pool1d_with_indices max_pool2d max_pool3d
    pairwise_distance pixel_shuffle pixel_unshuffle rms_norm rrelu selu threshold
    """.split(),  # noqa: SIM905 - a paragraph reads better than a column
    "nn.functional",
) | {"load": "serialization", "save": "serialization", "vmap": "func"}
_INTERNAL = ("annotations", "importlib", "methods", "os", "typing")
__all__ = sorted(
    {name for name in globals() if not name.startswith("_") and name not in _INTERNAL}
    | {*_ON_DEMAND, *_OF_THEM}
)


def __getattr__(name: str) -> typing.Any:
    """Rooms that are imported when first used, and the error for a name that is not there."""
    if name in _ON_DEMAND:
        return importlib.import_module(f"autotape.{name}")
    if name in _OF_THEM:
        return getattr(importlib.import_module(f"autotape.{_OF_THEM[name]}"), name)
    from autotape.left_out import missing

    raise missing("autotape", name, __all__)


def __dir__() -> list[str]:
    return [*globals(), *_ON_DEMAND, *_OF_THEM]
