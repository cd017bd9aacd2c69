"""What may leave the device: heads in which no class rests on a photo or two, unless noised.

Whatever gives a head to others takes it from `released`: `SoftmaxHead.share`, signatures, exports,
the app. docs/decisions/0004-what-may-be-shared.md says why it is asked then,
and not when a head is saved.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from headfit.errors import InputError, UnshareableHeadError
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead

Released = TypeVar("Released", bound="FittedHead | FittedMultiLabelHead")

FEWEST_PHOTOS = 3
"""With one photo the weights of a class nearly are its embedding, with two nearly their mean."""


def released(head: Released, *, force: bool = False) -> Released:
    """Return the head, unless it gives single photos away.

    Of a multi-label head both sides of a class count: where all photos but one or two show it, its
    weights nearly are those of the others with the sign turned.

    Raises
    ------
    InputError
        If it is something else than a fitted head, for instance what holds one.
    UnshareableHeadError
        If a class rests on fewer than `FEWEST_PHOTOS` examples and the head is not private, or if
        so few do not show a class of a multi-label head; ``force`` returns it all the same.
    """
    if isinstance(head, FittedMultiLabelHead):
        if not force:
            sides = []
            for name, count in zip(head.classes, head.class_counts, strict=True):
                sides += [(name, count), (f"not {name}", head.n_samples - count)]
            _refuse_few(sides, "teach more photos, or force it")
    elif not isinstance(head, FittedHead):
        raise InputError(
            f"expected what a head has learned, found {type(head).__name__}; pass "
            "SoftmaxHead.fitted_ or MultiLabelHead.fitted_"
        )
    elif head.privacy is None and not force:
        counted = zip(head.classes, head.class_counts, strict=True)
        _refuse_few(counted, "teach more photos, fit with privacy, or force it")
    return head


def _refuse_few(counted: Iterable[tuple[str, int]], remedy: str) -> None:
    few = [f"{name!r} ({count})" for name, count in counted if count < FEWEST_PHOTOS]
    if few:
        shown = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
        raise UnshareableHeadError(
            f"expected at least {FEWEST_PHOTOS} photos of each class before a head is shared, "
            f"found {shown}: its weights nearly are those photos' embeddings; {remedy}"
        )
