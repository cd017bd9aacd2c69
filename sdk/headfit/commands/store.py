"""``headfit store``: teach an example store, look into it, correct it, repair it, empty it."""

from __future__ import annotations

from pathlib import Path

import click

from headfit.classifier import ImageClassifier
from headfit.commands import terminal
from headfit.commands.options import (
    ENGINE,
    EXTRACTOR,
    JOBS,
    JSON,
    PATH,
    PHOTO_FOLDER,
    PRUNE,
    STORE,
    STRICT,
)
from headfit.commands.paths import EXAMPLES, Group, OutputPath
from headfit.commands.teaching import (
    effective_count,
    open_extractor,
    open_store,
    teach_folder,
    teach_photos,
)
from headfit.errors import ExtractorMismatchError, ExtractorMissingError, InputError
from headfit.extractor import Extractor
from headfit.extractors.finding import find_made_by, read_extractor, read_manifest
from headfit.files import blockfile
from headfit.files.class_names import checked_class
from headfit.files.elsewhere import remedy
from headfit.files.manifest import Manifest
from headfit.photos.known import digests_of
from headfit.photos.photo_folder import find_photos
from headfit.store import ExampleStore, key_from_keyring, repair_store

FILE = click.argument("file", metavar="FILE", type=PATH)
NEW_FILE = click.argument("file", metavar="FILE", type=OutputPath(EXAMPLES))
YES = click.option("--yes", is_flag=True, help="Do not ask first.")


def _confirm(count: int, yes: bool) -> None:
    """Ask before what cannot be undone, once it is known that it can be done, and to how many."""
    question = f"{terminal.counted(count)} will be deleted, which cannot be undone. Go on?"
    if not (yes or terminal.ask(question)):
        raise click.Abort


