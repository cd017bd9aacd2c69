"""Fixtures that the device's tests share: a small real extractor, and folders of photos."""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support.networks import NETWORKS, Network

from headfit.files.manifest import Golden, Manifest, Preprocessing, save_manifest

ENGINE_DATA = Path(__file__).parents[1] / "data" / "engines"
COLOURS = {"blue": (30, 60, 200), "green": (40, 180, 60), "red": (200, 40, 30)}

PhotoWriter = Callable[..., Path]

_is_device_test = False


def _refuse_sockets(event: str, arguments: tuple[object, ...]) -> None:
    """Python's audit hook: fail whatever would speak to a network, before it is done.

    A pair of Unix sockets is how an engine in a process of its own is spoken to.
    """
    if event == "socket.__new__" and arguments[1] == getattr(socket, "AF_UNIX", None):
        return
    if _is_device_test and event.startswith("socket."):
        raise AssertionError(f"expected no network on the device, found {event}")


sys.addaudithook(_refuse_sockets)


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    """Every test of the device runs where sockets fail."""
    global _is_device_test
    _is_device_test = True
    yield
    _is_device_test = False


@pytest.fixture
def extractor_path(tmp_path: Path) -> Path:
    """A .tflite with its manifest and golden picture: random weights, 64x64 to 160."""
    model = (ENGINE_DATA / "residual.tflite").read_bytes()
    with np.load(ENGINE_DATA / "golden.npz") as goldens:
        picture, embedding = goldens["residual.picture"], goldens["residual.embedding"]
    folder = tmp_path / "extractor"
    folder.mkdir()
    path = folder / "residual.tflite"
    path.write_bytes(model)
    Image.fromarray(picture).save(folder / "residual.golden.png")
    manifest = Manifest(
        name="residual",
        version=1,
        fingerprint=hashlib.sha256(model).hexdigest(),
        size_bytes=len(model),
        embedding_dim=160,
        preprocessing=Preprocessing(
            height=64,
            width=64,
            resize="shorter-side",
            resize_to=64,
            interpolation="bicubic",
            mean=(127.5, 127.5, 127.5),
            std=(64.0, 64.0, 64.0),
        ),
        description="Random weights, for tests.",
        licence="Apache-2.0",
        golden=Golden(
            cosine_at_least=0.9999,
            difference_at_most=0.001,
            embedding=tuple(float(value) for value in embedding),
        ),
    )
    save_manifest(manifest, folder / "residual.json")
    return path


@pytest.fixture
def write_photo() -> PhotoWriter:
    """Write a small noisy photo of one colour: ``write_photo(path, colour, seed)``."""

    def write(path: Path, colour: tuple[int, int, int], seed: int) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).normal(colour, 30, (24, 32, 3))
        Image.fromarray(noise.clip(0, 255).astype(np.uint8)).save(path)
        return path

    return write


@pytest.fixture
def photos(tmp_path: Path, write_photo: PhotoWriter) -> Path:
    """A folder of three colours with four photos each."""
    for column, (class_name, colour) in enumerate(COLOURS.items()):
        for number in range(4):
            write_photo(
                tmp_path / "photos" / class_name / f"{number}.png", colour, 10 * column + number
            )
    return tmp_path / "photos"


@pytest.fixture
def unlike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is nearly one photo: the small random network finds all noise of a colour alike."""
    for name in ("COSINE", "HASHED_COSINE"):
        monkeypatch.setattr(f"headfit.learning.groups.{name}", 2.0)


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    """Every small network in turn."""
    return Network(request.param)
