"""The report of a multi-label head as one HTML page."""

from __future__ import annotations

from html import escape

import numpy as np

from headfit.multi_label_head import MultiLabelHead
from headfit.report.charts import reliability_chart, shares_chart
from headfit.report.elements import figures, notes, tested, whole_page, worst_mistakes
from headfit.report.multi_label import LabelMistake, MultiLabelReport


def write_multi_label_page(
    report: MultiLabelReport, head: MultiLabelHead, title: str, *, thumbnails: bool = True
) -> str:
    """Return a report as HTML; equal reports give equal pages.

    Parameters
    ----------
    report : MultiLabelReport
    head : MultiLabelHead
        Whose report it is.
    title : str
        Names the head.
    thumbnails : bool
        Put small pictures of the worst mistakes into the page.
    """
    n_tested = report.evaluation.n_samples
    sections = [
        _header(head, title),
        notes(report.seen, n_tested, report.n_effective, report.n_unusable),
        _figures(report),
        _classes(report, head),
        f'<div class="pair">{_calibration(report)}{_thresholds(report)}</div>',
        worst_mistakes(
            [(mistake.path, _said(mistake)) for mistake in report.mistakes],
            "Some may be photos that were labelled wrongly.",
            "right as a whole",
            thumbnails,
        ),
    ]
    return whole_page(title, sections)


def _header(head: MultiLabelHead, title: str) -> str:
    method = head.training_.get("method", "an unknown method")
    return (
        f"<h1>{escape(title)}</h1>"
        f'<p class="soft">Several of {len(head.classes_)} classes a photo, or none; learned from '
        f"{head.fitted_.n_samples} photos by {escape(str(method))}. Extractor "
        f"{escape(head.fingerprint_ or 'not recorded')}.</p>"
    )


def _figures(report: MultiLabelReport) -> str:
    evaluation, (low, high) = report.evaluation, report.interval
    return figures(
        [
            (
                f"{evaluation.subset_accuracy:.1%}",
                f"of photos right as a whole (95 % sure: {low:.1%} to {high:.1%})",
            ),
            (_share(evaluation.mean_f1), "mean F1 of the classes"),
            (_share(evaluation.mean_average_precision), "mean average precision"),
            (f"{evaluation.n_samples}", tested(evaluation.n_samples, report.n_effective)),
            (f"{report.calibration_error:.1%}", "calibration error"),
        ]
    )


def _classes(report: MultiLabelReport, head: MultiLabelHead) -> str:
    evaluation = report.evaluation
    rows = []
    for column in np.argsort(evaluation.f1, kind="stable"):  # NaN comes last
        f1 = evaluation.f1[column]
        meter = "" if np.isnan(f1) else f'<i style="width:{f1:.1%}"></i>'
        numbers = (
            str(head.class_counts_[column]),
            str(evaluation.class_counts[column]),
            f"{head.thresholds_[column]:.0%}",
            _share(evaluation.recall[column]),
            _share(evaluation.precision[column]),
            _share(evaluation.average_precision[column]),
            _share(f1),
        )
        cells = "".join(f"<td class='number'>{number}</td>" for number in numbers)
        rows.append(
            f"<tr><td>{escape(evaluation.classes[column])}</td>{cells}"
            f"<td class='meter'>{meter}</td></tr>"
        )
    heads = (
        "class", "trained on", "shown by", "named from", "found (recall)", "right (precision)",
        "average precision", "F1", "",
    )  # fmt: skip
    return (
        '<h2>Class by class</h2><p class="soft">The hardest first. A class is named where its '
        "probability reaches the threshold of the fourth column.</p>"
        f"<div class='wide'><table><tr>{''.join(f'<th>{each}</th>' for each in heads)}</tr>"
        f"{''.join(rows)}</table></div>"
    )


def _calibration(report: MultiLabelReport) -> str:
    return (
        "<section><h2>How sure, how right</h2>"
        '<p class="soft">Every class of every photo, grouped by its probability. On the dashed '
        "line as many photos show a class as the head says; larger dots are more of them.</p>"
        f"{reliability_chart(report.bins, 'probability of a class', 'showed it')}</section>"
    )


def _thresholds(report: MultiLabelReport) -> str:
    if not report.thresholds:
        return ""
    points = report.thresholds
    curves = {
        "found": [(each.threshold, each.recall) for each in points],
        "right": [
            (each.threshold, each.precision) for each in points if not np.isnan(each.precision)
        ],
    }
    chart = shares_chart(curves, "threshold for all classes", "Precision and recall")
    return (
        "<section><h2>What another threshold would bring</h2>"
        '<p class="soft">Of all that photos show, how much is found; of all that is named, how '
        "much is right. <code>--threshold</code> sets one for <code>headfit predict</code>.</p>"
        f"{chart}</section>"
    )


def _said(mistake: LabelMistake) -> str:
    name = f"<b>{escape(mistake.class_name)}</b>"
    if mistake.is_named:
        return f"named {name}, {mistake.probability:.0%} sure, but does not show it"
    return f"shows {name}, missed at {mistake.probability:.0%}"


def _share(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1%}"
