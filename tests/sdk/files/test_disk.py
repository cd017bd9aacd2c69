"""Files are read up to a bound and written whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from headfit.errors import FileFormatError
from headfit.files.disk import read_bounded, write_atomically


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """A new file gets all its bytes, an old one is replaced."""
    path = tmp_path / "größe 1.head"
    write_atomically(path, b"first, longer")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert os.listdir(tmp_path) == [path.name]


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    """The target cannot be replaced because it is a folder: it stays, the temporary file goes."""
    target = tmp_path / "mine.head"
    target.mkdir()
    with pytest.raises(OSError, match=r"mine\.head"):
        write_atomically(target, b"data")
    assert os.listdir(tmp_path) == ["mine.head"]
    assert os.listdir(target) == []


def test_an_interrupted_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the disk is busy: the old bytes stay and no temporary file is left."""
    path = tmp_path / "mine.head"
    write_atomically(path, b"old")

    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["mine.head"]


WRITER = """
import sys
from headfit.files import replacing
with replacing(sys.argv[1]) as stream:
    stream.write(b"half")
    stream.flush()
    print("wrote", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_left_goes_with_the_next_save(tmp_path: Path) -> None:
    """Not what another process is still writing, however long it takes, nor other files."""
    path = tmp_path / "mine.head"
    others = [".other.head.0123456789abcdef.tmp", ".mine.head.tmp", ".mine.head.mine.tmp"]
    for name in others:
        (tmp_path / name).touch()
    command = [sys.executable, "-c", WRITER, str(path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as killed, subprocess.Popen(command, **pipes) as living:
        for writer in (killed, living):
            assert writer.stdout is not None
            assert writer.stdout.readline()
        killed.kill()
        killed.wait()
        write_atomically(path, b"new")
        assert len(os.listdir(tmp_path)) == 6  # nothing is as old as that yet
        for name in os.listdir(tmp_path):
            os.utime(tmp_path / name, (0, 0))
        write_atomically(path, b"newer")
        (left,) = set(os.listdir(tmp_path)) - {*others, path.name}
        assert (tmp_path / left).read_bytes() == b"half"
        living.communicate()
    assert path.read_bytes() == b"half"
    assert set(os.listdir(tmp_path)) == {*others, path.name}


def test_a_missing_folder_stays_a_missing_folder(tmp_path: Path) -> None:
    """Standard errors pass untouched."""
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "none" / "mine.head", b"")


@pytest.mark.skipif(os.name != "posix", reason="permissions are a POSIX matter")
def test_permissions_are_as_usual(tmp_path: Path) -> None:
    """A new file follows the umask; a replaced one keeps its permissions."""
    plain, kept = tmp_path / "plain", tmp_path / "kept"
    plain.write_bytes(b"")
    write_atomically(tmp_path / "new", b"")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode
    kept.write_bytes(b"")
    kept.chmod(0o600)
    write_atomically(kept, b"secret")
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix", reason="links need no privilege on POSIX only")
def test_a_link_is_followed(tmp_path: Path) -> None:
    """Writing through a link changes the file it points to."""
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_atomically(tmp_path / "link", b"data")
    assert (tmp_path / "real").read_bytes() == b"data"
    assert (tmp_path / "link").is_symlink()


def test_a_file_is_read_up_to_the_bound(tmp_path: Path) -> None:
    """At the bound it is read, one byte beyond it is refused."""
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    assert read_bounded(path, 5) == b"12345"
    with pytest.raises(FileFormatError, match="at most 4 bytes"):
        read_bounded(path, 4)


def test_a_generous_bound_takes_no_memory(tmp_path: Path) -> None:
    """What is taken depends on what is there, not on what might be."""
    path = tmp_path / "a"
    path.write_bytes(b"12345")
    tracemalloc.start()
    read_bounded(path, 1 << 31)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 22
