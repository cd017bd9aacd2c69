"""What the documents promise to be shown by a test is shown by one that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_test_that_the_privacy_page_names_exists() -> None:
    """Files and functions alike."""
    page = (ROOT / "docs" / "privacy.md").read_text()
    files = set(re.findall(r"`(test_\w+\.py)`", page))
    functions = set(re.findall(r"`(test_\w+)`", page))
    sources = {path.name: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}
    defined = set(re.findall(r"^def (test_\w+)", "\n".join(sources.values()), re.MULTILINE))
    assert len(files) > 5
    assert len(functions) > 15
    assert files <= sources.keys()
    assert functions <= defined
