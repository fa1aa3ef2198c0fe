"""Optimizers walk PyTorch's way: parameters, state and text after 50 steps with every option."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest

import autotape
from autotape.optim.elementwise import BLOCK
from tests.parity.twins import SHAPES, Array, Options, Twins, arrays, same, same_tree, torch, translated


def _product(**choices: tuple[Any, ...]) -> list[Options]:
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


_SIGNS = (False, True)
_SGD = [
    {},
    *_product(lr=(0.1,), momentum=(0, 0.9), dampening=(0, 0.3), weight_decay=(0, 0.1), maximize=_SIGNS),
    *_product(lr=(0.1,), momentum=(0.9,), nesterov=(True,), weight_decay=(0, 0.1), maximize=_SIGNS),
]
_ADAM = [
    {},
    *_product(lr=(0.1,), weight_decay=(0, 0.1), amsgrad=(False, True), maximize=_SIGNS),
    {"betas": (0.0, 0.0), "eps": 1e-3},
    {"betas": (0.3, 0.6), "eps": 0},
    {"betas": [0.5, 0.99], "weight_decay": 1},
]
_RMSPROP = [
    {},
    *_product(lr=(0.02,), momentum=(0, 0.9), centered=(False, True), weight_decay=(0, 0.1), maximize=_SIGNS),
    {"alpha": 0, "eps": 1e-2},
    {"alpha": 0.5, "eps": 0.1, "centered": True},
    {"alpha": 1, "eps": 0.1},
]

_DECOUPLED = {"weight_decay": 0.1, "decoupled_weight_decay": True}
_OTHERS: dict[str, list[Options]] = {
    "Adagrad": [
        {},
        *_product(lr=(0.1,), lr_decay=(0, 0.05), weight_decay=(0, 0.1), maximize=_SIGNS),
        {"initial_accumulator_value": 0.5, "eps": 0.1},
    ],
    "Adadelta": [{}, *_product(lr=(0.5,), rho=(0.5, 1), eps=(1e-3,), weight_decay=(0, 0.1), maximize=_SIGNS)],
    "Adamax": [
        {},
        *_product(lr=(0.1,), betas=((0.5, 0.9),), eps=(1e-3,), weight_decay=(0, 0.1), maximize=_SIGNS),
    ],
    "NAdam": [
        {},
        *_product(lr=(0.1,), momentum_decay=(0, 0.1), weight_decay=(0, 0.1), maximize=_SIGNS),
        {"betas": (0.5, 0.9), "eps": 1e-3, **_DECOUPLED},
    ],
    "RAdam": [
        {},
        *_product(lr=(0.1,), betas=((0.5, 0.6), (0.9, 0.99)), weight_decay=(0, 0.1), maximize=_SIGNS),
        {"eps": 1e-3, **_DECOUPLED},
    ],
    "ASGD": [
        {},
        *_product(lr=(0.1,), lambd=(0, 0.1), t0=(5, 1e6), weight_decay=(0, 0.1), maximize=_SIGNS),
        {"alpha": 2},
    ],
    "Rprop": [{}, *_product(lr=(0.05,), etas=((0.2, 1.5),), step_sizes=((1e-3, 0.1),), maximize=_SIGNS)],
    "Adafactor": [
        {},
        *_product(lr=(0.1,), beta2_decay=(-0.8, 0), weight_decay=(0, 0.1), maximize=_SIGNS),
        {"eps": (1e-3, 0.1), "d": 2.0},
    ],
}  # fmt: skip

CASES = [
    *[("SGD", o) for o in _SGD],
    *[("Adam", o) for o in [*_ADAM, {"decoupled_weight_decay": True, "weight_decay": 0.1}]],
    *[("AdamW", o) for o in _ADAM],
    *[("RMSprop", o) for o in _RMSPROP],
    *[(name, o) for name, table in _OTHERS.items() for o in table],
]
ONE_OF_EACH: list[tuple[str, Options]] = [
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3}),
    ("Adam", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0.1}),
    ("RMSprop", {"lr": 0.02, "momentum": 0.9, "centered": True, "weight_decay": 0.1}),
]
ONE_MORE_OF_EACH = [
    *ONE_OF_EACH,
    *[(name, table[-1]) for name, table in _OTHERS.items() if name != "Adafactor"],
]


def _shapes(name: str) -> list[tuple[int, ...]]:
    """PyTorch's Adafactor divides by the number of elements."""
    return [s for s in SHAPES if 0 not in s] if name == "Adafactor" else SHAPES


