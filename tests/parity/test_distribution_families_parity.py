"""More distributions beside PyTorch: densities, moments and divergences with their gradients, in float64."""

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
OTHER = RNG.gamma(2.0, size=(3, 2)) + 0.1
UNIT = RNG.uniform(0.05, 0.95, size=(3, 2))
WEIGHTS = RNG.gamma(2.0, size=(3, 4)) + 0.1
VALUES = RNG.normal(size=(5, 3, 2))
SIMPLEX = RNG.dirichlet(np.ones(4), size=(5, 3))

# Name, arguments that are no tensors, parameters, and values in the support.
TABLE: list[tuple[str, tuple[Any, ...], dict[str, Any], Any]] = [
    ("Gamma", (), {"concentration": POSITIVE, "rate": OTHER}, abs(VALUES)),
    ("Chi2", (), {"df": POSITIVE + 2}, abs(VALUES)),
    ("Beta", (), {"concentration1": POSITIVE, "concentration0": OTHER}, UNIT),
    ("Dirichlet", (), {"concentration": WEIGHTS}, SIMPLEX),
    ("Dirichlet", (), {"concentration": WEIGHTS / 20}, SIMPLEX),
    ("StudentT", (), {"df": POSITIVE, "loc": REAL, "scale": OTHER}, VALUES),
    ("Cauchy", (), {"loc": REAL, "scale": POSITIVE}, VALUES),
    ("HalfCauchy", (), {"scale": POSITIVE}, abs(VALUES)),
    ("HalfNormal", (), {"scale": POSITIVE}, abs(VALUES)),
    ("Gumbel", (), {"loc": REAL, "scale": POSITIVE}, abs(VALUES)),
    ("Binomial", (5,), {"probs": UNIT}, RNG.integers(0, 6, size=(4, 3, 2)).astype(float)),
    ("Binomial", (5,), {"logits": REAL}, RNG.integers(0, 6, size=(4, 3, 2)).astype(float)),
    ("NegativeBinomial", (3.5,), {"probs": UNIT}, RNG.integers(0, 6, size=(4, 3, 2)).astype(float)),
    ("NegativeBinomial", (3.5,), {"logits": REAL}, RNG.integers(0, 6, size=(4, 3, 2)).astype(float)),
    ("Multinomial", (6,), {"probs": WEIGHTS}, RNG.multinomial(6, [0.25] * 4, size=(5, 3)).astype(float)),
    ("Multinomial", (6,), {"logits": WEIGHTS}, RNG.multinomial(6, [0.25] * 4, size=(5, 3)).astype(float)),
    ("RelaxedBernoulli", (0.7,), {"probs": UNIT}, UNIT),
    ("RelaxedBernoulli", (0.7,), {"logits": REAL}, UNIT),
    ("RelaxedOneHotCategorical", (0.7,), {"probs": WEIGHTS}, SIMPLEX),
    ("RelaxedOneHotCategorical", (0.7,), {"logits": WEIGHTS}, SIMPLEX),
    ("OneHotCategoricalStraightThrough", (), {"logits": WEIGHTS}, np.eye(4)[RNG.integers(0, 4, (5, 3))]),
]
IDS = [f"{name}-{'-'.join(p)}" for name, _, p, _ in TABLE]
NO_FORMULA = {"Gamma", "Chi2", "Beta", "Dirichlet", "StudentT"}  # for the gradient of a sample

Made = list[tuple[Any, Any, list[Any]]]


def both(name: str, first: tuple[Any, ...], parameters: dict[str, Any]) -> Made:
    """For each library: itself, the distribution, and its parameters as leaves."""
    made = []
    for t in (at, torch):
        leaves = {k: t.tensor(v, requires_grad=True) for k, v in parameters.items()}
        arguments = [t.tensor(a, dtype=t.float64) if isinstance(a, float) else a for a in first]
        made.append((t, getattr(t.distributions, name)(*arguments, **leaves), list(leaves.values())))
    return made


def array(x: Any) -> Any:
    return x.detach().numpy()


