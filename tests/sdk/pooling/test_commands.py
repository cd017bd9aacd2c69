"""Stores on one machine pool by the commands that the pages show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headfit.commands import pooling
from headfit.commands.main import main
from headfit.extractor import Extractor
from headfit.files.headfile import load_head
from headfit.head import SoftmaxHead
from headfit.pooling import read_round
from headfit.store import ExampleStore

CLASSES = ("cup", "pen")


def examples(seed: int, dim: int, count: int) -> tuple[np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    targets = rng.integers(0, 2, count)
    centres = np.random.default_rng(5).gamma(1, 1, (2, dim))
    values = np.maximum(centres[targets] + rng.normal(0, 0.6, (count, dim)), 0)
    return values.astype(np.float32), [CLASSES[t] for t in targets]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Extractor:
    """Three stores, one of public pictures, and keys, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    extractor = Extractor.open(engine="popcount")
    for number in range(3):
        with ExampleStore.open(f"{number}.store", extractor) as store:
            store.add_many(*examples(number, extractor.embedding_dim, 40))
            store.add(np.ones(extractor.embedding_dim), "other")
    with ExampleStore.open("public.store", extractor) as store:
        store.add_many(*examples(99, extractor.embedding_dim, 50))
    return extractor


def run(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str, str]:
    code = main(line.split())
    out, err = capsys.readouterr()
    return code, " ".join(out.split()), " ".join(err.split())


def done(capsys: pytest.CaptureFixture[str], line: str) -> str:
    code, out, err = run(capsys, line)
    assert (code, err) == (0, "")
    return out


def call(capsys: pytest.CaptureFixture[str], more: str = "--devices 3") -> str:
    """Call a round, of three devices; return the caller's public key."""
    public = done(capsys, "keygen caller.key")
    said = done(
        capsys,
        f"round --class cup --class pen --key caller.key --max-photos 30 -o a.round {more}",
    )
    assert public in said
    return public


def pool(capsys: pytest.CaptureFixture[str]) -> str:
    """Write rolls and halves of the parts in the folders a and b, and open them."""
    for side in "ab":
        done(capsys, f"pool roll a.round {side} -o {side}.roll")
    for side, other in ("ab", "ba"):
        done(
            capsys,
            f"pool sum a.round {side} --own {side}.roll --other {other}.roll -o {side}.half",
        )
    return done(capsys, "pool open a.round a.half b.half -o pooled.head")


def test_three_stores_pool(here: Extractor, capsys: pytest.CaptureFixture[str]) -> None:
    """From the key to a calibrated head, which recognises new photos."""
    public = call(capsys, "--devices 3 --epsilon 100 --public public.store --width 4 --class-sums")
    for side in "ab":
        Path(side).mkdir()
    for number in range(3):
        said = done(
            capsys,
            f"contribute a.round {number}.store -o a/{number}.part b/{number}.part "
            f"--trust {public}",
        )
        assert "sums over 30 photos" in said
        assert "Drew them of 40" in said
        assert "Here are photos of: cup (" in said
        assert "Left out 1 of other classes: other (1)" in said
        assert "100 if 3 devices contribute" in said
    said = pool(capsys)
    assert "taught by 3 devices: cup, pen" in said
    assert f"Photos, give or take {read_round('a.round').round.spread(3):.1f} by noise: " in said
    head = SoftmaxHead.load("pooled.head", extractor=here)
    assert head.privacy_ is not None
    assert head.score(*examples(7, here.embedding_dim, 200)) > 0.9
    done(capsys, "calibrate pooled.head 0.store -o mine.head")
    mine = SoftmaxHead.load("mine.head", extractor=here)
    assert mine.calibration_ is not None
    assert mine.privacy_ is None
    for name in ("a.half", "b.half", "a/0.part", "b/0.part"):
        assert Path(name).stat().st_mode & 0o777 == 0o600


def test_a_part_is_not_written_over(here: Extractor, capsys: pytest.CaptureFixture[str]) -> None:
    """One of them may be with its side already: another would be the half of nothing."""
    public = call(capsys)
    line = f"contribute a.round 0.store -o x y --trust {public}"
    done(capsys, line)
    before = Path("x").read_bytes(), Path("y").read_bytes()
    assert run(capsys, line)[0] == 3
    Path("x").unlink()  # it was moved to where it is sent from
    code, _, err = run(capsys, line)
    assert (code, "y: expected a new name" in err, "if its contribution was sent" in err) == (
        3,
        True,
        True,
    )
    assert (Path("x").exists(), Path("y").read_bytes()) == (False, before[1])


