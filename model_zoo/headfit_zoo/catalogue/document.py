"""Writes docs/extractors.md from the cards; a test fails when the page is older than they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headfit_zoo.catalogue.cards import Card

HEADER = """\
# Extractors

Generated from `model_zoo/headfit_zoo/catalogue/cards/` by
`headfit-zoo document docs/extractors.md`: change the cards, not this page.

The extractor that came with headfit is opened when none is named. The others are installed once per
user and then opened by name:

    pip install 'headfit[install]'
    headfit-zoo install resnet18-binary-imagenet
    headfit train photos -o mine.head --extractor resnet18-binary-imagenet

Installing needs no TensorFlow. The published weights are fetched, checked by their SHA-256 and
filled into the converted network, which ships without its weights: what is installed is, byte for
byte, what Larq Compute Engine's converter makes of them. `--from FILE` takes weights that came by
other means. Heads are kilobytes as before, and belong to the extractor that they were taught on.
"""
NOT_MEASURED = "not measured"


def render(cards: Iterable[Card]) -> str:
    """Return the whole page as Markdown."""
    cards = list(cards)
    overview = table(
        ("extractor", "input", "embedding", "file", "multiply-adds", "best known accuracy"),
        (
            (
                f"[{card.name}](#{card.name})",
                f"{card.network.input_size} px",
                card.network.embedding_dim,
                file_size(card),
                multiply_adds(card),
                accuracy(card),
            )
            for card in cards
        ),
    )
    return "\n".join((HEADER, overview, *("\n" + section(card) for card in cards)))


def section(card: Card) -> str:
    """Return one extractor's part of the page."""
    lines = [f"## {card.name}", "", card.summary, "", table(("", ""), facts(card))]
    if card.accuracy:
        rows = ((a.measure, a.data, f"{a.value:.1%}", a.by) for a in card.accuracy)
        lines += ["", table(("accuracy", "on", "", "measured by"), rows)]
    if card.latency:
        times = ((x.board, x.engine, f"{x.milliseconds:g} ms", x.by) for x in card.latency)
        lines += ["", table(("board", "engine", "one embedding", "measured by"), times)]
    lines += ["", "Known limits:", "", *(f"- {limit}" for limit in card.limits)]
    lines += ["", "To make it again:", "", *(f"    {command}" for command in card.commands)]
    return "\n".join(lines) + "\n"


def facts(card: Card) -> Iterator[tuple[str, str]]:
    """Yield what `headfit-zoo info` and the page say of a card, as (what, value)."""
    network = card.network
    yield "version", str(card.version)
    yield "by", card.author
    yield "licence", card.licence
    yield "terms", card.terms
    yield "trained on", card.data
    yield "recipe", card.recipe
    yield "training", f"{card.training_hours:g} hours" if card.training_hours else "hours not known"
    if card.curve:
        curve = ", ".join(f"{100 * value:.1f}" for value in card.curve)
        yield "validation top-1 by epoch, %", curve
    yield "network", f"{network.architecture}, {network.parameters:,} parameters"
    yield "input", f"{network.input_size} x {network.input_size} px"
    yield "embedding", f"{network.embedding_dim} wide"
    yield "multiply-adds", multiply_adds(card)
    yield "file", file_size(card)
    yield "fingerprint", card.file.fingerprint if card.file else NOT_MEASURED
    if card.source:
        yield "source", card.source.url
        yield "SHA-256 of the source", card.source.sha256


def accuracy(card: Card) -> str:
    """Return the card's first accuracy in a few words."""
    if not card.accuracy:
        return NOT_MEASURED
    first = card.accuracy[0]
    return f"{first.value:.1%} {first.measure}, {first.data}"


def multiply_adds(card: Card) -> str:
    """Return the multiply-adds of one picture, in millions."""
    network = card.network
    return (
        f"{network.multiply_adds / 1e6:.1f} M float + "
        f"{network.binary_multiply_adds / 1e6:.1f} M binary"
    )


def file_size(card: Card) -> str:
    """Return the length of the ``.tflite`` in bytes."""
    return f"{card.file.size_bytes:,} bytes" if card.file else NOT_MEASURED


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table."""
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in (head, *rows)]
    cells.insert(1, ["---"] * len(cells[0]))
    return "\n".join("| " + " | ".join(row) + " |" for row in cells)
