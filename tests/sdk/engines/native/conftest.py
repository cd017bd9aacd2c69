from __future__ import annotations

import pytest

from headfit.engines.native.library import Kernels, load_library
from headfit.errors import EngineMissingError

try:
    KERNELS = load_library().kernels
except EngineMissingError:
    KERNELS = ()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say aloud that nothing here was tried where the library was not built."""
    if KERNELS:
        return
    for item in items:
        if "engines/native/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="no native library: make native"))


@pytest.fixture(params=KERNELS, ids=lambda kernels: kernels.name)
def kernels(request: pytest.FixtureRequest) -> Kernels:
    """Every kind of kernels that this processor can run, in turn."""
    kind: Kernels = request.param
    return kind
