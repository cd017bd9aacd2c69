"""What was acknowledged survives kill -9, a full disk, a read-only folder and a second process."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.support.stores import DIM, Source, embeddings, filled_store, on_disk

from headfit.errors import StoreError
from headfit.store import ExampleStore, database, repair_store

# Writes examples one by one and in batches, forgets some; says so, on a pipe, after each
# acknowledgement. Example k is embeddings(1, seed=k); its id is stated, so a hole is visible.
WRITER = """
import sys
sys.path.insert(0, sys.argv[3])
from headfit.store import ExampleStore
from tests.support.stores import Source, embeddings
store = ExampleStore.open(sys.argv[1], Source())
k = int(sys.argv[2])
print("open", flush=True)
while True:
    size = 1 + 24 * (k % 5 == 0)
    values = [embeddings(1, seed=k + i)[0] for i in range(size)]
    ids = store.add_many(values, [f"class {(k + i) % 7}" for i in range(size)])
    print("added", ids[0], k, size, flush=True)
    k += size
    if k % 20 == 0:
        print("forgetting", ids[0], flush=True)
        store.forget([ids[0]])
        print("forgot", ids[0], flush=True)
"""
ROOT = Path(__file__).parents[3]


def write_until_killed(path: Path, first: int, rng: random.Random) -> list[list[str]]:
    """Run a writer, kill it at a random moment, and return what it acknowledged.

    In one run of four the moment may come while it starts and opens the store; in the others after
    some acknowledgements, however long they take on this machine.
    """
    command = [sys.executable, "-c", WRITER, str(path), str(first), str(ROOT)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        lines: list[str] = []
        if rng.random() < 0.25:
            time.sleep(rng.uniform(0.1, 0.6))
        else:
            lines += [writer.stdout.readline() for _ in range(rng.randint(1, 5))]
            time.sleep(rng.expovariate(1 / 0.1))
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.read().splitlines(keepends=True)
    return [line.split() for line in lines if line.endswith("\n")]


def check_kills(path: Path, kills: int, seed: int) -> int:
    """Kill a writer again and again; after each kill, compare the store with its word."""
    rng = random.Random(seed)
    acknowledged: dict[int, int] = {}
    perhaps_forgotten: set[int] = set()
    first = 1
    for _ in range(kills):
        for words in write_until_killed(path, first, rng):
            if words[0] == "added":
                start, k, size = map(int, words[1:])
                acknowledged |= {start + i: k + i for i in range(size)}
                first = k + size
            elif words[0] == "open":
                continue
            elif words[0] == "forgetting":
                perhaps_forgotten.add(int(words[1]))
            else:
                del acknowledged[int(words[1])]
                perhaps_forgotten.discard(int(words[1]))
        first += 1000  # the writer may have stored more than it lived to say
        with ExampleStore.open(path, Source()) as store:
            store.check()
            examples = store.load()
        found = dict(zip(examples.ids.tolist(), examples.embeddings, strict=True))
        assert set(acknowledged) - set(found) <= perhaps_forgotten
        for example_id in perhaps_forgotten - set(found):
            del acknowledged[example_id]
        perhaps_forgotten.clear()
        for example_id, k in acknowledged.items():
            np.testing.assert_array_equal(embeddings(1, seed=k)[0], found[example_id])
    return len(acknowledged)


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX matter")
def test_every_acknowledged_example_survives_kill_9(tmp_path: Path) -> None:
    assert check_kills(tmp_path / "store", kills=12, seed=1) > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_acknowledged_example_survives_200_kills(tmp_path: Path) -> None:
    """No example that was acknowledged is lost, none is half there, the file is never damaged."""
    kept = check_kills(tmp_path / "store", kills=200, seed=2)
    print(f"{kept} acknowledged examples survived 200 kills")
    assert kept > 200


ADDER = """
import os, sys
sys.path.insert(0, sys.argv[2])
from headfit.store import ExampleStore
from tests.support.stores import Source, embeddings
with ExampleStore.open(sys.argv[1], Source()) as store:
    os.write(1, b"open")
    for value in embeddings(20):
        store.add(value, "cup")
        os.write(1, b"added")
