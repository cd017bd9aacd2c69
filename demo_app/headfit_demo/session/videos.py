"""Videos that the user chose: their frames are photos."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from headfit import ImageError
from headfit_demo.session.errors import UnreadableFileError
from headfit_demo.session.folders import Things
from headfit_demo.session.photos import Photo, PickedFile, Pixels, VideoFrame, may_be_read
from headfit_demo.session.states import Refused

VIDEO_ENDINGS: Final = frozenset(
    {".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".mpeg", ".webm", ".wmv"}
)
"""How names of files end that are taken for videos."""

EVERY_S: Final = 0.5
"""So far apart frames are taken, but no more than `MOST_FRAMES`, which are further apart then."""

MOST_FRAMES: Final = 100

MOMENT_S: Final = 0.1
"""So long at most what comes before a frame is decoded before others have their turn."""


class Video:
    """A video, of which frames are decoded when they are wanted; any threads may want them.

    Parameters
    ----------
    file : PickedFile
        With a path.

    Raises
    ------
    ImageError, FileNotFoundError, UnreadableFileError
        If it cannot be read.
    """

    def __init__(self, file: PickedFile) -> None:
        import cv2

        self._file = file
        self._lock = threading.Lock()
        self._capture = self._opened()
        n_all = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        if n_all < 1 or not 0 < rate < 1000:
            raise self._unreadable("one that says how long it is")
        self._rate = float(rate)
        n_taken = min(max(round(n_all / rate / EVERY_S), 1), MOST_FRAMES)
        self._places = [(2 * number + 1) * n_all // (2 * n_taken) for number in range(n_taken)]
        self._begin(0)

    def frames(self) -> list[VideoFrame]:
        """Return the frames that are taken, in order."""
        return [
            VideoFrame(
                f"{self._file.name} {_clock(place / self._rate)}",
                partial(self.read, number),
                partial(self.approach, number),
            )
            for number, place in enumerate(self._places)
        ]

    def read(self, number: int) -> Pixels:
        """Return the pixels of a frame that is taken.

        Raises
        ------
        ImageError
            If it cannot be read.
        """
        with self._lock:
            self._go_back(number)
            while number not in self._read:
                self._read[self._number] = self._next(self._places[self._number])
                self._number += 1
            if self._number == len(self._places):
                self._capture.release()  # one of 4K takes 150 MB
            return self._read.pop(number)

    def approach(self, number: int) -> bool:
        """Decode for a moment what comes before a frame that is taken.

        Returns
        -------
        bool
            Whether `read` takes no longer than for one frame now, or says why it cannot be read.
        """
        with self._lock:
            try:
                self._go_back(number)
            except (ImageError, UnreadableFileError, OSError):
                return True
            ends = time.monotonic() + MOMENT_S
            while number == self._number and self._place < self._places[number]:
                if not self._capture.grab():
                    return True
                self._place += 1
                if time.monotonic() >= ends:
                    return self._place == self._places[number]
            return True

    def _go_back(self, number: int) -> None:
        """Begin anew if a frame has gone by."""
        if number not in self._read and number < self._number:
            self._capture = self._opened()
            self._begin(number)

    def _begin(self, number: int) -> None:
        """Read from the beginning on, and keep what is taken from a frame on."""
        self._place, self._number = 0, number
        self._read: dict[int, Pixels] = {}  # by threads that came before their turn

    def _next(self, place: int) -> Pixels:
        while self._place <= place:
            if not self._capture.grab():
                raise self._unreadable("a whole one")
            self._place += 1
        is_read, picture = self._capture.retrieve()
        if not is_read:
            raise self._unreadable("a whole one")
        return np.ascontiguousarray(picture[..., ::-1])

    def _opened(self) -> Any:
        import cv2

        cv2.setLogLevel(0)  # that it cannot be read is ours to say
        assert isinstance(self._file.content, Path)
        with may_be_read(self._file):
            if not stat.S_ISREG(self._file.content.stat().st_mode):  # a pipe would never end
                raise self._unreadable("a file")
            with self._file.content.open("rb") as stream:
                capture = cv2.VideoCapture(_readable_path(self._file.content, stream.fileno()))
        if not capture.isOpened():
            raise self._unreadable("one that can be opened")
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # phones film lying, and say how it is turned
        return capture

    def _unreadable(self, expected: str) -> ImageError:
        return ImageError(f"{self._file.name}: expected a video, {expected}; save it as MP4")


def is_video(photo: Photo) -> bool:
    """Return whether a file is taken for a video, by its name; phones give none."""
    return (
        isinstance(photo, PickedFile)
        and isinstance(photo.content, Path)
        and photo.content.suffix.lower() in VIDEO_ENDINGS
    )


def things_in(class_name: str, photos: Sequence[Photo]) -> Things:
    """Return photos of a thing, and in place of each video its frames."""
    found: list[Photo] = []
    refused: list[Refused] = []
    for photo in photos:
        if isinstance(photo, PickedFile) and is_video(photo):
            try:
                found += Video(photo).frames()
            except (ImageError, UnreadableFileError, OSError) as error:
                refused.append(Refused(photo.name, error))
        else:
            found.append(photo)
    return Things({class_name: found}, refused=tuple(refused))


def _readable_path(path: Path, number: int) -> str:
    """Return the path of an open file, or of its number: other names than UTF-8 crash OpenCV."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return f"/dev/fd/{number}"
    return str(path)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
