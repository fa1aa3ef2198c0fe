"""save and load: what comes back and what is refused."""

from __future__ import annotations

import io
import json
import math
import struct
import threading
from collections import OrderedDict, defaultdict, namedtuple
from datetime import date
from enum import IntEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotape import nn, optim
from autotape.engine.basics import Size, device
from autotape.engine.dtypes import bfloat16, float32, int64
from autotape.engine.tensor import Tensor
from autotape.optim import SGD
from autotape.serialization import CheckpointError, load, save

DTYPES = ["?", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8", "c8", "c16"]


def tensor(array: Any, requires_grad: bool = False) -> Tensor:
    return Tensor._wrap(np.asarray(array)).requires_grad_(requires_grad)


def there_and_back(obj: Any, **options: Any) -> Any:
    file = io.BytesIO()
    save(obj, file)
    file.seek(0)
    return load(file, **options)


def header_of(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert isinstance(header, dict)
    return header


def names_in(obj: Any) -> list[str]:
    file = io.BytesIO()
    save(obj, file)
    return [name for name in header_of(file.getvalue()) if name != "__metadata__"]


def assert_same(a: Any, b: Any) -> None:
    """Equal in type, value and order, to the bit; byte order and memory layout of arrays left out."""
    if isinstance(a, Tensor):
        assert type(b) is Tensor
        assert a.requires_grad == b.requires_grad
        assert_same(a._array, b._array)
        return
    assert type(a) is type(b)
    if isinstance(a, np.ndarray | np.generic):
        assert a.dtype.newbyteorder("=") == b.dtype
        assert b.dtype.isnative
        assert a.shape == b.shape
        assert a.astype(b.dtype).tobytes() == b.tobytes()
    elif isinstance(a, float):
        assert struct.pack("<d", a) == struct.pack("<d", b)
    elif isinstance(a, complex):
        assert_same([a.real, a.imag], [b.real, b.imag])
    elif isinstance(a, dict):
        assert_same(list(a.keys()), list(b.keys()))
        assert_same(list(a.values()), list(b.values()))
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert a == b


# --- structures ---------------------------------------------------------------------------------------------


def test_checkpoint_of_a_training_run(tmp_path: Path) -> None:
    """PROMISES A5: a NumPy generator's state round-trips, so that a run can go on bit for bit."""
    generator = np.random.default_rng(3)
    mt19937 = np.random.RandomState(3)
    checkpoint = {
        "model": OrderedDict(
            [("0.weight", tensor(np.ones((3, 2), "f4"))), ("0.bias", tensor(np.zeros(3, "f4")))]
        ),
        "optimizer": {
            "state": {0: {"step": 3, "exp_avg": tensor(np.ones(6, "f4"))}, 1: {}},
            "param_groups": [{"lr": 1e-3, "betas": (0.9, 0.999), "amsgrad": False, "params": [0, 1]}],
        },
        "epoch": 7,
        "best": float("inf"),
        "rng": generator.bit_generator.state,
        "legacy_rng": mt19937.get_state(),
        "note": "ünïcode \0 \ud800 \U0001f600",
    }
    save(checkpoint, tmp_path / "c.safetensors")
    loaded = load(tmp_path / "c.safetensors")
    assert_same(checkpoint, loaded)
    again = np.random.default_rng(99)
    again.bit_generator.state = loaded["rng"]
    assert again.standard_normal(5).tolist() == generator.standard_normal(5).tolist()
    legacy = np.random.RandomState(99)
    legacy.set_state(loaded["legacy_rng"])
    assert legacy.rand() == mt19937.rand()


def test_training_goes_on_bit_for_bit_from_a_checkpoint() -> None:
    x, y = np.random.default_rng(0).standard_normal((2, 8, 3)).astype("f4")

    def model() -> tuple[nn.Module, optim.Optimizer]:
        net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3))
        return net, optim.Adam(net.parameters(), lr=0.1, amsgrad=True)

    def train(net: nn.Module, optimizer: optim.Optimizer) -> list[np.ndarray[Any, Any]]:
        for _ in range(3):
            optimizer.zero_grad()
            ((net(tensor(x)) - tensor(y)) ** 2).sum().backward()
            optimizer.step()
        return [p.detach().numpy() for p in net.parameters()]

    net, optimizer = model()
    train(net, optimizer)
    checkpoint = there_and_back({"net": net.state_dict(), "optimizer": optimizer.state_dict()})
    again, again_optimizer = model()
    again.load_state_dict(checkpoint["net"])
    again_optimizer.load_state_dict(checkpoint["optimizer"])
    for a, b in zip(train(net, optimizer), train(again, again_optimizer), strict=True):
        assert_same(a, b)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**200), 2**200),
    st.floats(),
    st.binary(max_size=9).map(lambda b: struct.unpack("<d", b[:8].ljust(8, b"\xff"))[0]),  # NaNs with payload
    st.complex_numbers(),
    st.text(st.characters(), max_size=5),
    st.binary(max_size=5),
    st.sampled_from([float32, int64, bfloat16, device("cpu"), Size([2, 3]), Size([])]),
    st.sampled_from(DTYPES).flatmap(
        lambda d: st.binary(min_size=16, max_size=16).map(lambda b: np.frombuffer(b, "u1").astype(d)[0])
    ),
    st.sampled_from(DTYPES).map(lambda d: np.arange(4).reshape(2, 2).T.astype(d)),
    st.sampled_from(DTYPES).map(lambda d: tensor(np.arange(3).astype(d))),
    st.sampled_from(["f2", "f4", "f8", "c8", "c16"]).map(lambda d: tensor(np.ones((2, 0), d), True)),
)
KEYS = st.one_of(st.text(max_size=3), st.integers(), st.floats(), st.booleans(), st.none())
TREES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(KEYS, inner, max_size=4).map(OrderedDict),
    ),
    max_leaves=20,
)


