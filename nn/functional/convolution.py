"""Convolutions and transposed convolutions over one to three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autotape.engine.operands import tensor_input
from autotape.engine.tensor import Tensor
from autotape.nn.functional._convolving import CONVOLVE, TRANSPOSE, run
from autotape.nn.functional._windows import Windows, per_dim, spatial

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]

Shape = tuple[int, ...]


# --- arguments ----------------------------------------------------------------------------------------------


def _checked(name: str, n: int, transposed: bool, x: Tensor, weight: Tensor, bias: Any, groups: int) -> None:
    """RuntimeError unless the operands' dtypes and channels fit."""
    shape, w = list(x._array.shape), list(weight._array.shape)
    for other, what in ((weight, "weight"), (bias, "bias")):
        if other is not None and other._array.dtype != x._array.dtype:
            raise RuntimeError(
                f"{name}(): Input type ({x.dtype}) and {what} type ({other.dtype}) should be the same; "
                "convert one with .to(dtype)"
            )
    if x._array.dtype.kind == "b":
        raise NotImplementedError(f'"{name}" not implemented for bool; convert it first, as with .float()')
    if groups <= 0:
        raise RuntimeError(f"{name}(): non-positive groups is not supported, but got groups={groups}")
    if len(w) != n + 2:
        raise RuntimeError(
            f"{name}(): expected weight to have {n + 2} dimensions, two of channels and {n} of the kernel, "
            f"but got weight of size {w}"
        )
    given = f"Given transposed={int(transposed)}, groups={groups}, weight of size {w}"
    if w[0] < groups or w[0] % groups or 0 in w[2:]:
        raise RuntimeError(
            f"{name}(): {given}, expected weight to be at least {groups} at dimension 0 and divisible by it, "
            "and at least 1 in the dimensions of the kernel"
        )
    channels = w[0] if transposed else w[1] * groups
    if shape[1] != channels:
        raise RuntimeError(
            f"{name}(): {given}, expected input{shape} to have {channels} channels, but got {shape[1]} "
            "channels instead"
        )
    out = w[1] * groups if transposed else w[0]
    if bias is not None and bias._array.shape != (out,):
        raise RuntimeError(
            f"{name}(): {given}, expected bias to be 1-dimensional with {out} elements, but got bias of size "
            f"{list(bias._array.shape)} instead"
        )


def _positive(name: str, what: str, values: Shape, least: int = 1) -> Shape:
    if min(values) < least:
        kind = "non-positive" if least else "negative"
        raise RuntimeError(f"{name}(): {kind} {what} is not supported, but got {what}={list(values)}")
    return values


def _dimensions(name: str, n: int, x: Tensor) -> RuntimeError:
    return RuntimeError(
        f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of size: "
        f"{list(x._array.shape)}"
    )


