"""`make apk`: lays out what the Android app holds, says what is missing here, and runs Buildozer.

The app holds the code of headfit and of the demo, and heads. It holds no network: that arrives
once, as a file of its own (docs/android.md).
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
APP = ROOT / "demo_app"
NDK = "r28c"
PROFILES = ("lce", "litert")

_BUILDOZER = Path.home() / ".buildozer" / "android" / "platform"
# A folder may come from the environment or from an earlier run of Buildozer.
_SDK_VARIABLES = ("ANDROIDSDK", "ANDROID_HOME", "ANDROID_SDK_ROOT")
_NDK_VARIABLES = ("ANDROIDNDK", "ANDROID_NDK_HOME", "ANDROID_NDK_ROOT")
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.tflite", "java", "*.po", "*.pot")


def stage(folder: Path) -> None:
    """Lay out in ``folder`` all that Buildozer needs, beside what it built there before."""
    app, java = folder / "app", folder / "java"
    for old in (app, java):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(ROOT / "sdk" / "headfit", app / "headfit", ignore=_LEFT_OUT)
    shutil.copytree(APP / "headfit_demo", app / "headfit_demo", ignore=_LEFT_OUT)
    shutil.copytree(ROOT / "sdk" / "headfit" / "engines" / "java", java)
    shutil.copy(APP / "main.py", app)
    shutil.copy(APP / "buildozer.spec", folder)
    shutil.copy(APP / "headfit_packaging" / "android" / "extra_manifest.xml", folder)
    if _has_zig():
        command = [sys.executable, ROOT / "sdk" / "native" / "build.py"]
        libraries = folder / "libs" / "arm64-v8a"
        subprocess.run([*command, "--platform", "android-arm64", "--folder", libraries], check=True)


def _has_zig() -> bool:
    return importlib.util.find_spec("ziglang") is not None


def count_bytes(folder: Path) -> dict[str, int]:
    """Return how many bytes of what is staged are networks, heads, and anything at all."""
    counts = {"networks": 0, "heads": 0, "in all": 0}
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            counts["in all"] += len(content)
            counts["networks"] += len(content) * (content[4:8] == b"TFL3")
            counts["heads"] += len(content) * (path.suffix == ".head")
    return counts


def find_folder(variables: tuple[str, ...], default: Path, holds: str) -> Path | None:
    """Return the first folder named by the variables, or the default, that has ``holds`` in it."""
    named = [Path(os.environ[name]) for name in variables if os.environ.get(name)]
    return next((folder for folder in [*named, default] if (folder / holds).exists()), None)


def find_sdk() -> Path | None:
    """Return Android's SDK if it is here."""
    return find_folder(_SDK_VARIABLES, _BUILDOZER / "android-sdk", "build-tools")


def find_ndk() -> Path | None:
    """Return Android's NDK if it is here."""
    return find_folder(_NDK_VARIABLES, _BUILDOZER / f"android-ndk-{NDK}", "source.properties")


def missing(*, may_download: bool) -> list[str]:
    """Return a line for each thing that Buildozer needs and does not find, with its remedy."""
    lines = []
    if importlib.util.find_spec("buildozer") is None:
        lines.append("Buildozer: pip install 'headfit[android]'")
    if not _has_zig():
        lines.append("a compiler for the native engine: pip install 'headfit[zig]'")
    for command, package in (
        ("javac", "openjdk-17-jdk-headless"),
        ("git", "git"),
        ("unzip", "unzip"),
        ("autoreconf", "autoconf automake libtool"),
        ("pkg-config", "pkg-config"),
        ("cmake", "cmake"),
        ("cc", "build-essential"),
    ):
        if shutil.which(command) is None:
            lines.append(f"{command}: on Debian, sudo apt-get install {package}")
    if not may_download:
        download = "or let Buildozer fetch it from Google: make apk DOWNLOAD=1"
        if find_sdk() is None:
            lines.append(f"Android SDK: set ANDROIDSDK to its folder, {download}")
        if find_ndk() is None:
            lines.append(f"Android NDK {NDK}: set ANDROIDNDK to its folder, {download}")
    return lines


def settings() -> dict[str, str]:
    """Return Buildozer's environment: the folders that were found, and Cython on the path."""
    found = {"APP_ANDROID_SDK_PATH": find_sdk(), "APP_ANDROID_NDK_PATH": find_ndk()}
    return os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        # Without it Buildozer installs what it needs for the user instead of here.
        "VIRTUAL_ENV": sys.prefix,
        **{name: str(folder) for name, folder in found.items() if folder is not None},
    }


def main() -> None:
    """Stage, check, build; end with 1 and a list if something is missing."""
    parser = argparse.ArgumentParser(description="Build the Android app.")
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "android")
    parser.add_argument("--profile", choices=PROFILES, help="pack an engine other than popcount")
    parser.add_argument("--aar", type=Path, help="LCE's lce-lite.aar, for the profile lce")
    parser.add_argument("--download", action="store_true", help="let Buildozer fetch SDK and NDK")
    options = parser.parse_args()
    if (options.profile == "lce") != (options.aar is not None):
        parser.error("profile lce and an archive go together: PROFILE=lce AAR=path/to/lce-lite.aar")

    stage(options.into)
    counts = count_bytes(options.into / "app")
    print(f"Staged the app in {options.into}:")
    print("  " + ", ".join(f"{of} {n:,} bytes" for of, n in counts.items()), flush=True)
    if counts["networks"]:
        sys.exit("Only heads ship: take the network out of the app")
    if options.aar is not None:
        (options.into / "libs").mkdir(exist_ok=True)
        shutil.copy(options.aar, options.into / "libs" / "lce-lite.aar")
    lines = missing(may_download=options.download)
    if lines:
        print("The app cannot be built here yet. Missing:", *lines, sep="\n  ", file=sys.stderr)
        sys.exit(1)
    profile = ["--profile", options.profile] if options.profile else []
    command = [sys.executable, "-m", "buildozer", *profile, "android", "debug"]
    sys.exit(subprocess.run(command, cwd=options.into, env=settings()).returncode)


if __name__ == "__main__":
    main()
