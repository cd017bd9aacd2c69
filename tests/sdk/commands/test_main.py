"""The command: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.conftest import COLOURS, PhotoWriter
from tests.support.headfiles import golden_path

from headfit.classifier import ImageClassifier
from headfit.commands.exit_codes import EXIT_CODES
from headfit.commands.main import main
from headfit.head import SoftmaxHead
from headfit.store import ExampleStore

HEADFIT = [sys.executable, "-m", "headfit"]


class Headfit:
    """Runs the command in this process with the small extractor."""

    def __init__(self, extractor: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.extractor, self._capsys = extractor, capsys
        self.code, self.out, self.err = 0, "", ""

    def __call__(self, command: str, *arguments: object) -> int:
        """Return the exit code; `out` and `err` hold what was printed."""
        extractor = [] if command == "inspect" else ["--extractor", str(self.extractor)]
        self.code = main([command, *map(str, arguments), *extractor])
        self.out, self.err = self._capsys.readouterr()
        return self.code

    def json(self, command: str, *arguments: object) -> dict[str, Any]:
        """Run with --json and return what was printed."""
        self(command, *arguments, "--json")
        document: dict[str, Any] = json.loads(self.out)
        return document


@pytest.fixture
def headfit(extractor_path: Path, capsys: pytest.CaptureFixture[str]) -> Headfit:
    """The command."""
    return Headfit(extractor_path, capsys)


@pytest.fixture
def head(photos: Path, headfit: Headfit, tmp_path: Path) -> Path:
    """A head trained by the command."""
    path = tmp_path / "colours.head"
    assert headfit("train", photos, "-o", path) == 0
    return path


def test_train(photos: Path, headfit: Headfit, tmp_path: Path) -> None:
    """Says what was trained on and what was written."""
    path = tmp_path / "colours.head"
    assert headfit("train", photos, "-o", path) == 0
    assert "12 photos (effectively 3) of 3 classes" in headfit.out
    assert f"Wrote {path}, " in headfit.out.replace("\n", " ")
    assert "Embedding photos: 12 of 12" in headfit.err


def test_what_a_store_or_embeddings_are_of_is_found(
    photos: Path,
    headfit: Headfit,
    extractor_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An installed extractor, of any name, without being named again."""
    store, embeddings, head = (str(tmp_path / name) for name in ("a.store", "embedded", "a.head"))
    assert headfit("embed", photos, "-o", embeddings) == 0
    assert headfit("store", "add", store, photos) == 0
    commands = [
        ["store", "add", store, str(photos / "red" / "0.png"), "--class", "red"],
        ["train", str(photos), "-o", head, "--store", store],
        ["train", embeddings, "-o", head],
    ]
    for command in commands:
        assert main(command) == 4
        assert "or begin" in (said := capsys.readouterr().err) or "embed the photos again" in said
    monkeypatch.setattr(
        "headfit.extractors.finding.installed_folder", lambda: extractor_path.parent
    )
    for command in commands:
        assert main(command) == 0, capsys.readouterr().err
    assert SoftmaxHead.load(head).fitted_.extractor.name == "residual"
    with ExampleStore.open(store) as opened:
        assert ImageClassifier(store=opened).extractor.manifest.name == "residual"


def test_near_copies_are_not_counted_as_photos(
    photos: Path, headfit: Headfit, tmp_path: Path
) -> None:
    """Noise of one colour is one photo: whoever counts says so, for people and machines."""
    head, store = tmp_path / "colours.head", tmp_path / "photos.store"
    assert headfit("train", photos, "-o", head, "--store", store) == 0
    assert "12 photos (effectively 3) of 3 classes" in headfit.out
    assert "teach as 3 would" in headfit.out
    assert headfit("evaluate", head, photos) == 0
    assert "of 12 photos (effectively 3)" in headfit.out
    assert headfit("store", "add", store, photos) == 0
    assert "has 12 (effectively 3)." in headfit.out
    for command in (["train", photos, "-o", head], ["evaluate", head, photos]):
        document = headfit.json(*command)
        assert (document["n_samples"], document["n_effective"]) == (12, 3)


