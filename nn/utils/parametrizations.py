"""Parametrizations ready for use: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from autotape.autograd.modes import no_grad
from autotape.engine.dtypes import finfo
from autotape.engine.tensor import Tensor
from autotape.linalg.decompositions import qr
from autotape.linalg.matrix_functions import matrix_exp
from autotape.linalg.solving import solve, solve_triangular
from autotape.nn.functional.normalization import normalize
from autotape.nn.module import Module
from autotape.nn.utils._weights import norm_except, rows_of
from autotape.nn.utils.parametrize import register_parametrization
from autotape.ops.comparison import allclose
from autotape.ops.creation import eye
from autotape.ops.joining import cat
from autotape.ops.likes import zeros_like

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


def _weight(module: Module, name: str) -> Tensor:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# --- orthogonal ---------------------------------------------------------------------------------------------


def _exponential(x: Tensor) -> Tensor:
    return matrix_exp(_skew(x))[..., : x.shape[-1]]


def _cayley(x: Tensor) -> Tensor:
    """``(I - A/2)^-1 (I + A/2)`` of a skew-symmetric A."""
    half = _skew(x) / 2
    one = eye(half.shape[-1], dtype=half.dtype)
    return solve(one - half, one + half)[..., : x.shape[-1]]


def _skew(x: Tensor) -> Tensor:
    """The skew-Hermitian matrix with the part of ``x`` below the diagonal in its first columns."""
    n, k = x.shape[-2:]
    x = x.tril()
    if n != k:
        x = cat([x, x.new_zeros((*x.shape[:-1], n - k))], -1)
    return x - x.mH


def _householder(x: Tensor) -> Tensor:
    """The product of the reflections ``I - tau v v^T`` of the columns below the diagonal, signed by it.

    In the compact form ``I - V T V^T``, where ``T^-1`` is upper triangular with ``1 / tau`` on its diagonal
    and ``V^T V`` above (Puglisi, Modification of the Householder method based on the compact WY
    representation, 1992).
    """
    k = x.shape[-1]
    below = x.tril(-1)
    one = eye(x.shape[-2], k, dtype=x.dtype)
    v = below + one
    inverse_tau = (1 + (below * below).sum(-2)) / 2
    t = (v.mT @ v).triu(1) + inverse_tau.diag_embed()
    q = one - v @ solve_triangular(t, v[..., :k, :].mT, upper=True)
    return q * x.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)


_MAPS = {"matrix_exp": _exponential, "cayley": _cayley, "householder": _householder}


def _orthonormal(a: Tensor) -> Tensor:
    """The factor Q of a QR decomposition whose R has a positive diagonal."""
    q, r = qr(a)
    return q * r.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


class _Orthogonal(Module):
    base: Tensor

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == "householder":
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Tensor) -> Tensor:
        wide = x.shape[-2] < x.shape[-1]
        q = _MAPS[self.orthogonal_map](x.mT if wide else x)
        if "base" in self._buffers:
            q = self.base @ q
        return q.mT if wide else q

    def right_inverse(self, q: Tensor) -> Tensor:
        if q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape "
                f"{q.shape}."
            )
        wide = q.shape[-2] < q.shape[-1]
        with no_grad():
            tall = q.mT if wide else q
            if "base" not in self._buffers:
                reflectors = self._reflectors(tall)
                return reflectors.mT if wide else reflectors
            self.base = self._completed(tall)
            # The diagonal holds the signs of the reflections: with -1 the product of none is the identity.
            return zeros_like(q).diagonal_scatter(
                q.new_full((*q.shape[:-2], min(q.shape[-2:])), -1), 0, -2, -1
            )

    def _reflectors(self, q: Tensor) -> Tensor:
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        raw, tau = np.linalg.qr(q._array, mode="raw")
        a = Tensor._wrap(np.ascontiguousarray(np.swapaxes(raw, -1, -2)))
        signs = a.diagonal(dim1=-2, dim2=-1).sign()
        # Where LAPACK needs no reflection, the product above has that of the unit vector: a change of sign.
        signs = signs.where(Tensor._wrap(tau != 0), -signs)
        return a.diagonal_scatter(signs, 0, -2, -1)

    @staticmethod
    def _completed(q: Tensor) -> Tensor:
        """A square orthogonal matrix that begins with the columns of ``q``, orthonormalised if need be."""
        n, k = q.shape[-2:]
        if n != k:
            return _orthonormal(cat([q, q.new_empty((*q.shape[:-1], n - k)).normal_()], -1))
        tolerance = 10.0 * n * finfo(q.dtype).eps
        if allclose(q.mH @ q, eye(k, dtype=q.dtype).expand(q.shape), atol=tolerance):
            return q.clone()
        return _orthonormal(q)


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keep a weight orthogonal (unitary if complex): its columns, or rows if they are fewer, are orthonormal.

    Args:
        module, name: whose parameter; a matrix or a batch of matrices. ValueError for fewer dimensions.
        orthogonal_map: how: "matrix_exp" (``exp(A)`` of a skew-symmetric A; the default for square and
        complex
            ones), "cayley" (``(I - A/2)^-1 (I + A/2)``) or "householder" (a product of reflections; the
            default otherwise).
        use_trivialization: multiply the map by the fixed matrix ``base``, which begins as the weight: a
        better
            conditioned start; needed for ``module.weight = value`` with the first two maps.

    Source: Lezcano-Casado, Trivializations for gradient-based optimization on manifolds (2019).

    >>> import autotape as at
    >>> from autotape import nn
    >>> w = nn.utils.parametrizations.orthogonal(nn.Linear(3, 5)).weight
    >>> at.allclose(w.T @ w, at.eye(3), atol=1e-5)
    True
    """
    weight = _weight(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.shape[-2] == weight.shape[-1]
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    if orthogonal_map not in _MAPS:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    parametrization = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return register_parametrization(module, name, parametrization, unsafe=True)


# --- weight norm --------------------------------------------------------------------------------------------


class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, g: Tensor, v: Tensor) -> Tensor:
        return v * (g / norm_except(v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except(weight, self.dim), weight


def _from_old_names(name: str, module: Module, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
    """Take the names that :func:`autotape.nn.utils.weight_norm` gives."""
    old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
    if all(key in state_dict for key in old):
        for i, key in enumerate(old):
            state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)


def weight_norm(module: Module, name: str = "weight", dim: int = 0) -> Module:
    """Make a weight ``g v / |v|``: its length ``original0`` and direction ``original1`` are trained apart.

    ``dim``: the dimension with a length for each index (0: for each output); None: one length for all. A
    state dict with the names of the older :func:`autotape.nn.utils.weight_norm` loads too.

    Source: Salimans and Kingma, Weight normalization (2016).

    >>> from autotape import nn
    >>> layer = nn.utils.parametrizations.weight_norm(nn.Linear(20, 40))
    >>> layer.parametrizations.weight.original0.shape, layer.parametrizations.weight.original1.shape
    (autotape.Size([40, 1]), autotape.Size([40, 20]))
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module.register_load_state_dict_pre_hook(partial(_from_old_names, name))
    return module


# --- spectral norm ------------------------------------------------------------------------------------------


class _SpectralNorm(Module):
    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})"
            )
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim = dim % ndim
        self.eps = eps
        self.n_power_iterations = n_power_iterations
        if ndim > 1:  # a vector's norm is known without iterating
            with no_grad():
                rows = rows_of(weight.detach(), self.dim)
                self.register_buffer(
                    "_u", normalize(rows.new_empty((rows.shape[0],)).normal_(), dim=0, eps=eps)
                )
                self.register_buffer(
                    "_v", normalize(rows.new_empty((rows.shape[1],)).normal_(), dim=0, eps=eps)
                )
                self._iterate(rows, 15)

    def _iterate(self, rows: Tensor, count: int) -> None:
        """Steps of the power method towards the first singular vectors."""
        for _ in range(count):
            self._u.copy_(normalize(rows @ self._v, dim=0, eps=self.eps))
            self._v.copy_(normalize(rows.mH @ self._u, dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        rows = rows_of(weight, self.dim)
        if self.training:
            with no_grad():
                self._iterate(rows.detach(), self.n_power_iterations)
        # Copies: backward needs these values also after a further forward has moved the buffers on.
        u, v = self._u.clone(), self._v.clone()
        return weight / (u.conj() @ (rows @ v))

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Divide a weight by its largest singular value: the map it stands for has Lipschitz constant 1.

    The singular vectors are followed by ``n_power_iterations`` steps of the power method at each use in
    training mode. ``dim`` is that of the outputs: 0, and 1 for transposed convolutions.

    Source: Miyato et al., Spectral normalization for generative adversarial networks (2018).

    >>> from autotape import nn, linalg
    >>> layer = nn.utils.parametrizations.spectral_norm(nn.Linear(20, 40), n_power_iterations=50)
    >>> round(float(linalg.matrix_norm(layer.weight.detach(), 2)), 3)
    1.0
    """
    weight = _weight(module, name)
    if dim is None:
        dim = 1 if getattr(module, "transposed", False) else 0
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))
