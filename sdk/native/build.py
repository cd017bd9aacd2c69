"""Build the native library: ``python sdk/native/build.py``.

For this machine with the C compiler that is here (``CC``, cc, gcc, clang) or with the package
ziglang; for another with ziglang: ``--platform NAME``, and ``--list`` names them. Needs no headers
and no libraries: the code is freestanding.
"""

from __future__ import annotations

import argparse
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SOURCES = Path(__file__).with_name("src")
BUILD = Path(__file__).parents[2] / "build" / "native"

FLAGS = [
    *("-std=c11", "-O3", "-g0", "-ffreestanding", "-fPIC", "-fvisibility=hidden"),
    # No fused multiplications: every processor gives the same bits.
    *("-ffp-contract=off", "-fno-math-errno", "-fno-stack-protector"),
    *("-Wall", "-Wextra", "-Werror", "-Wno-unknown-warning-option", "-Wno-psabi"),
]
OWN_FLAGS = {
    "avx2.c": ["-mavx2"],
    "avx512.c": [
        *("-mavx2", "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx512vpopcntdq"),
        "-mprefer-vector-width=256",  # of what compilers make of plain loops
    ],
    "memory.c": ["-fno-builtin"],
}


@dataclass(frozen=True)
class Platform:
    """One kind of machine.

    Attributes
    ----------
    triple : str
        What zig calls it.
    wheel : str
        The wheel's platform tag; empty where there are no wheels.
    file_name : str
        The library's.
    link : tuple of str
        How its linker is told to make a library that needs nothing.
    flags : tuple of str
        More for the compiler.
    """

    triple: str
    wheel: str
    file_name: str = "libheadfit_native.so"
    link: tuple[str, ...] = (
        *("-shared", "-nostdlib", "-s", "-Wl,--no-undefined", "-Wl,-z,noexecstack"),
        "-Wl,--gc-sections",
        # Android on 64-bit ARM may have pages of 16 kB.
        "-Wl,-z,max-page-size=16384",
    )
    flags: tuple[str, ...] = ()


_MAC = ("-dynamiclib", "-nostdlib", "-Wl,-install_name,@rpath/libheadfit_native.dylib", "-s")
# zig lays the stack first, so that its overflow traps; a page lays out memory from __heap_base on.
_WASM = (
    *("-nostdlib", "-s", "-Wl,--no-entry", "-Wl,--gc-sections", "-Wl,--export-dynamic"),
    *("-Wl,--export=__heap_base", "-Wl,-z,stack-size=131072"),
)
PLATFORMS = {
    "linux-x86_64": Platform("x86_64-linux-musl", "manylinux_2_5_x86_64.musllinux_1_1_x86_64"),
    "linux-aarch64": Platform("aarch64-linux-musl", "manylinux_2_17_aarch64.musllinux_1_1_aarch64"),
    "linux-armv7": Platform("arm-linux-musleabihf", "manylinux_2_17_armv7l.musllinux_1_1_armv7l"),
    "macos-x86_64": Platform(
        "x86_64-macos.11.0", "macosx_11_0_x86_64", "libheadfit_native.dylib", _MAC
    ),
    "macos-arm64": Platform(
        "aarch64-macos.11.0", "macosx_11_0_arm64", "libheadfit_native.dylib", _MAC
    ),
    "windows-x86_64": Platform(
        "x86_64-windows-gnu",
        "win_amd64",
        "headfit_native.dll",
        ("-shared", "-nostdlib", "-s"),
    ),
    "android-arm64": Platform("aarch64-linux-musl", "android_21_arm64_v8a"),
    "android-x86_64": Platform("x86_64-linux-musl", "android_21_x86_64"),
    "wasm32": Platform(
        "wasm32-freestanding",
        "",  # pages load it, not pip
        "headfit_native.wasm",
        _WASM,
        ("-fno-pic", "-msimd128", "-mbulk-memory"),
    ),
}


def this_platform() -> str:
    """Return the name of the machine that this runs on."""
    machine = platform.machine().lower()
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform, "")
    machine = {"amd64": "x86_64", "armv7l": "armv7", "armv8l": "armv7"}.get(machine, machine)
    name = f"{system}-{machine}"
    if name not in PLATFORMS:
        raise SystemExit(f"{name} is none of {', '.join(PLATFORMS)}")
    return name


def compiler_here() -> list[str] | None:
    """Return the C compiler of this machine, if it has one."""
    if os.environ.get("CC"):
        return shlex.split(os.environ["CC"])
    found = next(filter(shutil.which, ("cc", "gcc", "clang")), None)
    return [found] if found else None


def zig(triple: str) -> list[str]:
    """Return zig's C compiler for a machine."""
    if find_spec("ziglang") is None:
        raise SystemExit(
            "no C compiler (cc, gcc, clang), and not the package ziglang, which brings one: "
            "pip install 'headfit[zig]'"
        )
    return [sys.executable, "-m", "ziglang", "cc", "-target", triple, "-fno-sanitize=all"]


def compile_sources(name: str, folder: Path, compiler: list[str], flags: list[str]) -> list[Path]:
    """Compile every source for a platform and return the objects."""
    objects = []
    for source in sorted(SOURCES.glob("*.c")):
        objects.append(folder / f"{source.stem}.o")
        own = OWN_FLAGS.get(source.name, []) if _suits(source, name) else []
        command = [*compiler, *FLAGS, *PLATFORMS[name].flags, *own, *flags]
        subprocess.run([*command, "-c", str(source), "-o", str(objects[-1])], check=True)
    return objects


def build(name: str, folder: Path, compiler: list[str], flags: list[str]) -> Path:
    """Compile every source, link, and put the library in its place at once.

    Parameters
    ----------
    name : str
        One of `PLATFORMS`.
    folder : Path
        Where the library goes.
    compiler, flags : list of str
        Command, and its arguments beyond those that all need.
    """
    wanted = PLATFORMS[name]
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / wanted.file_name
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        objects = compile_sources(name, Path(scratch), compiler, flags)
        made = Path(scratch, wanted.file_name)
        # What a processor lacks, such as 32-bit ARM long divisions, is in the compiler's own
        # runtime, which -nostdlib leaves out unless it is asked for after that.
        of_gcc = ["-lgcc"] if wanted.triple.endswith("musleabihf") else []
        runtime = ["--rtlib=compiler-rt"] if "ziglang" in compiler else of_gcc
        command = [*compiler, *wanted.link, *flags, "-o", str(made), *map(str, objects), *runtime]
        subprocess.run(command, check=True)
        made.replace(library)
    return library


def _suits(source: Path, name: str) -> bool:
    """Say whether a source is for this kind of processor; others are empty there."""
    return not source.name.startswith("avx") or "x86_64" in name


def main() -> None:
    """Build what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--platform", choices=PLATFORMS, help="another machine than this one")
    parser.add_argument("--list", action="store_true", help="list the platforms")
    parser.add_argument("--folder", type=Path, help="where the library goes")
    parser.add_argument("--flags", default="", help="more flags for compiler and linker")
    given = parser.parse_args()
    if given.list:
        print(*PLATFORMS, sep="\n")
        return
    name = given.platform or this_platform()
    here = None if given.platform else compiler_here()
    compiler = here or zig(PLATFORMS[name].triple)
    folder = given.folder or (BUILD if name == this_platform() else BUILD / name)
    library = build(name, folder, compiler, given.flags.split())
    print(f"Built {library}, {library.stat().st_size:,} bytes, with {' '.join(compiler)}")


if __name__ == "__main__":
    main()
