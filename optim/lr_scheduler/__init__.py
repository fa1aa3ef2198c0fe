"""Learning rate schedules: each sets ``lr`` of the optimizer's parameter groups when ``step()`` is called."""

from autotape.optim.lr_scheduler.base import LRScheduler
from autotape.optim.lr_scheduler.combined import ChainedScheduler, SequentialLR
from autotape.optim.lr_scheduler.cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from autotape.optim.lr_scheduler.cyclic import CyclicLR, OneCycleLR
from autotape.optim.lr_scheduler.decays import (
    ConstantLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from autotape.optim.lr_scheduler.functions import LambdaLR, MultiplicativeLR
from autotape.optim.lr_scheduler.plateau import ReduceLROnPlateau

_LRScheduler = LRScheduler  # its name before PyTorch 2.0

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]
