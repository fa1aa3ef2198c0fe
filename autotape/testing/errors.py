"""What a gradient check raises."""

from __future__ import annotations

from typing import Any

__all__ = ["GradientError"]


class GradientError(AssertionError):
    """A derivative that is wrong, does not exist, or is not the same twice.

    The message explains it; the attributes hold the same facts for programs.

    Attributes:
        input: the name of the input or parameter.
        index: of the entry of the input that is off most; None where no entry was singled out.
        analytic: the derivative that was checked, there.
        numeric: the derivative by differences, there.
        kind: 'factor', 'sign', 'transpose', 'broadcast', 'accumulation', 'index', 'zero', 'second-order',
            'nondifferentiable', 'nondeterministic' or 'unknown'.
        entry: the operation's name and source line (``"exp (file.py:3: y = x.exp())"``) where one entry
            of the tape is at fault, else None.
    """

    def __init__(
        self,
        message: str,
        *,
        input: str | None = None,
        index: tuple[int, ...] | None = None,
        analytic: Any = None,
        numeric: Any = None,
        kind: str = "unknown",
        entry: str | None = None,
    ) -> None:
        super().__init__(message)
        self.input = input
        self.index = index
        self.analytic = analytic
        self.numeric = numeric
        self.kind = kind
        self.entry = entry
