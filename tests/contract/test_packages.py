"""What is published holds what it should and nothing else: each file of the tree, counted."""

from __future__ import annotations

import re
import sys
import tarfile
from collections.abc import Callable
from email import message_from_bytes
from email.message import Message
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZipFile

import pytest
from tests.support.fresh import ROOT, python_in, run

from headfit.version import __version__

SDK, ZOO, APP = "sdk/headfit", "model_zoo/headfit_zoo", "demo_app/headfit_demo"
FEDERATED = "model_zoo/headfit_federated"
LARGEST_WHEEL = 1_700_000
HOME = "https://github.com/headfit/headfit"
BLOB = HOME + "/blob/v{}/"
RAW = "https://raw.githubusercontent.com/headfit/headfit/v{}/"
TEXTS = {".cff", ".md", ".py", ".toml", ".yml", ".yaml"}
SUFFIXES = {
    SDK: {".css", ".html", ".java", ".js", ".json", ".png", ".py", ".tflite", ".typed"},
    ZOO: {".gz", ".json", ".py", ".toml", ".typed"},
    FEDERATED: {".py", ".toml", ".typed"},
    APP: {".head", ".kv", ".mo", ".png", ".po", ".py", ".ttf", ".txt", ".typed"},
}


def tree(folder: str, below: str) -> set[str]:
    """Return the files of a folder of the checkout, as paths from another folder."""
    return {
        path.relative_to(ROOT / below).as_posix()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def in_wheel(path: Path) -> set[str]:
    with ZipFile(path) as archive:
        return set(archive.namelist())


def in_sdist(folder: Path, name: str) -> set[str]:
    """Return the files of an sdist, without the folder that all lie in."""
    with tarfile.open(folder / f"{name}-{__version__}.tar.gz") as archive:
        names = [member.name for member in archive.getmembers() if member.isfile()]
    return {path.partition("/")[2] for path in names}


def metadata(path: Path) -> Message:
    with ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def described(name: str, *licences: str) -> set[str]:
    """Return the paths of what a wheel says about itself."""
    files = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE", *licences)
    return {f"{name}-{__version__}.dist-info/{file}" for file in files}


def test_the_wheel_of_headfit(wheel: Path) -> None:
    """SDK, zoo and federation, every file and none else; and small, for everyone downloads it."""
    expected = tree(SDK, "sdk") | tree(ZOO, "model_zoo") | tree(FEDERATED, "model_zoo")
    expected |= described("headfit")
    assert in_wheel(wheel) == expected
    assert wheel.stat().st_size < LARGEST_WHEEL


def test_the_wheel_of_the_app(app_wheel: Path) -> None:
    """Every file of the app; of the SDK nothing: that is a dependency, of the same version."""
    fonts = f"{APP}/assets/fonts".partition("/")[2]
    licences = (f"licenses/{fonts}/LICENCE-{of}.txt" for of in ("Droid-Apache", "Noto-OFL"))
    expected = tree(APP, "demo_app") | described("headfit_app", *licences)
    assert in_wheel(app_wheel) == expected
    found = metadata(app_wheel)
    assert found["Version"] == __version__
    assert found.get_all("Requires-Dist") == [f"headfit[app]=={__version__}"]


def test_the_sdists(packages: Path) -> None:
    """What the wheels are made of, and the sources of the native library."""
    about = {"LICENSE", "PKG-INFO", "README.md", "pyproject.toml", ".gitignore"}
    code = tree(SDK, ".") | tree("sdk/native", ".") | tree(ZOO, ".") | tree(FEDERATED, ".")
    assert in_sdist(packages, "headfit") == code | about | {"CHANGELOG.md"}
    assert in_sdist(packages, "headfit_app") == tree(APP, "demo_app") | about | {"hatch_build.py"}


@pytest.mark.parametrize("folder", SUFFIXES)
def test_the_tree_holds_these_kinds_of_files(folder: str) -> None:
    """A file of another kind, a model's weights say, does not come into a wheel by accident."""
    assert {Path(name).suffix for name in tree(folder, ".")} == SUFFIXES[folder]


def test_the_apps_licence_is_headfits() -> None:
    """A distribution holds its licence; a file above it could not be named."""
    assert (ROOT / "demo_app" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("program", ["headfit", "headfit-zoo", "headfit-app"])
def test_each_program_is_in_one_distribution(program: str, wheel: Path, app_wheel: Path) -> None:
    """Two that bring the same file would take it from each other."""
    brought = []
    for path in (wheel, app_wheel):
        with ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/entry_points.txt"))
            brought += re.findall(r"^(\S+) =", archive.read(name).decode(), re.MULTILINE)
    assert brought.count(program) == 1


def test_a_packages_page_leads_to_the_forge(wheel: Path, app_wheel: Path) -> None:
    """README's pictures and links, relative in a clone, are of this version's files there."""
    page = str(metadata(wheel).get_payload())
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)\s]+)\)", page)
    pictures = [link for mark, link in links if mark]
    raw, blob = (prefix.format(__version__) for prefix in (RAW, BLOB))
    assert pictures
    assert len(links) > len(pictures)
    assert [one for one in pictures if not there(one, raw)] == []
    assert [link for mark, link in links if not mark and not there(link, blob)] == []
    (app_link,) = set(re.findall(r"\]\((\S+)\)", str(metadata(app_wheel).get_payload())))
    assert app_link == HOME


