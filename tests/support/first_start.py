"""Starts the app from the files that its Android package unpacks; run by test_apk.py.

    python -OO first_start.py NETWORK FOLDER

The extractor is not there, is asked for, is handed over, and a picture is recognised.
"""

import json
import sys
import time
from pathlib import Path

NETWORK, FOLDER = Path(sys.argv[1]), Path(sys.argv[2])

from headfit_demo.window import configure, need_no_display

need_no_display(FOLDER / "kivy")
configure(360, 800)

from kivy.base import EventLoop, runTouchApp
from kivy.core.window import Window

import headfit_demo.app
from headfit_demo.platforms.desktop import DesktopPlatform
from headfit_demo.session import PickedFile, sample_pictures


class PhoneLike(DesktopPlatform):
    """The desktop, but with the engine in the app's own process, as on Android."""

    isolates_engine = False


headfit_demo.app.this_platform = PhoneLike
app = headfit_demo.app.DemoApp(data_folder=FOLDER / "data")
app._run_prepare()
runTouchApp(embedded=True)
found = {"file": headfit_demo.app.__file__}


def wait_for(what: object) -> None:
    """Let the app run until something is true."""
    deadline = time.monotonic() + 60
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(app.shell.ids.notice.text)
        EventLoop.idle()


def notice() -> str:
    return app.shell.ids.notice.text


wait_for(notice)
found["asked"] = notice()
Window.screenshot(str(FOLDER / "asked.png"))
content = NETWORK.read_bytes()
app.projects.import_head(PickedFile(NETWORK.name, content[:-1]))
wait_for(lambda: notice() != found["asked"])
found["cut"] = notice()
app.projects.import_head(PickedFile(NETWORK.name, content))
wait_for(lambda: notice() != found["cut"])
found["installed"] = notice()
seen = []
sample = sample_pictures()[-1]
app.do(lambda: app.session.greet(sample.frame), seen.append)
wait_for(lambda: seen)
found["greeted"] = [sample.class_name, seen[0].ranking[0][0]]
for _ in range(5):
    EventLoop.idle()
Window.screenshot(str(FOLDER / "works.png"))
app.dispatch("on_stop")
print(json.dumps(found))
