"""Statistics, quantiles, histograms, searching, differences and running extrema agree with PyTorch."""

from __future__ import annotations

import pytest

from tests.parity.calculations import check_derivatives, check_error, check_values, lines

GRADIENTS = """
m.msort(ties)
nans.nansum()
nans.nansum(1, keepdim=True)
nans.nanmean(0)
nans.nanmedian()
nans.nanmedian(1).values
c.nanmean((0, 2))
m.std_mean(a, 1)[0] * m.std_mean(a, 1)[1]
m.var_mean(c, (0, 2), correction=0)[0]
m.aminmax(ties)[0] + m.aminmax(ties).max
m.aminmax(ties, dim=1, keepdim=True).min
a.cummax(1).values
ties.cummax(1)[0]
ties.cummin(0).values
a.logcumsumexp(1)
c.logcumsumexp(0)
z.logcumsumexp(-1)
(a + 1j * a.flip(0)).logcumsumexp(0).abs()
(a + 1j * a.flip(0)).logsumexp(0).real
s.logcumsumexp(0)
a.kthvalue(2).values
a.kthvalue(3, 0, True)[0]
s.kthvalue(1)[0]
ties.mode().values
ties.mode(0, True)[0]
s.mode()[0]
a.quantile(0.3)
a.quantile(m.tensor([0.0, 0.5, 0.9], dtype=m.float64), 1)
a.quantile(m.tensor([0.25], dtype=m.float64), 0, True)
a.quantile(0.4, dim=1, interpolation='lower')
a.quantile(0.4, dim=1, interpolation='higher')
a.quantile(0.4, dim=1, interpolation='nearest', keepdim=True)
a.quantile(0.4, dim=0, interpolation='midpoint')
nans.quantile(0.4, 0)
nans.nanquantile(0.4, 0)
nans.nanquantile(m.tensor([0.1, 0.7], dtype=m.float64), 1, True)
a.quantile(v[:2].sigmoid(), 1)
s.quantile(0.5)
a.diff()
a.diff(2, 0)
a.diff(dim=1, prepend=a[:, :1] * 2, append=a)
a.diff(n=9)
m.trapezoid(a)
m.trapezoid(a, dx=0.5, dim=0)
m.trapezoid(a, v)
m.trapz(a, ties)
m.trapezoid(a, v.cumsum(0), dim=1)
m.cumulative_trapezoid(a, v)
m.cumulative_trapezoid(c, dx=3, dim=1)
m.cumulative_trapezoid(a, ties, dim=0)
m.gradient(a)[0] * m.gradient(a)[1]
m.gradient(a, spacing=2.0, dim=1, edge_order=2)[0]
m.gradient(a, spacing=(2.0, -1.0))[1]
m.gradient(c, spacing=(v.cumsum(0),), dim=2)[0]
m.gradient(c, spacing=[v.exp().cumsum(0)], dim=(-1,), edge_order=2)[0]
m.gradient(a, dim=0)[0]
m.dist(a, ties)
m.dist(a, v, 1)
m.dist(a, ties, 3)
m.dist(a, a)
m.dist(a, ties, float('inf'))
a.cov()
a.cov(correction=0)
v.cov()
a.cov(fweights=m.tensor([1, 2, 0, 3]))
a.cov(aweights=v.exp())
a.cov(correction=2, fweights=m.tensor([1, 2, 1, 3]), aweights=v.exp())
(a + 1j * a.flip(0)).cov().abs()
q.corrcoef()
v.corrcoef()
(q + 1j * q.flip(0)).corrcoef().real.tril(-1)
a.renorm(2, 0, 1.0)
a.renorm(1, 1, 0.5)
a.renorm(2, 0, 100.0)
c.renorm(3, 1, 1.0)
c.renorm(float('inf'), 2, 0.5)
a.norm('nuc')
c.norm('nuc', (0, 2), True)
(a * 1j).norm(3)
a.softmax(1, dtype=m.float64)
s.log_softmax(0)
"""

