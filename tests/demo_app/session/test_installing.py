"""An app without its extractor: it says so, takes the right file once, and no other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headfit import HeadfitError
from headfit.extractors import finding
from headfit_demo.language import sentence
from headfit_demo.session import (
    NoExtractorError,
    PickedFile,
    Session,
    WrongExtractorError,
    install,
    is_network,
)

EXTRACTORS = Path(__file__).parents[3] / "sdk" / "headfit" / "extractors"


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take the network out of the package, and give it as the file that the user has."""
    known = tmp_path / "known"
    shutil.copytree(EXTRACTORS, known)
    (network,) = known.glob("*.tflite")
    monkeypatch.setattr(finding, "_EMBEDDED", known)
    monkeypatch.setenv("ANDROID_PRIVATE", str(tmp_path / "files"))
    return network.rename(tmp_path / "from-a-friend.bin")


def test_first_start(network: Path, tmp_path: Path) -> None:
    """The sentence names the file; once it was given, the session works, after a restart too."""
    session = Session(tmp_path / "data", isolate=False)
    with pytest.raises(NoExtractorError) as caught:
        session.open_extractor()
    name = finding.known_extractor().name
    assert sentence(caught.value) == (
        f"The extractor is not on this device yet. Import the file {name}.tflite once."
    )
    install(PickedFile("from-a-friend.bin", network.read_bytes()))
    assert session.open_extractor().manifest.name == name
    assert Session(tmp_path / "data", isolate=False).open_extractor().manifest.name == name


def test_another_network_is_refused(network: Path) -> None:
    """Also one of the same length; nothing is installed."""
    wrong = network.read_bytes()[:-1] + b"\xff"
    assert is_network(PickedFile("wrong.tflite", wrong))
    with pytest.raises(WrongExtractorError, match="SHA-256") as caught:
        install(PickedFile("wrong.tflite", wrong))
    assert sentence(caught.value).startswith("This is another extractor than the one")
    assert isinstance(caught.value, HeadfitError)
    assert not finding.installed_folder().exists()


@pytest.mark.parametrize("is_path", [True, False], ids=["path", "bytes"])
def test_a_network_is_known_by_what_is_inside(network: Path, is_path: bool) -> None:
    """A head, a text and an empty file are none."""
    assert is_network(PickedFile("any", network if is_path else network.read_bytes()))
    for content in (b"", b"TFL3", (EXTRACTORS.parents[2] / "README.md").read_bytes()):
        other = network.with_name("other")
        other.write_bytes(content)
        assert not is_network(PickedFile("any.tflite", other if is_path else content))
