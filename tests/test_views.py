"""Views and in-place operations: shared memory, shared versions, and gradients that follow every write."""

from __future__ import annotations

import gc
import threading
import weakref

import numpy as np
import pytest

import autotape as at
from tests.oracle import check, normal

MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"

# --- second derivatives through views and writes ------------------------------------------------------------


def _rows(t):
    y = t * t
    first, *_, last = y.unbind(0)
    first.mul_(last)
    y[1:].add_(t[0])
    return y


def _chain(t):
    y = t * 1
    v = y.mT[:, 1:].unflatten(0, (1, -1)).unsqueeze(0)[0, 0]
    v[::2] += y[0, 0]
    v[1].exp_()
    y[1].mul_(v[:, 0] + v[:, 1])
    return y * y.sum()


def _diagonal(t):
    y = t.sin()
    y[:2, :2].diagonal().copy_(t[0, :2] ** 3)
    y.mT.tanh_()
    return y


def _indexed(t):
    y = t * t
    v = y.view(-1)
    v[[0, 5, 5]] = t[0, :3] ** 2
    v[t.detach().reshape(-1) > 0] = t[0, 0].exp()
    y[..., -1:] = t[:, :1] * t[:, 1:2]
    return y * y


def _reshaped(t):
    y = t * t
    v = y[0]
    y.unsqueeze_(1)
    v.mul_(t[1])
    y.transpose_(0, 2)
    v.unsqueeze_(1).t_().squeeze_()
    y[1].mul_(v[0])
    return y


def _split(t):
    y = t * 2
    a, b = y.chunk(2, 1)
    a.mul_(b)
    y.relu_().add_(1)
    b.sqrt_()
    return y * t.split([1, 3], 1)[1].sum()


def _filled(t):
    y = t * t
    y[0].zero_()
    y[1].fill_(t[0, 0] ** 2)
    v = y[2]
    v[...] = 2.0
    v += t[2] ** 2
    return y * y.select(0, 1)


def _bases(t):
    y = t * t
    v = y[1]
    w = y[:2]
    z = v + w[0]
    y.mul_(t)
    return z.sum() * (v * w[1]).sum() + y


@pytest.mark.parametrize("fn", [_rows, _chain, _diagonal, _indexed, _reshaped, _split, _filled, _bases])
def test_second_derivatives(fn):
    check(fn, normal(3, 4) + np.sign(normal(3, 4)))


# --- what PyTorch allows and forbids ------------------------------------------------------------------------


def leaf(*shape):
    return at.ones(*shape, requires_grad=True)


def test_base_and_views_see_each_others_writes():
    base = at.zeros(2, 3)
    views = [
        base[0],
        base.mT[:, 0],
        base.view(6)[:3],
        base.unsqueeze(0)[0, 0],
        base.split(1)[0][0],
        base.unbind()[0],
    ]
    for i, v in enumerate(views):
        v.add_(1)
        assert all(u.tolist() == [i + 1.0] * 3 for u in views)
        assert base.sum().item() == 3 * (i + 1)
        assert {u._version for u in (*views, base, base.detach())} == {i + 1}
    base.detach()[0] = 0.0
    assert base._version == len(views) + 1
    assert base.data._version == base._version


def test_version_counts_every_write_to_the_memory_once():
    a = np.zeros(4)
    x, y = at.from_numpy(a), at.from_numpy(a[1:])
    x += 1
    y[0] = 5.0
    assert x._version == y._version == 2
    y.unsqueeze_(0)
    assert (x * 2)._version == 0


def test_writing_to_a_leaf_or_a_view_of_it_is_refused():
    w = leaf(2, 3)
    view = w[0]
    for write in (
        lambda: w.mul_(2),
        lambda: view.mul_(2),
        lambda: w[0].view(3, 1).zero_(),
        lambda: w.__setitem__(0, 1.0),
        lambda: w.unsqueeze_(0),
        lambda: w.t_(),
    ):
        with pytest.raises(
            RuntimeError, match="leaf Variable that requires grad is being used in an in-place"
        ):
            write()
    assert w._version == 0
    assert w.tolist() == [[1.0] * 3] * 2
    with at.no_grad():
        w.mul_(2)
        view[0] = 7.0
    assert w[0].tolist() == [7, 2, 2]
    assert w.is_leaf
    view.sum().backward()
    assert w.grad.tolist() == [[1] * 3, [0] * 3]


def test_a_base_that_requires_grad_after_its_view_was_taken():
    b = at.ones(2, 3)
    v = b[0]
    b.requires_grad_()
    with pytest.raises(RuntimeError, match="leaf"):
        v.mul_(2)


def test_a_view_that_is_a_leaf_becomes_a_view_again_when_its_base_is_written():
    b = at.ones(2, 3)
    v = b[0].requires_grad_()
    b.mul_(2)  # nothing to record: v stays a leaf
    assert v.is_leaf
    w = leaf(2, 3)
    b.mul_(w)
    assert not v.is_leaf
    v.sum().backward()
    assert w.grad.tolist() == [[2] * 3, [0] * 3]
    with pytest.raises(RuntimeError, match="view of a leaf"):
        at.ones(3)[1:].requires_grad_().mul_(2)


