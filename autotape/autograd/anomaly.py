"""Anomaly detection: backward stops at the first NaN and names the operation that made it."""

from __future__ import annotations

from autotape.engine.packing import watch
from autotape.engine.replay import anomaly
from autotape.engine.tape import Tape

__all__ = ["detect_anomaly", "set_detect_anomaly"]


def switch(enabled: bool, check_nan: bool) -> None:
    """Anomaly detection on or off."""
    anomaly.enabled, anomaly.check_nan = enabled, check_nan
    if enabled is not Tape._modules:  # entries note their modules, so that the error can name them
        Tape._modules = enabled
        watch(1 if enabled else -1)


class set_detect_anomaly:
    """Switch anomaly detection on or off: at once, and back at the end of a ``with`` block. For all threads.

    While it is on, ``backward`` and ``grad`` look at every gradient and raise a RuntimeError where one has a
    NaN, naming the operation and the line that recorded it. ``check_nan=False`` leaves the look out.

    >>> import autotape as at
    >>> x = at.zeros(1, requires_grad=True)
    >>> with at.autograd.set_detect_anomaly(True):
    ...     (x / x).sum().backward()
    Traceback (most recent call last):
        ...
    RuntimeError: Function 'DivBackward0' returned nan values in its gradient. ...
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._before = (anomaly.enabled, anomaly.check_nan)
        switch(mode, check_nan)

    def __enter__(self) -> None:
        """The mode was set when the object was made."""

    def __exit__(self, *exc: object) -> None:
        switch(*self._before)


class detect_anomaly:
    """Anomaly detection inside a ``with`` block; see :class:`set_detect_anomaly`.

    >>> import autotape as at
    >>> x = at.ones(1, requires_grad=True)
    >>> with at.autograd.detect_anomaly():
    ...     (x * x).sum().backward()
    """

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        self._entered: list[set_detect_anomaly] = []

    def __enter__(self) -> None:
        self._entered.append(set_detect_anomaly(True, self._check_nan))

    def __exit__(self, *exc: object) -> None:
        self._entered.pop().__exit__(*exc)
