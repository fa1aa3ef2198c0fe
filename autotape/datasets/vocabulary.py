"""Words and their numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np

from autotape.engine.tensor import Tensor

__all__ = ["Vocabulary"]

_UNKNOWN = "<unk>"


class Vocabulary:
    """The words of a text, numbered from 0: the special ones first, then the others as they were first seen.

    :meth:`update` counts words and numbers new ones until there are ``max_size`` words, special ones
    included; :meth:`sort` numbers them anew by falling frequency, so that the most frequent ones are kept
    whatever their order in the text was. A word without a number counts as ``"<unk>"`` if that is among
    ``specials``, else it is a KeyError. ``stop_words`` are left out of every text.

    ``counts`` has how often each word was seen. A word may be any string: over characters the vocabulary is
    that of a character model (:meth:`of_characters`).

    >>> v = Vocabulary(max_size=3)
    >>> v.update("to be or not to be".split())
    >>> v.words
    ['<unk>', 'to', 'be']
    >>> v["be"], v["or"], "or" in v, v.counts["to"]
    (2, 0, False, 2)
    >>> v.encode("not to be".split())
    tensor([0, 1, 2])
    >>> v.decode([2, 0])
    ['be', '<unk>']
    """

    def __init__(
        self,
        max_size: int | None = None,
        specials: Iterable[str] = (_UNKNOWN,),
        stop_words: Iterable[str] = (),
    ) -> None:
        self.specials = tuple(dict.fromkeys(specials))
        self.stop_words = frozenset(stop_words)
        if max_size is not None and max_size < len(self.specials):
            raise ValueError(f"max_size {max_size} has no room for the {len(self.specials)} special words")
        if both := self.stop_words.intersection(self.specials):
            raise ValueError(f"{sorted(both)} can't be special words and stop words at once")
        self.max_size = max_size
        self.counts: Counter[str] = Counter()
        self._words: list[str] = []
        self._ids: dict[str, int] = {}
        self._number(self.specials)

    @classmethod
    def of_characters(cls, text: str) -> Vocabulary:
        """The characters of a text, in the order of their code points and without special words.

        >>> Vocabulary.of_characters("hello").words
        ['e', 'h', 'l', 'o']
        """
        vocabulary = cls(specials=())
        vocabulary.update(sorted(text))
        return vocabulary

    def update(self, words: Iterable[str]) -> None:
        """Count the words, and number those that are new; of a plain string, its characters."""
        seen = Counter(words)
        for word in self.stop_words:
            seen.pop(word, None)
        self.counts.update(seen)
        self._number(seen)

    def sort(self) -> None:
        """Number the words by falling frequency, equal ones in the order they were first seen.

        Special words keep their numbers; ids that were given before the call are void.
        """
        self._words.clear()
        self._ids.clear()
        self._number(self.specials)
        self._number(word for word, _ in self.counts.most_common())

    def _number(self, words: Iterable[str]) -> None:
        for word in words:
            if len(self._words) == self.max_size:
                return
            if word not in self._ids:
                self._ids[word] = len(self._words)
                self._words.append(word)

    @property
    def words(self) -> list[str]:
        """The words by number."""
        return list(self._words)

    def __len__(self) -> int:
        return len(self._words)

    def __contains__(self, word: object) -> bool:
        return word in self._ids

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __getitem__(self, word: str) -> int:
        """The number of a word."""
        number = self._ids.get(word, self._ids.get(_UNKNOWN))
        if number is None:
            raise KeyError(f"{word!r} is not in the vocabulary, which has no {_UNKNOWN!r} for unknown words")
        return number

    def word(self, id: int) -> str:
        """The word of a number."""
        if not 0 <= id < len(self._words):
            raise IndexError(f"id {id} is not in a vocabulary of {len(self._words)} words")
        return self._words[id]

    def encode(self, words: Iterable[str]) -> Tensor:
        """The numbers of the words, stop words left out, as an int64 tensor of one dimension."""
        return Tensor._wrap(np.array([self[word] for word in words if word not in self.stop_words], np.int64))

    def decode(self, ids: Tensor | Iterable[int]) -> list[str]:
        """The words of the numbers, which may be a tensor of one dimension."""
        numbers = ids.tolist() if isinstance(ids, Tensor) else ids
        return [self.word(id) for id in numbers]

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} words of {self.counts.total()} counted)"
