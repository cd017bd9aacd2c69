"""Examples of a store that a head could have learned."""

from __future__ import annotations

from pathlib import Path

from headfit.errors import ExtractorMismatchError, InputError
from headfit.files.views import views_text
from headfit.head import SoftmaxHead
from headfit.store import ExampleStore
from headfit.store.rows import Examples


def examples_of(store: Path, head: SoftmaxHead, head_path: Path) -> Examples:
    """Return the examples of a store, if a head could have learned them.

    Raises
    ------
    ExtractorMismatchError
        If they are of another extractor, or of other views of photos.
    InputError
        If there are none.
    """
    with ExampleStore.open(store) as opened:
        if head.fingerprint_ not in (None, opened.fingerprint):
            raise ExtractorMismatchError(
                f"{store}: expected examples of the extractor {head.fingerprint_}, as those of "
                f"{head_path} are, found those of {opened.fingerprint}; give another store"
            )
        if head.fingerprint_ is not None and opened.views != head.views_:
            raise ExtractorMismatchError(
                f"{store}: expected examples of the views {views_text(head.views_)}, as those of "
                f"{head_path} are, found those of {views_text(opened.views)}; give another store"
            )
        examples = opened.load()
    if not examples.class_names:
        raise InputError(
            f"{store}: expected examples, found none; give a store of those that {head_path} knows"
        )
    return examples
