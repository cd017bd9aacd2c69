"""Delegates: a library that takes over what it can of a network, by the name that a user gives.

The library here is real and takes over nothing; no delegate for an Edge TPU, Core ML, NNAPI or a
GPU was tried.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.support.foreign import Foreign
from tests.support.names import ROOT

from headfit import Extractor
from headfit.engines import open_engine
from headfit.errors import EngineMissingError, ExtractorError
from headfit.extractors.making import make_extractor

COMPILER = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    if COMPILER is None:
        pytest.skip("no C compiler")
    made = tmp_path_factory.mktemp("delegate") / "libreference.so"
    source = ROOT / "tests" / "support" / "delegate.c"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-o", made, source], check=True)
    return str(made)


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "log"
    monkeypatch.setenv("HEADFIT_DELEGATE_LOG", str(path))
    return path


@pytest.fixture
def eye(tmp_path: Path) -> Path:
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "eye.tflite"
    make_extractor(Foreign("uint8").model, "eye", engine="litert").write(path)
    return path


@pytest.mark.parametrize("isolate", [False, True])
def test_a_delegate_is_asked_and_the_embedding_is_checked(
    isolate: bool, library: str, log: Path, eye: Path
) -> None:
    extractor = Extractor.open(eye, delegate=library, isolate=isolate)
    assert extractor.engine_name == "litert"
    assert log.read_text().split() == ["made", "asked"]
    picture = Foreign("uint8").picture
    plain = Extractor.open(eye, engine="litert").embed([picture])
    np.testing.assert_array_equal(extractor.embed([picture]), plain)


def test_the_command_names_it_behind_the_engine(library: str, log: Path, eye: Path) -> None:
    model = eye.read_bytes()
    assert open_engine(model, f"litert:{library}").name == "litert"
    assert open_engine(model, f"auto:{library}").name == "litert"
    assert log.read_text().split().count("asked") == 2


def test_what_is_no_delegate_is_named(
    library: str, eye: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that is not there, another library, and one without its hardware."""
    with pytest.raises(ExtractorError, match=r"a TFLite delegate, libedgetpu-x\.so gave none"):
        Extractor.open(eye, engine="litert", delegate="libedgetpu-x.so")
    with pytest.raises(ExtractorError, match=r"libm\.so\.6 gave none: it lacks tfl"):
        Extractor.open(eye, engine="litert", delegate="libm.so.6")
    monkeypatch.setenv("HEADFIT_DELEGATE_FAILS", "1")
    with pytest.raises(ExtractorError, match="no such hardware"):
        Extractor.open(eye, engine="litert", delegate=library)


def test_engines_that_take_none_say_which_do(eye: Path, library: str) -> None:
    with pytest.raises(EngineMissingError, match="takes a delegate, litert or .* found 'popcount'"):
        Extractor.open(eye, engine="popcount", delegate=library)


def test_a_compiled_network_asks_for_its_delegate(eye: Path) -> None:
    """One that Google's compiler for the Edge TPU made, opened without."""
    from headfit.networks.tflite import Graph, Operator, Quantization, Tensor, write_graph

    steps = Quantization((0.5,), (128,))
    picture = Tensor("picture", (1, 4, 4, 3), np.dtype("u1"), None, steps)
    made = Tensor("made", (1, 1, 1, 32), np.dtype("u1"), None, steps)
    operator = Operator("edgetpu-custom-op", (0,), (1,), {"data": b"compiled"})
    model = write_graph(Graph((picture, made), (operator,), (0,), (1,)))
    with pytest.raises(ExtractorError, match='delegate="libedgetpu'):
        make_extractor(model, "x", engine="litert")
    # No engine is asked in vain: each would refuse it in its own words, after seconds.
    with pytest.raises(ExtractorError, match="compiled for the Edge TPU and no processor runs it"):
        make_extractor(model, "x")
    with pytest.raises(ExtractorError, match="none runs this|no engine can run this"):
        open_engine(model, "auto:nowhere.so")
