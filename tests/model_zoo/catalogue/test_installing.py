from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tests.model_zoo.conftest import SMALL
from tests.support.names import ROOT
from tests.support.stores import Source as StoreSource
from tests.support.stores import filled_store

from headfit import Extractor, ImageClassifier, SoftmaxHead
from headfit.errors import (
    ExtractorError,
    ExtractorMismatchError,
    ExtractorMissingError,
    FileFormatError,
    InputError,
)
from headfit.extractors.finding import installed_folder
from headfit.files.elsewhere import PUBLISHED, TRAINED, remedy
from headfit.files.manifest import load_manifest
from headfit_zoo.architectures import quicknet, residual
from headfit_zoo.catalogue.cards import Artifact, Card, Network, Source, find_card
from headfit_zoo.catalogue.installing import install, remove
from headfit_zoo.commands.catalogue import main
from headfit_zoo.conversion.converting import convert
from headfit_zoo.conversion.emptying import random_weights, set_weights

NAMES = ["stripes.golden.png", "stripes.json", "stripes.tflite"]


def not_called() -> Path:
    raise AssertionError("nothing is to be fetched")


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user of this test alone."""
    for variable in ("XDG_DATA_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path / "user"))
    return tmp_path / "user"


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An extractor of random weights."""
    folder = tmp_path_factory.mktemp("converted")
    convert(
        residual.build(3, 64, **SMALL),
        folder,
        name="stripes",
        version=1,
        description="Tells stripes apart.",
        licence="Apache-2.0",
    )
    return folder / "stripes.tflite"


@pytest.fixture
def card() -> Card:
    network = Network("residual", 64, 96, 1, 1, 1)
    texts = ("Tells stripes apart.", "us", "Apache-2.0", "any", "stripes", "smoke")
    return Card("stripes", 1, *texts, network, ("all",), ("headfit-zoo train",))


def test_what_is_installed_opens_by_name(card: Card, converted: Path) -> None:
    """After installing, the SDK finds it; after removing, it does not and nothing is left."""
    manifest = install(card, converted, not_called)
    assert sorted(path.name for path in installed_folder().iterdir()) == NAMES
    assert Extractor.open("stripes").fingerprint == manifest.fingerprint
    remove("stripes")
    assert list(installed_folder().iterdir()) == []
    with pytest.raises(InputError, match=r"\(there is none\), found 'stripes'"):
        remove("stripes")


def test_one_that_was_cut_from_an_onnx_file_is_removed_too() -> None:
    """With what lies beside it, and nothing else."""
    folder = installed_folder()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("mine.onnx", "mine.json", "mine.golden.png", "mine2.onnx"):
        (folder / name).touch()
    remove("mine")
    assert [path.name for path in folder.iterdir()] == ["mine2.onnx"]


def test_installing_again_replaces(card: Card, converted: Path) -> None:
    """A second version takes the place of the first as a whole."""
    install(card, converted, not_called)
    (installed_folder() / "stripes.json").write_text("spoilt")
    install(card, converted, not_called)
    assert load_manifest(installed_folder() / "stripes.json").name == "stripes"


def test_a_damaged_file_leaves_the_installed_one(
    card: Card, converted: Path, tmp_path: Path
) -> None:
    """A flipped bit, a cut file, a missing manifest: an error, and the old one still opens."""
    install(card, converted, not_called)
    for path in converted.parent.iterdir():
        shutil.copy(path, tmp_path / path.name)
    given = tmp_path / "stripes.tflite"
    whole = given.read_bytes()
    for damaged in (whole[:-9], whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:]):
        given.write_bytes(damaged)
        with pytest.raises(ExtractorError, match="SHA-256"):
            install(card, given, not_called)
    (tmp_path / "stripes.json").unlink()
    with pytest.raises(FileNotFoundError):
        install(card, given, not_called)
    assert sorted(path.name for path in installed_folder().iterdir()) == NAMES
    Extractor.open("stripes")


def test_another_extractor_is_not_installed_under_this_name(card: Card, converted: Path) -> None:
    """Name, version and width must be the card's."""
    with pytest.raises(ExtractorError, match="this is another extractor"):
        install(dataclasses.replace(card, version=2), converted, not_called)
    assert list(installed_folder().iterdir()) == []


def test_other_weights_are_refused_before_they_are_read(tmp_path: Path, card: Card) -> None:
    """A weight file with another hash is named with both hashes; nothing is installed."""
    given = tmp_path / "weights.params"
    given.write_bytes(b"something else")
    imported = find_card("resnet18-binary-imagenet")
    with pytest.raises(InputError, match=r"expected the file of https.* found 14 bytes with"):
        install(imported, given, not_called)
    with pytest.raises(InputError, match="expected the file of"):
        install(imported, None, lambda: given)
    with pytest.raises(InputError, match=r"--from FILE\.tflite"):
        install(card, given, not_called)
    assert list(installed_folder().iterdir()) == []


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    """With the right hash and a wrong content the importer says so."""
    given = tmp_path / "weights.params"
    given.write_bytes(b"something else")
    digest = hashlib.sha256(b"something else").hexdigest()
    imported = find_card("resnet18-binary-imagenet")
    wrong = dataclasses.replace(imported, source=Source("https://example.org/w", digest))
    with pytest.raises(FileFormatError, match="no MXNet"):
        install(wrong, given, not_called)
    assert list(installed_folder().iterdir()) == []


