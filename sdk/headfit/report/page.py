"""A report as one HTML page that needs nothing else: no file, no script, no network."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from headfit.errors import ImageError
from headfit.head import SoftmaxHead
from headfit.photos.images import decode_image
from headfit.report.charts import confusion_chart, curve_chart, reliability_chart
from headfit.report.curve import DRAWS
from headfit.report.measures import Mistake, Report

_THUMBNAIL: Final = 128
"""Longest side of a thumbnail, in pixels."""

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6575; --paper: #fff; --panel: #f4f6f9;
  --line: #d5dbe4; --right: #1f6fb2; --wrong: #c2452d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6eaf0; --soft: #9aa5b5; --paper: #14181f;
  --panel: #1d232d; --line: #343d4b; --right: #4da3e8; --wrong: #ef7a5f; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 62rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .4rem; }
p { margin: .4rem 0; max-width: 46rem; } .soft { color: var(--soft); }
.note { border-left: 4px solid var(--wrong); background: var(--panel); padding: .5rem .8rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .7rem;
  margin: 1.2rem 0; }
.figures div { background: var(--panel); border-radius: .5rem; padding: .6rem .8rem; }
.figures b { display: block; font-size: 1.5rem; } .figures span { color: var(--soft);
  font-size: .85rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr));
  gap: 0 2rem; } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .2rem .6rem
  .2rem 0; border-bottom: 1px solid var(--line); overflow-wrap: normal; }
td.number { text-align: right; width: 5rem; }
td.meter { width: 30%; } .meter i { display: block; height: .7rem; background: var(--right);
  border-radius: .2rem; min-width: 1px; }
svg { width: 100%; height: auto; display: block; font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .axis { fill: var(--soft); } svg .on { fill: var(--paper); } svg polyline { fill: none; }
svg .right, svg .dot { fill: var(--right); } svg .wrong { fill: var(--wrong); }
svg .frame { fill: var(--panel); } svg .grid { stroke: var(--line); }
svg .curve { stroke: var(--right); stroke-width: 2; } svg .bar { stroke: var(--right);
  stroke-width: 6; stroke-opacity: .35; } svg .ideal { stroke: var(--soft);
  stroke-dasharray: 4 4; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr));
  gap: .8rem; } figure { margin: 0; background: var(--panel); border-radius: .5rem;
  padding: .5rem; } figure img { width: 100%; height: 8rem; object-fit: contain; display: block; }
figcaption { font-size: .85rem; line-height: 1.35; margin-top: .3rem; }
"""


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
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>{''.join(sections)}</body></html>\n"
    )


def _header(report: Report, head: SoftmaxHead, title: str) -> str:
    method = head.training_.get("method", "an unknown method")
    return (
        f"<h1>{escape(title)}</h1>"
        f'<p class="soft">{len(head.classes_)} classes, learned from {sum(head.class_counts_)} '
        f"photos by {escape(str(method))}; weights stored as {head.storage_}. Extractor "
        f"{escape(head.fingerprint_ or 'not recorded')}.</p>"
    )


def _notes(report: Report) -> str:
    if report.n_seen is None:
        notes = [
            "Photos that the head was trained on flatter every number here, and a head file cannot "
            "say which those were. Give the training folder too, and they are left out."
        ]
    elif report.n_seen:
        photos = "1 photo" if report.n_seen == 1 else f"{report.n_seen} photos"
        notes = [f"Left out, as the training folder has the same: {photos}."]
    else:
        notes = []
    if report.evaluation.skipped:
        notes.append(f"Files that could not be used: {len(report.evaluation.skipped)}.")
    return "".join(f'<p class="note">{note}</p>' for note in notes)


def _figures(report: Report) -> str:
    evaluation, (low, high) = report.evaluation, report.interval
    figures = [
        (f"{evaluation.top1:.1%}", f"right at once (95 % sure: {low:.1%} to {high:.1%})"),
        (f"{evaluation.top5:.1%}", "among the five best guesses"),
        (f"{evaluation.n_samples}", "photos tested"),
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
        picture = Image.fromarray(decode_image(path))
    except (ImageError, OSError):  # gone since it was embedded
        return ""
    picture.thumbnail((_THUMBNAIL, _THUMBNAIL))
    stream = BytesIO()
    picture.save(stream, "JPEG", quality=80)
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
