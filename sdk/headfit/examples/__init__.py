"""The example store: embeddings and class names collected so far; survives a crash; no photos."""

from __future__ import annotations

from headfit.examples.keys import key_from_keyring
from headfit.examples.repair import RepairReport, repair_store
from headfit.examples.rows import Examples
from headfit.examples.store import ExampleStore

__all__ = ["ExampleStore", "Examples", "RepairReport", "key_from_keyring", "repair_store"]
