"""An LSTM reads MNIST images row by row.

    python examples/mnist_lstm.py [--epochs 10] [--seed 0] [--data FOLDER | --download]

An image is a sequence of 28 rows of 28 pixels; a linear layer classifies the last of 30 hidden states. Adam
at a learning rate of 1e-3, batches of 128, 10 epochs: the "lstm" of tinynn's examples/mnist/run.py, for
which no figure is published.
"""

import time

from common import accuracy, arguments, images, progress

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.utils.data import DataLoader, TensorDataset

hidden = 30
batch_size = 128
learning_rate = 1e-3

options = arguments(__doc__, epochs=10, data="MNIST").parse_args()
at.manual_seed(options.seed)

(x_train, y_train), (x_test, y_test) = images(options)


class RowReader(nn.Module):
    """An LSTM over the 28 rows of an image; its last state is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(28, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 10)

    def forward(self, image: Tensor) -> Tensor:
        """Return the scores of the classes."""
        states, _ = self.recurrent(image.squeeze(1))
        scores: Tensor = self.head(states[:, -1])
        return scores


model = RowReader()
optimizer = optim.Adam(model.parameters(), lr=learning_rate)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size, shuffle=True)

accuracies: list[float] = []
seconds = 0.0
for epoch in range(options.epochs):
    total, start = 0.0, time.perf_counter()
    for x, y in progress(loader, f"epoch {epoch + 1}/{options.epochs}"):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    seconds += time.perf_counter() - start
    accuracies.append(accuracy(model, x_test, y_test))
    print(
        f"epoch {epoch + 1}/{options.epochs}  loss {total / len(x_train):.4f}  "
        f"test accuracy {accuracies[-1]:.4f}  {seconds / (epoch + 1):.1f} s an epoch",
        flush=True,
    )

print(
    f"result: first_accuracy={accuracies[0]:.4f} best_accuracy={max(accuracies):.4f} "
    f"test_accuracy={accuracies[-1]:.4f} seconds_per_epoch={seconds / options.epochs:.2f}"
)
