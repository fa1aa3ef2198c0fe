"""``autotape.testing.assert_close`` and ``make_tensor`` beside PyTorch's."""

import re
from collections import OrderedDict
from math import inf, nan
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.testing.comparison import assert_close, make_tensor

torch: Any = pytest.importorskip("torch", reason="PyTorch is not importable: nothing to compare with")
E = OrderedDict  # a mapping that is not a dict


def cases(m: Any) -> dict[str, tuple[Any, Any, dict[str, Any]]]:
    """Pairs built from the package ``m``, and the arguments they are compared with."""
    t = m.tensor
    f64 = m.float64
    big = t([[0.0, 1.0], [nan, inf]])
    return {
        "equal": (t([1.0, 2.0]), t([1.0, 2.0]), {}),
        "rounding": (t([1.0]), t([1.0000001]), {}),
        "shape": (t([1.0]), t([1.0, 2.0]), {}),
        "no broadcast": (t(1.0), t([1.0]), {}),
        "dtype": (t([1.0]), t([1.0], dtype=f64), {}),
        "dtype after shape": (t([1.0]), t([1.0, 2], dtype=f64), {}),
        "mixed dtypes close": (t([1.0]), t([1.000001], dtype=f64), {"check_dtype": False}),
        "mixed dtypes": (t([1.0]), t([1.1], dtype=f64), {"check_dtype": False}),
        "half and single": (t([1.0], dtype=m.float16), t([1.1]), {"check_dtype": False}),
        "integers of two kinds": (t([1], dtype=m.int32), t([2]), {"check_dtype": False}),
        "booleans and integers": (t([True]), t([1]), {"check_dtype": False}),
        "stride": (m.ones(2, 3), m.ones(3, 2).T, {"check_stride": True}),
        "stride ignored": (m.ones(2, 3), m.ones(3, 2).T, {}),
        "array and tensor": (np.ones(2), m.ones(2), {}),
        "number and tensor": (1.0, t(1.0), {}),
        "list and tensor": ([1.0], t([1.0]), {}),
        "floats": (1.0, 2.0, {}),
        "float of NumPy": (np.float32(1.0), 1.0, {}),
        "int and float": (1, 1.0, {}),
        "int and float, unchecked": (1, 1.5, {"check_dtype": False}),
        "ints": (1, 2, {}),
        "booleans": (True, False, {}),
        "booleans equal": (True, np.True_, {}),
        "complex": (1 + 1j, 2 + 1j, {}),
        "complex and float": (1 + 1j, 2.0, {}),
        "nan": (nan, nan, {}),
        "nan equal": (nan, nan, {"equal_nan": True}),
        "inf": (inf, inf, {}),
        "inf and 1": (inf, 1.0, {}),
        "inf and -inf": (inf, -inf, {}),
        "tensor of integers": (t([1, 2, 3]), t([1, 5, 3]), {}),
        "tensor of booleans": (t([True, False]), t([True, True]), {}),
        "tensor of unsigned": (t([1], dtype=m.uint8), t([200], dtype=m.uint8), {}),
        "0-d": (t(1.0), t(2.0), {}),
        "0-d integer": (t(1), t(2), {}),
        "2-d": (m.zeros(2, 2), t([[0.0, 0.0], [3.0, 1.0]]), {}),
        "two kinds of worst": (t([0.0, 1.0]), t([1.0, 0.0]), {}),
        "complex tensors": (t([1 + 1j]), t([1 - 1j]), {}),
        "half": (t([1.0], dtype=m.float16), t([1.1], dtype=m.float16), {}),
        "no elements": (m.ones(0, 2), m.ones(0, 2), {}),
        "nans in tensors": (big, big, {}),
        "equal nans in tensors": (big, big, {"equal_nan": True}),
        "infinities in tensors": (t([inf, 1.0]), t([-inf, 1.0]), {}),
        "infinity and number": (t([inf, 1.0]), t([1.0, 1.0]), {}),
        "no tolerance": (t([1.0, 2.0]), t([1.0, 2.1]), {"rtol": 0, "atol": 0}),
        "tolerance": (t([1.0, 2.0]), t([1.0, 2.1]), {"rtol": 0.01, "atol": 0}),
        "tolerance enough": (t([1.0, 2.0]), t([1.0, 2.1]), {"rtol": 0.05, "atol": 0}),
        "integers with tolerance": (t([100]), t([101]), {"rtol": 0.05, "atol": 0}),
        "only rtol": (1.0, 1.0, {"rtol": 1.0}),
        "only atol": (1.0, 1.0, {"atol": 1.0}),
        "sequence": ([t([1.0]), t([2.0])], (t([1.0]), t([3.0])), {}),
        "lengths": ([1, 2], [1, 2, 3], {}),
        "lengths within": ([[1, 2]], [[1, 2, 3]], {}),
        "range": (range(3), [0, 1, 2], {}),
        "nested numbers": ([[1, 2], [3, 4]], [[1, 2], [3, 5]], {}),
        "keys": ({"a": 1}, {"b": 1}, {}),
        "keys that are numbers": ({1: 1, 2: 2}, {3: 1, 1: 5}, {}),
        "mapping": ({"a": [1.0, t([1.0, 2.0])]}, E(a=[1.0, t([1.0, 3.0])]), {}),
        "deep": ({"a": {"b": [t([1.0])]}}, {"a": {"b": [t([2.0])]}}, {}),
        "list and mapping": ([1], {0: 1}, {}),
        "strings": ("a", "a", {}),
        "set": ({1}, {1}, {}),
        "wrong type before a difference": ([1.0, "a"], [2.0, "a"], {}),
        "none": (None, None, {}),
        "none in a list": ([None], [None], {}),
        "none and number": (None, 1, {}),
        "arrays": (np.ones(2), np.zeros(2), {}),
        "arrays of two dtypes": (np.ones(2, np.float32), np.zeros(2), {}),
        "arrays of strings": (np.array(["a"]), np.array(["a"]), {}),
        "requires grad": (t([1.0], requires_grad=True), t([1.0]), {}),
        "parameter": (m.nn.Parameter(t([1.0])), t([1.0]), {}),
        "parameter, strictly": (m.nn.Parameter(t([1.0])), t([1.0]), {"allow_subclasses": False}),
        "msg": (1.0, 2.0, {"msg": "hello"}),
        "msg in a list": ([1.0], [2.0], {"msg": "hello"}),
        "msg of a length": ([1.0], [], {"msg": "hello"}),
        "msg of a type": ("a", "a", {"msg": "hello"}),
        "msg function": ([t([1.0])], [t([2.0])], {"msg": lambda m: f"before {m} after"}),
    }  # fmt: skip


