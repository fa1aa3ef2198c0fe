"""Distributions: samples by their statistics, gradients through samples, rules of the base class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import distributions as dist
from tests.oracle import check

CASES: list[Any] = [
    dist.Normal(at.tensor([0.5, -2.0]), at.tensor([2.0, 0.1])),
    dist.LogNormal(at.tensor([0.1, -1.0]), at.tensor([0.3, 0.5])),
    dist.Uniform(at.tensor([-1.0, 2.0]), at.tensor([1.0, 5.0])),
    dist.Exponential(at.tensor([0.5, 4.0])),
    dist.Laplace(at.tensor([0.5, -2.0]), at.tensor([2.0, 0.1])),
    dist.Bernoulli(probs=at.tensor([0.0, 0.3, 1.0])),
    dist.Bernoulli(logits=at.tensor([-1.0, 2.0])),
    dist.Geometric(probs=at.tensor([0.2, 0.9, 1.0])),
    dist.Poisson(at.tensor([0.0, 0.5, 20.0])),
    dist.OneHotCategorical(probs=at.tensor([[1.0, 2.0, 1.0], [0.0, 0.0, 1.0]])),
    dist.MultivariateNormal(at.tensor([1.0, -1.0]), at.tensor([[2.0, 0.8], [0.8, 1.0]])),
    dist.Independent(dist.Normal(at.zeros(3, 2), 1.0), 1),
]
IDS = [type(d).__name__ for d in CASES]


@pytest.mark.parametrize("d", CASES, ids=IDS)
def test_samples_have_the_mean_and_variance(d: Any) -> None:
    at.manual_seed(0)
    n = 20_000
    x = d.sample((n,)).numpy().astype(np.float64)
    assert not np.isnan(x).any()
    assert d.support.check(at.tensor(x)).all()
    error = 5 * d.stddev.numpy() / n**0.5 + 1e-6  # five standard errors
    assert (abs(x.mean(0) - d.mean.numpy()) <= error).all()
    np.testing.assert_allclose(x.var(0), d.variance.numpy(), rtol=0.1, atol=1e-6)


def test_samples_of_indices() -> None:
    at.manual_seed(0)
    probs = at.tensor([[0.1, 0.2, 0.7], [0.0, 1.0, 0.0]])
    x = dist.Categorical(probs=probs).sample((20_000,))
    assert x.dtype == at.int64
    found = np.stack([(x.numpy() == i).mean(0) for i in range(3)], -1)
    np.testing.assert_allclose(found, probs.numpy(), atol=0.02)
    assert dist.Categorical(probs=probs).sample((2, 0)).shape == (2, 0, 2)


def test_covariance_of_samples() -> None:
    at.manual_seed(0)
    covariance = [[2.0, 0.8], [0.8, 1.0]]
    for form in (
        {"covariance_matrix": at.tensor(covariance)},
        {"precision_matrix": at.tensor(covariance).inverse()},
        {"scale_tril": at.linalg.cholesky(at.tensor(covariance))},
    ):
        d = dist.MultivariateNormal(at.zeros(2), **form)
        np.testing.assert_allclose(np.cov(d.sample((20_000,)).numpy().T), covariance, atol=0.1)


@pytest.mark.parametrize(
    "d", [d for d in CASES if not isinstance(d, dist.Independent)], ids=lambda d: type(d).__name__
)
def test_same_seed_same_samples(d: Any) -> None:
    at.manual_seed(1)
    x = d.sample((3,))
    at.manual_seed(1)
    assert at.equal(x, d.sample((3,)))


POSITIVE = np.array([0.5, 2.0])
REPARAMETRISED: dict[str, Any] = {
    "Normal": lambda a, b: dist.Normal(a, b.exp()),
    "LogNormal": lambda a, b: dist.LogNormal(a, b.exp()),
    "Laplace": lambda a, b: dist.Laplace(a, b.exp()),
    "Uniform": lambda a, b: dist.Uniform(a, a + b.exp()),
    "Exponential": lambda a, b: dist.Exponential((a + b).exp()),
    "MultivariateNormal": lambda a, b: dist.MultivariateNormal(a, at.diag(b.exp()) + 0.5),
    "precision": lambda a, b: dist.MultivariateNormal(a, precision_matrix=at.diag(b.exp()) + 0.5),
    "Independent": lambda a, b: dist.Independent(dist.Normal(a, b.exp()), 1),
}


@pytest.mark.parametrize("name", REPARAMETRISED)
def test_gradients_through_samples(name: str) -> None:
    """The random numbers fixed, a sample is a function of the parameters: differences agree."""

    def sample(a: Any, b: Any) -> Any:
        at.manual_seed(4)
        return REPARAMETRISED[name](a, b).rsample((3,))

    check(sample, np.array([0.3, -0.6]), np.array([0.2, 0.5]), order=2)


@pytest.mark.parametrize("name", REPARAMETRISED)
def test_second_gradients_of_log_prob(name: str) -> None:
    x = np.array([0.4, 0.1]) if name == "Uniform" else np.array([0.4, 1.3])
    check(
        lambda a, b: REPARAMETRISED[name](a, b).log_prob(at.tensor(x)),
        np.array([0.3, -0.6]),
        np.array([0.2, 0.5]),
        order=2,
    )


@pytest.mark.parametrize("d", [d for d in CASES if d.has_enumerate_support], ids=lambda d: type(d).__name__)
def test_probabilities_sum_to_one(d: Any) -> None:
    values = d.enumerate_support()
    np.testing.assert_allclose(d.log_prob(values).exp().sum(0).numpy(), 1.0, rtol=1e-5)


@pytest.mark.parametrize("d", CASES[:5], ids=IDS[:5])
def test_cdf_and_icdf_are_inverse(d: Any) -> None:
    p = at.tensor([[0.01], [0.4], [0.99]])
    np.testing.assert_allclose(d.cdf(d.icdf(p)).numpy(), np.broadcast_to(p.numpy(), (3, 2)), rtol=1e-4)


def test_divergence_of_samples() -> None:
    """KL(p || q) is the mean of log p - log q under p."""
    at.manual_seed(0)
    for p, q in (
        (dist.Normal(0.0, 1.0), dist.Laplace(0.5, 2.0)),
        (dist.Laplace(0.3, 1.0), dist.Normal(0.0, 2.0)),
        (dist.Exponential(2.0), dist.Normal(0.0, 1.0)),
        (dist.Uniform(0.5, 1.5), dist.Exponential(2.0)),
        (dist.Uniform(-1.0, 1.0), dist.Normal(0.5, 1.0)),
        (dist.LogNormal(0.0, 1.0), dist.LogNormal(0.5, 1.5)),
        (dist.Poisson(2.0), dist.Poisson(3.0)),
        (dist.Geometric(0.3), dist.Geometric(0.5)),
        (
            dist.MultivariateNormal(at.zeros(2), at.eye(2)),
            dist.MultivariateNormal(at.ones(2), precision_matrix=at.tensor([[2.0, 0.5], [0.5, 1.0]])),
        ),
    ):
        x = p.sample((20_000,))
        estimate = (p.log_prob(x) - q.log_prob(x)).mean().item()
        assert dist.kl_divergence(p, q).item() == pytest.approx(estimate, rel=0.1, abs=0.02)


def test_the_nearest_divergence_counts() -> None:
    class Special(dist.Normal):
        pass

    p, q = Special(0.0, 1.0), dist.Normal(1.0, 1.0)
    assert dist.kl_divergence(p, q).item() == 0.5

    @dist.register_kl(Special, dist.Normal)
    def special(p: Any, q: Any) -> Any:
        return at.tensor(7.0)

    assert dist.kl_divergence(p, q).item() == 7.0
    with pytest.raises(NotImplementedError, match="p type Normal and q type Bernoulli"):
        dist.kl_divergence(q, dist.Bernoulli(0.5))
    with pytest.raises(TypeError, match="type_p to be a Distribution subclass"):
        dist.register_kl(int, dist.Normal)  # type: ignore[arg-type]
    normal = dist.Normal(at.zeros(2, 3), 1.0)
    with pytest.raises(NotImplementedError, match="same reinterpreted_batch_ndims"):
        dist.kl_divergence(dist.Independent(normal, 1), dist.Independent(normal, 2))


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"parameter scale .* Normal\(loc: 0.0, scale: -1.0\) .*GreaterThan"):
        dist.Normal(0.0, -1.0)
    with pytest.raises(ValueError, match=r"within the support \(Interval.*found invalid values:\n2\.0"):
        dist.Uniform(0.0, 1.0).log_prob(at.tensor(2.0))
    with pytest.raises(ValueError, match="right-most size of value must match event_shape"):
        dist.MultivariateNormal(at.zeros(2), at.eye(2)).log_prob(at.zeros(3))
    with pytest.raises(NotImplementedError, match="has no rsample"):
        dist.Poisson(1.0).rsample()
    with pytest.raises(TypeError, match="probs must be a Tensor"):
        dist.Categorical([0.5, 0.5])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scale is a str"):
        dist.Normal(0.0, "1")  # type: ignore[arg-type]


def test_validation_can_be_switched_off() -> None:
    assert dist.Normal(0.0, -1.0, validate_args=False).scale.item() == -1.0
    assert dist.Uniform(0.0, 1.0, validate_args=False).log_prob(at.tensor(2.0)).item() == -np.inf
    dist.Distribution.set_default_validate_args(False)
    try:
        dist.Normal(0.0, -1.0)
    finally:
        dist.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="True or False"):
        dist.Distribution.set_default_validate_args(2)  # type: ignore[arg-type]


def test_empty_batches_and_dtypes() -> None:
    d = dist.Normal(at.zeros(0, 3), 1.0)
    assert d.sample((2,)).shape == (2, 0, 3)
    assert d.log_prob(at.zeros(0, 3)).shape == (0, 3)
    assert dist.Categorical(logits=at.zeros(0, 3)).sample((2,)).shape == (2, 0)
    assert dist.Normal(at.zeros(1, dtype=at.float64), 1).sample().dtype == at.float64
    assert dist.Normal(0, 1).sample().dtype == at.float32
    with pytest.raises(ValueError, match=r"Simplex"):
        dist.Categorical(probs=at.zeros(3))


def test_extreme_probabilities_keep_finite_gradients() -> None:
    logits = at.tensor([-100.0, 0.0, 100.0], requires_grad=True)
    d = dist.Bernoulli(logits=logits)
    d.log_prob(at.tensor([1.0, 1.0, 0.0])).sum().backward()
    assert logits.grad is not None
    np.testing.assert_allclose(logits.grad.numpy(), [1.0, 0.5, -1.0], rtol=1e-6)


CONSTRAINTS = [
    ("positive", [-1.0, 0.0, 1.0], [False, False, True]),
    ("nonnegative", [-1.0, 0.0, np.nan], [False, True, False]),
    ("unit_interval", [0.0, 1.0, 1.1], [True, True, False]),
    ("boolean", [0.0, 1.0, 0.5], [True, True, False]),
    ("nonnegative_integer", [0.0, 1.5, -1.0], [True, False, False]),
    ("positive_integer", [0.0, 1.0, np.inf], [False, True, False]),
    ("real", [0.0, np.nan, np.inf], [True, False, True]),
    ("simplex", [[0.5, 0.5], [0.5, 0.6], [1.5, -0.5]], [True, False, False]),
    ("one_hot", [[0.0, 1.0], [1.0, 1.0], [0.5, 0.5]], [True, False, False]),
    ("real_vector", [[0.0, 1.0], [0.0, np.nan]], [True, False]),
    ("lower_triangular", [[[1.0, 0.0], [2.0, -1.0]], [[1.0, 1.0], [2.0, 1.0]]], [True, False]),
    ("lower_cholesky", [[[1.0, 0.0], [2.0, 1.0]], [[1.0, 0.0], [2.0, -1.0]]], [True, False]),
    (
        "positive_definite",
        [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [2.0, 1.0]], [[1.0, 0.5], [0.0, 1.0]]],
        [True, False, False],
    ),
    ("symmetric", [[[2.0, 1.0], [1.0, 2.0]], [[1.0, 2.0], [1.0, 1.0]]], [True, False]),
    ("square", [[2.0, 1.0, 3.0], [1.0, 2.0, 3.0]], False),
]


@pytest.mark.parametrize(("name", "values", "expected"), CONSTRAINTS)
def test_constraints(name: str, values: Any, expected: Any) -> None:
    constraint = getattr(dist.constraints, name)
    assert constraint.check(at.tensor(values)).tolist() == expected


def test_constraints_with_bounds() -> None:
    x = at.tensor([0.0, 1.0, 1.5, 2.0])
    c = dist.constraints
    assert c.half_open_interval(0.0, 2.0).check(x).tolist() == [True, True, True, False]
    assert c.interval(1.0, at.tensor(2.0)).check(x).tolist() == [False, True, True, True]
    assert c.integer_interval(1, 2).check(x).tolist() == [False, True, False, True]
    assert c.less_than(1.0).check(x).tolist() == [True, False, False, False]
    assert repr(c.greater_than(0.0)) == "GreaterThan(lower_bound=0.0)"
    assert repr(c.real_vector) == "IndependentConstraint(Real(), 1)"
    assert c.is_dependent(c.independent(c.dependent, 1))
    with pytest.raises(ValueError, match="dependent"):
        c.dependent.check(x)
