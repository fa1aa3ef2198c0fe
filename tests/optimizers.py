"""Every optimizer with options that reach each branch of its update."""

from __future__ import annotations

from typing import Any

import pytest

from autotape import optim

Options = dict[str, Any]

OPTIMIZERS: list[tuple[type[optim.Optimizer], Options]] = [
    (optim.SGD, {"lr": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.8, "dampening": 0.4, "maximize": True}),
    (optim.SGD, {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    (optim.Adam, {"lr": 0.01}),
    (optim.Adam, {"lr": 0.05, "betas": (0.5, 0.8), "eps": 1e-3, "weight_decay": 0.1, "amsgrad": True}),
    (optim.AdamW, {"lr": 0.05, "weight_decay": 0.5}),
    (optim.AdamW, {"lr": 0.05, "amsgrad": True, "maximize": True}),
    (optim.RMSprop, {"lr": 0.01}),
    (optim.RMSprop, {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "momentum": 0.5, "weight_decay": 0.1}),
    (optim.RMSprop, {"lr": 0.02, "alpha": 0.9, "centered": True, "momentum": 0.5, "maximize": True}),
]
IDS = [f"{kind.__name__}-{'-'.join(f'{k}={v}' for k, v in options.items())}" for kind, options in OPTIMIZERS]
every_optimizer = pytest.mark.parametrize(("kind", "options"), OPTIMIZERS, ids=IDS)
