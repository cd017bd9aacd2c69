"""The ``headfit`` command: train, predict, evaluate and inspect heads from a shell."""

from __future__ import annotations

import io
import json
import sys
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.text import Text

from headfit.classifier import ImageClassifier
from headfit.commands import terminal
from headfit.commands.audit import audit
from headfit.commands.demo import demo
from headfit.commands.engines import cut, doctor, lower
from headfit.commands.extractors import extractors
from headfit.commands.finetune import finetune
from headfit.commands.heads import convert_head, export_tflite, inspect
from headfit.commands.report import report
from headfit.commands.sharing import keygen, share, sign, verify
from headfit.commands.store import store
from headfit.errors import ExtractorError, FileFormatError, HeadfitError, ImageError
from headfit.extractor import Extractor
from headfit.photos.folders import Skipped, reason
from headfit.version import __version__

EXIT_CODES = {
    0: "done",
    1: "a fault of headfit's own",
    2: "the command line cannot be understood",
    3: "photos, a folder or a file cannot be used",
    4: "the extractor or its engine cannot be used, or the head belongs to another",
    5: "the head file is damaged, of another kind, or not signed by a trusted key",
    130: "stopped by Ctrl-C; no file was left half written",
}

HEAD = click.argument("head", metavar="HEAD", type=click.Path(path_type=Path))
PHOTO_FOLDER = click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
EXTRACTOR = click.option(
    "--extractor", metavar="NAME", help="Name of an installed extractor, or path of a .tflite."
)
ENGINE = click.option(
    "--engine", default="auto", help="What runs the extractor; auto, the default, is the fastest."
)
STRICT = click.option("--strict", is_flag=True, help="Refuse files that are no photos.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object for machines.")


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code, one of `EXIT_CODES`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names of files need not be printable
            stream.reconfigure(errors="backslashreplace")
    try:
        result = app.main(arguments, prog_name="headfit", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped", 130)
    except FileFormatError as error:
        return _fail(str(error), 5)
    except ExtractorError as error:
        return _fail(str(error), 4)
    except HeadfitError as error:
        return _fail(str(error), 3)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return _fail(f"{name}{error.strerror or error}", 3)
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int) -> int:
    _errors().print(Text.assemble(("headfit: ", "bold red"), message), soft_wrap=True)
    return code


def _output() -> Console:
    return Console(highlight=False)


def _errors() -> Console:
    return Console(stderr=True, highlight=False)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExit codes:\n"
    + "\n".join(f"{code:5}  {what}" for code, what in EXIT_CODES.items()),
)
@click.version_option(__version__, message="headfit %(version)s")
def app() -> None:
    """Teach an image classifier on this machine.

    Photos go in, a head of a few kilobytes comes out; no photo leaves the machine.
    """


@app.command()
@PHOTO_FOLDER
@click.option(
    "-o",
    "--output",
    metavar="HEAD",
    type=click.Path(path_type=Path),
    required=True,
    help="The head file to write.",
)
@EXTRACTOR
@ENGINE
@STRICT
@JSON
def train(
    directory: Path, output: Path, extractor: str | None, engine: str, strict: bool, as_json: bool
) -> None:
    """Train a head on photos.

    DIR holds a folder per class, named after the class. What cannot be read as a photo is skipped
    and named.
    """
    terminal.check_output(output)
    classifier = ImageClassifier(Extractor.open(extractor, engine=engine))
    started = time.perf_counter()
    with terminal.progress(_errors(), "Embedding photos") as progress:
        classifier.add_folder(directory, strict=strict, progress=progress)
    embedded = time.perf_counter()
    head = classifier.fit()
    fitted = time.perf_counter()
    classifier.save(output)
    embed_s, fit_s = embedded - started, fitted - embedded
    size_bytes = output.stat().st_size
    if as_json:
        _print_json(
            head=str(output),
            size_bytes=size_bytes,
            n_samples=classifier.n_samples,
            n_classes=len(head.classes_),
            classes=list(head.classes_),
            embed_s=embed_s,
            fit_s=fit_s,
            engine=classifier.extractor.engine_name,
            skipped=_as_json(classifier.skipped),
        )
        return
    terminal.print_skipped(_errors(), classifier.skipped)
    _output().print(
        f"Trained on [bold]{classifier.n_samples}[/] photos of [bold]{len(head.classes_)}[/] "
        f"classes: embedded in {terminal.duration(embed_s)} by {classifier.extractor.engine_name}, "
        f"trained in {terminal.duration(fit_s)}."
    )
    _output().print(Text(f"Wrote {output}, {terminal.size(size_bytes)}."), soft_wrap=True)


