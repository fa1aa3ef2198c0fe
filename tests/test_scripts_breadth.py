"""What a wider reading of public scripts asked for: profiler, benchmark, transforms, old names."""

from __future__ import annotations

import importlib
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape import distributions as dist
from autotape import profiler
from autotape import transforms as T
from autotape.autograd import forward_ad
from autotape.scripts import as_torch
from autotape.transforms import functional as TF
from autotape.utils.benchmark import Timer


def test_profiler_follows_the_schedule() -> None:
    counts: list[int] = []

    def ready(prof: profiler.profile) -> None:
        counts.append(sum(e.count for e in prof.key_averages() if e.key == "exp"))

    plan = profiler.schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
    assert [plan(s).value for s in range(11)] == [0, 0, 1, 2, 3, 0, 1, 2, 3, 0, 0]
    x = at.ones(3)
    with profiler.profile(
        activities=[profiler.ProfilerActivity.CPU], schedule=plan, on_trace_ready=ready, record_shapes=True
    ) as prof:
        for _ in range(11):
            x.exp()
            prof.step()
    assert counts == [2, 2]
    with profiler.profile() as prof, profiler.record_function("model"):
        x.exp()
    assert "model" in prof.key_averages().table(sort_by="self_cuda_time_total", row_limit=5)
    with pytest.raises(NotImplementedError, match="single events"):
        prof.export_chrome_trace("trace.json")
    with pytest.raises(AssertionError, match="active"):
        profiler.schedule(wait=0, warmup=0, active=0)


def test_profiler_is_off_after_an_exception() -> None:
    before = sys.getprofile()
    with pytest.raises(ZeroDivisionError), profiler.profile():
        _ = 1 / 0
    assert sys.getprofile() is before


def test_paths_of_pytorch() -> None:
    with as_torch():
        student_t = importlib.import_module("torch.distributions.studentT")
        transforms = importlib.import_module("torchvision.transforms.transforms")
        assert importlib.import_module("torch.profiler") is profiler
        with pytest.raises(ModuleNotFoundError, match=r"torchvision\.ops is left out .* transforms, utils"):
            importlib.import_module("torchvision.ops")
    assert student_t.StudentT is dist.StudentT
    assert transforms.Compose is T.Compose


def test_benchmark() -> None:
    runs: list[int] = []
    ticks = iter(range(10**6))
    timer = Timer("runs.append(1)", timer=lambda: float(next(ticks)), globals={"runs": runs}, label="append")
    found = timer.timeit(100)
    assert len(runs) == 102
    assert (found.times, found.mean, found.median, found.iqr) == ([0.01], 0.01, 0.01, 0.0)
    many = timer.blocked_autorange(min_run_time=3.0)
    assert (many.number_per_run, many.times) == (1, [1.0, 1.0, 1.0])
    assert repr(many) == "<Measurement of append: 1.00 s, 3 measurements, 1 runs each>"


