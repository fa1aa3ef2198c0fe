"""The shape of the repository: folders, links, imports between rooms, public names, built archives."""

import ast
import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import autotape

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"autotape", "nn", "optim", "examples", "tests"}
MORE_FOLDERS = {"benchmarks", "docs", ".ci"}
LINKS = {"autotape/nn": "../nn", "autotape/optim": "../optim"}


def repository_files() -> list[str]:
    """Return what is, or would be, committed; in a copy without git, what lies in the known folders."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        names = [name for name in output.split("\0") if name]
    else:
        folders = [ROOT / name for name in (FOLDERS | MORE_FOLDERS)]
        paths = [path for folder in folders for path in folder.rglob("*") if "__pycache__" not in path.parts]
        names = [path.relative_to(ROOT).as_posix() for path in (*paths, *ROOT.glob("*"))]
    return sorted(name for name in names if (ROOT / name).is_file() or (ROOT / name).is_symlink())


def package_files() -> dict[str, str]:
    """Return the files of the package, by the name each has once it is installed."""
    installed = {}
    for name in repository_files():
        folder = name.split("/")[0]
        if folder in ("autotape", "nn", "optim") and name not in LINKS:
            installed[name if folder == "autotape" else f"autotape/{name}"] = name
    return installed | {"pytest_autotape.py": "pytest_autotape.py"}


# --- folders and links --------------------------------------------------------------------------------------


def test_folders_at_the_top_are_the_agreed_ones() -> None:
    present = {name.split("/")[0] for name in repository_files() if "/" in name}
    assert present >= FOLDERS
    assert present <= FOLDERS | MORE_FOLDERS


@pytest.mark.parametrize(("link", "target"), LINKS.items())
def test_package_reaches_its_rooms_through_relative_links(link: str, target: str) -> None:
    path = ROOT / link
    assert path.is_symlink(), f"{link} is not a link: this checkout has lost its symbolic links"
    assert os.readlink(path) == target
    assert (path / "__init__.py").samefile(ROOT / path.name / "__init__.py")


def test_files_that_are_run_are_executable_and_version_is_one() -> None:
    assert os.access(ROOT / ".ci/run", os.X_OK)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert autotape.__version__ == project["version"]
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## \[(Unreleased|{re.escape(project['version'])})\]", changes, re.MULTILINE)


def test_no_text_names_a_machine_or_a_package_registry() -> None:
    # Written so that the pattern does not find itself.
    pattern = re.compile(
        r"(?<![\w.~$}])/(?:hom[e]|User[s]|roo[t]|wor[k]|far[m])/\w|[A-Z]:\\User[s]"
        r"|py[p]i\.o|pythonhoste[d]|registry\.npm[j]s|deb\.debia[n]|files\.pyth[o]n"
    )
    found = []
    for name in repository_files():
        path = ROOT / name
        if path.is_symlink():
            continue
        text = path.read_bytes().decode(errors="ignore")
        found += [f"{name}: {match.group()}" for match in pattern.finditer(text)]
    assert not found


# --- who imports whom ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Import:
    """One imported name, or one imported module where `name` is empty."""

    importer: str
    line: int
    module: str
    name: str
    level: int
    at_run_time: bool

    def __str__(self) -> str:
        what = f"{'.' * self.level}{self.module}" + (f" import {self.name}" if self.name else "")
        return f"{self.importer}:{self.line}: {what}"

    @property
    def target(self) -> str:
        """The module that is reached: `from package import module` reaches the module."""
        inner = f"{self.module}.{self.name}"
        return inner if inner in modules() else self.module


def parse(name: str) -> ast.Module:
    return ast.parse((ROOT / name).read_text(encoding="utf-8"), name)


def imports_of(importer: str, tree: ast.Module) -> Iterator[Import]:
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for statement in node.body
        for inner in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(importer, node.lineno, alias.name, "", 0, node not in for_types)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                module = node.module or ""
                yield Import(importer, node.lineno, module, alias.name, node.level, node not in for_types)


def definitions_of(statements: list[ast.stmt]) -> set[str]:
    """Return the names that the statements themselves define, imported ones left out."""
    names: set[str] = set()
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.For):
            for part in ("body", "orelse", "finalbody"):
                names |= definitions_of(getattr(node, part, []))
    return names


@cache
def modules() -> dict[str, ast.Module]:
    """Return the parsed modules of the package by name."""
    return {
        installed.removesuffix(".py").removesuffix("/__init__").replace("/", "."): parse(name)
        for installed, name in package_files().items()
        if name.endswith(".py")
    }


@cache
def imports() -> list[Import]:
    return [found for module, tree in modules().items() for found in imports_of(module, tree)]


def inside(module: str, *rooms: str) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


def test_imports_are_absolute() -> None:
    assert not [str(found) for found in imports() if found.level]


def test_no_module_imports_the_package_root() -> None:
    wrong = [found for found in imports() if found.target == "autotape" and found.importer != "autotape"]
    assert not [str(found) for found in wrong]


def test_names_are_imported_from_the_file_that_defines_them() -> None:
    defined = {module: definitions_of(tree.body) for module, tree in modules().items()}
    for installed, name in package_files().items():
        if name.endswith(".pyi"):  # what a stub declares beside its module
            defined[installed.removesuffix(".pyi").replace("/", ".")] |= definitions_of(parse(name).body)
    named = [found for found in imports() if found.name not in ("", "*") and found.target == found.module]
    wrong = [found for found in named if found.name not in defined.get(found.module, {found.name})]
    assert not [str(found) for found in wrong]


@pytest.mark.parametrize(
    ("room", "allowed", "forbidden"),
    [
        ("autotape.engine", ["autotape.engine"], []),
        ("autotape.ops", ["autotape.engine", "autotape.ops"], []),
        ("autotape.optim", ["autotape"], ["autotape.nn"]),
        ("autotape", ["autotape"], ["autotape.nn", "autotape.optim"]),
    ],
)
def test_imports_point_one_way(room: str, allowed: list[str], forbidden: list[str]) -> None:
    """Imports for type checkers alone may point anywhere; so may those of the root, which binds all rooms.

    optim.swa_utils and jit, which nothing else imports, are above both: they derive from Module.
    """
    wrong = []
    for found in imports():
        elsewhere = room == "autotape" and inside(found.importer, "autotape.nn", "autotape.optim")
        above = found.importer in ("autotape", "autotape.jit", "autotape.optim.swa_utils")
        if elsewhere or not inside(found.importer, room) or above:
            continue
        is_right = inside(found.target, *allowed) and not inside(found.target, *forbidden)
        if found.at_run_time and inside(found.target, "autotape") and not is_right:
            wrong.append(str(found))
    assert not wrong


def test_examples_import_the_public_api_only() -> None:
    wrong = []
    for name in repository_files():
        if name.startswith("examples/") and name.endswith(".py"):
            for found in imports_of(name, parse(name)):
                private = any(part.startswith("_") for part in f"{found.module}.{found.name}".split("."))
                future = found.module == "__future__"
                if inside(found.target, "autotape.engine", "autotape.ops") or (private and not future):
                    wrong.append(str(found))
    assert not wrong


def test_importing_autotape_imports_numpy_and_the_standard_library_alone() -> None:
    code = (
        "import sys, numpy, numpy.random\n"
        "before = set(sys.modules)\n"
        "import autotape\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(output.split()) - sys.stdlib_module_names == {"autotape"} | ({"numpy"} & set(output.split()))


# --- public names -------------------------------------------------------------------------------------------


def public_modules() -> list[ModuleType]:
    names = [info.name for info in pkgutil.walk_packages(autotape.__path__, "autotape.")]
    public = [name for name in names if not any(part.startswith("_") for part in name.split("."))]
    return [autotape, *map(importlib.import_module, public)]


def test_public_names_are_listed_sorted_and_complete() -> None:
    """Every `__all__` is sorted and holds; that of a package lists whatever the package binds."""
    for module in public_modules():
        listed = list(getattr(module, "__all__", ()))
        assert listed == sorted(set(listed)), module
        assert [name for name in listed if not hasattr(module, name)] == [], module
        if hasattr(module, "__path__"):
            bound = {
                name
                for name, value in vars(module).items()
                if not name.startswith("_") and not inspect.ismodule(value) and not is_foreign(value)
            }
            assert bound - set(listed) == set(), module


def is_foreign(value: object) -> bool:
    """Tell whether a value, such as typing.Any, was only borrowed from the standard library or NumPy."""
    origin = getattr(value, "__module__", None)
    return isinstance(origin, str) and origin.split(".")[0] in {*sys.stdlib_module_names, "numpy"}


def test_examples_in_the_readme_run() -> None:
    examples = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    assert examples
    for example in examples:
        subprocess.run(
            [sys.executable, "-W", "error", "-c", example], cwd=ROOT, capture_output=True, check=True
        )


# --- built archives -----------------------------------------------------------------------------------------


def build(kind: str, source: Path, target: Path) -> Path:
    """Build a wheel or an sdist with the project's own backend, which needs no network; return its path."""
    code = f"import sys, hatchling.build as backend; print(backend.build_{kind}(sys.argv[1]))"
    command = [sys.executable, "-c", code, str(target)]
    output = subprocess.run(command, cwd=source, capture_output=True, text=True, check=True).stdout
    return target / output.split()[-1]


def files_of_wheel(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return sorted(name for name in archive.namelist() if ".dist-info/" not in name)


def test_wheel_holds_the_whole_package_and_nothing_else(tmp_path: Path) -> None:
    files = files_of_wheel(build("wheel", ROOT, tmp_path))
    assert files == sorted(package_files())
    assert {"autotape/py.typed", "autotape/nn/__init__.py", "autotape/optim/__init__.py"} <= set(files)
    assert [name for name in files if name.startswith("autotape/datasets/") and not name.endswith(".py")]


def test_sdist_has_no_links_and_builds_the_same_wheel(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", ROOT, tmp_path)) as archive:
        assert [member.name for member in archive if not member.isfile()] == []
        archive.extractall(tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert files_of_wheel(build("wheel", source, tmp_path)) == sorted(package_files())
    assert {"LICENSE", "README.md", "run.py", "nn", "optim", "tests"} <= set(os.listdir(source))
