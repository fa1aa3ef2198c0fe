"""Attaches the operations to Tensor: methods, in-place twins and operators.

``methods.pyi`` declares the same names with their signatures for type checkers and editors; it is generated
by ``python -m autotape._stubs``.
"""

from __future__ import annotations

from autotape.display import tensor_repr
from autotape.engine.elementwise import reflected
from autotape.engine.replay import backward
from autotape.engine.tensor import Tensor
from autotape.engine.views import in_place
from autotape.ops import (
    activations,
    arithmetic,
    arranging,
    assigning,
    choices,
    comparison,
    conversion,
    cumulative,
    einsum,
    elementwise,
    extrema,
    indexing,
    inplace,
    inverses,
    joining,
    likes,
    norms,
    numpy_reductions,
    numpy_shapes,
    ordering,
    powers,
    products,
    reductions,
    sampling,
    selecting,
    shape,
    sorting,
)

FAMILIES = (
    arithmetic,
    powers,
    comparison,
    choices,
    elementwise,
    activations,
    inplace,
    reductions,
    shape,
    ordering,
    joining,
    indexing,
    numpy_shapes,
    arranging,
    selecting,
    conversion,
    likes,
    cumulative,
    einsum,
    extrema,
    inverses,
    norms,
    numpy_reductions,
    products,
    sorting,
    sampling,
)

for family in FAMILIES:
    for name in family.methods:
        setattr(Tensor, name, getattr(family, name))
    for name in family.in_place:
        setattr(Tensor, name + "_", in_place(getattr(family, name)))

# Python's operators: the function behind each, and the public name whose in-place twin is its `op=` form.
for name, function, public in (
    ("add", arithmetic.plus, "add"),
    ("sub", arithmetic.minus, "sub"),
    ("mul", arithmetic.mul, "mul"),
    ("truediv", arithmetic.divided, "div"),
    ("floordiv", arithmetic.floor_divide, "floor_divide"),
    ("mod", arithmetic.remainder, "remainder"),
    ("pow", powers.pow, "pow"),
    ("and", comparison.bitwise_and, "bitwise_and"),
    ("or", comparison.bitwise_or, "bitwise_or"),
    ("xor", comparison.bitwise_xor, "bitwise_xor"),
    ("lshift", comparison.bitwise_left_shift, "bitwise_left_shift"),
    ("rshift", comparison.bitwise_right_shift, "bitwise_right_shift"),
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
Tensor.__invert__ = comparison.inverted
Tensor.where = choices.choose_where
Tensor.__neg__ = arithmetic.neg
Tensor.__pos__ = arithmetic.positive
Tensor.__abs__ = arithmetic.abs
Tensor.conjugate = arithmetic.conj  # Python's and NumPy's spelling, which rules use: numbers have it too
Tensor.T = property(ordering.reversed_dims)
Tensor.mT = property(ordering.matrix_transpose)
Tensor.real = property(conversion.real)
Tensor.imag = property(conversion.imag)
Tensor.__getitem__ = indexing.getitem
Tensor.backward = backward
Tensor.__setitem__ = assigning.assign_item
Tensor.__repr__ = tensor_repr
