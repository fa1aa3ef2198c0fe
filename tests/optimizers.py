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
    (optim.Adagrad, {"lr": 0.1}),
    (optim.Adagrad, {"lr": 0.2, "lr_decay": 0.01, "weight_decay": 0.1, "initial_accumulator_value": 0.5}),
    (optim.Adagrad, {"lr": 0.1, "eps": 0.1, "maximize": True}),
    (optim.Adadelta, {"lr": 1.0, "eps": 1e-3}),
    (optim.Adadelta, {"lr": 0.5, "rho": 0.8, "eps": 1e-2, "weight_decay": 0.1, "maximize": True}),
    (optim.Adamax, {"lr": 0.01}),
    (optim.Adamax, {"lr": 0.05, "betas": (0.5, 0.8), "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    (optim.NAdam, {"lr": 0.01}),
    (optim.NAdam, {"lr": 0.05, "betas": (0.5, 0.8), "weight_decay": 0.1, "momentum_decay": 0.01}),
    (optim.NAdam, {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    (optim.RAdam, {"lr": 0.01}),
    (optim.RAdam, {"lr": 0.05, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (optim.RAdam, {"lr": 0.02, "weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True}),
    (optim.ASGD, {"lr": 0.1}),
    (optim.ASGD, {"lr": 0.1, "lambd": 0.01, "alpha": 0.5, "t0": 5, "weight_decay": 0.1, "maximize": True}),
    (optim.Rprop, {"lr": 0.01}),
    (optim.Rprop, {"lr": 0.02, "etas": (0.4, 1.5), "step_sizes": (1e-4, 0.1), "maximize": True}),
    (optim.Adafactor, {"lr": 0.05}),
    (optim.Adafactor, {"lr": 0.1, "beta2_decay": -0.5, "eps": (1e-3, 0.1), "d": 2.0, "weight_decay": 0.1}),
    (optim.Adafactor, {"lr": 0.05, "maximize": True}),
]
MATRICES: list[tuple[type[optim.Optimizer], Options]] = [  # for parameters of two dimensions alone
    (optim.Muon, {"lr": 0.02}),
    (optim.Muon, {"lr": 0.02, "nesterov": False, "momentum": 0.8, "adjust_lr_fn": "match_rms_adamw"}),
]
MINIMIZERS: list[tuple[type[optim.Optimizer], Options]] = [  # whose step calls the closure itself
    (optim.LBFGS, {"lr": 0.5, "max_iter": 4}),
    (optim.LBFGS, {"max_iter": 3, "history_size": 2, "line_search_fn": "strong_wolfe"}),
]


def _marks(table: list[tuple[type[optim.Optimizer], Options]]) -> pytest.MarkDecorator:
    names = [f"{kind.__name__}-{'-'.join(f'{k}={v}' for k, v in options.items())}" for kind, options in table]
    return pytest.mark.parametrize(("kind", "options"), table, ids=names)


every_optimizer = _marks(OPTIMIZERS)
really_every_optimizer = _marks([*OPTIMIZERS, *MATRICES, *MINIMIZERS])
