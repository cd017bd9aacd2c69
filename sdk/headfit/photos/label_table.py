"""LabelTable: a CSV file that says which classes each photo shows."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from headfit.errors import InputError
from headfit.files.class_names import CLASS_NAME_RULE, as_class_name
from headfit.files.disk import read_bounded

MAX_TABLE_BYTES: Final = 1 << 26

_LIST_HEADERS: Final = {"classes", "class", "labels", "label", "tags"}
_SHOWN: Final = {
    "0": False, "0.0": False, "false": False,
    "1": True, "1.0": True, "true": True,
}  # fmt: skip
_PRINTED: Final = {"[]", "()", "{}", "''", '""'}
"""How a list, or a text, begins and ends that was printed by a program."""


@dataclass(frozen=True, slots=True)
class LabelTable:
    """What a table says of photos.

    Attributes
    ----------
    path : Path
        The table itself, for messages.
    label_sets : mapping of str to frozenset of str
        By the name of the photo as it is written there, the classes that it shows.
    classes : tuple of str or None
        The classes in the order of their columns; None if each row lists names.
    """

    path: Path
    label_sets: Mapping[str, frozenset[str]]
    classes: tuple[str, ...] | None


def read_label_table(path: str | os.PathLike[str]) -> LabelTable:
    """Read a CSV file whose first row names its columns and whose first column names photos.

    Either each other column is a class and holds 0 or 1 (or false or true); or the one other column
    is called ``classes``, ``labels`` or ``tags`` and holds the names of all classes that the photo
    shows, with commas, semicolons or bars between them, none if it shows none. Rows of one photo
    add up then. Columns are separated by tabs, semicolons or commas, whichever the first row has
    first in this order; the text is UTF-8.

    Raises
    ------
    InputError
        If it is no such table: with the line at fault.
    FileFormatError
        If it has more than `MAX_TABLE_BYTES`.
    OSError
        If it cannot be read.
    """
    table = Path(path)
    try:
        text = read_bounded(table, MAX_TABLE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{table}: expected a table in UTF-8, found another encoding; save it as CSV in UTF-8"
        ) from error
    first = text.split("\n", 1)[0]
    separator = next((one for one in "\t;" if one in first), ",")
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    numbered = []
    try:
        for row in rows:
            if any(map(str.strip, row)):
                photo, *cells = row  # a photo's name may begin with a space
                numbered.append((rows.line_num, [photo, *map(str.strip, cells)]))
    except csv.Error as error:
        raise InputError(
            f"{table}: line {rows.line_num}: expected rows of CSV, found a fault: {error}; save "
            "the table as CSV again"
        ) from error
    if not numbered or len(numbered[0][1]) < 2:
        raise InputError(
            f"{table}: expected a first row that names a column of photos and then classes, such "
            f"as photo,cup,pen, found {first[:80]!r}; write one"
        )
    (line_of_header, header), *body = numbered
    for line, row in body:
        if len(row) != len(header):
            raise InputError(
                f"{table}: line {line}: expected {len(header)} columns as in the first row, found "
                f"{len(row)}; put a text that holds a {separator!r} in double quotes"
            )
        if not row[0].strip():
            raise InputError(f"{table}: line {line}: expected a photo, found none; name it")
    if "" in header[1:]:
        raise InputError(
            f"{table}: line {line_of_header}: expected a heading for each column, found none for "
            f"column {header.index('', 1) + 1}; name the class that it is of, or remove it"
        )
    if len(header) == 2 and header[1].lower() in _LIST_HEADERS:
        return LabelTable(table, _listed(table, body), None)
    classes = tuple(_class_name(table, 1, name) for name in header[1:])
    if twice := sorted({name for name in classes if classes.count(name) > 1}):
        raise InputError(
            f"{table}: expected a column for each class, found several of {', '.join(twice)}; "
            "keep one"
        )
    return LabelTable(table, _marked(table, body, classes), classes)


def _listed(table: Path, body: Iterable[tuple[int, list[str]]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    lines: dict[str, int] = {}
    for line, (photo, cell) in body:
        if cell[:1] + cell[-1:] in _PRINTED:
            raise InputError(
                f"{table}: line {line}: expected names with commas or bars between them, such as "
                f"cup|pen, found a list as a program prints it, {cell[:80]}; write the names alone "
                "(in pandas by .str.join('|'))"
            )
        split = cell.replace(";", ",").replace("|", ",").split(",")
        shown = {_class_name(table, line, one.strip()) for one in split if one.strip()}
        found[photo] = found.get(photo, frozenset()) | shown
        lines |= dict.fromkeys(shown - lines.keys(), line)
    for name, line in lines.items():
        words = name.split()
        if len(words) > 1 and lines.keys() >= set(words):
            raise InputError(
                f"{table}: line {line}: expected names with commas or bars between them, found "
                f"{name!r}, whose words are classes of other rows; write {'|'.join(words)}, or, if "
                "it is a class by itself, a column of 0 and 1 for each class"
            )
    return found


def _marked(
    table: Path, body: Iterable[tuple[int, list[str]]], classes: tuple[str, ...]
) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line, (photo, *cells) in body:
        for name, cell in zip(classes, cells, strict=True):
            if cell.lower() not in _SHOWN:
                raise InputError(
                    f"{table}: line {line}: expected 0 or 1 for {name!r}, found {cell!r}; write 1 "
                    "where the photo shows the class, else 0; a column of names is called "
                    "classes and stands alone beside the photo"
                )
        shown = {name for name, cell in zip(classes, cells, strict=True) if _SHOWN[cell.lower()]}
        if found.setdefault(photo, frozenset(shown)) != shown:
            raise InputError(
                f"{table}: line {line}: expected one row for each photo, found another of "
                f"{photo!r} that says otherwise; keep the right one"
            )
    return found


def _class_name(table: Path, line: int, name: str) -> str:
    checked = as_class_name(name)
    if checked is None:
        raise InputError(
            f"{table}: line {line}: expected {CLASS_NAME_RULE}, found {name!r}; choose another"
        )
    return checked
