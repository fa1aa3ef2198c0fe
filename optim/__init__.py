"""Optimizers, as PyTorch names and defines them; learning rate schedules are in ``optim.lr_scheduler``."""

import importlib
import typing
from typing import Any

from autotape import left_out
from autotape.optim import lr_scheduler
from autotape.optim.adadelta import Adadelta
from autotape.optim.adafactor import Adafactor
from autotape.optim.adagrad import Adagrad
from autotape.optim.adam import Adam, AdamW
from autotape.optim.adamax import Adamax
from autotape.optim.asgd import ASGD
from autotape.optim.lbfgs import LBFGS
from autotape.optim.muon import Muon
from autotape.optim.nadam import NAdam
from autotape.optim.optimizer import Optimizer
from autotape.optim.radam import RAdam
from autotape.optim.rmsprop import RMSprop
from autotape.optim.rprop import Rprop
from autotape.optim.sgd import SGD

__all__ = [
    "ASGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "Rprop",
    "SGD",
    "lr_scheduler",
    "swa_utils",
]

if typing.TYPE_CHECKING:
    from autotape.optim import swa_utils


def __getattr__(name: str) -> Any:
    """``swa_utils``, which needs autotape.nn, on demand; the error for a name that is not there."""
    if name == "swa_utils":
        return importlib.import_module("autotape.optim.swa_utils")
    raise left_out.missing("optim", name, __all__)
