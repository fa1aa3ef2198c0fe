"""One epoch of a data loader beside PyTorch's: 60000 rows of 784 float32 and their labels, batch 128.

    python benchmarks/data_loading.py

Without workers: tensors in order, shuffled, and a random half of them; then items of NumPy that are stacked
one by one. With workers: items that take time in NumPy, by processes and by threads, against none; and large
batches that have to be brought from a process.
"""

from __future__ import annotations

from typing import Any

from _measure import Job, compare, report, torch_or_none  # sets the number of threads: before NumPy

# isort: split
import numpy as np

import autotape

ROWS, COLUMNS, BATCH = 60_000, 784, 128
torch: Any = torch_or_none()
images = np.random.default_rng(0).random((ROWS, COLUMNS), np.float32)
labels = np.random.default_rng(1).integers(0, 10, ROWS)


class Arrays:
    """Items as a user's own dataset makes them: a row and a label."""

    def __init__(self, rows: int, work: int = 0) -> None:
        self.rows = rows
        self.work = work

    def __len__(self) -> int:
        return self.rows

    def __getitem__(self, index: int) -> tuple[Any, int]:
        row = images[index]
        for _ in range(self.work):
            row = np.sort(row)[::-1]
        return np.ascontiguousarray(row), int(labels[index])


def epoch(library: Any, make: Any, **options: Any) -> Job:
    """One pass over the dataset that ``make`` makes in one of the two libraries."""
    loader = library.utils.data.DataLoader(make(library), BATCH, **options)

    def run() -> int:
        return sum(len(y) for _, y in loader)

    return run


def tensors(library: Any) -> Any:
    """The rows and labels as tensors."""
    return library.utils.data.TensorDataset(library.from_numpy(images), library.from_numpy(labels))


def half(library: Any) -> Any:
    """A random half of the tensors."""
    return library.utils.data.random_split(tensors(library), [0.5, 0.5])[0]


def main() -> None:
    """Print the tables."""
    libraries = {"autotape": autotape} | ({} if torch is None else {"PyTorch": torch})
    for title, make, options in (
        ("TensorDataset, in order", tensors, {}),
        ("TensorDataset, shuffled", tensors, {"shuffle": True}),
        ("a random half of a TensorDataset, shuffled", half, {"shuffle": True}),
        ("NumPy rows, item by item", lambda _: Arrays(12_800), {}),
    ):
        jobs = {name: epoch(library, make, **options) for name, library in libraries.items()}
        assert len({job() for job in jobs.values()}) == 1  # the same number of items
        report(f"one epoch: {title}", compare(jobs, rounds=7))

    slow: dict[str, Any] = {"make": lambda _: Arrays(1280, work=20)}
    jobs = {
        "autotape": epoch(autotape, **slow, num_workers=2),
        "autotape, 2 threads": epoch(autotape, **slow, num_workers=2, worker_method="thread"),
        "autotape, no workers": epoch(autotape, **slow),
    }
    if torch is not None:
        jobs["PyTorch, 2 workers"] = epoch(torch, **slow, num_workers=2)
    report("1280 items of about 0.3 ms, autotape by 2 processes", compare(jobs, rounds=7))

    for side in (32, 128):  # 1.5 and 25 MB a batch, to be moved from a worker: as tensors, in few pieces
        data = np.zeros((16 * BATCH, 3, side, side), np.float32)
        jobs = {
            name: epoch(
                library,
                lambda lib, data=data: lib.utils.data.TensorDataset(
                    lib.from_numpy(data), lib.zeros(len(data))
                ),
                num_workers=1,
            )
            for name, library in libraries.items()
        }
        report(
            f"16 batches of {BATCH}x3x{side}x{side} float32 from one worker process", compare(jobs, rounds=5)
        )


if __name__ == "__main__":
    main()
