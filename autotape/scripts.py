"""PyTorch scripts on autotape: inside :func:`as_torch` the name ``torch`` means autotape.

From the shell: ``python -m autotape script.py arguments``.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from autotape.left_out import advice

__all__ = ["as_torch"]

_TORCH = "2.13.0"  # the PyTorch whose names and semantics autotape follows, for scripts that ask for one

# Paths of PyTorch's whose names are elsewhere in autotape ("": the package itself).
_PATHS = {
    "amp.autocast_mode": "amp",
    "amp.grad_scaler": "amp",
    "cuda.amp.autocast_mode": "cuda.amp",
    "cuda.amp.grad_scaler": "cuda.amp",
    "distributions.binomial": "distributions.counts",
    "distributions.chi2": "distributions.gamma",
    "distributions.dirichlet": "distributions.beta",
    "distributions.half_cauchy": "distributions.cauchy",
    "distributions.laplace": "distributions.exponential",
    "distributions.log_normal": "distributions.normal",
    "distributions.multinomial": "distributions.counts",
    "distributions.negative_binomial": "distributions.counts",
    "distributions.one_hot_categorical": "distributions.categorical",
    "distributions.relaxed_bernoulli": "distributions.relaxed",
    "distributions.relaxed_categorical": "distributions.relaxed",
    "distributions.studentT": "distributions.student_t",
    "distributions.utils": "distributions.distribution",
    "functional": "",
    "nn.common_types": "nn.modules.utils",
    "nn.parallel.data_parallel": "nn.parallel",
    "nn.parallel.distributed": "nn.parallel",
    "nn.utils.spectral_norm": "nn.utils.normalization",
    "nn.utils.weight_norm": "nn.utils.normalization",
    "optim.adamw": "optim.adam",
    "random": "ops.generator",
    "transforms.transforms": "transforms",
    "utils.hooks": "engine.tensor",
    "utils.tensorboard.writer": "utils.tensorboard",
}

_OF_TORCHVISION = ("datasets", "models", "transforms", "utils")


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``torch.x.y`` as ``autotape.x.y``, and ``torchvision.x`` likewise: the same module objects."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        root, _, rest = fullname.partition(".")
        if root not in ("torch", "torchvision"):
            return None
        first = rest.split(".")[0]
        if root == "torchvision" and rest and first not in _OF_TORCHVISION:
            raise ModuleNotFoundError(
                f"torchvision.{first} is left out of autotape: it has {', '.join(_OF_TORCHVISION)}",
                name=fullname,
            )
        name = f"autotape.{rest}" if rest else "autotape"
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not (name == error.name or name.startswith(f"{error.name}.")):
                raise
            if text := advice("autotape", first):
                message = f"{root}.{first} is left out of autotape: {text}"
                raise ModuleNotFoundError(message, name=fullname) from None
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=module.__name__)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        # The import system writes its own name and spec into what it gets; exec_module puts the module there.
        return ModuleType(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        spec: Any = module.__spec__
        sys.modules[module.__name__] = sys.modules[spec.origin]


@contextmanager
def as_torch() -> Iterator[None]:
    """Context in which ``import torch`` and ``import torchvision`` give autotape, and all below them too.

    ``autotape.__version__`` is ``"2.13.0+autotape..."`` meanwhile: scripts ask for PyTorch's. Afterwards
    everything is as it was; a PyTorch that was imported before is back.

    >>> with as_torch():
    ...     import torch.nn.functional as F
    >>> F.__name__
    'autotape.nn.functional'
    """
    ours = ("torch", "torchvision")
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in ours}
    autotape: Any = importlib.import_module("autotape")
    version = autotape.__version__
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    autotape.__version__ = f"{_TORCH}+autotape.{version}"
    added: list[tuple[ModuleType, str]] = []
    try:
        for path, room in _PATHS.items():
            module = importlib.import_module(f"autotape.{room}" if room else "autotape")
            for root in ours:
                sys.modules[f"{root}.{path}"] = module
            parent, _, name = path.rpartition(".")
            owner = importlib.import_module(f"autotape.{parent}" if parent else "autotape")
            if not hasattr(owner, name):  # `import torch.a.b as c` asks torch.a for b
                setattr(owner, name, module)
                added.append((owner, name))
        yield
    finally:
        for owner, name in added:
            delattr(owner, name)
        autotape.__version__ = version
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.split(".")[0] in ours]:
            del sys.modules[name]
        sys.modules.update(hidden)
