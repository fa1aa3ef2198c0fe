"""A scanner for the small part of JSON that a safetensors header is made of.

``json.loads`` builds whatever the text holds before anything can be checked: 100 MB of ``[`` become
gigabytes of lists, or a ``RecursionError``, and of two equal keys the last wins. Here the caller says what
comes next, so the first wrong character ends the reading, and nothing nests deeper than the format allows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn

__all__ = ["JSONScanner"]

_SPACES = frozenset(" \t\n\r")
_INTEGER = re.compile(r"[ \t\n\r]*(0|[1-9][0-9]{0,19})(?![0-9.eE])")  # 20 digits hold 2**64
_decode = json.JSONDecoder().raw_decode


class JSONScanner:
    """Reads one JSON text from left to right; ``ValueError`` names the place and what was expected there."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0

    def members(self) -> Iterator[str]:
        """The keys of an object; the caller scans each value before it asks for the next key."""
        self._expect("{")
        if self._accept("}"):
            return
        keys = set()
        while True:
            key = self.string()
            if key in keys:
                self.fail(f"the key {key!r:.100} appears twice in one object, the second time")
            keys.add(key)
            self._expect(":")
            yield key
            if self._accept("}"):
                return
            self._expect(",")

    def string_map(self) -> dict[str, str]:
        """An object whose values are strings."""
        return {key: self.string() for key in self.members()}

    def string(self) -> str:
        """A string of valid Unicode (JSON can spell half a surrogate pair, UTF-8 can't)."""
        if not self._accept('"'):
            self.fail("expected a string")
        value: str
        try:
            value, self._position = _decode(self._text, self._position - 1)
            value.encode()
        except json.JSONDecodeError as error:
            self._position = error.pos
            self.fail(error.msg)
        except UnicodeEncodeError:
            self.fail("half a surrogate pair, which is not valid Unicode, in the string before")
        return value

    def integers(self, at_most: int) -> tuple[int, ...]:
        """An array of up to ``at_most`` non-negative integers in plain digits."""
        values: list[int] = []
        self._expect("[")
        if self._accept("]"):
            return ()
        while True:
            match = _INTEGER.match(self._text, self._position)
            if match is None:
                self.fail("expected a non-negative integer of at most 20 digits")
            values.append(int(match[1]))
            self._position = match.end()
            if len(values) > at_most:
                self.fail(f"more than {at_most} numbers in one array")
            if self._accept("]"):
                return tuple(values)
            self._expect(",")

    def end(self) -> None:
        """The end of the text, after nothing but spaces."""
        if self._text[self._position :].strip(" "):
            self.fail("expected nothing but spaces up to the end")

    def fail(self, message: str) -> NoReturn:
        """Raise ``ValueError`` naming this place."""
        found = self._text[self._position : self._position + 20]
        raise ValueError(f"{message} at character {self._position}, found {found!r}")

    def _accept(self, character: str) -> bool:
        text = self._text
        while text[self._position : self._position + 1] in _SPACES:
            self._position += 1
        if not text.startswith(character, self._position):
            return False
        self._position += 1
        return True

    def _expect(self, character: str) -> None:
        if not self._accept(character):
            self.fail(f"expected {character!r}")
