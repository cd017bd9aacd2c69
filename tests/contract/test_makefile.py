"""What the Makefile starts is there."""

from __future__ import annotations

import re

from tests.support.names import ROOT, exists

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_every_module_is_there() -> None:
    modules = set(re.findall(r"python -m (headfit\S*)", MAKEFILE))
    assert "headfit" in modules
    assert [name for name in modules if not exists(name)] == []


def test_pip_is_told_once_to_install() -> None:
    """`PIP` says it; a second `install` is the name of somebody's package."""
    assert re.search(r"^PIP := .* install ", MAKEFILE, re.MULTILINE)
    assert re.findall(r"\$\(PIP\) install\b.*", MAKEFILE) == []


def test_every_script_is_there() -> None:
    scripts = set(re.findall(r"python (\S+\.py)", MAKEFILE))
    assert "demo_app/pictures.py" in scripts
    assert [path for path in scripts if not (ROOT / path).is_file()] == []


def test_silos_begin_afresh() -> None:
    """The example takes no folder with files in it, and the target's own has some the next time."""
    recipe = MAKEFILE.split("\nsilos:")[1].split("\n\n")[0]
    assert recipe.index("rm -rf build/silos\n") < recipe.index("example build/silos")
