"""``headfit extractors``: which extractors are on this device."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from headfit.commands import terminal
from headfit.commands.options import JSON
from headfit.commands.paths import Command
from headfit.errors import HeadfitError
from headfit.extractors.finding import list_extractors, read_extractor
from headfit.files.manifest import Manifest


@dataclass(frozen=True)
class _Found:
    """One extractor: what its manifest says, or why it cannot be used."""

    path: Path
    manifest: Manifest | None
    reason: str = ""


@click.command(cls=Command)
@JSON
def extractors(as_json: bool) -> None:
    """List the extractors on this device; any of them serves any number of apps.

    `headfit-zoo install NAME` puts one there.
    """
    found = [_look_at(path) for path in list_extractors()]
    if as_json:
        terminal.print_json(extractors=[_fields(one) for one in found])
        return
    for one in found:
        terminal.OUTPUT.print(terminal.plain(one.path.stem, style="bold"), soft_wrap=True)
        terminal.OUTPUT.print(terminal.plain(f"  {_line(one)}"), soft_wrap=True)
        terminal.OUTPUT.print(terminal.plain(f"  {one.path.parent}", style="dim"), soft_wrap=True)
    if not found:
        terminal.OUTPUT.print("There is none.")


def _line(found: _Found) -> str:
    manifest = found.manifest
    if manifest is None:
        return found.reason
    return (
        f"version {manifest.version}, {manifest.preprocessing.width} x "
        f"{manifest.preprocessing.height}, embedding {manifest.embedding_dim}, "
        f"{terminal.size(manifest.size_bytes)}, SHA-256 {manifest.fingerprint[:12]}"
    )


def _look_at(path: Path) -> _Found:
    try:
        _, manifest, _ = read_extractor(path)
    except (HeadfitError, OSError) as error:
        return _Found(path, None, str(error))
    return _Found(path, manifest)


def _fields(found: _Found) -> dict[str, object]:
    manifest = found.manifest
    if manifest is None:
        return {"name": found.path.stem, "path": str(found.path), "reason": found.reason}
    return {
        "name": found.path.stem,
        "path": str(found.path),
        "version": manifest.version,
        "fingerprint": manifest.fingerprint,
        "size_bytes": manifest.size_bytes,
        "embedding_dim": manifest.embedding_dim,
        "width": manifest.preprocessing.width,
        "height": manifest.preprocessing.height,
    }
