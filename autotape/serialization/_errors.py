"""The one error of reading a checkpoint."""

from __future__ import annotations

__all__ = ["CheckpointError"]


class CheckpointError(RuntimeError):
    """A file can't be read as a checkpoint: damaged, hostile, or something else altogether.

    The message names the file, the tensor (where there is one) and what is wrong.
    """

    __module__ = "autotape.serialization"  # the name that tracebacks show is the public one
