"""Round: what devices are asked to contribute, and what privacy they have when they do."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from headfit.errors import InputError
from headfit.files.class_names import MAX_CLASSES, checked_class_name
from headfit.learning.origin import WHOLE, ExtractorReference, View
from headfit.pooling.projection import UNITS, Projection
from headfit.privacy.accounting import check_privacy, epsilon_spent, noise_for

MAX_PHOTOS: Final = 1 << 10
MAX_DEVICES: Final = 1 << 20
MIN_NOISE, MAX_NOISE = 1 << 18, 1 << 34
MAX_NUMBERS: Final = 1 << 24
DEFAULT_MIN_DEVICES: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """What is asked for; made by `call`, read by `headfit.pooling.read_round`.

    Attributes
    ----------
    round_id : str
        32 hex digits.
    extractor : ExtractorReference
    views : tuple of View
        How it looks at each photo.
    classes : tuple of str
        Sorted.
    projection : Projection
    moments : bool
        Whether second moments are asked for besides counts and class sums.
    max_photos : int
        Photos of one device that count at most.
    noise : int
        One device's share of the noise, in units of 1 / `UNITS`; 0 for the curator's own devices.
    delta : float
    devices, min_devices : int
        How many are expected, and how few are never opened.
    device_keys : tuple of str or None
        Whose signatures are taken; None: anybody contributes, unsigned.
    """

    round_id: str
    extractor: ExtractorReference
    views: tuple[View, ...]
    classes: tuple[str, ...]
    projection: Projection
    moments: bool
    max_photos: int
    noise: int
    delta: float
    devices: int
    min_devices: int
    device_keys: tuple[str, ...] | None = None

    @classmethod
    def call(
        cls,
        extractor: ExtractorReference,
        classes: Collection[str],
        projection: Projection,
        *,
        epsilon: float | None,
        delta: float = 1e-5,
        devices: int = DEFAULT_MIN_DEVICES,
        min_devices: int | None = None,
        max_photos: int = 20,
        moments: bool = True,
        views: tuple[View, ...] = (WHOLE,),
        device_keys: Collection[str] | None = None,
    ) -> Round:
        """Return a new round.

        Parameters
        ----------
        extractor : ExtractorReference
        classes : collection of str
            At least two; of a device's photos only those of these classes count.
        projection : Projection
        epsilon : float or None
            What each device has if ``devices`` contribute; None: no noise, for the curator's own
            devices alone.
        delta : float
            Well below one over the number of devices.
        devices : int
            How many are expected. More make it more private, fewer less: `epsilon`.
        min_devices : int, optional
            By default half of those expected, and 20 at least where so many are.
        max_photos : int
            Noise grows with it, and so does what one device can spoil.
        moments : bool
            They make a better head where there are thousands of photos, or no noise.
        views : tuple of View
        device_keys : collection of str, optional
            Public keys, 64 hex digits each.

        Raises
        ------
        InputError
            If any of it is not so.
        """
        classes = [checked_class_name(name) for name in classes]
        if len(set(classes)) != len(classes) or not 2 <= len(classes) <= MAX_CLASSES:
            raise InputError(
                f"expected 2 to {MAX_CLASSES} different classes, found {len(classes)}, of which "
                f"{len(set(classes))} are different; name each once"
            )
        if min_devices is None:
            min_devices = min(devices, max(DEFAULT_MIN_DEVICES, devices // 2))
        for what, value, low, high in (
            ("devices", devices, 2, MAX_DEVICES),
            ("min_devices", min_devices, 2, devices),
            ("max_photos", max_photos, 1, MAX_PHOTOS),
        ):
            if not low <= value <= high:
                raise InputError(f"expected {what} from {low} to {high}, found {value}")
        noise = 0
        change = _change(max_photos, moments)
        if epsilon is not None:
            check_privacy(epsilon, delta)
            # A part per thousand below: shares are whole numbers.
            noise = math.ceil(noise_for(epsilon, delta) * change * UNITS / math.sqrt(devices))
            if not MIN_NOISE <= noise <= MAX_NOISE:
                raise InputError(
                    f"expected noise of {MIN_NOISE} to {MAX_NOISE} units a device, found {noise}; "
                    "change epsilon, max_photos or the number of devices"
                )
        keys = None if device_keys is None else tuple(sorted({key.lower() for key in device_keys}))
        wrong = next((key for key in keys or () if not re.fullmatch("[0-9a-f]{64}", key)), None)
        if wrong is not None or keys == ():
            raise InputError(
                "expected device_keys of 64 hex digits each, as `headfit keygen` prints, found "
                f"{'none' if wrong is None else repr(wrong)}; ask each device for its own"
            )
        made = cls(
            round_id=secrets.token_hex(16),
            extractor=extractor,
            views=views,
            classes=tuple(sorted(classes)),
            projection=projection,
            moments=moments,
            max_photos=max_photos,
            noise=noise,
            delta=float(delta),
            devices=devices,
            min_devices=min_devices,
            device_keys=keys,
        )
        if made.n_numbers > MAX_NUMBERS:
            raise InputError(
                f"expected at most {MAX_NUMBERS} numbers of each device, found {made.n_numbers}; "
                "take a narrower view or fewer classes"
            )
        return made

    @property
    def n_numbers(self) -> int:
        """How long a device's vector is."""
        return self.n_first + (self.width * (self.width + 1) // 2 if self.moments else 0)

    @property
    def n_first(self) -> int:
        """How many of these, the first ones, are counts and class sums."""
        return len(self.classes) * (1 + self.width)

    @property
    def width(self) -> int:
        """Width of what photos are projected to."""
        return self.projection.width

    def spread(self, n_devices: int) -> float:
        """Return the noise's standard deviation in the sum of so many devices, in units of 1."""
        return self.noise * math.sqrt(n_devices) / UNITS

    def epsilon(self, n_devices: int) -> float:
        """Return the epsilon of each device's photos, all together, if so many were summed.

        Infinite without noise. Devices that add no noise, or say what they added, do not count.
        """
        if self.noise == 0:
            return math.inf
        multiplier = self.spread(n_devices) / _change(self.max_photos, self.moments)
        return epsilon_spent(multiplier, 1.0, 1, self.delta)


def _change(max_photos: int, moments: bool) -> float:
    """Return by how much one device changes the sums at most, in Euclidean norm."""
    return max_photos * math.sqrt(3 if moments else 2)
