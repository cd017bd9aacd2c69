"""The table: our results beside the paper's, as Markdown, CSV and a plot."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from headfit import InputError
from headfit_zoo.catalogue import table
from headfit_zoo.experiments.results import Result, Share
from headfit_zoo.experiments.sets import SETS

ROWS: Final[Mapping[str, str]] = {
    "fp-scratch": "float, from scratch",
    "fp-finetuned": "float, fine-tuned",
    "fp-frozen": "float, frozen, float last layer",
    "binary-scratch": "binary, from scratch",
    "a": "(a) binary last layer",
    "b": "(b) float last layer",
    "a-crops": "(a) trained on crops too",
    "b-crops": "(b) trained on crops too",
    "efficientnet": "another float network, frozen, float last layer",
    "block1": "last binary block and head",
    "block2": "last two binary blocks and head",
}
"""In the order of the paper's Table 2, in which (a) and (b) are trained on crops.

`PAPER` says which are in it.
"""

PAPER: Final[Mapping[str, Mapping[str, tuple[float, float]]]] = {
    "fp-scratch": {
        "flowers102": (0.717, 0.905),
        "birds": (0.324, 0.572),
        "scenes": (0.297, 0.564),
    },
    "fp-finetuned": {
        "flowers102": (0.854, 0.972),
        "birds": (0.504, 0.796),
        "scenes": (0.574, 0.868),
    },
    "binary-scratch": {
        "flowers102": (0.632, 0.851),
        "birds": (0.138, 0.324),
        "scenes": (0.290, 0.549),
    },
    "a": {"flowers102": (0.806, 0.945), "birds": (0.339, 0.629), "scenes": (0.467, 0.774)},
    "b": {"flowers102": (0.840, 0.955), "birds": (0.367, 0.634), "scenes": (0.483, 0.786)},
}
"""Top-1 and top-5 of Leroux et al., "Transfer Learning with Binary Neural Networks", Table 2."""

FAMILIES: Final[Mapping[str, str]] = {
    "residual-mixture-roots": "residual network, 112 px, taught on a mixture",
    "residual-mixture": "the same, taught less and without roots",
    "residual": "residual network, 64 px",
    "alexnet": "AlexNet, 64 px",
    "resnet18": "ResNet-18, 224 px",
    "efficientnet": "EfficientNet-Lite0, 224 px",
}
"""By the beginning of a network's name: what its rows are grouped under, in this order."""

RATIO_GOALS: Final[Mapping[str, float]] = {"flowers102": 0.985, "birds": 0.85, "scenes": 0.92}
"""Top-1 of (b) over that of the fine-tuned float twin: what we asked of ourselves."""

BEGIN, END = "<!-- begin: headfit-zoo paper report -->", "<!-- end: headfit-zoo paper report -->"


def write_report(results: Sequence[Result], page: Path) -> None:
    """Put the table into a page between its two marks, with a CSV and a plot beside the page.

    Raises
    ------
    InputError
        If there is no result, or the page has no such marks.
    """
    if not results:
        raise InputError("expected results, found none; run 'headfit-zoo paper run' first")
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"expected the lines {BEGIN} and {END} in {page}, found other text")
    plot = page.with_suffix(".png")
    _write_plot(results, plot)
    _write_csv(results, page.with_suffix(".csv"))
    picture = f"![Top-1 by row and set, ours and the paper's]({plot.name})"
    new = "\n\n".join((before + BEGIN, markdown(results), *ratios(results), picture, END + after))
    page.write_text(new, encoding="utf-8")


def markdown(results: Sequence[Result]) -> str:
    """Return one table per data set: ours with intervals, the paper's figures, what was shipped."""
    parts = []
    for dataset, about in SETS.items():
        mine = _in_order(result for result in results if result.dataset == dataset)
        if not mine:
            continue
        rows = []
        for result in mine:
            paper = _paper(result.row).get(dataset)
            shipped = result.measured.get("shipped_bytes")
            rows.append(
                (
                    ROWS[result.row],
                    result.network,
                    _percent(result.top1),
                    _percent(result.top5),
                    f"{paper[0]:.1%} / {paper[1]:.1%}" if paper else "",
                    f"{shipped / 1000:,.1f} kB" if shipped else "",
                )
            )
        first = mine[0]
        title = (
            f"**{dataset}**, {first.n_classes} classes, {first.n_train:,} training and "
            f"{first.n_test:,} test pictures; the paper: {about.paper}"
        )
        head = ("row", "network", "top-1", "top-5", "the paper, top-1 / top-5", "shipped")
        parts += [title, table(head, rows)]
    return "\n\n".join(parts)


