"""Two columns on a wide window, one on a narrow one."""

from __future__ import annotations

from typing import Any

from kivy.metrics import dp
from kivy.properties import BooleanProperty, NumericProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from headfit_demo.widgets.basics import Column
from headfit_demo.widgets.look import theme
from headfit_demo.widgets.page import Page


class TwoPane(BoxLayout):
    """Two columns side by side on a wide window, one above the other on a narrow one.

    Its children in kv are the main column and the side column, which scroll, and up to two that do
    not unless ``pins`` says that there is no room for that: what stays above the main column, and
    what stays above the side column. On a narrow window the latter is above all.
    """

    is_wide = BooleanProperty(True)
    pins = BooleanProperty(True)
    side_width = NumericProperty(380)

    def __init__(self, **options: Any) -> None:
        self._parts: list[Widget] = []
        self._is_arranging = False
        super().__init__(**options)

    def add_widget(self, widget: Widget, *args: Any, **options: Any) -> None:
        """Collect what the rule lists; `arrange` puts it into place."""
        if self._is_arranging:
            super().add_widget(widget, *args, **options)
        else:
            self._parts.append(widget)

    def on_kv_post(self, _: Widget) -> None:
        """Put everything into place, and again whenever the width says so."""
        self.fbind("is_wide", self.arrange)
        self.fbind("pins", self.arrange)
        theme.fbind("text_scale", self.arrange)
        self.arrange()

    def arrange(self, *_: Any) -> None:
        """Put the parts into columns for the width there is."""
        for part in self._parts:
            if part.parent is not None:
                part.parent.remove_widget(part)
        self.clear_widgets()
        main, side, *still = self._parts
        over_main, over_side = still[:1], still[1:]
        self.orientation = "horizontal" if self.is_wide else "vertical"
        self._is_arranging = True
        if self.is_wide:
            self.add_widget(self._column(over_main, [main], (0, 0, dp(14), dp(8))))
            beside = self._column(over_side, [side], (0, 0, dp(14), dp(8)))
            beside.size_hint_x = None
            beside.width = dp(self.side_width) * min(theme.text_scale, 1.25)
            self.add_widget(beside)
        else:
            still = [*over_side, *over_main]
            padding = (0, dp(4), dp(7), dp(16))
            self.add_widget(self._column(still, [main, side], padding, dp(14)))
        self._is_arranging = False

    def begin_at_top(self) -> None:
        """Show the beginning of both columns."""
        for column in self.children:
            column.children[0].scroll_y = 1

    def _column(
        self, still: list[Widget], moving: list[Widget], padding: Any, spacing: float = 0
    ) -> BoxLayout:
        """Return a column of which the upper part stays, if it may, and the lower part scrolls."""
        column, page = BoxLayout(orientation="vertical"), Page()
        inner = Column(padding=padding, spacing=spacing)
        for widget in still:
            (column if self.pins else inner).add_widget(widget)
        for widget in moving:
            inner.add_widget(widget)
        page.add_widget(inner)
        column.add_widget(page)
        return column