def test_expanded_memory_is_refused():
    w = leaf(3)
    e = at.ones(3).expand(2, 3)
    for write in (
        lambda: e.add_(1),
        lambda: e.zero_(),
        lambda: e.__setitem__(slice(None), 1.0),
        lambda: e.copy_(w),
    ):
        with pytest.raises(RuntimeError, match="single memory location"):
            write()
    e[0].add_(1)  # a row of it is not expanded
    assert e.tolist() == [[2.0] * 3] * 2
    with pytest.raises(RuntimeError, match="single memory location"):
        e[0].mul_(w)  # but the gradient would have to know of the other row
    windows = np.lib.stride_tricks.sliding_window_view(np.ones(4), 2, writeable=True)
    with pytest.raises(RuntimeError, match="single memory location"):
        at.from_numpy(windows).mul_(leaf(2).double())
    same = (at.ones(2, 3).mT * leaf(3, 2)).expand(3, 2)
    same.mul_(2)  # nothing was stretched


def test_views_taken_without_gradients():
    w = leaf(2, 3)
    b = w * 2
    with at.no_grad():
        v = b[0]
        again = v[1:]
    with pytest.raises(RuntimeError, match="created in no_grad mode and is being modified inplace"):
        v.mul_(2)
    with pytest.raises(RuntimeError, match="created in no_grad mode and is being modified inplace"):
        again[0] = 1.0
    plain = at.ones(2, 3)
    with at.no_grad():
        p = plain[0]
    p.add_(1)
    assert plain[0].tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match="created in no_grad mode"):
        p.mul_(leaf(3))
    assert plain[0].tolist() == [2, 2, 2]
    with at.no_grad():
        v.mul_(10)
    assert b[0].tolist() == [20, 20, 20]
    b.mul_(3)
    assert v.tolist() == [60, 60, 60]
    with pytest.raises(RuntimeError, match="its base or another view of its base has been modified inplace"):
        (v * 2).sum().backward()
    b[0].sum().backward()
    assert w.grad.tolist() == [[6] * 3, [0] * 3]


def test_several_outputs_of_one_view_operation_may_be_written():
    """PyTorch refuses it; here the gradient is right (the oracle's programs hold it too)."""
    w = leaf(2, 3)
    b = w * 2
    first, second = b.unbind()
    first.mul_(second)
    b[1] = 0.0
    assert second.tolist() == [0, 0, 0]
    b.sum().backward()
    assert w.grad.tolist() == [[4] * 3, [4] * 3]


def test_overwritten_tensors_still_require_grad():
    for overwrite in (
        lambda b: b.zero_(),
        lambda b: b.fill_(1),
        lambda b: b.copy_(at.ones(2, 3)),
        lambda b: b.__setitem__(..., 1.0),
        lambda b: b[:].zero_(),
    ):
        w = leaf(2, 3)
        b = w * 2
        v = b[0]
        overwrite(b)
        assert b.requires_grad
        assert v.requires_grad
        (b.sum() + v.sum()).backward()
        assert not w.grad.any()


def test_detach_in_place():
    w = leaf(2, 3)
    b = w * 2
    v = b[0]
    with pytest.raises(RuntimeError, match="views"):
        v.detach_()
    b.detach_()
    v.sum().backward()
    assert w.grad[0].tolist() == [2, 2, 2]
    b.mul_(2)
    assert not v.requires_grad


def test_what_detach_shares():
    w = leaf(3)
    y = w.exp()
    y.detach().mul_(2)
    assert y[0].item() == pytest.approx(2 * np.e)
    with pytest.raises(RuntimeError, match=MODIFIED):
        y.sum().backward()
    b = w * 2
    b.detach().mul_(5)
    b.sum().backward()
    assert w.grad.tolist() == [2, 2, 2]


def test_retain_grad_follows_the_tensor_and_hooks_stay_with_the_value():
    w = leaf(2, 3)
    b = w * 2
    v = b[0]
    seen = []
    b.register_hook(lambda g: seen.append(g.tolist()))
    b.retain_grad()
    v.retain_grad()
    b.mul_(3)
    (b * 5).sum().backward()
    assert b.grad.tolist() == [[5] * 3] * 2
    assert seen == [[[15] * 3] * 2]
    assert v.grad is None
    (w * 2)[0].sum().backward()
    w.grad = None
    b = w * 2
    v = b[0]
    v.retain_grad()
    b.mul_(3)
    (v * 5).sum().backward()
    assert v.grad.tolist() == [5] * 3
    assert w.grad.tolist() == [[30] * 3, [0] * 3]


def test_operands_from_the_same_memory_are_kept():
    def fn(t):
        y = t * t
        y[0].mul_(y[1])
        y.mul_(y.flip(0))
        y[:, 1:] *= y[:, :-1]
        y.mul_(y)
        return y

    check(fn, normal(2, 3))


