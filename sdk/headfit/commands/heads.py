"""Head files: inspected, converted, and shared with others.

``headfit inspect``, ``convert-head``; ``share``, ``keygen``, ``sign``, ``verify``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from headfit.commands import terminal
from headfit.commands.options import EXTRACTOR, FEW_PHOTOS, HEAD, JSON, PATH, STRICT, output_option
from headfit.commands.paths import HEAD_FILE, KEY, Command, OutputPath
from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.files import headfile, multi_label_file
from headfit.files.any_head import load_any_head, load_any_head_bytes
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.head_parts import block_as_json
from headfit.files.headfile import MAX_FILE_BYTES, HeadFile, save_head_bytes
from headfit.files.multi_label_file import MultiLabelFile, save_multi_label_bytes
from headfit.files.tensors import DTYPES
from headfit.files.views import views_as_json, views_text
from headfit.head import SoftmaxHead
from headfit.learning.calibration import Calibration
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.origin import WHOLE
from headfit.multi_label_head import MultiLabelHead
from headfit.photos.folders import embed_folder
from headfit.photos.photo_folder import find_photos
from headfit.privacy.sharing import released
from headfit.privacy.signing import (
    new_key,
    public_key,
    sign_head_bytes,
    verify_head_bytes,
    verify_multi_label_bytes,
)

_MAX_KEY_BYTES = 1 << 16


@click.command(cls=Command)
@HEAD
@JSON
def inspect(head: Path, as_json: bool) -> None:
    """Say what a head file holds.

    Needs no extractor.
    """
    file = load_any_head(head)
    if isinstance(file, MultiLabelFile):
        _inspect_labels(head, file, as_json)
        return
    data = file.head
    if as_json:
        terminal.print_json(
            **_common_fields(head, file),
            format=headfile.FORMAT,
            calibration=data.calibration and block_as_json(data.calibration),
            privacy=data.privacy and block_as_json(data.privacy),
        )
        return
    terminal.OUTPUT.print(_head_table(head, file))


def _inspect_labels(path: Path, file: MultiLabelFile, as_json: bool) -> None:
    head = file.head
    if as_json:
        terminal.print_json(
            **_common_fields(path, file),
            format=multi_label_file.FORMAT,
            n_samples=head.n_samples,
            thresholds=head.thresholds.tolist(),
            held_out_counts=list(head.held_out_counts),
        )
        return
    rows = _common_rows(path, head)
    rows["Kind"] = f"several classes a photo, or none; of {head.n_samples} photos"
    shown = zip(head.classes, head.thresholds, strict=True)
    rows["Shown"] = "where " + ", ".join(f"{name} is {at:.1%} or more" for name, at in shown)
    terminal.OUTPUT.print(_table({**rows, **_last_rows(file)}))


def _common_fields(path: Path, file: HeadFile | MultiLabelFile) -> dict[str, Any]:
    """Return, for machines, what the file of either kind of head has."""
    head: FittedHead | FittedMultiLabelHead = file.head
    fitted_on = head.extractor
    return {
        "head": str(path),
        "size_bytes": path.stat().st_size,
        "classes": list(head.classes),
        "class_counts": list(head.class_counts),
        "embedding_dim": head.embedding_dim,
        "extractor": fitted_on and fitted_on.name,
        "extractor_version": fitted_on and fitted_on.version,
        "fingerprint": fitted_on and fitted_on.fingerprint,
        "training": dict(head.training),
        "views": views_as_json(head.views),
        "storage": head.storage,
        "signature": file.signature and block_as_json(file.signature),
        "headfit_version": file.headfit_version,
    }


def _common_rows(path: Path, head: FittedHead | FittedMultiLabelHead) -> dict[str, str]:
    """Return, for people, what either kind of head has."""
    counts = zip(head.classes, head.class_counts, strict=True)
    rows = {
        "File": f"{path}, {terminal.size(path.stat().st_size)}",
        "Classes": ", ".join(f"{name} ({count})" for name, count in counts),
        "Embedding": f"{head.embedding_dim} wide",
        "Extractor": "not recorded",
    }
    if head.extractor is not None:
        rows["Extractor"] = f"{head.extractor.name}, version {head.extractor.version}"
        rows["Fingerprint"] = head.extractor.fingerprint
    if head.views != (WHOLE,):
        rows["Views"] = f"{len(head.views)} of each photo: {views_text(head.views)}"
    rows["Training"] = ", ".join(f"{key} {value}" for key, value in head.training.items())
    rows["Weights"] = f"stored as {head.storage}"
    return rows


def _last_rows(file: HeadFile | MultiLabelFile) -> dict[str, str]:
    """Return, for people, who vouches for a file and what wrote it."""
    rows = {}
    if file.signature is not None:
        rows["Signed by"] = f"{file.signature.public_key} (not checked here)"
    rows["Written by"] = f"headfit {file.headfit_version}"
    return rows


def _head_table(path: Path, file: HeadFile) -> Table:
    """Return what a head file holds, as rows of names and values."""
    head = file.head
    rows = _common_rows(path, head)
    if head.calibration is not None:
        rows["Unknown"] = _unknown(head.calibration)
    if head.privacy is not None:
        promise = f"epsilon {head.privacy.epsilon:g}, delta {head.privacy.delta:g}"
        rows["Privacy"] = f"{promise}, by {head.privacy.mechanism}: {head.privacy.assumptions}"
    return _table({**rows, **_last_rows(file)})


def _table(rows: Mapping[str, str]) -> Table:
    table = Table.grid(padding=(0, 3))
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, terminal.plain(value))
    return table


def _unknown(calibration: Calibration) -> str:
    held_out = f"as judged by {calibration.n_held_out} held-out examples"
    if calibration.threshold is None:
        return f"never answered: {calibration.n_held_out} held-out examples are too few to tell"
    score = calibration.score.replace("_", " ")
    return (
        f"where the {score} is below {calibration.threshold:.3g}; {calibration.known_share:.0%} of "
        f"known photos are above, {held_out}"
    )


@click.command("convert-head", cls=Command)
@HEAD
@click.option("--dtype", type=click.Choice(list(DTYPES)), required=True, help="How to store it.")
@output_option("OUT", HEAD_FILE)
@click.option(
    "--photos",
    metavar="DIR",
    type=PATH,
    help="Photos to train a binary head on, a folder per class.",
)
@EXTRACTOR
@STRICT
@JSON
def convert_head(
    head: Path,
    dtype: str,
    output: Path,
    photos: Path | None,
    extractor: str | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Store a head in fewer bytes.

    float16 and int8 round the weights. binary keeps one bit of each, which takes training: give the
    photos that the head was trained on as --photos DIR. There is none of several classes a photo.
    """
    file = load_any_head(head)
    if isinstance(file, MultiLabelFile):
        if photos is not None or dtype == "binary":
            raise InputError(
                f"{head}: expected float16, int8 or float32, without --photos, for a head that "
                f"gives a photo several classes, found {dtype}; it has no binary form"
            )
        MultiLabelHead.of(file.head).save(output, storage=dtype)
        _tell_converted(head, file, output, dtype, as_json)
        return
    old = SoftmaxHead.of(file.head)
    if dtype == "binary" and old.storage_ != "binary":
        if photos is None:
            raise InputError(
                "expected --photos DIR with --dtype binary, found none; signs alone, without "
                "training, would lose most of what the head knows: give what it was trained on"
            )
        _trained_binary(head, old, photos, extractor, strict).save(output)
    elif photos is not None:
        raise InputError("expected --photos for a binary head alone; leave it out")
    else:
        old.save(output, storage=dtype)
    _tell_converted(head, file, output, dtype, as_json)


