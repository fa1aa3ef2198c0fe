"""Random numbers inside of vmap: a generator that draws for every example, or for all of them at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from autotape.engine.batched import BatchedArray, aligned
from autotape.engine.levels import BatchingError, Level, levels, no_rule

if TYPE_CHECKING:
    from numpy.random import Generator

# Where NumPy's methods take the shape of the result.
_SIZE_AT = {
    "random": 0, "standard_normal": 0, "standard_exponential": 0, "integers": 2, "uniform": 2, "normal": 2,
    "exponential": 1, "poisson": 1, "geometric": 1, "standard_gamma": 1, "standard_cauchy": 0, "binomial": 2,
    "gumbel": 2, "laplace": 2, "lognormal": 2, "gamma": 2, "beta": 2,
}  # fmt: skip


def per_example(generator: Generator) -> Any:
    """What random functions draw from while vmaps are running, as their ``randomness`` says."""
    wanted = [level.randomness for level in levels.stack]
    if "error" in wanted:
        raise BatchingError(
            "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
            "'different' randomness flags on vmap or perform the randomness operation out of vmap"
        )
    return _PerExample(generator, [level for level in levels.stack if level.randomness == "different"])


class _PerExample:
    """NumPy's generator, with draws of its own for the examples of some levels."""

    def __init__(self, generator: Generator, stack: list[Level]) -> None:
        self._generator = generator
        self._levels = stack

    def __getattr__(self, name: str) -> Any:
        if name == "permutation":
            return self._permutation
        position = _SIZE_AT.get(name)
        if position is None:
            raise no_rule(f"Generator.{name}")

        def draw(*args: Any, size: Any = None, **kwargs: Any) -> Any:
            given = list(args)
            if len(given) > position:
                size = given.pop(position)
            if size is None:
                size = np.broadcast_shapes(*[np.shape(a) for a in given])
            shape = tuple(size) if hasattr(size, "__len__") else (size,)
            return self._draw(self._levels, name, position, given, shape, kwargs)

        return draw

    def _draw(
        self, stack: list[Level], name: str, position: int, args: list[Any], shape: Any, kwargs: Any
    ) -> Any:
        if not stack:
            if any(type(a) is BatchedArray for a in args):
                raise BatchingError(
                    "vmap: Vmap does not currently support same randomness with a batched "
                    "tensor input. Please "
                    "file an issue with vmap randomness support"
                )
            return getattr(self._generator, name)(*args[:position], shape, *args[position:], **kwargs)
        level = stack[-1]
        inner = [aligned(a, level, len(shape)) for a in args]
        drawn = self._draw(stack[:-1], name, position, inner, (level.size, *shape), kwargs)
        return BatchedArray(level, drawn)

    def _permutation(self, n: int) -> Any:
        sizes = [level.size for level in self._levels]
        numbers = np.broadcast_to(np.arange(n), (*sizes, n))
        drawn: Any = self._generator.permuted(numbers, axis=-1)
        for level in self._levels:
            drawn = BatchedArray(level, drawn)
        return drawn
