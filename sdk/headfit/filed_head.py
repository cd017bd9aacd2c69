"""FiledHead: what a head file holds of a head, written and read."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TypeVar

from headfit.errors import InputError
from headfit.files.class_names import DescribedExtractor, check_extractor
from headfit.files.disk import read_bounded
from headfit.files.head_parts import PrivacyGuarantee
from headfit.files.headfile import MAX_FILE_BYTES, HeadData, load_head, save_head
from headfit.files.manifest import ExtractorReference, Manifest
from headfit.files.tensors import rounded
from headfit.maths.arrays import Scalar
from headfit.predictor import Predictor
from headfit.privacy.sharing import released
from headfit.privacy.signing import verify_head_bytes
from headfit.version import __version__

Self = TypeVar("Self", bound="FiledHead")


class FiledHead(Predictor):
    """The part of `headfit.head.SoftmaxHead` that files hold; how it was fitted does not matter.

    Attributes
    ----------
    class_counts_, training_, storage_, privacy_
        As `headfit.head.SoftmaxHead` has them; none is there before it has learned.
    """

    class_counts_: tuple[int, ...]
    training_: Mapping[str, Scalar]
    storage_: str
    privacy_: PrivacyGuarantee | None
    _extractor: ExtractorReference | None = None

    @property
    def fingerprint_(self) -> str | None:
        """Fingerprint of the extractor that the head was fitted on, None if nobody said."""
        return self._extractor.fingerprint if self._extractor else None

    def save(self, path: str | os.PathLike[str], *, storage: str | None = None) -> None:
        """Write a head file (docs/head-format.md), whole or not at all.

        Parameters
        ----------
        path : path
        storage : "float32", "float16" or "int8", optional
            How to store the weights, rounded if need be; by default as `storage_` says.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        InputError
            If the weights cannot be stored so. Signs stay signs, and are not made by rounding: a
            binary head is fitted with ``method="binary"``.
        """
        save_head(path, self.data(storage))

    def share(
        self, path: str | os.PathLike[str], *, storage: str | None = None, force: bool = False
    ) -> None:
        """Write a head file for others, as `save` does for the user, unless it gives photos away.

        Raises
        ------
        UnshareableHeadError
            If a class rests on fewer than three examples and the head is not private; ``force``
            writes it all the same.
        """
        save_head(path, self.released(storage=storage, force=force))

    def released(self, *, storage: str | None = None, force: bool = False) -> HeadData:
        """Return what `share` writes, with its errors; whatever else gives heads away asks here."""
        return released(self.data(storage), force=force)

    def data(self, storage: str | None = None) -> HeadData:
        """Return what `save` writes; for `headfit.privacy.signing`."""
        self.require_fitted()
        weights, storage = self.weights_, storage or self.storage_
        if storage != self.storage_:
            if self.thresholds_ is not None:
                raise InputError(
                    f"expected a storage of 'binary' for a binary head, found {storage!r}; fit "
                    "another head"
                )
            weights = rounded(weights, storage)
        return HeadData(
            weights=weights,
            bias=self.bias_,
            classes=self.classes_,
            class_counts=self.class_counts_,
            extractor=self._extractor,
            training=self.training_,
            headfit_version=__version__,
            storage=storage,
            thresholds=self.thresholds_,
            calibration=self.calibration_,
            typicality=self.typicality_,
            privacy=self.privacy_,
        )

    @classmethod
    def load(
        cls: type[Self],
        path: str | os.PathLike[str],
        *,
        extractor: DescribedExtractor | None = None,
        trusted_keys: Collection[str] | None = None,
    ) -> Self:
        """Read a head file.

        Parameters
        ----------
        path : path
        extractor : Extractor, optional
            What will make the embeddings; the head must have been fitted on the same one.
        trusted_keys : collection of str, optional
            Public keys, 64 hex digits each: one of them must have signed the file.

        Raises
        ------
        ExtractorMismatchError
            If the head was fitted on another extractor.
        FileFormatError
            If the file is no head file, or damaged.
        UntrustedHeadError
            If none of ``trusted_keys`` signed it.
        MissingExtraError
            If the library that checks signatures is not installed.
        """
        if trusted_keys is None:
            data = load_head(path)
        else:
            file = read_bounded(path, MAX_FILE_BYTES)
            data = verify_head_bytes(file, trusted_keys, os.fspath(path))
        if extractor is not None:
            check_extractor(data.extractor, len(data.weights), extractor.manifest, os.fspath(path))
        head = cls()
        head.weights_, head.bias_ = data.weights, data.bias
        head.classes_, head.class_counts_ = data.classes, data.class_counts
        head.training_, head._extractor = data.training, data.extractor
        head.storage_, head.thresholds_ = data.storage, data.thresholds
        head.calibration_, head.typicality_ = data.calibration, data.typicality
        head.privacy_ = data.privacy
        return head

    def check_extractor(self, manifest: Manifest) -> None:
        """Refuse an extractor that this head was not fitted on.

        Raises
        ------
        NotFittedError
            If the head has not been fitted.
        ExtractorMismatchError
            If the fingerprint is another than the one that the head remembers, or the width is.
        """
        self.require_fitted()
        check_extractor(self._extractor, len(self.weights_), manifest, "this head")
