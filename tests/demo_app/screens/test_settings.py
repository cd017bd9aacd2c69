"""Settings are seen at once and kept."""

from __future__ import annotations

from pathlib import Path

from tests.support.hand import Hand

TAB, ENTER = 9, 13


def test_settings_are_seen_at_once_and_kept(hand: Hand, tmp_path: Path) -> None:
    """Dark, larger and German, on the spot and after the next start."""
    from headfit_demo.session import Preferences
    from headfit_demo.widgets import theme

    hand.app.go("settings")
    hand.wait(lambda: True)
    size = theme.body
    hand.press("Dark")
    hand.press("200%")
    hand.press("Deutsch")
    assert theme.style == "dark"
    assert theme.body > 1.4 * size
    assert hand.app.shell.heading == "Einstellungen"
    kept = Preferences.load(tmp_path / "data" / "preferences.json")
    assert kept == Preferences("dark", 2.0, "de")
    hand.press("English")
    assert hand.app.shell.heading == "Settings"


def test_a_setting_that_a_key_chose_keeps_the_focus(hand: Hand) -> None:
    hand.app.go("settings")
    hand.key(TAB)
    hand.find("Dark").focus = True
    hand.key(ENTER)
    hand.settle()
    assert hand.app.preferences.style == "dark"
    assert hand.find("Dark").focus