@settings(max_examples=500)
@given(TREES)
def test_any_tree_round_trips(tree: Any) -> None:
    assert_same(tree, there_and_back(tree))


def test_numbers_are_exact() -> None:
    for value in 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**5000, -(10**5000), True, 0, -0.0, 5e-324:
        obj = [value, {value: [value, np.ones(1)]}]
        assert_same(obj, there_and_back(obj))


def test_keys_keep_type_and_order() -> None:
    keys = ["1", 1, 1.5, None, "None", "", math.inf, -0.0, "b", "a", 2**70]
    numbered = {key: number for number, key in enumerate(keys)}
    assert_same(numbered, there_and_back(numbered))


def test_state_dict_keeps_the_versions_of_its_modules() -> None:
    """As torch.load gives them: an OrderedDict with the attribute that load_state_dict looks for."""
    net = nn.Sequential(nn.Identity(), nn.Identity())
    state = net.state_dict()
    state["w"] = tensor(np.ones(2))
    loaded = there_and_back({"model": state, "again": [state]})
    assert type(loaded["model"]) is OrderedDict
    assert_same(dict(state), dict(loaded["model"]))
    assert loaded["model"]._metadata == state._metadata
    assert loaded["again"][0] is loaded["model"]
    odd = OrderedDict(a=1)
    odd.note = "an attribute of the user's own"  # type: ignore[attr-defined]
    with pytest.raises(CheckpointError, match=r"obj\[0\] is a OrderedDict, .*save dict\(\) of it"):
        there_and_back([odd])


def test_deepest_tree_and_one_level_more() -> None:
    tree: Any = "leaf"
    for level in range(100):
        tree = [tree] if level % 2 else {"k": tree}
    assert_same(tree, there_and_back(tree))
    with pytest.raises(ValueError, match=r"obj\[0\]\[0\]\['k'\]\[0\].*\.\.\..* lies more than 100 levels"):
        there_and_back([tree])


