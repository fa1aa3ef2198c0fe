"""``python -m autotape script.py arguments``: run a PyTorch script on autotape, unchanged."""

from __future__ import annotations

import os
import runpy
import sys

from autotape.scripts import as_torch


def main(arguments: list[str]) -> None:
    """Run the script named first, with the others as its arguments."""
    if not arguments or arguments[0].startswith("-"):
        sys.exit("usage: python -m autotape script.py [arguments]\nRuns a PyTorch script; torch is autotape.")
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
    with as_torch():
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
