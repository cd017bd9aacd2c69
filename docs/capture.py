"""Draws docs/demo.svg, the picture of the demo in the README: ``python docs/capture.py``.

Runs the demo for real and records what it prints.
"""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from headfit.commands import demo

PICTURE = Path(__file__).with_name("demo.svg")


def main() -> None:
    """Run the demo on a recording console and write the picture."""
    console = Console(
        record=True, width=92, file=io.StringIO(), highlight=False, color_system="truecolor"
    )
    demo.run(Path("build/demo"), console)
    svg = console.export_svg(title="make demo", unique_id="headfit")
    # rich links to web fonts; a picture in a README should fetch nothing.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    PICTURE.write_text(svg.replace("Fira Code, monospace", "monospace"), encoding="utf-8")


if __name__ == "__main__":
    main()
