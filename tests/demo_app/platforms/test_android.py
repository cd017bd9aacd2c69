"""The app's Android side, on a desktop's Java against stand-ins for Android's classes.

What this proves is the bridge and the order of events: intents, file descriptors, threads,
permissions. The Python half of python-for-android that takes part is its own. Not a phone.
"""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

STUBS = Path(__file__).parents[2] / "data" / "android" / "java"
EVERY_BYTE = bytes(range(256)).decode("latin-1")
OPENABLE = "flags=0 [android.intent.category.OPENABLE]"
SAVE_WINDOW = (
    f"android.intent.action.CREATE_DOCUMENT type=application/octet-stream {OPENABLE}\n"
    "android.intent.extra.TITLE = String cups and pens.head"
)


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[bool, str], None]
) -> dict[str, Any]:
    """Compile the stand-ins and let phone.py go through everything; each test reads its part."""
    javac = shutil.which("javac")
    require(javac is not None, "javac: on Debian, apt-get install openjdk-17-jdk-headless")
    assert javac is not None
    for module in ("jnius", "kivy", "pythonforandroid"):
        require(importlib.util.find_spec(module) is not None, f"{module}: pip install '.[dev]'")
    folder = tmp_path_factory.mktemp("phone")
    classes = folder / "classes"
    subprocess.run([javac, "-d", classes, *sorted(STUBS.rglob("*.java"))], check=True)
    environment = {
        "JAVA_HOME": str(Path(javac).resolve().parents[1]),
        "KIVY_NO_ARGS": "1",
        "KIVY_NO_FILELOG": "1",
        "KIVY_LOG_MODE": "PYTHON",
        "KIVY_HOME": str(folder / "kivy"),
    }
    done = subprocess.run(
        [sys.executable, Path(__file__).parents[2] / "support" / "phone.py", classes, folder],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_data_lies_in_the_apps_own_files(found: dict[str, Any]) -> None:
    assert found["folder"].endswith("/files/headfit-app")


def test_the_look_is_the_systems(found: dict[str, Any]) -> None:
    assert (found["look_0x11"], found["look_0x21"]) == ("light", "dark")


def test_photos_come_from_the_systems_picker(found: dict[str, Any]) -> None:
    """Android 13 has one for photos; before, the file picker shows pictures, several at once."""
    assert found["picker_13"] == (
        "android.provider.action.PICK_IMAGES type=image/* flags=0 []\n"
        "android.provider.extra.PICK_IMAGES_MAX = Integer 50"
    )
    assert found["picker_11"] == (
        f"android.intent.action.GET_CONTENT type=image/* {OPENABLE}\n"
        "android.intent.extra.ALLOW_MULTIPLE = Boolean true"
    )


def test_photos_arrive_as_bytes_with_their_names(found: dict[str, Any]) -> None:
    """Every byte through a descriptor; one that is refused is empty, and the others arrive."""
    assert found["photos"] == [["cup é.jpg", EVERY_BYTE], ["secret.jpg", ""], ["3", "third"]]
    assert found["one_photo"] == [["3", "third"]]


def test_going_back_gives_nothing(found: dict[str, Any]) -> None:
    """As does a phone without a gallery."""
    assert found["no_photos"] == []
    assert found["no_gallery"] == []
    assert found["no_head"] is None


def test_a_head_is_picked_among_files_of_any_kind(found: dict[str, Any]) -> None:
    """Its answer comes though that to a later question came first."""
    assert found["head_picker"] == f"android.intent.action.GET_CONTENT type=*/* {OPENABLE}"
    assert found["head"] == ["cups.head", "a head"]


def test_a_head_is_shared(found: dict[str, Any]) -> None:
    """A whole copy lies among the downloads, and whoever is chosen may read it."""
    where, intent = found["shared"]
    assert where == "Downloads/cups and pens.head"
    assert found["copy_is_whole"]
    assert intent.splitlines() == [
        "android.intent.action.CHOOSER type=null flags=0 []",
        "android.intent.extra.INTENT = Intent android.intent.action.SEND "
        "type=application/octet-stream flags=1 []",
        "android.intent.extra.STREAM = Uri content://media/external/downloads/cups and pens.head",
    ]


def test_without_downloads_the_user_says_where(found: dict[str, Any]) -> None:
    """On a phone that refuses, and before Android 10."""
    assert found["save_window"] == found["save_window_9"] == SAVE_WINDOW
    assert found["saved"] == ["cups and pens.head", True]
    assert found["not_saved"] is None


def test_the_camera_is_asked_for_once(found: dict[str, Any]) -> None:
    assert found["asked_-1"] == [["android.permission.CAMERA"], False]
    assert found["asked_0"] == [["android.permission.CAMERA"], True]
    assert found["known"] == [True, 2]


def test_frames_are_upright_however_the_phone_is_held(found: dict[str, Any]) -> None:
    """The sensor sits sideways: what it sees on its left is the top of a phone held upright."""
    assert found["before_start"] is None
    assert found["frames"] == [
        [640, 480, 3, "top"],
        [480, 640, 3, "left"],
        [640, 480, 3, "bottom"],
        [480, 640, 3, "right"],
    ]
    assert found["front_frames"] == [  # its sensor sits the other way round
        [640, 480, 3, "bottom"],
        [480, 640, 3, "left"],
        [640, 480, 3, "top"],
        [480, 640, 3, "right"],
    ]


def test_the_camera_is_let_go(found: dict[str, Any]) -> None:
    assert found["steps"] == ["open 0 True", "start", "release"]
    assert found["no_camera"] == "no camera was found"


def test_kivys_camera_has_what_is_called(require: Callable[[bool, str], None]) -> None:
    """Its module loads on Android only, so its text is read."""
    kivy = importlib.util.find_spec("kivy")
    require(kivy is not None, "kivy: pip install 'headfit[app]'")
    assert kivy is not None
    assert kivy.origin is not None
    source = Path(kivy.origin).parent / "core" / "camera" / "camera_android.py"
    (provider,) = (
        node
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "CameraAndroid"
    )
    methods = {node.name for node in provider.body if isinstance(node, ast.FunctionDef)}
    assert {"start", "grab_frame", "_release_camera"} <= methods


def test_nv21_is_jfifs_colours() -> None:
    """OpenCV's conversion of the same planes, but for rounding."""
    cv2 = pytest.importorskip("cv2")
    from headfit_demo.platforms.android_camera import from_nv21

    frame = np.random.default_rng(0).integers(0, 256, (36, 32), np.uint8)
    chroma = frame[24:].reshape(12, 16, 2).repeat(2, axis=0).repeat(2, axis=1)
    expected = cv2.cvtColor(np.dstack([frame[:24], chroma]), cv2.COLOR_YCrCb2RGB)
    assert np.abs(from_nv21(frame).astype(int) - expected).max() <= 1
