"""A generative adversarial network draws MNIST digits: convolutional, or a multilayer perceptron.

    python examples/dcgan.py [--net cnn] [--epochs 50] [--seed 0] [--data FOLDER | --download]
    python examples/dcgan.py --net mlp

The generator makes images of 50 random numbers, the discriminator tells them from training images; each
learns from the other (A. Radford, L. Metz and S. Chintala, 2015). Adam with beta1 0.5 at 7.5e-4 for the
generator and 2e-4 for the discriminator, weights N(0, 0.02), batches of 128: tinynn's example, for which no
figure is published.

The last line gives the share of the drawn images that the discriminator takes for real, and their spread:
the mean deviation of a pixel over the drawn images as a share of that over the training images (0: all
alike). The picture holds drawn images.
"""

import time
from typing import Any

from common import arguments, image_grid, images, progress, save_picture

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.utils.data import DataLoader, TensorDataset

noise_size = 50
batch_size = 128
generator_rate, discriminator_rate = 7.5e-4, 2e-4
drawn_images = 100  # of the picture

parser = arguments(__doc__, epochs=50, data="MNIST", picture=True)
parser.add_argument("--net", choices=["cnn", "mlp"], default="cnn", help="default: %(default)s")
options = parser.parse_args()
at.manual_seed(options.seed)


def networks(net: str) -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator; the one ends in pixels of [0, 1], the other in a logit."""
    if net == "mlp":
        generator = nn.Sequential(
            nn.Linear(noise_size, 100), nn.LeakyReLU(0.2),
            nn.Linear(100, 300), nn.LeakyReLU(0.2),
            nn.Linear(300, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)),
        )  # fmt: skip
        discriminator = nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 300), nn.LeakyReLU(0.2),
            nn.Linear(300, 100), nn.LeakyReLU(0.2),
            nn.Linear(100, 1),
        )  # fmt: skip
        return generator, discriminator
    generator = nn.Sequential(
        nn.Linear(noise_size, 7 * 7 * 16), nn.Unflatten(1, (16, 7, 7)), nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(16, 6, kernel_size=5, stride=2, padding=2, output_padding=1), nn.LeakyReLU(0.2),
        nn.ConvTranspose2d(6, 1, kernel_size=5, stride=2, padding=2, output_padding=1), nn.Sigmoid(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 6, kernel_size=5, padding=2), nn.LeakyReLU(0.2), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, kernel_size=5, padding=2), nn.LeakyReLU(0.2), nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 7 * 7, 120), nn.LeakyReLU(0.2),
        nn.Linear(120, 84), nn.LeakyReLU(0.2),
        nn.Linear(84, 1),
    )  # fmt: skip
    return generator, discriminator


def initialize(module: nn.Module) -> None:
    """Draw a layer's weights from N(0, 0.02)."""
    if isinstance(module, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def cost(logits: Tensor, real: bool) -> Tensor:
    """Return the cross entropy of the logits, had all images been real or had none been."""
    return F.binary_cross_entropy_with_logits(logits, at.full_like(logits, float(real)))


x_train = images(options)[0][0]
generator, discriminator = (part.apply(initialize) for part in networks(options.net))
optimizers = [
    optim.Adam(part.parameters(), lr=rate, betas=(0.5, 0.999))
    for part, rate in ((generator, generator_rate), (discriminator, discriminator_rate))
]
loader = DataLoader(TensorDataset(x_train), batch_size, shuffle=True)

start = time.perf_counter()
for epoch in range(options.epochs):
    totals = [0.0, 0.0]
    for (real,) in progress(loader, f"epoch {epoch + 1}/{options.epochs}"):
        drawn = generator(at.randn(len(real), noise_size))

        discriminator.zero_grad()
        for_real, for_drawn = discriminator(real), discriminator(drawn.detach())
        loss = cost(for_real, real=True) + cost(for_drawn, real=False)
        loss.backward()
        optimizers[1].step()
        totals[1] += loss.item() * len(real)

        generator.zero_grad()
        loss = cost(discriminator(drawn), real=True)
        loss.backward()
        optimizers[0].step()
        totals[0] += loss.item() * len(real)
    losses = [total / len(x_train) for total in totals]
    print(
        f"epoch {epoch + 1}/{options.epochs}  "
        f"generator's loss {losses[0]:.4f}  discriminator's {losses[1]:.4f}",
        flush=True,
    )
seconds = time.perf_counter() - start

with at.no_grad():
    drawn = generator(at.randn(drawn_images, noise_size))
    believed = (discriminator(drawn) > 0).float().mean().item()
spread = (drawn.std(0).mean() / x_train.std(0).mean()).item()


def draw(figure: Any) -> None:
    """Draw the images in rows of ten."""
    axes = figure.subplots()
    axes.imshow(image_grid(drawn, columns=10).numpy(), cmap="gray")
    axes.set(title=f"drawn by the generator after {options.epochs} epochs", xticks=[], yticks=[])


save_picture(options.out, draw, size=(7, 7.2))
print(f"result: believed={believed:.4f} spread={spread:.4f} seconds_per_epoch={seconds / options.epochs:.2f}")
