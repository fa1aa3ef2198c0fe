"""What the pytest plugin adds to a pytest run that does not use autotape.

python benchmarks/pytest_plugin.py

Runs with and without the plugin take turns in one process (two processes differ by more than the plugin
costs); each run with it imports it anew.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import process_time

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROUNDS = 61
TESTS = 200


def run(file: Path, plugins: str = "") -> float:
    """Seconds of the processor in one run (other work on the machine does not count)."""
    sys.modules.pop("pytest_autotape", None)
    arguments = ["-q", "-p", "no:cacheprovider", "--rootdir", str(file.parent), str(file)]
    os.environ["PYTEST_PLUGINS"] = plugins
    start = process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        status = pytest.main(arguments)
    seconds = process_time() - start
    assert status == 0
    return seconds


def compare(file: Path) -> str:
    """The median time without the plugin, and the median over the rounds of what it adds."""
    run(file, "pytest_autotape")  # compiled files are there
    pairs = [(run(file), run(file, "pytest_autotape")) for _ in range(ROUNDS)]
    plain, extra = median(a for a, _ in pairs), median(b - a for a, b in pairs)
    return f"{plain * 1e3:.1f} ms, with the plugin {extra * 1e3:+.2f} ms"


if __name__ == "__main__":
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # no other plugins
    sys.dont_write_bytecode = False  # as installed: compiled
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder, "test_one.py"), Path(folder, "test_many.py")
        one.write_text("def test_one():\n    pass\n")
        many.write_text(
            f"import pytest\n\n@pytest.mark.parametrize('k', range({TESTS}))\ndef test_many(k):\n    pass\n"
        )
        print(f"a run of 1 test takes {compare(one)}")
        print(f"a run of {TESTS} tests takes {compare(many)}")
    assert "numpy" not in sys.modules
