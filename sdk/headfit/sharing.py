"""What may leave the device: heads in which no class rests on a photo or two, unless noised.

docs/decisions/0004-what-may-be-shared.md says why this is asked when a head is shared, not when
it is saved.
"""

from __future__ import annotations

from headfit.errors import InputError
from headfit.headfile import HeadData

FEWEST_PHOTOS = 3
"""With one photo the weights of a class nearly are its embedding, with two nearly their mean."""


def check_shareable(head: HeadData) -> None:
    """Refuse a head that gives single photos away.

    Raises
    ------
    InputError
        If a class rests on fewer than `FEWEST_PHOTOS` examples and the head is not private.
    """
    counted = zip(head.classes, head.class_counts, strict=True)
    few = [f"{name!r} ({count})" for name, count in counted if count < FEWEST_PHOTOS]
    if few and head.privacy is None:
        shown = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
        raise InputError(
            f"expected at least {FEWEST_PHOTOS} photos of each class before a head is shared, "
            f"found {shown}: its weights nearly are those photos' embeddings; teach more photos, "
            "fit with privacy, or force it"
        )
