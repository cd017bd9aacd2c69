"""Heads that give photos several classes, by the command: from tables and from folders."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headfit.commands.main import main
from headfit.extractor import Extractor
from headfit.multi_label_head import MultiLabelHead

CORNERS = {"red": (0, (220, 30, 30)), "green": (1, (30, 200, 30)), "blue": (2, (30, 30, 220))}
SETS = [[], ["red"], ["green"], ["blue"], ["red", "green"], ["green", "blue"], ["red", "blue"]]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Photos with colours in their corners, in one folder, and a table of which."""
    generator = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    lines = ["photo,red,green,blue"]
    for number in range(28):
        shown = SETS[number % len(SETS)]
        pixels = generator.integers(90, 160, (64, 64, 3), np.uint8)
        for name in shown:
            corner, colour = CORNERS[name]
            row, column = divmod(corner, 2)
            noise = generator.integers(-20, 20, (32, 32, 3))
            place = np.s_[32 * row : 32 * row + 32, 32 * column : 32 * column + 32]
            pixels[place] = np.clip(np.array(colour) + noise, 0, 255)
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
        lines.append(f"{number:02}.png," + ",".join(str(int(name in shown)) for name in CORNERS))
    path = tmp_path / "labels.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the command; returns code, output and messages."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(each) for each in arguments])
        return (code, *capsys.readouterr())

    return call


def test_from_a_table_to_answers(table: Path, run: Any, tmp_path: Path) -> None:
    """The head is the one that the SDK fits; answers, figures and contents are those of the SDK."""
    photos, head = tmp_path / "photos", tmp_path / "mine.head"
    code, out, err = run("train", photos, "--labels", table, "-o", head)
    assert code == 0, err
    assert "Found 28 photos of 3 classes: red (12), green (12), blue (12). 12 show several" in err
    assert "Trained on 28 photos (effectively 8) of 3 classes" in out
    loaded = MultiLabelHead.load(head)
    assert loaded.fitted_.classes == ("red", "green", "blue")

    code, out, _ = run("predict", head, photos / "04.png", photos / "00.png", "--json")
    both, none = json.loads(out)["predictions"]
    assert set(both["shown"]) == {"red", "green"}
    assert none["shown"] == []
    assert [one["class"] for one in both["classes"]][:2] == both["shown"]
    code, out, _ = run("predict", head, photos / "04.png", photos / "00.png")
    assert "shows red, green" in out or "shows green, red" in out
    assert "shows none of the classes" in out

    code, out, err = run("evaluate", head, photos, "--labels", table, "--json")
    figures = json.loads(out)
    assert (code, figures["n_samples"], figures["classes"]) == (0, 28, ["red", "green", "blue"])
    assert figures["n_effective"] == 8
    assert figures["mean_average_precision"] > 0.9
    code, out, _ = run("evaluate", head, photos, "--labels", table)
    assert f"{figures['subset_accuracy']:.1%} right as a whole of 28 photos" in out

    code, out, _ = run("inspect", head, "--json")
    contents = json.loads(out)
    assert contents["format"] == "headfit-multi-label-head"
    assert contents["thresholds"] == pytest.approx(loaded.thresholds_.tolist())
    code, out, _ = run("inspect", head)
    assert "several classes a photo, or none; of 28 photos" in " ".join(out.split())
    assert run("share", head, "-o", tmp_path / "shared.head")[0] == 0
    assert (tmp_path / "shared.head").read_bytes() == head.read_bytes()


