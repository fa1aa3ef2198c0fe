"""A nested structure of containers, numbers and tensors as one JSON text, and arrays by name.

Null, true and false, strings, integers of 64 bits and finite floats are written as JSON writes them, a list
as a JSON array. Everything else is an object whose first key says what it is::

    {"dict": [[key, value], ...]}            a dict: keys keep their type and order
    {"ordered": [[key, value], ...]}         an OrderedDict; a state dict has "metadata", its _metadata, too
    {"tuple": [...]}  {"size": [...]}        a tuple, a Size
    {"tensor": name}  {"array": name}        a Tensor, a NumPy array: the tensor of that name in the file
    {"bytes": name}                          bytes: a U8 tensor in the file
    {"scalar": ["f4", "0000803f"]}           a NumPy scalar: its type and bytes
    {"int": "0x1..."}  {"float": "00..."}    an integer of more bits, the bytes of an infinity or a NaN
    {"complex": [real, imag]}  {"dtype": "float32"}  {"device": "cpu"}
    {"ref": 3}                               once more the container that was the fourth to be complete

A tensor can have more: ``"requires_grad": true``, ``"same": name`` (it is the object that the tensor of that
name is) or ``"memory": name, "offset": bytes, "strides": [bytes, ...]`` (it lies in the memory of that one).
"""

from __future__ import annotations

import json
import math
import reprlib
import struct
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, NoReturn

import numpy as np

from autotape.engine.basics import Size, device
from autotape.engine.dtypes import DType, bfloat16, from_numpy_dtype
from autotape.engine.tensor import Tensor
from autotape.serialization._advice import advice
from autotape.serialization._header import METADATA, NUMPY_TYPES
from autotape.serialization._sharing import find_views, overlay

__all__ = ["decode", "encode"]

Array = np.ndarray[Any, np.dtype[Any]]

MAX_DEPTH = 100
_TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"
_DTYPES = {dtype.name: from_numpy_dtype(dtype) for dtype in NUMPY_TYPES.values()} | {"bfloat16": bfloat16}


def encode(value: object) -> tuple[str, dict[str, Array]]:
    """The JSON text and the arrays of a structure.

    Raises TypeError for an object that can't be saved, ValueError for a cycle, for more than 100 levels and
    for memory shared in a way that can't be kept; the message names the place, as ``obj['model'][0]``.
    """
    encoder = _Encoder()
    tree = encoder.encode(value)
    encoder.mark_shared_memory()
    return json.dumps(tree, separators=(",", ":"), allow_nan=False), encoder.arrays


def decode(text: str, arrays: Mapping[str, Array]) -> tuple[Any, list[Tensor]]:
    """The structure that was encoded, and its tensors; ValueError where no structure gives this text."""
    try:
        tree = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
        decoder = _Decoder(arrays)
        value = decoder.decode(tree)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if unused := arrays.keys() - decoder.used:
        raise ValueError(f"the tensor {min(unused)!r:.200} has no place in it")
    return value, decoder.tensors


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key appears twice in one JSON object")
    return result


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


