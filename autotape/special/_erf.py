"""The error function and its kin in NumPy."""

from __future__ import annotations

import math
import threading
from typing import Any

import numpy as np

from autotape.special._series import Polynomial, assign, in_double

Array = np.ndarray[Any, Any]

# The polynomials are Chebyshev interpolants of their functions, computed for this file with 45 digits and cut
# off below 2**-58 of the largest coefficient.

# erf(x) / x in x**2, for |x| <= 0.5: the Taylor series.
_ERF = Polynomial(
    *[2 / math.sqrt(math.pi) * (-1) ** k / (math.factorial(k) * (2 * k + 1)) for k in range(12, -1, -1)]
)

# (1 + 2 x) erfcx(x) for x >= 0, in t = (x - 3.75) / (x + 3.75). The mapping: M. M. Shepherd and
# J. G. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < infinity", Mathematics
# of Computation 36 (1981).
_ERFCX = Polynomial(
    4.2514714447963895e-10,
    3.1114333809799254e-10,
    -5.1739902140113095e-09,
    -3.744210080962018e-09,
    3.8675334242222354e-08,
    2.3263508708859124e-08,
    -2.5866850716155884e-07,
    -5.7218230603224086e-08,
    1.751637648849062e-06,
    -9.73559896736775e-07,
    -1.1444146237700524e-05,
    2.238423915508223e-05,
    5.164909889268241e-05,
    -0.0002901540805408417,
    0.0002937136655913448,
    0.0017556258528952954,
    -0.009746579558029276,
    0.028362277418956406,
    -0.05869339858963677,
    0.09230432116037748,
    -0.10880393014174886,
    0.0822767384901452,
    0.0035854154854644293,
    -0.14024059858554697,
    1.2375126308378275,
)

# erfinv(x) / x in 8 x**2 - 1, for |x| <= 0.5.
_ERFINV_CENTER = Polynomial(
    2.7415675767303887e-14,
    2.0671742197483168e-13,
    1.4725045058101758e-12,
    1.1316232483758686e-11,
    8.785252799610099e-11,
    6.87947841959413e-10,
    5.456542916315438e-09,
    4.398277107297447e-08,
    3.619864126626641e-07,
    3.063743625042923e-06,
    2.697700101018418e-05,
    0.0002522747551744835,
    0.0026140273452605754,
    0.03356743029704948,
    0.9174083670522701,
)

# The y with erfc(y) = q, divided by r = sqrt(-log(q)): for r from 0.83 to 2.5 in (r - 1.665) / 0.835, from
# 2.5 to 6.25 in (r - 4.375) / 1.875, from there to 27.5 in 1/r, mapped to [-1, 1] too. The variable for small
# q is that of J. M. Blair, C. A. Edwards and J. H. Johnson, "Rational Chebyshev approximations for the
# inverse of the error function", Mathematics of Computation 30 (1976).
_ERFCINV_NEAR = Polynomial(
    7.812236290353161e-11,
    -4.3745664602387455e-10,
    8.656669044652034e-10,
    -5.283637417817809e-10,
    -9.152922732029532e-10,
    4.852545460312144e-09,
    -1.8327789018164512e-08,
    5.356299636993702e-08,
    -1.208920862055535e-07,
    2.080321621384973e-07,
    -2.0049434036371225e-07,
    -3.4035289486419057e-07,
    2.653283921270841e-06,
    -9.5581024896409e-06,
    2.6030553493781193e-05,
    -5.684344936280546e-05,
    9.180413614238976e-05,
    -5.150586987958193e-05,
    -0.00037364003931537675,
    0.002135732504345605,
    -0.007746072071536298,
    0.022951057365213516,
    -0.0586176557591793,
    0.12765408599521708,
    0.7910126947349244,
)
_ERFCINV_MIDDLE = Polynomial(
    8.651907216355908e-11,
    -2.1544247126827744e-10,
    -5.3245130374077755e-12,
    6.530767926919793e-11,
    1.0924899604848822e-09,
    -2.1865247480039944e-09,
    1.8197053018705224e-09,
    -9.175491440011224e-10,
    -5.080934512953643e-09,
    3.715379481607849e-08,
    -1.5417805224982763e-07,
    5.279998989295724e-07,
    -1.6495502945506379e-06,
    4.861658081161359e-06,
    -1.372836572748121e-05,
    3.746632612007817e-05,
    -9.930451463938662e-05,
    0.0002562481800220027,
    -0.000644105752966561,
    0.0015749751134788155,
    -0.0037318599976895574,
    0.008498666752484672,
    -0.018281291259111744,
    0.03560294047498025,
    0.9457661848354434,
)
_ERFCINV_FAR = Polynomial(
    7.95561211140198e-11,
    -1.2773717162467133e-10,
    -2.909328841687555e-10,
    4.311396210126331e-10,
    7.299358189168868e-10,
    -1.0728771858030889e-09,
    -5.852241965915187e-10,
    6.508443564189962e-10,
    1.611518909975125e-09,
    -2.6367911621478975e-09,
    3.0237297552505655e-09,
    -6.334216249266674e-09,
    1.390902362822577e-08,
    -2.8568638413201422e-08,
    6.012735382494052e-08,
    -1.3142924428620808e-07,
    2.985166961788574e-07,
    -7.119236244973882e-07,
    1.8118325716900215e-06,
    -5.036616722882971e-06,
    1.584896963250465e-05,
    -6.245803845005648e-05,
    0.00038618323108594526,
    -0.00273368632353533,
    -0.014633484696837711,
    0.9860011350658129,
)

