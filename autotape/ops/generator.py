"""Where random numbers come from: :class:`Generator`, and the global one that all functions use by default.

The numbers are NumPy's (PCG64), not PyTorch's: one seed gives the same numbers on every run and machine with
the same NumPy, but not those that PyTorch draws.

Threads may draw from one generator at once: each draw is whole (NumPy holds a lock), but which thread gets
which numbers depends on their order, so give each thread a Generator of its own where a run must repeat. A
forked process inherits the state and draws the same numbers as its parent: seed it, as data loaders do.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from autotape.engine.basics import cpu, device, on_cpu
from autotape.engine.levels import in_transform
from autotape.engine.tensor import Tensor
from autotape.ops._per_example import per_example

if TYPE_CHECKING:
    from numpy.random import Generator as NumPyGenerator

__all__ = [
    "Generator",
    "default_generator",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]


_DEFAULT_SEED = 67280421310721  # PyTorch's, for a generator that nobody seeds
_MAGIC = b"PCG64-1\0"
_LAYOUT = struct.Struct("<8sQ16s16s?I")  # magic, seed, state, increment, has_uint32, uinteger
_making = threading.Lock()


class Generator:
    """A source of random numbers with a state of its own, for the ``generator=`` of random functions.

    ``state`` is a dict of integers and strings that determines all that follows, for checkpoints: JSON and
    :func:`autotape.save` hold it exactly. ``get_state`` and ``set_state`` do the same with a uint8 tensor.

    >>> import autotape as at
    >>> g = at.Generator().manual_seed(0)
    >>> before = g.state
    >>> x = at.randn(3, generator=g)
    >>> g.state = before
    >>> at.equal(x, at.randn(3, generator=g))
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        on_cpu(device)
        self._seed = _DEFAULT_SEED
        self._numpy: NumPyGenerator | None = None

    @property
    def device(self) -> device:
        """The CPU."""
        return cpu

    @property
    def numpy(self) -> NumPyGenerator:
        """The NumPy generator that draws."""
        generator = self._numpy
        if generator is None:
            with _making:  # made when first used: importing numpy.random takes 15 ms
                if self._numpy is None:
                    self._numpy = np.random.Generator(np.random.PCG64(self._seed))
                generator = self._numpy
        return generator

    def __repr__(self) -> str:
        return f"<autotape.Generator device='cpu' initial_seed={self._seed}>"

    def clone_state(self) -> Generator:
        """A new generator in the same state."""
        clone = Generator()
        clone.state = self.state
        return clone

    def manual_seed(self, seed: int) -> Generator:
        """Start anew from a seed in [-2**63, 2**64); negative ones count from 2**64. Returns self."""
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"Overflow when unpacking long long: the seed {seed} is not in [-2**63, 2**64)")
        with _making:
            self._seed = seed % 2**64
            self._numpy = None
        return self

    def seed(self) -> int:
        """Start anew from a seed that the operating system draws; returns the seed."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """The seed that the generator was last started from."""
        return self._seed

    @property
    def state(self) -> dict[str, Any]:
        """The state as a dict of integers and strings; assigning one sets it."""
        bits = self.numpy.bit_generator
        with bits.lock:
            now = bits.state
        inner = now["state"]
        return {
            "algorithm": now["bit_generator"],
            "seed": self._seed,
            "state": int(inner["state"]),
            "increment": int(inner["inc"]),
            "has_uint32": int(now["has_uint32"]),
            "uinteger": int(now["uinteger"]),
        }

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        try:
            if state["algorithm"] != "PCG64" or not state["increment"] & 1:
                raise ValueError
            bits = np.random.PCG64(0)
            bits.state = {
                "bit_generator": "PCG64",
                "state": {"state": state["state"], "inc": state["increment"]},
                "has_uint32": state["has_uint32"],
                "uinteger": state["uinteger"],
            }
            seed = int(state["seed"])
        except (KeyError, TypeError, ValueError, OverflowError):
            raise ValueError(f"not a state of an autotape Generator: {str(state)[:200]}") from None
        with _making:
            self._seed = seed
            self._numpy = np.random.Generator(bits)

    def get_state(self) -> Tensor:
        """The state as a uint8 tensor."""
        s = self.state
        wide = [s[name].to_bytes(16, "little") for name in ("state", "increment")]
        packed = _LAYOUT.pack(_MAGIC, s["seed"], *wide, s["has_uint32"], s["uinteger"])
        return Tensor._wrap(np.frombuffer(packed, np.uint8).copy())

    def set_state(self, new_state: Tensor) -> None:
        """Go on from a state that :meth:`get_state` returned."""
        if not isinstance(new_state, Tensor):
            raise TypeError(f"expected an autotape.ByteTensor, but got {type(new_state).__name__}")
        if new_state._array.dtype != np.uint8:
            raise TypeError(f"RNG state must be an autotape.ByteTensor, not one of {new_state.dtype}")
        packed = new_state._array.tobytes()
        if len(packed) != _LAYOUT.size or not packed.startswith(_MAGIC):
            raise RuntimeError(
                f"expected the state of an autotape Generator, {_LAYOUT.size} bytes that begin with "
                f"{_MAGIC!r}, but found {len(packed)} bytes that begin with {packed[:8]!r}"
            )
        _, seed, state, increment, has_uint32, uinteger = _LAYOUT.unpack(packed)
        self.state = {
            "algorithm": "PCG64",
            "seed": seed,
            "state": int.from_bytes(state, "little"),
            "increment": int.from_bytes(increment, "little"),
            "has_uint32": int(has_uint32),
            "uinteger": uinteger,
        }


default_generator = Generator()
default_generator.seed()


def source(generator: Generator | None) -> NumPyGenerator:
    """The NumPy generator behind a ``generator=`` argument; None stands for the global one."""
    if generator is None:
        generator = default_generator
    elif not isinstance(generator, Generator):
        raise TypeError(f"generator must be an autotape.Generator or None, not {type(generator).__name__}")
    return per_example(generator.numpy) if in_transform() else generator.numpy


def manual_seed(seed: int) -> Generator:
    """Seed the global generator; returns it.

    The same seed gives the same numbers: those of NumPy's PCG64, not PyTorch's.

    >>> import autotape as at
    >>> _ = at.manual_seed(0)
    >>> x = at.rand(3)
    >>> _ = at.manual_seed(0)
    >>> at.equal(x, at.rand(3))
    True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the global generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the global generator was last started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the global generator as a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set the state of the global generator to one that :func:`get_rng_state` returned."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, *, device_type: str | None = None) -> Iterator[None]:
    """A ``with`` block after which the global generator goes on from the state it had before.

    ``devices`` and ``device_type`` are accepted and have no effect: there is one generator, the CPU's.

    >>> import autotape as at
    >>> with at.random.fork_rng():
    ...     x = at.rand(3)
    >>> at.equal(x, at.rand(3))
    True
    """
    if not enabled:
        yield
        return
    before = default_generator.state
    try:
        yield
    finally:
        default_generator.state = before
