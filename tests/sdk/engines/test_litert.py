"""The TFLite runtimes: what loading them does to the process."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.support.networks import Network

from headfit.engines import litert
from headfit.engines.catalogue import ENGINES
from headfit.errors import EngineMissingError

SPOILER = """
import ctypes
from ai_edge_litert.interpreter import Interpreter
assert ctypes.CDLL(None).fesetround({upward}) == 0
assert 1.0 + float("1e-20") > 1.0
"""
UPWARD = {"x86_64": 0x800, "aarch64": 0x400000}


@pytest.mark.parametrize("name", ["litert", "tflite-runtime"])
def test_denormal_numbers_stay(name: str) -> None:
    """tflite-runtime's library for ARM would make them zero."""
    try:
        ENGINES[name](Network("maxpool").model)
    except EngineMissingError as error:
        pytest.skip(str(error))
    assert np.array([5e-324])[0] * np.float64(1) > 0
    assert np.array([1e-45], np.float32)[0] * np.float32(1) > 0


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in UPWARD, reason="has other numbers for it"
)
def test_a_library_that_changes_the_arithmetic_does_not_get_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here one that switches the whole process to rounding upward."""
    pytest.importorskip("ai_edge_litert")
    spoiler = SPOILER.format(upward=UPWARD[platform.machine()])
    (tmp_path / "rounds_upward.py").write_text(spoiler)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(litert.LiteRtEngine, "_module", "rounds_upward")
    litert.LiteRtEngine(Network("maxpool").model)
    assert "rounds_upward" in sys.modules
    assert 1.0 + float("1e-20") == 1.0
