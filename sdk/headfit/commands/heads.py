"""``headfit inspect``, ``convert-head``, ``export-tflite``: what a head holds, and other forms."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console

from headfit.commands.terminal import check_output, head_table
from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.extractors.export import export_tflite as export
from headfit.files.disk import write_atomically
from headfit.files.head_parts import block_as_json
from headfit.files.headfile import load_head
from headfit.files.tensors import DTYPES
from headfit.head import SoftmaxHead
from headfit.photos.folders import embed_folder, find_photos

HEAD = click.argument("head", metavar="HEAD", type=click.Path(path_type=Path))
EXTRACTOR = click.option("--extractor", metavar="NAME", help="Name of an extractor, or its path.")
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object for machines.")


@click.command()
@HEAD
@JSON
def inspect(head: Path, as_json: bool) -> None:
    """Say what a head file holds.

    Needs no extractor.
    """
    file = load_head(head)
    data = file.head
    size_bytes = head.stat().st_size
    fitted_on = data.extractor
    if as_json:
        fields: dict[str, object] = {
            "head": str(head),
            "size_bytes": size_bytes,
            "classes": list(data.classes),
            "class_counts": list(data.class_counts),
            "embedding_dim": len(data.weights),
            "storage": data.storage,
            "extractor": fitted_on and fitted_on.name,
            "extractor_version": fitted_on and fitted_on.version,
            "fingerprint": fitted_on and fitted_on.fingerprint,
            "training": dict(data.training),
            "calibration": data.calibration and block_as_json(data.calibration),
            "privacy": data.privacy and block_as_json(data.privacy),
            "signature": file.signature and block_as_json(file.signature),
            "headfit_version": file.headfit_version,
        }
        click.echo(json.dumps(fields, indent=2))
        return
    Console(highlight=False).print(head_table(head, file))


@click.command("convert-head")
@HEAD
@click.option("--dtype", type=click.Choice(list(DTYPES)), required=True, help="How to store it.")
@click.option(
    "-o",
    "--output",
    metavar="OUT",
    type=click.Path(path_type=Path),
    required=True,
    help="To write.",
)
@click.option(
    "--photos",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Photos to train a binary head on, a folder per class.",
)
@EXTRACTOR
@JSON
def convert_head(
    head: Path, dtype: str, output: Path, photos: Path | None, extractor: str | None, as_json: bool
) -> None:
    """Store a head in fewer bytes.

    float16 and int8 round the weights. binary keeps one bit of each, which takes training: give the
    photos that the head was trained on as --photos DIR.
    """
    check_output(output)
    old = SoftmaxHead.load(head)
    if dtype == "binary" and old.storage_ != "binary":
        if photos is None:
            raise InputError(
                f"{head}: expected --photos DIR to make a binary head of it, found none; signs "
                "alone, without training, would lose most of what it knows"
            )
        _trained_binary(head, old, photos, extractor).save(output)
    elif photos is not None:
        raise InputError("expected --photos for a binary head alone; leave it out")
    else:
        old.save(output, storage=dtype)
    before, after = head.stat().st_size, output.stat().st_size
    if as_json:
        fields = {"head": str(output), "dtype": dtype, "size_bytes": after, "was_bytes": before}
        click.echo(json.dumps(fields, indent=2))
        return
    click.echo(f"Wrote {output}, {after:,} bytes; {head} has {before:,}.")


def _trained_binary(
    path: Path, head: SoftmaxHead, photos: Path, extractor: str | None
) -> SoftmaxHead:
    """Train a binary head on the photos of a float one."""
    opened = Extractor.open(extractor)
    head.check_extractor(opened.manifest)
    examples = embed_folder(opened, find_photos(photos), False, None)
    if tuple(sorted(set(examples.class_names))) != tuple(sorted(head.classes_)):
        raise InputError(
            f"{photos}: expected photos of the classes of {path} ({', '.join(head.classes_)}), "
            f"found {', '.join(sorted(set(examples.class_names)))}; give those it was trained on"
        )
    binary = SoftmaxHead(method="binary")
    return binary.fit(examples.embeddings, examples.class_names, extractor=opened)


@click.command("export-tflite")
@HEAD
@click.option(
    "-o",
    "--output",
    metavar="OUT.TFLITE",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write.",
)
@click.option("--lowered", is_flag=True, help="Use TFLite's own operators alone.")
@click.option("--force", is_flag=True, help="Even if a class rests on fewer than three photos.")
@EXTRACTOR
def export_tflite(
    head: Path, output: Path, lowered: bool, force: bool, extractor: str | None
) -> None:
    """Join a head and its extractor into one .tflite classifier.

    Its output is the probability of each class. It runs in Larq Compute Engine's interpreter, and
    with --lowered in any TFLite.
    """
    fitted = SoftmaxHead.load(head)
    model = export(fitted.fitted_, extractor, lowered=lowered, force=force)
    write_atomically(output, model)
    click.echo(f"Wrote {output}, {len(model):,} bytes: {', '.join(fitted.classes_)}.")