def _name(value: Any) -> str | None:
    if isinstance(value, dict):
        return "-".join(f"{k}={v}" for k, v in value.items()) or "defaults"
    return None


# --- the walk -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "options"), CASES, ids=_name)
def test_fifty_steps_with_every_option(name: str, options: Options, dtype: Any) -> None:
    twins = Twins(arrays(dtype, _shapes(name)))
    optimizers = twins.optimizers(name, options)
    twins.walk(optimizers)
    twins.check(optimizers)


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64, np.float16])
@pytest.mark.parametrize(("name", "options"), ONE_MORE_OF_EACH, ids=_name)
def test_other_dtypes(name: str, options: Options, dtype: Any) -> None:
    twins = Twins(arrays(dtype))
    if dtype is np.float16 and name not in (
        "ASGD",
        "Rprop",
    ):  # 1e-8 is 0 in half precision, and 0 / 0 is nan on both sides
        options = {**options, "eps": 1e-3} if name != "SGD" else options
    optimizers = twins.optimizers(name, options)
    twins.walk(optimizers, 5 if dtype is np.float16 else 50)
    twins.check(optimizers)


@pytest.mark.parametrize(("name", "options"), ONE_OF_EACH, ids=_name)
def test_through_backward(name: str, options: Options) -> None:
    """The gradients are each side's own; a difference of rounding is not amplified on a bowl."""
    rng = np.random.default_rng(0)
    a, b, w = rng.normal(size=(8, 3)), rng.normal(size=(8,)), rng.normal(size=3)
    ours, theirs = autotape.tensor(w, requires_grad=True), torch.tensor(w, requires_grad=True)
    optimizers = (
        getattr(autotape.optim, name)([ours], **options),
        getattr(torch.optim, name)([theirs], **options),
    )
    for _ in range(50):
        for m, p, optimizer in ((autotape, ours, optimizers[0]), (torch, theirs, optimizers[1])):
            loss = ((m.tensor(a) @ p - m.tensor(b)) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-11)


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", *_OTHERS])
def test_learning_rate_in_a_tensor(name: str, shape: tuple[int, ...]) -> None:
    twins = Twins(arrays(np.float64, _shapes(name)))
    rate = np.full(shape, 0.05)
    optimizers = twins.optimizers(name, {"lr": lambda m: m.tensor(rate)})
    twins.walk(optimizers, 10)
    twins.check(optimizers)
    for optimizer in optimizers:
        optimizer.param_groups[0]["lr"].fill_(0.01)
    twins.walk(optimizers, 10)
    twins.check(optimizers)
    for optimizer in optimizers:
        optimizer.param_groups[0]["lr"] = 0.5
    twins.walk(optimizers, 10)
    twins.check(optimizers)


def test_other_options_in_tensors() -> None:
    for name, options in (
        ("SGD", {"lr": 0.1, "weight_decay": lambda m: m.tensor(0.1, dtype=m.float64)}),
        ("Adam", {"betas": lambda m: (m.tensor(0.5, dtype=m.float64), m.tensor(0.75, dtype=m.float64))}),
    ):
        twins = Twins(arrays(np.float64))
        optimizers = twins.optimizers(name, options)
        twins.walk(optimizers, 10)
        twins.check()


@pytest.mark.parametrize(("name", "options"), ONE_OF_EACH, ids=_name)
def test_numpy_numbers_as_options_do_not_widen_float32(name: str, options: Options) -> None:
    twins = Twins(arrays(np.float32))
    wide = {k: np.float64(v) if type(v) is float else v for k, v in options.items()}
    optimizers = (
        getattr(autotape.optim, name)(twins.ours, **wide),
        getattr(torch.optim, name)(twins.theirs, **options),
    )
    twins.walk(optimizers, 10)
    twins.check()
    same_tree(optimizers[0].state_dict()["state"], optimizers[1].state_dict()["state"])


