"""What ``import autotape`` adds to ``import numpy``, in fresh processes.

python benchmarks/import_time.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from statistics import median

PROGRAM = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def seconds(module: str) -> float:
    """The time of one import in a fresh process."""
    environment = {
        k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"
    }  # as installed: compiled
    command = [sys.executable, "-c", PROGRAM.format(module)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


if __name__ == "__main__":
    seconds("autotape")  # compiled files are there
    pairs = [(seconds("numpy"), seconds("autotape")) for _ in range(21)]
    numpy, autotape = median(p[0] for p in pairs), median(p[1] for p in pairs)
    extra = median(b - a for a, b in pairs)
    print(
        f"import numpy {numpy * 1e3:.0f} ms, import autotape {autotape * 1e3:.0f} ms: {extra * 1e3:.0f} "
        "ms more"
    )