def ratios(results: Sequence[Result]) -> list[str]:
    """Return what share of the fine-tuned float network's top-1 row (b) keeps, as a table.

    Both are trained on crops, as in the paper. None if no residual network has both.
    """
    rows = []
    for dataset, goal in RATIO_GOALS.items():
        residual = [
            result
            for result in results
            if result.dataset == dataset and result.network.startswith("residual")
        ]
        paper = PAPER["b"][dataset][0] / PAPER["fp-finetuned"][dataset][0]
        rows += [
            (
                dataset,
                ours.network,
                f"{ours.top1.value / floats.top1.value:.3f}",
                f"{goal:.3f}",
                f"{paper:.2f}",
            )
            for floats in residual
            if floats.row == "fp-finetuned"
            for ours in residual
            if ours.row == "b-crops"
        ]
    head = ("(b) over float, fine-tuned, top-1", "network of (b)", "ratio", "goal", "the paper")
    return [table(head, rows)] if rows else []


def _paper(row: str) -> Mapping[str, tuple[float, float]]:
    return PAPER.get(row.removesuffix("-crops"), {})


def _family(network: str) -> int:
    """Return a network's place among `FAMILIES`, unknown ones last."""
    known = (i for i, family in enumerate(FAMILIES) if network.startswith(family))
    return next(known, len(FAMILIES))


def _percent(share: Share) -> str:
    return f"{share.value:.1%} ({100 * share.low:.1f} to {100 * share.high:.1f})"


def _in_order(results: Iterable[Result]) -> list[Result]:
    order = list(ROWS)
    return sorted(
        results,
        key=lambda result: (_family(result.network), order.index(result.row), result.network),
    )


def _write_csv(results: Sequence[Result], path: Path) -> None:
    fields = ["dataset", "row", "network", "top1", "top1_low", "top1_high"]
    fields += ["top5", "top5_low", "top5_high", "paper_top1", "paper_top5", "n_train", "n_test"]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(fields)
        for result in _in_order(results):
            paper = PAPER.get(result.row, {}).get(result.dataset, ("", ""))
            shares = [
                round(number, 4)
                for share in (result.top1, result.top5)
                for number in (share.value, share.low, share.high)
            ]
            writer.writerow(
                [
                    result.dataset,
                    result.row,
                    result.network,
                    *shares,
                    *paper,
                    result.n_train,
                    result.n_test,
                ]
            )


def _write_plot(results: Sequence[Result], path: Path) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = [name for name in SETS if any(result.dataset == name for result in results)]
    rows = [row for row in ROWS if any(result.row == row for result in results) or row in PAPER]
    families = sorted({_family(result.network) for result in results})
    figure = Figure(figsize=(4.2 * len(names) + 1.5, 0.45 * len(rows) + 1.6))
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axis, dataset in zip(axes, names, strict=True):
        for y, row in enumerate(rows):
            if dataset in _paper(row):
                axis.plot(_paper(row)[dataset][0] * 100, y, "kx", markersize=7, label="_")
        for result in results:
            if result.dataset == dataset:
                share, family = result.top1, _family(result.network)
                shift = families.index(family) - (len(families) - 1) / 2
                axis.errorbar(
                    100 * share.value,
                    rows.index(result.row) + 0.14 * shift,
                    xerr=[[100 * (share.value - share.low)], [100 * (share.high - share.value)]],
                    fmt="o",
                    color=f"C{family}",
                    capsize=3,
                )
        axis.set_title(dataset)
        axis.set_xlim(0, 100)
        axis.grid(axis="x", alpha=0.3)
        axis.set_xlabel("top-1, %")
    axes[0].set_yticks(range(len(rows)), [ROWS[row] for row in rows])
    axes[0].invert_yaxis()
    marks = [axes[0].plot([], [], "kx", label="the paper, its own sets and AlexNet")[0]]
    labels = [*FAMILIES.values(), "others"]
    marks += [
        axes[0].plot([], [], "o", color=f"C{family}", label=labels[family])[0]
        for family in families
    ]
    figure.legend(handles=marks, loc="lower center", ncols=3, frameon=False)
    figure.tight_layout(rect=(0, 0.05 * -(-len(marks) // 3), 1, 1))
    figure.savefig(path, dpi=110)
