"""How well a project tells its things apart, and what would help, in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from headfit_demo.language.answers import behind
from headfit_demo.language.translation import short, some, tr
from headfit_demo.session import ClassView, ProjectView

_JUDGED: Final = 2000
"""Of more photos headfit judges some: the number that were right is an estimate then."""

_GOOD_START: Final = 5
_HARD: Final = 0.8
"""Of a thing that is recognised less often than that it is said."""


def advice(project: ProjectView) -> tuple[str, str]:
    """Return how far a project is in a few words, and what would help."""
    if not project.head_classes:
        n_taught = sum(one.n_photos > 0 for one in project.classes)
        if n_taught < 2:
            return (
                tr.say("Show it two things"),
                tr.say("It can learn as soon as two things have photos."),
            )
        return tr.say("Not learned yet"), ""
    if not project.n_photos:
        words = tr.say("There are no photos of it here. To teach it more, give every thing some.")
        return tr.say("Ready"), words
    if late := behind(project):
        if project.can_train:
            return tr.say("There is more to learn"), late
        words = tr.say("It can learn once every thing that it knows has photos.")
        return tr.say("There is more to learn"), f"{late} {words}"
    if all(one.accuracy is None for one in project.classes):
        return tr.say("Ready"), ""
    return guessed_right(project.classes), _what_helps(project.classes)


def guessed_right(classes: Iterable[ClassView]) -> str:
    """Say how many photos were guessed right by what was learned from the others.

    Photos that are nearly one count as one.
    """
    judged = [one for one in classes if one.accuracy is not None]
    n_different = sum(one.n_different for one in judged)
    n_right = sum(round(one.n_different * (one.accuracy or 0.0)) for one in judged)
    if n_different > _JUDGED:
        words = tr.say("About {n} of 100 of your own photos were guessed right")
        return words.format(n=round(100 * n_right / n_different))
    if n_different == sum(one.n_photos for one in judged):
        words = tr.say("{n} of {all} of your own photos were guessed right")
    else:
        words = tr.say("{n} of {all} different photos of yours were guessed right")
    return words.format(n=n_right, all=n_different)


def feedback_words(one: ClassView) -> Iterable[tuple[str, str]]:
    """Say how well a thing is known; what could be better comes with an icon."""
    if one.accuracy is not None:
        n_different = one.n_different
        words = tr.say("{n} of {all} guessed right")
        yield words.format(n=round(n_different * one.accuracy), all=n_different), ""
    if _is_nearly_one(one):
        yield (
            tr.count(
                "Nearly one photo: move, turn, other light",
                "Nearly {n} photos: move, turn, other light",
                one.n_different,
            ),
            "twins",
        )
    if one.needs_photos and one.n_photos:
        yield tr.say("Other places would help"), "photo"
    doubtful = sum(photo.likelier is not None for photo in one.photos)
    if doubtful:
        yield tr.count("{n} doubtful", "{n} doubtful", doubtful), "warning"
    repeated = sum(photo.is_repeated for photo in one.photos)
    if repeated:
        yield tr.count("{n} repeated", "{n} repeated", repeated), "twins"


def _what_helps(classes: Iterable[ClassView]) -> str:
    taught = [one for one in classes if one.n_photos]
    if alike := [one.name for one in taught if _is_nearly_one(one)]:
        words = tr.say("Photos of {names} are nearly the same: move, turn, other light.")
        return words.format(names=some(alike))
    hard = [one for one in taught if one.accuracy is not None and one.accuracy < _HARD]
    if len(hard) > 1:
        hard.sort(key=lambda one: one.accuracy or 0.0)
        words = tr.say("Too alike to tell: {names}. Add photos from other places.")
        return words.format(names=some([one.name for one in hard]))
    if hard:
        words = tr.say("{name} is hard to tell. Add photos from other places.")
        return words.format(name=short(hard[0].name))
    if any(one.n_different < _GOOD_START for one in taught):
        return tr.say("Five different photos of each thing are a good start.")
    return tr.say("Try it with something that it has not seen.")


def _is_nearly_one(one: ClassView) -> bool:
    return one.n_photos > 1 and 2 * one.n_different <= one.n_photos