def test_an_output_kept_on_ctx_can_be_deleted() -> None:
    class Exp(at.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.result = x.exp()
            ctx.other = 3
            return ctx.result

        @staticmethod
        def jvp(ctx: Any, g: Any) -> Any:
            tangent = g * ctx.result
            del ctx.result, ctx.other
            assert not hasattr(ctx, "result")
            with pytest.raises(AttributeError):
                del ctx.result
            return tangent

    x = at.tensor([0.0, 1.0], dtype=at.float64)
    with forward_ad.dual_level():
        y = Exp.apply(forward_ad.make_dual(x, at.ones_like(x)))
        tangent = forward_ad.unpack_dual(y).tangent
    assert tangent is not None
    np.testing.assert_allclose(tangent.numpy(), np.exp([0.0, 1.0]))


# --- transforms ---------------------------------------------------------------------------------------------

IMAGE = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
FUNCTIONS: list[tuple[Callable[[Any], Any], tuple[int, int]]] = [
    (TF.hflip, (9, 7)),
    (TF.vflip, (9, 7)),
    (lambda img: TF.crop(img, 2, 1, 4, 5), (4, 5)),
    (lambda img: TF.crop(img, -2, 5, 4, 5), (4, 5)),
    (lambda img: TF.center_crop(img, 3), (3, 3)),
    (lambda img: TF.pad(img, (1, 2)), (13, 9)),
    (lambda img: TF.resize(img, (4, 5)), (4, 5)),
    (lambda img: TF.resized_crop(img, 1, 1, 5, 5, 4), (5, 5)),
    (T.RandomResizedCrop((4, 6)), (4, 6)),
    (T.RandomGrayscale(1.0), (9, 7)),
    (T.RandomApply([T.CenterCrop(3)], 1.0), (3, 3)),
    (T.RandomApply([T.CenterCrop(3)], 0.0), (9, 7)),
    (T.RandomChoice([T.CenterCrop(3), T.CenterCrop(5)], [0.0, 1.0]), (5, 5)),
]


@pytest.mark.parametrize(("change", "size"), FUNCTIONS, ids=range(len(FUNCTIONS)))
def test_functions_of_arrays_and_tensors(change: Callable[[Any], Any], size: tuple[int, int]) -> None:
    """The same pixels either way."""
    tensor = at.from_numpy(np.ascontiguousarray(IMAGE.transpose(2, 0, 1)))
    at.manual_seed(3)
    a = change(IMAGE)
    at.manual_seed(3)
    b = change(tensor)
    if size != (5, 5) or a.shape[:2] != (4, 4):
        assert a.shape[:2] == size
    assert tuple(b.shape[-2:]) == a.shape[:2]
    expected = a if a.ndim == 3 else a[:, :, None]
    np.testing.assert_allclose(b.numpy().transpose(1, 2, 0), expected, atol=1)


def test_crop_outside_is_zero() -> None:
    part = TF.crop(IMAGE, -1, -2, 3, 4)
    assert not part[0].any()
    assert not part[:, :2].any()
    assert np.array_equal(part[1:, 2:], IMAGE[:2, :2])


def test_random_resized_crop_stays_inside() -> None:
    at.manual_seed(0)
    change = T.RandomResizedCrop(4, scale=(0.2, 0.5), ratio=(0.5, 2.0))
    for _ in range(50):
        top, left, height, width = change._part(9, 7)
        assert top >= 0
        assert left >= 0
        assert top + height <= 9
        assert left + width <= 7
        assert 0.1 < height * width / 63 < 0.7
    narrow = T.RandomResizedCrop(4, scale=(4.0, 4.0))  # nothing fits: the middle
    assert narrow._part(100, 10) == (43, 0, 13, 10)


def test_transforms_refuse() -> None:
    with pytest.raises(NotImplementedError, match="bilinearly"):
        T.Resize(4, T.InterpolationMode.NEAREST)
    with pytest.raises(NotImplementedError, match="antialias"):
        T.Resize(4, antialias=False)
    with pytest.raises(ValueError, match="2 weights"):
        T.RandomChoice([T.CenterCrop(3), T.CenterCrop(5)], [1.0])
    assert TF.get_image_size(IMAGE) == [7, 9]
    assert TF.normalize(TF.to_tensor(IMAGE), [0.5], [0.5]).shape == (3, 9, 7)


def test_pil_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match="pip install pillow"):
        T.ToPILImage()(at.zeros(1, 2, 2))


def test_old_names_of_mnist(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        images = struct.pack(">4I", 2051, 2, 28, 28) + bytes(2 * 784)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(images)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, 2) + bytes([3, 4]))
    train, test = at.datasets.MNIST(tmp_path), at.datasets.MNIST(tmp_path, train=False)
    assert train.train_data.shape == test.test_data.shape == (2, 28, 28)
    assert train.train_labels.tolist() == test.test_labels.tolist() == [3, 4]


# --- distributions ------------------------------------------------------------------------------------------