@click.group(cls=Group)
@click.option(
    "--keyring", metavar="NAME", help="Open an encrypted store with the system's key of that name."
)
@click.pass_context
def store(context: click.Context, keyring: str | None) -> None:
    """Teach an example store, look into it, correct it, repair it, empty it.

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
        counts, n_effective = opened.class_counts, effective_count(opened)
        fields = {
            "store": str(store_path),
            "size_bytes": store_path.stat().st_size,
            "n_samples": sum(counts.values()),
            "n_effective": n_effective,
            "class_counts": counts,
            "embedding_dim": opened.embedding_dim,
            "dtype": opened.dtype,
            "fingerprint": opened.fingerprint,
        }
    if as_json:
        terminal.print_json(**fields)
        return
    classes = ", ".join(f"{name} ({count})" for name, count in counts.items())
    total = sum(counts.values())
    effectively = terminal.effectively(total, n_effective or total)
    terminal.echo(f"{total} examples{effectively}: {classes or 'none'}")
    terminal.echo(
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
        terminal.echo(f"{store_path} is whole: {report.n_samples} examples.")
        return
    terminal.echo(f"Repaired {store_path}: {report.n_samples} examples could be read.")
    if report.nameless:
        terminal.echo(f"Class names were lost; they are now: {', '.join(report.nameless)}.")
    terminal.echo(
        f"The damaged file is {report.damaged_copy}. It may hold what you forget later: delete it "
        "when you need it no more."
    )


@store.command()
@click.pass_obj
@STORE
@PHOTO_FOLDER
@click.option(
    "--extractor", metavar="NAME", help="STORE's own, a name or a path, if it is not installed."
)
@JSON
def missing(
    key: bytes | None, store_path: Path, directory: Path, extractor: str | None, as_json: bool
) -> None:
    """List the examples of STORE whose photos are not in DIR.

    With another extractor the photos of DIR can be taught again; these examples cannot.
    """
    folder = find_photos(directory)
    with ExampleStore.open(store_path, key=key) as opened:
        names, known, views = opened.names_by_id(), opened.digests(), opened.views
        manifest = _manifest_of(opened, extractor)
    # A digest is of a photo and of how it is prepared: for the extractor that the store is of.
    digests = digests_of(folder.photos, manifest.preprocessing, views)
    terminal.print_skipped(folder.skipped)
    there = set(digests.values())
    gone = {number: name for number, name in names.items() if known.get(number) not in there}
    if as_json:
        listed = [{"id": number, "class": name} for number, name in gone.items()]
        terminal.print_json(store=str(store_path), n_samples=len(names), missing=listed)
        return
    for number, name in gone.items():
        terminal.echo(f"{number}\t{name}")
    terminal.echo(
        f"{len(names) - len(gone)} of {len(names)} examples have their photo in {directory}; "
        f"{len(gone)} could not be made anew for another extractor.",
        err=True,
    )


def _manifest_of(opened: ExampleStore, extractor: str | None) -> Manifest:
    """Return the manifest of the extractor that a store is of, which has to be on this device."""
    wanted = f"expected the extractor with SHA-256 {opened.fingerprint}, which prepares photos"
    if extractor is not None:
        path, manifest, _ = read_extractor(extractor)
        if manifest.fingerprint != opened.fingerprint:
            raise ExtractorMismatchError(
                f"{opened.path}: {wanted} for this store, found {path} with {manifest.fingerprint}"
            )
        return manifest
    found = find_made_by(opened.fingerprint, opened.path)
    if found is None or found.suffix == blockfile.SUFFIX:
        raise ExtractorMissingError(
            f"{opened.path}: {wanted} for this store, found it not installed; "
            f"{remedy(opened.fingerprint)}, or say where it lies by --extractor"
        )
    return read_manifest(found)


@store.command()
@click.pass_obj
@STORE
@click.argument("photos", metavar="DIR | PHOTO...", nargs=-1, required=True, type=PATH)
@click.option("--class", "class_name", metavar="CLASS", help="What the PHOTOs show.")
@PRUNE
@EXTRACTOR
@ENGINE
@STRICT
@JOBS
def add(
    key: bytes | None,
    store_path: Path,
    photos: tuple[Path, ...],
    class_name: str | None,
    prune: bool | None,
    extractor: str | None,
    engine: str,
    strict: bool,
    jobs: int | None,
) -> None:
    """Add the photos of DIR, a folder per class, or single PHOTOs with --class; make STORE first.

    Photos that STORE knows are not added again. A photo that is of another class now is moved
    there; one that is in DIR no more is forgotten, if you say so.
    """
    if class_name is None and len(photos) > 1:
        raise InputError(
            f"expected one folder of classes, found {len(photos)} paths; name the class of single "
            "photos with --class"
        )
    if class_name is not None and prune is not None:
        raise InputError(
            "expected --prune or --keep with a folder of all photos, found single ones with "
            "--class, of which others say nothing; leave it out"
        )
    opened = open_extractor(extractor, engine, store_path=store_path, key=key)
    with open_store(store_path, opened, key) as there:
        classifier = ImageClassifier(opened, store=there)
        before = there.n_samples
        if class_name is None:
            teach_folder(classifier, photos[0], strict=strict, prune=prune, jobs=jobs)
        else:
            teach_photos(classifier, photos, class_name, jobs)
        after = there.n_samples
        effectively = terminal.effectively(after, effective_count(there) or after)
        terminal.echo(f"{store_path} had {before} examples, and has {after}{effectively}.")


@store.command("list")
@click.pass_obj
@STORE
@click.argument("class_names", metavar="[CLASS]...", nargs=-1)
@JSON
def list_(key: bytes | None, store_path: Path, class_names: tuple[str, ...], as_json: bool) -> None:
    """List the examples of STORE, or of these classes: id, class and when each was added."""
    with ExampleStore.open(store_path, key=key) as opened:
        examples = opened.load()
        wanted = {checked_class(name, opened.class_counts) for name in class_names}
    times = [f"{time}Z" for time in examples.added_at.astype("datetime64[s]").tolist()]
    found = [
        {"id": example_id, "class": name, "added_at": time.replace(" ", "T")}
        for example_id, name, time in zip(
            examples.ids.tolist(), examples.class_names, times, strict=True
        )
        if not wanted or name in wanted
    ]
    if as_json:
        terminal.print_json(store=str(store_path), examples=found)
        return
    for one in found:
        terminal.echo(f"{one['id']:>6}  {one['added_at']}  {one['class']}")


@store.command()
@click.pass_obj
@STORE
@click.argument("class_name", metavar="CLASS")
@click.argument("new_name", metavar="NEW")
def rename(key: bytes | None, store_path: Path, class_name: str, new_name: str) -> None:
    """Call CLASS by another name; `undo` takes it back."""
    with ExampleStore.open(store_path, key=key) as opened:
        opened.rename_class(class_name, new_name)
    terminal.echo(f"{class_name} is {new_name} now. Train heads again that know it.")


@store.command()
@click.pass_obj
@STORE
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=int)
@click.option("--to", "class_name", metavar="CLASS", required=True, help="Perhaps a new one.")
def move(key: bytes | None, store_path: Path, ids: tuple[int, ...], class_name: str) -> None:
    """Give examples another class; `list` says their ids, `undo` takes it back."""
    with ExampleStore.open(store_path, key=key) as opened:
        count = opened.move_examples(ids, class_name)
    terminal.echo(
        f"Moved {terminal.counted(count)} to {class_name}. Train heads again that know them."
    )


@store.command()
@click.pass_obj
@STORE
@click.argument("class_name", metavar="CLASS")
@click.option("--into", metavar="CLASS", required=True, help="The class that stays.")
def merge(key: bytes | None, store_path: Path, class_name: str, into: str) -> None:
    """Move all examples of CLASS to another class; `undo` takes it back."""
    with ExampleStore.open(store_path, key=key) as opened:
        count = opened.merge_classes(class_name, into=into)
    terminal.echo(f"Moved {terminal.counted(count)} to {into}. Train heads again that know them.")


@store.command()
@click.pass_obj
@STORE
def undo(key: bytes | None, store_path: Path) -> None:
    """Take back the last change that added, imported, moved, merged or renamed."""
    with ExampleStore.open(store_path, key=key) as opened:
        undone = opened.undo()
    terminal.echo("There is nothing to undo." if undone is None else f"Undone: {undone}.")


@store.command()
@click.pass_obj
@STORE
@click.argument("class_names", metavar="[CLASS]...", nargs=-1)
@click.option(
    "--id", "ids", metavar="ID", type=int, multiple=True, help="A single example; may be repeated."
)
@YES
def forget(
    key: bytes | None,
    store_path: Path,
    class_names: tuple[str, ...],
    ids: tuple[int, ...],
    yes: bool,
) -> None:
    """Delete classes, single examples or both from STORE for good; their bytes too.

    A CLASS is deleted with all its examples, whether or not some are named by --id as well.
    """
    if not class_names and not ids:
        raise InputError("expected a CLASS or --id ID to forget, found none; `list` says which are")
    with ExampleStore.open(store_path, key=key) as opened:
        names = opened.names_by_id()
        classes = {checked_class(name, set(names.values())) for name in class_names}
        if names.keys() >= set(ids):  # else it is refused, which needs no consent
            _confirm(sum(i in ids or name in classes for i, name in names.items()), yes)
        count = opened.forget([*class_names, *ids])
    of = f" of {', '.join(class_names)}" if class_names and not ids else ""
    terminal.echo(f"Forgot {terminal.counted(count)}{of}. Train heads again that know them.")


@store.command()
@click.pass_obj
@STORE
@YES
def wipe(key: bytes | None, store_path: Path, yes: bool) -> None:
    """Delete everything in STORE for good; its bytes too."""
    with ExampleStore.open(store_path, key=key) as opened:
        _confirm(opened.n_samples, yes)
        count = opened.wipe()
    terminal.echo(f"Wiped {terminal.counted(count)}.")


@store.command("export")
@click.pass_obj
@STORE
@NEW_FILE
def export_(key: bytes | None, store_path: Path, file: Path) -> None:
    """Write the examples of STORE to FILE and print its content hash."""
    with ExampleStore.open(store_path, key=key) as opened:
        terminal.echo(opened.export_to(file))


@store.command("import")
@click.pass_obj
@STORE
@FILE
def import_(key: bytes | None, store_path: Path, file: Path) -> None:
    """Add the examples of FILE, which `export` wrote, to STORE; make it, if there is none.

    What is in STORE already is not added again.
    """
    if not store_path.exists():
        with ExampleStore.of_export(store_path, file, key=key) as opened:
            terminal.echo(f"Made {store_path} of {terminal.counted(opened.n_samples)}.")
        return
    with ExampleStore.open(store_path, key=key) as opened:
        added = opened.import_from(file)
        terminal.echo(f"Added {terminal.counted(len(added))}; {store_path} has {opened.n_samples}.")
