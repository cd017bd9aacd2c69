"""Fetches one file whose SHA-256 is known; goes on where an earlier try was cut."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import httpx

from headfit import ExtractorError
from headfit.photos import PhotoProgress

MAX_BYTES = 256 << 20
"""No file of weights that a card names comes near this."""
TIMEOUT_S = 30.0
"""Without a byte for so long, the connection counts as cut."""
_BUSY = {429, 500, 502, 503, 504}


class _CutError(Exception):
    """The connection ended early or the server is busy: worth another try."""


def download(
    url: str,
    target: Path,
    *,
    sha256: str,
    attempts: int = 5,
    pause_s: float = 1.0,
    progress: PhotoProgress | None = None,
) -> None:
    """Fetch `url` to `target`, which appears only whole and checked.

    What has come lies in ``<target>.part`` and is kept when the connection fails for good, so that
    the next call goes on from there. A file that is there already is not fetched again.

    Parameters
    ----------
    url : str
    target : Path
    sha256 : str
        Of the file, in hex.
    attempts : int
        Connections that may be made without a byte of progress.
    pause_s : float
        Before the second attempt, in seconds; doubled before each further one.
    progress : callable, optional
        Called with (bytes done, bytes in all); 0 in all while that is not known.

    Raises
    ------
    ExtractorError
        If the server refuses, the connection fails for good, or the file is another one.
    OSError
        If the disk is full or not writable.
    """
    if target.is_file() and _digest(target) == sha256:
        return
    part = target.with_name(target.name + ".part")
    failures = 0
    with httpx.Client(timeout=TIMEOUT_S, follow_redirects=True) as client:
        while True:
            before = _length(part)
            try:
                _continue(client, url, part, progress)
                break
            except (httpx.TransportError, _CutError) as error:
                failures = 1 if _length(part) > before else failures + 1
                if failures >= attempts:
                    raise ExtractorError(
                        f"{url}: expected a whole file, found the connection failing "
                        f"{attempts} times ({error}); {_length(part)} bytes have come: run the "
                        "same command again to go on"
                    ) from error
                time.sleep(pause_s * 2 ** (failures - 1))
    found = _digest(part)
    if found != sha256:
        part.unlink()
        raise ExtractorError(
            f"{url}: expected SHA-256 {sha256}, found {found}; the file there has changed or was "
            "damaged on its way: nothing was installed"
        )
    part.replace(target)


def _continue(client: httpx.Client, url: str, part: Path, progress: PhotoProgress | None) -> None:
    """Append to `part` what is missing of the file, in one connection."""
    have = _length(part)
    # A compressed answer would make the byte ranges those of another file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code in _BUSY:
            raise _CutError(f"the server answers {answer.status_code}")
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # nothing is missing, or what is here is no part of it: the hash will tell
        if answer.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise ExtractorError(
                f"{url}: expected the file, found the server answering {answer.status_code} "
                f"{answer.reason_phrase}; fetch it by other means and give it with --from"
            )
        if answer.status_code == httpx.codes.OK:
            have = 0
        elif not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise _CutError(f"the server sends {answer.headers.get('Content-Range')}, not {have}-")
        total = have + int(answer.headers.get("Content-Length", 0))
        with part.open("ab" if have else "wb") as stream:
            for chunk in answer.iter_bytes():
                have += len(chunk)
                if have > MAX_BYTES:
                    raise ExtractorError(f"{url}: expected at most {MAX_BYTES} bytes, found more")
                stream.write(chunk)
                if progress is not None:
                    progress(have, total)


def _length(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
