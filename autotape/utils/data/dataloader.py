"""The loader: batches of a dataset, in the order of a sampler, made here or by workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from autotape.ops.generator import Generator
from autotape.utils.data._utils.collate import default_collate, default_convert
from autotape.utils.data._utils.epoch import OwnIterator, WorkersIterator
from autotape.utils.data._utils.worker import Method, get_worker_info
from autotape.utils.data.dataset import Dataset, IterableDataset
from autotape.utils.data.sampler import BatchSampler, RandomSampler, Sampler, SequentialSampler

if TYPE_CHECKING:
    from multiprocessing.context import BaseContext

__all__ = ["DataLoader", "default_collate", "default_convert", "get_worker_info"]

T_co = TypeVar("T_co", covariant=True)


class DataLoader(Generic[T_co]):
    """Batches of a dataset: an iterable that gives one epoch each time it is iterated over.

    The items of ``batch_size`` indices (None: of one) go through ``collate_fn``, by default
    :func:`default_collate` (for None :func:`default_convert`). The indices come from ``sampler``, by default
    0, 1, 2, ... or with ``shuffle`` in random order; ``batch_sampler`` gives lists of indices itself. An
    IterableDataset gives its items in its own order. ``drop_last`` leaves out a last batch that is shorter.

    With ``num_workers``, batches are made ahead by that many processes (``worker_method="thread"``: by
    threads), at most ``prefetch_factor`` (2) per worker, and come in the same order, unless ``in_order`` is
    False. Each worker has generators seeded by a base seed plus its id, then calls ``worker_init_fn(id)``;
    :func:`get_worker_info` tells where one is. ``timeout``: seconds to wait for a batch.
    ``persistent_workers`` stay for the next epoch; others end with the epoch, or when its iterator is freed.
    ``multiprocessing_context``: a context of :mod:`multiprocessing` or the name of its start method.

    Every epoch draws its base seed from ``generator`` (None: the global one), then its order: an epoch's
    batches don't depend on the number of workers. ``pin_memory`` and ``pin_memory_device`` have no effect.

    Errors: ValueError for arguments that exclude each other or are out of range, TypeError for a wrong
    context. What a worker raises is raised here with its type and traceback; RuntimeError for a worker that
    died or a ``timeout``.

    >>> import autotape as at
    >>> from autotape.utils.data import DataLoader, TensorDataset
    >>> data = TensorDataset(at.arange(5), at.arange(5) ** 2)
    >>> for x, y in DataLoader(data, batch_size=2):
    ...     print(x.tolist(), y.tolist())
    [0, 1] [0, 1]
    [2, 3] [4, 9]
    [4] [16]
    """

    dataset: Any
    batch_size: int | None
    sampler: Any
    batch_sampler: Any
    collate_fn: Callable[[Any], Any]
    _made = False

    def __init__(
        self,
        dataset: Dataset[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Sampler[Any] | Iterable[Any] | None = None,
        batch_sampler: Sampler[list[Any]] | Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], Any] | None = None,
        multiprocessing_context: str | BaseContext | None = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
        worker_method: Method = "multiprocessing",
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, worker_method)
        self.dataset = dataset
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            given = {"shuffle": shuffle or None, "sampler": sampler, "batch_sampler": batch_sampler}
            for name, value in given.items():
                if value is not None:
                    raise ValueError(
                        f"DataLoader with IterableDataset: expected unspecified {name} option, but got "
                        f"{name}={value}; an IterableDataset chooses its order itself"
                    )
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle: the sampler is the order")
        if batch_sampler is not None:
            if batch_size != 1 or shuffle or sampler is not None or drop_last:
                raise ValueError(
                    "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and "
                    "drop_last"
                )
            batch_size = None
        elif batch_size is None and drop_last:
            raise ValueError(
                "batch_size=None option disables auto-batching and is mutually exclusive with drop_last"
            )
        if sampler is None:
            if self._iterable:
                sampler = _Endless()
            elif shuffle:
                sampler = RandomSampler(self.dataset, generator=generator)
            else:
                sampler = SequentialSampler(self.dataset)
        if batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        if collate_fn is None:
            collate_fn = default_convert if batch_sampler is None else default_collate
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.collate_fn = collate_fn
        self.pin_memory = pin_memory
        self.drop_last = drop_last
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        self.prefetch_factor = prefetch_factor or (2 if num_workers else None)
        self.persistent_workers = persistent_workers
        self.pin_memory_device = pin_memory_device
        self.in_order = in_order
        self.worker_method = worker_method
        self._counted: int | None = None  # what len() has said of an IterableDataset
        self._iterator: WorkersIterator | None = None
        self._made = True

    def __setattr__(self, name: str, value: Any) -> None:
        fixed = ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
        if self._made and name in fixed:
            raise ValueError(
                f"{name} attribute should not be set after {type(self).__name__} is initialized; "
                "make a new DataLoader"
            )
        object.__setattr__(self, name, value)

    @property
    def multiprocessing_context(self) -> BaseContext | None:
        """The context that worker processes are started by; None for the platform's."""
        return self._context

    @multiprocessing_context.setter
    def multiprocessing_context(self, context: str | BaseContext | None) -> None:
        self._context = None if context is None else _checked_context(context, self.num_workers)

    @property
    def _index_sampler(self) -> Any:
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        if not self.num_workers:
            return OwnIterator(self)
        if self.persistent_workers and self._iterator is not None and not self._iterator.closed:
            self._iterator.begin(self)
            return self._iterator
        iterator = WorkersIterator(self)
        if self.persistent_workers:
            self._iterator = iterator
        return iterator

    def __len__(self) -> int:
        """The number of batches; of an IterableDataset, by what its ``__len__`` says."""
        if not self._iterable:
            return len(self._index_sampler)
        self._counted = len(self.dataset)
        if self.batch_size is None:
            return self._counted
        return self._counted // self.batch_size if self.drop_last else -(-self._counted // self.batch_size)


class _Endless(Sampler[None]):
    """The indices of an IterableDataset, which needs none."""

    def __iter__(self) -> Iterator[None]:
        return repeat(None)


def _check_workers(
    num_workers: int, timeout: float, prefetch_factor: int | None, persistent: bool, method: str
) -> None:
    if num_workers < 0:
        raise ValueError(
            f"num_workers option should be non-negative, got {num_workers}; 0 loads in this process"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if prefetch_factor is not None:
        if not num_workers:
            raise ValueError("prefetch_factor option could only be specified with num_workers > 0")
        if prefetch_factor <= 0:
            raise ValueError(f"prefetch_factor option should be positive, got {prefetch_factor}")
    if persistent and not num_workers:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if method not in ("multiprocessing", "thread"):
        raise ValueError(f"worker_method should be 'multiprocessing' or 'thread', got {method!r}")


def _checked_context(context: Any, num_workers: int) -> BaseContext:
    import multiprocessing  # 10 ms

    if not num_workers:
        raise ValueError(
            "multiprocessing_context can only be used with multi-process loading (num_workers > 0), but got "
            "num_workers=0"
        )
    if isinstance(context, str):
        methods = multiprocessing.get_all_start_methods()
        if context not in methods:
            raise ValueError(
                f"multiprocessing_context option should specify a valid start method in {methods}, but got "
                f"multiprocessing_context={context!r}"
            )
        return multiprocessing.get_context(context)
    if not isinstance(context, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string specifying the "
            f"start method, but got multiprocessing_context={context}"
        )
    return context
