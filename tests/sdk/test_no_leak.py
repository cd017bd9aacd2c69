"""Photos stay where they are: no network, no photo in any file that headfit writes."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from .conftest import PhotoWriter

MARK = "Taken at Rumpelstiltskin's, 51.4769 N"

# The audit hook in it sees what Python asks of the system, before it is done.
DAY = Path(__file__).parents[1] / "support" / "day.py"


@pytest.fixture
def marked_photos(tmp_path: Path, photos: Path, write_photo: PhotoWriter) -> Path:
    """JPEGs whose EXIF says where they were taken."""
    for png in photos.rglob("*.png"):
        exif = Image.Exif()
        exif[0x010E] = MARK
        with Image.open(png) as image:
            image.resize((320, 240)).save(png.with_suffix(".jpg"), exif=exif)
        png.unlink()
    return photos


def live(tmp_path: Path, photos: Path, extractor_path: Path, *prefix: str) -> tuple[dict, Path]:
    """Run the day; return what was seen, and the data folder."""
    data = tmp_path / "data"
    data.mkdir()
    command = [*prefix, sys.executable, str(DAY), str(data), str(photos), str(extractor_path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), data


def test_no_socket_is_opened(tmp_path: Path, marked_photos: Path, extractor_path: Path) -> None:
    """Python's own audit hooks see every socket that Python makes."""
    found, _ = live(tmp_path, marked_photos, extractor_path)
    assert found["seen"] == []


def test_the_watch_sees_a_socket() -> None:
    """The test above can fail."""
    watch = DAY.read_text().split("from headfit")[0]
    code = watch + "import socket; socket.socket(); print(seen)"
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "socket.__new__" in out.stdout


def test_every_device_test_runs_where_sockets_fail() -> None:
    """The hook in conftest.py is on now."""
    with pytest.raises(AssertionError, match="no network on the device"):
        socket.socket()


def test_under_strace_there_is_no_socket_and_nothing_is_written_elsewhere(
    require: Callable[[bool, str], None],
) -> None:
    """Native libraries are held by this, too: strace sees every system call; docs/trace.md."""
    require(shutil.which("strace") is not None, "strace, of the package of that name")
    command = [sys.executable, str(DAY.parents[2] / "docs" / "trace.py")]
    done = subprocess.run(command, capture_output=True, text=True)
    if "ptrace" in done.stderr.lower():
        pytest.skip("this machine lets nobody trace")
    assert done.returncode == 0, done.stderr
    assert "Sockets, connections, messages: **0**" in done.stdout
    written = done.stdout.split("| Written, renamed or deleted")[1].split("| Read")[0]
    rows = re.findall(r"^\| (.+) \| \d+ \|$", written, re.MULTILINE)
    assert len(rows) > 3
    assert all(row.startswith("data/") for row in rows)


def test_all_works_without_any_network_interface(
    tmp_path: Path, marked_photos: Path, extractor_path: Path
) -> None:
    """Native libraries are held by this, too: in this namespace there is nothing to talk to."""
    for unshare in (["unshare", "--net"], ["unshare", "--map-root-user", "--net"]):
        if shutil.which("unshare") and subprocess.run([*unshare, "true"]).returncode == 0:
            live(tmp_path, marked_photos, extractor_path, *unshare)
            return
    pytest.skip("this machine lets nobody make a network namespace")


def test_only_the_files_that_were_asked_for_are_written(
    tmp_path: Path, marked_photos: Path, extractor_path: Path
) -> None:
    """In the data folder, and nowhere else."""
    found, data = live(tmp_path, marked_photos, extractor_path)
    elsewhere = [p for p in found["written"] if not p.startswith(str(data)) and ".pyc" not in p]
    assert elsewhere in ([], ["/dev/null"])
    names = ["mine.examples", "mine.head", "mine.store", "mine.store-room"]
    assert sorted(p.name for p in data.iterdir()) == names
    assert set((data / "mine.store-room").read_bytes()) == {0}


def pictures_in(data: bytes) -> int:
    """Return how many images Pillow can open at any place where one could begin."""
    starts = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")
    count = 0
    for start in starts:
        at = data.find(start)
        while at >= 0:
            try:
                with Image.open(BytesIO(data[at:])) as image:
                    image.load()
                count += 1
            except Exception:  # whatever Pillow raises: it is no picture
                pass
            at = data.find(start, at + 1)
    return count


def test_no_file_holds_a_photo_or_what_its_exif_says(
    tmp_path: Path, marked_photos: Path, extractor_path: Path
) -> None:
    """Neither a picture that can be decoded, nor a mark, nor a piece of any photo's bytes."""
    _, data = live(tmp_path, marked_photos, extractor_path)
    originals = [photo.read_bytes() for photo in marked_photos.rglob("*.jpg")]
    for path in data.iterdir():
        content = path.read_bytes()
        assert pictures_in(content) == 0
        for mark in (MARK.encode(), MARK.encode("utf-16-le"), b"Exif", b"Rumpelstiltskin"):
            assert mark not in content
        for original in originals:
            middle = len(original) // 2
            assert original[middle : middle + 32] not in content


def test_the_search_finds_photos(marked_photos: Path) -> None:
    """The test above can fail."""
    photo = next(marked_photos.rglob("*.jpg")).read_bytes()
    assert MARK.encode() in photo
    assert pictures_in(b"something before" + photo + b"and after") == 1
