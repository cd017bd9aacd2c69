"""What the Android app would be made of, as far as a machine without Android's SDK can tell."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from headfit.files.manifest import load_manifest

ROOT = Path(__file__).parents[3]
EXTRACTORS = ROOT / "sdk" / "headfit" / "extractors"
FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
ANDROID = "{http://schemas.android.com/apk/res/android}"
TOOLS = "{http://schemas.android.com/tools}"
NETWORK_ENDINGS = {".tflite", ".onnx", ".pt", ".pth", ".h5", ".keras", ".pb", ".safetensors"}

RECIPES = """
import json, sys
from pythonforandroid.bootstrap import Bootstrap
from pythonforandroid.build import Context
from pythonforandroid.graph import get_recipe_order_and_bootstrap
from pythonforandroid.recipe import Recipe

context = Context()
names = [name.partition("==")[0] for name in sys.argv[1:]]
order, others, bootstrap = get_recipe_order_and_bootstrap(
    context, names, Bootstrap.get_bootstrap("sdl2", context)
)
versions = {name: Recipe.get_recipe(name, context).version for name in order}
print(json.dumps({"versions": versions, "others": others, "bootstrap": bootstrap.name}))
"""

USE = """
import json, pathlib, sys
sys.modules["jnius"] = None  # a desktop's Java leaves this thread a stack too small for NumPy
import numpy as np
import headfit
from headfit.extractors.finding import install_extractor

assert False, "the app's bytecode has no assertions"
found = {"file": headfit.__file__, "docstring": headfit.__doc__}
try:
    headfit.Extractor.open()
except headfit.ExtractorMissingError as error:
    found["missing"] = str(error)
headfit.Extractor.install(pathlib.Path(sys.argv[1]).read_bytes())
extractor = headfit.Extractor.open()
found["engine"] = extractor.engine_name
pictures = np.random.default_rng(0).integers(0, 256, (6, 64, 64, 3), np.uint8)
embeddings = extractor.embed(list(pictures))
head = headfit.SoftmaxHead().fit(embeddings, ["cup", "pen"] * 3, extractor=extractor)
found["predicted"] = head.predict(embeddings).tolist()
import headfit_demo.__main__
sys.argv[1:] = ["--help"]
try:
    headfit_demo.__main__.main()
