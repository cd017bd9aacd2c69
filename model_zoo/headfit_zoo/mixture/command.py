"""``python -m headfit_zoo.mixture``, all in one working folder; see docs/extractor-training.md."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headfit import HeadfitError, InputError
from headfit_zoo.mixture.sources import SOURCES, Source

if TYPE_CHECKING:
    from headfit_zoo.mixture.packing import Pack, Progress

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Train an extractor on a mixture of sets."
)

Work = Annotated[Path, typer.Argument(help="Holds repositories, packed, targets, runs.")]
Only = Annotated[str, typer.Option(help="Names of sources, by commas; by default all.")]
Data = Annotated[Path, typer.Option(help="Folder of the evaluation sets' zips.")]
Run = Annotated[str, typer.Argument(help="Name of a training, a folder in WORK/runs.")]
EVALUATIONS = (
    "flowers5-128",
    "flowers102-64",
    "cub200-2010-224",
    "scene15-200",
    "imagenet-sample-256",
)


@app.command()
def fetch(work: Work, only: Only = "") -> None:
    """Fetch the repositories, each at its commit."""
    from headfit_zoo.mixture.repositories import Repository

    for source in _chosen(only):
        Repository.fetch(work / "repositories", source.repository, source.commit)
        print(source.name, flush=True)


@app.command()
def pack(work: Work, only: Only = "") -> None:
    """Pack the pictures of each source into one file."""
    from headfit_zoo.mixture.packing import pack as pack_source

    for source in _chosen(only):
        packed = pack_source(source, work / "repositories", work / "packed", progress=_progress())
        print(f"{source.name}: {len(packed)} pictures", flush=True)


@app.command()
def twins(
    work: Work,
    data: Data,
    listed: Annotated[
        Path | None, typer.Option(help="A file of paths to drop in any case.")
    ] = None,
    only: Only = "",
) -> None:
    """Drop pictures that an evaluation set holds; the list is WORK/packed/NAME.dropped."""
    from headfit_zoo.mixture.packing import Pack
    from headfit_zoo.mixture.twins import Looks, drop_twins
    from headfit_zoo.mixture.validating import validation_pictures

    def validation() -> Looks:
        (tiny,) = _chosen("tiny-imagenet")
        pictures = validation_pictures(work / "repositories", tiny)
        return Looks.of("tiny-imagenet-val", ((path, blob) for path, _, blob in pictures))

    folder = work / "evaluation"
    looks = [
        Looks.cached(folder / f"{name}.npz", partial(Looks.of_zip, data / f"{name}.zip"))
        for name in EVALUATIONS
    ]
    looks.append(Looks.cached(folder / "tiny-imagenet-val.npz", validation))
    paths = frozenset(listed.read_text("utf-8").split("\n")) if listed else frozenset()
    for source in _chosen(only):
        lines = drop_twins(Pack.open(work / "packed", source.name), work / "packed", looks, paths)
        print(f"{source.name}: {len(lines)} dropped", flush=True)


@app.command()
def targets(
    work: Work,
    most: Annotated[
        int, typer.Option(help="Pictures of a source to look at, at most; 0 for all.")
    ] = 0,
    crops: Annotated[
        int, typer.Option(help="Crops of a picture to look at, at most; 0 for all.")
    ] = 0,
    size: Annotated[int, typer.Option(help="Pixels that the teacher sees crops at.")] = 160,
    only: Only = "",
) -> None:
    """Let EfficientNet-Lite0 look at the crops; a second call goes on where the first ended."""
    from headfit_zoo.mixture.lite import open_teacher
    from headfit_zoo.mixture.packing import Pack
    from headfit_zoo.mixture.targets import (
        Basis,
        Looking,
        fill,
        find_basis,
        open_targets,
        order_of,
    )
    from headfit_zoo.mixture.twins import kept

    folder, teacher = work / "targets", open_teacher()
    path = folder / "basis.npz"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        packs = [Pack.open(work / "packed", source.name) for source in SOURCES]
        looked = [
            (one, kept(one, work / "packed"), Looking(size, source.crops))
            for one, source in zip(packs, SOURCES, strict=True)
        ]
        find_basis(looked, teacher, n=5000).save(path)
    basis = Basis.load(path)
    print(f"the basis holds {basis.explained:.1%} of the variance", flush=True)
    if basis.fingerprint != teacher.fingerprint:
        raise InputError(f"expected {path} to be of {teacher.name}, found another's; remove it")
    for source in _chosen(only):
        opened = Pack.open(work / "packed", source.name)
        looking = Looking(size, source.crops)
        order = order_of(opened, kept(opened, work / "packed"), looking.seed)
        store = open_targets(folder, opened, teacher, basis, looking)
        n = fill(
            store,
            order[: most or None],
            teacher,
            basis,
            most=crops or None,
            progress=_progress(),
        )
        print(f"{source.name}: {n} crops", flush=True)


@app.command()
def train(
    work: Work,
    run: Run,
    recipe: Annotated[str, typer.Option(help="Settings, by name.")] = "eye",
    only: Only = "",
    until: Annotated[int, typer.Option(help="A step to stop before; 0 for none.")] = 0,
    start: Annotated[
        Path | None,
        typer.Option(help="A folder that `keep` wrote, to go on from if RUN has no checkpoint."),
    ] = None,
) -> None:
    """Train, going on from the last checkpoint; SIGTERM or Ctrl-C ends it with a checkpoint."""
    _prepare_tensorflow()
    from headfit_zoo.mixture.feed import Feed
    from headfit_zoo.mixture.recipe import RECIPES
    from headfit_zoo.mixture.targets import Targets
    from headfit_zoo.mixture.training import Training
    from headfit_zoo.mixture.twins import kept

    if recipe not in RECIPES:
        raise typer.BadParameter(f"expected a recipe out of {', '.join(RECIPES)}, found {recipe}")
    sources = _chosen(only)
    packs = _open(work, sources)
    stores = [Targets(work / "targets", one) for one in packs]
    pictures = [kept(one, work / "packed") for one in packs]
    settings = RECIPES[recipe]
    feed = Feed(sources, stores, pictures, seed=settings.seed)
    training = Training(settings, feed, work / "runs" / run, start)
    counts = feed.counts()
    print(f"{sum(counts.values())} crops {counts}; from step {training.step}", flush=True)
    over = training.run(until=until or None, say=lambda line: print(line, flush=True))
    print(f"{'finished' if over else 'stopped'} at step {training.step}", flush=True)


@app.command()
def finish(
    work: Work,
    run: Run,
    steps: Annotated[
        int, typer.Option(help="Of the fall; 0 for the last fifth of all steps.", min=0)
    ] = 0,
) -> None:
    """Let a training end: from its checkpoint on its rate falls to zero."""
    _prepare_tensorflow()
    from headfit_zoo.mixture.training import finish as settle

    first, last = settle(work / "runs" / run, steps=steps or None)
    print(f"the rate falls from step {first} on; the last step is {last}")


@app.command()
def judge(
    work: Work,
    run: Run,
    data: Data,
    size: Annotated[list[int], typer.Option(help="Pixels; may be given more than once.")],
) -> None:
    """Judge a training by transfer to the training halves of five sets."""
    _prepare_tensorflow()
    from headfit_zoo.mixture.judging import judge as score
    from headfit_zoo.mixture.judging import open_sets
    from headfit_zoo.mixture.training import load_model

    model, step = load_model(work / "runs" / run)
    sets = open_sets(data, work / "judging")
    path = work / "runs" / run / "judged.jsonl"
    for pixels in size:
        scores = {name: round(100 * share, 2) for name, share in score(model, sets, pixels).items()}
        line = json.dumps({"step": step, "size": pixels, **scores})
        with path.open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
        print(line, flush=True)


@app.command()
def validate(
    work: Work,
    run: Run,
    size: Annotated[int, typer.Option(help="Pixels that pictures of 64 are brought to.")] = 96,
) -> None:
    """Let a training's own classifier read Tiny ImageNet's validation pictures."""
    _prepare_tensorflow()
    from headfit_zoo.mixture.training import load_model
    from headfit_zoo.mixture.validating import read, top_1_and_5, validation_pictures

    model, step = load_model(work / "runs" / run)
    known = json.loads((work / "runs" / run / "recipe.json").read_text("utf-8"))["classes"]
    (tiny,) = _chosen("tiny-imagenet")
    images, classes = read(validation_pictures(work / "repositories", tiny))
    first, five = top_1_and_5(model, known, images, classes, size)
    print(f"step {step}, {size} px, {len(images)} pictures: top-1 {first:.4f}, top-5 {five:.4f}")


@app.command()
def export(
    work: Work,
    run: Run,
    folder: Annotated[Path, typer.Argument(help="Receives the extractor.")],
    name: Annotated[str, typer.Option(help="The extractor's.")],
    size: Annotated[int, typer.Option(help="Pixels that it takes.")] = 96,
    roots: Annotated[
        bool, typer.Option(help="End the network in the square roots of its means.")
    ] = False,
) -> None:
    """Convert a training's checkpoint to an extractor: its heads are cut off."""
    _prepare_tensorflow()
    from headfit_zoo.conversion import convert
    from headfit_zoo.mixture.training import load_model

    model, step = load_model(work / "runs" / run, size, roots=roots)
    about = f"Trained on a mixture of sets for {step} steps"
    manifest = convert(
        model, folder, name=name, version=1, description=about, licence="see docs/extractors.md"
    )
    print(f"{manifest.name}: {manifest.size_bytes} bytes, {manifest.embedding_dim} wide")


