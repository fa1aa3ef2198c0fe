"""Sequences of different lengths: padded to one tensor, or packed without padding."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autotape.engine.batched import fresh
from autotape.engine.operands import tensor_input
from autotape.engine.operation import CAST, Operation, apply
from autotape.engine.tensor import Tensor

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]

Array = np.ndarray[Any, Any]


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None
    unsorted_indices: Tensor | None


class PackedSequence(_Fields):
    """A batch of sequences without padding: the elements of all first steps, then of all second ones ...

    Made by :func:`pack_padded_sequence` or :func:`pack_sequence`; the recurrent modules take and return it.

    Fields:
        data: the elements, (sum of lengths, *).
        batch_sizes: int64, how many sequences each step has: they decrease.
        sorted_indices: the places in the batch of the sequences, the longest first; None for the order given.
        unsorted_indices: the inverse of that permutation.

    >>> import autotape as at
    >>> from autotape.nn.utils.rnn import pack_sequence
    >>> packed = pack_sequence([at.tensor([1, 2, 3]), at.tensor([4, 5]), at.tensor([6])])
    >>> packed.data, packed.batch_sizes
    (tensor([1, 4, 6, 2, 5, 3]), tensor([3, 2, 1]))
    """

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        """Also of a pair ``(data, batch_sizes)``."""
        if batch_sizes is None:
            if not (isinstance(data, (list, tuple)) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Convert the data: ``to(dtype)``, ``to(device)``; self where there is nothing to do."""
        if "copy" in kwargs:
            raise RuntimeError(".to() does not accept copy argument")
        return self._with(self.data.to(*args, **kwargs))

    def _with(self, data: Tensor) -> PackedSequence:
        if data is self.data:
            return self
        return type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)

    def double(self) -> PackedSequence:
        """Convert the data to float64."""
        return self._with(self.data.double())

    def float(self) -> PackedSequence:
        """Convert the data to float32."""
        return self._with(self.data.float())

    def half(self) -> PackedSequence:
        """Convert the data to float16."""
        return self._with(self.data.half())

    def long(self) -> PackedSequence:
        """Convert the data to int64."""
        return self._with(self.data.long())

    def int(self) -> PackedSequence:
        """Convert the data to int32."""
        return self._with(self.data.int())

    def short(self) -> PackedSequence:
        """Convert the data to int16."""
        return self._with(self.data.short())

    def char(self) -> PackedSequence:
        """Convert the data to int8."""
        return self._with(self.data.char())

    def byte(self) -> PackedSequence:
        """Convert the data to uint8."""
        return self._with(self.data.byte())

    def cpu(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return self: everything is on the CPU."""
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Raise RuntimeError: there is no such device."""
        return self.to("cuda")

    @property
    def is_cuda(self) -> bool:
        """Whether the data lies on a CUDA device: False."""
        return False

    def is_pinned(self) -> bool:
        """Whether the data lies in pinned memory: False."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation p' with ``p'[p[i]] = i``; None for None.

    >>> import autotape as at
    >>> from autotape.nn.utils.rnn import invert_permutation
    >>> invert_permutation(at.tensor([2, 0, 1]))
    tensor([1, 2, 0])
    """
    if permutation is None:
        return None
    order = tensor_input(permutation, "permutation", "invert_permutation")._array
    if order.dtype.kind not in "iu":
        raise RuntimeError(f"invert_permutation: expected a permutation of integers, got {order.dtype.name}")
    inverse = np.empty_like(order)
    inverse[order] = np.arange(order.size)
    return Tensor._wrap(inverse)


# --- padding ------------------------------------------------------------------------------------------------


def _part(i: int, length: int, longest: int, batch_first: bool, right: bool) -> tuple[Any, ...]:
    """The index of sequence i in the padded tensor."""
    steps = slice(0, length) if right else slice(longest - length, longest)
    return (i, steps) if batch_first else (steps, i)


def _pad_forward(*args: Any) -> Array:
    *arrays, parts, shape, value = args
    out = np.full(shape, value, arrays[0].dtype)
    for array, part in zip(arrays, parts):
        out[part] = array
    return out


def _pad_rule(g: Any, needs: Any, _y: Any, *_inputs: Any) -> Any:
    return [g[part] if need else None for part, need in zip(_inputs[-3], needs)]


_PAD_SEQUENCE = Operation("pad_sequence", _pad_forward, joint=_pad_rule)


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences of different lengths in one tensor, with ``padding_value`` after (or before) shorter ones.

    Shapes: sequences (length, *) of one *; the result is (longest, batch, *), or (batch, longest, *) with
    ``batch_first``, in the dtype of the first. ``padding_side`` is "right" or "left". The derivative takes
    the parts of the sequences out again. Errors: RuntimeError for no sequences, or such that do not fit.

    >>> import autotape as at
    >>> from autotape.nn.utils.rnn import pad_sequence
    >>> pad_sequence([at.tensor([1, 2, 3]), at.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences).__name__}"
        )
    tensors = [tensor_input(t, f"sequences[{i}]", "pad_sequence") for i, t in enumerate(sequences)]
    if not tensors:
        raise RuntimeError("received an empty list of sequences")
    if padding_side not in ("right", "left"):
        raise RuntimeError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    shapes = [t._array.shape for t in tensors]
    if not all(shapes) or any(s[1:] != shapes[0][1:] for s in shapes):
        raise RuntimeError(
            "pad_sequence: the sequences must have shapes (length, *) that are equal but for the length, got "
            + ", ".join(str(list(s)) for s in shapes)
        )
    dtype = tensors[0]._array.dtype
    tensors = [t if t._array.dtype == dtype else apply(CAST, (t,), dtype) for t in tensors]
    longest, rest = max(s[0] for s in shapes), shapes[0][1:]
    shape = (len(tensors), longest, *rest) if batch_first else (longest, len(tensors), *rest)
    right = padding_side == "right"
    parts = [_part(i, s[0], longest, batch_first, right) for i, s in enumerate(shapes)]
    value = np.asarray(padding_value).astype(dtype)
    return apply(_PAD_SEQUENCE, tensors, parts, shape, value)  # type: ignore[no-any-return]


