"""A room of the zoo takes from another what its door names, and nothing past it."""

from __future__ import annotations

import ast
import contextlib
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
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
    assert wrong == []


def door(path: Path) -> set[str]:
    """Return what a room's ``__all__`` names, without importing TensorFlow for it."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return set(ast.literal_eval(node.value))
    return set()


def test_the_catalogue_needs_no_tensorflow() -> None:
    """To list, describe or install takes httpx and rich, and no seconds of importing."""
    found = python("""
import sys
before = set(sys.modules)
import httpx, rich.markdown  # and what these load by themselves
before |= set(sys.modules)
import headfit_zoo.commands.catalogue
print(*{name.partition(".")[0] for name in sys.modules if getattr(sys.modules[name], "__spec__", 1)}
    - {name.partition(".")[0] for name in before})
""")
    theirs = set(found.split()) - sys.stdlib_module_names - {"headfit", "headfit_zoo"}
    brought = needed_by("httpx") | needed_by("rich")
    assert theirs - {"numpy", "PIL"} <= brought, theirs - brought


def test_the_commands_speak_of_tensorflow_after_their_names() -> None:
    """Without a word, and for help, the command answers before TensorFlow is loaded."""
    found = python("""
import sys
import headfit_zoo.commands.main
print(*{"tensorflow", "larq", "torch", "matplotlib"} & sys.modules.keys())
""")
    assert found.split() == []


def python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout


def needed_by(name: str) -> set[str]:
    """Return the modules of what a package requires, in depth, extras left out."""
    found: set[str] = set()
    for line in requires(name) or []:
        if "extra ==" in line:
            continue
        one = re.split(r"[^\w.-]", line)[0]
        with contextlib.suppress(PackageNotFoundError):
            found |= {one.replace("-", "_"), *needed_by(one)}
    return found
