"""What the session tells the screens: values that never change, so any thread may show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

from headfit_demo.session.photos import Photo


@dataclass(frozen=True, slots=True)
class ProjectCard:
    """A project in the list of projects.

    Attributes
    ----------
    key, name : str
    class_names : tuple of str
        In the order in which they were named.
    n_photos : int or None
        None if they cannot be read.
    has_head : bool
    pictures : tuple of bytes
        Thumbnails, as far as there are some: of each thing the newest.
    """

    key: str
    name: str
    class_names: tuple[str, ...]
    n_photos: int | None
    has_head: bool
    pictures: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoView:
    """A photo that was taught: its example's id, a thumbnail if there is one, and doubts.

    Attributes
    ----------
    example_id : int
    thumbnail : bytes or None
        A JPEG; None where none was kept.
    likelier : str or None
        The class it looks more like than its own.
    is_repeated : bool
        Whether another photo looks nearly the same.
    """

    example_id: int
    thumbnail: bytes | None
    likelier: str | None = None
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class ClassView:
    """A class as the screens show it.

    Attributes
    ----------
    name : str
    n_photos : int
    accuracy : float or None
        Fraction of its photos that a head recognises which was made without them.
    needs_photos : bool
        Whether more photos of it would help most.
    n_effective : int or None
        How many photos there effectively are, where nearly the same ones count as one.
    photos : tuple of PhotoView
        The newest, the newest first.
    """

    name: str
    n_photos: int
    accuracy: float | None = None
    needs_photos: bool = False
    n_effective: int | None = None
    photos: tuple[PhotoView, ...] = ()

    @property
    def n_different(self) -> int:
        """How many photos there effectively are; all of them, until that is known."""
        return self.n_photos if self.n_effective is None else self.n_effective


@dataclass(frozen=True, slots=True)
class ProjectView:
    """The open project.

    Attributes
    ----------
    key, name : str
    classes : tuple of ClassView
        In the order in which they were named.
    n_photos : int
    can_train : bool
        Whether at least two classes have photos, and no class of the head lacks them.
    head_classes : tuple of str
        What the head knows; empty while there is none.
    head_is_fresh : bool
        Whether the head was trained on exactly the photos that are there.
    unknown : tuple of str
        Things that have photos and that the head does not know yet.
    n_new : int
        How many photos it has not learned, of them and of others.
    is_due : bool
        Whether it should learn now, by itself: something changed, and nobody stopped it.
    accuracy : float or None
        Over all photos, each judged by a head that was made without it.
    accuracy_history : tuple of (int, float)
        How many photos there were, and the accuracy then; since the project was opened.
    last_act : int
        The number of what an undo takes back, 0 if there is nothing.
    can_redo : bool
        Whether there is something to do again.
    learns_again : bool
        Whether the head that was kept is of another extractor, and is made again of its photos.
    has_lost_head : bool
        Whether the head that was kept is damaged, and there are no photos to make it again of.
    """

    key: str
    name: str
    classes: tuple[ClassView, ...]
    n_photos: int
    can_train: bool
    head_classes: tuple[str, ...]
    head_is_fresh: bool
    unknown: tuple[str, ...]
    n_new: int
    is_due: bool
    accuracy: float | None
    accuracy_history: tuple[tuple[int, float], ...]
    last_act: int
    can_redo: bool
    learns_again: bool
    has_lost_head: bool

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return self.last_act > 0


@dataclass(frozen=True, slots=True)
class Stored:
    """What a project keeps, in bytes and in numbers of things.

    Attributes
    ----------
    folder : Path
    n_examples, n_classes, n_thumbnails : int
    example_bytes, thumbnail_bytes, head_bytes : int
        Embeddings with hashes of the photos' looks; small pictures; the head file.
    """

    folder: Path
    n_examples: int
    n_classes: int
    n_thumbnails: int
    example_bytes: int
    thumbnail_bytes: int
    head_bytes: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A photo that was not taught: what the user knows it by, and the error."""

    name: str
    error: Exception


@dataclass(frozen=True, slots=True)
class Added:
    """What became of photos that were offered.

    Attributes
    ----------
    n_added : int
    repeated : tuple of (str, Photo)
        Those that were passed over, for their thing has the same photo: the thing, and the photo.
    refused : tuple of Refused
        Those that could not be taught, each by itself; the others were.
    left_out : tuple of str
        What lay beside them and is no photo.
    error : Exception or None
        What kept all the rest from being taught.
    n_alike : int
        How many were left out, for they look like others that were taught with them.
    """

    n_added: int = 0
    repeated: tuple[tuple[str, Photo], ...] = ()
    refused: tuple[Refused, ...] = ()
    left_out: tuple[str, ...] = ()
    error: Exception | None = None
    n_alike: int = 0

    def __add__(self, more: Added) -> Added:
        """Return what became of both."""
        return Added(
            self.n_added + more.n_added,
            self.repeated + more.repeated,
            self.refused + more.refused,
            self.left_out + more.left_out,
            self.error or more.error,
            self.n_alike + more.n_alike,
        )


@dataclass(frozen=True, slots=True)
class Corrected:
    """What became of a photo that was taken for something else than it shows.

    Attributes
    ----------
    class_name : str
        What it shows.
    moved_from : tuple of str
        What the same photo had been taught as; empty if it had not, and was taught now.
    """

    class_name: str
    moved_from: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    fraction : float
        Estimated from how many steps the last training took.
    seconds_left : float
    losses : tuple of float
        One per step, in nats per photo.
    """

    fraction: float
    seconds_left: float
    losses: tuple[float, ...]


SURE, PROBABLE, LEAD = 0.8, 0.5, 0.2
"""Probabilities from which a name is said without doubt, and with one; and the lead it needs."""


class Certainty(Enum):
    """How a finding is put into words."""

    SURE = auto()
    PROBABLE = auto()
    UNSURE = auto()  # between the first two
    UNKNOWN = auto()  # nothing that was taught
    UNDECIDED = auto()  # frames of the camera do not agree yet


@dataclass(frozen=True, slots=True)
class Recognition:
    """What a photo, or what the camera shows, was taken for.

    Attributes
    ----------
    ranking : tuple of (str, float)
        Class names with probabilities, best first; of the camera's frames, their means.
    class_name : str or None
        What it is taken for; None if that is nothing that was taught, or not decided.
    certainty : Certainty
    milliseconds : float
        From pixels to answer.
    engine : str
        What ran the extractor.
    """

    ranking: tuple[tuple[str, float], ...]
    class_name: str | None
    certainty: Certainty
    milliseconds: float
    engine: str

    @property
    def is_known(self) -> bool:
        """Whether it is taken for something that was taught."""
        return self.class_name is not None


def certainty_of(class_name: str, ranking: Sequence[tuple[str, float]]) -> Certainty:
    """Return how sure it is that a class is shown which the ranking holds."""
    probability = dict(ranking)[class_name]
    lead = probability - max(other for name, other in ranking if name != class_name)
    if probability < PROBABLE or lead < LEAD:
        return Certainty.UNSURE
    return Certainty.SURE if probability >= SURE else Certainty.PROBABLE
