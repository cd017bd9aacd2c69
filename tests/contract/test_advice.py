"""Errors that give advice give right advice: every name, command, option and extra in one is there.

A method that a message names must be one of each class whose user reads the message.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.names import ROOT

import headfit
import headfit.finetune
import headfit.store

SOURCES = sorted((ROOT / "sdk" / "headfit").rglob("*.py"))
CLASSES = {
    name: value
    for room in (headfit, headfit.store, headfit.finetune)
    for name in room.__all__
    if inspect.isclass(value := getattr(room, name)) and not issubclass(value, Exception)
}
READERS = {  # of messages from within a class; from elsewhere whoever learns may read them
    "HeadLearner": ("HeadLearner", "ImageClassifier"),
    "Parameters": ("SoftmaxHead", "MultiLabelHead"),
    None: ("SoftmaxHead", "HeadLearner", "ImageClassifier"),
}
COMMAND = re.compile(r"`headfit ([\w-]+(?: [\w-]+)?)`")
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
EXTRA = re.compile(r"headfit\[([\w,]+)\]")
DOTTED = re.compile(r"\b((?:headfit\.(?:\w+\.)*)?[A-Z][a-z]+(?:[A-Z][a-z]+)*)\.(\w+)")
METHOD = re.compile(r"(?<![\w.'])(?:(?<=call )[a-z_]+|[a-z]+(?:_[a-z]+)+_?|[a-z_]+(?=\())(?![\w.])")
OTHERS = {"pip", "force-reinstall", "platform", "from"}  # of other programs


def messages(source: str) -> Iterator[tuple[str | None, str]]:
    """Yield the text of every error that is made, and the class in whose body it is."""

    def visit(node: ast.AST, owner: str | None) -> Iterator[tuple[str | None, str]]:
        if isinstance(node, ast.ClassDef):
            owner = node.name
        if isinstance(node, ast.Call):
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name.endswith("Error") or name in ("fault", "damaged"):
                for argument in node.args:
                    if isinstance(argument, (ast.JoinedStr, ast.Constant)):
                        yield owner, text_of(argument)
        for child in ast.iter_child_nodes(node):
            yield from visit(child, owner)

    return visit(ast.parse(source), None)


def text_of(node: ast.JoinedStr | ast.Constant) -> str:
    """Return a text, or an f-string with dots for what it is filled with."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    parts = [v.value if isinstance(v, ast.Constant) else "…" for v in node.values]
    return "".join(map(str, parts))


def members() -> set[str]:
    """Return every name that something public of headfit has: methods, parameters, functions."""
    found: set[str] = set()
    for module in pkgutil.walk_packages(headfit.__path__, "headfit."):
        if module.name == "headfit.__main__" or ".commands" in module.name:
            continue
        try:
            loaded = importlib.import_module(module.name)
        except ImportError:  # an engine whose library is not installed
            continue
        for name, value in vars(loaded).items():
            found.add(name)
            for part in [value, *vars(value).values()] if inspect.isclass(value) else [value]:
                if callable(part) or isinstance(part, (classmethod, staticmethod)):
                    found.update(parameters(part))
            if inspect.isclass(value):
                found.update(dir(value), getattr(value, "__annotations__", ()))
    return found


def parameters(value: object) -> list[str]:
    try:
        return list(inspect.signature(getattr(value, "__func__", value)).parameters)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return []


def wrong_names(owner: str | None, text: str, known: set[str]) -> Iterator[str]:
    """Yield what a message names and is not there."""
    for name, member in DOTTED.findall(text):
        cls = CLASSES.get(name.rsplit(".", 1)[-1])
        if cls is None or not hasattr(cls, member):
            yield f"{name}.{member}"
    own = READERS.get(owner, (owner,) if owner in CLASSES else READERS[None])
    for name in METHOD.findall(DOTTED.sub("", text)):
        is_method = any(callable(getattr(cls, name, None)) for cls in CLASSES.values())
        if name not in known:
            yield name
        elif is_method and not all(hasattr(CLASSES[each], name) for each in own):
            yield f"{name}, which not all of {', '.join(own)} have"


@pytest.fixture(scope="module")
def known() -> set[str]:
    return members()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_names_in_messages_are_there(path: Path, known: set[str]) -> None:
    found = messages(path.read_text(encoding="utf-8"))
    assert [w for owner, text in found for w in wrong_names(owner, text, known)] == []


def test_commands_options_and_extras_in_messages_are_there() -> None:
    click = pytest.importorskip("click", reason="not tested, missing: pip install headfit[cli]")
    from headfit.commands.main import app

    commands: set[str] = set()
    options: set[str] = {f"--{name}" for name in OTHERS}
    for name, command in app.commands.items():
        grouped = command.commands if isinstance(command, click.Group) else {}
        commands |= {name, *(f"{name} {each}" for each in grouped)}
        for each in [command, *grouped.values()]:
            options |= {o for p in each.params for o in (*p.opts, *p.secondary_opts)}
    extras = set(re.findall(r"^([\w-]+) = \[", (ROOT / "pyproject.toml").read_text(), re.M))
    wrong, named = [], 0
    for path in SOURCES:
        text = "\n".join(text for _, text in messages(path.read_text(encoding="utf-8")))
        named += len(COMMAND.findall(text)) + len(OPTION.findall(text))
        wrong += [name for name in COMMAND.findall(text) if name not in commands]
        wrong += [name for name in OPTION.findall(text) if name not in options]
        wrong += [e for list_ in EXTRA.findall(text) for e in list_.split(",") if e not in extras]
    assert wrong == []
    assert named > 10


def test_wrong_advice_is_found(known: set[str]) -> None:
    """Among it what once was given: a method of the learner, to users of the classifier."""
    code = (
        "class HeadLearner:\n"
        "    def forget(self):\n"
        "        raise InputError(f'expected {1} left, found none; call remove_class')\n"
    )
    ((owner, text),) = messages(code)
    assert owner == "HeadLearner"
    assert list(wrong_names(owner, text, known)) == [
        "remove_class, which not all of HeadLearner, ImageClassifier have"
    ]
    assert list(wrong_names(None, "use no_such_thing or Extractor.opne", known)) == [
        "Extractor.opne",
        "no_such_thing",
    ]
    assert list(wrong_names("SoftmaxHead", "found a new one; call fit or load first", known)) == []
