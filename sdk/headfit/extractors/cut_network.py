"""A network that was cut, and the sizes of pictures that it takes; for every format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from headfit.errors import ExtractorError, InputError
from headfit.files.manifest import MAX_INPUT_SIDE
from headfit.networks.place import Place


@dataclass(frozen=True, slots=True)
class Described:
    """What a network's file says of itself.

    Attributes
    ----------
    author, licence : str
        Empty where it does not say.
    labels : tuple of str
        What its classifier told apart.
    mean, std : tuple of float, or None
        How pictures are prepared: one number or three each.
    source : str
        Where mean and std are from, for people.
    fault : str
        Why what it says cannot be used; empty if it can.
    """

    author: str = ""
    licence: str = ""
    labels: tuple[str, ...] = ()
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    source: str = ""
    fault: str = ""


_FEWEST_NUMBERS: Final = 64
"""That pixels may become: of fewer, the network sees little."""
_FEWEST_KEPT: Final = 0.9
"""Part of the pixels' range that an input must hold, where what is beyond becomes its end."""


@dataclass(frozen=True, slots=True)
class WholeInput:
    """What numbers an input of whole ones takes: ``round(input / scale) + zero``.

    Attributes
    ----------
    least, most : int
        Smallest and largest whole number.
    scale, zero : float
    wraps : bool
        Whether numbers beyond begin again at the other end; otherwise they become the last one.
    """

    least: int
    most: int
    scale: float = 1.0
    zero: float = 0.0
    wraps: bool = True

    def check(self, mean: float, std: float) -> None:
        """Refuse a preparation by which pixels would become numbers that say little of them.

        Raises
        ------
        InputError
            If pixels of 0 to 255 become less than a quarter as many numbers, or leave the range.
        """
        first, last = (((pixel - mean) / std) / self.scale + self.zero for pixel in (0, 255))
        kept = min(last, self.most + 0.5) - max(first, self.least - 0.5)
        is_kept = kept >= (last - first) * (1 if self.wraps else _FEWEST_KEPT)
        if kept < _FEWEST_NUMBERS or not is_kept:
            otherwise = "leave both out" if self.is_of_8_bits else "give --mean 0 --std 1"
            raise InputError(
                "expected --mean and --std by which pixels of 0 to 255 become whole numbers from "
                f"{self.least} to {self.most}, {_FEWEST_NUMBERS} or more, as this network takes "
                f"them, found that {mean:g} and {std:g} make {first:.1f} to {last:.1f} of them; "
                f"{otherwise}, and pixels go in as they are"
            )

    @property
    def is_of_8_bits(self) -> bool:
        """Whether there is one number for each of the 256 values of a pixel."""
        return self.most - self.least == 255

    @property
    def as_it_is(self) -> tuple[float, float]:
        """Return mean and std by which pixels go in as they are, from its least number on.

        What makes numbers of them is what the network takes back.
        """
        return self.zero - self.least, 1.0 / self.scale


@dataclass(frozen=True, slots=True)
class CutNetwork:
    """A network that is an extractor now.

    Attributes
    ----------
    model : bytes
        The file, float32 of (1, height, width, 3) to (1, embedding_dim).
    place : Place
        Where it was cut.
    is_automatic : bool
        Whether nobody named the place.
    is_whole : bool
        Whether that is the network's own output.
    height, width : int
    is_rounded : bool
        Whether layers are rounded to 8 bits, so that engines differ a little.
    described : Described
    takes : WholeInput or None
        If the network's own input is of whole numbers.
    """

    model: bytes
    place: Place
    is_automatic: bool
    is_whole: bool
    height: int
    width: int
    is_rounded: bool
    described: Described
    takes: WholeInput | None = None


def checked_size(size: tuple[int, int] | None, found: tuple[int, int]) -> tuple[int, int]:
    """Return the size of a network's input, where it is fixed.

    Raises
    ------
    InputError
        If another was asked for.
    """
    height, width = found
    if size is not None and tuple(size) != found:
        raise InputError(
            f"expected a size of {width} x {height}, which this network is fixed to, found "
            f"{size[1]} x {size[0]}; leave --size out"
        )
    if max(found) > MAX_INPUT_SIDE:
        raise ExtractorError(
            f"expected pictures of at most {MAX_INPUT_SIDE} pixels a side, found a network that "
            f"takes {width} x {height}; choose a smaller one"
        )
    return found


def needed_size(size: tuple[int, int] | None) -> tuple[int, int]:
    """Return the size that was asked for, where the network leaves it open.

    Raises
    ------
    InputError
        If none was, or no network takes it.
    """
    if size is None:
        raise InputError(
            "expected --size, as this network takes pictures of any size, found none; give the one "
            "that it was trained on, such as --size 224"
        )
    if not all(1 <= n <= MAX_INPUT_SIDE for n in size):
        raise InputError(
            f"expected a size of 1 to {MAX_INPUT_SIDE} pixels a side, found {size[1]} x {size[0]}; "
            "give the one that it was trained on, such as --size 224"
        )
    return size
