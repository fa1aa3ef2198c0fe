"""``autotape.backends``: the switches that PyTorch scripts set; they can be read too, and change nothing.

>>> import autotape as at
>>> at.backends.cudnn.benchmark = True
>>> at.backends.mps.is_available(), at.backends.cudnn.benchmark
(False, True)
"""

from __future__ import annotations

__all__ = ["cuda", "cudnn", "mkl", "mps", "openmp"]


class _Backend:
    """A backend that is not there."""

    def is_available(self) -> bool:
        """False."""
        return False

    def is_built(self) -> bool:
        """False."""
        return False


class _Cudnn(_Backend):
    benchmark = False
    deterministic = False
    enabled = False
    allow_tf32 = False

    def version(self) -> None:
        """None: there is no cuDNN."""


class _Matmul:
    allow_tf32 = False


class _Cuda(_Backend):
    def __init__(self) -> None:
        self.matmul = _Matmul()


cuda = _Cuda()
cudnn = _Cudnn()
mkl = _Backend()
mps = _Backend()
openmp = _Backend()