@app.command()
def background(
    work: Work,
    extractor: Annotated[Path, typer.Argument(help="Its .tflite; the manifest is changed.")],
    only: Only = "",
) -> None:
    """Measure where varied pictures lie for an extractor, and write it into its manifest."""
    from headfit import Extractor
    from headfit_zoo.mixture.background import PICTURES, measure, write

    names = [source.name for source in _chosen(only) if source.name in PICTURES]
    opened = Extractor.open(extractor)
    found = measure(opened, work / "packed", names, progress=_progress())
    write(opened, extractor.with_suffix(".json"), found)
    print(f"{opened.manifest.name}: {found.n_pictures} pictures, {found.fingerprint}")


@app.command()
def keep(
    work: Work, run: Run, folder: Annotated[Path, typer.Argument(help="Where it is kept.")]
) -> None:
    """Keep a training's latent weights at half precision, its recipe and its log."""
    _prepare_tensorflow()
    from headfit_zoo.mixture.training import keep as keep_weights

    keep_weights(work / "runs" / run, folder)
    _keep_sources(work, folder)


def main() -> None:
    """Run the command; errors of ours become one line and exit code 1."""
    try:
        app()
    except HeadfitError as error:
        raise SystemExit(f"error: {error}") from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise SystemExit(f"error: {where}{error.strerror or error}") from None


