"""Opening: two halves, or plain contributions, become the head of all devices."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from headfit.errors import InputError
from headfit.learning.class_sums import ClassSums
from headfit.learning.fitted_head import FittedHead, PrivacyGuarantee
from headfit.learning.lda import PRIOR_PHOTOS
from headfit.maths.arrays import DoubleArray, Scalar
from headfit.pooling.half import Half
from headfit.pooling.plain import Plain
from headfit.pooling.round import Round
from headfit.pooling.round_file import RoundFile
from headfit.pooling.vector import Words, class_sums_of
from headfit.privacy.noise import LOGIT_SCALE

SHARPNESS: Final = 0.4
"""How sharp logits of the analysis usually have to be where there are many photos: 0.55 on 5 kinds
of flowers, 0.26 on 15 of scenes. Calibration on photos of one's own finds it.
"""

ASSUMPTIONS: Final = (
    "Neighbouring data sets differ by all photos of one device, added or removed. The names of the "
    "classes and the number of devices are public. All {devices} devices added their share of the "
    "noise and told it to nobody, and the two sides did not add up anything but their halves; of "
    "devices that did not, the epsilon of those that are left holds. Photos count once: epsilons "
    "of several rounds, and of several devices of one person, add up. Settings and view were "
    "chosen without the photos."
)

_FAR = 8.0  # standard deviations of the noise


def opened(called: RoundFile, halves: tuple[Half, Half]) -> FittedHead:
    """Return the head of the two sides' halves, with the privacy that it gives.

    Raises
    ------
    InputError
        If they are not the halves of this round over the same contributions, those are too few, or
        the sums are none that the round's devices can have.
    """
    one, other = halves
    if {half.digest for half in halves} != {called.digest}:
        found = ", ".join(half.digest[:12] for half in halves)
        raise InputError(
            f"expected halves of the round {called.digest[:12]}, found those of {found}; give the "
            "round's own"
        )
    if {half.side for half in halves} != {"a", "b"}:
        raise InputError(
            f"expected the halves of both sides, found two of side {one.side}; give one of each"
        )
    if one.ids != other.ids:
        only = [len(set(left.ids) - set(right.ids)) for left, right in (halves, halves[::-1])]
        raise InputError(
            f"expected halves over the same contributions, found {only[0]} that are in the first "
            f"alone and {only[1]} in the second; each side sums over both rolls"
        )
    n_devices = len(one.ids)
    if n_devices < called.round.min_devices:
        raise InputError(
            f"expected at least {called.round.min_devices} contributions, found {n_devices}; call "
            "a new round of more devices"
        )
    spread = called.round.spread(n_devices)
    sums = class_sums_of(called.round, one.sums + other.sums)  # modulo 2^64
    _check_range(called.round, sums, n_devices, spread)
    guarantee = PrivacyGuarantee(
        "sums of devices, discrete Gaussian noise",
        called.round.epsilon(n_devices),
        called.round.delta,
        ASSUMPTIONS.format(devices=n_devices),
    )
    return head_of(called, sums, spread, n_devices, guarantee)


def opened_plain(called: RoundFile, contributions: Iterable[Plain]) -> FittedHead:
    """Return the head of plain contributions; it is not private.

    Raises
    ------
    InputError
        If there are none.
    """
    total: Words = np.zeros(called.round.n_numbers, np.uint64)
    n_devices = 0
    for plain in contributions:
        total += plain.sums
        n_devices += 1
    if n_devices == 0:
        raise InputError("expected at least one contribution, found none that can be used")
    return head_of(called, class_sums_of(called.round, total), 0.0, n_devices, None)


def _check_range(called: Round, sums: ClassSums, n_devices: int, spread: float) -> None:
    """Refuse what honest devices cannot have summed to, but for the noise."""
    most, slack = n_devices * called.max_photos, _FAR * spread
    checked = {"counts": sums.counts}
    if called.moments:
        checked["moments"] = np.diagonal(sums.moments)
    for what, values in checked.items():
        if values.min() < -slack or values.max() > most + slack:
            raise InputError(
                f"expected {what} from 0 to {most}, give or take {slack:.0f}, found "
                f"{values.min():.0f} to {values.max():.0f}: a device sent what none can; call a "
                "new round"
            )


def head_of(
    called: RoundFile,
    sums: ClassSums,
    spread: float,
    n_devices: int,
    guarantee: PrivacyGuarantee | None,
) -> FittedHead:
    """Return the head of sums that so many devices have, with noise of this standard deviation.

    Raises
    ------
    InputError
        If there are photos of fewer than two classes.
    """
    asked = called.round
    there = [column for column, count in enumerate(sums.counts.tolist()) if count >= 1]
    if len(there) < 2:
        counts = zip(asked.classes[:10], sums.counts[:10].tolist(), strict=True)
        found = ", ".join(f"{count:.0f} of {name!r}" for name, count in counts)
        noise = f", give or take {spread:.0f} by noise" if spread else ""
        raise InputError(
            f"expected photos of at least two classes, found {found}{noise}; call a new round, of "
            "more devices or with less noise"
        )
    sums = sums.at_columns(there)
    analysis = _analysed if asked.moments else _nearest_means
    weights, bias = analysis(sums, spread)
    weights -= weights.mean(axis=1, keepdims=True)  # common to all: changes no probability
    unfolded_weights, unfolded_bias = asked.projection.unfold(weights, bias - bias.mean())
    training: dict[str, Scalar] = {
        "method": "pooled-lda" if asked.moments else "pooled-class-sums",
        "round": called.digest,
        "devices": n_devices,
        "max_photos": asked.max_photos,
        "noise": spread,
        "view_width": asked.width,
    }
    return FittedHead(
        weights=np.ascontiguousarray(unfolded_weights),
        bias=unfolded_bias,
        classes=tuple(asked.classes[column] for column in there),
        class_counts=tuple(round(count) for count in sums.counts.tolist()),
        training=training,
        extractor=asked.extractor,
        privacy=guarantee,
        views=asked.views,
    )


def _analysed(sums: ClassSums, spread: float) -> tuple[DoubleArray, DoubleArray]:
    """Return discriminant analysis of sums with noise: `headfit.learning.lda`, and what is added.

    The eigenvalues of symmetric noise reach ``2 sqrt(width)`` spreads (Wigner's semicircle): below
    that is nothing, and so much is added to all. The noise of a mean is taken off its length.
    """
    n_classes, width = sums.sums.shape
    total, means = float(sums.counts.sum()), sums.means()
    ridge = 2 * math.sqrt(width) * spread
    values, vectors = np.linalg.eigh(sums.scatter_within())
    scatter = (vectors * np.maximum(values, 0)) @ vectors.T
    mean = sums.sums.sum(axis=0) / total
    variance = np.maximum(np.diagonal(sums.moments) / total - np.square(mean), 0)
    # A feature that never varies has no say, and must not make this singular.
    prior = PRIOR_PHOTOS * (variance + ridge / total) + ridge
    prior[prior <= 0] = 1.0
    scatter[np.diag_indices(width)] += prior
    inverse = np.linalg.inv(scatter) * (total - n_classes + PRIOR_PHOTOS)
    weights = inverse @ means.T
    lengths = np.einsum("cd,dc->c", means, weights)
    lengths -= np.trace(inverse) * np.square(spread / sums.counts)
    return SHARPNESS * weights, SHARPNESS * (np.log(sums.counts) - lengths / 2)


def _nearest_means(sums: ClassSums, spread: float) -> tuple[DoubleArray, DoubleArray]:
    """Return what takes the nearest mean; a mean's length is less what noise gave it."""
    means = sums.means()
    noise = means.shape[1] * np.square(spread / sums.counts)
    lengths = np.maximum(np.square(means).sum(axis=1) - noise, 0)
    return LOGIT_SCALE * means.T, -LOGIT_SCALE / 2 * lengths