def test_assigned_data_leaves_views_of_the_old_memory_alone():
    w = leaf(2, 3)
    x = w * 2
    v = x[0]
    x.data = at.full((2, 3), 5.0)
    x.mul_(3)
    v.add_(1)
    assert v.tolist() == [3, 3, 3]
    assert x.tolist() == [[15] * 3] * 2
    v.sum().backward(retain_graph=True)
    assert w.grad.tolist() == [[2] * 3, [0] * 3]
    x.sum().backward()
    assert w.grad.tolist() == [[8] * 3, [6] * 3]


def test_iteration_gives_views():
    w = leaf(2, 3)
    y = w * 1
    for i, row in enumerate(y):
        row.mul_(i + 2)
    assert y.tolist() == [[2] * 3, [3] * 3]
    sum(row.sum() for row in y).backward()
    assert w.grad.tolist() == [[2] * 3, [3] * 3]
    assert list(at.zeros(0, 2)) == []
    with pytest.raises(TypeError, match="0-d"):
        iter(at.tensor(1.0))


def test_in_place_reshapes():
    w = leaf(2, 3)
    b = w * 2
    v = b[0]
    assert b.unsqueeze_(0) is b
    assert b.shape == (1, 2, 3)
    v.mul_(3)
    b[0, 1].mul_(5)
    assert b.squeeze_(0).shape == (2, 3)
    assert b.transpose_(0, 1).shape == (3, 2)
    assert b.swapaxes_(0, 1).t_().t_().shape == (2, 3)
    assert v.tolist() == [6, 6, 6]
    b.sum().backward()
    assert w.grad.tolist() == [[6] * 3, [10] * 3]
    x = at.ones(1, 3)
    with at.no_grad():
        x.requires_grad_().squeeze_()
    assert x.is_leaf
    (x * 2).sum().backward()
    assert x.grad.shape == (3,)
    with at.no_grad(), pytest.raises(RuntimeError, match="reordered in place"):
        leaf(2, 3).t_()
    plain = at.ones(2, 1)
    row = plain[0]
    plain.squeeze_(1)[0] = 7.0
    assert row.tolist() == [7]
    with at.no_grad():
        y = w * 1
        z = w.exp()
    y.unsqueeze_(0)
    z = w * z
    with at.no_grad():
        z.unsqueeze_(0)
    z.sum().backward()


def test_an_in_place_reshape_is_no_write():
    w = leaf(3)
    y = w.exp()
    z = y * y
    y.unsqueeze_(0)
    z.sum().backward()
    assert y._version == 0


def test_errors_leave_everything_as_it_was():
    w = leaf(2, 3)
    b = w * 2
    v = b[0]
    node, version = v.grad_fn, b._version
    for write in (
        lambda: v.add_(at.ones(2, 3)),
        lambda: v.mul_(at.ones(3, dtype=at.complex64)),
        lambda: v.__setitem__(5, 1.0),
        lambda: v.__setitem__([0, 5], 1.0),
        lambda: v.copy_(at.ones(4)),
        lambda: v.transpose_(0, 1),
        lambda: v.masked_fill_(at.ones(2, 3, dtype=at.bool), 0),
    ):
        with pytest.raises((RuntimeError, IndexError)):
            write()
    assert v.grad_fn is node
    assert b._version == version
    b.sum().backward()
    assert w.grad.tolist() == [[2] * 3] * 2


# --- many views ---------------------------------------------------------------------------------------------


def test_a_long_chain_of_views_needs_no_recursion():
    w = leaf(3)
    v = w * 1
    for _ in range(3000):
        v = v[:]
    v.mul_(2)
    assert v._base._base.grad_fn is not None
    v.sum().backward()
    assert w.grad.tolist() == [2, 2, 2]
    del v
    gc.collect()


def test_views_do_not_keep_what_nobody_uses():
    base = at.ones(3)
    alive = []
    for _ in range(1000):
        v = base[1:]
        alive.append(weakref.ref(v))
    assert sum(r() is not None for r in alive) == 1
    assert len(base._views) <= 64
    gc.disable()
    try:
        gone = weakref.ref(v)
        y = leaf(3) * 2
        z = y[0]
        entry = weakref.ref(y)
        z.mul_(2)
        del v, y, z
        assert gone() is None
        assert entry() is None
    finally:
        gc.enable()


def test_views_of_views_without_gradients_do_not_pile_up():
    x = at.ones(4)
    with at.no_grad():
        for _ in range(1000):
            x = x.view(2, 2).view(4)
    depth = 0
    while x._base is not None:
        x, depth = x._base, depth + 1
    assert depth <= 2


def test_a_new_thread_may_start_with_a_write():
    w = leaf(2, 3)
    b = w * 2
    got = []

    def work():
        b[0].mul_(3)
        b[1] = 0.0
        got.append(b.grad_fn)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert got == [b.grad_fn]
    b.sum().backward()
    assert w.grad.tolist() == [[6] * 3, [0] * 3]