def test_folders_with_links_and_copies_say_the_same(table: Path, run: Any, tmp_path: Path) -> None:
    """A photo in two folders shows both; what lies beside them shows none."""
    photos, sorted_in = tmp_path / "photos", tmp_path / "sorted"
    for row in table.read_text().splitlines()[1:]:
        name, *cells = row.split(",")
        shown = [each for each, cell in zip(CORNERS, cells, strict=True) if cell == "1"]
        for number, class_name in enumerate(shown or ["."]):
            to = sorted_in / class_name / f"{class_name.strip('.')}{name}"
            to.parent.mkdir(parents=True, exist_ok=True)
            if number:
                os.symlink(photos / name, to)
            else:
                shutil.copy(photos / name, to)
    by_table, by_folders = tmp_path / "table.head", tmp_path / "folders.head"
    assert run("train", photos, "--labels", table, "-o", by_table)[0] == 0
    code, _, err = run("train", sorted_in, "--multi-label", "-o", by_folders)
    assert "Found 28 photos of 3 classes: blue (12), green (12), red (12). 12 show several" in err
    assert code == 0
    one, other = MultiLabelHead.load(by_table).fitted_, MultiLabelHead.load(by_folders).fitted_
    order = [one.classes.index(name) for name in other.classes]
    assert np.array_equal(one.weights[:, order], other.weights)


