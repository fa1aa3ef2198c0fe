"""Affine and bilinear maps."""

from __future__ import annotations

from typing import Any

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.ops.fused import linear

__all__ = ["bilinear", "linear"]


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The bilinear map ``y_k = input1 @ weight_k @ input2 + bias_k`` of the last dimensions of two inputs.

    Shapes: inputs (..., in1_features) and (..., in2_features), weight (out_features, in1_features,
    in2_features), bias (out_features,); the result is (..., out_features). RuntimeError where they do not
    fit.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.bilinear(at.tensor([1.0, 2.0]), at.tensor([3.0]), at.tensor([[[1.0], [10.0]]]))
    tensor([63.])
    """
    input1, input2, weight = (
        tensor_input(value, name, "bilinear")
        for value, name in ((input1, "input1"), (input2, "input2"), (weight, "weight"))
    )
    a, b, w = input1.shape, input2.shape, weight.shape
    _check_bilinear(a, b, w, None if bias is None else tensor_input(bias, "bias", "bilinear").shape)
    products = input1.unsqueeze(-1) * input2.unsqueeze(-2)
    rows = products.reshape(*a[:-1], w[1] * w[2])
    return linear(rows, weight.reshape(w[0], w[1] * w[2]), bias)


def _check_bilinear(a: Any, b: Any, w: Any, bias: Any) -> None:
    def misfit(what: str, got: Any, expected: Any) -> RuntimeError:
        return RuntimeError(
            f"bilinear(): {what}: got {got} but expected {expected} "
            f"(input1 {list(a)}, input2 {list(b)}, weight {list(w)})"
        )

    if len(w) != 3:
        raise misfit("weight must have dimensions (out, in1, in2)", f"{len(w)} dimensions", 3)
    if not a or len(a) != len(b):
        raise misfit("input dimensions do not match", len(a), len(b))
    if a[:-1] != b[:-1]:
        raise misfit("input batch dimensions do not match", list(b[:-1]), list(a[:-1]))
    if a[-1] != w[1]:
        raise misfit("input1 size does not match weight size", a[-1], w[1])
    if b[-1] != w[2]:
        raise misfit("input2 size does not match weight size", b[-1], w[2])
    if bias is not None and tuple(bias) != (w[0],):
        raise misfit("bias size does not match weight size", list(bias), w[0])
