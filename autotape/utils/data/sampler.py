"""Samplers: the order in which the items of a dataset are loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from itertools import islice
from typing import Any, Generic, TypeVar

import numpy as np

from autotape.engine.tensor import Tensor
from autotape.ops.from_data import as_tensor
from autotape.ops.generator import Generator, source
from autotape.ops.sampling import multinomial

__all__ = [
    "BatchSampler",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "SubsetRandomSampler",
    "WeightedRandomSampler",
]

T_co = TypeVar("T_co", covariant=True)

_AT_ONCE = (
    1 << 16
)  # indices that are Python objects at one time: all would take five times the array's memory


def draw_seed(generator: Generator | None = None) -> int:
    """A seed in [0, 2**63 - 1), drawn from a generator (None: the global one)."""
    return int(source(generator).integers(2**63 - 1))


def _numbers(array: np.ndarray[Any, Any]) -> Iterator[int]:
    for start in range(0, len(array), _AT_ONCE):
        yield from array[start : start + _AT_ONCE].tolist()


class Sampler(Generic[T_co]):
    """An order of indices, or of lists of indices: a subclass has ``__iter__``, and ``__len__`` if it knows.

    Any iterable can be a loader's ``sampler`` or ``batch_sampler``; the argument of ``__init__`` is ignored,
    for classes written for older versions of PyTorch.
    """

    def __init__(self, data_source: Sized | None = None) -> None:
        pass

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError(f"{type(self).__name__} should implement __iter__: it is a Sampler")


class SequentialSampler(Sampler[int]):
    """The indices 0, 1, 2, ... of a dataset.

    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    data_source: Sized

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """The indices of a dataset in random order; with ``replacement``, each drawn from all of them.

    ``num_samples`` of them (default: as many as there are items); without replacement, more than that begin
    another random order. Without ``generator``, each iteration draws one seed from the global generator.

    Errors: TypeError if ``replacement`` is no bool, ValueError if ``num_samples`` is no positive integer, as
    it is for an empty dataset.

    >>> sorted(RandomSampler(range(5)))
    [0, 1, 2, 3, 4]
    """

    data_source: Sized
    replacement: bool

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if not isinstance(replacement, bool):
            raise TypeError(f"replacement should be a boolean value, but got replacement={replacement}")
        _check_positive(self.num_samples, "num_samples")

    @property
    def num_samples(self) -> int:
        """How many indices one iteration gives."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        n, left = len(self.data_source), self.num_samples
        generator = Generator().manual_seed(draw_seed()) if self.generator is None else self.generator
        while left > 0:
            random = source(generator)
            if self.replacement:
                drawn = random.integers(n, size=min(left, _AT_ONCE))
            else:
                drawn = random.permutation(n)[:left]
            yield from _numbers(drawn)
            left -= len(drawn)

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The given indices in random order.

    >>> sorted(SubsetRandomSampler([3, 5, 7]))
    [3, 5, 7]
    """

    indices: Sequence[int]

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        for i in _numbers(source(self.generator).permutation(len(self.indices))):
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """``num_samples`` indices drawn with probabilities proportional to ``weights`` (:func:`multinomial`).

    Errors: ValueError if ``num_samples`` is no positive integer, ``replacement`` no bool or ``weights`` not
    1-D; RuntimeError, when it is iterated, for weights that can't be drawn from.

    >>> list(WeightedRandomSampler([0.0, 0.0, 2.0], num_samples=3))
    [2, 2, 2]
    """

    weights: Tensor
    num_samples: int
    replacement: bool

    def __init__(
        self,
        weights: Sequence[float] | Tensor,
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        _check_positive(num_samples, "num_samples")
        if not isinstance(replacement, bool):
            raise ValueError(f"replacement should be a boolean value, but got replacement={replacement}")
        self.weights = as_tensor(weights, dtype=np.float64)
        if self.weights.ndim != 1:
            raise ValueError(
                f"weights should be a 1d sequence but given weights have shape {tuple(self.weights.shape)}"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        drawn = multinomial(self.weights, self.num_samples, self.replacement, generator=self.generator)
        yield from _numbers(drawn._array)

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """The indices of another sampler in lists of ``batch_size``; ``drop_last`` leaves out a shorter last one.

    Errors: ValueError if ``batch_size`` is no positive integer or ``drop_last`` no bool.

    >>> list(BatchSampler(range(7), batch_size=3, drop_last=False))
    [[0, 1, 2], [3, 4, 5], [6]]
    """

    def __init__(self, sampler: Iterable[Any], batch_size: int, drop_last: bool) -> None:
        _check_positive(batch_size, "batch_size")
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        indices = iter(self.sampler)
        while batch := list(islice(indices, self.batch_size)):
            if self.drop_last and len(batch) < self.batch_size:
                return
            yield batch

    def __len__(self) -> int:
        n = len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)


def _check_positive(value: Any, name: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{name} should be a positive integer value, but got {name}={value}")
