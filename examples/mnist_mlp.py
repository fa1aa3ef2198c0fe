"""A multilayer perceptron, 784-400-100-10, on MNIST.

    python examples/mnist_mlp.py [--epochs 20] [--seed 0] [--plain] [--data FOLDER | --download]

Adam from a learning rate of 1e-3 on, batches of 128, weights drawn as Glorot and Bengio have it: the job of
the article that presents tinynn, which prints the test accuracies of its own run and of TensorFlow's. Here
the pixels are standardised and the learning rate falls to zero along a line; ``--plain`` leaves out both, as
the article does, and stays some 0.2 percent lower. ``--layers 200 100 70 30`` is the network of tinynn's own
example.
"""

import itertools
import time

from common import accuracy, arguments, images, progress, table

import autotape as at
import autotape.nn.functional as F
from autotape import nn, optim
from autotape.utils.data import DataLoader, TensorDataset

batch_size = 128
learning_rate = 1e-3

parser = arguments(__doc__, epochs=20, data="MNIST")
parser.add_argument("--layers", type=int, nargs="+", default=[400, 100], help="units of the hidden layers")
parser.add_argument("--plain", action="store_true", help="raw pixels, and a learning rate that stays")
options = parser.parse_args()
at.manual_seed(options.seed)

(x_train, y_train), (x_test, y_test) = images(options)
if not options.plain:
    deviation, mean = at.std_mean(x_train)
    x_train, x_test = ((x - mean) / deviation for x in (x_train, x_test))

model = nn.Sequential(nn.Flatten())
for inputs, outputs in itertools.pairwise([784, *options.layers]):
    model.extend([nn.Linear(inputs, outputs), nn.ReLU()])
model.append(nn.Linear(options.layers[-1], 10))
for parameter in model.parameters():
    nn.init.xavier_uniform_(parameter) if parameter.ndim == 2 else nn.init.zeros_(parameter)
optimizer = optim.Adam(model.parameters(), lr=learning_rate)
schedule = optim.lr_scheduler.LinearLR(
    optimizer, start_factor=1.0, end_factor=1.0 if options.plain else 0.0, total_iters=options.epochs
)
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
    schedule.step()
    seconds += time.perf_counter() - start
    accuracies.append(accuracy(model, x_test, y_test))
    print(
        f"epoch {epoch + 1}/{options.epochs}  loss {total / len(x_train):.4f}  "
        f"test accuracy {accuracies[-1]:.4f}  {seconds / (epoch + 1):.1f} s an epoch",
        flush=True,
    )

table(
    ("test accuracy", "here", "tinynn", "TensorFlow"),
    ("after epoch 0", accuracies[0], "0.9658", "0.9591"),
    ("best", max(accuracies), "0.9845", "0.9837"),
    ("last", accuracies[-1], "0.9819", "0.9811"),
)
print("tinynn, TensorFlow: published by the article for 784-400-100-10 and 20 epochs")
print(
    f"result: first_accuracy={accuracies[0]:.4f} best_accuracy={max(accuracies):.4f} "
    f"test_accuracy={accuracies[-1]:.4f} seconds_per_epoch={seconds / options.epochs:.2f}"
)
