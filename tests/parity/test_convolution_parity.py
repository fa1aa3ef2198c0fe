"""Convolutions and pooling against PyTorch over random settings: values, gradients, indices, states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F
from autotape import nn

torch = pytest.importorskip("torch", reason="PyTorch is not importable: nothing to compare with")

COUNT = 40


def settings(seed: int) -> tuple[np.random.Generator, int, dict[str, Any]]:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))

    def pick(low: int, high: int) -> tuple[int, ...]:
        return tuple(rng.integers(low, high, n).tolist())

    return rng, n, {"kernel": pick(1, 4), "stride": pick(1, 4), "padding": pick(0, 3), "dilation": pick(1, 3)}


def compare(call: Any, *arrays: Any) -> None:
    """The same call on both sides: outputs, and the gradients of every array in float64."""
    ours = [at.tensor(a, requires_grad=True) for a in arrays]
    theirs = [torch.tensor(a, requires_grad=True) for a in arrays]
    try:
        wanted = call(torch.nn.functional, *theirs)
    except RuntimeError:
        with pytest.raises(RuntimeError):
            call(F, *ours)
        return
    found = call(F, *ours)
    if isinstance(wanted, tuple):
        np.testing.assert_array_equal(found[1].numpy(), wanted[1].numpy())
        found, wanted = found[0], wanted[0]
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-9, atol=1e-11)
    seed = np.random.default_rng(0).standard_normal(tuple(wanted.shape))
    grads = at.autograd.grad(found, ours, at.tensor(seed))
    for a, b in zip(grads, torch.autograd.grad(wanted, theirs, torch.tensor(seed)), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("seed", range(COUNT))
def test_convolutions(seed: int) -> None:
    rng, n, s = settings(seed)
    groups = int(rng.integers(1, 3))
    x = rng.standard_normal((int(rng.integers(1, 4)), 4, *rng.integers(3, 9, n)))
    w = rng.standard_normal((6, 4 // groups, *s["kernel"]))
    arguments = {"stride": s["stride"], "padding": s["padding"], "dilation": s["dilation"], "groups": groups}
    compare(lambda f, x, w, b: getattr(f, f"conv{n}d")(x, w, b, **arguments), x, w, rng.standard_normal(6))
    w = rng.standard_normal((4, 6 // groups, *s["kernel"]))
    arguments["output_padding"] = tuple(rng.integers(0, 2, n).tolist())
    compare(
        lambda f, x, w, b: getattr(f, f"conv_transpose{n}d")(x, w, b, **arguments),
        x,
        w,
        rng.standard_normal(6),
    )


@pytest.mark.parametrize("seed", range(COUNT))
def test_pooling(seed: int) -> None:
    rng, n, s = settings(seed)
    x = rng.integers(-3, 4, (2, 3, *rng.integers(3, 9, n))).astype(float)  # with ties
    if seed % 4 == 0:
        x[0, 0].flat[0] = np.nan
    half = tuple(min(p, k // 2) for p, k in zip(s["padding"], s["kernel"], strict=True))
    ceil_mode = bool(rng.integers(0, 2))
    maximum = {"stride": s["stride"], "padding": half, "dilation": s["dilation"], "ceil_mode": ceil_mode}
    compare(lambda f, x: getattr(f, f"max_pool{n}d")(x, s["kernel"], **maximum, return_indices=True), x)
    average = {"stride": s["stride"], "padding": half, "ceil_mode": ceil_mode}
    compare(
        lambda f, x: getattr(f, f"avg_pool{n}d")(x, s["kernel"], **average, count_include_pad=bool(seed % 2)),
        x,
    )
    to = tuple(rng.integers(1, 10, n).tolist())
    compare(lambda f, x: getattr(f, f"adaptive_avg_pool{n}d")(x, to), x)
    compare(lambda f, x: getattr(f, f"adaptive_max_pool{n}d")(x, to, return_indices=True), x)


def test_a_small_network_with_the_state_of_pytorchs() -> None:
    def network(m: Any) -> Any:
        return m.Sequential(
            m.Conv2d(3, 8, 3, padding=1, padding_mode="circular"), m.ReLU(), m.MaxPool2d(2),
            m.Conv2d(8, 8, 3, padding="same", groups=4), m.ReLU(), m.AvgPool2d(2),
            m.ConvTranspose2d(8, 4, 3, stride=2, output_padding=1), m.AdaptiveAvgPool2d(3), m.Flatten(),
        )  # fmt: skip

    theirs, ours = network(torch.nn).double(), network(nn).double()
    ours.load_state_dict({k: at.from_numpy(v.numpy()) for k, v in theirs.state_dict().items()})
    assert repr(ours) == repr(theirs)
    x = np.random.default_rng(0).standard_normal((2, 3, 10, 12))
    wanted, found = theirs(torch.tensor(x)), ours(at.tensor(x))
    np.testing.assert_allclose(found.detach().numpy(), wanted.detach().numpy(), rtol=1e-9, atol=1e-12)
    wanted.square().sum().backward()
    found.square().sum().backward()
    for (name, a), (_, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-9, atol=1e-11, err_msg=name)
