from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from headfit.commands.extractors import extractors
from headfit.extractors.finding import find_extractor, known_extractor


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user who has a copy of the known extractor under another name."""
    monkeypatch.setattr("headfit.extractors.finding.installed_folder", lambda: tmp_path)
    source = find_extractor()
    for suffix in (".tflite", ".json"):
        shutil.copyfile(source.with_suffix(suffix), tmp_path / f"copy{suffix}")
    return tmp_path


def listed() -> list[dict[str, object]]:
    result = CliRunner().invoke(extractors, ["--json"])
    assert result.exit_code == 0, result.output
    found: list[dict[str, object]] = json.loads(result.output)["extractors"]
    return found


def test_all_extractors_are_listed(installed: Path) -> None:
    """The package's own comes first, then the user's, with what their manifests say."""
    known = known_extractor()
    own, copy = listed()
    assert own["name"] == known.name
    assert copy == {
        "name": "copy",
        "path": str(installed / "copy.tflite"),
        "version": known.version,
        "fingerprint": known.fingerprint,
        "size_bytes": known.size_bytes,
        "embedding_dim": known.embedding_dim,
        "width": known.preprocessing.width,
        "height": known.preprocessing.height,
    }
    table = CliRunner().invoke(extractors, []).output
    assert known.fingerprint[:12] in table


@pytest.mark.parametrize(
    ("suffix", "content", "reason"),
    [
        (".tflite", b"TFL3", "found 4 bytes with"),
        (".json", b"{", "copy.json"),
        (".json", None, "found the network alone"),
    ],
    ids=["damaged", "no manifest", "missing manifest"],
)
def test_what_cannot_be_used_is_listed_with_the_reason(
    installed: Path, suffix: str, content: bytes | None, reason: str
) -> None:
    """A damaged file, a damaged or a missing manifest: one line, and the others stay listed."""
    if content is None:
        (installed / f"copy{suffix}").unlink()
    else:
        (installed / f"copy{suffix}").write_bytes(content)
    own, copy = listed()
    assert "reason" not in own
    assert copy["name"] == "copy"
    assert reason in str(copy["reason"])
