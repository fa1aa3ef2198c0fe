"""``autotape.distributed``: autotape runs in one process; scripts that ask first run unchanged.

The names that scripts import are there. Called, each raises :class:`autotape.left_out.LeftOut`; all but the
questions, which are answered.

>>> from autotape.distributed import init_process_group, is_initialized
>>> is_initialized()
False
>>> init_process_group("gloo")
Traceback (most recent call last):
autotape.left_out.LeftOut: autotape.distributed.init_process_group is left out: autotape runs in one process
"""

from __future__ import annotations

from typing import Any

from autotape import left_out

__all__ = ["is_available", "is_initialized", "is_torchelastic_launched"]


def is_available() -> bool:
    """False: autotape runs in one process."""
    return False


is_initialized = is_torchelastic_launched = is_nccl_available = is_gloo_available = is_mpi_available = (
    is_available
)

_FUNCTIONS = """
    init_process_group destroy_process_group new_group get_rank get_world_size get_backend
    all_reduce all_gather all_gather_object all_gather_into_tensor all_to_all broadcast broadcast_object_list
    reduce reduce_scatter gather gather_object scatter barrier monitored_barrier send recv isend irecv
    TCPStore FileStore
    """.split()  # noqa: SIM905 - a paragraph reads better than a column


def _stand_in(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        raise left_out.missing("distributed", name)

    function.__name__ = function.__qualname__ = name
    return function


globals().update({name: _stand_in(name) for name in _FUNCTIONS})


class ReduceOp:
    """The names of reductions, for defaults in signatures."""

    SUM, PRODUCT, MIN, MAX, AVG = "sum", "product", "min", "max", "avg"


def __getattr__(name: str) -> Any:
    """The error for a name that is not there."""
    raise left_out.missing("distributed", name, [*__all__, *_FUNCTIONS])
