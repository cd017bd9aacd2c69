"""What each of several extractors would bring on someone's own photos, and the page of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from headfit.report.charts import curves_chart
from headfit.report.curve import DRAWS, CurvePoint
from headfit.report.elements import whole_page


@dataclass(frozen=True, slots=True)
class ComparedExtractor:
    """One extractor on the photos.

    Attributes
    ----------
    name, fingerprint : str
    size_bytes, embedding_dim : int
    engine : str
        What ran it here.
    milliseconds : float
        Of one embedding here, the median of a few.
    curve : tuple of CurvePoint
        Top-1 of heads on its embeddings, on photos held out: `headfit.report.learning_curves`.
    """

    name: str
    fingerprint: str
    size_bytes: int
    embedding_dim: int
    engine: str
    milliseconds: float
    curve: tuple[CurvePoint, ...]

    @property
    def best(self) -> float:
        """Top-1 with as many photos as there are to teach."""
        return self.curve[-1].mean


def write_comparison(
    compared: Sequence[ComparedExtractor], class_counts: Mapping[str, int], title: str
) -> str:
    """Return a comparison as HTML; equal comparisons give equal pages.

    Parameters
    ----------
    compared : sequence of ComparedExtractor
        Best first, with curves over the same counts.
    class_counts : mapping of str to int
        How many photos each class has.
    title : str
        Names the photos.
    """
    head = "".join(f"<th>{point.per_class}</th>" for point in compared[0].curve)
    rows = "".join(
        f"<tr><td>{escape(one.name)}</td><td class='number'>{one.size_bytes / 1e6:.2f}</td>"
        f"<td class='number'>{one.milliseconds:.3g}</td>"
        + "".join(f"<td class='number'>{point.mean:.1%}</td>" for point in one.curve)
        + "</tr>"
        for one in compared
    )
    engines = ", ".join(f"{one.name} by {one.engine}" for one in compared)
    return whole_page(
        title,
        [
            f"<h1>{escape(title)}</h1>"
            f'<p class="soft">{sum(class_counts.values())} photos of {len(class_counts)} classes, '
            f"seen by {len(compared)} extractors.</p>",
            '<p class="note">A head belongs to one extractor. To change it, the photos are '
            "embedded again: what was taught by photos that are gone is not carried over.</p>",
            "<h2>Right on photos held out, by photos per class</h2>"
            f"<div class='wide'><table><tr><th>extractor</th><th>MB</th><th>ms</th>{head}</tr>"
            f"{rows}</table></div>",
            f'<p class="soft">Heads fitted on so many photos of each class of one half, tested on '
            f"the other half: the mean of {DRAWS} draws, the same photos for every extractor. "
            "Photos that are nearly one to any of them are there once. MB: the network, installed "
            f"once. ms: one embedding, here ({escape(engines)}).</p>",
            f"<section>{curves_chart([(one.name, one.curve) for one in compared])}</section>",
        ],
    )