class _Encoder:
    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._path: list[object] = []
        self._open: set[int] = set()  # ids of the containers around the current place
        self._complete: dict[int, int] = {}  # ids of containers to their numbers
        self._names: dict[int, str] = {}  # ids of tensors and arrays to the names they got first
        self._tensors: dict[str, tuple[dict[str, Any], str]] = {}  # names to nodes and places

    def encode(self, value: Any) -> Any:
        kind = type(value)
        if value is None or kind is bool or kind is str:
            return value
        if kind is int:
            return value if -(1 << 63) <= value < 1 << 63 else {"int": hex(value)}
        if kind is float:
            return value if math.isfinite(value) else {"float": struct.pack("<d", value).hex()}
        if kind is complex:
            return {"complex": [self.encode(value.real), self.encode(value.imag)]}
        if kind in (dict, list, tuple, Size) or (
            isinstance(value, OrderedDict) and vars(value).keys() <= {"_metadata"}
        ):
            return self._container(value)
        if isinstance(value, Tensor):
            node = self._array("tensor", value, value._array)
            if value.requires_grad:
                node["requires_grad"] = True
            return node
        if kind is np.ndarray and value.dtype.str[1:] in NUMPY_TYPES:
            return self._array("array", value, value)
        if isinstance(value, np.generic) and value.dtype.str[1:] in NUMPY_TYPES:
            data = value.astype(value.dtype.newbyteorder("<")).tobytes()
            return {"scalar": [value.dtype.str[1:], data.hex()]}
        if kind is bytes:
            return {"bytes": self._add(np.frombuffer(value, np.uint8))}
        if isinstance(value, DType):
            return {"dtype": value.name}
        if isinstance(value, device):
            return {"device": str(value)}
        raise TypeError(f"{self._place()} is a {kind.__qualname__}, which can't be saved; {advice(value)}")

    def mark_shared_memory(self) -> None:
        views, pair = find_views({name: self.arrays[name] for name in self._tensors})
        if pair is not None:
            a, b = sorted(pair, key=list(self._tensors).index)
            raise ValueError(
                f"{self._tensors[a][1]} and {self._tensors[b][1]} share a part of their memory, which would "
                "not be so after loading; save a .clone() of one, or a contiguous tensor both lie in as well"
            )
        for name, view in views.items():
            node, _ = self._tensors[name]
            node.update(memory=view.owner, offset=view.offset, strides=view.strides)

    def _container(self, value: Any) -> Any:
        if id(value) in self._complete:
            return {"ref": self._complete[id(value)]}
        if id(value) in self._open:
            raise ValueError(f"{self._place()} is a {type(value).__name__} that contains itself")
        if len(self._path) == MAX_DEPTH:
            raise ValueError(f"{self._place()} lies more than {MAX_DEPTH} levels deep; save it flatter")
        self._open.add(id(value))
        node: Any
        if isinstance(value, dict):
            pairs = [[self._key(key), self._item(key, item)] for key, item in value.items()]
            node = {"ordered" if isinstance(value, OrderedDict) else "dict": pairs}
            if metadata := getattr(value, "_metadata", None):
                node["metadata"] = self._item("_metadata", metadata)
        else:
            items = [self._item(index, item) for index, item in enumerate(value)]
            node = items if type(value) is list else {type(value).__name__.lower(): items}
        self._open.remove(id(value))
        self._complete[id(value)] = len(self._complete)
        return node

    def _item(self, step: object, value: Any) -> Any:
        # str() of a very long integer is an error.
        self._path.append(hex(step) if type(step) is int and step.bit_length() > 64 else step)
        node = self.encode(value)
        self._path.pop()
        return node

    def _key(self, key: object) -> Any:
        if key is None or type(key) in (str, int, float, bool):
            return self.encode(key)
        raise TypeError(
            f"{self._place()} has the key {key!r:.100}, a {type(key).__qualname__}; "
            "the keys of a dict that is saved are str, int, float, bool or None"
        )

    def _array(self, tag: str, value: object, array: Array) -> dict[str, Any]:
        name = self._add(array)
        node = {tag: name}
        first = self._names.setdefault(id(value), name)
        if first != name:
            node["same"] = first
        elif tag == "tensor":
            self._tensors[name] = node, self._place()
        return node

    def _add(self, array: Array) -> str:
        """Name the array by the keys that lead to it, so that other readers find it under them."""
        base = ".".join(map(str, self._path)) if self._path else "value"
        name = base = base.encode(errors="replace").decode()
        count = 1
        while name in self.arrays or name == METADATA:
            count += 1
            name = f"{base}#{count}"
        self.arrays[name] = array
        return name

    def _place(self) -> str:
        steps = [f"[{step!r:.100}]" for step in self._path]
        return "obj" + "".join(steps if len(steps) < 12 else [*steps[:8], "...", *steps[-2:]])


