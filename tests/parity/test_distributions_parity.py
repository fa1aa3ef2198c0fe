"""Distributions beside PyTorch: the same numbers and gradients in float64, the same shapes and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at

torch = pytest.importorskip("torch", reason="PyTorch is not importable: install the extra 'parity'")

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(3, 2))
POSITIVE = RNG.gamma(2.0, size=(3, 2)) + 0.1
UNIT = RNG.uniform(0.05, 0.95, size=(3, 2))
WEIGHTS = RNG.gamma(2.0, size=(3, 4)) + 0.1
FACTOR = np.tril(RNG.normal(size=(3, 2, 2)) * 0.5) + 1.5 * np.eye(2)
COVARIANCE = FACTOR @ FACTOR.swapaxes(-1, -2)

# Name, parameters, and values in the support.
TABLE: list[tuple[str, dict[str, Any], Any]] = [
    ("Normal", {"loc": REAL, "scale": POSITIVE}, RNG.normal(size=(4, 3, 2))),
    ("Normal", {"loc": REAL[0], "scale": POSITIVE}, RNG.normal(size=(2,))),
    ("Normal", {"loc": np.array(0.3), "scale": np.array(2.0)}, RNG.normal(size=())),
    ("LogNormal", {"loc": REAL, "scale": POSITIVE}, RNG.gamma(2.0, size=(4, 3, 2)) + 0.01),
    ("Laplace", {"loc": REAL, "scale": POSITIVE}, RNG.normal(size=(4, 3, 2))),
    ("Exponential", {"rate": POSITIVE}, RNG.gamma(2.0, size=(4, 3, 2))),
    ("Uniform", {"low": REAL, "high": REAL + POSITIVE}, REAL + POSITIVE * UNIT),
    ("Bernoulli", {"probs": UNIT}, RNG.integers(0, 2, size=(4, 3, 2)).astype(float)),
    ("Bernoulli", {"logits": REAL * 5}, RNG.integers(0, 2, size=(4, 3, 2)).astype(float)),
    ("Geometric", {"probs": UNIT}, RNG.integers(0, 9, size=(4, 3, 2)).astype(float)),
    ("Geometric", {"logits": REAL}, RNG.integers(0, 9, size=(4, 3, 2)).astype(float)),
    ("Poisson", {"rate": POSITIVE}, RNG.integers(0, 9, size=(4, 3, 2)).astype(float)),
    ("Categorical", {"probs": WEIGHTS}, RNG.integers(0, 4, size=(5, 3))),
    ("Categorical", {"logits": REAL}, RNG.integers(0, 2, size=(3,))),
    ("OneHotCategorical", {"probs": WEIGHTS}, np.eye(4)[RNG.integers(0, 4, size=(5, 3))]),
    ("OneHotCategorical", {"logits": REAL}, np.eye(2)[RNG.integers(0, 2, size=(3,))]),
    ("MultivariateNormal", {"loc": REAL, "covariance_matrix": COVARIANCE}, RNG.normal(size=(4, 3, 2))),
    ("MultivariateNormal", {"loc": REAL[0], "precision_matrix": COVARIANCE}, RNG.normal(size=(3, 2))),
    ("MultivariateNormal", {"loc": REAL, "scale_tril": FACTOR[0]}, RNG.normal(size=(2,))),
]
IDS = [f"{name}-{'-'.join(p)}" for name, p, _ in TABLE]


def both(name: str, parameters: dict[str, Any]) -> list[tuple[Any, Any, list[Any]]]:
    """For each library: itself, the distribution, and its parameters as leaves."""
    made = []
    for t in (at, torch):
        leaves = {k: t.tensor(v, requires_grad=True) for k, v in parameters.items()}
        made.append((t, getattr(t.distributions, name)(**leaves), list(leaves.values())))
    return made


def array(x: Any) -> Any:
    return x.detach().numpy()


def same(compute: Callable[[Any, Any], Any], made: list[tuple[Any, Any, list[Any]]]) -> None:
    """The same values and gradients with respect to the parameters, or the same kind of refusal."""
    results = []
    for t, d, leaves in made:
        try:
            y = compute(t, d)
        except NotImplementedError:
            results.append(None)
            continue
        grads = [None] * len(leaves)
        if y.requires_grad:
            grads = t.autograd.grad(y.sum(), leaves, retain_graph=True, allow_unused=True)
        results.append((y, grads))
    ours, theirs = results
    if theirs is None or ours is None:
        assert ours is theirs
        return
    assert tuple(ours[0].shape) == tuple(theirs[0].shape)
    assert str(ours[0].dtype).split(".")[-1] == str(theirs[0].dtype).split(".")[-1]
    np.testing.assert_allclose(array(ours[0]), array(theirs[0]), rtol=1e-9, atol=1e-12)
    for g, h in zip(ours[1], theirs[1], strict=True):
        a = 0 if g is None else array(g)
        b = 0 if h is None else array(h)
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("name", "parameters", "value"), TABLE, ids=IDS)
def test_values_and_gradients(name: str, parameters: dict[str, Any], value: Any) -> None:
    made = both(name, parameters)
    same(lambda t, d: d.log_prob(t.tensor(value)), made)
    same(lambda t, d: d.cdf(t.tensor(value)), made)
    same(lambda t, d: d.entropy(), made)
    same(lambda t, d: d.perplexity(), made)
    for moment in ("mean", "mode", "variance", "stddev"):
        same(lambda t, d, m=moment: getattr(d, m), made)
    same(lambda t, d: d.icdf(t.tensor(UNIT)), made)


@pytest.mark.parametrize(("name", "parameters", "value"), TABLE, ids=IDS)
def test_shapes_and_attributes(name: str, parameters: dict[str, Any], value: Any) -> None:
    (_, d, _), (_, e, _) = made = both(name, parameters)
    for attribute in ("batch_shape", "event_shape"):
        assert tuple(getattr(d, attribute)) == tuple(getattr(e, attribute))
    assert d.has_rsample == e.has_rsample
    assert d.has_enumerate_support == e.has_enumerate_support
    assert (d.support.event_dim, d.support.is_discrete) == (e.support.event_dim, e.support.is_discrete)
    for sample_shape in ((), (5,), (2, 3)):
        assert tuple(d.sample(sample_shape).shape) == tuple(e.sample(sample_shape).shape)
    assert not d.sample().requires_grad
    assert d.sample().dtype == getattr(at, str(e.sample().dtype).split(".")[-1])
    if d.has_rsample:
        assert d.rsample((2,)).requires_grad
    for expand in (True, False):
        same(lambda t, d, expand=expand: d.enumerate_support(expand), made)
    shape = (7, *d.batch_shape)
    one = value[0] if value.ndim and value.shape[0] in (4, 5) else value
    same(lambda t, d: d.expand(shape).log_prob(t.tensor(one)), made)
    same(lambda t, d: d.expand(shape).entropy(), made)


@pytest.mark.parametrize("name", ["probs", "logits"])
@pytest.mark.parametrize("kind", ["Bernoulli", "Geometric", "Categorical", "OneHotCategorical"])
def test_probs_and_logits(kind: str, name: str) -> None:
    parameter = WEIGHTS if "Cat" in kind else UNIT
    made = both(kind, {name: parameter})
    same(lambda t, d: d.probs, made)
    same(lambda t, d: d.logits, made)


@pytest.mark.parametrize("given", ["covariance_matrix", "precision_matrix", "scale_tril"])
@pytest.mark.parametrize("asked", ["covariance_matrix", "precision_matrix", "scale_tril"])
def test_forms_of_the_covariance(given: str, asked: str) -> None:
    made = []
    for t in (at, torch):
        leaf = t.tensor(FACTOR if given == "scale_tril" else COVARIANCE, requires_grad=True)
        # PyTorch has gradients for the zeros above the diagonal in some forms: of no meaning.
        matrix = leaf.tril() if given == "scale_tril" else leaf
        made.append((t, t.distributions.MultivariateNormal(t.tensor(REAL), **{given: matrix}), [leaf]))
    same(lambda t, d: getattr(d, asked), made)


def test_independent() -> None:
    def make(t: Any) -> Any:
        loc, scale = (t.tensor(a, requires_grad=True) for a in (REAL, POSITIVE))
        return t, t.distributions.Independent(t.distributions.Normal(loc, scale), 1), [loc, scale]

    made = [make(at), make(torch)]
    same(lambda t, d: d.log_prob(t.tensor(REAL[0])), made)
    same(lambda t, d: d.entropy(), made)
    same(lambda t, d: d.variance, made)
    same(lambda t, d: d.expand((5, 3)).log_prob(t.tensor(REAL)), made)
    assert repr(made[0][1]) == repr(made[1][1]).replace("torch.", "autotape.")
    with pytest.raises(NotImplementedError):
        made[0][1].enumerate_support()


BUILT = [n for n in at.distributions.__all__ if n in {row[0] for row in TABLE}]


def parameters_of(name: str, other: bool) -> dict[str, Any]:
    """Parameters from the table; another choice of the same shape."""
    first = next(p for n, p, _ in TABLE if n == name)
    shift = 0.75 if other else 1.0
    return {k: v * shift if k != "low" else v * shift - 2.0 * other for k, v in first.items()}


@pytest.mark.parametrize("q", BUILT)
@pytest.mark.parametrize("p", BUILT)
def test_divergences(p: str, q: str) -> None:
    """Every pair: PyTorch's number, or the same refusal."""
    results = []
    for t in (at, torch):
        ps = {k: t.tensor(v, requires_grad=True) for k, v in parameters_of(p, False).items()}
        qs = {k: t.tensor(v, requires_grad=True) for k, v in parameters_of(q, True).items()}
        first, second = getattr(t.distributions, p)(**ps), getattr(t.distributions, q)(**qs)
        try:
            kl = t.distributions.kl_divergence(first, second)
        except NotImplementedError:
            results.append(None)
            continue
        leaves = [*ps.values(), *qs.values()]
        grads = [None] * len(leaves)
        if kl.requires_grad and np.isfinite(array(kl)).all():
            grads = t.autograd.grad(kl.sum(), leaves, allow_unused=True)
        results.append((kl, grads))
    ours, theirs = results
    if theirs is None or ours is None:
        assert ours is theirs
        return
    np.testing.assert_allclose(array(ours[0]), array(theirs[0]), rtol=1e-9, atol=1e-12)
    for g, h in zip(ours[1], theirs[1], strict=True):
        np.testing.assert_allclose(
            0 if g is None else array(g), 0 if h is None else array(h), rtol=1e-9, atol=1e-9
        )


