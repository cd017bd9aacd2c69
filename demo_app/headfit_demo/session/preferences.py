"""What the user set: look, text size, language, and whether small pictures may be kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from headfit.files import write_atomically

MOST_CAMERAS = 6
"""No more are looked for: some systems count what is no camera among them."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """The user's settings.

    Attributes
    ----------
    style : str
        "light", "dark", or "system" for what the system has.
    text_scale : float
    language : str
        Of `headfit_demo.language.LANGUAGES`; empty for the system's.
    keeps_thumbnails : bool or None
        None until the user was asked.
    camera : int
        Which camera, counted from 0.
    helps : bool
        Whether shared heads may be helped; nothing leaves without the user all the same.
    """

    style: str = "system"
    text_scale: float = 1.0
    language: str = ""
    keeps_thumbnails: bool | None = None
    camera: int = 0
    helps: bool = False

    def save(self, path: Path) -> None:
        """Write a file that `load` reads, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(asdict(self)).encode())

    @classmethod
    def load(cls, path: Path, otherwise: Preferences | None = None) -> Preferences:
        """Read a file; what is missing or makes no sense is as in ``otherwise``, or as at first."""
        otherwise = otherwise or cls()
        try:
            content = dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return otherwise
        good = {
            name: content[name] for name, is_good in _GOOD.items() if is_good(content.get(name))
        }
        return replace(otherwise, **good)


_GOOD: dict[str, Callable[[Any], bool]] = {
    "style": lambda value: value in ("light", "dark", "system"),
    "text_scale": lambda value: isinstance(value, float) and 0.5 <= value <= 2,
    "language": lambda value: isinstance(value, str),
    "keeps_thumbnails": lambda value: isinstance(value, bool),
    "camera": lambda value: type(value) is int and 0 <= value < MOST_CAMERAS,
    "helps": lambda value: isinstance(value, bool),
}