def same(compute: Callable[[Any, Any], Any], made: Made) -> None:
    """The same values and gradients, or neither has it."""
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
    np.testing.assert_allclose(array(ours[0]), array(theirs[0]), rtol=1e-9, atol=1e-12)
    for g, h in zip(ours[1], theirs[1], strict=True):
        a = 0 if g is None else array(g)
        b = 0 if h is None else array(h)
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(("name", "first", "parameters", "value"), TABLE, ids=IDS)
def test_values_and_gradients(name: str, first: Any, parameters: dict[str, Any], value: Any) -> None:
    made = both(name, first, parameters)
    same(lambda t, d: d.log_prob(t.tensor(value)), made)
    same(lambda t, d: d.entropy() if name != "Multinomial" else d.mean, made)
    if not name.startswith("Relaxed"):
        for moment in ("mean", "mode", "variance", "stddev"):
            if (name, moment) != ("Multinomial", "mode"):
                same(lambda t, d, m=moment: getattr(d, m), made)
    if name in ("Gamma", "Chi2"):  # PyTorch refuses the gradient by the concentration: when it is asked
        np.testing.assert_allclose(
            array(made[0][1].cdf(at.tensor(value))), array(made[1][1].cdf(torch.tensor(value)))
        )
    if "Cauchy" in name or name in ("Gumbel", "HalfNormal"):
        same(lambda t, d: d.cdf(t.tensor(value)), made)
        same(lambda t, d: d.icdf(t.tensor(UNIT)), made)


@pytest.mark.parametrize(("name", "first", "parameters", "value"), TABLE, ids=IDS)
def test_shapes(name: str, first: Any, parameters: dict[str, Any], value: Any) -> None:
    (_, d, _), (_, e, _) = made = both(name, first, parameters)
    for attribute in ("batch_shape", "event_shape"):
        assert tuple(getattr(d, attribute)) == tuple(getattr(e, attribute))
    assert d.has_rsample == (e.has_rsample and name not in NO_FORMULA)
    assert (d.support.event_dim, d.support.is_discrete) == (e.support.event_dim, e.support.is_discrete)
    for sample_shape in ((), (5,), (2, 3)):
        assert tuple(d.sample(sample_shape).shape) == tuple(e.sample(sample_shape).shape)
    assert tuple(d.sample((0,)).shape) == (0, *d.batch_shape, *d.event_shape)
    assert not d.sample().requires_grad
    assert d.sample().dtype == at.float64
    if d.has_rsample:
        assert d.rsample((2,)).requires_grad
    else:
        with pytest.raises(NotImplementedError, match="no rsample"):
            d.rsample()
    shape = (7, *d.batch_shape)
    one = value if value.shape == UNIT.shape else value[0]
    same(lambda t, d: d.expand(shape).log_prob(t.tensor(one)), made)


@pytest.mark.parametrize("name", ["Gamma", "Chi2", "Beta", "Dirichlet", "Cauchy", "HalfNormal"])
def test_divergences(name: str) -> None:
    parameters = next(p for n, _, p, _ in TABLE if n == name)
    results = []
    for t in (at, torch):
        leaves = [t.tensor(v * f, requires_grad=True) for f in (1.0, 0.75) for v in parameters.values()]
        half = len(leaves) // 2
        make = getattr(t.distributions, name)
        kl = t.distributions.kl_divergence(make(*leaves[:half]), make(*leaves[half:]))
        results.append([array(kl), *map(array, t.autograd.grad(kl.sum(), leaves))])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-10)


TRANSFORMS: list[tuple[str, Callable[[Any], Any], Any]] = [
    ("affine", lambda t: t.distributions.AffineTransform(1.0, -2.0), VALUES),
    ("exp", lambda t: t.distributions.ExpTransform(), abs(VALUES)),
    ("sigmoid", lambda t: t.distributions.SigmoidTransform(), UNIT),
    ("tanh", lambda t: t.distributions.TanhTransform(cache_size=1), UNIT),
    ("softplus", lambda t: t.distributions.SoftplusTransform(), abs(VALUES)),
    ("inverse", lambda t: t.distributions.SigmoidTransform().inv, VALUES),
    (
        "compose",
        lambda t: t.distributions.ComposeTransform(
            [t.distributions.AffineTransform(0.5, 2.0), t.distributions.TanhTransform()]
        ),
        UNIT,
    ),
]


