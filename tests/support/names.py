"""Whether a dotted name exists in this checkout, by reading its source: nothing is imported."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
_ROOTS = {
    "headfit": "sdk",
    "headfit_zoo": "model_zoo",
    "headfit_federated": "model_zoo",
    "headfit_demo": "demo_app",
}

Names = dict[str, "ast.ClassDef | ast.ImportFrom | None"]
"""What a module or class defines; of anything but a class or an import, nothing more is known."""


def exists(name: str) -> bool:
    """Return whether ``package.module.Class.member`` is there, doors followed to what they name."""
    package, *rest = name.split(".")
    return package in _ROOTS and _is_in_package(ROOT / _ROOTS[package] / package, rest)


def _is_in_package(folder: Path, rest: list[str]) -> bool:
    if not rest:
        return True
    if (folder / rest[0] / "__init__.py").is_file():
        return _is_in_package(folder / rest[0], rest[1:])
    if (folder / f"{rest[0]}.py").is_file():
        return _is_in_module(folder / f"{rest[0]}.py", rest[1:])
    return _is_in_module(folder / "__init__.py", rest)


def _is_in_module(path: Path, rest: list[str]) -> bool:
    return not rest or _is_among(_of_module(path), rest, _of_module(path))


def _is_among(names: Names, rest: list[str], module: Names) -> bool:
    if rest[0] not in names:
        return False
    found = names[rest[0]]
    if isinstance(found, ast.ImportFrom):
        (imported,) = (a.name for a in found.names if (a.asname or a.name) == rest[0])
        target = f"{found.module}.{imported}"
        if target.partition(".")[0] not in _ROOTS:  # of its members nothing is known
            return len(rest) == 1
        return exists(".".join([target, *rest[1:]]))
    if len(rest) == 1 or found is None:
        return True
    if _is_among(_of_class(found), rest[1:], module):
        return True
    # A member of a base that is of ours.
    bases = [base.id for base in found.bases if isinstance(base, ast.Name)]
    return any(_is_among(module, [base, *rest[1:]], module) for base in bases if base in module)


@functools.cache
def _of_module(path: Path) -> Names:
    return _defined(ast.parse(path.read_text(encoding="utf-8")).body)


def _of_class(node: ast.ClassDef) -> Names:
    names = _defined(node.body)
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "self":
            names.setdefault(part.attr, None)
    return names


def _defined(body: Iterable[ast.stmt]) -> Names:
    names: Names = {}
    for node in body:
        match node:
            case ast.ClassDef():
                names[node.name] = node
            case ast.FunctionDef():
                names[node.name] = None
            case ast.ImportFrom():
                names |= {alias.asname or alias.name: node for alias in node.names}
            case ast.Import():
                names |= dict.fromkeys(alias.asname or alias.name for alias in node.names)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                found = (part for target in targets for part in ast.walk(target))
                names |= dict.fromkeys(part.id for part in found if isinstance(part, ast.Name))
            case ast.If() | ast.Try():
                names |= _defined([*node.body, *node.orelse])
    return names
