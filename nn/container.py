"""Modules that hold modules: in a row, in a list, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from operator import index as as_index
from typing import Any, TypeVar

from autotape.engine.tensor import Tensor
from autotape.nn.module import Module, indented

__all__ = ["ModuleDict", "ModuleList", "Sequential"]

S = TypeVar("S", bound="_Row")
Q = TypeVar("Q", bound="Sequential")


def position_of(index: Any, length: int) -> int:
    """An index counted from the front; IndexError if it is out of range."""
    position = as_index(index)
    if not -length <= position < length:
        raise IndexError(f"index {position} is out of range")
    return position % length


def items_of(items: Any, kind: str) -> list[Any]:
    """The items that ``extend`` was called with; TypeError for what is no iterable."""
    if not isinstance(items, Iterable) or isinstance(items, Tensor):
        raise TypeError(f"{kind}.extend should be called with an iterable, but got {type(items).__name__}")
    return list(items)


def pairs_of(items: Any, kind: str) -> Iterator[tuple[Any, Any]]:
    """The pairs of a mapping or of an iterable of pairs; TypeError or ValueError for anything else."""
    if hasattr(items, "items"):
        items = items.items()
    elif not isinstance(items, Iterable):
        raise TypeError(
            f"{kind}.update should be called with an iterable of key/value pairs, but got "
            f"{type(items).__name__}"
        )
    for i, pair in enumerate(items):
        if not isinstance(pair, Iterable):
            raise TypeError(
                f"{kind} update sequence element #{i} should be Iterable; is {type(pair).__name__}"
            )
        values = list(pair)
        if len(values) != 2:
            raise ValueError(f"{kind} update sequence element #{i} has length {len(values)}; 2 is required")
        yield values[0], values[1]


class _Row(Module):
    """Child modules in an order, named "0", "1" ... unless they came with names."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def _name(self, index: Any) -> str:
        names: list[str] = list(self._modules)
        return names[position_of(index, len(self))]

    def __getitem__(self, index: Any) -> Any:
        return self._modules[self._name(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._name(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name(index)]
        self._number([module for name, module in self._modules.items() if name not in names])

    def _number(self, modules: list[Any]) -> None:
        self._modules = {str(i): module for i, module in enumerate(modules)}

    def append(self: S, module: Module) -> S:
        """Add a module at the end; returns self."""
        self.add_module(str(len(self)), module)
        return self

    def _insert(self, index: int, module: Module) -> None:
        if not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index}")
        modules = list(self)
        modules.insert(index, module)
        self._number(modules)

    def extend(self: S, modules: Iterable[Module]) -> S:
        """Add modules at the end; returns self."""
        for module in items_of(modules, type(self).__name__):
            self.append(module)
        return self

    def pop(self, key: Any) -> Any:
        """Take away and return the module at an index."""
        module = self[key]
        del self[key]
        return module

    def __iadd__(self: S, other: Iterable[Module]) -> S:
        return self.extend(other)


class Sequential(_Row):
    """Modules in a row: each gets the output of the one before.

    Made from modules, or from an ordered dict of modules by name. Indexing, slicing, ``len``, iteration,
    ``append``, ``extend``, ``insert``, ``pop``, ``+`` and ``*`` work as with a list.

    >>> import autotape as at
    >>> from autotape import nn
    >>> net = nn.Sequential(nn.Linear(64, 30), nn.ReLU(), nn.Linear(30, 10))
    >>> net
    Sequential(
      (0): Linear(in_features=64, out_features=30, bias=True)
      (1): ReLU()
      (2): Linear(in_features=30, out_features=10, bias=True)
    )
    >>> net(at.ones(5, 64)).shape
    autotape.Size([5, 10])
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def forward(self, input: Any) -> Any:
        """The last module's output."""
        members = self.__dict__
        for name in members["_module_names"]:
            input = members[name](input)
        return input

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(dict(list(self._modules.items())[index]))
        return super().__getitem__(index)

    def insert(self: Q, index: int, module: Module) -> Q:
        """Add a module before the one at ``index``; those after it move up by one. Returns self."""
        self._insert(index, module)
        return self

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(
                f"add operator supports only objects of Sequential class, but {type(other)} is given."
            )
        return Sequential(*self, *other)

    def __mul__(self, factor: int) -> Sequential:
        return Sequential(*self._repeated(factor))

    __rmul__ = __mul__

    def __imul__(self: Q, factor: int) -> Q:
        self._number(self._repeated(factor))
        return self

    def _repeated(self, factor: int) -> list[Module]:
        if not isinstance(factor, int):
            raise TypeError(
                f"unsupported operand type(s) for *: {type(self).__name__} and {type(factor).__name__}"
            )
        if factor <= 0:
            raise ValueError(f"Non-positive multiplication factor {factor} for {type(self)}")
        return list(self) * factor


class ModuleList(_Row):
    """Modules in a list: registered, so that ``parameters()`` finds them; you call them as you like.

    Indexing, slicing, ``len``, iteration, ``append``, ``extend``, ``insert``, ``pop`` and ``+`` work as with
    a list.

    >>> from autotape import nn
    >>> nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    ModuleList(
      (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return super().__getitem__(index)

    def insert(self, index: int, module: Module) -> None:
        """Add a module before the one at ``index``; those after it move up by one."""
        self._insert(index, module)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList(chain(self, other))

    def __repr__(self) -> str:
        runs: list[list[Any]] = []  # [first, last, text] of modules in a row that look the same
        for i, module in enumerate(self):
            text = repr(module)
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        if not runs:
            return f"{type(self).__name__}()"
        lines = []
        for first, last, text in runs:
            head = f"({first}): " if first == last else f"({first}-{last}): {last - first + 1} x "
            lines.append(f"\n  {head}{indented(text)}")
        return f"{type(self).__name__}({''.join(lines)}\n)"


class ModuleDict(Module):
    """Modules by name: registered, so that ``parameters()`` finds them; you call them as you like.

    A name must be without dots and none that the class itself uses. ``keys``, ``items``, ``values``,
    ``update``, ``pop``, ``clear``, ``in`` and ``len`` work as with a dict.

    >>> from autotape import nn
    >>> nn.ModuleDict({"act": nn.ReLU()})["act"]
    ReLU()
    """

    def __init__(self, modules: Any = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Take all modules away."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Take away and return the module of that name."""
        return self._modules.pop(key)

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._modules.keys()  # type: ignore[no-any-return]

    def items(self) -> Iterable[tuple[str, Any]]:
        """Pairs of name and module."""
        return self._modules.items()  # type: ignore[no-any-return]

    def values(self) -> Iterable[Any]:
        """The modules."""
        return self._modules.values()  # type: ignore[no-any-return]

    def update(self, modules: Any) -> None:
        """Add or replace modules from a mapping, another ModuleDict or pairs of name and module."""
        for name, module in pairs_of(modules, "ModuleDict"):
            self[name] = module
