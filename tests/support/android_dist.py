"""Makes of a staged app what python-for-android hands to Gradle; run by test_apk.py.

Buildozer's own code copies the sources and writes the command line, python-for-android's own parser
reads it, and its own build.py makes manifest, build.gradle and private.tar. Only what lies between
is replaced: nothing is downloaded and nothing compiled, so the distribution is empty.

    python android_dist.py STAGED DIST [PROFILE]
"""

import json
import os
import shutil
import sys
from pathlib import Path

import pythonforandroid
from buildozer import Buildozer
from buildozer.targets.android import TargetAndroid
from pythonforandroid import toolchain
from pythonforandroid.util import load_source

BUILD_TOOLS = "35.0.0"


class Captured(Exception):
    """The command line that Buildozer would run python-for-android with."""


def make_dist(dist: Path) -> Path:
    """Fill a folder as python-for-android would after compiling; return an empty SDK."""
    bootstraps = Path(pythonforandroid.__file__).parent / "bootstraps"
    for name in ("common", "_sdl_common", "sdl2"):
        shutil.copytree(bootstraps / name / "build", dist, dirs_exist_ok=True)
    sdk = dist.with_name("sdk")
    (sdk / "build-tools" / BUILD_TOOLS).mkdir(parents=True)
    (dist / "local.properties").write_text(f"sdk.dir={sdk}\n")
    (dist / "project.properties").write_text("target=android-35\n")
    # It is started once for every file to compile, and finds its library faster without packages.
    hostpython = dist.with_name("hostpython")
    hostpython.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    hostpython.chmod(0o755)
    info = {
        "bootstrap": "sdl2",
        "archs": ["arm64-v8a"],
        "ndk_api": 24,
        "hostpython": str(hostpython),
        "use_setup_py": False,
    }
    (dist / "dist_info.json").write_text(json.dumps(info))
    for arch in info["archs"]:
        (dist / f"_python_bundle__{arch}").mkdir()
        (dist / "libs" / arch).mkdir(parents=True)
    return sdk


def capture(target: TargetAndroid, command: list[str], **_: object) -> None:
    raise Captured([*command, *target.extra_p4a_args])


def package(self: toolchain.ToolchainCL, arguments: object) -> None:
    """Do what `p4a apk` does between compiling and Gradle."""
    self._fix_args(arguments)
    os.chdir(DIST)
    load_source("build", "build.py").parse_args_and_make_package(arguments.unknown_args)


STAGED, DIST = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
os.chdir(STAGED)
sdk = make_dist(DIST)
os.environ["APP_ANDROID_SDK_PATH"] = str(sdk)

TargetAndroid._p4a = capture
TargetAndroid.get_dist_dir = lambda *_: str(DIST)
buildozer = Buildozer("buildozer.spec")
buildozer.config.apply_profile(sys.argv[3] if len(sys.argv) > 3 else None)
buildozer.set_target("android")
buildozer.check_build_layout()
buildozer.target.build_mode = "debug"
buildozer.build_application()
try:
    buildozer.target.build_package()
except Captured as captured:
    command = captured.args[0]
print("p4a", *command)

toolchain.ToolchainCL.apk = package
sys.argv = ["p4a", *command]
toolchain.ToolchainCL()
