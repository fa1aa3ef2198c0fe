"""Downloads, against an HTTP server of this file's own on the loopback address."""

from __future__ import annotations

import gzip
import hashlib
import io
import multiprocessing
import re
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from autotape.datasets import CIFAR10, MNIST, TinyShakespeare, download, download_file

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Gives files; ``script`` says for each path how its next answers go wrong, one word an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/file": CONTENT}
        self.script: dict[str, list[str]] = {}
        self.asked: list[tuple[str, str | None]] = []  # path and Range of each request

    def url(self, path: str = "/file") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append((self.path, asked))
        words = self.server.script.get(self.path, [])
        word = words.pop(0) if words else ""
        if word.isdigit():
            self.send_error(int(word))
            return
        if word == "moved":
            self.send_response(302)
            self.send_header("Location", self.server.url("/file"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if word == "hang":
            self.close_connection = True
            threading.Event().wait(1)
            return
        content = self.server.files.get(self.path)
        if content is None:
            self.send_error(404)
            return
        total = len(content)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and word != "whole" else 0
        if start >= total > 0:
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        content = content[start:]
        if word == "flip":
            content = bytes([content[0] ^ 1]) + content[1:]
        if word == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n" % 5000 + content[:5000] + b"\r\n")
            self.close_connection = True  # without the last chunk
            return
        if word == "no length":
            self.close_connection = True
        else:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if word.startswith("cut"):  # "cut 1000": the connection breaks after so many bytes
            self.close_connection = True
            content = content[: int(word.split()[1])]
        self.wfile.write(content)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "PAUSE", 0.0)
    monkeypatch.setattr(download, "TIMEOUT", 5.0)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_download_is_whole_and_alone(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new/folder/file.bin"
    download_file([server.url()], path, SHA256)
    assert path.read_bytes() == CONTENT
    assert files_in(path.parent) == ["file.bin"]
    assert server.asked == [("/file", None)]
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert capsys.readouterr().err == "file.bin: 0.3 of 0.3 MB\n"


@pytest.mark.parametrize(
    ("script", "ranges"),
    [
        (["cut 100000"], [None, "bytes=100000-"]),
        (["cut 100000", "cut 1", "cut 100000"], [None, "bytes=100000-", "bytes=100001-", "bytes=200001-"]),
        (["cut 0", "cut 0"], [None, None, None]),
        (["cut 100000", "whole"], [None, "bytes=100000-"]),  # a server that can't go on starts anew
        (["chunked"], [None, "bytes=5000-"]),
        (["chunked", "503", "500"], [None, "bytes=5000-", "bytes=5000-", "bytes=5000-"]),
        (["no length"], [None]),
        (["429", "moved"], [None, None]),
        # the first answer was wrong from its first byte on: the sum of the pieces is, and all is got again
        (["cut 100000", "flip"], [None, "bytes=100000-", None]),
    ],
)
def test_a_connection_that_breaks_is_taken_up(
    server: Server, tmp_path: Path, script: list[str], ranges: list[str | None]
) -> None:
    server.script["/a"] = script
    server.files["/a"] = CONTENT
    download_file([server.url("/a")], tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert files_in(tmp_path) == ["file"]
    assert [asked for path, asked in server.asked if path == "/a"] == ranges


def test_another_mirror_goes_on_where_the_first_broke(server: Server, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    server.script["/a"] = ["cut 120000"]
    download_file([server.url("/gone"), server.url("/a"), server.url()], tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked == [("/gone", None), ("/a", None), ("/file", "bytes=120000-")]


def test_a_mirror_that_has_a_longer_beginning_is_left(server: Server, tmp_path: Path) -> None:
    """416: the other server's file is shorter than what is here, so what is here is no part of it."""
    server.files["/long"] = CONTENT + CONTENT
    server.script["/long"] = ["cut 400000", "404"]
    download_file([server.url("/long"), server.url()], tmp_path / "file", SHA256)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.asked[1:] == [("/file", "bytes=400000-"), ("/long", None), ("/file", None)]


def test_without_a_checksum_the_length_counts(server: Server, tmp_path: Path) -> None:
    server.script["/file"] = ["cut 1000"]
    download_file(server.url(), str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == CONTENT
    server.script["/file"] = ["cut 1000"] + ["cut 0"] * 99
    with pytest.raises(RuntimeError, match="broke after 1000 of 300000 bytes"):
        download_file(server.url(), tmp_path / "other")
    assert files_in(tmp_path) == ["file"]


def test_a_wrong_checksum_names_both_and_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.files["/bad"] = CONTENT[:-1] + b"\0"
    got = hashlib.sha256(server.files["/bad"]).hexdigest()
    with pytest.raises(RuntimeError, match=r"file\.bin could not be downloaded") as info:
        download_file([server.url("/bad")], tmp_path / "file.bin", SHA256)
    assert f"{server.url('/bad')}: expected a file of SHA-256 {SHA256}, got {got}" in str(info.value)
    assert files_in(tmp_path) == []
    assert len(server.asked) == 1  # asking again gives the same wrong file
    download_file([server.url("/bad"), server.url()], tmp_path / "file.bin", SHA256)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_what_can_not_be_had_says_what_each_server_answered(server: Server, tmp_path: Path) -> None:
    server.script["/busy"] = ["503"] * 99
    server.files["/cut"] = CONTENT
    server.script["/cut"] = ["cut 0"] * 99
    closed = server.url().replace(str(server.server_address[1]), "9")  # nobody listens at the discard port
    urls = [server.url("/gone"), server.url("/busy"), server.url("/cut"), closed]
    with pytest.raises(RuntimeError) as info:
        download_file(urls, tmp_path / "file.bin", SHA256)
    message = str(info.value)
    assert f"{urls[0]}: HTTP 404 Not Found" in message
    assert f"{urls[1]}: HTTP 503 Service Unavailable" in message
    assert f"{urls[2]}: the connection broke after 0 of 300000 bytes" in message
    assert f"{urls[3]}: " in message
    assert f"put it at {tmp_path / 'file.bin'}" in message
    asked = [path for path, _ in server.asked]
    assert (asked.count("/gone"), asked.count("/busy")) == (1, download.ROUNDS)
    assert files_in(tmp_path) == []


def test_a_server_that_falls_silent_is_given_up(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    server.script["/file"] = ["hang"] * 99
    with pytest.raises(RuntimeError, match="timed out"):
        download_file([server.url()], tmp_path / "file", SHA256)
    assert files_in(tmp_path) == []


def test_an_interrupt_leaves_no_part(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(download._Line, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download_file([server.url()], tmp_path / "file", SHA256)
    assert files_in(tmp_path) == []


def test_a_full_disk_is_not_taken_for_a_bad_server(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(28, "No space left on device")

    part = download._Part(Full(), "file.bin")
    with pytest.raises(RuntimeError, match=r"file\.bin can't be written: .*No space left"):
        part.fetch(server.url())
    assert len(server.asked) == 1


def _download_in_a_process(url: str, path: Path) -> None:
    download_file([url], path, SHA256)


def test_two_processes_may_download_at_once(server: Server, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    arguments = (server.url(), tmp_path / "file")
    processes = [context.Process(target=_download_in_a_process, args=arguments) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert files_in(tmp_path) == ["file"]


# --- what stderr shows --------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_the_line_change(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)  # as if it were not installed
    clock = iter(range(1000))
    monkeypatch.setattr(download.time, "monotonic", lambda: next(clock))
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = download._progress("file.bin", 500_000, 2_000_000)
    progress.update(250_000)
    progress.update(750_000)
    progress.close()
    lines = ["", "file.bin: 0.8 of 2.0 MB", "file.bin: 1.5 of 2.0 MB", "file.bin: 1.5 of 2.0 MB\n"]
    assert terminal.getvalue().split("\r") == lines
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    download_file([server.url()], tmp_path / "file.bin", SHA256)
    assert terminal.getvalue().endswith("\rfile.bin: 0.3 of 0.3 MB\n")


def test_a_terminal_sees_the_bar_of_tqdm(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    class Bar:
        def __init__(self, **arguments: Any) -> None:
            calls.append(arguments)

        def update(self, count: int) -> None:
            calls.append(count)

        def close(self) -> None:
            calls.append("closed")

    fake = type(sys)("tqdm")
    fake.tqdm = Bar  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tqdm", fake)
    monkeypatch.setattr(sys, "stderr", Terminal())
    server.script["/file"] = ["cut 100000"]
    download_file([server.url()], tmp_path / "file.bin", SHA256)
    first, second = (call for call in calls if isinstance(call, dict))
    assert (first["initial"], first["total"], first["desc"]) == (0, 300_000, "file.bin")
    assert (second["initial"], second["total"]) == (100_000, 300_000)
    assert sum(call for call in calls if isinstance(call, int)) == 300_000
    assert calls[-1] == "closed"


# --- the datasets -------------------------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    shape = b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    return gzip.compress(b"\0\0\x08" + bytes([array.ndim]) + shape + array.astype(np.uint8).tobytes())


@pytest.fixture
def little_mnist(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """MNIST with two training images and three test images, at the server's."""
    resources = []
    for part, count in ("train", 2), ("t10k", 3):
        for kind, array in ("images-idx3", np.full((count, 28, 28), count)), ("labels-idx1", np.ones(count)):
            name, content = f"{part}-{kind}-ubyte.gz", idx(array)
            server.files[f"/mnist/{name}"] = content
            resources.append((name, hashlib.sha256(content).hexdigest()))
    monkeypatch.setattr(MNIST, "mirrors", (server.url("/gone/"), server.url("/mnist/")))
    monkeypatch.setattr(MNIST, "resources", tuple(resources))
    return server


def test_mnist_is_downloaded_once(little_mnist: Server, tmp_path: Path) -> None:
    assert len(MNIST(tmp_path, download=True)) == 2
    assert len(files_in(tmp_path / "MNIST/raw")) == 4
    assert len(little_mnist.asked) == 8  # the first mirror has none of the four files
    assert len(MNIST(tmp_path, train=False, download=True)) == 3
    assert len(MNIST(tmp_path)) == 2
    assert len(little_mnist.asked) == 8


def test_only_what_is_missing_is_downloaded(little_mnist: Server, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    own = idx(np.zeros((2, 28, 28)))  # the user's own, with a checksum of its own
    (tmp_path / "mnist/train-images-idx3-ubyte.gz").write_bytes(own)
    assert int(MNIST(tmp_path, download=True).data.max()) == 0
    assert len(files_in(tmp_path / "MNIST/raw")) == 3
    assert (tmp_path / "mnist/train-images-idx3-ubyte.gz").read_bytes() == own


def test_a_set_that_comes_damaged_is_not_kept(little_mnist: Server, tmp_path: Path) -> None:
    path = "/mnist/t10k-labels-idx1-ubyte.gz"
    little_mnist.files[path] = little_mnist.files[path][:-1]
    with pytest.raises(RuntimeError, match=r"t10k-labels-idx1-ubyte\.gz could not be downloaded"):
        MNIST(tmp_path, download=True)
    assert "t10k-labels-idx1-ubyte.gz" not in files_in(tmp_path / "MNIST/raw")
    with pytest.raises(RuntimeError, match="no t10k-labels-idx1-ubyte"):
        MNIST(tmp_path, train=False)


def test_text_is_downloaded_into_the_cache(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "First Citizen:\nBefore we proceed any further, hear me speak.\n"
    server.files["/input.txt"] = text.encode()
    monkeypatch.setattr(TinyShakespeare, "url", server.url("/input.txt"))
    monkeypatch.setattr(TinyShakespeare, "sha256", hashlib.sha256(text.encode()).hexdigest())
    monkeypatch.setenv("AUTOTAPE_DATA", str(tmp_path))
    assert TinyShakespeare(download=True).text == text
    assert (tmp_path / "TinyShakespeare/input.txt").is_file()
    assert TinyShakespeare(tmp_path).text == text
    assert len(server.asked) == 1


def test_cifar_is_downloaded_as_an_archive(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/cifar-10-binary.tar.gz"] = gzip.compress(b"no images")
    monkeypatch.setattr(CIFAR10, "mirrors", (server.url("/"),))
    with pytest.raises(RuntimeError, match="could not be downloaded"):
        CIFAR10(tmp_path, download=True)
    assert files_in(tmp_path) == []
    monkeypatch.setattr(
        CIFAR10, "sha256", hashlib.sha256(server.files["/cifar-10-binary.tar.gz"]).hexdigest()
    )
    with pytest.raises(RuntimeError, match="is damaged"):
        CIFAR10(tmp_path, download=True)
    assert files_in(tmp_path) == ["cifar-10-binary.tar.gz"]


def test_the_published_checksums_are_sha256_sums() -> None:
    sums = [sha256 for _, sha256 in MNIST.resources] + [CIFAR10.sha256, TinyShakespeare.sha256]
    assert all(re.fullmatch("[0-9a-f]{64}", sha256) for sha256 in sums)
    assert len(set(sums)) == len(sums)
