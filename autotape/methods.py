"""Attaches the operations to Tensor: methods, in-place twins and operators.

``methods.pyi`` declares the same names with their signatures for type checkers and editors; it is generated
by ``python -m autotape._stubs``.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from autotape.display import tensor_repr
from autotape.engine.backward import backward
from autotape.engine.elementwise import reflected
from autotape.engine.tensor import Tensor, numpy_rooms
from autotape.engine.views import InPlaceTwin
from autotape.left_out import mark_methods
from autotape.ops import (
    activations,
    arithmetic,
    arranging,
    assigning,
    attributes,
    choices,
    combining,
    comparison,
    complexes,
    conversion,
    cumulative,
    diagonals,
    differences,
    einsum,
    exponentials,
    extrema,
    filling,
    floats,
    histograms,
    indexing,
    inplace,
    integers,
    joining,
    layouts,
    legacy,
    likes,
    log_sums,
    norms,
    numpy_reductions,
    numpy_shapes,
    order_statistics,
    ordering,
    powers,
    products,
    quantiles,
    reductions,
    refilling,
    rounding,
    sampling,
    scaled_products,
    scattering,
    selecting,
    shape,
    signs,
    slices,
    sorting,
    spectral,
    splitting,
    stacking,
    statistics,
    strides,
    tensor_products,
    ternary,
    trigonometry,
)
from autotape.special import bessel, entropy, error_functions, gamma

FAMILIES = (
    scaled_products,
    tensor_products,
    arithmetic,
    signs,
    ternary,
    complexes,
    powers,
    comparison,
    integers,
    choices,
    exponentials,
    trigonometry,
    rounding,
    floats,
    activations,
    error_functions,
    gamma,
    bessel,
    entropy,
    inplace,
    reductions,
    shape,
    ordering,
    layouts,
    strides,
    joining,
    splitting,
    stacking,
    combining,
    indexing,
    numpy_shapes,
    arranging,
    diagonals,
    selecting,
    scattering,
    filling,
    slices,
    attributes,
    conversion,
    legacy,
    likes,
    cumulative,
    einsum,
    extrema,
    norms,
    numpy_reductions,
    products,
    sorting,
    sampling,
    refilling,
    spectral,
    statistics,
    log_sums,
    order_statistics,
    quantiles,
    histograms,
    differences,
)

# Rooms that are imported when one of their methods is first used: linalg is a tenth of an import's time.
LATE_FAMILIES = {
    "autotape.linalg.general_norm": "norm",
    "autotape.linalg.legacy": "cholesky cholesky_inverse cholesky_solve det inverse logdet matrix_exp "
    "matrix_power pinverse qr slogdet svd triangular_solve",
}
numpy_rooms["numpy.linalg"] = numpy_rooms[np.vecdot] = "autotape.linalg.numpy_functions"


class _LateMethod:
    """A method of a room that is imported when the method is first used."""

    def __init__(self, room: str, name: str) -> None:
        self.room = room
        self.name = name

    def __get__(self, instance: Tensor | None, owner: type[Tensor]) -> Any:
        method = getattr(import_module(self.room), self.name)
        setattr(Tensor, self.name, method)
        return method if instance is None else method.__get__(instance)


for room, names in LATE_FAMILIES.items():
    for name in names.split():
        setattr(Tensor, name, _LateMethod(room, name))
for family in FAMILIES:
    for name in family.methods:
        setattr(Tensor, name, getattr(family, name))
    for name in family.in_place:
        setattr(Tensor, name + "_", InPlaceTwin(name + "_", getattr(family, name)))

# Python's operators: the function behind each, and the public name whose in-place twin is its `op=` form.
for name, function, public in (
    ("add", arithmetic.plus, "add"),
    ("sub", arithmetic.minus, "sub"),
    ("mul", arithmetic.mul, "mul"),
    ("truediv", arithmetic.true_divide, "div"),
    ("floordiv", arithmetic.floor_divide, "floor_divide"),
    ("mod", arithmetic.remainder, "remainder"),
    ("pow", powers.pow, "pow"),
    ("and", integers.bitwise_and, "bitwise_and"),
    ("or", integers.bitwise_or, "bitwise_or"),
    ("xor", integers.bitwise_xor, "bitwise_xor"),
    ("lshift", integers.bitwise_left_shift, "bitwise_left_shift"),
    ("rshift", integers.bitwise_right_shift, "bitwise_right_shift"),
):
    setattr(Tensor, f"__{name}__", function)
    commutes = name in ("add", "mul", "and", "or", "xor")
    setattr(Tensor, f"__r{name}__", function if commutes else reflected(function))
    setattr(Tensor, f"__i{name}__", getattr(Tensor, f"{public}_"))

Tensor.__matmul__ = products.operator
Tensor.__rmatmul__ = products.reflected_operator
for name in ("lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{name}__", getattr(comparison, name))
Tensor.__eq__ = comparison.equals
Tensor.__ne__ = comparison.differs
Tensor.__invert__ = integers.inverted
Tensor.where = choices.choose_where
Tensor.polygamma = gamma.polygamma_of
Tensor.polygamma_ = InPlaceTwin("polygamma_", gamma.polygamma_of)
Tensor.__neg__ = arithmetic.neg
Tensor.__pos__ = arithmetic.positive
Tensor.__abs__ = signs.abs
Tensor.conjugate = complexes.conj  # Python's and NumPy's spelling, which rules use: numbers have it too
Tensor.T = property(ordering.reversed_dims)
Tensor.mT = property(ordering.matrix_transpose)
Tensor.H = property(ordering.matrix_adjoint)
Tensor.mH = property(ordering.adjoint)
Tensor.layout = property(layouts.layout_of)
Tensor.is_sparse = Tensor.is_quantized = Tensor.is_meta = property(attributes.is_elsewhere)
Tensor.real = property(conversion.real)
Tensor.imag = property(conversion.imag)
Tensor.__getitem__ = indexing.getitem
Tensor.backward = backward
Tensor.__setitem__ = assigning.assign_item
Tensor.__delitem__ = assigning.delete_item
Tensor.__repr__ = tensor_repr
mark_methods(Tensor, "Tensor")
