"""Widgets that are not shown now are kept until they are."""

from __future__ import annotations

import gc
import weakref
from typing import Any


def test_what_a_rule_names_weakly_is_kept(running_app: Any) -> None:
    """A card that was named by its own rule, for instance."""
    from kivy.uix.boxlayout import BoxLayout
    from kivy.uix.widget import Widget

    from headfit_demo.widgets import Spares

    box, widget, spares = BoxLayout(), Widget(), Spares(Widget)
    box.add_widget(widget)
    spares.put(widget.proxy_ref)
    there = weakref.ref(widget)
    del widget
    gc.collect()
    assert there() is not None
    assert spares.take() is there()