def test_depth_bomb_is_refused_without_recursion_error() -> None:
    bomb: Any = ()
    for _ in range(100_000):
        bomb = (bomb,)
    with pytest.raises(ValueError, match="more than 100 levels deep"):
        there_and_back(bomb)


@pytest.mark.parametrize("kind", ["list", "dict", "through a tuple"])
def test_cycle_is_refused_by_name(kind: str) -> None:
    top: dict[str, Any] = {"a": [1, {}]}
    top["a"][1]["up"] = {"list": top["a"], "dict": top, "through a tuple": (top["a"],)}[kind]
    place = {"list": r"obj\['a'\]\[1\]\['up'\] is a list", "dict": r"obj\['a'\]\[1\]\['up'\] is a dict"}
    match = place.get(kind, r"obj\['a'\]\[1\]\['up'\]\[0\] is a list") + " that contains itself"
    with pytest.raises(ValueError, match=match):
        there_and_back(top)


def test_container_in_two_places_is_one_container_again() -> None:
    shared = {"x": [1, 2]}
    loaded = there_and_back({"a": shared, "b": [shared["x"], shared], "c": {"x": [1, 2]}})
    assert loaded["a"] is loaded["b"][1]
    assert loaded["a"]["x"] is loaded["b"][0]
    assert loaded["c"] == loaded["a"]
    assert loaded["c"] is not loaded["a"]
    bomb: Any = []
    for _ in range(60):  # 2**60 places
        bomb = [bomb, bomb]
    loaded = there_and_back(bomb)
    assert loaded[0] is loaded[1]


# --- tensors ------------------------------------------------------------------------------------------------


def test_requires_grad_is_kept_and_the_result_is_a_leaf() -> None:
    """As torch.load: a non-leaf comes back as a leaf that requires grad; a Parameter as a plain Tensor."""
    leaf = tensor(np.ones(2), requires_grad=True)
    loaded = there_and_back({"leaf": leaf, "non-leaf": leaf * 2, "p": nn.Parameter(tensor(np.ones(2)))})
    for value in loaded.values():
        assert type(value) is Tensor
        assert value.requires_grad
        assert value.is_leaf
    assert not there_and_back(nn.Parameter(tensor(np.ones(2))).detach()).requires_grad


def test_tensors_on_one_memory_come_back_on_one_memory() -> None:
    """As torch.save: a tied weight stays tied within a file, a view a view."""
    x = tensor(np.arange(12.0).reshape(3, 4))
    tied = tensor(np.asfortranarray(np.ones((2, 3))))  # the same strides, not in C order
    obj = {
        "row": tensor(x._array[1]), "x": x, "same": x, "twin": x.detach(), "t": tensor(x._array.T),
        "step": tensor(x._array[::2, ::-1]), "scalar": tensor(x._array[2, 3, ...]),
        "flat": tensor(x._array.ravel()), "row twin": tensor(x._array[1]), "empty": tensor(x._array[:0]),
        "tied": tied, "tied twin": tied.detach(), "other": tensor(np.arange(12.0)),
    }  # fmt: skip
    loaded = there_and_back(obj)
    assert_same(obj, loaded)
    assert loaded["same"] is loaded["x"]
    assert loaded["twin"] is not loaded["x"]
    loaded["x"]._array[...] = 100 + x._array
    assert_same(obj["other"], loaded.pop("other"))
    for name in ("row", "same", "twin", "t", "step", "scalar", "flat", "row twin", "empty"):
        assert np.array_equal(obj[name]._array + 100, loaded[name]._array)
    assert np.shares_memory(loaded["tied"]._array, loaded["tied twin"]._array)


