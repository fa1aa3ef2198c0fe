"""LeNet on MNIST: two convolutions, two poolings, three linear layers.

    python examples/mnist_lenet.py [--epochs 10] [--seed 0] [--data FOLDER | --download]

Adam at a learning rate of 1e-3, batches of 128, 10 epochs: the "cnn" of tinynn's examples/mnist/run.py, for
which no figure is published.
"""

import time

from common import accuracy, arguments, images, progress

import autotape as at
import autotape.nn.functional as F
from autotape import nn, optim
from autotape.utils.data import DataLoader, TensorDataset

batch_size = 128
learning_rate = 1e-3

options = arguments(__doc__, epochs=10, data="MNIST").parse_args()
at.manual_seed(options.seed)

(x_train, y_train), (x_test, y_test) = images(options)

model = nn.Sequential(
    nn.Conv2d(1, 6, kernel_size=5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),  # 6 x 14 x 14
    nn.Conv2d(6, 16, kernel_size=5, padding="same"), nn.ReLU(), nn.MaxPool2d(2),  # 16 x 7 x 7
    nn.Flatten(),
    nn.Linear(16 * 7 * 7, 120), nn.ReLU(),
    nn.Linear(120, 84), nn.ReLU(),
    nn.Linear(84, 10),
)  # fmt: skip
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
