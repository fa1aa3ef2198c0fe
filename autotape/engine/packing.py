"""Saved arrays in the hands of hooks: what ``autograd.graph.saved_tensors_hooks`` and checkpoints stand on.

While hooks are set, every array that an entry would keep for its rule is handed to ``pack``; the entry keeps
what that returned (``entry.packed``, and no ``saved``), and the replay asks ``unpack`` for the array.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import numpy as np

from autotape.engine.tape import Entry, Node, Tape, on_tape, owner_of, tick, writes
from autotape.engine.tensor import Tensor, new_tensor

__all__ = ["Handle", "HookPair", "Packed", "SavedHooks", "check_unwritten", "pack_entry", "saving", "watch"]

Array = np.ndarray[Any, Any]


class SavedHooks:
    """What becomes of saved tensors."""

    def pack(self, tensor: Tensor) -> Any:
        """What the tape keeps in the tensor's place."""
        raise NotImplementedError

    def unpack(self, value: Any) -> Tensor:
        """The tensor that ``value`` stands for."""
        raise NotImplementedError

    def rescue(self, value: Any, owner: Array) -> Any:
        """``value`` anew if it lies in the memory ``owner``, which is about to be overwritten."""
        tensor = on_tape(None, self.unpack, value)
        if isinstance(tensor, Tensor) and owner_of(tensor._array) is owner:
            return on_tape(None, self.pack, Tensor._wrap(tensor._array.copy()))
        return value


class HookPair(SavedHooks):
    """Two functions of the user's."""

    def __init__(self, pack: Callable[[Tensor], Any], unpack: Callable[[Any], Tensor]) -> None:
        self._pack = pack
        self._unpack = unpack

    def pack(self, tensor: Tensor) -> Any:
        """The first."""
        return self._pack(tensor)

    def unpack(self, value: Any) -> Tensor:
        """The second."""
        return self._unpack(value)


saving: ContextVar[SavedHooks | None] = ContextVar("autotape.saving", default=None)


def watch(change: int) -> None:
    """Make recording look for hooks (1), or no longer (-1); the calls are counted."""
    with Tape._counting:
        Tape._detailed += change


class Handle:
    """One saved array, packed."""

    def __init__(self, array: Array, node: Node | None, hooks: SavedHooks) -> None:
        tensor = new_tensor(Tensor)
        tensor._array = array
        tensor._node = node
        version = writes.version(array)
        self.hooks = hooks
        self.value = on_tape(None, hooks.pack, tensor)
        if writes.version(array) != version:
            raise RuntimeError(
                "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack "
                "hook cannot be modified by in-place operations, as others use them too; clone() it first."
            )
        self.clock = tick()
        self.shape = array.shape
        self.memory: Callable[[], Array | None] = weakref.ref(owner_of(array))

    def unpack(self) -> Array:
        """The array; TypeError or RuntimeError if the hook returned something that can't stand for it."""
        tensor = on_tape(None, self.hooks.unpack, self.value)
        if not isinstance(tensor, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(tensor).__name__}"
            )
        array = tensor._array
        if array.shape != self.shape:
            raise RuntimeError(
                f"Output of saved tensor unpack_hook has the shape {list(array.shape)}, the tensor that was "
                f"packed had {list(self.shape)}"
            )
        if owner_of(array) is self.memory():
            check_unwritten(array, self.clock)
        return array

    def rescue(self, owner: Array) -> None:
        """Before ``owner`` is overwritten by the operation that saved this array."""
        if self.memory() is owner:
            self.value = self.hooks.rescue(self.value, owner)
            self.clock = tick()
            self.memory = _nothing


def _nothing() -> None:
    return None


def check_unwritten(array: Array, since: int) -> None:
    """RuntimeError if ``array``'s memory was written after the clock ``since``."""
    write = writes.of(array)
    if write is not None and write.clock > since:
        raise RuntimeError(
            "one of the variables needed for gradient computation has been modified by an inplace operation: "
            f"a saved {array.dtype.name} tensor of shape {list(array.shape)}, which its pack hook kept "
            f"without a copy, was overwritten by {write.name}. clone() it in the hook, or before the change."
        )


class Packed:
    """What an entry saved, packed: a tuple with a :class:`Handle` in each array's place."""

    def __init__(self, entry: Entry, hooks: SavedHooks) -> None:
        assert entry.saved is not None
        values = list(entry.saved)
        for i, value in enumerate(values):
            parent = entry.parents[i - 1] if 0 < i <= len(entry.parents) else None
            values[i] = _pack(value, parent, hooks)
        self.values = tuple(values)

    def unpack(self) -> tuple[Any, ...]:
        """What the entry saved."""
        return tuple([_unpack(v) for v in self.values])

    def rescue(self, owner: Array) -> None:
        """See :meth:`Handle.rescue`."""
        for value in self.values:
            if isinstance(value, Handle):
                value.rescue(owner)


def _pack(value: Any, node: Node | None, hooks: SavedHooks) -> Any:
    if isinstance(value, np.ndarray):
        # A number that was an operand is no saved tensor.
        return Handle(value, node, hooks) if value.ndim or node is not None else value
    if type(value) is tuple:
        return tuple([_pack(v, None, hooks) for v in value])
    return value


def _unpack(value: Any) -> Any:
    if isinstance(value, Handle):
        return value.unpack()
    return tuple([_unpack(v) for v in value]) if type(value) is tuple else value


def pack_entry(entry: Entry) -> None:
    """Hand what ``entry`` saved to the hooks that are set, if any."""
    hooks = saving.get()
    if hooks is not None and entry.saved:
        packed = Packed(entry, hooks)
        if any(_holds_handle(v) for v in packed.values):
            entry.packed, entry.saved = packed, None


def _holds_handle(value: Any) -> bool:
    return isinstance(value, Handle) or (type(value) is tuple and any(_holds_handle(v) for v in value))
