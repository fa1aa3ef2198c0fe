"""Normalisation, padding, resizing and sampling as PyTorch does them, where its own tables do not look."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

import autotape as at
import autotape.nn.functional as F

torch = pytest.importorskip("torch", reason="PyTorch is not importable: nothing to compare with")

from torch.nn import functional as TF  # noqa: E402

Array = np.ndarray[Any, Any]


def normal(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


NORMS: list[tuple[str, dict[str, Any], tuple[int, ...]]] = [
    (f"{kind}{d}d", options, (4, 3, 5, 4, 2)[: d + 2])
    for kind, d in itertools.product(("BatchNorm", "InstanceNorm"), (1, 2, 3))
    for options in (
        {},
        {"affine": True, "track_running_stats": True, "momentum": None, "eps": 0.1},
        {"affine": True, "bias": False, "track_running_stats": True, "momentum": 0.3},
        {"affine": False, "track_running_stats": False},
    )
] + [("BatchNorm1d", {}, (6, 3)), ("InstanceNorm2d", {"affine": True}, (3, 5, 4))]


@pytest.mark.parametrize("case", range(len(NORMS)))
@pytest.mark.parametrize("lazy", [False, True])
def test_running_statistics_over_batches(case: int, lazy: bool) -> None:
    name, options, shape = NORMS[case]
    if lazy and (len(shape) != int(name[-2]) + 2 or options.get("affine") is False):
        return  # without parameters PyTorch's lazy modules never learn their size
    first = () if lazy else (3,)
    name = "Lazy" + name if lazy else name
    ours, theirs = getattr(at.nn, name)(*first, **options), getattr(torch.nn, name)(*first, **options)
    for module, dtype in ((ours, at.float64), (theirs, torch.float64)):
        module.to(dtype)
    for step in range(3):
        x = normal(*shape, seed=step) * 2 + step
        a, b = at.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        y, z = ours(a), theirs(b)
        np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-11)
        (y**3).sum().backward()
        (z**3).sum().backward()
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-8, atol=1e-9)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for (key, value), wanted in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(value.numpy(), wanted.numpy(), rtol=1e-10, atol=1e-12, err_msg=key)
    for (key, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-8, atol=1e-9, err_msg=key)
    x = normal(*shape, seed=9)
    y, z = ours.eval()(at.tensor(x)), theirs.eval()(torch.tensor(x))
    np.testing.assert_allclose(y.detach().numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-11)


SIZES = (1, 2, 3, 5, 8, 14)
LINES: list[tuple[str, bool | None]] = [
    ("nearest", None), ("nearest-exact", None), ("area", None), ("linear", False), ("linear", True),
]  # fmt: skip
IMAGES: list[tuple[str, bool | None, bool]] = [
    *itertools.product(("bilinear", "bicubic"), (False, True), (False, True)),
    ("lanczos", False, True),
    ("nearest", None, False),
    ("nearest-exact", None, False),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 13])
def test_resizing(size: int, dtype: str) -> None:
    # In PyTorch 2.13 antialiasing an image of one column gives rows that repeat: two columns at least here.
    line, image = normal(1, 2, size).astype(dtype), normal(1, 2, size, size + 2).astype(dtype)
    tolerance = 1e-9 if dtype == "float64" else 2e-4
    targets: list[dict[str, Any]] = [{"size": n} for n in SIZES[1:]]
    for factor in (2.0, 1.5, 1.1, 0.7, 3.3):
        if int(size * factor) and int((size + 2) * factor) > 1:
            targets += [{"scale_factor": factor}, {"scale_factor": factor, "recompute_scale_factor": True}]
    for target in targets:
        calls: list[tuple[Array, dict[str, Any]]]
        calls = [(line, {"mode": mode, "align_corners": corners}) for mode, corners in LINES]
        calls += [(image, {"mode": m, "align_corners": c, "antialias": a}) for m, c, a in IMAGES]
        for x, options in calls:
            wanted = TF.interpolate(torch.tensor(x), **target, **options).numpy()
            found = F.interpolate(at.tensor(x), **target, **options).numpy()
            message = f"{target} {options}"
            np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance, err_msg=message)


@pytest.mark.parametrize("mode", ["bilinear", "lanczos"])
def test_resizing_bytes(mode: str) -> None:
    for shape, size in itertools.product(
        [(2, 3, 4, 4), (1, 1, 7, 9), (2, 3, 40, 31)], [(3, 3), (6, 9), (20, 17)]
    ):
        x = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
        wanted = TF.interpolate(torch.tensor(x), size, mode=mode, antialias=mode == "lanczos").numpy()
        found = F.interpolate(at.tensor(x), size, mode=mode, antialias=mode == "lanczos").numpy()
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_sampling_far_outside_and_on_edges(mode: str, padding: str) -> None:
    x = normal(2, 2, 4, 5)
    grid = np.random.default_rng(1).uniform(-7, 7, (2, 6, 6, 2))
    grid[0, :3] = np.random.default_rng(2).choice([-1.0, -0.5, 0.0, 0.5, 1.0, 3.0, -3.0], (3, 6, 2))
    for corners in (True, False):
        tensors = []
        for m, f in ((at, F), (torch, TF)):
            a, g = m.tensor(x, requires_grad=True), m.tensor(grid, requires_grad=True)
            y = f.grid_sample(a, g, mode, padding, corners)
            (y**2).sum().backward()
            tensors.append((y.detach().numpy(), a.grad.numpy(), g.grad.numpy()))
        for ours, theirs in zip(*tensors, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


def test_sampling_volumes() -> None:
    x, grid = normal(2, 2, 3, 4, 5), np.random.default_rng(1).uniform(-2, 2, (2, 3, 2, 4, 3))
    for mode, padding, corners in itertools.product(
        ("bilinear", "nearest"), ("zeros", "border", "reflection"), (True, False)
    ):
        wanted = TF.grid_sample(torch.tensor(x), torch.tensor(grid), mode, padding, corners).numpy()
        found = F.grid_sample(at.tensor(x), at.tensor(grid), mode, padding, corners).numpy()
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-10)


def test_affine_grids() -> None:
    for size in ([2, 1, 3, 4], [2, 1, 1, 5], [2, 1, 2, 3, 4]):
        theta = normal(2, len(size) - 2, len(size) - 1)
        for corners in (True, False):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                wanted = TF.affine_grid(torch.tensor(theta), size, corners).numpy()
                found = F.affine_grid(at.tensor(theta), size, corners).numpy()
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


MODULES: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = [
    ("LayerNorm", (3,), {}), ("LayerNorm", ([2, 3],), {"bias": False}), ("LayerNorm", ((4,), 1e-3, False),
    {}), ("RMSNorm", (3,), {}), ("RMSNorm", ((2, 3), 1e-3, False), {}), ("GroupNorm", (2, 4), {}),
    ("GroupNorm", (2, 4), {"bias": False}), ("GroupNorm", (2, 4, 1e-3, False), {}),
    ("LocalResponseNorm", (2,), {"k": 2.0}), ("Upsample", (), {"scale_factor": (2, 3), "mode": "bilinear"}),
    ("Upsample", (5,), {}), ("UpsamplingNearest2d", (), {"scale_factor": 2}), ("UpsamplingBilinear2d", ((2,
    3),), {}), ("PixelShuffle", (2,), {}), ("PixelUnshuffle", (2,), {}), ("ChannelShuffle", (2,), {}),
    ("Dropout1d", (0.1,), {}), ("Dropout2d", (0.1, True), {}), ("Dropout3d", (0.1,), {}), ("AlphaDropout",
    (0.1,), {}), ("FeatureAlphaDropout", (0.1,), {}), ("ZeroPad1d", (1,), {}), ("ZeroPad2d", ((1, 2, 3, 4),),
    {}), ("ConstantPad3d", (1, 2.5), {}), ("ReflectionPad2d", (1,), {}), ("ReplicationPad3d", (1,), {}),
    ("CircularPad1d", ((1, 2),), {}), ("LazyBatchNorm2d", (), {}), ("LazyInstanceNorm2d", (),
    {"affine": False}), ("BatchNorm2d", (3,), {"dtype": "float64"}),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(MODULES)))
def test_text_and_state(case: int) -> None:
    name, args, options = MODULES[case]
    dtype = options.get("dtype")
    ours = getattr(at.nn, name)(*args, **options | ({"dtype": getattr(at, dtype)} if dtype else {}))
    theirs = getattr(torch.nn, name)(*args, **options | ({"dtype": getattr(torch, dtype)} if dtype else {}))
    assert repr(ours) == repr(theirs)
    if name.startswith("Lazy"):
        assert list(ours.state_dict()) == list(theirs.state_dict())
        return
    assert {k: (tuple(v.shape), str(v.dtype)[9:]) for k, v in ours.state_dict().items()} == {
        k: (tuple(v.shape), str(v.dtype)[6:]) for k, v in theirs.state_dict().items()
    }
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