"""


def test_what_is_acknowledged_was_synced_before(
    tmp_path: Path, require: Callable[[bool, str], None]
) -> None:
    """A power cut takes what the system has not yet written: strace sees that nothing is left.

    At each acknowledgement every file of the store that was written to was synced since, and the
    log was written to since the one before. Not so the log's index: SQLite makes it anew.
    """
    require(shutil.which("strace") is not None, "strace, of the package of that name")
    log, path = tmp_path / "log", tmp_path / "store"
    command = [
        "strace", "-y", "-o", str(log), "-e", "trace=write,pwrite64,writev,fsync,fdatasync",
        sys.executable, "-c", ADDER, str(path), str(ROOT),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if "ptrace" in done.stderr.lower():
        pytest.skip("this machine lets nobody trace")
    assert done.returncode == 0, done.stderr
    unsynced: set[str] = set()
    written: set[str] = set()
    acknowledged = 0
    for name, file, rest in re.findall(r"^(\w+)\(\d+<([^>]*)>(.*)$", log.read_text(), re.MULTILINE):
        if name in ("fsync", "fdatasync"):
            unsynced.discard(file)
        elif file.startswith(str(path)) and not file.endswith("-shm"):
            unsynced.add(file)
            written.add(file)
        elif '"added"' in rest:
            assert unsynced == set()
            assert f"{path}-wal" in written
            written.clear()
            acknowledged += 1
    assert acknowledged == 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MB, where this process may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small disk needs root; the limit on file size is tested instead")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(store: ExampleStore) -> int:
    """Add batches until it fails; return how many examples were acknowledged."""
    done = 0
    refused = None
    while refused is None:
        assert done < 100_000, "expected the disk to fill up"
        try:
            store.add_many(embeddings(100, seed=done), ["cup"] * 100)
            done += 100
        except StoreError as error:
            refused = str(error)
    assert "free some space" in refused
    return done


def test_a_full_disk_loses_nothing_that_was_acknowledged(small_disk: Path) -> None:
    """The failed batch is not there, in no part; when there is room again, adding goes on."""
    path = small_disk / "store"
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(200_000))
    with ExampleStore.open(path, Source()) as store:
        acknowledged = fill(store)
        assert acknowledged > 0
        assert store.n_samples == acknowledged
        ballast.unlink()
        store.add(embeddings(1)[0], "room again")
    with ExampleStore.open(path) as store:
        store.check()
        assert store.n_samples == acknowledged + 1


def fill_up(folder: Path) -> None:
    """Take all space that is left, to the last page."""
    with (folder / "ballast").open("ab", 0) as stream, contextlib.suppress(OSError):
        while stream.write(bytes(4096)):
            pass


def test_a_repair_that_finds_the_disk_full_leaves_nothing_behind(small_disk: Path) -> None:
    """Neither half a store nor less space, and the damaged one stays as it was."""
    path = small_disk / "store"
    filled_store(path, 300, Source()).close()
    content = bytearray(path.read_bytes())
    content[:100] = bytes(100)
    path.write_bytes(content)
    fill_up(small_disk)
    with pytest.raises((StoreError, OSError), match=r"disk|space"):
        repair_store(path)
    assert path.read_bytes() == content
    assert list(small_disk.glob("store.repaired*")) == []
    (small_disk / "ballast").unlink()
    assert repair_store(path).n_samples == 300


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("what", ["cup", "half", "all"])
def test_a_full_disk_is_escaped_by_forgetting(small_disk: Path, is_open: bool, what: str) -> None:
    """Forgetting takes space before it gives any, and that once failed, too.

    One by one: each takes five pages of log.
    """
    path = small_disk / "store"
    store = ExampleStore.open(path, Source())
    with contextlib.suppress(StoreError):
        for index in range(100_000):
            store.add(embeddings(1, seed=index)[0], ("cup", "pen")[index % 2])
    fill_up(small_disk)
    with pytest.raises(StoreError, match=f"on the disk of {small_disk}.*nothing of this change"):
        store.add_many(embeddings(1000), ["jug"] * 1000)
    if not is_open:
        store.close()
        fill_up(small_disk)
        store = ExampleStore.open(path)
    names, there = store.names_by_id(), store.n_samples
    gone = {"cup": [i for i in names if names[i] == "cup"], "half": list(names)[::2], "all": names}
    secret = store.load().embeddings[0].tobytes()
    assert store.forget("cup" if what == "cup" else gone[what]) == len(gone[what])
    assert store.n_samples == there - len(gone[what])
    assert secret not in on_disk(path)
    assert shutil.disk_usage(small_disk).free > 0
    store.add(embeddings(1)[0], "room again")
    store.check()
    store.close()


def test_where_traces_remain_a_warning_says_so(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The deletion has happened: without the room the file cannot be rewritten yet."""
    path = small_disk / "store"
    monkeypatch.setattr(database, "keep_room", lambda path, n_bytes: None)
    with ExampleStore.open(path, Source()) as store:
        store.add_many(embeddings(5000), ["cup", "pen"] * 2500)
        store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        fill_up(small_disk)
        with (small_disk / "ballast").open("ab") as stream:
            stream.truncate(stream.tell() - 200_000)
        assert store.forget([1]) == 1
        assert "what was deleted is gone, but traces of it remain" in caplog.text
        assert store.n_samples == 4999
        (small_disk / "ballast").unlink()
    with ExampleStore.open(path) as store:
        assert store._connection.execute("SELECT must_erase FROM store").fetchone() == (0,)


