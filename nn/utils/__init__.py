"""Tools around modules: limits on gradients, parametrizations, pruning, overviews."""

from typing import Any

from autotape import left_out
from autotape.nn.utils import parametrizations, parametrize, prune, rnn, stateless
from autotape.nn.utils._summary import Summary, summary
from autotape.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from autotape.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from autotape.nn.utils.fusion import fuse_conv_bn_eval, fuse_conv_bn_weights
from autotape.nn.utils.init import skip_init
from autotape.nn.utils.normalization import (
    remove_spectral_norm,
    remove_weight_norm,
    spectral_norm,
    weight_norm,
)
from autotape.nn.utils.tensor_dict import TensorDict
from autotape.nn.utils.unused import unused_parameters

__all__ = [
    "Summary",
    "TensorDict",
    "clip_grad_norm",
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "fuse_conv_bn_eval",
    "fuse_conv_bn_weights",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "prune",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "skip_init",
    "spectral_norm",
    "stateless",
    "summary",
    "unused_parameters",
    "vector_to_parameters",
    "weight_norm",
]


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("nn.utils", name, __all__)
