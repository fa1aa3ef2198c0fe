"""Knowledge distillation: a small network learns from the soft answers of a large one.

    python examples/distillation.py [--epochs 10] [--seed 0] [--limit N] [--data FOLDER | --download]

The teacher has six 3x3 convolutions, three poolings and 512 hidden units, the student two 5x5 convolutions.
The student's loss is alpha CE(teacher's probabilities at temperature 20, its own at 20) + (1 - alpha)
CE(labels), alpha 0.9 (G. Hinton, O. Vinyals and J. Dean, 2015). FashionMNIST, Adam at a learning rate of
1e-3, batches of 128, 10 epochs: tinynn's example, which publishes a picture only. Where FashionMNIST is
missing MNIST stands in. A second student learns from the labels alone. Full size takes an hour on one core;
``--limit 6000 --epochs 3`` takes minutes.
"""

import time

from common import Samples, accuracy, arguments, images, progress, table

import autotape as at
import autotape.nn.functional as F
from autotape import Tensor, datasets, nn, optim
from autotape.utils.data import DataLoader, TensorDataset

temperature, alpha = 20.0, 0.9
batch_size = 128
learning_rate = 1e-3

options = arguments(__doc__, epochs=10, data="FashionMNIST").parse_args()
at.manual_seed(options.seed)


def load() -> tuple[Samples, Samples]:
    """Return the training and the test samples of FashionMNIST, else of MNIST."""
    try:
        datasets.FashionMNIST(options.data, download=options.download)
    except RuntimeError:
        print("FashionMNIST is not there (--download fetches it): MNIST stands in")
        return images(options, "MNIST")
    return images(options, "FashionMNIST")


def convolution(inputs: int, outputs: int, size: int) -> nn.Sequential:
    """Return a convolution that keeps the image's size, with ReLU."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, size, padding="same"), nn.ReLU())


def make_teacher() -> nn.Module:
    """Return the large network."""
    return nn.Sequential(
        convolution(1, 32, 3), convolution(32, 32, 3), nn.MaxPool2d(2),
        convolution(32, 64, 3), convolution(64, 64, 3), nn.MaxPool2d(2),
        convolution(64, 128, 3), convolution(128, 128, 3), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128 * 3 * 3, 512), nn.ReLU(), nn.Linear(512, 10),
    )  # fmt: skip


def make_student() -> nn.Module:
    """Return the small network."""
    return nn.Sequential(
        convolution(1, 6, 5), nn.MaxPool2d(2),
        convolution(6, 12, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(12 * 7 * 7, 10),
    )  # fmt: skip


def train(name: str, model: nn.Module, soft_targets: Tensor | None = None) -> float:
    """Return the test accuracy after training on the labels, and on the soft targets where there are any."""
    samples = TensorDataset(x_train, y_train, y_train if soft_targets is None else soft_targets)
    loader = DataLoader(samples, batch_size, shuffle=True)
    optimizer = optim.Adam(model.parameters(), lr=learning_rate)
    for epoch in range(options.epochs):
        total = 0.0
        for x, y, soft in progress(loader, f"{name}, epoch {epoch + 1}/{options.epochs}"):
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            if soft_targets is not None:
                loss = alpha * F.cross_entropy(logits / temperature, soft) + (1 - alpha) * loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(x)
        right = accuracy(model, x_test, y_test)
        print(
            f"{name}, epoch {epoch + 1}/{options.epochs}  loss {total / len(x_train):.4f}  "
            f"test accuracy {right:.4f}",
            flush=True,
        )
    return right


start = time.perf_counter()
(x_train, y_train), (x_test, y_test) = load()
teacher = make_teacher()
of_teacher = train("teacher", teacher)
teacher.eval()
with at.no_grad():
    soft_targets = at.cat([(teacher(x) / temperature).softmax(1) for x in x_train.split(batch_size)])

student, twin = make_student(), make_student()
twin.load_state_dict(student.state_dict())  # both start alike
distilled = train("student of the teacher", student, soft_targets)
alone = train("student of the labels", twin)
seconds = time.perf_counter() - start


def size(model: nn.Module) -> str:
    """Return the number of parameters."""
    return f"{sum(p.numel() for p in model.parameters()):,}"


table(
    ("test accuracy", "parameters", "here"),
    ("teacher", size(teacher), of_teacher),
    ("student, from the teacher", size(student), distilled),
    ("student, from the labels", size(twin), alone),
)
print(
    f"result: teacher_accuracy={of_teacher:.4f} student_accuracy={distilled:.4f} "
    f"label_student_accuracy={alone:.4f} seconds={seconds:.1f}"
)
