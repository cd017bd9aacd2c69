"""The native library for other machines, built by the package ziglang."""

from __future__ import annotations

import sys
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]
HAS_ZIG = find_spec("ziglang") is not None
NEEDS_ZIG = "the package ziglang, which builds for other machines: pip install 'headfit[zig]'"


@cache
def native_build() -> ModuleType:
    """Return `sdk/native/build.py`, which is no part of a package."""
    spec = spec_from_file_location("headfit_native_build", ROOT / "sdk/native/build.py")
    assert spec is not None
    assert spec.loader is not None
    build = module_from_spec(spec)
    sys.modules[spec.name] = build  # its dataclass looks itself up there
    spec.loader.exec_module(build)
    return build


def build_library(platform: str, folder: Path) -> Path:
    """Build one platform's library into a folder and return its path."""
    build = native_build()
    path: Path = build.build(platform, folder, build.zig(build.PLATFORMS[platform].triple), [])
    return path
