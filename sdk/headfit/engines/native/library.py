"""Finding and loading the library."""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from headfit.engines.machine import ON_ANDROID
from headfit.engines.native import steps
from headfit.errors import EngineMissingError

FILE_NAME: Final = {"win32": "headfit_native.dll", "darwin": "libheadfit_native.dylib"}.get(
    sys.platform, "libheadfit_native.so"
)
CHECKOUT: Final = Path(__file__).parents[4]
"""Where this is a checkout, its root; `make native` builds below it."""


@dataclass(frozen=True, slots=True)
class Kernels:
    """Kernels for one kind of processor.

    Attributes
    ----------
    number : int
        By which the library knows them.
    name : str
        "avx512", "avx2", "neon" or "plain".
    unit_bits : int
        How many channels a binary convolution compares at a time.
    unit_bytes : int
        In how many bytes it keeps them.
    library : Library, optional
        Where they are; None for another machine's, which plans can be made for.
    """

    number: int
    name: str
    unit_bits: int
    unit_bytes: int
    library: Library | None = field(default=None, repr=False)


class Library:
    """The library, loaded.

    Raises
    ------
    EngineMissingError
        If the file does not load, or is of another version than this headfit.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.is_file() and not _is_whole(path):
                raise OSError("it is cut off")
            library = ctypes.CDLL(str(path))
            version = int(library.headfit_plan_version())
            self._describe = library.headfit_kernels
            self._run = library.headfit_run
        except (OSError, AttributeError) as error:
            raise EngineMissingError(f"{path} does not load: {error}; {_REMEDY}") from error
        if version != steps.VERSION:
            raise EngineMissingError(
                f"{path} reads plans of version {version}, and this headfit makes those of version "
                f"{steps.VERSION}; {_REMEDY}"
            )
        self._run.argtypes = [ctypes.c_int32, *_MEMORY * 4]
        self._run.restype = ctypes.c_int32
        self.kernels = tuple(self._supported())

    def run(self, kernels: Kernels, *memory: tuple[int, int]) -> int:
        """Check a plan and run it; without picture and arena, check it only.

        Parameters
        ----------
        kernels : Kernels
            Which ones.
        *memory : tuple of (int, int)
            Address and size in bytes of plan, constants, picture and arena.

        Returns
        -------
        int
            0, or the number of the step that does not hold, from 1; -1 for unaligned memory.
        """
        flat = [number for part in memory for number in part]
        return int(self._run(kernels.number, *flat))

    def _supported(self) -> Iterator[Kernels]:
        """Yield what this processor can run, the fastest first."""
        name = ctypes.create_string_buffer(16)
        bits, size, number = ctypes.c_int32(), ctypes.c_int32(), 0
        while answer := self._describe(number, name, ctypes.byref(bits), ctypes.byref(size)):
            if answer > 0:
                yield Kernels(number, name.value.decode(), bits.value, size.value, self)
            number += 1


_MEMORY: Final[list[Any]] = [ctypes.c_void_p, ctypes.c_uint64]
_REMEDY: Final = "build it again: `make native` in a checkout of headfit"


def _is_whole(path: Path) -> bool:
    """Whether an ELF file reaches to the end of its table of sections, which comes last.

    The loaders of Linux and Android map one that is cut off, and what then reads beyond its end is
    killed; those of other systems refuse theirs. (System V ABI, "ELF Header": e_shoff, e_shentsize
    and e_shnum.)
    """
    with path.open("rb") as file:
        header = file.read(64)
    if header[:4] != b"\x7fELF":
        return True
    if len(header) < 64:
        return False
    order, is_64 = "<>"[header[5] == 2], header[4] == 2
    (start,) = struct.unpack_from(order + "QI"[not is_64], header, 40 if is_64 else 32)
    size, count = struct.unpack_from(order + "2H", header, 58 if is_64 else 46)
    return bool(start + size * count <= path.stat().st_size)


@cache
def load_library() -> Library:
    """Load the library: out of the package headfit-native, or as `make native` left it.

    In an Android app it lies among the app's libraries, where the system finds it by its name.

    Raises
    ------
    EngineMissingError
        If it is not there or not usable.
    """
    places = []
    if (CHECKOUT / "sdk" / "native").is_dir():
        places.append(CHECKOUT / "build" / "native" / FILE_NAME)
    if (packed := packed_folder()) is not None:
        places.insert(0, packed / FILE_NAME)
    for path in places:
        if path.is_file():
            return Library(path)
    if ON_ANDROID:
        return Library(Path(FILE_NAME))
    raise EngineMissingError(
        "the native engine needs its library: `make native` in a checkout of headfit, or "
        "pip install the wheel of headfit-native that was made there"
    )


def packed_folder() -> Path | None:
    """Return where headfit-native is installed, None where it is not."""
    package = find_spec("headfit_native")
    if package is None or not package.submodule_search_locations:
        return None
    return Path(package.submodule_search_locations[0])
