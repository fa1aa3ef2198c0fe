"""Functions of one example, that vmap must run on a batch: a new operation adds its row here."""

from typing import Any

import numpy as np

import autotape as at
import autotape.nn.functional as F
from tests.elementwise_table import BINARY, BITWISE, COMPARISONS, TESTS, UNARY

# name: (function, shapes of its floating arguments)
Row = tuple[Any, tuple[tuple[int, ...], ...]]

INDEX = at.tensor([2, 0, 2])
ROWS = at.tensor([[0, 1, 1, 0], [2, 2, 0, 1]])
MASK = at.tensor([True, False, True])


def filled(x: at.Tensor, y: at.Tensor) -> at.Tensor:
    z = at.zeros_like(x + y)
    z[1:] = x[:2] * 2
    z[0] += y
    z.mul_(3).add_(x)
    return z


def symmetric(x: at.Tensor) -> at.Tensor:
    return x @ x.mT + 3 * at.eye(x.shape[-1], dtype=x.dtype)


ELEMENTWISE: dict[str, Row] = {
    **{f"elementwise {n}": (getattr(at, n), ((3, 2),)) for n in (*UNARY, *TESTS)},
    **{f"elementwise {n}": (getattr(at, n), ((3, 2), (2,))) for n in (*BINARY, *COMPARISONS)},
}

