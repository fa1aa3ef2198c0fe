"""Affine and bilinear maps."""

from __future__ import annotations

import math
from typing import Any

from autotape.engine.dtypes import DTypeLike
from autotape.engine.tensor import Tensor
from autotape.nn import functional as F
from autotape.nn import init
from autotape.nn.lazy import LazyModuleMixin, UninitializedParameter
from autotape.nn.module import Module
from autotape.nn.parameter import Parameter
from autotape.ops.creation import empty

__all__ = ["Bilinear", "Identity", "LazyLinear", "Linear"]


class Identity(Module):
    """The input itself; takes and ignores any arguments, so that it can stand in for another module.

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Identity(54, unused=True)(at.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        """The input."""
        return input


class Linear(Module):
    """The affine map ``y = x @ weight.T + bias`` of the last dimension.

    Args:
        in_features, out_features: sizes of the last dimension of input and output.
        bias: whether there is a bias.

    Shapes: input (..., in_features), output (..., out_features). ``weight`` (out_features, in_features) and
    ``bias`` (out_features) start as U(-k, k) with k = 1 / sqrt(in_features).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Linear(20, 30)(at.ones(128, 20)).shape
    autotape.Size([128, 30])
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty((out_features, in_features), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty((out_features,), device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        if self.weight.numel():
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))  # the bound is then 1 / sqrt(in_features)
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """``input @ weight.T + bias``."""
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class LazyLinear(LazyModuleMixin, Linear):
    """A :class:`Linear` that takes ``in_features`` from its first input.

    >>> import autotape as at
    >>> from autotape import nn
    >>> layer = nn.LazyLinear(4)
    >>> layer(at.ones(2, 3)).shape, layer
    (autotape.Size([2, 4]), Linear(in_features=3, out_features=4, bias=True))
    """

    cls_to_become = Linear
    weight: UninitializedParameter
    bias: UninitializedParameter | None

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: DTypeLike | None = None
    ) -> None:
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input: Tensor) -> None:
        """Give the parameters the shapes that the input asks for."""
        if self.has_uninitialized_params():
            self.in_features = input.shape[-1]
            self.weight.materialize((self.out_features, self.in_features))
            if self.bias is not None:
                self.bias.materialize((self.out_features,))
            self.reset_parameters()
        elif self.in_features == 0:  # loaded from a state dict
            self.in_features = self.weight.shape[-1]


class Bilinear(Module):
    """The bilinear map ``y_k = x1 @ weight_k @ x2 + bias_k`` of two inputs.

    Shapes: inputs (..., in1_features) and (..., in2_features), output (..., out_features). ``weight``
    (out_features, in1_features, in2_features) and ``bias`` (out_features) start as U(-k, k) with
    k = 1 / sqrt(in1_features).

    >>> import autotape as at
    >>> from autotape import nn
    >>> nn.Bilinear(20, 30, 40)(at.ones(128, 20), at.ones(128, 30)).shape
    autotape.Size([128, 40])
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got (in1_features={in1_features})")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        shape = (out_features, in1_features, in2_features)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(empty((out_features,), device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """``input1 @ weight_k @ input2 + bias_k`` for every k."""
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
