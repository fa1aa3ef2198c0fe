"""``autotape.backends.cuda``: there is no CUDA; its switches can be set and read.

>>> import autotape as at
>>> at.backends.cuda.matmul.allow_tf32 = True
>>> at.backends.cuda.is_built()
False
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

__all__ = [
    "cudnn_sdp_enabled",
    "enable_cudnn_sdp",
    "enable_flash_sdp",
    "enable_math_sdp",
    "enable_mem_efficient_sdp",
    "flash_sdp_enabled",
    "is_built",
    "math_sdp_enabled",
    "matmul",
    "mem_efficient_sdp_enabled",
    "sdp_kernel",
]


class _Matmul:
    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    fp32_precision = "none"


matmul = _Matmul()


def is_built() -> bool:
    """False."""
    return False


def flash_sdp_enabled() -> bool:
    """False: ``scaled_dot_product_attention`` has one way to compute."""
    return False


cudnn_sdp_enabled = mem_efficient_sdp_enabled = flash_sdp_enabled


def math_sdp_enabled() -> bool:
    """True: it is products and a softmax."""
    return True


def enable_flash_sdp(enabled: bool) -> None:
    """Nothing: ``scaled_dot_product_attention`` has one way to compute."""


enable_cudnn_sdp = enable_mem_efficient_sdp = enable_math_sdp = enable_flash_sdp


def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> AbstractContextManager[None]:
    """Context that changes nothing; so does :func:`autotape.nn.attention.sdpa_kernel`, its successor."""
    return nullcontext()
