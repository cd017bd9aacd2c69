"""A second app on the same extractor: says what you are walking on.

It ships a head of a few kilobytes. Drop a photo on its window, or name one as its argument.
"""

import sys
from pathlib import Path

from kivy.app import App
from kivy.core.window import Window
from kivy.factory import Factory

from headfit import HeadfitError, ImageClassifier

HEAD = Path(__file__).with_name("underfoot.head")


class UnderfootApp(App):
    """The window of `underfoot.kv`: the photo, the answer, and how sure the head is."""

    def on_start(self):
        """Open the head, which opens the extractor it was trained on and refuses another."""
        self.classifier = ImageClassifier.load(HEAD)
        network, size = self.classifier.extractor.manifest, HEAD.stat().st_size
        self.root.footer = f"our head {size:,} bytes, {network.name} {network.size_bytes:,} for all"
        Window.bind(on_drop_file=lambda window, path, x, y: self.look_at(path.decode()))
        for path in sys.argv[1:]:
            self.look_at(path)

    def look_at(self, path):
        """Show a photo, its class, and the share of every class."""
        try:
            seen = self.classifier.recognise(path)
        except (HeadfitError, OSError) as error:
            self.root.answer = str(error)
            return
        self.root.photo = path
        self.root.answer = seen.ranking[0][0] if seen.is_known else "none of these"
        self.root.ids.shares.clear_widgets()
        for name, share in seen.ranking:
            bar = Factory.Share()
            bar.name, bar.share = name, share
            self.root.ids.shares.add_widget(bar)


if __name__ == "__main__":
    UnderfootApp().run()
