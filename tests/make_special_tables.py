"""Makes tests/special_tables.npz, the reference values of tests/test_special.py, with mpmath.

    python -m tests.make_special_tables

For each function: the arguments, the values rounded to float64, and |x f'(x) / f(x)| for the last argument,
the condition: by how much more than its own rounding it changes the value.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mpmath import mp, mpf

mp.dps = 50
rng = np.random.default_rng(0)
N = 60  # points of a kind


def uniform(low: float, high: float, n: int = N) -> Any:
    return rng.uniform(low, high, n)


def powers(low: float, high: float, n: int = N) -> Any:
    """10**u for a uniform u."""
    return 10 ** rng.uniform(low, high, n)


def join(*parts: Any) -> Any:
    return np.concatenate([np.ravel(p) for p in parts])


def erfcx(x: mpf) -> mpf:
    if x < 100:
        with mp.workdps(80):
            return mp.exp(x * x) * mp.erfc(x)
    terms = [mp.fac2(2 * k - 1) * (-1) ** k / (2 * x * x) ** k for k in range(12)]
    return sum(terms[1:], terms[0]) / (x * mp.sqrt(mp.pi))


def erfcinv(q: mpf) -> mpf:
    """By Newton's method on log(erfc(y))."""
    w = -mp.log(q)
    y = mp.sqrt(w)
    for _ in range(200):
        step = (mp.log(mp.erfc(y)) + w) * mp.erfc(y) * mp.sqrt(mp.pi) / 2 * mp.exp(y * y)
        y += step
        if abs(step) < mpf(10) ** -40 * abs(y):
            return y
    raise ArithmeticError(q)


def erfinv(x: mpf) -> mpf:
    return mp.erfinv(x) if abs(x) < 0.5 else mp.sign(x) * erfcinv(1 - abs(x))


def ndtri(p: mpf) -> mpf:
    if p < 0.25:
        return -mp.sqrt(2) * erfcinv(2 * p)
    return mp.sqrt(2) * (erfcinv(2 * (1 - p)) if p > 0.75 else mp.erfinv(2 * p - 1))


def log_ndtr(x: mpf) -> mpf:
    return mp.log(mp.erfc(-x / mp.sqrt(2)) / 2) if x < 1 else mp.log1p(-mp.erfc(x / mp.sqrt(2)) / 2)


def lower(a: mpf, x: mpf) -> mpf:
    """By the power series, whose terms are positive."""
    total = term = mpf(1)
    n = 0
    while term > total * mpf(10) ** -mp.dps:
        n += 1
        term *= x / (a + n)
        total += term
    return mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1)) * total


def upper(a: mpf, x: mpf) -> mpf:
    with mp.workdps(120):
        return 1 - lower(a, x)


def zeta(s: mpf, q: mpf) -> mpf:
    return (
        mp.zeta(s, q)
        if q > 0
        else sum((q + k) ** -s for k in range(-int(q) + 1)) + mp.zeta(s, q + 1 - int(q))
    )


def log_derivative(f: Callable[..., Any], *inputs: mpf) -> mpf:
    """|x f'(x) / f(x)| for the last argument, to a few digits."""
    *rest, x = inputs
    h = mpf(10) ** -20 * max(abs(x), mpf(10) ** -280)
    up, down = f(*rest, x + h), f(*rest, x - h)
    return abs(x * (up - down) / (2 * h) / f(*inputs))


POSITIVE = join(uniform(0, 10), powers(-300, 300), powers(-8, 4), uniform(0.7, 0.8), uniform(2.4, 2.6))
NEAR = [v + s * powers(-15, -1, 30) for v in (1, 2) for s in (1, -1)]
SIGNED = join(uniform(-6, 6), powers(-300, 0), -powers(-300, 0), uniform(0.45, 0.55), uniform(-0.55, -0.45))
ROOT = 1.4616321449683622
SMALL_A, SMALL_X = powers(-5, 1.3, 150), powers(-5, 1.7, 150)
A, LARGE_A = powers(0.5, 3, 100), powers(2, 4, 60)
GAMMA = (
    join(SMALL_A, uniform(0, 30), A, LARGE_A),
    join(
        SMALL_X, uniform(0, 60), A * uniform(0.6, 1.5, 100), LARGE_A + rng.normal(size=60) * 4 * LARGE_A**0.5
    ),
)
BESSEL = join(uniform(-20, 20), uniform(0, 700), powers(-10, 2), uniform(7.5, 8.5))
S = join(1 + powers(-3, 1.2, 150), rng.integers(2, 9, 60))

