"""A language model over characters, with an LSTM or a simple RNN: it learns to spell, then to write verse.

    python examples/char_lm.py [--epochs 20] [--seed 0] [--cell lstm] [--data FOLDER | --download]

Truncated backpropagation through time over streams side by side; the state is carried from window to window.
The text is TinyShakespeare, or the sonnets that come with autotape (7,444 characters: enough to learn words
by heart, not to generalise). Its last tenth is kept for validation. At the end the model writes some lines.
"""

import math
import time
from typing import Any

from common import arguments, progress, text

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.datasets import Vocabulary, batchify, bptt_windows

streams, window = 8, 32
embedding, hidden = 32, 128
learning_rate = 5e-3

parser = arguments(__doc__, epochs=20, data="TinyShakespeare")
parser.add_argument("--cell", choices=["lstm", "rnn"], default="lstm", help="default: %(default)s")
parser.add_argument("--write", type=int, default=300, help="characters at the end; default: %(default)s")
options = parser.parse_args()
at.manual_seed(options.seed)


class CharacterModel(nn.Module):
    """Embedding, LSTM or RNN, and a linear layer that scores the next character."""

    def __init__(self, cell: str, characters: int) -> None:
        super().__init__()
        kind = {"lstm": nn.LSTM, "rnn": nn.RNN}[cell]
        self.embedding = nn.Embedding(characters, embedding)
        self.recurrent = kind(embedding, hidden)
        self.head = nn.Linear(hidden, characters)

    def forward(self, characters: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Return scores (time, batch, characters) of the next character, and the state after the last."""
        states, state = self.recurrent(self.embedding(characters), state)
        return self.head(states), state


def detached(state: Any) -> Any:
    """Return the state without its past, which backpropagation leaves alone."""
    return tuple(map(detached, state)) if isinstance(state, tuple) else state.detach()


def write(model: CharacterModel, start: str, length: int) -> str:
    """Return ``start`` and ``length`` characters that the model goes on with."""
    state, heard, written = None, vocabulary.encode(start).unsqueeze(1), []
    with at.no_grad():
        for _ in range(length):
            scores, state = model(heard, state)
            heard = at.multinomial(scores[-1].softmax(-1), num_samples=1)
            written.append(heard.item())
    return start + "".join(vocabulary.decode(written))


characters = text(options)
vocabulary = Vocabulary.of_characters(characters)
numbers = vocabulary.encode(characters)
train, valid = numbers.split([len(numbers) - len(numbers) // 10, len(numbers) // 10])
train_streams = batchify(train, streams)
print(f"{len(characters)} characters, {len(vocabulary)} different ones")

model = CharacterModel(options.cell, len(vocabulary))
optimizer = optim.Adam(model.parameters(), lr=learning_rate)


def bits(scores: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross entropy in bits a character."""
    return F.cross_entropy(scores.flatten(0, 1), target.flatten()) / math.log(2)


valid_bits: list[float] = []
start = time.perf_counter()
for epoch in range(options.epochs):
    state = None
    total, count = 0.0, 0
    for x, y in progress(list(bptt_windows(train_streams, window)), f"epoch {epoch + 1}/{options.epochs}"):
        scores, state = model(x, state)
        loss = bits(scores, y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        state = detached(state)
        total, count = total + loss.item() * y.numel(), count + y.numel()
    with at.no_grad():
        valid_bits.append(bits(model(valid[:-1].unsqueeze(1))[0], valid[1:].unsqueeze(1)).item())
    print(
        f"epoch {epoch + 1}/{options.epochs}  loss {total / count:.4f} bits a character  "
        f"validation {valid_bits[-1]:.4f}  {(time.perf_counter() - start) / (epoch + 1):.1f} s an epoch",
        flush=True,
    )
seconds = time.perf_counter() - start

print("\n" + write(model, characters[0], options.write))
print(
    f"\nresult: train_bits={total / count:.4f} best_valid_bits={min(valid_bits):.4f} "
    f"last_valid_bits={valid_bits[-1]:.4f} seconds={seconds:.1f}"
)
