"""The ONNX engine: what its networks become, and that nothing else takes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.support.foreign import DATA, Foreign

from headfit import Extractor, ExtractorError, InputError, SoftmaxHead
from headfit.commands.main import main
from headfit.engines import open_engine, survey_engines
from headfit.errors import EngineMissingError
from headfit.exports.tflite import export_tflite
from headfit.extractors.making import cut_network, list_places, make_extractor

OWN = {"mean": [127.5], "std": [127.5]}
MODEL = (DATA / "classifier.onnx").read_bytes()


@pytest.fixture(autouse=True)
def _runtime(request: pytest.FixtureRequest) -> None:
    if "without" not in request.node.name:
        pytest.importorskip("onnxruntime", reason="not tested: pip install 'headfit[onnx]'")


@pytest.mark.parametrize(
    "name", ["classifier", "any_size", "channels_last", "half_input", "flattened"]
)
def test_every_kind_gives_what_onnx_says(name: str, tmp_path: Path) -> None:
    """The embedding of onnx's own reference evaluator, and opened again as others are."""
    network = Foreign(name, "onnx")
    size = {"size": (24, 32)} if name == "any_size" else {}
    path = tmp_path / "net_v1.5.onnx"
    made = make_extractor(network.model, "net_v1.5", **OWN, **size)
    made.write(path)
    assert made.engines == ("onnx",)
    extractor = Extractor.open(path)
    assert extractor.engine_name == "onnx"
    assert extractor.embed([network.picture]).shape == (1, 24)
    with np.load(DATA / "golden_onnx.npz") as goldens:
        expected = (
            goldens["map"].mean(axis=(1, 2)) if name == "flattened" else goldens["classifier"]
        )
    found = open_engine(path.read_bytes()).run(network.image)
    np.testing.assert_allclose(found, expected, atol=1e-3 if name == "half_input" else 1e-6)


QUANTISED = {
    "qdq_uint8": OWN,
    "qdq_int8": OWN,
    "qoperator_uint8": OWN,
    "qoperator_int8": OWN,
    "dynamic": OWN,
    "uint8_input": {},
    "int8_input": {},
    "uint8_channels_last": {},
}


@pytest.mark.parametrize("name", QUANTISED)
def test_quantised_networks_are_cut_before_their_classifier(name: str, tmp_path: Path) -> None:
    """And give the numbers that their whole ones stand for; of 8-bit inputs, pixels as they are."""
    network = Foreign(name, "onnx")
    made = make_extractor(network.model, name, **QUANTISED[name])
    assert made.cut.place.embedding_dim == 24
    assert made.cut.is_rounded
    assert not made.cut.is_whole
    made.write(tmp_path / "eye.onnx")
    assert Extractor.open(tmp_path / "eye.onnx").embedding_dim == 24
    prepared = made.manifest.preprocessing
    image = ((network.picture - np.array(prepared.mean)) / prepared.std)[None].astype(np.float32)
    found = open_engine(made.cut.model).run(image)
    with np.load(DATA / "golden_quantised_onnx.npz") as goldens:
        expected = goldens["features"]
    assert np.abs(found - expected).max() < 0.03 * np.ptp(expected)


def test_sums_of_8_bit_products_do_not_overflow() -> None:
    """As they do in ONNX Runtime's faster way on processors with AVX2 and without VNNI."""
    engine = open_engine(cut_network(Foreign("loud", "onnx").model).model)
    found = engine.run(np.ones((1, 24, 32, 3), np.float32))
    expected = 27 * np.rint(np.linspace(5, 127, 24)) / 127
    np.testing.assert_allclose(found, expected, atol=30 / 127)


@pytest.mark.parametrize("pool", ["mean", "max", "none"])
def test_a_map_of_whole_numbers_is_pooled_as_what_they_stand_for(pool: str) -> None:
    whole, pairs = (Foreign(name, "onnx") for name in ("qoperator_uint8", "qdq_uint8"))
    cut, expected = (
        open_engine(cut_network(one.model, at=at, pool=pool).model).run(one.image)
        for one, at in ((whole, "map"), (pairs, "map_back"))
    )
    assert np.abs(cut - expected).max() < 0.03 * np.ptp(expected)


