from __future__ import annotations

import platform
from collections.abc import Iterator
from functools import cache

import pytest
from tests.sdk.engines.native.wasm import close_wasm_engine
from tests.support import simde

from headfit.engines.native.library import Kernels, load_library
from headfit.errors import EngineMissingError

try:
    KERNELS = load_library().kernels
except EngineMissingError:
    KERNELS = ()
NAMES = [kernels.name for kernels in KERNELS]
SIMULATED = "avx512 by SIMDe"
IS_SIMULATED = platform.machine() in ("x86_64", "AMD64") and "avx512" not in NAMES


@cache
def every_kernels() -> tuple[Kernels, ...]:
    """What this processor can run, and what it can with SIMDe's help where that is here."""
    return (*KERNELS, *([simde.simulated_kernels()] if IS_SIMULATED and simde.has_simde() else []))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say aloud that nothing here was tried where the library was not built."""
    if KERNELS:
        return
    for item in items:
        if "engines/native/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="no native library: make native"))


@pytest.fixture(params=[*NAMES, *([SIMULATED] if IS_SIMULATED else [])])
def kernels(request: pytest.FixtureRequest) -> Kernels:
    """Every kind of kernels that this processor can run, in turn, and AVX-512's by SIMDe."""
    if request.param != SIMULATED:
        return KERNELS[NAMES.index(request.param)]
    if not simde.has_simde():
        pytest.skip(f"AVX-512's kernels {simde.NEEDS}")
    return simde.simulated_kernels()


@pytest.fixture(scope="session", autouse=True)
def _end_node() -> Iterator[None]:
    """End the process in which WebAssembly was tried."""
    yield
    close_wasm_engine()