def _chosen(only: str) -> list[Source]:
    names = [name for name in only.split(",") if name]
    known = {source.name: source for source in SOURCES}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise typer.BadParameter(f"expected sources out of {', '.join(known)}, found {unknown}")
    return [known[name] for name in names] if names else list(SOURCES)


def _open(work: Path, sources: Sequence[Source]) -> list[Pack]:
    from headfit_zoo.mixture.packing import Pack

    packs = [Pack.open(work / "packed", source.name) for source in sources]
    for one in packs:
        one.verify()
    return packs


def _keep_sources(work: Path, folder: Path) -> None:
    """Write beside the weights which pictures they come from, by digests of lists."""
    from headfit_zoo.mixture.packing import Pack

    about = {}
    for source in SOURCES:
        path = work / "packed" / f"{source.name}.dropped"
        if path.exists():
            packed = Pack.open(work / "packed", source.name)
            about[source.name] = {
                "repository": source.repository,
                "commit": source.commit,
                "pictures": len(packed),
                "dropped": len(path.read_text("utf-8", "surrogateescape").splitlines()),
                "list_sha256": packed.about["list_sha256"],
            }
    (folder / "sources.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def _prepare_tensorflow() -> None:
    """Ask for oneDNN, which TensorFlow leaves off on processors without AVX-512."""
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def _progress(every: float = 30.0) -> Progress:
    """Print a line about every half minute."""
    last = time.monotonic()

    def say(name: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= every:
            last = time.monotonic()
            print(f"{name}: {done} of {total}", flush=True)

    return say
