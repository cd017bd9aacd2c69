"""A network that was cut, and the sizes of pictures that it takes; for every format."""

from __future__ import annotations

from dataclasses import dataclass

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
    height, width : int
    is_rounded : bool
        Whether layers are rounded to 8 bits, so that engines differ a little.
    described : Described
    """

    model: bytes
    place: Place
    is_automatic: bool
    height: int
    width: int
    is_rounded: bool
    described: Described


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
