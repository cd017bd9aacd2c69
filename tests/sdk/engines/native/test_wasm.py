"""The native engine in WebAssembly, as a web page would use it: the same bits."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from tests.sdk.engines.native.wasm import IS_THERE, WasmEngine, wasm_engine
from tests.support import embedded
from tests.support.networks import Network, assert_same_embedding
from tests.support.zig import NEEDS_ZIG

from headfit.engines.native import NativeEngine
from headfit.engines.native.exporting import SIMD128, export_plan
from headfit.engines.native.library import Kernels
from headfit.engines.popcount import PopcountEngine


@pytest.fixture
def wasm(require: Callable[[bool, str], None]) -> WasmEngine:
    """Node with the library built for it."""
    require(IS_THERE, f"node (apt: nodejs) or {NEEDS_ZIG}")
    engine = wasm_engine()
    assert engine is not None
    return engine


def test_whole_networks(network: Network, wasm: WasmEngine) -> None:
    """As LCE's reference, and to the bit as the library here."""
    actual = wasm.run(network.model, network.image)
    assert_same_embedding(actual, network.embedding)
    np.testing.assert_array_equal(actual, NativeEngine(network.model).run(network.image))


def test_the_embedded_extractor(wasm: WasmEngine) -> None:
    model = embedded.MODEL.read_bytes()
    here, popcount = NativeEngine(model), PopcountEngine(model)
    for seed in range(3):
        image = np.random.default_rng(seed).standard_normal(here.input_shape).astype(np.float32)
        actual = wasm.run(model, image)
        np.testing.assert_array_equal(actual, here.run(image))
        assert_same_embedding(actual, popcount.run(image))


def test_what_it_refuses(wasm: WasmEngine) -> None:
    """In a sentence, whatever is wrong; and goes on."""
    network = Network("maxpool")
    good, picture = export_plan(network.model), network.image.tobytes()
    header, n_steps = 80, struct.unpack_from("<Q", good, 32)[0]
    other_version = good[:24] + struct.pack("<Q", 99) + good[32:]
    # The first step's first address, beyond all memory.
    beyond = good[: header + 8] + b"\xff" * 8 + good[header + 16 :]
    plain = export_plan(network.model, Kernels(0, "plain", 32, 4))
    unknown = export_plan(network.model, Kernels(0, "abacus", 32, 4))
    output = good[:64] + struct.pack("<Q", 1 << 40) + good[72:]
    vast = good[:56] + struct.pack("<Q", 1 << 40) + good[64:]
    for network_bytes, picture_bytes, words in (
        (b"", picture, "no network compiled"),
        (network.model, picture, "no network compiled"),
        (other_version, picture, "a plan of version 99"),
        (good[:-1], picture, "it is damaged"),
        (good + b"\0", picture, "it is damaged"),
        (output, picture, "lies outside its memory"),
        (vast, picture, "RangeError"),
        (beyond, picture, "refuses step 1"),
        (unknown, picture, 'kernels "abacus"'),
        (good, picture[:-4], f"a Float32Array of {len(picture) // 4} numbers"),
    ):
        assert words in wasm.answer(network_bytes, picture_bytes), words
    assert n_steps
    assert wasm.answer(good, picture) == "done"
    assert wasm.answer(plain, picture) == "done"


def test_a_compiled_network_is_the_same_each_time() -> None:
    model = embedded.MODEL.read_bytes()
    exported = export_plan(model)
    assert exported == export_plan(model)
    assert len(exported) < len(model)
    assert exported[8:24] == SIMD128.name.encode().ljust(16, b"\0")
