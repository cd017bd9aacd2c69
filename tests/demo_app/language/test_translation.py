"""Every sentence is in both languages."""

from __future__ import annotations

import gettext
import re
from pathlib import Path

import headfit_demo

PACKAGE = Path(headfit_demo.__file__).parent
LOCALE = PACKAGE / "language" / "locale"
_STRING = r'"((?:[^"\\]|\\.)*)"'


def sources() -> str:
    """Return all modules and rules of the app as one text."""
    paths = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.kv")]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(paths))


def test_every_sentence_is_in_german() -> None:
    """Also those with a number; and the catalogue has none that the app no longer says."""
    text = sources()
    said = set(re.findall(rf"(?:tr\.say|\b_)\(\s*{_STRING}", text))
    counted = set(re.findall(rf"tr\.count\(\s*{_STRING},\s*{_STRING}", text))
    assert len(said) > 100
    german = gettext.translation("headfit_demo", LOCALE, ["de"])
    catalogue = german._catalog  # type: ignore[attr-defined]
    keys = {key[0] if isinstance(key, tuple) else key for key in catalogue} - {""}
    assert keys == said | {one for one, _ in counted}


def test_the_compiled_catalogue_is_that_of_its_source() -> None:
    source = (PACKAGE / "language/locale/de/LC_MESSAGES/headfit_demo.po").read_text(
        encoding="utf-8"
    )
    german = gettext.translation("headfit_demo", LOCALE, ["de"])
    pairs = re.findall(rf"^msgid {_STRING}\nmsgstr {_STRING}$", source, re.MULTILINE)
    assert len(pairs) > 100
    for english, translated in pairs[1:]:
        assert german.gettext(english) == translated


def test_translations_keep_what_is_filled_in() -> None:
    """The same fields in braces, or formatting would fail in one language only."""
    german = gettext.translation("headfit_demo", LOCALE, ["de"])
    for english in re.findall(rf"tr\.say\(\s*{_STRING}", sources()):
        fields = re.findall(r"\{[^}]*\}", english)
        assert sorted(re.findall(r"\{[^}]*\}", german.gettext(english))) == sorted(fields)