THEIRS = cases(torch)


def outcome(compare: Any, a: Any, b: Any, kwargs: dict[str, Any]) -> tuple[str, str]:
    try:
        compare(a, b, **kwargs)
    except Exception as error:
        return type(error).__name__, str(error)
    return "close", ""


def comparable(message: str) -> str:
    """A message without autotape's excerpt and hint; relative differences of integers, which PyTorch computes
    in float32, to six digits."""
    message = re.sub(r"\n\nindex .*?(?=\n\n|$| after)", "", message, flags=re.DOTALL)
    message = re.sub(r"\nMake both tensors.*", "", message)
    message = re.sub(r"(?:autotape\.engine\.tensor|torch)\.Tensor", "Tensor", message)
    message = re.sub(r"(?:autotape|torch)\.nn(?:\.modules)?\.parameter", "parameter", message)
    message = message.replace("autotape.", "torch.").replace("torch.Size", "Size")
    message = re.sub(r"Size\((\[.*?\])\)", lambda m: str(tuple(eval(m[1]))), message)
    return re.sub(r"\d+\.\d{6,}", lambda m: f"{float(m[0]):.6g}", message)


@pytest.mark.parametrize(("name", "mine"), cases(at).items(), ids=list(THEIRS))
def test_assert_close_judges_and_words_as_pytorch(name: str, mine: tuple[Any, Any, Any]) -> None:
    expected = outcome(torch.testing.assert_close, *THEIRS[name])
    found = outcome(assert_close, *mine)
    assert found[0] == expected[0]
    assert comparable(found[1]) == comparable(expected[1])


def test_booleans_and_numbers_where_pytorch_has_an_internal_error() -> None:
    assert_close(True, 1, check_dtype=False)
    with pytest.raises(AssertionError, match="types do not match"):
        assert_close(True, 1)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "complex64", "complex128"])
def test_default_tolerances(dtype: str) -> None:
    for expected in (1.0, 0.0):
        for step in np.logspace(-9, -1, 33):
            pair = [m.tensor([expected + d], dtype=getattr(m, dtype)) for m in (at, torch) for d in (step, 0)]
            mine, theirs = (
                outcome(assert_close, *pair[:2], {}),
                outcome(torch.testing.assert_close, *pair[2:], {}),
            )
            assert mine[0] == theirs[0], (expected, step)


