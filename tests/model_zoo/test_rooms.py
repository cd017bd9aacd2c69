"""A room of the zoo takes from another what its door names, and nothing past it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import headfit_zoo

ROOT = Path(headfit_zoo.__file__).parent


def test_rooms_take_from_doors() -> None:
    """Each import between rooms is of the room's package, and of a name in its ``__all__``."""
    found, wrong = 0, []
    for path in sorted(ROOT.rglob("*.py")):
        room, *_ = path.relative_to(ROOT).parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or node.module is None:
                continue
            package, _, rest = node.module.partition(".")
            if package != "headfit_zoo" or not rest or rest.partition(".")[0] == room:
                continue
            found += 1
            names = {name.name for name in node.names}
            if "." in rest or not names <= door(ROOT / rest / "__init__.py"):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}: {rest} {sorted(names)}")
    assert found > 20
    # The command is what ``python -m headfit_zoo`` starts; nothing else takes from that room.
    assert wrong == ["__main__.py:3: commands.main ['main']"]


def door(path: Path) -> set[str]:
    """Return what a room's ``__all__`` names, without importing TensorFlow for it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_the_catalogue_needs_no_tensorflow() -> None:
    """To list, describe or install what was converted before takes no seconds of importing."""
    code = """
import sys
import headfit_zoo.catalogue, headfit_zoo.commands.main
print(*{"tensorflow", "larq", "torch", "matplotlib"} & sys.modules.keys())
"""
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout.split() == []
