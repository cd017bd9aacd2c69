"""Teaching many photos: a job that goes on while the user does other things."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

from headfit import HeadfitError, InputError
from headfit_demo.session.acts import Act
from headfit_demo.session.folders import Things
from headfit_demo.session.job import Job
from headfit_demo.session.names import readable_name
from headfit_demo.session.open_project import OpenProject
from headfit_demo.session.photos import Photo, VideoFrame
from headfit_demo.session.session import Session
from headfit_demo.session.states import Added, ProjectView, Refused

AT_ONCE = 8
"""Of many photos, so many are taught before they are shown and other work has its turn."""

_SETTLING_SHARE = 0.2
"""At most so much of the time goes into letting the head follow before all photos are there."""


def teach(
    session: Session,
    job: Job,
    find_things: Callable[[], Things],
    act: Act,
    *,
    may_name: bool = False,
    new_project: str = "",
    skips_copies: bool = False,
    skips_repeats: bool = False,
) -> Generator[ProjectView | None, None, tuple[Added, ProjectView | None]]:
    """Teach photos of things in the job's project, whichever is shown meanwhile.

    Parameters
    ----------
    session : Session
    job : Job
        Its project is made, and shown, if it has none.
    find_things : callable
        Returns the photos by what they show; called first, on this thread, for it may take long.
        An error of it makes no project.
    act : Act
        What one undo takes back. What it does not want by now is left with it, unless copies are
        skipped: a camera sees more.
    may_name : bool
        Whether things that are not there are named. Else they are not there any more.
    new_project : str
        What to call the project that is made.
    skips_copies, skips_repeats : bool
        See `OpenProject.add_photos`.

    Yields
    ------
    ProjectView or None
        The project after every few photos; None while what comes before a frame of a video is
        decoded.

    Returns
    -------
    Added
        What became of all photos. The rest after an error is not taught; the error is in it.
    ProjectView or None
        The project at the end; None if there is none.
    """
    found = find_things()
    things = found.photos
    if job.project_key is None:
        job.project_key = session.create_project(new_project)
    job.n_all = sum(map(len, things.values()))
    left_out = tuple(readable_name(path) for path in found.left_out)
    added = Added(refused=found.refused, left_out=left_out)
    with session.using(job.project_key) as project:
        project.go_on(act)
        try:
            if may_name:
                things, refused = _named(project, things, act)
                added += refused
                yield project.view()
            quick = _Quick(project)
            for name, photos in _few_at_a_time(things):
                while not (job.is_cancelled or project.is_closed or not act.wants(name)):
                    if all(map(_is_near, photos)):
                        break
                    yield None
                if job.is_cancelled or project.is_closed:
                    break
                if not act.wants(name):
                    if not skips_copies:
                        act.leave(name, photos)
                    continue
                added += project.add_photos(
                    name, photos, act, skips_copies=skips_copies, skips_repeats=skips_repeats
                )
                job.n_done += len(photos)
                if job.n_done < job.n_all:
                    quick.settle()
                    yield project.view()
        except (HeadfitError, OSError) as error:
            added += Added(error=error)
        if project.is_closed:
            return added, None
        project.settle()
        return added, project.view()


class _Quick:
    """Lets the head follow again and again, as long as that takes little of the time."""

    def __init__(self, project: OpenProject) -> None:
        self._project = project
        self._ended_at, self._took_s = time.monotonic(), 0.0

    def settle(self) -> None:
        """Let it follow, if it has earned the time."""
        now = time.monotonic()
        if self._took_s <= _SETTLING_SHARE * (now - self._ended_at):
            self._project.settle()
            self._ended_at = time.monotonic()
            self._took_s = self._ended_at - now


def _is_near(photo: Photo) -> bool:
    """Return whether a photo is read at once; of a video, come a little nearer."""
    return not isinstance(photo, VideoFrame) or photo.approach()


def _few_at_a_time(
    things: Mapping[str, Sequence[Photo]],
) -> Iterator[tuple[str, Sequence[Photo]]]:
    for name, photos in things.items():
        start = 0
        while start < len(photos):
            # A frame of a large video takes as long as several photos.
            n = 1 if isinstance(photos[start], VideoFrame) else AT_ONCE
            yield name, photos[start : start + n]
            start += n


def _named(
    project: OpenProject, things: Mapping[str, Sequence[Photo]], act: Act
) -> tuple[dict[str, Sequence[Photo]], Added]:
    """Name things that are new; one that cannot be called so is refused with its photos."""
    named: dict[str, Sequence[Photo]] = {}
    refused: list[Refused] = []
    for name, photos in things.items():
        try:
            written = project.have_class(name, act)
        except InputError as error:
            refused.append(Refused(name, error))
        else:
            named[written] = [*named.get(written, ()), *photos]
    return named, Added(refused=tuple(refused))
