"""Word vectors by the skip-gram model: each word learns to foretell its neighbours.

    python examples/word2vec.py [--epochs 5] [--seed 31] [--data FOLDER | --download]

A word's 16 numbers go through a linear layer that scores every word of the vocabulary as a neighbour, at
most two words away; cross entropy, Adam at a learning rate of 1e-3, batches of 128, 5 epochs, seed 31, a
tenth of the lines of Shakespeare's plays: tinynn's example, for which no figure is published. (Where that
multiplies by rows of zeros with a one, an embedding looks the row up.) Without the plays the sonnets that
come with autotape stand in, all of their lines (which takes ``--epochs 100``). The picture shows the vectors
of the most frequent words along their two principal axes.
"""

import math
import re
import time
from typing import Any

from common import arguments, progress, save_picture, table, text

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.datasets import Vocabulary

window = 2
vector_size = 16
batch_size = 128
learning_rate = 1e-3
shown = 60  # words in the picture

parser = arguments(__doc__, epochs=5, data="TinyShakespeare", picture=True)
parser.set_defaults(seed=31)
options = parser.parse_args()
at.manual_seed(options.seed)

lines = [words for line in text(options).lower().splitlines() if (words := re.findall(r"[a-z']+", line))]
if len(lines) > 1000:
    lines = lines[: len(lines) // 10]
vocabulary = Vocabulary(specials=())
vocabulary.update(word for line in lines for word in line)
vocabulary.sort()

pairs = at.tensor(
    [
        (vocabulary[word], vocabulary[line[j]])
        for line in lines
        for i, word in enumerate(line)
        for j in range(max(i - window, 0), min(i + window + 1, len(line)))
        if i != j
    ]
)
print(f"{len(lines)} lines, {len(vocabulary)} different words, {len(pairs)} pairs of neighbours")

vectors = nn.Embedding(len(vocabulary), vector_size)
model = nn.Sequential(vectors, nn.Linear(vector_size, len(vocabulary)))
optimizer = optim.Adam(model.parameters(), lr=learning_rate)

losses: list[float] = []
start = time.perf_counter()
for epoch in range(options.epochs):
    total = 0.0
    batches = pairs[at.randperm(len(pairs))].split(batch_size)
    for batch in progress(batches, f"epoch {epoch + 1}/{options.epochs}"):
        word, neighbour = batch.unbind(1)
        loss = F.cross_entropy(model(word), neighbour)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    losses.append(total / len(pairs))
    print(f"epoch {epoch + 1}/{options.epochs}  loss {losses[-1]:.4f}", flush=True)
seconds = time.perf_counter() - start


def likest(word: int, vectors: Tensor) -> list[str]:
    """Return the four words whose vectors point most in a word's direction."""
    similarity = F.cosine_similarity(vectors, vectors[word].unsqueeze(0))
    return vocabulary.decode(similarity.topk(min(5, len(vocabulary))).indices[1:])


learnt = vectors.weight.detach()
rows = [(vocabulary.word(i), " ".join(likest(i, learnt))) for i in range(0, min(shown, len(vocabulary)), 10)]
table(("word", "the likest"), *rows)


def draw(figure: Any) -> None:
    """Draw the most frequent words along the principal axes of all vectors."""
    centred = learnt - learnt.mean(0)
    _, _, axes_of_words = at.linalg.svd(centred, full_matrices=False)
    places = (centred @ axes_of_words[:2].T)[:shown]
    axes = figure.subplots()
    axes.scatter(places[:, 0].numpy(), places[:, 1].numpy(), s=4)
    for word, place in zip(vocabulary, places.tolist()):
        axes.annotate(word, place)
    axes.set(title=f"the {shown} most frequent words", xticks=[], yticks=[])


save_picture(options.out, draw, size=(8, 8))
print(
    f"result: first_loss={losses[0]:.4f} loss={losses[-1]:.4f} "
    f"loss_by_chance={math.log(len(vocabulary)):.4f} seconds={seconds:.1f}"
)
