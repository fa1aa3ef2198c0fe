"""The Kullback-Leibler divergence between two distributions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from autotape.distributions.bernoulli import Bernoulli
from autotape.distributions.beta import Beta, Dirichlet
from autotape.distributions.categorical import Categorical, OneHotCategorical
from autotape.distributions.cauchy import Cauchy
from autotape.distributions.distribution import Distribution
from autotape.distributions.exponential import Exponential, Laplace
from autotape.distributions.gamma import Gamma
from autotape.distributions.geometric import Geometric
from autotape.distributions.half_normal import HalfNormal
from autotape.distributions.independent import Independent, sum_last
from autotape.distributions.multivariate_normal import (
    MultivariateNormal,
    half_log_determinant,
    squared_distance,
)
from autotape.distributions.normal import LogNormal, Normal
from autotape.distributions.poisson import Poisson
from autotape.distributions.uniform import Uniform
from autotape.engine.tensor import Tensor
from autotape.linalg.solving import solve_triangular
from autotape.ops.choices import where
from autotape.ops.exponentials import logaddexp
from autotape.ops.joining import stack
from autotape.special.gamma import digamma, lgamma

__all__ = ["kl_divergence", "register_kl"]

F = TypeVar("F", bound=Callable[..., Any])

_formulas: dict[tuple[type, type], Callable[[Any, Any], Tensor]] = {}
_INF = float("inf")


def register_kl(type_p: type[Distribution], type_q: type[Distribution]) -> Callable[[F], F]:
    """Decorator: ``function(p, q)`` is the divergence between distributions of these types and subclasses.

    >>> import autotape as at
    >>> class Point(at.distributions.Normal): ...
    >>> @at.distributions.register_kl(Point, at.distributions.Normal)
    ... def kl(p, q):
    ...     return -q.log_prob(p.loc)
    >>> at.distributions.kl_divergence(Point(0.0, 1.0), at.distributions.Normal(0.0, 1.0))
    tensor(0.9189)
    """
    for name, kind in (("type_p", type_p), ("type_q", type_q)):
        if not issubclass(kind, Distribution):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {kind}")

    def register(function: F) -> F:
        _formulas[type_p, type_q] = function
        return function

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Tensor:
    """KL(p || q) = E_p log(p(x) / q(x)), of shape ``batch_shape``.

    The formula is the one registered for the nearest types (p's first). NotImplementedError if there is none.

    >>> import autotape as at
    >>> D = at.distributions
    >>> D.kl_divergence(D.Normal(0.0, 1.0), D.Normal(1.0, 1.0))
    tensor(0.5000)
    """
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            formula = _formulas.get((kind_p, kind_q))
            if formula is not None:
                return formula(p, q)
    raise NotImplementedError(
        f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}; "
        "register_kl(type_p, type_q) adds one"
    )


# --- one family ---------------------------------------------------------------------------------------------


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Bernoulli, q: Bernoulli) -> Tensor:
    one = logaddexp(-q.logits, 0.0) - logaddexp(-p.logits, 0.0)  # log p - log q of the value 1
    zero = logaddexp(q.logits, 0.0) - logaddexp(p.logits, 0.0)
    return _limits(p.probs * one, q.probs == 0, p.probs == 0) + _limits(
        (1 - p.probs) * zero, q.probs == 1, p.probs == 1
    )


def _limits(term: Tensor, infinite: Tensor, zero: Tensor) -> Tensor:
    return where(zero, 0.0, where(infinite, _INF, term))  # type: ignore[no-any-return]


@register_kl(Categorical, Categorical)
@register_kl(OneHotCategorical, OneHotCategorical)
def _categorical(p: Categorical, q: Categorical) -> Tensor:
    return _limits(p.probs * (p.logits - q.logits), q.probs == 0, p.probs == 0).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Exponential, q: Exponential) -> Tensor:
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(Geometric, Geometric)
def _geometric(p: Geometric, q: Geometric) -> Tensor:
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(Independent, Independent)
def _independent(p: Independent, q: Independent) -> Tensor:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError(
            "KL between Independent distributions needs the same reinterpreted_batch_ndims, got "
            f"{p.reinterpreted_batch_ndims} and {q.reinterpreted_batch_ndims}"
        )
    return sum_last(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(Laplace, Laplace)
def _laplace(p: Laplace, q: Laplace) -> Tensor:
    ratio = p.scale / q.scale
    distance = (p.loc - q.loc).abs()
    return -ratio.log() + distance / q.scale + ratio * (-distance / p.scale).exp() - 1


@register_kl(MultivariateNormal, MultivariateNormal)
def _multivariate_normal(p: MultivariateNormal, q: MultivariateNormal) -> Tensor:
    if p.event_shape != q.event_shape:
        raise ValueError(
            "KL-divergence between two Multivariate Normals with different event shapes cannot be computed: "
            f"{p.event_shape} and {q.event_shape}"
        )
    n = p.event_shape[0]
    batch = np.broadcast_shapes(tuple(p._tril.shape[:-2]), tuple(q._tril.shape[:-2]))
    ratio = solve_triangular(q._tril.expand((*batch, n, n)), p._tril.expand((*batch, n, n)), upper=False)
    log_ratio = half_log_determinant(q._tril) - half_log_determinant(p._tril)
    distance = squared_distance(q._tril, q.loc - p.loc)
    return log_ratio + 0.5 * ((ratio**2).sum((-2, -1)) + distance - n)  # type: ignore[no-any-return]


@register_kl(Normal, Normal)
def _normal(p: Normal, q: Normal) -> Tensor:
    ratio = (p.scale / q.scale) ** 2
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale) ** 2 - 1 - ratio.log())


@register_kl(LogNormal, LogNormal)
def _log_normal(p: LogNormal, q: LogNormal) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Poisson, Poisson)
def _poisson(p: Poisson, q: Poisson) -> Tensor:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Uniform, q: Uniform) -> Tensor:
    result = ((q.high - q.low) / (p.high - p.low)).log()
    return where((q.low > p.low) | (q.high < p.high), _INF, result)  # type: ignore[no-any-return]


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: HalfNormal, q: HalfNormal) -> Tensor:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Gamma, Gamma)
def _gamma(p: Gamma, q: Gamma) -> Tensor:
    a, b = p.concentration, q.concentration
    rates = b * (p.rate / q.rate).log() + a * (q.rate / p.rate - 1)
    return rates + lgamma(b) - lgamma(a) + (a - b) * digamma(a)


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Dirichlet, q: Dirichlet) -> Tensor:
    a, b = p.concentration, q.concentration
    total = a.sum(-1, True)
    integrals = lgamma(total.squeeze(-1)) - lgamma(b.sum(-1)) + (lgamma(b) - lgamma(a)).sum(-1)
    return integrals + ((a - b) * (digamma(a) - digamma(total))).sum(-1)


@register_kl(Beta, Beta)
def _beta(p: Beta, q: Beta) -> Tensor:
    both = (stack([d.concentration1, d.concentration0], -1) for d in (p, q))
    return _dirichlet(*(Dirichlet(c, validate_args=False) for c in both))


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Cauchy, q: Cauchy) -> Tensor:
    apart = (p.scale + q.scale) ** 2 + (p.loc - q.loc) ** 2
    return (apart / (4 * p.scale * q.scale)).log()


# --- different families -------------------------------------------------------------------------------------


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Bernoulli, q: Poisson) -> Tensor:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


@register_kl(Exponential, Normal)
def _exponential_normal(p: Exponential, q: Normal) -> Tensor:
    variance = q.scale**2
    logs = 0.5 * (p.rate**2 * variance * 2 * math.pi).log()
    return logs - 1 + (p.rate**-2 - q.loc / p.rate + q.loc**2 * 0.5) / variance


@register_kl(Laplace, Normal)
def _laplace_normal(p: Laplace, q: Normal) -> Tensor:
    variance = q.scale**2
    ratio = p.scale**2 / variance
    return -0.5 * (2 * ratio / math.pi).log() + ratio + 0.5 * (p.loc - q.loc) ** 2 / variance - 1


@register_kl(Normal, Laplace)
def _normal_laplace(p: Normal, q: Laplace) -> Tensor:
    distance = p.loc - q.loc
    z = distance / p.scale
    mean = math.sqrt(2 / math.pi) * p.scale * (-0.5 * z**2).exp() + distance * (math.sqrt(0.5) * z).erf()
    return -(p.scale / q.scale).log() + mean / q.scale - 0.5 * (1 + math.log(0.5 * math.pi))


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Uniform, q: Exponential) -> Tensor:
    width = p.high - p.low
    return where(p.low < 0, _INF, q.rate * (p.high + p.low) / 2 - (width * q.rate).log())  # type: ignore[no-any-return]


@register_kl(Uniform, Normal)
def _uniform_normal(p: Uniform, q: Normal) -> Tensor:
    width = p.high - p.low
    spread = width**2 / 12 + ((p.high + p.low - 2 * q.loc) / 2) ** 2
    return (math.sqrt(2 * math.pi) * q.scale / width).log() + 0.5 * spread / q.scale**2


@register_kl(Exponential, Uniform)
@register_kl(Laplace, Uniform)
@register_kl(Laplace, Exponential)
@register_kl(Normal, Uniform)
@register_kl(Normal, Exponential)
@register_kl(Poisson, Bernoulli)
def _infinite(p: Distribution, q: Distribution) -> Tensor:
    """Infinity: p has values that q never takes."""
    return Tensor._wrap(
        np.full(np.broadcast_shapes(p.batch_shape, q.batch_shape), np.inf, p.mean._array.dtype)
    )
