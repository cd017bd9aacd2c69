from __future__ import annotations

import contextlib
import os
import struct
import zipfile
from pathlib import Path

import larq as lq
import larq_compute_engine as lce
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import bmxnet_reference as reference

from headfit.errors import FileFormatError
from headfit.networks.tflite import read_graph
from headfit_zoo.architectures import resnet18
from headfit_zoo.architectures.top import cut_top
from headfit_zoo.conversion.emptying import set_weights, shapes_of
from headfit_zoo.importers import bmxnet
from headfit_zoo.importers.mxnet_params import read_params

WIDTHS = (32, 32, 64, 64)
SIZE = 64


@pytest.fixture(scope="module")
def tensors() -> dict[str, np.ndarray]:
    return reference.random_tensors(bmxnet.expected_shapes(WIDTHS, 7), np.random.default_rng(5))


@pytest.fixture(scope="module")
def model(tensors: dict[str, np.ndarray]) -> tf.keras.Model:
    network = resnet18.build(7, SIZE, widths=WIDTHS)
    written = reference.write_params(tensors)
    set_weights(network, bmxnet.read(written, "net.params", shapes_of(network)))
    return network


@pytest.fixture(scope="module")
def flatbuffer(model: tf.keras.Model) -> bytes:
    return bytes(lce.convert_keras_model(cut_top(model)))


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(6).normal(0, 60, (3, SIZE, SIZE, 3)).astype(np.float32)


def test_keras_computes_what_bmxnet_computes(
    model: tf.keras.Model, tensors: dict[str, np.ndarray], pictures: np.ndarray
) -> None:
    """Thresholds, the halved dot products, padding with +1 and the float ends are BMXNet's."""
    actual = cut_top(model).predict(pictures, verbose=0)
    for picture, embedding in zip(pictures, actual, strict=True):
        expected = reference.embed(picture.transpose(2, 0, 1), tensors, WIDTHS)
        assert np.ptp(expected) > 0.5
        np.testing.assert_allclose(embedding, expected, atol=1e-5 * np.ptp(expected))


def test_lce_computes_what_keras_computes(
    model: tf.keras.Model, flatbuffer: bytes, pictures: np.ndarray
) -> None:
    """The converter neither shifts the stem by a pixel nor moves a threshold."""
    expected = cut_top(model).predict(pictures, verbose=0)
    actual = lce.testing.Interpreter(flatbuffer, num_threads=1).predict(pictures)
    np.testing.assert_allclose(actual, expected, atol=1e-5 * np.ptp(expected))


def test_every_bit_is_in_the_larq_model(
    model: tf.keras.Model, tensors: dict[str, np.ndarray]
) -> None:
    """The weights that Larq computes with, packed again, are the words of the file."""
    with lq.context.quantized_scope(True):
        for layer in _binary_layers(model):
            weights = layer.get_weights()[0].transpose(3, 2, 0, 1)
            words = np.packbits(weights.ravel() > 0, bitorder="little").view("<u4")
            name = layer.name.replace("shortcut", "sc")
            assert np.array_equal(words, tensors[f"arg:{name}_weight"].view("<u4")), name


def test_every_bit_is_in_the_tflite(model: tf.keras.Model, flatbuffer: bytes) -> None:
    """The filters in the .tflite are those of the Larq model, bit for bit.

    Where a falling threshold follows, the converter writes the filter with all its signs turned.
    """
    graph = read_graph(flatbuffer)
    found = []
    for operator in graph.operators:
        if operator.name == "LceBconv2d":
            words = graph.tensors[operator.inputs[1]].data
            assert words is not None
            bits = np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little")
            found.append(np.where(bits, -1.0, 1.0).transpose(1, 2, 3, 0))
    layers = _binary_layers(model)
    assert len(found) == len(layers) == 20
    for layer in layers:
        weights = layer.get_weights()[0]
        if layer.name.endswith("conv1"):
            weights = weights * model.get_layer(layer.name[:-5] + "bn2").get_weights()[0]
        assert sum(np.array_equal(weights, filters) for filters in found) == 1, layer.name


def _binary_layers(model: tf.keras.Model) -> list[lq.layers.QuantConv2D]:
    return [layer for layer in model.layers if getattr(layer, "kernel_quantizer", None)]


