"""The exported page in a browser: what it says of pictures and of a camera, and its teaching."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.support.browser import CHROMIUM, Browser, browser
from tests.support.zig import HAS_ZIG, NEEDS_ZIG, build_library

from headfit import Extractor, MultiLabelHead, SoftmaxHead
from headfit.exports.web import export_web, write_web
from headfit.learning.class_sums import ClassSums
from headfit.learning.imprint import imprint

CLASSES = ("größe 网", "cup", "pen")


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return Extractor.open(engine="popcount")


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Eight files of each of three kinds, of the extractor's size."""
    rng = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("photos")
    files: dict[str, list[Path]] = {}
    for i, name in enumerate(CLASSES):
        kind = rng.integers(0, 200, (64, 64, 3))
        for k in range(8):
            pixels = (kind + rng.integers(0, 56, kind.shape)).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}-{k}.png")
            files.setdefault(name, []).append(folder / f"{i}-{k}.png")
    return files


@pytest.fixture(scope="module")
def head(extractor: Extractor, photos: dict[str, list[Path]]) -> SoftmaxHead:
    files = [file for name in CLASSES for file in photos[name][:4]]
    names = np.repeat(CLASSES, 4)
    return SoftmaxHead(method="logistic").fit(extractor.embed(files), names, extractor=extractor)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, require: Callable[[bool, str], None]) -> Path:
    """The library for WebAssembly, where a browser is to run it."""
    require(CHROMIUM is not None, "Chromium (apt: chromium)")
    require(HAS_ZIG, NEEDS_ZIG)
    return build_library("wasm32", tmp_path_factory.mktemp("wasm"))


