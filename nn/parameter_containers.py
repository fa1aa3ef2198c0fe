"""Modules that hold parameters: in a list, by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from autotape.engine.tensor import Tensor
from autotape.nn.container import items_of, pairs_of, position_of
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter

__all__ = ["ParameterDict", "ParameterList"]

P = TypeVar("P", bound="ParameterList")
D = TypeVar("D", bound="ParameterDict")


def _parameter(value: Any) -> Any:
    """A Parameter on the memory of a Tensor; any other value itself."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _listed(items: Iterable[tuple[Any, Any]], head: Callable[[Tensor], str]) -> str:
    """A line per value for the repr of a container."""
    lines = []
    for key, value in items:
        if isinstance(value, Tensor):
            text = f"{head(value)} of size {'x'.join(map(str, value.shape))}]"
        else:
            text = f"Object of type: {type(value).__name__}"
        lines.append(f"  ({key}): {text}")
    return "\n".join(lines)


class ParameterList(Module):
    """Parameters in a list: registered, so that ``parameters()`` finds them.

    A Tensor becomes a Parameter; a value that is no Tensor is kept as it is. Indexing, slicing, ``len``,
    iteration, ``append`` and ``extend`` work as with a list.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ParameterList([at.ones(2), at.ones(3, 4)])
    ParameterList(
        (0): Parameter containing: [autotape.float32 of size 2]
        (1): Parameter containing: [autotape.float32 of size 3x4]
    )
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([getattr(self, str(i)) for i in range(self._size)])

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self)[index])
        return getattr(self, str(position_of(index, self._size)))

    def __setitem__(self, index: int, value: Any) -> None:
        self._put(position_of(index, self._size), value)

    def _put(self, position: int, value: Any) -> None:
        setattr(self, str(position), _parameter(value))

    def append(self: P, value: Any) -> P:
        """Add a value at the end; returns self."""
        self._put(self._size, value)
        self._size += 1
        return self

    def extend(self: P, values: Iterable[Any]) -> P:
        """Add values at the end; returns self."""
        for value in items_of(values, "ParameterList"):
            self.append(value)
        return self

    def __iadd__(self: P, values: Iterable[Any]) -> P:
        return self.extend(values)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        raise RuntimeError("ParameterList should not be called.")

    def extra_repr(self) -> str:
        """One line per value."""
        return _listed(enumerate(self), lambda value: f"{type(value).__name__} containing: [{value.dtype}")


class ParameterDict(Module):
    """Parameters by name: registered, so that ``parameters()`` finds them.

    A Tensor becomes a Parameter; a value that is no Tensor is kept as it is. The methods are those of a dict
    (``keys``, ``items``, ``values``, ``update``, ``get``, ``pop``, ``popitem``, ``setdefault``, ``clear``,
    ``copy``, ``fromkeys``, ``|``, ``in``, ``len`` ...). Names are strings that no attribute of the class has.
    The order is that of insertion, except that a plain dict is taken in the order of its sorted keys.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ParameterDict({"left": at.ones(5), "right": at.ones(5, 2)})
    ParameterDict(
        (left): Parameter containing: [autotape.FloatTensor of size 5]
        (right): Parameter containing: [autotape.FloatTensor of size 5x2]
    )
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, _checked(key))

    def __setitem__(self, key: str, value: Any) -> None:
        self._keys[_checked(key)] = None
        setattr(self, key, _parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._keys[_checked(key)]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def keys(self) -> Iterable[str]:
        """The names."""
        return self._keys.keys()

    def values(self) -> Iterable[Any]:
        """The values."""
        return (self[key] for key in self._keys)

    def items(self) -> Iterable[tuple[str, Any]]:
        """Pairs of name and value."""
        return ((key, self[key]) for key in self._keys)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of that name, or ``default``."""
        return getattr(self, key) if key in self else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of that name, which is ``default`` from now on if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Take away and return the value of that name."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take away and return the pair that was added last."""
        key = next(reversed(self._keys), None)
        if key is None:
            raise KeyError("popitem(): the ParameterDict is empty")
        return key, self.pop(key)

    def clear(self) -> None:
        """Take all values away."""
        for key in list(self._keys):
            del self[key]

    def copy(self) -> ParameterDict:
        """Another ParameterDict of the same values."""
        return ParameterDict(OrderedDict(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new ParameterDict with the same value under all these names."""
        return ParameterDict([(key, default) for key in keys])

    def update(self, parameters: Any) -> None:
        """Add or replace values from a mapping or pairs of name and value."""
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            parameters = sorted(parameters.items())
        for key, value in pairs_of(parameters, "ParameterDict"):
            self[key] = value

    def __or__(self, other: Any) -> ParameterDict:
        merged = self.copy()
        merged.update(other)
        return merged

    def __ror__(self, other: Any) -> Any:
        merged = other.copy()
        merged.update(self)
        return merged

    def __ior__(self: D, other: Any) -> D:
        self.update(other)
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: D102
        raise RuntimeError("ParameterDict should not be called.")

    def extra_repr(self) -> str:
        """One line per value."""

        def head(value: Tensor) -> str:
            kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
            return f"{kind} containing: [{value.type()}"

        return _listed(self.items(), head)


def _checked(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"the names in a ParameterDict are strings, got {key!r} ({type(key).__name__})")
    return key