def test_what_a_network_of_8_bits_cannot_take_is_refused() -> None:
    """Pixels from -1 to 1 would become three different numbers, or begin again at 255."""
    for name in ("uint8_input", "int8_input"):
        for way in (OWN, {"mean": [1], "std": [1]}, {"mean": [0], "std": [4]}):
            with pytest.raises(InputError, match="64 or more, as this network takes them, found"):
                make_extractor(Foreign(name, "onnx").model, "x", **way)
    half = make_extractor(Foreign("uint8_input", "onnx").model, "x", mean=[0], std=[2])
    assert half.manifest.preprocessing.std == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("pool", ["mean", "max", "none"])
def test_pooling(pool: str) -> None:
    with np.load(DATA / "golden_onnx.npz") as goldens:
        map_ = goldens["map"]
    expected = {"mean": map_.mean(axis=(1, 2)), "max": map_.max(axis=(1, 2)), "none": map_.ravel()}
    network = Foreign("flattened", "onnx")
    found = open_engine(cut_network(network.model, pool=pool).model).run(network.image)
    np.testing.assert_allclose(found, expected[pool], atol=1e-6)


def test_places_are_listed_with_what_they_become() -> None:
    found, chosen = list_places(MODEL)
    assert chosen is not None
    assert (found[chosen].name, found[chosen].embedding_dim) == ("features", 24)
    assert [one.how for one in found if one.name == "map"] == ["the mean of 6 x 8"]
    with pytest.raises(InputError, match="expected --size"):
        list_places((DATA / "any_size.onnx").read_bytes())
    with pytest.raises(InputError, match="as this file does not say"):
        make_extractor(MODEL, "x")


def test_an_onnx_users_three_commands(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the fourth, which cannot be: it says why."""
    source, eye, head = str(DATA / "classifier.onnx"), tmp_path / "eye.onnx", tmp_path / "mine.head"
    assert main(["cut", source, "-o", str(eye), "--mean", "127.5", "--std", "127.5"]) == 0
    assert main(["train", str(photos), "-o", str(head), "--extractor", str(eye)]) == 0
    photo = str(photos / "red" / "0.png")
    assert main(["predict", str(head), photo, "--extractor", str(eye)]) == 0
    fitted = SoftmaxHead.load(head)
    assert fitted.fingerprint_ == Extractor.open(eye).fingerprint
    with pytest.raises(InputError, match="expected an extractor that is a .tflite, found"):
        export_tflite(fitted.fitted_, eye)
    capsys.readouterr()
    assert main(["cut", source, "-o", str(tmp_path / "x.tflite"), "--mean", "0", "--std", "1"]) == 3
    assert "expected a name that ends in .onnx" in capsys.readouterr().err


def test_it_is_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "headfit" / "extractors"
    folder.mkdir(parents=True)
    make_extractor(MODEL, "eye", **OWN).write(folder / "eye.onnx")
    assert Extractor.open("eye").engine_name == "onnx"


def test_one_engine_takes_one_kind_of_file() -> None:
    network = cut_network(MODEL).model
    assert [one.name for one in survey_engines(network, isolate=False)] == ["onnx"]
    with pytest.raises(ExtractorError, match="found an ONNX file; the engine onnx runs it"):
        open_engine(network, "popcount")
    with pytest.raises(ExtractorError, match="expected an ONNX file, which the onnx engine runs"):
        open_engine(Foreign("float32").model, "onnx")
    with pytest.raises(ExtractorError, match="float32; this network|one vector"):
        open_engine((DATA / "half_input.onnx").read_bytes())


def test_in_a_process_of_its_own() -> None:
    network = cut_network(MODEL).model
    image = Foreign("classifier", "onnx").image
    plain, isolated = open_engine(network), open_engine(network, isolate=True)
    np.testing.assert_array_equal(plain.run(image), isolated.run(image))
    isolated.close()  # type: ignore[attr-defined]


def test_what_the_runtime_refuses_is_one_sentence() -> None:
    """An operator that there is not."""
    with pytest.raises(ExtractorError, match="refuses this network: .*; export it again"):
        cut_network(MODEL.replace(b"Relu", b"Rely"))


def test_without_the_package_the_pip_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(EngineMissingError, match=r"pip install 'headfit\[onnx\]'"):
        open_engine(MODEL)
