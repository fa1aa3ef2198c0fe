"""Pruning gives PyTorch's masks, values, names and errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import autotape
from tests.parity.module_pairs import compare, linear_pair, text, train

PRUNING: dict[str, Callable[[Any, Any], Any]] = {
    "identity": lambda p, net: p.identity(net, "weight"),
    "l1 share": lambda p, net: p.l1_unstructured(net, "weight", 0.4),
    "l1 number": lambda p, net: p.l1_unstructured(net, "bias", amount=1),
    "l1 none": lambda p, net: p.l1_unstructured(net, "weight", 0),
    "l1 all": lambda p, net: p.l1_unstructured(net, "weight", 1.0),
    "l1 by scores": lambda p, net: p.l1_unstructured(net, "weight", 3, importance_scores=1 / net.weight),
    "l1 twice": lambda p, net: p.l1_unstructured(p.l1_unstructured(net, "weight", 0.3), "weight", 0.5),
    "ln rows": lambda p, net: p.ln_structured(net, "weight", 0.5, n=2, dim=0),
    "ln columns": lambda p, net: p.ln_structured(net, "weight", 1, n=float("inf"), dim=-1),
    "ln of rows, then columns, then l1": lambda p, net: p.l1_unstructured(
        p.ln_structured(p.ln_structured(net, "weight", 1, 1, 0), "weight", 2, 2, 1), "weight", 1
    ),
    "random all": lambda p, net: p.random_unstructured(net, "weight", 1.0),
    "random none": lambda p, net: p.random_structured(net, "weight", 0, 1),
}


@pytest.mark.parametrize("case", PRUNING)
def test_pruning(case: str) -> None:
    def run(m: Any, layer: Any) -> Any:
        p = m.nn.utils.prune
        net = PRUNING[case](p, layer)
        before = list(net.state_dict()), [n for n, _ in net.named_parameters()], p.is_pruned(net)
        result = train(m, net)
        name = "bias" if hasattr(net, "bias_mask") else "weight"
        p.remove(net, name)
        return before, result, p.is_pruned(net), net.weight, net.bias, list(net.state_dict())

    compare(run, linear_pair(4, 3))


def test_global_pruning_and_masks() -> None:
    def run(m: Any, layer: Any) -> Any:
        p = m.nn.utils.prune
        net = m.nn.Sequential(layer, m.nn.Linear(4, 3, dtype=m.float64))
        net[1].load_state_dict({k: v**2 + 0.1 for k, v in layer.state_dict().items()})
        pairs = [(net[0], "weight"), (net[1], "bias"), (net[0], "bias")]
        p.global_unstructured(pairs, p.L1Unstructured, amount=0.3)
        first = dict(net.state_dict())
        p.global_unstructured(pairs, p.L1Unstructured, {pairs[0]: -1 / net[0].weight_orig}, amount=3)
        p.custom_from_mask(net[1], "weight", m.eye(3, 4))
        kinds = [type(h.function if m is autotape else h).__name__ for h in hooks(net[0])]
        return first, net.state_dict(), kinds

    compare(run, linear_pair(4, 3))


def hooks(module: Any) -> Any:
    found = module._forward_pre_hooks
    return found.values() if hasattr(found, "values") else found


ERRORS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "amount": lambda m, p, net: p.l1_unstructured(net, "weight", 1.5),
    "negative": lambda m, p, net: p.l1_unstructured(net, "weight", -1),
    "text": lambda m, p, net: p.l1_unstructured(net, "weight", "a"),
    "too many": lambda m, p, net: p.l1_unstructured(net, "weight", 13),
    "afterwards as before": lambda m, p, net: [
        attempt(lambda: p.l1_unstructured(net, "weight", 13)),
        sorted(net.state_dict()),
    ],
    "vector": lambda m, p, net: p.ln_structured(net, "bias", 1, 2, 0),
    "dim": lambda m, p, net: p.ln_structured(net, "weight", 1, 2, 2),
    "not pruned": lambda m, p, net: p.remove(net, "weight"),
    "no such name": lambda m, p, net: p.identity(net, "nothing"),
    "global structured": lambda m, p, net: p.global_unstructured(
        [(net, "weight")], p.LnStructured, amount=1, n=2
    ),
    "not iterable": lambda m, p, net: p.global_unstructured(3, p.L1Unstructured, amount=1),
    "scores": lambda m, p, net: p.global_unstructured([(net, "weight")], p.L1Unstructured, 3, amount=1),
    "container": lambda m, p, net: p.PruningContainer().add_pruning_method(3),
    "prune": lambda m, p, net: p.L1Unstructured(2).prune(m.tensor([3.0, -1.0, 2.0])).tolist(),
    "prune by scores": lambda m, p, net: (
        p.LnStructured(1, 1, 0)
        .prune(m.eye(2), importance_scores=m.ones(2, 2) * m.tensor([[1.0], [2.0]]))
        .tolist()
    ),
    "wrong scores": lambda m, p, net: p.L1Unstructured(2).prune(m.ones(3), importance_scores=m.ones(2)),
}


def attempt(run: Callable[[], Any]) -> str:
    try:
        run()
    except Exception as error:
        return type(error).__name__
    return "nothing"


@pytest.mark.parametrize("case", ERRORS)
def test_pruning_says_the_same(case: str) -> None:
    ours, theirs = text(lambda m: ERRORS[case](m, m.nn.utils.prune, m.nn.Linear(4, 3)))
    assert ours == theirs
