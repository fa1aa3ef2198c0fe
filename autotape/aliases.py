"""Other names of the same things, as PyTorch has them: constants, short dtypes, a method as a function."""

from __future__ import annotations

import math

from autotape.engine.dtypes import complex64, complex128, float16, float32, float64, int16, int32, int64
from autotape.engine.tensor import Tensor

__all__ = [
    "cdouble",
    "cfloat",
    "detach",
    "double",
    "e",
    "float",
    "half",
    "inf",
    "int",
    "long",
    "nan",
    "newaxis",
    "pi",
    "short",
]

e, inf, nan, pi = math.e, math.inf, math.nan, math.pi
newaxis = None
detach = Tensor.detach
half, float, double = float16, float32, float64
cfloat, cdouble = complex64, complex128
short, int, long = int16, int32, int64
