"""The digits in the package, and the datasets made of formulas: values, splits, and what damage does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import autotape as at
from autotape.datasets import _digits, digits, moons, spiral, toy_sequence
from autotape.engine.dtypes import float32, int64
from autotape.engine.tensor import Tensor
from autotape.ops.generator import Generator


def _arrays(seed: int | None = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    (x_train, y_train), (x_test, y_test) = digits(seed)
    return x_train.numpy(), y_train.numpy(), x_test.numpy(), y_test.numpy()


@pytest.mark.parametrize("seed", [None, 0, 1])
def test_sizes_types_and_range(seed: int | None) -> None:
    (x_train, y_train), (x_test, y_test) = digits(seed)
    for x, y, count in (x_train, y_train, 1347), (x_test, y_test, 450):
        assert type(x) is Tensor
        assert type(y) is Tensor
        assert (x.shape, x.dtype) == ((count, 64), float32)
        assert (y.shape, y.dtype) == ((count,), int64)
        assert not x.requires_grad
        pixels = x.numpy() * 16
        assert np.array_equal(pixels, np.round(pixels))
        assert (pixels.min(), pixels.max()) == (0, 16)
        assert set(y.numpy().tolist()) == set(range(10))


def test_plain_order_is_the_files_order() -> None:
    x_train, y_train, x_test, y_test = _arrays(None)
    assert y_train[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert y_test[-6:].tolist() == [4, 9, 0, 8, 9, 8]
    rows = [0, 0, 5, 13, 9, 1, 0, 0], [0, 0, 13, 15, 10, 15, 5, 0]  # the upper end of the first image, a zero
    assert (x_train[0, :16].reshape(2, 8) * 16).tolist() == list(rows)
    assert np.bincount(np.concatenate([y_train, y_test])).tolist() == [
        178, 182, 177, 183, 181, 182, 181, 179, 174, 180,
    ]  # fmt: skip
    assert float(x_train.sum() + x_test.sum()) * 16 == pytest.approx(561718)


@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_split_is_the_documented_permutation(seed: int) -> None:
    x_plain, y_plain = (np.concatenate(_arrays(None)[i::2]) for i in range(2))
    x_train, y_train, x_test, y_test = _arrays(seed)
    order = np.random.default_rng(seed).permutation(1797)
    assert np.array_equal(x_train, x_plain[order[:1347]])
    assert np.array_equal(y_train, y_plain[order[:1347]])
    assert np.array_equal(x_test, x_plain[order[1347:]])
    assert np.array_equal(y_test, y_plain[order[1347:]])


def test_split_of_seed_0_is_pinned() -> None:
    """A NumPy that drew another permutation would change every number that is published with this split."""
    _, y_train, _, y_test = _arrays(0)
    assert y_train[:8].tolist() == [6, 6, 6, 2, 5, 6, 6, 2]
    assert y_test[-8:].tolist() == [2, 3, 9, 6, 2, 2, 9, 3]


def test_each_call_gives_its_own_memory() -> None:
    """PROMISES 9: nothing is shared that a user could overwrite."""
    first, second = _arrays(), _arrays()
    for i, a in enumerate(first):
        assert a.flags.writeable
        a[...] = 9
        assert not any(np.shares_memory(a, b) for b in (*first[:i], *first[i + 1 :], *second))
    assert second[0].max() == 1.0


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "pickle"])
def test_damaged_file_is_refused_by_name(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bytearray(Path(_digits._FILE).read_bytes())
    if damage == "flip":
        data[20_000] ^= 1
    elif damage == "truncate":
        del data[40_000:]
    elif damage == "empty":
        data.clear()
    else:
        np.savez(tmp_path / "evil.npz", images=np.array([print], dtype=object), labels=np.zeros(1))
        data = bytearray((tmp_path / "evil.npz").read_bytes())
    path = tmp_path / "digits.npz"
    path.write_bytes(data)
    monkeypatch.setattr(_digits, "_FILE", str(path))
    with pytest.raises(RuntimeError, match=r"digits\.npz' are damaged"):
        digits()


def test_missing_file_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_digits, "_FILE", str(tmp_path / "digits.npz"))
    with pytest.raises(RuntimeError, match=r"digits are missing at .*digits\.npz"):
        digits()


def test_licence_lies_beside_the_file() -> None:
    notice = Path(_digits._FILE).with_name("NOTICE.txt").read_text(encoding="utf-8")
    for words in ("10.24432/C50P49", "CC BY 4.0", "Alpaydin", "Kaynak", "digits.npz"):
        assert words in notice
    assert f"{Path(_digits._FILE).stat().st_size:,} bytes" in notice


# --- made of formulas ---------------------------------------------------------------------------------------


def test_spiral_is_the_documented_formula() -> None:
    x, y = spiral(40, classes=4, noise=0.0)
    r = np.arange(40) / 39
    for k in range(4):
        t = 4 * k + 4 * r
        expected = np.stack([r * np.sin(t), r * np.cos(t)], 1)
        assert np.allclose(x[40 * k : 40 * k + 40].numpy(), expected, atol=1e-6)
        assert set(y[40 * k : 40 * k + 40].tolist()) == {k}


def test_moons_are_half_circles() -> None:
    x, y = moons(50, noise=0.0)
    upper, lower = x[y == 0].numpy(), x[y == 1].numpy()
    assert np.allclose((upper**2).sum(1), 1, atol=1e-6)
    assert np.allclose(((lower - [1, 0.5]) ** 2).sum(1), 1, atol=1e-6)
    assert upper[:, 1].min() > -1e-6
    assert lower[:, 1].max() < 0.5 + 1e-6


def test_toy_sequence_has_the_documented_noise() -> None:
    x, y = toy_sequence(20_000, generator=Generator().manual_seed(0))
    assert (x.shape, y.shape) == ((20_000, 2), (20_000, 1))
    assert 0 <= float(x.min()) < float(x.max()) < 1
    rest = y.numpy()[:, 0] - x.numpy() @ [2.0, 3.0]
    assert abs(rest.mean()) < 0.003
    assert rest.std() == pytest.approx(0.1, rel=0.03)


@pytest.mark.parametrize("make", [spiral, moons, toy_sequence])
def test_made_points_repeat_under_a_generator(make: Callable[..., tuple[Tensor, Tensor]]) -> None:
    def arrays(seed: int) -> list[np.ndarray]:
        return [t.numpy() for t in make(30, generator=Generator().manual_seed(seed))]

    first, again, other = arrays(1), arrays(1), arrays(2)
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[0], other[0])
    at.manual_seed(1)
    assert np.array_equal(make(30)[0].numpy(), first[0])
    x, y = make(30)
    assert x.dtype == float32
    assert y.dtype == (float32 if make is toy_sequence else int64)
    assert np.isfinite(x.numpy()).all()
    assert make(1)[0].shape[1] == 2
    for wrong in ({"points": 0}, {"noise": -1.0}, {"noise": float("nan")}):
        with pytest.raises(ValueError, match="must be"):
            make(**wrong)
