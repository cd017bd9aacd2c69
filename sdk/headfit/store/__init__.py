"""The example store: embeddings and class names on disk, safe against crashes; never photos."""

from __future__ import annotations

from headfit.store.keys import key_from_keyring
from headfit.store.repair import RepairReport, repair_store
from headfit.store.rows import Examples
from headfit.store.store import ExampleStore

__all__ = ["ExampleStore", "Examples", "RepairReport", "key_from_keyring", "repair_store"]
