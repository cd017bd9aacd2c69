"""The words of the app in the user's language, through gettext; screens follow at once."""

from __future__ import annotations

import gettext
import locale
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kivy.event import EventDispatcher
from kivy.properties import ObjectProperty, StringProperty

DOMAIN: Final = "headfit_demo"
LOCALE_FOLDER: Final = Path(__file__).parent / "locale"
LANGUAGES: Final = {"en": "English", "de": "Deutsch"}

_LONGEST: Final = 40
"""So many characters of a name are said in a sentence; a name may have several times as many."""


class Translation(EventDispatcher):
    """Gives every sentence in the language that is set.

    In kv, ``tr.say("Teach")`` is a binding: it is said anew when the language changes.
    """

    language = StringProperty("en")
    say = ObjectProperty(lambda text: text)
    """From English to the language."""

    def on_language(self, _: object, language: str) -> None:
        """Open the language's catalogue; English needs none."""
        self._catalogue = gettext.translation(
            DOMAIN, LOCALE_FOLDER, [language], fallback=language == "en"
        )
        self.say = self._catalogue.gettext

    def count(self, one: str, many: str, n: int) -> str:
        """Say a sentence with a number ``{n}`` in it."""
        catalogue = getattr(self, "_catalogue", None) or gettext.NullTranslations()
        return catalogue.ngettext(one, many, n).format(n=n)


def number(value: float, form: str) -> str:
    """Return a number as the language writes it, of a form of Python's."""
    return format(value, form).replace(".", tr.say("."))


def greeting_name(class_name: str) -> str:
    """Return what a class of the head that came with the app is called."""
    return {
        "balloon": tr.say("balloon"),
        "bricks": tr.say("bricks"),
        "cat": tr.say("cat"),
        "coffee": tr.say("coffee"),
        "coins": tr.say("coins"),
        "flower": tr.say("flower"),
        "sailing boat": tr.say("sailing boat"),
    }[class_name]


def short(name: str) -> str:
    """Return a name as a sentence has room for it."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1].rstrip()}…"


def some(names: Sequence[str], most: int = 3) -> str:
    """Return some names, and how many more there are."""
    said, n_more = ", ".join(map(short, names[:most])), len(names) - most
    return said if n_more <= 0 else f"{said} + {n_more}"


def project_title(name: str) -> str:
    """Return what to call a project, which has no name before it has things."""
    return name or tr.say("New project")


def system_language() -> str:
    """Return the language of the system if the app speaks it, else English."""
    name = os.environ.get("LANGUAGE") or os.environ.get("LC_ALL") or os.environ.get("LANG")
    name = name or locale.getlocale()[0] or "en"
    return name[:2] if name[:2] in LANGUAGES else "en"


tr = Translation()