def published(folder: Path, name: str, seed: int) -> tuple[Card, Path]:
    """Random weights as Larq Zoo would publish them, and the card that names them."""
    model = quicknet.build(1000, 224, name="quicknet_small", **quicknet.SIZES["quicknet_small"])
    set_weights(model, random_weights(model, seed))
    path = folder / "weights.h5"
    model.save_weights(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return dataclasses.replace(find_card(name), source=Source("https://example.org", digest)), path


def test_weights_become_an_extractor_without_tensorflow(tmp_path: Path) -> None:
    """A QuickNet of random weights is filled in and opens; its golden embedding is NumPy's."""
    card, weights = published(tmp_path, "quicknet-small", 7)
    manifest = install(card, weights, not_called)
    assert manifest.golden is not None
    opened = Extractor.open(card.name)
    assert opened.embedding_dim == 512
    assert opened.engine_name != "popcount"  # it reproduced what popcount made


def test_a_result_other_than_the_cards_is_not_installed(tmp_path: Path) -> None:
    """Where the card pins the network, nothing else is put in its place."""
    card, weights = published(tmp_path, "quicknet-small", 7)
    pinned = dataclasses.replace(card, file=Artifact("0" * 64, 1))
    with pytest.raises(ExtractorError, match="as the card says, found"):
        install(pinned, weights, not_called)
    assert list(installed_folder().iterdir()) == []


def test_what_a_killed_one_left_is_cleared(card: Card, converted: Path) -> None:
    """The next installation removes an old staging folder, and leaves a fresh one alone."""
    old, fresh = (installed_folder() / f".installing-{name}" for name in ("old", "fresh"))
    for folder in (old, fresh):
        folder.mkdir(parents=True)
        (folder / "stripes.tflite").write_bytes(b"half")
    hours_ago = time.time() - 7200
    os.utime(old, (hours_ago, hours_ago))
    install(card, converted, not_called)
    assert not old.exists()
    assert fresh.exists()
    assert Extractor.open("stripes").manifest.name == "stripes"


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as POSIX does")
def test_a_disk_without_room_leaves_nothing(converted: Path, user_folder: Path) -> None:
    """When writing fails half-way, one line says so and nothing is left behind."""
    program = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
from pathlib import Path
from headfit_zoo import __main__, catalogue
from headfit_zoo.catalogue import cards
card = cards.Card("stripes", 1, "s", "us", "l", "t", "d", "r",
    cards.Network("residual", 64, 288, 1, 1, 1), ("a",), ("b",))
catalogue.find_card = lambda name: card
sys.argv = ["headfit-zoo", "install", "stripes", "--from", {str(converted)!r}]
__main__.main()
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 1
    assert "File too large" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((user_folder / "headfit" / "extractors").iterdir()) == []


@pytest.mark.parametrize("fingerprint", TRAINED)
def test_whoever_lacks_an_extractor_of_before_is_told_what_installs_it(
    fingerprint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a head, by a store and by its name; and the command does."""
    head = SoftmaxHead().fit(np.eye(4, dtype=np.float32), ["a", "a", "b", "b"]).fitted_
    here = Extractor.manifest_of()
    name = TRAINED[fingerprint]
    made_on = dataclasses.replace(here.reference(), name=name, fingerprint=fingerprint)
    SoftmaxHead.of(dataclasses.replace(head, extractor=made_on)).save(tmp_path / "old.head")
    command = f"headfit-zoo install {name} --from model_zoo/trained/{name}/{name}.tflite"
    with pytest.raises(ExtractorMismatchError, match=command):
        ImageClassifier.load(tmp_path / "old.head")
    source = StoreSource(fingerprint, here.embedding_dim)
    with (
        filled_store(tmp_path / "old.store", source=source) as store,
        pytest.raises(ExtractorMismatchError, match=command),
    ):
        ImageClassifier(store=store)
    with pytest.raises(ExtractorMissingError, match=command):
        Extractor.open(name)
    monkeypatch.setattr(sys, "argv", command.split())
    monkeypatch.chdir(ROOT)
    main()
    assert Extractor.manifest_of(name).fingerprint == fingerprint


def test_a_published_extractor_is_named_with_its_command() -> None:
    for fingerprint, name in PUBLISHED.items():
        made = find_card(name).file
        assert made is not None
        assert made.fingerprint == fingerprint
        assert remedy(fingerprint) == f"install it (headfit-zoo install {name})"
