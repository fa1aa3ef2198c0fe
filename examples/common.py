"""What the examples share beside autotape: the command line, data, progress, tables and pictures."""

import argparse
import importlib
import operator
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import autotape as at
from autotape import Tensor, datasets, nn

T = TypeVar("T")
Samples = tuple[Tensor, Tensor]


def arguments(
    doc: str | None, epochs: int, *, data: str | None = None, picture: bool = False
) -> argparse.ArgumentParser:
    """Return the command line of an example; ``data`` names the data set it reads from files."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--epochs", type=positive, default=epochs, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="of everything random; default: %(default)s")
    if data is not None:
        parser.add_argument(
            "--data", metavar="FOLDER", help=f"of {data}; default: AUTOTAPE_DATA or the cache"
        )
        parser.add_argument("--download", action="store_true", help=f"fetch {data} where it is missing")
        parser.add_argument(
            "--limit", type=positive, metavar="N", help="take only N samples, for a quick look"
        )
    if picture:
        name = Path(sys.argv[0]).stem + ".png"
        parser.add_argument("--out", metavar="PICTURE", default=name, help="default: %(default)s")
    return parser


def positive(text: str) -> int:
    """Return the whole number above zero that an argument is."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


def images(options: argparse.Namespace, name: str = "MNIST") -> tuple[Samples, Samples]:
    """Return (x_train, y_train), (x_test, y_test); x in [0, 1] as (N, 1, 28, 28), y the class."""
    kind = getattr(datasets, name)
    try:
        train, test = (kind(options.data, train=train, download=options.download) for train in (True, False))
    except RuntimeError as error:
        sys.exit(f"{error}\nHere: --data FOLDER names a folder, --download gets the files.")
    pairs = [part.tensors() for part in (train, test)]
    (x_train, y_train), (x_test, y_test) = [(x[: options.limit], y[: options.limit]) for x, y in pairs]
    return (x_train, y_train), (x_test, y_test)


def text(options: argparse.Namespace) -> str:
    """Return TinyShakespeare where its file is, else, if no folder was named, the sonnets autotape brings."""
    try:
        return datasets.TinyShakespeare(options.data, options.download).text[: options.limit]
    except RuntimeError as error:
        if options.data or options.download:
            sys.exit(str(error))
        print("the text: 12 sonnets; for all of TinyShakespeare --data FOLDER or --download")
        return datasets.sonnets()[: options.limit]


def accuracy(model: nn.Module, x: Tensor, y: Tensor, batch_size: int = 1000) -> float:
    """Return the share of samples whose largest output is at their class."""
    was_training = model.training
    model.eval()
    with at.no_grad():
        right = sum(
            int((model(a).argmax(1) == b).sum()) for a, b in zip(x.split(batch_size), y.split(batch_size))
        )
    model.train(was_training)
    return right / len(x)


def progress(steps: Iterable[T], label: str) -> Iterator[T]:
    """Yield the steps, with a bar on a terminal: tqdm's where it is installed, else a count."""
    if not sys.stderr.isatty():
        yield from steps
        return
    try:
        tqdm = importlib.import_module("tqdm").tqdm
    except ImportError:
        total = operator.length_hint(steps)
        for i, step in enumerate(steps):
            print(f"{label}  {i}/{total} ", end="\r", file=sys.stderr, flush=True)
            yield step
        return
    yield from tqdm(steps, desc=label, leave=False)


def table(head: tuple[str, ...], *rows: tuple[str | float, ...]) -> None:
    """Print rows under a head, columns aligned, numbers with four digits."""
    lines = [head, *([f"{v:.4f}" if isinstance(v, float) else str(v) for v in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    print()
    for line in lines:
        first, *others = (f"{v:>{w}}" if i else f"{v:<{w}}" for i, (v, w) in enumerate(zip(line, widths)))
        print("   ".join([first, *others]))


def save_picture(path: str, draw: Callable[[Any], None], size: tuple[float, float] = (8, 6)) -> None:
    """Save what ``draw`` draws on a figure of matplotlib's; without matplotlib say so and go on."""
    try:
        figure = importlib.import_module("matplotlib.figure").Figure(figsize=size, layout="constrained")
    except ImportError:
        print("\nno picture: that needs matplotlib (pip install matplotlib)")
        return
    draw(figure)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    print(f"\npicture: {path}")


def image_grid(x: Tensor, columns: int) -> Tensor:
    """Lay images (N, 1, H, W) or (N, H, W), N a multiple of ``columns``, out as one image of rows."""
    height, width = x.shape[-2:]
    return x.reshape(-1, columns, height, width).swapaxes(1, 2).reshape(-1, columns * width)
