"""Every engine by name, fastest first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from headfit.engines.interface import Engine
from headfit.engines.machine import ON_ANDROID
from headfit.errors import EngineMissingError

ONNX: Final = "onnx"
"""The engine of ONNX files, which no other engine runs."""


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


def _litert(model: bytes, delegate: str | None = None) -> Engine:
    from headfit.engines.litert import LiteRtEngine

    return LiteRtEngine(model, delegate)


def _tflite_runtime(model: bytes, delegate: str | None = None) -> Engine:
    from headfit.engines.litert import TfliteRuntimeEngine

    return TfliteRuntimeEngine(model, delegate)


def _tensorflow(model: bytes, delegate: str | None = None) -> Engine:
    from headfit.engines.litert import TensorFlowEngine

    return TensorFlowEngine(model, delegate)


def _popcount(model: bytes) -> Engine:
    from headfit.engines.popcount import PopcountEngine

    return PopcountEngine(model)


def _onnx(model: bytes) -> Engine:
    from headfit.engines.onnx import OnnxEngine

    return OnnxEngine(model)


_INTERPRETERS: Final[dict[str, Callable[[bytes], Engine]]] = (
    # Asking for Java elsewhere could start a Java machine; on Android there is nothing else.
    {"android": _android}
    if ON_ANDROID
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
    ONNX: _onnx,
}
"""Fastest first, as measured on x86 with AVX2; docs/engines.md has the numbers."""


DELEGATING: Final[dict[str, Callable[..., Engine]]] = (
    {}
    if ON_ANDROID
    else {"litert": _litert, "tflite-runtime": _tflite_runtime, "tensorflow": _tensorflow}
)
"""Those that hand a network to a delegate, a library for other hardware."""


def with_delegate(engine: str, delegate: str | None) -> str:
    """Return the name of an engine that works with a delegate: "litert:libedgetpu.so.1"."""
    return engine if delegate is None else f"{engine}:{delegate}"


def engine_opener(name: str) -> Callable[[bytes], Engine]:
    """Return what opens the engine of this name, which may name a delegate: "ENGINE:LIBRARY".

    Raises
    ------
    EngineMissingError
        If there is no engine of that name, or none of that name takes a delegate.
    """
    name, colon, delegate = name.partition(":")
    if colon and name in ENGINES:
        if name not in DELEGATING:
            raise EngineMissingError(
                f"expected an engine that takes a delegate, {' or '.join(DELEGATING)}, found "
                f"{name!r}; choose one of these"
            )
        return partial(DELEGATING[name], delegate=delegate)
    if name not in ENGINES:
        raise EngineMissingError(
            f"expected an engine out of auto, {', '.join(ENGINES)}, found {name!r}; choose one of "
            "these"
        )
    return ENGINES[name]