@pytest.mark.parametrize(("name", "make", "y"), TRANSFORMS, ids=[row[0] for row in TRANSFORMS])
def test_transforms(name: str, make: Callable[[Any], Any], y: Any) -> None:
    results: list[Any] = []
    for t in (at, torch):
        f, values = make(t), t.tensor(y, requires_grad=True)
        x = f.inv(values)
        log = f.log_abs_det_jacobian(x, values)
        (g,) = t.autograd.grad((x * x + log).sum(), values)
        results.append([array(x), array(log), array(f(x.detach())), array(g), f.sign])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("dims", [0, 1])
@pytest.mark.parametrize(("name", "make", "y"), TRANSFORMS, ids=[row[0] for row in TRANSFORMS])
def test_transformed(name: str, make: Callable[[Any], Any], y: Any, dims: int) -> None:
    made = []
    for t in (at, torch):
        family = t.distributions
        leaves = [t.tensor(UNIT, requires_grad=True), t.tensor(POSITIVE, requires_grad=True)]
        base = family.Independent(family.Normal(*leaves), dims)
        if name == "inverse":
            base = family.Independent(family.Uniform(0 * leaves[0], 1 + 0 * leaves[1]), dims)
        made.append((t, family.TransformedDistribution(base, [make(t)]), leaves))
    same(lambda t, d: d.log_prob(t.tensor(y)), made)
    same(lambda t, d: d.expand((2, 3) if dims else (2, 3, 2)).log_prob(t.tensor(UNIT)), made)
    (_, d, _), (_, e, _) = made
    assert tuple(d.event_shape) == tuple(e.event_shape)
    assert tuple(d.batch_shape) == tuple(e.batch_shape)
    assert d.has_rsample
    assert tuple(d.rsample((4,)).shape) == (4, 3, 2)
    if dims == 0:
        same(lambda t, d: d.cdf(t.tensor(y)), made)
        same(lambda t, d: d.icdf(t.tensor(UNIT)), made)


def test_mixtures() -> None:
    weights = RNG.gamma(2.0, size=(3, 2))
    for shared in (False, True):
        made = []
        for t in (at, torch):
            family = t.distributions
            leaves = [
                t.tensor(a, requires_grad=True) for a in (weights[0] if shared else weights, REAL, POSITIVE)
            ]
            probs = leaves[0].expand(3, 2) if shared else leaves[0]
            mixture = family.MixtureSameFamily(family.Categorical(probs=probs), family.Normal(*leaves[1:]))
            made.append((t, mixture, leaves))
        same(lambda t, d: d.log_prob(t.tensor(REAL[:, 0])), made)
        same(lambda t, d: d.cdf(t.tensor(REAL[:, 0])), made)
        same(lambda t, d: d.mean, made)
        same(lambda t, d: d.variance, made)
        same(lambda t, d: d.expand((4, 3)).log_prob(t.tensor(REAL[:, 0])), made)
        assert tuple(made[0][1].sample((5,)).shape) == tuple(made[1][1].sample((5,)).shape)


INVALID: list[Callable[[Any], Any]] = [
    lambda t: t.distributions.Gamma(-1.0, 1.0),
    lambda t: t.distributions.Beta(1.0, 1.0).log_prob(t.tensor(2.0)),
    lambda t: t.distributions.Dirichlet(t.tensor(1.0)),
    lambda t: t.distributions.Dirichlet(t.ones(2)).log_prob(t.ones(2)),
    lambda t: t.distributions.StudentT(0.0),
    lambda t: t.distributions.Binomial(3, probs=2.0),
    lambda t: t.distributions.Binomial(3, probs=0.5).log_prob(t.tensor(4.0)),
    lambda t: t.distributions.Multinomial(3.0, t.ones(2)),
    lambda t: t.distributions.RelaxedBernoulli(1.0),
    lambda t: t.distributions.TransformedDistribution(t.distributions.Normal(0.0, 1.0), [1]),
    lambda t: t.distributions.TanhTransform(cache_size=2),
    lambda t: t.distributions.MixtureSameFamily(
        t.distributions.Categorical(t.ones(3)), t.distributions.Normal(t.zeros(2), 1.0)
    ),
]


@pytest.mark.parametrize("program", INVALID, ids=range(len(INVALID)))
def test_errors(program: Callable[[Any], Any]) -> None:
    with pytest.raises(Exception) as theirs:  # noqa: PT011
        program(torch)
    with pytest.raises(Exception) as ours:  # noqa: PT011
        program(at)
    assert ours.type is theirs.type
