"""Vocabulary, corpora and the cutting of streams for language models."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import numpy as np
import pytest

import autotape as at
from autotape.datasets import (
    TextCorpus,
    TinyShakespeare,
    Vocabulary,
    batchify,
    bptt_windows,
    sonnets,
    split_words,
    text,
)
from autotape.engine.dtypes import int64

WORDS = ["the", "cat", "and", "the", "dog", "and", "the", "bird"]


# --- vocabulary ---------------------------------------------------------------------------------------------


def test_words_are_numbered_as_they_come() -> None:
    v = Vocabulary()
    v.update(WORDS)
    assert v.words == ["<unk>", "the", "cat", "and", "dog", "bird"]
    assert len(v) == 6
    assert [v[word] for word in v.words] == list(range(6))
    assert [v.word(i) for i in range(6)] == v.words == list(v)
    assert ("cat" in v, "cow" in v, 3 in v) == (True, False, False)
    assert v.counts == {"the": 3, "and": 2, "cat": 1, "dog": 1, "bird": 1}
    v.update(["cow", "the"])
    assert (v["cow"], v["the"], v.counts["the"]) == (6, 1, 4)
    assert repr(v) == "Vocabulary(7 words of 10 counted)"


def test_sorting_numbers_by_falling_frequency() -> None:
    v = Vocabulary(specials=("<pad>", "<unk>"))
    v.update(["zebra", *WORDS, "zebra", "zebra"])
    v.sort()
    assert v.words == ["<pad>", "<unk>", "zebra", "the", "and", "cat", "dog", "bird"]
    assert [v.counts[word] for word in v.words[2:]] == [3, 3, 2, 1, 1, 1]
    v.update(["bird"] * 5)
    v.sort()
    assert v.words[2] == "bird"


def test_max_size_keeps_the_first_and_after_sorting_the_most_frequent() -> None:
    v = Vocabulary(max_size=3)
    v.update(["rare", *WORDS])
    assert v.words == ["<unk>", "rare", "the"]
    assert v["and"] == v["<unk>"] == 0
    v.sort()
    assert v.words == ["<unk>", "the", "and"]
    assert "rare" not in v
    assert v.counts["rare"] == 1
    with pytest.raises(ValueError, match="max_size 1 has no room for the 2 special words"):
        Vocabulary(1, specials=("a", "b"))


def test_unknown_words() -> None:
    v = Vocabulary()
    v.update(WORDS)
    assert v.encode(["the", "cow"]).tolist() == [1, 0]
    without = Vocabulary(specials=())
    without.update(WORDS)
    with pytest.raises(KeyError, match="'cow' is not in the vocabulary, which has no '<unk>'"):
        without["cow"]
    with pytest.raises(KeyError):
        without.encode(["cow"])
    for id in (-1, 5):
        with pytest.raises(IndexError, match=f"id {id} is not in a vocabulary of 5 words"):
            without.word(id)


def test_stop_words_are_left_out() -> None:
    v = Vocabulary(stop_words=["the", "and"])
    v.update(WORDS)
    assert v.words == ["<unk>", "cat", "dog", "bird"]
    assert "the" not in v.counts
    assert v.encode(WORDS).tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="special words and stop words at once"):
        Vocabulary(stop_words=["<unk>"])


def test_a_special_word_in_the_text_is_the_special_word() -> None:
    """The Penn Treebank has <unk> in its text."""
    v = Vocabulary()
    v.update(["a", "<unk>", "<unk>", "b"])
    v.sort()
    assert v.words == ["<unk>", "a", "b"]
    assert v.counts["<unk>"] == 2


def test_encode_and_decode_are_inverse() -> None:
    v = Vocabulary()
    v.update(WORDS)
    ids = v.encode(WORDS)
    assert (ids.dtype, ids.shape) == (int64, (8,))
    assert v.decode(ids) == v.decode(ids.tolist()) == v.decode(ids.numpy()) == WORDS
    empty = v.encode([])
    assert (empty.dtype, empty.shape, v.decode(empty)) == (int64, (0,), [])


def test_characters() -> None:
    v = Vocabulary.of_characters("hello world")
    assert v.words == sorted(set("hello world"))
    assert v.counts["l"] == 3
    assert "".join(v.decode(v.encode("lower wood"))) == "lower wood"
    with_unknown = Vocabulary()
    with_unknown.update("abba")
    assert (with_unknown.words, with_unknown.counts["b"]) == (["<unk>", "a", "b"], 2)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_a_vocabulary_can_be_copied(duplicate: object) -> None:
    v = Vocabulary(max_size=4, stop_words=["the"])
    v.update(WORDS)
    other = duplicate(v)  # type: ignore[operator]
    other.update(["new"])
    other.sort()
    assert other.words == ["<unk>", "and", "cat", "dog"]
    assert v.words == ["<unk>", "cat", "and", "dog"]
    assert "new" not in v.counts


# --- texts --------------------------------------------------------------------------------------------------


def test_sonnets() -> None:
    content = sonnets()
    assert len(content) == 7444
    assert content.isascii()
    poems = content.strip().split("\n\n")
    assert [len(poem.splitlines()) for poem in poems] == [14] * 12
    assert "Shall I compare thee to a summer's day?" in content
    assert content.endswith("And in our faults by lies we flatter'd be.\n")
    assert len(Vocabulary.of_characters(content)) == 57
    notice = text._SONNETS.with_name("NOTICE.txt").read_text(encoding="utf-8")
    assert "public domain" in notice
    assert f"{text._SONNETS.stat().st_size:,} bytes" in notice


def test_sonnets_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_SONNETS", tmp_path / "sonnets.txt")
    with pytest.raises(RuntimeError, match=r"sonnets are missing at .*sonnets\.txt"):
        sonnets()


@pytest.mark.parametrize("inner", ["TinyShakespeare", "tinyshakespeare", ""])
def test_tiny_shakespeare_is_read_from_its_folder(tmp_path: Path, inner: str) -> None:
    (tmp_path / inner).mkdir(exist_ok=True)
    (tmp_path / inner / "input.txt").write_text("First Citizen:\nSpeak, speak.\n", encoding="utf-8")
    corpus = TinyShakespeare(tmp_path)
    assert corpus.text == "First Citizen:\nSpeak, speak.\n"
    assert len(corpus) == 29
    assert repr(corpus) == f"TinyShakespeare(29 characters, root={str(tmp_path)!r})"


def test_tiny_shakespeare_that_is_not_there_or_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTAPE_DATA", str(tmp_path))
    (tmp_path / "input.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuntimeError, match=r"TinyShakespeare is not there: no input\.txt in"):
        TinyShakespeare()  # the file of that name in the folder of all sets may be another's
    with pytest.raises(RuntimeError, match=r"input\.txt is no text in UTF-8"):
        TinyShakespeare(tmp_path)


def put_corpus(folder: Path, form: str = "{}.txt") -> None:
    for part, content in (
        ("train", " no it was n't black monday \n but while the <unk> no \n"),
        ("valid", " it was monday \n"),
        ("test", " was it tuesday \n"),
    ):
        (folder / form.format(part)).write_text(content, encoding="utf-8")


@pytest.mark.parametrize("form", ["{}.txt", "ptb.{}.txt", "wiki.{}.tokens"])
def test_a_corpus_of_three_files(tmp_path: Path, form: str) -> None:
    put_corpus(tmp_path, form)
    corpus = TextCorpus(tmp_path)
    assert corpus.vocabulary.words[:3] == ["<unk>", "<eos>", "no"]
    decode = corpus.vocabulary.decode
    assert " ".join(decode(corpus.train)) == "no it was n't black monday <eos> but while the <unk> no <eos>"
    assert decode(corpus.valid) == ["it", "was", "monday", "<eos>"]
    assert decode(corpus.test) == ["was", "it", "<unk>", "<eos>"]
    assert corpus.train.dtype == int64
    assert repr(corpus) == "TextCorpus(train 13, valid 4, test 4; 11 words)"
    small = TextCorpus(str(tmp_path), max_size=3)
    assert decode(small.train) == ["no"] + ["<unk>"] * 5 + ["<eos>"] + ["<unk>"] * 4 + ["no", "<eos>"]


def test_a_corpus_of_one_file(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_bytes("drei Bäume\r\n\r\nein Öl".encode())
    corpus = TextCorpus(tmp_path / "book.txt")
    words = ["drei", "Bäume", "<eos>", "<eos>", "ein", "Öl", "<eos>"]
    assert corpus.vocabulary.decode(corpus.train) == words
    assert (len(corpus.valid), len(corpus.test)) == (0, 0)
    assert corpus.valid.dtype == int64


def test_a_corpus_of_a_text_is_that_of_its_file(tmp_path: Path) -> None:
    (tmp_path / "sonnets.txt").write_text(sonnets(), encoding="utf-8")
    one, other = TextCorpus(tmp_path / "sonnets.txt"), TextCorpus.from_text(sonnets())
    assert at.equal(one.train, other.train)
    assert one.vocabulary.words == other.vocabulary.words
    assert len(one.train) == len(sonnets().split()) + 179  # an <eos> for each line


def test_a_corpus_that_is_not_there_or_empty(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"is no file, and has no train\.txt or ptb\.train\.txt or"):
        TextCorpus(tmp_path)
    with pytest.raises(RuntimeError, match=r"no training text: .*nowhere"):
        TextCorpus(tmp_path / "nowhere")
    (tmp_path / "train.txt").write_text(" \n", encoding="utf-8")
    with pytest.raises(RuntimeError, match=r"the training text in .* is empty"):
        TextCorpus(tmp_path)
    (tmp_path / "train.txt").write_bytes(b"\x80\x04\x95")
    with pytest.raises(RuntimeError, match=r"train\.txt is no text in UTF-8"):
        TextCorpus(tmp_path)


# --- streams ------------------------------------------------------------------------------------------------


def test_split_words() -> None:
    assert split_words("") == []
    assert split_words("\n") == ["<eos>"]
    assert split_words("a  b\tc \n\nd") == ["a", "b", "c", "<eos>", "<eos>", "d", "<eos>"]


@pytest.mark.parametrize(("count", "batch_size"), [(1, 1), (10, 3), (12, 4), (12, 12), (13, 1), (23, 4)])
def test_batchify_keeps_each_stream_in_order(count: int, batch_size: int) -> None:
    batches = batchify(at.arange(count), batch_size)
    steps = count // batch_size
    assert batches.shape == (steps, batch_size)
    assert batches.is_contiguous()
    for j in range(batch_size):
        assert batches[:, j].tolist() == list(range(j * steps, (j + 1) * steps))


def test_batchify_refuses_sizes_without_a_stream() -> None:
    for batch_size in (0, -1, 6):
        with pytest.raises(ValueError, match=f"from 1 to the 5 tokens, got {batch_size}"):
            batchify(at.arange(5), batch_size)


@pytest.mark.parametrize("length", [1, 2, 3, 9, 10, 50])
@pytest.mark.parametrize("batch_size", [0, 2])
def test_windows_cover_the_stream_once(length: int, batch_size: int) -> None:
    stream = at.arange(10) if batch_size == 0 else batchify(at.arange(20), batch_size)
    windows = list(bptt_windows(stream, length))
    inputs = np.concatenate([x.numpy() for x, _ in windows])
    targets = np.concatenate([y.numpy() for _, y in windows])
    assert np.array_equal(inputs, stream.numpy()[:-1])
    assert np.array_equal(targets, stream.numpy()[1:])
    assert all(len(x) == len(y) == length for x, y in windows[:-1])
    assert 1 <= len(windows[-1][0]) <= length


def test_windows_of_nothing() -> None:
    assert list(bptt_windows(at.arange(1), 3)) == []
    assert list(bptt_windows(at.arange(0), 3)) == []
    with pytest.raises(ValueError, match="length must be at least 1, got 0"):
        next(bptt_windows(at.arange(5), 0))