def _convolution(
    n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Any:
    name = f"conv{n}d"
    input, weight = tensor_input(input, "input", name), tensor_input(weight, "weight", name)
    bias = None if bias is None else tensor_input(bias, "bias", name)
    stride = _positive(name, "stride", per_dim(name, "stride", stride, n))
    dilation = _positive(name, "dilation", per_dim(name, "dilation", dilation, n))

    def call(x: Tensor) -> Any:
        _checked(name, n, False, x, weight, bias, groups)
        size, kernel = x._array.shape[2:], weight._array.shape[2:]
        reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
        if isinstance(padding, str):
            before, count = _named_padding(name, padding, size, reach, stride)
        else:
            before = _positive(name, "padding", per_dim(name, "padding", padding, n), 0)
            count = tuple([(s + 2 * p - r) // step + 1 for s, p, r, step in zip(size, before, reach, stride)])
        if min(count) < 1:
            padded = " x ".join([str(s + 2 * p) for s, p in zip(size, before)])
            raise RuntimeError(
                f"{name}(): Calculated padded input size per channel: ({padded}). Kernel size: "
                f"({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size"
            )
        return run(CONVOLVE, x, weight, bias, Windows(size, count, kernel, stride, before, dilation), groups)

    return spatial(input, n, call, lambda: _dimensions(name, n, input))


def _named_padding(
    name: str, padding: str, size: Shape, reach: list[int], stride: Shape
) -> tuple[Shape, Shape]:
    """(zeros before, windows) of padding 'same', the odd zero being after, or 'valid'."""
    if padding == "same":
        if max(stride) > 1:
            raise RuntimeError(f"{name}(): padding='same' is not supported for strided convolutions")
        return tuple([(r - 1) // 2 for r in reach]), size
    if padding == "valid":
        return (0,) * len(size), tuple([(s - r) // step + 1 for s, r, step in zip(size, reach, stride)])
    raise RuntimeError(f"{name}(): Invalid padding string: '{padding}'; it must be 'same' or 'valid'")


def _transposed_convolution(
    n: int,
    input: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Any:
    name = f"conv_transpose{n}d"
    input, weight = tensor_input(input, "input", name), tensor_input(weight, "weight", name)
    bias = None if bias is None else tensor_input(bias, "bias", name)
    stride = _positive(name, "stride", per_dim(name, "stride", stride, n))
    before = _positive(name, "padding", per_dim(name, "padding", padding, n), 0)
    extra = _positive(name, "output_padding", per_dim(name, "output_padding", output_padding, n), 0)
    dilation = _positive(name, "dilation", per_dim(name, "dilation", dilation, n))
    if any(e >= s and e >= d for e, s, d in zip(extra, stride, dilation)):
        raise RuntimeError(
            f"{name}(): output padding must be smaller than either stride or dilation, but got "
            f"output_padding={list(extra)}, stride={list(stride)}, dilation={list(dilation)}"
        )

    def call(x: Tensor) -> Any:
        _checked(name, n, True, x, weight, bias, groups)
        count, kernel = x._array.shape[2:], weight._array.shape[2:]
        size = tuple(
            [
                (c - 1) * s - 2 * p + d * (k - 1) + e + 1
                for c, s, p, d, k, e in zip(count, stride, before, dilation, kernel, extra)
            ]
        )
        if min(size) < 0 or min(count) < 1:
            raise RuntimeError(
                f"{name}(): Given input size per channel: {list(count)}. Calculated output size per channel: "
                f"{list(size)}. Output size is too small"
            )
        return run(TRANSPOSE, x, weight, bias, Windows(size, count, kernel, stride, before, dilation), groups)

    return spatial(input, n, call, lambda: _dimensions(name, n, input))


# --- the functions ------------------------------------------------------------------------------------------


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution (cross-correlation) over one dimension; see :func:`conv2d`.

    Shapes: input (n, c, L) or (c, L), weight (out, c / groups, k), bias (out,); the result is (n, out, L').

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.conv1d(at.tensor([[1.0, 2.0, 4.0, 8.0]]), at.tensor([[[-1.0, 1.0]]]))
    tensor([[1., 2., 4.]])
    """
    return _convolution(1, input, weight, bias, stride, padding, dilation, groups)  # type: ignore[no-any-return]


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution (cross-correlation) of images with a weight per output channel.

    ``y[n, o, i, j] = sum over c, p, q of weight[o, c, p, q] * input[n, c, i', j'] + bias[o]`` with
    ``i' = i * stride + p * dilation - padding``, ``j'`` likewise, and zeros outside of the image.

    Args:
        input: (n, c, H, W), or (c, H, W) for one image.
        weight: (out, c / groups, kH, kW), in input's dtype. bias: (out,).
        stride, padding, dilation: an int, or one per dimension. padding "valid" is none; "same" keeps the
            size (with stride 1; an odd zero comes at the end).
        groups: the channels are in so many groups, each with output channels of its own.

    The result is (n, out, H', W'), ``H' = (H + 2 * padding - dilation * (kH - 1) - 1) // stride + 1``. The
    derivative in the input is the transposed convolution of g, in the weight the correlation of input and g.
    The tape keeps input and weight; the work takes a buffer of 1 to 4 MB, not the whole im2col matrix.

    Errors: RuntimeError for shapes and dtypes that do not fit, TypeError for what is no tensor.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.conv2d(at.ones(8, 4, 5, 5), at.ones(6, 4, 3, 3), padding=1).shape
    autotape.Size([8, 6, 5, 5])
    """
    return _convolution(2, input, weight, bias, stride, padding, dilation, groups)  # type: ignore[no-any-return]


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Convolution over three dimensions; see :func:`conv2d`.

    Shapes: input (n, c, D, H, W) or (c, D, H, W), weight (out, c / groups, kD, kH, kW), bias (out,).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.conv3d(at.ones(2, 3, 4, 5, 6), at.ones(8, 3, 2, 2, 2)).shape
    autotape.Size([2, 8, 3, 4, 5])
    """
    return _convolution(3, input, weight, bias, stride, padding, dilation, groups)  # type: ignore[no-any-return]


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Transposed convolution over one dimension; see :func:`conv_transpose2d`.

    Shapes: input (n, c, L) or (c, L), weight (c, out / groups, k), bias (out,).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.conv_transpose1d(at.tensor([[1.0, 2.0]]), at.tensor([[[1.0, 1.0]]]), stride=2)
    tensor([[1., 1., 2., 2.]])
    """
    return _transposed_convolution(  # type: ignore[no-any-return]
        1, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Transposed convolution of images: every element adds its multiple of the kernel around its place.

    It is the derivative of :func:`conv2d` in its input, and the convolution is its derivative.

    Args:
        input: (n, c, H, W) or (c, H, W).
        weight: (c, out / groups, kH, kW), with input's dtype. bias: (out,).
        stride, padding, dilation: those of the convolution, an int or one per dimension.
        output_padding: rows and columns more at the end, fewer than stride or dilation: it chooses among the
            sizes that the convolution maps to H.

    The result is (n, out, H', W') with
    ``H' = (H - 1) * stride - 2 * padding + dilation * (kH - 1) + output_padding + 1``.

    Errors: RuntimeError for shapes and dtypes that do not fit.

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.conv_transpose2d(at.ones(8, 4, 5, 5), at.ones(4, 6, 3, 3), stride=2, output_padding=1).shape
    autotape.Size([8, 6, 12, 12])
    """
    return _transposed_convolution(  # type: ignore[no-any-return]
        2, input, weight, bias, stride, padding, output_padding, groups, dilation
    )


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Transposed convolution over three dimensions; see :func:`conv_transpose2d`.

    Shapes: input (n, c, D, H, W) or (c, D, H, W), weight (c, out / groups, kD, kH, kW), bias (out,).

    >>> import autotape as at
    >>> import autotape.nn.functional as F
    >>> F.conv_transpose3d(at.ones(1, 2, 2, 2, 2), at.ones(2, 3, 3, 3, 3)).shape
    autotape.Size([1, 3, 4, 4, 4])
    """
    return _transposed_convolution(  # type: ignore[no-any-return]
        3, input, weight, bias, stride, padding, output_padding, groups, dilation
    )
