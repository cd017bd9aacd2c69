"""Cards: one TOML file per extractor that says what it is, whence it came and how good it is.

A card is written by hand and read strictly: a misspelt key is an error, not a number that nobody
sees. What was not measured is left out and shown as "not measured"; nothing is guessed.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from headfit import FileFormatError, InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

CARDS = Path(__file__).with_name("cards")

T = TypeVar("T")


@dataclass(frozen=True)
class Network:
    """What runs.

    Attributes
    ----------
    architecture : str
        A key of `headfit_zoo.architectures.ARCHITECTURES`.
    input_size, embedding_dim : int
        Pixels a side; width of the embedding.
    parameters, multiply_adds, binary_multiply_adds : int
        Without the classifier, for one picture; as ``headfit-zoo summary`` counts them.
    """

    architecture: str
    input_size: int
    embedding_dim: int
    parameters: int
    multiply_adds: int
    binary_multiply_adds: int


@dataclass(frozen=True)
class Artifact:
    """The ``.tflite``: SHA-256 in hex, and length in bytes."""

    fingerprint: str
    size_bytes: int


@dataclass(frozen=True)
class Source:
    """The published weights that an importer reads: address and SHA-256 in hex."""

    url: str
    sha256: str


@dataclass(frozen=True)
class Accuracy:
    """One measured share of right answers.

    Attributes
    ----------
    measure, data : str
        What was counted, on which pictures.
    value : float
        From 0 to 1.
    by : str
        The command that measured it, or who published the number.
    """

    measure: str
    data: str
    value: float
    by: str


@dataclass(frozen=True)
class Latency:
    """Median time of one embedding, in milliseconds."""

    board: str
    engine: str
    milliseconds: float
    by: str


@dataclass(frozen=True)
class Card:
    """All that is known of one extractor.

    Attributes
    ----------
    name : str
        As the manifest has it; the card's file is ``<name>.toml``.
    version : int
        Of the extractor under this name.
    summary : str
        One sentence.
    author, licence, terms : str
        Who made the weights; an SPDX name or "none stated"; what that means for a user.
    data, recipe : str
        What it was trained on, and how.
    network : Network
    limits, commands : tuple of str
        Known limits; commands that make the extractor again from its data or its source.
    training_hours : float, optional
        Wall-clock time of the training, if known.
    curve : tuple of float
        Top-1 on the validation pictures after each epoch, from 0 to 1.
    file : Artifact, optional
        Left out until it was made here.
    source : Source, optional
        For an extractor that users install from the weights of others.
    accuracy : tuple of Accuracy
    latency : tuple of Latency
    """

    name: str
    version: int
    summary: str
    author: str
    licence: str
    terms: str
    data: str
    recipe: str
    network: Network
    limits: tuple[str, ...]
    commands: tuple[str, ...]
    training_hours: float | None = None
    curve: tuple[float, ...] = ()
    file: Artifact | None = None
    source: Source | None = None
    accuracy: tuple[Accuracy, ...] = ()
    latency: tuple[Latency, ...] = ()


def load_cards(folder: Path = CARDS) -> dict[str, Card]:
    """Read every card of a folder, by name, sorted.

    Raises
    ------
    FileFormatError
        If a card lacks a key, has one too many or a value of another type.
    """
    paths = {path.stem: path for path in folder.glob("*.toml")}
    return {name: load_card(paths[name]) for name in sorted(paths)}


def load_card(path: Path) -> Card:
    """Read one card; see `load_cards`."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # bad TOML and bad UTF-8
        raise FileFormatError(f"{path}: expected TOML, found a fault: {error}; mend it") from error
    card = _read(Card, table, str(path))
    if card.name != path.stem:
        raise FileFormatError(
            f"{path}: expected the card of {path.stem!r}, found name {card.name!r}; "
            "the file is named after the extractor"
        )
    return card


def find_card(name: str) -> Card:
    """Return the card of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    cards = load_cards()
    if name not in cards:
        raise InputError(f"expected an extractor out of {', '.join(cards)}, found {name!r}")
    return cards[name]


def _read(kind: type[T], table: Any, where: str) -> T:
    """Return a dataclass from a TOML table that has its fields and no others."""
    if not isinstance(table, dict):
        raise FileFormatError(f"{where}: expected a table, found {table!r}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(table.keys() - fields.keys())
    if unknown:
        raise FileFormatError(
            f"{where}: expected keys out of {', '.join(fields)}, found {', '.join(unknown)}"
        )
    required = {name for name, field in fields.items() if field.default is dataclasses.MISSING}
    missing = sorted(required - table.keys())
    if missing:
        raise FileFormatError(f"{where}: expected the key {missing[0]!r}, found none; add it")
    hints = get_type_hints(kind)
    values = {key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()}
    return kind(**values)


def _value(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) in (Union, types.UnionType):  # optional: what is there is the first of it
        hint = get_args(hint)[0]
    if dataclasses.is_dataclass(hint):
        return _read(hint, value, where)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise FileFormatError(f"{where}: expected a list, found {value!r}")
        return tuple(
            _value(get_args(hint)[0], item, f"{where} {n}") for n, item in enumerate(value, 1)
        )
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint or value == "":
        raise FileFormatError(f"{where}: expected {hint.__name__}, found {value!r}")
    return value
