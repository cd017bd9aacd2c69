"""Drives the app's Android side on a desktop's Java; run by test_android_platform.py.

    python phone.py CLASSES FOLDER

CLASSES holds the compiled stand-ins for Android's classes, FOLDER is written to. The Python side of
python-for-android (`android.activity`, `android.permissions`) is its own code.
"""

import importlib.util
import json
import os
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import jnius_config

CLASSES, FOLDER = sys.argv[1], Path(sys.argv[2])
jnius_config.set_classpath(CLASSES)
jnius_config.add_options("-Xrs", "--add-opens=java.base/java.io=ALL-UNNAMED")
os.environ["ANDROID_PRIVATE"] = str(FOLDER / "files")

import numpy as np
from jnius import autoclass
from kivy.clock import Clock

P4A = Path(importlib.util.find_spec("pythonforandroid").origin).parent / "recipes/android/src"
android = ModuleType("android")
android.__path__ = [str(P4A / "android")]
config = ModuleType("android.config")
config.ACTIVITY_CLASS_NAME = "org.kivy.android.PythonActivity"
config.ACTIVITY_CLASS_NAMESPACE = "org/kivy/android/PythonActivity"
sys.modules |= {"android": android, "android.config": config}

from headfit_demo.platforms.android import AndroidPlatform
from headfit_demo.session import CameraError

Uri, Intent, Clip = map(
    autoclass, ("android.net.Uri", "android.content.Intent", "android.content.ClipData")
)
version = autoclass("android.os.Build$VERSION")
activity = autoclass("org.kivy.android.PythonActivity").mActivity
resolver = activity.getContentResolver()
found = {}


def put(uri: str, content: bytes, name: str | None = None) -> object:
    """Let the phone hold a file that another app offers."""
    path = FOLDER / uri.rpartition("/")[2]
    path.write_bytes(content)
    resolver.files.put(uri, str(path))
    if name is not None:
        resolver.names.put(uri, name)
    return Uri(uri)


def answer(intent: object, result: int = -1) -> None:
    activity.answer(activity.requests.get(activity.requests.size() - 1), result, intent)


def wait(answers: list) -> object:
    """Let Kivy's main thread run until one answer is there; it must come on this thread."""
    deadline = time.monotonic() + 20
    while not answers:
        assert time.monotonic() < deadline, "nobody answered"
        Clock.tick()
        time.sleep(0.005)
    (value, thread) = answers.pop()
    assert thread is threading.main_thread(), thread
    return value


def teller(answers: list) -> object:
    return lambda value: answers.append((value, threading.current_thread()))


def files(picked: list) -> list:
    return [[one.name, one.content.decode("latin-1")] for one in picked]


def last() -> str:
    return activity.started.get(activity.started.size() - 1).toString()


answers = []
tell = teller(answers)
phone = AndroidPlatform()
found["folder"] = str(phone.data_folder())

# Photos, with the photo picker of Android 13: a clip of three, one of which is refused.
clip = Clip()
clip.add(put("content://media/1", bytes(range(256)), "cup é.jpg"))
clip.add(put("content://media/secret", b"not yours", "secret.jpg"))
clip.add(put("content://media/3", b"third"))
several = Intent()
several.setClipData(clip)
phone.pick_photos(tell)
found["picker_13"] = last()
answer(several)
found["photos"] = files(wait(answers))

# Going back, twice in a row: the listener stays.
for _ in range(2):
    phone.pick_photos(tell)
    answer(None, 0)
    assert wait(answers) == []

# Another app's request is not ours; two of ours at once are told apart.
activity.answer(5, -1, several)
head = Intent()
head.setData(put("content://documents/9", b"a head", "cups.head"))
phone.pick_head(tell)
found["head_picker"] = last()
heads = []
phone.pick_photos(teller(heads))
answer(None, 0)
found["no_photos"] = wait(heads)
activity.answer(activity.requests.get(activity.requests.size() - 2), -1, head)
picked = wait(answers)
found["head"] = [picked.name, picked.content.decode()]
phone.pick_head(tell)
answer(None, 0)
found["no_head"] = wait(answers)

