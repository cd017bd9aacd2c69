"""Teach: name things, give photos of them, and see at once what it makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from kivy.clock import Clock
from kivy.properties import BooleanProperty, StringProperty

from headfit_demo.language import advice, short, tr
from headfit_demo.screens import answer as answer  # kv rules use Corrections
from headfit_demo.screens import preview as preview  # and Preview
from headfit_demo.screens.class_card import ClassCard
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import Act, ClassView, OpenProject, Photo, PickedFile, TakenNameError
from headfit_demo.widgets import Slices, Spares, load_rules, scroll_to, theme

RECORD_EVERY_S = 0.2


class TeachScreen(AppScreen):
    """Things with their photos, and what it makes of them."""

    heading = StringProperty("")
    state_text = StringProperty("")
    next_text = StringProperty("")
    next_icon = StringProperty("")
    must_learn = BooleanProperty(False)
    """Whether it can learn what it has not learned."""

    has_head = BooleanProperty(False)
    asks = BooleanProperty(False)
    """Whether it is asked if small pictures may be kept."""

    def __init__(self, **options: Any) -> None:
        self.cards: dict[str, ClassCard] = {}
        self.empty_cards: list[ClassCard] = []
        """They wait for a thing: as many as two need, and one more if it was asked for."""

        self._spares = Spares(lambda: ClassCard(screen=self), ClassCard.clear)
        self._named: dict[str, ClassCard] = {}  # until the project has the thing
        self._wants_another = False
        self._project_key = ""
        self._slices = Slices()
        self._recording: ClassCard | None = None
        self._is_adding = False
        self._act = Act()
        self._clock: Any = None
        super().__init__(**options)

    def on_kv_post(self, _: Any) -> None:
        """Follow the learning."""
        for name in ("is_on", "seconds_left"):
            self.app.learning.fbind(name, self._show_learning)

    def refresh(self) -> None:
        """Show the project."""
        project = self.app.project
        if project is None:
            return
        if project.key != self._project_key:
            self._project_key, self._wants_another = project.key, False
            for card in [*self.cards.values(), *self._named.values(), *self.empty_cards]:
                self._spares.put(card)
            self.cards, self._named, self.empty_cards = {}, {}, []
            self.ids.panes.begin_at_top()
        self._show_classes()
        self._show_learning()

    def on_enter(self) -> None:
        """Let a project that is empty be named things in at once; a phone would show its keys."""
        if not self.cards and self.empty_cards and self.app.platform.name == "desktop":
            self.empty_cards[0].ids.name.edit()

    def on_leave(self) -> None:
        """Let the camera go unless the next screen wants it."""
        self.let_go()
        self.asks = False  # until it is answered, it is asked again
        if self.app.shell.ids.screens.current != "recognise":
            self.app.eye.switch_off()

    # Things

    def call(self, card: ClassCard, name: str) -> None:
        """Call the thing of a card so; one that has none gets one."""
        old = card.name
        if self.app.project is None:
            return
        if old:
            self.app.change(lambda project: project.rename_class(old, name))
            return
        is_next = self._put_in(card, name, Act())
        if is_next and self.empty_cards and self.app.platform.name == "desktop":
            self.empty_cards[0].ids.name.edit()

    def add_another(self) -> None:
        """Show one more card that waits for a thing."""
        self._wants_another = True
        self._show_empty_cards()
        Clock.schedule_once(self._edit_empty)

    def _edit_empty(self, _: float) -> None:
        """Let the last card be named, once it is where it stays: a phone's keyboard asks for it."""
        if self.empty_cards:
            scroll_to(self.empty_cards[-1])
            self.empty_cards[-1].ids.name.edit()

    def forget(self, name: str) -> None:
        """Forget a thing; the notice takes it back."""

        def say(_: Any, error: Exception | None) -> None:
            if error is None:
                self.app.notify(
                    tr.say("{name} was forgotten.").format(name=short(name)), can_undo=True
                )

        self.app.change(partial(OpenProject.forget_class, class_name=name), say)

    def show_photos(self, name: str) -> None:
        """Open the page with all photos of a thing."""
        self.app.shell.ids.screens.get_screen("photos").class_name = name
        self.app.go("photos")

    def card_at(self, x: float, y: float) -> ClassCard | None:
        """Return the card that is there in the window."""
        for card in [*self.cards.values(), *self._named.values(), *self.empty_cards]:
            if card.get_root_window() and card.collide_point(*card.parent.to_widget(x, y)):
                return card
        return None

    def teach(self, card: ClassCard, photos: Sequence[Photo]) -> None:
        """Teach photos of the thing of a card; one that has no name is called by its number."""
        act = Act()
        self.app.teaching.add_photos(self._thing_of(card, act), photos, act=act, skips_repeats=True)

    def _thing_of(self, card: ClassCard, act: Act) -> str:
        """Return the name of a card's thing, which is given one if it has none."""
        if not card.name:
            taken = {*self.cards, *self._named}
            numbered = (tr.say("Thing {n}").format(n=n) for n in count(card.place + 1))
            self._put_in(card, next(name for name in numbered if name not in taken), act)
        return str(card.name)

    def _put_in(self, card: ClassCard, name: str, act: Act) -> bool:
        """Let an empty card be that of a thing; return whether it can be."""
        if name in self.cards or name in self._named:
            self.app.complain(TakenNameError(f"expected a name that is free, found {name!r}"))
            return False
        card = card.__self__  # a rule gives a weak one, and a spare card has no other owner
        self.empty_cards.remove(card)
        card.name, self._named[name], self._wants_another = name, card, False

        def end(_: Any, error: Exception | None) -> None:
            if error is not None and self._named.get(name) is card:
                del self._named[name]
                card.name = ""
                self.empty_cards.append(card)

        self.app.change(partial(OpenProject.add_class, class_name=name, act=act), end)
        self._show_empty_cards()
        return True

    def is_to_try(self, x: float, y: float) -> bool:
        """Return whether what is dropped there in the window is to be looked at."""
        view, screens = self.ids.preview.ids.view, self.app.shell.ids.screens
        return screens.current_screen is self and view.collide_point(*view.to_widget(x, y))

    # Photos

    def pick(self, card: ClassCard) -> None:
        """Let the user choose photos."""
        key = self.app.project.key

        def teach(files: list[PickedFile]) -> None:
            if files and self._is_still(key):
                self.teach(card, files)

        self.app.platform.pick_photos(teach, videos=True)

    def pick_folder(self) -> None:
        """Let the user choose a folder, which is taught as one that is dropped."""
        key = self.app.project.key

        def teach(path: Path | None) -> None:
            if path is not None and self._is_still(key):
                self.app.drops.teach_folders([path], key)

        self.app.platform.pick_folder(teach)

    def _is_still(self, project_key: str) -> bool:
        """Return whether what was chosen is for the project that is shown; else say it is not.

        The desktop's own window for files keeps nobody from opening another project meanwhile.
        """
        if self.app.is_shown(project_key):
            return True
        self.app.notify(tr.say("Another project was opened meanwhile. Choose them there again."))
        return False

    def hold(self, card: ClassCard) -> None:
        """Record from the camera while the button is held, from when there is a picture."""
        self._recording, self._act = card, Act()  # all of it is taken back together
        self.app.eye.switch_on()
        self._record(0)
        self._clock = Clock.schedule_interval(self._record, RECORD_EVERY_S)

    def let_go(self) -> None:
        """Record no more."""
        card, self._recording = self._recording, None
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        if card is not None:
            card.is_recording = False
            if self.app.project is not None:
                self._ask_for_thumbnails()

    def _record(self, _: float) -> None:
        frame = self.app.eye.frame
        if self._recording is not None:
            self._recording.is_recording = frame is not None
        if self._recording is None or frame is None or self._is_adding:
            return
        self._is_adding = True
        name = self._thing_of(self._recording, self._act)
        self.app.teaching.add_photos(
            name, [frame], self._recorded, act=self._act, skips_copies=True
        )

    def _recorded(self) -> None:
        self._is_adding = False

    # Learning

    def go_on(self) -> None:
        """Do what is next: stop, learn what is new, or try what was learned."""
        if self.app.learning.is_on:
            self.app.learning.stop()
        elif self.must_learn:
            self.app.learning.start()
        else:
            self.app.go("recognise")

    def _show_classes(self) -> None:
        project = self.app.project
        names = [one.name for one in project.classes]
        for name in self.cards.keys() - set(names):
            self._spares.put(self.cards.pop(name))
        for name in self._named.keys() & set(names):
            self.cards[name] = self._named.pop(name)
        self._slices.run(self._show_cards(project.classes))
        self._ask_for_thumbnails()

    def _show_empty_cards(self) -> None:
        """Show as many cards without a thing as are wanted, below the others."""
        n_named = len(self.cards) + len(self._named)
        n_wanted = max(2 - n_named, int(self._wants_another))
        while len(self.empty_cards) > n_wanted:
            self._spares.put(self.empty_cards.pop())
        while len(self.empty_cards) < n_wanted:
            self.empty_cards.append(self._add_card())
        is_wide, is_large = self.app.shell.is_wide, theme.text_scale > 1.25
        hints = (tr.say("Name a thing"), tr.say("Name another thing"))  # more would be cut
        if is_wide and not is_large:
            hints = (tr.say("Name a thing, for instance: red mug"), hints[1])
        elif is_large and not is_wide:
            hints = (tr.say("Name"), tr.say("Name"))
        for number, card in enumerate(self.empty_cards, n_named):
            card.place, card.hint = number, hints[number > 0]

    def _add_card(self, place: int | None = None) -> ClassCard:
        """Show one more card in a place among the others, by default below them."""
        box, card = self.ids.classes, self._spares.take()
        box.add_widget(card, index=0 if place is None else len(box.children) - place)
        return card

    def _ask_for_thumbnails(self) -> None:
        """Ask once, at the first photo, whether small pictures may stay; not under a finger."""
        is_new = self.app.preferences.keeps_thumbnails is None and self.app.project.n_photos > 0
        if is_new and self._recording is None:
            self.asks = True

    def answered(self) -> None:
        """Ask no more; who left it as it was said no."""
        if self.app.preferences.keeps_thumbnails is None:
            self.app.set_preference("keeps_thumbnails", False)
        self.asks = False

    def _show_cards(self, classes: tuple[ClassView, ...]) -> Iterator[None]:
        """Show thing after thing; those that have a card are in this order already."""
        for place, one in enumerate(classes):
            if one.name not in self.cards:
                self.cards[one.name] = self._add_card(place)
            self.cards[one.name].show(one, place)
            yield
        self._show_empty_cards()

    def _show_learning(self, *_: Any) -> None:
        """Say how far it is, and what is next."""
        project = self.app.project
        if project is None:
            return
        learning = self.app.learning
        self.has_head = bool(project.head_classes)
        self.must_learn = project.can_train and not project.head_is_fresh
        self.heading, self.state_text = advice(project)
        if learning.is_on:
            self.next_text, self.next_icon = tr.say("Stop"), "stop"
            self.state_text = tr.say("About {s:.0f} s left").format(s=learning.seconds_left)
        elif self.must_learn and project.n_new:
            self.next_icon = "spark"
            self.next_text = tr.count("Learn {n} new photo", "Learn {n} new photos", project.n_new)
        elif self.must_learn:
            self.next_text, self.next_icon = tr.say("Learn what changed"), "spark"
        else:
            self.next_text, self.next_icon = tr.say("Try it"), "eye"


load_rules(__file__)
