"""Charts as SVG text: numbers in, elements out, colours from the page's style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from headfit.report.curve import CurvePoint
from headfit.report.measures import Bin

_PLOT = 320, 220
"""Width and height of a plot's inside, in its own units."""
_LEFT, _BOTTOM, _TOP, _RIGHT = 46, 40, 12, 24
_MAX_NUMBERED = 24
_MAX_LABELLED = 40
_MAX_LABEL_LENGTH = 18
_KINDS_OF_LINE = 6
"""Which the style knows how to draw."""


def confusion_chart(confusion: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Return the confusion matrix: a row for each class, a column for what it was taken for.

    The shade is the share of the row. Numbers are written for up to 24 classes, names for up to 40.
    """
    n_classes = len(classes)
    cell = 30 if n_classes <= _MAX_NUMBERED else max(5, 720 // n_classes)
    is_labelled = n_classes <= _MAX_LABELLED
    longest = max(map(len, classes))
    margin = 14 + (min(longest, _MAX_LABEL_LENGTH) * 7 if is_labelled else 0)
    side = n_classes * cell
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    parts = []
    for row, name in enumerate(classes):
        y = margin + row * cell
        if is_labelled:
            middle, label = y + cell / 2 + 4, escape(_short(name))
            parts.append(f'<text x="{margin - 6}" y="{middle}" class="end">{label}</text>')
            x = margin + row * cell + cell / 2 + 4
            turned = f'transform="translate({x} {margin - 6}) rotate(-90)"'
            parts.append(f"<text {turned}>{label}</text>")
        for column, other in enumerate(classes):
            count, share = int(confusion[row, column]), float(shares[row, column])
            if count == 0 and row != column:
                continue
            x = margin + column * cell
            kind = "right" if row == column else "wrong"
            title = escape(f"{count} x {name} taken for {other}")
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell - 1}" height="{cell - 1}" class="{kind}" '
                f'fill-opacity="{0.08 + 0.92 * share:.3f}"><title>{title}</title></rect>'
            )
            if n_classes <= _MAX_NUMBERED:
                shade = ' class="middle on"' if share > 0.45 else ' class="middle"'
                parts.append(
                    f'<text x="{x + cell / 2 - 0.5}" y="{y + cell / 2 + 4}"{shade}>{count}</text>'
                )
    frame = f'<rect x="{margin}" y="{margin}" width="{side}" height="{side}" class="frame"/>'
    return _svg(margin + side + 2, margin + side + 2, [frame, *parts], "Confusion matrix")


def reliability_chart(
    bins: Sequence[Bin],
    across: str = "probability of the best class",
    upward: str = "were right",
) -> str:
    """Return the reliability diagram: accuracy against confidence; the diagonal is ideal."""
    parts = [
        *_axes(across, upward),
        _line([(0, 0), (1, 1)], "ideal"),
    ]
    most = max(each.n_samples for each in bins)
    for each in bins:
        title = escape(
            f"{each.n_samples} photos: {each.confidence:.0%} sure, {each.accuracy:.0%} right"
        )
        radius = 3 + 7 * (each.n_samples / most) ** 0.5
        x, y = _place(each.confidence, each.accuracy)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" class="dot">'
            f"<title>{title}</title></circle>"
        )
    return _plot(parts, "Reliability diagram")


def curve_chart(points: Sequence[CurvePoint]) -> str:
    """Return top-1 against photos per class, on a logarithmic axis, with standard deviations."""
    last = max(points[-1].per_class, 2)
    places = [np.log(point.per_class) / np.log(last) for point in points]
    ticks = [(place, str(point.per_class)) for place, point in zip(places, points, strict=True)]
    parts = _axes("photos per class", "top-1", ticks)
    for place, point in zip(places, points, strict=True):
        low, high = max(0.0, point.mean - point.deviation), min(1.0, point.mean + point.deviation)
        parts.append(_line([(place, low), (place, high)], "bar"))
        x, y = _place(place, point.mean)
        title = f"{point.per_class} per class: {point.mean:.1%} ± {point.deviation:.1%}"
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="dot"><title>{title}</title></circle>'
        )
    means = [(place, point.mean) for place, point in zip(places, points, strict=True)]
    return _plot([*parts, _line(means, "curve")], "Learning curve")


def curves_chart(curves: Sequence[tuple[str, Sequence[CurvePoint]]]) -> str:
    """Return several learning curves over the same counts, each with its name, best first."""
    counts = [point.per_class for point in curves[0][1]]
    last = max(counts[-1], 2)
    ticks = [(float(np.log(count) / np.log(last)), str(count)) for count in counts]
    parts = _axes("photos per class", "top-1", ticks)
    for number, (name, points) in enumerate(curves):
        kind = f"curve n{number % _KINDS_OF_LINE}"
        means = [(place, point.mean) for (place, _), point in zip(ticks, points, strict=True)]
        shares = ", ".join(f"{point.per_class}: {point.mean:.1%}" for point in points)
        parts.append(f"<g><title>{escape(f'{name}: {shares}')}</title>{_line(means, kind)}</g>")
        parts += _key(name, kind, len(curves) - 1 - number)
    return _plot(parts, "Learning curves")


def shares_chart(
    curves: Mapping[str, Sequence[tuple[float, float]]], across: str, title: str
) -> str:
    """Return curves of shares over a share, both from 0 to 1, each with its name."""
    parts = _axes(across, "")
    for number, (name, points) in enumerate(curves.items()):
        kind = f"curve n{number % _KINDS_OF_LINE}"
        parts += [_line(points, kind), *_key(name, kind, len(curves) - 1 - number)]
    return _plot(parts, title)


def _key(name: str, kind: str, above: int) -> list[str]:
    """Return which line is what, so many lines above the plot's bottom."""
    height = 0.05 + 0.07 * above
    x, y = _place(0.52, height)
    text = f'<text x="{x:.1f}" y="{y + 4:.1f}">{escape(_short(name))}</text>'
    return [_line([(0.42, height), (0.5, height)], kind), text]


def _axes(across: str, upward: str, ticks: Sequence[tuple[float, str]] | None = None) -> list[str]:
    """Return frame, grid and labels; by default percents in both directions."""
    percents = [(n / 5, f"{n * 20} %") for n in range(6)]
    parts = []
    for place, label in percents:
        _, y = _place(0, place)
        parts.append(_line([(0, place), (1, place)], "grid"))
        parts.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" class="end">{label}</text>')
    for place, label in percents if ticks is None else ticks:
        x, y = _place(place, 0)
        parts.append(f'<text x="{x:.1f}" y="{y + 16:.1f}" class="middle">{escape(label)}</text>')
    x, y = _place(0.5, 0)
    parts.append(f'<text x="{x}" y="{y + 33}" class="middle axis">{escape(across)}</text>')
    parts.append(f'<text x="{_LEFT + 6}" y="{_TOP + 12}" class="axis">{escape(upward)}</text>')
    return parts


def _place(across: float, upward: float) -> tuple[float, float]:
    width, height = _PLOT
    return _LEFT + across * width, _TOP + (1 - upward) * height


def _line(points: Sequence[tuple[float, float]], kind: str) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_place(*point) for point in points))
    return f'<polyline points="{places}" class="{kind}"/>'


def _plot(parts: Sequence[str], title: str) -> str:
    width, height = _PLOT
    return _svg(_LEFT + width + _RIGHT, _TOP + height + _BOTTOM, parts, title)


def _svg(width: float, height: float, parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" style="max-width:{width * 1.25:.0f}px" role="img" '
        f'aria-label="{title}">{"".join(parts)}</svg>'
    )


def _short(name: str) -> str:
    return name if len(name) <= _MAX_LABEL_LENGTH else name[: _MAX_LABEL_LENGTH - 1] + "…"
