"""The differentiable operations as tests/test_operations.py sees them: a new one adds its row here.

A row says how arguments are drawn, and what NumPy calls the same. Rows are grouped by how their shapes are
drawn; within a group a row gives what is peculiar to its operation, such as the range in which it is smooth.
"""

# ruff: noqa: E501 - a row is a line

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import autotape as at
from autotape.testing import strategies as ats
from tests.elementwise_table import BINARY, UNARY

Draw = st.DrawFn
Tensors = tuple[at.Tensor, ...]
Arguments = dict[str, Any]
F = at.nn.functional
LAYOUTS = ats.layouts("contiguous", "transposed", "strided", "reversed")


@dataclass(frozen=True)
class Row:
    """``function(*tensors, **arguments)``, and ``numpy`` of the arrays and the same arguments."""

    function: Callable[..., Any]
    numpy: Callable[..., Any] | None
    tensors: SearchStrategy[Tensors]
    arguments: Callable[..., SearchStrategy[Arguments]] = lambda *tensors: st.just({})


def given(**drawn: Any) -> Callable[..., SearchStrategy[Arguments]]:
    """Arguments, each a value, a strategy, or a function of the tensors that returns one."""

    def build(*tensors: at.Tensor) -> SearchStrategy[Arguments]:
        found = {name: v(*tensors) if callable(v) else v for name, v in drawn.items()}
        return st.fixed_dictionaries(
            {name: v if isinstance(v, SearchStrategy) else st.just(v) for name, v in found.items()}
        )

    return build


# --- how tensors are drawn ----------------------------------------------------------------------------------


def spread(low: float, high: float, offset: float = 0.0) -> SearchStrategy[float]:
    """Numbers at least 1/32 of the range apart (and not at its ends), so that no two are near a tie."""
    return st.integers(1, 31).map(lambda k: low + (high - low) * (k + offset) / 32)


def one(low: float = -2, high: float = 2, *, unique: bool = False, **shape: Any) -> SearchStrategy[Tensors]:
    """One tensor of numbers between ``low`` and ``high``; ``shape`` as of ``strategies.shapes``."""
    shapes = ats.shapes(**{"max_dims": 3, "min_side": 1, "max_side": 3, **shape})
    return st.tuples(ats.tensors(shapes, values=spread(low, high), unique=unique, layout=LAYOUTS))


def fixed(*shapes: tuple[int, ...], low: float = -2, high: float = 2) -> SearchStrategy[Tensors]:
    """Tensors of these very shapes; no number of one equals one of another."""
    return st.tuples(
        *(
            ats.tensors(shape, values=spread(low, high, k / (2 * len(shapes))), layout=LAYOUTS)
            for k, shape in enumerate(shapes)
        )
    )


@st.composite
def sided(draw: Draw, build: Callable[..., Any], low: float = -2, high: float = 2) -> Tensors:
    """Tensors of the shapes that ``build`` makes of three drawn sides."""
    sides = [draw(st.integers(1, 3)) for _ in range(3)]
    return draw(fixed(*build(*sides), low=low, high=high))  # type: ignore[no-any-return]


@st.composite
def together(draw: Draw, count: int, low: float = -2, high: float = 2) -> Tensors:
    """Tensors that broadcast together; no number of one equals one of another."""
    tensors = draw(ats.broadcastable(count, max_dims=2, max_side=3, values=spread(low, high), layout=LAYOUTS))
    shift = (high - low) / 32 / (2 * count)
    return tuple(ats.laid_out(t.numpy() + k * shift) for k, t in enumerate(tensors))


def dim(x: at.Tensor) -> SearchStrategy[int]:
    return st.integers(-x.ndim, x.ndim - 1)


def order(x: at.Tensor) -> SearchStrategy[Any]:
    return st.permutations(range(x.ndim)).map(tuple)


TABLE: dict[str, Row] = {}

# --- elementwise: any shape; (NumPy's function, smooth from, to) --------------------------------------------

