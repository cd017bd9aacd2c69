"""Which engine runs an extractor: the fastest one present."""

from __future__ import annotations

import logging
from collections.abc import Callable

from headfit.engines.interface import Engine
from headfit.engines.lce import LceEngine
from headfit.engines.litert import LiteRtEngine, TensorFlowEngine, TfliteRuntimeEngine
from headfit.engines.popcount import PopcountEngine
from headfit.errors import EngineMissingError, InputError

_log = logging.getLogger(__name__)

_ENGINES: dict[str, Callable[[bytes], Engine]] = {
    engine.name: engine
    for engine in (LceEngine, LiteRtEngine, TfliteRuntimeEngine, TensorFlowEngine, PopcountEngine)
}
"""Every engine, fastest first."""


def open_engine(model: bytes, engine: str = "auto") -> Engine:
    """Open a verified `.tflite` in an engine.

    Parameters
    ----------
    model : bytes
        The file's content, its fingerprint already checked.
    engine : str
        An engine's name, or "auto" for the fastest one present.

    Raises
    ------
    InputError
        If there is no engine of that name.
    EngineMissingError
        If the engine is not installed (with "auto": if none is).
    ExtractorError
        If the engine refuses the network.
    """
    if engine != "auto":
        if engine not in _ENGINES:
            raise InputError(f"engine is one of auto, {', '.join(_ENGINES)}; found {engine!r}")
        return _ENGINES[engine](model)
    reasons = []
    for name, opener in _ENGINES.items():
        try:
            return opener(model)
        except EngineMissingError as error:
            _log.info("engine %s is not here: %s", name, error)
            reasons.append(str(error))
    raise EngineMissingError("no engine is installed: " + "; ".join(reasons))
