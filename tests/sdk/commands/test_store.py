"""``headfit store``: what it prints, and that it does what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.stores import FINGERPRINT, Source, filled_store, on_disk

from headfit.commands.main import main
from headfit.store import ExampleStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "mine.store"
    filled_store(path).close()
    return path


def test_info(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "info", str(path)]) == 0
    assert "300 examples: cup (100), jug (100), pen (100)" in capsys.readouterr().out
    assert main(["store", "info", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["class_counts"] == {"cup": 100, "jug": 100, "pen": 100}
    assert document["fingerprint"] == FINGERPRINT


def test_repair(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A whole store is left alone; a damaged one is repaired, and the copy named."""
    assert main(["store", "repair", str(path)]) == 0
    assert "is whole: 300 examples" in capsys.readouterr().out
    path.write_bytes(b"\0" * 100 + path.read_bytes()[100:])
    assert main(["store", "info", str(path)]) == 3
    assert "headfit store repair" in capsys.readouterr().err
    assert main(["store", "repair", str(path)]) == 0
    out = capsys.readouterr().out
    assert "300 examples could be read" in out
    assert f"{path}.damaged" in out


def test_forget_and_wipe_ask_first(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda prompt="": "n")
    assert main(["store", "wipe", str(path)]) == 130
    assert main(["store", "forget", str(path), "cup", "--yes"]) == 0
    assert "Forgot 100 examples of cup" in capsys.readouterr().out
    assert b"cup" not in on_disk(path)
    assert main(["store", "wipe", str(path), "--yes"]) == 0
    assert "Wiped 200 examples" in capsys.readouterr().out
    assert main(["store", "forget", str(path), "cup", "--yes"]) == 3


def test_export_and_import(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "file"
    assert main(["store", "export", str(path), str(file)]) == 0
    content_hash = capsys.readouterr().out.strip()
    assert content_hash.encode() in file.read_bytes()
    ExampleStore.open(tmp_path / "other", Source()).close()
    assert main(["store", "import", str(tmp_path / "other"), str(file)]) == 0
    assert "Added 300 examples" in capsys.readouterr().out
    file.write_bytes(file.read_bytes()[:-1])
    assert main(["store", "import", str(path), str(file)]) == 5


def test_a_missing_store_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("info", "repair"):
        assert main(["store", command, str(tmp_path / "none")]) == 3
        assert "No such file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