def unpad_sequence(
    padded_sequences: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False
) -> list[Tensor]:
    """The sequences of a padded tensor: the inverse of :func:`pad_sequence`.

    >>> import autotape as at
    >>> from autotape.nn.utils.rnn import unpad_sequence
    >>> unpad_sequence(at.tensor([[1, 4], [2, 0]]), at.tensor([2, 1]))
    [tensor([1, 2]), tensor([4])]
    """
    padded = tensor_input(padded_sequences, "padded_sequences", "unpad_sequence")
    counts = _lengths(lengths).tolist()
    shape = padded.shape
    batch, longest = (shape[0], shape[1]) if batch_first else (shape[1], shape[0])
    if len(counts) != batch:
        raise ValueError(f"unpad_sequence: got {len(counts)} lengths for a batch of {batch} sequences")
    parts = [_part(i, min(n, longest), longest, batch_first, True) for i, n in enumerate(counts)]
    return [padded[part].clone() for part in parts]


# --- packing ------------------------------------------------------------------------------------------------
# Both ways by the place of each packed element in the padded tensor, whose first two dimensions are one here.


def _spread(data: Array, places: Array, rows: int, value: Any) -> Array:
    out: Array = fresh((rows, *data.shape[1:]), data)
    if value:
        out[...] = value
    out[places] = data
    return out


def _pack_rule(g: Any, _y: Any, _x: Any, places: Array, rows: int) -> Any:
    return apply(_PAD_PACKED, (g,), places, rows, 0) if isinstance(g, Tensor) else _spread(g, places, rows, 0)


def _pad_packed_rule(g: Any, _y: Any, _data: Any, places: Array, rows: int, _value: Any) -> Any:
    return apply(_PACK, (g,), places, rows) if isinstance(g, Tensor) else g.take(places, 0)


_PACK = Operation("pack_padded_sequence", lambda x, places, _rows: x.take(places, 0), _pack_rule)
_PAD_PACKED = Operation("pad_packed_sequence", _spread, _pad_packed_rule)


