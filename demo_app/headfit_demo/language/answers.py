"""What is seen, in words: a name by how certain it is, and what has not been learned yet."""

from __future__ import annotations

from headfit_demo.language.translation import greeting_name, short, some, tr
from headfit_demo.session import Certainty, Corrected, ProjectView, Recognition

_ENOUGH = 3
"""Of a thing with fewer different photos no answer is beyond doubt: of those of 80 % and more 66 to
71 % were right, with three photos 82, from five on 88 (flowers and scenes).
"""

_NAMED = 2
"""So many things are called by their names; of more, their number is said."""


def answer(
    found: Recognition | None, project: ProjectView | None, *, is_shown: bool
) -> tuple[str, str, bool]:
    """Return what to say of a finding.

    Parameters
    ----------
    found : Recognition or None
        None if nothing was found out yet.
    project : ProjectView or None
        Whose things it is about, as it is by now; None for those that came with the app.
    is_shown : bool
        Whether there is a picture.

    Returns
    -------
    tuple of (str, str, bool)
        The answer, why, and whether it is beyond doubt.
    """
    if project is not None and not project.head_classes:
        return "", tr.say("It can learn as soon as two things have photos."), False
    if found is None:
        return "", "" if is_shown else tr.say("Nothing to look at yet."), False
    if found.class_name is None:
        if found.certainty is Certainty.UNDECIDED:
            return tr.say("One moment…"), tr.say("Hold the camera still."), False
        return tr.say("None of these"), behind(project) or _unlike(), False
    name = _call(found.class_name, project)
    is_whole = project is None or not project.unknown
    is_thin = _is_thin(found.class_name, project)
    if found.certainty is Certainty.SURE and is_whole and not is_thin:
        return name, behind(project), True
    if found.certainty in (Certainty.SURE, Certainty.PROBABLE):
        helps = tr.say("Five different photos of each thing are a good start.") if is_thin else ""
        return tr.say("Probably {name}").format(name=name), behind(project) or helps, False
    other = next(other for other, _ in found.ranking if other != found.class_name)
    words = tr.say("Not sure: {name} or {other}?")
    return words.format(name=name, other=_call(other, project)), behind(project), False


def called(found: Recognition, project: ProjectView | None, *, is_sure: bool) -> str:
    """Return what something was taken for, in as few words as a line of answers has room for."""
    if found.class_name is None:
        return tr.say("None of these")
    name = _call(found.class_name, project)
    return name if is_sure else f"{name}?"


def behind(project: ProjectView | None) -> str:
    """Say what a project has not learned of what it was taught; nothing if that is nothing."""
    if project is None or project.head_is_fresh or not project.head_classes:
        return ""
    if not project.n_photos:  # it came as a file: there is nothing that it could learn
        return ""
    if project.unknown and len(project.unknown) <= _NAMED:
        return tr.say("It does not know {names} yet.").format(names=some(project.unknown))
    if project.unknown:
        n = len(project.unknown)
        return tr.count(
            "It does not know {n} of your things yet.",
            "It does not know {n} of your things yet.",
            n,
        )
    if project.n_new:
        return tr.count(
            "{n} photo is not learned yet.", "{n} photos are not learned yet.", project.n_new
        )
    return tr.say("It does not know yet what you changed.")


def corrected(result: Corrected) -> str:
    """Say what became of a photo that was taken for something else."""
    if result.moved_from:
        words = tr.say("Moved from {names} to {name}.")
        return words.format(names=some(result.moved_from), name=short(result.class_name))
    return tr.say("Taught as {name}.").format(name=short(result.class_name))


def _is_thin(class_name: str, project: ProjectView | None) -> bool:
    """Return whether a thing has too few different photos; of a file's head nobody knows."""
    counts = {one.name: one.n_different for one in project.classes} if project else {}
    return 0 < counts.get(class_name, 0) < _ENOUGH


def _unlike() -> str:
    return tr.say("It looks like nothing that was taught.")


def _call(class_name: str, project: ProjectView | None) -> str:
    """Return what to call a class: only those that came with the app have a translation."""
    return greeting_name(class_name) if project is None else short(class_name)
