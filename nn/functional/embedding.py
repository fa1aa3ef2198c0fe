"""Looking up rows by index."""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.engine.batched import somewhere
from autotape.engine.operands import tensor_input
from autotape.engine.operation import Operation, apply
from autotape.engine.row_gradient import Rows
from autotape.engine.tensor import Tensor
from autotape.ops._accumulate import sum_equal_rows, sum_rows

__all__ = ["embedding", "one_hot"]

Array = np.ndarray[Any, Any]

_FEW = 4  # a table's gradient stays the rows looked up if it has so many times more rows


def _lookup_rule(g: Any, _y: Any, _w: Any, index: Array, factor: Array | None, rows: int) -> Any:
    if isinstance(g, Tensor):
        return apply(_EMBEDDING_ADJOINT, (g,), index, factor, rows)
    return _add_into_zeros(g, index, factor, rows)


def _lookup_raw_rule(g: Any, y: Any, w: Any, index: Array, factor: Array | None, rows: int) -> Any:
    if _FEW * index.size > rows or type(g) is not np.ndarray or type(index) is not np.ndarray or not g.size:
        return _lookup_rule(g, y, w, index, factor, rows)
    values = (g if factor is None else g * factor).reshape(index.size, g.shape[-1])
    return Rows(*sum_equal_rows(index.reshape(-1), values, rows), rows)


def _add_into_zeros(g: Array, index: Array, factor: Array | None, rows: int) -> Array:
    values = g if factor is None else g * factor
    return sum_rows(index.reshape(-1), values.reshape(index.size, g.shape[-1]), rows)


def _adjoint_rule(g: Any, _y: Any, _g: Any, index: Array, factor: Array | None, rows: int) -> Any:
    taken = apply(_EMBEDDING, (g,), index, None, rows) if isinstance(g, Tensor) else g.take(index, 0)
    return taken if factor is None else taken * factor


# The factor (one per index) scales the gradient alone: 0 at the padding, 1/n where a row is named n times.
_EMBEDDING = Operation(
    "embedding", lambda w, index, _factor, _rows: w.take(index, 0), _lookup_rule, raw=(_lookup_raw_rule,)
)
_EMBEDDING_ADJOINT = Operation("embedding_adjoint", _add_into_zeros, _adjoint_rule)


def embedding_padding(padding_idx: int | None, rows: int) -> int | None:
    """A padding row counted from the front; AssertionError if there is no such row."""
    if padding_idx is None:
        return None
    if not -rows <= padding_idx < rows:
        raise AssertionError(f"Padding_idx must be within num_embeddings, got {padding_idx} for {rows} rows")
    return padding_idx % rows


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """The rows of ``weight`` that ``input`` names.

    Args:
        input: indices (*) of int64 or int32.
        weight: the table (rows, size); the result is (*, size).
        padding_idx: a row that gets no gradient.
        max_norm: first scale the named rows down, in place, to at most this ``norm_type``-norm.
        scale_grad_by_freq: divide a row's gradient by how often ``input`` names the row.
        sparse: accepted; the gradient is dense all the same.

    Errors: IndexError for an index out of range (negative ones are), RuntimeError for other dtypes or shapes.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.embedding(at.tensor([1, 0]), at.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor([[3., 4.],
            [1., 2.]])
    """
    input = tensor_input(input, "input", "embedding")
    weight = tensor_input(weight, "weight", "embedding")
    index, table = input._array, weight._array
    if index.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            "embedding: Expected tensor for argument 'input' to be of dtype int64 or int32, "
            f"but got {input.dtype}"
        )
    if table.ndim != 2:
        raise RuntimeError(f"embedding: 'weight' must be 2-D, but got shape {list(table.shape)}")
    rows = len(table)
    padding = embedding_padding(padding_idx, rows)
    # Read as unsigned, a negative index is a very large one: one pass finds both.
    unsigned = index.view(f"u{index.itemsize}")
    if index.size and somewhere(np.maximum.reduce(unsigned, axis=None) >= rows):
        wrong = index.reshape(-1)[np.argmax(unsigned)]
        raise IndexError(f"index out of range in embedding: {wrong} is not in [0, {rows})")
    if max_norm is not None:
        shorten(weight, np.unique(index), max_norm, norm_type)
    factor = None
    if scale_grad_by_freq:
        factor = np.asarray(1 / np.bincount(index.reshape(-1), minlength=rows)[index], table.dtype)[..., None]
    if padding is not None:
        kept = (index != padding)[..., None]
        factor = kept.astype(table.dtype) if factor is None else factor * kept
    return apply(_EMBEDDING, (weight,), index, factor, rows)  # type: ignore[no-any-return]


def shorten(weight: Tensor, rows: Array, max_norm: float, norm_type: float) -> None:
    """Scale rows down, in place, to at most ``max_norm``."""
    values = weight._array[rows]
    norms = np.linalg.norm(values, norm_type, axis=1, keepdims=True)
    long = norms[:, 0] > max_norm
    shorter = values[long] * (max_norm / (norms[long] + 1e-7))
    with no_grad():
        weight[Tensor._wrap(rows[long])] = Tensor._wrap(shorter.astype(values.dtype, copy=False))


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Zeros with a 1 at each index: of indices (*) a result (*, num_classes) in int64.

    ``num_classes=-1``: one more than the largest index. RuntimeError for indices that are not int64, negative
    or too large.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.one_hot(at.tensor([0, 2]), num_classes=3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    index = tensor_input(tensor, "tensor", "one_hot")._array
    if index.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if index.size == 0 and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if index.size and somewhere(index.min() < 0):
        raise RuntimeError("Class values must be non-negative.")
    if num_classes == -1:
        num_classes = int(index.max()) + 1
    elif num_classes < 1 and index.size == 0:
        raise RuntimeError("num_classes should be positive")
    elif index.size and somewhere(num_classes <= index.max()):
        raise RuntimeError(
            f"Class values must be smaller than num_classes ({index.max()} and {num_classes})."
        )
    out = np.zeros((*index.shape, num_classes), np.int64)
    np.put_along_axis(out, index[..., None], 1, -1)
    return Tensor._wrap(out)
