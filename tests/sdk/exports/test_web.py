"""The page of a head: the same pictures, embeddings and answers as here, in node; no browser."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.sdk.engines.native.wasm import IS_THERE, NODE
from tests.support.zig import NEEDS_ZIG, build_library

from headfit import (
    Extractor,
    ExtractorMismatchError,
    InputError,
    MultiLabelHead,
    SoftmaxHead,
    UnshareableHeadError,
)
from headfit.commands.main import main
from headfit.engines.native import exporting
from headfit.engines.native.exporting import find_wasm, plan_version
from headfit.errors import EngineMissingError
from headfit.exports.document import STARTS
from headfit.exports.web import export_web, is_web, write_web
from headfit.files.views import views_as_json
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.origin import WHOLE, Preprocessing, View
from headfit.learning.prediction import Prediction
from headfit.photos.images import look as see
from headfit.photos.images import needed_side, open_rgb

LARGEST_PAGE = 1_000_000
PLAIN = Preprocessing(64, 64, "shorter-side", 64, "bicubic", (123.7, 116.3, 103.5), (58.4, 57.1, 1))
SIZES = [(64, 64), (97, 131), (640, 480), (1, 200), (300, 1), (511, 1030), (4501, 3077)]
"""Widths and heights: as they are, enlarged, halved several times with rests, in several tiles."""

Look = Callable[[FittedHead | FittedMultiLabelHead, Sequence[dict[str, Any]]], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    return build_library("wasm32", tmp_path_factory.mktemp("wasm")) if IS_THERE else None


@pytest.fixture
def wasm(library: Path | None, require: Callable[[bool, str], None]) -> Path:
    """The library for WebAssembly, where node is to run it."""
    require(library is not None, f"node (apt: nodejs) or {NEEDS_ZIG}")
    assert library is not None
    return library


@pytest.fixture
def look(wasm: Path, tmp_path: Path) -> Look:
    """What an exported page makes of pictures: arrays of (h, w, 3 or 4) under "pixels"."""

    def run(
        head: FittedHead | FittedMultiLabelHead, jobs: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        page = tmp_path / "page"
        write_web(export_web(head, library=wasm), page)
        (page / "package.json").write_text('{"type": "module"}')
        written = []
        for i, job in enumerate(jobs):
            pixels, file = job["pixels"], tmp_path / f"{i}.rgba"
            height, width, n_channels = pixels.shape
            if n_channels == 3:
                pixels = np.dstack([pixels, np.full((height, width), 255, np.uint8)])
            file.write_bytes(pixels.tobytes())
            others = {key: value for key, value in job.items() if key != "pixels"}
            written.append({"width": width, "height": height, "file": str(file), **others})
        (tmp_path / "jobs").write_text(json.dumps(written))
        script = Path(__file__).with_name("look.mjs")
        command = [str(NODE), str(script), str(page), str(tmp_path / "jobs"), str(tmp_path / "out")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads((tmp_path / "out").read_text())
        return found

    return run


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    """The one that comes with headfit."""
    return Extractor.open(engine="popcount")


def picture(width: int, height: int, seed: int, n_channels: int = 3) -> NDArray[np.uint8]:
    """Neither noise alone nor smooth alone: stripes, a slope, and noise on them."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    slope = 255 * x / width + 40 * np.sin(y / 7 + seed)
    channels = [
        slope * (c + 1) / n_channels + rng.integers(0, 90, slope.shape) for c in range(n_channels)
    ]
    return np.clip(np.dstack(channels), 0, 255).astype(np.uint8)


def taught(extractor: Extractor, per_class: int = 4, **options: Any) -> FittedHead:
    """Return a head of three classes; from 7 photos a class on it compares with the background."""
    rng = np.random.default_rng(1)
    kinds = rng.integers(0, 200, (3, 64, 64, 3))
    photos = np.repeat(kinds, per_class, axis=0)
    photos = (photos + rng.integers(0, 56, photos.shape)).astype(np.uint8)
    names = np.repeat(["größe 网", "</script>", "c"], per_class)
    head = SoftmaxHead(**options).fit(extractor.embed(list(photos)), names, extractor=extractor)
    return head.fitted_


