"""``autotape.save`` and ``autotape.load``: checkpoints whose loading runs no code, unless it is allowed."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from autotape.engine.basics import device
from autotape.engine.tensor import Tensor
from autotape.serialization._errors import CheckpointError
from autotape.serialization._tree import decode, encode
from autotape.serialization.safetensors_format import File, describe, read, write

__all__ = ["load", "save"]

_TREE_KEY = "autotape.tree"
_PICKLE_KEY = "autotape.pickle"  # its value says which object made the pickle necessary


def save(
    obj: object,
    f: File,
    pickle_module: Any = None,
    pickle_protocol: int = 5,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Save a nested structure of tensors, numbers and strings to a file.

    ``obj`` is made of dicts and OrderedDicts (keys of type str, int, float, bool or None), lists, tuples,
    tensors, NumPy arrays and scalars, int, float, complex, bool, str, bytes, None, and autotape's dtypes,
    devices and sizes. Each comes back with its type, values and order; a Parameter as a Tensor. Tensors on
    one memory come back on one memory.

    With anything else in it (a whole module, an ``argparse.Namespace``) ``obj`` is pickled, and :func:`load`
    wants ``weights_only=False`` for that file: unpickling runs what the file says. As in PyTorch, classes are
    saved by name, not by their code. Prefer ``module.state_dict()``.

    The file is a safetensors file with checksums, in which each tensor has the keys that lead to it as its
    name (``model.0.weight``; the very keys of a flat dict). A path is replaced as a whole: whatever happens
    meanwhile, it holds the old file or the new one. docs/checkpoints.md has more.

    Args:
        obj: the structure; usually a dict of state_dicts and numbers.
        f: path, or a file object opened for writing in binary mode.
        pickle_module, _use_new_zipfile_serialization: ignored.
        pickle_protocol: of the pickle, where there is one.

    Raises:
        TypeError: an object that can't be pickled; the message names its place and says what to save instead.
        ValueError: a container that contains itself, or more than 100 levels.

    >>> import io, autotape as at
    >>> file = io.BytesIO()
    >>> at.save({"model": {"w": at.ones(2)}, "epoch": 3, "betas": (0.9, 0.999)}, file)
    >>> _ = file.seek(0)
    >>> at.load(file)
    {'model': {'w': tensor([1., 1.])}, 'epoch': 3, 'betas': (0.9, 0.999)}
    """
    try:
        tree, arrays = encode(obj)
    except TypeError as error:  # something that has no place in the tree
        try:
            data = pickle.dumps(obj, max(pickle_protocol, 2))
        except Exception:  # pickle raises whatever an object's own methods raise
            raise error from None
        why = str(error).replace("which can't be saved", "which needs one")
        write(
            f, {"pickle": np.frombuffer(data, np.uint8)}, {_PICKLE_KEY: why.encode(errors="replace").decode()}
        )
    else:
        write(f, arrays, {_TREE_KEY: tree})


def load(
    f: File,
    map_location: object = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Load what :func:`save` saved, or the tensors of any other safetensors file as a flat dict.

    No code is run, whatever the file holds, and no more memory is used than twice the size that it declares;
    unless ``weights_only=False`` allows to unpickle what could only be saved as a pickle, a whole module say.
    A pickle can run any code: allow it for files from a source you trust.

    Args:
        f: path, or a seekable file object opened for reading in binary mode.
        map_location: where the tensors go, as in PyTorch: None, a device, a dict of devices or a function of
            a tensor and its location; all tensors are on the CPU.
        weights_only: False allows to unpickle; None is True.
        pickle_module, mmap, pickle_load_args: ignored.

    Raises:
        CheckpointError: the file is damaged, no checkpoint, or a pickle without ``weights_only=False``; the
            message names file, tensor and fault.
        OSError: the file can't be opened or read.
        RuntimeError: ``map_location`` asks for a device that is not there.

    >>> import io, autotape as at
    >>> at.load(io.BytesIO(b"epoch,loss"))
    Traceback (most recent call last):
    ...
    autotape.serialization.CheckpointError: <BytesIO> is no safetensors file; it looks like text; ...
    """
    locate = _location(map_location)
    arrays, metadata = read(f)
    value: Any
    if _PICKLE_KEY in metadata and arrays.keys() == {"pickle"}:
        if weights_only is not False:
            raise CheckpointError(
                f"{describe(f)} holds a pickle, and loading it runs what it says: load it with "
                f"weights_only=False if you trust its source. {metadata[_PICKLE_KEY]:.500}"
            )
        return pickle.loads(arrays["pickle"].tobytes())
    if _TREE_KEY in metadata:
        try:
            value, tensors = decode(metadata[_TREE_KEY], arrays)
        except ValueError as error:
            place = f"{describe(f)}: the structure of the checkpoint is damaged"
            raise CheckpointError(f"{place}: {error}") from None
    else:
        value = {name: Tensor._wrap(array) for name, array in arrays.items()}
        tensors = list(value.values())
    for tensor in tensors:
        locate(tensor)
    return value


def _location(map_location: Any) -> Callable[[Tensor], None]:
    """What to do with each tensor so that it lies where ``map_location`` says."""
    if callable(map_location):

        def locate(tensor: Tensor) -> None:
            result = map_location(tensor, "cpu")
            if result is not None and result is not tensor:
                raise TypeError(f"map_location must return its argument or None, not {type(result).__name__}")

        return locate
    if isinstance(map_location, Mapping):
        map_location = map_location.get("cpu")
    if map_location is not None:
        device(map_location).require_cpu()
    return lambda tensor: None
