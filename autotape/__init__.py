"""autotape: a tape-based autograd engine on NumPy with PyTorch's names and semantics.

>>> import autotape as at
>>> x = at.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

from __future__ import annotations

import os

if not os.path.isdir(os.path.join(__path__[0], "nn")):  # a checkout that lost its symbolic links
    __path__.append(os.path.dirname(__path__[0]))

from autotape import autograd, backends, cuda, datasets, methods, nn, optim
from autotape.aliases import *
from autotape.autograd.modes import *
from autotape.display import *
from autotape.engine.basics import *
from autotape.engine.dtypes import *
from autotape.engine.tape import *
from autotape.engine.tensor import *
from autotape.ops import generator as random
from autotape.ops.activations import *
from autotape.ops.arithmetic import *
from autotape.ops.arranging import *
from autotape.ops.choices import *
from autotape.ops.comparison import *
from autotape.ops.conversion import *
from autotape.ops.creation import *
from autotape.ops.cumulative import *
from autotape.ops.einsum import *
from autotape.ops.elementwise import *
from autotape.ops.extrema import *
from autotape.ops.generator import *
from autotape.ops.indexing import *
from autotape.ops.inverses import *
from autotape.ops.joining import *
from autotape.ops.legacy import *
from autotape.ops.likes import *
from autotape.ops.norms import *
from autotape.ops.ordering import *
from autotape.ops.powers import *
from autotape.ops.products import *
from autotape.ops.random import *
from autotape.ops.reductions import *
from autotape.ops.sampling import *
from autotape.ops.selecting import *
from autotape.ops.shape import *
from autotape.ops.sorting import *
from autotape.serialization.checkpoint import *

__version__ = "0.1.0"
__all__ = sorted(
    name for name in globals() if not name.startswith("_") and name not in ("annotations", "os", "methods")
)
