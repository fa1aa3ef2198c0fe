"""Softmax regression on handwritten digits, one sample at a time.

    python examples/digits_linear.py [--epochs 40] [--seed 0]

The model is softmax(W x + b) on 64 pixels; each step lowers the cross entropy of a single image by stochastic
gradient descent. The pytensor tutorial publishes a test accuracy of 0.9689 for this job after 40 epochs.
"""

import argparse
import time

import autotape as at
import autotape.nn.functional as F
from autotape import nn, optim
from autotape.datasets import digits

learning_rate = 0.01

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--seed", type=int, default=0, help="of the split, the initial weights and the order")
options = parser.parse_args()
at.manual_seed(options.seed)

(x_train, y_train), (x_test, y_test) = digits(options.seed)
images, labels = x_train.split(1), y_train.split(1)  # batches of one, cut once

model = nn.Linear(64, 10)
optimizer = optim.SGD(model.parameters(), lr=learning_rate)

accuracies: list[float] = []
start = time.perf_counter()
for epoch in range(options.epochs):
    total = 0.0
    for i in at.randperm(len(images)).tolist():
        loss = F.cross_entropy(model(images[i]), labels[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    with at.no_grad():
        accuracies.append((model(x_test).argmax(1) == y_test).float().mean().item())
    rate = (epoch + 1) * len(images) / (time.perf_counter() - start)
    print(
        f"\repoch {epoch + 1}/{options.epochs}  loss {total / len(images):.4f}  "
        f"test accuracy {accuracies[-1]:.4f}  {rate:,.0f} samples/s ",
        end="",
        flush=True,
    )
seconds = time.perf_counter() - start

print(f"\n\ntest accuracy after epoch 0: {accuracies[0]:.4f}")
print(f"result: test_accuracy={accuracies[-1]:.4f} best_accuracy={max(accuracies):.4f} seconds={seconds:.1f}")