SAMPLED: list[Any] = [
    dist.Gamma(at.tensor([0.5, 3.0]), at.tensor([2.0, 0.5])),
    dist.Chi2(at.tensor([1.0, 5.0])),
    dist.Beta(at.tensor([0.5, 3.0]), at.tensor([2.0, 0.5])),
    dist.Dirichlet(at.tensor([[1.0, 2.0, 0.5], [5.0, 1.0, 3.0]])),
    dist.StudentT(at.tensor([9.0, 20.0]), 1.0, 2.0),
    dist.HalfNormal(at.tensor([0.5, 3.0])),
    dist.Gumbel(at.tensor([0.5, 3.0]), at.tensor([2.0, 0.5])),
    dist.Binomial(5, probs=at.tensor([0.0, 0.3, 1.0])),
    dist.NegativeBinomial(at.tensor([0.5, 4.0]), probs=at.tensor([0.5, 0.3])),
    dist.Multinomial(6, at.tensor([[1.0, 2.0, 1.0], [0.0, 1.0, 3.0]])),
    dist.OneHotCategoricalStraightThrough(at.tensor([[1.0, 2.0, 1.0], [0.0, 1.0, 3.0]])),
    dist.MixtureSameFamily(dist.Categorical(at.ones(3, 2)), dist.Normal(at.randn(3, 2), 0.5)),
]


@pytest.mark.parametrize("d", SAMPLED, ids=[type(d).__name__ for d in SAMPLED])
def test_samples_have_the_mean_and_variance(d: Any) -> None:
    at.manual_seed(0)
    n = 20_000
    x = d.sample((n,)).numpy().astype(np.float64)
    assert d.support.check(at.tensor(x, dtype=at.float32)).all()
    error = 5 * d.stddev.numpy() / n**0.5 + 1e-6  # five standard errors
    assert (abs(x.mean(0) - d.mean.numpy()) <= error).all()
    np.testing.assert_allclose(x.var(0), d.variance.numpy(), rtol=0.15, atol=1e-6)


@pytest.mark.parametrize("d", [dist.Cauchy(1.0, 2.0), dist.HalfCauchy(2.0)], ids=["Cauchy", "HalfCauchy"])
def test_samples_have_the_quantiles(d: Any) -> None:
    at.manual_seed(0)
    p = d.cdf(d.sample((20_000,))).numpy()
    np.testing.assert_allclose(np.quantile(p, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02)


def test_relaxed_samples_round_to_the_discrete_ones() -> None:
    at.manual_seed(0)
    probs = at.tensor([0.2, 0.5, 0.3])
    soft = dist.RelaxedOneHotCategorical(0.3, probs=probs).sample((20_000,))
    chosen = np.bincount(soft.argmax(-1).numpy(), minlength=3) / 20_000
    np.testing.assert_allclose(chosen, probs.numpy(), atol=0.02)
    coins = dist.RelaxedBernoulli(at.tensor(0.3), probs=probs).sample((20_000,))
    np.testing.assert_allclose((coins > 0.5).float().mean(0).numpy(), probs.numpy(), atol=0.02)


def test_transform_of_ones_own() -> None:
    class Scaled(dist.transforms.Transform):
        domain = codomain = dist.constraints.real
        bijective = True
        sign = 1

        def _call(self, x: Any) -> Any:
            return 3 * x

        def _inverse(self, y: Any) -> Any:
            return y / 3

        def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
            return at.full_like(x, np.log(3.0))

    d = dist.TransformedDistribution(dist.Normal(at.zeros(2), 1.0), [Scaled(cache_size=1)])
    same = dist.Normal(at.zeros(2), 3.0)
    y = d.rsample()
    np.testing.assert_allclose(d.log_prob(y).numpy(), same.log_prob(y).numpy(), rtol=1e-5)
    assert d.transforms[0].inv(y) is d.transforms[0].inv(y)


def test_the_cache_makes_tanh_invertible() -> None:
    """The inverse of a saturated tanh is infinite; the x that it came from is not."""
    x = at.tensor([20.0])
    plain, kept = dist.TanhTransform(), dist.TanhTransform(cache_size=1)
    assert plain.inv(plain(x)).isinf().all()
    assert kept.inv(kept(x)) is x