ELEMENTWISE: dict[str, tuple[Any, float, float]] = {
    **{name: (f, max(low, -3), min(high, 3)) for name, (f, low, high) in UNARY.items()},
    "absolute": (np.abs, -3, -0.1), "erfc": (None, -2, 2), "erfinv": (None, -0.9, 0.9),
    "lgamma": (None, 0.5, 4), "digamma": (None, 0.5, 4), "i0": (np.i0, 0.1, 3), "sinc": (np.sinc, 0.1, 3),
    "logit": (lambda x: np.log(x / (1 - x)), 0.1, 0.9), "relu_negative": (np.zeros_like, -3, -0.1),
    "clone": (np.copy, -3, 3), "real": (np.real, -3, 3), "arccos": (np.arccos, -0.9, 0.9),
    "arcsin": (np.arcsin, -0.9, 0.9), "arctan": (np.arctan, -3, 3), "arccosh": (np.arccosh, 1.2, 3),
    "arcsinh": (np.arcsinh, -3, 3), "arctanh": (np.arctanh, -0.9, 0.9), "negative": (np.negative, -3, 3),
    "fix": (np.fix, 1.1, 1.9), "selu": (None, 0.1, 3), "celu": (None, 0.1, 3), "selu_negative": (None, -3, -0.1),
}  # fmt: skip
VARIANTS = {"relu_negative": at.relu, "selu_negative": at.selu}
TABLE |= {
    name: Row(VARIANTS[name] if name in VARIANTS else getattr(at, name), f, one(low, high, min_side=0))
    for name, (f, low, high) in ELEMENTWISE.items()
}
TABLE |= {
    f"F.{name}": Row(getattr(F, name), f, one(low, high))
    for name, (f, low, high) in {
        "gelu": (None, -3, 3), "silu": (lambda x: x / (1 + np.exp(-x)), -3, 3), "mish": (None, -3, 3),
        "softplus": (lambda x: np.log1p(np.exp(x)), -3, 3), "elu": (np.expm1, -3, -0.1),
        "leaky_relu": (lambda x: 0.01 * x, -3, -0.1), "logsigmoid": (None, -3, 3), "relu6": (np.copy, 0.1, 5.9),
        "hardswish": (None, -2.9, 2.9), "hardsigmoid": (None, -2.9, 2.9), "hardtanh": (np.copy, -0.9, 0.9),
        "softsign": (lambda x: x / (1 + x), 0.1, 3), "tanhshrink": (lambda x: x - np.tanh(x), -3, 3),
        "softshrink": (lambda x: x - 0.5, 0.6, 3),
    }.items()
}  # fmt: skip
SPECIAL = {
    "entr": (lambda x: -x * np.log(x), 0.1, 3), "erfcx": (None, -2, 2), "i0e": (None, 0.1, 3),
    "i1": (None, 0.1, 3), "i1e": (None, 0.1, 3), "log_ndtr": (None, -2, 2), "ndtr": (None, -2, 2),
    "ndtri": (None, 0.1, 0.9), "expit": (lambda x: 1 / (1 + np.exp(-x)), -3, 3), "psi": (None, 0.5, 4),
    "gammaln": (None, 0.5, 4), "exp2": (np.exp2, -3, 3),
}  # fmt: skip
TABLE |= {
    f"special.{name}": Row(getattr(at.special, name), f, one(low, high))
    for name, (f, low, high) in SPECIAL.items()
}

# --- two or three tensors that broadcast --------------------------------------------------------------------

BROADCAST: dict[str, tuple[int, Any, float, float]] = {
    **{name: (2, f, 0.2, 3) for name, (f, _) in BINARY.items()},
    "subtract": (2, np.subtract, -2, 2), "multiply": (2, np.multiply, -2, 2), "divide": (2, np.divide, 0.3, 2),
    "true_divide": (2, np.divide, -2, -0.3), "rsub": (2, lambda a, b: b - a, -2, 2),
    "float_power": (2, np.float_power, 0.3, 2), "xlogy": (2, lambda a, b: a * np.log(b), 0.3, 2),
    "arctan2": (2, np.arctan2, -2, -0.2),
    "addcmul": (3, lambda a, b, c: a + b * c, -2, 2), "addcdiv": (3, lambda a, b, c: a + b / c, 0.3, 2),
    "lerp": (3, lambda a, b, w: a + w * (b - a), -2, 2),
}  # fmt: skip
del BROADCAST["ldexp"]  # its second argument counts as an integer
TABLE |= {
    name: Row(
        getattr(at, name),
        f,
        together(count, low, high),
    )
    for name, (count, f, low, high) in BROADCAST.items()
}
TABLE |= {
    "igamma": Row(
        lambda x, a: at.igamma(at.full_like(x, a), x), None, one(0.5, 3), given(a=st.floats(0.5, 3))
    ),
    "igammac": Row(
        lambda x, a: at.igammac(at.full_like(x, a), x), None, one(0.5, 3), given(a=st.floats(0.5, 3))
    ),
    "where": Row(
        lambda a, b: at.where(a.detach() < 0.3, a, b), lambda a, b: np.where(a < 0.3, a, b), together(2)
    ),
    "clamp": Row(at.clamp, np.clip, one(-0.9, 0.9), given(min=-1.0, max=1.0)),
    "clamp outside": Row(at.clamp, np.clip, one(1.1, 3), given(min=-1.0, max=1.0)),
    "clamp by tensors": Row(at.clamp, np.clip, sided(lambda m, n, k: [(m, n), (n,), (m, 1)])),
    "clamp_min": Row(
        lambda x, low: at.clamp_min(x, low), lambda x, low: np.maximum(x, low), one(0.1, 3), given(low=0.0)
    ),
    "clamp_max": Row(
        lambda x, high: at.clamp_max(x, high),
        lambda x, high: np.minimum(x, high),
        one(0.1, 3),
        given(high=4.0),
    ),
    "remainder": Row(at.remainder, lambda a, b: np.remainder(a, 2), one(0.1, 1.9).map(lambda t: (*t, 2.0))),
    "fmod": Row(at.fmod, lambda a, b: np.fmod(a, 2), one(-1.9, -0.1).map(lambda t: (*t, 2.0))),
    "prelu": Row(at.prelu, None, sided(lambda m, n, k: [(m, n, k), (n,)], 0.1, 2)),
    "polygamma": Row(lambda x, n: at.polygamma(n, x), None, one(1, 3), given(n=st.integers(0, 3))),
    "mvlgamma": Row(at.mvlgamma, None, one(2, 4), given(p=st.integers(1, 3))),
    "threshold": Row(at.threshold, lambda x, *_: x, one(0.6, 3).map(lambda t: (*t, 0.5, 7.0))),
}

