"""Three small networks, dense, convolutional and recurrent, pass 0.95 on MNIST in a few hundred steps.

    python examples/mnist_gates.py [--epochs 1] [--seed 31] [--data FOLDER | --download]

tinynn's own tests demand that much of its layers, each network with the number of steps given here: Adam at
a learning rate of 1e-3, batches of 128, seed 31. Here the pixels are standardised first. ``--epochs 2``
gives each twice its steps.
"""

import time

from common import accuracy, arguments, images, progress, table

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim

batch_size = 128
learning_rate = 1e-3
gate = 0.95

parser = arguments(__doc__, epochs=1, data="MNIST")
parser.set_defaults(seed=31)
parser.add_argument("--steps", type=int, help="this many for each network, for a quick look")
options = parser.parse_args()
at.manual_seed(options.seed)

(x_train, y_train), (x_test, y_test) = images(options)
deviation, mean = at.std_mean(x_train)
x_train, x_test = ((x - mean) / deviation for x in (x_train, x_test))


class Rows(nn.Module):
    """An LSTM over the 28 rows of an image; its last state, through tanh, is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 128, batch_first=True)
        self.head = nn.Linear(128, 10)

    def forward(self, image: Tensor) -> Tensor:
        """Return the scores of the classes."""
        states, _ = self.lstm(image.squeeze(1))
        scores: Tensor = self.head(states[:, -1].tanh())
        return scores


def initialize(module: nn.Module) -> None:
    """Draw a layer's weights as Glorot and Bengio have it, which tinynn does by default."""
    if isinstance(module, (nn.Linear, nn.Conv2d)):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


dense = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
convolutional = nn.Sequential(
    nn.Conv2d(1, 8, kernel_size=3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, kernel_size=3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(16 * 5 * 5, 10),
)  # fmt: skip

rows: list[tuple[str | float, ...]] = []
accuracies: dict[str, float] = {}
start = time.perf_counter()
networks: list[tuple[str, nn.Module, int]] = [
    ("dense", dense, 1000),
    ("convolutional", convolutional, 400),
    ("recurrent", Rows(), 800),
]
for name, model, steps in networks:
    steps = (options.steps or steps) * options.epochs
    model.apply(initialize)
    optimizer = optim.Adam(model.parameters(), lr=learning_rate)
    for _ in progress(range(steps), name):
        batch = at.randint(len(x_train), (batch_size,))
        loss = F.cross_entropy(model(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    accuracies[name] = accuracy(model, x_test, y_test)
    rows.append((name, str(steps), accuracies[name], f"> {gate}"))
    print(f"{name}: {steps} steps, test accuracy {accuracies[name]:.4f}", flush=True)
seconds = time.perf_counter() - start

table(("test accuracy", "steps", "here", "tinynn's gate"), *rows)
print(
    "result: " + " ".join(f"{name}_accuracy={value:.4f}" for name, value in accuracies.items()),
    f"seconds={seconds:.1f}",
)