def there(link: str, prefix: str) -> bool:
    path, _, _ = link.removeprefix(prefix).partition("#")
    return link[0] == "#" or (link.startswith(prefix) and (ROOT / path).exists())


def test_every_address_of_the_project_is_the_same() -> None:
    """In all that names one; whoever publishes headfit elsewhere changes it everywhere."""
    below = (".github", "demo_app", "docs", "sdk/native")
    paths = [*ROOT.iterdir(), *(path for name in below for path in (ROOT / name).rglob("*"))]
    found: dict[str, list[str]] = {}
    for path in paths:
        if path.suffix in TEXTS:
            text = path.read_text(encoding="utf-8")
            for address in re.findall(r"https://github\.com/[\w-]*/headfit\b", text):
                found.setdefault(address, []).append(path.name)
    assert set(found) == {HOME}
    assert found[HOME].count("pyproject.toml") > 1


def test_the_checkers_find_nothing(packages: Path, require: Callable[[bool, str], None]) -> None:
    """What would refuse an upload, and what a wheel should not hold."""
    for module in ("twine", "check_wheel_contents", "validate_pyproject"):
        require(find_spec(module) is not None, f"{module}: pip install 'headfit[dev]'")
    built = sorted(packages.glob("headfit*-*"))
    assert len(built) == 4
    run(sys.executable, "-m", "twine", "check", "--strict", *built, cwd=packages)
    for name, source in (("headfit", ROOT), ("headfit_app", ROOT / "demo_app")):
        (wheel,) = packages.glob(f"{name}-*.whl")
        run(sys.executable, "-m", "check_wheel_contents", wheel, cwd=source)
        run(sys.executable, "-m", "validate_pyproject", "pyproject.toml", cwd=source)


def test_a_clone_brings_the_app(tmp_path: Path) -> None:
    """An editable install of the top alone, as `make` does it, finds all three packages."""
    run(sys.executable, "-m", "venv", "venv", cwd=tmp_path)
    python = python_in(tmp_path)
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--editable", ROOT, cwd=tmp_path)
    names = [Path(folder).name for folder in (SDK, ZOO, APP)]
    code = f"import {', '.join(names)}; print({', '.join(f'{name}.__file__' for name in names)})"
    expected = [str(ROOT / folder / "__init__.py") for folder in (SDK, ZOO, APP)]
    assert run(python, "-I", "-c", code, cwd=tmp_path).split() == expected