def test_one_class_a_photo_is_another_kind(
    table: Path, run: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever takes a head of one class a photo refuses this one, and says which it is."""
    photos, head = tmp_path / "photos", tmp_path / "mine.head"
    assert run("train", photos, "--labels", table, "-o", head)[0] == 0
    for words in (
        ["audit", head, tmp_path / "s"],
        ["calibrate", head, tmp_path / "s", "-o", tmp_path / "x.head"],
        ["convert-head", head, "--dtype", "binary", "-o", tmp_path / "x.head"],
    ):
        code = main([str(each) for each in words])
        assert code in (3, 5), words
        assert "head that gives a photo several classes" in capsys.readouterr().err, words
    code, _, err = run("evaluate", head, photos)
    assert code == 3
    assert "or give a table of what each photo shows" in err
    code, _, err = run("train", photos, "--labels", table, "-o", head, "--store", tmp_path / "s")
    assert code == 3
    assert "a store keeps one class of each photo" in err


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("photo,red\n00.png,yes\n", "line 2: expected 0 or 1 for 'red', found 'yes'"),
        ("photo,red\n00.png\n", "line 2: expected 2 columns as in the first row, found 1"),
        ("photo,red,red\n00.png,0,1\n", "found several of red"),
        ("photo,red\n00.png,0\n00.png,1\n", "line 3: expected one row for each photo"),
        ("photo,red\nnot-there.png,1\n", "such as 00.png, found not-there.png"),
        ("photo,red\n01.png,1\n02.png,1\n", "red shown by none or by all of 2 photos"),
        ("photo,classes\n01.png,\n", "found no class of 1 photos"),
        ("photo\n01.png\n", "found 'photo'"),
        ("", "expected a first row that names a column of photos"),
        ('photo,red\n"01.png,1\n', "found a fault"),
        ("photo,red\n,1\n", "line 2: expected a photo, found none"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(
    rows: str, said: str, table: Path, run: Any, tmp_path: Path
) -> None:
    table.write_text(rows)
    code, _, err = run(
        "train", tmp_path / "photos", "--labels", table, "-o", tmp_path / "mine.head"
    )
    assert code == 3
    assert said in err
    assert not (tmp_path / "mine.head").exists()


def test_what_only_one_of_both_names_is_left_out_and_said(
    table: Path, run: Any, tmp_path: Path
) -> None:
    rows = table.read_text().splitlines()
    table.write_text("\n".join([*rows[:-1], "gone.png,1,0,0"]) + "\n")
    words = ("train", tmp_path / "photos", "--labels", table, "-o", tmp_path / "mine.head")
    code, _, err = run(*words)
    assert code == 0
    assert "gone.png: labels.csv names it, but it is not there" in err
    assert "27.png: labels.csv does not name it" in err
    assert run(*words, "--strict")[0] == 3


def test_a_label_table_is_for_multi_label_heads(
    table: Path, run: Any, tmp_path: Path, photos: Path
) -> None:
    head = tmp_path / "one.head"
    assert run("train", photos, "-o", head)[0] == 0
    code, _, err = run("evaluate", head, tmp_path / "photos", "--labels", table)
    assert code == 3
    assert "expected --labels with a multi-label head" in err
    # Training again replaces either kind.
    assert run("train", tmp_path / "photos", "--labels", table, "-o", head)[0] == 0


def test_evaluation_names_classes_that_the_head_does_not_know(
    table: Path, run: Any, tmp_path: Path, extractor_path: Path
) -> None:
    photos, head = tmp_path / "photos", tmp_path / "mine.head"
    assert run("train", photos, "--labels", table, "-o", head)[0] == 0
    table.write_text(table.read_text().replace("blue", "teal"))
    code, _, err = run("evaluate", head, photos, "--labels", table)
    assert code == 3
    assert "found also teal" in err
    assert Extractor.open_for(head, extractor_path).manifest.name


def test_another_threshold_names_less(table: Path, run: Any, tmp_path: Path) -> None:
    """For answers and for figures; a head of one class a photo has none."""
    photos, head = tmp_path / "photos", tmp_path / "mine.head"
    assert run("train", photos, "--labels", table, "-o", head)[0] == 0
    loaded = MultiLabelHead.load(head)
    names: dict[float, list[str]] = {}
    for threshold in (1e-6, 1.0):
        code, out, _ = run("predict", head, photos / "04.png", "--json", "--threshold", threshold)
        assert code == 0
        names[threshold] = json.loads(out)["predictions"][0]["shown"]
    assert sorted(names[1e-6]) == sorted(loaded.classes_)
    assert names[1.0] == []
    words = ("evaluate", head, photos, "--labels", table, "--json", "--threshold")
    assert json.loads(run(*words, 1.0)[1])["recall"] == [0, 0, 0]
    assert run(*words, 0)[0] == 2

    single = tmp_path / "single.head"
    for name in ("a", "b"):
        (tmp_path / "sorted" / name).mkdir(parents=True)
    for number in range(1, 7):
        to = tmp_path / "sorted" / "ab"[number % 2] / f"{number}.png"
        shutil.copy(photos / f"{number:02}.png", to)
    assert run("train", tmp_path / "sorted", "-o", single)[0] == 0
    for command, what in (("predict", photos / "04.png"), ("evaluate", tmp_path / "sorted")):
        code, _, err = run(command, single, what, "--threshold", 0.5)
        assert code == 3
        assert "expected --threshold with a multi-label head" in err
    code, _, err = run("report", single, photos, "--labels", table, "-o", tmp_path / "x.html")
    assert code == 3
    assert "expected --labels with a multi-label head" in err


def test_the_report_of_a_multi_label_head(table: Path, run: Any, tmp_path: Path) -> None:
    """Photos that were trained on are left out; those of nothing are no option of their own."""
    photos, head, page = tmp_path / "photos", tmp_path / "mine.head", tmp_path / "page.html"
    assert run("train", photos, "--labels", table, "-o", head)[0] == 0
    others = tmp_path / "others"
    others.mkdir()
    lines = ["photo,classes"]
    generator = np.random.default_rng(1)
    for number in range(6):
        grid = Image.fromarray(generator.integers(0, 256, (3, 3, 3), np.uint8))
        grid.resize((64, 64)).save(others / f"new {number}.png")
        lines.append(f'new {number}.png,"{", ".join(SETS[number])}"')
    for number in range(3):
        shutil.copy(photos / f"{number:02}.png", others / f"copy {number}.png")
        lines.append(f"copy {number}.png,blue")
    labels = tmp_path / "others.csv"
    labels.write_text("\n".join(lines) + "\n")
    words = ("report", head, others, "--labels", labels, "-o", page)
    code, out, err = run(*words, "--training", photos)
    assert code == 0, err
    found = re.search(r"of (\d+) photos", out)
    assert found is not None
    assert found[1] in "456"  # the small extractor finds some of the others nearly the same
    for number in range(3):
        assert f"copy {number}.png: the training folder has it" in err
    assert "learned from 28 photos" in page.read_text()
    code, out, _ = run(*words, "--no-thumbnails")
    assert (code, "of 9 photos" in out) == (0, True)
    assert "<img" not in page.read_text()
    code, _, err = run(*words, "--unknown", photos)
    assert code == 3
    assert "photos that show none of the classes belong in" in err
