"""The autograd API beside PyTorch: the same program in both, line by line the same numbers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autotape as at
from tests.parity.programs import compare, leaf, outcome, plain, programs_in

torch = pytest.importorskip("torch", reason="PyTorch is not importable: install the extra 'parity'")


# Each takes the library as `t` and returns what is compared.


def accumulation(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    (x * x).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    return x.grad, x.grad is first, first


def accumulation_into_an_assigned_grad(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    x.grad = g = t.tensor(np.array([10.0, 20.0]))
    (x * x).sum().backward()
    return x.grad, x.grad is g


def accumulation_with_create_graph(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    (x * x * x).sum().backward()
    first = x.grad
    (x * x * x).sum().backward(create_graph=True)
    return x.grad, x.grad is first, x.grad.requires_grad


def grads_of_a_sum_are_separate(t: Any) -> Any:
    a, b = leaf(t, 1.0), leaf(t, 2.0)
    seed = t.tensor(np.array([1.0]))
    (a + b).backward(seed, create_graph=True)
    separate = len({g.data_ptr() if t is torch else g._array.ctypes.data for g in (a.grad, b.grad, seed)})
    return a.grad, b.grad, a.grad is b.grad, separate


def unused_leaf(t: Any) -> Any:
    x, w = leaf(t, 1.0), leaf(t, 2.0)
    (x * 2).backward()
    return x.grad, w.grad


def hooks_order_and_replacement(t: Any) -> Any:
    x, seen = leaf(t, 1.0, 2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(plain(g)))
    y.register_hook(lambda g: g * 10)
    y.register_hook(lambda g: seen.append(plain(g)))
    x.register_hook(lambda g: seen.append(plain(g)))
    x.register_hook(lambda g: g + 1)
    (y * y).sum().backward()
    return seen, x.grad


def hooks_and_grad_mode(t: Any) -> Any:
    x, seen = leaf(t, 2.0), []
    x.register_hook(lambda g: seen.append((t.is_grad_enabled(), g.requires_grad)))
    x.register_post_accumulate_grad_hook(lambda p: seen.append((t.is_grad_enabled(), p.grad)))
    (x * x).backward()
    t.autograd.grad(x * x, x, create_graph=True)
    (x * x).backward(create_graph=True)
    return seen


def hook_removed(t: Any) -> Any:
    x, seen = leaf(t, 1.0), []
    handle = x.register_hook(lambda g: seen.append(1))
    x.register_hook(lambda g: seen.append(2))
    (x * 1).backward()
    handle.remove()
    handle.remove()
    (x * 1).backward()
    return seen


def hook_with_grad(t: Any) -> Any:
    x, seen = leaf(t, 1.0, 2.0), []
    x.register_hook(lambda g: g * 100)
    x.register_post_accumulate_grad_hook(lambda p: seen.append("post"))
    return t.autograd.grad((x * x).sum(), x), x.grad, seen


def hook_on_the_only_captured_intermediate(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    y = x * 2
    y.register_hook(lambda g: g * 10)
    return t.autograd.grad((y * y).sum(), y)


def hook_before_and_after_in_place(t: Any) -> Any:
    x, seen = leaf(t, 1.0, 2.0), []
    y = x * 2
    y.register_hook(lambda g: seen.append(("before", plain(g))))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("after", plain(g))))
    (y * y).sum().backward()
    return seen


def hook_in_second_derivative(t: Any) -> Any:
    x = leaf(t, 3.0)
    y = x * x
    y.register_hook(lambda g: g * g)
    (g,) = t.autograd.grad(y * y, x, create_graph=True)
    return g, t.autograd.grad(g, x)


def hook_changes_shape(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    x.register_hook(lambda g: g[:1])
    (x * x).sum().backward()


def hook_changes_dtype(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    x.register_hook(lambda g: t.tensor(plain(g), dtype=t.float32))
    (x * x).sum().backward()


def hook_returns_a_number(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    x.register_hook(lambda g: 3)
    (x * x).sum().backward()


def hook_on_a_constant(t: Any) -> Any:
    t.ones(2).register_hook(lambda g: g)


def retain_grad(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: g * 10)
    z = (y * y).sum()
    z.backward(retain_graph=True)
    first = plain(y.grad)
    z.backward()
    return first, y.grad, y.retains_grad, x.retains_grad, y.is_leaf


def retain_grad_through_in_place(t: Any) -> Any:
    y = leaf(t, 1.0, 2.0) * 2
    y.retain_grad()
    y.mul_(3)
    (y * y).sum().backward()
    return y.retains_grad, y.grad


def retain_grad_of_a_constant(t: Any) -> Any:
    t.ones(2).retain_grad()


def post_accumulate_hooks(t: Any) -> Any:
    x, seen = leaf(t, 1.0, 2.0), []
    handle = x.register_post_accumulate_grad_hook(lambda p: seen.append((p is x, plain(p.grad))))
    (x * 2).sum().backward()
    (x * 2).sum().backward()
    handle.remove()
    (x * 2).sum().backward()
    return seen


def post_accumulate_hook_on_a_non_leaf(t: Any) -> Any:
    (leaf(t, 1.0) * 2).register_post_accumulate_grad_hook(lambda p: None)


def backward_twice(t: Any) -> Any:
    x = leaf(t, 1.0)
    y = x * x
    y.backward()
    y.backward()


def backward_without_seed(t: Any) -> Any:
    (leaf(t, 1.0, 2.0) * 2).backward()


def backward_without_graph(t: Any) -> Any:
    t.ones(()).backward()


def backward_with_a_wrong_seed(t: Any) -> Any:
    (leaf(t, 1.0, 2.0) * 2).backward(t.ones(3))


def backward_with_a_number_as_seed(t: Any) -> Any:
    (leaf(t, 1.0, 2.0) * 2).backward(2.0)


def backward_of_a_leaf(t: Any) -> Any:
    x, w = leaf(t, 3.0), leaf(t, 1.0)
    x.backward()
    x.backward(inputs=[w])
    return x.grad, w.grad


def backward_several(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    t.autograd.backward([(x * x).sum(), x * 1], [None, t.tensor(np.array([1.0, 10.0]))])
    return x.grad


def backward_into_inputs(t: Any) -> Any:
    x, w = leaf(t, 1.0, 2.0), leaf(t, 3.0, 4.0)
    y = x * w
    (y * y).sum().backward(inputs=[x, y])
    return x.grad, w.grad, y.grad


def backward_into_no_inputs(t: Any) -> Any:
    (leaf(t, 1.0) * 2).backward(inputs=[])


def chain_rule_by_hand(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    y = x * x
    (g,) = t.autograd.grad((y * y).sum(), y)
    y.backward(g)
    return x.grad


def grad_basic(t: Any) -> Any:
    x, w = leaf(t, 1.0, 2.0), leaf(t, 3.0)
    return t.autograd.grad([(x * w).sum(), x * 2], [x, w], [None, t.tensor(np.array([1.0, 10.0]))]), x.grad


def grad_unused(t: Any) -> Any:
    x, w = leaf(t, 1.0), leaf(t, 2.0)
    t.autograd.grad(x * 2, [x, w])


def grad_unused_allowed(t: Any) -> Any:
    x, w = leaf(t, 1.0), leaf(t, 2.0, 3.0)
    y = x * 2
    return (
        t.autograd.grad(y, [x, w], allow_unused=True, retain_graph=True),
        t.autograd.grad(y, [x, w], materialize_grads=True),
    )


def grad_materialize_and_not_unused(t: Any) -> Any:
    t.autograd.grad(leaf(t, 1.0) * 2, [leaf(t, 1.0)], materialize_grads=True, allow_unused=False)


def grad_no_inputs(t: Any) -> Any:
    t.autograd.grad(leaf(t, 1.0) * 2, [])


def grad_input_without_grad(t: Any) -> Any:
    t.autograd.grad(leaf(t, 1.0) * 2, t.ones(1))


def grad_number_as_output(t: Any) -> Any:
    t.autograd.grad(3, [leaf(t, 1.0)])


def grad_by_itself_and_twice(t: Any) -> Any:
    x = leaf(t, 2.0)
    y = x * x
    return t.autograd.grad([y, y], [y, x, x])


def grad_dict(t: Any) -> Any:
    x, w = leaf(t, 1.0), leaf(t, 2.0)
    return t.autograd.grad(x * w, {"x": x, "w": w})


def grad_under_no_grad(t: Any) -> Any:
    x = leaf(t, 3.0)
    y = x * x * x
    with t.no_grad():
        (a,) = t.autograd.grad(y, x, retain_graph=True)
        (b,) = t.autograd.grad(y, x, create_graph=True)
    return a, a.requires_grad, b, b.requires_grad, t.autograd.grad(b, x)


def grad_batched(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    rows = t.tensor(np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 5.0]]))
    (g,) = t.autograd.grad(x * x * x, x, rows, is_grads_batched=True, create_graph=True)
    return g, t.autograd.grad(g.sum(), x)


def grad_batched_wrong_shape(t: Any) -> Any:
    t.autograd.grad(leaf(t, 1.0, 2.0) * 2, [leaf(t, 1.0)], t.ones(2), is_grads_batched=True)


def grad_batched_different_sizes(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    t.autograd.grad([x * 2, x * 3], x, [t.ones(2, 2), t.ones(3, 2)], is_grads_batched=True)


def higher_orders(t: Any) -> Any:
    x = leaf(t, 0.5)
    y, found = x * x * x * x * x, []
    for _ in range(4):
        (y,) = t.autograd.grad(y.sum(), x, create_graph=True)
        found.append(y)
    return found


def variable(t: Any) -> Any:
    x = t.ones(2)
    v = t.autograd.Variable(x, requires_grad=True)
    return v is x, v.requires_grad, x.requires_grad, isinstance(x, t.autograd.Variable)


def variable_of_a_list(t: Any) -> Any:
    t.autograd.Variable([1.0])


def anomaly(t: Any) -> Any:
    x = leaf(t, 0.0)
    with t.autograd.detect_anomaly():
        (x / x).backward()


def functional(t: Any) -> Any:
    F = t.autograd.functional  # noqa: N806
    x, y = t.tensor(np.array([1.0, 2.0])), t.tensor(np.array([3.0, -1.0]))
    u, v = t.tensor(np.array([1.0, 10.0])), t.tensor(np.array([100.0, 2.0]))

    def f(x: Any, y: Any) -> Any:
        return x * x * y, (x * y).sum()

    def g(x: Any, y: Any) -> Any:
        return (x * x * x * y * y).sum()

    return [
        F.jacobian(f, (x, y)),
        F.jacobian(f, (x, y), vectorize=True),
        F.jacobian(lambda x: x * x, x),
        F.hessian(g, (x, y)),
        F.hessian(lambda x: g(x, y), x),
        F.vjp(f, (x, y), (u, t.tensor(np.array(5.0)))),
        F.jvp(f, (x, y), (u, v)),
        F.hvp(g, (x, y), (u, v)),
        F.vhp(g, (x, y), (u, v)),
    ]


PROGRAMS = programs_in(globals())


@pytest.mark.parametrize("program", PROGRAMS, ids=[p.__name__ for p in PROGRAMS])
def test_programs(program: Any) -> None:
    compare(program, torch)


CHECKS: dict[str, Callable[[Any], Any]] = {
    "right": lambda t: t.autograd.gradcheck(lambda x: x * x, leaf(t, 1.0, 2.0)),
    "wrong": lambda t: t.autograd.gradcheck(lambda x: x * x.detach(), leaf(t, 1.0, 2.0)),
    "wrong, quiet": lambda t: t.autograd.gradcheck(
        lambda x: x * x.detach(), leaf(t, 1.0), raise_exception=False
    ),
    "nothing to check": lambda t: t.autograd.gradcheck(lambda x: x * x, t.ones(2)),
    "nan": lambda t: t.autograd.gradcheck(lambda x: x * float("nan"), leaf(t, 1.0)),
    "detached": lambda t: t.autograd.gradcheck(lambda x: x.detach() * 2, leaf(t, 1.0)),
    "expanded": lambda t: t.autograd.gradcheck(lambda x: x * 2, leaf(t, 1.0).expand(3)),
    "empty": lambda t: t.autograd.gradcheck(
        lambda x: x * 2, t.zeros(0, 2, dtype=t.float64, requires_grad=True)
    ),
    "complex": lambda t: t.autograd.gradcheck(
        lambda x: x * x, t.tensor(np.array([1 + 2j]), requires_grad=True)
    ),
    "fast": lambda t: t.autograd.gradcheck(lambda x: x * x, leaf(t, 1.0, 2.0), fast_mode=True),
    "fast, wrong": lambda t: t.autograd.gradcheck(
        lambda x: x * x.detach(), leaf(t, 1.0, 2.0), fast_mode=True
    ),
    "neither mode": lambda t: t.autograd.gradcheck(lambda x: x * x, leaf(t, 1.0), check_backward_ad=False),
    "second": lambda t: t.autograd.gradgradcheck(lambda x: x * x * x, leaf(t, 1.0, 2.0)),
    "second, wrong": lambda t: t.autograd.gradgradcheck(lambda x: x * x * x.detach(), leaf(t, 1.0, 2.0)),
    "second, linear": lambda t: t.autograd.gradgradcheck(lambda x: x * 2, leaf(t, 1.0, 2.0)),
}


@pytest.mark.parametrize("name", CHECKS)
def test_gradcheck_verdicts(name: str) -> None:
    ours, theirs = outcome(CHECKS[name], at), outcome(CHECKS[name], torch)
    assert ours == theirs


@pytest.mark.parametrize(
    "name",
    [
        "grad",
        "backward",
        "gradcheck",
        "gradgradcheck",
        "functional.jacobian",
        "functional.hessian",
        "functional.vjp",
        "functional.jvp",
        "functional.hvp",
        "functional.vhp",
    ],
)
def test_signatures(name: str) -> None:
    ours, theirs = at.autograd, torch.autograd
    for part in name.split("."):
        ours, theirs = getattr(ours, part), getattr(theirs, part)
    a, b = inspect.signature(ours), inspect.signature(theirs)
    assert [(p.name, p.kind, p.default) for p in a.parameters.values()] == [
        (p.name, p.kind, p.default) for p in b.parameters.values()
    ]


def test_public_names_exist_in_pytorch() -> None:
    missing = [n for n in at.autograd.__all__ if not hasattr(torch.autograd, n)]
    assert missing == ["GradcheckError", "leaks"]  # the first is in torch.autograd.gradcheck there


# --- the graph, checkpoints and forward mode ----------------------------------------------------------------


def node_of(t: Any) -> Any:
    x = leaf(t, 1.0, 2.0)
    y = x * 2
    node, seen = y.grad_fn, []
    node.register_hook(lambda i, o: (seen.append((plain(i[0]), i[1], plain(o[0]))), (i[0] * 10, None))[1])
    node.register_prehook(lambda o: (seen.append(plain(o[0])), (o[0] * 3,))[1])
    y.retain_grad()
    y.sum().backward()
    a, b = x.unbind(0)
    names = [node.name(), b.grad_fn.name()]
    same = node.next_functions[0][0].variable is x
    return seen, x.grad, y.grad, names, same, node.next_functions[1], a.output_nr, b.output_nr, node.metadata


def several_gradients(t: Any) -> Any:
    seen: list[Any] = []
    register = t.autograd.graph.register_multi_grad_hook
    for mode in ("all", "any"):
        a, b = leaf(t, 2.0), leaf(t, 3.0)
        c = a * b
        note = [
            lambda g: seen.append([None if x is None else plain(x) for x in g]),
            lambda g: seen.append(plain(g)),
        ]
        register((a, b, c), note[mode == "any"], mode=mode)
        c.sum().backward()
        (a * 5).sum().backward()
    return seen


def recomputed(t: Any) -> Any:
    from importlib import import_module

    checkpoint = import_module(f"{t.__name__}.utils.checkpoint").checkpoint
    results = []
    for reentrant in (False, True):
        x, calls = leaf(t, 1.0, 2.0), [0]

        def f(v: Any, calls: list[int] = calls) -> Any:
            calls[0] += 1
            y = v.sin() * 1
            return y.mul_(v).exp()

        y = checkpoint(f, x, use_reentrant=reentrant)
        y.sum().backward(retain_graph=True)
        y.sum().backward()
        results.append((y, x.grad, calls[0]))
    return results


def tangents(t: Any) -> Any:
    forward = t.autograd.forward_ad
    x, v, w = leaf(t, 1.0, 2.0), leaf(t, 3.0, 4.0), leaf(t, 5.0, 6.0)
    with forward.dual_level():
        d = forward.make_dual(x.detach(), v.detach())
        one = forward.unpack_dual((d * w).sin() * d)
        two = forward.unpack_dual(d.exp())
        (g,) = t.autograd.grad(one.tangent.sum(), w)
        none = forward.unpack_dual(w * 2).tangent
    return one.primal, one.tangent, one.tangent.requires_grad, two, two.tangent.requires_grad, g, none


@pytest.mark.parametrize("program", [node_of, several_gradients, recomputed, tangents])
def test_graph_checkpoint_and_forward_mode(program: Callable[[Any], Any]) -> None:
    compare(program, torch)
