"""Probability distributions: samples, densities with gradients, entropies and divergences.

>>> import autotape as at
>>> loc = at.tensor(0.5, requires_grad=True)
>>> normal = at.distributions.Normal(loc, 1.0)
>>> normal.log_prob(at.tensor(2.5)).backward(); loc.grad
tensor(2.)
"""

from typing import Any

from autotape import left_out
from autotape.distributions import constraints
from autotape.distributions.bernoulli import Bernoulli
from autotape.distributions.categorical import Categorical, OneHotCategorical
from autotape.distributions.distribution import Distribution
from autotape.distributions.exponential import Exponential, Laplace
from autotape.distributions.geometric import Geometric
from autotape.distributions.independent import Independent
from autotape.distributions.kl import kl_divergence, register_kl
from autotape.distributions.multivariate_normal import MultivariateNormal
from autotape.distributions.normal import LogNormal, Normal
from autotape.distributions.poisson import Poisson
from autotape.distributions.uniform import Uniform

__all__ = [
    "Bernoulli",
    "Categorical",
    "Distribution",
    "Exponential",
    "Geometric",
    "Independent",
    "Laplace",
    "LogNormal",
    "MultivariateNormal",
    "Normal",
    "OneHotCategorical",
    "Poisson",
    "Uniform",
    "constraints",
    "kl_divergence",
    "register_kl",
]


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("distributions", name, __all__)
