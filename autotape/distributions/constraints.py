"""Constraints: the sets that parameters and samples of distributions lie in.

``constraint.check(value)`` is a bool tensor, True where the value lies in the set. ``event_dim`` dimensions
at the end are one element of the set. Plain constants (``positive``, ``simplex``) are ready to use;
lower-case classes (``interval(0, 1)``) take bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autotape.engine.tape import quietly
from autotape.engine.tensor import Tensor

__all__ = [
    "Constraint",
    "boolean",
    "dependent",
    "greater_than",
    "greater_than_eq",
    "half_open_interval",
    "independent",
    "integer_interval",
    "interval",
    "is_dependent",
    "less_than",
    "lower_cholesky",
    "lower_triangular",
    "nonnegative",
    "nonnegative_integer",
    "one_hot",
    "positive",
    "positive_definite",
    "positive_integer",
    "real",
    "real_vector",
    "simplex",
    "square",
    "symmetric",
    "unit_interval",
]

Array = np.ndarray[Any, Any]


class Constraint:
    """A set of values.

    >>> import autotape as at
    >>> at.distributions.constraints.positive.check(at.tensor([-1.0, 2.0]))
    tensor([False,  True])
    """

    is_discrete = False
    event_dim = 0

    def check(self, value: Tensor) -> Tensor:
        """Where ``value`` lies in the set: its shape without the ``event_dim`` last dimensions."""
        return Tensor._wrap(np.asarray(quietly(self._holds, value._array)))

    def _holds(self, x: Array) -> Any:
        raise NotImplementedError

    def __repr__(self) -> str:
        name = type(self).__name__.strip("_")
        bounds = ", ".join(f"{k}={v}" for k, v in vars(self).items())
        return "".join(w.capitalize() for w in name.split("_")) + f"({bounds})"


class _Dependent(Constraint):
    """Depends on other parameters: not checked by itself."""

    def _holds(self, x: Array) -> Any:
        raise ValueError("Cannot determine validity of dependent constraint")


class _Boolean(Constraint):
    """0 or 1."""

    is_discrete = True

    def _holds(self, x: Array) -> Any:
        return (x == 0) | (x == 1)


class _OneHot(Constraint):
    """A vector with one 1 and zeros else."""

    is_discrete = True
    event_dim = 1

    def _holds(self, x: Array) -> Any:
        return ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1)


class _Real(Constraint):
    """Everything but NaN."""

    def _holds(self, x: Array) -> Any:
        return x == x


class _Square(Constraint):
    """Square matrices."""

    event_dim = 2

    def _holds(self, x: Array) -> Any:
        return np.full(x.shape[:-2], x.shape[-1] == x.shape[-2])


class _Symmetric(_Square):
    """Symmetric matrices, up to 1e-6."""

    def _holds(self, x: Array) -> Any:
        square = super()._holds(x)
        if x.shape[-1] != x.shape[-2]:
            return square
        return np.isclose(x, x.mT, atol=1e-6).all((-2, -1))


class _PositiveDefinite(_Symmetric):
    """Symmetric matrices with positive eigenvalues."""

    def _holds(self, x: Array) -> Any:
        symmetric = super()._holds(x)
        if x.shape[-1] != x.shape[-2]:
            return symmetric
        safe = np.where(symmetric[..., None, None], x, np.eye(x.shape[-1], dtype=x.dtype))  # NaN is not
        return symmetric & (np.linalg.eigvalsh(safe) > 0).all(-1)


class _LowerTriangular(Constraint):
    """Matrices with zeros above the diagonal."""

    event_dim = 2

    def _holds(self, x: Array) -> Any:
        return (np.tril(x) == x).all((-2, -1))


class _LowerCholesky(_LowerTriangular):
    """Lower triangular matrices with a positive diagonal."""

    def _holds(self, x: Array) -> Any:
        return super()._holds(x) & (np.diagonal(x, axis1=-2, axis2=-1) > 0).all(-1)


class _Simplex(Constraint):
    """Vectors of numbers >= 0 with the sum 1, up to 1e-6."""

    event_dim = 1

    def _holds(self, x: Array) -> Any:
        return (x >= 0).all(-1) & (np.abs(x.sum(-1) - 1) < 1e-6)


class greater_than(Constraint):
    """Numbers above ``lower_bound``."""

    def __init__(self, lower_bound: Any) -> None:
        self.lower_bound = lower_bound

    def _holds(self, x: Array) -> Any:
        return _array(self.lower_bound) < x


class greater_than_eq(greater_than):
    """Numbers from ``lower_bound`` on."""

    def _holds(self, x: Array) -> Any:
        return _array(self.lower_bound) <= x


class less_than(Constraint):
    """Numbers below ``upper_bound``."""

    def __init__(self, upper_bound: Any) -> None:
        self.upper_bound = upper_bound

    def _holds(self, x: Array) -> Any:
        return x < _array(self.upper_bound)


class interval(Constraint):
    """Numbers from ``lower_bound`` to ``upper_bound``, both included."""

    def __init__(self, lower_bound: Any, upper_bound: Any) -> None:
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound

    def _holds(self, x: Array) -> Any:
        return (_array(self.lower_bound) <= x) & (x <= _array(self.upper_bound))


class half_open_interval(interval):
    """Numbers from ``lower_bound``, included, to ``upper_bound``, excluded."""

    def _holds(self, x: Array) -> Any:
        return (_array(self.lower_bound) <= x) & (x < _array(self.upper_bound))


class integer_interval(interval):
    """Whole numbers from ``lower_bound`` to ``upper_bound``, both included."""

    is_discrete = True

    def _holds(self, x: Array) -> Any:
        return (x % 1 == 0) & super()._holds(x)


class _IntegerGreaterThan(greater_than):
    """Whole numbers from ``lower_bound`` on."""

    is_discrete = True

    def _holds(self, x: Array) -> Any:
        return (x % 1 == 0) & (_array(self.lower_bound) <= x)


class independent(Constraint):
    """``base_constraint`` for all elements of the last dimensions together."""

    def __init__(self, base_constraint: Constraint, reinterpreted_batch_ndims: int) -> None:
        self.base_constraint = base_constraint
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    @property
    def is_discrete(self) -> bool:  # type: ignore[override]
        """That of the base."""
        return self.base_constraint.is_discrete

    @property
    def event_dim(self) -> int:  # type: ignore[override]
        """That of the base and the dimensions taken together."""
        return self.base_constraint.event_dim + self.reinterpreted_batch_ndims

    def _holds(self, x: Array) -> Any:
        inner = self.base_constraint._holds(x)
        if inner.ndim < self.reinterpreted_batch_ndims:
            raise ValueError(
                f"Expected value.dim() >= {self.event_dim} but got {x.ndim}: the distribution has events of "
                f"{self.event_dim} dimensions"
            )
        return inner.all(tuple(range(-self.reinterpreted_batch_ndims, 0)))

    def __repr__(self) -> str:
        return f"IndependentConstraint({self.base_constraint!r}, {self.reinterpreted_batch_ndims})"


def _array(bound: Any) -> Any:
    return bound._array if isinstance(bound, Tensor) else bound


def is_dependent(constraint: Constraint) -> bool:
    """Whether the constraint is :data:`dependent` on other parameters and can't be checked by itself."""
    while isinstance(constraint, independent):
        constraint = constraint.base_constraint
    return isinstance(constraint, _Dependent)


dependent = _Dependent()
boolean = _Boolean()
one_hot = _OneHot()
real = _Real()
real_vector = independent(real, 1)
positive = greater_than(0.0)
nonnegative = greater_than_eq(0.0)
unit_interval = interval(0.0, 1.0)
nonnegative_integer = _IntegerGreaterThan(0)
positive_integer = _IntegerGreaterThan(1)
simplex = _Simplex()
square = _Square()
symmetric = _Symmetric()
positive_definite = _PositiveDefinite()
lower_triangular = _LowerTriangular()
lower_cholesky = _LowerCholesky()
