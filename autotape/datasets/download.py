"""Getting a known file over HTTP: whole and with the right checksum, or not at all."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

from autotape.datasets._files import PathLike

__all__ = ["download_file"]

ROUNDS = 4  # how often each mirror is asked
PAUSE = 1.0  # seconds before the second round; doubled before each further one
TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 16
_ASK_AGAIN = (408, 416, 425, 429)  # the answers of the 4xx family that another try may not get


def download_file(urls: str | Sequence[str], path: PathLike, sha256: str | None = None) -> None:
    """Get a file from the first of ``urls`` that gives it whole, and put it at ``path``.

    The bytes go to a new file beside ``path``, which takes its place once all are there and their SHA-256 is
    right (where it is given): there is never a part of a file at ``path``, also when two processes download
    at once. A download that breaks is taken up where it broke if the next server can do that, and each server
    is asked a few times. stderr shows the progress, on a terminal by tqdm if it is installed.

    Raises:
        RuntimeError: no server gave the file (the message has each server's answer), or it can't be written.
    """
    from http.client import HTTPException  # these take 0.1 s: for a download only
    from urllib.error import HTTPError

    from autotape.serialization._files import replacing

    path = Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    mirrors = [urls] if isinstance(urls, str) else list(urls)
    problems: dict[str, str] = {}
    with replacing(os.fspath(path)) as file:
        part = _Part(file, path.name)
        for turn in range(ROUNDS):
            if turn and mirrors:
                time.sleep(PAUSE * 2 ** (turn - 1))
            for url in tuple(mirrors):
                try:
                    part.fetch(url)
                except HTTPError as error:
                    error.close()
                    problems[url] = f"HTTP {error.code} {error.reason}"
                    if error.code == 416:  # what is here is no beginning of the file there
                        part.restart()
                    if error.code < 500 and error.code not in _ASK_AGAIN:
                        mirrors.remove(url)
                except (OSError, HTTPException) as error:
                    problems[url] = str(error) or type(error).__name__
                else:
                    got = part.digest.hexdigest()
                    if sha256 in (None, got):
                        return
                    problems[url] = f"expected a file of SHA-256 {sha256}, got {got}"
                    if not part.in_pieces:
                        mirrors.remove(url)
                    part.restart()
        answers = "\n".join(f"  {url}: {problem}" for url, problem in problems.items())
        raise RuntimeError(
            f"{path.name} could not be downloaded:\n{answers}\n"
            f"Try again later, or get the file in another way and put it at {path}."
        )


class _Part:
    """The file so far, and its checksum."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.file = file
        self.name = name
        self.restart()

    def restart(self) -> None:
        self.file.seek(0)
        self.file.truncate()
        self.size = 0
        self.digest = hashlib.sha256()
        self.in_pieces = False

    def fetch(self, url: str) -> None:
        """Read what is missing; an error leaves what came before it."""
        from urllib.request import Request, urlopen

        headers = {"User-Agent": "autotape", "Accept-Encoding": "identity"}
        if self.size:
            headers["Range"] = f"bytes={self.size}-"
        with urlopen(Request(url, headers=headers), timeout=TIMEOUT) as response:
            if self.size:
                self._go_on(response)
            length = response.headers.get("Content-Length")
            total = None if length is None else self.size + int(length)
            with closing(_progress(self.name, self.size, total)) as progress:
                while chunk := response.read1(_CHUNK):  # unlike read, it loses nothing when it fails
                    self._write(chunk)
                    progress.update(len(chunk))
        if total is not None and self.size != total:
            raise ConnectionError(f"the connection broke after {self.size} of {total} bytes")

    def _go_on(self, response: Any) -> None:
        """Keep the part if the answer is what follows it; else the answer is the file from its start."""
        ranges = response.headers.get("Content-Range", "")
        if response.status == 206 and ranges.startswith(f"bytes {self.size}-"):
            self.in_pieces = True
        else:
            self.restart()

    def _write(self, chunk: bytes) -> None:
        try:
            self.file.write(chunk)
        except OSError as error:  # no fault of the server's: asking again doesn't help
            raise RuntimeError(f"{self.name} can't be written: {error}") from error
        self.digest.update(chunk)
        self.size += len(chunk)


def _progress(name: str, size: int, total: int | None) -> Any:
    """What shows on stderr how far the download is: tqdm's bar on a terminal, else a plain line."""
    if sys.stderr.isatty():
        try:
            tqdm = importlib.import_module("tqdm").tqdm
        except ImportError:
            pass
        else:
            return tqdm(desc=name, initial=size, total=total, unit="B", unit_scale=True, file=sys.stderr)
    return _Line(name, size, total)


class _Line:
    """A line that a terminal shows as it changes; elsewhere it is written once, at the end."""

    def __init__(self, name: str, size: int, total: int | None) -> None:
        self.name = name
        self.size = size
        self.of = "" if total is None else f" of {total / 1e6:.1f}"
        self.shown = time.monotonic()

    def update(self, count: int) -> None:
        self.size += count
        now = time.monotonic()
        if now - self.shown > 0.1 and sys.stderr.isatty():
            self.shown = now
            self._show("\r", "")

    def close(self) -> None:
        self._show("\r" if sys.stderr.isatty() else "", "\n")

    def _show(self, start: str, end: str) -> None:
        sys.stderr.write(f"{start}{self.name}: {self.size / 1e6:.1f}{self.of} MB{end}")
        sys.stderr.flush()