def test_differences_of_integers_do_not_overflow() -> None:
    with pytest.raises(AssertionError, match="Greatest absolute difference: 18446744073709551615"):
        assert_close(at.tensor([2**63 - 1]), at.tensor([-(2**63)]))  # PyTorch says 1
    with pytest.raises(
        AssertionError, match=r"index  actual  expected  difference\n\(0,\)   1       200       -199"
    ):
        assert_close(at.tensor([1], dtype=at.uint8), at.tensor([200], dtype=at.uint8))


def test_excerpt_shows_the_first_mismatches_and_counts_the_others() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_close(at.zeros(3, 4), at.eye(3, 4) + at.eye(3, 4).flip(0))
    lines = str(caught.value).splitlines()
    assert lines[2] == "Mismatched elements: 5 / 12 (41.7%)"
    assert lines[-6].split() == ["index", "actual", "expected", "difference"]
    places = ["(0, 0)", "(0, 2)", "(1, 1)", "(2, 0)", "(2, 2)"]
    values = [1.0, 1.0, 2.0, 1.0, 1.0]
    assert lines[-5:] == [f"{p}  0.0     {v}       -{v}" for p, v in zip(places, values, strict=True)]
    with pytest.raises(AssertionError, match=r"\.\.\. and 95 more$"):
        assert_close(np.zeros(100), np.ones(100))


# --- make_tensor --------------------------------------------------------------------------------------------

DTYPES = (
    "bool",
    "uint8",
    "int8",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
)
RANGES = (
    {}, {"low": 1, "high": 3}, {"low": -1e30, "high": 1e30}, {"low": 0.2, "high": 1.7},
    {"low": -inf, "high": inf}, {"exclude_zero": True}, {"low": 0, "high": 1, "exclude_zero": True},
    {"noncontiguous": True}, {"high": -20, "low": -30}, {"low": 3, "high": 1}, {"low": nan},
    {"requires_grad": True}, {"noncontiguous": True, "memory_format": "contiguous_format"},
    {"low": 2, "high": 2},
)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kwargs", RANGES, ids=str)
@pytest.mark.filterwarnings("ignore:Passing `low==high`:FutureWarning")
def test_make_tensor_draws_from_the_same_range(dtype: str, kwargs: dict[str, Any]) -> None:
    at.manual_seed(0)
    torch.manual_seed(0)

    def make(m: Any, function: Any, **more: Any) -> Any:
        given = dict(kwargs)
        if "memory_format" in given:
            given["memory_format"] = getattr(m, given["memory_format"])
        return function(40, 50, dtype=getattr(m, dtype), **given, **more)

    try:
        expected = make(torch, torch.testing.make_tensor, device="cpu")
    except (ValueError, RuntimeError):
        with pytest.raises(ValueError, match="make_tensor"):
            make(at, make_tensor)
        return
    found = make(at, make_tensor)
    assert tuple(found.shape) == tuple(expected.shape)
    assert found.stride() == expected.stride()
    assert found.is_contiguous() is expected.is_contiguous()
    assert (found.requires_grad, found.is_leaf) == (expected.requires_grad, expected.is_leaf)
    a, b = found.detach().numpy(), expected.detach().numpy()
    assert a.dtype == b.dtype
    parts = [(a.real, b.real), (a.imag, b.imag)] if a.dtype.kind == "c" else [(a, b)]
    for x, y in parts:
        x, y = x.astype(float), y.astype(float)
        size = max(np.abs(y).max(), 1e-300)
        width = y.max() / size - y.min() / size
        # of the greatest integers PyTorch draws few: it rounds the ends to float
        allowed = width if a.dtype.kind in "iu" and size > 1e6 else 0.02 * width
        assert abs(x.min() / size - y.min() / size) <= allowed
        assert abs(x.max() / size - y.max() / size) <= allowed
        low, high = kwargs.get("low", -inf), kwargs.get("high", inf)
        if low < high and a.dtype.kind != "b" and not kwargs.get("exclude_zero"):
            assert low <= x.min()
            assert x.max() < high
    assert not kwargs.get("exclude_zero") or (a != 0).all()


def test_make_tensor_takes_one_sequence_and_follows_the_seed() -> None:
    at.manual_seed(1)
    x = make_tensor((2, 3), dtype=at.float32)
    at.manual_seed(1)
    y = make_tensor(2, 3, dtype=np.float32)
    assert x.shape == (2, 3)
    assert at.equal(x, y)
    assert make_tensor((), dtype=at.int64).shape == ()
    assert make_tensor(0, 3, dtype=at.float32).shape == (0, 3)
    assert make_tensor(2, 3, 4, 5, dtype=at.float32, memory_format=at.channels_last).stride() == (
        60,
        1,
        15,
        3,
    )
    assert make_tensor(1, dtype=at.float32, noncontiguous=True).is_contiguous()
