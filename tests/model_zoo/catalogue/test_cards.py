from __future__ import annotations

import os
from pathlib import Path

import pytest

from headfit.errors import FileFormatError, InputError
from headfit_zoo.architectures import ARCHITECTURES
from headfit_zoo.catalogue.cards import CARDS, find_card, load_card, load_cards
from headfit_zoo.catalogue.document import facts, render
from headfit_zoo.importers import IMPORTERS

PAGE = Path(__file__).parents[3] / "docs" / "extractors.md"
CARD = CARDS / "resnet18-binary-imagenet.toml"


def test_the_page_is_as_new_as_the_cards() -> None:
    """docs/extractors.md says what the cards say; if not: headfit-zoo document."""
    assert PAGE.read_text(encoding="utf-8") == render(load_cards().values())


def test_every_importer_has_a_card_with_its_source() -> None:
    """What can be imported can be found, fetched and checked."""
    cards = load_cards()
    assert set(IMPORTERS) <= set(cards)
    for name, importer in IMPORTERS.items():
        source = cards[name].source
        assert source is not None
        assert source.url.startswith("https://")
        assert len(bytes.fromhex(source.sha256)) == 32
        assert cards[name].network.input_size == importer.preprocessing.height
        assert cards[name].network.architecture in ARCHITECTURES


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"resnet18-binary-imagenet.*found 'resnet50'"):
        find_card("resnet50")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("version = 1", "version = true", "version: expected int, found True"),
        ("version = 1", 'version = "1"', "version: expected int, found '1'"),
        ("version = 1", "", "expected the key 'version'"),
        ("version = 1", "version = 1\nhour = 2", "found hour"),
        ("input_size = 224", "input_size = 224\ncolour = 3", "network: .*found colour"),
        ("limits = [", "limits = [1,", "limits 1: expected str, found 1"),
        ("[network]", "[nets]", "found nets"),
        ("version = 1", "version = ", "expected TOML"),
        ('name = "resnet18-binary', 'name = "resnet19-binary', "named after the extractor"),
    ],
)
def test_a_wrong_card_is_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    """A missing key, a key too many, a wrong type and bad TOML each name the place."""
    text = CARD.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / CARD.name
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FileFormatError, match=complaint) as caught:
        load_card(path)
    assert os.fspath(path) in str(caught.value)


def test_numbers_and_lists_of_tables_are_read(tmp_path: Path) -> None:
    """An accuracy of 1 is the float 1.0; tables in a list become a tuple."""
    path = tmp_path / CARD.name
    more = '[[accuracy]]\nmeasure = "top-1"\ndata = "a | b"\nvalue = 1\nby = "me"\n'
    path.write_text(CARD.read_text(encoding="utf-8") + more, encoding="utf-8")
    card = load_card(path)
    assert isinstance(card.accuracy[-1].value, float)
    assert "| top-1 | a \\| b | 100.0% | me |" in render([card])


def test_the_curve_of_the_training_is_shown() -> None:
    """The page and `info` say how validation went, epoch by epoch, up to what the card claims."""
    card = find_card("residual-tiny-imagenet")
    assert round(card.curve[-1], 3) == round(card.accuracy[0].value, 3)
    assert (
        f"{100 * card.curve[0]:.1f}, {100 * card.curve[1]:.1f}, "
        in dict(facts(card))["validation top-1 by epoch, %"]
    )
