"""What a public forge reads is well formed and names what is there. It has never run there."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.support.fresh import ROOT, run

from headfit.version import __version__

FORGE = ROOT / ".github"
WORKFLOWS = sorted((FORGE / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (FORGE / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
SCHEMAS = {
    "vendor.github-workflows": WORKFLOWS,
    "custom.github-workflows-require-timeout": WORKFLOWS,
    "vendor.github-issue-forms": FORMS,
    "vendor.github-issue-config": [FORGE / "ISSUE_TEMPLATE" / "config.yml"],
    "vendor.citation-file-format": [ROOT / "CITATION.cff"],
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_follow_their_schema(schema: str, require: Callable[[bool, str], None]) -> None:
    """As they are published; each job ends by itself."""
    what = "check-jsonschema: pip install 'headfit[dev]'"
    require(find_spec("check_jsonschema") is not None, what)
    assert SCHEMAS[schema]
    command = ("-m", "check_jsonschema", "--default-filetype", "yaml", "--builtin-schema", schema)
    run(sys.executable, *command, *SCHEMAS[schema], cwd=ROOT)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_says_that_it_never_ran_and_may_do_little(path: Path) -> None:
    """No secret is asked for; what writes says so for its job alone."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Never run")
    assert "\npermissions:\n  contents: read\n" in text
    assert "secrets." not in text
    assert text.count("uses: actions/checkout@") == text.count("persist-credentials: false")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_what_is_there(path: Path) -> None:
    """Targets of make, files, workflows, extras."""
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(re.findall(r"run: make ([\w-]+)", text)) <= set(targets)
    named = re.findall(r"(?<![\w/.])(?:\.ci|\./\.github|sdk|tests|docs)/[\w./-]*\w", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
    extras = re.findall(r"^([\w-]+) = \[", (ROOT / "pyproject.toml").read_text("utf-8"), re.M)
    asked = ",".join(re.findall(r'"[^"\s]*\[([\w,]+)\]"', text)).split(",")
    assert [extra for extra in asked if extra and extra not in extras] == []


def test_each_workflow_is_read_by_the_tests() -> None:
    assert {path.stem for path in WORKFLOWS} == {
        *("android", "docs", "packages", "release", "tests"),
    }


def test_the_citation_is_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.+)$", text, re.M) == [__version__]


def test_the_hooks_run_what_make_runs() -> None:
    """The same programs, by the same words."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    entries = re.findall(r"entry: \.venv/bin/([\w-]+(?: check| format)?)", hooks)
    assert len(entries) == 4
    assert [entry for entry in entries if f"$(BIN)/{entry}" not in makefile] == []
