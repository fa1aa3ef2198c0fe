"""The base of all optimizers: parameter groups, state, hooks, and the walk over the parameters.

A subclass writes only the update of one parameter, on ndarrays and in place; one whose update treats each
element by itself is better served by :class:`autotape.optim.elementwise.Elementwise`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import wraps
from itertools import chain
from typing import Any, TypeVar

import numpy as np

from autotape.autograd.modes import enable_grad, no_grad
from autotape.engine.dtypes import default_dtype
from autotape.engine.tape import run_quietly, writes
from autotape.engine.tensor import RemovableHandle, Tensor
from autotape.engine.views import check_writable

__all__ = ["Optimizer", "register_optimizer_step_post_hook", "register_optimizer_step_pre_hook"]

Array = np.ndarray[Any, Any]
ParamsLike = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
Hook = Callable[..., Any]
Step = TypeVar("Step", bound=Callable[..., Any])

_BEFORE_EVERY_STEP: list[Any] = []  # the hooks of all optimizers
_AFTER_EVERY_STEP: list[Any] = []


def register_optimizer_step_pre_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before every step of every optimizer, before its own hooks.

    A hook may return ``(args, kwargs)`` to replace the step's arguments; ``args[0]`` is the optimizer.
    """
    return RemovableHandle(_BEFORE_EVERY_STEP, hook)


