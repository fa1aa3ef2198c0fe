"""Random programs of views and in-place operations against the oracle of tests/view_programs.py."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autotape as at
from tests.view_programs import Stopped, expected, program_of, run

REFUSALS = (
    "one of the variables needed for gradient computation has been modified by an inplace operation",
    "A view was created in no_grad mode and its base or another view of its base has been modified",
    "single memory location",
    "leaf that requires grad can't be reordered in place",
    "returned an invalid gradient",  # a leaf took another shape under no_grad after it was used
)


def compare(seed, length):
    """One random program against the oracle: False if autotape refused it."""
    leaves, program, weights, oracle = program_of(seed, length)
    values, gradients = expected(oracle, leaves, weights)
    for how in ({}, {"create_graph": True}):
        try:
            got, grads = run(at, leaves, program, weights, **how)
        except Stopped as stopped:
            if not any(message in str(stopped.error) for message in REFUSALS):
                raise
            return False
        for n, (a, b) in enumerate(zip(got, values, strict=True)):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=f"tensor {n} of {program}")
            assert a.shape == b.shape
        for a, b in zip(grads, gradients, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9, err_msg=str(program))
    return True


@pytest.mark.parametrize("length", [6, 12, 25])
def test_random_programs_give_the_oracles_gradients_or_an_error(length):
    """PROMISES row 8: a write to what backward needs is never silently wrong."""
    done = sum(compare(seed, length) for seed in range(1000 * length, 1000 * length + 150))
    assert done > 60


@given(seed=st.integers(0, 2**32), length=st.integers(1, 20))
def test_more_random_programs(seed, length):
    compare(seed, length)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_programs_in_threads(seed):
    failures = []

    def work():
        try:
            compare(seed, 10)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures[0]
