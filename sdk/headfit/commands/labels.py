"""What ``train``, ``evaluate`` and ``report`` do with heads that give photos several classes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from headfit.commands import terminal
from headfit.commands.trained import Trained
from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.learning.multi_label_evaluation import MultiLabelEvaluation
from headfit.multi_label_head import MultiLabelHead
from headfit.photos.folders import embed_folder
from headfit.photos.labelled import LabelledExamples, LabelledFolder, find_labelled_photos
from headfit.photos.photo_folder import find_unsorted_photos
from headfit.report import MultiLabelReport, measure_multi_label, write_multi_label_page


def train_labels(
    extractor: Extractor,
    directory: Path,
    table: Path | None,
    output: Path,
    strict: bool,
    jobs: int | None,
) -> Trained:
    """Train a multi-label head, write it, and return what is to be said of that."""
    started = time.perf_counter()
    labelled = find_labelled_photos(directory, table)
    _refuse_one_sided(labelled, directory if table is None else table)
    examples = _embedded(extractor, labelled, strict, jobs)
    embedded = time.perf_counter()
    with terminal.progress("Training classes") as progress:
        head = MultiLabelHead().fit(
            examples.embeddings,
            examples.label_sets,
            classes=labelled.classes,
            extractor=extractor,
            progress=progress,
        )
    fitted = time.perf_counter()
    head.save(output)
    return Trained(
        head.fitted_.n_samples,
        len(np.unique(examples.groups())),
        dict(zip(head.fitted_.classes, head.class_counts_, strict=True)),
        embedded - started,
        fitted - embedded,
        extractor.engine_name,
        examples.skipped,
    )


def evaluate_labels(
    head: Path,
    extractor: Extractor,
    directory: Path,
    table: Path | None,
    threshold: float | None,
    strict: bool,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Say what a multi-label head gets right of photos whose classes are known."""
    loaded = MultiLabelHead.load(head, extractor=extractor)
    labelled = find_labelled_photos(directory, table)
    _refuse_unknown(labelled, loaded, directory if table is None else table)
    examples = _embedded(extractor, labelled, strict, jobs)
    evaluation = loaded.evaluate(
        examples.embeddings, examples.label_sets, classes=labelled.classes, threshold=threshold
    )
    n_effective = len(np.unique(examples.groups()))
    if as_json:
        terminal.print_json(
            **_as_json(evaluation),
            n_effective=n_effective,
            skipped=terminal.skipped_as_json(examples.skipped),
        )
    else:
        _print(evaluation, n_effective)


def report_labels(
    head: Path,
    extractor: Extractor,
    directory: Path,
    table: Path | None,
    training: Path | None,
    strict: bool,
    jobs: int | None,
    thumbnails: bool,
) -> tuple[str, MultiLabelReport]:
    """Return the page about a multi-label head, and what stands in it."""
    loaded = MultiLabelHead.load(head, extractor=extractor)
    labelled = find_labelled_photos(directory, table)
    taught = None if training is None else find_unsorted_photos(training)
    _refuse_unknown(labelled, loaded, directory if table is None else table)
    examples = _embedded(extractor, labelled, strict, jobs, with_hashes=True)
    trained = None
    if taught is not None:
        with terminal.progress("Embedding photos of the training") as progress:
            trained = embed_folder(extractor, taught, strict, progress, with_hashes=True, jobs=jobs)
        terminal.print_skipped(trained.skipped)
    measured = measure_multi_label(loaded, examples, training=trained)
    page = write_multi_label_page(measured, loaded, head.name, thumbnails=thumbnails)
    return page, measured


def _refuse_unknown(labelled: LabelledFolder, head: MultiLabelHead, source: Path) -> None:
    """Refuse, before minutes are spent, classes that the head does not know."""
    known = head.fitted_.classes
    unknown = [name for name in labelled.class_counts if name not in known]
    if unknown:
        raise InputError(
            f"{source}: expected the head's classes ({', '.join(known)}), found also "
            f"{', '.join(unknown)}; rename or remove them"
        )


def _refuse_one_sided(labelled: LabelledFolder, source: Path) -> None:
    """Refuse, before minutes are spent, classes that no photo shows, or all."""
    total = len(labelled.label_sets)
    wrong = [name for name, count in labelled.class_counts.items() if count in (0, total)]
    if wrong or not labelled.class_counts:
        found = f"{', '.join(wrong)} shown by none or by all" if wrong else "no class"
        raise InputError(
            f"{source}: expected photos that show each class and photos that do not, found {found} "
            f"of {total} photos; add others, or leave the class out"
        )


def _embedded(
    extractor: Extractor,
    labelled: LabelledFolder,
    strict: bool,
    jobs: int | None,
    *,
    with_hashes: bool = False,
) -> LabelledExamples:
    terminal.print_labelled(labelled)
    with terminal.progress("Embedding photos") as progress:
        examples = labelled.embed(
            extractor, strict=strict, jobs=jobs, progress=progress, with_hashes=with_hashes
        )
    terminal.print_skipped(examples.skipped)
    return examples


def _as_json(evaluation: MultiLabelEvaluation) -> dict[str, Any]:
    """Return numbers by name; None stands for what cannot be told."""
    names = ("precision", "recall", "f1", "average_precision")
    return {
        "subset_accuracy": evaluation.subset_accuracy,
        "n_samples": evaluation.n_samples,
        "classes": list(evaluation.classes),
        "class_counts": list(evaluation.class_counts),
        **{name: list(map(_told, getattr(evaluation, name))) for name in names},
        **{f"mean_{name}": _told(getattr(evaluation, f"mean_{name}")) for name in names},
    }


def _told(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _print(evaluation: MultiLabelEvaluation, n_effective: int) -> None:
    """Print how many photos were right as a whole, and what was found of each class."""
    effectively = terminal.effectively(evaluation.n_samples, n_effective)
    terminal.OUTPUT.print(
        f"[bold]{evaluation.subset_accuracy:.1%}[/] right as a whole of {evaluation.n_samples} "
        f"photos{effectively}; mean F1 {_share(evaluation.mean_f1)}, mean average precision "
        f"{_share(evaluation.mean_average_precision)}.\n"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Class", overflow="fold")
    for heading in ("shown by", "found (recall)", "right (precision)", "F1"):
        table.add_column(heading, justify="right")
    rows = zip(
        evaluation.classes,
        evaluation.class_counts,
        evaluation.recall,
        evaluation.precision,
        evaluation.f1,
        strict=True,
    )
    for name, count, *shares in rows:
        table.add_row(terminal.plain(name), str(count), *map(_share, shares))
    terminal.OUTPUT.print(table)


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1%}"
