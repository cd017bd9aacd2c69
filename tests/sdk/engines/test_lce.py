"""The LCE engine: right results, no TensorFlow, sentences for everything wrong."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.networks import DATA, Network, assert_same_embedding

from headfit.engines.lce import LceEngine
from headfit.errors import EngineMissingError, InputError

lce_is_here = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) >= "2.0.0" or find_spec("larq_compute_engine") is None,
    reason="the LCE wheel is not installed, or NumPy is not 1",
)


@lce_is_here
def test_gives_the_reference_embedding(network: Network) -> None:
    """The fast kernels agree with LCE's reference kernels."""
    engine = LceEngine(network.model)
    assert engine.input_shape == network.image.shape
    assert engine.embedding_dim == len(network.embedding)
    assert_same_embedding(engine.run(network.image), network.embedding)


@lce_is_here
def test_takes_an_unpickled_array(network: Network) -> None:
    """An array that came through a pipe works: its dtype is another object."""
    image = pickle.loads(pickle.dumps(network.image))
    assert_same_embedding(LceEngine(network.model).run(image), network.embedding)


@lce_is_here
@pytest.mark.parametrize(
    "image",
    [
        np.zeros((64, 64, 3), np.float32),
        np.zeros((2, 64, 64, 3), np.float32),
        np.zeros((1, 64, 64, 3), np.float64),
        [0.0],
    ],
)
def test_refuses_other_inputs(image: NDArray[np.float32]) -> None:
    """A wrong shape or dtype is named before the interpreter sees it."""
    engine = LceEngine((DATA / "residual.tflite").read_bytes())
    with pytest.raises(InputError, match="found"):
        engine.run(image)


@lce_is_here
def test_does_not_import_tensorflow() -> None:
    """One prediction in a fresh process leaves TensorFlow, Keras and tqdm unimported."""
    code = f"""
import sys
from pathlib import Path
import numpy as np
from headfit.engines import open_engine
engine = open_engine(Path({str(DATA / "maxpool.tflite")!r}).read_bytes(), "lce")
assert np.isfinite(engine.run(np.ones(engine.input_shape, np.float32))).all()
heavy = {{"tensorflow", "keras", "larq", "tqdm", "flatbuffers"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="only NumPy 2 is refused")
def test_says_what_to_do_on_numpy_2() -> None:
    """On NumPy 2 the error names the other engines and the pip command."""
    with pytest.raises(EngineMissingError, match="numpy<2"):
        LceEngine((DATA / "maxpool.tflite").read_bytes())
