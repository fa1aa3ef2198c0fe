"""Set up autotape and run its jobs; needs Python 3.11 or newer and nothing else.

    python3 run.py digits [options]          train the softmax classifier and the MLP on handwritten digits
    python3 run.py test [pytest options]     run the tests
    python3 run.py parity [pytest options]   run the tests that compare with PyTorch (installs it: large)
    python3 run.py planted [seeds]           run the gradient checker on planted mistakes and right functions
    python3 run.py check [--fix]             lint, check the format, check the types
    python3 run.py bench [--torch] [name]    run one or all of benchmarks/, beside PyTorch (large) if asked
    python3 run.py setup COMMAND             prepare what COMMAND needs and stop there

Each command makes itself a virtual environment in .venv/ and installs there, by pip and under pip's ordinary
settings, what pyproject.toml asks for. A second run finds it ready. Deleting .venv/ undoes everything.
"""

import sys

# This file's syntax is readable to Python 3.6, so that an old Python gives this message and no SyntaxError.
if sys.version_info < (3, 11):
    import shutil

    newer = [name for name in ("python3.13", "python3.12", "python3.11") if shutil.which(name)]
    sys.exit(
        "autotape needs Python 3.11 or newer, and this is Python {}.{}.\n".format(*sys.version_info[:2])
        + ("Try: {} {}".format(newer[0], " ".join(sys.argv)) if newer else "Install one and use that.")
    )

import contextlib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
PYTHON_VERSION = "{}.{}".format(*sys.version_info[:2])
STAMP = "autotape-setup.json"

MODELS = (
    # model, script, figures of the tutorial: published last, its code run again: last and best
    ("softmax 64-10", "digits_linear.py", "0.9689", "0.9644", "0.9689"),
    ("MLP 64-30-10", "digits_mlp.py", "-", "0.9644", "0.9689"),
)
REFERENCE = """
published: the figure printed in the pytensor tutorial, whose job this is (40 epochs, one sample at a time);
rerun: that tutorial's own code, run again with SGD at learning rate 0.01, 40 epochs, seed 0."""


class SetupError(Exception):
    """The environment could not be prepared; the message says what would help."""


class UsageError(Exception):
    """The command line asks for something that is not there."""


def say(message: str) -> None:
    """Print a line about the run itself; standard output is left to what is run."""
    print(f"run.py: {message}", file=sys.stderr, flush=True)


# --- environments -------------------------------------------------------------------------------------------


def prepare(kind: str, extras: Sequence[str]) -> Path:
    """Return the Python of an environment that holds autotape and the extras, preparing it where needed.

    There is one environment per kind and Python minor version. Its stamp is removed before anything changes
    and written last: a folder without a stamp was interrupted half-way and is made anew, and so is one of
    another Python or of a checkout that has moved.
    """
    folder = ROOT / ".venv" / "-".join(filter(None, (PYTHON_VERSION, kind)))
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    folder.parent.mkdir(exist_ok=True)
    with locked(folder.with_name(folder.name + ".lock")):
        stamp = folder / STAMP
        interpreter = [sys.version, sys.base_prefix, str(ROOT)]
        project = [hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest()]
        known = read_stamp(stamp)
        usable = known.get("interpreter") == interpreter and python.exists()
        installed = known["extras"] if usable else []
        wanted = sorted({*installed, *extras})
        if usable and known.get("project") == project and wanted == installed:
            return python

        stamp.unlink(missing_ok=True)
        if not usable:
            create(folder)
        install(python, wanted)
        temporary = stamp.with_suffix(".tmp")
        temporary.write_text(json.dumps({"interpreter": interpreter, "project": project, "extras": wanted}))
        temporary.replace(stamp)
    return python


