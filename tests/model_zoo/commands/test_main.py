from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.model_zoo.conftest import Run


def test_the_module_is_the_command() -> None:
    """As a user starts it; the other tests do without a process of their own."""
    command = [sys.executable, "-m", "headfit_zoo", "info", "quicknet-small"]
    about = subprocess.run(command, capture_output=True, text=True)
    assert about.returncode == 0, about.stderr
    assert "not measured" in about.stdout


@pytest.mark.timeout(600)
def test_train_convert_verify(
    folder_of_stripes: Path, trained: Path, tmp_path: Path, run: Run
) -> None:
    """The three commands lead from a folder of pictures to a checked extractor, and on from it."""
    again = run("train", folder_of_stripes, "-o", trained, "--recipe", "smoke")
    assert again.returncode == 0, again.stderr
    assert "81 training and 9 validation pictures, 3 classes" in again.stdout
    converting = run("convert", trained, "-o", tmp_path / "out", "--name", "stripes")
    assert converting.returncode == 0, converting.stderr
    verifying = run(
        "verify",
        trained,
        tmp_path / "out" / "stripes.tflite",
        "--photos",
        folder_of_stripes,
        "--most",
        6,
        "--data",
        folder_of_stripes,
        "--json",
    )
    assert verifying.returncode == 0, verifying.stderr
    result = json.loads(verifying.stdout)
    assert result["parity"]["n_samples"] == 6
    # Sums near zero take another sign on another processor; six pictures hardly average that.
    assert result["parity"]["mean_cosine"] > 0.99
    assert result["accuracy"]["n_samples"] == 9
    assert 0 <= result["accuracy"]["top1"] <= result["accuracy"]["top5"] == 1
    extractor, on = tmp_path / "out" / "stripes.tflite", tmp_path / "on"
    going_on = run(
        "train", folder_of_stripes, "-o", on, "--recipe", "smoke", "--start-from", extractor
    )
    assert going_on.returncode == 0, going_on.stderr
    recovered = hashlib.sha256((on / "start.h5").read_bytes()).hexdigest()
    assert json.loads((on / "recipe.json").read_text())["start_sha256"] == recovered


def test_bad_input_is_one_line(tmp_path: Path, run: Run) -> None:
    """A missing data set ends with one sentence and no traceback."""
    result = run("train", tmp_path / "none", "-o", tmp_path / "run")
    assert result.returncode == 1
    assert "found no folder" in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    result = run("train", tmp_path, "-o", tmp_path / "run", "--recipe", "best")
    assert result.returncode == 2
    assert "tiny-imagenet-short" in result.stderr


def test_list_and_info_show_the_cards(run: Run) -> None:
    """Each extractor is listed, and what is not known is said to be unknown."""
    listing = run("list")
    assert listing.returncode == 0, listing.stderr
    assert "quicknet-large" in listing.stdout
    about = run("info", "quicknet-small")
    assert about.returncode == 0, about.stderr
    assert "not measured" in about.stdout
    unknown = run("info", "resnet50")
    assert unknown.returncode == 1
    assert "found 'resnet50'" in " ".join(unknown.stderr.split())


def test_document_writes_the_page(tmp_path: Path, run: Run) -> None:
    """The command makes the page that lies in docs/."""
    assert run("document", tmp_path / "page.md").returncode == 0
    page = Path(__file__).parents[3] / "docs" / "extractors.md"
    assert (tmp_path / "page.md").read_bytes() == page.read_bytes()


@pytest.mark.slow
def test_summary_of_all_networks(run: Run) -> None:
    """Without a name every network has a line; a twin has its network's parameters and work."""
    from headfit_zoo.architectures import ARCHITECTURES

    found = {cost["name"]: cost for cost in json.loads(run("summary", "--json").stdout)}
    assert len(found) == len(ARCHITECTURES)
    for name, cost in found.items():
        if name.endswith("_float"):
            binary = found[name.removesuffix("_float")]
            assert cost["parameters"] == binary["parameters"]
            work = binary["multiply_adds"] + binary["binary_multiply_adds"]
            assert cost["multiply_adds"] == work
            assert cost["weight_bytes"] > 4 * binary["weight_bytes"]


def test_summary_counts_the_twins_alike(run: Run) -> None:
    """Binary and float twin have the same multiply-adds; only their kind differs."""
    binary, twin = (
        json.loads(run("summary", name, "--size", 64, "--json").stdout)
        for name in ("resnet18", "resnet18_float")
    )
    assert binary["binary_multiply_adds"] > 100_000_000
    assert twin["binary_multiply_adds"] == 0
    assert twin["multiply_adds"] == binary["multiply_adds"] + binary["binary_multiply_adds"]
    assert twin["parameters"] == binary["parameters"]
