"""What the window is given."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import headfit_demo
from headfit_demo.window import ICON

PACKAGE = Path(headfit_demo.__file__).parent


def test_the_icon_goes_into_the_package() -> None:
    """A square; that the window has it is seen in test_real_input."""
    with Image.open(ICON) as icon:
        assert icon.size == (512, 512)
        assert icon.mode == "RGBA"
    spec = (PACKAGE.parent / "buildozer.spec").read_text()
    assert f"icon.filename = %(source.dir)s/{ICON.relative_to(PACKAGE.parent)}" in spec
