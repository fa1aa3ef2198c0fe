"""Optimizers, as PyTorch names and defines them; learning rate schedules are in ``optim.lr_scheduler``."""

from autotape.optim import lr_scheduler
from autotape.optim.adam import Adam, AdamW
from autotape.optim.optimizer import Optimizer
from autotape.optim.rmsprop import RMSprop
from autotape.optim.sgd import SGD

__all__ = ["Adam", "AdamW", "Optimizer", "RMSprop", "SGD", "lr_scheduler"]
