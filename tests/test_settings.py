"""Settings of the process, attributes, and what PyTorch has that is fixed here."""

from __future__ import annotations

import pytest

import autotape as at


def test_threads() -> None:
    before = at.get_num_threads()
    at.set_num_threads(1)
    assert at.get_num_threads() == 1
    at.set_num_threads(before)
    assert at.get_num_interop_threads() >= 1
    at.set_num_interop_threads(1)
    for wrong in (0, -1, 1.5, "a"):
        for function in (at.set_num_threads, at.set_num_interop_threads):
            with pytest.raises(RuntimeError, match="int"):
                function(wrong)


def test_determinism_device_and_anomaly_detection() -> None:
    at.use_deterministic_algorithms(True, warn_only=True)
    assert at.are_deterministic_algorithms_enabled()
    assert at.is_deterministic_algorithms_warn_only_enabled()
    at.use_deterministic_algorithms(False)
    assert not at.are_deterministic_algorithms_enabled()
    with pytest.raises(TypeError, match="bool"):
        at.use_deterministic_algorithms(1)
    at.set_default_device("cpu")
    at.set_default_device(None)
    assert at.get_default_device() == at.device("cpu")
    with pytest.raises(RuntimeError, match="CPU"):
        at.set_default_device("cuda")
    at.set_anomaly_enabled(True)
    try:
        assert at.is_anomaly_enabled()
        assert at.is_anomaly_check_nan_enabled()
        x = at.zeros(1, requires_grad=True)
        with pytest.raises(RuntimeError, match="nan"):
            (x / x).sum().backward()
    finally:
        at.set_anomaly_enabled(False)
    assert not at.is_anomaly_enabled()


def test_compile_gives_the_function_itself() -> None:
    def f(x: int) -> int:
        return x + 1

    assert at.compile(f) is f
    assert at.compile(f, fullgraph=True, mode="max-autotune") is f
    assert at.compile(backend="inductor")(f) is f
    model = at.nn.Linear(1, 1)
    assert at.compile(model) is model


def test_result_type_and_typename() -> None:
    ints, half, wide = (
        at.tensor([1], dtype=at.int32),
        at.ones(1, dtype=at.float16),
        at.tensor(1.0, dtype=at.float64),
    )
    for pair, want in (
        ((ints, 1), at.int32), ((ints, 1.0), at.float32), ((ints, True), at.int32), ((half, 1.0), at.float16),
        ((half, wide), at.float16), ((wide, half), at.float16), ((ints, wide), at.float64),
        ((half, 1j), at.complex64),
        ((wide, 1j), at.complex128), ((1, 2.0), at.float32), ((1, 2), at.int64), ((True, False), at.bool),
        ((at.ones(1, dtype=at.uint8), at.ones(1, dtype=at.int8)), at.int16),
        ((wide, at.tensor(1)), at.float64),
    ):  # fmt: skip
        assert at.result_type(*pair) is want, pair
    with pytest.raises(TypeError, match="list"):
        at.result_type([1], ints)
    assert at.typename(at.ones(1)) == "autotape.FloatTensor"
    assert at.typename(3) == "int"
    assert at.typename(pytest.raises).endswith(".raises")


def test_questions() -> None:
    x = at.ones(2, 3)
    assert x.ndimension() == x.dim() == 2
    assert x.is_same_size(at.zeros(2, 3))
    assert not at.is_same_size(x, x.mT)
    assert x.is_set_to(x.detach())
    assert not x.is_set_to(x[:1])
    assert not x.is_set_to(x.clone())
    assert at.is_signed(x)
    assert not at.is_signed(at.ones(1, dtype=at.uint8))
    assert at.is_nonzero(at.tensor([2.0]))
    assert not at.tensor(0).is_nonzero()
    for wrong in (x, at.zeros(0)):
        with pytest.raises(RuntimeError, match="ambiguous"):
            wrong.is_nonzero()
    assert at.get_device(x) == -1
    assert not x.is_inference()
    assert not x.is_pinned()
    assert x.layout is at.strided
    assert not any([x.is_sparse, x.is_quantized, x.is_meta])


def test_requires_grad_is_a_bool() -> None:
    x = at.ones(2)
    for wrong in (1, "a", None):
        with pytest.raises(RuntimeError, match="must be a bool"):
            x.requires_grad = wrong
    with pytest.raises(TypeError):
        del x[0]