TABLES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "erf": (mp.erf, (SIGNED,)),
    "erfc": (mp.erfc, (join(SIGNED, uniform(0, 26)),)),
    "erfcx": (erfcx, (join(SIGNED, uniform(-26, 26), powers(0, 300)),)),
    "erfinv": (
        erfinv,
        (join(uniform(-1, 1), 1 - powers(-15.9, -0.1), uniform(0.49, 0.51), powers(-300, -1)),),
    ),
    "ndtr": (mp.ncdf, (join(SIGNED, uniform(-37, 9)),)),
    "ndtri": (
        ndtri,
        (
            join(
                uniform(0, 1),
                1 - powers(-15.9, -0.1),
                powers(-300, -0.1),
                uniform(0.24, 0.26),
                uniform(0.74, 0.76),
            ),
        ),
    ),
    "log_ndtr": (log_ndtr, (join(SIGNED, uniform(-37, 37), uniform(-1e3, 0)),)),
    "lgamma": (lambda x: mp.re(mp.loggamma(x)), (join(POSITIVE, *NEAR),)),
    "lgamma of negatives": (
        lambda x: mp.log(abs(mp.gamma(x))),
        (join(uniform(-10, 0), -powers(-300, 2), uniform(-2.48, -2.43)),),
    ),
    "digamma": (
        mp.digamma,
        (join(POSITIVE, uniform(1.46, 1.463), *[ROOT + s * powers(-15, -3) for s in (1, -1)]),),
    ),
    "digamma of negatives": (mp.digamma, (join(uniform(-10, 0), -powers(-300, 4), uniform(-0.51, -0.49)),)),
    **{
        f"polygamma({n})": (
            lambda x, n=n: mp.polygamma(n, x),
            (join(uniform(0, 30), powers(-5, 5), uniform(-5, 0)),),
        )
        for n in (1, 2, 3, 10)
    },
    "zeta": (zeta, (S, join(powers(-3, 3, 150), -uniform(0, 6)))),
    "igamma": (lower, GAMMA),
    "igammac": (upper, GAMMA),
    "i0": (lambda x: mp.besseli(0, x), (BESSEL,)),
    "i1": (lambda x: mp.besseli(1, x), (BESSEL,)),
    "i0e": (lambda x: mp.besseli(0, x) * mp.exp(-abs(x)), (BESSEL,)),
    "i1e": (lambda x: mp.besseli(1, x) * mp.exp(-abs(x)), (BESSEL,)),
    "logit": (lambda x: mp.log(x / (1 - x)), (join(uniform(0, 1), powers(-300, -1), 0.5 + powers(-15, -1)),)),
    "sinc": (mp.sincpi, (join(uniform(-9, 9), powers(-10, 3), 3 + powers(-14, -1)),)),
    "entr": (lambda x: -x * mp.log(x), (join(uniform(0, 3), powers(-300, 300)),)),
}


def main() -> None:
    arrays: dict[str, Any] = {}
    for name, (f, inputs) in TABLES.items():
        points = [tuple(mpf(float(v)) for v in point) for point in zip(*inputs, strict=True)]
        values = [float(f(*p)) for p in points]
        condition = [float(log_derivative(f, *p)) for p in points]
        usable = np.isfinite(values) & np.isfinite(condition) & (np.abs(values) > 1e-290)
        for i, x in enumerate(inputs):
            arrays[f"{name}/{i}"] = x[usable]
        arrays[f"{name}/value"] = np.array(values)[usable]
        arrays[f"{name}/condition"] = np.array(condition, np.float32)[usable]
        print(name, int(usable.sum()), "of", len(values), flush=True)  # noqa: T201
    np.savez_compressed(Path(__file__).with_name("special_tables.npz"), **arrays)


if __name__ == "__main__":
    main()
