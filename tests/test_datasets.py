"""The datasets in the package: their values, the split, and what damage does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from autotape.datasets import _digits, digits
from autotape.engine.dtypes import float32, int64
from autotape.engine.tensor import Tensor


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
