"""Where the files of the datasets lie, and reading one whole or refusing it by name."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from pathlib import Path

__all__ = ["PathLike", "damaged", "data_root", "find", "missing", "read"]

PathLike = str | os.PathLike[str]


def data_root(root: PathLike | None) -> Path:
    """The folder of all datasets: ``root``, else $AUTOTAPE_DATA, else autotape in the user's cache."""
    if root is not None:
        return Path(root).expanduser()
    if named := os.environ.get("AUTOTAPE_DATA"):
        return Path(named).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "autotape"


def find(folders: Sequence[Path], names: Sequence[str]) -> Path | None:
    """The first file that is there, in the order of the folders and then of the names."""
    paths = (folder / name for folder in folders for name in names)
    return next((path for path in paths if path.is_file()), None)


def missing(dataset: str, names: Sequence[str], folders: Sequence[Path], note: str = "") -> RuntimeError:
    """The error for a file that is nowhere, with what can be done."""
    places = "\n".join(f"  {folder}" for folder in folders)
    return RuntimeError(
        f"{dataset} is not there: no {' or '.join(names)} in\n{places}\n"
        "Put its files into one of these folders, name another folder by root= or by the environment "
        f"variable AUTOTAPE_DATA, or have it downloaded by download=True.{note}"
    )


def damaged(path: Path, why: str) -> RuntimeError:
    """The error for a file that is not what its name says."""
    return RuntimeError(f"{path} is damaged: {why}. Remove it and get it again, by download=True for one.")


def read(path: Path) -> bytes:
    """The content of a file, unpacked where its name ends in ``.gz``.

    Raises:
        RuntimeError: the packed file is cut off, altered, or no gzip file.
    """
    if path.suffix != ".gz":
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            return file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged(path, f"it is no whole gzip file ({error})") from error