def test_memory_shared_in_part_is_refused_by_name() -> None:
    base = np.arange(6.0)
    with pytest.raises(ValueError, match=r"obj\['a'\] and obj\['b'\]\[0\] share a part of their memory"):
        there_and_back({"a": tensor(base[:4]), "b": [tensor(base[2:])]})
    with pytest.raises(ValueError, match="share a part of their memory"):
        there_and_back([tensor(base), tensor(base.view(np.int64))])
    with pytest.raises(ValueError, match="share a part of their memory"):
        there_and_back([tensor(np.broadcast_to(base, (2, 6))), tensor(base[:3])])
    parts = [tensor(base[:4]), tensor(base[2:]), tensor(base)]
    assert_same(parts, there_and_back(parts))


def test_columns_of_one_array_share_no_memory() -> None:
    columns = [tensor(column) for column in np.arange(12.0).reshape(3, 4).T]
    loaded = there_and_back(columns)
    assert_same(columns, loaded)
    assert all(t._array.base is None for t in loaded)


def test_arrays_are_shared_as_objects_alone() -> None:
    """As pickle does: the same object stays one object, and views of an array become arrays of their own."""
    array = np.arange(4.0)
    loaded = there_and_back({"a": array, "b": array, "view": array[:2], "tensor": tensor(array)})
    assert loaded["a"] is loaded["b"]
    assert not np.shares_memory(loaded["a"], loaded["view"])
    assert not np.shares_memory(loaded["a"], loaded["tensor"]._array)


def test_names_in_the_file_are_the_keys() -> None:
    t = tensor(np.ones(1))
    flat = {"0.weight": t, "": t, "ü": t.detach(), "a b\n": tensor([2.0]), "x#2": t}
    assert names_in(flat) == list(flat)
    assert names_in({"model": {"0": [t, (t.detach(),)]}, 3: {None: np.ones(1)}}) == [
        "model.0.0", "model.0.1.0", "3.None",
    ]  # fmt: skip
    assert names_in(t) == ["value"]
    u, v = tensor([1.0]), tensor([2.0])
    odd = {"a": {"b": t}, "a.b": u, "a.b#2": v, "__metadata__": tensor([3.0]), "\ud800": t}
    assert names_in(odd) == ["a.b", "a.b#2", "a.b#2#2", "__metadata__#2", "?"]
    assert_same(odd, there_and_back(odd))


# --- refused objects ----------------------------------------------------------------------------------------


class Color(IntEnum):
    RED = 1


class Net(nn.Module):
    pass


class Anything:
    pass


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (Net(), r"is a Net, which needs one; save its state_dict\(\)"),
        (len, "code is never saved"),
        (Anything, "is a type, .* save its name"),
        (Anything(), "is a Anything, .* save the numbers, strings and tensors"),
        ({1, 2}, r"is a set, .* save list\(\) of it"),
        (range(3), r"save list\(\) of it"),
        (bytearray(b"a"), r"save bytes\(\) of it"),
        (Pair(1, 2), r"is a Pair, .* save its _asdict\(\)"),
        (defaultdict(list), r"is a defaultdict, .* save dict\(\) of it"),
        (Color.RED, "is a Color, .* save its name or its value"),
        (np.str_("a"), r"save str\(\) of it"),
        (np.longdouble(1), "needs one"),
        (Path("a"), r"save str\(\) of it"),
        (Fraction(1, 3), r"save str\(\) of it"),
        (date(2020, 1, 1), r"save its isoformat\(\)"),
        (np.random.default_rng(0), "save its bit_generator.state"),
        (np.random.RandomState(0), r"save its get_state\(\)"),
        (np.array([None]), "needs pickle"),
        (np.array(["a"]), r"save its tolist\(\)"),
        (np.zeros(1, "M8[s]"), r'save view\("int64"\)'),
        (np.zeros(1, "f4,i4"), "save its fields"),
        (np.zeros(1, np.longdouble), r"save astype\(\)"),
        (np.ma.zeros(3), r"save numpy\.asarray\(\)"),
    ],
)
def test_any_other_object_is_pickled_and_refused_by_default_with_its_place(
    value: Any, match: str, tmp_path: Path
) -> None:
    path = tmp_path / "c"
    save({"optimizer": {"state": {0: {"a": np.ones(1), "fn": value}}}}, path)
    with pytest.raises(CheckpointError, match=r"obj\['optimizer'\]\['state'\]\[0\]\['fn'\] .*" + match):
        load(path)
    loaded = load(path, weights_only=False)["optimizer"]["state"][0]
    assert loaded["a"] == 1
    assert type(loaded["fn"]) is type(value)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (lambda x: x, "is a function, which can't be saved; code is never saved"),
        ((i for i in range(3)), r"is a generator, which can't be saved; save list\(\) of it"),
        (threading.Lock(), "is a lock, which can't be saved"),
    ],
)
def test_what_cannot_be_pickled_is_refused_with_its_place(value: Any, match: str, tmp_path: Path) -> None:
    path = tmp_path / "c"
    save("old", path)
    with pytest.raises(TypeError, match=r"^obj\['a'\] " + match):
        save({"a": value}, path)
    assert load(path) == "old"
    assert list(tmp_path.iterdir()) == [path]


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 2)
        self.second = nn.Linear(2, 2)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(2)


