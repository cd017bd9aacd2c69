"""What HTML pages share: the page around its sections, figures, notes, pictures.

A page needs nothing else: no file, no script, no network.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Final

from headfit.errors import ImageError
from headfit.photos.likeness import thumbnail

GENERATOR: Final = '<meta name="generator" content="headfit report">'
"""By what a page of ours is known from another, in its first 200 bytes."""

_THUMBNAIL_SIDE: Final = 128
"""Longest side of a thumbnail, in pixels."""

_MAX_NAMED: Final = 24
"""Photos that a note names at most."""

_STYLE: Final = Path(__file__).with_name("style.css")


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


def figures(values: Iterable[tuple[str, str]]) -> str:
    """Return numbers that are seen first, each with what it is."""
    cells = "".join(f"<div><b>{value}</b><span>{what}</span></div>" for value, what in values)
    return f'<div class="figures">{cells}</div>'


def notes(
    seen: Sequence[Path] | None, n_tested: int, n_effective: int, n_unusable: int, *more: str
) -> str:
    """Return what a reader must know before the numbers.

    Parameters
    ----------
    seen : sequence of Path, or None
        Photos that were left out because the training folder has them, None without such a folder.
    n_tested, n_effective : int
        Photos, and how many there are if those that are nearly one count as one.
    n_unusable : int
        Files that could not be used.
    *more : str
        HTML of further notes.
    """
    said = []
    if seen is None:
        said.append(
            "Photos that the head was trained on flatter every number here, and a head file cannot "
            "say which those were. Give the training folder too, and they are left out."
        )
    elif seen:
        names = [escape("/".join(path.parts[-2:])) for path in seen[:_MAX_NAMED]]
        if len(seen) > _MAX_NAMED:
            names.append(f"and {len(seen) - _MAX_NAMED} more")
        photos = "1 photo" if len(seen) == 1 else f"{len(seen)} photos"
        said.append(
            "Left out, as the training folder has the same or nearly the same: "
            f"{photos} ({', '.join(names)})."
        )
    if n_effective < n_tested:
        said.append(
            f"Some of the {n_tested} tested photos are nearly one: effectively there are "
            f"{n_effective}."
        )
    said += more
    if n_unusable:
        said.append(f"Files that could not be used: {n_unusable}.")
    return "".join(f'<p class="note">{note}</p>' for note in said)


def tested(n_tested: int, n_effective: int) -> str:
    """Return what the number of tested photos is, in words."""
    if n_effective == n_tested:
        return "photos tested"
    return f"photos tested, effectively {n_effective}"


def worst_mistakes(said: Sequence[tuple[Path, str]], hint: str, none: str, thumbnails: bool) -> str:
    """Return the section of mistakes.

    Parameters
    ----------
    said : sequence of (Path, str)
        Each photo and HTML of what was wrong about it, the surest first.
    hint : str
        What may explain some of them.
    none : str
        What is true of all photos where there is no mistake.
    thumbnails : bool
        Put small pictures in.
    """
    if not said:
        return f"<h2>Worst mistakes</h2><p>None: every photo was {none}.</p>"
    pictures = "".join(
        f"<figure>{_picture_of(path) if thumbnails else ''}<figcaption>{words}"
        f'<br><span class="soft">{escape(path.name)}</span></figcaption></figure>'
        for path, words in said
    )
    return (
        f'<h2>Worst mistakes</h2><p class="soft">The surest first. {hint}</p>'
        f'<div class="mistakes">{pictures}</div>'
    )


def _picture_of(path: Path) -> str:
    """Return a small picture of a photo, or nothing if it cannot be read any more."""
    try:
        picture = thumbnail(path, _THUMBNAIL_SIDE)
    except (ImageError, OSError):
        return ""
    data = base64.b64encode(picture).decode()
    return f'<img alt="" src="data:image/jpeg;base64,{data}">'