@pytest.mark.usefixtures("unlike")
def test_photos_that_differ_are_counted_without_ado(
    photos: Path, headfit: Headfit, tmp_path: Path
) -> None:
    assert headfit("train", photos, "-o", tmp_path / "colours.head") == 0
    assert "12 photos of 3 classes" in headfit.out
    assert "effectively" not in headfit.out
    assert "nearly the same" not in headfit.out


def test_train_json(photos: Path, headfit: Headfit, tmp_path: Path) -> None:
    """The keys that scripts rely on."""
    path = tmp_path / "colours.head"
    document = headfit.json("train", photos, "-o", path)
    assert document["head"] == str(path)
    assert document["size_bytes"] == path.stat().st_size
    assert document["n_samples"] == 12
    assert document["n_classes"] == 3
    assert document["classes"] == sorted(COLOURS)
    assert document["fit_s"] > 0
    assert document["embed_s"] > 0
    assert document["skipped"] == []


def test_jobs_change_nothing_but_the_time(photos: Path, headfit: Headfit, tmp_path: Path) -> None:
    """The same head to the byte, the same evaluation; none is refused by the command line."""
    heads = [tmp_path / f"{jobs}.head" for jobs in (1, 3)]
    for jobs, head in zip((1, 3), heads, strict=True):
        assert headfit("train", photos, "-o", head, "--jobs", jobs) == 0
    assert heads[0].read_bytes() == heads[1].read_bytes()
    one, three = (headfit.json("evaluate", heads[0], photos, "--jobs", jobs) for jobs in (1, 3))
    assert one == three
    assert headfit("evaluate", heads[0], photos, "--jobs", 0) == 2


def test_embeddings_stand_for_photos(photos: Path, headfit: Headfit, tmp_path: Path) -> None:
    """Train, evaluate and report give what they give with the photos."""
    out = tmp_path / "out"
    document = headfit.json("embed", photos, "-o", out, "--shard", "1/2", "--jobs", 2)
    assert document["shard"] == "1/2"
    assert document["n_photos"] == 6
    assert headfit("train", out, "-o", tmp_path / "x.head") == 3
    assert "--shard 2/2" in headfit.err
    assert headfit("embed", photos, "-o", out, "--shard", "2/2") == 0
    assert "Embedded 6 photos" in headfit.out
    assert headfit("embed", photos, "-o", out, "--shard", "2/2") == 0
    assert "Embedded 0 photos" in headfit.out
    assert "6 were there" in headfit.out
    for source, name in ((photos, "a.head"), (out, "b.head")):
        assert headfit("train", source, "-o", tmp_path / name) == 0
        assert "Found 12 photos of 3 classes" in headfit.err
    head = tmp_path / "a.head"
    assert head.read_bytes() == (tmp_path / "b.head").read_bytes()
    assert headfit.json("evaluate", head, photos) == headfit.json("evaluate", head, out)
    assert headfit("report", head, out, "-o", tmp_path / "page.html", "--training", out) == 3
    assert headfit("report", head, out, "-o", tmp_path / "page.html") == 0
    assert headfit("finetune", out, "-o", tmp_path / "y.head") == 3


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3"])
def test_a_shard_is_one_of_so_many(photos: Path, headfit: Headfit, shard: str) -> None:
    assert headfit("embed", photos, "-o", photos.parent / "out", f"--shard={shard}") == 2
    assert "1/n to n/n" in headfit.err


def test_photos_are_not_taken_for_embeddings(photos: Path, headfit: Headfit) -> None:
    """Nothing is written into a folder of something else."""
    assert headfit("embed", photos, "-o", photos) == 3
    assert headfit("embed", photos, "-o", photos / "red") == 3
    assert len(list(photos.rglob("*"))) == 15


