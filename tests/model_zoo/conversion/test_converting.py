from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from headfit import Extractor
from headfit.errors import InputError
from headfit.files.manifest import Manifest, load_manifest
from headfit_zoo.architectures.top import classifier_of, cut_top
from headfit_zoo.artifact.golden import golden_picture
from headfit_zoo.conversion.converting import convert, load_trained
from headfit_zoo.conversion.verifying import compare, score
from headfit_zoo.training.datasets import PackedSet, find_pictures


@pytest.fixture(scope="module")
def extractor_folder(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("extractor")
    convert(
        load_trained(trained),
        folder,
        name="stripes",
        version=3,
        description="Tells stripes apart.",
        licence="Apache-2.0",
    )
    return folder


def test_manifest_describes_the_file(extractor_folder: Path) -> None:
    """Fingerprint, size and width in the manifest are those of the .tflite beside it."""
    manifest = load_manifest(extractor_folder / "stripes.json")
    flatbuffer = (extractor_folder / "stripes.tflite").read_bytes()
    assert manifest.fingerprint == hashlib.sha256(flatbuffer).hexdigest()
    assert manifest.size_bytes == len(flatbuffer) < 1_000_000
    assert (manifest.name, manifest.version) == ("stripes", 3)
    assert manifest.embedding_dim == 96 + 192
    assert manifest.preprocessing.height == manifest.preprocessing.width == 64


def test_binary_weights_are_packed(extractor_folder: Path) -> None:
    """1.7 million binary weights take a bit each: the file is far below their float size."""
    flatbuffer = (extractor_folder / "stripes.tflite").read_bytes()
    assert flatbuffer.count(b"LceBconv2d") == 1
    assert len(flatbuffer) < 500_000


def test_golden_picture_is_the_one_the_embedding_belongs_to(extractor_folder: Path) -> None:
    """The extractor, opened, reproduces the golden embedding of the golden picture."""
    extractor = Extractor.open(extractor_folder / "stripes.tflite", engine="lce")
    golden = extractor.manifest.golden
    assert golden is not None
    picture = np.asarray(Image.open(extractor_folder / "stripes.golden.png"))
    assert np.array_equal(picture, golden_picture(64))
    actual = extractor.embed([picture])[0]
    assert np.abs(actual - golden.embedding).max() <= golden.difference_at_most * np.ptp(
        golden.embedding
    )


def test_converted_network_agrees_with_keras(
    trained: Path, extractor_folder: Path, folder_of_stripes: Path
) -> None:
    """Embeddings are nearly equal, but for signs of sums near zero, which processors differ in."""
    extractor = Extractor.open(extractor_folder / "stripes.tflite", engine="lce")
    pictures = find_pictures(folder_of_stripes, most=30)
    parity = compare(load_trained(trained), extractor, pictures)
    assert parity.n_samples == 30
    assert parity.mean_cosine > 0.99
    assert parity.equal_top1 >= 0.9


def test_comparison_sees_another_network(
    trained: Path, extractor_folder: Path, folder_of_stripes: Path
) -> None:
    """A network with other weights is told from the one that was converted."""
    extractor = Extractor.open(extractor_folder / "stripes.tflite", engine="lce")
    model = load_trained(trained)
    stem = model.get_layer("stem_conv")
    stem.set_weights([-stem.get_weights()[0]])
    parity = compare(model, extractor, find_pictures(folder_of_stripes, most=6))
    assert parity.equal_share == 0
    assert parity.lowest_cosine < 0.999


def test_score_is_keras_accuracy(
    trained: Path, extractor_folder: Path, packed: tuple[PackedSet, PackedSet]
) -> None:
    """The classifier on the device's embeddings scores as the whole network does in Keras."""
    extractor = Extractor.open(extractor_folder / "stripes.tflite", engine="lce")
    model = load_trained(trained)
    result = score(model, extractor, packed[0])
    weights, bias = classifier_of(model)
    from headfit_zoo.training.training import normalise

    inputs = normalise(tf.cast(packed[0].images, tf.float32))
    logits = cut_top(model).predict(inputs, verbose=0) @ weights + bias
    keras_top1 = float(np.mean(logits.argmax(1) == packed[0].targets))
    assert result["n_samples"] == 81
    assert result["top1"] == pytest.approx(keras_top1, abs=0.03)
    assert result["top5"] == 1.0


def test_conversion_repeats_to_the_byte(
    trained: Path, extractor_folder: Path, tmp_path: Path
) -> None:
    """The same weights give the same file, so that a fingerprint can be checked by anyone."""
    first = load_manifest(extractor_folder / "stripes.json")
    again: Manifest = convert(
        load_trained(trained),
        tmp_path,
        name="stripes",
        version=3,
        description="Tells stripes apart.",
        licence="Apache-2.0",
    )
    assert dataclasses.replace(again, golden=None) == dataclasses.replace(first, golden=None)


def test_another_network_of_the_name_is_kept(trained: Path, extractor_folder: Path) -> None:
    """Heads may rest on what lies there; the same network may be written again."""
    before = {path.name: path.read_bytes() for path in extractor_folder.iterdir()}
    about = {"name": "stripes", "version": 3, "licence": "Apache-2.0"}
    with pytest.raises(InputError, match="found another extractor of it"):
        convert(load_trained(trained, 96), extractor_folder, description="Wider.", **about)
    assert {path.name: path.read_bytes() for path in extractor_folder.iterdir()} == before
    convert(load_trained(trained), extractor_folder, description="Tells stripes apart.", **about)
    assert {path.name: path.read_bytes() for path in extractor_folder.iterdir()} == before


def test_another_input_size_is_a_choice_at_conversion(trained: Path) -> None:
    """The network is rebuilt at any multiple of 16 with the same weights."""
    assert load_trained(trained, 96).input_shape == (None, 96, 96, 3)


def test_an_unfinished_training_is_refused(tmp_path: Path) -> None:
    """No recipe, no weights, an unknown network: each is named."""
    with pytest.raises(InputError, match=r"found no recipe\.json"):
        load_trained(tmp_path)
    (tmp_path / "recipe.json").write_text('{"network": "other", "classes": []}')
    with pytest.raises(InputError, match="finished training"):
        load_trained(tmp_path)
    (tmp_path / "weights.h5").touch()
    with pytest.raises(InputError, match="found 'other'"):
        load_trained(tmp_path)
