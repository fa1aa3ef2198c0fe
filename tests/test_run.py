"""The setup script: which environments it keeps, redoes and refuses, what it passes on and what it reads."""

import ast
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import run


class Environments:
    """Stands in for venv and pip: makes the files they would make and counts what is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
        self.asked: list[str] = []
        self.broken = False
        (root / "pyproject.toml").write_text("first")
        monkeypatch.setattr(run, "ROOT", root)
        monkeypatch.setattr(run, "create", self.create)
        monkeypatch.setattr(run, "install", self.install)

    def create(self, folder: Path) -> None:
        self.asked.append("create")
        (folder / "bin").mkdir(parents=True, exist_ok=True)
        (folder / "Scripts").mkdir(exist_ok=True)
        (folder / "bin/python").touch()
        (folder / "Scripts/python.exe").touch()

    def install(self, python: Path, extras: list[str]) -> None:
        self.asked.append(",".join(["install", *extras]))
        if self.broken:
            raise KeyboardInterrupt

    def prepare(self, *extras: str, kind: str = "") -> list[str]:
        """Return what one preparation asks for."""
        self.asked.clear()
        run.prepare(kind, extras)
        return list(self.asked)


@pytest.fixture
def environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Environments:
    return Environments(monkeypatch, tmp_path)


def test_environment_is_made_once_and_extended_on_demand(environments: Environments) -> None:
    assert environments.prepare("test") == ["create", "install,test"]
    assert environments.prepare("test") == []
    assert environments.prepare() == []
    assert environments.prepare("dev") == ["install,dev,test"]
    assert environments.prepare("test") == []
    assert environments.prepare("parity", kind="torch") == ["create", "install,parity"]
    assert environments.prepare("dev") == []


def test_changed_project_file_installs_again(environments: Environments) -> None:
    environments.prepare("test")
    (run.ROOT / "pyproject.toml").write_text("second")
    assert environments.prepare() == ["install,test"]
    assert environments.prepare() == []


def test_interrupted_setup_is_done_again_from_the_start(environments: Environments) -> None:
    environments.prepare("test")
    environments.broken = True
    with pytest.raises(KeyboardInterrupt):
        environments.prepare("dev")
    environments.broken = False
    assert environments.prepare("test") == ["create", "install,test"]


@pytest.mark.parametrize("damage", ["stamp cut short", "Python gone", "other Python", "checkout moved"])
def test_unusable_environment_is_made_anew(
    environments: Environments, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environments.prepare()
    folder = run.ROOT / ".venv" / run.PYTHON_VERSION
    if damage == "stamp cut short":
        stamp = folder / run.STAMP
        stamp.write_text(stamp.read_text()[:20])
    elif damage == "Python gone":
        (folder / "bin/python").unlink()
        (folder / "Scripts/python.exe").unlink()
    elif damage == "other Python":
        monkeypatch.setattr(sys, "base_prefix", "elsewhere")
    else:
        moved = run.ROOT.rename(run.ROOT.with_name("moved"))
        monkeypatch.setattr(run, "ROOT", moved)
    assert environments.prepare() == ["create", "install"]
    assert environments.prepare() == []


def test_missing_ensurepip_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(
        run.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object()
    )
    with pytest.raises(
        run.SetupError, match=rf"'ensurepip'.*\n.*apt install python{run.PYTHON_VERSION}-venv"
    ):
        run.create(tmp_path / "environment")


def test_failed_command_is_shown_without_addresses() -> None:
    code = "print('Looking in indexes: x://a:secret@b'); print('no x://a:secret@b/c'); raise SystemExit(7)"
    assert run.watch("trying", [sys.executable, "-c", code], {}) == (7, "  no <address>")
    line = "HTTPSConnectionPool(host='index.example', port=443): refused"
    assert "index.example" not in run.without_addresses(line)


def test_output_is_passed_on_as_it_comes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The child ends only once its unfinished line has been seen."""
    seen = tmp_path / "seen"
    received = bytearray()

    def write(chunk: bytes) -> None:
        received.extend(chunk)
        if b"epoch 1" in received:
            seen.touch()

    monkeypatch.setattr(
        sys, "stdout", SimpleNamespace(buffer=SimpleNamespace(write=write, flush=lambda: None))
    )
    code = (
        "import pathlib, sys, time\n"
        "print('\\repoch 1', end='')\n"
        "limit = time.monotonic() + 60\n"
        "while not pathlib.Path(sys.argv[1]).exists() and time.monotonic() < limit:\n"
        "    time.sleep(0.01)\n"
        "print('\\rresult: a=1 b=2.5', time.monotonic() < limit)\n"
    )
    status, result = run.run_and_read(Path(sys.executable), "-c", code, str(seen))
    assert (status, result) == (0, {"a": "1", "b": "2.5"})
    assert received.split() == [b"epoch", b"1", b"result:", b"a=1", b"b=2.5", b"True"]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (
            "epoch 39\nresult: test_accuracy=0.9644 seconds=3.2\n",
            {"test_accuracy": "0.9644", "seconds": "3.2"},
        ),
        ("epoch 1\repoch 2\rresult: a=b=c\r\n\n", {"a": "b=c"}),
        ("result: a=1\nTraceback\n", {}),
        ("result:", {}),
        ("", {}),
    ],
)
def test_last_line_is_read(text: str, values: dict[str, str]) -> None:
    assert run.read_result(text) == values


def test_digits_ends_with_a_table(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = {"test_accuracy": "0.9711", "best_accuracy": "0.9733", "seconds": "12.3"}
    commands: list[tuple[str, ...]] = []
    monkeypatch.setattr(run, "run_and_read", lambda python, *words: (commands.append(words), (0, results))[1])
    assert run.digits(Path("python"), ["--seed", "1"]) == 0
    scripts = ["examples/digits_linear.py", "examples/digits_mlp.py"]
    assert commands == [(script, "--seed", "1") for script in scripts]
    header, *rows = capsys.readouterr().out.strip().splitlines()[:3]
    assert [row.split()[-6:] for row in rows] == [
        ["0.9711", "0.9733", "12.3", "0.9689", "0.9644", "0.9689"],
        ["0.9711", "0.9733", "12.3", "-", "0.9644", "0.9689"],
    ]
    assert {len(line) for line in rows} == {len(header)}


def test_failing_example_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "run_and_read", lambda *words: (9, {}))
    assert run.digits(Path("python"), []) == 9


def test_check_goes_on_after_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[str] = []
    monkeypatch.setattr(run, "run", lambda python, *words: jobs.append(words[1]) or len(jobs) % 2)
    assert run.check(Path("python"), []) == 1
    assert jobs == ["ruff", "ruff", "mypy"]


@pytest.mark.parametrize("words", [["no-such-command"], ["setup"], ["setup", "no-such-command"]])
def test_unknown_command_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(words) == 2
    assert "digits, test" in capsys.readouterr().err


def test_old_python_can_read_the_script_and_is_told_what_is_needed() -> None:
    source = Path(run.__file__).read_text()
    ast.parse(source, feature_version=(3, 7))
    pretend = "import sys; sys.version_info = (3, 8, 10, 'final', 0); sys.argv = ['run.py', 'digits']\n"
    command = [sys.executable, "-c", pretend + source]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith("autotape needs Python 3.11 or newer, and this is Python 3.8.")
