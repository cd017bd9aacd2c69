"""Pictures as textures of the graphics card; main thread only."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from kivy.graphics.texture import Texture
from PIL import Image

from headfit_demo.session import Pixels


def frame_texture(frame: Pixels) -> Texture:
    """Return pixels as a texture."""
    height, width = frame.shape[:2]
    return _texture((width, height), frame.tobytes(), "rgb")


def jpeg_texture(jpeg: bytes) -> Texture:
    """Return the square middle of a thumbnail as a texture."""
    with Image.open(BytesIO(jpeg)) as picture:  # Kivy's own loader imports every format first
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.convert("RGB").crop((left, top, left + side, top + side))
        return frame_texture(np.asarray(square))


def cover_texture(cover: Image.Image) -> Texture:
    """Return white, as opaque as a grey picture is bright."""
    white = Image.new("L", cover.size, 255)
    return _texture(cover.size, Image.merge("RGBA", (white, white, white, cover)).tobytes(), "rgba")


def _texture(size: tuple[int, int], content: bytes, colours: str) -> Texture:
    """Return a texture of bytes that come row by row from above."""
    texture = Texture.create(size, colours)
    texture.blit_buffer(content, colorfmt=colours)
    texture.flip_vertical()
    return texture
