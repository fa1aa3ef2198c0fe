"""A language model over words, with a simple RNN or an LSTM, judged by its perplexity.

    python examples/word_lm.py [--epochs 40] [--seed 0] [--cell lstm] [--data FOLDER]

The sizes are those of the pytensor tutorial's RNNLM and LSTMLM: a vocabulary of at most 10,000 words, 100
numbers a word, 100 hidden units, 40 epochs. It publishes no perplexity. FOLDER holds the Penn Treebank
(ptb.train.txt, ptb.valid.txt, ptb.test.txt) or other text under such names; without it the sonnets that come
with autotape stand in, most of whose words occur once. SGD with the gradient clipped; its rate is quartered
after each epoch that improves nothing.
"""

import math
import time
from typing import Any

from common import arguments, progress, table

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, metrics, nn, optim
from autotape.datasets import TextCorpus, batchify, bptt_windows, sonnets

vocabulary_size = 10_000
embedding, hidden = 100, 100
streams, window = 10, 20
learning_rate = 5.0
clip = 0.5

parser = arguments(__doc__, epochs=40)
parser.add_argument("--cell", choices=["lstm", "rnn"], default="lstm", help="default: %(default)s")
parser.add_argument("--data", metavar="FOLDER", help="holds ptb.train.txt and so on, or train.txt")
parser.add_argument("--limit", type=int, metavar="N", help="take only N words of each part, for a quick look")
options = parser.parse_args()
at.manual_seed(options.seed)


class WordModel(nn.Module):
    """Embedding, LSTM or RNN, and a linear layer that scores the next word."""

    def __init__(self, cell: str, words: int) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "rnn": nn.RNN}[cell]
        self.embedding = nn.Embedding(words, embedding)
        self.recurrent = kind(embedding, hidden)
        self.head = nn.Linear(hidden, words)

    def forward(self, words: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return scores (time, batch, words) of the next word, and the state after the last."""
        states, state = self.recurrent(self.embedding(words), state)
        return self.head(states), state


def detached(state: Any) -> Any:
    """Return the state without its past, which backpropagation leaves alone."""
    return tuple(map(detached, state)) if isinstance(state, tuple) else state.detach()


def perplexity(model: WordModel, stream: Tensor) -> float:
    """Return the perplexity of a stream of words."""
    measure, state = metrics.Perplexity(), None
    with at.no_grad():
        for x, y in bptt_windows(stream.unsqueeze(1), 200):
            scores, state = model(x, state)
            measure.update(scores, y)
    return measure.compute()


if options.data is None:
    lines = sonnets().splitlines()
    cut = len(lines) * 9 // 10
    first, last = "\n".join(lines[:cut]), "\n".join(lines[cut:])
    corpus = TextCorpus.from_text(first, valid=last, max_size=vocabulary_size)
    print("the text: 12 sonnets; for another --data FOLDER")
else:
    try:
        corpus = TextCorpus(options.data, vocabulary_size)
    except RuntimeError as error:
        parser.error(str(error))
    if len(corpus.valid) < 2:
        parser.error(f"there is no text for validation in {options.data}: valid.txt, ptb.valid.txt or so")
train, valid, test = (part[: options.limit] for part in (corpus.train, corpus.valid, corpus.test))
words = len(corpus.vocabulary)
print(f"{len(train)} words, {words} different ones")

model = WordModel(options.cell, words)
optimizer = optim.SGD(model.parameters(), lr=learning_rate)
schedule = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.25, patience=0)
train_streams = batchify(train, streams)

perplexities: list[float] = []
start = time.perf_counter()
for epoch in range(options.epochs):
    state, total, count = None, 0.0, 0
    for x, y in progress(list(bptt_windows(train_streams, window)), f"epoch {epoch + 1}/{options.epochs}"):
        scores, state = model(x, state)
        loss = F.cross_entropy(scores.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        state = detached(state)
        total, count = total + loss.item() * y.numel(), count + y.numel()
    perplexities.append(perplexity(model, valid))
    schedule.step(perplexities[-1])
    print(
        f"epoch {epoch + 1}/{options.epochs}  loss {total / count:.4f}  "
        f"validation perplexity {perplexities[-1]:.1f}  "
        f"{(time.perf_counter() - start) / (epoch + 1):.1f} s an epoch",
        flush=True,
    )
seconds = time.perf_counter() - start

counts = at.bincount(train, minlength=words) + 1.0
unigram = metrics.perplexity(valid, (counts / counts.sum()).log().expand(len(valid), words))
table(
    ("validation perplexity", options.cell),
    ("every word equally likely", float(words)),
    ("frequencies of the training words, plus 1", unigram),
    ("after epoch 0", perplexities[0]),
    ("best", min(perplexities)),
    ("last", perplexities[-1]),
)
print(
    f"result: train_perplexity={math.exp(total / count):.2f} best_valid_perplexity={min(perplexities):.2f} "
    + (f"test_perplexity={perplexity(model, test):.2f} " if len(test) > 1 else "")
    + f"seconds={seconds:.1f}"
)