def test_divergences_at_the_edges() -> None:
    """Probabilities 0 and 1."""
    edges = np.array([0.0, 0.3, 1.0])
    grid_p, grid_q = (a.ravel() for a in np.meshgrid(edges, edges))
    for kind in ("Bernoulli", "Categorical"):
        results = []
        for t in (at, torch):
            if kind == "Bernoulli":
                p, q = t.tensor(grid_p), t.tensor(grid_q)
            else:
                p, q = (t.tensor(np.stack([g, 1 - g], -1)) for g in (grid_p, grid_q))
            made = getattr(t.distributions, kind)
            results.append(t.distributions.kl_divergence(made(probs=p), made(probs=q)).numpy())
        np.testing.assert_allclose(results[0], results[1], rtol=1e-9, atol=1e-12)


INVALID: list[Callable[[Any], Any]] = [
    lambda t: t.distributions.Normal(0.0, -1.0),
    lambda t: t.distributions.Normal(t.tensor([0.0, float("nan")]), 1.0),
    lambda t: t.distributions.Normal(0.0, 1.0).log_prob(t.tensor(float("nan"))),
    lambda t: t.distributions.Normal(t.zeros(2), 1.0).log_prob(t.zeros(3)),
    lambda t: t.distributions.Normal(0.0, 1.0).log_prob(1),
    lambda t: t.distributions.Normal("a", 1.0),
    lambda t: t.distributions.Bernoulli(),
    lambda t: t.distributions.Bernoulli(probs=0.5, logits=0.1),
    lambda t: t.distributions.Bernoulli(probs=1.5),
    lambda t: t.distributions.Bernoulli(probs=0.5).log_prob(t.tensor(0.5)),
    lambda t: t.distributions.Uniform(1.0, 0.0),
    lambda t: t.distributions.Uniform(0.0, 1.0).log_prob(t.tensor(2.0)),
    lambda t: t.distributions.Categorical(probs=t.tensor(1.0)),
    lambda t: t.distributions.Categorical(t.tensor([-1.0, 3.0])),
    lambda t: t.distributions.Categorical(logits=t.zeros(3)).log_prob(t.tensor(5)),
    lambda t: t.distributions.OneHotCategorical(logits=t.zeros(3)).log_prob(t.tensor([1.0, 1.0, 0.0])),
    lambda t: t.distributions.Independent(t.distributions.Normal(0.0, 1.0), 1),
    lambda t: t.distributions.Poisson(-1.0),
    lambda t: t.distributions.Exponential(0.0),
    lambda t: t.distributions.Geometric(0.0),
    lambda t: t.distributions.Geometric(2.0),
    lambda t: t.distributions.MultivariateNormal(t.zeros(2)),
    lambda t: t.distributions.MultivariateNormal(t.zeros(2), -t.eye(2)),
    lambda t: t.distributions.MultivariateNormal(t.tensor(0.0), t.eye(2)),
    lambda t: t.distributions.MultivariateNormal(t.zeros(2), scale_tril=t.ones(2, 2)),
    lambda t: t.distributions.Normal(0.0, 1.0).enumerate_support(),
    lambda t: t.distributions.Bernoulli(0.5).rsample(),
    lambda t: t.distributions.Bernoulli(0.5).cdf(t.tensor(0.0)),
]


@pytest.mark.parametrize("program", INVALID, ids=range(len(INVALID)))
def test_errors(program: Callable[[Any], Any]) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        program(torch)
    with pytest.raises(Exception) as ours:  # noqa: PT011
        program(at)
    assert ours.type is theirs.type