def register_optimizer_step_post_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after every step of every optimizer, after its own hooks."""
    return RemovableHandle(_AFTER_EVERY_STEP, hook)


def _with_hooks(step: Step) -> Step:
    """A ``step`` method that remembers that it was called and runs the hooks around itself."""

    @wraps(step)
    def hooked(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        self._stepped = True
        own = self._hooks
        if not (own or _BEFORE_EVERY_STEP or _AFTER_EVERY_STEP) or self._stepping:
            return step(self, *args, **kwargs)
        args = (self, *args)
        self._stepping = True  # a step that calls that of its base is one step
        try:
            for hook in (*_BEFORE_EVERY_STEP, *own.get("step_pre", ())):
                result = hook(self, args, kwargs)
                if result is not None:
                    if not (isinstance(result, tuple) and len(result) == 2):
                        raise RuntimeError(
                            "a step pre-hook must return None or a tuple (new_args, new_kwargs), but got "
                            f"{result}"
                        )
                    args, kwargs = result
            out = step(*args, **kwargs)
            for hook in (*own.get("step_post", ()), *_AFTER_EVERY_STEP):
                hook(self, args, kwargs)
        finally:
            self._stepping = False
        return out

    return hooked  # type: ignore[return-value]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()  # the default of an option of a user's own optimizer that every group must give


class Optimizer:
    """What every optimizer shares.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or dicts ``{"params": [...], "lr": ...}`` whose other
            entries override the defaults for their group.
        defaults: the options of a group that does not say otherwise.

    Attributes: ``param_groups`` (a list of dicts with ``params`` and the options; change ``lr`` there),
    ``state`` (per parameter) and ``defaults``.
    """

    _stepped = False  # whether step() was called since the first schedule was made, for the schedules to see
    _is_scheduled = False  # whether a schedule was made
    _stepping = False  # whether a step with hooks is under way
    _hooks: dict[str, list[Any]] = {}  # noqa: RUF012  # by kind; an instance that has hooks has its own
    _name = "Optimizer.step"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._name = cls.__name__ + ".step"
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: ParamsLike, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got a "
                "Tensor: put it in a list"
            )
        given: Any = params
        if not isinstance(given, Iterable):
            got = (
                "a method: call it, as in model.parameters()"
                if callable(given)
                else f"a {type(given).__name__}"
            )
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + got
            )
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters with options of its own (the rest from ``defaults``).

        The dict itself becomes the group, as in PyTorch. Errors: TypeError for what is not a Tensor,
        ValueError for non-leaves, parameters that are already in a group, and names for some parameters only;
        RuntimeError for memory that can't be written (expanded or read-only).
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        given = param_group["params"]
        if isinstance(given, set):
            raise TypeError("optimizer parameters need to be organized in ordered collections, not in a set")
        items: list[Any] = [given] if isinstance(given, Tensor) else list(given)
        names = [p[0] for p in items if isinstance(p, tuple)]
        items = [p[1] if isinstance(p, tuple) else p for p in items]
        named = bool(names) or "param_names" in param_group
        if len(names) not in (0, len(items)) or any(("param_names" in g) != named for g in self.param_groups):
            raise ValueError("all optimizer params should be with/without names: some have one, some do not")
        for p in items:
            if not isinstance(p, Tensor):
                kind = type(p).__name__
                raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {kind}")
            if not (p.is_leaf or p.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor: optimize the tensor it was computed from")
            if not hasattr(p, "materialize"):  # a lazy module's parameter has no memory yet
                with no_grad():
                    check_writable(p, self._name)
        if len({id(p) for p in items}) != len(items):
            raise ValueError("some parameters appear more than once in a parameter group")
        taken = {id(p) for g in self.param_groups for p in g["params"]}
        if any(id(p) in taken for p in items):
            raise ValueError("some parameters appear in more than one parameter group")
        param_group["params"] = items
        if names:
            param_group["param_names"] = names
        for name, default in self.defaults.items():
            if param_group.setdefault(name, default) is required:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {name}"
                )
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters: set ``.grad`` to None, or to zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                cell = p._cell
                if cell is None or cell.grad is None:
                    continue
                if set_to_none:
                    cell.grad = None
                else:
                    cell.grad._node = None
                    cell.grad._array.fill(0)
                    writes.note(cell.grad._array, "zero_grad")

    @_with_hooks
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        ``closure`` is called first, with gradients enabled; what it returns (the loss) is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        try:
            run_quietly(self._update_all)  # no warning of an overflow, for 1.3 us less than np.errstate costs
        except RuntimeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # from the update; without a further frame it is from run_quietly, which was taken
            with np.errstate(all="ignore"):
                self._update_all()
        return loss

    def _update_all(self) -> None:
        note, name, update = writes.note, self._name, self._update
        for group in self.param_groups:
            options = self._options(group)
            for p in group["params"]:
                cell = p._cell
                grad = None if cell is None else cell.grad
                if grad is not None:
                    array = p._array
                    update(p, array, grad._array, *options)
                    note(array, name)

    def _options(self, group: dict[str, Any]) -> tuple[Any, ...]:
        """The group's options as :meth:`_update` takes them."""
        raise NotImplementedError

    def _update(self, p: Tensor, array: Array, grad: Array, *options: Any) -> None:
        """Update ``array``, the parameter's memory, in place from its gradient, which must not change."""
        raise NotImplementedError

    # --- hooks ---------------------------------------------------------------------------------------------

    def _register(self, kind: str, hook: Hook, prepend: bool = False) -> RemovableHandle:
        if "_hooks" not in self.__dict__:
            self._hooks = {}
        hooks = self._hooks.setdefault(kind, [])
        handle = RemovableHandle(hooks, hook)
        if prepend:
            hooks.insert(0, hooks.pop())
        return handle

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return ``(args, kwargs)``."""
        return self._register("step_pre", hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return self._register("step_post", hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before :meth:`state_dict`."""
        return self._register("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` on what :meth:`state_dict` gives; it may return another."""
        return self._register("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` with a shallow copy before loading; it may return another."""
        return self._register("load_state_dict_pre", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after :meth:`load_state_dict`."""
        return self._register("load_state_dict_post", hook, prepend)

    # --- state ---------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        """What is copied and pickled: everything but the hooks, as in PyTorch."""
        return {name: value for name, value in self.__dict__.items() if name != "_hooks"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    def state_dict(self) -> dict[str, Any]:
        """``{"state": {index: ...}, "param_groups": [...]}`` as PyTorch's: parameters become indices."""
        for hook in self._hooks.get("state_dict_pre", ()):
            hook(self)
        index: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            packed = {k: v for k, v in group.items() if k != "params"}
            for p in group["params"]:
                index.setdefault(id(p), len(index))
            packed["params"] = [index[id(p)] for p in group["params"]]
            groups.append(packed)
        state: dict[Any, Any] = {}
        for key, values in self.state.items():
            if not isinstance(key, Tensor):
                state[key] = values
            elif id(key) in index:
                state[index[id(key)]] = values
        out = {"state": state, "param_groups": groups}
        for hook in self._hooks.get("state_dict_post", ()):
            result = hook(self, out)
            out = out if result is None else result
        return out

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state and options of ``state_dict`` (copied), for parameters in the same order.

        Errors: ValueError if the number of groups or of parameters in a group differs.
        """
        state_dict = state_dict.copy()
        for hook in self._hooks.get("load_state_dict_pre", ()):
            result = hook(self, state_dict)
            state_dict = state_dict if result is None else result
        groups = deepcopy(state_dict["param_groups"])
        if len(groups) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(groups)} for {len(self.param_groups)}"
            )
        for i, (own, loaded) in enumerate(zip(self.param_groups, groups)):
            if len(own["params"]) != len(loaded["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                    f"group: group {i} has {len(loaded['params'])} parameters, {len(own['params'])} here"
                )
        own_params = list(chain.from_iterable(g["params"] for g in self.param_groups))
        indices = list(chain.from_iterable(g["params"] for g in groups))
        by_index = dict(zip(indices, own_params))
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in by_index:
                state[by_index[key]] = {name: _like(v, by_index[key], name) for name, v in value.items()}
            elif isinstance(key, int):
                raise ValueError(f"loaded state dict has state of a parameter {key!r} that no group lists")
            else:
                state[key] = value
        for own, loaded in zip(self.param_groups, groups):
            loaded["params"] = own["params"]
            if "param_names" in own:
                loaded.setdefault("param_names", own["param_names"])
            for name, default in self.defaults.items():  # what an older version did not have
                loaded.setdefault(name, default)
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in self._hooks.get("load_state_dict_post", ()):
            hook(self)

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            options = [f"    {k}: {group[k]}\n" for k in sorted(group) if k != "params"]
            text += f"\nParameter Group {i}\n" + "".join(options)
        return text + ")"


def _like(value: Any, p: Tensor, name: str = "") -> Any:
    """A copy of a piece of state: per-element tensors in the parameter's dtype and memory order."""
    if isinstance(value, (list, tuple)):
        return type(value)(_like(v, p) for v in value)
    if not isinstance(value, Tensor):
        is_count = name == "step" and isinstance(value, (int, float))
        return (
            count(value) if is_count else deepcopy(value)
        )  # a number: as older versions of PyTorch saved it
    array, like = value._array, p._array
    if name == "step" or like.dtype.kind not in "fc":
        return Tensor._wrap(array.copy())
    if array.shape != like.shape:
        return Tensor._wrap(
            array.astype(np.result_type(array, like) if array.dtype.kind == "c" else like.dtype)
        )
    out = np.empty_like(like)
    out[...] = array
    return Tensor._wrap(out)


def count(value: float = 0) -> Tensor:
    """A number in an optimizer's state: 0-d, float64 if that is the default dtype, else float32."""
    return Tensor._wrap(np.array(value, np.float64 if default_dtype() == np.float64 else np.float32))


def advance(steps: Tensor) -> float:
    """Count one step more, and how many that makes."""
    t = float(steps._array) + 1
    steps._array.fill(t)  # a tenth of what += costs
    return t


def zeros_like(array: Array) -> Tensor:
    """State of the shape, dtype and memory order of a parameter."""
    return Tensor._wrap(np.zeros_like(array))


def filled_like(array: Array, value: complex) -> Tensor:
    """State as :func:`zeros_like`, of another value; both parts of a complex one."""
    return Tensor._wrap(np.full_like(array, value))
