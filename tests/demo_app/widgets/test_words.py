"""Names in any script are drawn, with fonts that may be shipped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.support.hand import Hand

import headfit_demo

PACKAGE = Path(headfit_demo.__file__).parent


def test_names_in_any_script_are_drawn(running_app: Any, tmp_path: Path) -> None:
    """Each of these is something else than the boxes that stand for letters a font lacks."""
    from headfit_demo.widgets.words import draw_line

    def ink(text: str) -> bytes:
        texture = draw_line(text, 40, False, 2000)
        pixels = np.frombuffer(texture.pixels, np.uint8).reshape(*texture.size[::-1], 4)
        return Image.fromarray(pixels[..., 3]).resize((64, 32)).tobytes()

    box = ink("\ue000")
    samples = [
        "Tasse",
        "Чашка",
        "Κούπα",
        "كوب",
        "כוס",
        "कप",
        "কাপ",
        "கோப்பை",
        "ถ้วย",
        "բաժակ",
        "ჭიქა",
        "杯",
        "コップ",
        "컵",
        "☕",
        "🐈",
        "👍🏽",
    ]
    drawn = [ink(sample) for sample in samples]
    assert len(set(drawn)) == len(samples)
    for sample, one in zip(samples, drawn, strict=True):
        assert any(one), sample
        assert one != ink("\ue000" * len(sample)), sample
        assert one != box


def test_arabic_is_joined_and_runs_from_the_right(running_app: Any) -> None:
    """Joined letters are narrower than the same letters apart."""
    from PIL import features

    from headfit_demo.widgets.words import draw_line

    if not features.check("raqm"):
        pytest.skip("Pillow has no Raqm here: such names are drawn letter by letter")
    apart = sum(draw_line(letter, 40, False, 2000).width for letter in "كتاب")
    assert draw_line("كتاب", 40, False, 2000).width < 0.9 * apart


@pytest.mark.parametrize("text", ["aa كوب bb", "كوب aa كوب"])
def test_spaces_stand_on_both_sides_of_what_runs_the_other_way(running_app: Any, text: str) -> None:
    """Three words of one line have two gaps, of which none is much wider than the other."""
    from PIL import features

    from headfit_demo.widgets.words import draw_line

    if not features.check("raqm"):
        pytest.skip("Pillow has no Raqm here: such names are drawn letter by letter")
    texture = draw_line(text, 40, False, 2000)
    pixels = np.frombuffer(texture.pixels, np.uint8).reshape(*texture.size[::-1], 4)
    inked = np.flatnonzero(pixels[..., 3].any(axis=0))
    narrower, wider = sorted(np.diff(inked))[-2:]
    assert wider < 2 * narrower


def test_names_that_are_too_long_keep_their_beginning(running_app: Any) -> None:
    """In any script, with dots for the rest; between words they may be broken into lines."""
    from headfit_demo.widgets.words import broken, fitted, line_width

    for name in (
        "A sailing boat that nobody names",
        "كتاب كبير جدا",
        "杯杯杯杯杯杯杯杯",
        "🐈🐈🐈🐈🐈🐈",
    ):
        whole = line_width(name, 20, True)
        assert fitted(name, 20, True, whole) == name
        cut = fitted(name, 20, True, whole // 2)
        assert cut.endswith("…")
        assert name.startswith(cut[:-1])
        assert whole // 4 < line_width(cut, 20, True) <= whole // 2
        assert fitted(name, 20, True, 3) == "…"
    width = line_width("A sailing boat", 20, True)
    lines = broken("A sailing boat that nobody names", 20, True, width, 2)
    assert lines == ["A sailing boat", "that nobody names"]
    assert broken("A sailing boat", 20, True, width, 2) == ["A sailing boat"]
    assert broken("Unbreakable", 20, True, 10, 3) == ["Unbreakable"]
    assert broken("", 20, True, width, 2) == []


def test_fonts_come_with_their_licences() -> None:
    fonts = {path.name for path in (PACKAGE / "assets" / "fonts").glob("*.ttf")}
    noto = (PACKAGE / "assets/fonts/LICENCE-Noto-OFL.txt").read_text()
    droid = (PACKAGE / "assets/fonts/LICENCE-Droid-Apache.txt").read_text()
    assert "SIL OPEN FONT LICENSE" in noto
    assert all(name.startswith("NotoSans") or name in droid + noto for name in fonts)


EVERY = ("Чашка", "杯", "כוס", "☕ cup", "Café 🐈", "[b]🚀[/b]")


def dark(texture: Any) -> tuple[tuple[int, int], bytes]:
    """Return where a texture is drawn on."""
    return texture.size, np.frombuffer(texture.pixels, np.uint8).reshape(-1, 4)[:, 3].tobytes()


@pytest.mark.parametrize("name", EVERY)
def test_names_are_seen_in_sentences_and_fields(toys: Hand, name: str) -> None:
    """In notices, questions and hints no letter is the box of one that a font lacks."""
    from headfit_demo.widgets import Field, Words

    def words(text: str) -> tuple[tuple[int, int], bytes]:
        label = Words(text=text)
        label.text_size = None, None
        label.texture_update()
        return dark(label.texture)

    def field(text: str) -> tuple[tuple[int, int], bytes]:
        typed = Field(text=text)
        toys.wait(lambda: True)
        return dark(typed._lines_labels[0])

    for draw in (words, field):
        for letter in set(name) - {" "}:
            rest = name.replace(letter, "\ue000")
            assert draw(name) != draw(rest), (draw.__name__, letter)
    before = words("x")
    label = Words(text=name)
    label.text_size = None, None
    label.text = "x"
    label.texture_update()
    assert dark(label.texture) == before  # another text, another font


def test_what_no_font_has_is_a_box(toys: Hand) -> None:
    """And does not vanish: in names, sentences and fields."""
    from headfit_demo.widgets import Words
    from headfit_demo.widgets.words import draw_line

    for strange in ("\U00013000", "\U0001fb00", "\ue000", "\U0001faff"):
        label = Words(text=strange)
        label.text_size = None, None
        label.texture_update()
        assert any(dark(label.texture)[1]), strange
        assert any(dark(draw_line(strange, 40, False, 200))[1]), strange


def test_a_long_word_in_many_lines_is_smaller_and_not_cut(running_app: Any) -> None:
    """Until it would be hard to read; a text that fits keeps its size."""
    from headfit_demo.widgets.words import SMALLEST, line_width, small_enough

    width = line_width("Wahrscheinlich", 30, True)
    assert small_enough("Wahrscheinlich Tasse", 30, True, width, 2) == 30
    assert 30 * SMALLEST < small_enough("Wahrscheinlich Tasse", 40, True, width, 2) <= 31
    assert small_enough("W" * 500, 30, True, width, 2) == round(30 * SMALLEST)
