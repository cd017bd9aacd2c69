"""What is seen can be read: contrast, translation, the greeting's head, the fonts' licences."""

from __future__ import annotations

import gettext
import re
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

import headfit_demo
from headfit import ImageClassifier, SoftmaxHead
from headfit_demo.greeting import sample_pictures
from headfit_demo.session import GREETING_HEAD
from headfit_demo.window import ICON

PACKAGE = Path(headfit_demo.__file__).parent
_STRING = r'"((?:[^"\\]|\\.)*)"'


def sources() -> str:
    """Return all modules and rules of the app as one text."""
    paths = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.kv")]
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(paths))


def test_text_can_be_read() -> None:
    """WCAG 2.2 AA: contrast of at least 4.5 wherever text is written, in both styles."""
    from headfit_demo.theme import DARK, LIGHT, READABLE, contrast

    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)  # WCAG's own example
    poor = [
        (ink, ground, round(contrast(style[ink], style[ground]), 2))
        for style, (ink, ground) in product((LIGHT, DARK), READABLE)
        if contrast(style[ink], style[ground]) < 4.5
    ]
    assert poor == []


def test_every_sentence_is_in_german() -> None:
    """Also those with a number; and the catalogue has none that the app no longer says."""
    text = sources()
    said = set(re.findall(rf"(?:tr\.say|\b_)\(\s*{_STRING}", text))
    counted = set(re.findall(rf"tr\.count\(\s*{_STRING},\s*{_STRING}", text))
    assert len(said) > 100
    german = gettext.translation("headfit_demo", PACKAGE / "locale", ["de"])
    catalogue = german._catalog  # type: ignore[attr-defined]
    keys = {key[0] if isinstance(key, tuple) else key for key in catalogue} - {""}
    assert keys == said | {one for one, _ in counted}


def test_the_compiled_catalogue_is_that_of_its_source() -> None:
    source = (PACKAGE / "locale/de/LC_MESSAGES/headfit_demo.po").read_text(encoding="utf-8")
    german = gettext.translation("headfit_demo", PACKAGE / "locale", ["de"])
    pairs = re.findall(rf"^msgid {_STRING}\nmsgstr {_STRING}$", source, re.MULTILINE)
    assert len(pairs) > 100
    for english, translated in pairs[1:]:
        assert german.gettext(english) == translated


def test_translations_keep_what_is_filled_in() -> None:
    """The same fields in braces, or formatting would fail in one language only."""
    german = gettext.translation("headfit_demo", PACKAGE / "locale", ["de"])
    for english in re.findall(rf"tr\.say\(\s*{_STRING}", sources()):
        fields = re.findall(r"\{[^}]*\}", english)
        assert sorted(re.findall(r"\{[^}]*\}", german.gettext(english))) == sorted(fields)


def test_the_greeting_belongs_to_the_extractor() -> None:
    """If this fails, headfit brought another extractor: run its module."""
    classifier = ImageClassifier()
    head = SoftmaxHead.load(GREETING_HEAD)
    assert head.fingerprint_ == classifier.extractor.fingerprint
    classifier = ImageClassifier.load(GREETING_HEAD, extractor=classifier.extractor)
    for sample in sample_pictures():
        assert classifier.predict(sample.frame)[0][0] == sample.class_name


def test_the_icon_goes_into_the_package() -> None:
    """A square; that the window has it is seen in test_real_input."""
    with Image.open(ICON) as icon:
        assert icon.size == (512, 512)
        assert icon.mode == "RGBA"
    spec = (PACKAGE.parent / "buildozer.spec").read_text()
    assert f"icon.filename = %(source.dir)s/{ICON.relative_to(PACKAGE.parent)}" in spec


def test_fonts_come_with_their_licences() -> None:
    fonts = {path.name for path in (PACKAGE / "assets" / "fonts").glob("*.ttf")}
    noto = (PACKAGE / "assets/fonts/LICENCE-Noto-OFL.txt").read_text()
    droid = (PACKAGE / "assets/fonts/LICENCE-Droid-Apache.txt").read_text()
    assert "SIL OPEN FONT LICENSE" in noto
    assert all(name.startswith("NotoSans") or name in droid for name in fonts)
