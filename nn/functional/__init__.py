"""The functions behind the modules: activations, losses, affine maps, embedding, dropout."""

from autotape.nn.functional.activation import (
    elu,
    gelu,
    glu,
    leaky_relu,
    log_softmax,
    logsigmoid,
    prelu,
    relu,
    silu,
    softmax,
    softplus,
)
from autotape.nn.functional.cross_entropy import cross_entropy, nll_loss
from autotape.nn.functional.dropout import dropout
from autotape.nn.functional.embedding import embedding, one_hot
from autotape.nn.functional.linear import bilinear
from autotape.nn.functional.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from autotape.nn.functional.normalization import normalize
from autotape.ops.activations import sigmoid
from autotape.ops.elementwise import tanh
from autotape.ops.fused import linear

__all__ = [
    "bilinear",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "glu",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "prelu",
    "relu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]
