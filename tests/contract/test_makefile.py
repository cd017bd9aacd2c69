"""What the Makefile starts is there."""

from __future__ import annotations

import re

from tests.support.names import ROOT, exists

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_module_is_there() -> None:
    modules = set(re.findall(r"python -m (headfit\S*)", MAKEFILE))
    assert "headfit" in modules
    assert [name for name in modules if not exists(name)] == []


def test_every_script_is_there() -> None:
    scripts = set(re.findall(r"python (\S+\.py)", MAKEFILE))
    assert "demo_app/pictures.py" in scripts
    assert [path for path in scripts if not (ROOT / path).is_file()] == []
