"""Weight norm and spectral norm in their older form: hooks that compute the weight before each call.

The newer form is :mod:`autotape.nn.utils.parametrizations`; this one reads and writes state dicts of older
models.
"""

from __future__ import annotations

from typing import Any, TypeVar

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import Tensor
from autotape.nn.functional.normalization import normalize
from autotape.nn.lazy import is_lazy
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.nn.utils._weights import norm_except, rows_of

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]

M = TypeVar("M", bound=Module)


def _find(module: Module, kind: type, name: str) -> Any:
    """The hook of a kind for a parameter, as it is registered; None if there is none."""
    for hook in module._forward_pre_hooks:
        if isinstance(hook.function, kind) and hook.function.name == name:  # type: ignore[attr-defined]
            return hook
    return None


def _take_weight(module: Module, kind: type, name: str) -> Parameter:
    """The parameter that is about to be computed, no longer the module's."""
    label = kind.__name__.removeprefix("_")
    if _find(module, kind, name) is not None:
        raise RuntimeError(f"Cannot register two {label} hooks on the same parameter {name}")
    weight: Parameter | None = getattr(module, name)
    if weight is None:
        raise ValueError(f"`{label}` cannot be applied as parameter `{name}` is None")
    if is_lazy(weight):
        raise ValueError(
            f"The module passed to `{label}` can't have uninitialized parameters. Make sure to run the dummy "
            "forward "
            "before applying it"
        )
    delattr(module, name)
    return weight


def _remove(module: M, kind: type, name: str, what: str) -> M:
    hook = _find(module, kind, name)
    if hook is None:
        raise ValueError(f"{what} of '{name}' not found in {module}")
    hook.function.remove(module)
    module._forward_pre_hooks.remove(hook)
    return module


class _WeightNorm:
    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute(self, module: Module) -> Tensor:
        g, v = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        weight: Tensor = v * (g / norm_except(v, self.dim))
        return weight

    def remove(self, module: Module) -> None:
        weight = self.compute(module)
        for name in (self.name, self.name + "_g", self.name + "_v"):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute(module))


def weight_norm(module: M, name: str = "weight", dim: int = 0) -> M:
    """Make a weight ``g v / |v|`` with parameters ``weight_g`` (length) and ``weight_v`` (direction).

    It is computed before each forward. ``dim``: see :func:`autotape.nn.utils.parametrizations.weight_norm`,
    which is to be preferred.

    >>> from autotape import nn
    >>> layer = nn.utils.weight_norm(nn.Linear(20, 40))
    >>> layer.weight_g.shape, layer.weight_v.shape
    (autotape.Size([40, 1]), autotape.Size([40, 20]))
    """
    weight = _take_weight(module, _WeightNorm, name)
    hook = _WeightNorm(name, dim)
    module.register_parameter(name + "_g", Parameter(norm_except(weight.detach(), hook.dim)))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make the weight an ordinary parameter again, with its value; ValueError if it had no weight norm."""
    return _remove(module, _WeightNorm, name, "weight_norm")


class _SpectralNorm:
    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name = name
        self.dim = dim
        self.n_power_iterations = n_power_iterations
        self.eps = eps

    def compute(self, module: Module, iterate: bool) -> Tensor:
        weight, u, v = [getattr(module, self.name + end) for end in ("_orig", "_u", "_v")]
        rows = rows_of(weight, self.dim)
        if iterate:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(rows.mT @ u, dim=0, eps=self.eps))
                    u.copy_(normalize(rows @ v, dim=0, eps=self.eps))
            # Copies: backward needs these values also after a further forward has moved the buffers on.
            u, v = u.clone(), v.clone()
        result: Tensor = weight / (u @ (rows @ v))
        return result

    def remove(self, module: Module) -> None:
        with no_grad():
            weight = self.compute(module, iterate=False)
        for end in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, args: Any) -> None:
        setattr(module, self.name, self.compute(module, module.training))


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide a weight by its largest singular value before each forward; in place.

    The parameter is ``weight_orig``, the singular vectors are the buffers ``weight_u`` and ``weight_v``.
    Arguments as of :func:`autotape.nn.utils.parametrizations.spectral_norm`, which is to be preferred.

    >>> from autotape import nn
    >>> sorted(nn.utils.spectral_norm(nn.Linear(20, 40)).state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if dim is None:
        dim = 1 if getattr(module, "transposed", False) else 0
    hook = _SpectralNorm(name, n_power_iterations, dim, eps)
    weight = _take_weight(module, _SpectralNorm, name)
    rows = rows_of(weight.detach(), dim)
    vectors = [normalize(rows.new_empty((size,)).normal_(), dim=0, eps=eps) for size in rows.shape]
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.data)
    for end, vector in zip(("_u", "_v"), vectors):
        module.register_buffer(name + end, vector)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make the weight an ordinary parameter again, with its value; ValueError if it had no spectral norm."""
    return _remove(module, _SpectralNorm, name, "spectral_norm")
