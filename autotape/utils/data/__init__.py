"""Data sets, samplers and loaders: :class:`DataLoader` and what it takes, as in PyTorch. See docs/data.md."""

from __future__ import annotations

from typing import Any

from autotape.utils.data._utils.collate import default_collate, default_convert
from autotape.utils.data._utils.worker import get_worker_info
from autotape.utils.data.dataloader import DataLoader
from autotape.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from autotape.utils.data.distributed import DistributedSampler
from autotape.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]


def __getattr__(name: str) -> Any:
    from autotape.left_out import missing

    raise missing("utils.data", name, __all__)
