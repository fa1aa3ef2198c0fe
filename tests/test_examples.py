"""Each example runs as its user runs it, and its last line holds its result."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = {
    "linear_regression": {"loss", "largest_error", "seconds"},
    "digits_linear": {"test_accuracy", "best_accuracy", "seconds"},
    "digits_mlp": {"test_accuracy", "best_accuracy", "seconds"},
}


def _run(name: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", f"examples/{name}.py", *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def _result(output: str) -> dict[str, float]:
    last = output.splitlines()[-1]
    assert re.fullmatch(r"result:( \w+=-?\d+(\.\d+)?)+", last), last
    return {name: float(value) for name, value in re.findall(r"(\w+)=(\S+)", last)}


def test_every_example_is_tested() -> None:
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == set(RESULTS)


@pytest.mark.parametrize("name", RESULTS)
def test_two_epochs(name: str) -> None:
    output = _run(name, "--epochs", "2", "--seed", "3")
    assert set(_result(output)) == RESULTS[name]
    assert "epoch 2/2  loss " in output


@pytest.mark.parametrize("name", RESULTS)
def test_help_and_docstring_say_how_to_run_it(name: str) -> None:
    output = _run(name, "--help")
    assert f"python examples/{name}.py [--epochs " in output
    assert "--seed" in output


@pytest.mark.parametrize("name", RESULTS)
def test_the_same_seed_gives_the_same_result(name: str) -> None:
    """PROMISES row 27."""
    found = []
    for seed in ("5", "5", "6"):
        result = _result(_run(name, "--epochs", "1", "--seed", seed))
        del result["seconds"]
        found.append(result)
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.parametrize("seed", range(3))
def test_linear_regression_recovers_the_weights(seed: int) -> None:
    """The standard error of a weight is 0.1 / sqrt(200) = 0.007."""
    result = _result(_run("linear_regression", "--seed", str(seed)))
    assert result["largest_error"] < 0.03
    assert result["loss"] == pytest.approx(0.01, rel=0.3)


def test_digits_linear_learns() -> None:
    result = _result(_run("digits_linear", "--epochs", "5"))
    assert result["test_accuracy"] > 0.93
    assert result["best_accuracy"] >= result["test_accuracy"]


def test_digits_mlp_learns() -> None:
    """The promised accuracy, at full size: about a second."""
    result = _result(_run("digits_mlp"))
    assert result["best_accuracy"] >= 0.975
