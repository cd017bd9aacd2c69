"""Videos made of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from headfit_demo.session import PickedFile

RATE = 10.0


def film(path: Path, pictures: list[Any], seconds_each: float) -> PickedFile:
    """Make a video of pictures that stay for some seconds each."""
    height, width = pictures[0].shape[:2]
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), RATE, (width, height))
    for picture in pictures:
        for _ in range(round(seconds_each * RATE)):
            writer.write(np.ascontiguousarray(picture[..., ::-1]))
    writer.release()
    return PickedFile(path.name, path)


def turned(file: PickedFile) -> PickedFile:
    """Say in an MP4 that it was filmed by a phone that was turned to the left, as phones do."""
    one, none = (1 << 16).to_bytes(4, "big"), bytes(4)
    end = none + none + (1 << 30).to_bytes(4, "big")
    upright = one + none + none + none + one + none + end
    to_the_right = none + one + none + (-1 << 16).to_bytes(4, "big", signed=True) + none + none
    assert isinstance(file.content, Path)
    data = file.content.read_bytes()
    place = data.index(upright, data.index(b"tkhd"))
    file.content.write_bytes(data[:place] + to_the_right + end + data[place + len(upright) :])
    return file