TABLE: dict[str, Row] = {
    # reductions
    "sum": (lambda x: x.sum(), ((3, 4),)),
    "sum dim": (lambda x: x.sum(-1, keepdim=True), ((3, 4),)),
    "sum dims": (lambda x: x.sum((0, 2)), ((3, 4, 2),)),
    "mean": (lambda x: x.mean(0), ((3, 4),)),
    "prod": (lambda x: x.prod(1), ((3, 4),)),
    "prod all": (at.prod, ((3,),)),
    "std": (lambda x: x.std(0), ((3, 4),)),
    "var": (lambda x: x.var(), ((3, 4),)),
    "norm": (lambda x: x.norm(), ((3, 4),)),
    "amax": (lambda x: x.amax(0), ((3, 4),)),
    "amin": (lambda x: x.amin(), ((3, 4),)),
    "max": (at.max, ((3, 4),)),
    "max dim": (lambda x: tuple(x.max(1)), ((3, 4),)),
    "min dim": (lambda x: tuple(x.min(-1, keepdim=True)), ((3, 4),)),
    "argmax": (lambda x: x.argmax(1), ((3, 4),)),
    "argmin": (at.argmin, ((3, 4),)),
    "logsumexp": (lambda x: x.logsumexp(1), ((3, 4),)),
    "median": (at.median, ((5,),)),
    "median dim": (lambda x: tuple(x.median(1)), ((3, 5),)),
    "any": (lambda x: (x > 1).any(0), ((3, 4),)),
    "all": (lambda x: (x > 0.5).all(), ((3, 4),)),
    "count_nonzero": (lambda x: at.count_nonzero(x > 1, 0), ((3, 4),)),
    "cumsum": (lambda x: x.cumsum(1), ((3, 4),)),
    "cumprod": (lambda x: x.cumprod(0), ((3, 4),)),
    "cumprod zero": (lambda x: (x - x[0]).cumprod(0), ((3,),)),
    # shape and order
    "reshape": (lambda x: x.reshape(2, -1), ((4, 3),)),
    "view": (lambda x: x.reshape(-1).view(6, 2), ((4, 3),)),
    "flatten": (at.flatten, ((2, 3, 2),)),
    "unflatten": (lambda x: x.unflatten(0, (2, 2)), ((4, 3),)),
    "squeeze": (lambda x: x.squeeze(1), ((4, 1, 3),)),
    "unsqueeze": (lambda x: x.unsqueeze(-1), ((4, 3),)),
    "transpose": (lambda x: x.transpose(0, -1), ((2, 3, 4),)),
    "permute": (lambda x: x.permute(2, 0, 1), ((2, 3, 4),)),
    "movedim": (lambda x: x.movedim(0, 2), ((2, 3, 4),)),
    "T": (lambda x: x.T, ((2, 3),)),
    "expand": (lambda x: x.expand(5, 3), ((3,),)),
    "expand dim": (lambda x: x.expand(3, 4), ((3, 1),)),
    "repeat": (lambda x: x.repeat(2, 3), ((3,),)),
    "tile": (lambda x: at.tile(x, (2, 1)), ((2, 3),)),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, 1), ((2, 3),)),
    "flip": (lambda x: x.flip(0), ((3, 2),)),
    "roll": (lambda x: x.roll(1, 0), ((3, 2),)),
    "roll flat": (lambda x: x.roll(2), ((3, 2),)),
    "tril": (at.tril, ((3, 3),)),
    "triu": (lambda x: x.triu(1), ((3, 4),)),
    "diag": (at.diag, ((3,),)),
    "diag of matrix": (at.diag, ((3, 3),)),
    "diagonal": (lambda x: x.diagonal(1), ((3, 4),)),
    "cat": (lambda x, y: at.cat([x, y], 1), ((2, 3), (2, 1))),
    "cat own": (lambda x: at.cat([x, at.ones(1, 3, dtype=x.dtype)]), ((2, 3),)),
    "stack": (lambda x, y: at.stack([x, y], 1), ((2, 3), (2, 3))),
    "split": (lambda x: x.split([1, 2], 0), ((3, 2),)),
    "split part": (lambda x: x.split(2)[1], ((3, 2),)),
    "chunk": (lambda x: x.chunk(2, 1), ((3, 4),)),
    "unbind": (lambda x: x.unbind(1), ((3, 2),)),
    "meshgrid": (lambda x, y: at.meshgrid(x, y, indexing="ij"), ((3,), (2,))),
    "unfold": (lambda x: x.unfold(0, 3, 2), ((7,),)),
    "unfold dim": (lambda x: x.unfold(-1, 2, 1), ((2, 4),)),
    # indexing
    "getitem int": (lambda x: x[1], ((3, 4),)),
    "getitem scalar": (lambda x: x[1, 2], ((3, 4),)),
    "getitem slice": (lambda x: x[:, 1:3], ((3, 4),)),
    "getitem none": (lambda x: x[None, ..., 0], ((3, 4),)),
    "getitem index": (lambda x: x[INDEX], ((3, 4),)),
    "getitem last": (lambda x: x[:, INDEX], ((4, 3),)),
    "getitem two": (lambda x: x[INDEX, INDEX], ((3, 4),)),
    "getitem apart": (lambda x: x[INDEX, :, INDEX], ((3, 2, 4),)),
    "getitem int apart": (lambda x: x[0, :, INDEX], ((3, 2, 4),)),
    "getitem mask": (lambda x: x[MASK], ((3, 2),)),
    "getitem own index": (lambda x: x[x.argmax(0)], ((3, 2),)),
    "getitem own index behind": (lambda x: x[:, x[0].argsort()], ((3, 3),)),
    "getitem own index apart": (lambda x: x[x[:, 0, 0].argsort(), :, INDEX], ((3, 2, 3),)),
    "shared by own index": (lambda x: at.eye(4, dtype=x.dtype)[x.argmax()], ((4,),)),
    "gather": (lambda x: x.gather(0, ROWS), ((3, 4),)),
    "gather own": (lambda x: x.gather(1, x.argsort(1)), ((3, 4),)),
    "take_along_dim": (lambda x: at.take_along_dim(x, x.argsort(0), 0), ((3, 4),)),
    "index_select": (lambda x: x.index_select(0, INDEX), ((3, 2),)),
    "index_add": (lambda x, y: x.index_add(0, INDEX, y), ((3, 2), (3, 2))),
    "scatter": (lambda x, y: x.scatter(0, ROWS, y), ((3, 4), (2, 4))),
    "scatter_add": (lambda x, y: x.scatter_add(0, ROWS, y), ((3, 4), (2, 4))),
    "scatter own": (lambda x, y: x.scatter(1, y.argsort(1), y), ((3, 4), (3, 4))),
    "masked_fill": (lambda x: x.masked_fill(x > 1, 0.0), ((3, 4),)),
    "where": (lambda x, y: at.where(x > y, x * y, y), ((3, 4), (4,))),
    "clamp": (lambda x: x.clamp(0.8, 1.2), ((3, 4),)),
    "select": (lambda x: x.select(1, 2), ((3, 4),)),
    "narrow": (lambda x: x.narrow(0, 1, 2), ((3, 4),)),
    "sort": (lambda x: tuple(x.sort(0)), ((4, 3),)),
    "sort descending": (lambda x: tuple(x.sort(descending=True)), ((4, 3),)),
    "argsort": (at.argsort, ((4, 3),)),
    "topk": (lambda x: tuple(x.topk(2)), ((3, 4),)),
    "in place": (filled, ((3, 2), (2,))),
    # products and linear algebra
    "matmul": (at.matmul, ((2, 3), (3, 4))),
    "matmul vector": (at.matmul, ((2, 3), (3,))),
    "matmul vectors": (at.matmul, ((3,), (3,))),
    "vector matmul": (at.matmul, ((3,), (3, 4))),
    "matmul stack": (at.matmul, ((5, 2, 3), (3, 4))),
    "matmul stacks": (at.matmul, ((5, 2, 3), (5, 3, 4))),
    "matmul few": (at.matmul, ((2, 3), (5, 3, 4))),
    "dot": (at.dot, ((3,), (3,))),
    "outer": (at.outer, ((3,), (2,))),
    "einsum": (lambda x, y: at.einsum("ij,kj->ik", x, y), ((2, 3), (4, 3))),
    "einsum trace": (lambda x: at.einsum("ii", x), ((3, 3),)),
    "trace": (at.trace, ((3, 3),)),
    "inverse": (lambda x: at.linalg.inv(symmetric(x)), ((3, 3),)),
    "det": (lambda x: at.linalg.det(symmetric(x)), ((3, 3),)),
    "slogdet": (lambda x: tuple(at.linalg.slogdet(symmetric(x))), ((3, 3),)),
    "solve": (lambda x, y: at.linalg.solve(symmetric(x), y), ((3, 3), (3, 2))),
    "solve vector": (lambda x, y: at.linalg.solve(symmetric(x), y), ((3, 3), (3,))),
    "cholesky": (lambda x: at.linalg.cholesky(symmetric(x)), ((3, 3),)),
    "eigvalsh": (lambda x: at.linalg.eigvalsh(symmetric(x)), ((3, 3),)),
    "svdvals": (at.linalg.svdvals, ((4, 3),)),
    "qr": (lambda x: tuple(at.linalg.qr(x)), ((4, 3),)),
    "matrix_exp": (at.linalg.matrix_exp, ((3, 3),)),
    # layers
    "linear": (F.linear, ((2, 3), (4, 3), (4,))),
    "linear vector": (F.linear, ((3,), (4, 3), (4,))),
    "softmax": (lambda x: F.softmax(x, -1), ((3, 4),)),
    "log_softmax": (lambda x: F.log_softmax(x, 0), ((3, 4),)),
    "cross_entropy": (lambda x: F.cross_entropy(x, INDEX), ((3, 4),)),
    "cross_entropy one": (lambda x: F.cross_entropy(x, at.tensor(1)), ((4,),)),
    "cross_entropy own": (lambda x, y: F.cross_entropy(x, y.argmax(1)), ((3, 4), (3, 4))),
    "nll_loss": (lambda x: F.nll_loss(F.log_softmax(x, 1), INDEX, reduction="sum"), ((3, 4),)),
    "mse_loss": (F.mse_loss, ((3, 4), (3, 4))),
    "l1_loss": (F.l1_loss, ((3, 4), (3, 4))),
    "binary_cross_entropy": (
        lambda x, y: F.binary_cross_entropy(x.sigmoid(), y.sigmoid()),
        ((3,), (3,)),
    ),
    "embedding": (lambda x: F.embedding(ROWS, x), ((3, 4),)),
    "embedding own": (lambda x, y: F.embedding(y.argmax(1), x), ((4, 2), (3, 4))),

    "gelu": (F.gelu, ((3, 4),)),
    "normalize": (lambda x: F.normalize(x, dim=-1), ((3, 4),)),
    "leaky_relu": (lambda x: F.leaky_relu(x - 1), ((3, 4),)),
    # several steps
    "program": (lambda x, w: (at.tanh(x @ w) * x.sum(-1, keepdim=True).exp()).amax(0), ((3, 2), (2, 4))),
}  # fmt: skip
TABLE = ELEMENTWISE | TABLE

INTEGERS: dict[str, Any] = {n: getattr(at, n) for n in BITWISE}


def arguments(shapes: tuple[tuple[int, ...], ...], batch: int) -> list[at.Tensor]:
    """Batches of random arguments, positive and without ties."""
    rng = np.random.default_rng(7)
    return [at.from_numpy(rng.uniform(0.55, 0.9, (batch, *s)) + 0.02 * i) for i, s in enumerate(shapes)]
