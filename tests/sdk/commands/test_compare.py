"""``headfit compare``: which extractor would be the best on someone's photos."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit.commands.main import main
from headfit.extractors import measured
from headfit.extractors.finding import known_extractor

KNOWN = known_extractor()


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Twelve pictures of stripes across, twelve of stripes down, all unlike."""
    rng = np.random.default_rng(3)
    for number in range(24):
        waves = np.sin(np.arange(80) / rng.uniform(2, 8) + rng.uniform(0, 6))
        picture = 128 + 60 * np.broadcast_to(waves, (80, 80))[..., None] * rng.uniform(-1, 1, 3)
        picture = picture + rng.normal(0, 25, (80, 80, 3))
        down = number % 2
        path = tmp_path / "photos" / ("down", "across")[down] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = picture.transpose(1, 0, 2) if down else picture
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.fixture
def installed(extractor_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user who has another extractor, of random weights."""
    monkeypatch.setattr(
        "headfit.extractors.finding.installed_folder", lambda: extractor_path.parent
    )
    return "residual"


def test_what_each_would_bring(
    drawn: Path, installed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All on the device by default; best first; the page and what is printed agree."""
    page = tmp_path / "page.html"
    assert main(["compare", str(drawn), "-o", str(page), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["n_samples"] == 24
    assert result["class_counts"] == {"across": 12, "down": 12}
    names = [one["name"] for one in result["extractors"]]
    assert sorted(names) == sorted([KNOWN.name, installed])
    last = [one["curve"][-1] for one in result["extractors"]]
    assert last[0]["mean"] >= last[1]["mean"]
    assert all(one["milliseconds"] > 0 for one in result["extractors"])
    written = page.read_text(encoding="utf-8")
    for one in result["extractors"]:
        assert f"{one['curve'][-1]['mean']:.1%}" in written
    assert main(["compare", str(drawn), "--extractors", f"{installed},{KNOWN.name}"]) == 0
    out = capsys.readouterr().out
    assert f"{names[0]} is the best here" in out
    assert f"{last[0]['mean']:.1%}" in out


def test_no_name_is_cut_where_the_console_is_narrow(
    drawn: Path,
    installed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is what --extractor takes."""
    monkeypatch.setenv("COLUMNS", "40")
    assert main(["compare", str(drawn), "--extractors", f"{installed},{KNOWN.name}"]) == 0
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if "│" in line]
    assert KNOWN.name in "".join(row[1].strip() for row in rows)


def test_what_was_embedded_is_not_embedded_again(
    drawn: Path, installed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The second time, and after a photo more, only what is new is; one extractor may be added."""
    kept = tmp_path / "kept"
    line = ["compare", str(drawn), "--embeddings", str(kept), "--json"]
    assert main([*line, "--extractors", installed]) == 0
    alone = json.loads(capsys.readouterr().out)["extractors"][0]
    assert main(line) == 0
    both = json.loads(capsys.readouterr().out)["extractors"]
    assert alone["fingerprint"] in {one["fingerprint"] for one in both}
    assert len(list(kept.iterdir())) == 2
    asked: list[object] = []
    embed = "headfit.photos.shards.embed_each"
    monkeypatch.setattr(embed, lambda *given, **_: asked.append(given))
    assert main(line) == 0
    assert asked == []
    again = json.loads(capsys.readouterr().out)["extractors"]
    assert [one["curve"] for one in again] == [one["curve"] for one in both]


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (["--extractors", "residual,residual"], 2, "each once"),
        (["--extractors", ","], 2, "found ','"),
        (["--extractors", "none-such"], 4, "found 'none-such'"),
    ],
)
def test_names_that_are_none(
    drawn: Path, installed: str, capsys: pytest.CaptureFixture[str],
    given: list[str], code: int, said: str,
) -> None:  # fmt: skip
    assert main(["compare", str(drawn), *given]) == code
    assert said in capsys.readouterr().err


def test_too_few_photos_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One photo a class can teach or test, not both."""
    for name in "ab":
        (tmp_path / "few" / name).mkdir(parents=True)
        Image.new("RGB", (64, 64), "red" if name == "a" else "blue").save(
            tmp_path / "few" / name / "0.png"
        )
    assert main(["compare", str(tmp_path / "few")]) == 3
    assert "take more photos" in capsys.readouterr().err


def test_a_folder_of_something_else_is_not_filled(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    assert main(["compare", str(drawn), "--embeddings", str(tmp_path / "mine")]) == 3
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_train_names_a_more_accurate_extractor_that_is_installed(
    drawn: Path, installed: str, extractor_path: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """One line, where none was chosen; nothing of one that nobody measured."""
    head = str(tmp_path / "it.head")
    assert main(["train", str(drawn), "-o", head]) == 0
    assert "--extractor" not in capsys.readouterr().err
    fingerprint = json.loads(extractor_path.with_suffix(".json").read_text())["fingerprint"]
    monkeypatch.setitem(measured.SCENES_TOP1, fingerprint, 0.999)
    assert main(["train", str(drawn), "-o", head]) == 0
    (said,) = [line for line in capsys.readouterr().err.split("\n") if "--extractor" in line]
    assert f"--extractor {installed} would use" in said
    assert "99.9%" in said
    assert f"{measured.SCENES_TOP1[KNOWN.fingerprint]:.1%}" in said
    for chosen in (installed, KNOWN.name):
        assert main(["train", str(drawn), "-o", head, "--extractor", chosen]) == 0
        assert "would use" not in capsys.readouterr().err
    shutil.rmtree(extractor_path.parent)
