"""Which engine runs an extractor: the fastest one present whose results are right."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from headfit.engines.catalogue import DELEGATING, ENGINES, ONNX, engine_opener, with_delegate
from headfit.engines.interface import Engine
from headfit.engines.isolated import IsolatedEngine, NoWorkerError
from headfit.errors import EngineMissingError, ExtractorError
from headfit.maths.arrays import FloatArray
from headfit.networks.onnx import is_onnx
from headfit.networks.tflite.schema import DELEGATED

_log = logging.getLogger(__name__)
_TIMED_RUNS: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class SelfCheck:
    """A picture whose embedding is known, and how close an engine must come to it.

    Attributes
    ----------
    image : ndarray of shape (1, height, width, channels), dtype float32
    embedding : ndarray of shape (embedding_dim,)
    cosine_at_least : float
    difference_at_most : float
        Largest difference allowed, as a fraction of the embedding's range.
    """

    image: FloatArray
    embedding: NDArray[np.floating[Any]]
    cosine_at_least: float
    difference_at_most: float

    @np.errstate(all="ignore")  # an engine may return NaN: that is no pass
    def measure(self, engine: Engine) -> tuple[float, float]:
        """Return the cosine and the largest difference of what the engine makes of the picture.

        Raises
        ------
        ExtractorError
            If the engine fails or the numbers miss the bounds.
        """
        known = np.asarray(self.embedding, np.float64)
        shapes = (engine.input_shape, engine.embedding_dim)
        if shapes != (self.image.shape, known.size):
            raise ExtractorError(
                f"engine {engine.name} has input shape and embedding width {shapes}, expected "
                f"{(self.image.shape, known.size)}; the self-check is of another network"
            )
        found = engine.run(self.image).astype(np.float64)
        norms = float(np.linalg.norm(found) * np.linalg.norm(known))
        cosine = float(found @ known) / norms if norms > 0 else 0.0
        difference = float(np.abs(found - known).max()) / (float(np.ptp(known)) or 1.0)
        if not (cosine >= self.cosine_at_least and difference <= self.difference_at_most):
            raise ExtractorError(
                f"engine {engine.name} {engine.version} gives a wrong embedding for the golden "
                f"picture: cosine {cosine:.6f}, expected at least {self.cosine_at_least:g}; "
                f"difference {difference:.6f}, expected at most {self.difference_at_most:g}. "
                "Use another engine."
            )
        return cosine, difference


@dataclass(frozen=True, slots=True)
class EngineReport:
    """The result of trying one engine; numbers are None if it failed before."""

    name: str
    present: bool
    usable: bool
    """Whether it opened the extractor and passed the self-check."""
    reason: str
    """Why it is not usable; empty if it is."""
    version: str | None = None
    cosine: float | None = None
    difference: float | None = None
    milliseconds: float | None = None
    """For one picture, the median of some runs."""


def open_engine(
    model: bytes, engine: str = "auto", *, check: SelfCheck | None = None, isolate: bool = False
) -> Engine:
    """Open an extractor in an engine.

    Parameters
    ----------
    model : bytes
        The `.tflite`, its fingerprint already checked.
    engine : str
        An engine's name, or "auto" for the fastest one that is present and right. With a delegate,
        "ENGINE:LIBRARY".
    check : SelfCheck, optional
        An engine that does not pass is not used.
    isolate : bool
        Run in a process of its own: its crash is an error, not the end of this process.

    Raises
    ------
    EngineMissingError
        If there is no engine of that name, or it is not installed (with "auto": if none is).
    ExtractorError
        If the engine refuses the network or fails the check (with "auto": if every one does).
    """
    kind, colon, delegate = engine.partition(":")
    if kind != "auto":
        return _open(model, engine, check, isolate)
    if needs_delegate(model) and not colon:
        raise ExtractorError(
            "expected a delegate, as this network was compiled for the Edge TPU and no processor "
            "runs it, found none; name the one that came with the hardware, --engine "
            'litert:libedgetpu.so.1 or delegate="libedgetpu.so.1", or take the network as it was '
            "before it was compiled"
        )
    # A library that crashes when it is loaded must do so in the other process.
    names = list(fastest_first(model, native_is_plain=False if isolate else None))
    if colon:
        names = [with_delegate(name, delegate) for name in names if name in DELEGATING]
    errors: list[ExtractorError] = []
    plain: Engine | None = None
    while names:
        name = names.pop(0)
        if plain is not None and name == plain.name:
            return plain
        try:
            opened = _open(model, name, check, isolate)
        except EngineMissingError as error:
            _log.info("engine %s is missing: %s", name, error)
            errors.append(error)
        except NoWorkerError:
            raise  # no other engine would fare better
        except ExtractorError as error:
            _log.warning("engine %s is not used: %s", name, error)
            errors.append(error)
        else:
            if isolate and plain is None and _is_plain(opened.name, opened.version):
                plain = opened
                names = list(fastest_first(model, native_is_plain=True))
                continue
            if isinstance(plain, IsolatedEngine):
                plain.close()
            return opened
    error_kind = EngineMissingError if _all_missing(errors) else ExtractorError
    cause = errors[-1] if errors else None
    said = "; ".join(map(str, errors)) or "none runs this kind of file with a delegate"
    raise error_kind(f"no engine can run this extractor: {said}") from cause


def survey_engines(
    model: bytes, check: SelfCheck | None = None, *, isolate: bool = True
) -> tuple[EngineReport, ...]:
    """Try every engine for an extractor's kind of file, in the order in which "auto" does.

    Parameters
    ----------
    model : bytes
        The `.tflite`, its fingerprint already checked.
    check : SelfCheck, optional
        None (default): engines are opened and timed on a grey picture, and not checked.
    isolate : bool
        Try each in a process of its own, so that none can take this one down. Android has no such
        processes.
    """
    names = fastest_first(model, native_is_plain=False if isolate else None)
    reports = [_report(model, name, check, isolate) for name in names]
    if any(_is_plain(report.name, report.version) for report in reports):
        names = fastest_first(model, native_is_plain=True)
    return tuple(sorted(reports, key=lambda report: names.index(report.name)))


def quick_engines(model: bytes) -> tuple[str, ...]:
    """Return the engines that are opened in a moment, fastest first: all but TensorFlow."""
    return tuple(name for name in fastest_first(model) if name != "tensorflow")


def needs_delegate(model: bytes) -> bool:
    """Whether a network was compiled for hardware that only a delegate reaches."""
    return not is_onnx(model) and DELEGATED.encode() in model


def fastest_first(model: bytes, *, native_is_plain: bool | None = None) -> tuple[str, ...]:
    """Return the engines for a file of this kind, in the catalogue's order but for two things.

    LCE comes before a native library that has plain C alone, which takes 1.4 times as long; and
    behind LiteRT where the network has no operator of LCE's (docs/engines.md).

    Parameters
    ----------
    model : bytes
    native_is_plain : bool, optional
        Whether the library has plain C alone; by default it is loaded here and asked.
    """
    if is_onnx(model):
        return (ONNX,)
    names = [name for name in ENGINES if name != ONNX]
    if {"lce", "litert"} <= set(names) and b"LceBconv2d" not in model:
        names.remove("lce")
        names.insert(names.index("litert") + 1, "lce")
    if native_is_plain is None:
        native_is_plain = _native_is_plain()
    if {"native", "lce"} <= set(names) and native_is_plain:
        names.remove("native")
        names.insert(names.index("lce") + 1, "native")
    return tuple(names)


def _native_is_plain() -> bool:
    """Whether the library is here and has no kernels for this processor; runs no network."""
    from headfit.engines.native.library import load_library

    try:
        return load_library().kernels[0].name == "plain"
    except EngineMissingError:
        return False


def _is_plain(name: str, version: str | None) -> bool:
    """Whether an engine that was opened is the native one, and has said so."""
    return name == "native" and version is not None and version.endswith(", plain kernels")


def _open(model: bytes, name: str, check: SelfCheck | None, isolate: bool) -> Engine:
    engine = _start(model, name, isolate)
    if check is not None:
        check.measure(engine)
    return engine


def _start(model: bytes, name: str, isolate: bool) -> Engine:
    return IsolatedEngine(model, name) if isolate else engine_opener(name)(model)


def _report(model: bytes, name: str, check: SelfCheck | None, isolate: bool) -> EngineReport:
    try:
        engine = _start(model, name, isolate)
    except EngineMissingError as error:
        return EngineReport(name, present=False, usable=False, reason=str(error))
    except NoWorkerError:
        raise
    except ExtractorError as error:
        return EngineReport(name, present=True, usable=False, reason=str(error))
    try:
        cosine, difference = check.measure(engine) if check is not None else (None, None)
        image = check.image if check is not None else np.zeros(engine.input_shape, np.float32)
        milliseconds = _time(lambda: engine.run(image))
    except ExtractorError as error:
        return EngineReport(name, True, False, str(error), engine.version)
    finally:
        if isinstance(engine, IsolatedEngine):
            engine.close()
    return EngineReport(name, True, True, "", engine.version, cosine, difference, milliseconds)


def _time(call: Callable[[], object]) -> float:
    durations = []
    for _ in range(_TIMED_RUNS):
        start = time.perf_counter()
        call()
        durations.append(1000 * (time.perf_counter() - start))
    return float(np.median(durations))


def _all_missing(errors: Iterable[ExtractorError]) -> bool:
    return all(isinstance(error, EngineMissingError) for error in errors)
