"""The tables of the example store; docs/store-format.md says what they hold."""

from __future__ import annotations

from typing import Final

APPLICATION_ID: Final = 0x48454654
"""SQLite's mark of whose file this is: the letters HEFT."""

VERSION: Final = 1
"""SQLite's ``user_version``."""

PAGE_BYTES: Final = 16_384
"""Seven float32 embeddings of 512 fit a page of this size; one fits SQLite's default of 4096."""

# Every row carries a CRC-32 of what it means, because SQLite notices damage to its trees but not to
# the values in them.
TABLES: Final = (
    # One row. views: how photos were looked at. must_erase: something was deleted whose traces are
    # still in the file. key_check: NULL if nothing is encrypted, otherwise an empty value sealed
    # with the key, to know it by.
    "CREATE TABLE store (fingerprint TEXT NOT NULL, embedding_dim INTEGER NOT NULL, "
    "dtype TEXT NOT NULL, views TEXT NOT NULL, checksum INTEGER NOT NULL, "
    "must_erase INTEGER NOT NULL, key_check BLOB)",
    "CREATE TABLE classes (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
    "checksum INTEGER NOT NULL)",
    # AUTOINCREMENT: the id of a forgotten example never comes to mean another one.
    "CREATE TABLE examples (id INTEGER PRIMARY KEY AUTOINCREMENT, class_id INTEGER NOT NULL, "
    "added_at_us INTEGER NOT NULL, photo_hash INTEGER NOT NULL, checksum INTEGER NOT NULL, "
    "embedding BLOB NOT NULL)",
    "CREATE INDEX examples_by_class ON examples (class_id)",
    "CREATE TABLE thumbnails (example_id INTEGER PRIMARY KEY, jpeg BLOB NOT NULL, "
    "checksum INTEGER NOT NULL)",
    # Which photo an example of a folder was made of.
    "CREATE TABLE digests (example_id INTEGER PRIMARY KEY, digest BLOB NOT NULL, "
    "checksum INTEGER NOT NULL)",
    # What undo needs: the ids that were added, the class that was renamed and its old name, or the
    # class that examples were moved to: then from where, a row of moves for each class.
    "CREATE TABLE changes (id INTEGER PRIMARY KEY, first_id INTEGER, last_id INTEGER, "
    "class_id INTEGER, old_name TEXT)",
    "CREATE TABLE moves (change_id INTEGER NOT NULL, class_id INTEGER NOT NULL, "
    "name TEXT NOT NULL, example_ids BLOB NOT NULL)",
)

COLUMNS_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS columns (names TEXT NOT NULL, checksum INTEGER NOT NULL)"
)
"""One row at most: what the embeddings' columns are called. Made where a table brings names."""
