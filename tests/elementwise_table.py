"""The elementwise operations as the tests see them: a new one adds its row here."""

import math
from typing import Any

import numpy as np

import autotape as at

# name: (NumPy's function, values between which it is smooth); integers are computed in the default dtype
FLOATING = {
    "acos": (np.arccos, -0.9, 0.9), "asin": (np.arcsin, -0.9, 0.9), "atan": (np.arctan, -5, 5),
    "cos": (np.cos, -7, 7), "cosh": (np.cosh, -3, 3), "exp": (np.exp, -3, 3), "expm1": (np.expm1, -3, 3),
    "log": (np.log, 0.1, 5), "log10": (np.log10, 0.1, 5), "log1p": (np.log1p, -0.8, 5),
    "log2": (np.log2, 0.1, 5), "reciprocal": (lambda x: 1 / x, 0.3, 3), "sin": (np.sin, -7, 7),
    "sinh": (np.sinh, -3, 3), "sqrt": (np.sqrt, 0.1, 5), "tan": (np.tan, -1.3, 1.3), "tanh": (np.tanh, -4, 4),
    "rsqrt": (lambda x: 1 / np.sqrt(x), 0.1, 5), "erf": (np.vectorize(math.erf, otypes=[float]), -3, 3),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), -20, 20), "acosh": (np.arccosh, 1.1, 5),
    "asinh": (np.arcsinh, -5, 5), "atanh": (np.arctanh, -0.9, 0.9), "exp2": (np.exp2, -3, 3),
    "deg2rad": (np.deg2rad, -90, 90), "rad2deg": (np.rad2deg, -3, 3), "angle": (np.angle, 0.1, 5),
}  # fmt: skip
# these keep integers
KEEPING = {
    "abs": (np.abs, 0.1, 5), "neg": (np.negative, -5, 5), "relu": (lambda x: np.maximum(x, 0), 0.1, 5),
    "sign": (np.sign, 0.1, 5), "square": (np.square, -5, 5), "floor": (np.floor, 1.1, 1.9),
    "ceil": (np.ceil, 1.1, 1.9), "round": (np.rint, 1.6, 2.4), "nan_to_num": (np.nan_to_num, -5, 5),
    "trunc": (np.trunc, 1.1, 1.9), "sgn": (np.sign, 0.1, 5), "positive": (np.positive, -5, 5),
    "conj_physical": (np.conjugate, -5, 5),
}  # fmt: skip
# these refuse integers
FLOATS_ONLY = {"frac": (lambda x: x - 1, 1.1, 1.9), "hardshrink": (lambda x: x * 1, 0.6, 5)}
UNARY = FLOATING | KEEPING | FLOATS_ONLY
TESTS = {
    "isnan": np.isnan, "isinf": np.isinf, "isfinite": np.isfinite, "logical_not": np.logical_not,
    "isposinf": lambda x: np.isinf(x) & (x > 0), "isneginf": lambda x: np.isinf(x) & (x < 0),
    "isreal": np.isreal, "signbit": np.signbit,
}  # fmt: skip
# name: (NumPy's function, the operator's name or None); smooth for positive operands that differ
BINARY = {
    "add": (np.add, "add"), "sub": (np.subtract, "sub"), "mul": (np.multiply, "mul"),
    "div": (np.true_divide, "truediv"), "pow": (np.power, "pow"), "atan2": (np.arctan2, None),
    "maximum": (np.maximum, None), "minimum": (np.minimum, None), "fmax": (np.fmax, None),
    "fmin": (np.fmin, None), "hypot": (np.hypot, None), "copysign": (np.copysign, None),
    "logaddexp": (np.logaddexp, None), "logaddexp2": (np.logaddexp2, None),
    "ldexp": (lambda a, b: a * np.exp2(b), None),
}  # fmt: skip
COMPARISONS = {
    "eq": (np.equal, "eq"), "ne": (np.not_equal, "ne"), "lt": (np.less, "lt"), "le": (np.less_equal, "le"),
    "gt": (np.greater, "gt"), "ge": (np.greater_equal, "ge"), "logical_and": (np.logical_and, None),
    "logical_or": (np.logical_or, None), "logical_xor": (np.logical_xor, None),
}  # fmt: skip
BITWISE = {
    "bitwise_and": (np.bitwise_and, "and_"), "bitwise_or": (np.bitwise_or, "or_"),
    "bitwise_xor": (np.bitwise_xor, "xor"), "bitwise_left_shift": (np.left_shift, "lshift"),
    "bitwise_right_shift": (np.right_shift, "rshift"),
}  # fmt: skip

# other names of the same functions
ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh",
    "arctan": "atan", "arctan2": "atan2", "arctanh": "atanh", "clip": "clamp", "divide": "div",
    "fix": "trunc", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "multiply": "mul", "negative": "neg", "not_equal": "ne", "subtract": "sub",
}  # fmt: skip


def leaf(data: Any, dtype: Any = None) -> at.Tensor:
    return at.tensor(data, dtype=dtype or at.float64, requires_grad=True)


def grad(y: at.Tensor, *xs: at.Tensor) -> list[Any]:
    y.sum().backward()
    return [None if x.grad is None else x.grad.tolist() for x in xs]


def same(actual: Any, expected: Any) -> None:
    """Equal element by element, NaN equal to NaN and signs of zeros ignored."""
    np.testing.assert_array_equal(np.asarray(actual, dtype=float), np.asarray(expected, dtype=float))
