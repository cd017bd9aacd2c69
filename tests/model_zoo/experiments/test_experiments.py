"""The machinery of the paper's table: one small real run of every kind of row, and the report."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from headfit.errors import FileFormatError, InputError
from headfit.finetune import TuningSettings
from headfit_zoo.architectures import ARCHITECTURES, residual
from headfit_zoo.experiments import results
from headfit_zoo.experiments.networks import PAPER_RECIPES
from headfit_zoo.experiments.report import BEGIN, END, PAPER, ROWS, markdown, ratios, write_report
from headfit_zoo.experiments.results import Result, Share, load_results
from headfit_zoo.experiments.running import Experiment, run
from headfit_zoo.experiments.sets import SETS, SplitPictures
from headfit_zoo.experiments.transfer import Pictures
from headfit_zoo.training import efficientnet
from headfit_zoo.training.recipes import Recipe, Stage

TUNING = TuningSettings(epochs=2, batch_size=8)


@pytest.fixture
def data(tmp_path: Path) -> SplitPictures:
    """Ten pictures each of three colours, every second for the test."""
    rng = np.random.default_rng(4)
    for column, name in enumerate(("blue", "green", "red")):
        for number in range(16):
            pixels = rng.normal(90, 40, (64, 64, 3))
            pixels[..., 2 - column] += 90
            path = tmp_path / "pictures" / name / f"{number:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return SplitPictures.split(Pictures.open(tmp_path / "pictures"), None, None)


def experiment(row: str, **changes: object) -> Experiment:
    return Experiment("birds", row, recipe="smoke", n_views=2, tuning=TUNING, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", ["a", "b", "b-crops", "block1"])
def test_a_row_with_the_frozen_network(row: str, data: SplitPictures, tmp_path: Path) -> None:
    """Learns colours, says how it was done, and is not made again."""
    heard: list[str] = []
    folder, work = tmp_path / "results", tmp_path / "work"
    first = run(experiment(row), folder, work, data=data, say=heard.append)
    assert first.top1.value >= 0.8
    assert first.top5.value == 1.0
    assert (first.n_train, first.n_test, first.n_classes) == (24, 24, 3)
    assert first.measured["shipped_bytes"] < 100_000
    assert first.versions["numpy"] == np.__version__
    assert bool(heard) == (row == "block1")
    again = run(experiment(row), folder, tmp_path / "nowhere", data=data)
    assert again == first
    assert not (tmp_path / "nowhere").exists()
    # The result of another network under the same name does not count.
    (path,) = folder.iterdir()
    stored = json.loads(path.read_text())
    stored["settings"]["fingerprint"] = "0" * 64
    path.write_text(json.dumps(stored))
    fresh = run(experiment(row), folder, work, data=data)
    assert fresh.settings["fingerprint"] == first.settings["fingerprint"]


def test_cuttings_are_further_training_pictures(data: SplitPictures, tmp_path: Path) -> None:
    """Each cutting of a training picture is embedded once; no test picture is cut."""
    result = run(experiment("a-crops"), tmp_path / "results", tmp_path / "work", data=data)
    assert result.settings["n_views"] == 7
    looks = [np.load(path) for path in sorted((tmp_path / "work").rglob("view-*/*.npy"))]
    assert [len(look) for look in looks] == 6 * [result.n_train]
    assert not any(np.allclose(look, looks[0]) for look in looks[1:])


def test_rows_that_train_a_network(
    data: SplitPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The float twin from scratch, then from those weights; nothing is trained twice."""
    tiny = partial(residual.build, binary=False, widths=(8, 8, 16), blocks=(1, 1, 1))
    monkeypatch.setitem(ARCHITECTURES, "residual_float", tiny)
    recipe = Recipe(stages=(Stage(1, 32),), final_size=32, batch_size=8)
    monkeypatch.setitem(PAPER_RECIPES, "smoke", recipe)
    scratch = run(experiment("fp-scratch"), tmp_path / "results", tmp_path / "work", data=data)
    assert scratch.network == "residual_float"
    assert 0 <= scratch.top1.low <= scratch.top1.value <= scratch.top1.high <= 1
    training = tmp_path / "work" / "birds-fp-scratch-residual_float" / "training"
    before = (training / "weights.h5").stat().st_mtime_ns
    (tmp_path / "results" / "birds-fp-scratch-residual_float.json").unlink()
    again = run(experiment("fp-scratch"), tmp_path / "results", tmp_path / "work", data=data)
    assert again.top1 == scratch.top1
    assert again.measured == scratch.measured  # the epochs' time, not that of looking at them
    assert scratch.measured["fit_s"] > 0
    log = (training / "log.csv").read_text()
    assert len(log.splitlines()) == 2  # a heading and the one epoch: none was added
    assert (training / "weights.h5").stat().st_mtime_ns >= before
    tuned = run(
        experiment("fp-finetuned", pretrained=training),
        tmp_path / "results",
        tmp_path / "work",
        data=data,
    )
    assert tuned.settings["pretrained"] == str(training)
    frozen = run(
        experiment("fp-frozen", pretrained=training),
        tmp_path / "results",
        tmp_path / "work",
        data=data,
    )
    assert frozen.network == "residual_float"
    assert frozen.settings["engine"] == "keras"
    assert frozen.top1.value >= 0.8  # features that hardly learned anything tell colours apart