def test_groups_with_options_of_their_own() -> None:
    for name, first, second, defaults in (
        ("SGD", {"lr": 0.5, "momentum": 0.9}, {"weight_decay": 0.1, "maximize": True}, {"lr": 0.1}),
        ("Adam", {"betas": (0.5, 0.5)}, {"amsgrad": True, "lr": 0.3}, {"lr": 0.1, "weight_decay": 0.1}),
        ("AdamW", {"weight_decay": 0.5}, {"maximize": True}, {}),
        ("RMSprop", {"centered": True}, {"momentum": 0.5, "alpha": 0.5}, {"lr": 0.05}),
    ):
        twins = Twins(arrays(np.float64))
        optimizers = tuple(
            getattr(m.optim, name)(
                [{"params": ps[:2], **first}, {"params": iter(ps[2:4]), **second}, {"params": ps[4]}],
                **defaults,
            )
            for m, ps in ((autotape, twins.ours), (torch, twins.theirs))
        )
        twins.walk(optimizers, 10)
        for optimizer, ps in zip(optimizers, (twins.ours, twins.theirs), strict=True):
            optimizer.add_param_group({"params": ps[5:], "lr": 1.0})
        twins.walk(optimizers, 10)
        twins.check(optimizers)
        for optimizer in optimizers:
            optimizer.param_groups[1]["lr"] *= 0.1
        twins.walk(optimizers, 10)
        twins.check(optimizers)


def test_named_parameters() -> None:
    twins = Twins(arrays(np.float64, [(2,), (3,), (4,)]))
    names = ["a", "b.c", "d"]
    optimizers = tuple(
        m.optim.SGD(list(zip(names[:2], ps[:2], strict=True)), lr=0.1)
        for m, ps in ((autotape, twins.ours), (torch, twins.theirs))
    )
    for optimizer, ps in zip(optimizers, (twins.ours, twins.theirs), strict=True):
        optimizer.add_param_group({"params": [(names[2], ps[2])], "lr": 0.2})
    twins.walk(optimizers, 3)
    twins.check(optimizers)
    for m, optimizer, ps in zip((autotape, torch), optimizers, (twins.ours, twins.theirs), strict=True):
        unnamed = m.optim.SGD([{"params": ps[:2]}, {"params": ps[2:]}])
        unnamed.load_state_dict(optimizer.state_dict())
        assert unnamed.param_groups[0]["param_names"] == names[:2]
        optimizer.load_state_dict(m.optim.SGD([{"params": ps[:2]}, {"params": ps[2:]}]).state_dict())
        assert optimizer.param_groups[0]["param_names"] == names[:2]


@pytest.mark.parametrize(("name", "options"), ONE_MORE_OF_EACH, ids=_name)
def test_parameters_without_gradient_are_left_alone(name: str, options: Options) -> None:
    twins = Twins(arrays(np.float64, [(2,), (3,), ()]))
    optimizers = twins.optimizers(name, options)
    for step in range(12):  # each is skipped now and then; the last one has its first gradient at step 7
        twins.set_gradients(skip=2 if step < 7 else step % 3)
        for optimizer in optimizers:
            optimizer.step()
        twins.check(optimizers)
        assert (2 in optimizers[0].state_dict()["state"]) == (step >= 7 or name == "Adagrad")


def test_gradient_that_stays_after_requires_grad_was_switched_off() -> None:
    twins = Twins(arrays(np.float64, [(2,), (3,)]))
    optimizers = twins.optimizers("SGD", {"lr": 0.1})
    twins.set_gradients()
    for ps, optimizer in zip((twins.ours, twins.theirs), optimizers, strict=True):
        ps[0].requires_grad_(False)
        optimizer.step()
    twins.check(optimizers)


def test_a_result_that_retains_its_gradient() -> None:
    found = []
    for m in (autotape, torch):
        y = m.tensor([1.0, 2.0], requires_grad=True) * 2
        y.retain_grad()
        optimizer = m.optim.SGD([y], lr=0.5)
        (y * y).sum().backward()
        optimizer.step()
        found.append(y.tolist())
    assert found[0] == found[1]


# --- memory layouts, large parameters -----------------------------------------------------------------------


def _layouts(a: Array) -> dict[str, Array]:
    """The values of a matrix in several memory layouts."""
    wide = np.zeros((2 * a.shape[0], 3 * a.shape[1]), a.dtype)
    wide[::2, 1::3] = a
    backwards = np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1]
    return {"C": a, "F": np.asfortranarray(a), "strided": wide[::2, 1::3], "reversed": backwards}


