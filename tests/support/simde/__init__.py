"""AVX-512's kernels on a processor that has none: SIMDe computes each instruction by others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from headfit.engines.native.library import FILE_NAME, Kernels, Library

ROOT = Path(__file__).parents[3]
HEADERS = Path(__file__).parent
BUILD = ROOT / "sdk" / "native" / "build.py"
FLAGS = f"-mno-avx512f -I{HEADERS}"
NEEDS = "needs gcc for x86-64 and SIMDe (apt: libsimde-dev)"


@cache
def has_simde() -> bool:
    """Whether gcc is here and finds SIMDe's headers."""
    if shutil.which("gcc") is None:
        return False
    asked = "#if !defined(__x86_64__) || !__has_include(<simde/x86/avx512.h>)\n#error\n#endif\n"
    command = ["gcc", "-E", "-x", "c", "-"]
    return subprocess.run(command, input=asked, text=True, capture_output=True).returncode == 0


@cache
def simulated_kernels() -> Kernels:
    """Return AVX-512's of a library that is built with SIMDe when its sources have changed."""
    path = ROOT / "build" / "native" / "simde" / FILE_NAME
    sources = [BUILD, *(ROOT / "sdk" / "native" / "src").iterdir(), *HEADERS.iterdir()]
    if not path.is_file() or path.stat().st_mtime < max(it.stat().st_mtime for it in sources):
        command = [sys.executable, BUILD, "--folder", path.parent, f"--flags={FLAGS}"]
        subprocess.run(command, check=True, env={**os.environ, "CC": "gcc"})
    (kernels,) = (one for one in Library(path).kernels if one.name == "avx512")
    return kernels
