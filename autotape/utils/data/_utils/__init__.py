"""The parts of :class:`autotape.utils.data.DataLoader`, in the places where PyTorch has them."""

from autotape.utils.data._utils import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