# --- erf ----------------------------------------------------------------------------------------------------


class _Workspace:
    """Memory, and the views of it, to evaluate a ratio of polynomials on vectors of one size."""

    def __init__(self, size: int, degree: int, dtype: Any) -> None:
        self.size = size
        # Filled up to whole vector registers: an element's value does not depend on its place.
        full = -(-size // 16) * 16
        self.terms = np.ones((degree + 1, full), dtype)  # the highest power first: mostly the smallest term
        powers = self.terms[::-1]
        self.x = powers[1, :size]
        # Each power is the product of two lower ones: less rounding than x times the one below.
        self.products = [(powers[k // 2], powers[k - k // 2], powers[k]) for k in range(2, degree + 1)]
        self.sums = np.empty((2, full), dtype)
        self.numerator, self.denominator = self.sums[:, :size]


class Ratio:
    """P(x) / Q(x) on vectors, with coefficients from the lowest power on.

    All are positive, and so is x: nothing cancels. The powers of x are multiplied by both rows of
    coefficients in one small GEMM: Horner's rule would take three times as many passes over memory.
    """

    def __init__(self, numerator: tuple[float, ...], denominator: tuple[float, ...], dtype: Any) -> None:
        self.dtype = np.dtype(dtype)
        self.degree = max(len(numerator), len(denominator)) - 1
        rows = [[0.0] * (self.degree + 1 - len(c)) + [*c[::-1]] for c in (numerator, denominator)]
        self.coefficients = np.array(rows, dtype)
        self._memory = threading.local()

    def scaled(self, inside: float, outside: float) -> Ratio:
        """``outside * self(inside * x)``."""
        rows = self.coefficients[:, ::-1] * inside ** np.arange(self.degree + 1)
        return Ratio(tuple((rows[0] * outside).tolist()), tuple(rows[1].tolist()), self.dtype)

    def workspace(self, size: int) -> _Workspace:
        """Memory for ``size`` elements, its ``x`` to be written: that of the last call if it fits."""
        last: _Workspace | None = getattr(self._memory, "last", None)
        if last is None or last.size != size:
            last = self._memory.last = _Workspace(size, self.degree, self.dtype)
        return last

    def evaluate(self, work: _Workspace) -> None:
        """Leave P(x) and Q(x) in the workspace."""
        for low, high, product in work.products:
            np.multiply(low, high, product)
        np.dot(self.coefficients, work.terms, work.sums)


# erf(x) = x P(x^2) / Q(x^2), in float32 up to 3.924, where it is 1 to the last bit, in float64 up to 1.5, and
# from there on 1 - exp(-x^2) P(x) / Q(x). The relative errors are 2e-8 and 2e-18, the absolute error of the
# last is 7e-18; fitted for this file, to equal ripples.
_SINGLE = Ratio(
    (1.12837915, 1.90445198e-1, 5.27490737e-2, 3.76606238e-3, 2.84678983e-4, 2.046897e-6),
    (1.0, 5.0211042e-1, 1.14120804e-1, 1.49701674e-2, 1.16225314e-3, 3.8048242e-5),
    np.float32,
)
_DOUBLE = Ratio(
    (
        1.1283791670955126,
        0.1747596393687665,
        0.05149395017150018,
        0.003410730897808451,
        0.0003244745918441389,
        8.547069027340523e-06,
        1.1906446294186786e-07,
    ),
    (
        1.0,
        0.48821003122434775,
        0.10837200221469746,
        0.014135202982337128,
        0.0011565109592950593,
        5.718789425475773e-05,
        1.3657546912701317e-06,
    ),
    np.float64,
)
_FAR_DOUBLE = Ratio(
    (1.000020292064033, 1.2645848331206477, 0.7655640673240279, 0.2479744432843128, 0.0381924003201645),
    (
        1.0,
        2.3931172560223155,
        2.4653489879640853,
        1.3902754637296515,
        0.4395602031164883,
        0.06769298596334179,
    ),
    np.float64,
)
_BLOCK = 12000  # elements: their powers stay in the cache; no rows of 2**n bytes


def blocks(size: int) -> list[slice]:
    """The blocks that a vector is worked on by; all of one size: the last one may overlap another."""
    if size <= _BLOCK:
        return [slice(0, size)]
    return [slice(start, start + _BLOCK) for start in (*range(0, size - _BLOCK, _BLOCK), size - _BLOCK)]


class ScaledErf:
    """``outside * erf(inside * x)`` of vectors of float32 or float64 no longer than a block."""

    def __init__(self, inside: float, outside: float) -> None:
        self.inside, self.outside = inside, outside
        self.ratios = [r.scaled(inside * inside, inside * outside) for r in (_SINGLE, _DOUBLE)]
        self.tops = [
            np.array((end / inside) ** 2, dtype) for end, dtype in ((3.924, np.float32), (1.5, float))
        ]

    def __call__(self, x: Array, out: Array) -> None:
        """Into ``out``."""
        double = x.dtype.itemsize == 8
        ratio, top = self.ratios[double], self.tops[double]
        work = ratio.workspace(x.size)
        square = work.x
        np.multiply(x, x, square)
        np.minimum(square, top, out=square)
        ratio.evaluate(work)
        np.multiply(x, work.numerator, out)
        np.divide(out, work.denominator, out)
        if not double:
            out.clip(-self.outside, self.outside, out=out)
            return
        far = np.flatnonzero(square == top)
        if far.size:
            out[far] = self._far(x[far])

    def _far(self, x: Array) -> Any:
        work = _FAR_DOUBLE.workspace(x.size)
        size = work.x
        np.multiply(x, self.inside, size)
        np.abs(size, size)
        np.minimum(size, 6.0, out=size)  # erf is 1 to the last bit from 5.95 on
        _FAR_DOUBLE.evaluate(work)
        rest = np.exp(-size * size) * (work.numerator / work.denominator)
        return np.copysign(self.outside * (1 - rest), x)


_erf_of_block = ScaledErf(1.0, 1.0)


def erf(x: Array) -> Array:
    """2/sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    if x.dtype == np.float16:
        return erf(x.astype(np.float32)).astype(np.float16)
    if x.dtype not in (np.float32, np.float64):
        raise NotImplementedError(f'"erf" not implemented for {x.dtype} tensors; convert the dtype first')
    y = np.empty(x.shape, x.dtype)
    flat, out = x.reshape(-1), y.reshape(-1)
    for block in blocks(flat.size):
        _erf_of_block(flat[block], out[block])
    return y


# --- its kin ------------------------------------------------------------------------------------------------


def _erf_near(x: Array) -> Any:
    """For |x| <= 0.5."""
    return x * _ERF(x * x)


@in_double
def erfc(x: Array) -> Any:
    """1 - erf(x)."""
    size = np.abs(x)
    far = _erfc_far(size)
    near = _erf_near(np.minimum(np.maximum(x, -0.5), 0.5))
    return np.where(size <= 0.5, 1 - near, np.where(x < 0, 2 - far, far))


def _erfc_far(x: Array) -> Any:
    """erfc(x) for x >= 0."""
    return exp_square(np.minimum(x, 28), -1) * erfcx_positive(x)


def exp_square(x: Array, factor: float) -> Array:
    """``exp(factor * x**2)`` for a factor that is a power of two, to two units in the last place.

    With ``x`` cut in two, the square of the first part is exact.
    """
    high = x.astype(np.float32).astype(np.float64)
    return np.exp(factor * high * high) * np.exp(factor * (x - high) * (x + high))


def erfcx_positive(x: Array) -> Any:
    return 0.5 * _ERFCX(1 - 7.5 / (x + 3.75)) / (x + 0.5)


@in_double
def erfcx(x: Array) -> Any:
    """exp(x^2) erfc(x)."""
    y = erfcx_positive(np.abs(x))
    assign(y, x < 0, lambda x, y: 2 * exp_square(np.maximum(x, -30), 1) - y, x, y)
    return y


# --- the normal distribution --------------------------------------------------------------------------------


def _ndtr_tail(x: Array) -> Any:
    """The normal distribution's probability above x >= 0."""
    return 0.5 * exp_square(np.minimum(x, 40), -0.5) * erfcx_positive(x * math.sqrt(0.5))


@in_double
def ndtr(x: Array) -> Any:
    """The normal distribution's probability up to x."""
    size = np.abs(x)
    tail = _ndtr_tail(size)
    near = _erf_near(np.minimum(np.maximum(x * math.sqrt(0.5), -0.5), 0.5))
    return np.where(size <= 0.5, 0.5 + 0.5 * near, np.where(x < 0, tail, 1 - tail))


@in_double
def log_ndtr(x: Array) -> Any:
    """Its logarithm."""
    y = np.log1p(-_ndtr_tail(np.abs(x)))
    assign(y, x < 0, lambda x: np.log(0.5 * erfcx_positive(-x * math.sqrt(0.5))) - 0.5 * x * x, x)
    return y


# --- inverses -----------------------------------------------------------------------------------------------


def _erfcinv(q: Array) -> Any:
    """The y with erfc(y) = q, for q from 0 to 0.5."""
    r = np.sqrt(-np.log(q))
    y = r * _ERFCINV_NEAR((np.minimum(r, 2.5) - 1.665) / 0.835)
    assign(y, r > 2.5, lambda r: r * _ERFCINV_MIDDLE((np.minimum(r, 6.25) - 4.375) / 1.875), r)
    assign(y, r > 6.25, _erfcinv_far, r)
    return y


def _erfcinv_far(r: Array) -> Array:
    low, high = 1 / 27.5, 1 / 6.25
    return np.where(r == np.inf, r, r * _ERFCINV_FAR((2 / r - (high + low)) / (high - low)))


@in_double
def erfinv(x: Array) -> Any:
    """The y with erf(y) = x."""
    size = np.abs(x)
    y = x * _ERFINV_CENTER(8 * np.minimum(x * x, 0.25) - 1)
    assign(y, size > 0.5, lambda x, size: np.copysign(_erfcinv(1 - size), x), x, size)
    return y


@in_double
def ndtri(p: Array) -> Any:
    """The x with ndtr(x) = p."""
    center = 2 * p - 1
    y = center * _ERFINV_CENTER(8 * np.minimum(center * center, 0.25) - 1)
    assign(y, p < 0.25, lambda p: -_erfcinv(2 * p), p)
    assign(y, p > 0.75, lambda p: _erfcinv(2 * (1 - p)), p)
    return math.sqrt(2) * y
