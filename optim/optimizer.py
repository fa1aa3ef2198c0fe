"""The base of all optimizers: parameter groups, state, and the walk over the parameters.

A subclass writes only the update of one parameter, on ndarrays and in place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from autotape.autograd.modes import enable_grad, no_grad
from autotape.engine.tape import run_quietly, writes
from autotape.engine.tensor import Tensor
from autotape.engine.views import check_writable

__all__ = ["Optimizer"]

Array = np.ndarray[Any, Any]
ParamsLike = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]


class Optimizer:
    """What every optimizer shares.

    Args:
        params: tensors, ``(name, tensor)`` pairs, or dicts ``{"params": [...], "lr": ...}`` whose other
            entries override the defaults for their group.
        defaults: the options of a group that does not say otherwise.

    Attributes: ``param_groups`` (a list of dicts with ``params`` and the options; change ``lr`` there),
    ``state`` (per parameter) and ``defaults``.
    """

    _stepped = False  # whether step() was called, for the schedules to see

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
        self._name = type(self).__name__ + ".step"
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
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
            param_group.setdefault(name, default)
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

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient.

        ``closure`` is called first, with gradients enabled; what it returns (the loss) is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._stepped = True
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

    # --- state ---------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """``{"state": {index: ...}, "param_groups": [...]}`` as PyTorch's: parameters become indices."""
        index: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            packed = {k: v for k, v in group.items() if k != "params"}
            for p in group["params"]:
                index.setdefault(id(p), len(index))
            packed["params"] = [index[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {index[id(p)]: s for p, s in self.state.items() if id(p) in index}
        return {"state": state, "param_groups": groups}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state and options of ``state_dict`` (copied), for parameters in the same order.

        Errors: ValueError if the number of groups or of parameters in a group differs.
        """
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
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key not in by_index:
                raise ValueError(f"loaded state dict has state of a parameter {key!r} that no group lists")
            p = by_index[key]
            state[p] = {name: _like(v, p, name) for name, v in value.items()}
        for own, loaded in zip(self.param_groups, groups):
            loaded["params"] = own["params"]
            if "param_names" in own:
                loaded.setdefault("param_names", own["param_names"])
            for name, default in self.defaults.items():  # what an older version did not have
                loaded.setdefault(name, default)
        self.state = state
        self.param_groups = groups

    def __repr__(self) -> str:
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            options = [f"    {k}: {group[k]}\n" for k in sorted(group) if k != "params"]
            text += f"\nParameter Group {i}\n" + "".join(options)
        return text + ")"


def _like(value: Any, p: Tensor, name: str) -> Any:
    """A copy of a piece of state: per-element tensors in the parameter's dtype and memory order."""
    if not isinstance(value, Tensor):
        return deepcopy(value)
    if name == "step" or value._array.shape != p._array.shape:
        return Tensor._wrap(value._array.copy())
    out = np.empty_like(p._array)
    out[...] = value._array
    return Tensor._wrap(out)


def require(condition: bool, message: str) -> None:
    """ValueError(message) unless ``condition``: the check of an optimizer's argument."""
    if not condition:
        raise ValueError(message)


def require_rate(lr: float | Tensor) -> None:
    """ValueError unless ``lr`` is a learning rate: a non-negative number or a tensor that holds one."""
    require(not isinstance(lr, Tensor) or lr._array.size == 1, "Tensor lr must be 1-element")
    require(bool(lr >= 0), f"Invalid learning rate: {lr}")


def zeros_like(array: Array) -> Tensor:
    """State of the shape, dtype and memory order of a parameter."""
    return Tensor._wrap(np.zeros_like(array))


BLOCK = 16384
"""Elements that an update handles at a time: all its arrays' blocks stay in the cache, so a step makes one
trip through memory instead of one per NumPy call (``benchmarks/small_step.py``)."""


def blocks(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """The arrays, of one shape and dtype, in aligned pieces of at most BLOCK elements if memory order allows.

    Pieces are views of at least one dimension. Those of complex arrays are real: as in PyTorch, real and
    imaginary part are parameters of their own.
    """
    first = arrays[0]
    is_complex = first.dtype.kind == "c"
    if first.ndim and first.size <= BLOCK and not is_complex:
        yield arrays
        return
    if all(a.flags.c_contiguous for a in arrays):
        flat = [a.reshape(-1) for a in arrays]
    elif all(a.flags.f_contiguous for a in arrays):
        flat = [a.T.reshape(-1) for a in arrays]
    else:
        if is_complex:
            yield tuple([a.real for a in arrays])
            yield tuple([a.imag for a in arrays])
        else:
            yield arrays
        return
    if is_complex:
        flat = [a.view(first.real.dtype) for a in flat]
    for start in range(0, flat[0].size, BLOCK):
        yield tuple([a[start : start + BLOCK] for a in flat])


def gradient(grad: Array, array: Array, maximize: bool, weight_decay: float) -> Array:
    """The gradient that an update uses: ``-grad`` to maximize, plus ``weight_decay * parameter``."""
    if maximize:
        grad = np.asarray(-grad)
    return np.asarray(grad + weight_decay * array) if weight_decay else grad
