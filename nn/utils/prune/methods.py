"""Pruning methods: classes that choose what is set to zero."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

from autotape.engine.tensor import Tensor
from autotape.nn.module import Module
from autotape.ops.likes import ones_like
from autotape.ops.random import rand, rand_like
from autotape.ops.sorting import topk

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "hook_of",
]


class BasePruningMethod(ABC):
    """Base of pruning methods: a subclass defines ``PRUNING_TYPE`` and ``compute_mask``.

    ``PRUNING_TYPE`` says what is pruned next where something is pruned already: "unstructured" (entries that
    are left), "structured" (slices along ``self.dim`` that are left), "global" (the mask is for the whole
    tensor).
    """

    PRUNING_TYPE: str
    _tensor_name: str | None = None

    def __call__(self, module: Module, args: Any) -> None:
        """Compute the pruned tensor: the module calls this before forward."""
        assert self._tensor_name is not None
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask of zeros and ones for a tensor of importances, on top of ``default_mask``."""

    def apply_mask(self, module: Module) -> Tensor:
        """The module's original tensor times its mask."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        original: Tensor = getattr(module, self._tensor_name + "_orig")
        mask: Tensor = getattr(module, self._tensor_name + "_mask")
        return mask.to(original.dtype) * original

    @classmethod
    def apply(
        cls,
        module: Module,
        name: str,
        *args: Any,
        importance_scores: Tensor | None = None,
        **kwargs: Any,
    ) -> BasePruningMethod:
        """Prune ``module.name`` with a new method of this class, made from the further arguments."""
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        before = hook_of(module, name)
        if before is not None:
            container = before.function
            if not isinstance(container, PruningContainer):
                container = PruningContainer(container)
            container.add_pruning_method(method)
            method = container
        tensor: Tensor = getattr(module, name)
        scores = tensor if importance_scores is None else importance_scores
        if scores.shape != tensor.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}, got "
                f"{scores.shape} vs {tensor.shape}"
            )
        # First what can fail: then the module is pruned, or as it was.
        old_mask = ones_like(tensor.detach()) if before is None else getattr(module, name + "_mask").clone()
        mask = method.compute_mask(scores.detach(), default_mask=old_mask)
        if before is None:
            del module._parameters[name]
            module.register_parameter(name + "_orig", tensor)  # type: ignore[arg-type]
        else:
            module._forward_pre_hooks.remove(before)
        module.register_buffer(name + "_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None
    ) -> Tensor:
        """The tensor with the mask applied, without a module."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as tensor t, got {scores.shape} vs {t.shape}"
            )
        return t * self.compute_mask(scores, ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make the pruned tensor an ordinary parameter again, with its zeros."""
        if self._tensor_name is None:
            raise AssertionError(f"Module {module} has to be pruned before pruning can be removed")
        pruned = self.apply_mask(module)
        original = module._parameters[self._tensor_name + "_orig"]
        for end in ("", "_orig", "_mask"):
            delattr(module, self._tensor_name + end)
        original.data = pruned.data
        setattr(module, self._tensor_name, original)


class PruningContainer(BasePruningMethod):
    """Several pruning methods of one tensor, one after the other."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Add a method for the same tensor."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                f"Can only add pruning methods acting on the parameter named '{self._tensor_name}' to "
                f"PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """The mask so far, and in it that of the last method on what is not pruned yet."""
        method = self._pruning_methods[-1]
        left: Any
        if method.PRUNING_TYPE == "unstructured":
            left = default_mask == 1
        elif method.PRUNING_TYPE == "structured":
            if not hasattr(method, "dim"):
                raise AttributeError(
                    'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` defined.'
                )
            dim = method.dim + t.ndim if method.dim < 0 else method.dim
            if dim < 0:
                raise IndexError(f"Index is out of bounds for tensor with dimensions {t.ndim}")
            others = [d for d in range(t.ndim) if d != dim]
            left = (slice(None),) * dim + (default_mask.sum(others) != 0,)
        elif method.PRUNING_TYPE == "global":
            left = ...
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        mask = default_mask.to(t.dtype, copy=True)
        mask[left] = method.compute_mask(t[left], default_mask=default_mask[left]).to(mask.dtype)
        return mask


class Identity(BasePruningMethod):
    """Prune nothing: a mask of ones, to be replaced by hand."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:  # noqa: D102
        return default_mask


class _Amount(BasePruningMethod):
    """A method that prunes a share (a float) or a number (an int) of units."""

    amount: int | float

    def __init__(self, amount: Any) -> None:
        if not isinstance(amount, (int, float)) or isinstance(amount, bool):
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        if amount < 0 or (isinstance(amount, float) and amount > 1):
            raise ValueError(
                f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer"
            )
        self.amount = amount

    def count(self, units: int) -> int:
        """How many of so many units are pruned."""
        if isinstance(self.amount, float):
            return round(self.amount * units)
        if self.amount > units:
            raise ValueError(
                f"amount={self.amount} should be smaller than the number of parameters to prune={units}"
            )
        return self.amount


class _Unstructured(_Amount):
    """A method that prunes the entries of the lowest scores."""

    PRUNING_TYPE = "unstructured"

    def scores(self, t: Tensor) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        lowest = topk(self.scores(t).reshape(-1), self.count(t.numel()), largest=False).indices
        return default_mask.reshape(-1).index_fill(0, lowest, 0).reshape(default_mask.shape)


class RandomUnstructured(_Unstructured):
    """Prune entries at random."""

    def scores(self, t: Tensor) -> Tensor:  # noqa: D102
        return rand_like(t)


class L1Unstructured(_Unstructured):
    """Prune the entries of the smallest absolute value."""

    def scores(self, t: Tensor) -> Tensor:  # noqa: D102
        return t.abs()


class _Structured(_Amount):
    """A method that prunes whole slices along a dimension: those of the lowest scores."""

    PRUNING_TYPE = "structured"
    dim: int

    def scores(self, t: Tensor) -> Tensor:
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        if t.ndim <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{t.shape} with {t.ndim} dims"
            )
        if not -t.ndim <= self.dim < t.ndim:
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        lowest = topk(self.scores(t), self.count(t.shape[self.dim]), largest=False).indices
        return default_mask.index_fill(self.dim, lowest, 0)


class RandomStructured(_Structured):
    """Prune slices along ``dim`` at random."""

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def scores(self, t: Tensor) -> Tensor:  # noqa: D102
        return rand(t.shape[self.dim])


class LnStructured(_Structured):
    """Prune the slices along ``dim`` whose norm of order ``n`` is smallest."""

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount)
        self.n = n
        self.dim = dim

    def scores(self, t: Tensor) -> Tensor:  # noqa: D102
        return t.norm(self.n, [d for d in range(t.ndim) if d != self.dim % t.ndim])


class CustomFromMask(BasePruningMethod):
    """Prune by a given mask."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:  # noqa: D102
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"the mask has shape {self.mask.shape} for a tensor of shape {default_mask.shape}"
            )
        return default_mask * self.mask.to(default_mask.dtype)


def hook_of(module: Module, name: str) -> Any:
    """The hook that prunes a parameter, as it is registered; None if there is none."""
    for hook in module._forward_pre_hooks:
        if isinstance(hook.function, BasePruningMethod) and hook.function._tensor_name == name:
            return hook
    return None
