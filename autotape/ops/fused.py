"""Operations that do several NumPy passes in one entry: the affine map and the softmax cross entropy.

Both could be composed of others; they are one operation each because the small training step, which this
library
is for, spends its time on the number of entries and passes (``benchmarks/small_step.py``).
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from autotape.engine.batched import BatchedArray, again
from autotape.engine.levels import BatchingError
from autotape.engine.operands import number, tensor_input
from autotape.engine.operation import Operation, place
from autotape.engine.out import store
from autotape.engine.tape import quietly, recording, run_quietly, start_tape
from autotape.engine.tensor import Tensor, new_tensor
from autotape.ops.activations import log_softmax
from autotape.ops.selecting import gather

__all__ = ["linear", "softmax_cross_entropy"]

Array = np.ndarray[Any, Any]


@lru_cache(maxsize=64)
def _ones(size: int, dtype: np.dtype[Any]) -> Array:
    """Ones for sums by ``dot``: 0.5 us where add.reduce over an axis costs 2.3 us."""
    ones = np.ones(size, dtype)
    ones.flags.writeable = False
    return ones


# --- x @ weight.T + bias ------------------------------------------------------------------------------------
# ndarray.dot calls the same GEMM as matmul with 1.2 us less on the way.


def _rows(x: Any) -> Any:
    """All leading dimensions as one: one GEMM, not one per matrix."""
    return x if x.ndim == 2 else x.reshape(prod(x.shape[:-1]), x.shape[-1])


def _linear_forward(x: Array, weight: Array, bias: Array | None) -> Array:
    y: Array = (
        x.dot(weight.T) if x.ndim == 2 else _rows(x).dot(weight.T).reshape(*x.shape[:-1], weight.shape[0])
    )
    if bias is not None:
        y += bias
    return y


def _linear_input_rule(g: Any, _y: Any, _x: Any, weight: Any, _bias: Any) -> Any:
    return g @ weight


def _linear_weight_rule(g: Any, _y: Any, x: Any, _weight: Any, _bias: Any) -> Any:
    return _rows(g).mT @ _rows(x)


def _linear_bias_rule(g: Any, _y: Any, _x: Any, _weight: Any, _bias: Any) -> Any:
    return g  # the replay sums it to the bias's shape


def _linear_raw_input_rule(g: Array, _y: Any, _x: Any, weight: Array, _bias: Any) -> Any:
    if g.ndim == 2:
        return g.dot(weight)
    return _rows(g).dot(weight).reshape(*g.shape[:-1], weight.shape[1])  # dot of 3 dimensions is no GEMM


def _linear_raw_weight_rule(g: Array, _y: Any, x: Array, _weight: Any, _bias: Any) -> Any:
    return g.T.dot(x) if g.ndim == 2 else _rows(g).T.dot(_rows(x))


def _linear_raw_bias_rule(g: Array, _y: Any, _x: Any, _weight: Any, _bias: Any) -> Any:
    if g.ndim != 2:
        g = _rows(g)
    return _ones(len(g), g.dtype).dot(g)


_LINEAR = Operation(
    "linear",
    _linear_forward,
    _linear_input_rule,
    _linear_weight_rule,
    _linear_bias_rule,
    raw=(_linear_raw_input_rule, _linear_raw_weight_rule, _linear_raw_bias_rule),
)


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None, out: Tensor | None = None) -> Tensor:
    """The affine map ``input @ weight.T + bias`` of the last dimension.

    Shapes: input (..., in_features), weight (out_features, in_features), bias (out_features,); the result is
    (..., out_features). All of one dtype. RuntimeError where they do not fit.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.linear(at.tensor([1.0, 2.0]), at.tensor([[1.0, 1.0], [0.0, 2.0]]), at.tensor([0.5, 0.0]))
    tensor([3.5000, 4.0000])
    """
    if out is not None:
        return store(out, linear(input, weight, bias), "linear")  # type: ignore[no-any-return]
    # What apply() does, written out: 3 us of the 50 of a small step (benchmarks/small_step.py).
    try:
        x, w = input._array, weight._array
        node_x, node_w = input._node, weight._node
        b, node_b = (None, None) if bias is None else (bias._array, bias._node)
    except AttributeError:
        bias = None if bias is None else tensor_input(bias, "bias", "linear")
        return linear(tensor_input(input, "input", "linear"), tensor_input(weight, "weight", "linear"), bias)
    if x.dtype.kind == "c":
        product: Tensor = input @ weight.mT
        return product if bias is None else product + bias
    if w.ndim != 2 or x.dtype is not w.dtype or (b is not None and b.dtype is not x.dtype):
        _check_linear(x, w, b)
    try:
        y = run_quietly(_linear_forward, x, w, b)
    except (ValueError, IndexError) as error:
        _check_linear(x, w, b)
        raise RuntimeError(f"linear: {error}") from None
    except RuntimeError:
        y = again(False, _linear_forward, x, w, b)
    out = new_tensor(Tensor)
    out._array = y
    out._node = None
    if node_w is not None or node_x is not None or node_b is not None:
        try:
            tape = recording.get()
        except LookupError:
            tape = start_tape()
        if tape is not None:
            saved = (None, x if node_w is not None else None, w if node_x is not None else None, None)
            out._node = place(tape, _LINEAR, y, (node_x, node_w, node_b), saved)
    return out


def _check_linear(x: Array, w: Array, b: Array | None) -> None:
    """Raise the error that says what is wrong with the operands of linear(), if something is."""
    if w.ndim != 2:
        raise RuntimeError(
            f"linear: weight must have 2 dimensions (out_features, in_features), got shape {list(w.shape)}"
        )
    if not x.ndim:
        raise RuntimeError(
            "linear: input must have at least 1 dimension (..., in_features), got a 0-d tensor"
        )
    if x.shape[-1] != w.shape[1]:
        rows = x.size // x.shape[-1] if x.shape[-1] else 0
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{x.shape[-1]} and "
            f"{w.shape[1]}x{w.shape[0]}): linear got "
            f"input {list(x.shape)}, whose last size must be in_features = {w.shape[1]} of weight "
            f"{list(w.shape)}"
        )
    arrays = {"input": x, "weight": w} | ({} if b is None else {"bias": b})
    if len({a.dtype for a in arrays.values()}) > 1:
        raise RuntimeError(
            "mat1 and mat2 must have the same dtype, but linear got "
            + ", ".join(f"{name} of {a.dtype.name}" for name, a in arrays.items())
            + "; convert one with .to(dtype)"
        )
    if b is not None and b.shape not in ((w.shape[0],), (1,), ()):
        raise RuntimeError(
            f"linear: bias of shape {list(b.shape)} must be ({w.shape[0]},) for weight {list(w.shape)}"
        )


# --- mean_i weight[t_i] * -log softmax(x_i)[t_i] ------------------------------------------------------------


@lru_cache(maxsize=64)
def _constants(rows: int, columns: int, dtype: np.dtype[Any]) -> tuple[Array, Array, Array, Array]:
    """The rows' numbers, the flat index of each row's first element, ones to sum columns and rows by."""
    numbers = np.arange(rows)
    starts = numbers * columns
    numbers.flags.writeable = starts.flags.writeable = False
    return numbers, starts, _ones(columns, dtype), _ones(rows, dtype)


def _cross_entropy_forward(x: Array, target: Array, weight: Array | None, mean: bool, kept: list[Any]) -> Any:
    rows, columns = x.shape
    numbers, starts, column_ones, share = _constants(rows, columns, x.dtype)
    at = np.ravel_multi_index((numbers, target), x.shape)  # ValueError for a target that is no class
    top = x.take(x.argmax(1) + starts)  # 1 us less than maximum.reduce(x, 1, keepdims=True), also for large x
    e = np.subtract(x, top[:, None], order="C")
    losses = e.take(at)
    np.exp(e, out=e)
    s = e.dot(column_ones)
    kept += (e, s, at)
    np.subtract(np.log(s), losses, out=losses)
    if weight is not None:
        share = weight.take(target)
    total = losses.dot(share)
    return total / (rows if weight is None else np.add.reduce(share)) if mean else total


def _cross_entropy_raw_rule(
    g: Array, _y: Any, _x: Any, target: Array, weight: Array | None, mean: bool, kept: list[Any]
) -> Any:
    e, s, at = kept
    if weight is None:
        scale: Any = number(float(g) / len(s) if mean else float(g), e.dtype)
    else:
        share = weight.take(target)
        scale = share * (g / np.add.reduce(share) if mean else g)
    gx = e * (scale / s)[:, None]
    gx.reshape(-1)[at] -= scale
    return gx


def _cross_entropy_rule(
    g: Any, _y: Any, x: Any, target: Array, weight: Array | None, mean: bool, _kept: list[Any]
) -> Any:
    hot = np.zeros(x.shape, x._array.dtype if isinstance(x, Tensor) else x.dtype)
    hot[np.arange(len(target)), target] = 1
    scale = np.ones(len(target), hot.dtype) if weight is None else weight[target]
    if mean:
        scale = scale / np.add.reduce(scale)
    z = np.exp(x - np.maximum.reduce(x.detach()._array if isinstance(x, Tensor) else x, 1, keepdims=True))
    return (z / z.sum(axis=1, keepdims=True) - hot) * (g * scale[:, None])


_CROSS_ENTROPY = Operation(
    "cross_entropy", _cross_entropy_forward, _cross_entropy_rule, raw=(_cross_entropy_raw_rule,)
)


def _composed_cross_entropy(input: Tensor, target: Array, weight: Array | None, mean: bool) -> Tensor:
    """The same of a batch (in vmap), by operations that can be batched."""
    index = Tensor._wrap(target)
    losses = -gather(log_softmax(input, 1), 1, index[:, None])[:, 0]
    share: Any = len(target)
    if weight is not None:
        factor = Tensor._wrap(weight)[index]
        losses, share = losses * factor, factor.sum()
    return losses.sum() / share if mean else losses.sum()


def softmax_cross_entropy(
    input: Tensor, target: Array, weight: Array | None = None, mean: bool = True
) -> Tensor:
    """The (weighted mean or sum of the) cross entropy of softmax(input) at class indices.

    Args:
        input: floating, (N, C) with C > 0.
        target: int64 (N,), each in [0, C); ValueError otherwise.
        weight: (C,) in the dtype of ``input``, or None.
    """
    x, node = input._array, input._node
    kept: list[Any] = []
    try:
        y = run_quietly(_cross_entropy_forward, x, target, weight, mean, kept)
    except BatchingError:
        return _composed_cross_entropy(input, target, weight, mean)
    except RuntimeError:
        y = quietly(_cross_entropy_forward, x, target, weight, mean, kept)
    out = new_tensor(Tensor)
    if type(y) is not BatchedArray:
        y = np.asarray(y)
    out._array = y
    out._node = None
    if node is not None:
        try:
            tape = recording.get()
        except LookupError:
            tape = start_tape()
        if tape is not None:
            out._node = place(tape, _CROSS_ENTROPY, y, (node,), (None, x, target, weight, mean, kept), 3)
    return out