@pytest.mark.parametrize("shape", [(3, 4), (131, 129), (3, BLOCK + 1), (2 * BLOCK + 1, 1)])
@pytest.mark.parametrize(("name", "options"), ONE_OF_EACH, ids=_name)
def test_layouts_and_parameters_larger_than_a_block(
    name: str, options: Options, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    start = rng.normal(size=shape)
    gradients = rng.normal(size=(3, *shape))
    theirs = torch.tensor(start, requires_grad=True)
    expected = getattr(torch.optim, name)([theirs], **options)
    for g in gradients:
        theirs.grad = torch.tensor(g)
        expected.step()
    for kind, of_gradient in itertools.product(_layouts(start), repeat=2):
        memory = _layouts(start.copy())[kind]
        p = autotape.from_numpy(memory).requires_grad_()
        optimizer = getattr(autotape.optim, name)([p], **options)
        for g in gradients:
            p.grad = autotape.from_numpy(_layouts(g)[of_gradient])
            optimizer.step()
        assert p.numpy(force=True) is memory
        same(p, theirs)
        same_tree(optimizer.state_dict(), expected.state_dict())


@pytest.mark.parametrize("size", [4095, 4096, 4097, 3 * 4096 - 7])
@pytest.mark.parametrize(("name", "options"), ONE_OF_EACH, ids=_name)
def test_sizes_around_the_block(
    name: str, options: Options, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("elementwise", "sgd"):
        monkeypatch.setattr(f"autotape.optim.{module}.BLOCK", 4096)
    for dtype in (np.float64, np.complex128):
        twins = Twins(arrays(dtype, [(size,)]))
        optimizers = twins.optimizers(name, options)
        twins.walk(optimizers, 3)
        twins.check(optimizers)


def test_parameter_that_is_a_view_of_larger_memory() -> None:
    memory = np.arange(12.0).reshape(3, 4)
    p = autotape.from_numpy(memory[1]).requires_grad_()
    optimizer = autotape.optim.SGD([p], lr=1.0)
    p.grad = autotape.ones(4, dtype=autotape.float64)
    optimizer.step()
    np.testing.assert_array_equal(memory, [[0, 1, 2, 3], [3, 4, 5, 6], [8, 9, 10, 11]])


# --- state --------------------------------------------------------------------------------------------------


def _built(kind: Any, params: list[Any], options: Options) -> Any:
    return kind([{"params": params[:3], **options}, {"params": params[3:], **options, "lr": 0.07}])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "options"), ONE_OF_EACH, ids=_name)
def test_state_goes_from_one_to_the_other_and_on(name: str, options: Options, dtype: Any) -> None:
    twins = Twins(arrays(dtype))
    ours, theirs = getattr(autotape.optim, name), getattr(torch.optim, name)
    optimizers = (_built(ours, twins.ours, options), _built(theirs, twins.theirs, options))
    twins.walk(optimizers, 20)
    fresh = (_built(ours, twins.ours, options), _built(theirs, twins.theirs, {"lr": 99.0}))
    fresh[0].load_state_dict(translated(optimizers[1].state_dict(), autotape.from_numpy))
    fresh[1].load_state_dict(translated(optimizers[0].state_dict(), torch.from_numpy))
    twins.check(fresh)
    twins.walk(fresh, 20)
    twins.check(fresh)


def test_state_is_cast_to_the_parameter() -> None:
    """A float32 state loaded for a float64 parameter becomes float64, but for the step count."""
    found = []
    for m in (autotape, torch):
        p, q = m.ones(3, requires_grad=True), m.ones(3, dtype=m.float64, requires_grad=True)
        optimizer, other = m.optim.Adam([p]), m.optim.Adam([q])
        p.grad = m.ones(3)
        optimizer.step()
        other.load_state_dict(optimizer.state_dict())
        found.append({k: str(v.dtype).split(".")[-1] for k, v in other.state[q].items()})
    assert found[0] == found[1] == {"step": "float32", "exp_avg": "float64", "exp_avg_sq": "float64"}


def test_state_of_an_older_version_lacks_options() -> None:
    for name in ("SGD", "Adam", "AdamW", "RMSprop"):
        for m in (autotape, torch):
            p = m.ones(3, requires_grad=True)
            optimizer = getattr(m.optim, name)([p], lr=0.1)
            state = optimizer.state_dict()
            for option in ("maximize", "foreach", "capturable", "differentiable", "fused"):
                state["param_groups"][0].pop(option, None)
            optimizer.load_state_dict(state)
            p.grad = m.ones(3)
            optimizer.step()
            assert optimizer.param_groups[0]["maximize"] is False


@pytest.mark.parametrize(("source", "target"), [*itertools.product(["Adam", "AdamW"], repeat=2)])
def test_adam_and_adamw_read_each_other(source: str, target: str) -> None:
    twins = Twins(arrays(np.float64))
    sources = twins.optimizers(source, {"lr": 0.1, "weight_decay": 0.3})
    twins.walk(sources, 3)
    targets = twins.optimizers(target, {})
    for a, b in zip(sources, targets, strict=True):
        b.load_state_dict(a.state_dict())
    twins.walk(targets, 3)
    twins.check(targets)


