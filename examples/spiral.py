"""Three interleaved spirals, told apart by a network with a fork.

    python examples/spiral.py [--epochs 2499] [--seed 0] [--out spiral.png]

Two linear heads read one hidden layer of 25 units; one goes through ReLU, and their sum is the class scores.
All training points make one batch; Adam at a learning rate of 0.01. It is the second example of the Scala
library of computation trees (see mnist_skip.py), which publishes no figure. Here the test points are none of
the training points. The picture shows which class the network gives every point of the plane.
"""

import time
from typing import Any

from common import accuracy, arguments, progress, save_picture

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.datasets import spiral

hidden = 25
learning_rate = 0.01
train_share = 0.8
colours = ["tab:blue", "tab:orange", "tab:green"]

options = arguments(__doc__, epochs=2499, picture=True).parse_args()
at.manual_seed(options.seed)


class Fork(nn.Module):
    """Two heads on one hidden layer, one of them bent by ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, hidden)
        self.straight = nn.Linear(hidden, 3)
        self.bent = nn.Linear(hidden, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of the classes."""
        h = F.relu(self.hidden(x))
        scores: Tensor = self.straight(h) + F.relu(self.bent(h))
        return scores


x, y = spiral()
order = at.randperm(len(x))
train, test = order.split([round(train_share * len(x)), len(x) - round(train_share * len(x))])

model = Fork()
optimizer = optim.Adam(model.parameters(), lr=learning_rate)
start = time.perf_counter()
for epoch in progress(range(options.epochs), "training"):
    loss = F.cross_entropy(model(x[train]), y[train])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (epoch + 1) % 500 == 0 or epoch + 1 == options.epochs:
        print(f"epoch {epoch + 1}/{options.epochs}  loss {loss.item():.4f}", flush=True)
seconds = time.perf_counter() - start


def draw(figure: Any) -> None:
    """Draw the points over the regions of the classes."""
    side = at.linspace(float(x.min()) * 1.1, float(x.max()) * 1.1, 300)
    across, up = at.meshgrid(side, side, indexing="xy")
    with at.no_grad():
        regions = model(at.stack([across.flatten(), up.flatten()], dim=1)).argmax(1).reshape(300, 300)
    axes = figure.subplots()
    levels = [-0.5, 0.5, 1.5, 2.5]
    axes.contourf(across.numpy(), up.numpy(), regions.numpy(), levels=levels, colors=colours, alpha=0.3)
    for part, marker in ((train, "."), (test, "*")):
        for label, colour in enumerate(colours):
            points = x[part][y[part] == label]
            axes.plot(points[:, 0].numpy(), points[:, 1].numpy(), marker, color=colour)
    axes.set(title="dots: training points, stars: test points", aspect="equal")


save_picture(options.out, draw)
print(
    f"result: loss={loss.item():.4f} train_accuracy={accuracy(model, x[train], y[train]):.4f} "
    f"test_accuracy={accuracy(model, x[test], y[test]):.4f} seconds={seconds:.1f}"
)
