"""``headfit cut``, run as a user runs it: a file of one's own to a trained head."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.support.foreign import Foreign
from tests.support.networks import DATA

from headfit import Extractor
from headfit.commands.main import main
from headfit.networks.tflite.reading import MAX_BYTES

pytest.importorskip("flatbuffers")
OWN = ["--mean", "127.5", "--std", "127.5"]


@pytest.fixture
def larq(tmp_path: Path) -> Path:
    """A binary classifier, as Larq's converter writes it."""
    return Path(shutil.copy(DATA / "quicknet.tflite", tmp_path / "larq.tflite"))


def test_a_larq_users_three_commands(larq: Path, photos: Path, tmp_path: Path) -> None:
    """Cut, train, predict."""
    eye, head = str(tmp_path / "net_v1.5.tflite"), str(tmp_path / "mine.head")
    assert main(["cut", str(larq), "-o", eye, "--mean", "127.5", "--std", "64"]) == 0
    assert main(["train", str(photos), "-o", head, "--extractor", eye]) == 0
    assert main(["predict", head, str(photos / "red" / "0.png"), "--extractor", eye]) == 0
    assert Extractor.open(eye).manifest.preprocessing.std == (64.0, 64.0, 64.0)


def test_a_coral_users_three_commands(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A quantised network says by its own scale how pictures are prepared."""
    pytest.importorskip("ai_edge_litert")
    eye, head = str(tmp_path / "my eye.tflite"), str(tmp_path / "mine.head")
    assert main(["cut", str(Foreign("uint8").path), "-o", eye]) == 0
    assert main(["train", str(photos), "-o", head, "--extractor", eye]) == 0
    assert main(["predict", head, str(photos / "red" / "0.png"), "--extractor", eye]) == 0
    assert f"--extractor '{eye}'" in capsys.readouterr().out  # the line can be copied


def test_heads_of_other_preprocessing_are_refused(
    larq: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever mends a wrong --mean has another extractor, though the weights are the same."""
    first, second, head = (str(tmp_path / one) for one in ("a.tflite", "b.tflite", "mine.head"))
    assert main(["cut", str(larq), "-o", first, "--mean", "127.5", "--std", "64"]) == 0
    assert main(["train", str(photos), "-o", head, "--extractor", first]) == 0
    photo = str(photos / "red" / "0.png")
    for other in (["--mean", "0", "--std", "64"], ["--mean", "127.5", "--std", "64"]):
        size = ["--resize-to", "300"] if other[1] == "127.5" else []
        assert main(["cut", str(larq), "-o", second, *other, *size, "--force"]) == 0
        capsys.readouterr()
        assert main(["predict", head, photo, "--extractor", second]) == 4
        assert "expected the extractor a with fingerprint" in capsys.readouterr().err
    assert main(["cut", str(larq), "-o", second, "--mean", "127.5", "--std", "64", "--force"]) == 0
    assert main(["predict", head, photo, "--extractor", second]) == 0


def test_a_network_that_was_not_cut_is_no_extractor(
    larq: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", str(photos), "-o", str(tmp_path / "x"), "--extractor", str(larq)]) == 4
    assert "headfit cut makes an extractor of a network" in capsys.readouterr().err


def test_what_it_did_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    output = tmp_path / "eye.tflite"
    assert main(["cut", str(Foreign("flattened").path), "-o", str(output), *OWN]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "8 numbers, the mean of 6 x 8, of " in printed
    assert "chosen by itself" in printed
    assert "It takes 32 x 24 pixels, (pixel - 127.5) / 127.5 as you said" in printed
    assert f"Next: headfit train DIR -o mine.head --extractor {output}" in printed
    arguments = ["cut", str(Foreign("flattened").path), "-o", str(output), *OWN, "--pool", "none"]
    assert main(arguments) == 3
    assert "on which heads may rest" in capsys.readouterr().err
    assert main([*arguments, "--json", "--force"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["embedding_dim"], said["how"]) == (384, "all of 6 x 8")
    assert said["name"] == "eye"
    assert not said["is_output"]
    bare = tmp_path / "bare.tflite"
    assert main(["cut", str(output), "-o", str(bare), *OWN]) == 0
    assert "No classifier was found at its end" in capsys.readouterr().out
    assert main(["cut", str(output), "-o", str(bare), *OWN, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_output"]


def test_every_place_is_listed(larq: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With its shape, and what would become of it; one is taken by itself."""
    assert main(["cut", str(larq), "--list", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    chosen = said["places"][said["chosen"] - 1]
    assert (chosen["embedding_dim"], chosen["how"]) == (64, "as they are")
    assert any("packed bits" in one["how"] for one in said["places"])
    assert main(["cut", str(larq), "--list"]) == 0
    printed = capsys.readouterr().out
    assert sum(line.startswith("*") for line in printed.splitlines()) == 2
    assert f"* {said['chosen']:3}" in printed
    assert "no: packed bits" in printed


def test_where_nothing_can_be_cut_it_says_why(
    larq: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With an error, for --list too; and no file is written."""
    text = tmp_path / "text.tflite"
    text.write_text("no network")
    truncated = tmp_path / "truncated.tflite"
    truncated.write_bytes(larq.read_bytes()[:-100])
    output = tmp_path / "out.tflite"
    for path, why in ((text, "or an ONNX file, found neither"), (truncated, "no usable .tflite")):
        assert main(["cut", str(path), "--list"]) == 4
        assert main(["cut", str(path), "-o", str(output), *OWN]) == 4
        assert main(["cut", str(path), "-o", str(tmp_path / "out.onnx"), *OWN]) in (3, 4)
        assert capsys.readouterr().err.count(why) >= 2
    assert main(["cut", str(larq), "--at", "nowhere", "-o", str(output), *OWN]) == 3
    assert "found 0 named 'nowhere'" in capsys.readouterr().err
    assert main(["cut", str(larq), "-o", str(output)]) == 3
    assert "expected --mean and --std" in capsys.readouterr().err
    assert main(["cut", str(larq)]) == 2
    assert main(["cut", str(larq), "-o", str(tmp_path / "net_v1.5"), *OWN]) == 3
    told = capsys.readouterr().err
    assert told.count("call it") == 1
    assert "net_v1.5.tflite" in told
    for option in (["--mean", "x"], ["--size", "big"], ["--pool", "sum"]):
        assert main(["cut", str(larq), "-o", str(output), *option]) == 2
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "larq.tflite",
        "text.tflite",
        "truncated.tflite",
    ]


def test_a_file_that_is_too_large(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    huge = tmp_path / "huge.tflite"
    with huge.open("wb") as stream:
        stream.write(b"\0\0\0\0TFL3")
        stream.truncate(MAX_BYTES + 1)
    assert main(["cut", str(huge), "--list"]) == 4
    assert "at most 268,435,456 are read; choose a network" in capsys.readouterr().err
