"""Every engine by name, fastest first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headfit.engines.interface import Engine
from headfit.engines.lce import LceEngine
from headfit.engines.litert import LiteRtEngine, TensorFlowEngine, TfliteRuntimeEngine
from headfit.engines.popcount import PopcountEngine
from headfit.errors import InputError

ENGINES: Final[dict[str, Callable[[bytes], Engine]]] = {
    engine.name: engine
    for engine in (LceEngine, LiteRtEngine, TfliteRuntimeEngine, TensorFlowEngine, PopcountEngine)
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
