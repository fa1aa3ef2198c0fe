"""PROMISES row 8: every route by which a value that backward needs can change is an error, not silent."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import autotape as at

MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"


def _from_thread(x):
    thread = threading.Thread(target=lambda: x.detach().mul_(3))
    thread.start()
    thread.join()


ROUTES = {
    "item": lambda x, view: x.__setitem__(0, 5.0),
    "slice of a view": lambda x, view: view.__setitem__(slice(1), 5.0),
    "in-place operator": lambda x, view: x.__imul__(3),
    "in-place method": lambda x, view: x.exp_(),
    "fill": lambda x, view: x.fill_(5.0),
    "earlier view": lambda x, view: view.mul_(3),
    "later view": lambda x, view: x[:2].mul_(3),
    "data": lambda x, view: x.data.mul_(3),
    "detached": lambda x, view: x.detach().mul_(3),
    "NumPy array wrapped again": lambda x, view: at.from_numpy(x.detach().numpy()).mul_(3),
    "no_grad": lambda x, view: at.no_grad()(lambda: x.mul_(3))(),
    "other dtype": lambda x, view: x.view(at.int64).zero_(),
    "thread": lambda x, view: _from_thread(x),
    "masked": lambda x, view: x.masked_fill_(x > 0, 3.0),
    "scatter": lambda x, view: x.scatter_(0, at.tensor([0]), 3.0),
    "copy": lambda x, view: x.copy_(at.zeros(3).double()),
    "random": lambda x, view: x.normal_(),
}


@pytest.mark.parametrize("route", ROUTES)
def test_a_needed_value_that_changes_is_an_error(route):
    w = at.tensor([1.0, 2.0, 3.0], dtype=at.float64, requires_grad=True)
    x = w * 2
    view = x.view(3)
    y = x * x
    ROUTES[route](x, view)
    with pytest.raises(RuntimeError, match=MODIFIED) as caught:
        y.sum().backward()
    assert "x * x" in str(caught.value)
    assert __file__ in str(caught.value)
    assert w.grad is None


@pytest.mark.parametrize("route", ROUTES)
def test_a_value_that_is_not_needed_may_change(route):
    w = at.tensor([1.0, 2.0, 3.0], dtype=at.float64, requires_grad=True)
    x = w * 2
    view = x.view(3)
    y = x * 3
    ROUTES[route](x, view)
    y.sum().backward()
    assert w.grad.tolist() == [6, 6, 6]


def test_numpys_ways_to_write_are_refused():
    x = at.ones(3)
    for write in (
        lambda: np.add(x, 1, out=x),
        lambda: np.exp(np.ones(3, np.float32), out=x),
        lambda: np.add.at(x, [0], 1),
        lambda: np.copyto(x, np.zeros(3)),
        lambda: np.put(x, [0], 1),
        lambda: np.place(x, np.ones(3, bool), 1),
        lambda: np.fill_diagonal(x, 1),
    ):
        with pytest.raises(TypeError):
            write()
    assert x.tolist() == [1, 1, 1]