def _tell_converted(
    head: Path, file: HeadFile | MultiLabelFile, output: Path, dtype: str, as_json: bool
) -> None:
    if file.signature is not None:
        line = f"{output} is not signed: {file.signature.public_key} signed {head} alone."
        terminal.echo(line, err=True)
    before, after = head.stat().st_size, output.stat().st_size
    if as_json:
        terminal.print_json(head=str(output), dtype=dtype, size_bytes=after, was_bytes=before)
        return
    terminal.echo(f"Wrote {output}, {after:,} bytes; {head} has {before:,}.")


def _trained_binary(
    path: Path, head: SoftmaxHead, photos: Path, extractor: str | None, strict: bool
) -> SoftmaxHead:
    """Train a binary head on the photos of a float one."""
    opened = Extractor.open_for(path, extractor)
    head.check_extractor(opened.manifest)
    folder = find_photos(photos)
    terminal.print_found(folder)
    with terminal.progress("Embedding photos") as progress:
        examples = embed_folder(opened, folder, strict, progress)
    terminal.print_skipped(examples.skipped)
    classes = head.fitted_.classes
    if tuple(sorted(set(examples.class_names))) != tuple(sorted(classes)):
        raise InputError(
            f"{photos}: expected photos of the classes of {path} ({', '.join(classes)}), "
            f"found {', '.join(sorted(set(examples.class_names)))}; give those it was trained on"
        )
    binary = SoftmaxHead(method="binary")
    return binary.fit(examples.embeddings, examples.class_names, extractor=opened)


@click.command(cls=Command)
@HEAD
@output_option("FILE", HEAD_FILE)
@FEW_PHOTOS
def share(head: Path, output: Path, few_photos: bool) -> None:
    """Write HEAD to FILE for others, unless it gives single photos away."""
    file = load_any_head(head)
    released(file.head, force=few_photos)
    if isinstance(file, MultiLabelFile):
        data = save_multi_label_bytes(file)
    else:
        data = save_head_bytes(file)
    write_atomically(output, data)
    terminal.echo(f"Wrote {output}.")


@click.command(cls=Command)
@click.argument("key", metavar="KEY", type=OutputPath(KEY))
def keygen(key: Path) -> None:
    """Write a new private key to KEY and print the public one.

    Whoever has KEY can sign in your name. Apps that take your heads need the public key alone.
    """
    private = new_key()
    key.unlink(missing_ok=True)  # empty, or forced: its permissions are not those of a key
    with open(os.open(key, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(private)
    terminal.echo(public_key(private))


@click.command(cls=Command)
@HEAD
@click.option("--key", metavar="KEY", type=PATH, required=True, help="Of `keygen`.")
@output_option("FILE", HEAD_FILE)
@FEW_PHOTOS
def sign(head: Path, key: Path, output: Path, few_photos: bool) -> None:
    """Sign HEAD, as `share` writes it, and write it to FILE."""
    private = read_bounded(key, _MAX_KEY_BYTES)
    write_atomically(output, sign_head_bytes(load_any_head(head).head, private, force=few_photos))
    terminal.echo(f"Wrote {output}, signed by {public_key(private)}.")


@click.command(cls=Command)
@HEAD
@click.option(
    "--trust", metavar="HEX", multiple=True, required=True, help="A public key; may be repeated."
)
def verify(head: Path, trust: tuple[str, ...]) -> None:
    """Say whether HEAD was signed by a key that you trust."""
    file, source = read_bounded(head, MAX_FILE_BYTES), str(head)
    is_several = isinstance(load_any_head_bytes(file, source), MultiLabelFile)
    verified = (verify_multi_label_bytes if is_several else verify_head_bytes)(file, trust, source)
    assert verified.signature is not None
    terminal.echo(f"{head} is what {verified.signature.public_key} signed.")
