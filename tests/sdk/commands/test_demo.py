"""``headfit demo``: an output that tells what it promises."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from headfit.classifier import ImageClassifier
from headfit.commands import demo
from headfit.commands.main import main
from headfit.photos import samples


def test_the_demo(tmp_path: Path, extractor_path: Path) -> None:
    """Trains for real and says how many, how fast, how good by how many, how large, what next."""
    console = Console(file=io.StringIO(), width=120, highlight=False)
    demo.run(tmp_path / "demo", console, str(extractor_path))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    n_classes = len(samples.PICTURES)
    n_photos = n_classes * samples.TRAINING_PER_CLASS
    assert re.search(rf"\b{n_photos} photos \(effectively \d+\) of {n_classes} classes", said)
    n_tested = re.findall(r"% of (\d+) \(top-1\)", said)
    assert 0 < int(*n_tested) <= n_classes * samples.TEST_PER_CLASS
    n_others = len(list((tmp_path / "demo" / "photos" / "other").iterdir()))
    assert f"% of {n_others} photos of other things" in said
    for promised in ("Time per photo", "Training the head", "The head", "The extractor"):
        assert promised in said
    for per_class in (1, 2):  # with random weights many photos are nearly one
        assert re.search(rf"^ *{per_class}  .*\d\.\d%$", said, re.MULTILINE)
    assert "expect less on photos of your own" in said
    assert "headfit train photos -o mine.head" in said
    assert "</html>" in (tmp_path / "demo" / "report.html").read_text()
    head = tmp_path / "demo" / "sample.head"
    classifier = ImageClassifier.load(head, extractor=extractor_path)
    photo = tmp_path / "demo" / "photos" / "test" / "cat" / "01.jpg"
    assert classifier.predict(photo)[0][0] in samples.PICTURES


def test_the_demo_answers_as_predict_does(
    tmp_path: Path, extractor_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody is shown a sure answer of which the next command says that it is none."""
    eye, into = ["--extractor", str(extractor_path)], tmp_path / "d"
    assert main(["demo", "--into", str(into), *eye]) == 0
    said = capsys.readouterr().out
    head, photo = into / "sample.head", into / "photos" / "test" / "rocket" / "02.jpg"
    assert main(["predict", str(head), str(photo), *eye]) == 0
    _, *answer = capsys.readouterr().out.splitlines()
    assert "\n".join(answer) in said


def test_without_the_pictures_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    assert main(["demo", "--into", str(tmp_path / "d")]) == 3
    assert "pip install 'headfit[demo]'" in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_the_command(
    tmp_path: Path, extractor_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It writes where it is told."""
    assert main(["demo", "--into", str(tmp_path / "d"), "--extractor", str(extractor_path)]) == 0
    assert "Right on new photos" in capsys.readouterr().out
    assert (tmp_path / "d" / "sample.head").is_file()