@pytest.fixture(scope="module")
def address(
    head: SoftmaxHead, library: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The page, on the server that the command names."""
    page = tmp_path_factory.mktemp("page")
    write_web(export_web(head.fitted_, library=library), page)
    with served(page) as one:
        yield one


@contextmanager
def served(page: Path) -> Iterator[str]:
    """Yield the address of a folder."""
    serve = ["-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(page), "0"]
    with subprocess.Popen(
        [sys.executable, *serve], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        said = re.search(r"port (\d+)", server.stdout.readline())
        assert said is not None
        yield f"http://127.0.0.1:{said[1]}/"
        server.kill()


@pytest.fixture
def page(address: str, tmp_path: Path) -> Iterator[Browser]:
    with browser(tmp_path / "profile") as one:
        one.open(address)
        one.wait("!document.querySelector('#place').hidden")
        yield one
        assert one.said == []
        assert {re.sub(r"[^/]*$", "", url) for url in one.asked} <= {address, "blob:"}


def shares(page: Browser) -> dict[str, float]:
    """Return what the page shows: percentages by class."""
    rows = page.run("[...document.querySelectorAll('#classes li')].map((one) => one.innerText)")
    return {
        name.strip(): float(share.strip(" %\n"))
        for name, share in (re.split(r"\n", row.strip(), maxsplit=1) for row in rows)
    }


def test_a_chosen_picture(
    page: Browser, photos: dict[str, list[Path]], head: SoftmaxHead, extractor: Extractor
) -> None:
    """The percentages are the head's, to the digit shown."""
    for name in CLASSES:
        page.run("document.querySelector('#answer').textContent = ''")
        page.choose("#file", photos[name][5])
        page.wait("document.querySelector('#answer').textContent !== ''")
        expected = head.predict_proba(extractor.embed([photos[name][5]]))[0]
        for class_name, share in zip(head.classes_, expected, strict=True):
            assert shares(page)[class_name] == pytest.approx(100 * share, abs=0.051)
        likeliest = head.classes_[expected.argmax()]
        assert page.run("document.querySelector('#answer').textContent") == likeliest


def test_a_phone_shows_long_names_and_full_percentages(
    page: Browser, photos: dict[str, list[Path]]
) -> None:
    """Nothing reaches over the edge, nothing that is hidden is seen, "100.0 %" is one line."""
    screen = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    page.call("Emulation.setDeviceMetricsOverride", **screen)
    assert page.run("getComputedStyle(document.querySelector('#other')).display") == "none"
    for i, name in enumerate(("a", "A name that somebody typed without a thought of widths")):
        page.run("document.querySelector('#name').focus()")
        page.type(name)
        page.press("#new button")
        page.choose(f"#things li:nth-child({i + 1}) input", *photos[CLASSES[i]][:3])
        page.wait(f"document.querySelectorAll('#things output')[{i}].value === '3 pictures'")
    page.choose("#file", photos[CLASSES[1]][5])
    page.wait("document.querySelector('#answer').textContent !== ''")
    lines = "[...document.querySelectorAll('#classes span:last-child')].map(%s)"
    page.run(lines % "(one) => (one.textContent = '100.0 %')")
    assert set(page.run(lines % "(one) => one.getClientRects().length")) == {1}
    assert max(page.run(lines % "(one) => one.offsetHeight")) < 40
    assert page.run("document.documentElement.scrollWidth") <= 360
    page.press("#things li:nth-child(2) button:last-child")
    page.wait("document.querySelectorAll('#things li').length === 1")
    assert page.run("getComputedStyle(document.querySelector('#other')).display") == "none"


def test_a_multi_label_page_names_all_that_a_picture_shows(
    extractor: Extractor, photos: dict[str, list[Path]], tmp_path: Path, library: Path
) -> None:
    files = [file for name in CLASSES for file in photos[name][:5]]
    sets = [[name, *(["two"] if name != "pen" else [])] for name in CLASSES for _ in range(5)]
    head = MultiLabelHead(l2=1).fit(extractor.embed(files), sets, extractor=extractor)
    write_web(export_web(head.fitted_, library=library), tmp_path / "page")
    with served(tmp_path / "page") as address, browser(tmp_path / "profile") as page:
        page.open(address)
        page.wait("!document.querySelector('#place').hidden")
        assert page.run("document.querySelector('#state').textContent").startswith("It looks for")
        for name in CLASSES:
            page.run("document.querySelector('#answer').textContent = ''")
            page.choose("#file", photos[name][6])
            page.wait("document.querySelector('#answer').textContent !== ''")
            embeddings = extractor.embed([photos[name][6]])
            (expected,) = head.predict(embeddings)
            assert expected == tuple(sorted({name, "two"} if name != "pen" else {name}))
            answer = page.run("document.querySelector('#answer').textContent")
            assert sorted(answer.split(", ")) == sorted(expected)
            found = zip(head.classes_, head.predict_proba(embeddings)[0], strict=True)
            for class_name, share in found:
                assert shares(page)[class_name] == pytest.approx(100 * share, abs=0.051)
        assert page.said == []


def test_what_is_no_picture_is_said(page: Browser, tmp_path: Path) -> None:
    (tmp_path / "diary.jpg").write_text("dear diary")
    page.choose("#file", tmp_path / "diary.jpg")
    page.wait("document.querySelector('#state').textContent.startsWith('diary.jpg is no picture')")


def camera_film(path: Path, frames: list[NDArray[np.uint8]], repeat: int) -> None:
    """Write what Chromium takes for a camera: uncompressed YUV4MPEG2, 4:4:4."""
    height, width, _ = frames[0].shape
    with path.open("wb") as film:
        film.write(f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\n".encode())
        for frame in frames:
            y, cb, cr = (
                np.asarray(Image.fromarray(frame).convert("YCbCr"))[..., i] for i in range(3)
            )
            half = [np.asarray(c[::2, ::2]).tobytes() for c in (cb, cr)]
            film.write((b"FRAME\n" + y.tobytes() + half[0] + half[1]) * repeat)


def test_teaching_by_camera(address: str, tmp_path: Path) -> None:
    """Hold a button while it looks at one thing, another while at the next; then it tells them."""
    flat = [np.full((240, 320, 3), colour, np.uint8) for colour in ((200, 40, 40), (40, 40, 200))]
    for frame in flat:
        frame[60:180, 80:240] = 255 - frame[60:180, 80:240]
    camera_film(tmp_path / "film.y4m", flat, 40)  # four seconds each, again and again
    fake = ("device-for-media-stream", "ui-for-media-stream")
    options = [f"--use-fake-{one}" for one in fake]
    film = f"--use-file-for-fake-video-capture={tmp_path / 'film.y4m'}"
    with browser(tmp_path / "profile", *options, film) as page:
        page.open(address)
        page.wait("!document.querySelector('#place').hidden")
        page.press("#camera")
        is_red = (
            "(() => { const c = document.querySelector('#picture'), p = c.getContext('2d')"
            ".getImageData(10, 10, 1, 1).data; return p[3] && (p[0] > p[2]) === %s; })()"
        )
        for thing, red in (("red", "true"), ("blue", "false")):
            page.run("document.querySelector('#name').focus()")
            page.type(thing)
            page.press("#new button")
            page.wait(is_red % ("false" if red == "true" else "true"))
            page.wait(is_red % red)  # it has just begun
            page.press(f"#things li:nth-child({1 if red == 'true' else 2}) button", 1.5)
        counts = page.run("[...document.querySelectorAll('#things output')].map((o) => o.value)")
        assert all(int(count.split()[0]) >= 3 for count in counts), counts
        for thing, red in (("red", "true"), ("blue", "false")):
            page.wait(is_red % ("false" if red == "true" else "true"))
            page.wait(is_red % red)
            page.wait(f"document.querySelector('#answer').textContent === '{thing}'")
        assert "as taught here" in page.run("document.querySelector('#state').textContent")
        assert page.said == []


def test_teaching_by_files_and_saving_it(
    page: Browser, photos: dict[str, list[Path]], extractor: Extractor, tmp_path: Path
) -> None:
    """The sums are those of imprinting here; what two pictures made does not leave."""
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    names = ("b, second", "a first")
    for i, (name, kind) in enumerate(zip(names, CLASSES, strict=False)):
        page.run("document.querySelector('#name').focus()")
        page.type(f"  {name} ")
        page.press("#new button")
        assert page.run("document.querySelector('#save').disabled")
        page.choose(f"#things li:nth-child({i + 1}) input", *photos[kind][: 4 - i])
        page.wait(
            f"document.querySelector('#things li:nth-child({i + 1}) output').value"
            f" === '{4 - i} pictures'"
        )
    assert not page.run("document.querySelector('#save').disabled")
    page.run("document.querySelector('#name').focus()")
    page.type("a first")
    page.press("#new button")
    assert "is there already" in page.run("document.querySelector('#lesson').textContent")
    page.press("#save")
    saved = tmp_path / "head.json"
    page.wait("true")
    while not saved.exists():
        page.wait("new Promise((done) => setTimeout(() => done(true), 50))")
    found = json.loads(saved.read_text())
    assert found["classes"] == ["a first", "b, second"]
    assert found["class_counts"] == [3, 4]
    files = [*photos[CLASSES[1]][:3], *photos[CLASSES[0]][:4]]
    sums = ClassSums.of(extractor.embed(files), np.repeat([0, 1], [3, 4]), 2)
    weights, bias = imprint(sums, *sums.mean_and_inverse_scale())
    expected = 4 * (weights - weights.mean(axis=1, keepdims=True))
    np.testing.assert_allclose(np.array(found["weights"]).T, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["bias"], 4 * (bias - bias.mean()), rtol=1e-3, atol=1e-4)
    page.choose("#file", photos[CLASSES[0]][6])
    page.wait("document.querySelector('#answer').textContent === 'b, second'")
    page.press("#other")
    assert page.run("document.querySelector('#state').textContent").endswith(
        f"{', '.join(sorted(CLASSES))}."
    )
    page.press("#things li:nth-child(2) button:last-child")
    page.wait("document.querySelectorAll('#things li').length === 1")
    assert page.run("document.querySelector('#save').disabled")
