"""Contributing: a device's examples become two parts, or one plain contribution."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from headfit.errors import ExtractorMismatchError, InputError
from headfit.files.class_names import checked_names
from headfit.files.views import views_text
from headfit.learning.origin import View
from headfit.maths.arrays import FloatArray, TargetArray
from headfit.pooling.part import Part, parts_of
from headfit.pooling.plain import Plain
from headfit.pooling.round import Round
from headfit.pooling.round_file import RoundFile
from headfit.pooling.vector import Words, noise_share, vector_of


def contributed(
    called: RoundFile, embeddings: FloatArray, class_names: Sequence[str]
) -> tuple[Part, Part]:
    """Return the parts A and B of these examples: their sums with noise, masked.

    Parameters
    ----------
    called : RoundFile
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
        Where there are more than the round takes, some are drawn.
    class_names : sequence of str, length n_samples
        Examples of classes that the round does not have are left out.

    Raises
    ------
    InputError
        If none is left, they are of another width, or the round has no noise.
    """
    if called.round.noise == 0:
        raise InputError(
            "expected a round with noise, found one for the curator's own devices: its sums would "
            "show photos; say --curator if these are yours, or get another round"
        )
    vector = _sums(called.round, embeddings, class_names)
    vector += noise_share(called.round)  # modulo 2^64
    return parts_of(called.digest, vector)


def contributed_plain(
    called: RoundFile, embeddings: FloatArray, class_names: Sequence[str]
) -> Plain:
    """Return the sums of these examples as they are; embeddings can be found in them.

    Parameters and errors are those of `contributed`, but that the round needs no noise.
    """
    return Plain.of(called.digest, _sums(called.round, embeddings, class_names))


def chosen(called: Round, class_names: Sequence[str]) -> TargetArray:
    """Return the rows of examples that count, drawn by the system where there are too many."""
    known = set(called.classes)
    rows = [row for row, name in enumerate(class_names) if name in known]
    if not rows:
        found = ", ".join(sorted(set(class_names))[:10]) or "no example"
        raise InputError(
            f"expected examples of the round's classes ({', '.join(called.classes[:10])}), found "
            f"{found}; rename classes, or leave this round out"
        )
    if len(rows) > called.max_photos:
        rows = sorted(random.SystemRandom().sample(rows, called.max_photos))
    return np.array(rows, np.intp)


def check_source(called: Round, fingerprint: str, views: Sequence[View], source: str) -> None:
    """Refuse examples of another extractor, or of other views of photos.

    Raises
    ------
    ExtractorMismatchError
        If they are; ``source`` names them.
    """
    wanted = called.extractor
    if fingerprint != wanted.fingerprint:
        raise ExtractorMismatchError(
            f"{source}: expected examples of the extractor {wanted.name} with SHA-256 "
            f"{wanted.fingerprint}, found those of {fingerprint}; teach a store with that one"
        )
    if views_text(views) != views_text(called.views):
        raise ExtractorMismatchError(
            f"{source}: expected examples of the views {views_text(called.views)}, found those of "
            f"{views_text(views)}; teach a store with these"
        )


def _sums(called: Round, embeddings: FloatArray, class_names: Sequence[str]) -> Words:
    class_names = checked_names(class_names, len(embeddings))
    rows = chosen(called, class_names)
    if embeddings.shape[1] != called.projection.embedding_dim:
        raise InputError(
            f"expected embeddings of width {called.projection.embedding_dim}, found width "
            f"{embeddings.shape[1]}; use the extractor of the round"
        )
    columns = {name: column for column, name in enumerate(called.classes)}
    targets = np.array([columns[class_names[row]] for row in rows], np.intp)
    return vector_of(called, embeddings[rows], targets)