VALUES = """
n.nansum(1)
nan.nansum()
nan.nanmedian(0)
nan.nanquantile(0.5)
low.logcumsumexp(0)
infs.logcumsumexp(0)
nan.logcumsumexp(0)
nan.cummax(0)
nan.cummin(0)
t.cummax(1)
n.cummin(0)
none.cummax(0)
nan.aminmax()
n.aminmax(dim=0)
n.mode(1)
t.mode()
n.msort()
nan.kthvalue(4)
none.mode(1)
none.T.kthvalue(1, 0)
n.unique_consecutive()
n.unique_consecutive(True, True)
n.unique_consecutive(dim=0, return_inverse=True, return_counts=True)
none.unique_consecutive(dim=0)
s.unique_consecutive()
a.detach().histc(5, -1, 1)
a.detach().histc()
ties.detach().histc(4)
nan.histc(3, 0, 5)
m.histogram(a.detach(), 4)
m.histogram(same.detach(), 2)
m.histogram(none.detach(), 2)
m.histogram(nan, 3, range=(0.0, 5.0), density=True)
m.histogram(ties.detach(), m.tensor([0.0, 1.0, 2.0, 3.0], dtype=m.float64), weight=a.detach())
m.histogramdd(a.detach()[:, :2], [2, 3]).hist
m.histogramdd(a.detach()[:, :2], 3, range=[-1.0, 1.0, -2.0, 2.0], weight=a.detach()[:, 2], density=True).hist
m.histogramdd(a.detach()[:, :2], [m.tensor([-1.0, 0.0, 2.0], dtype=m.float64)] * 2).bin_edges
m.searchsorted(infs, nan)
m.searchsorted(infs, nan, right=True, out_int32=True)
m.searchsorted(m.tensor([[1, 3, 5], [2, 4, 6]]), n)
m.searchsorted(m.tensor([[1, 3, 5], [2, 4, 6]]), n, side='right')
m.searchsorted(m.tensor([5, 1, 3]), n, sorter=m.tensor([1, 2, 0]))
m.searchsorted(m.tensor([1, 3, 5]), 2.5)
m.bucketize(n, m.tensor([1, 3, 5]))
m.bucketize(n, m.tensor([1, 3, 5]), right=True, out_int32=True)
m.bucketize(3, m.tensor([1, 3, 5]))
m.bucketize(n, v.detach().sort()[0])
m.searchsorted(half.detach(), 0.1)
m.searchsorted(n[0].sort()[0], 1.5)
t.diff()
u8.diff()
n.diff(2)
m.trapezoid(n)
m.trapezoid(n, m.tensor([1, 3, 6]))
m.cumulative_trapezoid(n32, dx=2)
m.trapezoid(none)
m.gradient(n)
n.cov()
n.float().cov(fweights=m.tensor([1, 1, 2]))
m.cov(m.zeros(2, 0))
n32.cumsum(0, dtype=m.uint8)
u8.cumsum(0, dtype=m.uint8)
u8.sum(dtype=m.uint8)
half.detach().logcumsumexp(0)
half.detach().cumprod(0)
half.detach().prod()
n.softmax(1, dtype=m.float32)
"""

ERRORS = """
n.nanmean()
(a + 0j).nansum()
n.quantile(0.5)
none.quantile(0.5)
a.quantile(1.5)
a.quantile(m.tensor([[0.5]]))
a.quantile(0.5, interpolation='x')
a.quantile(m.tensor(0.5))
a.quantile(0.5, 3)
none.mode(0)
none.kthvalue(1, 0)
a.kthvalue(5)
a.kthvalue(0)
t.kthvalue(1)
(a + 0j).cummax(0)
a.cummax(2)
n.logcumsumexp(0)
(a + 0j).mode()
none.aminmax()
none.aminmax(dim=0)
s.unique_consecutive(dim=0)
none.T.unique_consecutive(dim=0)
n.histc()
n.histogram()
nan.histc()
a.detach().histc(0)
a.detach().histc(3, 2, 1)
m.histogram(nan, 2)
m.histogram(a.detach(), 0)
m.histogramdd(v.detach(), [2])
m.histogramdd(a.detach(), [2])
m.searchsorted(s, v)
m.searchsorted(a, v)
m.searchsorted(v, a, side='middle')
m.searchsorted(v, a, side='left', right=True)
m.bucketize(a, a)
m.bucketize(t, t[0])
s.diff()
a.diff(-1)
a.diff(prepend=v)
m.gradient(a, edge_order=3)
m.gradient(a, spacing=(1.0, 2.0), dim=1)
m.gradient(none)
m.gradient(a, dim=5)
m.trapezoid(s)
m.trapezoid(t)
m.trapezoid(a, v[:2])
m.trapezoid(a, v, dx=1.0)
m.dist(n, n)
m.dist(a, b)
c.cov()
c.corrcoef()
a.cov(fweights=v)
a.cov(fweights=m.tensor([1, 2]))
a.cov(fweights=m.tensor([1, 2, -1, 0]))
a.cov(aweights=m.tensor([1, 2, 3, 4]))
v.renorm(2, 0, 1.0)
a.renorm(2, 0, -1.0)
a.renorm(-2, 0, 1.0)
v.norm('nuc')
m.sum(a, 0, out=m.zeros(4))
m.max(v.detach(), 0, out=m.zeros(()))
m.mean(v.detach(), 0, out=m.zeros((), dtype=m.int64))
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
