"""Heads where headfit is not: ``headfit export-tflite`` and its like."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path

import click

from headfit.commands import terminal
from headfit.commands.options import EXTRACTOR, FEW_PHOTOS, HEAD, PATH, output_option
from headfit.commands.paths import CLASSIFIER, CORE_ML, HEAD_JSON, WEB, Command, OutputFolder
from headfit.errors import InputError
from headfit.exports import coreml, document, onnx, tflite, web
from headfit.exports.joining import AnyHead
from headfit.extractors.finding import find_extractor, find_made_by
from headfit.files.any_head import load_any_head
from headfit.files.blockfile import SUFFIX
from headfit.files.disk import write_atomically
from headfit.files.manifest import load_manifest


def _opened(path: Path, extractor: str | Path | None) -> tuple[AnyHead, str | Path | None]:
    """Return a head and what it was fitted on, given or found on this device.

    Another extractor is refused here, where it is known which file the head is of.
    """
    head = load_any_head(path).head
    made_on = head.extractor
    extractor = extractor or find_made_by(made_on.fingerprint if made_on else None, path)
    is_network = extractor is None or Path(extractor).suffix != SUFFIX
    if is_network and (extractor or made_on):
        beside = find_extractor(extractor).with_suffix(".json")
        if beside.exists():  # else its reader says what is missing
            load_manifest(beside).check_head(head, str(path))
    return head, extractor


def _check_ending(output: Path, ending: str) -> None:
    if output.suffix != ending:
        raise InputError(
            f"{output}: expected a name that ends in {ending}, by which programs know what it is; "
            "choose another"
        )


def _write(output: Path, data: bytes, fitted: AnyHead, takes: str = "") -> None:
    write_atomically(output, data)
    classes = ", ".join(fitted.classes)
    terminal.echo(f"Wrote {output}, {len(data):,} bytes{takes}: {classes}.")


def _refuse_blocks(path: Path, extractor: str | Path | None, what: str) -> None:
    if extractor is not None and Path(extractor).suffix == SUFFIX:
        raise InputError(
            f"{path}: expected a head on an extractor as it came, found one on retrained blocks, "
            f"{extractor}; these cannot be joined into {what}: train without 'finetune'"
        )


@click.command("export-tflite", cls=Command)
@HEAD
@output_option("OUT.TFLITE", CLASSIFIER)
@click.option("--lowered", is_flag=True, help="Use TFLite's own operators alone.")
@FEW_PHOTOS
@EXTRACTOR
def export_tflite(
    head: Path, output: Path, lowered: bool, few_photos: bool, extractor: str | Path | None
) -> None:
    """Join a head and its extractor into one .tflite classifier.

    Its output is the probability of each class; of a head of several classes a photo, of each by
    itself. It runs in Larq Compute Engine's interpreter, and with --lowered in any TFLite.
    """
    fitted, extractor = _opened(head, extractor)
    _refuse_blocks(head, extractor, "a .tflite")
    _check_ending(output, ".tflite")
    model = tflite.export_tflite(fitted, extractor, lowered=lowered, force=few_photos)
    _write(output, model, fitted)


@click.command("export-onnx", cls=Command)
@HEAD
@output_option("OUT.ONNX", CLASSIFIER)
@click.option("--alone", is_flag=True, help="Export the head without its extractor.")
@FEW_PHOTOS
@EXTRACTOR
def export_onnx(
    head: Path, output: Path, alone: bool, few_photos: bool, extractor: str | Path | None
) -> None:
    """Write a head as ONNX, together with its extractor if that is ONNX too.

    The output is the probability of each class. With --alone the input is embeddings, as
    'headfit embed' writes them; otherwise a photo.
    """
    if alone:
        fitted = load_any_head(head).head
    else:
        fitted, extractor = _opened(head, extractor)
        _refuse_blocks(head, extractor, "an ONNX file; export the head --alone")
    _check_ending(output, ".onnx")
    model = onnx.export_onnx(fitted, extractor, alone=alone, force=few_photos)
    _write(output, model, fitted, ", takes embeddings" if alone else ", takes a photo")


@click.command("export-coreml", cls=Command)
@HEAD
@output_option("OUT.MLMODEL", CORE_ML)
@FEW_PHOTOS
def export_coreml(head: Path, output: Path, few_photos: bool) -> None:
    """Write a head, without its extractor, as a Core ML classifier of embeddings.

    A head of several classes a photo becomes a network that returns an array of probabilities.
    """
    fitted = load_any_head(head).head
    _check_ending(output, ".mlmodel")
    # It warns of what it lacks outside of macOS, which is nothing that writing needs.
    logging.getLogger("coremltools").setLevel(logging.ERROR)
    model = coreml.export_coreml(fitted, force=few_photos)
    _write(output, model, fitted)


@click.command("export-web", cls=Command)
@HEAD
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=OutputFolder(WEB),
    required=True,
    help="The folder to write into.",
)
@click.option(
    "--library",
    metavar="WASM",
    type=PATH,
    help="The native engine for WebAssembly; by default built by ziglang, or as built before.",
)
@FEW_PHOTOS
@EXTRACTOR
def export_web(
    head: Path,
    output: Path,
    library: Path | None,
    few_photos: bool,
    extractor: str | Path | None,
) -> None:
    """Write a web page that recognises with HEAD, by the camera or from a picture.

    The folder goes onto any server for files; from a disk browsers do not run it. Pictures stay
    in the browser.
    """
    fitted, extractor = _opened(head, extractor)
    _refuse_blocks(head, extractor, "a page")
    files = web.export_web(fitted, extractor, library=library, force=few_photos)
    web.write_web(files, output)
    n_bytes = sum(map(len, files.values()))
    classes = ", ".join(fitted.classes)
    terminal.echo(f"Wrote {output}, {len(files)} files of {n_bytes:,} bytes: {classes}.")
    terminal.echo(
        f"Here: python -m http.server --bind 127.0.0.1 --directory {shlex.quote(str(output))}, "
        "then http://127.0.0.1:8000 in a browser."
    )


@click.command("export-json", cls=Command)
@HEAD
@output_option("OUT.JSON", HEAD_JSON)
@FEW_PHOTOS
@EXTRACTOR
def export_json(head: Path, output: Path, few_photos: bool, extractor: str | Path | None) -> None:
    """Write a head as plain JSON, for programs in other languages."""
    fitted, extractor = _opened(head, extractor)
    if extractor is not None and Path(extractor).suffix == SUFFIX:
        extractor = None  # retrained blocks have no background of their own
    data = document.export_json(fitted, extractor, force=few_photos)
    _write(output, data, fitted)
