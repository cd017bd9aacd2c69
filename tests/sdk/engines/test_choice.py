"""Choosing an engine: the fastest that is right, and a report that says why."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from tests.support.networks import Network

from headfit.engines import SelfCheck, open_engine, survey_engines
from headfit.engines.catalogue import ENGINES, ONNX
from headfit.engines.choice import fastest_first
from headfit.engines.native.library import load_library
from headfit.engines.popcount import PopcountEngine
from headfit.errors import EngineMissingError, ExtractorError
from headfit.networks.tflite import read_graph, write_graph

NETWORK = Network("maxpool")
FOR_TFLITE = [name for name in ENGINES if name != ONNX]
CHECK = SelfCheck(NETWORK.image, NETWORK.embedding, 0.99999, 1e-4)


def _opens(name: str) -> bool:
    try:
        ENGINES[name](NETWORK.model)
    except EngineMissingError:
        return False
    return True


@pytest.fixture(params=["its own kernels", "plain C alone"])
def _kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this processor can run, and what one without vectors of bits can."""
    if request.param == "plain C alone":
        try:
            library = load_library()
        except EngineMissingError:
            pytest.skip("no native library: make native")
        monkeypatch.setattr(library, "kernels", library.kernels[-1:])


@pytest.mark.usefixtures("_kernels")
def test_auto_takes_the_first_present() -> None:
    """Auto is the first engine of the list that is installed; popcount always is."""
    expected = next(name for name in fastest_first(NETWORK.model) if _opens(name))
    assert open_engine(NETWORK.model, check=CHECK).name == expected
    assert FOR_TFLITE[-1] == "popcount"


@pytest.mark.parametrize(
    ("kernels", "first"), [("avx512", "native"), ("avx2", "native"), ("plain", "lce")]
)
def test_plain_c_comes_after_lce(kernels: str, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor without AVX2 is faster with LCE; what is tried first is taken and reported so."""

    class Named(PopcountEngine):
        def __init__(self, model: bytes, name: str) -> None:
            super().__init__(model)
            self.name = name  # type: ignore[misc]

    fake = SimpleNamespace(kernels=(SimpleNamespace(name=kernels),))
    monkeypatch.setattr("headfit.engines.native.library.load_library", lambda: fake)
    for name in ("native", "lce"):
        monkeypatch.setitem(ENGINES, name, partial(Named, name=name))
    assert open_engine(NETWORK.model, check=CHECK).name == first
    reports = survey_engines(NETWORK.model, CHECK, isolate=False)
    assert {reports[0].name, reports[1].name} == {"native", "lce"}
    assert reports[0].name == first
    assert sorted(report.name for report in reports) == sorted(FOR_TFLITE)


@pytest.mark.parametrize(
    ("kernels", "first"), [("avx512", "native"), ("avx2", "native"), ("plain", "lce")]
)
@pytest.mark.parametrize("lce_is_here", [True, False])
def test_isolated_plain_c_comes_after_lce(
    kernels: str, first: str, lce_is_here: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where each is in a process of its own; then nothing of it is loaded here."""
    opened: list[str] = []

    class Isolated(PopcountEngine):
        def __init__(self, model: bytes, name: str) -> None:
            if name != "popcount" and not (name == "native" or (name == "lce" and lce_is_here)):
                raise EngineMissingError("pip install it")
            super().__init__(model)
            self.name = name  # type: ignore[misc]
            opened.append(name)

        @property
        def version(self) -> str:
            return f"1, {kernels} kernels" if self.name == "native" else "1"

        def close(self) -> None:
            opened.remove(self.name)

    def load() -> None:
        raise AssertionError("loaded here")

    monkeypatch.setattr("headfit.engines.native.library.load_library", load)
    monkeypatch.setattr("headfit.engines.choice.IsolatedEngine", Isolated)
    expected = first if lce_is_here else "native"
    assert open_engine(NETWORK.model, check=CHECK, isolate=True).name == expected
    assert opened == [expected]
    reports = survey_engines(NETWORK.model, CHECK)
    assert next(report.name for report in reports if report.usable) == expected
    assert sorted(report.name for report in reports) == sorted(FOR_TFLITE)
    assert opened == [expected]


def test_a_wrong_engine_is_not_used() -> None:
    """If no engine gives the golden embedding, none is used, and the numbers are told."""
    wrong = replace(CHECK, embedding=NETWORK.embedding[::-1])
    for engine in ("auto", "popcount"):
        with pytest.raises(ExtractorError, match=r"cosine .* expected at least 0\.99999"):
            open_engine(NETWORK.model, engine, check=wrong)


def test_an_engine_that_is_wrong_in_one_number_is_not_used() -> None:
    """The bound on the largest difference holds where the cosine hardly moves."""
    off = NETWORK.embedding.copy()
    off[3] += 2e-4 * np.ptp(off)
    with pytest.raises(ExtractorError, match="difference"):
        open_engine(NETWORK.model, "popcount", check=replace(CHECK, embedding=off))


def test_auto_goes_on_after_a_broken_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that computes something else is passed over for the next."""
    graph = read_graph(NETWORK.model)
    last = graph.operators[-2]  # the last convolution; its bias moves every number
    bias = graph.tensors[last.inputs[3]]
    tensors = [replace(t, data=t.data + 1) if t is bias else t for t in graph.tensors]
    other = write_graph(replace(graph, tensors=tuple(tensors)))

    class Broken(PopcountEngine):
        name = "lce"

        def __init__(self, model: bytes) -> None:
            super().__init__(other)

    monkeypatch.setitem(ENGINES, "lce", Broken)
    with pytest.raises(ExtractorError, match="engine lce .* wrong embedding"):
        open_engine(NETWORK.model, "lce", check=CHECK)
    assert open_engine(NETWORK.model, check=CHECK).name != "lce"


def test_unknown_engine() -> None:
    with pytest.raises(EngineMissingError, match="out of auto, native, .* found 'tpu'"):
        open_engine(NETWORK.model, "tpu")


def test_a_file_that_no_engine_runs() -> None:
    """With auto the error carries every engine's reason."""
    with pytest.raises(ExtractorError, match=r"no engine can run .*no usable \.tflite"):
        open_engine(NETWORK.model[:-100])


def test_survey() -> None:
    """Every engine is in the report: missing ones with the pip command, others with numbers."""
    reports = survey_engines(NETWORK.model, CHECK)
    assert [report.name for report in reports] == list(fastest_first(NETWORK.model))
    for report in reports:
        assert report.present == _opens(report.name)
        assert report.usable == report.present
        if report.present:
            assert not report.reason
            assert report.version
            assert report.cosine is not None
            assert report.cosine >= 0.99999
            assert report.milliseconds is not None
            assert report.milliseconds > 0
        else:
            assert "pip install" in report.reason


def test_survey_of_wrong_engines() -> None:
    """A wrong engine is present, not usable, and the reason has the numbers."""
    reports = survey_engines(NETWORK.model, replace(CHECK, embedding=-NETWORK.embedding))
    (popcount,) = [report for report in reports if report.name == "popcount"]
    assert popcount.present
    assert not popcount.usable
    assert "cosine -1.000000" in popcount.reason