@pytest.mark.parametrize(("name", "options"), ONE_OF_EACH, ids=_name)
def test_copies_go_on_by_themselves(name: str, options: Options) -> None:
    for copied in (copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))):
        twins = Twins(arrays(np.float64))
        optimizers = twins.optimizers(name, options)
        twins.walk(optimizers, 5)
        before = [p.detach().numpy().copy() for p in twins.ours]
        copies = [copied(o) for o in optimizers]
        again = Twins(before)
        again.ours, again.theirs = (c.param_groups[0]["params"] for c in copies)
        assert all(p is not q for p, q in zip(again.ours, twins.ours, strict=True))
        again.walk((copies[0], copies[1]), 5)
        again.check((copies[0], copies[1]))
        for p, values in zip(twins.ours, before, strict=True):
            np.testing.assert_array_equal(p.detach().numpy(), values)


# --- small parameters, which are updated together -----------------------------------------------------------


@pytest.mark.parametrize(("name", "options"), ONE_MORE_OF_EACH, ids=_name)
def test_many_small_parameters(name: str, options: Options) -> None:
    """Of two dtypes, some without a gradient now and then, more of them than a block holds."""
    shapes: list[tuple[int, ...]] = [(), (1,), (0,), (3, 4), (2, 1, 5), (40, 50), (1023,), (1024,)] * 6
    starts = arrays(np.float64, shapes)
    starts[::5] = [np.asarray(a, np.float32) for a in starts[::5]]
    twins = Twins(starts)
    optimizers = twins.optimizers(name, options)
    for step in range(6):
        twins.set_gradients(skip=step // 2)
        for optimizer in optimizers:
            optimizer.step()
    twins.check(optimizers)


# --- optimizers of another kind -----------------------------------------------------------------------------


def _rosenbrock(p: Any, q: Any) -> Any:
    return ((1 - p) ** 2).sum() + 10 * ((q - p**2) ** 2).sum()


@pytest.mark.parametrize(
    "options",
    [
        {"line_search_fn": "strong_wolfe"},
        {"line_search_fn": "strong_wolfe", "history_size": 3, "max_iter": 7, "lr": 0.5},
        {"lr": 0.05},
        {"lr": 0.02, "history_size": 2, "max_iter": 5, "max_eval": 4},
        {"lr": 0.02, "tolerance_grad": 0.5},
        {"lr": 0.02, "tolerance_change": 1e-2},
    ],
    ids=_name,
)
def test_lbfgs(options: Options) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(3, 2)), rng.normal(size=6)
    found = []
    for m in (autotape, torch):
        p, q = m.tensor(a, requires_grad=True), m.tensor(b.reshape(3, 2), requires_grad=True)
        unused = m.zeros(2, dtype=m.float64, requires_grad=True)
        optimizer = m.optim.LBFGS([p, unused, q], **options)
        losses = []

        def closure(optimizer: Any = optimizer, p: Any = p, q: Any = q, losses: list[float] = losses) -> Any:
            optimizer.zero_grad()
            loss = _rosenbrock(p, q)
            loss.backward()
            losses.append(loss.item())
            return loss

        for _ in range(6):
            optimizer.step(closure)
        state = optimizer.state_dict()["state"][0]
        counts = [state["func_evals"], state["n_iter"], len(state["old_dirs"]), len(state["ro"])]
        found.append((losses, p.tolist(), q.tolist(), counts, set(state) - {"al"}))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-6)
    np.testing.assert_allclose(found[0][1:3], found[1][1:3], rtol=1e-6)
    assert found[0][3:] == found[1][3:]


@pytest.mark.parametrize(
    "options", [{}, {"lr": 0.1, "nesterov": False}, {"adjust_lr_fn": "match_rms_adamw"}], ids=_name
)
def test_muon(options: Options) -> None:
    """PyTorch rounds to bfloat16, and in another order of summation now and then the other way."""
    twins = Twins(arrays(np.float64, [(4, 3), (3, 5), (6, 6)]))
    optimizers = twins.optimizers("Muon", options)
    twins.walk(optimizers, 20)
    for p, q in zip(twins.ours, twins.theirs, strict=True):
        np.testing.assert_allclose(
            p.detach().numpy(), q.detach().numpy(), atol=2e-2 * options.get("lr", 1e-3)
        )
    same_tree(optimizers[0].state_dict(), optimizers[1].state_dict())
