"""PyTorch scripts run unchanged with `python -m autotape`; tests/scripts/ has some in the usual styles."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import autotape
from autotape.scripts import as_torch

HERE = Path(__file__).parent
SCRIPTS = sorted((HERE / "scripts").glob("*.py"))


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(HERE.parent),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return subprocess.run(
        [sys.executable, "-m", "autotape", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_script(script: Path, tmp_path: Path) -> None:
    done = run(script, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    if script.stem in CLAIMS:
        assert "False" not in done.stdout


CLAIMS = (
    "classifier",
    "language_model",
    "tiny_gpt",
    "vae_gan",
)  # these print what they learned as True or False


def test_arguments_folder_and_name_are_those_of_a_script(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import torch\nanswer = torch.ones(2).sum().item()\n")
    (tmp_path / "main.py").write_text(
        "import sys, helper, torch\n"
        "if __name__ == '__main__':\n"
        "    print(sys.argv[1:], helper.answer, torch.__name__)\n"
    )
    done = run(tmp_path / "main.py", "--epochs", "3", cwd=HERE)
    assert done.stdout == "['--epochs', '3'] 2.0 autotape\n", done.stderr


def test_an_error_of_the_script_shows_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("import torch\ntorch.ones(2).cuda()\n")
    done = run(tmp_path / "main.py", cwd=tmp_path)
    assert done.returncode == 1
    assert 'main.py", line 2' in done.stderr
    assert "CPU only" in done.stderr


def test_without_a_script_it_says_how_it_is_used(tmp_path: Path) -> None:
    for arguments in ((), ("--help",)):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 1
        assert "usage: python -m autotape script.py" in done.stderr


def test_as_torch_gives_the_same_modules_and_leaves_no_trace() -> None:
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "torch"}
    version = autotape.__version__
    same = {
        "torch": autotape,
        "torch.nn.functional": autotape.nn.functional,
        "torch.utils.data": autotape.utils.data,
        "torch.functional": autotape,
        "torchvision.transforms": autotape.transforms,
        "torchvision.utils": autotape.utils,
    }
    with as_torch():
        for name, module in same.items():
            assert importlib.import_module(name) is module
        parameter: Any = importlib.import_module("torch.nn.parameter")
        assert parameter.Parameter is autotape.nn.Parameter
        conv: Any = importlib.import_module("torch.nn.modules.conv")
        assert issubclass(autotape.nn.Conv2d, conv._ConvNd)
        weight_norm: Any = importlib.import_module("torch.nn.utils.weight_norm")
        assert weight_norm.weight_norm is autotape.nn.utils.weight_norm  # not hidden by its module
        assert autotape.__version__ >= "2.0"
        with pytest.raises(ModuleNotFoundError, match=r"torch\.nothing"):
            importlib.import_module("torch.nothing")
        with pytest.raises(ModuleNotFoundError, match=r"torch\.sparse is left out of autotape: .* dense"):
            importlib.import_module("torch.sparse")
    assert autotape.__version__ == version
    assert {name: m for name, m in sys.modules.items() if name.split(".")[0] == "torch"} == before
    assert not hasattr(autotape, "functional")
    assert autotape.nn.functional.__name__ == "autotape.nn.functional"
    assert autotape.__spec__ is not None
    assert autotape.__spec__.name == "autotape"


def test_as_torch_ends_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), as_torch():
        raise ZeroDivisionError
    assert not any(type(finder).__module__ == "autotape.scripts" for finder in sys.meta_path)
