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
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), RATE, (width, height))
    for picture in pictures:
        for _ in range(round(seconds_each * RATE)):
            writer.write(np.ascontiguousarray(picture[..., ::-1]))
    writer.release()
    return PickedFile(path.name, path)