except SystemExit as end:
    found["help"] = end.code
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def apk() -> ModuleType:
    """The script behind `make apk`."""
    path = ROOT / "demo_app" / "headfit_packaging" / "apk.py"
    spec = importlib.util.spec_from_file_location("headfit_apk", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def staged(apk: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make apk` lays out for Buildozer."""
    folder = tmp_path_factory.mktemp("apk") / "staged"
    apk.stage(folder)
    return folder


@pytest.fixture(scope="module")
def package(require: Callable[[bool, str], None]) -> Callable[..., Path]:
    """Let Buildozer and python-for-android write what Gradle would get, and return its folder."""
    require(
        importlib.util.find_spec("buildozer") is not None,
        "buildozer and python-for-android: pip install 'headfit[android]'",
    )

    def run(staged: Path, *profile: str) -> Path:
        dist = staged.with_name(f"{staged.name}-{'-'.join(profile) or 'dist'}") / "dist"
        script = Path(__file__).parents[2] / "support" / "android_dist.py"
        done = subprocess.run(
            [sys.executable, script, staged, dist, *profile], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return dist

    return run


@pytest.fixture(scope="module")
def dist(staged: Path, package: Callable[..., Path]) -> Path:
    """What Gradle would make the app of."""
    return package(staged)


@pytest.fixture(scope="module")
def unpacked(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the app unpacks on the phone."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(dist / "src/main/assets/private.tar") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, staged: Path) -> Path:
    """The same app without its code, for what depends on the spec alone."""
    folder = tmp_path_factory.mktemp("small") / "staged"
    for name in (
        "buildozer.spec",
        "extra_manifest.xml",
        "app/main.py",
        "app/headfit/version.py",
        "app/headfit_demo/assets/icon.png",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(staged / name, folder / name)
    shutil.copytree(staged / "java", folder / "java")
    return folder


def elements(dist: Path, tag: str) -> list[ElementTree.Element]:
    return ElementTree.parse(dist / "src/main/AndroidManifest.xml").getroot().findall(tag)


def networks(folder: Path) -> list[Path]:
    """Return the files that are networks by their ending or, whatever they are called, inside."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [
        path
        for path in files
        if path.suffix in NETWORK_ENDINGS or path.read_bytes()[4:8] == b"TFL3"
    ]


def test_every_key_of_the_spec_is_known(package: object) -> None:
    """A misspelt key would be ignored without a word."""
    import buildozer
    from buildozer.specparser import SpecParser
    from buildozer.targets import android

    sources = [Path(str(module.__file__)) for module in (buildozer, android)]
    sources.append(sources[0].with_name("default.spec"))
    known = "\n".join(path.read_text("utf-8") for path in sources)
    spec = SpecParser()
    spec.read(ROOT / "demo_app" / "buildozer.spec")
    assert set(spec.sections()) == {"app", "buildozer", "app@lce", "app@litert"}
    for section in spec.sections():
        for key in spec.options(section):
            assert re.search(rf"(?<![\w.]){re.escape(key)}(?![\w.])", known), key


def test_python_for_android_knows_the_recipes(package: object) -> None:
    """Every requirement is found, and Python and NumPy are those that docs/android.md names."""
    from buildozer.specparser import SpecParser

    spec = SpecParser()
    spec.read(ROOT / "demo_app" / "buildozer.spec")
    wanted = spec.getlist("app@litert", "requirements")
    assert set(spec.getlist("app", "requirements")) == set(wanted) - {"flatbuffers"}
    done = subprocess.run(
        [sys.executable, "-c", RECIPES, *wanted], check=True, capture_output=True, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    versions = found["versions"]
    assert found["bootstrap"] == "sdl2"
    assert {"kivy", "numpy", "pillow", "pyjnius", "sqlite3", "android"} <= set(versions)
    assert versions["kivy"] == "2.3.1"
    assert versions["python3"].startswith("3.14.")
    assert versions["numpy"].lstrip("v").startswith("2.")
    # What has no recipe is installed with pip and must be pure Python.
    assert "flatbuffers" in found["others"]


def test_the_camera_is_the_only_permission(dist: Path) -> None:
    """Internet is not merely left out: what a library's manifest brings is taken out again."""
    asked, removed = [], []
    for element in elements(dist, "uses-permission"):
        is_removed = element.get(f"{TOOLS}node") == "remove"
        (removed if is_removed else asked).append(element.get(f"{ANDROID}name"))
    assert asked == ["android.permission.CAMERA"]
    assert removed == ["android.permission.INTERNET", "android.permission.ACCESS_NETWORK_STATE"]


def test_no_backup_and_no_camera_needed(dist: Path) -> None:
    """Nothing goes into a cloud's backup; phones without a camera may install the app."""
    (application,) = elements(dist, "application")
    assert application.get(f"{ANDROID}allowBackup") == "false"
    cameras = [
        element
        for element in elements(dist, "uses-feature")
        if "camera" in element.get(f"{ANDROID}name", "")
    ]
    assert len(cameras) == 3
    assert {element.get(f"{ANDROID}required") for element in cameras} == {"false"}


def test_versions_in_gradle(dist: Path) -> None:
    gradle = (dist / "build.gradle").read_text()
    for line in ("compileSdkVersion 35", "minSdkVersion 24", "namespace 'org.headfit.headfit'"):
        assert line in gradle
    assert "implementation" not in gradle, "the default app has no Java library"
    assert "srcDir" not in gradle.replace("jniLibs.srcDir", ""), "and no Java of ours"


def test_aapt_accepts_the_manifest(
    dist: Path, require: Callable[[bool, str], None], tmp_path: Path
) -> None:
    """Android's own tool reads it, and finds one permission once the removed ones are out.

    aapt knows neither ``tools:node`` nor a namespace from Gradle, so both are carried out here.
    """
    require(
        shutil.which("aapt") is not None and FRAMEWORK.exists(),
        "aapt: on Debian, apt-get install aapt android-framework-res",
    )
    tree = ElementTree.parse(dist / "src/main/AndroidManifest.xml")
    root = tree.getroot()
    root.set("package", "org.headfit.headfit")
    for element in root.findall("uses-permission"):
        if element.get(f"{TOOLS}node") == "remove":
            root.remove(element)
    manifest, package = tmp_path / "AndroidManifest.xml", tmp_path / "app.apk"
    tree.write(manifest, encoding="utf-8", xml_declaration=True)
    resources = ("-S", dist / "src/main/res", "-I", FRAMEWORK)
    subprocess.run(
        ["aapt", "package", "-f", "-M", manifest, *resources, "-F", package],
        check=True,
        capture_output=True,
    )
    badging = subprocess.run(
        ["aapt", "dump", "badging", package], check=True, capture_output=True, text=True
    ).stdout
    assert re.findall("uses-permission.*name='(.*?)'", badging) == ["android.permission.CAMERA"]
    assert "application-label:'headfit'" in badging
    assert "uses-feature-not-required: name='android.hardware.camera'" in badging


def test_lce_is_packed_on_demand(small: Path, package: Callable[..., Path]) -> None:
    """The archive is named, and Gradle is told where it lies."""
    (small / "libs").mkdir()
    with zipfile.ZipFile(small / "libs" / "lce-lite.aar", "w") as archive:
        archive.writestr("classes.jar", b"")
    made = package(small, "lce")
    gradle = (made / "build.gradle").read_text()
    assert "flatDir { dirs 'libs' }" in gradle
    assert "implementation(name: 'lce-lite', ext: 'aar')" in gradle
    assert (made / "libs" / "lce-lite.aar").exists()
    assert f"srcDir '{small / 'java'}'" in gradle
    assert (small / "java" / "org" / "headfit" / "ExtractorRunner.java").exists()


def test_litert_is_packed_on_demand(small: Path, package: Callable[..., Path]) -> None:
    gradle = (package(small, "litert") / "build.gradle").read_text()
    assert f"srcDir '{small / 'java'}'" in gradle
    assert "implementation 'com.google.ai.edge.litert:litert:1.4.1'" in gradle


def test_the_app_holds_everything_staged(staged: Path, unpacked: Path) -> None:
    """No filter of Buildozer or python-for-android drops a file of ours; code is compiled."""
    app = staged / "app"
    names = {str(path.relative_to(app)) for path in app.rglob("*") if path.is_file()}
    expected = {re.sub(r"\.py$", ".pyc", name) for name in names}
    found = {str(path.relative_to(unpacked)) for path in unpacked.rglob("*") if path.is_file()}
    assert found - expected == {"p4a_env_vars.txt", "sitecustomize.pyc"}
    assert expected - found == set()


def test_the_native_library_lies_among_the_apps(staged: Path, dist: Path) -> None:
    """For the one processor that the app is for, as `sdk/native/build.py` makes it."""
    (library,) = (dist / "libs").rglob("libheadfit_native.so")
    assert library.parent.name == "arm64-v8a"
    assert library.read_bytes() == (staged / "libs/arm64-v8a/libheadfit_native.so").read_bytes()
    assert library.read_bytes()[4] == 2, "64 bits"
    assert int.from_bytes(library.read_bytes()[18:20], "little") == 183, "aarch64"


@pytest.mark.parametrize("engine", ["native", "popcount"])
def test_what_the_app_unpacks_runs_without_assertions_and_docstrings(
    unpacked: Path, tmp_path: Path, engine: str
) -> None:
    """As on the phone: compiled with -OO, no network in it; one is installed, and a head taught."""
    (network,) = EXTRACTORS.glob("*.tflite")
    files = tmp_path / "files"
    environment = os.environ | {
        "ANDROID_PRIVATE": str(files),
        "ANDROID_ARGUMENT": str(unpacked),
        "PYTHONPATH": str(unpacked),
    }
    if engine == "native":  # the system finds an app's libraries by name
        environment["LD_LIBRARY_PATH"] = str(tmp_path)
        subprocess.run(
            [sys.executable, ROOT / "sdk" / "native" / "build.py", "--folder", tmp_path], check=True
        )
    done = subprocess.run(
        [sys.executable, "-OO", "-P", "-c", USE, network],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["engine"] == engine
    assert found["help"] == 0
    assert found["file"] == str(unpacked / "headfit" / "__init__.pyc")
    assert found["docstring"] is None
    fingerprint = load_manifest(network.with_suffix(".json")).fingerprint
    assert fingerprint in found["missing"]
    assert found["predicted"] == ["cup", "pen"] * 3
    assert (files / "headfit" / "extractors" / network.name).read_bytes() == network.read_bytes()


def test_the_first_start_asks_for_the_extractor(unpacked: Path, tmp_path: Path) -> None:
    """The packed app itself, on the screen of a phone: asked, refused, installed, recognised."""
    (network,) = EXTRACTORS.glob("*.tflite")
    environment = {
        "ANDROID_PRIVATE": str(tmp_path / "files"),
        "PYTHONPATH": str(unpacked),
        "LANGUAGE": "en",
    }
    script = Path(__file__).parents[2] / "support" / "first_start.py"
    done = subprocess.run(
        [sys.executable, "-OO", "-P", script, network, tmp_path],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["file"] == str(unpacked / "headfit_demo" / "app.pyc")
    assert found["asked"] == (
        f"The extractor is not on this device yet. Import the file {network.stem}.tflite once."
    )
    assert found["cut"].startswith("This is another extractor than the one that this app needs")
    assert found["installed"] == "The extractor is installed. It stays on this device."
    assert found["greeted"][0] == found["greeted"][1]


def test_make_apk_says_what_is_missing(tmp_path: Path) -> None:
    """Each missing thing has its remedy; what is staged stays for a machine that has them."""
    script = ROOT / "demo_app" / "headfit_packaging" / "apk.py"
    done = subprocess.run(
        [sys.executable, script, "--into", tmp_path / "out"],
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "javac: on Debian, sudo apt-get install openjdk-17-jdk-headless" in done.stderr
    assert "Android SDK: set ANDROIDSDK to its folder" in done.stderr
    assert "Android NDK r28c: set ANDROIDNDK to its folder" in done.stderr
    assert (tmp_path / "out" / "app" / "main.py").exists()
    assert "networks 0 bytes, heads " in done.stdout


def test_the_count_sees_a_network(apk: ModuleType, tmp_path: Path) -> None:
    """Whatever it is called; the app is not built with one."""
    (network,) = EXTRACTORS.glob("*.tflite")
    (tmp_path / "logo.png").write_bytes(network.read_bytes())
    (tmp_path / "cups.head").write_bytes(b"12345")
    size = network.stat().st_size
    assert apk.count_bytes(tmp_path) == {"networks": size, "heads": 5, "in all": size + 5}


def test_make_apk_runs_buildozer_where_all_is_there(tmp_path: Path) -> None:
    """It gets the staged folder, the profile and the folders of SDK and NDK."""
    sdk, ndk, commands = tmp_path / "sdk", tmp_path / "ndk", tmp_path / "bin"
    (sdk / "build-tools").mkdir(parents=True)
    ndk.mkdir()
    (ndk / "source.properties").touch()
    commands.mkdir()
    for name in ("javac", "git", "unzip", "autoreconf", "pkg-config", "cmake", "cc"):
        (commands / name).touch(mode=0o755)
    (tmp_path / "buildozer").mkdir()
    (tmp_path / "buildozer" / "__init__.py").touch()
    (tmp_path / "buildozer" / "__main__.py").write_text(
        "import os, sys\n"
        "print(os.getcwd(), *sys.argv[1:])\n"
        "print(os.environ['APP_ANDROID_SDK_PATH'], os.environ['APP_ANDROID_NDK_PATH'])\n"
        "sys.exit(7)\n"
    )
    archive = tmp_path / "any.aar"
    archive.write_bytes(b"archive")
    script = ROOT / "demo_app" / "headfit_packaging" / "apk.py"
    into = tmp_path / "out"
    done = subprocess.run(
        [sys.executable, script, "--into", into, "--profile", "lce", "--aar", archive],
        capture_output=True,
        text=True,
        env={
            "HOME": str(tmp_path),
            "PATH": str(commands),
            "PYTHONPATH": str(tmp_path),
            "ANDROIDSDK": str(sdk),
            "ANDROIDNDK": str(ndk),
        },
    )
    assert done.returncode == 7, done.stderr
    assert f"{into} --profile lce android debug\n{sdk} {ndk}" in done.stdout
    assert (into / "libs" / "lce-lite.aar").read_bytes() == b"archive"


def test_profile_and_archive_go_together() -> None:
    script = ROOT / "demo_app" / "headfit_packaging" / "apk.py"
    done = subprocess.run(
        [sys.executable, script, "--profile", "lce"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "AAR=path/to/lce-lite.aar" in done.stderr
