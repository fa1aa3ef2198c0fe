"""Odd or even: a network with one output sorts the MNIST digits, judged by its ROC curve.

    python examples/binary_classification.py [--epochs 10] [--seed 0] [--data FOLDER | --download]

784-200-100-70-30-1 with ReLU, the cross entropy of a sigmoid, Adam at a learning rate of 1e-3, batches of
128, 10 epochs: tinynn's example, for which no figure is published. Class 1 is "odd". The picture is the ROC
curve.
"""

import time
from typing import Any

from common import arguments, images, progress, save_picture, table

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, metrics, nn, optim
from autotape.utils.data import DataLoader, TensorDataset

batch_size = 128
learning_rate = 1e-3

options = arguments(__doc__, epochs=10, data="MNIST", picture=True).parse_args()
at.manual_seed(options.seed)

(x_train, y_train), (x_test, y_test) = ((x.flatten(1), y % 2) for x, y in images(options))

model = nn.Sequential(
    nn.Linear(784, 200), nn.ReLU(),
    nn.Linear(200, 100), nn.ReLU(),
    nn.Linear(100, 70), nn.ReLU(),
    nn.Linear(70, 30), nn.ReLU(),
    nn.Linear(30, 1), nn.Flatten(0),
)  # fmt: skip
optimizer = optim.Adam(model.parameters(), lr=learning_rate)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size, shuffle=True)


def probabilities(x: Tensor) -> Tensor:
    """Return the probability that each image is odd."""
    with at.no_grad():
        logits: Tensor = model(x)
    return logits.sigmoid()


seconds = 0.0
for epoch in range(options.epochs):
    total, start = 0.0, time.perf_counter()
    for x, y in progress(loader, f"epoch {epoch + 1}/{options.epochs}"):
        loss = F.binary_cross_entropy_with_logits(model(x), y.float())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    seconds += time.perf_counter() - start
    right = metrics.accuracy(y_test, probabilities(x_test))
    print(
        f"epoch {epoch + 1}/{options.epochs}  loss {total / len(x_train):.4f}  test accuracy {right:.4f}",
        flush=True,
    )

scores = probabilities(x_test)
odd = scores > 0.5
found: dict[str, Any] = {
    "accuracy": metrics.accuracy(y_test, odd),
    "precision": metrics.precision(y_test, odd),
    "recall": metrics.recall(y_test, odd),
    "f1": metrics.f1_score(y_test, odd),
    "auc": metrics.roc_auc_score(y_test, scores),
    "log_loss": metrics.log_loss(y_test, scores),
}
table(("on the test images", "here"), *found.items())


def draw(figure: Any) -> None:
    """Draw the ROC curve."""
    false, true, _ = metrics.roc_curve(y_test, scores)
    axes = figure.subplots()
    axes.plot(false.numpy(), true.numpy(), label=f"area {found['auc']:.4f}")
    axes.plot([0, 1], [0, 1], ":", color="gray", label="by chance")
    axes.set(
        title="odd or even", xlabel="even digits taken for odd", ylabel="odd digits found", aspect="equal",
        xlim=(-0.01, 1), ylim=(0, 1.01),
    )  # fmt: skip
    axes.legend(loc="lower right")


save_picture(options.out, draw, size=(6, 6))
print("result: " + " ".join(f"{name}={value:.4f}" for name, value in found.items()), end=" ")
print(f"seconds_per_epoch={seconds / options.epochs:.2f}")
