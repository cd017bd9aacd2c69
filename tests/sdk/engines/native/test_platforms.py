"""The library for each platform, as its loader will see it, and the wheel that brings it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import sys
from collections.abc import Callable
from email.parser import Parser
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest
from tests.support.binaries import read_binary
from tests.support.zig import HAS_ZIG, NEEDS_ZIG, ROOT, build_library, native_build

from headfit.version import __version__

PLATFORMS = native_build().PLATFORMS
WITH_WHEELS = [name for name, platform in PLATFORMS.items() if platform.wheel]
FUNCTIONS = {"headfit_kernels", "headfit_plan_version", "headfit_run"}
MACHINES = {"arm64": "aarch64", "armv7": "arm"}
FILE_NAMES = {"macos": "libheadfit_native.dylib", "windows": "headfit_native.dll"}


@pytest.fixture(scope="module")
def library(
    require: Callable[[bool, str], None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], bytes]:
    """Build a platform's library, once."""
    folder = tmp_path_factory.mktemp("platforms")

    def build(name: str) -> bytes:
        require(HAS_ZIG, NEEDS_ZIG)
        path = folder / name / PLATFORMS[name].file_name
        return (path if path.exists() else build_library(name, path.parent)).read_bytes()

    return build


@pytest.fixture(scope="module")
def wheels() -> ModuleType:
    """`sdk/native/wheels.py`, which is no part of a package."""
    spec = spec_from_file_location("headfit_native_wheels", ROOT / "sdk/native/wheels.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", PLATFORMS)
def test_a_library_needs_nothing(name: str, library: Callable[[str], bytes]) -> None:
    """Its three functions, no symbol and no library of others, small, for the right processor."""
    content = library(name)
    binary = read_binary(content)
    system, _, machine = name.partition("-")
    assert binary.machine == MACHINES.get(machine, machine or name)
    assert len(content) < 200_000
    if system == "macos":  # its loader refuses what asks for no library at all
        assert binary.exports >= {f"_{function}" for function in FUNCTIONS}
        assert binary.needed == {"/usr/lib/libSystem.B.dylib"}
        assert binary.undefined <= {"dyld_stub_binder"}
        assert binary.signed or machine == "x86_64"
        assert PLATFORMS[name].wheel.startswith(f"macosx_{binary.oldest.replace('.', '_')}_")
        return
    assert not binary.undefined
    assert not binary.needed
    if system == "wasm32":
        assert binary.exports == FUNCTIONS | {"memory", "__heap_base"} | (
            binary.exports & {"__stack_pointer"}
        )
    else:
        assert binary.exports == FUNCTIONS
    if system in ("linux", "android"):
        assert binary.alignment == 1 << 14


@pytest.mark.parametrize("name", WITH_WHEELS)
def test_what_a_wheel_holds(
    name: str, library: Callable[[str], bytes], wheels: ModuleType, tmp_path: Path
) -> None:
    """The library under the name by which it is loaded there, that for pages, and metadata."""
    content = library(name)
    path = wheels.write_wheel(tmp_path, PLATFORMS[name], content, b"\0asm")
    assert path.name == f"headfit_native-{__version__}-py3-none-{PLATFORMS[name].wheel}.whl"
    info = f"headfit_native-{__version__}.dist-info"
    file_name = FILE_NAMES.get(name.partition("-")[0], "libheadfit_native.so")
    with ZipFile(path) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    assert set(files) == {
        "headfit_native/__init__.py",
        f"headfit_native/{file_name}",
        "headfit_native/headfit_native.wasm",
        *(f"{info}/{part}" for part in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")),
    }
    assert files[f"headfit_native/{file_name}"] == content
    assert files["headfit_native/headfit_native.wasm"] == b"\0asm"
    metadata = Parser().parsestr(files[f"{info}/METADATA"].decode())
    assert (metadata["Name"], metadata["Version"]) == ("headfit-native", __version__)
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["Requires-Dist"] is None
    wheel = Parser().parsestr(files[f"{info}/WHEEL"].decode())
    assert wheel["Root-Is-Purelib"] == "false"
    tags = PLATFORMS[name].wheel.split(".")
    assert wheel.get_all("Tag") == [f"py3-none-{tag}" for tag in tags]
    for entry, digest, size in csv.reader(io.StringIO(files[f"{info}/RECORD"].decode())):
        if entry.endswith("RECORD"):
            continue
        found = base64.urlsafe_b64encode(hashlib.sha256(files[entry]).digest()).decode()
        assert digest == f"sha256={found.rstrip('=')}"
        assert int(size) == len(files[entry])


def test_each_system_loads_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `make wheels` calls the library is what the engine looks for there."""
    path = ROOT / "sdk/headfit/engines/native/library.py"
    for system, names in {
        "linux": ["linux-x86_64", "linux-aarch64", "linux-armv7", "android-arm64"],
        "android": ["android-arm64", "android-x86_64"],  # Python 3.13 and later
        "darwin": ["macos-x86_64", "macos-arm64"],
        "win32": ["windows-x86_64"],
    }.items():
        monkeypatch.setattr(sys, "platform", system)
        spec = spec_from_file_location(f"library_on_{system}", path)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        assert {PLATFORMS[name].file_name for name in names} == {module.FILE_NAME}