def test_skipped_files_are_counted_and_named(
    photos: Path, headfit: Headfit, tmp_path: Path
) -> None:
    """On standard error for people, in the object for machines; --strict ends with 3."""
    notes = photos / "red" / "notes.jpg"
    notes.write_text("no picture")
    assert headfit("train", photos, "-o", tmp_path / "x.head") == 0
    assert "Skipped 1:" in headfit.err
    assert str(notes) in headfit.err
    document = headfit.json("train", photos, "-o", tmp_path / "x.head")
    assert [item["path"] for item in document["skipped"]] == [str(notes)]
    assert headfit("train", photos, "-o", tmp_path / "y.head", "--strict") == 3
    assert str(notes) in headfit.err
    assert not (tmp_path / "y.head").exists()


def test_predict(head: Path, photos: Path, headfit: Headfit) -> None:
    """Names each photo, then at most three classes with bars."""
    assert headfit("predict", head, photos / "red" / "0.png", photos / "blue" / "0.png") == 0
    lines = headfit.out.splitlines()
    assert lines[0] == str(photos / "red" / "0.png")
    assert lines[1].split()[0] == "red"
    assert lines[4] == str(photos / "blue" / "0.png")
    assert lines[5].split()[0] == "blue"
    assert "%" in lines[1]


def test_predict_says_what_looks_like_none_of_the_classes(
    head: Path, photos: Path, headfit: Headfit
) -> None:
    """And names the nearest classes all the same."""
    strict, photo = SoftmaxHead.load(head), photos / "red" / "0.png"
    assert strict.calibration_ is not None
    assert headfit.json("predict", head, photo)["predictions"][0]["is_known"]
    calibration = dataclasses.replace(strict.calibration_, threshold=1e9)
    SoftmaxHead.of(dataclasses.replace(strict.fitted_, calibration=calibration)).save(head)
    assert headfit("predict", head, photo) == 0
    assert headfit.out.splitlines()[1] == "looks like none of the classes; nearest are"
    assert "red" in headfit.out.splitlines()[2]
    assert not headfit.json("predict", head, photo)["predictions"][0]["is_known"]


def test_predict_json(head: Path, photos: Path, headfit: Headfit) -> None:
    """The best classes, best first; all of them, adding up to one, where so many are asked for."""
    document = headfit.json("predict", head, photos / "red" / "0.png", "--top", 9)
    (prediction,) = document["predictions"]
    assert prediction["image"] == str(photos / "red" / "0.png")
    assert prediction["classes"][0]["class"] == "red"
    total = sum(item["probability"] for item in prediction["classes"])
    assert total == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(("top", "n_classes"), [([], 3), (["--top", 1], 1), (["--top", 2], 2)])
def test_predict_top(
    head: Path, photos: Path, headfit: Headfit, top: list[object], n_classes: int
) -> None:
    """As many classes as are asked for, for people and for machines."""
    photo = photos / "red" / "0.png"
    assert headfit("predict", head, photo, *top) == 0
    assert len(headfit.out.splitlines()) == 1 + n_classes
    (prediction,) = headfit.json("predict", head, photo, *top)["predictions"]
    assert len(prediction["classes"]) == n_classes
    assert headfit("predict", head, photo, "--top", 0) == 2


def test_predict_a_folder(head: Path, photos: Path, headfit: Headfit) -> None:
    """Of photos that need not be sorted, with all that is said of any folder."""
    (photos / "notes.txt").write_text("no picture")
    (photos / ".hidden").touch()
    document = headfit.json("predict", head, photos)
    assert headfit.code == 3
    assert [one["image"] for one in document["predictions"]] == sorted(
        str(path) for path in photos.rglob("*.png")
    )
    assert {Path(one["path"]).name for one in document["skipped"]} == {"notes.txt", ".hidden"}
    (photos / "notes.txt").unlink()
    assert headfit("predict", head, photos) == 0
    assert "Passed over 1 hidden" in headfit.err
    assert headfit("predict", head, photos, "--strict") == 0
    (photos / "link.png").symlink_to("nowhere")
    assert headfit("predict", head, photos, "--strict") == 3
    assert "link.png" in headfit.err


