from __future__ import annotations

import errno
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from headfit.errors import ExtractorError
from headfit_zoo.catalogue.downloading import download

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()

Answer = Callable[[BaseHTTPRequestHandler, int], None]


class Server:
    """Answers each request by the next of the given behaviours, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.ranges: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
                answers[min(len(outer.ranges), len(answers)) - 1](self, start)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/weights"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        """Stop; a second time is nothing."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*answers: Answer) -> Server:
        servers.append(Server(*answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def whole(handler: BaseHTTPRequestHandler, start: int, *, send: int | None = None) -> None:
    """Send from `start` on; with `send`, cut the connection after so many bytes."""
    handler.send_response(206 if start else 200)
    handler.send_header("Content-Length", str(len(CONTENT) - start))
    if start:
        handler.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
    handler.end_headers()
    handler.wfile.write(CONTENT[start:][:send])


def cut(handler: BaseHTTPRequestHandler, start: int) -> None:
    whole(handler, start, send=100_000)


def deaf_to_ranges(handler: BaseHTTPRequestHandler, start: int) -> None:
    whole(handler, 0)


def status(code: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler, start: int) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def fetch(server: Server, target: Path, sha256: str = SHA256, attempts: int = 3) -> None:
    download(server.url, target, sha256=sha256, attempts=attempts, pause_s=0.001)


def test_a_file_comes_whole(serve: Callable[..., Server], tmp_path: Path) -> None:
    """The bytes are the server's, progress ends at all of them, and no part is left."""
    seen: list[tuple[int, int]] = []
    server = serve(whole)
    download(
        server.url,
        tmp_path / "w",
        sha256=SHA256,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert (tmp_path / "w").read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["w"]
    assert server.ranges == [None]


def test_cut_connections_go_on_where_they_ended(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """Cut twice, and busy in between, the file comes in three parts and no byte twice."""
    server = serve(cut, status(503), cut, whole)
    fetch(server, tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-", "bytes=100000-", "bytes=200000-"]


def test_a_later_call_goes_on(serve: Callable[..., Server], tmp_path: Path) -> None:
    """When the server is gone for good the part stays, and the next call asks for the rest."""
    with pytest.raises(ExtractorError, match=r"failing 3 times .* 100000 bytes have come"):
        fetch(serve(cut, status(502)), tmp_path / "w")
    assert [path.name for path in tmp_path.iterdir()] == ["w.part"]
    server = serve(whole)
    fetch(server, tmp_path / "w")
    assert server.ranges == ["bytes=100000-"]
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(
    serve: Callable[..., Server], tmp_path: Path
) -> None:
    """An answer that starts anew replaces the part instead of following it."""
    (tmp_path / "w.part").write_bytes(CONTENT[:777])
    fetch(serve(deaf_to_ranges), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_a_part_that_is_whole_needs_no_byte(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Killed between the last byte and the renaming, the next call renames."""
    (tmp_path / "w.part").write_bytes(CONTENT)
    fetch(serve(status(416)), tmp_path / "w")
    assert (tmp_path / "w").read_bytes() == CONTENT


def test_a_wrong_hash_leaves_nothing(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Another file at the address is named by its hash and thrown away."""
    with pytest.raises(ExtractorError, match=f"expected SHA-256 {'0' * 64}, found {SHA256}"):
        fetch(serve(whole), tmp_path / "w", sha256="0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_said_at_once(serve: Callable[..., Server], tmp_path: Path) -> None:
    """Not found is not tried again."""
    server = serve(status(404))
    with pytest.raises(ExtractorError, match=r"404 .*give it with --from"):
        fetch(server, tmp_path / "w")
    assert len(server.ranges) == 1
    assert list(tmp_path.iterdir()) == []


def test_nobody_there(serve: Callable[..., Server], tmp_path: Path) -> None:
    """A refused connection is tried again, then reported."""
    server = serve(whole)
    server.close()
    with pytest.raises(ExtractorError, match=r"failing 2 times .* 0 bytes have come"):
        fetch(server, tmp_path / "w", attempts=2)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a disk always full")
def test_a_full_disk_is_an_os_error(serve: Callable[..., Server], tmp_path: Path) -> None:
    """No space left on the device is said as the system says it, and no target appears."""
    (tmp_path / "w.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        fetch(serve(whole), tmp_path / "w")
    assert caught.value.errno == errno.ENOSPC
    assert not (tmp_path / "w").exists()
