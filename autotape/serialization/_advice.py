"""What to save instead of an object that can't be saved."""

from __future__ import annotations

import enum
import numbers
import os
import types
from typing import Any

import numpy as np

__all__ = ["advice"]


def advice(value: Any) -> str:
    """Say what to save instead of ``value``, to end a sentence."""
    if isinstance(value, type):
        return "save its name as a string"
    if callable(getattr(value, "state_dict", None)):
        return "save its state_dict() and load that with load_state_dict()"
    if isinstance(value, np.ndarray):
        return _advice_for_array(value)
    if isinstance(value, np.random.Generator):
        return "save its bit_generator.state, a dict of numbers"
    if isinstance(value, np.random.BitGenerator):
        return "save its state, a dict of numbers"
    if callable(getattr(value, "get_state", None)):
        return "save its get_state()"
    if isinstance(value, enum.Enum):
        return "save its name or its value"
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return "save its _asdict(), or tuple() of it"
    for kind in (bool, int, float, complex, str, bytes, tuple, list, dict):
        if isinstance(value, kind):
            return f"save {kind.__name__}() of it"
    if hasattr(value, "__dataclass_fields__"):
        return "save dataclasses.asdict() of it"
    if isinstance(value, (set, frozenset, range, types.GeneratorType)):
        return "save list() of it"
    if isinstance(value, (bytearray, memoryview)):
        return "save bytes() of it"
    if callable(getattr(value, "isoformat", None)):
        return "save its isoformat()"
    if isinstance(value, (os.PathLike, numbers.Number)):
        return "save str() of it"
    if type(value).__module__.partition(".")[0] == "torch" and hasattr(value, "detach"):
        return "save autotape.from_numpy(t.detach().cpu().numpy())"
    if callable(value):
        return "code is never saved; save its name as a string, and look the function up after loading"
    return "save the numbers, strings and tensors it is made of, in a dict"


def _advice_for_array(array: np.ndarray[Any, Any]) -> str:
    if type(array) is not np.ndarray:
        return "save numpy.asarray() of it"
    kind = array.dtype.kind
    if kind == "O":
        return "an array of objects needs pickle, which can run any code; save a list, or astype() of numbers"
    if kind in "US":
        return "an array of text has no place in a file of numbers; save its tolist()"
    if kind in "Mm":
        return 'save view("int64") of it, and its dtype as a string'
    if kind == "V":
        return "save its fields, in a dict"
    return f"its dtype {array.dtype} has no place in a safetensors file; save astype() of it"
