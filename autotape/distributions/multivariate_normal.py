"""The normal distribution of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np

from autotape.autograd.modes import enable_grad
from autotape.distributions import constraints
from autotape.distributions.distribution import Distribution
from autotape.engine.tensor import Tensor
from autotape.linalg.decompositions import cholesky
from autotape.linalg.solving import solve_triangular
from autotape.ops.random import randn

__all__ = ["MultivariateNormal", "half_log_determinant", "squared_distance"]


class MultivariateNormal(Distribution):
    """The normal distribution of vectors with mean ``loc`` and a covariance given in one of three ways.

    Args:
        loc: (..., n).
        covariance_matrix: S (..., n, n), symmetric and positive definite.
        precision_matrix: its inverse.
        scale_tril: L with L L^T = S, lower triangular with a positive diagonal; the fastest.

    >>> import autotape as at
    >>> m = at.distributions.MultivariateNormal(at.zeros(2), at.tensor([[2.0, 1.0], [1.0, 2.0]]))
    >>> m.log_prob(at.zeros(2))
    tensor(-2.3872)
    """

    has_rsample = True
    arg_constraints = MappingProxyType(
        {
            "loc": constraints.real_vector,
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
        }
    )
    support = constraints.real_vector
    _parameters = (
        ("loc", 1),
        ("covariance_matrix", 2),
        ("precision_matrix", 2),
        ("scale_tril", 2),
        ("_tril", 2),
    )

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.ndim < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        matrices = [(name, m) for name, m in given.items() if m is not None]
        if len(matrices) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        ((name, matrix),) = matrices
        if matrix.ndim < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        n = loc.shape[-1]
        batch = np.broadcast_shapes(tuple(loc.shape[:-1]), tuple(matrix.shape[:-2]))
        self.loc = loc.expand((*batch, n))
        self.__dict__[name] = matrix.expand((*batch, *matrix.shape[-2:]))
        super().__init__(batch, (n,), validate_args)
        if name == "covariance_matrix":
            self._tril = cholesky(matrix)
        elif name == "precision_matrix":
            self._tril = _tril_of_inverse(matrix)
        else:
            self._tril = matrix

    @cached_property
    def scale_tril(self) -> Tensor:
        """L with L L^T = covariance."""
        with enable_grad():
            return self._tril.expand((*self._batch_shape, *self._event_shape, *self._event_shape))

    @cached_property
    def covariance_matrix(self) -> Tensor:
        """L L^T."""
        with enable_grad():
            return self.scale_tril @ self.scale_tril.mT

    @cached_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        with enable_grad():
            inverse = _inverse(self.scale_tril)
            return inverse.mT @ inverse

    @property
    def mean(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """``loc``."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance."""
        return (self._tril**2).sum(-1).expand((*self._batch_shape, *self._event_shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        """``loc + L e``, with e standard normal."""
        noise = randn(size=self._extended_shape(sample_shape), dtype=self.loc.dtype)
        return self.loc + (self._tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """-(|L^-1 (value - loc)|^2 + n log(2 pi)) / 2 - log det L."""
        self._validate_sample(value)
        distance = squared_distance(self._tril, value - self.loc)
        n: int = self._event_shape[0]
        return -0.5 * (n * math.log(2 * math.pi) + distance) - half_log_determinant(self._tril)

    def entropy(self) -> Tensor:
        """N (1 + log(2 pi)) / 2 + log det L."""
        n: int = self._event_shape[0]
        h = 0.5 * n * (1 + math.log(2 * math.pi)) + half_log_determinant(self._tril)
        return h.expand(self._batch_shape)


def half_log_determinant(tril: Tensor) -> Tensor:
    """The logarithm of det L of lower triangular matrices: half of that of L L^T."""
    return tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


def squared_distance(tril: Tensor, x: Tensor) -> Tensor:
    """|L^-1 x|^2: the squared Mahalanobis distance, over broadcasting batches."""
    batch = np.broadcast_shapes(tuple(tril.shape[:-2]), tuple(x.shape[:-1]))
    n = x.shape[-1]
    z = solve_triangular(tril.expand((*batch, n, n)), x.expand((*batch, n)).unsqueeze(-1), upper=False)
    return z.square().sum((-2, -1))


def _inverse(tril: Tensor) -> Tensor:
    eye = Tensor._wrap(np.eye(tril.shape[-1], dtype=tril._array.dtype))
    return solve_triangular(tril, eye.expand(tril.shape), upper=False)


def _tril_of_inverse(matrix: Tensor) -> Tensor:
    """L with L L^T = matrix^-1: the Cholesky factor of the matrix turned round, turned back and inverted."""
    return _inverse(cholesky(matrix.flip((-2, -1))).flip((-2, -1)).mT)
