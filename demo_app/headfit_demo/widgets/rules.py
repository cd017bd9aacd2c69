"""The kv files: each lies beside its module, and knows the app's look and language."""

from __future__ import annotations

from pathlib import Path

from kivy.lang import Builder, global_idmap

from headfit_demo.language import tr
from headfit_demo.widgets.look import theme

global_idmap.update(theme=theme, tr=tr)


def load_rules(module_file: str) -> None:
    """Load the kv file beside a module."""
    Builder.load_file(str(Path(module_file).with_suffix(".kv")))
