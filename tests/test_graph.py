"""autograd.graph: nodes, edges, hooks on saved tensors and on several gradients."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest

import autotape as at
from autotape.autograd import graph
from tests.tape_tools import Cube, SumAndProduct, leaf


def packed_gradients(program: Any) -> list[Any]:
    """The gradients of a program of two leaves, with copies as saved tensors."""
    x, y = leaf(0.5, 1.5), leaf(2.0, 3.0)
    with graph.saved_tensors_hooks(lambda t: t._array.copy(), at.from_numpy):
        result = program(x, y)
    assert sum(e.nbytes for e in at.current_tape()) <= 32  # numbers only
    return [
        g.tolist() for g in at.autograd.grad(result.sum(), [x, y], allow_unused=True, materialize_grads=True)
    ]


PROGRAMS = [
    lambda x, y: x * y + x.exp(),
    lambda x, y: (x @ y) * x,
    lambda x, y: Cube.apply(x * y),
    lambda x, y: sum(SumAndProduct.apply(x, y)),
    lambda x, y: (x * 1).mul_(y).exp_() * y,
    lambda x, y: at.stack([x, y]).sort(0)[0] * x[[1, 0]],
    lambda x, y: at.where(x > 1, x * y, y.log()).cumprod(0),
    lambda x, y: at.nn.functional.linear(at.stack([x, y]), at.stack([y, x]), x).softmax(-1),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_packing_changes_no_gradient(program: Any) -> None:
    x, y = leaf(0.5, 1.5), leaf(2.0, 3.0)
    plain = at.autograd.grad(program(x, y).sum(), [x, y], allow_unused=True, materialize_grads=True)
    assert packed_gradients(program) == [g.tolist() for g in plain]


def test_second_derivatives_through_packed_tensors() -> None:
    x = leaf(1.0, 2.0)
    with graph.save_on_cpu():
        y = (x * x * x).sum()
    (g,) = at.autograd.grad(y, x, create_graph=True)
    (h,) = at.autograd.grad(g.sum(), x)
    assert h.tolist() == [6.0, 12.0]


def test_hooks_run_without_recording_and_see_the_tensors() -> None:
    seen: list[Any] = []
    x = leaf(1.0, 2.0)

    def pack(t: at.Tensor) -> at.Tensor:
        seen.append((t.tolist(), at.is_grad_enabled()))
        return t

    with graph.saved_tensors_hooks(pack, lambda t: t):
        y = x.exp()
    assert seen == [(y.tolist(), False)]


def test_innermost_pair_counts_and_the_end_of_the_block_ends_it() -> None:
    seen: list[str] = []
    x = leaf(1.0)

    def pair(name: str) -> Any:
        return graph.saved_tensors_hooks(lambda t: (seen.append(name), t)[1], lambda t: t)

    with pair("outer"):
        x.exp()
        with pair("inner"):
            x.exp()
        x.exp()
    x.exp()
    assert seen == ["outer", "inner", "outer"]
    assert at.Tape._detailed == 0


def test_hooks_belong_to_their_thread() -> None:
    seen: list[Any] = []
    with graph.saved_tensors_hooks(lambda t: (seen.append(t), t)[1], lambda t: t):
        thread = threading.Thread(target=lambda: leaf(1.0).exp())
        thread.start()
        thread.join()
    assert seen == []


def test_unpacked_once_per_backward_and_released() -> None:
    count = [0]

    def unpack(value: Any) -> at.Tensor:
        count[0] += 1
        return value

    x = leaf(1.0)
    with graph.saved_tensors_hooks(lambda t: t.detach(), unpack):
        y = x.exp()
    y.backward(retain_graph=True)
    y.backward()
    assert count == [2]
    with pytest.raises(RuntimeError, match="second time"):
        y.backward()


def test_a_saved_tensor_that_changed_is_an_error_not_a_wrong_gradient() -> None:
    x = leaf(1.0, 2.0)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = x * 1
        z = (y * y).sum()
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*add_"):
        z.backward()


def test_what_an_in_place_operation_saves_of_itself_is_kept() -> None:
    """PyTorch packs a clone there; here the value is packed again before it is overwritten."""
    x = leaf(3.0)
    with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
        y = (x * 1).mul_(x)
    y.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [6.0]


def test_errors_of_hooks() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(TypeError, match="pack_hook must be callable"):
        graph.saved_tensors_hooks(1, lambda t: t)  # type: ignore[arg-type]
    with (
        graph.saved_tensors_hooks(lambda t: t.add_(1), lambda t: t),
        pytest.raises(RuntimeError, match="modifying its input in place"),
    ):
        (x * 1).exp()
    for unpack, kind, message in (
        (lambda t: 3, TypeError, "expected to be a Tensor but got result of type int"),
        (lambda t: t[:1], RuntimeError, "has the shape"),
    ):
        with graph.saved_tensors_hooks(lambda t: t.detach(), unpack):
            y = x.exp().sum()
        with pytest.raises(kind, match=message):
            y.backward()
    assert x.grad is None
    with (
        graph.disable_saved_tensors_hooks("not here"),
        pytest.raises(RuntimeError, match="not here"),
        graph.save_on_cpu(),
    ):
        pass
    with (
        graph.save_on_cpu(),
        pytest.raises(RuntimeError, match="nor here"),
        graph.disable_saved_tensors_hooks("nor here"),
    ):
        pass
    assert at.Tape._detailed == 0


def test_mutation_allowed() -> None:
    x = leaf(1.0, 2.0)
    with graph.allow_mutation_on_saved_tensors():
        y = x * 1
        z = (y * y).sum()
        y.add_(10)
        z.backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 4.0]


def test_increment_version() -> None:
    x = leaf(1.0)
    y = x.exp()
    z = y * y
    graph.increment_version([y])
    assert y._version == 1
    with pytest.raises(RuntimeError, match="increment_version"):
        z.backward()


# --- nodes --------------------------------------------------------------------------------------------------


def test_node() -> None:
    x = leaf(1.0, 2.0)
    node = (x * 2).grad_fn
    assert isinstance(node, graph.Node)
    assert node.name() == "MulBackward0"
    (first, number), none = node.next_functions
    assert (first.name(), number, none) == ("AccumulateGrad", 0, (None, 0))
    assert isinstance(first, graph.Node)
    assert first.variable is x
    node.metadata["note"] = 1
    assert node.metadata == {"note": 1}
    assert first.metadata == {}


def test_node_of_several_outputs() -> None:
    x = leaf(1.0, 2.0)
    a, b = x.unbind(0)
    assert [a.output_nr, b.output_nr] == [0, 1]
    assert b.grad_fn.name() == "UnbindBackward0"
    assert b.grad_fn.next_functions[0][0].variable is x
    assert (b * 2).grad_fn.next_functions[0] == (b.grad_fn, 1)


def test_hooks_of_a_node() -> None:
    seen: list[Any] = []
    x = leaf(1.0, 2.0)
    y = x * 2
    handle = y.grad_fn.register_hook(
        lambda i, o: (seen.append(("post", i[0].tolist(), i[1], o[0].tolist())), (i[0] * 10, None))[1]
    )
    before = y.grad_fn.register_prehook(lambda o: (seen.append(("pre", o[0].tolist())), (o[0] * 3,))[1])
    assert y.grad_fn.name() == "MulBackward0"
    y.sum().backward(retain_graph=True)
    assert seen == [("pre", [1.0, 1.0]), ("post", [6.0, 6.0], None, [3.0, 3.0])]
    assert x.grad.tolist() == [60.0, 60.0]
    handle.remove()
    before.remove()
    x.grad = None
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


def test_hooks_of_a_node_with_several_outputs_and_of_a_second_derivative() -> None:
    x = leaf(1.0, 2.0)
    a, b = x.split(1)
    seen: list[Any] = []
    a.grad_fn.register_hook(
        lambda i, o: seen.append((i[0].tolist(), [None if g is None else g.tolist() for g in o]))
    )
    (a * 3).backward()
    assert seen == [([3.0, 0.0], [[3.0], None])]
    y = x**3
    y.grad_fn.register_hook(lambda i, o: (i[0] * 2, *i[1:]))
    (g,) = at.autograd.grad(y.sum(), x, create_graph=True)
    (h,) = at.autograd.grad(g.sum(), x)
    assert g.tolist() == [6.0, 24.0]
    assert h.tolist() == [12.0, 24.0]
    del a, b


def test_hooks_of_a_leaf_node() -> None:
    x = leaf(1.0)
    seen: list[Any] = []
    node = (x * 1).grad_fn.next_functions[0][0]
    node.register_prehook(lambda o: (o[0] * 2,))
    handle = node.register_hook(lambda i, o: seen.append((i, o[0].tolist(), x.grad.tolist())))
    (x * 3).backward()
    assert seen == [((), [6.0], [6.0])]
    handle.remove()
    (x * 3).backward()
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("hook", "kind", "message"),
    [
        (lambda i, o: (i[0],), RuntimeError, "incorrect number of values"),
        (lambda i, o: (i[0][:1], None), RuntimeError, "changed the size"),
        (lambda i, o: (i[0].float(), None), RuntimeError, "changed the type"),
        (lambda i, o: (1.0, None), TypeError, "must return Tensors"),
    ],
)
def test_errors_of_node_hooks(hook: Any, kind: type[Exception], message: str) -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    y.grad_fn.register_hook(hook)
    with pytest.raises(kind, match=message):
        y.sum().backward()


@pytest.mark.usefixtures("no_gc")
def test_hooks_make_no_cycle() -> None:
    x = leaf(1.0, 2.0)
    gc.collect()
    y = x * 2
    y.grad_fn.register_hook(lambda i, o: None)
    z = y.exp()
    graph.register_multi_grad_hook((x, y), lambda g: None)
    with graph.save_on_cpu():
        w = z * z
    w.sum().backward()
    del y, z, w
    assert gc.collect() == 0


# --- edges --------------------------------------------------------------------------------------------------


def test_gradients_at_edges() -> None:
    x = leaf(1.0, 2.0)
    y = x * 2
    edges = [graph.get_gradient_edge(t) for t in (x, y)]
    z = (y * y).sum()
    del y
    gx, gy = at.autograd.grad(z, edges)
    assert (gx.tolist(), gy.tolist()) == ([8.0, 16.0], [4.0, 8.0])
    y = x * 3
    edge = graph.get_gradient_edge(y)
    at.autograd.backward([edge], [at.ones(2, dtype=at.float64)])
    assert x.grad.tolist() == [3.0, 3.0]
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(at.ones(1))


# --- hooks on several gradients -----------------------------------------------------------------------------


def run_multi(mode: Any, program: Any) -> list[Any]:
    seen: list[Any] = []
    a, b = leaf(2.0), leaf(3.0)
    c = a * b

    def note(g: Any) -> None:
        seen.append([None if t is None else t.item() for t in g] if mode == "all" else g.item())

    handle = graph.register_multi_grad_hook((a, b, c), note, mode=mode)
    program(a, b, c)
    handle.remove()
    (a * 1).backward()
    return seen


def test_multi_grad_hook() -> None:
    def twice(a: Any, b: Any, c: Any) -> None:
        c.backward(retain_graph=True)
        (a * 5).backward()

    assert run_multi("all", twice) == [[3.0, 2.0, 1.0], [5.0, None, None]]
    assert run_multi("any", twice) == [1.0, 5.0]
    assert run_multi("all", lambda a, b, c: at.autograd.grad(c, [a, c])) == [[3.0, None, 1.0]]
    with pytest.raises(ValueError, match="mode to be one of"):
        graph.register_multi_grad_hook((leaf(1.0),), print, mode="some")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match=r"tensors\[0\]"):
        graph.register_multi_grad_hook((at.ones(1),), print)


def test_multi_grad_hook_in_threads() -> None:
    seen: list[float] = []
    a = leaf(1.0)
    graph.register_multi_grad_hook((a,), lambda g: seen.append(g[0].item()))
    threads = [threading.Thread(target=(a * k).backward) for k in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(seen) == [1.0, 2.0, 3.0, 4.0]
    assert np.isclose(a.grad.item(), 10.0)
