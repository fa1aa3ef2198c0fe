"""The generated ``methods.pyi`` declares exactly what Tensor has."""

import ast
from importlib import import_module

from autotape._stubs import TARGET, generate
from autotape.engine.tensor import Tensor
from autotape.methods import FAMILIES, LATE_FAMILIES


def test_methods_stub_is_current() -> None:
    assert TARGET.read_text(encoding="utf-8") == generate(), "run: python -m autotape._stubs"


def test_methods_stub_declares_every_method_and_operator() -> None:
    (statement,) = (n for n in ast.parse(generate()).body if isinstance(n, ast.ClassDef))
    declared = {n.name for n in statement.body if isinstance(n, ast.FunctionDef)}
    for family in FAMILIES:
        assert declared >= set(family.methods)
        assert declared >= {f"{name}_" for name in family.in_place}
    for room, names in LATE_FAMILIES.items():
        assert sorted(names.split()) == sorted(import_module(room).methods)
        assert declared >= set(names.split())
    assert declared >= {"__add__", "__radd__", "__iadd__", "__matmul__", "__eq__", "__invert__"}
    assert all(hasattr(Tensor, name) for name in declared)
