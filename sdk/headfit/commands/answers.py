"""What ``predict`` says of a photo, by a head of either kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from headfit.classifier import ImageClassifier
from headfit.commands import terminal
from headfit.commands.paths import MULTI_LABEL
from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.multi_label_head import MultiLabelHead


@dataclass(frozen=True, slots=True)
class Answer:
    """One photo's answer.

    Attributes
    ----------
    ranking : list of (str, float)
        Classes and their probabilities, the most probable first.
    note : str
        A line for people before them; empty if they say it all.
    fields : dict
        The same for machines.
    """

    ranking: list[tuple[str, float]]
    note: str
    fields: dict[str, Any]

    def print(self, console: Console, top: int) -> None:
        """Print it for people, with the ``top`` most probable classes."""
        if self.note:
            console.print(terminal.plain(self.note), soft_wrap=True)
        console.print(terminal.probability_table(self.ranking[:top]))


def answers_of(
    head: Path, extractor: Extractor, threshold: float | None = None
) -> Callable[[npt.NDArray[np.uint8]], Answer]:
    """Return what answers for the pixels of a photo, as `Extractor.decode` gives them.

    Raises
    ------
    InputError
        If a threshold is given with a head that gives each photo one class.
    """
    if not MULTI_LABEL.is_of(head):
        refuse_for_one_class(head, "--threshold", threshold)
        classifier = ImageClassifier.load(head, extractor=extractor)
        return lambda pixels: _of_one(classifier, pixels)
    several = MultiLabelHead.load(head, extractor=extractor)
    return lambda pixels: _of_several(several, extractor, pixels, threshold)


def refuse_for_one_class(head: Path, option: str, value: object) -> None:
    """Refuse an option that only multi-label heads have, where it was given."""
    if value is not None:
        raise InputError(
            f"expected {option} with a multi-label head, found {head}, which gives each photo one "
            "class; leave it out, or train a head with --multi-label"
        )


def _of_one(classifier: ImageClassifier, pixels: npt.NDArray[np.uint8]) -> Answer:
    seen = classifier.recognise(pixels)
    note = "" if seen.is_known else "looks like none of the classes; nearest are"
    return Answer(list(seen.ranking), note, {"is_known": seen.is_known})


def _of_several(
    head: MultiLabelHead,
    extractor: Extractor,
    pixels: npt.NDArray[np.uint8],
    threshold: float | None,
) -> Answer:
    fitted = head.fitted_
    probabilities = fitted.probabilities(extractor.embed([pixels]))
    order = np.argsort(-probabilities[0], kind="stable")
    is_shown = fitted.shown(probabilities, threshold)[0]
    shown = [fitted.classes[column] for column in order if is_shown[column]]
    ranking = [(fitted.classes[column], float(probabilities[0, column])) for column in order]
    note = f"shows {', '.join(shown)}" if shown else "shows none of the classes"
    return Answer(ranking, note, {"shown": shown})
