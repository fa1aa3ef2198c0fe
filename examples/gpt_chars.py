"""A small GPT over characters: a transformer's decoder learns a text and writes on.

    python examples/gpt_chars.py [--epochs 20] [--seed 0] [--size 64] [--data FOLDER | --download]

Blocks of causal self-attention and a perceptron, each behind a layer norm and beside a skip connection, on
embeddings of characters and places (A. Radford and others, 2018 and 2019); AdamW with warm-up and a cosine.
An epoch is as many windows as hold the text four times. The text is TinyShakespeare, or the sonnets that
come with autotape (7,444 characters: enough to learn words by heart, not to generalise). Its last tenth is
kept for validation. At the end the model writes some lines.
"""

import math
import time

from common import arguments, progress, text

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.datasets import Vocabulary

context = 64  # characters the model sees
heads, layers = 4, 3
dropout = 0.1
batch_size = 16
learning_rate, weight_decay, warm_up = 3e-3, 0.1, 20
temperature = 0.8

parser = arguments(__doc__, epochs=20, data="TinyShakespeare")
parser.add_argument("--size", type=int, default=64, help="numbers a character; default: %(default)s")
parser.add_argument("--write", type=int, default=400, help="characters at the end; default: %(default)s")
options = parser.parse_args()
at.manual_seed(options.seed)


class Attention(nn.Module):
    """Causal self-attention: each place looks at itself and those before."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.queries_keys_values = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each place has seen: (batch, time, size), as x."""
        batch, time, size = x.shape
        in_heads = self.queries_keys_values(x).reshape(batch, time, 3, heads, size // heads)
        q, k, v = in_heads.permute(2, 0, 3, 1, 4).unbind()  # each (batch, heads, time, size / heads)
        seen = F.scaled_dot_product_attention(
            q, k, v, dropout_p=dropout if self.training else 0.0, is_causal=True
        )
        out: Tensor = self.out(seen.transpose(1, 2).reshape(batch, time, size))
        return out


class Block(nn.Module):
    """Attention, then a perceptron, each behind a layer norm and beside a skip connection."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(size), Attention(size), nn.Dropout(dropout))
        self.perceptron = nn.Sequential(
            nn.LayerNorm(size),
            nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size),
            nn.Dropout(dropout),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return x and what the block adds to it."""
        seen: Tensor = self.attention(x)
        x = x + seen
        thought: Tensor = self.perceptron(x)
        return x + thought


class GPT(nn.Module):
    """Embeddings, the blocks, and scores of the next character."""

    def __init__(self, characters: int, size: int) -> None:
        super().__init__()
        self.characters = nn.Embedding(characters, size)
        self.places = nn.Embedding(context, size)
        self.blocks = nn.Sequential(*(Block(size) for _ in range(layers)), nn.LayerNorm(size))
        self.head = nn.Linear(size, characters, bias=False)
        self.head.weight = self.characters.weight  # one matrix for both ends
        self.apply(self._initialize)

    @staticmethod
    def _initialize(module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, characters: Tensor) -> Tensor:
        """Return scores (batch, time, characters) of the character after each of (batch, time)."""
        places = at.arange(characters.shape[1])
        scores: Tensor = self.head(self.blocks(self.characters(characters) + self.places(places)))
        return scores


def windows(numbers: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
    """Return the characters from each start on, and those one further: both (len(starts), context)."""
    taken = numbers[starts.unsqueeze(1) + at.arange(context + 1)]
    return taken[:, :-1], taken[:, 1:]


def bits(scores: Tensor, target: Tensor) -> Tensor:
    """Return the mean cross entropy in bits a character."""
    return F.cross_entropy(scores.flatten(0, 1), target.flatten()) / math.log(2)


def write(model: GPT, start: str, length: int) -> str:
    """Return ``start`` and ``length`` characters that the model goes on with."""
    numbers = vocabulary.encode(start)
    with at.no_grad():
        for _ in range(length):
            scores = model(numbers[-context:].unsqueeze(0))[0, -1] / temperature
            numbers = at.cat([numbers, at.multinomial(scores.softmax(-1), num_samples=1)])
    return "".join(vocabulary.decode(numbers))


characters = text(options)
vocabulary = Vocabulary.of_characters(characters)
numbers = vocabulary.encode(characters)
train, valid = numbers.split([len(numbers) - len(numbers) // 10, len(numbers) // 10])
if len(valid) <= context:
    parser.error(f"a tenth of the text has to be longer than {context} characters, not {len(valid)}")

model = GPT(len(vocabulary), options.size)
print(f"{len(characters)} characters, {len(vocabulary)} different ones")
print(f"{sum(p.numel() for p in model.parameters())} parameters")

steps_per_epoch = max(1, 4 * len(train) // (batch_size * context))
steps = steps_per_epoch * options.epochs
optimizer = optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
schedule = optim.lr_scheduler.LambdaLR(
    optimizer, lambda step: min((step + 1) / warm_up, 0.55 + 0.45 * math.cos(math.pi * step / steps))
)

valid_bits: list[float] = []
start = time.perf_counter()
for epoch in range(options.epochs):
    total = 0.0
    model.train()
    for _ in progress(range(steps_per_epoch), f"epoch {epoch + 1}/{options.epochs}"):
        x, y = windows(train, at.randint(len(train) - context, (batch_size,)))
        loss = bits(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += loss.item()
    model.eval()
    with at.no_grad():
        x, y = windows(valid, at.arange(0, len(valid) - context, context))
        scores = at.cat([model(part) for part in x.split(64)])
        valid_bits.append(bits(scores, y).item())
    print(
        f"epoch {epoch + 1}/{options.epochs}  loss {total / steps_per_epoch:.4f} bits a character  "
        f"validation {valid_bits[-1]:.4f}  {(time.perf_counter() - start) / (epoch + 1):.1f} s an epoch",
        flush=True,
    )
seconds = time.perf_counter() - start

print("\n" + write(model, characters[0], options.write))
print(
    f"\nresult: train_bits={total / steps_per_epoch:.4f} best_valid_bits={min(valid_bits):.4f} "
    f"last_valid_bits={valid_bits[-1]:.4f} seconds={seconds:.1f}"
)
