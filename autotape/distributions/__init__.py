"""Probability distributions: samples, densities with gradients, entropies and divergences.

>>> import autotape as at
>>> loc = at.tensor(0.5, requires_grad=True)
>>> normal = at.distributions.Normal(loc, 1.0)
>>> normal.log_prob(at.tensor(2.5)).backward(); loc.grad
tensor(2.)
"""

from typing import Any

from autotape import left_out
from autotape.distributions import constraints, transforms
from autotape.distributions.bernoulli import Bernoulli
from autotape.distributions.beta import Beta, Dirichlet
from autotape.distributions.categorical import (
    Categorical,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
)
from autotape.distributions.cauchy import Cauchy, HalfCauchy
from autotape.distributions.counts import Binomial, Multinomial, NegativeBinomial
from autotape.distributions.distribution import Distribution
from autotape.distributions.exponential import Exponential, Laplace
from autotape.distributions.gamma import Chi2, Gamma
from autotape.distributions.geometric import Geometric
from autotape.distributions.gumbel import Gumbel
from autotape.distributions.half_normal import HalfNormal
from autotape.distributions.independent import Independent
from autotape.distributions.kl import kl_divergence, register_kl
from autotape.distributions.mixture_same_family import MixtureSameFamily
from autotape.distributions.multivariate_normal import MultivariateNormal
from autotape.distributions.normal import LogNormal, Normal
from autotape.distributions.poisson import Poisson
from autotape.distributions.relaxed import RelaxedBernoulli, RelaxedOneHotCategorical
from autotape.distributions.student_t import StudentT
from autotape.distributions.transformed_distribution import TransformedDistribution
from autotape.distributions.transforms import (
    AbsTransform,
    AffineTransform,
    ComposeTransform,
    ExpTransform,
    PowerTransform,
    SigmoidTransform,
    SoftplusTransform,
    TanhTransform,
    Transform,
    identity_transform,
)
from autotape.distributions.uniform import Uniform

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "Bernoulli",
    "Beta",
    "Binomial",
    "Categorical",
    "Cauchy",
    "Chi2",
    "ComposeTransform",
    "Dirichlet",
    "Distribution",
    "ExpTransform",
    "Exponential",
    "Gamma",
    "Geometric",
    "Gumbel",
    "HalfCauchy",
    "HalfNormal",
    "Independent",
    "Laplace",
    "LogNormal",
    "MixtureSameFamily",
    "Multinomial",
    "MultivariateNormal",
    "NegativeBinomial",
    "Normal",
    "OneHotCategorical",
    "OneHotCategoricalStraightThrough",
    "Poisson",
    "PowerTransform",
    "RelaxedBernoulli",
    "RelaxedOneHotCategorical",
    "SigmoidTransform",
    "SoftplusTransform",
    "StudentT",
    "TanhTransform",
    "Transform",
    "TransformedDistribution",
    "Uniform",
    "constraints",
    "identity_transform",
    "kl_divergence",
    "register_kl",
    "transforms",
]


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("distributions", name, __all__)