class _Decoder:
    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self.tensors: list[Tensor] = []
        self.used: set[str] = set()
        self._arrays = arrays
        self._complete: list[Any] = []
        self._objects: dict[tuple[str, str], Any] = {}  # tensors and arrays by tag and name

    def decode(self, node: Any, depth: int = 0) -> Any:
        if depth > MAX_DEPTH:
            raise ValueError(_TOO_DEEP)
        match node:
            case None | bool() | str() | int():
                return node
            case float() if math.isfinite(node):
                return node
            case list():
                return self._container([self.decode(item, depth + 1) for item in node])
            case {"tensor": str(name), **marks}:
                return self._object("tensor", name, marks)
            case {"array": str(name), **marks}:
                return self._object("array", name, marks)
            case {"ordered": list(pairs), "metadata": metadata} if len(node) == 2:
                ordered = OrderedDict(self._dict(pairs, depth + 1))
                vars(ordered)["_metadata"] = self.decode(metadata, depth + 1)
                return self._container(ordered)
            case dict() if len(node) != 1:
                pass
            case {"ordered": list(pairs)}:
                return self._container(OrderedDict(self._dict(pairs, depth + 1)))
            case {"dict": list(pairs)}:
                return self._container(self._dict(pairs, depth + 1))
            case {"tuple": list(items)}:
                return self._container(tuple([self.decode(item, depth + 1) for item in items]))
            case {"size": list(items)} if all(type(item) is int for item in items):
                return self._container(Size(items))
            case {"ref": int(number)} if 0 <= number < len(self._complete):
                return self._complete[number]
            case {"bytes": str(name)}:
                return self._take(name).tobytes()
            case {"scalar": [str(kind), str(digits)]} if kind in NUMPY_TYPES:
                return _scalar(NUMPY_TYPES[kind], digits)
            case {"int": str(digits)}:
                return int(digits, 16)
            case {"float": str(digits)}:
                return float(_scalar(np.dtype("<f8"), digits))
            case {"complex": [real, imag]}:
                return complex(_float(self.decode(real)), _float(self.decode(imag)))
            case {"dtype": str(name)} if name in _DTYPES:
                return _DTYPES[name]
            case {"device": str(name)}:
                return _device(name)
        raise ValueError(f"it has a node that means nothing: {reprlib.repr(node)}")

    def _container(self, value: Any) -> Any:
        self._complete.append(value)
        return value

    def _dict(self, pairs: list[Any], depth: int) -> dict[Any, Any]:
        result = {}
        for pair in pairs:
            if type(pair) is not list or len(pair) != 2:
                raise ValueError(f"a dict has an item that is no key with a value: {reprlib.repr(pair)}")
            key = self.decode(pair[0])
            if key is not None and type(key) not in (str, int, float, bool):
                raise ValueError(f"a dict has a key that is a {type(key).__name__}")
            result[key] = self.decode(pair[1], depth)
        if len(result) < len(pairs):
            raise ValueError("a dict has a key twice")
        return result

    def _object(self, tag: str, name: str, marks: dict[Any, Any]) -> Any:
        array = self._take(name)
        requires_grad = marks.pop("requires_grad", False)
        match marks:
            case {"same": str(first)} if len(marks) == 1 and (tag, first) in self._objects:
                return self._objects[tag, first]
            case {"memory": str(owner), "offset": int(offset), "strides": list(strides)} if len(marks) == 3:
                if tag != "tensor" or owner not in self._arrays:
                    raise ValueError(f"the tensor {name!r:.200} can't lie in the memory of {owner!r:.200}")
                array = overlay(self._arrays[owner], array, offset, strides)
            case _ if marks:
                raise ValueError(f"the tensor {name!r:.200} is marked, but wrongly: {reprlib.repr(marks)}")
        value: Any = array
        if tag == "tensor":
            value = Tensor._wrap(array)
            if requires_grad is True and array.dtype.kind in "fc":
                value.requires_grad = True
            self.tensors.append(value)
        self._objects[tag, name] = value
        return value

    def _take(self, name: str) -> Array:
        if name not in self._arrays or name in self.used:
            raise ValueError(f"the tensor {name!r:.200} is not in the file, or has two places")
        self.used.add(name)
        return self._arrays[name]


def _scalar(dtype: np.dtype[Any], digits: str) -> np.generic[Any]:
    data = bytes.fromhex(digits)
    if len(data) != dtype.itemsize or (dtype.kind == "b" and data > b"\1"):
        raise ValueError(f"{digits!r:.100} is no {dtype.name}")
    scalar: np.generic[Any] = np.frombuffer(data, dtype).astype(dtype.newbyteorder("="))[0]
    return scalar


def _float(value: object) -> float:
    if type(value) is not float:
        raise ValueError("a complex number has a part that is no float")
    return value


def _device(name: str) -> device:
    try:
        return device(name)
    except RuntimeError:
        raise ValueError(f"{name!r:.100} is no device") from None
