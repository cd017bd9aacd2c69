"""A report as one HTML page that needs nothing else: no file, no script, no network."""

from __future__ import annotations

from html import escape

import numpy as np

from headfit.head import SoftmaxHead
from headfit.report.charts import confusion_chart, curve_chart, reliability_chart
from headfit.report.curve import DRAWS
from headfit.report.elements import figures, notes, tested, whole_page, worst_mistakes
from headfit.report.measures import Mistake, Report


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
        worst_mistakes(
            [(mistake.path, _said(mistake)) for mistake in report.mistakes],
            "Some may be photos in the wrong folder.",
            "recognised",
            thumbnails,
        ),
    ]
    return whole_page(title, sections)


def _header(report: Report, head: SoftmaxHead, title: str) -> str:
    method = head.training_.get("method", "an unknown method")
    return (
        f"<h1>{escape(title)}</h1>"
        f'<p class="soft">{len(head.classes_)} classes, learned from {sum(head.class_counts_)} '
        f"photos by {escape(str(method))}; weights stored as {head.storage_}. Extractor "
        f"{escape(head.fingerprint_ or 'not recorded')}.</p>"
    )


def _notes(report: Report) -> str:
    evaluation, n_trained = report.evaluation, report.n_effective_training
    more = [] if n_trained is None else [f"The training folder has effectively {n_trained} photos."]
    return notes(
        report.seen, evaluation.n_samples, report.n_effective, len(evaluation.skipped), *more
    )


def _figures(report: Report) -> str:
    evaluation, (low, high) = report.evaluation, report.interval
    values = [
        (f"{evaluation.top1:.1%}", f"right at once (95 % sure: {low:.1%} to {high:.1%})"),
        (f"{evaluation.top5:.1%}", "among the five best guesses"),
        (f"{evaluation.n_samples}", tested(evaluation.n_samples, report.n_effective)),
        (f"{report.calibration_error:.1%}", "calibration error"),
    ]
    if len(evaluation.classes) <= 5:
        del values[1]
    if report.rejection is not None:
        values.append((f"{report.rejection.auroc:.3f}", "AUROC against other photos"))
    return figures(values)


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


def _said(mistake: Mistake) -> str:
    return (
        f"<b>{escape(mistake.class_name)}</b> taken for <b>{escape(mistake.taken_for)}</b>, "
        f"{mistake.probability:.0%} sure"
    )