def _places(sizes: Array, order: Array | None, longest: int, batch_first: bool) -> Array:
    """Where the packed elements lie in the padded tensor."""
    step = np.repeat(np.arange(len(sizes)), sizes)
    sequence = np.arange(step.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    if order is not None:
        sequence = order[sequence]
    batch = int(sizes[0])
    return np.asarray(sequence * longest + step if batch_first else step * batch + sequence)


def _lengths(lengths: Any) -> Array:
    array = lengths._array if isinstance(lengths, Tensor) else np.asarray(lengths)
    if array.ndim != 1:
        raise RuntimeError(
            f"'lengths' argument should be a 1D CPU int64 tensor, but got {array.ndim}D {array.dtype}"
        )
    return array.astype(np.int64)


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack a padded tensor: only what lies within the sequences' lengths, step by step.

    Args:
        input: (longest, batch, *), or (batch, longest, *) with ``batch_first``.
        lengths: of each sequence, positive.
        enforce_sorted: the lengths must decrease; with False the sequences are sorted, and the result's
            ``unsorted_indices`` undo that.

    Errors: RuntimeError for lengths that are not sorted (where they must be), not positive, longer than the
    input, or too few.

    >>> import autotape as at
    >>> from autotape.nn.utils.rnn import pack_padded_sequence
    >>> pack_padded_sequence(at.tensor([[1, 3], [2, 0]]), [2, 1]).data
    tensor([1, 3, 2])
    """
    input = tensor_input(input, "input", "pack_padded_sequence")
    counts = _lengths(lengths)
    shape = input._array.shape
    if len(shape) < 2:
        raise IndexError(
            f"pack_padded_sequence: input must have two dimensions or more, got shape {list(shape)}"
        )
    longest, batch = (shape[1], shape[0]) if batch_first else shape[:2]
    if not input._array.size:
        raise RuntimeError("Cannot pack empty tensors.")
    if len(counts) != batch:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(counts)} (batch_size={batch})"
        )
    if counts.min() <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if counts.max() > longest:
        raise RuntimeError(
            f"pack_padded_sequence: lengths has {counts.max()}, but the input of shape {list(shape)} has "
            f"only {longest} steps"
        )
    order = None
    if not enforce_sorted:
        order = np.argsort(-counts, kind="stable")
        counts = counts[order]
    elif (np.diff(counts) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence or pack_sequence to have the sequences sorted."
        )
    sizes = (counts > np.arange(counts[0])[:, None]).sum(1)
    places = _places(sizes, order, longest, batch_first)
    rows = input.reshape(longest * batch, *shape[2:])
    data = apply(_PACK, (rows,), places, longest * batch)
    return PackedSequence(data, Tensor._wrap(sizes), None if order is None else Tensor._wrap(order))


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """The padded tensor of a packed sequence, and the lengths: the inverse of :func:`pack_padded_sequence`.

    The padded tensor is (longest, batch, *), or (batch, longest, *) with ``batch_first``; with
    ``total_length`` it is padded to that, which must not be less than the longest length (ValueError).

    >>> import autotape as at
    >>> from autotape.nn.utils.rnn import pack_sequence, pad_packed_sequence
    >>> packed = pack_sequence([at.tensor([1, 2]), at.tensor([3])])
    >>> pad_packed_sequence(packed, padding_value=-1)
    (tensor([[ 1,  3],
            [ 2, -1]]), tensor([2, 1]))
    """
    sizes = sequence.batch_sizes._array
    longest, batch = len(sizes), int(sizes[0])
    if total_length is not None:
        if total_length < longest:
            raise ValueError(
                "Expected total_length to be at least the length of the longest sequence in input, but got "
                f"total_length={total_length} and max sequence length being {longest}"
            )
        longest = operator.index(total_length)
    order = None if sequence.sorted_indices is None else sequence.sorted_indices._array
    if order is None and sequence.unsorted_indices is not None:
        order = np.argsort(sequence.unsorted_indices._array)
    data = sequence.data
    places = _places(sizes, order, longest, batch_first)
    value = np.asarray(padding_value).astype(data._array.dtype)
    padded = apply(_PAD_PACKED, (data,), places, longest * batch, value)
    outer = (batch, longest) if batch_first else (longest, batch)
    lengths = (sizes[:, None] > np.arange(batch)).sum(0)
    if order is not None:
        lengths = lengths[np.argsort(order)]
    return padded.reshape(*outer, *data.shape[1:]), Tensor._wrap(lengths)


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences of different lengths, each (length, *): see :func:`pack_padded_sequence`.

    >>> import autotape as at
    >>> from autotape.nn.utils.rnn import pack_sequence
    >>> pack_sequence([at.tensor([1]), at.tensor([2, 3])], enforce_sorted=False)
    PackedSequence(data=tensor([2, 1, 3]), batch_sizes=tensor([2, 1]), sorted_indices=tensor([1, 0]), \
unsorted_indices=tensor([1, 0]))
    """
    lengths = [len(t) for t in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a packed sequence: the inverse of :func:`pack_sequence`.

    >>> import autotape as at
    >>> from autotape.nn.utils.rnn import pack_sequence, unpack_sequence
    >>> unpack_sequence(pack_sequence([at.tensor([1, 2]), at.tensor([3])]))
    [tensor([1, 2]), tensor([3])]
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
