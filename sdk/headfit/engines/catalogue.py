"""Every engine by name, fastest first."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final

from headfit.engines.interface import Engine
from headfit.errors import EngineMissingError

_ON_ANDROID: Final = hasattr(sys, "getandroidapilevel") or "ANDROID_ARGUMENT" in os.environ


# Each engine's module is loaded when it is opened: `import headfit` should take a moment.
def _android(model: bytes) -> Engine:
    from headfit.engines.android import AndroidEngine

    return AndroidEngine(model)


def _native(model: bytes) -> Engine:
    from headfit.engines.native import NativeEngine

    return NativeEngine(model)


def _lce(model: bytes) -> Engine:
    from headfit.engines.lce import LceEngine

    return LceEngine(model)


def _litert(model: bytes) -> Engine:
    from headfit.engines.litert import LiteRtEngine

    return LiteRtEngine(model)


def _tflite_runtime(model: bytes) -> Engine:
    from headfit.engines.litert import TfliteRuntimeEngine

    return TfliteRuntimeEngine(model)


def _tensorflow(model: bytes) -> Engine:
    from headfit.engines.litert import TensorFlowEngine

    return TensorFlowEngine(model)


def _popcount(model: bytes) -> Engine:
    from headfit.engines.popcount import PopcountEngine

    return PopcountEngine(model)


_INTERPRETERS: Final[dict[str, Callable[[bytes], Engine]]] = (
    # Asking for Java elsewhere could start a Java machine; on Android there is nothing else.
    {"android": _android}
    if _ON_ANDROID
    else {
        "lce": _lce,
        "litert": _litert,
        "tflite-runtime": _tflite_runtime,
        "tensorflow": _tensorflow,
    }
)

ENGINES: Final[dict[str, Callable[[bytes], Engine]]] = {
    "native": _native,
    **_INTERPRETERS,
    "popcount": _popcount,
}
"""Fastest first, as measured on x86 with AVX2; docs/engines.md has the numbers."""


def engine_opener(name: str) -> Callable[[bytes], Engine]:
    """Return what opens the engine of this name.

    Raises
    ------
    EngineMissingError
        If there is no engine of that name.
    """
    if name not in ENGINES:
        raise EngineMissingError(
            f"expected an engine out of auto, {', '.join(ENGINES)}, found {name!r}; choose one of "
            "these"
        )
    return ENGINES[name]
