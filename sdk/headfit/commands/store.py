"""``headfit store``: look into an example store, repair it, empty it, move it."""

from __future__ import annotations

from pathlib import Path

import click

from headfit.commands.options import JSON, PATH, STORE
from headfit.commands.paths import EXAMPLES, Group, OutputPath
from headfit.commands.terminal import print_json
from headfit.extractor import Extractor
from headfit.store import ExampleStore, key_from_keyring, repair_store

FILE = click.argument("file", metavar="FILE", type=PATH)
NEW_FILE = click.argument("file", metavar="FILE", type=OutputPath(EXAMPLES))
YES = click.confirmation_option(
    "--yes", prompt="This cannot be undone. Go on?", help="Do not ask first."
)


@click.group(cls=Group)
@click.option(
    "--keyring", metavar="NAME", help="Open an encrypted store with the system's key of that name."
)
@click.pass_context
def store(context: click.Context, keyring: str | None) -> None:
    """Look into an example store, repair it, empty it, move it.

    A store holds embeddings and class names, never photos.
    """
    # A store is there already, so a key that is not was never its own.
    context.obj = None if keyring is None else key_from_keyring(keyring, create=False)


@store.command()
@click.pass_obj
@STORE
@JSON
def info(key: bytes | None, store_path: Path, as_json: bool) -> None:
    """Say what STORE holds."""
    with ExampleStore.open(store_path, key=key) as opened:
        counts = opened.class_counts
        fields = {
            "store": str(store_path),
            "size_bytes": store_path.stat().st_size,
            "n_samples": sum(counts.values()),
            "class_counts": counts,
            "embedding_dim": opened.embedding_dim,
            "dtype": opened.dtype,
            "fingerprint": opened.fingerprint,
        }
    if as_json:
        print_json(**fields)
        return
    classes = ", ".join(f"{name} ({count})" for name, count in counts.items())
    click.echo(f"{fields['n_samples']} examples: {classes or 'none'}")
    click.echo(
        f"{fields['embedding_dim']} wide, {fields['dtype']}, of the extractor with SHA-256 "
        f"{fields['fingerprint']}"
    )


@store.command()
@click.pass_obj
@STORE
@click.option(
    "--extractor",
    metavar="NAME",
    help="Whose embeddings these are; needed only if the store has lost that.",
)
def repair(key: bytes | None, store_path: Path, extractor: str | None) -> None:
    """Check STORE; if it is damaged, keep everything that can be read."""
    opened = None if extractor is None else Extractor.open(extractor)
    report = repair_store(store_path, opened, key=key)
    if not report.was_damaged:
        click.echo(f"{store_path} is whole: {report.n_samples} examples.")
        return
    click.echo(f"Repaired {store_path}: {report.n_samples} examples could be read.")
    if report.nameless:
        click.echo(f"Class names were lost; they are now: {', '.join(report.nameless)}.")
    click.echo(
        f"The damaged file is {report.damaged_copy}. It may hold what you forget later: delete it "
        "when you need it no more."
    )


@store.command()
@click.pass_obj
@STORE
@click.argument("class_name", metavar="CLASS")
@YES
def forget(key: bytes | None, store_path: Path, class_name: str) -> None:
    """Delete CLASS from STORE for good; its bytes too."""
    with ExampleStore.open(store_path, key=key) as opened:
        count = opened.forget(class_name)
    click.echo(f"Forgot {count} examples of {class_name}. Train heads again that know them.")


@store.command()
@click.pass_obj
@STORE
@YES
def wipe(key: bytes | None, store_path: Path) -> None:
    """Delete everything in STORE for good; its bytes too."""
    with ExampleStore.open(store_path, key=key) as opened:
        count = opened.n_samples
        opened.wipe()
    click.echo(f"Wiped {count} examples.")


@store.command("export")
@click.pass_obj
@STORE
@NEW_FILE
def export_(key: bytes | None, store_path: Path, file: Path) -> None:
    """Write the examples of STORE to FILE and print its content hash."""
    with ExampleStore.open(store_path, key=key) as opened:
        click.echo(opened.export_to(file))


@store.command("import")
@click.pass_obj
@STORE
@FILE
def import_(key: bytes | None, store_path: Path, file: Path) -> None:
    """Add the examples of FILE, which `export` wrote, to STORE."""
    with ExampleStore.open(store_path, key=key) as opened:
        click.echo(f"Added {len(opened.import_from(file))} examples.")