def test_the_row_with_another_float_network(
    data: SplitPictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A float head on its embeddings; an app ships the network as well as the head."""

    class MeanColour:
        fingerprint, engine_name, size_bytes = "0" * 64, "none", 1000

        def embed(self, pictures: list[bytes]) -> np.ndarray:
            opened = [Image.open(io.BytesIO(picture)) for picture in pictures]
            return np.array([np.asarray(x).mean((0, 1)) for x in opened], np.float32)

    weights = tmp_path / "weights"
    weights.write_bytes(b"published")
    monkeypatch.setattr(efficientnet, "EfficientNetLite0", MeanColour)
    monkeypatch.setattr(efficientnet, "weights_path", lambda: weights)
    result = run(experiment("efficientnet"), tmp_path / "results", tmp_path / "work", data=data)
    assert result.top1.value == 1.0
    assert result.network == "efficientnet-lite0"
    assert result.measured["shipped_bytes"] == 1000 + 4 * (3 * 3 + 3)


def test_a_training_of_another_network_is_no_beginning(tmp_path: Path) -> None:
    for row in ("fp-finetuned", "fp-frozen"):
        with pytest.raises(InputError, match=f"--pretrained for the row {row}"):
            experiment(row)
    with pytest.raises(InputError, match="expected a row of"):
        experiment("c")
    with pytest.raises(InputError, match="flowers102, birds, scenes"):
        SplitPictures.open("cars")


@pytest.mark.parametrize("name", SETS)
def test_the_splits_are_those_of_the_papers_protocol(name: str, shared_data: object) -> None:
    shared_data(SETS[name].file)  # type: ignore[operator]
    data = SplitPictures.open(name)
    sizes = {
        "flowers102": (6149, 1020, 102),
        "birds": (3066, 2967, 200),
        "scenes": (1500, 2985, 15),
    }
    assert (len(data.train), len(data.test), len(set(data.classes))) == sizes[name]
    assert not set(data.train) & set(data.test)
    assert 0.15 < data.held_out().mean() < 0.26


def test_hits_and_intervals() -> None:
    """Ties go to the lower column; the interval is near the exact binomial one."""
    scores = np.array([[0.1, 0.1, 0.0], [0.0, 0.5, 1.0], [0.2, 0.1, 0.3]])
    targets = np.array([1, 2, 1])
    assert results.hits(scores, targets, 1).tolist() == [False, True, False]
    assert results.hits(scores, targets, 2).tolist() == [True, True, False]
    assert results.hits(scores, targets, 5).all()
    found = results.share(np.arange(1000) < 640)
    assert found.value == 0.64
    exact = stats.binom.interval(0.95, 1000, 0.64)
    np.testing.assert_allclose((found.low, found.high), np.array(exact) / 1000, atol=0.004)


def make_result(dataset: str, row: str, top1: float) -> Result:
    share = Share(top1, top1 - 0.02, top1 + 0.02)
    settings = {"seed": 3}
    return Result(dataset, row, "net", share, share, 10, 20, 3, settings, {"fit_s": 1.0}, 3)


def test_the_report_stands_between_its_marks(tmp_path: Path) -> None:
    """Ours in the paper's order beside the paper's, the rest of the page untouched."""
    folder = tmp_path / "paper"
    for row, top1 in (("b", 0.5), ("a", 0.4), ("block1", 0.6)):
        make_result("birds", row, top1).save(folder)
    page = tmp_path / "paper.md"
    page.write_text(f"Before.\n\n{BEGIN}\nold\n{END}\n\nAfter.\n")
    for _ in range(2):  # the second time nothing changes
        write_report(load_results(folder), page)
        text = page.read_text()
    assert text.startswith("Before.\n\n")
    assert text.endswith("\n\nAfter.\n")
    assert "old" not in text
    lines = [line for line in text.splitlines() if "| net |" in line]
    assert [line.split("|")[1].strip() for line in lines] == [ROWS[r] for r in ("a", "b", "block1")]
    assert "40.0% (38.0 to 42.0)" in lines[0]
    assert "33.9% / 62.9%" in lines[0]
    with (tmp_path / "paper.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["paper_top1"] for row in rows] == ["0.339", "0.367", ""]
    with Image.open(tmp_path / "paper.png") as picture:
        assert min(picture.size) > 200


def test_rows_of_one_family_stand_together_and_are_compared() -> None:
    """Whatever a family's networks are called; the ratios are those of residual networks."""
    rows = [("alexnet_64", "binary-scratch", 0.1), ("residual_float", "fp-finetuned", 0.5)]
    rows += [("residual-tiny-imagenet", "b-crops", 0.4), ("alexnet-64-mixture", "b", 0.2)]
    rows += [("residual-mixture", "b-crops", 0.6)]
    results = [
        dataclasses.replace(make_result("birds", row, top1), network=network)
        for network, row, top1 in rows
    ]
    shown = [line.split(" | ")[1] for line in markdown(results).splitlines()[4:]]
    families = ["residual-mixture", "residual_float", "residual-tiny-imagenet"]
    assert shown == [*families, "alexnet_64", "alexnet-64-mixture"]
    assert "| birds | residual-tiny-imagenet | 0.800 | 0.850 | 0.73 |" in ratios(results)[0]
    assert "| birds | residual-mixture | 1.200 | 0.850 | 0.73 |" in ratios(results)[0]
    assert ratios(results[:1]) == []


def test_what_is_no_report_or_result_is_said(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing\n")
    with pytest.raises(InputError, match="expected results"):
        write_report([], page)
    with pytest.raises(InputError, match=r"in .*page\.md"):
        write_report([make_result("birds", "b", 0.5)], page)
    bad = tmp_path / "bad.json"
    for text in ("{", "[]", '{"dataset": 1}'):
        bad.write_text(text)
        with pytest.raises(FileFormatError, match="run the row again"):
            Result.load(bad)


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    result = dataclasses.replace(make_result("scenes", "a", 0.25), versions={"numpy": "1"})
    assert Result.load(result.save(tmp_path)) == result


def test_the_papers_figures_are_in_its_order() -> None:
    """Fine-tuned above from scratch, (b) above (a), on every set of the paper."""
    for name in SETS:
        for better, worse in (("fp-finetuned", "fp-scratch"), ("b", "a"), ("a", "binary-scratch")):
            assert PAPER[better][name] > PAPER[worse][name]
