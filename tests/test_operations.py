"""Every row of tests/operations_table.py: the value against NumPy's, first and second derivatives.

CI draws a few examples of each row, the same in every run; ``pytest tests/test_operations.py
--hypothesis-profile=thorough`` draws many, anew each time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import autotape as at
from autotape.testing import check_gradients
from tests.operations_table import TABLE, Row

FEW = settings(
    max_examples=4,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
THOROUGH = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def profile(request: pytest.FixtureRequest) -> settings:
    return THOROUGH if request.config.getoption("--hypothesis-profile", None) == "thorough" else FEW


def outputs(found: Any) -> list[Any]:
    return list(found) if isinstance(found, tuple | list) else [found]


def check(row: Row, tensors: Sequence[Any], arguments: dict[str, Any]) -> None:
    found = outputs(row.function(*tensors, **arguments))
    if row.numpy is not None:
        arrays = [t.numpy() if isinstance(t, at.Tensor) else t for t in tensors]
        with np.errstate(all="ignore"):
            expected = outputs(row.numpy(*arrays, **arguments))
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-9, atol=1e-12, strict=isinstance(b, np.ndarray))
    differentiable = any(t.requires_grad for t in outputs(row.function(*_leaves(tensors), **arguments)))
    if differentiable:
        check_gradients(lambda *t: row.function(*t, **arguments), *tensors, order=2)


def _leaves(tensors: Sequence[Any]) -> list[Any]:
    return [t.detach().requires_grad_() if isinstance(t, at.Tensor) else t for t in tensors]


@pytest.mark.parametrize("name", TABLE)
def test_value_and_derivatives(name: str, profile: settings) -> None:
    row = TABLE[name]

    @profile
    @given(st.data())
    def examples(data: st.DataObject) -> None:
        tensors = data.draw(row.tensors, "tensors")
        arguments = data.draw(row.arguments(*tensors), "arguments")
        check(row, tensors, arguments)

    examples()


def test_the_table_covers_the_operations() -> None:
    assert len(TABLE) >= 200
