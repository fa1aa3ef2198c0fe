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

from autotape import autograd, methods
from autotape.aliases import *
from autotape.autograd.modes import *
from autotape.display import *
from autotape.engine.basics import *
from autotape.engine.dtypes import *
from autotape.engine.tape import *
from autotape.engine.tensor import *
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
from autotape.version import __version__

if typing.TYPE_CHECKING:
    from autotape import (
        accelerator,
        amp,
        backends,
        compiler,
        cuda,
        dataflow,
        datasets,
        distributed,
        distributions,
        fft,
        func,
        hub,
        jit,
        linalg,
        metrics,
        models,
        mps,
        multiprocessing,
        nn,
        onnx,
        optim,
        profiler,
        scripts,
        serialization,
        signal,
        testing,
        training,
        transforms,
        utils,
        version,
        xpu,
    )
    from autotape.amp import GradScaler as GradScaler
    from autotape.amp import autocast as autocast
    from autotape.func.batching import vmap
    from autotape.in_place import *
    from autotape.linalg.general_norm import *
    from autotape.linalg.legacy import *
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

# Imported when first used: half of the time that all rooms take together (benchmarks/import_time.py).
_ON_DEMAND = tuple(
    """
    accelerator amp backends compiler cuda dataflow datasets distributed distributions fft func hub jit linalg
    metrics models mps multiprocessing nn onnx optim profiler scripts serialization signal testing training
    transforms utils xpu
    """.split()  # noqa: SIM905
)
_NAMES_OF_THEM = {
    "amp": "GradScaler autocast",
    "func": "vmap",
    "in_place": """
    abs_ acos_ acosh_ addmv_ arccos_ arccosh_ arcsin_ arcsinh_ arctan_ arctanh_ asin_ asinh_ atan_
    atanh_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ conj_physical_ cos_ cosh_ deg2rad_ detach_ erf_
    erfc_ exp2_ exp_ expm1_ fill_ fix_ floor_ frac_ gcd_ i0_ index_put_ lcm_ ldexp_ log10_ log1p_
    log2_ log_ logit_ nan_to_num_ neg_ negative_ rad2deg_ reciprocal_ relu_ round_ rsqrt_ sigmoid_
    sin_ sinc_ sinh_ sqrt_ square_ tan_ tanh_ trunc_ xlogy_ zero_
    """,
    "linalg.general_norm": "norm",
    "linalg.legacy": """
    chain_matmul cholesky cholesky_inverse cholesky_solve det inverse logdet matrix_exp matrix_power pinverse
    qr slogdet svd triangular_solve
    """,
    "nn.functional": """
    adaptive_avg_pool1d adaptive_max_pool1d alpha_dropout avg_pool1d bilinear celu channel_shuffle
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d cosine_similarity dropout
    feature_alpha_dropout group_norm layer_norm max_pool1d max_pool1d_with_indices max_pool2d max_pool3d
    pairwise_distance pixel_shuffle pixel_unshuffle rms_norm rrelu selu threshold
    """,
    "serialization": "load save",
}
_OF_THEM = {name: room for room, names in _NAMES_OF_THEM.items() for name in names.split()}
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
        value = getattr(importlib.import_module(f"autotape.{_OF_THEM[name]}"), name)
        globals()[name] = value  # asked once: the next access costs no more than any other name's
        return value
    from autotape.left_out import missing

    raise missing("autotape", name, __all__)


def __dir__() -> list[str]:
    return [*globals(), *_ON_DEMAND, *_OF_THEM]
