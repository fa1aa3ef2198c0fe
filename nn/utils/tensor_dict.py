"""Arithmetic on whole sets of named tensors, such as all parameters or all gradients of a model."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from autotape.autograd.modes import no_grad
from autotape.engine.tensor import Tensor
from autotape.linalg.norms import vector_norm
from autotape.nn.module import Module
from autotape.ops.joining import stack
from autotape.ops.likes import zeros_like

__all__ = ["TensorDict"]

D = TypeVar("D", bound="TensorDict")

Operand = Any  # a number, a Tensor, or a mapping of the same names


class TensorDict(Mapping[str, Tensor]):
    """Tensors by name, with arithmetic on all of them at once.

    ``+ - * / // % **``, ``-d``, ``abs``, comparisons, ``&``, ``|`` and ``~`` work entry by entry; the other
    operand is a number or a tensor, which goes to every entry, or a mapping of the same names. ``+=`` and its
    like write into the tensors. ``sum([a, b, c])`` adds several. Gradients flow where they flow in the
    tensors. It is a Mapping, so :func:`autotape.func.functional_call` takes one as the parameters of a
    module.

    Errors: ValueError if the names differ; RuntimeError, with the name, if the shapes of an entry do not fit.

    >>> import autotape as at
    >>> from autotape import nn
    >>> from autotape.nn.utils import TensorDict
    >>> net = nn.Linear(2, 1)
    >>> net(at.tensor([3.0, 4.0])).sum().backward()
    >>> grads = TensorDict.gradients(net)
    >>> (grads / grads.norm()).norm()
    tensor(1.)
    >>> with at.no_grad():
    ...     (TensorDict.parameters(net) - 0.1 * grads).copy_to_parameters_(net)
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = dict(tensors)
        for name, value in self._tensors.items():
            if not isinstance(value, Tensor):
                raise TypeError(f"entry {name!r} must be a Tensor, not {type(value).__name__}")

    @classmethod
    def parameters(cls: type[D], module: Module) -> D:
        """The parameters of a module themselves, by their paths."""
        return cls(dict(module.named_parameters()))

    @classmethod
    def gradients(cls: type[D], module: Module) -> D:
        """The gradients of a module's parameters, by the parameters' paths; zeros where there is none."""
        return cls(
            {
                name: zeros_like(p.detach()) if p.grad is None else p.grad
                for name, p in module.named_parameters()
            }
        )

    def copy_to_parameters_(self, module: Module) -> None:
        """Copy the values into the parameters of a module, which has the same names."""
        mine = self._matched(dict(module.named_parameters()), "copy_to_parameters_")
        with no_grad():
            for name, (value, parameter) in mine.items():
                _at(name, parameter.copy_, value)

    def copy_to_gradients_(self, module: Module) -> None:
        """Make copies of the values the gradients of a module's parameters, which have the same names."""
        for name, (value, parameter) in self._matched(
            dict(module.named_parameters()), "copy_to_gradients_"
        ).items():
            _at(name, setattr, parameter, "grad", value.detach().clone())

    # --- a mapping -----------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def __repr__(self) -> str:
        lines = [f"  {name}: {tuple(t.shape)} {t.dtype}" for name, t in self._tensors.items()]
        return "\n".join([f"{type(self).__name__}(", *lines, ")"])

    # --- of each entry -------------------------------------------------------------------------------------

    def map(self: D, function: Callable[..., Tensor], *others: Mapping[str, Tensor]) -> D:
        """``function`` of each entry, and of the entries of that name in other mappings.

        >>> import autotape as at
        >>> TensorDict({"a": at.tensor([1.0, 4.0])}).map(at.sqrt)["a"]
        tensor([1., 2.])
        """
        matched = [self._matched(other, "map") for other in others]
        return type(self)(
            {
                name: _at(name, function, t, *(m[name][1] for m in matched))
                for name, t in self._tensors.items()
            }
        )

    def clip(self: D, min: float | None = None, max: float | None = None) -> D:
        """Each value limited to [min, max]."""
        return self.map(lambda t: t.clip(min, max))

    def detach(self: D) -> D:
        """The same values without their history."""
        return self.map(Tensor.detach)

    def clone(self: D) -> D:
        """Copies of the tensors."""
        return self.map(Tensor.clone)

    # --- of all together -----------------------------------------------------------------------------------

    def norm(self, p: float = 2.0) -> Tensor:
        """The norm of all values as of one long vector: ``(sum |x|^p)^(1/p)``, a 0-d tensor."""
        return vector_norm(stack([vector_norm(t, p) for t in self._tensors.values()]), p)

    def all(self) -> bool:
        """Whether every value is true, as of a comparison."""
        return all(bool(t.all()) for t in self._tensors.values())

    def any(self) -> bool:
        """Whether some value is true, as of a comparison."""
        return any(bool(t.any()) for t in self._tensors.values())

    # --- arithmetic ----------------------------------------------------------------------------------------

    def _matched(self, other: Mapping[str, Tensor], what: str) -> dict[str, tuple[Tensor, Tensor]]:
        if other.keys() != self._tensors.keys():
            here = [name for name in self._tensors if name not in other]
            there = [name for name in other if name not in self._tensors]
            raise ValueError(f"{what}: the names differ; only here: {here}, only there: {there}")
        return {name: (value, other[name]) for name, value in self._tensors.items()}

    def _with(self: D, operation: Callable[[Any, Any], Any], other: Operand) -> D:
        pairs: dict[str, tuple[Any, Any]]
        if isinstance(other, Mapping):
            pairs = dict(self._matched(other, operation.__name__))
        elif isinstance(other, (Tensor, int, float, complex)):
            pairs = {name: (value, other) for name, value in self._tensors.items()}
        else:
            return NotImplemented  # type: ignore[no-any-return]
        return type(self)({name: _at(name, operation, *pair) for name, pair in pairs.items()})

    def __neg__(self: D) -> D:
        return self.map(operator.neg)

    def __abs__(self: D) -> D:
        return self.map(operator.abs)

    def __invert__(self: D) -> D:
        return self.map(operator.invert)

    def __add__(self: D, other: Operand) -> D:
        return self._with(operator.add, other)

    def __sub__(self: D, other: Operand) -> D:
        return self._with(operator.sub, other)

    def __mul__(self: D, other: Operand) -> D:
        return self._with(operator.mul, other)

    def __truediv__(self: D, other: Operand) -> D:
        return self._with(operator.truediv, other)

    def __floordiv__(self: D, other: Operand) -> D:
        return self._with(operator.floordiv, other)

    def __mod__(self: D, other: Operand) -> D:
        return self._with(operator.mod, other)

    def __pow__(self: D, other: Operand) -> D:
        return self._with(operator.pow, other)

    def __and__(self: D, other: Operand) -> D:
        return self._with(operator.and_, other)

    def __or__(self: D, other: Operand) -> D:
        return self._with(operator.or_, other)

    def __lt__(self: D, other: Operand) -> D:
        return self._with(operator.lt, other)

    def __le__(self: D, other: Operand) -> D:
        return self._with(operator.le, other)

    def __gt__(self: D, other: Operand) -> D:
        return self._with(operator.gt, other)

    def __ge__(self: D, other: Operand) -> D:
        return self._with(operator.ge, other)

    def __eq__(self: D, other: Operand) -> D:  # type: ignore[override]  # entry by entry, as of tensors
        return self._with(operator.eq, other)

    def __ne__(self: D, other: Operand) -> D:  # type: ignore[override]
        return self._with(operator.ne, other)

    __hash__ = None  # type: ignore[assignment]

    def __radd__(self: D, other: Operand) -> D:
        return self._with(lambda t, number: number + t, other)

    def __rsub__(self: D, other: Operand) -> D:
        return self._with(lambda t, number: number - t, other)

    def __rmul__(self: D, other: Operand) -> D:
        return self._with(lambda t, number: number * t, other)

    def __rtruediv__(self: D, other: Operand) -> D:
        return self._with(lambda t, number: number / t, other)

    def __rpow__(self: D, other: Operand) -> D:
        return self._with(lambda t, number: number**t, other)

    def __iadd__(self: D, other: Operand) -> D:
        return self._with(operator.iadd, other)

    def __isub__(self: D, other: Operand) -> D:
        return self._with(operator.isub, other)

    def __imul__(self: D, other: Operand) -> D:
        return self._with(operator.imul, other)

    def __itruediv__(self: D, other: Operand) -> D:
        return self._with(operator.itruediv, other)

    def __ipow__(self: D, other: Operand) -> D:
        return self._with(operator.ipow, other)

    def __iand__(self: D, other: Operand) -> D:
        return self._with(operator.iand, other)

    def __ior__(self: D, other: Operand) -> D:
        return self._with(operator.ior, other)


def _at(name: str, function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)``; its RuntimeError says at which entry."""
    try:
        return function(*args)
    except RuntimeError as error:
        raise RuntimeError(f"at {name!r}: {error}") from error
