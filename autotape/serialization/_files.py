"""Files: replaced as a whole or not at all, and what a file that is no checkpoint looks like."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["guess", "is_replaceable", "replacing"]


def is_replaceable(path: str) -> bool:
    """Whether ``path`` is, or may become, an ordinary file (a pipe or ``/dev/null`` can't be replaced)."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return True


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """Open a new file that takes the place of ``path`` when the block ends without an exception.

    Whoever opens ``path``, at any time, and after a kill or a power cut too, finds the old file or the new
    one, whole: the new one is written beside it, fsynced and renamed, and the directory is fsynced. A
    symbolic link stays one, an existing file keeps mode and owner, a new one gets the mode ``open`` gives.
    """
    target = os.path.realpath(path)
    directory = os.path.dirname(target)
    try:
        old = os.stat(target)
    except FileNotFoundError:
        old = None
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    temporary = os.path.join(directory, f".autotape-{os.urandom(8).hex()}.tmp")
    try:
        with open(temporary, "xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if old is not None:
            if sys.platform != "win32" and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):  # only a privileged user can give a file away
                    os.chown(temporary, old.st_uid, old.st_gid)
            os.chmod(temporary, stat.S_IMODE(old.st_mode))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    # The file is in place; Windows and some network file systems can't fsync a directory.
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


_CONVERT = (
    "autotape never unpickles, whatever weights_only is, because a pickle can run any code. Load it with the "
    "program that wrote it and save its tensors as safetensors, which autotape.load reads; in PyTorch with "
    "`safetensors.torch.save_file(torch.load(path, weights_only=True), new_path)`"
)
_SIGNATURES = (
    (b"\x80\x02", f"a pickle, as older torch.save writes. {_CONVERT}"),
    (b"\x80\x03", f"a pickle. {_CONVERT}"),
    (b"\x80\x04", f"a pickle. {_CONVERT}"),
    (b"\x80\x05", f"a pickle. {_CONVERT}"),
    (b"\x93NUMPY", "a NumPy .npy file; read it with numpy.load and autotape.from_numpy"),
    (b"\x89HDF", "an HDF5 file; read it with h5py and save its arrays with autotape.save"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    (b"GGUF", "a GGUF file; convert it to safetensors with the tools it comes from"),
    (b"version https://git-lfs", "a Git LFS pointer in place of the file; fetch that with `git lfs pull`"),
)


def guess(head: bytes) -> str:
    """Say what a file that starts with ``head`` looks like and what to do with it, to end a sentence."""
    if head.startswith(b"PK\x03\x04"):
        if b".npy" in head:
            return "a NumPy .npz file; read it with numpy.load and autotape.from_numpy"
        return f"a ZIP archive, as torch.save writes. {_CONVERT}"
    for signature, description in _SIGNATURES:
        if head.startswith(signature):
            return description
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "a web page, perhaps the answer to a download that failed; fetch the file again"
    if not head.strip(b"\0"):
        return "zeros, perhaps from a copy or a download that was cut short; fetch the file again"
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head[:64]):
        return "text; a checkpoint is a binary file written by autotape.save or another writer of safetensors"
    return "no format known here; a checkpoint is written by autotape.save or another writer of safetensors"
