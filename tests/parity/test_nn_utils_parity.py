"""nn.utils does what PyTorch's does: clipping, vectors, fusion, skip_init."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.parity.module_pairs import SIDES, compare, linear_pair

# --- clipping and vectors -----------------------------------------------------------------------------------


def with_gradients(m: Any, dtype: str = "float64", scale: float = 1.0) -> list[Any]:
    rng = np.random.default_rng(0)
    parameters = []
    for i, shape in enumerate([(3, 4), (), (0,), (2, 1)]):
        p = m.ones(shape, dtype=getattr(m, dtype), requires_grad=True)
        if i != 3:
            p.grad = m.from_numpy(np.asarray(scale * rng.normal(size=shape), dtype))
        parameters.append(p)
    return parameters


@pytest.mark.parametrize("norm_type", [2.0, 1, 3, 0.5, 0, float("inf"), 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("max_norm", [0.5, 1e4])
def test_clip_grad_norm(norm_type: float, dtype: str, max_norm: float) -> None:
    def run(m: Any, _: Any) -> Any:
        parameters = with_gradients(m, dtype)
        if norm_type == float("inf"):
            del parameters[2]
        total = m.nn.utils.clip_grad_norm_(parameters, max_norm, norm_type=norm_type)
        return total, [p.grad for p in parameters if p.grad is not None]

    compare(run, [None, None], 1e-9 if dtype == "float64" else 1e-5)


def test_other_clipping() -> None:
    def run(m: Any, _: Any) -> Any:
        u = m.nn.utils
        a, b, c = with_gradients(m), with_gradients(m), with_gradients(m)
        u.clip_grad_value_(a, 0.3)
        total = u.get_total_norm([p.grad for p in b if p.grad is not None], foreach=False)
        u.clip_grads_with_norm_(b, 0.1, total, foreach=True)
        u.clip_grad_norm_(c[0], 0.1)
        u.clip_grad_value_(c[1], clip_value=1e-3)
        nothing = u.clip_grad_norm_([m.ones(2)], 1.0), u.get_total_norm([])
        return [p.grad for p in (*a, *b, *c) if p.grad is not None], total, nothing

    compare(run, [None, None])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_clipping_what_is_not_finite(value: float) -> None:
    def run(m: Any, _: Any) -> Any:
        p = m.ones(2, requires_grad=True)
        p.grad = m.tensor([value, 1.0])
        total = m.nn.utils.clip_grad_norm_([p], 1.0)
        error = text_of(lambda: m.nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True))
        return total, p.grad, error

    compare(run, [None, None])


def text_of(run: Callable[[], Any]) -> str:
    try:
        run()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def test_parameters_and_vectors() -> None:
    def run(m: Any, layer: Any) -> Any:
        u = m.nn.utils
        vector = u.parameters_to_vector(layer.parameters())
        (vector**2).sum().backward()
        new = m.arange(float(vector.numel()), dtype=m.float64)
        u.vector_to_parameters(new, layer.parameters())
        new.mul_(2)  # shared
        return vector, layer.weight.grad, layer.weight, layer.bias

    compare(run, linear_pair(3, 2))


# --- the rest -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("with_bias", [False, True])
def test_fused_weights(transpose: bool, with_bias: bool) -> None:
    rng = np.random.default_rng(0)
    w, b, mean, var, scale, shift = [rng.random(s) for s in ((3, 3, 2, 2), 3, 3, 3, 3, 3)]

    def run(m: Any, _: Any) -> Any:
        t = m.from_numpy
        bias = m.nn.Parameter(t(b)) if with_bias else None
        fused = m.nn.utils.fuse_conv_bn_weights(
            m.nn.Parameter(t(w)), bias, t(mean), t(var), 1e-3,
            t(scale) if with_bias else None, t(shift), transpose,
        )  # fmt: skip
        return list(fused), [p.requires_grad for p in fused[: 1 + with_bias]]

    compare(run, [None, None])


def test_skip_init() -> None:
    for m in SIDES:
        m.manual_seed(0)
        expected = m.rand(1)
        m.manual_seed(0)
        layer = m.nn.utils.skip_init(m.nn.Linear, 3, 2, bias=False)
        assert m.equal(m.rand(1), expected)
        assert tuple(layer.weight.shape) == (2, 3)
        assert layer.weight.requires_grad
        with pytest.raises(RuntimeError, match="Expected a Module"):
            m.nn.utils.skip_init(dict)
        with pytest.raises(RuntimeError, match="'device'"):
            m.nn.utils.skip_init(m.nn.ReLU)


def test_stateless_functional_call() -> None:
    def run(m: Any, layer: Any) -> Any:
        new = {"weight": m.ones(2, 3, dtype=m.float64)}
        x = m.arange(3.0, dtype=m.float64)
        return m.nn.utils.stateless.functional_call(layer, new, (x,)), layer.weight

    compare(run, linear_pair(3, 2))
