"""The small pictures of the project that is shown, as textures."""

from __future__ import annotations

from typing import Any, Final

from headfit_demo.session import PhotoView, ProjectView
from headfit_demo.widgets import jpeg_texture

MOST: Final = 600
"""So many are held besides those on the screen, 16 MB of them."""


class Thumbnails:
    """Textures of photos by what they are called in the store."""

    def __init__(self) -> None:
        self._textures: dict[tuple[str, int], Any] = {}

    def of(self, project: ProjectView | None, photo: PhotoView) -> Any:
        """Return the texture of a photo of a project, or None."""
        if project is None:  # cards of the last project are drawn until another is shown
            return None
        key = (project.key, photo.example_id)
        if key not in self._textures and photo.thumbnail is not None:
            if len(self._textures) >= MOST:  # what is on the screen holds its own
                self.clear()
            self._textures[key] = jpeg_texture(photo.thumbnail)
        return self._textures.get(key)

    def clear(self) -> None:
        """Hold none any more."""
        self._textures.clear()
