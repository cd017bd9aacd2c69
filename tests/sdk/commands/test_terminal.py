"""Sizes and times as people read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from headfit.commands import terminal
from headfit.commands.main import main
from headfit.commands.terminal import duration, size, visible


@pytest.mark.parametrize(
    ("n_bytes", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (100_000, "100 kB"),
        (1_000_000, "1.0 MB"),
    ],
)
def test_sizes(n_bytes: int, words: str) -> None:
    assert size(n_bytes) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0009, "0.9 ms"),
        (0.047, "47 ms"),
        (3.21, "3.2 s"),
        (60, "1 min 0 s"),
        (125.9, "2 min 5 s"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Käfer 東京 🐈\u200d⬛.jpg", "Käfer 東京 🐈\u200d⬛.jpg"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x1b]0;t\x07", r"\x1b]0;t\x07"),
        ("\x9b31m\x7f\r\n\t\b", r"\x9b31m\x7f\r\n\t\x08"),
        ("\u202egpj.exe\u2028", r"\u202egpj.exe\u2028"),
    ],
)
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@pytest.mark.parametrize("line", [["predict"], ["inspect"], ["store", "info"], ["evaluate"]])
def test_a_files_name_moves_no_cursor(
    line: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = str(tmp_path / "x\x1b[31m\x1b]0;t\x07\rred.head")
    assert main([*line, name, *([name] if line[0] in ("predict", "evaluate") else [])])
    assert main([*line, "--\x1b[31m", name])
    out = "".join(capsys.readouterr())
    assert r"\x1b[31m" in out
    assert all(one == "\n" or one.isprintable() for one in out)


def test_whatever_a_command_prints_is_made_visible() -> None:
    for path in Path(terminal.__file__).parent.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        if path.name != "terminal.py":
            direct = ("click.echo", "click.confirm(", " Text(")
            assert not any(one in source for one in direct), path
