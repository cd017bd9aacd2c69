"""From a phone to a large desktop, in both languages and all text sizes: nothing is cut off."""

from __future__ import annotations

import gettext
import math
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image
from tests.support.hand import Hand
from tests.support.layout import cut_names, faults
from tests.support.photos import THINGS, frames, picked
from tests.support.rounds import called_round

from headfit.privacy.signing import new_key
from headfit_demo.language import tr
from headfit_demo.session import PickedFile

SIZES = ((360, 800), (800, 360), (800, 480), (970, 640), (1920, 1080))
PAGES = ("home", "teach", "photos", "recognise", "privacy", "help", "developer", "settings")
BALLOON, BOAT, _ = THINGS


@pytest.fixture
def full(toys: Hand) -> Iterator[Hand]:
    """A project with long names, doubts and repetitions, small pictures, and an answer."""
    long_name = "A sailing boat with a very long name that nobody says"
    toys.app.change(lambda project: project.rename_class(BOAT, long_name))
    toys.app.teaching.add_photos(BALLOON, [*frames(BOAT, 1, seed=6), *frames(BALLOON, 1)])
    toys.app.go("recognise")
    toys.app.change(lambda project: project.rename("Toys of a very long summer, all of them"))
    toys.app.sight.look_at(picked(BALLOON, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.verdict)
    toys.app.shell.ids.screens.get_screen("photos").class_name = BALLOON
    toys.app.set_preference("helps", True)
    called = called_round((BALLOON, long_name, "kettle"), new_key())
    helping = toys.app.shell.ids.screens.get_screen("help")
    helping._open(PickedFile("toys.round", called))
    toys.wait(lambda: helping.n_files == 2)
    toys.settle()
    shell = toys.app.shell
    size_hint, size = tuple(shell.size_hint), tuple(shell.size)  # Kivy's own lists follow them
    yield toys
    shell.size_hint, shell.size = size_hint, size
    toys.app.set_preference("language", "en")  # other tests ask for sentences without the app


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "{}x{}".format(*size))
def test_nothing_is_cut_off(
    full: Hand, size: tuple[int, int], caplog: pytest.LogCaptureFixture
) -> None:
    """On every page, in English, and in German with the largest text; Kivy has no complaint."""
    shell = full.app.shell
    shell.size_hint, shell.size = (None, None), size
    found = []
    for language, text_scale in (("en", 1.0), ("de", 2.0)):
        full.app.set_preference("language", language)
        full.app.set_preference("text_scale", text_scale)
        for page in PAGES:
            full.app.go(page)
            full.settle()
            full.wait(lambda: True, frames=5)
            where = f"{page}, {language}, {text_scale}"
            found += [f"{where}: {fault}" for fault in faults(shell)]
    full.app.go("recognise")
    tall = BytesIO()
    Image.new("RGB", (60, 400), (10, 20, 240)).save(tall, "PNG")
    full.app.sight.look_at(PickedFile("tall.png", tall.getvalue()))
    full.settle()
    sight = full.app.sight
    sight.verdict = "Nichts davon"
    sight.explanation = "Es sieht nach nichts aus, das gelernt wurde."
    full.wait(lambda: True, frames=5)
    found += [f"tall photo: {fault}" for fault in faults(shell)]
    full.app.go("teach")
    full.app.sight.look_away()  # then the preview says what it is for
    full.wait(lambda: True, frames=5)
    found += [f"{language}, {text_scale}: {fault}" for fault in faults(shell)]
    assert found == []
    assert caplog.text == ""
    assert shell.is_wide == (size[0] > 1900)  # 970 is too narrow for text of this size


@pytest.mark.parametrize("size", [(360, 800), (800, 480)], ids=lambda size: "{}x{}".format(*size))
def test_names_and_numbers_are_whole_in_the_largest_text(full: Hand, size: tuple[int, int]) -> None:
    """Beside the picture, and in the line of a drop; buttons follow the language at once."""
    shell = full.app.shell
    shell.size_hint, shell.size = (None, None), size
    full.app.change(lambda project: project.rename_class(full.app.project.classes[1].name, "Tasse"))
    full.app.change(lambda project: project.rename_class(BALLOON, "Kaffeetasse"))
    full.app.change(lambda project: project.rename("Mein Schreibtisch"))
    full.app.go("teach")
    full.app.set_preference("text_scale", 2.0)
    full.app.sight.look_at(picked(BALLOON, 1, seed=9)[0])
    full.wait(lambda: full.app.sight.verdict == "Kaffeetasse")
    jobs = full.app.jobs
    found = []
    for language in ("en", "de"):
        full.app.set_preference("language", language)
        text = tr.say("{n} of {all} photos: {name}")
        jobs.is_long, jobs.text = True, text.format(n=960, all=2400, name="Mein Schreibtisch")
        full.settle()
        full.wait(lambda: True, frames=5)
        preview = full.screen.ids.preview
        found += [*cut_names(preview), *cut_names(shell.ids.work), *faults(shell)]
    jobs.is_long = False
    assert found == []


