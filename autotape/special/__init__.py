"""Special functions, elementwise and differentiable, on NumPy alone.

The families' files state the methods and their sources. Functions that have a plain name in ``autotape``
are the same objects here.
"""

from __future__ import annotations

from typing import Any

from autotape import left_out
from autotape.ops.activations import log_softmax, softmax
from autotape.ops.activations import sigmoid as expit
from autotape.ops.exponentials import exp2, expm1, log1p
from autotape.ops.log_sums import logsumexp
from autotape.ops.rounding import round  # noqa: A004 - PyTorch's name
from autotape.special.bessel import i0, i0e, i1, i1e, sinc
from autotape.special.entropy import entr, logit, xlog1py, xlogy
from autotape.special.error_functions import erf, erfc, erfcx, erfinv, log_ndtr, ndtr, ndtri
from autotape.special.gamma import digamma, polygamma, zeta
from autotape.special.gamma import digamma as psi
from autotape.special.gamma import igamma as gammainc
from autotape.special.gamma import igammac as gammaincc
from autotape.special.gamma import lgamma as gammaln
from autotape.special.gamma import mvlgamma as multigammaln

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammainc",
    "gammaincc",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
]


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("special", name, __all__)
