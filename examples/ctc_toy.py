"""Connectionist temporal classification: an LSTM learns which labels a noisy signal holds, not told where.

    python examples/ctc_toy.py [--epochs 20] [--seed 0] [--size 500]

Each label of a sequence sounds for two to five frames as its own random vector, with silence between labels,
noise over all, and a length that differs from sequence to sequence. The loss (A. Graves and others, 2006)
knows the order of the labels only. The best path, repeats and blanks removed, is compared with the labels on
new sequences: the label error rate is the edit distance over the number of labels. The picture shows where
the network hears the labels of one sequence.
"""

import time
from typing import Any

from common import arguments, progress, save_picture

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.nn.utils.rnn import pad_sequence

labels = 10  # numbered from 1; 0 is the blank
features = 12
noise = 0.5
hidden = 48
batch_size = 25
learning_rate = 5e-3

parser = arguments(__doc__, epochs=20, picture=True)
parser.add_argument("--size", type=int, default=500, help="training sequences; default: %(default)s")
options = parser.parse_args()
at.manual_seed(options.seed)

sounds = at.cat([at.zeros(1, features), at.randn(labels, features)])  # that of 0 is silence


def sequence() -> tuple[Tensor, Tensor]:
    """Return the signal (frames, features) and the labels in it."""
    heard = at.randint(1, labels + 1, (int(at.randint(3, 9, ())),))
    frames = [0]
    for label in heard.tolist():
        frames += [label] * int(at.randint(2, 6, ())) + [0] * int(at.randint(1, 4, ()))
    signal = sounds[at.tensor(frames)]
    return signal + noise * at.randn_like(signal), heard


class Listener(nn.Module):
    """A bidirectional LSTM and a linear layer that scores the labels and the blank in each frame."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * hidden, labels + 1)

    def forward(self, signals: Tensor) -> Tensor:
        """Return log probabilities (batch, frames, labels + 1)."""
        states, _ = self.lstm(signals)
        scores: Tensor = self.head(states)
        return scores.log_softmax(-1)


def best_path(log_probabilities: Tensor) -> list[int]:
    """Return the labels of the likeliest class of each frame, repeats and blanks removed."""
    return [label for label in at.unique_consecutive(log_probabilities.argmax(-1)).tolist() if label]


def edit_distance(a: list[int], b: list[int]) -> int:
    """Return how many insertions, deletions and replacements turn a into b."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]


def error_rate(model: Listener, pairs: list[tuple[Tensor, Tensor]]) -> float:
    """Return the edit distance of what is heard over the number of labels."""
    with at.no_grad():
        wrong = sum(edit_distance(best_path(model(s.unsqueeze(0))[0]), heard.tolist()) for s, heard in pairs)
    return wrong / sum(len(heard) for _, heard in pairs)


train = [sequence() for _ in range(options.size)]
test = [sequence() for _ in range(max(options.size // 5, 1))]
model = Listener()
optimizer = optim.Adam(model.parameters(), lr=learning_rate)

start = time.perf_counter()
for epoch in range(options.epochs):
    total = 0.0
    batches = at.randperm(len(train)).split(batch_size)
    for batch in progress(batches, f"epoch {epoch + 1}/{options.epochs}"):
        signals, heard = zip(*(train[i] for i in batch.tolist()))
        scores = model(pad_sequence(signals, batch_first=True)).transpose(0, 1)  # the loss wants frames first
        loss = F.ctc_loss(
            scores,
            at.cat(heard),
            input_lengths=at.tensor([len(signal) for signal in signals]),
            target_lengths=at.tensor([len(target) for target in heard]),
        )
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item() * len(batch)
    rate = error_rate(model, test)
    print(
        f"epoch {epoch + 1}/{options.epochs}  loss {total / len(train):.4f}  label error rate {rate:.4f}",
        flush=True,
    )
seconds = time.perf_counter() - start


def draw(figure: Any) -> None:
    """Draw the first test signal and the probabilities of the labels over time."""
    signal, heard = test[0]
    with at.no_grad():
        probabilities = model(signal.unsqueeze(0))[0].exp()
    above, below = figure.subplots(2, 1, sharex=True)
    above.imshow(signal.T.numpy(), aspect="auto")
    above.set(title=f"a signal that holds {heard.tolist()}", ylabel="feature")
    below.imshow(probabilities.T.numpy(), aspect="auto", vmin=0, vmax=1)
    below.set(
        title=f"what is heard: {best_path(probabilities)}", xlabel="frame", ylabel="label (0: blank)",
        yticks=range(0, labels + 1, 2),
    )  # fmt: skip


save_picture(options.out, draw)
print(f"result: loss={total / len(train):.4f} label_error_rate={rate:.4f} seconds={seconds:.1f}")
