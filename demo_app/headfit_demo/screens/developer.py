"""For developers: sizes, numbers, engines, and the lines that load the head."""

from __future__ import annotations

from kivy.core.clipboard import Clipboard
from kivy.factory import Factory
from kivy.properties import BooleanProperty, ListProperty, NumericProperty, StringProperty

from headfit_demo.language import number, size, tr
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import EngineSpeed, Facts
from headfit_demo.widgets import load_rules


class DeveloperScreen(AppScreen):
    """What a developer wants to know of the open project's head."""

    head_size = StringProperty("")
    extractor_size = StringProperty("")
    share = NumericProperty(0.0)
    n_classes = StringProperty("")
    method = StringProperty("")
    accuracy = StringProperty("")
    embedding = StringProperty("")
    extractor = StringProperty("")
    fingerprint = StringProperty("")
    engine = StringProperty("")
    code = StringProperty("")
    history = ListProperty()
    is_measuring = BooleanProperty(False)

    def refresh(self) -> None:
        """Gather the facts."""
        project = self.app.project
        self.history = [] if project is None else project.accuracy_history
        self.app.do(self.app.session.facts, self._show)

    def copy(self) -> None:
        """Copy the lines."""
        Clipboard.copy(self.code)
        self.app.notify(tr.say("Copied."))

    def measure(self) -> None:
        """Time every engine there is."""
        self.is_measuring = True
        self.app.worker.do(self.app.session.engine_speeds, self._measured)

    def _measured(self, speeds: tuple[EngineSpeed, ...], error: Exception | None) -> None:
        self.is_measuring = False
        if error is not None:
            self.app.complain(error)
            return
        self.ids.speeds.clear_widgets()
        for one in speeds:
            value = (
                tr.say("not here")
                if one.milliseconds is None
                else f"{number(one.milliseconds, '.1f')} ms"
            )
            self.ids.speeds.add_widget(Factory.Fact(name=one.name, value=value))

    def _show(self, facts: Facts) -> None:
        none = tr.say("none yet")
        head_bytes = facts.head_bytes or 0
        self.head_size = tr.say("Head: {size}").format(
            size=size(head_bytes) if head_bytes else none
        )
        self.extractor_size = tr.say("Extractor: {size}").format(size=size(facts.extractor_bytes))
        self.share = head_bytes / facts.extractor_bytes
        self.n_classes = none if facts.head_classes is None else str(facts.head_classes)
        self.method = facts.head_method or none
        self.accuracy = none if facts.accuracy is None else f"{facts.accuracy:.0%}"
        self.embedding = tr.say("{n} numbers per photo").format(n=facts.embedding_dim)
        self.extractor = facts.extractor_name
        self.fingerprint = f"{facts.fingerprint[:16]}…"
        self.engine = facts.engine
        self.code = facts.code


load_rules(__file__)
