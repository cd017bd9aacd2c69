"""Only heads ship: every byte of the wheels and of the Android app is counted.

The SDK's wheel holds one network, its extractor; the app's holds none. What is
staged for Android, the SDK included, holds none at all: there the extractor arrives as a file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.support.fresh import ROOT

from headfit.errors import FileFormatError
from headfit.extractors.finding import known_extractor
from headfit.files.headfile import load_head_bytes

NETWORK_ENDINGS = (".tflite", ".onnx", ".pt", ".pth", ".h5", ".keras", ".pb", ".npz", ".params")
APP, SDK, ZOO = "headfit_demo", "headfit", "headfit_zoo"

Files = dict[str, bytes]


def networks(files: Files) -> dict[str, int]:
    """Return the sizes of networks: by the name, or by what is inside whatever the name."""
    return {
        name: len(content)
        for name, content in files.items()
        if name.lower().endswith(NETWORK_ENDINGS) or content[4:8] == b"TFL3"
    }


def heads(files: Files) -> dict[str, int]:
    """Return the sizes of what reads as a head file."""
    found = {}
    for name, content in files.items():
        try:
            load_head_bytes(content)
        except FileFormatError:
            continue
        found[name] = len(content)
    return found


def below(files: Files, top: str) -> Files:
    return {name: content for name, content in files.items() if name.startswith(f"{top}/")}


@pytest.fixture(scope="module")
def wheel_files(wheel: Path, app_wheel: Path) -> Files:
    """Every file of both wheels."""
    found = {}
    for path in (wheel, app_wheel):
        with ZipFile(path) as archive:
            found.update({name: archive.read(name) for name in archive.namelist()})
    return found


@pytest.fixture(scope="module")
def android_files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Every file that `make apk` lays out."""
    path = ROOT / "demo_app" / "headfit_packaging" / "apk.py"
    spec = importlib.util.spec_from_file_location("headfit_apk", path)
    assert spec is not None
    assert spec.loader is not None
    apk = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(apk)
    folder = tmp_path_factory.mktemp("android") / "staged"
    apk.stage(folder)
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_the_counting_finds_what_it_looks_for() -> None:
    """A network under another name counts, and a head is not taken for one."""
    (network,) = (ROOT / "sdk" / "headfit" / "extractors").glob("*.tflite")
    head = ROOT / "tests" / "data" / "head_v1_plain.bin"
    files = {"app/logo.png": network.read_bytes(), "app/any.head": head.read_bytes()}
    assert networks(files) == {"app/logo.png": network.stat().st_size}
    assert heads(files) == {"app/any.head": head.stat().st_size}


def test_the_wheels_hold_one_network_and_it_is_the_sdks(wheel_files: Files) -> None:
    known = known_extractor()
    assert networks(wheel_files) == {f"{SDK}/extractors/{known.name}.tflite": known.size_bytes}
    assert networks(below(wheel_files, APP)) == {}
    assert networks(below(wheel_files, ZOO)) == {}


def test_android_gets_no_network(android_files: Files) -> None:
    """Neither the app's nor the SDK's part of it; what the SDK knows of its extractor is there."""
    known = known_extractor()
    assert networks(android_files) == {}
    assert f"app/{SDK}/extractors/{known.name}.json" in android_files
    assert f"app/{SDK}/extractors/{known.name}.golden.png" in android_files


def test_heads_are_kilobytes(
    wheel_files: Files, android_files: Files, record_property: Callable[[str, object], None]
) -> None:
    """All heads together are a small part of the one network that they stand on."""
    in_wheel, in_android = heads(wheel_files), heads(android_files)
    assert {f"app/{name}": size for name, size in in_wheel.items()} == in_android
    record_property("head_bytes", sum(in_android.values()))
    assert in_wheel
    assert set(in_wheel) == set(heads(below(wheel_files, APP)))
    assert sum(in_android.values()) < known_extractor().size_bytes / 10
