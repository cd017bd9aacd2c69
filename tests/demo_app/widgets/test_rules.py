"""No two rules set one property of a widget, and what is seen follows the settings at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.hand import Hand


def own_rules() -> list[Any]:
    """Return the app's rules, as Kivy's own parser read them."""
    from kivy.lang import Builder

    return [rule for _, rule in Builder.rules if "headfit_demo" in (rule.ctx.filename or "")]


def quarrels() -> Iterator[str]:
    """Yield the properties of widgets that a rule sets and a rule of its class sets, too.

    Kivy binds both: whatever of the two follows a change last wins, so that a text took the usual
    colour or size as soon as the user chose another look or text size. One value that never changes
    is no quarrel: it is set once, and the rule of the class comes first.
    """
    from kivy.factory import Factory

    rules = own_rules()

    def check(rule: Any, name: str, class_names: list[str]) -> Iterator[str]:
        for one in class_names:
            for base in rules:
                if base is rule or one not in base.name.strip("<>").split("@")[0].split(","):
                    continue
                for key in rule.properties.keys() & base.properties.keys():
                    if base.properties[key].watched_keys:
                        where = f"{Path(rule.ctx.filename).name}:{rule.line + 1}"
                        yield f"{where}: {name}.{key} is set by <{one}>, too"
        for child in rule.children:
            kind = Factory.get(child.name)
            yield from check(child, child.name, [base.__name__ for base in kind.__mro__])

    for rule in rules:
        name = rule.name.strip("<>").split("@")[0]
        kind = Factory.get(name.split(",")[0])
        yield from check(rule, name, [base.__name__ for base in kind.__mro__[1:]])


def test_no_two_rules_quarrel(hand: Hand) -> None:
    assert list(quarrels()) == []


def test_a_quarrel_is_found(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    from kivy.lang import Builder

    Builder.load_string(
        "<Loud@Words>:\n    font_size: theme.title\n", filename="headfit_demo/loud.kv"
    )
    try:
        (found,) = quarrels()
    finally:
        Builder.unload_file("headfit_demo/loud.kv")
    assert "Loud.font_size is set by <Styled>" in found


def test_all_text_follows_its_size_at_once(toys: Hand) -> None:
    """On every page, body text and names, of what is shown and what is not."""
    from headfit_demo.widgets.basics import Styled

    screens = toys.app.shell.ids.screens.screens

    def sizes() -> dict[Any, float]:
        texts = (one for root in (toys.app.shell, *screens) for one in root.walk())
        return {one: one.font_size for one in texts if isinstance(one, Styled)}

    before = sizes()
    toys.app.set_preference("text_scale", 1.1)  # the window stays wide
    toys.settle()
    after = sizes()
    kept = before.keys() & after.keys()
    assert len(kept) > 80
    assert {one.text for one in kept if after[one] != pytest.approx(1.1 * before[one])} == set()