def test_a_new_store_on_a_full_disk_says_so(small_disk: Path) -> None:
    with pytest.raises(OSError, match="No space"):
        (small_disk / "ballast").write_bytes(bytes(4_000_000))
    with pytest.raises(StoreError, match="free some space"):
        ExampleStore.open(small_disk / "store", Source())


LIMITED = """
import resource, sys
sys.path.insert(0, sys.argv[2])
from headfit.errors import StoreError
from headfit.store import ExampleStore
from tests.support.stores import Source, embeddings
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
store = ExampleStore.open(sys.argv[1], Source())
done = 0
try:
    while done < 100_000:
        store.add_many(embeddings(100, seed=done), ["cup"] * 100)
        done += 100
except StoreError as error:
    assert "free some space" in str(error), error
    assert store.n_samples == done
    print(done)
"""


@pytest.mark.skipif(os.name != "posix", reason="resource limits are a POSIX matter")
def test_a_file_that_may_not_grow_loses_nothing(tmp_path: Path) -> None:
    """The same under RLIMIT_FSIZE, which needs no root."""
    path = tmp_path / "store"
    command = [sys.executable, "-c", LIMITED, str(path), str(ROOT)]
    acknowledged = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert acknowledged > 0
    with ExampleStore.open(path) as store:
        store.check()
        assert store.n_samples == acknowledged


def test_a_read_only_disk_says_so(small_disk: Path) -> None:
    """An old store is neither opened nor changed, a new one not made."""
    path = small_disk / "store"
    filled_store(path).close()
    before = path.read_bytes()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StoreError, match="allow writing"):
        ExampleStore.open(path, Source())
    with pytest.raises(StoreError, match="allow writing"):
        ExampleStore.open(path)
    with pytest.raises(StoreError, match="allow writing"):
        ExampleStore.open(small_disk / "new", Source())
    assert path.read_bytes() == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_says_so(tmp_path: Path) -> None:
    path = tmp_path / "store"
    filled_store(path).close()
    path.chmod(0o400)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="allow writing"):
            ExampleStore.open(path, Source())
        with pytest.raises(StoreError, match="allow writing"):
            ExampleStore.open(tmp_path / "new", Source())
    finally:
        tmp_path.chmod(0o700)


TEACHER = """
import sys
sys.path.insert(0, sys.argv[3])
from headfit.store import ExampleStore
from tests.support.stores import Source, embeddings
with ExampleStore.open(sys.argv[1], Source()) as store:
    for value in embeddings(100, seed=int(sys.argv[2])):
        store.add(value, sys.argv[2])
"""


def test_several_processes_teach_one_store(tmp_path: Path) -> None:
    """Three begin at once, on a store that is not there yet; every example of each is there."""
    path = tmp_path / "store"
    teachers = [
        subprocess.Popen([sys.executable, "-c", TEACHER, str(path), str(seed), str(ROOT)])
        for seed in range(3)
    ]
    assert [teacher.wait() for teacher in teachers] == [0, 0, 0]
    with ExampleStore.open(path) as store:
        store.check()
        examples = store.load()
    for seed in range(3):
        own = [name == str(seed) for name in examples.class_names]
        np.testing.assert_array_equal(embeddings(100, seed=seed), examples.embeddings[own])


def test_a_lock_that_is_not_released_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headfit.store.database.LOCK_WAIT_S", 0.1)
    path = tmp_path / "store"
    with filled_store(path) as holder, ExampleStore.open(path) as store:
        holder._connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process at work"):
            store.add(np.zeros(DIM), "cup")
        holder._connection.execute("ROLLBACK")
        store.add(np.zeros(DIM), "cup")
        assert holder.n_samples == 301