def test_pictures_are_prepared_to_the_bit(look: Look, extractor: Extractor) -> None:
    """Of every shape, in every view, with both filters, opaque or not."""
    large = replace(PLAIN, height=96, width=112, resize_to=120, interpolation="bilinear")
    near = [WHOLE, View(1.15, 0.2, 0.9, is_flipped=True), View(3, 0, 1)]
    jobs, expected = [], []
    for seed, (width, height) in enumerate(SIZES):
        for preprocessing, n_channels in ((PLAIN, 3), (large, 3), (PLAIN, 4)):
            pixels = picture(width, height, seed, n_channels)
            views = near if width < 1000 and n_channels == 3 else [WHOLE]
            jobs.append(
                {
                    "pixels": pixels,
                    "preprocessing": asdict(preprocessing),
                    "views": views_as_json(views),
                }
            )
            photo = open_rgb(pixels, least_side=needed_side(preprocessing, views))
            expected.append([see(photo, preprocessing, view) for view in views])
    found = look(taught(extractor), jobs)
    for job, inputs, right in zip(jobs, found, expected, strict=True):
        for one, image in zip(inputs["inputs"], right, strict=True):
            np.testing.assert_array_equal(
                np.array(one, np.float32), image.ravel(), str(job["pixels"].shape)
            )


@pytest.mark.parametrize(
    ("method", "per_class"),
    [("logistic", 4), ("logistic", 7), ("typical", 7), ("binary", 4), ("views", 4)],
)
def test_embeddings_and_answers_are_those_of_the_head(
    method: str, per_class: int, look: Look, extractor: Extractor
) -> None:
    """Embeddings as popcount's; probabilities, sureness and what is refused as the head's."""
    if method == "views":
        extractor = extractor.looking((WHOLE, View(1.15, is_flipped=True)))
    head = taught(extractor, per_class, method="binary" if method == "binary" else "logistic")
    if method == "typical":  # fitted without a background to compare with
        rows = extractor.embed([picture(64, 64, seed) for seed in range(3 * per_class)])
        names = np.repeat(["a", "b", "c"], per_class)
        head = SoftmaxHead(method="logistic").fit(rows, names).fitted_
        head = replace(head, extractor=extractor.manifest.reference())
    known = head.calibration is not None and head.calibration.threshold is not None
    assert known == (per_class == 7)
    assert (head.likeness is not None) == (known and method == "logistic")
    assert (head.typicality is not None) == (method == "typical")
    assert (head.thresholds is not None) == (method == "binary")
    pictures = [picture(*size, seed) for seed, size in enumerate(SIZES[:-1])]
    pictures += [picture(64, 64, seed, 4) for seed in range(3)]
    found = look(head, [{"pixels": pixels} for pixels in pictures])
    rows = extractor.embed(pictures)
    embeddings = np.array([one["embedding"] for one in found], np.float32)
    scale = np.ptp(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(rows / scale, embeddings / scale, atol=1e-5)
    prediction = Prediction.of(head, rows)
    answers = [one["answer"] for one in found]
    probabilities = [answer["probabilities"] for answer in answers]
    np.testing.assert_allclose(prediction.probabilities(), probabilities, atol=1e-5)
    sureness = [answer["sureness"] for answer in answers]
    np.testing.assert_allclose(prediction.sureness(), sureness, rtol=1e-4, atol=1e-5)
    assert prediction.are_known().tolist() == [answer["isKnown"] for answer in answers]
    for answer, known, row in zip(answers, prediction.are_known(), probabilities, strict=True):
        assert answer["isShown"] == [bool(known) and one == max(row) for one in row]


def test_a_page_knows_no_picture_of_nothing(look: Look, extractor: Extractor) -> None:
    """Though by a head that takes everything for known."""
    head = taught(extractor, 7, method="logistic")
    assert head.calibration is not None
    lenient = replace(head, calibration=replace(head.calibration, threshold=-2.0))
    rng = np.random.default_rng(0)
    dark = rng.integers(0, 6, (97, 131, 3)).astype(np.uint8)
    pictures = [dark, picture(97, 131, 1), np.full((64, 64, 3), (9, 200, 40), np.uint8)]
    _, are_blank = extractor.embed_telling_blank(pictures)
    assert are_blank.tolist() == [True, False, True]
    found = look(lenient, [{"pixels": pixels} for pixels in pictures])
    assert [one["answer"]["isKnown"] for one in found] == [False, True, False]


def test_a_multi_label_head_answers_for_each_class_by_itself(
    look: Look, extractor: Extractor
) -> None:
    """Several classes, one or none: what the head predicts, with its thresholds."""
    taught_by = [picture(64, 64, seed) for seed in range(24)]
    rows = extractor.embed(taught_by)
    is_shown = np.random.default_rng(0).random((24, 3)) < [0.5, 0.3, 0.7]
    head = MultiLabelHead(l2=1).fit(
        rows, is_shown, classes=["größe 网", "b", "c"], extractor=extractor
    )
    pictures = [*taught_by, *(picture(97, 131, seed) for seed in range(4))]
    seen = look(head.fitted_, [{"pixels": one} for one in pictures])
    answers = [one["answer"] for one in seen]
    # Of the page's own embeddings: between two engines rounding turns a sign now and then.
    expected = head.predict_proba(np.array([one["embedding"] for one in seen], np.float32))
    found = [answer["probabilities"] for answer in answers]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    right = expected >= head.thresholds_
    assert set(right.sum(axis=1)) >= {1, 2}
    assert right.tolist() == [answer["isShown"] for answer in answers]
    assert right.any(axis=1).tolist() == [answer["isKnown"] for answer in answers]


def test_the_command_writes_a_page_and_writes_it_again(
    wasm: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], extractor: Extractor
) -> None:
    """All of it below a megabyte; another's folder stays as it is."""
    path, page = tmp_path / "mine.head", tmp_path / "my page"
    SoftmaxHead.of(taught(extractor)).save(path)
    command = ["export-web", str(path), "-o", str(page), "--library", str(wasm)]
    assert main(command) == 0
    assert "http://127.0.0.1:8000" in capsys.readouterr().out
    files = {one.name: one.read_bytes() for one in page.iterdir()}
    assert files == export_web(SoftmaxHead.load(path).fitted_, library=wasm)
    assert sum(map(len, files.values())) < LARGEST_PAGE
    (page / "index.html").unlink()  # as an interruption leaves it
    assert main(command) == 0
    assert main(command) == 0
    (page / "diary.txt").write_text("dear diary")
    assert main(command) == 3
    assert "a page of this command, found other files" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert (page / "diary.txt").read_text() == "dear diary"


