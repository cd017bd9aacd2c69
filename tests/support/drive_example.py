"""Starts the example app, drops photos on it, takes its picture; run by test_examples.py.

python drive_example.py PICTURE PHOTO ...
"""

import json
import sys
from pathlib import Path

picture, photos = sys.argv[1], sys.argv[2:]
sys.argv[1:] = []
sys.path.insert(0, str(Path(__file__).parents[2] / "demo_app" / "examples"))

from kivy.config import Config

Config.set("graphics", "width", 480)
Config.set("graphics", "height", 640)
for name in Config.options("input"):
    Config.remove_option("input", name)

from kivy.base import EventLoop, runTouchApp
from kivy.core.window import Window
from underfoot import UnderfootApp

app = UnderfootApp()
app._run_prepare()
runTouchApp(embedded=True)
seen = [[app.root.answer, app.root.footer, []]]
for photo in photos:
    Window.dispatch("on_drop_file", photo.encode(), 0, 0)
    for _ in range(3):
        EventLoop.idle()
    shares = [round(bar.share, 4) for bar in app.root.ids.shares.children]
    seen.append([app.root.answer, app.root.photo, shares])
Window.screenshot(picture)
print(json.dumps(seen))