# An older phone, one photo; then a phone without any gallery.
version.SDK_INT = 30
old = AndroidPlatform()
old.pick_photos(tell)
found["picker_11"] = last()
one = Intent()
one.setData(Uri("content://media/3"))
answer(one)
found["one_photo"] = files(wait(answers))
activity.unanswered.add(Intent.ACTION_GET_CONTENT)
old.pick_photos(tell)
found["no_gallery"] = wait(answers)

# Giving a head away: among the downloads and shared; where there are none, the save window.
downloads = FOLDER / "downloads"
downloads.mkdir()
resolver.downloads = str(downloads)
given = FOLDER / "cups and pens.head"
given.write_bytes(bytes(range(256)))
phone.give_file(given, tell)
found["shared"] = [wait(answers), last()]
found["copy_is_whole"] = (downloads / given.name).read_bytes() == given.read_bytes()
resolver.downloads = None
place = Intent()
place.setData(put("content://documents/saved", b""))
phone.give_file(given, tell)
found["save_window"] = last()
answer(place)
found["saved"] = [wait(answers), (FOLDER / "saved").read_bytes() == given.read_bytes()]
version.SDK_INT = 28
resolver.downloads = str(downloads)
AndroidPlatform().give_file(given, tell)
found["save_window_9"] = last()
answer(None, 0)
found["not_saved"] = wait(answers)

# The camera's permission: denied, granted, and not asked for again.
for result in (-1, 0):
    phone.ask_for_camera(tell)
    found[f"asked_{result}"] = [list(activity.asked), None]
    activity.answerPermissions([result])
    found[f"asked_{result}"][1] = wait(answers)
activity.granted.add("android.permission.CAMERA")
phone.ask_for_camera(tell)
found["known"] = [wait(answers), activity.timesAsked]

# The system's look, by day and at night.
for mode in (0x11, 0x21):
    activity.getResources().getConfiguration().uiMode = mode
    phone.ask_look(tell)
    found[f"look_{mode:#x}"] = wait(answers)


class Provider:
    """Kivy's camera: a frame whose left half is bright, in NV21."""

    def __init__(self, *, index: int, resolution: tuple, stopped: bool) -> None:
        self.width, self.height = resolution
        self.steps = [f"open {index} {stopped}"]
        Provider.newest = self

    def start(self) -> None:
        """Begin."""
        self.steps.append("start")

    def grab_frame(self) -> bytes:
        """Return one picture."""
        frame = np.full((self.height * 3 // 2, self.width), 128, np.uint8)
        frame[: self.height] = np.where(np.arange(self.width) < self.width // 2, 200, 50)
        return frame.tobytes()

    def _release_camera(self) -> None:
        self.steps.append("release")


provider = ModuleType("kivy.core.camera.camera_android")
provider.CameraAndroid = Provider
sys.modules["kivy.core.camera.camera_android"] = provider
camera = phone.open_camera(0)
found["before_start"] = camera.read()
for kind, is_front, mounted in (("frames", False, 90), ("front_frames", True, 270)):
    autoclass("android.hardware.Camera").isFront = is_front
    autoclass("android.hardware.Camera").mounted = mounted
    camera.start()
    assert camera.is_front == is_front
    found[kind] = []
    for quarter in range(4):
        activity.getWindowManager().rotation = quarter
        frame = camera.read()
        sides = [frame[:, 0], frame[0], frame[:, -1], frame[-1]]
        names = ["left", "top", "right", "bottom"]
        (bright,) = (name for name, side in zip(names, sides, strict=True) if (side == 200).all())
        found[kind].append([*frame.shape, bright])
    camera.stop()
camera.stop()
found["steps"] = Provider.newest.steps
autoclass("android.hardware.Camera").mounted = -1
try:
    phone.open_camera(1).start()
except CameraError as error:
    found["no_camera"] = str(error)
print(json.dumps(found))