@pytest.mark.parametrize(
    ("name", "found", "put", "said"),
    [
        ("network.plan", rb"(?s)(.{300000}).", rb"\1?", "plan is damaged"),
        ("head.json", rb'"fingerprint":"\w', b'"fingerprint":"-', "another extractor"),
        ("head.json", rb'"weights": \[\[', b'"weights": [[0,', "head is damaged"),
        ("head.json", rb'"bias": \[[^,]+,', b'"bias": [', "head is damaged"),
        ("head.json", rb'"factor":"....', b'"factor":"', "head is damaged"),
        ("network.json", rb'"embedding": \[[^,]+', b'"embedding": [1e9', "a wrong embedding"),
        ("golden.rgb", rb"(?s)^.{6000}", b"\0" * 6000, "a wrong embedding"),
    ],
)
def test_a_page_of_parts_that_do_not_belong_together_says_so(
    name: str,
    found: bytes,
    put: bytes,
    said: str,
    wasm: Path,
    tmp_path: Path,
    extractor: Extractor,
) -> None:
    page = tmp_path / "page"
    write_web(export_web(taught(extractor, 7, method="logistic"), library=wasm), page)
    data = (page / name).read_bytes()
    damaged = re.sub(found, put, data, count=1)
    assert damaged != data
    (page / name).write_bytes(damaged)
    (page / "package.json").write_text('{"type": "module"}')
    (tmp_path / "jobs").write_text("[]")
    script = Path(__file__).with_name("look.mjs")
    command = [str(NODE), str(script), str(page), str(tmp_path / "jobs"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode != 0
    assert said in done.stderr


def test_a_library_with_a_flipped_bit_embeds_rightly_or_not_at_all(
    wasm: Path, tmp_path: Path, extractor: Extractor
) -> None:
    """Where the bit is used by this network: then the golden picture tells, if nothing else."""
    page, library = tmp_path / "page", tmp_path / "page" / "headfit_native.wasm"
    write_web(export_web(taught(extractor), library=wasm), page)
    (page / "package.json").write_text('{"type": "module"}')
    pixels = np.dstack([picture(64, 64, 0), np.full((64, 64), 255, np.uint8)])
    (tmp_path / "0.rgba").write_bytes(pixels.tobytes())
    (tmp_path / "jobs").write_text(
        json.dumps([{"width": 64, "height": 64, "file": str(tmp_path / "0.rgba")}])
    )
    script = Path(__file__).with_name("look.mjs")
    command = [str(NODE), str(script), str(page), str(tmp_path / "jobs"), str(tmp_path / "out")]
    right = extractor.embed([pixels[..., :3]])[0]
    whole, rng = wasm.read_bytes(), np.random.default_rng(0)
    outcomes = []
    for place in rng.integers(len(whole) // 10, len(whole), 24):
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.integers(8)
        library.write_bytes(flipped)
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired:
            continue  # it goes round in a loop, and nothing is answered
        outcomes.append(done.returncode)
        if done.returncode == 0:
            embedding = np.array(json.loads((tmp_path / "out").read_text())[0]["embedding"])
            assert np.abs(embedding - right).max() <= 1e-2 * np.ptp(right), place
    assert 0 in outcomes
    assert any(outcomes)


def test_whose_folder_it_is(tmp_path: Path) -> None:
    assert is_web(tmp_path)
    (tmp_path / "index.html").write_text("<title>Mine</title>")
    assert not is_web(tmp_path)
    page = Path(exporting.__file__).parents[2] / "exports" / "page"
    (tmp_path / "index.html").write_bytes((page / "index.html").read_bytes())
    assert is_web(tmp_path)
    (tmp_path / "page.css").write_text("body { color: red }")
    assert not is_web(tmp_path)
    (tmp_path / "page.css").unlink()
    (tmp_path / "network.plan").write_bytes(b"")
    for start in STARTS:
        (tmp_path / "head.json").write_bytes(start)
        assert is_web(tmp_path)
    (tmp_path / "index.html").unlink()
    assert is_web(tmp_path)
    (tmp_path / "head.json").write_text('{"format":"headfit-head-json","classes":["taught here"]}')
    assert not is_web(tmp_path)
    (tmp_path / "network.plan").unlink()
    (tmp_path / "head.json").write_bytes(STARTS[0])
    assert not is_web(tmp_path)


def test_what_cannot_become_a_page(
    tmp_path: Path, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another extractor's head, one of single photos, one of bare arrays, without a library."""
    head, file = taught(extractor), tmp_path / "x.wasm"
    bare = replace(head, extractor=None)
    other = replace(head.extractor, fingerprint="0" * 64) if head.extractor else None
    with pytest.raises(ExtractorMismatchError):
        export_web(replace(head, extractor=other))
    with pytest.raises(InputError, match="remembers its extractor"):
        export_web(bare)
    for data in (b"", b"\0asm\x01\0\0\0", b"\x7fELF and more"):
        file.write_bytes(data)
        with pytest.raises(InputError, match="expected headfit's native library for WebAssembly"):
            export_web(head, library=file)
    with pytest.raises(FileNotFoundError):
        export_web(head, library=tmp_path / "none.wasm")
    monkeypatch.setattr(exporting, "CHECKOUT", tmp_path)
    monkeypatch.setattr(exporting, "packed_folder", lambda: None)
    with pytest.raises(
        EngineMissingError, match="pip install headfit-native, which has it; or make it"
    ):
        export_web(head)


def test_the_installed_library_is_taken_where_there_is_no_checkout(
    wasm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "CHECKOUT", tmp_path)
    monkeypatch.setattr(exporting, "packed_folder", lambda: tmp_path)
    with pytest.raises(EngineMissingError):
        find_wasm()
    (tmp_path / "headfit_native.wasm").write_bytes(wasm.read_bytes())
    assert find_wasm() == wasm.read_bytes()


def test_single_photos_do_not_leave(wasm: Path, extractor: Extractor) -> None:
    few = replace(taught(extractor), class_counts=(3, 2, 3))
    with pytest.raises(UnshareableHeadError):
        export_web(few, library=wasm)
    assert export_web(few, library=wasm, force=True)


def test_a_library_of_another_version_is_refused(wasm: Path, tmp_path: Path) -> None:
    """It is read from the library's code, which returns it."""
    data = wasm.read_bytes()
    assert plan_version(data) == 1
    body = b"\x04\0\x41\x01\x0b"  # no locals, i32.const 1, end
    places = [match.start() for match in re.finditer(re.escape(body), data)]
    changed = []
    for place in places:
        file = tmp_path / "x.wasm"
        file.write_bytes(data[:place] + b"\x04\0\x41\x02\x0b" + data[place + 5 :])
        if plan_version(file.read_bytes()) == 2:
            changed.append(place)
            with pytest.raises(InputError, match="plans of version 1, found one for version 2"):
                find_wasm(file)
    assert len(changed) == 1
    for end in range(0, len(data), 997):
        with pytest.raises((ValueError, IndexError)):
            plan_version(data[:end])


def test_the_page_can_ask_for_nothing_else() -> None:
    """By its policy: no foreign script, picture, font, frame or address; nothing in line."""
    page = Path(exporting.__file__).parents[2] / "exports" / "page"
    html = (page / "index.html").read_text()
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)
    assert sorted(policy.split("; ")) == [
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
    ]
    assert re.findall(r'(?:src|href)="([^"]+)"', html) == ["page.css", "page.js"]
    assert not re.search(r"<style|<script>|\son\w+=|\sstyle=", html)
    script = "".join(one.read_text() for one in sorted(page.glob("*.js")))
    assert not re.search(r"https?://|XMLHttp|sendBeacon|WebSocket|innerHTML|\beval\b", script)
    assert script.count("fetch(") == 1
    names = set(re.findall(r'from "\./([\w.]+)"', script)) | {"page.js", "page.css", "index.html"}
    assert names == {one.name for one in page.iterdir()}
    ids = set(re.findall(r'id="(\w+)"', html))
    wanted = re.search(r"const \{ (.+?) \} = byId;", (page / "page.js").read_text())
    assert wanted is not None
    assert set(wanted[1].split(", ")) <= ids
