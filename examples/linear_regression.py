"""Linear regression: gradient descent finds the weights that made the data.

    python examples/linear_regression.py [--epochs 200] [--seed 0]

The data are y = 2 x1 - 3 x2 + 0.5 + noise of standard deviation 0.1; the fit sees x and y only.
"""

import argparse
import time

import autotape as at
import autotape.nn.functional as F
from autotape import nn, optim

samples = 200
weights, offset, noise = [2.0, -3.0], 0.5, 0.1
learning_rate = 0.1

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=200)
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
at.manual_seed(options.seed)

x = at.randn(samples, 2)
y = x @ at.tensor(weights).unsqueeze(1) + offset + noise * at.randn(samples, 1)

model = nn.Linear(2, 1)
optimizer = optim.SGD(model.parameters(), lr=learning_rate)
start = time.perf_counter()
for epoch in range(options.epochs):
    loss = F.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if epoch % 20 == 0 or epoch == options.epochs - 1:
        print(f"\repoch {epoch + 1}/{options.epochs}  loss {loss.item():.5f}", end="", flush=True)
seconds = time.perf_counter() - start

found = at.cat([p.flatten() for p in model.parameters()]).tolist()
print("\n\n            w1        w2    offset")
print("made  " + "".join(f"{v:10.4f}" for v in [*weights, offset]))
print("found " + "".join(f"{v:10.4f}" for v in found))
error = max(abs(a - b) for a, b in zip(found, [*weights, offset]))
print(f"result: loss={loss.item():.5f} largest_error={error:.4f} seconds={seconds:.2f}")
