"""``headfit doctor`` and ``lower``, run as a user runs them."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.support import embedded
from tests.support.networks import DATA

from headfit import Extractor
from headfit.commands.main import main
from headfit.engines.catalogue import ENGINES
from headfit.engines.choice import fastest_first
from headfit.engines.native.library import load_library
from headfit.engines.popcount import PopcountEngine
from headfit.errors import EngineMissingError


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """A network with something to cut off, in a folder of its own."""
    return Path(shutil.copy(DATA / "residual.tflite", tmp_path / "network.tflite"))


def test_doctor_reports_every_engine(capsys: pytest.CaptureFixture[str]) -> None:
    """On the embedded extractor the popcount engine is always right, and one engine is chosen."""
    assert main(["doctor", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    engines = {engine["name"]: engine for engine in document["engines"]}
    assert list(engines) == list(fastest_first(embedded.MODEL.read_bytes()))
    assert engines["popcount"]["usable"]
    assert engines["popcount"]["cosine"] >= 0.99999
    assert engines["popcount"]["milliseconds"] > 0
    assert document["chosen"] == next(name for name in engines if engines[name]["usable"])
    for engine in engines.values():
        assert engine["usable"] or engine["reason"]


@pytest.mark.parametrize("lce_is_here", [True, False])
@pytest.mark.parametrize("kernels", ["avx2", "plain"])
def test_doctor_says_that_plain_c_comes_after_lce(
    kernels: str,
    lce_is_here: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It says so where the two are here; of an engine that is not, it says nothing of the kind."""

    class Named(PopcountEngine):
        def __init__(self, model: bytes, name: str) -> None:
            super().__init__(model)
            self.name = name  # type: ignore[misc]

    def missing(model: bytes) -> PopcountEngine:
        raise EngineMissingError("pip install 'headfit[lce]'")

    fake = SimpleNamespace(kernels=(SimpleNamespace(name=kernels),))
    monkeypatch.setattr("headfit.engines.native.library.load_library", lambda: fake)
    few = {
        "native": partial(Named, name="native"),
        "lce": partial(Named, name="lce") if lce_is_here else missing,
        "popcount": ENGINES["popcount"],
    }
    monkeypatch.setattr("headfit.engines.choice.ENGINES", few)
    monkeypatch.setattr("headfit.engines.choice.engine_opener", few.__getitem__)
    monkeypatch.setattr(
        "headfit.commands.engines.Extractor.survey", partial(Extractor.survey, isolate=False)
    )
    assert main(["doctor"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    says = "plain C alone for this processor: lce is faster" in printed
    assert says == (kernels == "plain" and lce_is_here)
    used = "lce" if says else "native"
    assert f"Used: {used}, the fastest kind that is right" in printed


@pytest.mark.usefixtures("without_tensorflow")
def test_doctor_names_the_native_engines_kernels(capsys: pytest.CaptureFixture[str]) -> None:
    """By name, of those that this processor can run."""
    try:
        names = {kernels.name for kernels in load_library().kernels}
    except EngineMissingError:
        pytest.skip("no native library: make native")
    assert main(["doctor"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert any(f", {name} kernels" in printed for name in names)


@pytest.fixture
def without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for it where any engine will do."""
    # Another dict: an item that is put back into this one would come last.
    others = {name: opener for name, opener in ENGINES.items() if name != "tensorflow"}
    monkeypatch.setattr("headfit.engines.choice.ENGINES", others)


@pytest.mark.usefixtures("without_tensorflow")
def test_doctor_draws_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without --json a person reads the same, and the pip command survives the markup."""
    assert main(["doctor"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"Extractor {embedded.NAME}" in printed
    assert "the fastest kind that is right" in printed


@pytest.mark.usefixtures("without_tensorflow")
def test_doctor_calls_nothing_right_that_it_could_not_check(
    extractor_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads(extractor_path.with_suffix(".json").read_text())
    extractor_path.with_suffix(".json").write_text(json.dumps({**manifest, "golden": None}))
    assert main(["doctor", "--extractor", str(extractor_path)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "no engine was checked" in printed
    assert "the fastest kind that works" in printed
    assert "right" not in printed


@pytest.mark.usefixtures("without_tensorflow")
def test_doctor_refuses_wrong_engines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With another golden embedding every engine is wrong: none is chosen, and the code says so."""
    for suffix in (".tflite", ".json", ".golden.png"):
        shutil.copy(embedded.MODEL.with_suffix(suffix), tmp_path / f"other{suffix}")
    manifest = json.loads((tmp_path / "other.json").read_text())
    manifest["golden"]["embedding"] = manifest["golden"]["embedding"][::-1]
    (tmp_path / "other.json").write_text(json.dumps(manifest))
    assert main(["doctor", "--extractor", str(tmp_path / "other.tflite"), "--json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert document["chosen"] is None
    popcount = document["engines"][-1]
    assert "wrong embedding" in popcount["reason"]


def test_lower_writes_a_plain_network(classifier: Path, tmp_path: Path) -> None:
    """The lowered file has no operator of LCE's left and gives the same embedding."""
    pytest.importorskip("flatbuffers")
    assert main(["lower", str(classifier), "-o", str(tmp_path / "plain.tflite")]) == 0
    plain = (tmp_path / "plain.tflite").read_bytes()
    assert b"Lce" not in plain
    packed, lowered = PopcountEngine(classifier.read_bytes()), PopcountEngine(plain)
    image = np.random.default_rng(0).normal(size=packed.input_shape).astype(np.float32)
    assert np.allclose(packed.run(image), lowered.run(image), rtol=1e-5, atol=1e-5)


def test_wrong_input_is_one_sentence(tmp_path: Path) -> None:
    """No network: it ends with its code and no file."""
    text = tmp_path / "text.tflite"
    text.write_text("no network")
    output = tmp_path / "out.tflite"
    assert main(["lower", str(text), "-o", str(output)]) == 4
    assert not output.exists()
