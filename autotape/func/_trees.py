"""Nested tuples, named tuples, lists and dicts of values, as lists of their leaves and back."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

__all__: list[str] = []


class Spec(NamedTuple):
    """The structure of a tree: its type, the keys of a dict, the structures of the children."""

    kind: Any  # None for a leaf
    keys: Any
    children: tuple[Spec, ...]

    @property
    def leaves(self) -> int:
        """How many leaves the tree has."""
        return 1 if self.kind is None else sum(c.leaves for c in self.children)


LEAF = Spec(None, None, ())


def _children(tree: Any) -> tuple[Any, list[Any]] | None:
    """The keys and children of a node, None for a leaf."""
    if isinstance(tree, (list, tuple)) and (type(tree) in (list, tuple) or hasattr(tree, "_fields")):
        return None, list(tree)
    if type(tree) in (dict, OrderedDict):
        return list(tree), list(tree.values())
    if type(tree) is defaultdict:
        return (tree.default_factory, list(tree)), list(tree.values())
    return None


def flatten(tree: Any) -> tuple[list[Any], Spec]:
    """The leaves in order, and the structure."""
    found = _children(tree)
    if found is None:
        return [tree], LEAF
    keys, children = found
    leaves: list[Any] = []
    specs = []
    for child in children:
        below, spec = flatten(child)
        leaves += below
        specs.append(spec)
    return leaves, Spec(type(tree), keys, tuple(specs))


def unflatten(leaves: list[Any], spec: Spec) -> Any:
    """The tree of that structure with these leaves."""
    return _built(iter(leaves), spec)


def _built(leaves: Iterator[Any], spec: Spec) -> Any:
    if spec.kind is None:
        return next(leaves)
    children = [_built(leaves, c) for c in spec.children]
    if spec.kind in (dict, OrderedDict):
        return spec.kind(zip(spec.keys, children, strict=True))
    if spec.kind is defaultdict:
        factory, keys = spec.keys
        return defaultdict(factory, zip(keys, children, strict=True))
    return spec.kind(*children) if hasattr(spec.kind, "_fields") else spec.kind(children)


def spread_prefix(prefix: Any, spec: Spec) -> list[Any] | None:
    """The leaves of ``prefix``, repeated for the part of the tree each stands for; None if it is none."""
    if spec.kind is None:
        return [prefix] if _children(prefix) is None else None
    found = _children(prefix)
    if found is None:
        return [prefix] * spec.leaves
    keys, children = found
    if type(prefix) is not spec.kind or keys != spec.keys or len(children) != len(spec.children):
        return None
    leaves: list[Any] = []
    for child, below in zip(children, spec.children, strict=True):
        part = spread_prefix(child, below)
        if part is None:
            return None
        leaves += part
    return leaves


def tree_map(function: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with ``function`` applied to every leaf."""
    leaves, spec = flatten(tree)
    return unflatten([function(x) for x in leaves], spec)
