"""The site that `make docs` builds out of docs/."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

from headfit import __version__

ROOT = Path(__file__).parents[2]
_ON_THE_SITE = {".csv", ".ipynb", ".md", ".png", ".svg", ".webp"}
SOURCES = f"https://github.com/headfit/headfit/blob/v{__version__}"

project = "headfit"
author = "the authors of headfit"
project_copyright = "the authors of headfit, Apache-2.0"
version = release = __version__
root_doc = "index"
exclude_patterns = ["README.md"]  # what leads through the pages where there is no site
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_click",
]
html_theme = "furo"
html_title = f"headfit {__version__}"
html_copy_source = False
myst_heading_anchors = 4
nb_execution_mode = "off"  # `make notebooks` runs them; what they showed is in them
nb_ipywidgets_js = {}  # nothing is loaded from elsewhere
myst_enable_extensions = ["colon_fence"]
numpydoc_show_class_members = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # numpydoc's sections have types, with shapes and units
nitpicky = False
highlight_language = "text"  # what a block is that does not say: commands above all


def _led(text: str, folder: Path, pages: Path) -> str:
    """Let relative links of a text that lies in a folder lead to a page, or to the repository."""

    def target(found: re.Match[str]) -> str:
        path, mark, anchor = found[1].partition("#")
        place = (folder / path).resolve()
        if (
            place.is_relative_to(pages)
            and place.suffix in _ON_THE_SITE
            and place.name != "README.md"
        ):
            return f"]({Path(os.path.relpath(place, folder_on_site)).as_posix()}{mark}{anchor})"
        return f"]({SOURCES}/{place.relative_to(ROOT).as_posix()}{mark}{anchor})"

    folder_on_site = folder if folder.is_relative_to(pages) else pages
    return re.sub(r"\]\((?!https?:|mailto:|#)([^)\s]+)\)", target, text)


def _write_page(app: Sphinx, name: str, source: list[str]) -> None:
    """Make the first page of README.md and the lists of docs/README.md; mend links of others."""
    pages = Path(app.srcdir)
    if name != root_doc:
        source[0] = _led(source[0], (pages / name).parent, pages)
        return
    source[0] = _led((ROOT / "README.md").read_text(encoding="utf-8"), ROOT, pages)
    lists = (pages / "README.md").read_text(encoding="utf-8")
    for part in re.split(r"^(?=\w.*:$)", lists, flags=re.MULTILINE)[1:]:
        caption = part.partition(":")[0]
        found = re.findall(r"\]\(([\w/-]+?)(?:\.md|\.ipynb|/)\)", part)
        entries = "\n".join("decisions/*" if page == "decisions" else page for page in found)
        tree = f":hidden:\n:glob:\n:caption: {caption}\n\n{entries}\n"
        source[0] += f"\n```{{toctree}}\n{tree}```\n"


def _is_shown_above(
    app: Sphinx, what: str, name: str, member: object, skip: bool, options: object
) -> bool | None:
    """Show what two doors list at the first of them."""
    if what != "module" or skip or name in _shown:
        return None if what != "module" or skip else _shown[name] is member
    _shown[name] = member
    return None


_shown: dict[str, object] = {}


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _write_page)
    app.connect("autodoc-skip-member", _is_shown_above)