def read_stamp(stamp: Path) -> dict[str, list[str]]:
    """Return what the stamp says; nothing where there is none or it cannot be read."""
    try:
        known: dict[str, list[str]] = json.loads(stamp.read_text())
    except (OSError, ValueError):
        return {}
    return known


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep two runs from preparing one environment at once; the system frees the lock on any exit."""
    with path.open("a") as file:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another run is preparing the environment: waiting for it")
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def create(folder: Path) -> None:
    """Make an empty virtual environment, in place of whatever an interrupted or outdated one left."""
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise SetupError(
                f"this Python ({sys.executable}) lacks its standard module '{module}', "
                "so it cannot make a virtual environment.\n"
                f"On Debian and Ubuntu: sudo apt install python{PYTHON_VERSION}-venv\n"
                "Elsewhere: install your system's full Python package, or another Python, and use that."
            )
    name = folder.relative_to(ROOT)
    if folder.exists():
        say(f"{name} was left half-way, or its Python or place has changed: making it anew")
        shutil.rmtree(folder)
    status, output = watch(f"making {name}", [sys.executable, "-m", "venv", str(folder)], {})
    if status:
        raise SetupError(f"the virtual environment {name} could not be made:\n{output}")


def install(python: Path, extras: Sequence[str]) -> None:
    """Install the checkout with its dependencies and the extras into an environment."""
    project = "autotape" + (f"[{','.join(extras)}]" if extras else "")
    command = [str(python), "-m", "pip", "install", "--progress-bar", "off"]
    command += ["--editable", project.replace("autotape", ".", 1)]
    # A user install, which some choose in pip.conf, is impossible in a virtual environment; and while its
    # output is collected, nobody would see pip ask.
    settings = {"PIP_USER": "0", "PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    status, output = watch(f"installing {project}", command, settings)
    if status:
        raise SetupError(
            f"pip could not install {project}. It said last:\n{output}\n"
            "Where pip looks for packages is set by its own means (pip.conf, PIP_* variables). "
            "The next run starts the setup again."
        )


def watch(label: str, command: Sequence[str], settings: dict[str, str]) -> tuple[int, str]:
    """Run a command behind one status line; return its exit status and its last lines, without addresses."""
    lines: deque[str] = deque(maxlen=25)
    start = time.monotonic()
    live = sys.stderr.isatty()

    def show(doing: str, end: str) -> None:
        width = shutil.get_terminal_size().columns - 1
        text = f"run.py: {label} ({time.monotonic() - start:.0f} s) {doing}"
        print("\r" + text[:width].ljust(width), end=end, file=sys.stderr, flush=True)

    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    output = process.stdout
    assert output is not None

    def collect() -> None:
        with output:
            for line in output:
                if line.strip() and not line.startswith("Looking in"):
                    lines.append(without_addresses(line.strip()))

    if not live:
        say(label)
    reader = threading.Thread(target=collect, daemon=True)
    reader.start()
    try:
        while reader.is_alive():
            reader.join(0.2)
            if live:
                show(lines[-1] if lines else "", end="")
        status = process.wait()
    except BaseException:  # Ctrl-C: leave nothing working in the background
        process.terminate()
        process.wait()
        raise
    finally:
        if live:
            show("", end="\n")
    return status, "\n".join("  " + line for line in lines)


def without_addresses(line: str) -> str:
    """Return the line without the addresses of package indexes, which may be private or hold a password."""
    line = re.sub(r"\b[\w+.-]+://\S+", "<address>", line)
    return re.sub(r"host='[^']*'", "host='<host>'", line)


# --- commands -----------------------------------------------------------------------------------------------


def finish(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a command and return its exit status; on Ctrl-C, which it gets too, let it end by itself."""
    try:
        return process.wait()
    except KeyboardInterrupt:
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        raise


def run(python: Path, *arguments: str) -> int:
    """Run the environment's Python at the top of the checkout, on this terminal; return its exit status."""
    return finish(subprocess.Popen([str(python), *arguments], cwd=ROOT))


def run_and_read(python: Path, *arguments: str) -> tuple[int, dict[str, str]]:
    """Run as `run` does, passing output on byte for byte as it comes; return also what its last line says."""
    settings = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [str(python), *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE) as process:
        output = process.stdout
        assert output is not None
        tail = b""
        for chunk in iter(lambda: os.read(output.fileno(), 65536), b""):
            sys.stdout.buffer.write(chunk)
            sys.stdout.buffer.flush()
            tail = (tail + chunk)[-4096:]
        return finish(process), read_result(tail.decode(errors="replace"))