def test_predict_goes_on_past_what_cannot_be_read(
    head: Path, photos: Path, headfit: Headfit, tmp_path: Path
) -> None:
    """A folder without photos, one that may not be read, and a photo that may not."""
    empty, locked, secret = tmp_path / "empty", tmp_path / "locked", tmp_path / "secret.png"
    empty.mkdir()
    locked.mkdir(0)
    shutil.copy(photos / "red" / "0.png", secret)
    secret.chmod(0)
    given = [empty, locked, secret] if os.geteuid() else [empty, locked]
    document = headfit.json("predict", head, *given, photos / "red" / "0.png")
    assert headfit.code == 3
    assert [one["path"] for one in document["skipped"]] == [str(one) for one in given]
    assert [one["image"] for one in document["predictions"]] == [str(photos / "red" / "0.png")]
    assert headfit("predict", head, empty, photos, "--strict") == 3
    assert f"{empty}: expected photos" in headfit.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no named pipes in folders")
def test_predict_reads_pipes(
    head: Path, photos: Path, headfit: Headfit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Standard input by -, and any pipe by its name; both may hold no photo."""
    photo = (photos / "red" / "0.png").read_bytes()
    os.mkfifo(tmp_path / "pipe")
    for data in (photo, b"no picture", b""):
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=[data])
        writer.start()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        document = headfit.json("predict", head, tmp_path / "pipe", "-")
        writer.join()
        names = [str(tmp_path / "pipe"), "-"]
        if data == photo:
            assert [one["image"] for one in document["predictions"]] == names
            assert [one["classes"][0]["class"] for one in document["predictions"]] == ["red"] * 2
        else:
            assert headfit.code == 3
            assert [one["path"] for one in document["skipped"]] == names
            assert all(one["reason"].startswith("expected") for one in document["skipped"])


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "PHOTO", "HEAD"],
        ["predict", "PHOTO", "PHOTO", "HEAD"],
        ["evaluate", "PHOTOS", "HEAD"],
        ["report", "PHOTOS", "HEAD", "-o", "x.html"],
    ],
)
def test_swapped_arguments_are_told(
    words: list[str], head: Path, photos: Path, headfit: Headfit
) -> None:
    """A head that stands where photos should is not called a bad photo."""
    places = {"PHOTO": photos / "red" / "0.png", "PHOTOS": photos, "HEAD": head}
    assert headfit(*(str(places.get(word, word)) for word in words)) == 3
    assert f"expected the head file first, found {photos}" in headfit.err.replace("\n", " ")
    assert f"put {head} first" in headfit.err.replace("\n", " ")


def test_the_extractor_that_the_head_names(
    head: Path,
    photos: Path,
    extractor_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is found by its fingerprint when it is installed, under whatever name."""
    folder = tmp_path / "installed"
    folder.mkdir()
    monkeypatch.setattr("headfit.extractors.finding.installed_folder", lambda: folder)
    photo = str(photos / "red" / "0.png")
    assert main(["predict", str(head), photo]) == 4  # the one that came with headfit
    for part in extractor_path.parent.iterdir():
        (folder / part.name.replace("residual", "zz")).write_bytes(part.read_bytes())
    (folder / "aa.tflite").touch()
    (folder / "aa.json").write_text("{")  # a broken one is passed over
    capsys.readouterr()
    assert main(["predict", str(head), photo]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[0] == "red"
    assert ImageClassifier.load(head).predict(photo)[0][0] == "red"
    assert main(["evaluate", str(head), str(photos)]) == 0


def test_names_are_whole_at_80_columns(photos: Path, headfit: Headfit, tmp_path: Path) -> None:
    """However long a class is called, nothing of it is cut."""
    name = "QXZ_" * 24
    (photos / "red").rename(photos / name)
    head = tmp_path / "x.head"
    assert headfit("train", photos, "-o", head) == 0
    for words in (["predict", head, photos / name / "0.png"], ["evaluate", head, photos]):
        assert headfit(*words) == 0
        assert "…" not in headfit.out
        assert name in re.sub(r"[^QXZ_]", "", headfit.out)


def test_predict_goes_on_after_a_bad_file(head: Path, photos: Path, headfit: Headfit) -> None:
    """The good photos are classified, the bad ones named, and the exit code is 3."""
    (photos / "notes.jpg").write_text("no picture")
    arguments = [head, photos / "notes.jpg", photos / "nowhere.jpg", photos / "red" / "0.png"]
    assert headfit("predict", *arguments) == 3
    assert "red" in headfit.out
    assert "Skipped 2:" in headfit.err
    document = headfit.json("predict", *arguments)
    assert headfit.code == 3
    assert len(document["predictions"]) == 1
    assert document["skipped"][1] == {
        "path": str(photos / "nowhere.jpg"),
        "reason": "No such file or directory",
    }
    assert headfit("predict", *arguments, "--strict") == 3
    assert "red" not in headfit.out


def test_evaluate(head: Path, headfit: Headfit, tmp_path: Path, write_photo: PhotoWriter) -> None:
    """Shows the share that was right, the classes, and what is taken for what."""
    write_photo(tmp_path / "apart" / "red" / "1.png", COLOURS["red"], 100)
    write_photo(tmp_path / "apart" / "red" / "2.png", COLOURS["green"], 101)
    assert headfit("evaluate", head, tmp_path / "apart") == 0
    assert "50.0% right of 2 photos" in headfit.out
    assert "1 x red taken for green" in headfit.out
    document = headfit.json("evaluate", head, tmp_path / "apart")
    assert document["top1"] == 0.5
    assert document["top5"] == 1.0
    assert document["n_samples"] == 2
    assert document["recall"] == {"blue": None, "green": None, "red": 0.5}
    assert document["confusion"][2] == [0, 1, 1]


def test_inspect(head: Path, headfit: Headfit) -> None:
    """Needs no extractor."""
    assert headfit("inspect", head) == 0
    for class_name in COLOURS:
        assert class_name in headfit.out
    document = headfit.json("inspect", head)
    assert document["classes"] == sorted(COLOURS)
    assert document["embedding_dim"] == 160
    assert len(document["fingerprint"]) == 64
    assert document["size_bytes"] == head.stat().st_size


def test_inspect_says_all_that_a_file_holds(headfit: Headfit) -> None:
    path = golden_path("blocks")
    assert headfit("inspect", path) == 0
    printed = " ".join(headfit.out.split())
    assert "stored as float32" in printed
    assert "where the max probability is below 0.25; 95% of known photos are above" in printed
    assert "epsilon 3, delta 1e-05, by gaussian: größe 网: one photo more or less" in printed
    assert f"{'01' * 32} (not checked here)" in printed
    document = headfit.json("inspect", golden_path("binary"))
    assert (document["storage"], document["privacy"]) == ("binary", None)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["train"], 2, "Missing argument"),
        (["train", "PHOTOS"], 2, "Missing option"),
        (["dance"], 2, "No such command"),
        (["train", "nowhere", "-o", "x.head"], 3, "nowhere"),
        (["train", "PHOTOS", "-o", "nowhere/x.head"], 3, "expected a folder to write into"),
        (["train", "PHOTOS", "-o", "PHOTOS/red/0.png"], 3, "another file than those"),
        (["train", "PHOTOS/red", "-o", "x.head"], 3, "found no photo"),
        (["train", "PHOTOS", "-o", "x.head", "--extractor", "no-such"], 4, "no-such"),
        (["train", "PHOTOS", "-o", "x.head", "--engine", "abacus"], 4, "abacus"),
        (["predict", "nowhere.head", "PHOTOS/red/0.png"], 3, "nowhere.head"),
        (["predict", "PHOTOS/red/0.png", "PHOTOS/red/0.png"], 5, "0.png"),
        (["inspect", "PHOTOS/red/0.png"], 5, "0.png"),
    ],
)
def test_how_it_ends(
    arguments: list[str],
    code: int,
    message: str,
    photos: Path,
    extractor_path: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An exit code that says what to mend, a sentence on standard error, and no traceback."""
    monkeypatch.chdir(tmp_path)
    picture = (photos / "red" / "0.png").read_bytes()
    given = [argument.replace("PHOTOS", "photos") for argument in arguments]
    if arguments[0] in ("train", "predict") and "--extractor" not in arguments:
        given += ["--extractor", str(extractor_path)]
    assert main(given) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert (photos / "red" / "0.png").read_bytes() == picture
    assert not (tmp_path / "x.head").exists()


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Both end with 0; the help lists the exit codes."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("headfit ")
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for code, meaning in EXIT_CODES.items():
        assert f"{code:5}  {meaning}" in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
def test_ctrl_c_leaves_the_old_head(
    photos: Path, extractor_path: Path, head: Path, write_photo: PhotoWriter
) -> None:
    """Stopped while it trains: exit code 130, the old file whole, no other file beside it."""
    write_photo(photos / "red" / "more.png", COLOURS["red"], 7)
    for number in range(2000):  # long enough that the signal comes in the midst of it
        os.link(photos / "red" / "more.png", photos / "red" / f"more {number}.png")
    before, files = head.read_bytes(), sorted(os.listdir(head.parent))
    process = subprocess.Popen(
        [*HEADFIT, "train", str(photos), "-o", str(head), "--extractor", str(extractor_path)],
        stderr=subprocess.PIPE,
        text=True,
        # In a shell's background job, as these tests may be, the signal is ignored: not here.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    # Native engines say something of their own first.
    assert any(line.startswith("Embedding photos: ") for line in iter(process.stderr.readline, ""))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err
    assert head.read_bytes() == before
    assert sorted(os.listdir(head.parent)) == files


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has other units elsewhere")
def test_a_prediction_stays_small(head: Path, photos: Path, extractor_path: Path) -> None:
    """A process that predicts stays under 200 MB resident."""
    code = f"""
import resource, subprocess, sys
subprocess.run({[*HEADFIT, "predict", str(head), str(photos / "red" / "0.png")]!r}
    + ["--extractor", {str(extractor_path)!r}], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(out.stdout.split()[-1]) * 1024 < 200e6


@pytest.mark.skipif(sys.platform == "win32", reason="Windows closes pipes otherwise")
@pytest.mark.parametrize("words", [["inspect"], ["inspect", "--json"], ["--help"]])
def test_a_closed_pipe_is_no_fault(head: Path, words: list[str]) -> None:
    """`headfit inspect | head` ends without a traceback, with the code of a closed pipe."""
    files = [] if words == ["--help"] else [str(head)]
    process = subprocess.Popen([*HEADFIT, *words, *files], stdout=-1, stderr=-1, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=60) == 141


def test_ctrl_c_while_modules_load(tmp_path: Path) -> None:
    """One line and the code of a stop, no traceback."""
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(HEADFIT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "headfit: stopped\n")


def test_without_its_libraries_it_says_what_to_install(tmp_path: Path) -> None:
    """Where click is missing, one line names the pip command."""
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError('no click', name='click')\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(HEADFIT, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "headfit: the command needs: pip install 'headfit[cli]'\n"


def test_blocks_beside_a_head_are_found_but_make_no_tflite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a head names retrained blocks by their fingerprint, they need not be named again."""
    blocks = golden_path("plain").with_name("blocks_v1.block").read_bytes()
    (tmp_path / "mine.block").write_bytes(blocks)
    fitted = SoftmaxHead.load(golden_path("blocks")).fitted_
    assert fitted.extractor is not None
    made_on = dataclasses.replace(fitted.extractor, fingerprint=hashlib.sha256(blocks).hexdigest())
    head = tmp_path / "mine.head"
    SoftmaxHead.of(dataclasses.replace(fitted, extractor=made_on)).save(head)
    for given in ([], ["--extractor", str(tmp_path / "mine.block")]):
        arguments = ["export-tflite", str(head), "-o", str(tmp_path / "x.tflite"), *given]
        assert main(arguments) == 3
        said = capsys.readouterr().err.replace("\n", " ")
        assert f"found one on retrained blocks, {tmp_path / 'mine.block'}" in said
    assert not (tmp_path / "x.tflite").exists()
