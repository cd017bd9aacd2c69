from __future__ import annotations

import dataclasses
import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from headfit.errors import ExtractorError, InputError
from headfit_zoo.architectures import ARCHITECTURES, quicknet, resnet18
from headfit_zoo.catalogue.cards import find_card
from headfit_zoo.conversion import emptying
from headfit_zoo.graphs import folds
from headfit_zoo.graphs.graph import FOLDER, Graph, load_graph, save_graph
from headfit_zoo.importers import IMPORTERS, bmxnet

RESNET = "resnet18-binary-imagenet"
TINY = {"widths": (32, 32, 64, 64), "blocks": (1, 2, 1, 1)}


def converted(model: tf.keras.Model, seed: int) -> tuple[Graph, bytes, dict[str, np.ndarray]]:
    """Give a network random weights, convert and empty it."""
    weights = emptying.random_weights(model, seed)
    emptying.set_weights(model, weights)
    graph, flatbuffer = emptying.empty(model, keep_last_bits=True)
    return graph, flatbuffer, weights


def test_a_graph_takes_other_weights_than_it_was_made_with() -> None:
    """Emptied of one QuickNet's weights and filled with another's, it is the other, byte by byte.

    But for the last bit of this processor's square roots, which the other's conversion tells.
    """
    model = quicknet.build(7, 64, **TINY)
    first, first_file, _ = converted(model, 1)
    second, second_file, weights = converted(model, 2)
    assert first_file != second_file
    assert first.flatbuffer == second.flatbuffer
    assert first.fills == second.fills
    knowing = dataclasses.replace(first, last_bits=second.last_bits)
    assert knowing.filled(weights) == second_file
    rounded = dataclasses.replace(first, last_bits={}).filled(weights)
    here, there = (np.frombuffer(file, "<f4") for file in (rounded, second_file))
    differs = here.view("<i4") != there.view("<i4")
    assert differs.mean() < 0.2
    np.testing.assert_allclose(here[differs], there[differs], rtol=1e-6, atol=1e-6)


def test_the_published_weights_are_left_out(tmp_path: Path) -> None:
    """What ships holds no number of the weights: it is the same whatever they were."""
    model = quicknet.build(7, 64, **TINY)
    for folder, seed in (("a", 3), ("b", 4)):
        (tmp_path / folder).mkdir()
        graph = dataclasses.replace(converted(model, seed)[0], last_bits={})
        save_graph(graph, "net", tmp_path / folder)
        assert load_graph("net", tmp_path / folder) == graph
    for suffix in (".json", ".tflite.gz"):
        assert (tmp_path / "a" / f"net{suffix}").read_bytes() == (
            tmp_path / "b" / f"net{suffix}"
        ).read_bytes()


def test_weights_that_no_fold_makes_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A converter that folds otherwise is found out when the graph is made."""
    model = quicknet.build(7, 64, **TINY)
    emptying.set_weights(model, emptying.random_weights(model, 1))

    def wrong(folding: folds.Folding, norm: str) -> np.ndarray:
        return folding.offset(norm) + 1

    monkeypatch.setitem(folds.FOLDS, "offset", wrong)
    with pytest.raises(ExtractorError, match=r"needs a fold more"):
        emptying.empty(model, keep_last_bits=True)


@pytest.mark.parametrize("name", list(IMPORTERS))
def test_what_ships_is_small_and_fits_its_network(name: str) -> None:
    """Below 100 kB; every place is inside the file, holds zeros and overlaps no other."""
    files = [FOLDER / f"{name}{suffix}" for suffix in (".json", ".tflite.gz")]
    assert sum(path.stat().st_size for path in files) < 100_000
    graph, card = load_graph(name), find_card(name)
    model = ARCHITECTURES[card.network.architecture](1000, card.network.input_size)
    assert dict(graph.shapes) == emptying.shapes_of(model)
    folding = folds.Folding(emptying.random_weights(model, 5), graph.epsilon, graph.last_bits)
    taken = np.zeros(len(graph.flatbuffer), int)
    for fill in graph.fills:
        content = folds.FOLDS[fill.fold](folding, *fill.of)
        taken[fill.at : fill.at + content.nbytes] += 1
        assert not any(graph.flatbuffer[fill.at : fill.at + content.nbytes]), fill
    assert taken.max() == 1
    # What is left is structure: names, shapes, options.
    assert np.sum(taken == 0) < 40_000


def test_a_graph_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="headfit-zoo empty quicknet"):
        load_graph("quicknet", tmp_path)


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    """The published weights of the ResNet, where this machine has them."""
    data = Path(os.environ.get("HEADFIT_DATA") or "../shared/data")
    name = "binarized_32_resnet-18-binary-0001.params"
    path = data.parent / "weights" / "bmxnet-resnet18-binary" / name
    if not path.exists():
        pytest.skip(f"the published weights are not at {path}")
    return dict(bmxnet.read(path.read_bytes(), path.name, load_graph(RESNET).shapes))


def test_filling_gives_the_file_of_the_card(published: dict[str, np.ndarray]) -> None:
    """On any processor, with NumPy alone."""
    file = load_graph(RESNET).filled(published)
    artifact = find_card(RESNET).file
    assert artifact is not None
    assert (len(file), hashlib.sha256(file).hexdigest()) == (
        artifact.size_bytes,
        artifact.fingerprint,
    )


def test_filling_is_the_full_conversion(published: dict[str, np.ndarray]) -> None:
    """TensorFlow and LCE's converter make the same file of the same weights, byte for byte.

    Where a processor rounds its square roots otherwise than the one that made the card's file, its
    own last bits are taken for the comparison.
    """
    tf.keras.backend.clear_session()
    model = resnet18.build(1000, 224)
    emptying.set_weights(model, published)
    here, flatbuffer = emptying.empty(model, keep_last_bits=True)
    shipped = load_graph(RESNET)
    assert here.flatbuffer == shipped.flatbuffer
    assert here.fills == shipped.fills
    assert dataclasses.replace(shipped, last_bits=here.last_bits).filled(published) == flatbuffer


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [name for name in IMPORTERS if name != RESNET])
def test_whole_quicknets_of_random_weights(name: str) -> None:
    """The graph that ships is, filled with other random weights, their full conversion."""
    card, shipped = find_card(name), load_graph(name)
    tf.keras.backend.clear_session()
    model = ARCHITECTURES[card.network.architecture](1000, card.network.input_size)
    here, flatbuffer, weights = converted(model, 99)
    assert dataclasses.replace(shipped, last_bits=here.last_bits).filled(weights) == flatbuffer