def read_result(text: str) -> dict[str, str]:
    """Return the values of a last line `result: name=value ...`; none where the text ends otherwise."""
    lines = text.rstrip().splitlines()  # splits at the carriage returns of a progress line as well
    if not lines or not lines[-1].startswith("result:"):
        return {}
    return dict(pair.split("=", 1) for pair in lines[-1].split()[1:] if "=" in pair)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of equal length as a table: the first column flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("   ".join([first.ljust(widths[0]), *cells]))
    return "\n".join(lines)


def digits(python: Path, options: Sequence[str]) -> int:
    """Train both models and print their figures beside those of the tutorial they follow."""
    rows = [["test accuracy", "last", "best", "seconds", "published: last", "rerun: last", "rerun: best"]]
    for model, script, *reference in MODELS:
        say(" ".join(["examples/" + script, *options]))
        status, result = run_and_read(python, "examples/" + script, *options)
        if status:
            return status
        if result:  # options such as --help give none
            measured = [result.get(name, "-") for name in ("test_accuracy", "best_accuracy", "seconds")]
            rows.append([model, *measured, *reference])
    if len(rows) > 1:
        print("\n" + aligned(rows) + "\n" + REFERENCE, flush=True)
    return 0


def test(python: Path, options: Sequence[str]) -> int:
    """Run the tests."""
    return run(python, "-m", "pytest", *options)


def parity(python: Path, options: Sequence[str]) -> int:
    """Run the tests that compare with PyTorch."""
    return run(python, "-m", "pytest", "tests/parity", *options)


def planted(python: Path, options: Sequence[str]) -> int:
    """Print which planted mistakes the gradient checker finds, and its false alarms on right functions."""
    return run(python, "-m", "tests.planted", *options)


def check(python: Path, options: Sequence[str]) -> int:
    """Lint, check the format and check the types, each even where the one before has found something."""
    if list(options) not in ([], ["--fix"]):
        raise UsageError("check takes one option, --fix, which mends what ruff can mend")
    jobs = (["ruff", "check", *options], ["ruff", "format", *([] if options else ["--check"])], ["mypy"])
    statuses = []
    for job in jobs:
        say(" ".join(job))
        statuses.append(run(python, "-m", *job))
    return max(statuses, key=abs)


def bench(python: Path, options: Sequence[str]) -> int:
    """Run the benchmark of the given name, or all of them."""
    scripts = {path.stem: path for path in sorted((ROOT / "benchmarks").glob("[!_]*.py"))}
    names = list(scripts)
    if options and not options[0].startswith("-"):
        names, options = [options[0]], options[1:]
        if names[0] not in scripts:
            raise UsageError(f"no benchmark {names[0]!r}; there are: {', '.join(scripts)}")
    for name in names:
        say(" ".join([f"benchmarks/{name}.py", *options]))
        status = run(python, str(scripts[name]), *options)
        if status:
            return status
    return 0


# What each command runs, and where: the kind of environment and the extras of pyproject.toml that it needs.
# PyTorch has environments of its own, so that the ordinary one shows that autotape needs NumPy alone.
COMMANDS: dict[str, tuple[Callable[[Path, Sequence[str]], int], str, tuple[str, ...]]] = {
    "digits": (digits, "", ()),
    "test": (test, "", ("test",)),
    "parity": (parity, "torch", ("parity",)),
    "planted": (planted, "", ("test",)),
    "check": (check, "", ("dev",)),
    "bench": (bench, "", ()),
    "bench --torch": (bench, "torch", ("bench",)),
}


def main(arguments: Sequence[str]) -> int:
    """Prepare what the command needs and run it; return the exit status."""
    words = list(arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        print((__doc__ or "").strip())
        return 0 if words else 2
    only_prepare = words[0] == "setup"
    if only_prepare:
        words = words[1:]
    length = 2 if words[:2] == ["bench", "--torch"] else 1
    command, options = " ".join(words[:length]), words[length:]
    try:
        if command not in COMMANDS:
            raise UsageError(f"no command {command!r}; there are: {', '.join(COMMANDS)}, and setup")
        job, kind, extras = COMMANDS[command]
        python = prepare(kind, extras)
        return 0 if only_prepare else job(python, options)
    except UsageError as error:
        say(str(error))
        return 2
    except SetupError as error:
        say(str(error))
        return 3
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    except BrokenPipeError:  # whoever read our output, such as `head`, has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # `timeout` and the like end what we started, too
    sys.exit(main(sys.argv[1:]))
