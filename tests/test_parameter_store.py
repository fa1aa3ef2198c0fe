"""Parameters by name: made once, shared, listed, saved and loaded."""

from __future__ import annotations

import io

import pytest

import autotape as at
from autotape import nn


def test_a_name_is_one_parameter() -> None:
    store = nn.ParameterStore()
    first = store.get("affine.weight", (64, 10))
    assert isinstance(first, nn.Parameter)
    assert store.get("affine.weight", (64, 10)) is first
    assert store.get("affine.weight", [64, 10], init=nn.init.zeros_) is first
    assert first.std().item() == pytest.approx(1 / 8, rel=0.1)
    assert "affine.weight" in store
    assert "affine" not in store
    assert "affine.bias" not in store
    assert store.affine.weight is first
    assert store.get_parameter("affine.weight") is first


def test_init_shape_and_dtype_of_a_new_one() -> None:
    store = nn.ParameterStore()
    assert store.get("a", (3,), init=nn.init.ones_).tolist() == [1.0] * 3
    assert store.get("b", (2, 2), dtype=at.float64).dtype is at.float64
    assert store.get("scale", ()).shape == ()
    assert store.get("nothing", (0, 4)).shape == (0, 4)


def test_it_is_a_module() -> None:
    store = nn.ParameterStore()
    w, b = store.get("affine.weight", (4, 3)), store.get("affine.bias", (3,))
    store.get("scale", ())
    assert list(store.state_dict()) == ["scale", "affine.weight", "affine.bias"]
    assert dict(store.named_parameters())["affine.bias"] is b
    net = nn.Module()
    net.store = store
    assert "store.affine.weight" in net.state_dict()
    store.double()
    assert store.get("affine.weight", (4, 3)) is w
    assert w.dtype is at.float64


def test_gradients_of_all_uses_add_up() -> None:
    store = nn.ParameterStore()
    x = at.tensor([2.0, 3.0])
    for _ in range(3):
        (store.get("w", (2,)) * x).sum().backward()
    grad = store.get("w", (2,)).grad
    assert grad is not None
    assert grad.tolist() == [6.0, 9.0]


def test_a_store_takes_what_it_lacks_from_a_checkpoint() -> None:
    store = nn.ParameterStore()
    store.get("affine.weight", (4, 3))
    store.get("scale", (), dtype=at.float64)
    file = io.BytesIO()
    at.save(store.state_dict(), file)
    file.seek(0)
    other = nn.ParameterStore()
    other.get("scale", ())
    other.load_state_dict(at.load(file))
    assert at.equal(other.get("affine.weight", (4, 3)), store.get("affine.weight", (4, 3)))
    net, twin = nn.ModuleDict({"store": store}), nn.ModuleDict({"store": nn.ParameterStore()})
    twin.load_state_dict(net.state_dict())
    assert at.equal(twin["store"].get("scale", ()), store.get("scale", ()))
    other.get("extra", (1,))
    with pytest.raises(RuntimeError, match=r'Missing key.*"extra"'):
        other.load_state_dict(store.state_dict())


def test_rows_of_a_table_get_the_sum_of_their_gradients() -> None:
    store = nn.ParameterStore()
    table = store.get("words", (6, 2))
    before = table.detach().clone()
    store.get_embedding("words", (6, 2), at.tensor([4, 1, 4])).sum().backward()
    at.optim.SGD(store.parameters(), lr=0.5).step()
    moved = (before - table.detach())[:, 0]
    assert moved.tolist() == pytest.approx([0, 0.5, 0, 0, 1.0, 0], abs=1e-6)


def test_what_is_refused() -> None:
    store = nn.ParameterStore()
    store.get("affine.weight", (4, 3))
    with pytest.raises(ValueError, match=r"'affine.weight' has shape \(4, 3\), but \(3, 4\) is asked for"):
        store.get("affine.weight", (3, 4))
    for name in ("affine", "affine.weight.part", "forward", "a..b", ""):
        with pytest.raises(ValueError, match="no parameter can have the name"):
            store.get(name, (1,))
