"""Small pictures of what was taught: in memory while the app runs, on the disk if allowed."""

from __future__ import annotations

from typing import TypeAlias

from headfit.store import ExampleStore

Pictures: TypeAlias = dict[int, bytes]
"""JPEGs by the ids of their examples."""


def keep_thumbnails(store: ExampleStore, pictures: Pictures, allowed: bool) -> int:
    """Keep the pictures that are known in a store, or erase all of it for good.

    Returns
    -------
    int
        Of how many examples there is no picture to keep.
    """
    if not allowed:
        store.erase_thumbnails()
        return 0
    without = store.names_by_id().keys() - store.thumbnail_sizes().keys()
    known = {example_id: pictures[example_id] for example_id in without & pictures.keys()}
    if known:
        store.add_thumbnails(known)
    return len(without) - len(known)
