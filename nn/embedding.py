"""Embedding: vectors looked up by index, one by one or in bags."""

from __future__ import annotations

from typing import Any

from autotape.autograd.modes import no_grad
from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn import init
from autotape.nn.functional.embedding import embedding_padding
from autotape.nn.functional.embedding_bag import embedding_bag
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import empty

__all__ = ["Embedding", "EmbeddingBag"]


class Embedding(Module):
    """A table of ``num_embeddings`` vectors of size ``embedding_dim``, looked up by index.

    Args:
        padding_idx: the row for padding: it starts at zero and gets no gradient.
        max_norm: rows that are looked up are first scaled down, in place, to at most this ``norm_type``-norm.
        scale_grad_by_freq: divide a row's gradient by how often the batch names the row.
        sparse: accepted; the gradient is dense all the same.

    Shapes: input (*) of integers, output (*, embedding_dim). ``weight`` (num_embeddings, embedding_dim)
    starts as N(0, 1).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Embedding(10, 3)(at.tensor([[1, 2, 4], [4, 3, 2]])).shape
    autotape.Size([2, 3, 3])
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = embedding_padding(padding_idx, num_embeddings)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            data = empty((num_embeddings, embedding_dim), device=device, dtype=dtype)
            self.weight = Parameter(data, requires_grad=not _freeze)
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """An Embedding on an existing table (rows, size), whose memory it shares.

        ``freeze``: the table is not trained.

        >>> import autotape as at
        >>> from autotape import nn
        >>> nn.Embedding.from_pretrained(at.tensor([[1.0, 2.0], [3.0, 4.0]]))(at.tensor(1))
        tensor([3., 4.])
        """
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        return cls(
            rows,
            columns,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            sparse,
            _weight=embeddings,
            _freeze=freeze,
        )

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        """The rows that ``input`` names."""
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        """The sizes, and the options that differ from the defaults."""
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        for name, default in (
            ("padding_idx", None),
            ("max_norm", None),
            ("norm_type", 2),
            ("scale_grad_by_freq", False),
            ("sparse", False),
        ):
            value = getattr(self, name)
            if value != default:
                parts.append(f"{name}={value}")
        return ", ".join(parts)


class EmbeddingBag(Module):
    """A table of ``num_embeddings`` vectors, of which sums, means or maxima of bags are looked up.

    Args:
        max_norm: rows that are looked up are first scaled down, in place, to at most this ``norm_type``-norm.
        scale_grad_by_freq: divide a row's gradient by how often the batch names the row.
        mode: "sum", "mean" or "max".
        sparse: accepted; the gradient is dense all the same.
        include_last_offset: the last of the offsets is the end of the last bag.
        padding_idx: the row for padding: it starts at zero, and indices of it do not count.

    Shapes: input (B, N), or (N) with offsets (B); output (B, embedding_dim). ``weight`` (num_embeddings,
    embedding_dim) starts as N(0, 1).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.EmbeddingBag(10, 3)(at.tensor([1, 2, 4, 5]), offsets=at.tensor([0, 3])).shape
    autotape.Size([2, 3])
    """

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.padding_idx = embedding_padding(padding_idx, num_embeddings)
        if _weight is None:
            self.weight = Parameter(empty((num_embeddings, embedding_dim), device=device, dtype=dtype))
            self.reset_parameters()
        else:
            if tuple(_weight.shape) != (num_embeddings, embedding_dim):
                raise AssertionError("Shape of weight does not match num_embeddings and embedding_dim")
            self.weight = Parameter(_weight)
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """An EmbeddingBag on an existing table (rows, size), whose memory it shares.

        ``freeze``: the table is not trained.

        >>> import autotape as at
        >>> from autotape import nn
        >>> nn.EmbeddingBag.from_pretrained(at.tensor([[1.0, 2.0], [3.0, 4.0]]))(at.tensor([[0, 1]]))
        tensor([[2., 3.]])
        """
        if embeddings.dim() != 2:
            raise AssertionError("Embeddings parameter is expected to be 2-dimensional")
        rows, columns = embeddings.shape
        bag = cls(
            rows,
            columns,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            mode,
            sparse,
            embeddings,
            include_last_offset,
            padding_idx,
        )
        bag.weight.requires_grad = not freeze
        return bag

    def reset_parameters(self) -> None:
        """Draw the table anew."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = 0

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        """One row for each bag; see :func:`autotape.nn.functional.embedding_bag`."""
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        """The sizes, the mode, and the options that differ from the defaults."""
        options = [
            f"{name}={value}"
            for name, value, default in (
                ("max_norm", self.max_norm, None),
                ("norm_type", self.norm_type, 2),
                ("scale_grad_by_freq", self.scale_grad_by_freq, False),
            )
            if value != default
        ]
        options.append(f"mode={self.mode!r}")
        if self.padding_idx is not None:
            options.append(f"padding_idx={self.padding_idx}")
        return ", ".join([f"{self.num_embeddings}, {self.embedding_dim}", *options])