def test_a_round_is_not_written_over(here: Extractor, capsys: pytest.CaptureFixture[str]) -> None:
    """What devices contributed to it would be of another one."""
    call(capsys)
    before = Path("a.round").read_bytes()
    line = "round --class cup --class pen --key caller.key -o a.round"
    code, _, err = run(capsys, line)
    assert (code, "expected a new name" in err) == (3, True)
    assert Path("a.round").read_bytes() == before
    done(capsys, f"{line} --force")


def test_a_class_that_no_photo_here_has_is_seen(
    here: Extractor, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one is that the caller wrote otherwise."""
    done(capsys, "keygen caller.key")
    done(capsys, "round --class cup --class Pen --key caller.key --devices 3 -o a.round")
    public = read_round("a.round").caller
    said = done(capsys, f"contribute a.round 0.store -o x y --trust {public}")
    assert "Here are photos of: Pen (0), cup (" in said
    assert ", pen (" in said.split("of other classes: other (1)")[1]
    done(capsys, "round --class Cup --class Pen --key caller.key --devices 3 -o b.round")
    code, _, err = run(capsys, f"contribute b.round 0.store -o v w --trust {public}")
    assert (code, "classes (Cup, Pen), found cup, other, pen; rename" in err) == (3, True)


@pytest.mark.parametrize("how", ["a full disk", "Ctrl-C"])
def test_a_contribution_is_written_whole_or_not_at_all(
    here: Extractor,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """A part A without its part B is of no use, and the same command may be given again."""
    public = call(capsys)
    real, left = pooling.write_atomically, iter([True, False])

    def failing(path: Path, data: bytes, *, owner_only: bool) -> None:
        if not next(left):
            raise OSError(28, "No space left on device") if "disk" in how else KeyboardInterrupt
        real(path, data, owner_only=owner_only)

    line = f"contribute a.round 0.store -o x y --trust {public}"
    with monkeypatch.context() as patched:
        patched.setattr(pooling, "write_atomically", failing)
        assert run(capsys, line)[0] != 0
    assert not {"x", "y"} & set(os.listdir())
    done(capsys, line)


def test_two_runs_at_once_do_not_mix_their_parts(
    here: Extractor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Part A of one and part B of the other would be no contribution, and nobody would know."""
    public = call(capsys)
    line = f"contribute a.round 0.store -o x y --trust {public}"
    real, first = pooling.write_atomically, iter([True])

    def overtaken(path: Path, data: bytes, *, owner_only: bool) -> None:
        real(path, data, owner_only=owner_only)
        if next(first, False):
            Path("x").unlink()  # so that the other run sees no file yet
            done(capsys, line)

    monkeypatch.setattr(pooling, "write_atomically", overtaken)
    code, _, err = run(capsys, line)
    assert (code, "x: expected what was just written" in err) == (3, True)


def test_why_nothing_can_be_used_is_said(
    here: Extractor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a round of other directions too, whose vectors have another length."""
    public = call(capsys, "--devices 3 --epsilon 100")
    for side in "ab":
        Path(side).mkdir()
    for number in range(3):
        done(capsys, f"contribute a.round {number}.store -o a/{number} b/{number} --trust {public}")
    pool(capsys)
    done(
        capsys,
        "round --class cup --class pen --key caller.key --devices 3 --class-sums --epsilon 100 "
        "-o b.round",
    )
    wrong = "found one of another round, " + read_round("a.round").digest[:12]
    for line, code in (
        ("pool roll b.round b -o x", 3),
        ("pool sum b.round b --own b.roll --other a.roll -o x", 3),
        ("pool open b.round a.half b.half -o x", 3),
    ):
        found, _, err = run(capsys, line)
        assert (found, wrong in err) == (code, True)
    shutil.copy("b/0", "a/other")
    Path("a/0").write_bytes(Path("a/0").read_bytes()[:-1])
    code, _, err = run(capsys, "pool sum a.round a --own a.roll --other b.roll -o x")
    assert (code, "found 1 missing" in err, "a/0: " in err) == (3, True, True)
    assert "x" not in os.listdir()


def test_all_that_is_no_part_in_a_folder_is_named(
    here: Extractor, capsys: pytest.CaptureFixture[str]
) -> None:
    """A link to a part that is gone, a folder, a pipe that nobody writes to; not what is hidden."""
    public = call(capsys)
    Path("a").mkdir()
    done(capsys, f"contribute a.round 0.store -o a/0 b --trust {public}")
    Path("a/gone").symlink_to("elsewhere")
    Path("a/inner").mkdir()
    os.mkfifo("a/pipe")
    Path("a/.0.1234.tmp").write_bytes(b"a run that was killed")
    code, out, err = run(capsys, "pool roll a.round a missing -o a.roll")
    assert (code, "1 contribution came to side a" in out) == (0, True)
    assert err == (
        "Left out 4: a/gone: No such file or directory a/inner: expected a file, found a folder; "
        "name it if it is meant a/pipe: expected a file, found a device or a pipe; name it if it "
        "is meant missing: No such file or directory"
    )


def test_noise_that_drowns_the_photos_is_said(
    here: Extractor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anybody contributes."""
    done(capsys, "keygen caller.key")
    said = done(
        capsys, "round --class cup --class pen --key caller.key --devices 3 --epsilon 1 -o a.round"
    )
    spread = read_round("a.round").round.spread(3)
    assert spread > 100
    assert f"give or take {spread:.1f}, where all send 60 together at most" in said


def test_one_side_is_short_of_a_part(here: Extractor, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are pooled; a second half over others is refused, the same may be had again."""
    public = call(capsys, "--devices 3 --epsilon 100 --min-devices 2")
    for side in "ab":
        Path(side).mkdir()
    for number in range(3):
        done(capsys, f"contribute a.round {number}.store -o a/{number} b/{number} --trust {public}")
    Path("b/1").rename("late")
    for side in "ab":
        done(capsys, f"pool roll a.round {side} -o {side}.roll")
    Path("late").rename("b/1")
    code, out, err = run(capsys, "pool sum a.round a --own a.roll --other b.roll -o a.half")
    assert (code, "sum over 2 contributions" in out) == (0, True)
    assert "a/1: not on the other side's roll" in err
    code, out, err = run(capsys, "pool sum a.round b --own b.roll --other a.roll -o b.half")
    assert "b/1: came after the roll was written" in err
    assert "taught by 2 devices" in done(capsys, "pool open a.round a.half b.half -o pooled.head")
    assert done_twice(capsys)
    done(capsys, "pool roll a.round b -o b.roll --force")
    code, _, err = run(capsys, "pool sum a.round a --own a.roll --other b.roll -o a2.half")
    assert (code, "a second sum would show" in err) == (3, True)
    assert not Path("a2.half").exists()


def done_twice(capsys: pytest.CaptureFixture[str]) -> bool:
    before = Path("a.half").read_bytes()
    Path("a.half").unlink()
    assert run(capsys, "pool sum a.round a --own a.roll --other b.roll -o a.half")[0] == 0
    return Path("a.half").read_bytes() == before


def test_a_roll_that_was_summed_over_is_not_written_again(
    here: Extractor, capsys: pytest.CaptureFixture[str]
) -> None:
    """It remembers; a new one in its place would not."""
    public = call(capsys, "--devices 3 --epsilon 100")
    for side in "ab":
        Path(side).mkdir()
    for number in range(3):
        done(capsys, f"contribute a.round {number}.store -o a/{number} b/{number} --trust {public}")
    pool(capsys)
    code, _, err = run(capsys, "pool roll a.round a -o a.roll")
    assert (code, "expected a new name, or a roll that nothing was summed over" in err) == (3, True)
    code, _, err = run(capsys, "pool sum a.round a --own a.roll --other b.roll -o a.half")
    assert (code, "expected a new name" in err) == (3, True)


def test_the_curators_own(here: Extractor, capsys: pytest.CaptureFixture[str]) -> None:
    """It warns; what is in the files is refused as a part, and parts as this."""
    public = call(capsys, "--curator")
    for number in range(3):
        code, _, err = run(
            capsys, f"contribute a.round {number}.store --curator {number}.plain --trust {public}"
        )
        assert (code, "Give it to nobody but yourself" in err) == (0, True)
    shutil.copy("0.plain", "again.plain")
    code, out, err = run(
        capsys, "pool plain a.round 0.plain 1.plain 2.plain again.plain a.round -o pooled.head"
    )
    assert (code, "taught by 3 devices" in out) == (0, True)
    assert "again.plain: the same contribution as 0.plain" in err
    assert "a.round: expected a file of headfit" in err
    head = load_head("pooled.head").head
    assert head.privacy is None
    assert sum(head.class_counts) == 90
    code, _, err = run(capsys, f"contribute a.round 0.store -o x y --trust {public}")
    assert (code, "expected a round with noise" in err) == (3, True)
    Path("a").write_bytes(Path("0.plain").read_bytes()[:-1])
    code, _, err = run(capsys, "pool plain a.round a -o x")
    assert (code, "found none that can be used (left out: a: " in err) == (3, True)
    code, _, err = run(capsys, "pool roll a.round 0.plain -o a.roll")
    assert (code, "expected parts of this round, found none" in err) == (3, True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("contribute a.round 0.store --trust PUBLIC", "say one of them"),
        ("contribute a.round 0.store -o x x --trust PUBLIC", "found it twice"),
        ("contribute a.round 0.store -o x y --trust " + "ab" * 32, "a key that is trusted"),
        ("contribute a.round 0.store -o x y --trust PUBLIC --key caller.key", "leave it out"),
        ("contribute a.round 0.store --curator x --trust PUBLIC", "would not keep; say -o"),
        ("pool plain a.round 0.store -o x", "devices contribute in two parts"),
        ("contribute caller.key 0.store -o x y --trust PUBLIC", "expected JSON"),
        ("contribute a.round other.store -o x y --trust PUBLIC", "found those of"),
        ("round --class cup --key caller.key -o b.round", "2 to 65536 different classes"),
        ("round --class cup --class cup --key caller.key -o b.round", "name each once"),
        (
            "round --class cup --class pen --key caller.key --device-key abc -o b.round",
            "expected device_keys of 64 hex digits each",
        ),
        (
            "round --class cup --class pen --key caller.key --public 0.store --width 0 -o b.round",
            "at least one direction, found 0",
        ),
        ("round --class cup --class pen --width 8 --key caller.key -o b.round", "no --width"),
        *(
            (f"round --class cup --class pen --key caller.key -o b.round --curator {option}", said)
            for option, said in [
                ("--epsilon 3", "expected no --epsilon with --curator"),
                ("--delta 1e-6", "expected no --delta with --curator"),
                ("--devices 3", "expected no --devices with --curator"),
                ("--min-devices 3", "expected no --min-devices with --curator"),
                ("--device-key " + "ab" * 32, "expected no --device-key with --curator"),
            ]
        ),
        ("pool open a.round a.round a.round -o x", "expected a file of headfit"),
    ],
)
def test_what_cannot_be_done_is_said(
    here: Extractor, line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    class Other:
        fingerprint, embedding_dim, views = "ef" * 32, 8, here.views

    with ExampleStore.open("other.store", Other()) as store:
        store.add(np.ones(8), "cup")
    public = call(capsys)
    code, out, err = run(capsys, line.replace("PUBLIC", public))
    assert code in (3, 4, 5)
    assert (out, said in err) == ("", True)
    assert not {"x", "y", "b.round"} & set(os.listdir())


def test_signed_contributions(here: Extractor, capsys: pytest.CaptureFixture[str]) -> None:
    devices = [done(capsys, f"keygen {number}.key") for number in range(2)]
    keys = " ".join(f"--device-key {key}" for key in devices)
    public = call(capsys, f"--devices 3 {keys}")
    line = f"contribute a.round 0.store -o x y --trust {public}"
    code, _, err = run(capsys, line)
    assert (code, "ask who calls it" in err) == (3, True)
    out = json.loads(done(capsys, f"{line} --key 1.key --json"))
    assert out["files"] == ["x", "y"]
    assert out["n_samples"] == 30
    assert out["left_out"] == 11
    assert out["epsilon"] == pytest.approx(3, rel=0.01)


def test_a_sealed_store_contributes(
    here: Extractor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = bytes(range(32))
    monkeypatch.setattr("headfit.commands.pooling.key_from_keyring", lambda name, create: key)
    with ExampleStore.open("sealed.store", here, key=key) as store:
        store.add_many(*examples(1, here.embedding_dim, 10))
    public = call(capsys)
    line = f"contribute a.round sealed.store -o x y --trust {public}"
    assert run(capsys, line)[0] == 3
    assert "sums over 10 photos" in done(capsys, f"{line} --keyring mine")


def test_it_works_where_there_is_no_network_interface(here: Extractor, tmp_path: Path) -> None:
    """A namespace of its own: the documented commands, from the key to the head."""
    unshare = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"]).returncode:
        pytest.skip("not tested, missing: unshare with user namespaces")
    script = f"""
set -e
headfit() {{ {sys.executable} -m headfit "$@"; }}
PUBLIC=$(headfit keygen key)
headfit round --class cup --class pen --key key --devices 3 --epsilon 100 -o a.round
mkdir a b
for i in 0 1 2; do headfit contribute a.round $i.store -o a/$i b/$i --trust $PUBLIC; done
headfit pool roll a.round a -o a.roll
headfit pool roll a.round b -o b.roll
headfit pool sum a.round a --own a.roll --other b.roll -o a.half
headfit pool sum a.round b --own b.roll --other a.roll -o b.half
headfit pool open a.round a.half b.half -o pooled.head
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [*unshare, "sh", "-c", script], capture_output=True, text=True, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "pooled.head").exists()
