"""What callers pass is checked here, once: embeddings, class names, extractors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from headfit.errors import ExtractorMismatchError, InputError
from headfit.files.headfile import CLASS_NAME_RULE, MAX_CLASSES, is_class_name
from headfit.files.manifest import MAX_EMBEDDING_DIM, ExtractorReference, Manifest


class DescribedExtractor(Protocol):
    """What a head needs to know of an extractor: `headfit.Extractor` has it."""

    @property
    def manifest(self) -> Manifest:
        """What the extractor is."""
        ...


def checked_embeddings(embeddings: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return embeddings as finite float32 by rows; the caller's array is not written to."""
    try:
        given = np.asarray(embeddings)
    except ValueError as error:  # rows of different lengths
        raise InputError(
            f"expected embeddings of one width, found: {error}; use one extractor for all"
        ) from error
    if given.ndim != 2 or given.dtype.kind not in "fiu":
        raise InputError(
            "expected numbers of shape (n_samples, embedding_dim), found "
            f"{given.dtype} of shape {given.shape}; for one embedding write embedding[None]"
        )
    if not 1 <= given.shape[1] <= MAX_EMBEDDING_DIM:
        raise InputError(
            f"expected embeddings of width 1 to {MAX_EMBEDDING_DIM}, found {given.shape[1]}; pass "
            "what an extractor returns"
        )
    with np.errstate(over="ignore"):
        checked = np.ascontiguousarray(given, np.float32)
    is_bad = ~np.isfinite(checked).all(axis=1)
    if is_bad.any():
        raise InputError(
            f"expected finite embeddings, found NaN or infinity in {is_bad.sum()} of "
            f"{len(checked)}, the first at row {is_bad.argmax()}; leave them out"
        )
    return checked


def check_width(embeddings: npt.NDArray[np.float32], extractor: DescribedExtractor | None) -> None:
    """Refuse embeddings that the extractor cannot have made."""
    if extractor is not None and extractor.manifest.embedding_dim != embeddings.shape[1]:
        raise InputError(
            f"expected embeddings of width {extractor.manifest.embedding_dim} as "
            f"{extractor.manifest.name} makes them, found width {embeddings.shape[1]}; pass the "
            "extractor that made them"
        )


def check_extractor(
    fitted_on: ExtractorReference | None, embedding_dim: int, manifest: Manifest, source: str
) -> None:
    """Refuse a head whose embeddings came from another extractor; ``source`` names the head."""
    if fitted_on is not None and fitted_on.fingerprint != manifest.fingerprint:
        raise ExtractorMismatchError(
            f"{source}: expected the extractor {fitted_on.name} with fingerprint "
            f"{fitted_on.fingerprint}, found {manifest.name} with {manifest.fingerprint}; "
            "open that extractor, or train the head again on this one"
        )
    if embedding_dim != manifest.embedding_dim:
        raise ExtractorMismatchError(
            f"{source}: expected embeddings of width {embedding_dim}, found an extractor of "
            f"width {manifest.embedding_dim} ({manifest.name}); open the one that the head was "
            "fitted on"
        )


def check_class(class_name: str, classes: Collection[str]) -> None:
    """Refuse the name of a class that is not there."""
    if class_name not in classes:
        raise InputError(
            f"expected one of the classes ({', '.join(sorted(classes))}), found {class_name!r}; "
            "name a class that was taught"
        )


def check_rename(classes: Collection[str], class_name: str, new_name: str) -> None:
    """Refuse to rename a class that is not there, or to a name that is taken or unusable."""
    check_class(class_name, classes)
    if not (isinstance(new_name, str) and is_class_name(new_name)):
        raise InputError(f"expected {CLASS_NAME_RULE}, found {new_name!r}; choose another")
    if new_name in classes and new_name != class_name:
        raise InputError(
            f"expected a new name, found {new_name!r}, which is another class; to merge the two, "
            "teach the examples again under one name"
        )


def checked_names(class_names: Sequence[str] | npt.NDArray[np.str_], n_samples: int) -> list[str]:
    """Return the class name of each of ``n_samples`` examples as str."""
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        found = type(class_names) if isinstance(class_names, str) else _other_type(class_names)
        raise InputError(
            f"expected a class name per example, each a str, found {found.__name__}; pass a list "
            "of names"
        )
    if len(class_names) != n_samples:
        raise InputError(
            f"expected as many class names as embeddings, found {len(class_names)} names and "
            f"{n_samples} embeddings; give each embedding its class"
        )
    names = [str(name) for name in class_names]
    for name in sorted(set(names)):
        if not is_class_name(name):
            raise InputError(f"expected {CLASS_NAME_RULE}, found {name!r}; rename the class")
    return names


def check_streamable(
    weights: npt.NDArray[np.float32],
    thresholds: npt.NDArray[np.float32] | None,
    embeddings: npt.NDArray[np.float32],
) -> None:
    """Refuse to go on training a binary head, or one of another width."""
    if thresholds is not None:
        raise InputError(
            "expected a head of float weights to go on training, found a binary one; fit it again, "
            "or stream into a new head"
        )
    if embeddings.shape[1] != len(weights):
        raise InputError(
            f"expected embeddings of width {len(weights)} as before, found width "
            f"{embeddings.shape[1]}; use one extractor for all"
        )


def _other_type(values: Iterable[object]) -> type:
    return next(type(value) for value in values if not isinstance(value, str))


def classes_and_targets(
    names: Sequence[str],
) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """Return the sorted classes of checked names, and the column of each name among them."""
    classes = tuple(sorted(set(names)))
    if not 2 <= len(classes) <= MAX_CLASSES:
        found = f"one class: {classes[0]!r}" if len(classes) == 1 else str(len(classes))
        raise InputError(
            f"expected 2 to {MAX_CLASSES} classes, found {found}; add examples of something else"
        )
    columns = {name: column for column, name in enumerate(classes)}
    return classes, np.array([columns[name] for name in names], np.intp)
