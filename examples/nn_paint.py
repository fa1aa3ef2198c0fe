"""A network paints a picture: it learns the colour of each pixel from the pixel's place.

    python examples/nn_paint.py [--epochs 100] [--seed 0] [--size 64] [--image FILE] [--out nn_paint.png]

A multilayer perceptron 2-30-100-100-30-3 maps (x, y) to red, green and blue; mean squared error, Adam at a
learning rate of 1e-3, batches of 32 pixels, as tinynn's nn_paint does. The picture it copies is made by a
formula, or read from ``--image`` by matplotlib. The saved picture shows the original and the painting as it
grew.
"""

import importlib
import math
import time
from typing import Any

from common import arguments, progress, save_picture

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, nn, optim
from autotape.utils.data import DataLoader, TensorDataset

batch_size = 32
learning_rate = 1e-3

parser = arguments(__doc__, epochs=100, picture=True)
parser.add_argument("--size", type=int, default=64, help="pixels along a side; default: %(default)s")
parser.add_argument("--image", metavar="FILE", help="a picture to paint in place of the formula's")
options = parser.parse_args()
at.manual_seed(options.seed)


def landscape(x: Tensor, y: Tensor) -> Tensor:
    """Return the colours at (x, y) in [-1, 1]: a low sun over hills, y upwards."""

    def colour(red: float, green: float, blue: float) -> Tensor:
        return at.tensor([red, green, blue])

    def mix(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
        return a + (b - a) * share.clamp(0, 1).unsqueeze(-1)

    picture = mix(colour(0.98, 0.62, 0.35), colour(0.25, 0.35, 0.70), 0.8 * y + 0.3)  # the sky
    from_sun = ((x - 0.3) ** 2 + (y - 0.35) ** 2).sqrt()
    picture = mix(picture, colour(1.0, 0.95, 0.70), 8 * (0.28 - from_sun))
    far = 0.15 * at.sin(3 * x + 1) + 0.05 * at.sin(9 * x) - 0.1
    near = 0.2 * at.cos(2.5 * x - 0.5) - 0.65
    picture = mix(picture, colour(0.35, 0.30, 0.45), 20 * (far - y))
    return mix(picture, colour(0.10, 0.25, 0.15), 20 * (near - y))


def read(path: str, size: int) -> Tensor:
    """Return the picture in a file as (size, size, 3), its pixels picked in steps."""
    pixels = at.tensor(importlib.import_module("matplotlib.image").imread(path)[..., :3], dtype=at.float32)
    rows, columns = (at.linspace(0, n - 1, size).round().long() for n in pixels.shape[:2])
    chosen = pixels[rows][:, columns]
    return chosen / 255 if chosen.max() > 1 else chosen


y, x = at.meshgrid(at.linspace(1, -1, options.size), at.linspace(-1, 1, options.size), indexing="ij")
original = landscape(x, y) if options.image is None else read(options.image, options.size)
places, colours = at.stack([x, y], dim=-1).reshape(-1, 2), original.reshape(-1, 3)

model = nn.Sequential(
    nn.Linear(2, 30), nn.ReLU(),
    nn.Linear(30, 100), nn.ReLU(),
    nn.Linear(100, 100), nn.ReLU(),
    nn.Linear(100, 30), nn.ReLU(),
    nn.Linear(30, 3), nn.Sigmoid(),
)  # fmt: skip
optimizer = optim.Adam(model.parameters(), lr=learning_rate)
loader = DataLoader(TensorDataset(places, colours), batch_size, shuffle=True)

shown = sorted({max(1, options.epochs * share // 100) for share in (2, 10, 30, 100)})
paintings: dict[int, Tensor] = {}
start = time.perf_counter()
for epoch in range(options.epochs):
    total = 0.0
    for place, colour in progress(loader, f"epoch {epoch + 1}/{options.epochs}"):
        loss = F.mse_loss(model(place), colour)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(place)
    if epoch + 1 in shown:
        with at.no_grad():
            paintings[epoch + 1] = model(places).reshape(original.shape)
        print(f"epoch {epoch + 1}/{options.epochs}  loss {total / len(places):.5f}", flush=True)
seconds = time.perf_counter() - start


def draw(figure: Any) -> None:
    """Draw the original and the painting after some epochs, side by side."""
    pictures = {"the original": original} | {f"after epoch {n}": p for n, p in paintings.items()}
    for axes, (title, picture) in zip(figure.subplots(1, len(pictures)), pictures.items()):
        axes.imshow(picture.numpy())
        axes.set(title=title, xticks=[], yticks=[])


save_picture(options.out, draw, size=(3 * (len(shown) + 1), 3.2))
error = (paintings[options.epochs] - original).square().mean().item()
print(
    f"result: mean_squared_error={error:.5f} "
    f"peak_signal_to_noise_decibels={-10 * math.log10(error):.2f} seconds={seconds:.1f}"
)
