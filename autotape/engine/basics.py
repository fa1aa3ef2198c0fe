"""Small value types of the surface: Size and device."""

from __future__ import annotations

from typing import Any

__all__ = ["Size", "device"]


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple of integers.

    >>> import autotape as at
    >>> at.ones(2, 3).shape, at.ones(2, 3).shape.numel()
    (autotape.Size([2, 3]), 6)
    """

    __slots__ = ()

    def numel(self) -> int:
        """The number of elements of a tensor of this shape."""
        n = 1
        for side in self:
            n *= side
        return n

    def __repr__(self) -> str:
        return f"autotape.Size([{', '.join(map(str, self))}])"

    def __getitem__(self, index: Any) -> Any:
        got = tuple.__getitem__(self, index)
        return Size(got) if isinstance(index, slice) else got

    def __add__(self, other: Any) -> Size:
        return Size(tuple.__add__(self, tuple(other)))


class device:
    """Where a tensor lives: always ``device('cpu')``; another is refused when a tensor is asked for there.

    >>> device("cpu")
    device(type='cpu')
    >>> device("cuda:0").index
    0
    """

    __slots__ = ("index", "type")
    _KINDS = ("cpu", "cuda", "mps", "xpu", "meta")

    type: str
    index: int | None

    def __init__(self, type: str | int | device, index: int | None = None) -> None:
        kind: str
        if isinstance(type, device):
            kind, index = type.type, type.index
        elif isinstance(type, str):
            kind, colon, number = type.partition(":")
            if colon:
                index = int(number)
        else:
            kind, index = "cuda", type
        if kind not in self._KINDS:
            raise RuntimeError(
                f"Expected one of {', '.join(self._KINDS)} device type at start of device string: {type}"
            )
        self.type = kind
        self.index = index

    def require_cpu(self) -> None:
        """RuntimeError unless this is the CPU."""
        if self.type != "cpu":
            raise RuntimeError(
                f"autotape computes on the CPU only: no device {self!r}. "
                "autotape.cuda.is_available() is False; a script that asks first runs unchanged"
            )

    def __enter__(self) -> device:
        """Context in which tensors are made on this device: the CPU; RuntimeError for another."""
        self.require_cpu()
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing was changed."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return (
            f"device(type={self.type!r})"
            if self.index is None
            else f"device(type={self.type!r}, index={self.index})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)


cpu = device("cpu")


def on_cpu(where: str | int | device | None) -> None:
    """RuntimeError unless the ``device=`` argument of a function is the CPU or was not given."""
    if where is not None:
        device(where).require_cpu()
