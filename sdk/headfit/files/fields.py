"""Strict JSON: untrusted text becomes checked fields, or an error that says what is wrong."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from headfit.errors import FileFormatError, UnsupportedVersionError
from headfit.maths.arrays import Scalar

_OURS = "headfit-"
_CANONICAL = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def canonical_json(value: object) -> str:
    """Return the one JSON text of ``value``: sorted keys, no spaces, finite numbers."""
    return _CANONICAL.encode(value)


def parse_json(data: bytes, source: str) -> Any:
    """Parse UTF-8 JSON; refuse repeated keys, NaN and Infinity.

    Raises
    ------
    FileFormatError
        If ``data`` is not such a text; ``source`` names it in the message.
    """
    try:
        return json.loads(
            data.decode(), object_pairs_hook=_without_repeats, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError) as error:  # ValueError covers bad UTF-8 and bad JSON
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error)
        raise FileFormatError(
            f"{source}: expected JSON in UTF-8, found a fault: {reason}; "
            "the file is damaged or was not written by headfit"
        ) from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return fields


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def is_writable_text(text: str) -> bool:
    """Return whether ``text`` holds neither control characters nor lone surrogates."""
    return _UNWRITABLE.search(text) is None


class Fields:
    """The fields of one JSON object, each taken once by name and checked.

    Parameters
    ----------
    value : object
        What was parsed; anything but a JSON object is refused.
    source : str
        Names the object in messages.
    """

    def __init__(self, value: object, source: str) -> None:
        self.source = source
        if not isinstance(value, dict):
            raise self.fault("a JSON object", value)
        self._left = dict(value)

    def fault(self, expected: str, found: object, key: str | None = None) -> FileFormatError:
        """Return the error that says what was expected and what was found."""
        where = self.source if key is None else f"{self.source}: {key!r}"
        shown = repr(found)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        return FileFormatError(
            f"{where}: expected {expected}, found {shown}; the file is damaged or was not "
            "written by headfit"
        )

    def has(self, key: str) -> bool:
        """Return whether the field ``key`` is there and was not taken yet."""
        return key in self._left

    def take(self, key: str) -> Any:
        """Return the field ``key`` as it is, and count it as read."""
        if key not in self._left:
            raise FileFormatError(
                f"{self.source}: expected the key {key!r}, found none; the file is damaged or "
                "was written by another version of headfit"
            )
        return self._left.pop(key)

    def text(self, key: str, *, pattern: str = ".*", meaning: str = "a text") -> str:
        """Return a string that matches ``pattern`` as a whole and has no control characters."""
        value = self.take(key)
        if (
            not isinstance(value, str)
            or not is_writable_text(value)
            or not re.fullmatch(pattern, value)
        ):
            raise self.fault(meaning, value, key)
        return value

    def sha256(self, key: str) -> str:
        """Return a SHA-256 of 64 lower-case hex digits."""
        return self.text(key, pattern="[0-9a-f]{64}", meaning="64 hex digits")

    def kind(
        self, name: str, version: int | str, others: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Check what ``format`` calls the file, and its ``format_version``.

        Parameters
        ----------
        name : str
            What the file should be.
        version : int or str
            The one this headfit knows, in the form in which the file states its own.
        others : mapping of str to str
            Of formats that are easily given for this one: what such a file is, and what takes it.

        Raises
        ------
        UnsupportedVersionError
            If it is another one.
        """
        kind = self.text("format", meaning=f"{name!r}")
        if kind.startswith(_OURS) and kind != name:
            given = others.get(kind, "another kind of file of headfit; give one of the former")
            raise FileFormatError(
                f"{self.source}: expected the format {name}, found {kind}, which is {given}"
            )
        if kind != name:
            raise self.fault(f"{name!r}", kind, "format")
        found: int | str
        if isinstance(version, int):
            found = self.whole("format_version", 1, 2**31)
        else:
            found = self.text("format_version", pattern="[1-9][0-9]{0,8}", meaning="an integer")
        if found != version:
            is_newer = int(found) > int(version)
            raise UnsupportedVersionError(
                f"{self.source}: expected {name} of version {version}, found {found}; "
                + ("install a newer headfit" if is_newer else "make the file again with this one")
            )

    def whole(self, key: str, low: int, high: int) -> int:
        """Return an integer from ``low`` to ``high``, both included."""
        value = self.take(key)
        if type(value) is not int or not low <= value <= high:
            raise self.fault(f"a whole number from {low} to {high}", value, key)
        return value

    def boolean(self, key: str) -> bool:
        """Return ``true`` or ``false``."""
        value = self.take(key)
        if not isinstance(value, bool):
            raise self.fault("true or false", value, key)
        return value

    def number(self, key: str, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a finite number from ``low`` to ``high``, both included."""
        return self._number(self.take(key), key, low, high)

    def number_or_none(self, key: str) -> float | None:
        """Return a finite number, or None for ``null``."""
        value = self.take(key)
        return None if value is None else self._number(value, key, -math.inf, math.inf)

    def numbers(
        self,
        key: str,
        length: int,
        low: float = -math.inf,
        high: float = math.inf,
        *,
        or_fewer: bool = False,
    ) -> tuple[float, ...]:
        """Return a list of ``length`` finite numbers from ``low`` to ``high``, or of fewer."""
        value = self.take(key)
        is_list = isinstance(value, list)
        if not is_list or len(value) > length or (len(value) < length and not or_fewer):
            expected = f"at most {length}" if or_fewer else str(length)
            raise self.fault(f"a list of {expected} numbers", value, key)
        return tuple(self._number(item, key, low, high) for item in value)

    def nested(self, key: str) -> tuple[Any, str]:
        """Return the JSON inside the text ``key``, and a name for it."""
        source = f"{self.source}: {key}"
        return parse_json(self.text(key).encode(), source), source

    def scalars(self, key: str) -> dict[str, Scalar]:
        """Return the object inside the text ``key``: names to texts, finite numbers, booleans."""
        value, _ = self.nested(key)
        if not isinstance(value, dict):
            raise self.fault("a JSON object", value, key)
        for name, item in value.items():
            texts = [text for text in (name, item) if isinstance(text, str)]
            is_scalar = item is None or isinstance(item, (str, int, float))
            is_finite = not isinstance(item, float) or math.isfinite(item)
            if not (is_scalar and is_finite and all(map(is_writable_text, texts))):
                raise self.fault("texts, finite numbers, booleans, null", {name: item}, key)
        return value

    def done(self) -> None:
        """Refuse whatever was not taken: an ignored key could change what the others mean."""
        if self._left:
            names = ", ".join(sorted(map(repr, self._left)))
            raise FileFormatError(
                f"{self.source}: expected no further keys, found {names[:200]}; the file is "
                "damaged or was written by another version of headfit"
            )

    def _number(self, value: object, key: str, low: float, high: float) -> float:
        # An integer too large for a float is out of every range we have.
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e300:
            raise self.fault("a finite number", value, key)
        if not low <= value <= high or math.isnan(value):
            raise self.fault(f"a number from {low:g} to {high:g}", value, key)
        return float(value)
