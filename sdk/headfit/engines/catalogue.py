"""Every engine by name, fastest first."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Final

from headfit.engines.android import AndroidEngine
from headfit.engines.interface import Engine
from headfit.engines.lce import LceEngine
from headfit.engines.litert import LiteRtEngine, TensorFlowEngine, TfliteRuntimeEngine
from headfit.engines.popcount import PopcountEngine
from headfit.errors import InputError

_ON_ANDROID: Final = hasattr(sys, "getandroidapilevel") or "ANDROID_ARGUMENT" in os.environ
_NATIVE: Final = (
    # Asking for Java elsewhere could start a Java machine; on Android there is nothing else.
    (AndroidEngine,)
    if _ON_ANDROID
    else (LceEngine, LiteRtEngine, TfliteRuntimeEngine, TensorFlowEngine)
)

ENGINES: Final[dict[str, Callable[[bytes], Engine]]] = {
    engine.name: engine for engine in (*_NATIVE, PopcountEngine)
}
"""In the order in which "auto" tries them: as measured on x86, docs/engines.md has the numbers."""


def engine_opener(name: str) -> Callable[[bytes], Engine]:
    """Return what opens the engine of this name.

    Raises
    ------
    InputError
        If there is no engine of that name.
    """
    if name not in ENGINES:
        raise InputError(f"engine is one of auto, {', '.join(ENGINES)}; found {name!r}")
    return ENGINES[name]