@given(
    gamma=st.floats(-2, 2, width=32),
    beta=st.floats(-50, 50, width=32),
    mean=st.floats(-100, 400, width=32),
    variance=st.floats(0, 1000, width=32),
    offset=st.integers(1, 300),
)
def test_a_threshold_has_the_sign_of_the_batch_norm(
    gamma: float, beta: float, mean: float, variance: float, offset: int
) -> None:
    """For every value that BMXNet's convolution can return, and without any tie."""
    norm = bmxnet._BatchNorm(
        *(np.array([v]) for v in (gamma / np.sqrt(variance + 2e-5), mean, beta))
    )
    x = np.arange(offset + 1)
    value = norm.slope * (x - norm.mean) + norm.beta
    clear = np.abs(value) > 1e-9 * (1 + np.abs(norm.slope * x) + np.abs(norm.slope * norm.mean))
    new_gamma, new_beta, new_mean, new_variance = bmxnet._threshold(norm, offset)
    sums = (2 * x - offset).astype(np.float32)
    actual = new_gamma * (sums - new_mean) / np.sqrt(new_variance + 2e-5) + new_beta
    assert np.abs(actual).min() > 0.5
    assert np.array_equal(actual[clear] >= 0, value[clear] >= 0)


def test_a_file_of_another_network_is_refused(tensors: dict[str, np.ndarray]) -> None:
    """A name too few, one too many, another width, no numbers: each is said."""
    wider = shapes_of(resnet18.build(7, SIZE, widths=(32, 64, 64, 64)))

    def read(changed: dict[str, np.ndarray], shapes: dict[str, tuple[int, ...]]) -> None:
        bmxnet.read(reference.write_params(changed), "net.params", shapes)

    with pytest.raises(FileFormatError, match=r"net\.params.*of shape .*another network"):
        read(tensors, wider)
    lacking = {name: array for name, array in tensors.items() if name != "arg:bn1_beta"}
    with pytest.raises(FileFormatError, match="lacks 'arg:bn1_beta'"):
        read(lacking, wider)
    with pytest.raises(FileFormatError, match="has besides 'arg:more'"):
        read({**tensors, "arg:more": np.ones(3, np.float32)}, wider)
    shapes = bmxnet.expected_shapes(WIDTHS, 7)
    for name, value in (("arg:bn1_beta", np.nan), ("aux:bn1_moving_var", -1)):
        broken = {**tensors, name: np.full(64, value, np.float32)}
        with pytest.raises(FileFormatError, match=name):
            bmxnet._check(broken, shapes, "net.params")


def test_a_cut_file_is_refused_at_every_byte() -> None:
    """No prefix of a file is a file, and nothing may follow one."""
    whole = reference.write_params(
        {"arg:a_weight": np.ones((2, 3), np.float32), "aux:b": np.zeros(4, np.float32)}
    )
    assert list(read_params(whole)) == ["arg:a_weight", "aux:b"]
    for length in range(len(whole)):
        with pytest.raises(FileFormatError, match="fetch it again"):
            read_params(whole[:length])
    with pytest.raises(FileFormatError, match="1 bytes more"):
        read_params(whole + b"\0")


@given(st.binary(max_size=300), st.integers(0, 40))
@settings(max_examples=300)
def test_hostile_bytes_are_refused(noise: bytes, keep: int) -> None:
    """Whatever follows a good beginning, the answer is a file or a sentence, and no allocation."""
    begin = struct.pack("<QQQIII", 0x112, 0, 1, 2, 2**31, 2**31)
    with contextlib.suppress(FileFormatError):
        assert read_params(begin[:keep] + noise) == {}


def test_words_that_are_no_floats_keep_their_bits() -> None:
    """Signalling NaNs come through untouched."""
    words = np.array([0x7F800001, 0xFFC12345, 0, 0xFFFFFFFF], np.uint32).view(np.float32)
    read = read_params(reference.write_params({"arg:w": words}))["arg:w"]
    assert read.tobytes() == words.tobytes()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_published_file_recognises_photographs() -> None:
    """The imported network, in Keras, is right on nearly half of 60 ImageNet pictures."""
    from headfit.photos.images import prepare_input
    from headfit_zoo.importers import IMPORTERS

    data = Path(os.environ.get("HEADFIT_DATA", "../shared/data"))
    weights = data.parent / "weights" / "bmxnet-resnet18-binary"
    if not weights.exists():
        pytest.skip(f"the published weights are not at {weights}")
    importer = IMPORTERS["resnet18-binary-imagenet"]
    name = "binarized_32_resnet-18-binary-0001.params"
    model = resnet18.build(1000, 224)
    read = importer.read((weights / name).read_bytes(), name, shapes_of(model))
    set_weights(model, read)
    classes = [line.split()[0] for line in (weights / "synset.txt").read_text().splitlines()]
    hits = 0
    with zipfile.ZipFile(data / "imagenet-sample-256.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith((".JPEG", ".jpg")))[::16][:60]
        for name in names:
            logits = model.predict(prepare_input(archive.read(name), importer.preprocessing))[0]
            hits += classes[logits.argmax()] == name.split("/")[-2]
    assert hits >= 22
