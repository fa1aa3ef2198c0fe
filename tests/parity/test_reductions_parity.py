"""Reductions, extrema, norms, cumulative operations, sorting and products agree with PyTorch."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import autotape
from tests.oracle import normal
from tests.parity.calculations import (
    check_derivatives,
    check_error,
    check_values,
    gradient,
    lines,
    same,
    torch,
)

GRADIENTS = """
a.sum()
a.sum(0)
a.sum(-1, keepdim=True)
c.sum((0, 2))
c.sum([1, -1], True)
c.sum(())
s.sum()
s.sum(0)
none.sum(0)
single.sum(dtype=m.float64)
a.sum(dtype=m.float32)
m.sum(a, dim=1)
half.sum()
a.mean()
a.mean(1)
c.mean((0, 2), keepdim=True)
c.mean(dim=[])
s.mean(0)
single.mean(0)
half.mean()
a.prod()
a.prod(1)
a.prod(0, keepdim=True)
z.prod()
z.prod(0)
z.prod(1)
s.prod()
none.prod(0)
a.var()
a.var(1)
a.var(False)
a.var(0, False, True)
a.var((0, 1), correction=0.5)
a.std()
a.std(unbiased=False)
a.std(1, correction=0, keepdim=True)
a.std(None, True)
same.std()
same.std(1, correction=0)
same.var(0)
single.var(1)
half.std()
s.var(correction=0)
a.logsumexp(0)
c.logsumexp((0, 2), keepdim=True)
s.logsumexp(0)
(a * 1000).logsumexp(1)
none.logsumexp(0)
a.norm()
a.norm(1)
a.norm(3, 1)
a.norm(0.5, 0)
a.norm(1.5)
a.norm(-2, 1)
a.norm(float('inf'))
a.norm(float('-inf'), 1, True)
c.norm(2, (0, 2))
c.norm('fro', (0, 2))
c.norm(p=None, dim=1)
s.norm()
single.norm(dtype=m.float64)
(a * 0).norm()
(a * 0).norm(3)
(a * 0).norm(1)
ties.norm(float('inf'), 1)
none.norm()
none.norm(dim=0)
a.max()
a.min()
a.max(1).values
a.max(0, keepdim=True)[0]
a.min(-1)[0]
a.amax()
a.amax(1)
c.amin((0, 2), keepdim=True)
ties.max()
ties.max(1)[0]
ties.min(1)[0]
ties.amax(1)
ties.amin((0, 1))
s.max()
s.max(0).values
m.max(a, ties)
m.min(ties, a)
a.median()
a.median(1).values
ties.median()
ties.median(0, True)[0]
s.median(0)[0]
a.cumsum(0)
a.cumsum(-1)
s.cumsum(0)
a.cumprod(1)
z.cumprod(0)
z.cumprod(1)
none.cumprod(1)
a.sort().values
a.sort(0, descending=True)[0]
ties.sort(1)[0]
ties.sort(1, descending=True)[0]
m.sort(a, stable=True)[0]
a.topk(2).values
a.topk(2, 0, False)[0]
a.topk(0)[0]
s.sort()[0]
s.topk(1)[0]
a @ b
a.matmul(v)
v @ b
v @ v
a @ d
c @ d
c @ v
v @ d
c @ b
c @ a.T
c[:, None] @ d
single @ single.T
none @ a
none.T @ none
m.mm(a, b)
m.bmm(c, d)
m.mv(a, v)
m.dot(v, v)
m.outer(v, a[0])
m.trace(a)
m.det(q)
m.det(m.stack([q, q @ q]))
m.det(rank1)
m.inverse(q)
m.inverse(m.stack([q, q.T]))
m.einsum('ij,jk->ki', a, b)
m.einsum('bij,bjk', c, d)
m.einsum('ii', q)
m.einsum('ii->i', q)
m.einsum('...ij,...jk->...ik', c, d)
m.einsum('ij,kj,lj->ikl', a, a, a)
m.einsum(a, [0, 1], b, [1, 2], [2, 0])
m.einsum('i,j->ij', v, v)
m.einsum('bij->b', c)
m.einsum('i...->i', c)
m.einsum('ij,ij->', a, ties)
"""

VALUES = """
n.sum()
n.sum(1)
u8.sum()
t.sum()
n32.prod()
t.prod(0)
n.sum(dtype=m.float16)
a.detach().sum(dtype=m.int64)
a.detach().sum(dtype=m.bool)
n.mean(dtype=m.float64)
n.logsumexp(1)
infs.logsumexp(0)
low.logsumexp(0)
nan.logsumexp(0)
n.max()
n.max(1)
n.min(0, True)
u8.max()
t.max()
t.max(0)
t.amax(1)
nan.max()
nan.max(0)
nan.min(0)
nan.amax(0)
nan.median()
nan.median(0)
n.median()
n.median(1)
n.argmax()
n.argmax(1)
n.argmin(0, keepdim=True)
n.argmax(keepdim=True)
nan.argmax()
nan.argmin(0)
s.argmax(0)
n.all()
n.all(1)
t.any(0, True)
t.all((0, 1))
t.all(())
u8.all()
u8.any(0)
none.all()
none.any(1)
nan.any()
n.count_nonzero()
n.count_nonzero(0)
u8.count_nonzero((0,))
n.cumsum(1)
n32.cumsum(0)
t.cumsum(0)
t.cumprod(1)
a.detach().cumsum(0, dtype=m.int64)
n.cumprod(0, dtype=m.float32)
n.sort()
n.sort(0, True)
t.sort(1)
nan.sort()
nan.sort(descending=True)
nan.argsort()
n.argsort(0)
m.argsort(n, descending=True, stable=True)
nan.topk(2)
nan.topk(2, largest=False)
n[0].topk(2)
n.unique()
n.unique(return_inverse=True)
n.unique(return_counts=True)
n.unique(True, True, True)
n.unique(dim=0)
n.unique(dim=1, return_inverse=True, return_counts=True)
nan.unique()
none.unique()
none.unique(dim=0)
n32.bincount()
n32.bincount(minlength=7)
u8.bincount(n32)
n32.bincount(single[0][:3])
n32.bincount(a[0][:3])
none[:, 0].long().bincount()
n @ n.T
n.trace()
n32 @ n32
m.einsum('ij,kj->ik', n, n)
m.einsum('i->', n32)
m.outer(n32, n32)
half[None] @ half
a.norm(0, 1)
none.median()
none.max(1)
none.amax(1)
none.argmax(1)
none.sort(0)
m.det(m.zeros(0, 0))
m.inverse(m.zeros(0, 0))
"""

ERRORS = """
n.mean()
t.mean()
a.mean(dtype=m.int64)
n.var()
n.norm()
a.norm('abc')
none.norm(float('inf'))
none.norm(-1, 0)
none.max()
none.max(0)
none.amax()
none.amax(0)
none.argmax()
none.argmin(0)
none.median(0)
a.max((0, 1))
a.max(2)
a.sum(2)
a.sum((0, 0))
a.sum('x')
a.amax((1, -1))
a.logsumexp()
a.logsumexp(None)
a.cumsum()
a.cumsum(2)
a.cumprod(-3)
a.sum(dtype=m.int64)
a.cumprod(0, dtype=m.int64)
a.norm(dtype=m.int64)
a.var(unbiased=True, correction=1)
a.sort(2)
a.topk(5)
a.topk(-1)
(a + 0j).sort()
(a + 0j).max()
(a + 0j).amax()
(a + 0j).median()
t.median()
m.max(a, 3.0)
a.unique().sum().backward()
s.unique(dim=0)
none.T.unique(dim=0)
(-n32).bincount()
n.bincount()
n32.bincount(v)
n32.bincount(minlength=-1)
a @ b.T
a @ 2.0
2.0 @ a
a @ [1.0]
a @ single.T
a @ s
s @ a
c @ c
v @ a.T[:2]
t @ t
m.mm(a, v)
m.bmm(a, b)
m.bmm(c, d[:1])
m.mv(a, b)
m.dot(a, v)
m.dot(v, v[:2])
m.dot(v, n32)
m.outer(a, v)
m.trace(v)
m.det(a)
m.det(n)
m.det(m.eye(2).half())
m.inverse(a)
m.inverse(v)
m.inverse(m.zeros(2, 2))
m.einsum('ij->k', a)
m.einsum('ij->ii', a)
m.einsum('ij,jk', a)
m.einsum('i', a, b)
m.einsum('ijk', a)
m.einsum('ij,jk', a, a)
m.einsum('i1', a)
m.einsum('i.j', a)
m.einsum('ii', a)
m.einsum('')
m.einsum('ij,jk', a, b.float())
"""


@pytest.mark.parametrize("expression", lines(GRADIENTS))
def test_values_and_two_derivatives(expression: str) -> None:
    check_derivatives(expression)


@pytest.mark.parametrize("expression", lines(VALUES))
def test_values(expression: str) -> None:
    check_values(expression)


@pytest.mark.parametrize("expression", lines(ERRORS))
def test_types_of_errors(expression: str) -> None:
    check_error(expression)


@settings(max_examples=50)
@given(st.data())
def test_matmul_of_random_shapes(data: st.DataObject) -> None:
    shapes = data.draw(
        hnp.mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, max_side=3)
    )
    a, b = (normal(*shape, seed=i) for i, shape in enumerate(shapes.input_shapes))
    results = []
    for m in (autotape, torch):
        x, y = m.tensor(a, requires_grad=True), m.tensor(b, requires_grad=True)
        z = x @ y
        results.append((z, gradient(z, x, m, retain_graph=True), gradient(z, y, m)))
    for mine, reference in zip(*results, strict=True):
        same(mine, reference, f"{a.shape} @ {b.shape}")