def test_dialogs_break_no_word(full: Hand) -> None:
    """On a phone's screen, in the largest text."""
    from kivy.core.window import Window

    full.app.set_preference("language", "de")
    full.app.set_preference("text_scale", 2.0)
    full.app.go("home")
    full.settle()
    key, found = full.app.project.key, []
    for ask in (full.screen.rename, full.screen.delete):
        ask(key, "Toys")
        dialog = Window.children[0]
        dialog.width = 336
        full.wait(lambda: True, frames=5)
        found += list(faults(dialog))
        dialog.dismiss(animation=False)
    assert found == []


def test_a_window_that_changes_its_width_changes_its_layout(full: Hand) -> None:
    """The navigation goes from the side to the bottom and back; what was typed stays."""
    shell = full.app.shell
    shell.size_hint = (None, None)
    full.app.go("teach")
    full.screen.add_another()
    field = full.screen.empty_cards[0].ids.name.children[0]
    full.wait(lambda: field.focus)
    full.type("half a na")
    for size in ((1120, 760), (360, 800), (1120, 760)):
        shell.size = size
        full.wait(lambda: True, frames=5)
        is_wide = size[0] > 800
        assert (shell.ids.rail.parent is not None) == is_wide
        assert (shell.ids.bar.parent is not None) != is_wide
        assert shell.ids.main.height >= size[1] - 70
        assert list(faults(shell)) == []
    assert field.text == "half a na"


def test_the_fault_finder_finds_faults(hand: Hand) -> None:
    """Words in too small a box, things over each other, and what is outside."""
    from kivy.uix.boxlayout import BoxLayout
    from kivy.uix.label import Label

    from headfit_demo.widgets.basics import Words

    root = BoxLayout(size=(100, 100))
    words, other = Label(text="Much too long for this"), Label(text="x")
    for label in (words, other):
        label.size_hint = None, None
        label.texture_update()
        root.add_widget(label)
    words.pos, words.size, other.pos, other.size = (0, 0), (30, 20), (10, 10), (50, 50)
    (cut, over) = sorted(faults(root))
    assert "is cut" in cut
    assert "Label over Label" in over
    words.pos, words.size = (90, 70), words.texture_size
    (outside,) = faults(root)
    assert "is outside" in outside
    narrow = Words(text="Unbreakable", width=30, size_hint_x=None)
    hand.wait(lambda: narrow.height)
    assert any("breaks 'Unbreakable'" in one for one in faults(narrow))


class Longer(gettext.NullTranslations):
    """A language in which every sentence takes two fifths more room, as some do."""

    def gettext(self, message: str) -> str:
        """Return a longer sentence; of one word, a longer word."""
        more = math.ceil(0.4 * len(message))
        words = ("åéîøü" if " " not in message else " åéîø") * more
        return message + words[:more].rstrip()

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the longer sentence for a number."""
        return self.gettext(msgid1 if n == 1 else msgid2)


@pytest.mark.parametrize("text_scale", [1.0, 2.0])
def test_longer_sentences_fit(full: Hand, text_scale: float) -> None:
    """On a phone, on every page: a language that is still to come."""
    shell = full.app.shell
    shell.size_hint, shell.size = (None, None), (360, 800)
    full.app.set_preference("text_scale", text_scale)
    tr._catalogue = Longer()
    tr.say = tr._catalogue.gettext
    try:
        found = []
        for page in PAGES:
            full.app.go(page)
            full.settle()
            full.wait(lambda: True, frames=5)
            found += [f"{page}: {fault}" for fault in faults(shell)]
        full.app.go("teach")
        full.app.sight.look_away()
        full.wait(lambda: True, frames=5)
        found += [f"nothing to see: {fault}" for fault in faults(shell)]
        assert found == []
        full.app.go("settings")
        assert shell.heading == "Settingsåéîø"
    finally:
        tr.language = "de"  # takes the catalogue anew
        tr.language = "en"
