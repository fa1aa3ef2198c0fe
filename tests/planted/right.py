"""Right functions: none may be called wrong, with any seed, in float64 and float32, at kinks and beside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import autotape as at
import autotape.nn.functional as F
from autotape.testing import check_grad, check_gradients, check_module, check_vjp
from tests.elementwise_table import BINARY, FLOATING, FLOATS_ONLY, KEEPING

Run = Callable[[int], None]
RIGHT: dict[str, Run] = {}
DTYPES = {"float64": np.float64, "float32": np.float32}


def add(
    name: str, fn: Callable[..., Any], *shapes: Any, draw: Any = None, order: int = 1, both: bool = True
) -> None:
    """``fn`` at random arrays of these shapes, in float64 and float32."""

    def run(seed: int, dtype: Any) -> None:
        rng = np.random.default_rng(seed)
        values = [(draw or normal)(rng, shape) for shape in shapes]
        check_gradients(fn, *[v.astype(dtype) for v in values], order=order, seed=seed)

    for label, dtype in DTYPES.items():
        if both or label == "float64":
            RIGHT[f"{name} {label}"] = lambda seed, dtype=dtype: run(seed, dtype)


def normal(rng: Any, shape: Any) -> Any:
    return rng.standard_normal(shape)


def between(low: float, high: float) -> Any:
    return lambda rng, shape: rng.uniform(low, high, shape)


def small_integers(rng: Any, shape: Any) -> Any:
    """Values that meet kinks and tie."""
    return rng.integers(-2, 3, shape).astype(float)


def beside_kinks(rng: Any, shape: Any) -> Any:
    """Integers, some moved by very little."""
    return small_integers(rng, shape) + rng.choice((0.0, 1e-3, -1e-5, 1e-6, -1e-7, 1e-9), shape)


# --- elementwise --------------------------------------------------------------------------------------------

for _name, (_, _low, _high) in (FLOATING | KEEPING | FLOATS_ONLY).items():
    _fn = getattr(at, _name)
    add(
        _name, _fn, (2, 3), draw=between(_low + 0.02 * (_high - _low), _high - 0.02 * (_high - _low)), order=2
    )
for _name in BINARY:
    add(f"{_name} broadcast", getattr(at, _name), (2, 3), (3,), draw=between(0.3, 2.0))
for _name in ("abs", "relu", "sign", "floor", "ceil", "frac", "trunc", "sgn"):
    add(f"{_name} at kinks", getattr(at, _name), (7,), draw=small_integers)
    add(f"{_name} beside kinks", getattr(at, _name), (7,), draw=beside_kinks, both=False)
for _name in ("maximum", "minimum", "fmax", "fmin"):
    add(f"{_name} with ties", getattr(at, _name), (2, 4), (4,), draw=small_integers)
for _name in (
    "hardtanh",
    "relu6",
    "hardswish",
    "hardsigmoid",
    "softshrink",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
):
    add(f"{_name} at kinks", getattr(F, _name), (9,), draw=small_integers)
    add(f"{_name} beside kinks", getattr(F, _name), (9,), draw=beside_kinks, both=False)
add("clamp at its ends", lambda x: x.clamp(-1, 1), (9,), draw=small_integers)
add("hardshrink at a jump", lambda x: F.hardshrink(x, 1.0), (9,), draw=small_integers)
for _name in ("gelu", "silu", "mish", "softplus", "logsigmoid", "softsign", "tanhshrink"):
    add(_name, getattr(F, _name), (3, 4), order=2)
add(
    "square root at 0",
    lambda x: x.sqrt(),
    (4,),
    draw=lambda rng, shape: rng.integers(0, 3, shape).astype(float),
)
add("power 1.5 at 0", lambda x: x**1.5, (4,), draw=lambda rng, shape: rng.integers(0, 3, shape).astype(float))
add("large values", lambda x: (x * 1e6).sin(), (5,), both=False)
add("small values", lambda x: x.exp(), (5,), draw=lambda rng, shape: 1e-6 * rng.standard_normal(shape))
add("values of all sizes", lambda x: x.log(), (6,), draw=lambda rng, shape: 10.0 ** rng.uniform(-7, 7, shape))
add("tiny gradient", lambda x: 1e-9 * x.sin(), (6,))
add("beside a singularity", lambda x: 1 / x, (4,), draw=lambda rng, shape: 1e-4 * rng.uniform(1, 2, shape))
add("steep", lambda x: (30 * x).tanh(), (6,))

# --- reductions and order -----------------------------------------------------------------------------------

for _name in (
    "sum",
    "mean",
    "prod",
    "var",
    "std",
    "logsumexp",
    "amax",
    "amin",
    "cumsum",
    "cumprod",
    "median",
):
    _pick = (lambda y: y[0]) if _name == "median" else (lambda y: y)
    _f = getattr(at, _name)
    add(_name, lambda x, f=_f, p=_pick: p(f(x, 1)), (3, 4), order=1 if _name == "median" else 2)
    if _name not in ("var", "std", "logsumexp"):
        add(f"{_name} of ties", lambda x, f=_f, p=_pick: p(f(x, 0)), (3, 4), draw=small_integers)
add("norm", at.linalg.norm, (3, 4), order=2)
add("norm at 0", lambda x: at.linalg.vector_norm(x, dim=1), (2, 3), draw=lambda rng, shape: np.zeros(shape))
add("1-norm with zeros", lambda x: at.linalg.vector_norm(x, 1, dim=1), (2, 3), draw=small_integers)
add("sort", lambda x: x.sort(1)[0], (3, 4))
add("sort with ties", lambda x: x.sort(1)[0], (3, 4), draw=small_integers)
add("max with ties", lambda x: x.max(), (3, 4), draw=small_integers)
add("max along, with ties", lambda x: x.max(1)[0], (3, 4), draw=small_integers)
add("topk", lambda x: x.topk(2)[0], (3, 4))
add("kthvalue", lambda x: x.kthvalue(2)[0], (3, 4))
add("softmax", lambda x: x.softmax(1), (3, 4), order=2)
add("log_softmax", lambda x: x.log_softmax(1), (3, 4), order=2)
add("sum of softmax", lambda x: x.softmax(1).sum(), (3, 4))
add("masked softmax", lambda x: x.masked_fill(at.eye(4) > 0, -np.inf).softmax(1), (4, 4))
add("where", lambda x, y: at.where(x > 0, x * y, y), (3, 4), (3, 4))

# --- shapes and indices -------------------------------------------------------------------------------------

SHAPES: dict[str, Callable[..., Any]] = {
    "reshape": lambda x: x.reshape(2, 6), "transpose": lambda x: x.mT, "permute": lambda x: x.permute(1, 0),
    "slice": lambda x: x[1:, ::2], "negative step": lambda x: x.flip(1)[:, 1:], "index": lambda x: x[[0, 0,
    2]],
    "mask": lambda x: x[at.tensor(np.arange(12).reshape(3, 4) % 3 == 0)], "cat": lambda x: at.cat([x,
    2 * x], 1),
    "stack": lambda x: at.stack([x, x * x]), "split": lambda x: x.split(2, 1)[1].exp(),
    "roll": lambda x: x.roll(1, 0),
    "repeat": lambda x: x.repeat(2, 1), "expand": lambda x: x[None].expand(2, 3, 4),
    "tril": lambda x: x.tril(),
    "diagonal": lambda x: x.diagonal(), "gather": lambda x: x.gather(1, at.tensor([[0, 0], [1, 3], [2, 2]])),
    "unfold": lambda x: x.unfold(1, 2, 1), "pad": lambda x: F.pad(x, (1, 2)),
    "unbind": lambda x: x.unbind(0)[1].sin(),
    "scatter": lambda x: at.zeros(3, 4, dtype=x.dtype).scatter_add(1, at.tensor([[0, 0, 1, 1]] * 3), x),
    "in place": lambda x: x.clone().mul_(x).add_(1), "as strided": lambda x: x.as_strided((2, 2), (1, 4)),
    "write a row": lambda x: at.zeros_like(x).index_copy(0, at.tensor([1]), x[:1]),
    "outer": lambda x: at.outer(x[0], x[1]),
    "einsum": lambda x: at.einsum("ij,kj->ik", x, x), "unused rows": lambda x: x[0] * 2,
    "flatten": lambda x: x.flatten(),
    "cdist": lambda x: at.cdist(x, x + 1), "diff": lambda x: x.diff(dim=1),
    "movedim": lambda x: x.movedim(0, 1),
    "several outputs": lambda x: (x.sin(), x.sum(), at.tensor([1, 2])), "a dict": lambda x: {"a": x * 2,
    "b": x.mean()},
    "a constant": lambda x: x * 0 + 1, "linear": lambda x: x, "nothing of it": lambda x: at.ones(2) * 2,
}  # fmt: skip
for _name, _fn in SHAPES.items():
    add(_name, _fn, (3, 4))
    add(f"{_name} transposed", lambda x, f=_fn: f(x.mT), (4, 3), both=False)

# --- products and decompositions ----------------------------------------------------------------------------

add("matmul", lambda a, b: a @ b, (3, 4), (4, 2), order=2)
add("batched matmul", lambda a, b: a @ b, (2, 3, 4), (4, 2))
add("matrix and vector", lambda a, b: a @ b, (3, 4), (4,))
add("bilinear", F.bilinear, (3, 2), (3, 4), (5, 2, 4))
for _name, _fn in {
    "inv": at.linalg.inv, "det": at.linalg.det, "cholesky": at.linalg.cholesky,
    "eigvalsh": at.linalg.eigvalsh, "svdvals": at.linalg.svdvals,
    "slogdet": lambda x: at.linalg.slogdet(x)[1],
    "matrix_exp": lambda x: at.linalg.matrix_exp(x / 8), "solve": lambda x: at.linalg.solve(x, x[:,
    :1] * 2 + 1),
    "qr": lambda x: at.linalg.qr(x)[1], "pinv": at.linalg.pinv,
}.items():  # fmt: skip
    add(_name, lambda x, f=_fn: f(x @ x.mT + 3 * at.eye(3, dtype=x.dtype)), (3, 3))
add("fft", lambda x: at.fft.rfft(x).abs(), (6,))
add("irfft", lambda x: at.fft.irfft(at.fft.rfft(x) ** 2), (6,))

# --- networks -----------------------------------------------------------------------------------------------

TARGETS = at.tensor([0, 3, 1])
NETWORK: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "F.linear": (F.linear, ((3, 4), (2, 4), (2,))), "F.conv1d": (F.conv1d, ((2, 2, 6), (3, 2, 3), (3,))),
    "F.conv2d": (F.conv2d, ((1, 2, 4, 4), (2, 2, 3, 3), (2,))),
    "F.conv_transpose1d": (F.conv_transpose1d, ((1, 2, 4), (2, 3, 2))),
    "F.max_pool2d": (lambda x: F.max_pool2d(x, 2), ((1, 2, 4, 4),)),
    "F.avg_pool2d": (lambda x: F.avg_pool2d(x, 2), ((1, 2, 4, 4),)),
    "F.layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), ((3, 4), (4,), (4,))),
    "F.batch_norm": (lambda x: F.batch_norm(x, None, None, training=True), ((5, 3),)),
    "F.group_norm": (lambda x: F.group_norm(x, 2), ((2, 4, 3),)), "F.normalize": (F.normalize, ((3, 4),)),
    "F.scaled_dot_product_attention": (F.scaled_dot_product_attention, ((2, 3, 4), (2, 3, 4), (2, 3, 4))),
    "F.cross_entropy": (lambda x: F.cross_entropy(x, TARGETS), ((3, 4),)),
    "F.mse_loss": (F.mse_loss, ((3, 4), (3, 4))), "F.l1_loss": (F.l1_loss, ((3, 4), (3, 4))),
    "F.huber_loss": (F.huber_loss, ((3, 4), (3, 4))), "F.smooth_l1_loss": (F.smooth_l1_loss, ((3, 4), (3,
    4))),
    "F.kl_div": (lambda x: F.kl_div(x, at.full((3, 4), 0.25, dtype=x.dtype), reduction="sum"), ((3, 4),)),
    "F.binary_cross_entropy_with_logits": (
        lambda x, y: F.binary_cross_entropy_with_logits(x, y.sigmoid()), ((3, 4), (3, 4))),
    "F.cosine_similarity": (F.cosine_similarity, ((3, 4), (3, 4))),
    "F.interpolate": (lambda x: F.interpolate(x, scale_factor=2.0, mode="linear"), ((1, 2, 4),)),
    "F.embedding": (lambda w: F.embedding(at.tensor([1, 2, 1]), w), ((4, 3),)), "F.glu": (F.glu, ((3, 4),)),
    "two layers": (lambda x, w, v: (x @ w).relu() @ v, ((5, 4), (4, 6), (6, 2))),
    "a wide relu layer": (lambda x, w: (x @ w).relu().sum(0), ((8, 30), (30, 40))),
    "a recurrence": (lambda x, w: _unrolled(x, w), ((5, 3), (3, 3))),
}  # fmt: skip


def _unrolled(x: Any, w: Any) -> Any:
    h = x[0] * 0
    for row in x:
        h = (h @ w + row).tanh()
    return h


for _name, (_fn, _shapes) in NETWORK.items():
    add(_name, _fn, *_shapes)
    if "pool" not in _name and "wide" not in _name:
        add(
            f"{_name} at integers",
            _fn,
            *_shapes,
            draw=lambda rng, s: small_integers(rng, s) + 0.5,
            both=False,
        )

MODULES: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "Linear": (lambda: at.nn.Linear(4, 3), (5, 4)), "Conv2d": (lambda: at.nn.Conv2d(2, 3, 2), (2, 2, 4, 4)),
    "BatchNorm1d": (lambda: at.nn.BatchNorm1d(3), (6, 3)), "LayerNorm": (lambda: at.nn.LayerNorm(4), (3, 4)),
    "GRU": (lambda: at.nn.GRU(3, 2), (4, 2, 3)), "LSTM": (lambda: at.nn.LSTM(3, 2), (3, 1, 3)),
    "Dropout": (lambda: at.nn.Sequential(at.nn.Linear(4, 4), at.nn.Dropout(0.4), at.nn.Linear(4, 2)), (3, 4)),
    "norm after linear": (lambda: at.nn.Sequential(at.nn.Linear(4, 3), at.nn.BatchNorm1d(3), at.nn.ReLU()),
    (6, 4)),
    "attention": (lambda: at.nn.MultiheadAttention(4, 2), (3, 1, 4)),
}  # fmt: skip


def _module(make: Callable[[], Any], shape: tuple[int, ...]) -> Run:
    def run(seed: int) -> None:
        at.manual_seed(seed)
        x = at.randn(*shape)
        module = make()
        check_module(module, *([x, x, x] if isinstance(module, at.nn.MultiheadAttention) else [x]), seed=seed)

    return run


RIGHT.update({f"module {name}": _module(*row) for name, row in MODULES.items()})

# --- plain NumPy --------------------------------------------------------------------------------------------


def _softmax(x: Any) -> Any:
    e = np.exp(x - x.max())
    return e / e.sum()


PLAIN: dict[str, tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = {
    "exp": (np.exp, lambda g, y, x: g * y, ((3,),)), "abs": (np.abs, lambda g, x: g * np.sign(x), ((5,),)),
    "matmul": (np.matmul, lambda g, a, b: (g @ b.T, a.T @ g), ((2, 3), (3, 2))),
    "add": (np.add, lambda g, a, b: (g, g.sum(0)), ((3, 2), (2,))), "cumsum": (
        np.cumsum, lambda g, x: np.cumsum(g[::-1])[::-1], ((6,),)),
    "softmax": (_softmax, lambda g, y, x: y * (g - (g * y).sum()), ((5,),)),
    "maximum": (lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), ((70,),)),
    "two outputs": (lambda x: (np.sin(x), x.sum()), lambda g, x: g[0] * np.cos(x) + g[1], ((4,),)),
}  # fmt: skip


def _plain(f: Any, vjp: Any, shapes: Any, draw: Any, dtype: Any) -> Run:
    def run(seed: int) -> None:
        rng = np.random.default_rng(seed)
        check_vjp(f, vjp, *[draw(rng, s).astype(dtype) for s in shapes], seed=seed)

    return run


for _name, (_f, _vjp, _shapes) in PLAIN.items():
    for _label, _dtype in DTYPES.items():
        RIGHT[f"NumPy {_name} {_label}"] = _plain(_f, _vjp, _shapes, normal, _dtype)
    RIGHT[f"NumPy {_name} at integers"] = _plain(_f, _vjp, _shapes, small_integers, np.float64)
RIGHT["NumPy least squares"] = lambda seed: check_grad(
    lambda w: ((w - 1.0) ** 4).sum(),
    lambda w: 4 * (w - 1.0) ** 3,
    np.random.default_rng(seed).standard_normal(5),
)
RIGHT["NumPy Jacobian"] = lambda seed: check_grad(
    np.sin, lambda x: np.diag(np.cos(x)), np.random.default_rng(seed).standard_normal(5)
)
