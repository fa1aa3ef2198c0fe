"""Calling a module: its hooks, errors that say where, what the tape knows."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest

import autotape as at
from autotape import nn
from autotape.engine.tensor import Tensor


class Fails(nn.Module):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: Any) -> Any:
        raise self.error


# --- hooks --------------------------------------------------------------------------------------------------


def test_forward_hooks_in_order_and_removed() -> None:
    net = nn.Identity()
    log: list[str] = []
    handles = [
        net.register_forward_pre_hook(lambda m, a: log.append("pre")),
        net.register_forward_hook(lambda m, a, o: log.append("post")),
        net.register_forward_hook(lambda m, a, o: log.append("first"), prepend=True),
    ]
    net(1)
    assert log == ["pre", "first", "post"]
    handles[1].remove()
    handles[1].remove()
    net(1)
    assert log[3:] == ["pre", "first"]
    net._forward_hooks.clear()
    net._forward_pre_hooks.clear()
    net(1)
    assert len(log) == 5
    with net.register_forward_hook(lambda m, a, o: o + 1):
        assert net(1) == 2
    assert net(1) == 1


def test_a_hook_may_remove_itself() -> None:
    net = nn.Identity()
    calls: list[int] = []

    def once(module: Any, args: Any, output: Any) -> None:
        calls.append(output)
        handle.remove()

    handle = net.register_forward_hook(once)
    net.register_forward_hook(lambda m, a, o: calls.append(-o))
    net(1)
    net(2)
    assert calls == [1, -1, -2]


def test_hooks_replace_arguments_and_output() -> None:
    class Add(nn.Module):
        def forward(self, a: int, b: int = 0) -> int:
            return a + b

    net = Add()
    net.register_forward_pre_hook(lambda m, a: a[0] * 2)
    net.register_forward_pre_hook(lambda m, a, k: (a, {"b": 5}), with_kwargs=True)
    net.register_forward_hook(lambda m, a, o: -o)
    seen: list[Any] = []
    net.register_forward_hook(lambda m, a, k, o: seen.append((a, k, o)), with_kwargs=True)
    assert net(1, b=3) == -7
    assert seen == [((2,), {"b": 5}, -7)]
    net.register_forward_pre_hook(lambda m, a, k: 3, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"tuple of \(new_args, new_kwargs\), but got 3"):
        net(1)


def test_always_called_hooks_see_failures() -> None:
    net = Fails(KeyError("no"))
    seen: list[Any] = []
    net.register_forward_hook(lambda m, a, o: seen.append("skipped"))
    net.register_forward_hook(lambda m, a, o: seen.append(o), always_call=True)
    with pytest.raises(KeyError):
        net(1)
    assert seen == [None]

    def also_fails(module: Any, args: Any, output: Any) -> None:
        raise ValueError("in the hook")

    net.register_forward_hook(also_fails, always_call=True)
    with pytest.warns(UserWarning, match="in the hook"), pytest.raises(KeyError):
        net(1)


class Scale(nn.Module):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        return x * 3 if y is None else (x * 3, y * 5)


def leaf(*values: float) -> Tensor:
    return at.tensor(list(values), dtype=at.float64, requires_grad=True)


def test_backward_hooks_see_and_replace_gradients() -> None:
    net = Scale()
    seen: list[Any] = []
    net.register_full_backward_pre_hook(lambda m, go: (go[0] * 10,))
    net.register_full_backward_hook(lambda m, gi, go: seen.append((gi[0].tolist(), go[0].tolist())))
    net.register_full_backward_hook(lambda m, gi, go: (gi[0] + 1,))
    x = leaf(1.0, 2.0)
    net(x).sum().backward()
    assert seen == [([30.0, 30.0], [10.0, 10.0])]
    assert x.grad is not None
    assert x.grad.tolist() == [31.0, 31.0]


def test_backward_hooks_with_several_inputs_and_outputs() -> None:
    net = Scale()
    seen: list[Any] = []

    def plain(gradients: Any) -> list[Any]:
        return [None if g is None else g.tolist() for g in gradients]

    net.register_full_backward_hook(lambda m, gi, go: seen.append((plain(gi), plain(go))))
    x, y = leaf(1.0), leaf(1.0)
    a, b = net(x, y)
    b.sum().backward()
    assert seen == [([[0.0], [5.0]], [None, [1.0]])]
    seen.clear()
    a, b = net(x, at.ones(1))
    (a + b).sum().backward()
    assert seen == [([[3.0], None], [[1.0], None])]


def test_backward_hook_without_input_gradients() -> None:
    net = nn.Linear(2, 1)
    seen: list[Any] = []
    net.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    net(at.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0]])]
    with at.no_grad():
        net(at.ones(1, 2))
    net.requires_grad_(False)
    assert not net(at.ones(1, 2)).requires_grad
    assert len(seen) == 1
    net.requires_grad_(True).register_full_backward_hook(lambda m, gi, go: (at.ones(1, 2),))
    with pytest.raises(RuntimeError, match="no input requires gradient"):
        net(at.ones(1, 2)).sum().backward()


@pytest.mark.parametrize(
    ("result", "error", "match"),
    [
        (3, TypeError, "not int"),
        ((at.ones(1), at.ones(1)), RuntimeError, "got 2, but expected 1"),
        ((at.ones(3),), RuntimeError, r"keep the shape \[1\]"),
        ((None,), RuntimeError, "got NoneType"),
    ],
)
def test_backward_hooks_must_return_gradients(result: Any, error: type[Exception], match: str) -> None:
    for register in ("register_full_backward_hook", "register_full_backward_pre_hook"):
        net = Scale()
        getattr(net, register)(lambda *args: result)
        x = leaf(1.0)
        with pytest.raises(error, match=match):
            net(x).sum().backward()
        assert x.grad is None


def test_backward_hooks_under_create_graph_and_retain_graph() -> None:
    net = Scale()
    calls: list[Any] = []
    net.register_full_backward_hook(lambda m, gi, go: calls.append(gi[0].requires_grad))
    net.register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
    x = leaf(2.0)
    y = (net(x) ** 3).sum()
    (g,) = at.autograd.grad(y, x, create_graph=True)
    assert g.item() == 2 * 81 * 2**2  # of (3x)^3, doubled by the hook
    (h,) = at.autograd.grad(g.sum(), x, retain_graph=True)
    assert h.item() == 2 * 324 * 2  # of 162 x^2, which runs through the module and so the hook again
    y.backward()
    assert calls[0]
    assert len(calls) == 3


def test_a_hook_may_write_into_its_gradients() -> None:
    def overwrite(module: Any, gi: Any, go: Any) -> None:
        gi[0].fill_(0)
        go[0].fill_(0)

    net = Scale()
    net.register_full_backward_hook(overwrite)
    x = leaf(1.0)
    z = x * 1
    net(z).sum().backward()
    assert x.grad is not None


def test_hooked_module_before_an_in_place_operation() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True))
    plain = copy.deepcopy(net)
    net[0].register_full_backward_hook(lambda m, gi, go: None)
    x = at.tensor([[1.0, -2.0]])
    net(x).sum().backward()
    plain(x).sum().backward()
    for a, b in zip(net.parameters(), plain.parameters(), strict=True):
        assert a.grad is not None
        assert b.grad is not None
        assert at.equal(a.grad, b.grad)


def test_an_error_in_a_hook_leaves_everything_usable() -> None:
    net = Scale()

    def fail(*args: Any) -> None:
        raise KeyboardInterrupt

    x = leaf(1.0)
    handle = net.register_full_backward_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        net(x).sum().backward()
    assert x.grad is None
    handle.remove()
    net(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [3.0]


# --- errors say where ---------------------------------------------------------------------------------------


def text_of(error: BaseException) -> str:
    return str(error) + " ".join(getattr(error, "__notes__", ()))


def test_an_error_names_the_path_of_the_layer() -> None:
    net = nn.Sequential(nn.Linear(4, 30), nn.ReLU(), nn.Sequential(nn.Linear(64, 10)))
    with pytest.raises(RuntimeError) as caught:
        net(at.ones(32, 4))
    text = str(caught.value)
    assert text.startswith("mat1 and mat2 shapes cannot be multiplied (32x30 and 64x10)")
    assert text.endswith(" -- in net.2.0 (Linear(in_features=64, out_features=10, bias=True))")
    assert text.count(" -- in ") == 1


def test_a_module_without_a_variable_is_named_by_its_class() -> None:
    with pytest.raises(RuntimeError, match=r" -- in Sequential.0 \(Linear\(in_features=4, "):
        nn.Sequential(nn.Linear(4, 30))(at.ones(32, 5))


def test_an_error_in_a_containers_own_code_names_its_class() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 3)
            self.scale = nn.Parameter(at.ones(2))

        def forward(self, x: Tensor) -> Tensor:
            return self.first(x) @ self.scale

    model = Own()
    with pytest.raises(RuntimeError, match=r" -- in model \(Own\)$"):
        model(at.ones(3, 4))


def test_error_types_and_their_arguments_stay() -> None:
    class CustomError(RuntimeError):
        pass

    for error in (
        KeyError("key"),
        CustomError("mine"),
        OSError(2, "no such file"),
        ValueError("a", 3),
        AssertionError(),
    ):
        net = nn.Sequential(nn.Identity(), Fails(error))
        args = error.args
        with pytest.raises(type(error)) as caught:
            net(1)
        assert caught.value is error
        assert error.args == args
        assert error.__notes__ == ["in net.1 (Fails())"]
    with pytest.raises(KeyboardInterrupt) as stopped:
        Fails(KeyboardInterrupt())(1)
    assert not hasattr(stopped.value, "__notes__")
    for error in (IndexError("i"), TypeError("t"), ValueError("v"), RuntimeError("r")):
        with pytest.raises(type(error), match=r"^. -- in Fails \(Fails\(\)\)$"):
            Fails(error)(1)


def test_an_error_caught_inside_and_one_raised_again_elsewhere() -> None:
    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bad = Fails(RuntimeError("first"))
            self.worse = Fails(ValueError("second"))

        def forward(self, x: Any) -> Any:
            try:
                return self.bad(x)
            except RuntimeError:
                return self.worse(x)

    net = Tries()
    with pytest.raises(ValueError, match=r"^second -- in net.worse \(Fails\(\)\)$") as caught:
        net(1)
    assert str(caught.value.__context__) == "first -- in net.bad (Fails())"


def test_endless_recursion_is_reported_as_such() -> None:
    class Endless(nn.Module):
        def forward(self, x: Any) -> Any:
            return self(x)

    with pytest.raises(RecursionError):
        Endless()(1)


def test_a_fault_in_the_report_does_not_hide_the_error() -> None:
    class Sly(Fails):
        def __repr__(self) -> str:
            raise ZeroDivisionError

    with pytest.raises(RuntimeError, match=r"^the real one$"):
        Sly(RuntimeError("the real one"))(1)


def test_a_missing_forward_is_named() -> None:
    with pytest.raises(NotImplementedError, match='missing the required "forward" function'):
        nn.Module()(1)


def test_threads_get_errors_of_their_own() -> None:
    net = nn.ModuleDict({f"m{i}": nn.Linear(i, 1) for i in range(1, 5)})
    found: dict[int, str] = {}

    def work(i: int) -> None:
        for _ in range(50):
            try:
                net[f"m{i}"](at.ones(1, i + 1))
            except RuntimeError as error:
                found[i] = str(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(1, 5):
        assert found[i].endswith(f" -- in Linear (Linear(in_features={i}, out_features=1, bias=True))")


def test_the_tape_knows_the_modules() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    with at.Tape() as tape:
        net(at.ones(1, 2)).sum()
    assert [e.module_path for e in tape] == ["net.0 Linear", "net.1 ReLU", ""]