@app.command()
@HEAD
@click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@EXTRACTOR
@ENGINE
@STRICT
@JSON
def predict(
    head: Path,
    images: tuple[Path, ...],
    extractor: str | None,
    engine: str,
    strict: bool,
    as_json: bool,
) -> int:
    """Say what photos show.

    Prints the three best classes of each IMAGE, or all with --json, and whether it looks like none
    of them. A file that is no photo is named and the others are classified; the exit code is then
    3.
    """
    classifier = _load(head, extractor, engine)
    results: list[dict[str, Any]] = []
    skipped: list[Skipped] = []
    for image in images:
        try:
            seen = classifier.recognise(image)
        except (ImageError, OSError) as error:
            if strict:
                raise
            skipped.append(Skipped(image, reason(error, image)))
            continue
        if as_json:
            best_first = [{"class": name, "probability": p} for name, p in seen.ranking]
            results.append({"image": str(image), "is_known": seen.is_known, "classes": best_first})
        else:
            _output().print(Text(str(image), style="bold"), soft_wrap=True)
            if not seen.is_known:
                _output().print("looks like none of the classes; nearest are")
            _output().print(terminal.probability_table(seen.ranking[:3]))
    if as_json:
        _print_json(head=str(head), predictions=results, skipped=_as_json(skipped))
    else:
        terminal.print_skipped(_errors(), skipped)
    return 3 if skipped else 0


@app.command()
@HEAD
@PHOTO_FOLDER
@EXTRACTOR
@ENGINE
@STRICT
@JSON
def evaluate(
    head: Path, directory: Path, extractor: str | None, engine: str, strict: bool, as_json: bool
) -> None:
    """Count how often a head is right.

    DIR holds a folder per class, as for training. Photos that the head was trained on say nothing
    here: keep some apart.
    """
    classifier = _load(head, extractor, engine)
    with terminal.progress(_errors(), "Classifying photos") as progress:
        evaluation = classifier.evaluate(directory, strict=strict, progress=progress)
    if as_json:
        _print_json(
            top1=evaluation.top1,
            top5=evaluation.top5,
            n_samples=evaluation.n_samples,
            recall={
                name: None if np.isnan(recall) else float(recall)
                for name, recall in zip(evaluation.classes, evaluation.recall, strict=True)
            },
            classes=list(evaluation.classes),
            confusion=evaluation.confusion.tolist(),
            skipped=_as_json(evaluation.skipped),
        )
        return
    terminal.print_skipped(_errors(), evaluation.skipped)
    terminal.print_evaluation(_output(), evaluation)


for command in (
    store, audit, share, sign, verify, keygen, doctor, lower, cut, convert_head, export_tflite,
    inspect, report, extractors, finetune, demo,
):  # fmt: skip
    app.add_command(command)


def _load(head: Path, extractor: str | None, engine: str) -> ImageClassifier:
    return ImageClassifier.load(head, extractor=Extractor.open(extractor, engine=engine))


def _as_json(skipped: tuple[Skipped, ...] | list[Skipped]) -> list[dict[str, str]]:
    return [{"path": str(item.path), "reason": item.reason} for item in skipped]


def _print_json(**fields: object) -> None:
    _output().out(json.dumps(fields, indent=2), highlight=False)
