"""A variational autoencoder on MNIST, 784-50-25-50-784.

    python examples/vae.py [--epochs 250] [--seed 0] [--limit 200] [--data FOLDER | --download]

The encoder gives the mean and the log variance of 25 normal latent variables, from which the decoder draws
the image (D. Kingma and M. Welling, Auto-Encoding Variational Bayes, 2013). The sizes, 200 images, 250
epochs and Adam's 1e-3 are those of a predecessor of the Scala library in mnist_skip.py, which publishes no
figure; such a model knows its 200 images. Digits of its own it draws after

    python examples/vae.py --limit 60000 --epochs 20 --hidden 400 --latent 20

The picture: test images, their reconstructions, and drawn images.
"""

import time
from typing import Any

from common import arguments, image_grid, images, progress, save_picture

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.utils.data import DataLoader, TensorDataset

learning_rate = 1e-3
columns = 10  # of the picture

parser = arguments(__doc__, epochs=250, data="MNIST", picture=True)
parser.set_defaults(limit=200)
parser.add_argument("--hidden", type=int, default=50, help="units of the hidden layers; default: %(default)s")
parser.add_argument("--latent", type=int, default=25, help="latent variables; default: %(default)s")
parser.add_argument("--batch-size", type=int, default=100, help="default: %(default)s")
options = parser.parse_args()
at.manual_seed(options.seed)


class VAE(nn.Module):
    """An encoder to the latent variables, and a decoder back to the pixels."""

    def __init__(self, hidden: int, latent: int) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(784, hidden), nn.ReLU())
        self.mean = nn.Linear(hidden, latent)
        self.log_variance = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, 784))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits of the pixels, and mean and log variance of the latent variables."""
        h = self.encoder(image)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + at.randn_like(mean) * (log_variance / 2).exp()
        return self.decoder(z), mean, log_variance


def negative_elbo(model: VAE, image: Tensor) -> Tensor:
    """Return -ELBO per image, in nats: the reconstruction's cost plus KL(N(mean, variance) || N(0, 1))."""
    logits, mean, log_variance = model(image)
    cost = F.binary_cross_entropy_with_logits(logits, image, reduction="sum")
    divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
    nats: Tensor = (cost + divergence) / len(image)
    return nats


x_train, x_test = (x.flatten(1) for x, _ in images(options))
model = VAE(options.hidden, options.latent)
optimizer = optim.Adam(model.parameters(), lr=learning_rate)
loader = DataLoader(TensorDataset(x_train), options.batch_size, shuffle=True)

start = time.perf_counter()
shown = max(1, options.epochs // 10)
for epoch in progress(range(options.epochs), "training"):
    total = 0.0
    for (image,) in loader:
        loss = negative_elbo(model, image)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(image)
    if (epoch + 1) % shown == 0 or epoch + 1 == options.epochs:
        print(f"epoch {epoch + 1}/{options.epochs}  -ELBO {total / len(x_train):.2f}", flush=True)
seconds = time.perf_counter() - start

with at.no_grad():
    test_cost = negative_elbo(model, x_test).item()
    seen = at.cat([x_train[:columns], x_test[:columns]])
    copies = model(seen)[0].sigmoid()
    drawn = model.decoder(at.randn(3 * columns, options.latent)).sigmoid()


def draw(figure: Any) -> None:
    """Draw images, their copies and new ones, in rows of ten."""
    rows = [seen[:columns], copies[:columns], seen[columns:], copies[columns:], drawn]
    axes = figure.subplots()
    axes.imshow(image_grid(at.cat(rows).reshape(-1, 28, 28), columns).numpy(), cmap="gray")
    axes.set(title="training images, copies; test images, copies; drawn", xticks=[], yticks=[])


save_picture(options.out, draw, size=(7, 5.3))
print(
    f"result: train_cost={total / len(x_train):.2f} test_cost={test_cost:.2f} "
    f"seconds_per_epoch={seconds / options.epochs:.3f}"
)
