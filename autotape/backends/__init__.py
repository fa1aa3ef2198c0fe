"""``autotape.backends``: the switches that PyTorch scripts set; they can be read too, and change nothing.

>>> import autotape as at
>>> at.backends.cudnn.benchmark = True
>>> at.backends.mps.is_available(), at.backends.cudnn.benchmark
(False, True)
"""

from autotape.backends import cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]
