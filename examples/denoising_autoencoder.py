"""A denoising autoencoder on MNIST: it takes noise away, and its code lets one digit turn into another.

    python examples/denoising_autoencoder.py [--epochs 50] [--seed 0] [--data FOLDER | --download]

The encoder is 784-256-64 with ReLU, the decoder 64-256-784 with ReLU and tanh; noise of N(0.3, 0.2) joins
the pixels; mean squared error to the clean image; one Adam of learning rate 1e-3 each; batches of 128:
tinynn's example, for which no figure is published. The picture: noisy test images, what is made of them, and
four walks along a straight line between the codes of two digits.
"""

import time
from typing import Any

from common import arguments, image_grid, images, progress, save_picture

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.utils.data import DataLoader, TensorDataset

batch_size = 128
learning_rate = 1e-3
noise_mean, noise_deviation = 0.3, 0.2
columns = 10  # of the picture

options = arguments(__doc__, epochs=50, data="MNIST", picture=True).parse_args()
at.manual_seed(options.seed)

x_train, x_test = (x.flatten(1) for x, _ in images(options))

encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64))
decoder = nn.Sequential(nn.ReLU(), nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, 784), nn.Tanh())
optimizers = [optim.Adam(part.parameters(), lr=learning_rate) for part in (encoder, decoder)]
loader = DataLoader(TensorDataset(x_train), batch_size, shuffle=True)


def noisy(images: Tensor) -> Tensor:
    """Return images with noise on all pixels."""
    return images + at.normal(noise_mean, noise_deviation, images.shape)


start = time.perf_counter()
for epoch in range(options.epochs):
    total = 0.0
    for (clean,) in progress(loader, f"epoch {epoch + 1}/{options.epochs}"):
        loss = F.mse_loss(decoder(encoder(noisy(clean))), clean)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
        total += loss.item() * len(clean)
    print(f"epoch {epoch + 1}/{options.epochs}  loss {total / len(x_train):.5f}", flush=True)
seconds = time.perf_counter() - start

with at.no_grad():
    spoilt = noisy(x_test)
    cleaned = decoder(encoder(spoilt))
    share = at.linspace(0, 1, columns).unsqueeze(1)
    walks = at.cat([decoder(a + (b - a) * share) for a, b in encoder(x_test[:8]).split(2)])
before, after = (F.mse_loss(x, x_test).item() for x in (spoilt, cleaned))


def draw(figure: Any) -> None:
    """Draw noisy and cleaned images, and the walks from one code to another."""
    rows = at.cat([spoilt[:columns], cleaned[:columns], walks]).reshape(-1, 28, 28)
    axes = figure.subplots()
    axes.imshow(image_grid(rows, columns).clamp(0, 1).numpy(), cmap="gray")
    axes.set(title="noisy, cleaned; below: from one digit's code to another's", xticks=[], yticks=[])


save_picture(options.out, draw, size=(7, 5))
print(
    f"result: noisy_error={before:.5f} cleaned_error={after:.5f} "
    f"seconds_per_epoch={seconds / options.epochs:.2f}"
)
