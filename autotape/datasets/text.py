"""Texts, and streams of their words or characters for language models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autotape.datasets._files import PathLike, data_root, find, missing
from autotape.datasets.download import download_file
from autotape.datasets.vocabulary import Vocabulary
from autotape.engine.tensor import Tensor

__all__ = ["TextCorpus", "TinyShakespeare", "batchify", "bptt_windows", "sonnets", "split_words"]

_SONNETS = Path(__file__).with_name("sonnets.txt")
_EOS = "<eos>"
_FILES = {  # the names that the Penn Treebank, WikiText and others have
    "train": ("train.txt", "ptb.train.txt", "wiki.train.tokens"),
    "valid": ("valid.txt", "ptb.valid.txt", "wiki.valid.tokens"),
    "test": ("test.txt", "ptb.test.txt", "wiki.test.tokens"),
}


def sonnets() -> str:
    """Twelve sonnets by Shakespeare that come with the package: 168 lines, 7,444 characters of ASCII.

    >>> sonnets()[:42]
    'From fairest creatures we desire increase,'
    """
    try:
        return _SONNETS.read_text(encoding="ascii")
    except FileNotFoundError:
        raise RuntimeError(f"the sonnets are missing at {str(_SONNETS)!r}: install autotape again") from None


class TinyShakespeare:
    """Parts of Shakespeare's plays, 1,115,394 characters: ``text``.

    The file ``input.txt`` is looked for in the folders ``TinyShakespeare`` and ``tinyshakespeare`` of
    ``root``, then in ``root`` itself. ``root=None`` and ``download=True`` are as in
    :class:`autotape.datasets.MNIST`; a file of your own may be any text in UTF-8.

    Source: A. Karpathy, char-rnn, 2015.

    Raises:
        RuntimeError: the file is not there, or is no text.
    """

    url = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
    sha256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"

    def __init__(self, root: PathLike | None = None, download: bool = False) -> None:
        self.root = data_root(root)
        folders = [self.root / name for name in ("TinyShakespeare", "tinyshakespeare")]
        if root is not None:
            folders.append(self.root)
        path = find(folders, ["input.txt"])
        if path is None:
            if not download:
                raise missing("TinyShakespeare", ["input.txt"], folders)
            path = folders[0] / "input.txt"
            download_file(self.url, path, self.sha256)
        self.text = _read_text(path)

    def __len__(self) -> int:
        return len(self.text)

    def __repr__(self) -> str:
        return f"TinyShakespeare({len(self)} characters, root={str(self.root)!r})"


class TextCorpus:
    r"""A text as streams of word numbers: ``train``, ``valid`` and ``test``, int64 tensors of one dimension.

    ``path`` is a folder with the files ``train.txt``, ``valid.txt`` and ``test.txt`` (or ``ptb.train.txt``,
    ``wiki.train.tokens`` and so on; all but the first may be missing, which leaves an empty stream), or one
    file, which is all training text. White space separates words; ``<eos>`` ends each line.

    ``vocabulary`` has the words of the training text by falling frequency, at most ``max_size``, after
    ``<unk>`` (0), which stands for any other word, and ``<eos>`` (1).

    Raises:
        RuntimeError: there is no such file, or it is no text, or an empty one.

    >>> corpus = TextCorpus.from_text("a rose is\na rose", valid="is a tulip")
    >>> corpus.vocabulary.words
    ['<unk>', '<eos>', 'a', 'rose', 'is']
    >>> corpus.train, corpus.valid
    (tensor([2, 3, 4, 1, 2, 3, 1]), tensor([4, 2, 0, 1]))
    """

    vocabulary: Vocabulary
    train: Tensor
    valid: Tensor
    test: Tensor

    def __init__(self, path: PathLike, max_size: int | None = None) -> None:
        path = Path(path).expanduser()
        texts = {"train": _read_text(path)} if path.is_file() else _read_parts(path)
        if not texts["train"].strip():
            raise RuntimeError(f"the training text in {path} is empty")
        self._fill(max_size, **texts)

    @classmethod
    def from_text(
        cls, train: str, valid: str = "", test: str = "", max_size: int | None = None
    ) -> TextCorpus:
        """A corpus of texts that are already read."""
        corpus = cls.__new__(cls)
        corpus._fill(max_size, train, valid, test)
        return corpus

    def _fill(self, max_size: int | None, train: str, valid: str = "", test: str = "") -> None:
        words = split_words(train)
        self.vocabulary = Vocabulary(max_size, specials=("<unk>", _EOS))
        self.vocabulary.update(words)
        self.vocabulary.sort()
        self.train = self.vocabulary.encode(words)
        self.valid = self.vocabulary.encode(split_words(valid))
        self.test = self.vocabulary.encode(split_words(test))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{part} {len(getattr(self, part))}" for part in _FILES)
        return f"TextCorpus({sizes}; {len(self.vocabulary)} words)"


def split_words(text: str) -> list[str]:
    r"""The words of a text, as white space separates them, with ``<eos>`` after each line.

    >>> split_words("to be\nor not")
    ['to', 'be', '<eos>', 'or', 'not', '<eos>']
    """
    return [word for line in text.splitlines() for word in (*line.split(), _EOS)]


def batchify(tokens: Tensor, batch_size: int) -> Tensor:
    """A stream cut into ``batch_size`` streams side by side: shape (steps, batch_size).

    Column j is the j-th of the equal parts; what is left over at the end is dropped.

    >>> import autotape as at
    >>> batchify(at.arange(7), 2)
    tensor([[0, 3],
            [1, 4],
            [2, 5]])
    """
    if not 1 <= batch_size <= len(tokens):
        raise ValueError(f"batch_size must be from 1 to the {len(tokens)} tokens, got {batch_size}")
    steps = len(tokens) // batch_size
    return tokens[: steps * batch_size].reshape(batch_size, steps).T.contiguous()


def bptt_windows(stream: Tensor, length: int) -> Iterator[tuple[Tensor, Tensor]]:
    """The inputs and targets for truncated backpropagation through time, window after window.

    ``stream`` is what :func:`batchify` returns, or one stream. A window has ``length`` steps, the last one
    perhaps fewer; its target is the input one step on. Both are views of the stream.

    >>> import autotape as at
    >>> [(x.tolist(), y.tolist()) for x, y in bptt_windows(at.arange(6), 3)]
    [([0, 1, 2], [1, 2, 3]), ([3, 4], [4, 5])]
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    for start in range(0, len(stream) - 1, length):
        stop = min(start + length, len(stream) - 1)
        yield stream[start:stop], stream[start + 1 : stop + 1]


def _read_parts(folder: Path) -> dict[str, str]:
    """The texts of the files that are in a folder."""
    paths = {part: find([folder], names) for part, names in _FILES.items()}
    if paths["train"] is None:
        names = " or ".join(_FILES["train"])
        raise RuntimeError(f"no training text: {folder} is no file, and has no {names} in it")
    return {part: _read_text(path) for part, path in paths.items() if path is not None}


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RuntimeError(f"{path} is no text in UTF-8 ({error})") from None
