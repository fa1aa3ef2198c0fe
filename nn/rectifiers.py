"""Activations that are linear in pieces, and the exponential linear units, as modules.

The formulas are with the functions in autotape.nn.functional.
"""

from __future__ import annotations

import warnings
from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import full

__all__ = [
    "CELU",
    "ELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SELU",
    "Softshrink",
    "Threshold",
]


class InPlace(Module):
    """An activation that can write its result into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """The option, if it is set."""
        return "inplace=True" if self.inplace else ""


class ReLU(InPlace):
    """``max(0, x)``, elementwise.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ReLU()(at.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """``relu(input)``."""
        return F.relu(input, self.inplace)


class LeakyReLU(Module):
    """``x`` where it is positive, else ``negative_slope * x``.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.LeakyReLU(0.1)(at.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """``leaky_relu(input)``."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class RReLU(Module):
    """:class:`LeakyReLU` with random slopes from ``lower`` to ``upper`` in training, else with their mean.

    Source: Xu et al., Empirical evaluation of rectified activations in convolutional network (2015).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.RReLU(0.1, 0.3).eval()(at.tensor([-1.0, 2.0]))
    tensor([-0.2000,  2.0000])
    """

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """``rrelu(input)``."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


class PReLU(Module):
    """``x`` where it is positive, else ``weight * x`` with a trained weight: one, or one per channel (dim 1).

    Source: He et al., Delving deep into rectifiers (2015).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.PReLU()(at.tensor([-1.0, 2.0])).tolist()
    [-0.25, 2.0]
    """

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: DTypeLike | None = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), device=device, dtype=dtype))

    def reset_parameters(self) -> None:
        """Set the weight to ``init`` again."""
        self.weight.data.fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        """``prelu(input, weight)``."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """The number of weights."""
        return f"num_parameters={self.num_parameters}"


class ELU(Module):
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``.

    Source: Clevert et al., Fast and accurate deep network learning by exponential linear units (2015).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ELU()(at.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """``elu(input)``."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class SELU(InPlace):
    """``scale * elu(x, alpha)``, with scale 1.0507 and alpha 1.6733: activations keep mean 0, variance 1.

    Source: Klambauer et al., Self-normalizing neural networks (2017).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.SELU()(at.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    def forward(self, input: Tensor) -> Tensor:
        """``selu(input)``."""
        return F.selu(input, self.inplace)


class CELU(Module):
    """``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``.

    Source: Barron, Continuously differentiable exponential linear units (2017).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.CELU(2.0)(at.tensor([-1.0, 2.0]))
    tensor([-0.7869,  2.0000])
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """``celu(input)``."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class Hardtanh(Module):
    """``x`` cut off at ``min_val`` and ``max_val``.

    ``min_value`` and ``max_value`` are deprecated names of them. AssertionError unless ``max_val > min_val``.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Hardtanh()(at.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for old, value in (("min", min_value), ("max", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}_value` is deprecated and renamed to `{old}_val`",
                    FutureWarning,
                    stacklevel=2,
                )
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError(f"max_val ({self.max_val}) must be greater than min_val ({self.min_val})")

    def forward(self, input: Tensor) -> Tensor:
        """``hardtanh(input)``."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class ReLU6(Hardtanh):
    """``min(max(0, x), 6)``, elementwise.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.ReLU6()(at.tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        """The option, if it is set."""
        return "inplace=True" if self.inplace else ""


class Hardsigmoid(Module):
    """``min(max(0, x + 3), 6) / 6``, elementwise.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Hardsigmoid()(at.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """``hardsigmoid(input)``."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """``x * hardsigmoid(x)``, elementwise.

    Source: Howard et al., Searching for MobileNetV3 (2019).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Hardswish()(at.tensor([1.5, 4.0]))
    tensor([1.1250, 4.0000])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """``hardswish(input)``."""
        return F.hardswish(input, self.inplace)


class Hardshrink(Module):
    """``x`` with 0 in place of the elements in [``-lambd``, ``lambd``].

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Hardshrink()(at.tensor([-0.7, 0.3, 0.6]))
    tensor([-0.7000,  0.0000,  0.6000])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """``hardshrink(input)``."""
        return F.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The limit."""
        return str(self.lambd)


class Softshrink(Module):
    """``x`` moved by ``lambd`` towards 0, and 0 where it is not further away.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Softshrink()(at.tensor([-2.0, 0.3, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000])
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """``softshrink(input)``."""
        return F.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        """The limit."""
        return str(self.lambd)


class Threshold(Module):
    """``x`` where it is above ``threshold``, else ``value``.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Threshold(0.2, -1.0)(at.tensor([0.1, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """``threshold(input)``."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """The options."""
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")
