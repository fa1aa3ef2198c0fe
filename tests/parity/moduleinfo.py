"""PyTorch's own tables of modules and optimizers (``module_db``, ``optim_db``), run on both sides.

    python -m tests.parity.moduleinfo [--dtype D ...] NAME ...

prints each disagreement for the classes whose names match (shell patterns), and the counts.
"""

from __future__ import annotations

import argparse
import fnmatch
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.parity import opinfo
from tests.parity.opinfo import (
    Result,
    array_of,
    cotangent,
    disagreement,
    gradients_differ,
    outcome,
    torch,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    modules = pytest.importorskip("torch.testing._internal.common_modules")
    optimizers = pytest.importorskip("torch.testing._internal.common_optimizers")

MODULES: dict[str, Any] = {info.module_cls.__name__: info for info in modules.module_db}
OPTIMIZERS: dict[str, Any] = {info.optim_cls.__name__: info for info in optimizers.optim_db}
STEPS = 50


def module_checks(name: str, dtype: str) -> Iterator[Result]:
    """Every check of one module in one dtype: outputs, derivatives, state, errors."""
    info, cls = MODULES[name], getattr(at.nn, name, None)
    torch_dtype = getattr(torch, dtype)
    if cls is None:
        yield "output", f"{name}: autotape.nn has no such module"
        return
    if torch_dtype not in info.supported_dtypes("cpu"):
        return
    for training in (True, False) if info.train_and_eval_differ else (True,):
        torch.manual_seed(0)
        inputs = info.module_inputs_func(
            info, device="cpu", dtype=torch_dtype, requires_grad=dtype == "float64", training=training
        )
        for number, given in enumerate(inputs):
            where = f"{name} {dtype} {'train' if training else 'eval'} input {number} ({given.desc})"
            for kind, problem in _module_checks(info, cls, given, torch_dtype, training):
                yield kind, None if problem is None else f"{kind}: {where}: {problem}"
    if info.module_error_inputs_func is not None and dtype == "float64":
        for error in info.module_error_inputs_func(
            info, device="cpu", dtype=torch_dtype, requires_grad=False, training=True
        ):
            yield "error", _module_error(info, cls, error, torch_dtype)


def _build(cls: Any, given: Any, dtype: Any, theirs: bool) -> Any:
    arguments = given.constructor_input
    if theirs:
        return outcome(cls, *arguments.args, **arguments.kwargs)
    return outcome(cls, *convert(arguments.args, []), **convert(arguments.kwargs, []))


def _module_checks(info: Any, cls: Any, given: Any, dtype: Any, training: bool) -> Iterator[Result]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = _build(info.module_cls, given, dtype, True)
        if isinstance(theirs, Exception):
            return
        theirs.to(dtype).train(training)
        ours = _build(cls, given, dtype, False)
        if isinstance(ours, Exception):
            yield "output", f"constructor: {type(ours).__name__}: {ours!s:.250}"
            return
        ours = outcome(lambda: ours_of(ours, theirs, dtype, training))
        if isinstance(ours, Exception):
            yield "output", f"state: {type(ours).__name__}: {ours!s:.250}"
            return
        if not info.is_lazy:
            yield "state", _states_differ(ours, theirs)
        arguments = given.forward_input
        leaves: list[tuple[Any, Any]] = []
        args, kwargs = convert(arguments.args, leaves), convert(arguments.kwargs, leaves)
        drawn = training and _draws(theirs)
        torch.manual_seed(0)
        expected = outcome(theirs, *arguments.args, **arguments.kwargs)
        if isinstance(expected, Exception):
            return
        if info.is_lazy:
            outcome(ours, *args, **kwargs)
            copied = outcome(lambda: ours_of(ours, theirs, dtype, training))
            if isinstance(copied, Exception):
                yield "output", f"state after the first call: {type(copied).__name__}: {copied!s:.250}"
                return
        got = outcome(ours, *args, **kwargs)
        problem = disagreement(got, expected, values=not drawn)
        yield "output", problem
        if problem is None and not drawn and dtype == torch.float64:
            yield from _derivatives(info, ours, theirs, got, expected, leaves)


def ours_of(ours: Any, theirs: Any, dtype: Any, training: bool) -> Any:
    """Our module with the other's state, dtype and mode."""
    ours.to(getattr(at, str(dtype).removeprefix("torch."))).train(training)
    lazy = torch.nn.parameter.is_lazy
    if not any(lazy(p) for p in theirs.parameters()):
        ours.load_state_dict({k: at.from_numpy(array_of(v)) for k, v in theirs.state_dict().items()})
    return ours


def _draws(module: Any) -> bool:
    """Whether its output can't be compared in training: something is dropped at random."""
    return any("Dropout" in type(m).__name__ and m.p > 0 for m in module.modules()) or any(
        getattr(m, "dropout", 0) for m in module.modules() if isinstance(getattr(m, "dropout", 0), float)
    )


def _states_differ(ours: Any, theirs: Any) -> str | None:
    a, b = list(ours.state_dict()), list(theirs.state_dict())
    if a != b:
        return f"state_dict has {a} for {b}"
    if repr(ours) != repr(theirs):
        return f"repr {ours!r} for {theirs!r}"
    return None


def _derivatives(info: Any, ours: Any, theirs: Any, got: Any, expected: Any, leaves: Any) -> Iterator[Result]:
    ours_in = [a for a, b in leaves if b.requires_grad] + list(ours.parameters())
    theirs_in = [b for _, b in leaves if b.requires_grad] + list(theirs.parameters())
    names = [f"input {i}" for i, (_, b) in enumerate(leaves) if b.requires_grad]
    names += [n for n, _ in theirs.named_parameters()]
    outputs = [
        (a, b)
        for a, b in zip(_flat(got, at.Tensor), _flat(expected, torch.Tensor), strict=True)
        if b.requires_grad
    ]
    if not outputs or not theirs_in:
        return
    rng = np.random.default_rng(0)
    second = info.supports_gradgrad
    for order in ("grad", "gradgrad"):
        if not outputs:
            return
        seeds = [cotangent(rng, b) for _, b in outputs]
        wanted = outcome(
            torch.autograd.grad, [b for _, b in outputs], theirs_in, [torch.from_numpy(s) for s in seeds],
            create_graph=second, allow_unused=True,
        )  # fmt: skip
        if isinstance(wanted, Exception):
            return
        found: Any = [None] * len(ours_in)
        heads = [
            (a, s) for (a, _), s in zip(outputs, seeds, strict=True) if a is not None and a.requires_grad
        ]
        if heads:
            found = outcome(
                at.autograd.grad, [a for a, _ in heads], ours_in, [at.from_numpy(s) for _, s in heads],
                create_graph=second, allow_unused=True,
            )  # fmt: skip
        problem = gradients_differ(found, wanted, names, rtol=1e-9 if order == "grad" else 1e-8)
        yield order, problem
        if problem is not None or not second:
            return
        outputs = [(a, b) for a, b in zip(found, wanted, strict=True) if b is not None and b.requires_grad]


def _flat(value: Any, kind: type) -> list[Any]:
    if isinstance(value, kind):
        return [value]
    if isinstance(value, (tuple, list)):
        return [x for v in value for x in _flat(v, kind)]
    return []


def _module_error(info: Any, cls: Any, error: Any, dtype: Any) -> str | None:
    given = error.module_error_input
    theirs = _build(info.module_cls, given, dtype, True)
    ours = _build(cls, given, dtype, False)
    if isinstance(theirs, Exception):
        if isinstance(ours, Exception) and isinstance(ours, type(theirs)):
            return None
        name = info.module_cls.__name__
        return f"error: {name}: constructor: PyTorch raises {theirs!r:.150}, not {ours!r:.150}"
    if isinstance(ours, Exception):
        return f"error: {info.module_cls.__name__}: constructor: {ours!r:.200}"
    arguments = given.forward_input
    expected = outcome(theirs.to(dtype), *arguments.args, **arguments.kwargs)
    if not isinstance(expected, Exception):
        return None
    got = outcome(ours, *convert(arguments.args, []), **convert(arguments.kwargs, []))
    if isinstance(got, Exception) and isinstance(got, type(expected)):
        return None
    return f"error: {info.module_cls.__name__}: PyTorch raises {expected!r:.150}, not {got!r:.150}"


def convert(value: Any, leaves: list[tuple[Any, Any]] | None) -> Any:
    """As :func:`opinfo.convert`; also of functions and of the modules that others are made of."""
    if isinstance(value, (tuple, list)) and type(value) in (tuple, list):
        return type(value)(convert(v, leaves) for v in value)
    if isinstance(value, dict):
        return {k: convert(v, leaves) for k, v in value.items()}
    if callable(value) and getattr(value, "__module__", None) in ("torch.nn.functional", "torch._C._nn"):
        return getattr(at.nn.functional, value.__name__)
    if not isinstance(value, torch.nn.Module):
        return opinfo.convert(value, leaves)
    cls = getattr(at.nn, type(value).__name__)
    if isinstance(value, torch.nn.LayerNorm):
        return cls(value.normalized_shape, value.eps, value.elementwise_affine, value.bias is not None)
    return cls(
        value.self_attn.embed_dim, value.self_attn.num_heads, value.linear1.out_features, value.dropout.p,
        getattr(at.nn.functional, value.activation.__name__), value.norm1.eps, value.self_attn.batch_first,
        value.norm_first, value.linear1.bias is not None,
    )  # fmt: skip


# --- optimizers ---------------------------------------------------------------------------------------------


def optimizer_checks(name: str, dtype: str) -> Iterator[Result]:
    """50 steps with each set of options, both sides from the same start with the same gradients."""
    info, cls = OPTIMIZERS[name], getattr(at.optim, name, None)
    if cls is None:
        yield "steps", f"{name}: autotape.optim has no such optimizer"
        return
    for given in info.optim_inputs_func(device="cpu", dtype=getattr(torch, dtype)):
        problem = _steps_differ(info, cls, given, dtype)
        yield "steps", None if problem is None else f"steps: {name} {dtype} ({given.desc}): {problem}"
    if info.optim_error_inputs_func is not None and dtype == "float64":
        for error in info.optim_error_inputs_func("cpu", torch.float64):
            if error.error_on.value != 0:  # 0: in the constructor
                continue
            given = error.optimizer_error_input
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = outcome(info.optim_cls, given.params, **given.kwargs)
                got = outcome(cls, convert(given.params, []), **convert(given.kwargs, []))
            if isinstance(theirs, Exception):
                fine = isinstance(got, Exception) and isinstance(got, type(theirs))
                problem = None if fine else f"error: {name} {given.desc}: {theirs!r:.150}, not {got!r:.150}"
                yield "error", problem


def _steps_differ(info: Any, cls: Any, given: Any, dtype: str) -> str | None:
    rng = np.random.default_rng(0)
    shapes = [(4, 3), (5, 5)] if info.optim_cls.__name__ == "Muon" else [(4, 3), (5,), ()]
    starts = [np.asarray(rng.standard_normal(s), dtype) for s in shapes]
    targets = [np.asarray(rng.standard_normal(s), dtype) for s in shapes]
    theirs = [torch.tensor(a, requires_grad=True) for a in starts]
    ours = [at.tensor(a, requires_grad=True) for a in starts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = outcome(info.optim_cls, theirs, **given.kwargs)
        if isinstance(other, Exception):
            return None
        mine = outcome(cls, ours, **convert(given.kwargs, []))
        if isinstance(mine, Exception):
            return f"{type(mine).__name__}: {mine!s:.250}"
        for step in range(STEPS):
            for library, optimizer, parameters in ((torch, other, theirs), (at, mine, ours)):
                wanted = [library.tensor(t) for t in targets]

                def closure(
                    optimizer: Any = optimizer, parameters: Any = parameters, wanted: Any = wanted
                ) -> Any:
                    optimizer.zero_grad()
                    loss = sum(((p - t) ** 4).sum() for p, t in zip(parameters, wanted, strict=True))
                    loss.backward()
                    return loss

                error = outcome(lambda o=optimizer, c=closure: o.step(c))
                if isinstance(error, Exception):
                    return (
                        None if library is torch else f"step {step}: {type(error).__name__}: {error!s:.250}"
                    )
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            problem = disagreement(a, b)
            if problem is not None:
                return f"parameter {i}: {problem}"
    return None


def run(names: list[str], dtypes: list[str]) -> tuple[Counter[str], Counter[str], list[str]]:
    """All checks of modules and optimizers: how many of each kind, how many agree, what disagrees."""
    total: Counter[str] = Counter()
    agree: Counter[str] = Counter()
    problems: list[str] = []
    for name in names:
        for dtype in dtypes:
            checks = module_checks(name, dtype) if name in MODULES else optimizer_checks(name, dtype)
            for kind, problem in checks:
                total[kind] += 1
                agree[kind] += problem is None
                if problem is not None:
                    problems.append(problem)
    return total, agree, problems


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["*"])
    parser.add_argument("--dtype", action="append")
    parser.add_argument("--limit", type=int, default=5, help="problems shown per class")
    options = parser.parse_args()
    total: Counter[str] = Counter()
    agree: Counter[str] = Counter()
    for name in [*MODULES, *OPTIMIZERS]:
        if any(fnmatch.fnmatch(name, pattern) for pattern in options.names):
            counts, good, problems = run([name], options.dtype or ["float64", "float32"])
            total += counts
            agree += good
            for problem in problems[: options.limit]:
                print(problem)
    print(", ".join(f"{kind} {agree[kind]} of {total[kind]}" for kind in total))


if __name__ == "__main__":
    main()
