"""Every exception that headfit raises, by what the caller can do about it.

::

    HeadfitError
    ├─ InputError (ValueError)            what the caller passed cannot be used
    │  ├─ NotFittedError (AttributeError)
    │  └─ UnshareableHeadError            single photos could be read from this head
    ├─ ImageError (ValueError)            these bytes are no usable image: says which and why
    ├─ FileFormatError (ValueError)       a head file or manifest breaks its specification
    │  ├─ UnsupportedVersionError
    │  └─ UntrustedHeadError              not signed by a key that is trusted
    ├─ ExtractorError                     the frozen extractor cannot be opened or run
    │  ├─ ExtractorMissingError           it is not on this device: install it once
    │  ├─ ExtractorMismatchError          a head fitted on another extractor
    │  └─ EngineMissingError (ImportError) names the pip command
    ├─ MissingExtraError (ImportError)    an optional library; names the pip command
    ├─ StoreError                         the example store is locked, full or read-only, or else
    │  └─ DamagedStoreError               its bytes are not what was written: repair it
    └─ TrainingDivergedError (ArithmeticError)

A message says what was expected, what was found, and what to do about it. Standard errors
pass untouched: a file that is not there is a ``FileNotFoundError``.
"""

from __future__ import annotations


class HeadfitError(Exception):
    """Base of every error of this library."""


class InputError(HeadfitError, ValueError):
    """What the caller passed cannot be used."""


class NotFittedError(InputError, AttributeError):
    """The head has not learned anything yet, so that attributes like ``weights_`` are missing."""


class UnshareableHeadError(InputError):
    """The head would give single photos away: see `headfit.privacy.sharing`."""


class ImageError(HeadfitError, ValueError):
    """These bytes are no usable image; the message says which and why."""


class FileFormatError(HeadfitError, ValueError):
    """A head file or a manifest breaks its specification."""


class UnsupportedVersionError(FileFormatError):
    """The file follows a version of its format that this headfit does not know."""


class UntrustedHeadError(FileFormatError):
    """The head file is whole, but not signed by a key that is trusted."""


class MissingExtraError(HeadfitError, ImportError):
    """An optional library is not installed; the message names the pip command."""


class ExtractorError(HeadfitError):
    """The frozen extractor cannot be opened or run."""


class ExtractorMissingError(ExtractorError):
    """The extractor is not on this device; the message says which file to install."""


class ExtractorMismatchError(ExtractorError):
    """The head was fitted on the embeddings of another extractor."""


class EngineMissingError(ExtractorError, ImportError):
    """No engine that runs the extractor is installed, or none is called so; it says which are."""


class StoreError(HeadfitError):
    """The example store is damaged, locked, full or read-only."""


class DamagedStoreError(StoreError):
    """The store's bytes are not what was written; `headfit.store.repair_store` keeps the rest."""


class TrainingDivergedError(HeadfitError, ArithmeticError):
    """Training left the finite numbers; no head was made."""