def test_a_whole_module_comes_back_with_weights_only_false(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    net = Tied().eval()
    optimizer = SGD(net.parameters(), lr=0.5)
    save({"net": net, "optimizer": optimizer}, path)
    with pytest.raises(CheckpointError, match=r"weights_only=False .* obj\['net'\] is a Tied"):
        load(path, "cpu")
    loaded = load(path, map_location="cpu", weights_only=False)
    again = loaded["net"]
    assert type(again) is Tied
    assert not again.training
    assert again.second.weight is again.first.weight
    assert loaded["optimizer"].param_groups[0]["params"][0] is again.first.weight
    for name, value in net.state_dict().items():
        assert_same(value, again.state_dict()[name])


class Trap:
    sprung = False

    @staticmethod
    def spring() -> None:
        Trap.sprung = True

    def __reduce__(self) -> Any:
        return Trap.spring, ()


def test_the_default_load_runs_no_code_of_the_pickle() -> None:
    file = io.BytesIO()
    save(Trap(), file)
    for allowed in ({}, {"weights_only": True}, {"weights_only": None}):
        file.seek(0)
        with pytest.raises(CheckpointError, match="weights_only=False"):
            load(file, **allowed)
        assert not Trap.sprung
    file.seek(0)
    load(file, weights_only=False)
    assert Trap.sprung


@pytest.mark.parametrize("key", [(1, 2), b"a", np.int64(1), np.float64(1), Color.RED, 1j])
def test_any_other_key_is_pickled_and_refused_by_default(key: Any) -> None:
    with pytest.raises(
        CheckpointError, match=rf"obj\[0\] has the key .*, a {type(key).__qualname__}; the keys of"
    ):
        there_and_back([{key: 1}])


# --- options ------------------------------------------------------------------------------------------------


def test_map_location() -> None:
    obj = {"a": tensor(np.ones(2))}
    asked: list[Any] = []

    def here(storage: Any, location: str) -> Any:
        asked.append(location)
        return storage

    nowhere = {"cuda:0": "cpu"}
    for location in (None, "cpu", device("cpu"), nowhere, {"cpu": "cpu"}, here, lambda s, loc: None):
        assert_same(obj, there_and_back(obj, map_location=location))
        assert_same(obj, there_and_back(obj, map_location=location, weights_only=False))
    assert asked == ["cpu", "cpu"]
    for location in ("cuda", "cuda:1", {"cpu": "cuda:0"}):
        with pytest.raises(RuntimeError, match="CPU only"):
            there_and_back(obj, map_location=location)
    with pytest.raises(TypeError, match="map_location must return its argument or None, not str"):
        there_and_back(obj, map_location=lambda s, loc: "cpu")
