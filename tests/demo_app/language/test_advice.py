"""What is said of how well things are told apart: what was counted, and what would help."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headfit_demo.language import advice, answer, behind
from headfit_demo.session import Certainty, ClassView, ProjectView, Recognition


def project(*classes: ClassView, **more: object) -> ProjectView:
    """Return a project of things that are all learned, unless said otherwise."""
    return replace(
        ProjectView(
            key="key",
            name="Toys",
            classes=classes,
            n_photos=sum(one.n_photos for one in classes),
            can_train=True,
            head_classes=tuple(sorted(one.name for one in classes)),
            head_is_fresh=True,
            unknown=(),
            n_new=0,
            is_due=False,
            accuracy=0.9,
            accuracy_history=(),
            last_act=0,
            can_redo=False,
            learns_again=False,
            has_lost_head=False,
        ),
        **more,
    )


def thing(name: str, n_photos: int, n_right: int, n_different: int | None = None) -> ClassView:
    n_judged = n_photos if n_different is None else n_different
    return ClassView(name, n_photos, n_right / n_judged, n_effective=n_judged)


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        (
            (thing("mug", 12, 11), thing("cup", 12, 11)),
            (
                "22 of 24 of your own photos were guessed right",
                "Try it with something that it has not seen.",
            ),
        ),
        (
            (thing("mug", 20, 2, 2), thing("cup", 6, 6)),
            (
                "8 of 8 different photos of yours were guessed right",
                "Photos of mug are nearly the same: move, turn, other light.",
            ),
        ),
        (
            (thing("mug", 10, 5), thing("cup", 10, 6), thing("fox", 10, 10)),
            (
                "21 of 30 of your own photos were guessed right",
                "Too alike to tell: mug, cup. Add photos from other places.",
            ),
        ),
        (
            (thing("mug", 10, 5), thing("cup", 10, 10)),
            (
                "15 of 20 of your own photos were guessed right",
                "mug is hard to tell. Add photos from other places.",
            ),
        ),
        (
            (thing("mug", 3, 3), thing("cup", 9, 9)),
            (
                "12 of 12 of your own photos were guessed right",
                "Five different photos of each thing are a good start.",
            ),
        ),
        (
            (thing("mug", 3000, 2700), thing("cup", 1000, 900)),
            (
                "About 90 of 100 of your own photos were guessed right",
                "Try it with something that it has not seen.",
            ),
        ),
    ],
)
def test_what_was_guessed_is_counted_and_what_helps_is_said(
    classes: tuple[ClassView, ...], said: tuple[str, str]
) -> None:
    assert advice(project(*classes)) == said


def test_what_is_next_is_said_before_anything_is_known() -> None:
    empty = project(ClassView("mug", 0), ClassView("cup", 0), head_classes=(), head_is_fresh=False)
    assert advice(empty)[0] == "Show it two things"
    full = project(ClassView("mug", 2), ClassView("cup", 2), head_classes=(), head_is_fresh=False)
    assert advice(full)[0] == "Not learned yet"
    of_a_file = project(
        ClassView("mug", 0), ClassView("cup", 0), head_is_fresh=False, can_train=False
    )
    assert behind(of_a_file) == ""
    words = "There are no photos of it here. To teach it more, give every thing some."
    assert advice(of_a_file) == ("Ready", words)


@pytest.mark.parametrize(
    ("unknown", "n_new", "said"),
    [
        (("fox",), 3, "It does not know fox yet."),
        (("fox", "cat"), 9, "It does not know fox, cat yet."),
        (tuple("abc"), 9, "It does not know 3 of your things yet."),
        ((), 1, "1 photo is not learned yet."),
        ((), 12, "12 photos are not learned yet."),
        ((), 0, "It does not know yet what you changed."),
    ],
)
def test_what_is_stale_is_named(unknown: tuple[str, ...], n_new: int, said: str) -> None:
    view = project(thing("mug", 5, 5), head_is_fresh=False, unknown=unknown, n_new=n_new)
    assert behind(view) == said
    assert behind(None) == behind(project(thing("mug", 5, 5))) == ""


def test_an_answer_is_never_surer_than_what_it_knows() -> None:
    """Of what a part of the things was learned from, 98 % is a guess."""
    found = Recognition((("mug", 0.98), ("cup", 0.02)), "mug", Certainty.SURE, 5.0, "popcount")
    whole = project(thing("mug", 5, 5), thing("cup", 5, 5))
    assert answer(found, whole, is_shown=True) == ("mug", "", True)
    part = replace(whole, head_is_fresh=False, unknown=("fox",), n_new=3)
    assert answer(found, part, is_shown=True) == (
        "Probably mug",
        "It does not know fox yet.",
        False,
    )
    late = replace(whole, head_is_fresh=False, n_new=3)
    assert answer(found, late, is_shown=True) == ("mug", "3 photos are not learned yet.", True)
    none = replace(whole, head_classes=())
    assert answer(found, none, is_shown=True)[0] == ""


@pytest.mark.parametrize(("n_photos", "n_different"), [(2, 2), (20, 2), (2, None)])
def test_an_answer_is_never_surer_than_its_photos(n_photos: int, n_different: int | None) -> None:
    """Two photos, or copies of two: what is said at 80 % and more is right in two of three."""
    found = Recognition((("mug", 0.98), ("cup", 0.02)), "mug", Certainty.SURE, 5.0, "popcount")
    cup = thing("cup", 5, 5)
    few = project(ClassView("mug", n_photos, n_effective=n_different), cup)
    helps = "Five different photos of each thing are a good start."
    assert answer(found, few, is_shown=True) == ("Probably mug", helps, False)
    late = replace(few, head_is_fresh=False, n_new=1)
    assert answer(found, late, is_shown=True)[1] == "1 photo is not learned yet."
    enough = project(ClassView("mug", 20, n_effective=3), cup)
    assert answer(found, enough, is_shown=True) == ("mug", "", True)
    of_a_file = project(ClassView("mug", 0), ClassView("cup", 0))
    assert answer(found, of_a_file, is_shown=True) == ("mug", "", True)


def test_a_long_name_leaves_room_for_what_is_said() -> None:
    """Of a name that fills a page a sentence says its beginning."""
    long = 12 * "daisies of May "
    said = advice(project(thing(long, 10, 5), thing("cup", 10, 6)))[1]
    assert said.startswith("Too alike to tell: daisies of May daisies of May daisies o…, cup.")
