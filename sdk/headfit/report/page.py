"""A report as one HTML page that needs nothing else: no file, no script, no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

import numpy as np

from headfit.errors import ImageError
from headfit.head import SoftmaxHead
from headfit.photos.likeness import thumbnail
from headfit.report.charts import confusion_chart, curve_chart, reliability_chart
from headfit.report.curve import DRAWS
from headfit.report.measures import Mistake, Report

_THUMBNAIL_SIDE: Final = 128
"""Longest side of a thumbnail, in pixels."""

_MAX_NAMED: Final = 24
"""Photos that a note names at most."""

GENERATOR: Final = '<meta name="generator" content="headfit report">'
"""By what a page of ours is known from another, in its first 200 bytes."""

_STYLE: Final = Path(__file__).with_name("style.css")


def write_page(report: Report, head: SoftmaxHead, title: str, *, thumbnails: bool = True) -> str:
    """Return a report as HTML; equal reports give equal pages.

    Parameters
    ----------
    report : Report
    head : SoftmaxHead
        Whose report it is.
    title : str
        Names the head.
    thumbnails : bool
        Put small pictures of the worst mistakes into the page.
    """
    evaluation = report.evaluation
    sections = [
        _header(report, head, title),
        _notes(report),
        _figures(report),
        "<h2>What is taken for what</h2>"
        '<p class="soft">A row for each class, a column for what its photos were taken for. The '
        "diagonal is right.</p>"
        f'<div class="wide">{confusion_chart(evaluation.confusion, evaluation.classes)}</div>',
        _classes(report, head),
        f'<div class="pair">{_calibration(report)}{_curve(report)}</div>',
        _rejection(report, head),
        _mistakes(report.mistakes, thumbnails),
    ]
    return whole_page(title, sections)


def whole_page(title: str, sections: Sequence[str]) -> str:
    """Return sections of HTML as a page with our style."""
    page = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'{GENERATOR}<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text()}</style></head>\n"
        f"<body>{''.join(sections)}</body></html>\n"
    )
    # File names need not be Unicode; what is not shows as its bytes.
    return page.encode(errors="backslashreplace").decode()


def _header(report: Report, head: SoftmaxHead, title: str) -> str:
    method = head.training_.get("method", "an unknown method")
    return (
        f"<h1>{escape(title)}</h1>"
        f'<p class="soft">{len(head.classes_)} classes, learned from {sum(head.class_counts_)} '
        f"photos by {escape(str(method))}; weights stored as {head.storage_}. Extractor "
        f"{escape(head.fingerprint_ or 'not recorded')}.</p>"
    )


def _notes(report: Report) -> str:
    if report.seen is None:
        notes = [
            "Photos that the head was trained on flatter every number here, and a head file cannot "
            "say which those were. Give the training folder too, and they are left out."
        ]
    elif report.seen:
        names = [escape("/".join(path.parts[-2:])) for path in report.seen[:_MAX_NAMED]]
        if len(report.seen) > _MAX_NAMED:
            names.append(f"and {len(report.seen) - _MAX_NAMED} more")
        photos = "1 photo" if len(report.seen) == 1 else f"{len(report.seen)} photos"
        notes = [
            "Left out, as the training folder has the same or nearly the same: "
            f"{photos} ({', '.join(names)})."
        ]
    else:
        notes = []
    n_tested = report.evaluation.n_samples
    if report.n_effective < n_tested:
        notes.append(
            f"Some of the {n_tested} tested photos are nearly one: effectively there are "
            f"{report.n_effective}."
        )
    if report.n_effective_training is not None:
        notes.append(f"The training folder has effectively {report.n_effective_training} photos.")
    if report.evaluation.skipped:
        notes.append(f"Files that could not be used: {len(report.evaluation.skipped)}.")
    return "".join(f'<p class="note">{note}</p>' for note in notes)


def _figures(report: Report) -> str:
    evaluation, (low, high) = report.evaluation, report.interval
    figures = [
        (f"{evaluation.top1:.1%}", f"right at once (95 % sure: {low:.1%} to {high:.1%})"),
        (f"{evaluation.top5:.1%}", "among the five best guesses"),
        (f"{evaluation.n_samples}", _tested(report)),
        (f"{report.calibration_error:.1%}", "calibration error"),
    ]
    if len(evaluation.classes) <= 5:
        del figures[1]
    if report.rejection is not None:
        figures.append((f"{report.rejection.auroc:.3f}", "AUROC against other photos"))
    return (
        '<div class="figures">'
        + "".join(f"<div><b>{value}</b><span>{what}</span></div>" for value, what in figures)
        + "</div>"
    )


def _tested(report: Report) -> str:
    if report.n_effective == report.evaluation.n_samples:
        return "photos tested"
    return f"photos tested, effectively {report.n_effective}"


def _classes(report: Report, head: SoftmaxHead) -> str:
    evaluation = report.evaluation
    counts = evaluation.confusion.sum(axis=1)
    rows = []
    for column in np.argsort(evaluation.recall, kind="stable"):
        name, count = evaluation.classes[column], int(counts[column])
        if count == 0:
            share, meter, confused = "no photo", "", ""
        else:
            recall = float(evaluation.recall[column])
            share, meter = f"{recall:.0%}", f'<i style="width:{recall:.1%}"></i>'
            others = evaluation.confusion[column].copy()
            others[column] = 0
            most = int(others.argmax())
            confused = f"{evaluation.classes[most]} ({others[most]})" if others.any() else ""
        rows.append(
            f"<tr><td>{escape(name)}</td><td class='number'>{head.class_counts_[column]}</td>"
            f"<td class='number'>{count}</td><td class='number'>{share}</td>"
            f"<td class='meter'>{meter}</td><td>{escape(confused)}</td></tr>"
        )
    return (
        "<h2>Class by class</h2><div class='wide'><table><tr><th>class</th><th>trained on</th>"
        "<th>tested</th><th>recognised</th><th></th><th>most often taken for</th></tr>"
        f"{''.join(rows)}</table></div>"
    )


def _calibration(report: Report) -> str:
    return (
        "<section><h2>How sure, how right</h2>"
        '<p class="soft">Photos grouped by the probability of their best class. On the dashed line '
        "a head is as often right as it says; larger dots are more photos.</p>"
        f"{reliability_chart(report.bins)}</section>"
    )


def _curve(report: Report) -> str:
    if not report.curve:
        return ""
    where = (
        "the training folder, tested on the photos of this report"
        if report.curve_is_apart
        else "one half of these photos, tested on the other half"
    )
    return (
        "<section><h2>What more photos would bring</h2>"
        f'<p class="soft">New heads fitted on so many photos of each class of {where}: mean and '
        f"standard deviation of {DRAWS} draws.</p>{curve_chart(report.curve)}</section>"
    )


def _rejection(report: Report, head: SoftmaxHead) -> str:
    rejection = report.rejection
    if rejection is None:
        return ""
    has_threshold = head.calibration_ is not None and head.calibration_.threshold is not None
    accepted = (
        f"Of photos of the classes {rejection.known_accepted:.1%} count as known, of the others "
        f"{rejection.unknown_accepted:.1%}."
        if has_threshold
        else "The head has no threshold: every photo counts as known."
    )
    return (
        "<h2>Photos of something else</h2>"
        f"<p>{rejection.n_unknown} photos of none of the classes. A photo of a class is surer than "
        f"one of them in {rejection.auroc:.1%} of all pairs (AUROC). {accepted}</p>"
    )


def _mistakes(mistakes: Sequence[Mistake], thumbnails: bool) -> str:
    if not mistakes:
        return "<h2>Worst mistakes</h2><p>None: every photo was recognised.</p>"
    figures = "".join(
        f"<figure>{_thumbnail(mistake.path) if thumbnails else ''}<figcaption>"
        f"<b>{escape(mistake.class_name)}</b> taken for <b>{escape(mistake.taken_for)}</b>, "
        f'{mistake.probability:.0%} sure<br><span class="soft">{escape(mistake.path.name)}</span>'
        "</figcaption></figure>"
        for mistake in mistakes
    )
    return (
        "<h2>Worst mistakes</h2>"
        '<p class="soft">The surest first. Some may be photos in the wrong folder.</p>'
        f'<div class="mistakes">{figures}</div>'
    )


def _thumbnail(path: Path) -> str:
    try:
        picture = thumbnail(path, _THUMBNAIL_SIDE)
    except (ImageError, OSError):  # gone since it was embedded
        return ""
    data = base64.b64encode(picture).decode()
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
