"""An isolated engine: equal results, and its crash is only an error."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import numpy as np
import pytest
from tests.support.networks import DATA, Network

from headfit.engines import open_engine
from headfit.engines.isolated import IsolatedEngine
from headfit.errors import EngineMissingError, ExtractorError, InputError

NETWORK = Network("maxpool")
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def engine() -> Iterator[IsolatedEngine]:
    with IsolatedEngine(NETWORK.model, "popcount") as engine:
        yield engine


def test_same_embedding(engine: IsolatedEngine) -> None:
    """The worker gives what the engine gives here, and says what it is."""
    here = open_engine(NETWORK.model, "popcount")
    np.testing.assert_array_equal(engine.run(NETWORK.image), here.run(NETWORK.image))
    assert (engine.name, engine.version) == (here.name, here.version)
    assert engine.input_shape == here.input_shape
    assert engine.embedding_dim == here.embedding_dim


def test_isolated_lce() -> None:
    """The engine this is made for."""
    try:
        engine = open_engine(NETWORK.model, "lce", isolate=True)
    except EngineMissingError as error:
        pytest.skip(str(error))
    assert isinstance(engine, IsolatedEngine)
    with engine:
        np.testing.assert_allclose(engine.run(NETWORK.image), NETWORK.embedding, rtol=1e-5)


@posix
def test_crash(engine: IsolatedEngine) -> None:
    """A crash is an ExtractorError with the exit code, and the next call works."""
    os.kill(engine._process.pid, signal.SIGSEGV)
    with pytest.raises(ExtractorError, match="died with exit code -11"):
        engine.run(NETWORK.image)
    np.testing.assert_allclose(engine.run(NETWORK.image), NETWORK.embedding, rtol=1e-5)


@posix
def test_hang() -> None:
    """A worker that does not answer is ended, and the next call works."""
    with IsolatedEngine(NETWORK.model, "popcount") as engine:
        engine._patience_s = 3
        os.kill(engine._process.pid, signal.SIGSTOP)
        first = engine._process
        with pytest.raises(ExtractorError, match="no answer within 3 s"):
            engine.run(NETWORK.image)
        assert not first.is_alive()
        engine._patience_s = 60
        assert engine.run(NETWORK.image).shape == (32,)


def test_errors_come_through(engine: IsolatedEngine) -> None:
    """What the engine refuses in the worker is refused here, with the same words."""
    with pytest.raises(InputError, match="takes shape"):
        engine.run(NETWORK.image[0])
    with pytest.raises(EngineMissingError, match="found 'none'"):
        IsolatedEngine(NETWORK.model, "none")
    with pytest.raises(ExtractorError, match=r"no usable \.tflite"):
        IsolatedEngine(NETWORK.model[:1000], "popcount")


def test_closing(engine: IsolatedEngine) -> None:
    """Closing ends the worker; a later call starts another."""
    process = engine._process
    engine.close()
    engine.close()
    assert not process.is_alive()
    assert engine.run(NETWORK.image).shape == (32,)


def test_several_threads(engine: IsolatedEngine) -> None:
    """Threads may share it: each gets the embedding of its own picture."""
    images = [NETWORK.image * factor for factor in (1, -1, 2, -2)]
    expected = [open_engine(NETWORK.model, "popcount").run(image) for image in images]
    found: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda i=i: found.update({i: engine.run(images[i])}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal([found[i] for i in range(4)], expected)


def test_worker_ends_with_its_caller() -> None:
    """A program that forgets to close leaves nothing behind and ends quietly."""
    code = f"""
from pathlib import Path
from headfit.engines.isolated import IsolatedEngine
if __name__ == "__main__":
    engine = IsolatedEngine(Path({str(DATA / "maxpool.tflite")!r}).read_bytes(), "popcount")
    print(engine._process.pid)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stderr == ""
    if os.name == "posix":
        with pytest.raises(ProcessLookupError):
            os.kill(int(done.stdout), 0)