# --- reductions: NumPy's functions with dim and keepdim -----------------------------------------------------

UNLIKE = np.array([[0.0, 0.0, 9.0], [0.0, 7.0, 1.0]])  # rows far from perfectly correlated, which is a kink
AXES = given(dim=lambda x: ats.axes(x.ndim), keepdim=st.booleans())
AXIS = given(dim=dim, keepdim=st.booleans())
SPREAD = given(dim=lambda x: ats.axes(x.ndim), keepdim=st.booleans(), correction=0)


def reducing(f: Callable[..., Any], **fixed_arguments: Any) -> Callable[..., Any]:
    """NumPy's reduction with PyTorch's names of arguments."""
    return lambda x, dim=None, keepdim=False, **_: f(x, axis=dim, keepdims=keepdim, **fixed_arguments)


def logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.log(np.exp(x).sum(axis, keepdims=keepdims))


def length(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.sqrt((x * x).sum(axis, keepdims=keepdims))


TABLE |= {
    "sum": Row(at.sum, reducing(np.sum), one(), AXES),
    "nansum": Row(at.nansum, reducing(np.nansum), one(), AXES),
    "mean": Row(at.mean, reducing(np.mean), one(), AXES),
    "nanmean": Row(at.nanmean, reducing(np.nanmean), one(), AXES),
    "prod": Row(at.prod, reducing(np.prod), one(min_dims=1), AXIS),
    "prod with zeros": Row(lambda x, **k: at.prod(x * (x.detach() > 0), **k), None, one(min_dims=1), AXIS),
    "var": Row(at.var, reducing(np.var), one(unique=True), SPREAD),
    "std": Row(at.std, reducing(np.std), one(unique=True, min_dims=1, max_dims=1, min_side=2), SPREAD),
    "var_mean": Row(at.var_mean, None, one(unique=True), SPREAD),
    "std_mean": Row(at.std_mean, None, one(unique=True, min_dims=1, max_dims=1, min_side=2), SPREAD),
    "amax": Row(at.amax, reducing(np.amax), one(unique=True, min_dims=1), AXIS),
    "amin": Row(at.amin, reducing(np.amin), one(unique=True, min_dims=1), AXIS),
    "aminmax": Row(at.aminmax, None, one(unique=True, min_dims=1), AXIS),
    "max": Row(lambda *a, **k: at.max(*a, **k).values, reducing(np.amax), one(unique=True, min_dims=1), AXIS),
    "min": Row(lambda *a, **k: at.min(*a, **k).values, reducing(np.amin), one(unique=True, min_dims=1), AXIS),
    "max of all": Row(at.max, np.max, one(unique=True)),
    "min of all": Row(at.min, np.min, one(unique=True)),
    "logsumexp": Row(at.logsumexp, reducing(logsumexp), one(min_dims=1), AXIS),
    "median": Row(lambda *a, **k: at.median(*a, **k).values, None, one(unique=True, min_dims=1), AXIS),
    "nanmedian": Row(lambda *a, **k: at.nanmedian(*a, **k).values, None, one(unique=True, min_dims=1), AXIS),
    "kthvalue": Row(lambda x, **k: at.kthvalue(x, 1, **k).values, reducing(np.amin), one(unique=True, min_dims=1), AXIS),
    "mode": Row(lambda *a, **k: at.mode(*a, **k).values, reducing(np.amin), one(unique=True, min_dims=1), AXIS),
    "quantile": Row(lambda x, dim, keepdim: at.quantile(x, 0.3, dim, keepdim),
                    lambda x, dim, keepdim: np.quantile(x, 0.3, axis=dim, keepdims=keepdim),
                    one(unique=True, min_dims=1), AXIS),
    "nanquantile": Row(lambda x, dim, keepdim: at.nanquantile(x, 0.6, dim, keepdim),
                       lambda x, dim, keepdim: np.nanquantile(x, 0.6, axis=dim, keepdims=keepdim),
                       one(unique=True, min_dims=1), AXIS),
    "norm": Row(lambda x, dim, keepdim: at.norm(x, 2, dim, keepdim), reducing(length), one(0.2, 2, min_dims=1), AXIS),
    "norm 3": Row(lambda x, dim, keepdim: at.norm(x, 3, dim, keepdim), None, one(0.2, 2, min_dims=1), AXIS),
    "norm 1": Row(lambda x, dim, keepdim: at.norm(x, 1, dim, keepdim), reducing(lambda x, **k: np.abs(x).sum(**k)),
                  one(0.2, 2, min_dims=1), AXIS),
    "linalg.vector_norm": Row(at.linalg.vector_norm, reducing(length), one(0.2, 2), AXES),
    "trace": Row(at.trace, np.trace, one(min_dims=2, max_dims=2)),
    # along a dimension
    "cumsum": Row(at.cumsum, lambda x, dim: np.cumsum(x, dim), one(min_dims=1), given(dim=dim)),
    "cumprod": Row(at.cumprod, lambda x, dim: np.cumprod(x, dim), one(min_dims=1), given(dim=dim)),
    "logcumsumexp": Row(at.logcumsumexp, lambda x, dim: np.log(np.cumsum(np.exp(x), dim)), one(min_dims=1), given(dim=dim)),
    "cummax": Row(lambda x, dim: at.cummax(x, dim).values, lambda x, dim: np.maximum.accumulate(x, dim),
                  one(unique=True, min_dims=1), given(dim=dim)),
    "cummin": Row(lambda x, dim: at.cummin(x, dim).values, lambda x, dim: np.minimum.accumulate(x, dim),
                  one(unique=True, min_dims=1), given(dim=dim)),
    "softmax": Row(at.softmax, lambda x, dim: np.exp(x) / np.exp(x).sum(dim, keepdims=True), one(min_dims=1), given(dim=dim)),
    "log_softmax": Row(at.log_softmax, lambda x, dim: x - np.log(np.exp(x).sum(dim, keepdims=True)), one(min_dims=1), given(dim=dim)),
    "F.softmin": Row(F.softmin, None, one(min_dims=1), given(dim=dim)),
    "F.normalize": Row(F.normalize, None, one(0.2, 2, min_dims=1), given(dim=dim)),
    "diff": Row(at.diff, lambda x, dim: np.diff(x, axis=dim), one(min_dims=1, min_side=2), given(dim=dim)),
    "trapezoid": Row(at.trapezoid, lambda x, dim: np.trapezoid(x, axis=dim), one(min_dims=1, min_side=2), given(dim=dim)),
    "cumulative_trapezoid": Row(at.cumulative_trapezoid, None, one(min_dims=1, min_side=2), given(dim=dim)),
    "gradient": Row(at.gradient, lambda x, dim: np.gradient(x, axis=dim), one(min_dims=1, min_side=2), given(dim=dim)),
    "sort": Row(lambda *a, **k: at.sort(*a, **k).values, lambda x, dim: np.sort(x, dim), one(unique=True, min_dims=1), given(dim=dim)),
    "msort": Row(at.msort, lambda x: np.sort(x, 0), one(unique=True, min_dims=1)),
    "topk": Row(lambda x, dim: at.topk(x, 1, dim).values, lambda x, dim: np.max(x, dim, keepdims=True), one(unique=True, min_dims=1), given(dim=dim)),
    "renorm": Row(lambda x, dim: at.renorm(x, 2, dim, 0.01), None, one(0.3, 2, min_dims=2, min_side=2), given(dim=dim)),
    "cov": Row(at.cov, np.cov, sided(lambda m, n, k: [(m, n + 1)])),
    "corrcoef": Row(
        lambda x: at.corrcoef(x + at.from_numpy(UNLIKE)), lambda x: np.corrcoef(x + UNLIKE), fixed((2, 3))
    ),
}  # fmt: skip

# --- shape and order ----------------------------------------------------------------------------------------

TABLE |= {
    "reshape": Row(lambda x: at.reshape(x, (-1,)), lambda x: x.reshape(-1), one()),
    "flatten": Row(at.flatten, np.ravel, one()),
    "ravel": Row(at.ravel, np.ravel, one()),
    "unflatten": Row(lambda x: at.unflatten(x, 0, (1, -1)), lambda x: x[None], one(min_dims=1)),
    "squeeze": Row(at.squeeze, np.squeeze, one()),
    "unsqueeze": Row(at.unsqueeze, lambda x, dim: np.expand_dims(x, dim), one(min_dims=1), given(dim=dim)),
    "permute": Row(lambda x, dims: at.permute(x, dims), lambda x, dims: np.transpose(x, dims), one(), given(dims=order)),
    "transpose": Row(lambda x, i, j: at.transpose(x, i, j), lambda x, i, j: np.swapaxes(x, i, j), one(min_dims=1), given(i=dim, j=dim)),
    "swapaxes": Row(lambda x, i, j: at.swapaxes(x, i, j), lambda x, i, j: np.swapaxes(x, i, j), one(min_dims=1), given(i=dim, j=dim)),
    "movedim": Row(lambda x, i, j: at.movedim(x, i, j), lambda x, i, j: np.moveaxis(x, i, j), one(min_dims=1), given(i=dim, j=dim)),
    "moveaxis": Row(lambda x, i, j: at.moveaxis(x, i, j), lambda x, i, j: np.moveaxis(x, i, j), one(min_dims=1), given(i=dim, j=dim)),
    "t": Row(at.t, np.transpose, one(min_dims=2, max_dims=2)),
    "adjoint": Row(at.adjoint, lambda x: np.swapaxes(x, -1, -2), one(min_dims=2)),
    "broadcast_to": Row(lambda x: at.broadcast_to(x, (2, *x.shape)), lambda x: np.broadcast_to(x, (2, *x.shape)), one()),
    "expand": Row(lambda x: x[:1].expand(3, *x.shape[1:]), lambda x: np.repeat(x[:1], 3, 0), one(min_dims=1)),
    "flip": Row(lambda x, dims: at.flip(x, dims), lambda x, dims: np.flip(x, dims), one(min_dims=1), given(dims=dim)),
    "fliplr": Row(at.fliplr, np.fliplr, one(min_dims=2)),
    "flipud": Row(at.flipud, np.flipud, one(min_dims=1)),
    "roll": Row(lambda x, n, dim: at.roll(x, n, dim), lambda x, n, dim: np.roll(x, n, dim), one(min_dims=1), given(n=st.integers(-4, 4), dim=dim)),
    "rot90": Row(at.rot90, np.rot90, one(min_dims=2), given(k=st.integers(-3, 4))),
    "tile": Row(lambda x, n: at.tile(x, (n, 2)), lambda x, n: np.tile(x, (n, 2)), one(), given(n=st.integers(1, 2))),
    "repeat_interleave": Row(at.repeat_interleave, lambda x, repeats, dim: np.repeat(x, repeats, dim), one(min_dims=1),
                             given(repeats=st.integers(0, 3), dim=dim)),
    "tril": Row(at.tril, lambda x, diagonal: np.tril(x, diagonal), one(min_dims=2), given(diagonal=st.integers(-2, 2))),
    "triu": Row(at.triu, lambda x, diagonal: np.triu(x, diagonal), one(min_dims=2), given(diagonal=st.integers(-2, 2))),
    "diag": Row(at.diag, lambda x, diagonal: np.diag(x, diagonal), one(min_dims=1, max_dims=2), given(diagonal=0)),
    "diag above": Row(at.diag, lambda x, diagonal: np.diag(x, diagonal), one(min_dims=1, max_dims=1), given(diagonal=st.integers(-2, 2))),
    "diagflat": Row(at.diagflat, lambda x, offset: np.diagflat(x, offset), one(), given(offset=st.integers(-2, 2))),
    "diagonal": Row(at.diagonal, np.diagonal, one(min_dims=2), given(offset=0)),
    "diag_embed": Row(at.diag_embed, None, one(min_dims=1, max_dims=2), given(offset=st.integers(-1, 1))),
    "atleast_1d": Row(at.atleast_1d, np.atleast_1d, one()),
    "atleast_2d": Row(at.atleast_2d, np.atleast_2d, one()),
    "atleast_3d": Row(at.atleast_3d, np.atleast_3d, one()),
    "tensor_split": Row(lambda x: at.tensor_split(x, 2), lambda x: np.array_split(x, 2), one(min_dims=1)),
    "split": Row(lambda x, n: at.split(x, n), None, one(min_dims=1), given(n=st.integers(1, 2))),
    "chunk": Row(lambda x, n: at.chunk(x, n), None, one(min_dims=1), given(n=st.integers(1, 3))),
    "unbind": Row(lambda x, dim: at.unbind(x, dim), None, one(min_dims=1), given(dim=dim)),
    "unfold": Row(lambda x: x.unfold(0, 2, 1), None, one(min_dims=1, min_side=2)),
    "as_strided": Row(lambda x: at.as_strided(x.contiguous(), (2, 2), (1, 1)), None, one(min_dims=1, min_side=3)),
    "F.pad": Row(lambda x: F.pad(x, (1, 2), value=3.0), None, one(min_dims=1)),
    "F.pad reflect": Row(lambda x: F.pad(x, (1, 1), mode="reflect"), None, one(min_dims=2, min_side=2)),
    "cat": Row(lambda *t: at.cat(t), lambda *t: np.concatenate(t), sided(lambda m, n, k: [(m, n), (k, n)])),
    "concat": Row(lambda *t: at.concat(t, 1), lambda *t: np.concatenate(t, 1), sided(lambda m, n, k: [(m, n), (m, k)])),
    "stack": Row(lambda *t, dim: at.stack(t, dim), lambda *t, dim: np.stack(t, dim), sided(lambda m, n, k: [(m, n), (m, n)]),
                 given(dim=st.integers(-3, 2))),
    "hstack": Row(lambda *t: at.hstack(t), lambda *t: np.hstack(t), sided(lambda m, n, k: [(m, n), (m, k)])),
    "vstack": Row(lambda *t: at.vstack(t), lambda *t: np.vstack(t), sided(lambda m, n, k: [(m, n), (k, n)])),
    "row_stack": Row(lambda *t: at.row_stack(t), lambda *t: np.vstack(t), sided(lambda m, n, k: [(n,), (n,)])),
    "dstack": Row(lambda *t: at.dstack(t), lambda *t: np.dstack(t), sided(lambda m, n, k: [(m, n), (m, n)])),
    "column_stack": Row(lambda *t: at.column_stack(t), lambda *t: np.column_stack(t), sided(lambda m, n, k: [(m,), (m, k)])),
    "block_diag": Row(at.block_diag, None, sided(lambda m, n, k: [(m, n), (k,), ()])),
    "meshgrid": Row(lambda *t: at.meshgrid(*t, indexing="ij"), lambda *t: np.meshgrid(*t, indexing="ij"), sided(lambda m, n, k: [(m,), (n,)])),
    "broadcast_tensors": Row(at.broadcast_tensors, np.broadcast_arrays, together(3)),
    "cartesian_prod": Row(at.cartesian_prod, None, sided(lambda m, n, k: [(m,), (n,)])),
    "combinations": Row(at.combinations, None, one(min_dims=1, max_dims=1, min_side=2)),
    "polar": Row(lambda a, b: at.view_as_real(at.polar(a, b)), None, together(2, 0.2, 2)),
    "complex": Row(lambda a, b: at.complex(a, b).abs(), np.hypot, together(2, 0.2, 2)),
    "view_as_complex": Row(lambda x: at.imag(at.view_as_complex(x.contiguous()) * 1j), lambda x: x[..., 0], sided(lambda m, n, k: [(m, 2)])),
}  # fmt: skip

# --- products -----------------------------------------------------------------------------------------------


TABLE |= {
    "matmul": Row(at.matmul, np.matmul, ats.matmul_pairs(values=spread(-2, 2), layout=LAYOUTS)),
    "mm": Row(at.mm, np.matmul, sided(lambda m, n, k: [(m, n), (n, k)])),
    "mv": Row(at.mv, np.matmul, sided(lambda m, n, k: [(m, n), (n,)])),
    "bmm": Row(at.bmm, np.matmul, sided(lambda m, n, k: [(2, m, n), (2, n, k)])),
    "dot": Row(at.dot, np.dot, sided(lambda m, n, k: [(m,), (m,)])),
    "vdot": Row(at.vdot, np.vdot, sided(lambda m, n, k: [(m,), (m,)])),
    "inner": Row(at.inner, np.inner, sided(lambda m, n, k: [(m, n), (k, n)])),
    "outer": Row(at.outer, np.outer, sided(lambda m, n, k: [(m,), (n,)])),
    "ger": Row(at.ger, np.outer, sided(lambda m, n, k: [(m,), (n,)])),
    "kron": Row(at.kron, np.kron, sided(lambda m, n, k: [(m, n), (k, 2)])),
    "cross": Row(lambda a, b: at.cross(a, b, dim=-1), np.cross, sided(lambda m, n, k: [(m, 3), (m, 3)])),
    "tensordot": Row(lambda a, b: at.tensordot(a, b, 1), lambda a, b: np.tensordot(a, b, 1),
                     sided(lambda m, n, k: [(m, n), (n, k)])),
    "einsum": Row(lambda a, b: at.einsum("ij,jk->ki", a, b), lambda a, b: np.einsum("ij,jk->ki", a, b),
                  sided(lambda m, n, k: [(m, n), (n, k)])),
    "vander": Row(lambda x: at.vander(x, 3), lambda x: np.vander(x, 3), one(0.2, 2, min_dims=1, max_dims=1)),
    "addmm": Row(at.addmm, lambda c, a, b: c + a @ b, sided(lambda m, n, k: [(m, k), (m, n), (n, k)])),
    "addmv": Row(at.addmv, lambda c, a, b: c + a @ b, sided(lambda m, n, k: [(m,), (m, n), (n,)])),
    "addr": Row(at.addr, lambda c, a, b: c + np.outer(a, b), sided(lambda m, n, k: [(m, n), (m,), (n,)])),
    "addbmm": Row(at.addbmm, lambda c, a, b: c + (a @ b).sum(0), sided(lambda m, n, k: [(m, k), (2, m, n), (2, n, k)])),
    "baddbmm": Row(at.baddbmm, lambda c, a, b: c + a @ b, sided(lambda m, n, k: [(2, m, k), (2, m, n), (2, n, k)])),
    "chain_matmul": Row(at.chain_matmul, lambda a, b, c: a @ b @ c, sided(lambda m, n, k: [(m, n), (n, k), (k, 2)])),
    "F.linear": Row(F.linear, lambda x, w, b: x @ w.T + b, sided(lambda m, n, k: [(m, n), (k, n), (k,)])),
    "F.bilinear": Row(F.bilinear, None, sided(lambda m, n, k: [(2, m), (2, n), (k, m, n), (k,)])),
    "dist": Row(at.dist, lambda a, b: np.sqrt(((a - b) ** 2).sum()), sided(lambda m, n, k: [(m, n), (m, n)], 0.2, 2)),
    "cdist": Row(at.cdist, None, sided(lambda m, n, k: [(m, 2), (n, 2)])),
    "cosine_similarity": Row(at.cosine_similarity, None, sided(lambda m, n, k: [(m, n), (m, n)], 0.2, 2)),
    "pairwise_distance": Row(at.pairwise_distance, None, sided(lambda m, n, k: [(m, n), (m, n)], 0.2, 2)),
    "conv1d": Row(at.conv1d, None, sided(lambda m, n, k: [(1, m, 4), (n, m, k)])),
    "conv2d": Row(at.conv2d, None, sided(lambda m, n, k: [(1, m, 3, 3), (n, m, k, 2)])),
    "conv_transpose1d": Row(at.conv_transpose1d, None, sided(lambda m, n, k: [(1, m, 3), (m, n, k)])),
    "layer_norm": Row(lambda x: at.layer_norm(x, x.shape[-1:], eps=0.1), None, one(min_dims=1)),
    "rms_norm": Row(lambda x: at.rms_norm(x, x.shape[-1:], eps=0.1), None, one(min_dims=1)),
    "mse_loss": Row(F.mse_loss, lambda a, b: ((a - b) ** 2).mean(), sided(lambda m, n, k: [(m, n), (m, n)])),
    "l1_loss": Row(F.l1_loss, lambda a, b: np.abs(a - b).mean(), sided(lambda m, n, k: [(m, n), (m, n)])),
}  # fmt: skip


def regular(a: Any) -> Any:
    """A matrix that is far from singular, made of any."""
    return a + 5 * (at.eye(a.shape[-1], dtype=a.dtype) if isinstance(a, at.Tensor) else np.eye(a.shape[-1]))


def definite(a: Any) -> Any:
    return regular(a @ a.swapaxes(-1, -2))


SQUARE = sided(lambda m, n, k: [(m, m)], -1, 1)
TABLE |= {
    "inverse": Row(lambda a: at.inverse(regular(a)), lambda a: np.linalg.inv(regular(a)), SQUARE),
    "det": Row(lambda a: at.det(regular(a)), lambda a: np.linalg.det(regular(a)), SQUARE),
    "logdet": Row(lambda a: at.logdet(regular(a)), lambda a: np.log(np.linalg.det(regular(a))), SQUARE),
    "slogdet": Row(lambda a: at.slogdet(regular(a))[1], lambda a: np.linalg.slogdet(regular(a))[1], SQUARE),
    "pinverse": Row(lambda a: at.pinverse(regular(a)), lambda a: np.linalg.pinv(regular(a)), SQUARE),
    "cholesky": Row(lambda a: at.linalg.cholesky(definite(a)), lambda a: np.linalg.cholesky(definite(a)), SQUARE),
    "matrix_exp": Row(at.matrix_exp, None, SQUARE),
    "matrix_power": Row(lambda a, n: at.matrix_power(regular(a), n), lambda a, n: np.linalg.matrix_power(regular(a), n),
                        SQUARE, given(n=st.integers(-2, 3))),
    "linalg.solve": Row(lambda a, b: at.linalg.solve(regular(a), b), lambda a, b: np.linalg.solve(regular(a), b),
                        sided(lambda m, n, k: [(m, m), (m, n)], -1, 1)),
}  # fmt: skip

# --- indexing -----------------------------------------------------------------------------------------------


def arrays(index: Any) -> Any:
    """An index expression as NumPy takes it."""
    if isinstance(index, tuple):
        return tuple(map(arrays, index))
    return index.numpy() if isinstance(index, at.Tensor) else index


@st.composite
def positions(draw: Draw, side: int, shape: tuple[int, ...] | None = None) -> at.Tensor:
    """A tensor of positions in a dimension."""
    shape = (draw(st.integers(1, 3)),) if shape is None else shape
    return draw(ats.tensors(shape, "int64", values=st.integers(0, side - 1), layout="contiguous"))  # type: ignore[no-any-return]


def first(x: at.Tensor, *others: at.Tensor) -> SearchStrategy[at.Tensor]:
    return positions(x.shape[0])


def along(x: at.Tensor, *others: at.Tensor) -> SearchStrategy[at.Tensor]:
    """Positions in the first dimension, in the shape of the tensor."""
    return positions(x.shape[0], tuple(x.shape))


def mask(x: at.Tensor, *others: at.Tensor) -> SearchStrategy[at.Tensor]:
    return ats.tensors(tuple(x.shape), "bool", layout="contiguous")


PAIR = sided(lambda m, n, k: [(m, n), (m, n)])
TABLE |= {
    "getitem": Row(lambda x, index: x[index], lambda x, index: x[arrays(index)], one(), given(index=lambda x: ats.indices(tuple(x.shape)))),
    "select": Row(lambda x, i: at.select(x, 0, i), lambda x, i: x[i], one(min_dims=1), given(i=lambda x: st.integers(-x.shape[0], x.shape[0] - 1))),
    "narrow": Row(lambda x: at.narrow(x, 0, 0, 1), lambda x: x[:1], one(min_dims=1)),
    "index_select": Row(lambda x, i: at.index_select(x, 0, i), lambda x, i: x[arrays(i)], one(min_dims=1), given(i=first)),
    "take": Row(lambda x, i: at.take(x, i), lambda x, i: np.take(x, arrays(i)), one(), given(i=lambda x: positions(x.numel()))),
    "gather": Row(lambda x, i: at.gather(x, 0, i), lambda x, i: np.take_along_axis(x, arrays(i), 0), one(min_dims=1), given(i=along)),
    "take_along_dim": Row(lambda x, i: at.take_along_dim(x, i, 0), lambda x, i: np.take_along_axis(x, arrays(i), 0), one(min_dims=1), given(i=along)),
    "masked_select": Row(lambda x, m: at.masked_select(x, m), lambda x, m: x[arrays(m)], one(), given(m=mask)),
    "masked_fill": Row(lambda x, m: at.masked_fill(x, m, 7.0), lambda x, m: np.where(arrays(m), 7.0, x), one(), given(m=mask)),
    "masked_scatter": Row(lambda x, y, m: at.masked_scatter(x, m, y), None, PAIR, given(m=mask)),
    "index_add": Row(lambda x, y, i: at.index_add(x, 0, i, y), None, PAIR, given(i=lambda x, y: positions(x.shape[0], (x.shape[0],)))),
    "index_copy": Row(lambda x, y: at.index_copy(x, 0, at.arange(len(x)).flip(0), y), lambda x, y: y[::-1], PAIR),
    "index_fill": Row(lambda x, i: at.index_fill(x, 0, i, 7.0), None, one(min_dims=1), given(i=first)),
    "index_put": Row(lambda x, y, i: at.index_put(x, (i,), y, accumulate=True), None, PAIR, given(i=lambda x, y: positions(x.shape[0], (x.shape[0],)))),
    "scatter": Row(lambda x, y: at.scatter(x, 0, at.arange(len(x))[:, None].expand(x.shape).flip(0), y), lambda x, y: y[::-1], PAIR),
    "scatter_add": Row(lambda x, y, i: at.scatter_add(x, 0, i, y), None, PAIR, given(i=along)),
    "scatter_reduce": Row(lambda x, y, i: at.scatter_reduce(x, 0, i, y, "prod"), None, sided(lambda m, n, k: [(m, n), (m, n)], 0.3, 2), given(i=along)),
    "put": Row(lambda x, y: at.put(x, at.arange(x.numel()).flip(0), y.flatten()), None, PAIR),
    "select_scatter": Row(lambda x, y: at.select_scatter(x, y[0], 0, 0), None, PAIR),
    "slice_scatter": Row(lambda x, y: at.slice_scatter(x, y[:1], 0, 0, 1), None, PAIR),
    "diagonal_scatter": Row(lambda x, y: at.diagonal_scatter(x, y.diagonal()), None, PAIR),
    "F.embedding": Row(lambda w, i: F.embedding(i, w), lambda w, i: w[arrays(i)], one(min_dims=2, max_dims=2), given(i=first)),
    "program": Row(lambda x, y, program: program(x, y), None, together(2, -1, 1), given(program=ats.programs())),
}  # fmt: skip
